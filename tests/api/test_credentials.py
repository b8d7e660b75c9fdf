"""POST /credentials: nonces, proofs and the credential that they bring (OpenID Connect UserInfo Verifiable Credentials, draft 00)."""

import base64
import json
import time

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa, utils
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15

from flow_support import make_web
from tokens_support import pair, refresh, tokens_for, unpack

SCOPE = "openid offline userinfo_credential_draft_00"


def b64(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def number(n, size):
    return b64(n.to_bytes(size, "big"))


class EcKey:
    alg = "ES256"

    def __init__(self):
        self.key = ec.generate_private_key(ec.SECP256R1())
        public = self.key.public_key().public_numbers()
        self.jwk = {"kty": "EC", "crv": "P-256", "x": number(public.x, 32), "y": number(public.y, 32)}
        self.private = {**self.jwk, "d": number(self.key.private_numbers().private_value, 32)}

    def sign(self, data):
        r, s = utils.decode_dss_signature(self.key.sign(data, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")


class EdKey:
    alg = "EdDSA"

    def __init__(self):
        self.key = ed25519.Ed25519PrivateKey.generate()
        self.jwk = {"kty": "OKP", "crv": "Ed25519", "x": b64(self.key.public_key().public_bytes_raw())}

    def sign(self, data):
        return self.key.sign(data)


class RsaKey:
    alg = "RS256"

    def __init__(self):
        self.key = rsa.generate_private_key(65537, 2048)
        public = self.key.public_key().public_numbers()
        self.jwk = {"kty": "RSA", "n": number(public.n, 256), "e": "AQAB"}

    def sign(self, data):
        return self.key.sign(data, PKCS1v15(), hashes.SHA256())


KEY = EcKey()


def proof(nonce, key=KEY, header=None, **claims):
    """A proof; members of `header` and claims that are None are left out."""
    head = {"typ": "openid4vci-proof+jwt", "alg": key.alg, "jwk": key.jwk, **(header or {})}
    body = {"iat": int(time.time()), "nonce": nonce, **claims}
    text = ".".join(b64(json.dumps({k: v for k, v in part.items() if v is not None}).encode()) for part in (head, body))
    return text + "." + b64(key.sign(text.encode()))


def ask(server, token, jwt=None, **members):
    body = {"format": "jwt_vc_json", "types": ["VerifiableCredential", "UserInfoCredential"], **members}
    if jwt is not None:
        body["proof"] = {"proof_type": "jwt", "jwt": jwt}
    return server.public.post("/credentials", json={k: v for k, v in body.items() if v is not None}, bearer=token)


def refused(answer, text, status=400, error="invalid_request"):
    assert answer.status == status and answer.json["error"] == error and text in answer.json["error_description"], answer
    assert sorted(answer.json) == ["error", "error_description"]
    assert "WWW-Authenticate" not in answer.headers


@pytest.fixture(scope="module")
def web(server):
    return make_web(server, scope=SCOPE + " foo")


@pytest.fixture(scope="module")
def tokens(server, web):
    session = {"id_token": {"email": "a@example.test", "id": "not-the-key", "sid": "x", "iss": "x"}}
    return tokens_for(server, web, scope=SCOPE, consent={"session": session})


def test_token_answer_brings_a_nonce(server, web, tokens):
    assert tokens["c_nonce_draft_00"] and tokens["c_nonce_expires_in_draft_00"] == 3600
    again = refresh(server, web, tokens_for(server, web, scope=SCOPE)["refresh_token"]).json
    assert again["c_nonce_draft_00"] not in (None, tokens["c_nonce_draft_00"])
    assert "c_nonce_draft_00" not in tokens_for(server, web, scope="openid foo")
    service = server.create_client(scope=SCOPE)
    assert server.token(service, scope="openid userinfo_credential_draft_00").json["c_nonce_expires_in_draft_00"] == 3600
    assert "c_nonce_draft_00" not in server.token(service, scope="userinfo_credential_draft_00").json


@pytest.mark.parametrize("kind", [EcKey, EdKey, RsaKey])
def test_credential(server, tokens, kind):
    key = kind()
    answer = ask(server, tokens["access_token"], proof(tokens["c_nonce_draft_00"], key, aud=server.public.url))
    assert answer.status == 200, answer
    assert answer.headers["Cache-Control"] == "no-store"
    assert sorted(answer.json) == ["credential_draft_00", "format"] and answer.json["format"] == "jwt_vc_json"
    head, claims = unpack(answer.json["credential_draft_00"])
    assert head["alg"] == "RS256" and head["typ"] == "JWT"
    assert sorted(claims) == ["exp", "iat", "iss", "jti", "nbf", "sub", "vc"]
    assert claims["sub"] == "did:jwk:" + b64(json.dumps(key.jwk, separators=(",", ":")).encode())  # as the holder writes it
    assert claims["iss"] == server.public.url and abs(claims["iat"] - time.time()) < 30
    assert claims["nbf"] == claims["iat"] and claims["exp"] == claims["iat"] + 3600 and isinstance(claims["iat"], int)
    assert claims["vc"] == {
        "@context": ["https://www.w3.org/2018/credentials/v1"], "type": ["VerifiableCredential", "UserInfoCredential"],
        "credentialSubject": {"id": claims["sub"], "sub": "alice", "email": "a@example.test"}}


def test_priming(server, tokens):
    answer = ask(server, tokens["access_token"])
    assert answer.status == 400 and answer.json["error"] == "missing_proof" and answer.json["c_nonce_expires_in"] == 3600
    for _ in range(2):  # a nonce is good until it expires
        assert ask(server, tokens["access_token"], proof(answer.json["c_nonce"], aud=None)).status == 200
    assert ask(server, tokens["access_token"], proof(answer.json["c_nonce"], iat=None, header={"typ": None})).status == 200
    assert ask(server, tokens["access_token"], proof(answer.json["c_nonce"], header={"typ": "JWT", "kid": "k"})).status == 200


def test_bad_proofs(server, web, tokens):
    token, nonce = tokens["access_token"], tokens["c_nonce_draft_00"]
    good, other = proof(nonce), tokens_for(server, web, scope=SCOPE)
    now = int(time.time())
    for jwt, text in [
        ("", "JSON Web Token"), ("a.b", "does not have three parts"), ("a.b.c", "JSON Web Token"), (proof(nonce, exp="soon"), "'exp'"),
        (good.rsplit(".", 1)[0], "JSON Web Token"),
        (good[:-8] + "AAAAAAAA", "not signed"), (good.rsplit(".", 1)[0] + ".", "not signed"),
        (good.rsplit(".", 1)[0] + "." + b64(bytes(64)), "not signed"), (good.rsplit(".", 1)[0] + "." + b64(b"\x30\6\2\1\1\2\1\1"), "not signed"),
        (proof(nonce, x="y" * 70_000), "JSON Web Token"), (proof(nonce, header={"jwk": None, "jku": "http://127.0.0.1:1/"}), "no JSON Web Key"),
        (proof(nonce, header={"jwk": None, "kid": "did:jwk:x"}), "no JSON Web Key"), (proof(nonce, header={"jwk": {"keys": [KEY.jwk]}}), "can be used"),
        (proof(nonce, header={"typ": "openid4vci-proof"}), "typ"), (proof(nonce, header={"typ": "logout+jwt"}), "typ"),
        (proof(nonce, header={"jwk": None}), "no JSON Web Key"), (proof(nonce, header={"jwk": "x"}), "no JSON Web Key"),
        (proof(nonce, header={"jwk": EcKey().jwk}), "not signed"), (proof(nonce, header={"jwk": KEY.private}), "not a public key"),
        (proof(nonce, header={"jwk": {"kty": "EC"}}), "can be used"),
        (proof(nonce, header={"jwk": {"kty": "oct", "k": "c2VjcmV0"}, "alg": "HS256"}), "not a public key"),
        (proof(nonce, header={"alg": "none"}), "'none'"), (proof(nonce, header={"alg": "HS256"}), "'HS256'"),
        (proof(nonce, header={"alg": "ES384"}), "not signed"), (proof(nonce, header={"typ": "at+jwt"}), "typ"),
        (proof(nonce, header={"crit": ["b64"]}), "JSON Web Token"),
        (proof(nonce, aud="https://elsewhere.example"), "aud"), (proof(nonce, exp=now - 5), "expired"),
        (proof(nonce, nbf=now + 600), "not valid yet"), (proof(nonce, iat=now + 600), "issued"),
        (proof(None), "no 'nonce'"), (proof(7), "no 'nonce'"), (proof("x"), "nonce"), (proof(nonce[:-2] + "xx"), "nonce"),
        (proof(other["c_nonce_draft_00"]), "nonce"),
    ]:
        refused(ask(server, token, jwt), text)


def test_bad_requests(server, tokens):
    token, good = tokens["access_token"], proof(tokens["c_nonce_draft_00"])
    refused(ask(server, token, good, format="ldp_vc"), "'ldp_vc'")
    refused(ask(server, token, good, format=None), "format")
    refused(ask(server, token, good, types=["Other"]), "'Other'")
    refused(ask(server, token, proof={"proof_type": "cwt", "jwt": good}), "'cwt'")
    refused(ask(server, token, proof={"proof_type": "jwt"}), "JSON Web Token")
    for wrong in ({"proof": "x"}, {"format": 7}, {"types": "x"}, {"proof": {"jwt": 7}}):
        refused(ask(server, token, **wrong), "must be")
    for body in (b"", b"{", b"[]", b"\xff"):
        refused(server.public.post("/credentials", body=body, bearer=token), "decode")


def test_tokens_that_do_not_do(server, web, tokens):
    ask_with = lambda token: ask(server, token, proof(tokens["c_nonce_draft_00"]))  # noqa: E731
    for token in (None, "", "made-up"):
        refused(ask_with(token), "", 401, "request_unauthorized")
    refused(ask_with(tokens["refresh_token"]), "Only access tokens")
    plain = tokens_for(server, web, scope="openid foo")["access_token"]
    nonce = ask(server, plain).json["c_nonce"]
    refused(ask(server, plain, proof(nonce)), "userinfo_credential_draft_00", 403, "insufficient_scope")
    refused(ask_with(tokens_for(server, web, scope="foo")["access_token"]), "openid", 403, "insufficient_scope")
    service = server.create_client(scope=SCOPE)
    answer = server.token(service, scope=SCOPE.replace(" offline", "")).json
    refused(ask(server, answer["access_token"], proof(answer["c_nonce_draft_00"])), "No user")
    gone = tokens_for(server, web, scope=SCOPE)
    server.public.post("/oauth2/revoke", form={"token": gone["access_token"]}, basic=pair(web))
    refused(ask(server, gone["access_token"], proof(gone["c_nonce_draft_00"])), "", 401, "request_unauthorized")


def test_nonce_expires(make_server):
    server = make_server({"ttl": {"vc_nonce": "1s"}})
    tokens = tokens_for(server, make_web(server, scope=SCOPE), scope=SCOPE)
    assert tokens["c_nonce_expires_in_draft_00"] == 1
    time.sleep(1.2)
    refused(ask(server, tokens["access_token"], proof(tokens["c_nonce_draft_00"])), "expired")


def test_jwt_access_tokens(make_server):
    server = make_server({"strategies": {"access_token": "jwt"}})
    tokens = tokens_for(server, make_web(server, scope=SCOPE), scope=SCOPE)
    assert ask(server, tokens["access_token"], proof(tokens["c_nonce_draft_00"])).status == 200
