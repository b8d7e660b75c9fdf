"""The lines of the public checklist that no other file has a test for; tests/check/checklist knows where the others are."""

import base64
import html
import json
import re
import time
import urllib.parse

import pytest

from assertions_support import KEY, claims_for
from flow_support import Browser, CALLBACK, Listener, Redirect, accept, decide, get_request, make_web
from tokens_support import active, code_for, half_hash, pair, redeem, refresh, tokens_for, unpack

CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
ALL_TYPES = ["code", "token", "id_token", "code id_token", "code token", "id_token token", "code id_token token"]


def make_hybrid(server, **members):
    return make_web(server, **{"grant_types": ["authorization_code", "implicit", "refresh_token"], "response_types": ALL_TYPES, **members})


def fragment(redirect):
    return dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(redirect.url).fragment))


def error_of(redirect):
    """The error that a redirect to the client carries, wherever it does."""
    assert redirect.base == CALLBACK and redirect.status == 303, redirect
    return {**redirect.query, **fragment(redirect)}["error"]


def to_error_page(server, redirect, error):
    assert redirect.status == 302 and redirect.base == server.public.url + "/oauth2/fallbacks/error", redirect
    assert redirect.query["error"] == error, redirect


def unsigned(claims):
    part = lambda value: base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")  # noqa: E731
    return part({"alg": "none"}) + "." + part(claims) + "."


# ---- transport, errors, keys ----

def test_unknown_path(server):  # 1
    page = server.public.get("/no/such/path", headers={"Accept": "text/html"})
    assert page.status == 404 and page.headers["Content-Type"].startswith("text/html")
    answer = server.public.get("/no/such/path", headers={"Accept": "application/json"})
    assert answer.status == 404 and answer.json["error"]["code"] == 404


def test_doubled_slash(server):
    """Clients that put "/oauth2/token" behind a base URL with a slash at the end are sent on with method and body."""
    for method, path, to in (("GET", "//oauth2/auth?a=%2F&b=1", "/oauth2/auth?a=%2F&b=1"), ("POST", "//oauth2/token", "/oauth2/token"),
                             ("GET", "/health/../health/./alive", "/health/alive")):
        answer = server.public.request(method, path)
        assert (answer.status, answer.headers["Location"], answer.body) == (307, to, b""), path
    assert server.public.get("//evil.test/oauth2/auth").status == server.admin.get("//admin/clients").status == 404


@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/.well-known/jwks.json", "/health/alive", "/health/ready",
                                  "/oauth2/fallbacks/login", "/oauth2/fallbacks/error", "/oauth2/auth", "/oauth2/sessions/logout"])
def test_get_routes(server, path):  # 3, 4
    answer, head = server.public.get(path), server.public.request("HEAD", path)
    assert head.status == answer.status != 404 and head.body == b""
    assert server.public.get(path + "/").status == answer.status and server.public.get(path + "//").status != answer.status


@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/.well-known/jwks.json", "/health/alive"])
def test_nothing_is_cached(server, path):  # 5
    assert server.public.get(path).headers["Cache-Control"] == "private, no-cache, no-store, must-revalidate"


def test_errors_say_no_more(server, make_server):  # 7, 8, 9
    telling = make_server({"oauth2": {"expose_internal_errors": True}})
    for form in ({"grant_type": '"odd"'}, {"grant_type": "client_credentials", "client_id": 'a"b', "client_secret": "c"},
                 {"grant_type": "client_credentials", "client_assertion": "x.y.z",
                  "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}):
        plain, more = (one.public.post("/oauth2/token", form=form).json for one in (server, telling))
        assert sorted(plain) == sorted(more) == ["error", "error_description"] and '"' not in more["error_description"]
        assert more["error_description"].startswith(plain["error_description"])
    assert len(more["error_description"]) > len(plain["error_description"]), "what happened inside stands behind the rest"


def test_discovered_endpoints(make_server):  # 13, 14
    server = make_server({"urls": {"self": {"issuer": "https://op.example/i", "public": "https://pub.example/p"}}})
    document = server.public.get("/.well-known/openid-configuration").json
    assert "registration_endpoint" not in document
    of_issuer = {"jwks_uri": "/.well-known/jwks.json", "revocation_endpoint": "/oauth2/revoke", "end_session_endpoint": "/oauth2/sessions/logout"}
    of_public = {"authorization_endpoint": "/oauth2/auth", "token_endpoint": "/oauth2/token", "userinfo_endpoint": "/userinfo",
                 "device_authorization_endpoint": "/oauth2/device/auth", "credentials_endpoint_draft_00": "/credentials"}
    assert {name: document[name] for name in of_issuer} == {name: "https://op.example/i" + path for name, path in of_issuer.items()}
    assert {name: document[name] for name in of_public} == {name: "https://pub.example/p" + path for name, path in of_public.items()}
    named = make_server({"webfinger": {"oidc_discovery": {"client_registration_url": "https://op.example/register"}}})
    assert named.public.get("/.well-known/openid-configuration").json["registration_endpoint"] == "https://op.example/register"


def test_published_keys(server):  # 17, 18
    server.admin.delete("/admin/keys/hydra.jwt.access-token")
    keys = server.public.get("/.well-known/jwks.json").json["keys"]
    sets = [server.admin.get(f"/admin/keys/{name}").json["keys"] for name in ("hydra.openid.id-token", "hydra.jwt.access-token")]
    assert {k["kid"] for k in keys} == {k["kid"] for one in sets for k in one} and len(keys) == 2
    assert all(not {"d", "p", "q", "dp", "dq", "qi", "k"} & set(k) for k in keys)


def test_cors_off(server):  # 19
    headers = {"Origin": "https://spa.example", "Access-Control-Request-Method": "POST"}
    for answer in (server.public.options("/oauth2/token", headers=headers), server.public.get("/userinfo", headers=headers)):
        assert not [name for name in answer.headers if name.lower().startswith("access-control")]


def test_options_with_cors_off(server):
    """Answered where scripts of a client's own origins may call, and nowhere else."""
    own = ["/oauth2/token", "/oauth2/revoke", "/userinfo", "/credentials", "/.well-known/openid-configuration",
           "/.well-known/oauth-authorization-server", "/.well-known/jwks.json"]
    others = ["/oauth2/auth", "/oauth2/sessions/logout", "/oauth2/device/auth", "/oauth2/device/verify", "/oauth2/register",
              "/oauth2/fallbacks/login", "/health/alive"]
    assert [server.public.options(path).status for path in own] == [200] * len(own)
    assert [server.public.options(path).status for path in others] == [404] * len(others)


def test_cors_for_all(make_server):  # 20
    server = make_server({"serve": {"public": {"cors": {"enabled": True, "allowed_origins": []}}}})
    answer = server.public.get("/userinfo", headers={"Origin": "https://any.example"})
    assert answer.headers["Access-Control-Allow-Origin"] == "https://any.example"
    assert answer.headers["Access-Control-Allow-Credentials"] == "true"


# ---- authorization ----

def test_redirect_uri_left_out(server):  # 24, 25, 26, 30
    one, two = make_web(server), make_web(server, redirect_uris=[CALLBACK, CALLBACK + "2"])
    assert Browser(server).flow(one, scope="foo", redirect_uri=None).base == CALLBACK
    to_error_page(server, Browser(server).authorize(one, scope="openid", redirect_uri=None), "invalid_request")
    to_error_page(server, Browser(server).authorize(two, scope="foo", redirect_uri=None), "invalid_request")
    to_error_page(server, Browser(server).authorize(one, redirect_uri=CALLBACK + "#x"), "invalid_request")


def test_order_of_response_types(server):  # 37
    client = make_hybrid(server, response_types=["code id_token"])
    for kind in ("code id_token", "id_token code"):
        got = fragment(Browser(server).flow(client, response_type=kind, scope="openid", nonce="nonce-of-the-test"))
        assert {"code", "id_token"} <= set(got)
    assert error_of(Browser(server).authorize(client, response_type="id_token", nonce="nonce-of-the-test")) == "unsupported_response_type"


def test_short_state(server):  # 38, 39
    client = make_web(server)
    for state in ("", "1234567", "ü12345"):
        back = Browser(server).authorize(client, state=state)
        assert error_of(back) == "invalid_state" and back.query["state"] == state
    for state in ("12345678", "ü123456"):
        assert "login_challenge" in Browser(server).authorize(client, state=state).query


def test_errors_by_form_post(server):  # 41
    client = make_web(server)
    page = Browser(server).request("GET", "/oauth2/auth", query={
        "client_id": client["client_id"], "response_type": "code", "redirect_uri": CALLBACK, "scope": "admin", "state": "state-of-the-test",
        "response_mode": "form_post"})
    assert page.status == 200 and f'action="{CALLBACK}"' in page.text and ".submit()" in page.text
    fields = dict(re.findall(r'name="([^"]*)" value="([^"]*)"', page.text))
    assert sorted(fields) == ["error", "error_description", "state"]
    assert (fields["error"], fields["state"]) == ("invalid_scope", "state-of-the-test")


def test_query_of_the_client_on_errors(server):  # 42, 43
    client = make_web(server, redirect_uris=[CALLBACK + "?z=1&a=%20b"])
    back = Browser(server).authorize(client, scope="admin")
    assert back.query["error"] == "invalid_scope" and (back.query["z"], back.query["a"]) == ("1", " b")
    assert list(back.query) == sorted(back.query)


def test_exact_redirect(server):  # 27
    client = make_web(server, redirect_uris=["https://rp.example.test/cb/", "https://rp.example.test/q?a=1"])
    for uri, good in (("https://rp.example.test/cb/", True), ("https://rp.example.test/cb", False), ("https://rp.example.test/q?a=1", True),
                      ("https://rp.example.test/q?a=2", False), ("https://rp.example.test/q", False)):
        assert ("login_challenge" in Browser(server).authorize(client, redirect_uri=uri).query) == good, uri


def test_app_and_client_redirects(server):  # 31, 40
    client = make_web(server, redirect_uris=["com.example.app:/cb"])
    b = Browser(server)
    login = b.authorize(client)
    consent = b.get(accept(server, "login", login.query["login_challenge"], {"subject": "alice"}))
    back = b.get(accept(server, "consent", consent.query["consent_challenge"], {"grant_scope": ["foo"]}))
    assert (login.status, consent.status, back.status) == (302, 302, 303) and back.url.startswith("com.example.app:/cb?code=")
    assert Browser(server).authorize(client, scope="admin").status == 303


def test_request_object_conditions(server):  # 44, 45, 46, 52
    bare, keyed = make_web(server), make_web(server, jwks={"keys": []}, request_uris=["https://rp.example.test/object"])
    ask = lambda client, **more: Browser(server).authorize(client, **more)  # noqa: E731
    good = unsigned({"client_id": keyed["client_id"], "state": "state-of-the-object"})
    to_error_page(server, ask(keyed, scope="openid", request=good, request_uri="https://rp.example.test/object"), "invalid_request")
    for text in ("x.y.z", KEY.sign({"client_id": bare["client_id"]})):
        to_error_page(server, ask(bare, scope="openid", request=text), "invalid_request")
    to_error_page(server, ask(keyed, scope="openid", request_uri="https://rp.example.test/other"), "invalid_request_uri")
    assert "login_challenge" in ask(keyed, scope="foo", request="rubbish").query


def test_request_uri_not_there(make_server):  # 47
    server = make_server()
    with Listener(404) as gone:
        uri = gone.url + "/object"
        client = make_web(server, jwks={"keys": []}, request_uris=[uri])
        to_error_page(server, Browser(server).authorize(client, scope="openid", request_uri=uri), "invalid_request_uri")


def test_request_object_algorithms(server):  # 48, 49, 50
    jwks = {"keys": [{"kty": "RSA", "use": "sig", "kid": "k", "alg": "RS256", "e": "AQAB",
                      "n": base64.urlsafe_b64encode(b"\xff" * 256).decode().rstrip("=")}]}
    free, pinned = make_web(server, jwks=jwks), make_web(server, jwks=jwks, request_object_signing_alg="RS256")
    good = lambda c: unsigned({"client_id": c["client_id"], "iss": c["client_id"], "aud": server.public.url})  # noqa: E731
    assert "login_challenge" in Browser(server).authorize(free, scope="openid", request=good(free)).query
    assert Browser(server).authorize(pinned, scope="openid", request=good(pinned)).query["error"] == "invalid_request_object"
    other = good(free).replace(good(free).split(".")[0], base64.urlsafe_b64encode(b'{"alg":"EdDSA","kid":"k"}').decode().rstrip("="))
    assert Browser(server).authorize(free, scope="openid", request=other + "AAAA").query["error"] == "invalid_request_object"


def test_request_object_members(server):  # 51, 53
    client = make_web(server, jwks={"keys": []})
    about = {"client_id": client["client_id"], "iss": client["client_id"], "aud": server.public.url, "state": "state-of-the-object"}
    b = Browser(server)
    redirect = b.authorize(client, scope="openid", request=unsigned({**about, "scope": "foo"}))
    asked = get_request(server, "login", redirect.query["login_challenge"]).json
    assert sorted(asked["requested_scope"]) == ["foo", "openid"]
    reject = decide(server, "login", "reject", redirect.query["login_challenge"], {"error": "no"}).json["redirect_to"]
    assert b.get(reject).query["state"] == "state-of-the-object"
    expired = unsigned({**about, "exp": int(time.time()) - 60})
    assert Browser(server).authorize(client, scope="openid", request=expired).query["error"] == "invalid_request_object"


# ---- login and consent ----

def test_login_request(server):  # 55, 56
    client = make_web(server, audience=["https://api.example"])
    challenge = Browser(server).to_login(client, scope="openid foo", audience="https://api.example", acr_values="a b", ui_locales="de en",
                                         display="popup", login_hint="bob")
    asked = get_request(server, "login", challenge).json
    assert asked["requested_scope"] == ["openid", "foo"] and asked["requested_access_token_audience"] == ["https://api.example"]
    assert asked["skip"] is False and asked["subject"] == ""
    assert asked["oidc_context"] == {"acr_values": ["a", "b"], "ui_locales": ["de", "en"], "display": "popup", "login_hint": "bob"}
    hint = Browser(server).sign_in(client, scope="openid")["id_token"]
    asked = get_request(server, "login", Browser(server).to_login(client, id_token_hint=hint)).json
    assert asked["oidc_context"]["id_token_hint_claims"]["sub"] == "alice"


def test_session_cookies_age(server, make_server):  # 65
    short = make_server({"ttl": {"authentication_session": "2h"}})
    for one, said, age in ((server, {}, 720 * 3600), (server, {"remember_for": 60}, 60), (short, {}, 7200)):
        b = Browser(one)
        answer = b.request("GET", accept(one, "login", b.to_login(make_web(one)), {"subject": "alice", "remember": True, **said}))
        (line,) = [c for c in answer.headers.get_all("Set-Cookie") if c.startswith("ory_hydra_session")]
        assert f"Max-Age={age};" in line + ";", line


def test_login_answers(server):  # 57, 58
    client, b = make_web(server), Browser(server)
    challenge = b.to_login(client, scope="foo")
    assert decide(server, "login", "accept", challenge, {}).status == 400
    back = urllib.parse.urlsplit(accept(server, "login", challenge, {"subject": "alice"}))
    query = dict(urllib.parse.parse_qsl(back.query))
    assert query["login_verifier"] and query["scope"] == "foo" and query["state"] == "state-of-the-test"


def test_remembered_login(server):  # 67, 68, 70, 71, 72, 79
    client, b = make_web(server), Browser(server)
    sid = unpack(b.sign_in(client, login={"remember": True, "acr": "gold", "amr": ["pwd"], "context": {"a": 1}})["id_token"])[1]["sid"]
    asked = get_request(server, "login", b.to_login(client)).json
    assert asked["skip"] is True and asked["subject"] == "alice" and asked["session_id"] == sid
    again = accept(server, "login", b.to_login(client), {"subject": "mallory"})
    assert urllib.parse.parse_qs(urllib.parse.urlsplit(again).query)["prompt"] == ["login"]
    for prompt in ("login", "select_account"):
        assert get_request(server, "login", b.to_login(client, prompt=prompt)).json["skip"] is False
    assert error_of(Browser(server).authorize(client, prompt="none")) == "login_required"
    time.sleep(2.1)
    assert get_request(server, "login", b.to_login(client, max_age="1")).json["skip"] is False
    assert error_of(b.authorize(client, max_age="1", prompt="none")) == "login_required"
    fresh = Browser(server)
    asked = get_request(server, "consent", fresh.to_consent(client, {"acr": "gold", "amr": ["pwd"], "context": {"a": 1}})).json
    assert (asked["acr"], asked["amr"], asked["context"]) == ("gold", ["pwd"], {"a": 1})


def test_hints(make_server):  # 73, 74, 75, 77, 78
    server = make_server({"ttl": {"id_token": "1s"}})
    client, b = make_web(server), Browser(server)
    hint = b.sign_in(client, scope="openid")["id_token"]
    other = Browser(server).sign_in(client, {"subject": "bob"}, scope="openid")["id_token"]
    time.sleep(1.1)
    assert "login_challenge" in b.authorize(client, id_token_hint=hint).query
    assert error_of(b.authorize(client, id_token_hint=other, prompt="none")) == "login_required"
    assert error_of(b.authorize(client, id_token_hint=hint + "x")) == "invalid_request"
    assert error_of(b.authorize(client, id_token_hint=hint + "x", prompt="none")) == "invalid_request"
    assert error_of(Browser(server).authorize(client, id_token_hint=hint + "x", prompt="none")) == "login_required"
    assert error_of(b.authorize(client, prompt="dance")) == "invalid_request"
    assert error_of(b.authorize(client, prompt="none consent")) == "invalid_request"


def test_consent_request(server):  # 80
    asked = get_request(server, "consent", Browser(server).to_consent(make_web(server))).json
    assert asked["consent_request_id"] and asked["login_session_id"]


def test_remembered_consent(server):  # 81, 82, 83, 85, 86
    client, b = make_web(server), Browser(server)
    skip = lambda **more: get_request(server, "consent", b.to_consent(client, **more)).json["skip"]  # noqa: E731
    b.flow(client, {"remember": True}, {"remember": True, "remember_for": 0}, scope="openid foo")
    assert skip(scope="openid foo") and skip(scope="foo") and not skip(scope="openid foo bar")
    assert not skip(scope="foo", prompt="consent")
    back = accept(server, "login", b.to_login(client, scope="bar", prompt="none"), {"subject": "alice"})
    assert error_of(b.get(back)) == "consent_required"
    short = make_web(server)
    b.flow(short, consent={"remember": True, "remember_for": 1}, scope="foo")
    time.sleep(1.2)
    assert not get_request(server, "consent", b.to_consent(short, scope="foo")).json["skip"]


@pytest.mark.parametrize("uri, skips", [("com.example.app:/cb", False), ("http://rp.example.test/cb", False),
                                        ("https://rp.example.test/cb", True), ("http://127.0.0.1/cb", True)])
def test_public_clients_and_consent(server, uri, skips):  # 84
    client, b = make_web(server, token_endpoint_auth_method="none", redirect_uris=[uri]), Browser(server)
    b.flow(client, {"remember": True}, {"remember": True, "remember_for": 0}, scope="foo")
    assert get_request(server, "consent", b.to_consent(client, scope="foo")).json["skip"] is skips


def test_nothing_granted(server):  # 92
    client, b = make_web(server), Browser(server)
    back = b.get(accept(server, "consent", b.to_consent(client), {"grant_scope": []}))
    assert back.query["scope"] == "" and redeem(server, client, back.query["code"]).json["scope"] == ""


def test_granted_twice(server):
    client, b = make_web(server), Browser(server)
    back = b.get(accept(server, "consent", b.to_consent(client), {"grant_scope": ["foo", "bar", "foo"],
                                                                  "grant_access_token_audience": ["urn:a", "urn:a"]}))
    token = redeem(server, client, back.query["code"]).json
    assert back.query["scope"] == token["scope"] == "foo bar"
    assert server.introspect(token["access_token"])["aud"] == ["urn:a"]


# ---- response types, PKCE ----

def test_code_response(server):  # 93
    assert sorted(Browser(server).flow(make_web(server)).query) == ["code", "scope", "state"]


def test_token_response(server):  # 94, 95, 96
    client = make_hybrid(server)
    got = fragment(Browser(server).flow(client, response_type="token", scope="foo"))
    assert got["token_type"] == "bearer" and got["expires_in"] in ("3599", "3600") and got["state"] == "state-of-the-test"
    for nonce, error in ((None, "invalid_request"), ("short", "insufficient_entropy")):
        redirect = Browser(server).authorize(client, response_type="id_token", scope="openid", nonce=nonce)
        assert fragment(redirect)["error"] == error
    redirect = Browser(server).authorize(client, response_type="code token", scope="openid", nonce="short")
    assert fragment(redirect)["error"] == "insufficient_entropy"
    assert fragment(Browser(server).flow(client, response_type="code token", scope="openid"))["code"]


def test_hybrid_response(server):  # 97, 98
    client = make_hybrid(server)
    got = fragment(Browser(server).flow(client, response_type="code id_token token", scope="openid", nonce="nonce-of-the-test"))
    claims = unpack(got["id_token"])[1]
    assert claims["c_hash"] == half_hash(got["code"]) and claims["at_hash"] == half_hash(got["access_token"])
    got = fragment(Browser(server).flow(client, response_type="code id_token", scope="openid", nonce="nonce-of-the-test"))
    assert "at_hash" not in unpack(got["id_token"])[1]
    later = unpack(redeem(server, client, got["code"]).json["id_token"])[1]
    assert later["c_hash"] == half_hash(got["code"])


def test_front_channel_refusals(server):  # 99, 100
    client = make_hybrid(server)
    redirect = Browser(server).authorize(client, response_type="token", response_mode="query")
    assert error_of(redirect) == "unsupported_response_mode"
    without = make_web(server, response_types=ALL_TYPES)
    assert error_of(Browser(server).authorize(without, response_type="token", scope="foo")) == "invalid_grant"


def test_pkce_parameters(server):  # 101
    client = make_web(server)
    for more in ({}, {"code_challenge_method": "plain"}):
        assert error_of(Browser(server).authorize(client, code_challenge=CHALLENGE, **more)) == "invalid_request"


def test_pkce_enforced(make_server):  # 102
    server = make_server({"oauth2": {"pkce": {"enforced": True}}})
    client, b = make_web(server), Browser(server)
    assert error_of(b.authorize(client)) == "invalid_request"
    code = b.flow(client, code_challenge=CHALLENGE, code_challenge_method="S256").query["code"]
    assert redeem(server, client, code, code_verifier=VERIFIER).status == 200


def test_assertion_conditions(server):  # 112, 113, 114
    """The finer cases are in the tests of client assertions; here is what each of them is refused with."""
    kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    ask = lambda text: server.public.post("/oauth2/token", form={  # noqa: E731
        "grant_type": "client_credentials", "client_assertion_type": kind, "client_assertion": text})
    server.admin.post("/admin/keys/checklist", json={"alg": "RS256", "use": "sig", "kid": "k"})
    key = server.admin.get("/admin/keys/checklist/k").json["keys"][0]
    public = {k: v for k, v in key.items() if k in ("kty", "use", "kid", "alg", "n", "e")}
    client = server.create_client(token_endpoint_auth_method="private_key_jwt", jwks={"keys": [public]})
    about = {"iss": client["client_id"], "sub": client["client_id"], "exp": int(time.time()) + 60, "aud": server.public.url + "/oauth2/token"}
    good = sign_rs256(key, {**about, "jti": "one"})
    assert ask(good).status == 200
    again = ask(good)
    assert (again.status, again.json["error"]) == (400, "jti_known")
    assert ask(sign_rs256(key, {**about, "jti": "two", "aud": "https://elsewhere.example"})).json["error"] == "invalid_client"
    pinned = server.create_client(token_endpoint_auth_method="private_key_jwt", jwks={"keys": [public]}, token_endpoint_auth_signing_alg="PS256")
    mine = {**about, "iss": pinned["client_id"], "sub": pinned["client_id"], "jti": "three"}
    assert ask(sign_rs256(key, mine)).json["error"] == "invalid_client"


def sign_rs256(jwk, claims):
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding, rsa
    number = lambda name: int.from_bytes(base64.urlsafe_b64decode(jwk[name] + "=="), "big")  # noqa: E731
    public = rsa.RSAPublicNumbers(number("e"), number("n"))
    key = rsa.RSAPrivateNumbers(number("p"), number("q"), number("d"), number("dp"), number("dq"), number("qi"), public).private_key()
    part = lambda value: base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")  # noqa: E731
    text = part({"alg": "RS256", "kid": jwk["kid"]}) + "." + part(claims)
    signature = key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
    return text + "." + base64.urlsafe_b64encode(signature).decode().rstrip("=")


def test_lifespans_of_other_grants(server):  # 128
    bearer, device = "urn:ietf:params:oauth:grant-type:jwt-bearer", "urn:ietf:params:oauth:grant-type:device_code"
    client = make_hybrid(server, grant_types=["authorization_code", "implicit", "client_credentials", bearer, device],
                         implicit_grant_access_token_lifespan="11m", implicit_grant_id_token_lifespan="12m",
                         client_credentials_grant_access_token_lifespan="13m", jwt_bearer_grant_access_token_lifespan="14m")
    got = fragment(Browser(server).flow(client, response_type="id_token token", scope="openid", nonce="nonce-of-the-test"))
    claims = unpack(got["id_token"])[1]
    assert got["expires_in"] in ("659", "660") and claims["exp"] - claims["iat"] == 720
    assert server.token(client).json["expires_in"] in (779, 780)
    trust = server.admin.post("/admin/trust/grants/jwt-bearer/issuers", json={
        "issuer": "https://lifespan.example", "subject": "ada", "scope": [], "jwk": KEY.jwk, "expires_at": "2036-01-01T00:00:00Z"})
    assert trust.status == 201, trust
    answer = server.public.post("/oauth2/token", basic=pair(client), form={
        "grant_type": bearer, "assertion": KEY.sign(claims_for(server, "https://lifespan.example", sub="ada"))})
    assert answer.json["expires_in"] in (839, 840)


# ---- trusted issuers ----

def test_jwt_bearer(server):  # 132, 133, 134
    server.admin.post("/admin/keys/checklist-bearer", json={"alg": "RS256", "use": "sig", "kid": "jb"})
    key = server.admin.get("/admin/keys/checklist-bearer/jb").json["keys"][0]
    public = {k: v for k, v in key.items() if k in ("kty", "use", "kid", "alg", "n", "e")}
    until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 86400))
    trust = server.admin.post("/admin/trust/grants/jwt-bearer/issuers", json={
        "issuer": "https://issuer.example", "subject": "robot", "scope": ["foo"], "jwk": public, "expires_at": until})
    assert trust.status == 201, trust
    grant = "urn:ietf:params:oauth:grant-type:jwt-bearer"
    client = server.create_client(grant_types=[grant], scope="foo bar")
    ask = lambda claims, **more: server.public.post("/oauth2/token", basic=pair(client), form={  # noqa: E731
        "grant_type": grant, "assertion": sign_rs256(key, claims), **more})
    now = int(time.time())
    good = {"iss": "https://issuer.example", "sub": "robot", "aud": server.public.url + "/oauth2/token", "exp": now + 600, "iat": now}
    assert ask({**good, "jti": "good"}, scope="foo").status == 200
    for missing in ("iss", "sub", "aud", "exp", "iat", "jti"):
        answer = ask({k: v for k, v in {**good, "jti": "no-" + missing}.items() if k != missing})
        assert (answer.status, answer.json["error"]) == (400, "invalid_grant"), missing
    assert ask({**good, "jti": "scope"}, scope="bar").json["error"] == "invalid_scope"
    assert ask({**good, "jti": "long", "exp": now + 86400 * 60}).json["error"] == "invalid_grant"


# ---- device flow ----

def test_device(make_server):  # 137, 138, 139
    server = make_server({"oauth2": {"device_authorization": {"token_polling_interval": "5s"}}})
    grant = "urn:ietf:params:oauth:grant-type:device_code"
    client = server.create_client(grant_types=[grant], scope="foo")
    assert server.public.post("/oauth2/device/auth", form={"scope": "foo"}, basic=pair(client)).json["error"] == "invalid_request"
    device = server.public.post("/oauth2/device/auth", form={"client_id": client["client_id"], "scope": "foo"}, basic=pair(client)).json
    assert sorted(device) == ["device_code", "expires_in", "interval", "user_code", "verification_uri", "verification_uri_complete"]
    assert (device["expires_in"], device["interval"]) == (600, 5) and device["device_code"].startswith("ory_dc_")
    poll = server.public.post("/oauth2/token", form={"grant_type": grant, "device_code": device["device_code"]}, basic=pair(client))
    assert (poll.status, poll.json["error"]) == (400, "authorization_pending")
    short = make_server({"ttl": {"device_user_code": "1s"}})
    client = short.create_client(grant_types=[grant], scope="foo")
    device = short.public.post("/oauth2/device/auth", form={"client_id": client["client_id"]}, basic=pair(client)).json
    time.sleep(2.1)
    poll = short.public.post("/oauth2/token", form={"grant_type": grant, "device_code": device["device_code"]}, basic=pair(client))
    assert poll.json["error"] == "expired_token"


# ---- logout, registration ----

def test_refusals_of_logout(server):  # 151
    for query in ({"state": "x"}, {"post_logout_redirect_uri": CALLBACK}):
        to_error_page(server, Redirect(Browser(server).request("GET", "/oauth2/sessions/logout", query=query)), "invalid_request")


def test_logout_redirects(make_server):  # 150, 154
    server = make_server({"urls": {"post_logout_redirect": "https://pages.example.test/bye"}})
    client, b = make_web(server), Browser(server)
    assert b.get("/oauth2/sessions/logout").url == "https://pages.example.test/bye"
    hint = b.sign_in(client, {"remember": False}, scope="openid")["id_token"]
    assert b.get("/oauth2/sessions/logout", query={"id_token_hint": hint}).url == "https://pages.example.test/bye"


def front_channel_logout(server, client):
    b = Browser(server)
    hint = b.sign_in(client, scope="openid")["id_token"]
    asked = Redirect(b.request("GET", "/oauth2/sessions/logout", query={"id_token_hint": hint}))
    if "logout_challenge" not in asked.query:
        return b, asked.url, unpack(hint)[1]["sid"]
    answer = server.admin.put("/admin/oauth2/auth/requests/logout/accept", query={"logout_challenge": asked.query["logout_challenge"]})
    return b, answer.json["redirect_to"], unpack(hint)[1]["sid"]


def test_front_channel_page(server):  # 155, 156
    client = make_web(server, frontchannel_logout_uri="https://rp.example.test/bye", frontchannel_logout_session_required=True)
    b, back, sid = front_channel_logout(server, client)
    page = b.request("GET", back)
    assert page.status == 200
    frames = [html.unescape(src) for src in re.findall(r'<iframe[^>]*src="([^"]*)"', page.text)]
    query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(frames[0]).query))
    assert len(frames) == 1 and query == {"iss": server.public.url, "sid": sid}
    assert "iframe" not in b.request("GET", back).text


def test_back_channel_token(server):  # 157
    with Listener(200) as rp:
        client = make_web(server, backchannel_logout_uri=rp.url + "/bye")
        b, back, sid = front_channel_logout(server, client)
        b.request("GET", back)
        claims = unpack(rp.wait(1)[0][3]["logout_token"])[1]
    assert sorted(claims) == ["aud", "events", "iat", "iss", "jti", "sid"] and claims["sid"] == sid
    assert claims["aud"] == [client["client_id"]] and claims["events"] == {"http://schemas.openid.net/event/backchannel-logout": {}}


def test_registration_off(server):  # 159
    assert server.public.post("/oauth2/register", json={}).status == 404
    for method in ("GET", "PUT", "DELETE"):
        assert server.public.request(method, "/oauth2/register/x", json={}).status == 404


def test_registration(make_server):  # 160, 161, 162
    server = make_server({"oidc": {"dynamic_client_registration": {"enabled": True}}})
    assert server.public.post("/oauth2/register", json={"client_secret": "chosen-by-the-client"}).status == 400
    client = server.public.post("/oauth2/register", json={"redirect_uris": [CALLBACK]}).json
    path, token = "/oauth2/register/" + client["client_id"], client["registration_access_token"]
    assert server.public.put(path, json={"client_secret": "chosen-by-the-client"}, bearer=token).status == 403
    renewed = server.public.put(path, json={"redirect_uris": [CALLBACK]}, bearer=token).json["registration_access_token"]
    assert renewed != token and server.public.get(path, bearer=token).status == 401
    assert server.public.get(path, bearer=renewed).status == 200
    for bad, target in (("x", path), (renewed, "/oauth2/register/nobody")):
        assert server.public.get(target, bearer=bad).status == 401


# ---- hooks ----

def test_hook_keeps_what_it_does_not_name(make_server):  # 135, 136
    with Listener(204) as hook:
        server = make_server({"oauth2": {"token_hook": hook.url}})
        client = make_web(server)
        session = {"access_token": {"a": 1}}
        body = redeem(server, client, code_for(server, client, consent={"session": session})).json
        assert server.introspect(body["access_token"])["ext"] == {"a": 1}
        hook.answers[:] = [403]
        code = code_for(server, client)
        answer = redeem(server, client, code)
        assert (answer.status, answer.json["error"]) == (403, "access_denied")
        hook.answers[:] = [400]
        answer = redeem(server, client, code)
        assert (answer.status, answer.json["error"]) == (500, "server_error")
        hook.answers[:] = [204]
        again = redeem(server, client, code)
        assert again.status == 200 and active(server, again.json["access_token"])
        assert refresh(server, client, again.json["refresh_token"]).status == 200
        assert tokens_for(server, client)["access_token"]
