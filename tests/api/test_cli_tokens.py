"""perform client-credentials, introspect, revoke, delete access-tokens. Numbers are those of the operations checklist."""

import datetime
import re
import urllib.parse

import pytest

from cli_support import FAILED, Recorder, failed, fields, ok, parsed


@pytest.fixture(scope="module")
def client(server):
    return server.create_client(scope="a b", audience=["urn:x", "urn:y"])


def credentials(client):
    return ("--client-id", client["client_id"], "--client-secret", client["client_secret"])


def perform(server, client, *more, **settings):
    return server.cli("perform", "client-credentials", *credentials(client), *more, endpoint=server.public, **settings)


def test_client_credentials(server, client):  # 44
    token = parsed(perform(server, client, "--format", "json"))
    assert set(token) == {"access_token", "token_type", "expiry"} and token["token_type"] == "bearer"
    left = datetime.datetime.fromisoformat(token["expiry"]) - datetime.datetime.now(datetime.timezone.utc)
    assert 3590 < left.total_seconds() <= 3600
    table = fields(ok(perform(server, client)))
    assert (table["REFRESH TOKEN"], table["ID TOKEN"]) == ("<empty>", "<empty>") and table["ACCESS TOKEN"].startswith("ory_at_")
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \+0000 UTC", table["EXPIRY"])
    token = ok(perform(server, client, "-q", "--scope", "a,b", "--audience", "urn:x,urn:y")).strip()
    said = server.introspect(token)
    assert said["active"] and said["scope"] == "a b" and said["aud"] == ["urn:x", "urn:y"]


def test_credentials_in_the_environment(server, client):  # 43
    env = {"OAUTH2_CLIENT_ID": client["client_id"], "OAUTH2_CLIENT_SECRET": client["client_secret"]}
    token = ok(server.cli("perform", "client-credentials", "-q", endpoint=server.public, env=env)).strip()
    assert ok(server.cli("revoke", "token", token, endpoint=server.public, env=env)) == f"ID\t{token}\t\n"
    assert server.introspect(token) == {"active": False}


def test_client_secret_post(server):
    client = server.create_client(token_endpoint_auth_method="client_secret_post")
    ok(perform(server, client))


def test_refusals(server, client):
    failed(perform(server, {**client, "client_secret": "wrong"}), "invalid_client", FAILED)
    failed(perform(server, client, "--scope", "c"), "invalid_scope", FAILED)
    failed(server.cli("perform", "client-credentials", *credentials(client)), FAILED)  # the admin listener


@pytest.mark.parametrize("command", [("perform", "client-credentials"), ("revoke", "token", "t")])
def test_no_credentials(command):
    with Recorder() as server:
        done = server.cli(*command)
        failed(done, "no client named", "OAUTH2_CLIENT_ID", stdout=None)
        assert "Usage:" in done.stdout and server.seen == []


def test_introspect(server, client):  # 42
    token = server.access_token(client, scope="a")
    table = fields(ok(server.cli("introspect", "token", token)))
    assert {k: table[k] for k in table if k != "EXPIRY"} == {
        "ACTIVE": "true", "SUBJECT": client["client_id"], "CLIENT ID": client["client_id"], "SCOPE": "a", "TOKEN USE": "access_token"}
    assert parsed(server.cli("introspect", "token", token, "--format", "json"))["active"] is True
    assert fields(ok(server.cli("introspect", "token", "x"))) == {
        "ACTIVE": "false", "SUBJECT": "", "CLIENT ID": "", "SCOPE": "", "EXPIRY": "1970-01-01 00:00:00 +0000 UTC", "TOKEN USE": ""}
    assert ok(server.cli("introspect", "token", token, "-q", "--scope", "a")) == "true\n"
    assert ok(server.cli("introspect", "token", token, "-q", "--scope", "a,b")) == "false\n"


def test_revoke(server, client):
    token = server.access_token(client)
    failed(server.cli("revoke", "token", token, "--client-id", client["client_id"], "--client-secret", "wrong", endpoint=server.public),
           FAILED)
    assert server.introspect(token)["active"]
    assert ok(server.cli("revoke", "token", token, *credentials(client), "--format", "json", endpoint=server.public)) == f'"{token}"\n'
    assert server.introspect(token) == {"active": False}


def test_revoke_as_a_public_client():
    with Recorder() as server:
        ok(server.cli("revoke", "token", "a&b", "--client-id", "pub"))
        method, path, headers, body = server.seen[0]
        assert (method, path, headers["Authorization"]) == ("POST", "/oauth2/revoke", None)
        assert urllib.parse.parse_qs(body) == {"token": ["a&b"], "client_id": ["pub"]}


def test_delete_access_tokens(server):
    client = server.create_client()
    token = server.access_token(client)
    assert ok(server.cli("delete", "access-tokens", client["client_id"])) == f"ID\t{client['client_id']}\t\n"
    assert server.introspect(token) == {"active": False}
    ok(server.cli("delete", "access-tokens", "unknown"))
