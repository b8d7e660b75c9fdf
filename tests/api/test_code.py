"""Redeeming authorization codes, and the ID tokens that come of it. Numbers in comments are the behaviours that deployed clients
rely on (PKCE 101-105, token endpoint 115-128, tokens 145); attacks are those of RFC 9700 2.1 and 4.5."""

import base64
import hashlib
import re
import time

import pytest

from flow_support import CALLBACK, Browser, make_web
from tokens_support import active, at_once, code_for, half_hash, pair, redeem, refresh, refused, tokens_for, unpack

VERIFIER = "a-verifier-of-the-test.0123456789_abcdefghij~XYZ"
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
PKCE = {"code_challenge": CHALLENGE, "code_challenge_method": "S256"}


@pytest.fixture(scope="module")
def web(server):
    return make_web(server)


@pytest.fixture(scope="module")
def other(server):
    return make_web(server)


def test_answer(server, web):
    code = code_for(server, web, nonce="a-nonce-of-the-test")
    assert re.fullmatch(r"ory_ac_[A-Za-z0-9_-]{20,}\.[A-Za-z0-9_-]{20,}", code)
    answer = redeem(server, web, code)
    assert answer.status == 200, answer
    assert answer.headers["Cache-Control"] == "no-store" and answer.headers["Pragma"] == "no-cache"
    body = answer.json
    assert sorted(body) == ["access_token", "expires_in", "id_token", "refresh_token", "scope", "token_type"]
    assert (body["scope"], body["token_type"]) == ("openid offline foo", "bearer")
    assert re.fullmatch(r"ory_rt_[A-Za-z0-9_-]{20,}\.[A-Za-z0-9_-]{20,}", body["refresh_token"])
    head, claims = unpack(body["id_token"])
    assert sorted(head) == ["alg", "kid", "typ"] and head["typ"] == "JWT"
    assert sorted(claims) == ["at_hash", "aud", "auth_time", "exp", "iat", "iss", "jti", "nonce", "rat", "sid", "sub"]
    assert claims["at_hash"] == half_hash(body["access_token"])
    assert (claims["sub"], claims["aud"], claims["iss"]) == ("alice", [web["client_id"]], server.public.url)
    assert claims["nonce"] == "a-nonce-of-the-test" and claims["exp"] - claims["iat"] == 3600
    said = server.introspect(body["access_token"])
    assert (said["sub"], said["token_use"], said["scope"]) == ("alice", "access_token", "openid offline foo")


def test_which_tokens(server, web):  # 119, 120
    for scope, names in (("openid", {"id_token"}), ("offline", {"refresh_token"}), ("foo", set()), ("openid offline", {"id_token", "refresh_token"})):
        assert set(tokens_for(server, web, scope=scope)) - {"access_token", "expires_in", "scope", "token_type"} == names, scope
    plain = make_web(server, grant_types=["authorization_code"])
    body = tokens_for(server, plain)
    assert "refresh_token" not in body
    refused(refresh(server, plain, "whatever"), 400, "unauthorized_client")


def test_consent_decides(server, web):  # 91
    body = tokens_for(server, web, scope="foo", consent={"grant_scope": ["openid", "extra"], "grant_access_token_audience": ["urn:extra"]})
    assert body["scope"] == "openid extra" and "id_token" in body
    assert server.introspect(body["access_token"])["aud"] == ["urn:extra"]


def test_login_and_session_claims(server, web):  # 145
    forged = {name: "x" for name in ("iss", "sub", "aud", "exp", "iat", "jti", "auth_time", "rat", "sid", "nonce", "at_hash", "c_hash",
                                     "acr", "amr")}
    body = tokens_for(server, web, login={"acr": "gold", "amr": ["pwd", "otp"]},
                      consent={"session": {"id_token": {**forged, "email": "a@example.test"}, "access_token": {"role": "admin"}}})
    claims = unpack(body["id_token"])[1]
    assert (claims["acr"], claims["amr"], claims["email"]) == ("gold", ["pwd", "otp"], "a@example.test")
    assert "x" not in claims.values()
    assert server.introspect(body["access_token"])["ext"] == {"role": "admin"}
    assert server.introspect(body["refresh_token"])["ext"] == {"role": "admin"}


def test_acr_that_was_not_reached(server, web):
    assert unpack(tokens_for(server, web, acr_values="gold")["id_token"])[1]["acr"] == "0"


def test_replay_ends_the_grant(server, web, other):  # 115
    for by in (web, other):
        code = code_for(server, web)
        body = redeem(server, web, code).json
        refused(redeem(server, web, code, by=by), 400, "invalid_grant", "The authorization code has already been used.")
        assert not active(server, body["access_token"]) and not active(server, body["refresh_token"])
        refused(refresh(server, web, body["refresh_token"]), 400, "invalid_grant")


def test_failed_attempts_leave_the_code(server, web, other):  # 116, 117
    code = code_for(server, web)
    refused(redeem(server, web, code, by=other), 400, "invalid_grant")
    for redirect_uri in (None, "", CALLBACK + "/", CALLBACK.replace("https", "http"), CALLBACK + "?x=y", "https://RP.example.test/cb"):
        refused(redeem(server, web, code, redirect_uri=redirect_uri), 400, "invalid_grant", "redirect_uri")
    assert server.public.post("/oauth2/token", form={"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK},
                              basic=(web["client_id"], "wrong-secret")).status == 401
    assert redeem(server, web, code).status == 200


def test_malformed(server, web):
    code = code_for(server, web)
    tokens = tokens_for(server, web)
    for bad in (None, "", "x", code[:-1], code + "A", code[:20] + ("B" if code[20] == "A" else "A") + code[21:], code + "\0",
                tokens["access_token"], tokens["refresh_token"], tokens["id_token"], "ory_ac_." + "A" * 40, "A" * 60000):
        refused(redeem(server, web, bad), 400, "invalid_grant")
    assert redeem(server, web, code.removeprefix("ory_ac_")).status == 200


def test_expired(make_server):  # 118
    server = make_server({"ttl": {"auth_code": "1s"}})
    web = make_web(server)
    code = code_for(server, web)
    time.sleep(2.1)
    refused(redeem(server, web, code), 400, "invalid_grant")


def test_optional_redirect_uri(server, web):
    code = code_for(server, web, scope="foo", redirect_uri=None)
    assert redeem(server, web, code, redirect_uri=None).status == 200


def test_lifespans(server):  # 128
    web = make_web(server, authorization_code_grant_access_token_lifespan="10m", authorization_code_grant_id_token_lifespan="20m",
                   authorization_code_grant_refresh_token_lifespan="30m", refresh_token_grant_access_token_lifespan="40m")
    body = tokens_for(server, web)
    claims, said = unpack(body["id_token"])[1], server.introspect(body["refresh_token"])
    assert (body["expires_in"], claims["exp"] - claims["iat"], said["exp"] - said["iat"]) == (600, 1200, 1800)
    assert refresh(server, web, body["refresh_token"]).json["expires_in"] == 2400


class TestPkce:
    def test_fits(self, server, web):
        assert redeem(server, web, code_for(server, web, **PKCE), code_verifier=VERIFIER).status == 200

    @pytest.mark.parametrize("wrong", [None, "", VERIFIER + "x", VERIFIER[:-1], CHALLENGE, "a" * 42, "a" * 129, "a" * 42 + "+"])
    def test_wrong_verifier_burns_the_code(self, server, web, wrong):  # 103, 104
        code = code_for(server, web, **PKCE)
        refused(redeem(server, web, code, code_verifier=wrong), 400, "invalid_grant")
        refused(redeem(server, web, code), 400, "invalid_grant", "wrong code_verifier")
        refused(redeem(server, web, code, code_verifier=VERIFIER), 400, "invalid_grant", "wrong code_verifier")

    def test_downgrade(self, server, web):  # 105; RFC 9700 4.8.2: the challenge was taken out of the request
        refused(redeem(server, web, code_for(server, web), code_verifier=VERIFIER), 400, "invalid_grant")

    def test_code_injection(self, server):  # RFC 9700 4.5: a code of the victim's in a session of the attacker's
        spa = make_web(server, token_endpoint_auth_method="none")
        code = code_for(server, spa, **PKCE)
        answer = server.public.post("/oauth2/token", form={"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK,
                                                           "client_id": spa["client_id"], "code_verifier": "b" * 43})
        refused(answer, 400, "invalid_grant", "did not match")

    def test_public_client(self, server):
        spa = make_web(server, token_endpoint_auth_method="none")
        code = code_for(server, spa, **PKCE)
        answer = server.public.post("/oauth2/token", form={"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK,
                                                           "client_id": spa["client_id"], "code_verifier": VERIFIER})
        assert answer.status == 200, answer


@pytest.mark.race
def test_one_of_a_hundred_wins(server, web):
    code = code_for(server, web)
    answers = at_once(100, lambda: redeem(server, web, code))
    won = [a for a in answers if a.status == 200]
    assert len(won) == 1, [a.status for a in answers]
    for answer in answers:
        assert answer is won[0] or (answer.status, answer.json["error"]) == (400, "invalid_grant"), answer
    # The others were replays, or came at the same moment: either way there is one family or none.
    alive = {active(server, won[0].json["access_token"]), active(server, won[0].json["refresh_token"])}
    assert len(alive) == 1


def test_code_survives_a_crash(make_server):
    server = make_server()
    web = make_web(server)
    code = code_for(server, web)
    server.kill()
    server.start()
    body = redeem(server, web, code)
    assert body.status == 200, body
    server.kill()
    server.start()
    assert active(server, body.json["access_token"])
    refused(redeem(server, web, code), 400, "invalid_grant")
    assert not active(server, body.json["access_token"])


def test_pairwise(make_server):
    server = make_server({"oidc": {"subject_identifiers": {"supported_types": ["public", "pairwise"], "pairwise": {"salt": "some-salt-value"}}}})
    web = make_web(server, subject_type="pairwise", redirect_uris=["http://127.0.0.1:5555/cb"])
    seen = hashlib.sha256(b"127.0.0.1:5555alicesome-salt-value").hexdigest()

    def sub(**login):
        code = code_for(server, web, login=login)
        body = redeem(server, web, code, redirect_uri="http://127.0.0.1:5555/cb").json
        said = server.introspect(body["access_token"])
        claims = unpack(body["id_token"])[1]
        info = server.public.get("/userinfo", bearer=body["access_token"]).json
        again = unpack(refresh(server, web, body["refresh_token"]).json["id_token"])[1]
        assert said["sub"] == "alice" and claims["sub"] == info["sub"] == said["obfuscated_subject"] == again["sub"]
        return claims["sub"]

    assert sub() == seen
    assert sub(force_subject_identifier="forced") == "forced"
    assert sub() == seen
    for login in {}, {"force_subject_identifier": "forced"}:
        b = Browser(server)
        hint = b.sign_in(web, login)["id_token"]
        assert "login_challenge" in b.authorize(web, prompt="none", id_token_hint=hint).query
    several = make_web(server, subject_type="pairwise", redirect_uris=["https://a.example/cb", "https://b.example/cb"])
    assert Browser(server).flow(several, {"force_subject_identifier": "forced"}).query["code"]     # needs no sector
    public = make_web(server)
    assert unpack(tokens_for(server, public, login={"force_subject_identifier": "forced"})["id_token"])[1]["sub"] == "alice"


def test_jwt_access_tokens(make_server):
    server = make_server({"strategies": {"access_token": "jwt"}})
    web = make_web(server)
    body = tokens_for(server, web, consent={"session": {"access_token": {"role": "admin"}}})
    head, claims = unpack(body["access_token"])
    assert (claims["sub"], claims["scp"], claims["ext"]) == ("alice", ["openid", "offline", "foo"], {"role": "admin"})
    assert active(server, body["access_token"])
    two = refresh(server, web, body["refresh_token"]).json
    assert not active(server, body["access_token"]) and active(server, two["access_token"])
    assert server.public.post("/oauth2/revoke", form={"token": two["access_token"]}, basic=pair(web)).status == 200
    assert not active(server, two["access_token"]) and not active(server, two["refresh_token"])


def test_consent_revoked_before_redemption(server, web):
    subject = f"somebody {time.monotonic_ns()}"
    code = Browser(server).flow(web, login={"subject": subject}).query["code"]
    assert server.admin.delete("/admin/oauth2/auth/sessions/consent", query={"subject": subject, "all": "true"}).status == 204
    refused(redeem(server, web, code), 400, "invalid_grant")
