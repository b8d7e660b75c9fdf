"""JWTs that others make: client assertions, trusted issuers and their assertions, request objects; and how they are forged."""

import base64
import hashlib
import hmac
import json
import re
import threading
import urllib.parse

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from assertions_support import CLIENT_ASSERTION, EVIL, KEY, Web, b64, claims_for, key_client, unsigned, with_assertion

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
ISSUERS = "/admin/trust/grants/jwt-bearer/issuers"
ISSUER = "https://idp.example.test"


@pytest.fixture(scope="module")
def client_id(server):
    return key_client(server)


# ---- client assertions ----

def test_private_key_jwt(server, client_id):
    assertion = KEY.sign(claims_for(server, client_id))
    assert with_assertion(server, assertion).status == 200
    again = with_assertion(server, assertion)
    assert (again.status, again.json["error"]) == (400, "jti_known")
    assert with_assertion(server, KEY.sign(claims_for(server, client_id)), client_id=client_id).status == 200
    revoked = server.public.post("/oauth2/revoke", form={"token": "x", "client_assertion_type": CLIENT_ASSERTION,
                                                         "client_assertion": KEY.sign(claims_for(server, client_id))})
    assert revoked.status == 200


def test_the_registered_algorithm_counts(server):
    """The key's own `alg` says which algorithm its maker thought of; deployed clients sign with the one they are registered for."""
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    numbers = private.public_key().public_numbers()
    jwk = {"kty": "RSA", "use": "sig", "kid": "r", "alg": "RS256", "n": b64(numbers.n.to_bytes(256, "big")), "e": "AQAB"}
    client = key_client(server, token_endpoint_auth_signing_alg="PS512", jwks={"keys": [jwk]})

    def sign(alg, rsa_padding, digest):
        text = b64(json.dumps({"alg": alg, "kid": "r"})) + "." + b64(json.dumps(claims_for(server, client)))
        return text + "." + b64(private.sign(text.encode(), rsa_padding, digest))

    assert with_assertion(server, sign("PS512", padding.PSS(padding.MGF1(hashes.SHA512()), 64), hashes.SHA512())).status == 200
    refused = with_assertion(server, sign("RS256", padding.PKCS1v15(), hashes.SHA256()))
    assert refused.status == 401 and "enforces signing algorithm 'PS512'" in refused.json["error_description"]
    assert with_assertion(server, sign("PS512", padding.PKCS1v15(), hashes.SHA512())).status == 401


def test_a_refused_assertion_is_not_used_up(server, client_id):
    claims = claims_for(server, client_id)
    assert with_assertion(server, KEY.sign({**claims, "aud": "https://elsewhere.example.test"})).status == 401
    assert with_assertion(server, EVIL.sign(claims)).status == 401
    assert with_assertion(server, KEY.sign(claims)).status == 200


ORDER = bytes.fromhex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551")     # of the curve P-256


def forgeries(claims):
    """Texts that are no JWT of KEY's about these claims, by the name of the trick."""
    public = KEY.private.public_key()
    pem, der = (public.public_bytes(form, serialization.PublicFormat.SubjectPublicKeyInfo)
                for form in (serialization.Encoding.PEM, serialization.Encoding.DER))

    def mac(key, alg="HS256", digest=hashlib.sha256):
        text = b64(json.dumps({"alg": alg, "kid": "k"})) + "." + b64(json.dumps(claims))
        return text + "." + b64(hmac.new(key, text.encode(), digest).digest())

    return {
        "none": unsigned(claims),
        "None": unsigned(claims, {"alg": "None"}),
        "none with the kid": unsigned(claims, {"kid": "k"}),
        "HS256 with the public key's PEM": mac(pem),
        "HS256 with the public key's DER": mac(der),
        "HS256 with the public key's JWK": mac(json.dumps(KEY.jwk).encode()),
        "HS256 with a part of the public key": mac(KEY.jwk["x"].encode()),
        "HS512 with the public key's PEM": mac(pem, "HS512", hashlib.sha512),
        "HS256 with nothing": mac(b""),
        "embedded jwk": EVIL.sign(claims, {"jwk": EVIL.jwk}),
        "jku": EVIL.sign(claims, {"jku": "http://127.0.0.1:1/keys"}),
        "x5u": EVIL.sign(claims, {"x5u": "http://127.0.0.1:1/cert"}),
        "x5c": EVIL.sign(claims, {"x5c": [base64.b64encode(der).decode()]}),
        "another key of that kid": EVIL.sign(claims),
        "another key, no kid": EVIL.sign(claims, {"kid": None}),
        "wrong typ": KEY.sign(claims, {"typ": "at+jwt"}),
        "logout token": KEY.sign(claims, {"typ": "logout+jwt"}),
        "crit": KEY.sign(claims, {"crit": ["exp"]}),
        "empty crit": KEY.sign(claims, {"crit": []}),
        "b64": KEY.sign(claims, {"b64": False, "crit": ["b64"]}),
        "r = s = 0": unsigned(claims, {"alg": "ES256", "kid": "k"}, bytes(64)),
        "r = 0": unsigned(claims, {"alg": "ES256", "kid": "k"}, bytes(63) + b"\1"),
        "r = s = n": unsigned(claims, {"alg": "ES256", "kid": "k"}, ORDER * 2),
        "DER signature": unsigned(claims, {"alg": "ES256", "kid": "k"}, bytes.fromhex("3006020101020101")),
        "kid with SQL": KEY.sign(claims, {"kid": "k' OR '1'='1"}),
        "kid as a path": KEY.sign(claims, {"kid": "../../../../dev/null"}),
        "kid as a URL": EVIL.sign(claims, {"kid": "http://127.0.0.1:1/keys"}),
        "kid as a command": KEY.sign(claims, {"kid": "k; touch /tmp/x"}),
        "a very long kid": KEY.sign(claims, {"kid": "k" * 30_000}),
        "kid as an object": KEY.sign(claims, {"kid": {}}),
        "kid with NUL": KEY.sign(claims, {"kid": "k\0"}),
        "cut off": KEY.sign(claims)[:-4],
        "padded": KEY.sign(claims) + "=",
        "a JWE": "a.b.c.d.e",
        "half a megabyte": KEY.sign({**claims, "x": "y" * 500_000}),
        "deep": unsigned(claims, {"alg": "ES256"}) + "." + "x" * 1000,
    }


def test_forged_client_assertions(server, client_id):
    claims = claims_for(server, client_id)
    for name, assertion in forgeries(claims).items():
        answer = with_assertion(server, assertion)
        assert answer.status in (400, 401) and answer.json["error"] in ("invalid_client", "invalid_request"), (name, answer)
    assert with_assertion(server, KEY.sign(claims)).status == 200     # and none of them used it up


def test_a_megabyte_is_refused_at_once(server, client_id, app):
    """Before anything is decoded, whoever sends it: as client assertion, assertion, request object, hint, proof, bearer token."""
    long = KEY.sign({**claims_for(server, client_id), "x": "y" * (1 << 20)})
    assert len(long) > 1 << 20
    refused = [
        with_assertion(server, long),
        server.public.post("/oauth2/token", form={"grant_type": JWT_BEARER, "assertion": long}),
        server.public.post("/oauth2/auth", form={"client_id": app, "scope": "openid", "response_type": "code", "request": long}),
        server.public.post("/oauth2/auth", form={"client_id": app, "scope": "openid", "response_type": "code", "id_token_hint": long}),
        server.public.post("/oauth2/sessions/logout", form={"id_token_hint": long}),
        server.public.post("/credentials", json={"format": "jwt_vc_json", "proof": {"proof_type": "jwt", "jwt": long}}),
        server.public.post("/userinfo", form={"access_token": long}),
    ]
    for answer in refused:
        assert 400 <= answer.status < 500 or "error=" in answer.headers["Location"], answer
    assert server.public.get("/userinfo", bearer=long).status == 431
    assert not server.introspect(long)["active"]
    assert with_assertion(server, KEY.sign(claims_for(server, client_id))).status == 200


@pytest.mark.parametrize("change", [
    {"exp": 4102444800}, {"exp": 10 ** 15}, {"exp": 1e300}, {"exp": -1}, {"exp": "4102444800"}, {"exp": None}, {"exp": 1},
    {"nbf": 4102444800}, {"iat": 4102444800}, {"jti": None}, {"jti": ""}, {"jti": 7}, {"sub": "somebody"}, {"iss": "somebody"},
    {"aud": None}, {"aud": []}, {"aud": [7]}, {"aud": "/oauth2/token"},
], ids=str)
def test_claims(server, client_id, change):
    answer = with_assertion(server, KEY.sign(claims_for(server, client_id, **change)))
    assert (answer.status, answer.json["error"]) == (401, "invalid_client"), answer


def test_replay_across_restart(make_server):
    server = make_server()
    client_id = key_client(server)
    assertion = KEY.sign(claims_for(server, client_id))
    assert with_assertion(server, assertion).status == 200
    server.kill()
    server.start()
    answer = with_assertion(server, assertion)
    assert (answer.status, answer.json["error"]) == (400, "jti_known")


@pytest.mark.race
def test_one_of_many_parallel_uses(server, client_id):
    assertion = KEY.sign(claims_for(server, client_id))
    statuses = []
    threads = [threading.Thread(target=lambda: statuses.append(with_assertion(server, assertion).status)) for _ in range(100)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert statuses.count(200) == 1 and statuses.count(400) == 99, statuses


def test_client_secret_jwt(server):
    client = server.create_client(token_endpoint_auth_method="client_secret_jwt", client_secret="a-secret-of-more-than-32-characters")
    assert "sealed_client_secret" not in client

    def sign(secret, **more):
        text = b64(json.dumps({"alg": "HS256"})) + "." + b64(json.dumps(claims_for(server, client["client_id"], **more)))
        return text + "." + b64(hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest())

    assert with_assertion(server, sign("a-secret-of-more-than-32-characters")).status == 200
    assert with_assertion(server, sign("another-secret")).status == 401
    changed = server.admin.put(f"/admin/clients/{client['client_id']}", json={**client, "client_secret": "the-next-secret-of-the-client"})
    assert changed.status == 200, changed
    assert with_assertion(server, sign("a-secret-of-more-than-32-characters")).status == 401
    assert with_assertion(server, sign("the-next-secret-of-the-client")).status == 200


def test_https_issuer_as_audience(make_server):
    server = make_server({"urls": {"self": {"issuer": "https://op.example.test"}}})
    client_id = key_client(server)
    for audience in ("https://op.example.test", "https://op.example.test/oauth2/token"):
        assert with_assertion(server, KEY.sign(claims_for(server, client_id, aud=audience))).status == 200, audience
    assert with_assertion(server, KEY.sign(claims_for(server, client_id, aud="https://op.example.test.evil"))).status == 401


# ---- trusted issuers ----

def trust(server, **more):
    body = {"issuer": ISSUER, "subject": "ada", "scope": ["a", "b"], "jwk": KEY.jwk, "expires_at": "2036-01-01T00:00:00Z", **more}
    return server.admin.post(ISSUERS, json={name: value for name, value in body.items() if value is not None})


@pytest.fixture
def trusting(make_server):
    server = make_server()
    server.app = server.create_client(grant_types=[JWT_BEARER], scope="a z")
    assert trust(server).status == 201
    return server


def with_grant(server, assertion, **form):
    return server.public.post("/oauth2/token", form={"grant_type": JWT_BEARER, "assertion": assertion, **form},
                              basic=(server.app["client_id"], server.app["client_secret"]))


def grant_claims(server, **more):
    return claims_for(server, ISSUER, **{"sub": "ada", **more})


def test_jwt_bearer(trusting):
    assertion = KEY.sign(grant_claims(trusting))
    answer = with_grant(trusting, assertion, scope="a b")
    assert answer.status == 200 and answer.json["scope"] == "a b" and "refresh_token" not in answer.json
    assert trusting.introspect(answer.json["access_token"])["sub"] == "ada"
    assert with_grant(trusting, assertion).json["error"] == "jti_known"
    refused = KEY.sign(grant_claims(trusting))
    assert with_grant(trusting, refused, scope="z").json["error"] == "invalid_scope"
    assert with_grant(trusting, refused, scope="a").status == 200       # a refusal does not use it up


def test_forged_grants(trusting):
    claims = grant_claims(trusting)
    for name, assertion in forgeries(claims).items():
        answer = with_grant(trusting, assertion)
        assert answer.status in (400, 413), (name, answer)
    assert with_grant(trusting, KEY.sign(claims)).status == 200


@pytest.mark.parametrize("claim", ["iss", "sub", "aud", "exp", "iat", "jti"])
def test_missing_claim_is_named(trusting, claim):
    rest = {name: value for name, value in grant_claims(trusting).items() if name != claim}
    answer = with_grant(trusting, KEY.sign(rest))
    assert (answer.status, answer.json["error"]) == (400, "invalid_grant"), answer
    assert re.search(f"MUST contain an? '{claim}' [(][a-zA-Z ]+[)] claim[.]$", answer.json["error_description"]), answer


def test_jtis_belong_to_their_issuer(trusting):
    assert trust(trusting, issuer="https://other.example.test").status == 201
    claims = grant_claims(trusting)
    assert with_grant(trusting, KEY.sign(claims)).status == 200
    assert with_grant(trusting, KEY.sign({**claims, "iss": "https://other.example.test"})).status == 200


def test_grant_replay_across_restart(trusting):
    assertion = KEY.sign(grant_claims(trusting))
    assert with_grant(trusting, assertion).status == 200
    trusting.kill()
    trusting.start()
    assert with_grant(trusting, assertion).json["error"] == "jti_known"


def test_expired_trust_is_none(make_server):
    server = make_server()
    server.app = server.create_client(grant_types=[JWT_BEARER])
    assert trust(server, expires_at="2020-01-01T00:00:00Z").status == 201
    for header in ({}, {"kid": None}):
        answer = with_grant(server, KEY.sign(grant_claims(server), header))
        assert answer.json["error"] == "invalid_grant" and "No public JWK" in answer.json["error_description"], answer


def test_default_scopes_stay_within_the_trust(make_server):
    server = make_server({"oauth2": {"client_credentials": {"default_grant_allowed_scope": True}}})
    server.app = server.create_client(grant_types=[JWT_BEARER], scope="a z")
    assert trust(server).status == 201
    assert with_grant(server, KEY.sign(grant_claims(server))).json["scope"] == "a"


def test_trust_and_keys_live_together(trusting):
    assert trust(trusting, subject="bob").status == 201
    first, second = sorted(trusting.admin.get(ISSUERS).json, key=lambda t: t["subject"])
    answer = trust(trusting, subject="eve", jwk=EVIL.jwk)               # another key under a known kid
    assert answer.status == 409, answer
    assert trusting.admin.delete(f"{ISSUERS}/{first['id']}").status == 204
    assert with_grant(trusting, KEY.sign(grant_claims(trusting))).json["error"] == "invalid_grant"
    assert with_grant(trusting, KEY.sign(grant_claims(trusting, sub="bob"))).status == 200
    keys = "/admin/keys/" + urllib.parse.quote(ISSUER, safe="")
    assert [key["kid"] for key in trusting.admin.get(keys).json["keys"]] == ["k"]
    assert trusting.admin.delete(keys).status == 204
    assert trusting.admin.get(ISSUERS).json == []
    assert trusting.admin.get(f"{ISSUERS}/{second['id']}").status == 404


def test_trust_refusals(server):
    private = {**KEY.jwk, "d": b64(KEY.private.private_numbers().private_value.to_bytes(32, "big"))}
    cases = [
        {"jwk": private}, {"jwk": {"kty": "oct", "kid": "k", "k": "AAAA"}}, {"jwk": {**KEY.jwk, "use": "enc"}}, {"jwk": {"kid": "k"}},
        {"jwk": {**KEY.jwk, "kid": "k" * 256}}, {"jwk": "x"}, {"issuer": "i" * 256}, {"issuer": 7}, {"subject": "s" * 256}, {"scope": "a"},
        {"scope": [""]}, {"scope": ["a\nb"]}, {"scope": [7]}, {"expires_at": "tomorrow"}, {"expires_at": "2036-01-01"},
        {"allow_any_subject": "yes"}, {"issuer": "hydra.openid.id-token"}, {"issuer": "hydra.jwt.access-token"}, {"jwk": None},
        {"jwk": {**KEY.jwk, "kid": ""}},
    ]
    for change in cases:
        answer = trust(server, **change)
        assert answer.status == 400, (change, answer)
    assert server.admin.post(ISSUERS, body=b"{", headers={"Content-Type": "application/json"}).status == 400
    assert server.admin.get(ISSUERS).json == []
    assert server.public.get(ISSUERS).status == 404


def test_trust_pages(make_server):
    server = make_server()
    made = set()
    for n in range(5):
        answer = trust(server, subject=f"s{n}")
        assert answer.status == 201
        made.add(answer.json["id"])
    seen, path = [], ISSUERS + "?page_size=2"
    while path:
        answer = server.admin.get(path)
        seen += [t["id"] for t in answer.json]
        links = dict(reversed(part.split("; rel=")) for part in answer.headers["Link"].split(","))
        path = links.get('"next"', "<>")[1:-1]
    assert seen == sorted(made)
    assert server.admin.get(ISSUERS, query={"page_size": 2, "page_token": "forged"}).status == 400
    assert server.admin.get("/trust/grants/jwt-bearer/issuers").status == 200


# ---- request objects ----

@pytest.fixture
def web():
    with Web() as running:
        yield running


@pytest.fixture(scope="module")
def app(server):
    return server.create_client(grant_types=["authorization_code"], response_types=["code"], redirect_uris=["http://127.0.0.1/cb"],
                                scope="openid foo", jwks={"keys": [KEY.jwk]})["client_id"]


def authorize(server, client_id, **query):
    asked = {"client_id": client_id, "response_type": "code", "scope": "openid", **query}
    short = len(urllib.parse.urlencode(asked)) < 8000
    answer = server.public.get("/oauth2/auth", query=asked) if short else server.public.post("/oauth2/auth", form=asked)
    assert answer.status in (302, 303), answer
    found = urllib.parse.urlsplit(answer.headers["Location"])
    return urllib.parse.parse_qs(found.query)


def object_claims(**more):
    return {"redirect_uri": "http://127.0.0.1/cb", "state": "state-of-the-object", "scope": "foo", **more}


def login_request(server, found):
    answer = server.admin.get("/admin/oauth2/auth/requests/login", query={"login_challenge": found["login_challenge"][0]})
    assert answer.status == 200, answer
    return answer.json


def test_request_object(server, app):
    found = authorize(server, app, request=KEY.sign(object_claims(iss=app, aud=server.public.url, client_id=app)), state="outer-state")
    request = login_request(server, found)
    assert request["requested_scope"] == ["foo", "openid"]
    url = urllib.parse.parse_qs(urllib.parse.urlsplit(request["request_url"]).query)
    assert url["state"] == ["state-of-the-object"] and "request" not in url


def test_forged_request_objects(server, app):
    claims = object_claims()
    allowed = {"none", "none with the kid"}         # says no more than plain parameters do
    for name, text in forgeries(claims).items():
        if name in allowed:
            continue
        assert authorize(server, app, request=text)["error"] == ["invalid_request_object"], name
    for change in ({"iss": "other"}, {"aud": "https://other.example.test"}, {"client_id": "other"}, {"exp": 1}, {"nbf": 4102444800},
                   {"request": "x"}):
        assert authorize(server, app, request=KEY.sign(object_claims(**change)))["error"] == ["invalid_request_object"], change


def test_unsigned_request_object_needs_no_keys(server):
    members = {"grant_types": ["authorization_code"], "response_types": ["code"], "redirect_uris": ["http://127.0.0.1/cb"],
               "scope": "openid foo"}
    plain = server.create_client(**members)["client_id"]
    assert "login_challenge" in authorize(server, plain, request=unsigned(object_claims()))
    strict = server.create_client(**members, jwks={"keys": [KEY.jwk]}, request_object_signing_alg="ES256")["client_id"]
    assert authorize(server, strict, request=unsigned(object_claims()))["error"] == ["invalid_request_object"]
    assert "login_challenge" in authorize(server, strict, request=KEY.sign(object_claims()))


def test_request_object_by_reference_is_read_once(server, web):
    uri = web.url + "/object"
    client_id = server.create_client(grant_types=["authorization_code"], response_types=["code"], redirect_uris=["http://127.0.0.1/cb"],
                                     scope="openid foo", jwks={"keys": [KEY.jwk]}, request_uris=[uri])["client_id"]
    web.documents["/object"] = 200, KEY.sign(object_claims()).encode()
    found = authorize(server, client_id, request_uri=uri)
    assert len(web.seen) == 1
    accepted = server.admin.put("/admin/oauth2/auth/requests/login/accept", query={"login_challenge": found["login_challenge"][0]},
                                json={"subject": "ada"})
    assert accepted.status == 200
    back = urllib.parse.urlsplit(accepted.json["redirect_to"])
    server.public.get(f"{back.path}?{back.query}")
    assert len(web.seen) == 1
    for wrong in (uri + "#x", uri + "?x", web.url + "/other"):
        assert authorize(server, client_id, request_uri=wrong)["error"] == ["invalid_request_uri"], wrong
    web.documents["/object"] = 500, b""
    assert authorize(server, client_id, request_uri=uri)["error"] == ["invalid_request_uri"]
    web.documents["/object"] = 200, b"x" * (8 << 20)
    assert authorize(server, client_id, request_uri=uri)["error"] == ["invalid_request_uri"]
