"""Cross-origin requests of a client's own origins. Numbers in comments are the behaviours that deployed clients rely on."""

SPA, SHOP, EVIL = "https://spa.example", "https://a.shop.example", "https://evil.example"
ALLOWED = "Access-Control-Allow-Origin"


def cors_server(make_server):
    server = make_server({"serve": {"public": {"cors": {"enabled": True, "allowed_origins": ["https://global.example"]}}}})
    server.admin.post("/admin/clients", json={"client_id": "spa", "client_secret": "spa-secret", "grant_types": ["client_credentials"],
                                              "allowed_cors_origins": [SPA, "https://*.shop.example"]})
    return server


def preflight(server, origin, path="/oauth2/token"):
    return server.public.request("OPTIONS", path, headers={
        "Origin": origin, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "Authorization"})


def test_preflight_of_a_clients_origin(make_server):
    server = cors_server(make_server)
    for origin in (SPA, SHOP, "https://global.example"):
        answer = preflight(server, origin)
        assert answer.status == 204 and answer.headers[ALLOWED] == origin, origin
    assert ALLOWED not in preflight(server, EVIL).headers
    assert ALLOWED not in preflight(server, SPA, "/oauth2/auth").headers


def test_request_of_a_clients_origin(make_server):  # 21
    server = cors_server(make_server)
    for origin, expected in ((SPA, SPA), (SHOP, SHOP), (EVIL, None)):
        answer = server.public.post("/oauth2/token", form={"grant_type": "client_credentials"}, basic=("spa", "spa-secret"),
                                    headers={"Origin": origin})
        assert answer.status == 200 and answer.headers.get(ALLOWED) == expected, origin


def test_origins_go_with_the_client(make_server):
    server = cors_server(make_server)
    server.admin.request("DELETE", "/admin/clients/spa")
    assert ALLOWED not in preflight(server, SPA).headers


def test_ignored_origins_are_named(make_server):
    """Whoever writes one does not have to find out why it does nothing."""
    origins = ["https://*.example.com", "https://*", "http://localhost:3000", "http://localhost:*", "https://*.co.uk"]
    cors = {"enabled": True, "allowed_origins": origins}
    server = make_server({"serve": {"public": {"cors": cors}, "admin": {"cors": {**cors, "enabled": False}}}})
    said = [(r["key"], r["origin"]) for r in server.records() if "CORS origin is ignored" in r.get("msg", "")]
    assert said == [("serve.public.cors.allowed_origins", origin) for origin in origins[-2:]]
    assert ALLOWED in server.public.get("/health/alive", headers={"Origin": "http://localhost:3000"}).headers


def test_methods_that_are_not_allowed(make_server):
    """A request with one tells scripts nothing, preflight or not; OPTIONS is how permission is asked for."""
    cors = {"enabled": True, "allowed_origins": [SPA], "allowed_methods": ["GET"]}
    server = make_server({"serve": {"public": {"cors": cors}, "admin": {"cors": cors}}})
    for method, expected in (("GET", SPA), ("DELETE", None), ("HEAD", None), ("OPTIONS", SPA)):
        answer = server.admin.request(method, "/admin/clients/nobody", headers={"Origin": SPA})
        assert answer.headers.get(ALLOWED) == expected and answer.headers["Vary"] == "Origin", method
    for asked, expected in (("GET", SPA), ("PUT", None), ("OPTIONS", SPA)):
        answer = server.admin.options("/admin/clients", headers={"Origin": SPA, "Access-Control-Request-Method": asked})
        assert answer.status == 204 and answer.headers.get(ALLOWED) == expected, asked


def test_preflight_without_origin(make_server):
    """Nobody sends one; whoever does learns nothing."""
    answer = cors_server(make_server).public.options("/oauth2/token", headers={"Access-Control-Request-Method": "POST"})
    assert answer.status == 204 and ALLOWED not in answer.headers and "Origin" in answer.headers["Vary"]


def test_preflight_that_is_passed_on(make_server):
    """The endpoint answers it, with the headers of a preflight."""
    cors = {"enabled": True, "allowed_origins": ["https://global.example"], "options_passthrough": True}
    server = make_server({"serve": {"public": {"cors": cors}}})
    server.create_client(allowed_cors_origins=[SPA])
    for origin in (SPA, "https://global.example"):
        answer = preflight(server, origin)
        assert answer.status == 200 and answer.headers[ALLOWED] == origin and answer.headers["Access-Control-Allow-Methods"] == "POST"
        assert answer.headers["Access-Control-Allow-Headers"] == "Authorization"
    assert ALLOWED not in preflight(server, EVIL).headers
    assert preflight(server, EVIL, "/oauth2/auth").status == 404
