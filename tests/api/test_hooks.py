"""The token hook and the refresh hook: what they are told, what their answers do, and that a failure leaves everything as it was."""

import base64
import concurrent.futures
import json
import time

import pytest

from flow_support import Browser, make_web
from webserver import Silence, WebServer

COMPLAINT = "The token hook target responded with an error."
KEY = "the-key-of-the-hook"


class Hook(WebServer):
    """Keeps (path, headers, what was said); `answers`: (status, body) per path, the last one repeats. A body may be a function."""

    def __init__(self):
        self.answers = {}
        super().__init__()

    def answer(self, request, body):
        self.keep((request.path, dict(request.headers), json.loads(body)))
        answers = self.answers.get(request.path, [(204, None)])
        status, said = answers.pop(0) if len(answers) > 1 else answers[0]
        if callable(said):
            said = said()
        return status, said if isinstance(said, bytes) else b"" if said is None else json.dumps(said).encode()

    def says(self, path, *answers):
        self.answers[path], self.seen = list(answers), []


@pytest.fixture(scope="module")
def hook():
    with Hook() as running:
        yield running


@pytest.fixture(scope="module")
def server(tmp_path_factory, hook):
    from harness import Server
    running = Server(tmp_path_factory.mktemp("server"), {"oauth2": {
        "token_hook": {"url": hook.url + "/token",
                       "auth": {"type": "api_key", "config": {"in": "cookie", "name": "hook_key", "value": KEY}}},
        "refresh_token_hook": hook.url + "/refresh"}}).start()
    yield running
    running.stop()


@pytest.fixture(autouse=True)
def quiet(hook):
    hook.says("/token", (204, None))
    hook.says("/refresh", (204, None))


def claims(token):
    part = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def session(access=None, id_token=None):
    return {"session": {k: v for k, v in (("access_token", access), ("id_token", id_token)) if v is not None}}


def redeem(server, client, code):
    return server.public.post("/oauth2/token", form={"grant_type": "authorization_code", "code": code, "redirect_uri": client["redirect_uris"][0]},
                              basic=(client["client_id"], client["client_secret"]))


def refresh(server, client, token):
    return server.public.post("/oauth2/token", form={"grant_type": "refresh_token", "refresh_token": token, "scope": "openid"},
                              basic=(client["client_id"], client["client_secret"]))


def test_what_the_token_hook_is_told(server, hook):
    client = make_web(server)
    consent = {"session": {"access_token": {"a": 1}, "id_token": {"b": 2, "sid": "forged"}}, "grant_scope": ["openid", "foo"]}
    code = Browser(server).flow(client, {"acr": "1", "amr": ["pwd"]}, consent, scope="openid foo bar", nonce="nonce-of-test").query["code"]
    assert redeem(server, client, code).status == 200
    (path, headers, body), = hook.seen
    assert path == "/token" and headers["Cookie"] == f"hook_key={KEY}" and headers["Content-Type"].startswith("application/json")
    assert body["request"] == {"client_id": client["client_id"], "requested_scopes": ["openid", "foo", "bar"], "granted_scopes": [],
                               "granted_audience": [], "grant_types": ["authorization_code"],
                               "payload": {"grant_type": ["authorization_code"]}}
    said = body["session"]
    told = said["id_token"]["id_token_claims"]
    assert said["granted_scopes"] == ["openid", "foo"] and said["extra"] == {"a": 1} and said["client_id"] == client["client_id"]
    assert (told["sub"], told["nonce"], told["acr"], told["amr"], told["exp"]) == ("alice", "nonce-of-test", "1", ["pwd"], "0001-01-01T00:00:00Z")
    assert told["ext"]["b"] == 2 and told["ext"]["sid"] != "forged" and said["id_token"]["subject"] == "alice"
    settings = ("exclude_not_before_claim", "allowed_top_level_claims", "mirror_top_level_claims", "preserve_ext_claims")
    assert [said[name] for name in settings] == [False, [], True, False]
    assert "code" not in json.dumps(body["request"]["payload"]).replace("authorization_code", "")


def test_client_credentials(server, hook):
    client = server.create_client(scope="a b", audience=["https://api.example"])
    hook.says("/token", (200, session({"tier": "gold"})))
    answer = server.token(client, scope="a", audience="https://api.example")
    assert server.introspect(answer.json["access_token"])["ext"] == {"tier": "gold"}
    (_, _, body), = hook.seen
    assert body["request"]["granted_scopes"] == ["a"] == body["request"]["requested_scopes"]
    assert body["request"]["granted_audience"] == ["https://api.example"]
    assert body["request"]["payload"] == {"grant_type": ["client_credentials"], "scope": ["a"]}
    told = body["session"]["id_token"]
    assert told["subject"] == client["client_id"]
    assert {name: told["id_token_claims"][name] for name in ("sub", "aud", "rat", "auth_time")} == {
        "sub": "", "aud": None, "rat": "0001-01-01T00:00:00Z", "auth_time": "0001-01-01T00:00:00Z"}, "no ID token, nobody signed in"
    server.token(client)
    assert hook.seen[-1][2]["request"]["requested_scopes"] is None


def test_code_adds_and_changes(server, hook):  # 135
    client = make_web(server)
    hook.says("/token", (200, session({"a": "changed", "new": True}, {"b": "changed", "sid": "forged", "sub": "forged"})))
    tokens = redeem(server, client, Browser(server).flow(client, {}, {"session": {"access_token": {"a": 1, "k": 0}, "id_token": {"b": 2, "k": 0}}}).query["code"]).json
    said = claims(tokens["id_token"])
    assert (said["b"], said["k"], said["sub"]) == ("changed", 0, "alice") and said["sid"] != "forged"
    assert server.introspect(tokens["access_token"])["ext"] == {"a": "changed", "k": 0, "new": True}


def test_refresh_replaces_and_persists(server, hook):
    client = make_web(server)
    tokens = Browser(server).sign_in(client, {}, {"session": {"access_token": {"a": 1}, "id_token": {"b": 2}}})
    sid = claims(tokens["id_token"])["sid"]
    hook.says("/refresh", (200, session({"r": 1}, {"ri": 1})))
    second = refresh(server, client, tokens["refresh_token"]).json
    assert [path for path, _, _ in hook.seen] == ["/refresh", "/token"], "the refresh hook comes first"
    asked, then = hook.seen[0][2], hook.seen[1][2]
    assert asked["subject"] == "alice" and asked["session"]["extra"] == {"a": 1} and asked["client_id"] == client["client_id"]
    assert asked["requester"] == {"client_id": client["client_id"], "granted_scopes": ["openid", "offline", "foo"], "granted_audience": [],
                                  "grant_types": ["refresh_token"]}
    assert then["session"]["extra"] == {"r": 1}, "the token hook sees what the refresh hook said"
    assert then["request"]["granted_scopes"] == ["openid", "offline", "foo"]
    said = claims(second["id_token"])
    assert said["ri"] == 1 and "b" not in said and said["sid"] == sid
    assert server.introspect(second["access_token"])["ext"] == {"r": 1}

    hook.says("/refresh", (204, None))
    third = refresh(server, client, second["refresh_token"]).json
    assert server.introspect(third["access_token"])["ext"] == {"r": 1} and claims(third["id_token"])["ri"] == 1
    hook.says("/refresh", (200, {}))
    fourth = refresh(server, client, third["refresh_token"]).json
    assert "ext" not in server.introspect(fourth["access_token"]) and claims(fourth["id_token"])["sid"] == sid


@pytest.mark.parametrize("status, body", [(400, None), (404, {}), (201, {}), (200, b""), (200, b"nope"), (200, b"[]"), (200, b"null"),
                                          (200, {"session": 1}), (200, {"session": {"access_token": []}}), (501, None),
                                          (200, {"session": {"id_token": "x"}}), (200, b'{"session":' + b"[" * 100 + b"]" * 100 + b"}")])
def test_failures_change_nothing(server, hook, status, body):  # 135, 136
    client = make_web(server)
    code = Browser(server).flow(client).query["code"]
    hook.says("/token", (status, body), (204, None))
    answer = redeem(server, client, code)
    assert answer.status == 500 and answer.json == {"error": "server_error", "error_description": COMPLAINT}
    tokens = redeem(server, client, code)
    assert tokens.status == 200
    hook.says("/token", (204, None))
    hook.says("/refresh", (status, body), (204, None))
    answer = refresh(server, client, tokens.json["refresh_token"])
    assert answer.status == 500 and answer.json["error"] == "server_error"
    assert refresh(server, client, tokens.json["refresh_token"]).status == 200


def test_denied(server, hook):
    client = make_web(server)
    tokens = Browser(server).sign_in(client)
    hook.says("/refresh", (403, {"session": {}}), (204, None))
    answer = refresh(server, client, tokens["refresh_token"])
    assert answer.status == 403 and answer.json["error"] == "access_denied" and answer.json["error_description"].startswith(COMPLAINT)
    assert refresh(server, client, tokens["refresh_token"]).status == 200


def test_refused_requests_reach_no_hook(server, hook):
    client = make_web(server)
    hook.says("/token", (204, None))
    assert redeem(server, client, "made-up").status == 400
    assert server.token({**client, "client_secret": "wrong"}).status == 401
    assert hook.seen == []


def test_retries_when_the_hook_is_unwell(server, hook):
    hook.says("/token", (503, None), (204, None))
    assert server.token(server.create_client()).status == 200
    assert len(hook.seen) == 2


def test_nobody_there_and_too_slow(make_server, hook):
    server = make_server({"oauth2": {"token_hook": "http://127.0.0.1:1/none"}})
    answer = server.token(server.create_client())
    assert answer.status == 500 and answer.json == {"error": "server_error", "error_description": COMPLAINT}
    assert KEY not in server.log


def test_a_slow_hook_holds_up_nobody_else(server, hook):
    client, silence = server.create_client(), Silence(None)
    hook.says("/token", (204, silence))
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(server.token, client)
        assert hook.wait(1)
        assert server.public.get("/health/alive").status == 200 and server.admin.get("/admin/clients").status == 200
        silence.end()
        assert waiting.result().status == 200


def test_too_large_an_answer(server, hook):
    hook.says("/token", (200, b'{"session":{"access_token":{"x":"' + b"x" * (6 << 20) + b'"}}}'))
    answer = server.token(server.create_client())
    assert (answer.status, answer.json["error"]) == (500, "server_error")
