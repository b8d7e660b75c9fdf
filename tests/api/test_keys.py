"""The admin API of JSON Web Key sets, both generations, and what becomes of keys: publication, rotation, encryption at rest."""

import base64
import concurrent.futures
import time
import uuid

import pytest

from harness import DATABASE

C, V1 = "/admin/keys", "/keys"
BOTH = pytest.mark.parametrize("base", [C, V1])
BAD = "The request was malformed or contained invalid parameters"
EC = {"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": "ec",
      "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}  # RFC 7515 A.3
RSA = ("RSA", {"n", "e", "d", "p", "q", "dp", "dq", "qi"})
KINDS = {"RS256": RSA, "RS384": RSA, "RS512": RSA, "PS256": RSA, "PS384": RSA, "PS512": RSA,
         "ES256": ("EC", {"crv", "x", "y", "d"}), "ES384": ("EC", {"crv", "x", "y", "d"}),
         "ES512": ("EC", {"crv", "x", "y", "d"}), "EdDSA": ("OKP", {"crv", "x", "d"})}


def name():
    return "set-" + uuid.uuid4().hex[:12]


def create(server, set_, alg="ES256", base=C, **members):
    answer = server.admin.post(f"{base}/{set_}", json={"alg": alg, "use": "sig", **members})
    assert answer.status == 201, answer
    return answer.json["keys"]


def read(server, set_, base=C):
    answer = server.admin.get(f"{base}/{set_}")
    assert answer.status == 200, answer
    return answer.json["keys"]


def refused(answer, status, error, text=""):
    assert answer.status == status and answer.headers["Content-Type"].startswith("application/json"), answer
    assert answer.json["error"] == error and text in answer.json["error_description"], answer


@pytest.mark.parametrize("alg", KINDS)
def test_generate(server, alg):  # 155
    set_ = name()
    answer = server.admin.post(f"{C}/{set_}", json={"alg": alg, "use": "sig", "kid": "k"})
    assert answer.status == 201 and answer.headers["Location"] == f"{server.public.url}/keys/{set_}", answer
    key, = answer.json["keys"]
    kty, members = KINDS[alg]
    assert (key["kty"], key["kid"], key["alg"], key["use"]) == (kty, "k", alg, "sig")
    assert set(key) == members | {"kty", "kid", "alg", "use"}
    assert read(server, set_) == [key]
    assert server.admin.get(f"{C}/{set_}/k").json == {"keys": [key]}  # 159


def test_defaults(server):
    key, = create(server, name(), use="")
    assert uuid.UUID(key["kid"]) and key["use"] == "sig"


def test_newest_first(server):
    set_ = name()
    for kid in ("a", "b", "c"):
        create(server, set_, kid=kid)
    assert [k["kid"] for k in read(server, set_)] == ["c", "b", "a"]


@pytest.mark.parametrize("alg", ["HS256", "HS512", "XX999", "", "none", "rs256"])
def test_algorithm_refused(server, alg):  # 155
    refused(server.admin.post(f"{C}/{name()}", json={"alg": alg}), 400, "Bad Request", "Unsupported key algorithm")


@pytest.mark.parametrize("alg", ["made-up", ""])
def test_algorithm_refused_v1(server, alg):
    assert server.admin.post(f"{V1}/{name()}", json={"alg": alg}).status == 400


@pytest.mark.parametrize("alg", ["RS256", "ES512"])
def test_pair(server, alg):  # 156, 157
    set_ = name()
    keys = {k["kid"]: k for k in create(server, set_, alg, V1, kid="x")}
    assert set(keys) == {"private:x", "public:x"}
    assert "d" in keys["private:x"] and "d" not in keys["public:x"] and keys["public:x"]["alg"] == alg
    assert len(read(server, set_, V1)) == 2


@pytest.mark.parametrize("alg", ["ES256", "EdDSA"])
def test_no_pair_without_the_prefix(server, alg):
    """Today's callers may leave out the prefix."""
    set_ = name()
    key, = create(server, set_, alg, V1, kid="k")
    assert (key["kid"], key["alg"]) == ("k", alg) and "d" in key
    assert read(server, set_, V1) == [key]


def test_pair_has_room_for_its_prefix(server):
    refused(server.admin.post(f"{V1}/{name()}", json={"alg": "ES512", "kid": "k" * 248}), 400, BAD, "247")
    assert create(server, name(), "ES512", kid="k" * 255)[0]["kid"] == "k" * 255


@pytest.mark.parametrize("alg, size", [("HS256", 16), ("HS512", 32)])
def test_symmetric_v1(server, alg, size):  # 156
    key, = create(server, name(), alg, V1, kid="h")
    assert (key["kty"], key["kid"], key["alg"]) == ("oct", "h", alg)
    assert len(base64.urlsafe_b64decode(key["k"] + "==")) == size


@BOTH
def test_same_kid(server, base):  # 158
    set_ = name()
    create(server, set_, "ES512", base, kid="k")
    refused(server.admin.post(f"{base}/{set_}", json={"alg": "ES512", "kid": "k"}), 409,
            "Unable to insert or update resource because a resource with that value exists already")
    create(server, name(), "ES512", base, kid="k")


@BOTH
@pytest.mark.parametrize("body", ["", "nope", "[]", '"x"', '{"alg":5}', '{"alg":"ES256","kid":{}}', '{"alg":"ES256"} trailing'])
def test_broken_body(server, base, body):
    refused(server.admin.post(f"{base}/{name()}", body=body), 400, BAD)


@BOTH
def test_null(server, base):
    """Sets nothing, and so do null members of a key."""
    set_ = name()
    refused(server.admin.post(f"{base}/{set_}", body=b"null"), 400, "Bad Request", "Unsupported key algorithm")
    assert server.admin.put(f"{base}/{set_}", body=b"null").json == {"keys": []}
    nulls = dict.fromkeys(("d", "k", "n", "e", "x5c", "x5u", "key_ops", "oth"))
    assert server.admin.put(f"{base}/{set_}", json={"keys": [{**EC, **nulls}]}).json == {"keys": [EC]}
    without = {k: v for k, v in EC.items() if k not in ("kid", "use")}
    assert server.admin.put(f"{base}/{set_}/k", json={**without, "kid": None, "use": None}).json == without


@BOTH
def test_unknown(server, base):  # 159, 161
    set_ = name()
    refused(server.admin.get(f"{base}/{set_}"), 404, "Not Found")
    refused(server.admin.get(f"{base}/{set_}/k"), 404, "Unable to locate the resource")
    for path in (f"{base}/{set_}", f"{base}/{set_}/k"):
        answer = server.admin.delete(path)
        assert (answer.status, answer.body) == (204, b"")


@BOTH
def test_put_set(server, base):
    set_ = name()
    create(server, set_, kid="old")
    two = {**EC, "kid": "two"}
    answer = server.admin.put(f"{base}/{set_}", json={"keys": [two, EC]})
    assert (answer.status, answer.json) == (200, {"keys": [two, EC]})
    assert sorted(k["kid"] for k in read(server, set_, base)) == ["ec", "two"]
    refused(server.admin.put(f"{base}/{set_}", json={"keys": [EC, EC]}), 409,
            "Unable to insert or update resource because a resource with that value exists already")
    assert len(read(server, set_, base)) == 2
    assert server.admin.put(f"{base}/{set_}", json={"keys": []}).json == {"keys": []}
    assert server.admin.get(f"{base}/{set_}").status == 404


@BOTH
def test_put_key(server, base):  # 160
    set_ = name()
    answer = server.admin.put(f"{base}/{set_}/whatever", json=EC)
    assert (answer.status, answer.json) == (200, EC)
    assert server.admin.get(f"{base}/{set_}/whatever").status == 404
    assert server.admin.put(f"{base}/{set_}/ec", json={**EC, "use": "enc"}).status == 200
    assert read(server, set_, base) == [{**EC, "use": "enc"}]


@pytest.mark.parametrize("change", [{"kty": "XX"}, {"kty": None}, {"crv": "P-999"}, {"x": None}, {"x": 5}, {"x": "!!"}, {"y": EC["x"]},
                                    {"kty": "RSA"}, {"d": "AAAA"}, {"kid": "x" * 256}])
def test_bad_key(server, change):
    key = {k: v for k, v in {**EC, **change}.items() if v is not None}
    set_ = name()
    refused(server.admin.put(f"{C}/{set_}/k", json=key), 400, BAD)
    refused(server.admin.put(f"{C}/{set_}", json={"keys": [EC, key]}), 400, BAD)
    assert server.admin.get(f"{C}/{set_}").status == 404


def test_limits(server):
    refused(server.admin.post(f"{C}/{'s' * 256}", json={"alg": "ES256"}), 400, BAD, "255")
    refused(server.admin.post(f"{C}/{name()}", json={"alg": "ES256", "kid": "k" * 256}), 400, BAD)
    refused(server.admin.put(f"{C}/{name()}", json={"keys": [{**EC, "kid": f"{i}"} for i in range(101)]}), 400, BAD, "100")
    set_ = name()
    assert server.admin.put(f"{C}/{set_}", json={"keys": [{**EC, "kid": f"{i}"} for i in range(100)]}).status == 200
    refused(server.admin.post(f"{C}/{set_}", json={"alg": "ES256"}), 400, BAD, "100")


def test_odd_names(server):
    set_ = f"my%20set.v1:{uuid.uuid4().hex}%2Fx"
    create(server, set_, kid="key 1.a:b")
    assert server.admin.get(f"{C}/{set_}/key%201.a:b").status == 200
    assert server.admin.get(f"{C}/x'%20OR%20'1'='1").status == 404


@BOTH
def test_delete(server, base):
    set_ = name()
    for kid in ("a", "b"):
        create(server, set_, kid=kid)
    assert server.admin.delete(f"{base}/{set_}/a").status == 204
    assert [k["kid"] for k in read(server, set_, base)] == ["b"]
    assert server.admin.delete(f"{base}/{set_}").status == 204
    assert server.admin.get(f"{base}/{set_}").status == 404


def test_no_cache(server):
    set_ = name()
    create(server, set_)
    assert "no-store" in server.admin.get(f"{C}/{set_}").headers["Cache-Control"]


def published(server):
    answer = server.public.get("/.well-known/jwks.json")
    assert answer.status == 200, answer
    return answer.json["keys"]


def test_published(make_server):
    """The sets that are wanted are made by themselves; only public members show."""
    server = make_server({"webfinger": {"jwks": {"broadcast_keys": ["hydra.openid.id-token", "extra"]}}})
    keys = published(server)
    assert len(keys) == 3 and [k["kid"] for k in read(server, "extra")] == [keys[1]["kid"]]
    for key in keys:
        assert set(key) == {"kty", "use", "alg", "kid", "n", "e"} and (key["alg"], key["use"]) == ("RS256", "sig")
        assert len(base64.urlsafe_b64decode(key["n"] + "==")) == 256
    create(server, "extra", "EdDSA", kid="mine")
    create(server, "other", "EdDSA", kid="hidden")
    create(server, "extra", "HS256", V1, kid="symmetric")
    assert {k["kid"] for k in published(server)} == {k["kid"] for k in keys} | {"mine"}


def token_signed_by(server, client, kid):
    """The next token's; on a database that other nodes may share, that of a moment later, when they have seen the key."""
    until = time.monotonic() + (0 if DATABASE == "sqlite" else 5)
    while True:
        token = server.access_token(client)
        head = base64.urlsafe_b64decode(token.split(".")[0] + "==").decode()
        if f'"kid":"{kid}"' in head:
            return token
        assert time.monotonic() < until, head
        time.sleep(0.1)


def test_rotation(make_server):
    """A new key signs at once and is published no later; tokens of the old one live on until it is deleted."""
    server = make_server({"strategies": {"access_token": "jwt"}})
    client = server.create_client()
    old = server.access_token(client)
    create(server, "hydra.jwt.access-token", "ES256", kid="new")
    new = token_signed_by(server, client, "new")
    assert "new" in {k["kid"] for k in published(server)}
    assert server.introspect(old)["active"] is True and server.introspect(new)["active"] is True
    server.admin.put("/admin/keys/hydra.jwt.access-token", json={"keys": [
        k for k in read(server, "hydra.jwt.access-token") if k["kid"] == "new"]})
    assert server.introspect(old) == {"active": False} and server.introspect(new)["active"] is True


def test_deleted_set_is_made_anew(make_server):
    server = make_server({"strategies": {"access_token": "jwt"}})
    client = server.create_client()
    old = server.access_token(client)
    before = {k["kid"] for k in published(server)}
    assert server.admin.delete(f"{C}/hydra.jwt.access-token").status == 204
    assert server.introspect(server.access_token(client))["active"] is True
    assert server.introspect(old) == {"active": False}
    assert len({k["kid"] for k in published(server)} - before) == 1


@BOTH
def test_left_without_a_private_key(make_server, base):
    """Who throws the private half away goes on issuing tokens, and what was issued before is still verified."""
    server = make_server({"strategies": {"access_token": "jwt"}})
    client = server.create_client()
    old = server.access_token(client)
    key, = read(server, "hydra.jwt.access-token")
    public = {"keys": [{name: key[name] for name in ("kid", "kty", "use", "alg", "n", "e")}]}
    assert server.admin.put(f"{base}/hydra.jwt.access-token", json=public).status == 200
    new = server.access_token(client)
    assert server.introspect(old)["active"] is True and server.introspect(new)["active"] is True
    assert len(read(server, "hydra.jwt.access-token")) == 2 and key["kid"] in {k["kid"] for k in published(server)}


@pytest.mark.parametrize("alg", ["ES256", "EdDSA"])
def test_configured_algorithm(make_server, alg):
    server = make_server({"keys": {"algorithm": alg}, "strategies": {"access_token": "jwt"}}, keys=False)
    assert {k["alg"] for k in published(server)} == {alg}
    assert server.introspect(server.access_token(server.create_client()))["active"] is True
    assert server.public.get("/.well-known/openid-configuration").json["id_token_signing_alg_values_supported"] == [alg]


def test_pair_signs_under_the_public_name(make_server):
    server = make_server({"strategies": {"access_token": "jwt"}})
    create(server, "hydra.jwt.access-token", "RS256", V1, kid="x")
    token = token_signed_by(server, server.create_client(), "public:x")
    kids = {k["kid"] for k in published(server)}
    assert "public:x" in kids and "private:x" not in kids
    assert server.introspect(token)["active"] is True


def test_encrypted_at_rest(make_server):
    server = make_server()
    key, = create(server, "s", "ES256", kid="k")
    server.stop()
    dump = server.database.dump()
    assert key["kid"] in dump
    assert key["d"] not in dump and key["x"] not in dump


@pytest.mark.race
def test_first_key_is_one(make_server):
    """Many first requests at once make one key per set."""
    server = make_server()
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: server.public.get("/.well-known/jwks.json").body, range(64)))
    assert len(set(answers)) == 1 and len(published(server)) == 2
