"""POST /oauth2/token with client_credentials: client authentication, scopes, audience, lifespans, both forms of token, refusals.
Numbers in comments are the behaviours that deployed clients rely on (transport 1-11, token endpoint 106-131, tokens 142-144)."""

import base64
import concurrent.futures
import json
import re
import time

import pytest

SECRET = "the-secret-of-this-client"


def unpack(token):
    def part(text):
        return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    head, body, _ = token.split(".")
    return part(head), part(body)


def make(server, **members):
    return server.create_client(**{"client_secret": SECRET, "scope": "read docs.*", **members})


def ask(server, form="grant_type=client_credentials", **more):
    return server.public.post("/oauth2/token", form=form, **more)


def refused(answer, status, error, text=""):
    assert answer.status == status, answer
    assert answer.headers["Cache-Control"] == "no-store" and answer.headers["Pragma"] == "no-cache", answer.headers  # 6
    assert sorted(answer.json) == ["error", "error_description"], answer                                               # 7
    assert answer.json["error"] == error and text in answer.json["error_description"], answer
    assert '"' not in answer.json["error_description"]                                                                 # 9


def test_answer(server):
    client = make(server)
    answer = server.token(client, scope="read docs.x")
    assert answer.status == 200, answer
    assert answer.headers["Content-Type"].lower().replace(" ", "") == "application/json;charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-store" and answer.headers["Pragma"] == "no-cache"  # 6
    body = answer.json
    assert sorted(body) == ["access_token", "expires_in", "scope", "token_type"]  # 129
    assert (body["scope"], body["token_type"]) == ("read docs.x", "bearer")
    assert 3599 <= body["expires_in"] <= 3600
    assert re.fullmatch(r"ory_at_[A-Za-z0-9_-]{20,}\.[A-Za-z0-9_-]{20,}", body["access_token"])  # 142
    said = server.introspect(body["access_token"])
    assert said["sub"] == said["client_id"] == client["client_id"]  # 129
    assert server.token(client).json["scope"] == ""


def test_never_twice_the_same(server):
    client = make(server)
    assert len({server.access_token(client) for _ in range(50)}) == 50


class TestClientAuthentication:
    def test_basic(self, server):
        client = make(server, client_id="id with :/+% ü", client_secret="pass:word +%&=ü")
        answer = ask(server, basic=(client["client_id"].encode(), "pass:word +%&=ü".encode()))  # 109
        assert answer.status == 200, answer

    @pytest.mark.parametrize("scheme", ["Basic", "basic", "BASIC"])
    def test_scheme_in_any_case(self, server, scheme):
        client = make(server)
        pair = base64.b64encode(f"{client['client_id']}:{SECRET}".encode()).decode()
        assert ask(server, headers={"Authorization": f"{scheme} {pair}"}).status == 200

    def test_post(self, server):
        client = make(server, token_endpoint_auth_method="client_secret_post")
        form = {"grant_type": "client_credentials", "client_id": client["client_id"], "client_secret": SECRET}
        assert ask(server, form).status == 200
        form["client_secret"] += "x"
        refused(ask(server, form), 401, "invalid_client")

    def test_wrong_and_unknown_are_alike(self, server):  # 108
        client = make(server)
        wrong, unknown = ask(server, basic=(client["client_id"], "wrong")), ask(server, basic=("nobody", "wrong"))
        refused(wrong, 401, "invalid_client")
        assert wrong.json == unknown.json and unknown.status == 401

    def test_challenge(self, server):  # 10
        client = make(server)
        assert ask(server, basic=(client["client_id"], "wrong")).headers["WWW-Authenticate"].startswith("Basic ")
        answer = ask(server, {"grant_type": "client_credentials", "client_id": "nobody", "client_secret": "x"})
        assert answer.status == 401 and "WWW-Authenticate" not in answer.headers
        assert "WWW-Authenticate" not in ask(server, basic=(client["client_id"], SECRET)).headers

    def test_only_the_registered_method(self, server):  # 110
        client = make(server)
        form = {"grant_type": "client_credentials", "client_id": client["client_id"], "client_secret": SECRET}
        refused(ask(server, form), 401, "invalid_client", "client_secret_post")
        refused(ask(server, form, basic=(client["client_id"], SECRET)), 401, "invalid_client")
        post = make(server, token_endpoint_auth_method="client_secret_post")
        refused(ask(server, basic=(post["client_id"], SECRET)), 401, "invalid_client", "client_secret_basic")

    def test_public_client(self, server):  # 111, 130
        client = server.create_client(token_endpoint_auth_method="none")
        name = client["client_id"]
        refused(ask(server, {"grant_type": "client_credentials", "client_id": name}), 400, "invalid_grant")
        refused(ask(server, {"grant_type": "client_credentials", "client_id": name, "client_secret": "x"}), 401, "invalid_client")
        refused(ask(server, basic=(name, "x")), 401, "invalid_client")

    @pytest.mark.parametrize("header", ["", "Basic", "Basic !!!", "Basic bm9jb2xvbg==", "Bearer abc", "Digest username=x"])
    def test_no_credentials(self, server, header):
        refused(ask(server, headers={"Authorization": header}), 400, "invalid_request", "missing or malformed")

    @pytest.mark.parametrize("pair", [b":", b":a-secret"])
    def test_no_name(self, server, pair):
        header = {"Authorization": "Basic " + base64.b64encode(pair).decode()}
        refused(ask(server, headers=header), 401, "invalid_client")

    def test_undecodable(self, server):  # 109
        pair = base64.b64encode(b"plain:bad%zzescape").decode()
        refused(ask(server, headers={"Authorization": "Basic " + pair}), 400, "invalid_request", "could not be decoded")

    def test_two_names(self, server):
        one, two = make(server), make(server)
        form = {"grant_type": "client_credentials", "client_id": two["client_id"]}
        refused(ask(server, form, basic=(one["client_id"], SECRET)), 400, "invalid_request", "another client")
        form["client_id"] = one["client_id"]
        assert ask(server, form, basic=(one["client_id"], SECRET)).status == 200

    def test_two_headers(self, server):
        pair = base64.b64encode(b"a:b").decode()
        got = server.public.raw((f"POST /oauth2/token HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {pair}\r\nAuthorization: Basic "
                                 f"{pair}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 29\r\n"
                                 f"Connection: close\r\n\r\ngrant_type=client_credentials").encode())
        assert got.startswith(b"HTTP/1.1 400") and b"invalid_request" in got

    def test_query_does_not_count(self, server):
        client = make(server, token_endpoint_auth_method="client_secret_post")
        answer = ask(server, query={"client_id": client["client_id"], "client_secret": SECRET})
        refused(answer, 400, "invalid_request")

    @pytest.mark.race
    def test_changed_secret_counts_at_once(self, server):
        client = make(server)
        assert server.token(client).status == 200
        server.admin.put(f"/admin/clients/{client['client_id']}", json={**client, "client_secret": "quite-another-one"})
        refused(server.token(client), 401, "invalid_client")
        assert server.token({**client, "client_secret": "quite-another-one"}).status == 200

    def test_deleted_client(self, server):
        client = make(server)
        assert server.token(client).status == 200
        assert server.admin.delete(f"/admin/clients/{client['client_id']}").status == 204
        refused(server.token(client), 401, "invalid_client")

    def test_assertion_type(self, server):
        refused(ask(server, {"grant_type": "client_credentials", "client_assertion_type": "urn:x"}), 400, "invalid_request")


class TestRequest:
    @pytest.mark.parametrize("body, content_type", [
        ("", "application/x-www-form-urlencoded"), ('{"grant_type":"client_credentials"}', "application/json"),
        ("grant_type=client_credentials", "text/plain"), ("grant_type=%zz", "application/x-www-form-urlencoded")])
    def test_no_form(self, server, body, content_type):  # 106
        answer = server.public.post("/oauth2/token", body=body, headers={"Content-Type": content_type})
        refused(answer, 400, "invalid_request", "empty")

    @pytest.mark.parametrize("grant", ["magic", "password", "authorization_code refresh_token", "Client_Credentials"])
    def test_unknown_grant(self, server, grant):  # 107
        client = make(server)
        for secret in (SECRET, "wrong"):
            refused(ask(server, {"grant_type": grant}, basic=(client["client_id"], secret)), 400, "invalid_request")

    def test_missing_grant(self, server):
        for form in ("x=y", "grant_type="):
            refused(ask(server, form), 400, "invalid_request", "grant_type")

    def test_blanks_around_words(self, server):
        client = make(server, audience=["urn:a", "urn:b"])
        for form in ("grant_type=client_credentials%0A&scope=read%0A", "grant_type=+client_credentials+&scope=%0D%0A+read"):
            answer = ask(server, form, basic=(client["client_id"], SECRET))
            assert answer.status == 200 and answer.json["scope"] == "read", answer
        for form in ("audience=urn:a+urn:b%0A", "audience=urn:a%0A&audience=+urn:b"):
            answer = ask(server, "grant_type=client_credentials&" + form, basic=(client["client_id"], SECRET))
            assert server.introspect(answer.json["access_token"])["aud"] == ["urn:a", "urn:b"], form
        refused(ask(server, "grant_type=%0A"), 400, "invalid_request", "grant_type")
        refused(ask(server, "grant_type=client_+credentials"), 400, "invalid_request")

    def test_grant_not_registered(self, server):
        client = make(server, grant_types=["authorization_code"])
        refused(server.token(client), 400, "unauthorized_client")

    def test_first_value_counts(self, server):
        client = make(server)
        form = "grant_type=client_credentials&grant_type=magic&scope=read&scope=docs.x"
        assert ask(server, form, basic=(client["client_id"], SECRET)).json["scope"] == "read"

    def test_multipart(self, server):
        client = make(server)
        body = ('--b\r\nContent-Disposition: form-data; name="grant_type"\r\n\r\nclient_credentials\r\n'
                '--b\r\nContent-Disposition: form-data; name="scope"\r\n\r\nread\r\n--b--\r\n')
        answer = server.public.post("/oauth2/token", body=body, basic=(client["client_id"], SECRET),
                                    headers={"Content-Type": "multipart/form-data; boundary=b"})
        assert answer.status == 200 and answer.json["scope"] == "read", answer

    def test_other_methods(self, server):  # 2
        for method in ("GET", "PUT", "DELETE", "PATCH"):
            assert server.public.request(method, "/oauth2/token").status == 404

    def test_trailing_slash(self, server):  # 4
        client = make(server)
        answer = server.public.post("/oauth2/token/", form="grant_type=client_credentials", basic=(client["client_id"], SECRET))
        assert answer.status == 200

    def test_long_scope(self, server):
        refused(server.token(make(server), scope="read " * 4000), 400, "invalid_scope")


class TestScopes:
    def test_wildcard(self, server):
        client = make(server)
        for scope in ("docs.read", "docs.read.all", "docs.*"):
            assert server.token(client, scope=scope).json["scope"] == scope
        for scope in ("docs", "docs.", "write", "read docs"):
            refused(server.token(client, scope=scope), 400, "invalid_scope")

    def test_exact_and_default(self, make_server):  # 131
        server = make_server({"strategies": {"scope": "exact"},
                              "oauth2": {"client_credentials": {"default_grant_allowed_scope": True}}})
        client = make(server)
        refused(server.token(client, scope="docs.read"), 400, "invalid_scope")
        assert server.token(client, scope="docs.*").json["scope"] == "docs.*"
        assert server.token(client).json["scope"] == "read docs.*"

    def test_repeated_words(self, server):
        assert server.token(make(server), scope="read  read docs.a read").json["scope"] == "read docs.a"


class TestAudience:
    def test_allowed(self, server):
        client = make(server, audience=["https://api.example/v1", "urn:a"])
        for form in ({"audience": "https://api.example/v1/x urn:a"}, {"audience": ["https://api.example/v1/x", "urn:a"]}):
            assert server.introspect(server.access_token(client, **form))["aud"] == ["https://api.example/v1/x", "urn:a"]

    @pytest.mark.parametrize("audience", ["https://api.example/v12", "http://api.example/v1", "urn:b", "urn:a:b"])
    def test_not_allowed(self, server, audience):
        client = make(server, audience=["https://api.example/v1", "urn:a"])
        refused(server.token(client, audience=audience), 400, "invalid_request", audience)


class TestLifespan:
    def test_of_client(self, server):  # 128
        client = make(server, client_credentials_grant_access_token_lifespan="5m")
        answer = server.token(client).json
        assert answer["expires_in"] == 300
        said = server.introspect(answer["access_token"])
        assert said["exp"] - said["iat"] == 300

    def test_expiry(self, make_server):
        server = make_server({"ttl": {"access_token": "1s"}})
        token = server.access_token(make(server))
        assert server.introspect(token)["active"] is True
        time.sleep(2.1)
        assert server.introspect(token) == {"active": False}


class TestJwt:
    def test_claims(self, make_server):  # 143
        server = make_server({"strategies": {"access_token": "jwt"}})
        client = make(server)
        head, body = unpack(server.access_token(client, scope="read"))
        assert sorted(head) == ["alg", "kid", "typ"] and (head["alg"], head["typ"]) == ("RS256", "JWT")
        assert sorted(body) == ["aud", "client_id", "exp", "ext", "iat", "iss", "jti", "nbf", "scp", "sub"]
        assert (body["aud"], body["ext"], body["scp"]) == ([], {}, ["read"])
        assert body["sub"] == body["client_id"] == client["client_id"] and body["iss"] == server.public.url
        assert body["exp"] - body["iat"] == 3600 and body["nbf"] == body["iat"]
        keys = {k["kid"]: k for k in server.public.get("/.well-known/jwks.json").json["keys"]}
        assert head["kid"] in keys

    @pytest.mark.parametrize("claim, present, absent", [("string", ["scope"], ["scp"]), ("both", ["scope", "scp"], [])])
    def test_scope_claim(self, make_server, claim, present, absent):  # 144
        server = make_server({"strategies": {"access_token": "jwt", "jwt": {"scope_claim": claim}},
                              "oauth2": {"exclude_not_before_claim": True}})
        _, body = unpack(server.access_token(make(server), scope="read docs.x"))
        assert all(name in body for name in present) and not any(name in body for name in [*absent, "nbf"])
        assert body["scope"] == "read docs.x"

    def test_strategy_of_client(self, server):
        token = server.access_token(make(server, access_token_strategy="jwt"))
        assert unpack(token)[0]["typ"] == "JWT"
        assert server.introspect(token)["active"] is True


def test_many_scopes(server):
    """A token that would be too long to carry is kept by the server; it stays short and works like any other."""
    names = " ".join(f"scope{i}" for i in range(500))
    client = make(server, scope=names)
    token = server.access_token(client, scope=names)
    assert len(token) < 200
    assert server.introspect(token)["scope"] == names


def test_secret_rotation_of_the_server(make_server):
    """The first system secret seals, all of them open."""
    server = make_server()
    client = make(server)
    token = server.access_token(client)
    server.stop()
    server.config["secrets"]["system"].insert(0, "a-newer-system-secret-for-tests")
    server.start()
    assert server.introspect(token)["active"] is True  # 142
    newer = server.access_token(client)
    server.stop()
    server.config["secrets"]["system"] = ["a-newer-system-secret-for-tests"]
    server.start()
    assert server.introspect(newer)["active"] is True and server.introspect(token) == {"active": False}


def test_nothing_is_stored(make_server):
    """Tokens leave no trace in the database."""
    server = make_server()
    client = make(server)
    server.access_token(client)
    assert len(server.public.get("/.well-known/jwks.json").json["keys"]) == 2  # those are written in the background
    files = [server.folder / "db.sqlite", server.folder / "db.sqlite-wal"]  # on SQLite, not even a write that leaves nothing
    before, dump = [f.stat().st_size if f.exists() else 0 for f in files], server.database.dump()
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        tokens = list(pool.map(lambda _: server.access_token(client), range(300)))
    assert len(set(tokens)) == 300
    assert [f.stat().st_size if f.exists() else 0 for f in files] == before
    assert server.database.dump() == dump


def test_wrong_secrets_do_not_block_others(server):
    """While wrong secrets keep the slow hashes busy, clients whose secret is known get their tokens."""
    client = make(server)
    server.access_token(client)
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        wrong = [pool.submit(ask, server, basic=(client["client_id"], f"wrong{i}")) for i in range(200)]
        start = time.monotonic()
        while not all(w.done() for w in wrong) and time.monotonic() - start < 20:
            assert server.token(client).status == 200
        assert {w.result().status for w in wrong} <= {401, 503}
