"""authlib (PyPI): an application that signs users in, and a service that has an assertion about a user. ID tokens are checked with
authlib's own JOSE library."""

import os
import time
import uuid

import pytest
from authlib.common.security import generate_token
from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.requests_client import AssertionSession, OAuth2Session
from authlib.oauth2 import OAuth2Error
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import BadSignatureError
from joserfc.jwk import ECKey, KeySet, RSAKey

from flow_support import CALLBACK, Browser, make_web
from person import agree

os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"      # the server runs on loopback, without TLS
SCOPE = "openid offline foo"
BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"


@pytest.fixture
def metadata(server):
    return server.public.get("/.well-known/openid-configuration").json


def key_set(server):
    return KeySet.import_key_set(server.public.get("/.well-known/jwks.json").json)


def checked(server, client, token, keys=None, **expected):
    decoded = jwt.decode(token["id_token"], keys or key_set(server))
    options = {"iss": {"essential": True, "value": server.public.url}}
    known = CodeIDToken(decoded.claims, decoded.header, options, {"client_id": client["client_id"],
                                                                  "access_token": token["access_token"], **expected})
    known.validate()
    return known


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post", "none"])
def test_code_flow(server, metadata, method):
    web = make_web(server, token_endpoint_auth_method=method)
    with OAuth2Session(web["client_id"], web.get("client_secret"), token_endpoint_auth_method=method, scope=SCOPE, redirect_uri=CALLBACK,
                       code_challenge_method="S256", token_endpoint=metadata["token_endpoint"]) as app:
        verifier, nonce = generate_token(48), generate_token(20)
        url, state = app.create_authorization_url(metadata["authorization_endpoint"], code_verifier=verifier, nonce=nonce, max_age=60)
        back = agree(server, url)
        token = app.fetch_token(metadata["token_endpoint"], authorization_response=back, code_verifier=verifier, state=state)
        claims = checked(server, web, token, nonce=nonce, max_age=60)
        assert (claims["sub"], claims["email"]) == ("alice", "alice@example.com")
        assert app.get(metadata["userinfo_endpoint"]).json()["email"] == "alice@example.com"

        first = token["refresh_token"]
        renewed = app.refresh_token(metadata["token_endpoint"], refresh_token=first)
        assert renewed["refresh_token"] != first and checked(server, web, renewed)["sid"] == claims["sid"]
        with pytest.raises(OAuthError) as refusal:
            app.fetch_token(metadata["token_endpoint"], authorization_response=back, code_verifier=verifier, state=state)
        assert refusal.value.error == "invalid_grant"


def test_wrong_verifier(server, metadata):
    web = make_web(server)
    with OAuth2Session(web["client_id"], web["client_secret"], scope=SCOPE, redirect_uri=CALLBACK, code_challenge_method="S256") as app:
        url, state = app.create_authorization_url(metadata["authorization_endpoint"], code_verifier=generate_token(48))
        with pytest.raises(OAuthError) as refusal:
            app.fetch_token(metadata["token_endpoint"], authorization_response=agree(server, url), state=state,
                            code_verifier=generate_token(48))
        assert refusal.value.error == "invalid_grant"


def test_another_key_does_not_fit(server):
    web = make_web(server)
    token = Browser(server).sign_in(web)
    kids = [key["kid"] for key in server.public.get("/.well-known/jwks.json").json["keys"]]
    others = KeySet([RSAKey.generate_key(2048, {"kid": kid, "use": "sig"}) for kid in kids])
    with pytest.raises(BadSignatureError):
        checked(server, web, token, others)


@pytest.mark.parametrize("alg", ["RS256", "ES256"])
def test_jwt_bearer(server, metadata, alg):
    kid, issuer = str(uuid.uuid4()), f"https://issuer.example.test/{uuid.uuid4()}"
    more = {"kid": kid, "use": "sig", "alg": alg}
    key = RSAKey.generate_key(2048, more) if alg == "RS256" else ECKey.generate_key("P-256", more)
    trusted = server.admin.post("/admin/trust/grants/jwt-bearer/issuers", json={
        "issuer": issuer, "subject": "bob", "scope": ["stock.read"], "jwk": key.as_dict(private=False),
        "expires_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))})
    assert trusted.status == 201, trusted
    client = server.create_client(grant_types=[BEARER], scope="stock.read")

    def session(subject, jti=None):
        made = AssertionSession(metadata["token_endpoint"], issuer, subject, grant_type=BEARER, header={"kid": kid}, alg=alg,
                                key=key.as_pem(private=True), claims={"jti": jti} if jti else None, scope="stock.read")
        made.auth = client["client_id"], client["client_secret"]
        return made

    token = session("bob", "once").refresh_token()
    assert token["scope"] == "stock.read" and server.introspect(token["access_token"])["sub"] == "bob"
    for subject, jti in (("bob", "once"), ("eve", None)):
        with pytest.raises(OAuth2Error) as refusal:
            session(subject, jti).refresh_token()
        assert refusal.value.error in ("invalid_grant", "jti_known")
