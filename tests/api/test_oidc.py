"""What OpenID Connect and RFC 9068 ask for beyond what deployed clients rely on: the parameter `claims`, claims for userinfo alone, requests
by POST, initiate_login_uri, the profile of JWT access tokens."""

import json
import urllib.parse

import pytest

from flow_support import Browser, Redirect, accept, get_request, make_web
from tokens_support import redeem, tokens_for, unpack


@pytest.fixture(scope="module")
def web(server):
    return make_web(server)


def asked(**members):
    return json.dumps(members)


def error_of(redirect):
    assert redirect.status == 303, redirect
    return redirect.query.get("error")


# ---- the parameter `claims` (OpenID Connect Core 5.5) ----

def test_claims_reach_the_apps(server, web):
    claims = {"userinfo": {"email": {"essential": True}, "name": None}, "id_token": {"auth_time": None}, "other": 1}
    b = Browser(server)
    challenge = b.to_login(web, scope="openid", claims=json.dumps(claims))
    assert get_request(server, "login", challenge).json["oidc_context"] == {"claims": claims}
    consent = b.get(accept(server, "login", challenge, {"subject": "alice"})).query["consent_challenge"]
    assert get_request(server, "consent", consent).json["oidc_context"] == {"claims": claims}
    code = b.get(accept(server, "consent", consent, {"grant_scope": ["openid"]})).query["code"]
    assert redeem(server, web, code).status == 200


@pytest.mark.parametrize("claims", [
    "{", "[]", "5", '"x"', asked(userinfo=5), asked(id_token=[]), asked(userinfo={"email": 5}), asked(userinfo={"email": {"essential": "yes"}}),
    asked(id_token={"acr": {"values": "gold"}}), asked(id_token={"sub": {"value": 5}}), asked(userinfo={"sub": {"value": ""}}), "{}x"])
def test_claims_refused(server, web, claims):
    assert error_of(Browser(server).authorize(web, scope="openid", claims=claims)) == "invalid_request"


@pytest.mark.parametrize("claims", ["{}", asked(userinfo=None), asked(userinfo={}, id_token=None), asked(id_token={"x": {"value": [1], "y": 2}})])
def test_claims_that_ask_for_little(server, web, claims):
    assert Browser(server).sign_in(web, scope="openid", claims=claims)["id_token"]


def test_requested_subject(server, web):
    b = Browser(server)
    about = lambda who, part="id_token": asked(**{part: {"sub": {"value": who}}})  # noqa: E731
    assert b.sign_in(web, scope="openid", claims=about("alice"))["id_token"]
    assert error_of(b.authorize(web, scope="openid", claims=about("bob"), prompt="none")) == "login_required"
    assert error_of(b.authorize(web, scope="openid", claims=about("bob", "userinfo"), prompt="none")) == "login_required"
    assert "login_challenge" in b.authorize(web, scope="openid", claims=about("alice"), prompt="none").query
    other = Browser(server)
    back = accept(server, "login", other.to_login(web, scope="openid", claims=about("bob")), {"subject": "alice"})
    assert error_of(other.get(back)) == "login_required"


def test_requested_pairwise_subject(make_server):
    server = make_server({"oidc": {"subject_identifiers": {"supported_types": ["public", "pairwise"], "pairwise": {"salt": "salt-of-tests"}}}})
    client, b = make_web(server, subject_type="pairwise"), Browser(server)
    shown = unpack(b.sign_in(client, scope="openid")["id_token"])[1]["sub"]
    assert shown != "alice"
    claims = asked(id_token={"sub": {"value": shown}})
    assert "login_challenge" in b.authorize(client, scope="openid", claims=claims, prompt="none").query


@pytest.mark.parametrize("wanted, reached, good", [
    ({"essential": True, "values": ["silver", "gold"]}, "gold", True), ({"essential": True, "value": "gold"}, "gold", True),
    ({"essential": True, "values": ["silver", "gold"]}, "bronze", False), ({"essential": True, "value": "gold"}, None, False),
    ({"values": ["gold"]}, "bronze", True), ({"essential": True}, "bronze", True), (None, "bronze", True)])
def test_requested_acr(server, web, wanted, reached, good):
    b = Browser(server)
    challenge = b.to_login(web, scope="openid", claims=asked(id_token={"acr": wanted}))
    answer = b.get(accept(server, "login", challenge, {"subject": "alice", **({"acr": reached} if reached else {})}))
    if not good:
        assert error_of(answer) == "unmet_authentication_requirements"
        return
    code = b.get(accept(server, "consent", answer.query["consent_challenge"], {"grant_scope": ["openid"]})).query["code"]
    assert unpack(redeem(server, web, code).json["id_token"])[1]["acr"] == reached


def test_acr_that_nobody_named(server, web):
    body = Browser(server).sign_in(web, scope="openid", claims=asked(id_token={"acr": None}))
    assert unpack(body["id_token"])[1]["acr"] == "0"


# ---- claims for userinfo alone ----

def test_claims_for_userinfo(server, web):
    session = {"id_token": {"name": "Ada"}, "userinfo": {"phone": "1", "sub": "mallory", "nonce": "x"}}
    body = tokens_for(server, web, scope="openid", consent={"session": session})
    told = unpack(body["id_token"])[1]
    assert told["name"] == "Ada" and "phone" not in told
    info = server.public.get("/userinfo", bearer=body["access_token"]).json
    assert (info["name"], info["phone"], info["sub"]) == ("Ada", "1", "alice") and "nonce" not in info
    assert server.introspect(body["access_token"]).get("ext", {}) == {}


# ---- requests by POST ----

def test_post_keeps_every_parameter(server, web):
    form = {"client_id": web["client_id"], "response_type": "code", "redirect_uri": web["redirect_uris"][0], "scope": "openid",
            "state": "state-of-the-test", "nonce": "nonce-of-the-test", "max_age": "100", "acr_values": "gold", "login_hint": "bob",
            "claims": asked(userinfo={"email": None}), "audience": "", "made_up": "x"}
    b = Browser(server)
    challenge = Redirect(b.request("POST", "/oauth2/auth", form=form)).query["login_challenge"]
    url = urllib.parse.urlsplit(get_request(server, "login", challenge).json["request_url"])
    assert dict(urllib.parse.parse_qsl(url.query, keep_blank_values=True)) == form
    consent = b.get(accept(server, "login", challenge, {"subject": "alice"})).query["consent_challenge"]
    code = b.get(accept(server, "consent", consent, {"grant_scope": ["openid"]})).query["code"]
    assert unpack(redeem(server, web, code).json["id_token"])[1]["nonce"] == "nonce-of-the-test"


# ---- initiate_login_uri ----

def test_initiate_login_uri(server):
    assert make_web(server, initiate_login_uri="https://rp.example.test/start")["initiate_login_uri"] == "https://rp.example.test/start"
    for bad in ("http://rp.example.test/start", "com.example:/start", "start"):
        answer = server.admin.post("/admin/clients", json={"initiate_login_uri": bad})
        assert (answer.status, answer.json["error"]) == (400, "invalid_client_metadata"), bad


# ---- RFC 9068 ----

def test_jwt_profile(make_server):
    server = make_server({"strategies": {"access_token": "jwt", "jwt": {"profile": "rfc9068"}}})
    client = server.create_client(scope="foo bar", audience=["https://api.example"])
    token = server.access_token(client, scope="foo bar")
    head, claims = unpack(token)
    assert head["typ"] == "at+jwt" and claims["scope"] == "foo bar" and claims["scp"] == ["foo", "bar"]
    assert claims["aud"] == [server.public.url]
    assert {"iss", "exp", "aud", "sub", "client_id", "iat", "jti"} <= set(claims)
    assert unpack(server.access_token(client, audience="https://api.example"))[1]["aud"] == ["https://api.example"]
    assert server.introspect(token)["active"]
    user = tokens_for(server, make_web(server), scope="openid foo")
    assert (unpack(user["access_token"])[0]["typ"], unpack(user["id_token"])[0]["typ"]) == ("at+jwt", "JWT")
    assert server.introspect(user["access_token"])["sub"] == "alice"


def test_usual_profile(make_server):
    server = make_server({"strategies": {"access_token": "jwt"}})
    head, claims = unpack(server.access_token(server.create_client(scope="foo"), scope="foo"))
    assert head["typ"] == "JWT" and claims["aud"] == [] and "scope" not in claims
