"""JWTs that clients make, and a web server of theirs: what the tests of assertions and of outgoing requests stand on.

    client_id = key_client(server)                       # private_key_jwt with KEY
    with_assertion(server, KEY.sign(claims_for(server, client_id))).status == 200
    KEY.sign(claims, {"kid": None, "typ": "x"})          # header members; None leaves one out
    with Web() as web:                                   # or the fixture `web`
        web.documents["/keys"] = key_set(KEY)            # (status, body), (status, body, headers), or a function of the request
        key_client(server, jwks=None, jwks_uri=web.url + "/keys")
        web.seen                                         # the paths that were asked for
"""

import base64
import json
import time
import uuid

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils

from webserver import WebServer

CLIENT_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def b64(data):
    return base64.urlsafe_b64encode(data if isinstance(data, bytes) else data.encode()).rstrip(b"=").decode()


class Key:
    """An ES256 key."""

    def __init__(self, kid):
        self.kid = kid
        self.private = ec.generate_private_key(ec.SECP256R1())
        numbers = self.private.public_key().public_numbers()
        x, y = (b64(n.to_bytes(32, "big")) for n in (numbers.x, numbers.y))
        self.jwk = {"kty": "EC", "crv": "P-256", "use": "sig", "kid": kid, "x": x, "y": y}

    def sign(self, claims, header=None):
        head = {"alg": "ES256", "kid": self.kid, "typ": "JWT", **(header or {})}
        head = {name: value for name, value in head.items() if value is not None}
        text = b64(json.dumps(head)) + "." + b64(json.dumps(claims))
        r, s = utils.decode_dss_signature(self.private.sign(text.encode(), ec.ECDSA(hashes.SHA256())))
        return text + "." + b64(r.to_bytes(32, "big") + s.to_bytes(32, "big"))


def unsigned(claims, header=None, signature=b""):
    return b64(json.dumps({"alg": "none", **(header or {})})) + "." + b64(json.dumps(claims)) + "." + b64(signature)


KEY, EVIL = Key("k"), Key("k")


def claims_for(server, client_id, **more):
    now = int(time.time())
    claims = {"iss": client_id, "sub": client_id, "aud": server.public.url + "/oauth2/token", "jti": str(uuid.uuid4()),
              "iat": now, "exp": now + 300, **more}
    return {name: value for name, value in claims.items() if value is not None}


def with_assertion(server, assertion, **form):
    return server.public.post("/oauth2/token", form={"grant_type": "client_credentials", "client_assertion_type": CLIENT_ASSERTION,
                                                     "client_assertion": assertion, **form})


def key_client(server, **members):
    return server.create_client(**{"token_endpoint_auth_method": "private_key_jwt", "token_endpoint_auth_signing_alg": "ES256",
                                   "jwks": {"keys": [KEY.jwk]}, **members})["client_id"]


def key_set(*keys):
    return 200, json.dumps({"keys": [key.jwk for key in keys]}).encode()


class Web(WebServer):
    """A client's web server, which keeps the paths that it is asked for."""

    def __init__(self):
        self.documents = {}
        super().__init__()

    def answer(self, request, body):
        self.keep(request.path)
        document = self.documents.get(request.path, (404,))
        return document(request) if callable(document) else document
