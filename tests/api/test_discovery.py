"""The discovery documents. Numbers in comments are the behaviours that deployed clients rely on."""

import json

PATHS = ("/.well-known/openid-configuration", "/.well-known/oauth-authorization-server")


def test_both_alike(server):  # 12
    one, two = (server.public.get(path) for path in PATHS)
    assert one.status == two.status == 200 and one.body == two.body
    assert one.headers["Content-Type"].startswith("application/json")
    assert one.headers["Cache-Control"] == "private, no-cache, no-store, must-revalidate"  # 5


def test_every_member_once(server):
    """RFC 8259 4: what a reader makes of names that come twice is unpredictable; strict ones refuse the document."""
    names = []
    json.loads(server.public.get(PATHS[0]).body, object_pairs_hook=lambda pairs: names.append([name for name, _ in pairs]))
    for members in names:
        assert len(members) == len(set(members)), sorted(members)


def test_endpoints(make_server):  # 13
    server = make_server({"urls": {"self": {"issuer": "https://op.example/i", "public": "https://pub.example/p/"}}})
    d = server.public.get(PATHS[0]).json
    assert d["issuer"] == "https://op.example/i"
    assert d["token_endpoint"] == "https://pub.example/p/oauth2/token"
    assert d["jwks_uri"] == "https://op.example/i/.well-known/jwks.json"
    assert d["revocation_endpoint"] == "https://op.example/i/oauth2/revoke"


def test_overrides(make_server):
    server = make_server({"webfinger": {"oidc_discovery": {
        "token_url": "https://cdn.example/token", "jwks_url": "https://cdn.example/jwks", "supported_claims": ["email"],
        "supported_scope": ["email", "profile"]}}})
    d = server.public.get(PATHS[0]).json
    assert (d["token_endpoint"], d["jwks_uri"]) == ("https://cdn.example/token", "https://cdn.example/jwks")
    assert d["claims_supported"] == ["sub", "email"]
    assert d["scopes_supported"] == ["offline_access", "offline", "openid", "email", "profile"]  # 15


def test_what_works(server):
    d = server.public.get(PATHS[0]).json
    assert "client_credentials" in d["grant_types_supported"]
    assert {"client_secret_basic", "client_secret_post", "none"} <= set(d["token_endpoint_auth_methods_supported"])
    assert d["id_token_signed_response_alg"] == ["RS256"]  # 16
    for name, url in d.items():
        if name.endswith("_endpoint") and url.startswith(server.public.url):
            assert server.public.post(url.removeprefix(server.public.url)).status != 404, name


def test_head_and_slash(server):  # 3, 4
    for path in PATHS:
        assert server.public.get(path + "/").status == 200
        answer = server.public.request("HEAD", path)
        assert (answer.status, answer.body) == (200, b"")


def test_only_get(server):
    assert server.public.post(PATHS[0]).status == 404
