"""The device flow (RFC 8628): the device's request, the person's visits, polling, and what must not work."""

import re
import time
import urllib.parse
from concurrent.futures import ThreadPoolExecutor

import pytest

from flow_support import ADMIN, Browser, accept, decide, get_request

GRANT = "urn:ietf:params:oauth:grant-type:device_code"
VERIFY = "/oauth2/device/verify"
CONFIG = {"oauth2": {"device_authorization": {"token_polling_interval": "1s"}},
          "urls": {"device": {"verification": "http://127.0.0.1:3999/device", "success": "http://127.0.0.1:3999/done?x=1"}}}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    from harness import Server
    running = Server(tmp_path_factory.mktemp("server"), CONFIG).start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def tv(server):
    return make_tv(server)


def make_tv(server, **members):
    return server.create_client(**{"grant_types": [GRANT, "refresh_token"], "scope": "openid offline foo bar",
                                   "audience": ["https://api.example", "https://b.example"], **members})


def pair(client):
    return (client["client_id"], client["client_secret"]) if "client_secret" in client else None


def ask(server, client, **form):
    return server.public.post("/oauth2/device/auth", form={"client_id": client["client_id"], "scope": "openid offline foo", **form}, basic=pair(client))


def start(server, client, **form):
    answer = ask(server, client, **form)
    assert answer.status == 200, answer
    return answer.json


def poll(server, client, code):
    form = {"grant_type": GRANT, "device_code": code}
    return server.public.post("/oauth2/token", form=form if pair(client) else {**form, "client_id": client["client_id"]}, basic=pair(client))


def is_error(answer, error, status=400):
    assert (answer.status, answer.json["error"]) == (status, error), answer


def page(b, **query):
    return b.get(VERIFY, query=query).query["device_challenge"]


def type_code(server, challenge, code):
    return server.admin.put(ADMIN + "/device/accept", query={"device_challenge": challenge}, json={"user_code": code})


def to_login(server, b, user_code, **query):
    typed = type_code(server, page(b, **query), user_code)
    assert typed.status == 200, typed
    return b.get(typed.json["redirect_to"]).query["login_challenge"]


def to_consent(server, b, user_code, login=None, **query):
    back = accept(server, "login", to_login(server, b, user_code, **query), {"subject": "alice", **(login or {})})
    return b.get(back).query["consent_challenge"]


def finish(server, b, user_code, consent=None, login=None):
    challenge = to_consent(server, b, user_code, login)
    return b.get(accept(server, "consent", challenge, {"grant_scope": ["openid", "offline", "foo"], **(consent or {})}))


# ---- the device ----

def test_what_a_device_gets(server, tv):
    answer = ask(server, tv)
    said = answer.json
    assert answer.headers["Cache-Control"] == "no-store"
    assert set(said) == {"device_code", "user_code", "verification_uri", "verification_uri_complete", "expires_in", "interval"}
    assert said["device_code"].startswith("ory_dc_") and re.fullmatch("[a-zA-Z3-9]{8}", said["user_code"])
    assert said["verification_uri"] == server.public.url + VERIFY
    assert said["verification_uri_complete"] == f"{said['verification_uri']}?user_code={said['user_code']}"
    assert 598 <= said["expires_in"] <= 600 and said["interval"] == 1
    assert server.public.get("/.well-known/openid-configuration").json["device_authorization_endpoint"] == server.public.url + "/oauth2/device/auth"


def test_requests_refused(server, tv):
    basic = pair(tv)
    is_error(server.public.post("/oauth2/device/auth", form={}), "invalid_request")
    is_error(server.public.post("/oauth2/device/auth", form={"scope": "foo"}, basic=basic), "invalid_request")
    is_error(server.public.post("/oauth2/device/auth", form={"client_id": "other"}, basic=basic), "invalid_request")
    is_error(server.public.post("/oauth2/device/auth", form={"client_id": tv["client_id"]}), "invalid_client", 401)
    is_error(server.public.post("/oauth2/device/auth", form={"client_id": tv["client_id"]}, basic=(basic[0], "wrong")), "invalid_client", 401)
    is_error(ask(server, server.create_client()), "invalid_grant")
    is_error(ask(server, tv, scope="admin"), "invalid_scope")
    is_error(ask(server, tv, audience="urn:no"), "invalid_request")
    assert server.public.get("/oauth2/device/auth").status == 404


def test_polls_refused(server, tv):
    other, none = make_tv(server), server.create_client()
    code = start(server, tv)["device_code"]
    for bad in ("", "made-up", code + "x", code[:-1], code.replace("ory_dc_", "ory_ac_"), code.replace("ory_dc_", "ory_at_")):
        is_error(poll(server, tv, bad), "invalid_grant")
    foreign = poll(server, other, code)
    is_error(foreign, "invalid_grant")
    assert "does not match" in foreign.json["error_description"]
    is_error(poll(server, none, code), "unauthorized_client")
    is_error(server.public.post("/oauth2/token", form={"grant_type": "authorization_code", "code": code, "redirect_uri": "x"}, basic=pair(tv)), "unauthorized_client")
    is_error(poll(server, tv, code), "authorization_pending")


@pytest.mark.race
def test_slow_down(server, tv):
    code = start(server, tv)["device_code"]
    is_error(poll(server, tv, code), "authorization_pending")
    is_error(poll(server, tv, code), "slow_down")
    time.sleep(1.05)
    is_error(poll(server, tv, code), "authorization_pending")
    with ThreadPoolExecutor(8) as pool:
        time.sleep(1.05)
        errors = list(pool.map(lambda _: poll(server, tv, code).json["error"], range(40)))
    assert sorted(errors) == ["authorization_pending"] + ["slow_down"] * 39


# ---- the whole way ----

def test_tokens(server, tv):  # 139
    b, got = Browser(server), start(server, tv, audience="https://api.example https://b.example")
    challenge = to_consent(server, b, got["user_code"], {"acr": "1"})
    asked = get_request(server, "consent", challenge).json
    assert asked["requested_scope"] == ["openid", "offline", "foo"] and asked["oidc_context"] is None and asked["skip"] is False
    assert asked["requested_access_token_audience"] == ["https://api.example", "https://b.example"]
    assert asked["client"]["client_id"] == tv["client_id"]
    assert asked["request_url"] == f"{server.public.url}{VERIFY}?client_id={tv['client_id']}"
    consent = {"grant_scope": ["openid", "offline"], "grant_access_token_audience": ["https://api.example"], "session": {"access_token": {"a": 1}}}
    done = b.get(accept(server, "consent", challenge, consent))
    assert (done.status, done.base, done.query) == (302, "http://127.0.0.1:3999/done", {"x": "1", "client_id": tv["client_id"]})
    assert not [name for name in b.cookies if "csrf" in name], "the flow's cookies are gone"

    answer = poll(server, tv, got["device_code"])
    assert answer.status == 200 and answer.json["scope"] == "openid offline" and {"id_token", "refresh_token"} <= set(answer.json)
    said = server.introspect(answer.json["access_token"])
    assert (said["sub"], said["aud"], said["ext"]) == ("alice", ["https://api.example"], {"a": 1})
    is_error(poll(server, tv, got["device_code"]), "invalid_grant")
    assert server.introspect(answer.json["access_token"])["active"], "a second poll ends nothing"
    again = server.public.post("/oauth2/token", form={"grant_type": "refresh_token", "refresh_token": answer.json["refresh_token"]}, basic=pair(tv))
    assert again.status == 200


def test_public_client(server):
    tv = make_tv(server, token_endpoint_auth_method="none")
    got = start(server, tv)
    finish(server, Browser(server), got["user_code"])
    assert poll(server, tv, got["device_code"]).status == 200


@pytest.mark.race
def test_one_poll_wins(server, tv):
    got = start(server, tv)
    finish(server, Browser(server), got["user_code"])
    with ThreadPoolExecutor(16) as pool:
        statuses = list(pool.map(lambda _: poll(server, tv, got["device_code"]).status, range(100)))
    assert sorted(statuses) == [200] + [400] * 99


def test_remembered_consent(server):
    """A public client's device is never let through without the person."""
    for method, skip in (("client_secret_basic", True), ("none", False)):
        tv, b = make_tv(server, token_endpoint_auth_method=method), Browser(server)
        finish(server, b, start(server, tv)["user_code"], {"remember": True}, {"remember": True})
        challenge = to_login(server, b, start(server, tv)["user_code"])
        assert get_request(server, "login", challenge).json["skip"] is True
        back = b.get(accept(server, "login", challenge, {"subject": "alice"}))
        assert get_request(server, "consent", back.query["consent_challenge"]).json["skip"] is skip


# ---- the typed code ----

@pytest.mark.parametrize("spell", [str.lower, str.upper, str.swapcase, lambda c: c[:4] + "-" + c[4:], lambda c: f" {c[:2]} {c[2:]}- "])
def test_typed_codes_are_forgiven(server, tv, spell):  # 141; people need not mind case
    got = start(server, tv)
    finish(server, Browser(server), spell(got["user_code"]))
    assert poll(server, tv, got["device_code"]).status == 200


@pytest.mark.parametrize("shape, pattern, folds", [
    ({"entropy_preset": "medium"}, "[A-Z]{8}", True), ({"entropy_preset": "low"}, "[0-9]{9}", True),
    ({"length": 12, "character_set": "aAbBcCdD"}, "[a-dA-D]{12}", False), ({"length": 6, "character_set": "abcdefgh-"}, "[a-h-]{6}", True)])
def test_shapes(make_server, shape, pattern, folds):
    server = make_server({**CONFIG, "oauth2": {"device_authorization": {"user_code": shape}}})
    tv, b = make_tv(server), Browser(server)
    code = start(server, tv)["user_code"]
    assert re.fullmatch(pattern, code), code
    challenge = page(b)
    if code.swapcase() != code:
        assert type_code(server, challenge, code.swapcase()).status == (200 if folds else 400)
    assert type_code(server, challenge, code).status == 200


def test_accept_refused(server, tv):
    b, got = Browser(server), start(server, tv)
    challenge, put = page(b), lambda **more: server.admin.put(ADMIN + "/device/accept", **more)
    is_error(put(json={"user_code": got["user_code"]}), "invalid_request")
    for body in (b"", b"nope", b"[]", b'{"user_code":1}'):
        answer = put(query={"device_challenge": challenge}, body=body)
        is_error(answer, "invalid_request")
        assert "Unable to decode request body: " in answer.json["error_description"]
    for body in (b"null", b"{}", b'{"user_code":""}', b'{"user_code":null}'):
        answer = put(query={"device_challenge": challenge}, body=body)
        is_error(answer, "invalid_request")
        assert answer.json["error_description"].endswith("Field 'user_code' must not be empty.")
    is_error(put(query={"device_challenge": challenge}, json={"user_code": "x" * 2000}), "invalid_request")
    for bad in ("made-up", challenge[:-1], b.authorize(make_web_client(server)).query["login_challenge"]):
        is_error(type_code(server, bad, got["user_code"]), "Not Found", 404)
    answer = type_code(server, challenge, "wrongcod")
    is_error(answer, "invalid_request")
    assert answer.json["error_description"].endswith("could not be found or has expired or is otherwise malformed.")
    assert [type_code(server, challenge, got["user_code"]).status for _ in range(2)] == [200, 200]
    without_prefix = server.admin.put("/oauth2/auth/requests/device/accept", query={"device_challenge": challenge}, json={
        "user_code": got["user_code"]})  # v1 had no such operation, so the path means today's
    assert without_prefix.status == 200 and "device_verifier=" in without_prefix.json["redirect_to"]
    finish(server, b, got["user_code"])
    is_error(type_code(server, page(b), got["user_code"]), "invalid_request")


def make_web_client(server):
    return server.create_client(redirect_uris=["https://rp.example.test/cb"], grant_types=["authorization_code"], response_types=["code"],
                                scope="openid offline foo")


@pytest.mark.race
def test_tries_are_counted(make_server):
    server = make_server(CONFIG)
    b, tv = Browser(server), make_tv(server)
    challenge, right = page(b), start(server, tv)["user_code"]
    with ThreadPoolExecutor(8) as pool:
        statuses = [a.status for a in pool.map(lambda n: type_code(server, challenge, f"wrong{n:03}"), range(60))]
    assert set(statuses) == {400, 429} and statuses.count(400) <= 20
    is_error(type_code(server, challenge, right), "too_many_requests", 429)
    assert type_code(server, page(b), right).status == 200, "another page is another matter"


# ---- the browser ----

def test_page_redirect(server):
    b = Browser(server)
    first = b.get(VERIFY, query={"user_code": "abcd-1"})
    assert first.status == 302 and first.base == "http://127.0.0.1:3999/device" and first.query["user_code"] == "abcd-1"
    cookie = first.answer.headers["Set-Cookie"]
    assert "device_csrf" in cookie and "HttpOnly" in cookie
    assert set(Browser(server).get(VERIFY).query) == {"device_challenge"}


def test_other_browsers_are_refused(server, tv):
    """RFC 8628 5.4, RFC 6749 10.12: a link with a verifier works where the code was typed, and nowhere else."""
    mine, other, got = Browser(server), Browser(server), start(server, tv)
    url = type_code(server, page(mine), got["user_code"]).json["redirect_to"]
    page(other)
    is_error(other.request("GET", url), "request_forbidden", 403)
    back = accept(server, "login", mine.get(url).query["login_challenge"], {"subject": "alice"})
    is_error(other.request("GET", back), "request_forbidden", 403)
    consent = accept(server, "consent", mine.get(back).query["consent_challenge"], {"grant_scope": ["foo"]})
    is_error(other.request("GET", consent), "request_forbidden", 403)
    is_error(poll(server, tv, got["device_code"]), "authorization_pending")
    assert mine.get(consent).status == 302
    is_error(mine.request("GET", consent), "access_denied", 403)
    assert poll(server, tv, got["device_code"]).status == 200


def with_query(url, **changes):
    parts = urllib.parse.urlsplit(url)
    query = {**dict(urllib.parse.parse_qsl(parts.query)), **changes}
    return urllib.parse.urlunsplit(parts._replace(query=urllib.parse.urlencode({k: v for k, v in query.items() if v is not None})))


def test_parameters_are_bound(server, tv):
    b, other, got = Browser(server), make_tv(server), start(server, tv, scope="foo")
    url = type_code(server, page(b), got["user_code"]).json["redirect_to"]
    for changes in ({"client_id": None}, {"client_id": "ghost"}, {"client_id": other["client_id"]}):
        is_error(b.request("GET", with_query(url, **changes)), "invalid_client", 401)
    is_error(b.request("GET", with_query(url, device_verifier="made-up")), "access_denied", 403)
    login = b.get(with_query(url, scope="foo bar")).query["login_challenge"]
    assert get_request(server, "login", login).json["requested_scope"] == ["foo"], "what is asked for is the device's word"
    back = accept(server, "login", login, {"subject": "alice"})
    is_error(b.request("GET", with_query(back, scope="foo bar")), "invalid_request")
    is_error(b.request("GET", with_query(back, client_id=other["client_id"])), "invalid_client", 401)
    is_error(b.request("GET", with_query(back, client_id=None)), "invalid_client", 401)
    consent = b.get(back)
    assert "consent_challenge" in consent.query
    assert b.get("/oauth2/auth?" + urllib.parse.urlsplit(back).query).query.get("error"), "not at the other endpoint"


def test_hints_ride_along(server, tv):
    b = Browser(server)
    finish(server, b, start(server, tv)["user_code"], None, {"remember": True})
    challenge = to_login(server, b, start(server, tv)["user_code"], prompt="login", login_hint="bob", scope="bar")
    asked = get_request(server, "login", challenge).json
    assert asked["skip"] is False and "login_hint=bob" in asked["request_url"] and asked["requested_scope"] == ["openid", "offline", "foo"]
    url = type_code(server, page(b, prompt="made-up"), start(server, tv)["user_code"]).json["redirect_to"]
    is_error(b.request("GET", url), "invalid_request")
    url = type_code(server, page(b, identity_schema="staff"), start(server, tv)["user_code"]).json["redirect_to"]
    assert b.get(url).query["identity_schema"] == "staff"


def test_session_of_somebody_else(server, tv):
    """Bob signs in where a device asks for Alice: Alice does not stay signed in."""
    b, got = Browser(server), start(server, tv)
    finish(server, b, got["user_code"], None, {"remember": True})
    hint, kept = poll(server, tv, got["device_code"]).json["id_token"], dict(b.cookies)
    challenge = to_login(server, b, start(server, tv)["user_code"], prompt="login", id_token_hint=hint)
    end = b.request("GET", accept(server, "login", challenge, {"subject": "bob", "remember": True}))
    is_error(end, "login_required")
    assert kept and b.session() is None
    b.cookies = kept  # a browser that does not obey
    assert get_request(server, "login", to_login(server, b, start(server, tv)["user_code"])).json["skip"] is False


@pytest.mark.parametrize("said, status, error", [({"error": "access_denied", "error_description": "No."}, 400, "access_denied"),
                                                 ({}, 400, None), ({"error": "mine", "status_code": 422}, 422, "mine")])
@pytest.mark.parametrize("step", ["login", "consent"])
def test_refusals_reach_the_device(server, tv, step, said, status, error):
    b, got = Browser(server), start(server, tv)
    challenge = to_login(server, b, got["user_code"]) if step == "login" else to_consent(server, b, got["user_code"])
    back = decide(server, step, "reject", challenge, said).json["redirect_to"]
    is_error(Browser(server).request("GET", back), error or f"{step} request denied", status)
    is_error(poll(server, tv, got["device_code"]), "authorization_pending")
    is_error(b.request("GET", back), error or f"{step} request denied", status)
    is_error(poll(server, tv, got["device_code"]), "access_denied")
    is_error(type_code(server, page(b), got["user_code"]), "invalid_request")


def test_two_people_type_one_code(server, tv):
    got, one, two = start(server, tv), Browser(server), Browser(server)
    first, second = to_consent(server, one, got["user_code"], {"subject": "alice"}), to_consent(server, two, got["user_code"], {"subject": "bob"})
    back = accept(server, "consent", second, {"grant_scope": ["foo"]})
    one.get(accept(server, "consent", first, {"grant_scope": ["foo"]}))
    is_error(two.request("GET", back), "access_denied", 403)
    assert server.introspect(poll(server, tv, got["device_code"]).json["access_token"])["sub"] == "alice"


# ---- ends ----

def test_expired(make_server):  # 140
    server = make_server({**CONFIG, "ttl": {"device_user_code": "2s"}})
    tv, b = make_tv(server), Browser(server)
    waiting, typed, granted = (start(server, tv) for _ in range(3))
    finish(server, b, granted["user_code"])
    back = accept(server, "consent", to_consent(server, b, typed["user_code"]), {"grant_scope": ["foo"]})
    time.sleep(3.1)
    for got in (waiting, typed, granted):
        is_error(poll(server, tv, got["device_code"]), "expired_token")
        is_error(type_code(server, page(b), got["user_code"]), "invalid_request")
    is_error(b.request("GET", back), "access_denied", 403)


def test_revoked_before_the_device_came(server, tv):
    got = start(server, tv)
    finish(server, Browser(server), got["user_code"], None, {"subject": "carol"})
    assert server.admin.delete("/admin/oauth2/auth/sessions/consent", query={"subject": "carol", "all": "true"}).status == 204
    is_error(poll(server, tv, got["device_code"]), "invalid_grant")


def test_client_deleted(server):
    tv = make_tv(server)
    got = start(server, tv)
    assert server.admin.delete("/admin/clients/" + tv["client_id"]).status == 204
    is_error(type_code(server, page(Browser(server)), got["user_code"]), "invalid_request")
    again = make_tv(server, client_id=tv["client_id"])
    is_error(poll(server, again, got["device_code"]), "invalid_grant")


def test_survives_a_crash(make_server):
    server = make_server(CONFIG)
    tv, b = make_tv(server), Browser(server)
    got = start(server, tv)
    challenge = to_consent(server, b, got["user_code"])
    server.kill()
    server.start()
    assert b.get(accept(server, "consent", challenge, {"grant_scope": ["foo"]})).status == 302
    server.kill()
    server.start()
    assert poll(server, tv, got["device_code"]).status == 200
