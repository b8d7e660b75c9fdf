"""POST /oauth2/revoke (RFC 7009). Numbers in comments are the behaviours that deployed clients rely on."""

import concurrent.futures

import pytest

SECRET = "the-secret-of-this-client"


def make(server, **members):
    return server.create_client(client_secret=SECRET, **members)


def revoke(server, token, client=None, **more):
    basic = (client["client_id"], SECRET) if client else None
    return server.public.post("/oauth2/revoke", form={"token": token, **more}, basic=basic)


def active(server, token):
    return server.introspect(token)["active"]


@pytest.mark.parametrize("strategy", ["opaque", "jwt"])
def test_only_that_token(server, strategy):
    client = make(server, access_token_strategy=strategy)
    one, two = server.access_token(client), server.access_token(client)
    answer = revoke(server, one, client)
    assert (answer.status, answer.body) == (200, b""), answer
    assert answer.headers["Cache-Control"] == "no-store" and answer.headers["Pragma"] == "no-cache"
    assert not active(server, one) and active(server, two)
    assert revoke(server, one, client).status == 200


def test_survives_restart(make_server):
    server = make_server()
    client = make(server)
    token = server.access_token(client)
    assert revoke(server, token, client).status == 200
    server.kill()
    server.start()
    assert not active(server, token)


@pytest.mark.parametrize("token", ["", "made-up", "ory_at_x.y", "a.b.c", "x" * 100000])
def test_unknown(server, token):  # 148
    answer = revoke(server, token, make(server))
    assert (answer.status, answer.body) == (200, b""), answer


def test_no_token(server):
    client = make(server)
    answer = server.public.post("/oauth2/revoke", form={"token_type_hint": "access_token"}, basic=(client["client_id"], SECRET))
    assert (answer.status, answer.body) == (200, b"")


def test_of_another_client(server):  # 148
    one, two = make(server), make(server)
    token = server.access_token(one)
    assert revoke(server, token, two).status == 200
    assert active(server, token)


@pytest.mark.parametrize("hint", ["access_token", "refresh_token", "nonsense", ""])
def test_any_hint(server, hint):
    client = make(server)
    token = server.access_token(client)
    assert revoke(server, token, client, token_type_hint=hint).status == 200
    assert not active(server, token)


def test_without_prefix(server):
    client = make(server)
    token = server.access_token(client)
    assert revoke(server, token.removeprefix("ory_at_"), client).status == 200
    assert not active(server, token)


def test_post_client(server):
    client = make(server, token_endpoint_auth_method="client_secret_post")
    form = {"grant_type": "client_credentials", "client_id": client["client_id"], "client_secret": SECRET}
    token = server.public.post("/oauth2/token", form=form).json["access_token"]
    assert revoke(server, token, client_id=client["client_id"], client_secret=SECRET).status == 200
    assert not active(server, token)


def test_wrong_secret(server):  # 149
    client = make(server)
    token = server.access_token(client)
    for name in (client["client_id"], "nobody"):
        answer = server.public.post("/oauth2/revoke", form={"token": token}, basic=(name, "wrong"))
        assert answer.status == 401 and answer.json["error"] == "invalid_client", answer
        assert answer.headers["WWW-Authenticate"].startswith("Basic ")
    assert active(server, token)


def test_malformed(server):
    client = make(server)
    basic = (client["client_id"], SECRET)
    for more in ({"basic": basic}, {"json": {"token": "x"}, "basic": basic}, {"form": {"token": "x"}},
                 {"form": {"token": "x", "client_assertion_type": "urn:x"}}):
        answer = server.public.post("/oauth2/revoke", **more)
        assert answer.status == 400 and answer.json["error"] == "invalid_request", answer
    assert server.public.get("/oauth2/revoke", query={"token": "x"}).status == 404


@pytest.mark.race
def test_at_once(server):
    """A hundred revocations of one token: all succeed, and no answer comes before the token is dead."""
    client = make(server)
    token = server.access_token(client)

    def one(_):
        return revoke(server, token, client).status, active(server, token)
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        assert set(pool.map(one, range(100))) == {(200, False)}


def test_large_token(server):
    names = " ".join(f"scope{i}" for i in range(500))
    client = make(server, scope=names)
    token = server.access_token(client, scope=names)
    assert revoke(server, token, client).status == 200
    assert not active(server, token)
