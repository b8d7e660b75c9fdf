"""The lines of the admin checklist that no other file has a test for; tests/check/checklist knows where the others are."""

import time
import uuid

import pytest

from flow_support import Browser, accept, make_web
from tokens_support import redeem, unpack

TRUST = "/admin/trust/grants/jwt-bearer/issuers"
CLIENTS = "/admin/clients"
BOTH = pytest.mark.parametrize("base", ["/admin/clients", "/clients"])
REQUESTS = pytest.mark.parametrize("base", ["/admin/oauth2/auth/requests", "/oauth2/auth/requests"])


def test_unknown_route(server):  # 1, 2
    for path in ("/admin/nothing", "/nothing", "/admin"):
        assert server.admin.get(path).status == 404
    answer = server.admin.get("/admin/nothing", headers={"Accept": "application/json"})
    assert answer.status == 404 and answer.headers["Content-Type"] == "application/json"
    assert (answer.json["error"]["code"], answer.json["error"]["message"]) == (404, "Not Found") and list(answer.json) == ["error"]


def test_slash(server):  # 3, 4
    answer = server.admin.get("/admin/clients/")
    assert answer.status == 200 and isinstance(answer.json, list)
    answer = server.admin.get("/clients/")
    assert answer.status == 301 and answer.headers["Location"].endswith("/clients")
    for method, status in (("GET", 301), ("POST", 307)):  # a base URL that ends in a slash
        answer = server.admin.request(method, "//clients?limit=1", body=b"{}")
        assert (answer.status, answer.headers["Location"]) == (status, "/clients?limit=1")
    for path in ("//admin/clients", "//nothing"):
        assert server.admin.get(path).status == 404


def test_wrong_method(server):  # 5, 6
    answer = server.admin.put("/clients", json={})
    assert answer.status == 405 and {"GET", "POST"} <= {m.strip() for m in answer.headers["Allow"].split(",")}
    assert server.admin.put("/admin/clients", json={}).status in (404, 405)


@BOTH
def test_bearer_is_ignored(server, base):  # 10
    assert server.admin.get(base, bearer="x").status == 200


def test_no_cache(server):  # 11
    client = server.create_client()
    server.public.get("/.well-known/jwks.json")  # makes the sets
    for path in ("/admin/clients", "/admin/clients/" + client["client_id"], "/admin/keys/hydra.openid.id-token",
                 "/admin/oauth2/auth/sessions/consent?subject=x", TRUST):
        answer = server.admin.get(path)
        assert answer.status == 200 and "no-store" in answer.headers["Cache-Control"], path


@BOTH
def test_types(server, base):  # 12, 13, 14, 20
    answer = server.admin.post(base, json={})
    assert answer.status == 201 and answer.headers["Content-Type"] == "application/json; charset=utf-8"
    path = f"{base}/{answer.json['client_id']}"
    shown = server.admin.get(path, headers={"If-None-Match": "*", "If-Modified-Since": "Sat, 01 Jan 2028 00:00:00 GMT"})
    assert shown.status == 200 and "ETag" not in shown.headers
    assert {"error", "error_description"} <= set(server.admin.post(base, body=b"{").json)
    gone = server.admin.delete(path)
    assert (gone.status, gone.body) == (204, b"")


def test_not_on_the_public_listener(server):  # 15
    for method, path in (("GET", "/admin/clients"), ("GET", "/clients"), ("POST", "/admin/oauth2/introspect"), ("POST", "/oauth2/introspect"),
                         ("GET", "/admin/keys/hydra.openid.id-token"), ("DELETE", "/admin/oauth2/tokens"), ("GET", TRUST),
                         ("GET", "/admin/oauth2/auth/requests/login"), ("DELETE", "/admin/oauth2/auth/sessions/login"), ("GET", "/version")):
        assert server.public.request(method, path).status == 404, path


@REQUESTS
def test_session_claims(server, base):  # 124, 125
    web, b = make_web(server), Browser(server)
    said = {"grant_scope": ["openid"], "session": {"id_token": {"email": "a@example.test"}, "access_token": {"role": "admin", "sub": "other"}}}
    tokens = redeem(server, web, b.get(accept(server, "consent", b.to_consent(web), said, base)).query["code"]).json
    assert unpack(tokens["id_token"])[1]["email"] == "a@example.test"
    for path in ("/admin/oauth2/introspect", "/oauth2/introspect"):
        shown = server.admin.post(path, form={"token": tokens["access_token"]}).json
        assert (shown["ext"], shown["sub"]) == (said["session"]["access_token"], "alice")


def test_consent_verifier_twice(server):  # 127
    web, b = make_web(server), Browser(server)
    back = accept(server, "consent", b.to_consent(web), {"grant_scope": ["foo"]})
    assert b.get(back).query["code"]
    assert b.get(back).query["error"] == "access_denied"


@REQUESTS
def test_verifier_in_another_browser(server, base):  # 134
    web, b = make_web(server), Browser(server)
    back = accept(server, "login", b.to_login(web), {"subject": "alice"}, base)
    assert Browser(server).get(back).query["error"] == "request_forbidden"
    back = accept(server, "consent", b.get(back).query["consent_challenge"], {}, base)
    assert Browser(server).get(back).query["error"] == "request_forbidden"
    assert b.get(back).query["code"]


# ---- trusted issuers ----

@pytest.fixture(scope="module")
def key(server):
    made = server.admin.post("/admin/keys/checklist-trust", json={"alg": "ES256", "use": "sig", "kid": uuid.uuid4().hex})
    return {k: v for k, v in made.json["keys"][0].items() if k != "d"}


def trust(key, **changes):
    until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))
    body = {"issuer": "https://issuer.example", "subject": uuid.uuid4().hex, "scope": ["a"], "jwk": key, "expires_at": until, **changes}
    return {k: v for k, v in body.items() if v is not None}


def test_trust(server, key):  # 152
    answer = server.admin.post(TRUST, json=trust(key))
    assert answer.status == 201, answer
    assert {"id", "issuer", "subject", "allow_any_subject", "scope", "public_key", "created_at", "expires_at"} == set(answer.json)
    assert server.admin.get(f"{TRUST}/{answer.json['id']}").json == answer.json
    assert answer.json["public_key"] == {"set": "https://issuer.example", "kid": key["kid"]}
    for missing in ("issuer", "subject", "jwk", "expires_at"):  # without a scope nothing can be asked for: no error
        refused = server.admin.post(TRUST, json=trust(key, **{missing: None}))
        assert (refused.status, refused.json["error"]) == (400, "missing_required_parameter"), missing
    for empty in ({"issuer": ""}, {"subject": ""}, {"allow_any_subject": True}, {"jwk": {}}, {"expires_at": "0001-01-01T00:00:00Z"}):
        refused = server.admin.post(TRUST, json=trust(key, **empty))
        assert (refused.status, refused.json["error"]) == (400, "missing_required_parameter"), empty


def test_scope_of_a_trust(server, key):
    """As it was given in the answer that creates it; afterwards a list."""
    for given, shown in ((["a", "b"], ["a", "b"]), ([], []), (None, None)):
        answer = server.admin.post(TRUST, json=trust(key, scope=given))
        assert (answer.status, answer.json["scope"]) == (201, shown), answer
        assert server.admin.get(f"{TRUST}/{answer.json['id']}").json["scope"] == (shown or [])
    for bad in ("a", [1], [None], [""]):
        assert server.admin.post(TRUST, json=trust(key, scope=bad)).status == 400, bad


def test_trust_errors(server, key):  # 153
    body = trust(key)
    assert server.admin.post(TRUST, json=body).status == 201
    assert server.admin.post(TRUST, json=body).status == 409
    for answer in (server.admin.get(TRUST + "/no-uuid"), server.admin.delete(TRUST + "/no-uuid")):
        assert answer.status == 400 and answer.json["error_description"].startswith("Unable to parse parameter id: ")
    assert server.admin.get(f"{TRUST}/{uuid.uuid4()}").status == 404
    assert server.admin.delete(f"{TRUST}/{uuid.uuid4()}").status == 404


def test_trusts_that_share_a_key(server, key):  # 154
    one, two = (server.admin.post(TRUST, json=trust(key)).json["id"] for _ in range(2))
    assert server.admin.delete(f"{TRUST}/{one}").status == 204
    assert server.admin.get(f"{TRUST}/{two}").status == 200
    assert server.admin.get(f"/admin/keys/https%3A%2F%2Fissuer.example/{key['kid']}").status == 200


# ---- clients ----

@BOTH
def test_client_values(server, base):  # 37, 39, 41, 52
    post = lambda **members: server.admin.post(base, json=members)  # noqa: E731
    assert post(redirect_uris=["com.app:/cb"]).status == 201
    keys = {"keys": [{"kty": "EC", "crv": "P-256", "kid": "k", "use": "sig", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
                      "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}
    by_key = {"token_endpoint_auth_method": "private_key_jwt", "jwks": keys}
    assert post(**by_key, token_endpoint_auth_signing_alg="ES256").status == 201
    for bad in ({"allowed_cors_origins": ["https://x/path"]}, {**by_key, "token_endpoint_auth_signing_alg": "HS256"}):
        answer = post(**bad)
        assert (answer.status, answer.json["error"]) == (400, "invalid_client_metadata"), answer
    for lifespan in (3600, "1d", ""):
        assert server.admin.post(CLIENTS, json={"implicit_grant_access_token_lifespan": lifespan}).status == 400, lifespan


def test_lifespans_are_of_the_newer_api(server):  # 62, 63
    names = lambda client: {name for name in client if name.endswith("_lifespan")}  # noqa: E731
    new, old = (server.admin.post(base, json={}).json for base in (CLIENTS, "/clients"))
    assert len(names(new)) == 13 and {new[name] for name in names(new)} == {None} and names(old) == set()


def test_page_sizes(make_server):  # 67, 75
    """As the API description has them: 250 and at most 1000; 100 and at most 500 with `limit`."""
    server = make_server()
    with server.admin.connection() as c:
        for n in range(1001):
            assert c.post(CLIENTS, json={"client_id": f"c{n:04}", "token_endpoint_auth_method": "none"}).status == 201
    for path, size in ((CLIENTS, 250), (CLIENTS + "?page_size=0", 250), (CLIENTS + "?page_size=100000", 1000), ("/clients", 100),
                       ("/clients?limit=abc", 100), ("/clients?limit=1000", 500)):
        assert len(server.admin.get(path).json) == size, path


def test_patch_of_what_is_not_set(server):  # 82
    client = server.admin.post(CLIENTS, json={}).json
    patch = [{"op": "replace", "path": f"/{name}", "value": value} for name, value in (
        ("tos_uri", "https://a.example/"), ("jwks_uri", "https://a.example/keys"), ("contacts", ["a"]), ("implicit_grant_id_token_lifespan", "1h"))]
    answer = server.admin.patch(f"{CLIENTS}/{client['client_id']}", json=patch)
    assert answer.status == 200, answer
    assert (answer.json["tos_uri"], answer.json["jwks_uri"], answer.json["contacts"], answer.json["implicit_grant_id_token_lifespan"]) == (
        "https://a.example/", "https://a.example/keys", ["a"], "1h0m0s")


def test_consents_go_with_their_client(server):  # 101
    client = make_web(server)
    tokens = Browser(server).sign_in(client, {"subject": "goes-with-the-client"}, {"remember": True})
    listed = lambda: server.admin.get("/admin/oauth2/auth/sessions/consent", query={"subject": "goes-with-the-client"}).json  # noqa: E731
    assert len(listed()) == 1
    assert server.admin.delete(f"{CLIENTS}/{client['client_id']}").status == 204
    assert listed() == [] and not server.introspect(tokens["access_token"])["active"]
