"""What OpenID Connect and RFC 9068 ask for beyond what deployed clients rely on: the parameter `claims`, claims for userinfo alone, requests
by POST, initiate_login_uri, the profile of JWT access tokens."""

import base64
import hashlib
import hmac
import json
import urllib.parse

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from assertions_support import EVIL, b64
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


@pytest.mark.parametrize("alg", ["none", "RS256"])
def test_each_claim_once_in_userinfo(server, alg):
    web = make_web(server, userinfo_signed_response_alg=alg)
    session = {"id_token": {"name": "Ada", "email": "a@example.test"}, "userinfo": {"name": "Ada Lovelace", "phone": "1"}}
    body = tokens_for(server, web, scope="openid", consent={"session": session})
    answer = server.public.get("/userinfo", bearer=body["access_token"])
    text = answer.text if alg == "none" else base64.urlsafe_b64decode(answer.text.split(".")[1] + "==").decode()
    info = json.loads(text)
    assert (info["name"], info["email"], info["phone"]) == ("Ada Lovelace", "a@example.test", "1")
    assert text.count('"name"') == 1, text
    assert unpack(body["id_token"])[1]["name"] == "Ada"


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


# ---- id_token_hint ----

def forged_hints(token, jwk, other):
    """What is no ID token of ours, though it says what one says."""
    head, payload, signature = token.split(".")
    said, claims = unpack(token)
    number = int.from_bytes(base64.urlsafe_b64decode(jwk["n"] + "=="), "big")
    pem = rsa.RSAPublicNumbers(65537, number).public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    mac = b64(json.dumps({"alg": "HS256", "kid": said["kid"]})) + "." + payload
    return {
        "none": b64(json.dumps({"alg": "none"})) + "." + payload + ".", "none and kid": b64(json.dumps({**said, "alg": "none"})) + "." + payload + ".",
        "none and signature": b64(json.dumps({**said, "alg": "none"})) + "." + payload + "." + signature,
        "HS256 with the public key": mac + "." + b64(hmac.new(pem, mac.encode(), hashlib.sha256).digest()),
        "another key": EVIL.sign(claims), "another key of that kid": EVIL.sign(claims, {"kid": said["kid"]}),
        "jwk": EVIL.sign(claims, {"jwk": EVIL.jwk}), "jku": EVIL.sign(claims, {"jku": "http://127.0.0.1:1/"}), "x5u": EVIL.sign(claims, {"x5u": "http://127.0.0.1:1/"}),
        "r = s = 0": b64(json.dumps({**said, "alg": "ES256"})) + "." + payload + "." + b64(bytes(64)),
        "another payload": head + "." + b64(json.dumps({**claims, "sub": "bob"})) + "." + signature, "cut": token[:-2], "longer": token + "A",
        "crit": b64(json.dumps({**said, "crit": ["x"]})) + "." + payload + "." + signature, "kid with SQL": EVIL.sign(claims, {"kid": "' OR 1=1 --"}),
        "70 kB": EVIL.sign({**claims, "x": "y" * 70_000}), "an access token": other, "dots": "..", "nothing else": payload,
    }


def test_forged_hints(make_server):
    server = make_server()
    client = make_web(server, post_logout_redirect_uris=["https://rp.example.test/bye"])
    jwts = make_web(server, access_token_strategy="jwt")
    b = Browser(server)
    token, other = b.sign_in(client, scope="openid")["id_token"], Browser(server).sign_in(jwts, scope="openid")["access_token"]
    (jwk,) = [key for key in server.public.get("/.well-known/jwks.json").json["keys"] if key["kid"] == unpack(token)[0]["kid"]]
    for name, hint in forged_hints(token, jwk, other).items():
        form = {"client_id": client["client_id"], "response_type": "code", "redirect_uri": client["redirect_uris"][0], "scope": "openid",
                "state": "state-of-the-test", "prompt": "none", "id_token_hint": hint}
        assert error_of(Redirect(b.request("POST", "/oauth2/auth", form=form))) == "invalid_request", name
        page = Redirect(b.request("POST", "/oauth2/sessions/logout", form={"id_token_hint": hint}))
        assert page.query.get("error") == "invalid_request" and "fallbacks/error" in page.base, (name, page)
    assert "login_challenge" in b.authorize(client, scope="openid", prompt="none", id_token_hint=token).query
    assert "logout_challenge" in b.get("/oauth2/sessions/logout", query={"id_token_hint": token}).query


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
