"""authlib (PyPI): a service that gets, and gives back, its own token, knowing only the issuer."""

import os

import pytest
from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.requests_client import OAuth2Session

os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"      # the server runs on loopback, without TLS


def session(server, client, method="client_secret_basic", **more):
    return OAuth2Session(client["client_id"], client["client_secret"], token_endpoint_auth_method=method,
                         revocation_endpoint_auth_method=method, **more)


@pytest.fixture
def metadata(server):
    return server.public.get("/.well-known/openid-configuration").json


@pytest.mark.parametrize("strategy", ["opaque", "jwt"])
@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_client_credentials(server, metadata, method, strategy):
    client = server.create_client(token_endpoint_auth_method=method, access_token_strategy=strategy, scope="stock.read")
    with session(server, client, method, scope="stock.read") as service:
        token = service.fetch_token(metadata["token_endpoint"], grant_type="client_credentials")
        assert (token["token_type"].lower(), token["scope"]) == ("bearer", "stock.read")
        assert not token.is_expired()
        assert server.introspect(token["access_token"])["client_id"] == client["client_id"]
        assert service.revoke_token(metadata["revocation_endpoint"], token["access_token"], "access_token").status_code == 200
        assert server.introspect(token["access_token"]) == {"active": False}


def test_refusals(server, metadata):
    client = server.create_client(token_endpoint_auth_method="client_secret_post", scope="stock.read")
    with session(server, {**client, "client_secret": "wrong"}, "client_secret_post") as service:
        with pytest.raises(OAuthError) as refusal:
            service.fetch_token(metadata["token_endpoint"], grant_type="client_credentials")
        assert refusal.value.error == "invalid_client"
    with session(server, client, "client_secret_post") as service:
        with pytest.raises(OAuthError) as refusal:
            service.fetch_token(metadata["token_endpoint"], grant_type="client_credentials", scope="never.granted")
        assert refusal.value.error == "invalid_scope"
