"""What the OpenID Foundation's conformance plans look at, plan by plan, beyond what stands in the files of the endpoints: config, basic,
implicit, hybrid, form post, dynamic, RP-initiated, front- and back-channel logout."""

import html
import json
import re
import time
import urllib.parse

import pytest

from assertions_support import KEY, Key, Web, key_set, unsigned
from flow_support import CALLBACK, Browser, Listener, accept, get_request, make_web
from harness import Server
from tokens_support import half_hash, redeem, tokens_for, unpack

DISCOVERY = "/.well-known/openid-configuration"
ALL = ["code", "id_token", "token id_token", "code id_token", "code token", "code token id_token"]
SCOPES = "openid offline profile email address phone"
CONFIG = {"oidc": {"dynamic_client_registration": {"enabled": True, "allowed_grant_types": ["authorization_code", "implicit", "refresh_token"]}}}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    running = Server(tmp_path_factory.mktemp("server"), CONFIG).start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def rp(server):
    return make_web(server, scope=SCOPES, response_types=ALL, grant_types=["authorization_code", "implicit", "refresh_token"],
                    post_logout_redirect_uris=["https://rp.example.test/bye"])


@pytest.fixture
def browser(server):
    return Browser(server)


def ask(client, **more):
    return {"scope": "openid", "nonce": "nonce-of-the-plan", "redirect_uri": client["redirect_uris"][0], **more}


def fragment(redirect):
    return dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(redirect.url).fragment))


def id_claims(server, client, token):
    """OpenID Connect Core 3.1.3.7: what every relying party checks."""
    claims = unpack(token)[1]
    assert claims["iss"] == server.public.get(DISCOVERY).json["issuer"] and claims["aud"] == [client["client_id"]]
    assert claims["iat"] <= time.time() + 1 < claims["exp"] and 0 < len(claims["sub"]) <= 255
    return claims


# ---- config ----

def test_discovery(server):
    d = server.public.get(DISCOVERY).json
    assert d["issuer"] == server.public.url
    needed = ["authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri", "registration_endpoint", "end_session_endpoint",
              "scopes_supported", "response_types_supported", "response_modes_supported", "grant_types_supported", "subject_types_supported",
              "id_token_signing_alg_values_supported", "claims_supported", "token_endpoint_auth_methods_supported"]
    assert [name for name in needed if not d.get(name)] == []
    assert "RS256" in d["id_token_signing_alg_values_supported"] and "openid" in d["scopes_supported"]
    assert {"code", "id_token", "token id_token", "code id_token"} <= set(d["response_types_supported"])
    assert {"query", "fragment", "form_post"} <= set(d["response_modes_supported"])
    assert {"authorization_code", "implicit"} <= set(d["grant_types_supported"])
    assert d["frontchannel_logout_supported"] and d["frontchannel_logout_session_supported"]
    assert d["backchannel_logout_supported"] and d["backchannel_logout_session_supported"]
    assert all(url.startswith(server.public.url) for name, url in d.items() if name.endswith(("_endpoint", "_uri")))


def test_keys(server):
    """RFC 7517: no private members, one key of a kid, and each says what it is for."""
    keys = server.public.get("/.well-known/jwks.json").json["keys"]
    assert len({key["kid"] for key in keys}) == len(keys)
    for key in keys:
        assert key["kty"] == "RSA" and key["use"] == "sig" and not {"d", "p", "q", "dp", "dq", "qi", "k"} & set(key)


# ---- basic ----

@pytest.mark.parametrize("more", [
    {"nonce": None}, {"display": "page"}, {"display": "popup"}, {"ui_locales": "se de"}, {"claims_locales": "se"}, {"acr_values": "1 2"},
    {"login_hint": "bob@example.test"}, {"extra": "foobar"}, {"scope": "openid profile email address phone"}, {"scope": "email openid"},
    {"claims": json.dumps({"userinfo": {"name": {"essential": True}}})}, {"state": "a" * 128}, {"response_mode": "query"}], ids=str)
def test_ordinary_requests(server, rp, browser, more):
    back = browser.flow(rp, **ask(rp, **more))
    assert back.status == 303 and back.query["code"] and back.query["state"] == more.get("state", "state-of-the-test"), back
    body = redeem(server, rp, back.query["code"]).json
    claims = id_claims(server, rp, body["id_token"])
    assert claims.get("nonce") == ask(rp, **more)["nonce"] and body["token_type"].lower() == "bearer"
    for name in ("get", "post"):
        info = getattr(server.public, name)("/userinfo", bearer=body["access_token"])
        assert info.status == 200 and info.json["sub"] == claims["sub"]
    assert server.public.post("/userinfo", form={"access_token": body["access_token"]}).json["sub"] == claims["sub"]


def test_response_type_missing(rp, browser):
    back = browser.authorize(rp, **ask(rp, response_type=None))
    assert back.base == CALLBACK and back.query["error"] in ("invalid_request", "unsupported_response_type") and back.query["state"]


def test_code_used_twice(server, rp, browser):
    """RFC 6749 4.1.2: "SHOULD revoke (when possible) all tokens previously issued"."""
    code = browser.flow(rp, **ask(rp)).query["code"]
    token = redeem(server, rp, code).json["access_token"]
    again = redeem(server, rp, code)
    assert (again.status, again.json["error"]) == (400, "invalid_grant")
    assert server.public.get("/userinfo", bearer=token).status == 401


@pytest.mark.parametrize("uri", [CALLBACK + "/", CALLBACK + "?bar=foo", "https://rp.example.test/other", "https://evil.example.test/cb", None])
def test_redirect_uri_that_is_not_registered(server, rp, browser, uri):
    page = browser.authorize(rp, **{**ask(rp), "redirect_uri": uri})
    assert page.base == server.public.url + "/oauth2/fallbacks/error", page


def test_redirect_uri_with_a_query(server, browser):
    client = make_web(server, redirect_uris=[CALLBACK + "?foo=bar"])
    back = browser.flow(client, **ask(client))
    assert back.base == CALLBACK and back.query["foo"] == "bar" and back.query["code"]
    assert redeem(server, client, back.query["code"], redirect_uri=CALLBACK + "?foo=bar").status == 200
    for other in (CALLBACK, CALLBACK + "?foo=baz", CALLBACK + "?foo=bar&x=y"):
        assert "fallbacks/error" in browser.authorize(client, **{**ask(client), "redirect_uri": other}).base


def test_prompt_none(server, rp, browser):
    back = browser.authorize(rp, **ask(rp, prompt="none"))
    assert back.base == CALLBACK and back.query["error"] == "login_required" and back.query["state"] == "state-of-the-test"
    first = id_claims(server, rp, browser.sign_in(rp, consent={"remember": True}, **ask(rp))["id_token"])
    challenge = browser.to_login(rp, **ask(rp, prompt="none"))
    request = get_request(server, "login", challenge).json
    assert request["skip"] and request["subject"] == "alice"
    consent = browser.get(accept(server, "login", challenge, {"subject": "alice"})).query["consent_challenge"]
    assert get_request(server, "consent", consent).json["skip"]
    code = browser.get(accept(server, "consent", consent, {"grant_scope": ["openid"]})).query["code"]
    second = id_claims(server, rp, redeem(server, rp, code).json["id_token"])
    assert (second["sub"], second["auth_time"]) == (first["sub"], first["auth_time"])


def test_prompt_login(server, rp, browser):
    first = id_claims(server, rp, browser.sign_in(rp, **ask(rp))["id_token"])
    time.sleep(1.1)
    assert not get_request(server, "login", browser.to_login(rp, **ask(rp, prompt="login"))).json["skip"]
    second = id_claims(server, rp, browser.sign_in(rp, **ask(rp, prompt="login"))["id_token"])
    assert second["auth_time"] > first["auth_time"] and second["sub"] == first["sub"]


def test_max_age(server, rp, browser):
    first = id_claims(server, rp, browser.sign_in(rp, **ask(rp))["id_token"])
    time.sleep(2.1)
    assert not get_request(server, "login", browser.to_login(rp, **ask(rp, max_age="1"))).json["skip"]
    third = id_claims(server, rp, browser.sign_in(rp, **ask(rp, max_age="10000"))["id_token"])
    assert third["auth_time"] == first["auth_time"]
    second = id_claims(server, rp, browser.sign_in(rp, **ask(rp, max_age="1"))["id_token"])
    assert second["auth_time"] > first["auth_time"]


def test_id_token_hint(server, rp, browser):
    token = browser.sign_in(rp, **ask(rp))["id_token"]
    assert get_request(server, "login", browser.to_login(rp, **ask(rp, prompt="none", id_token_hint=token))).json["subject"] == "alice"


def test_wrong_client_authentication(server, rp, browser):
    code = browser.flow(rp, **ask(rp)).query["code"]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK}
    answer = server.public.post("/oauth2/token", form=form, basic=(rp["client_id"], "wrong"))
    assert answer.status == 401 and answer.json["error"] == "invalid_client" and answer.headers["WWW-Authenticate"].startswith("Basic")
    assert redeem(server, rp, code).status == 200


def test_client_secret_post(server, browser):
    client = make_web(server, token_endpoint_auth_method="client_secret_post")
    form = {"grant_type": "authorization_code", "code": browser.flow(client, **ask(client)).query["code"], "redirect_uri": CALLBACK,
            "client_id": client["client_id"], "client_secret": client["client_secret"]}
    assert server.public.post("/oauth2/token", form=form).status == 200


def test_request_objects(server, browser):
    """By value unsigned, by reference signed; what stands in the object counts, redirect_uri included."""
    with Web() as web:
        client = make_web(server, redirect_uris=[CALLBACK, CALLBACK + "2"], jwks_uri=web.url + "/keys", request_uris=[web.url + "/object"])
        web.documents["/keys"] = key_set(KEY)
        claims = {"redirect_uri": CALLBACK + "2", "state": "state-of-the-object", "nonce": "nonce-of-the-object", "client_id": client["client_id"],
                  "response_type": "code", "scope": "openid"}
        web.documents["/object"] = 200, KEY.sign({**claims, "iss": client["client_id"], "aud": server.public.url}).encode()
        for how in ({"request": unsigned(claims)}, {"request_uri": web.url + "/object"}):
            back = browser.flow(client, **ask(client, **how))
            assert back.base == CALLBACK + "2" and back.query["state"] == "state-of-the-object", how
            token = redeem(server, client, back.query["code"], redirect_uri=CALLBACK + "2").json["id_token"]
            assert id_claims(server, client, token)["nonce"] == "nonce-of-the-object"


# ---- implicit, hybrid ----

@pytest.mark.parametrize("kind", ALL[1:])
def test_front_channel(server, rp, browser, kind):
    back = browser.flow(rp, **ask(rp, response_type=kind))
    got = fragment(back)
    assert back.status == 303 and back.query == {} and got["state"] == "state-of-the-test"
    assert set(kind.split()) == {name for name, member in (("code", "code"), ("token", "access_token"), ("id_token", "id_token")) if member in got}
    if "token" in kind.split():
        assert got["token_type"].lower() == "bearer" and int(got["expires_in"]) > 0
        assert server.public.get("/userinfo", bearer=got["access_token"]).json["sub"] == "alice"
    if "id_token" in kind.split():
        claims = id_claims(server, rp, got["id_token"])
        assert claims["nonce"] == "nonce-of-the-plan"
        assert claims.get("at_hash") == (half_hash(got["access_token"]) if "access_token" in got else None)
        assert claims.get("c_hash") == (half_hash(got["code"]) if "code" in got else None)
    if "code" in kind.split():
        body = redeem(server, rp, got["code"]).json
        told = id_claims(server, rp, body["id_token"])
        assert (told["sub"], told["nonce"]) == ("alice", "nonce-of-the-plan") and told["at_hash"] == half_hash(body["access_token"])


@pytest.mark.parametrize("kind", ["id_token", "token id_token", "code id_token", "code token id_token"])
def test_nonce_is_needed(rp, browser, kind):
    back = browser.authorize(rp, **ask(rp, response_type=kind, nonce=None))
    got = fragment(back)
    assert back.base == CALLBACK and got["error"] == "invalid_request" and got["state"] == "state-of-the-test", back


@pytest.mark.parametrize("kind", ALL[1:])
def test_prompt_none_errors_in_the_fragment(rp, browser, kind):
    assert fragment(browser.authorize(rp, **ask(rp, response_type=kind, prompt="none")))["error"] == "login_required"


# ---- form post ----

def posted(answer):
    assert answer.status == 200 and answer.headers["Content-Type"].startswith("text/html") and 'method="post"' in answer.text.lower()
    action = html.unescape(re.search(r'action="([^"]*)"', answer.text)[1])
    fields = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)"', answer.text)
    return action, {html.unescape(name): html.unescape(value) for name, value in fields}


@pytest.mark.parametrize("kind", ALL)
def test_form_post(server, rp, browser, kind):
    error = browser.request("GET", "/oauth2/auth", query={**ask(rp, response_type=kind, response_mode="form_post", prompt="none"), "state": "state-of-the-test",
                                                          "client_id": rp["client_id"]})
    action, fields = posted(error)
    assert action == CALLBACK and fields["error"] == "login_required" and fields["state"] == "state-of-the-test"
    challenge = browser.to_consent(rp, **ask(rp, response_type=kind, response_mode="form_post"))
    done = browser.request("GET", accept(server, "consent", challenge, {"grant_scope": ["openid"]}))
    assert "no-store" in done.headers["Cache-Control"]
    action, fields = posted(done)
    assert action == CALLBACK and fields["state"] == "state-of-the-test"
    for name, member in (("code", "code"), ("token", "access_token"), ("id_token", "id_token")):
        assert (name in kind.split()) == (member in fields)


# ---- dynamic ----

def test_registered_and_used(server):
    with Web() as web:
        web.documents["/keys"] = key_set(KEY)
        asked = {"redirect_uris": [CALLBACK], "response_types": ["code", "code id_token"], "grant_types": ["authorization_code", "implicit"],
                 "client_name": "Plan", "logo_uri": "https://rp.example.test/logo.png", "policy_uri": "https://rp.example.test/policy",
                 "tos_uri": "https://rp.example.test/tos", "client_uri": "https://rp.example.test/", "contacts": ["a@rp.example.test"],
                 "jwks_uri": web.url + "/keys", "token_endpoint_auth_method": "client_secret_basic", "application_type": "web",
                 "id_token_signed_response_alg": "RS256", "userinfo_signed_response_alg": "RS256", "scope": "openid offline",
                 "post_logout_redirect_uris": ["https://rp.example.test/bye"], "initiate_login_uri": "https://rp.example.test/start"}
        answer = server.public.post("/oauth2/register", json=asked)
        client = answer.json
        assert answer.status == 201 and answer.headers["Content-Type"].startswith("application/json")
        assert client["client_secret_expires_at"] == 0 and client["registration_access_token"]
        left_out = {"application_type", "id_token_signed_response_alg"}
        assert {name: client.get(name) for name in asked if name not in left_out} == {n: v for n, v in asked.items() if n not in left_out}
        read = server.public.get(urllib.parse.urlsplit(client["registration_client_uri"]).path, bearer=client["registration_access_token"])
        assert read.status == 200 and read.json["client_id"] == client["client_id"]
        body = Browser(server).sign_in(client, **ask(client))
        info = server.public.get("/userinfo", bearer=body["access_token"])
        told = unpack(info.text)[1]
        assert info.headers["Content-Type"] == "application/jwt"
        assert (told["iss"], told["aud"], told["sub"]) == (server.public.url, [client["client_id"]], "alice")


@pytest.mark.parametrize("members, error", [
    ({"redirect_uris": [CALLBACK + "#x"]}, "invalid_redirect_uri"), ({"logo_uri": "javascript:alert(1)"}, "invalid_client_metadata"),
    ({"jwks": {"keys": []}, "jwks_uri": "https://rp.example.test/keys"}, "invalid_client_metadata"),
    ({"sector_identifier_uri": "https://127.0.0.1:1/sector"}, "invalid_client_metadata"),
    ({"subject_type": "odd"}, "invalid_client_metadata"), ({"initiate_login_uri": "http://rp.example.test/"}, "invalid_client_metadata")])
def test_registrations_refused(server, members, error):
    answer = server.public.post("/oauth2/register", json={"redirect_uris": [CALLBACK], **members})
    assert (answer.status, answer.json["error"]) == (400, error), answer


def test_keys_are_rotated(make_server):
    """A new key signs, the old one stays published for what it has signed."""
    server = make_server()
    client = make_web(server)
    old = tokens_for(server, client, scope="openid")["id_token"]
    answer = server.admin.post("/admin/keys/hydra.openid.id-token", json={"alg": "RS256", "use": "sig", "kid": "next"})
    assert answer.status == 201, answer
    until = time.monotonic() + 5
    while unpack(tokens_for(server, client, scope="openid")["id_token"])[0]["kid"] != "next":
        assert time.monotonic() < until
    kids = {key["kid"] for key in server.public.get("/.well-known/jwks.json").json["keys"]}
    assert {"next", unpack(old)[0]["kid"]} <= kids


def test_clients_keys_are_rotated(server):
    """A client that signs with a key which came to its jwks_uri after we last looked."""
    with Web() as web:
        client = make_web(server, jwks_uri=web.url + "/keys", request_object_signing_alg="ES256")
        for key in (KEY, Key("next")):
            web.documents["/keys"] = key_set(key)
            claims = {"redirect_uri": CALLBACK, "nonce": "nonce-of-the-object"}
            assert "login_challenge" in Browser(server).authorize(client, **ask(client, request=key.sign(claims))).query


# ---- logout ----

def logout(browser, **query):
    return browser.get("/oauth2/sessions/logout", query=query)


def test_rp_initiated(server, rp, browser):
    token = browser.sign_in(rp, **ask(rp))["id_token"]
    asked = logout(browser, id_token_hint=token, post_logout_redirect_uri="https://rp.example.test/bye", state="state-of-the-plan", ui_locales="se",
                   client_id=rp["client_id"], logout_hint="alice")
    back = browser.get(accept(server, "logout", asked.query["logout_challenge"]))
    assert (back.base, back.query) == ("https://rp.example.test/bye", {"state": "state-of-the-plan"})
    assert browser.authorize(rp, **ask(rp, prompt="none")).query["error"] == "login_required"


@pytest.mark.parametrize("change", [{"post_logout_redirect_uri": "https://rp.example.test/bye?foo=bar"}, {"post_logout_redirect_uri": "https://rp.example.test/no"},
                                    {"id_token_hint": "bad"}, {"id_token_hint": None}], ids=str)
def test_rp_initiated_refused(server, rp, browser, change):
    """RP-Initiated Logout 1.0, 2 and 3: no redirect to what is not registered or not vouched for; people get a page."""
    asked = {"id_token_hint": browser.sign_in(rp, **ask(rp))["id_token"], "post_logout_redirect_uri": "https://rp.example.test/bye", **change}
    page = logout(browser, **{name: value for name, value in asked.items() if value})
    assert page.base == server.public.url + "/oauth2/fallbacks/error", page


def test_rp_initiated_with_little(server, rp, browser):
    token = browser.sign_in(rp, **ask(rp))["id_token"]
    for query in ({}, {"id_token_hint": token}):
        assert "logout_challenge" in logout(browser, **query).query
    bare = logout(browser, id_token_hint=token, post_logout_redirect_uri="https://rp.example.test/bye")
    assert browser.get(accept(server, "logout", bare.query["logout_challenge"])).url == "https://rp.example.test/bye"


def test_front_and_back_channel(server, browser):
    with Listener(200) as listener:
        client = make_web(server, frontchannel_logout_uri="https://rp.example.test/front?x=1", frontchannel_logout_session_required=True,
                          backchannel_logout_uri=listener.url + "/back", backchannel_logout_session_required=True)
        claims = id_claims(server, client, browser.sign_in(client, **ask(client))["id_token"])
        page = browser.request("GET", accept(server, "logout", logout(browser).query["logout_challenge"]))
        frame = urllib.parse.urlsplit(html.unescape(re.search(r'<iframe[^>]* src="([^"]*)"', page.text)[1]))
        assert dict(urllib.parse.parse_qsl(frame.query)) == {"x": "1", "iss": server.public.url, "sid": claims["sid"]}
        ((_, path, headers, form),) = listener.wait(1)
        head, told = unpack(form["logout_token"])
        assert path == "/back" and headers["Content-Type"] == "application/x-www-form-urlencoded"
        assert head["alg"] == "RS256" and head["kid"] in {key["kid"] for key in server.public.get("/.well-known/jwks.json").json["keys"]}
        assert told["iss"] == server.public.url and told["aud"] == [client["client_id"]] and told["sid"] == claims["sid"]
        assert told["events"] == {"http://schemas.openid.net/event/backchannel-logout": {}} and told["jti"] and "nonce" not in told
