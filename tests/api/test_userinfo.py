"""GET and POST /userinfo. Numbers in comments are the behaviours that deployed clients rely on (146, 147)."""

import time

import pytest

from flow_support import make_web
from tokens_support import pair, redeem, refresh, tokens_for, unpack


@pytest.fixture(scope="module")
def web(server):
    return make_web(server)


@pytest.fixture(scope="module")
def token(server, web):
    session = {"id_token": {"email": "a@example.test", "sub": "mallory"}}
    return tokens_for(server, web, nonce="a-nonce-of-the-test", consent={"session": session}, login={"acr": "gold"})["access_token"]


def refused(answer, status, error, challenge=True):
    assert answer.status == status and answer.json["error"] == error, answer
    assert sorted(answer.json) == ["error", "error_description"]
    shown = answer.headers.get("WWW-Authenticate") or ""
    assert shown.startswith(f'Bearer error="{error}",error_description="') == challenge, answer.headers


def test_claims(server, web, token):  # 146
    answer = server.public.get("/userinfo", bearer=token)
    assert answer.status == 200 and answer.headers["Content-Type"].startswith("application/json")
    assert "no-store" in answer.headers["Cache-Control"]
    assert sorted(answer.json) == ["acr", "aud", "auth_time", "email", "iat", "iss", "rat", "sub"]
    assert (answer.json["sub"], answer.json["aud"], answer.json["email"]) == ("alice", [web["client_id"]], "a@example.test")


def test_ways_to_send_the_token(server, token):
    ways = [
        server.public.get("/userinfo", headers={"Authorization": "bearer " + token}),
        server.public.get("/userinfo", query={"access_token": token}),
        server.public.post("/userinfo", form={"access_token": token}),
        server.public.post("/userinfo", bearer=token),
        server.public.post("/userinfo", form={"access_token": token}, query={"access_token": "x"}),
        server.public.post("/userinfo", form={"access_token": token}, headers={"Authorization": "Basic YTpi"}),
    ]
    assert [a.status for a in ways] == [200] * len(ways)


def test_refusals(server, web, token):
    refused(server.public.get("/userinfo"), 401, "request_unauthorized")
    for bad in ("x", "", "ory_at_aaaa.bbbb", token[:-1], "\" injected", "x" * 5000):
        refused(server.public.get("/userinfo", bearer=bad), 401, "request_unauthorized")
    refused(server.public.get("/userinfo", bearer="x", query={"access_token": token}), 401, "request_unauthorized")
    body = tokens_for(server, web)
    refused(server.public.get("/userinfo", bearer=body["refresh_token"]), 401, "invalid_token")
    refused(server.public.get("/userinfo", bearer=body["id_token"]), 401, "request_unauthorized")
    server.public.post("/oauth2/revoke", form={"token": body["access_token"]}, basic=pair(web))
    refused(server.public.get("/userinfo", bearer=body["access_token"]), 401, "request_unauthorized")
    refused(server.public.get("/userinfo", bearer=tokens_for(server, web, scope="foo")["access_token"]), 403, "insufficient_scope")


def test_several_headers(server, token):
    raw = (f"GET /userinfo HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nAuthorization: Bearer {token}\r\n"
           "Connection: close\r\n\r\n").encode()
    assert server.public.raw(raw).startswith(b"HTTP/1.1 400 ")


def test_expired(make_server):
    server = make_server({"ttl": {"access_token": "1s"}})
    body = tokens_for(server, make_web(server))
    time.sleep(2.1)
    refused(server.public.get("/userinfo", bearer=body["access_token"]), 401, "invalid_token")


def test_signed(server):  # 147
    web = make_web(server, userinfo_signed_response_alg="RS256")
    answer = server.public.get("/userinfo", bearer=tokens_for(server, web)["access_token"])
    assert answer.status == 200 and answer.headers["Content-Type"] == "application/jwt"
    head, claims = unpack(answer.text)
    assert head["alg"] == "RS256" and claims["sub"] == "alice" and claims["aud"] == [web["client_id"]]
    assert sorted(claims) == ["aud", "auth_time", "iat", "iss", "jti", "rat", "sub"]


def test_client_credentials(server):
    client = server.create_client(scope="openid")
    answer = server.public.get("/userinfo", bearer=server.access_token(client, scope="openid"))
    assert sorted(answer.json) == ["aud", "iat", "iss"]
    refused(server.public.get("/userinfo", bearer=server.access_token(client)), 403, "insufficient_scope")


def test_claims_stay_after_a_refresh(server, web):
    body = tokens_for(server, web, consent={"session": {"id_token": {"name": "Ada"}}})
    two = refresh(server, web, body["refresh_token"]).json
    assert server.public.get("/userinfo", bearer=two["access_token"]).json["name"] == "Ada"
    assert unpack(two["id_token"])[1]["name"] == "Ada"


def test_hybrid_token(server):
    from flow_support import Browser
    web = make_web(server, grant_types=["authorization_code", "implicit", "refresh_token"], response_types=["code token"])
    back = Browser(server).flow(web, response_type="code token", response_mode="fragment", scope="openid offline")
    import urllib.parse
    got = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(back.url).fragment))
    assert server.public.get("/userinfo", bearer=got["access_token"]).status == 200
    body = redeem(server, web, got["code"]).json
    assert server.public.get("/userinfo", bearer=got["access_token"]).status == 200
    server.public.post("/oauth2/revoke", form={"token": body["refresh_token"]}, basic=pair(web))
    assert server.public.get("/userinfo", bearer=got["access_token"]).status == 401
