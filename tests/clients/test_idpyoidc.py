"""idpyoidc (PyPI), the library behind much of academia's OpenID Connect: a relying party that knows only the issuer, registers itself,
signs a user in, and checks every signature with cryptojwt."""

import urllib.parse

import pytest
from cryptojwt.exception import BadSignature
from cryptojwt.key_jar import build_keyjar
from idpyoidc.client.rp_handler import RPHandler
from idpyoidc.exception import MissingSigningKey

from harness import Server
from person import agree

BASE = "https://rp.example.test"
SERVICES = {
    "discovery": {"class": "idpyoidc.client.oidc.provider_info_discovery.ProviderInfoDiscovery"},
    "registration": {"class": "idpyoidc.client.oidc.registration.Registration"},
    "authorization": {"class": "idpyoidc.client.oidc.authorization.Authorization"},
    "accesstoken": {"class": "idpyoidc.client.oidc.access_token.AccessToken"},
    "userinfo": {"class": "idpyoidc.client.oidc.userinfo.UserInfo"},
}
KEYS = [{"type": "RSA", "use": ["sig"]}, {"type": "EC", "crv": "P-256", "use": ["sig"]}]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """This library takes a registered scope only as one name."""
    registration = {"enabled": True, "default_scope": ["openid"]}
    running = Server(tmp_path_factory.mktemp("server"), {"oidc": {"dynamic_client_registration": registration}}).start()
    yield running
    running.stop()


def relying_party(server, response_type="code"):
    config = {
        "issuer": server.public.url, "client_type": "oidc", "redirect_uris": [f"{BASE}/cb"], "contacts": ["ops@example.com"],
        "grant_types_supported": ["authorization_code", "implicit"], "response_types_supported": [response_type],
        "token_endpoint_auth_methods_supported": ["client_secret_basic"], "services": SERVICES,
        "add_ons": {"pkce": {"function": "idpyoidc.client.oauth2.add_on.pkce.add_support",
                             "kwargs": {"code_challenge_length": 64, "code_challenge_method": "S256"}}},
    }
    return RPHandler(base_url=BASE, client_configs={"": config}, key_conf={"key_defs": KEYS}, httpc_params={"timeout": 20})


def sign_in(server, handler):
    back = agree(server, handler.begin(server.public.url))
    parts = urllib.parse.urlsplit(back)
    done = handler.finalize(server.public.url, dict(urllib.parse.parse_qsl(parts.query or parts.fragment)))
    assert "error" not in done, done
    return done


def context(server, handler):
    return handler.issuer2rp[server.public.url].get_context()


@pytest.mark.parametrize("response_type", ["code", "code id_token"])
def test_register_and_sign_in(server, response_type):
    handler = relying_party(server, response_type=response_type)
    done = sign_in(server, handler)
    assert done["id_token"]["sub"] == "alice" and done["id_token"]["iss"] == server.public.url
    assert done["id_token"].jws_header["alg"] == "RS256"        # it was checked, or this would not be there
    assert done["userinfo"]["email"] == "alice@example.com"
    registered = context(server, handler).registration_response
    assert registered["client_id"] and registered["registration_access_token"]
    assert registered["response_types"] == [response_type]


def test_keys_that_do_not_fit(server):
    handler = relying_party(server)
    back = agree(server, handler.begin(server.public.url))
    handler.issuer2rp[server.public.url].get_attribute("keyjar")[server.public.url] = build_keyjar(KEYS)[""]
    with pytest.raises((BadSignature, MissingSigningKey)):
        handler.finalize(server.public.url, dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(back).query)))
