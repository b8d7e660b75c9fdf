"""Introspection, deleting a client's tokens, flush, health, version and metrics, in both generations of the admin API."""

import time

import pytest

from flow_support import Browser, make_web

C, V1 = "/admin/oauth2/introspect", "/oauth2/introspect"
BOTH = pytest.mark.parametrize("path", [C, V1])
INACTIVE = {"active": False}


def ask(server, path, **form):
    return server.admin.post(path, form=form)


@BOTH
def test_members(server, path):
    client = server.create_client(scope="a b", audience=["urn:api"])
    now = int(time.time())
    token = server.access_token(client, scope="a b", audience="urn:api")
    answer = ask(server, path, token=token)
    assert answer.status == 200 and answer.headers["Content-Type"].lower().replace(" ", "") == "application/json;charset=utf-8"
    assert "no-store" in answer.headers["Cache-Control"]
    said = answer.json
    assert abs(said["iat"] - now) <= 2 and said["nbf"] == said["iat"] and said["exp"] == said["iat"] + 3600
    assert {k: v for k, v in said.items() if k not in ("iat", "nbf", "exp")} == {
        "active": True, "scope": "a b", "client_id": client["client_id"], "sub": client["client_id"], "aud": ["urn:api"],
        "iss": server.public.url + ("/" if path == V1 else ""), "token_type": "Bearer", "token_use": "access_token"}  # 149


@BOTH
@pytest.mark.parametrize("token", ["", "made-up", "a.b.c", "ory_at_" + "a" * 43 + "." + "b" * 43, "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.",
                                   "x" * 200000, "ory_at_\u00fc.\u0000"])
def test_inactive(server, path, token):  # 145
    answer = ask(server, path, token=token, x="y")
    assert (answer.status, answer.json) == (200, INACTIVE), answer
    assert "no-store" in answer.headers["Cache-Control"] and answer.headers["Pragma"] == "no-cache"


@BOTH
def test_what_is_no_token(server, path):  # 145
    web, b = make_web(server), Browser(server)
    for other in (b.flow(web).query["code"], b.sign_in(web)["id_token"]):
        answer = ask(server, path, token=other)
        assert (answer.status, answer.json) == (200, INACTIVE), answer


@BOTH
def test_empty_body(server, path):  # 148
    for more in ({}, {"json": {"token": "x"}}, {"query": {"token": "x"}}):
        answer = server.admin.post(path, **more)
        assert answer.status == 400 and answer.json["error"] == "invalid_request", answer


@BOTH
def test_scope(server, path):  # 146
    token = server.access_token(server.create_client(scope="a docs.*"), scope="a docs.*")
    for scope, active in [("", True), ("a", True), ("a docs.read", True), ("b", False), ("a b", False), ("docs", False)]:
        assert ask(server, path, token=token, scope=scope).json["active"] is active, scope


@BOTH
def test_hints_do_not_hide(server, path):  # 147
    tokens = Browser(server).sign_in(make_web(server))
    for kind in ("access_token", "refresh_token"):
        for hint in ("access_token", "refresh_token", "nonsense"):
            assert ask(server, path, token=tokens[kind], token_type_hint=hint).json["token_use"] == kind


def test_multipart(server):
    token = server.access_token(server.create_client())
    body = f'--b\r\nContent-Disposition: form-data; name="token"\r\n\r\n{token}\r\n--b--\r\n'
    answer = server.admin.post(C, body=body, headers={"Content-Type": "multipart/form-data; boundary=b"})
    assert answer.json["active"] is True


def test_credentials_are_ignored(server):
    token = server.access_token(server.create_client())
    assert server.admin.post(C, form={"token": token}, basic=("x", "y")).json["active"] is True


def test_only_there(server):
    for method, listener, path in [("GET", server.admin, C), ("PUT", server.admin, C), ("POST", server.public, C),
                                   ("POST", server.public, V1)]:
        assert listener.request(method, path, form={"token": "x"}).status == 404


def test_dies_with_its_client(server):
    client = server.create_client()
    token = server.access_token(client)
    assert server.admin.delete(f"/admin/clients/{client['client_id']}").status == 204
    assert server.introspect(token) == INACTIVE
    again = server.create_client(client_id=client["client_id"], client_secret="another-secret")
    assert server.introspect(server.access_token(again))["active"] is True


@pytest.mark.parametrize("path", ["/admin/oauth2/tokens", "/oauth2/tokens"])
@pytest.mark.parametrize("strategy", ["opaque", "jwt"])
def test_delete_by_client(server, path, strategy):  # 150
    client, other = (server.create_client(access_token_strategy=strategy) for _ in range(2))
    old, foreign = server.access_token(client), server.access_token(other)
    answer = server.admin.delete(path, query={"client_id": client["client_id"]})
    assert (answer.status, answer.body) == (204, b"")
    new = server.access_token(client)  # in the same second
    assert [server.introspect(t)["active"] for t in (old, foreign, new)] == [False, True, True]


@pytest.mark.parametrize("path", ["/admin/oauth2/tokens", "/oauth2/tokens"])
def test_refresh_tokens_outlive_it(server, path):  # 150
    web = make_web(server)
    tokens = Browser(server).sign_in(web)
    assert server.admin.delete(path, query={"client_id": web["client_id"]}).status == 204
    assert [server.introspect(tokens[kind])["active"] for kind in ("access_token", "refresh_token")] == [False, True]
    answer = server.public.post("/oauth2/token", form={"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]},
                                basic=(web["client_id"], web["client_secret"]))
    assert answer.status == 200 and server.introspect(answer.json["access_token"])["active"] is True


@pytest.mark.parametrize("path", ["/admin/oauth2/tokens", "/oauth2/tokens"])
def test_delete_refusals(server, path):  # 150
    for query in ({}, {"client_id": ""}):
        answer = server.admin.delete(path, query=query)
        assert answer.status == 400 and answer.json["error"] == "invalid_request", answer
    for unknown in ("nobody", "x" * 1000):
        assert server.admin.delete(path, query={"client_id": unknown}).status == 204


def test_flush(server):  # 151
    token = server.access_token(server.create_client())
    for body in ("{}", "null", '{"notAfter":"2030-01-01T00:00:00Z"}', '{"notAfter":"2020-01-01T00:00:00+02:00"}'):
        answer = server.admin.post("/oauth2/flush", body=body)
        assert (answer.status, answer.body) == (204, b""), answer
    for body in ("", "nonsense", "[]", '{"notAfter":5}', '{"notAfter":"yesterday"}'):
        assert server.admin.post("/oauth2/flush", body=body).status == 400
    assert server.admin.post("/admin/oauth2/flush", body="{}").status == 404
    assert server.introspect(token)["active"] is True


@pytest.mark.parametrize("prefix", ["", "/admin"])
def test_health_and_version(server, prefix):  # 162, 163
    for path in ("/health/alive", "/health/ready"):
        answer = server.admin.get(prefix + path)
        assert (answer.status, answer.json) == (200, {"status": "ok"})
    answer = server.admin.get(prefix + "/version")
    assert answer.status == 200 and list(answer.json) == ["version"] and answer.json["version"].startswith("v")


def test_health_on_public(server):
    assert server.public.get("/health/ready").json == {"status": "ok"}
    for path in ("/version", "/metrics/prometheus", "/admin/metrics/prometheus", "/admin/health/alive"):
        assert server.public.get(path).status == 404, path


def test_metrics(server):  # 164
    server.admin.get("/admin/clients/nobody")
    for path in ("/metrics/prometheus", "/admin/metrics/prometheus"):
        answer = server.admin.get(path, headers={"Accept": "application/json"})
        assert answer.status == 200 and answer.headers["Content-Type"].startswith("text/plain"), answer
        for family in ("http_requests_total counter", "http_requests_duration_seconds histogram", "http_response_time_seconds histogram",
                       "http_requests_size_bytes histogram", "http_response_size_bytes histogram", "http_requests_statuses_total counter",
                       "hydra_response_time_seconds histogram", "process_cpu_seconds_total counter"):
            assert f"# TYPE {family}\n" in answer.text, family
        assert 'method="get"' in answer.text and 'endpoint="/admin/clients/{param}"' in answer.text
