"""create, get, list, update, delete, import of clients. Numbers are those of the operations checklist."""

import base64
import json
import os
import shutil
import subprocess
import tempfile
import uuid

import pytest

from cli_support import FAILED, Recorder, failed, fields, ok, parsed

DEFAULTS = {"grant_types": ["authorization_code"], "response_types": ["code"], "token_endpoint_auth_method": "client_secret_basic",
            "request_object_signing_alg": "RS256", "subject_type": "public", "metadata": {}}
# Every flag: what is given, the member, its value.
FLAGS = [
    ("--secret=s3cr3t", "client_secret", "s3cr3t"), ("--name=N n", "client_name", "N n"), ("--owner=o", "owner", "o"),
    ("--contact=a@x,b@x", "contacts", ["a@x", "b@x"]), ("--grant-type=refresh_token", "grant_types", ["refresh_token"]),
    ("--response-type=token,code", "response_types", ["token", "code"]), ("--scope=a,b", "scope", "a b"),
    ("--audience=x,y", "audience", ["x", "y"]), ("--redirect-uri=http://x/", "redirect_uris", ["http://x/"]),
    ("--post-logout-callback=http://x/", "post_logout_redirect_uris", ["http://x/"]),
    ("--token-endpoint-auth-method=none", "token_endpoint_auth_method", "none"), ("--jwks-uri=http://x/", "jwks_uri", "http://x/"),
    ("--policy-uri=http://x/", "policy_uri", "http://x/"), ("--tos-uri=http://x/", "tos_uri", "http://x/"),
    ("--client-uri=http://x/", "client_uri", "http://x/"), ("--logo-uri=http://x/", "logo_uri", "http://x/"),
    ("--allowed-cors-origin=http://x", "allowed_cors_origins", ["http://x"]), ("--request-uri=http://x/", "request_uris", ["http://x/"]),
    ("--request-object-signing-alg=ES256", "request_object_signing_alg", "ES256"), ("--subject-type=pairwise", "subject_type", "pairwise"),
    ("--sector-identifier-uri=https://x/", "sector_identifier_uri", "https://x/"), ("--metadata={\"a\":1}", "metadata", {"a": 1}),
    ("--skip-consent", "skip_consent", True), ("--skip-logout-consent=true", "skip_logout_consent", True),
    ("--access-token-strategy=jwt", "access_token_strategy", "jwt"),
    ("--backchannel-logout-callback=http://x/", "backchannel_logout_uri", "http://x/"),
    ("--backchannel-logout-session-required", "backchannel_logout_session_required", True),
    ("--frontchannel-logout-callback=http://x/", "frontchannel_logout_uri", "http://x/"),
    ("--frontchannel-logout-session-required", "frontchannel_logout_session_required", True),
]


def name():
    return "c-" + uuid.uuid4().hex[:10]


def sent(server):
    return json.loads(server.seen[-1][3])


# ---- what is sent ----

def test_create_sends_defaults():
    with Recorder(201, {"client_id": "x"}) as server:
        ok(server.cli("create", "client", "--id", "x"))
        method, path, headers, _ = server.seen[0]
        assert (method, path, headers["Content-Type"]) == ("POST", "/admin/clients", "application/json")
        assert sent(server) == {**DEFAULTS, "client_id": "x"}


@pytest.mark.parametrize("flag, member, value", FLAGS)
def test_flags(flag, member, value):
    with Recorder(201, {"client_id": "x"}) as server:
        ok(server.cli("create", "oauth2-client", flag))
        assert sent(server) == {**DEFAULTS, member: value}
        ok(server.cli("update", "client", "a/b", flag))  # 36: only what is given
        assert server.seen[-1][:2] == ("PATCH", "/admin/clients/a%2Fb")
        assert sent(server) == [{"op": "replace", "path": "/" + member, "value": value}]


def test_repeated_lists():
    with Recorder(201, {"client_id": "x"}) as server:
        ok(server.cli("create", "client", "--scope", "a,b", "--scope", "c", "--redirect-uri", '"http://x/?a,b",http://y/'))
        assert sent(server)["scope"] == "a b c" and sent(server)["redirect_uris"] == ["http://x/?a,b", "http://y/"]


@pytest.mark.parametrize("verb", ["create", "update"])
def test_metadata_must_be_json(verb):
    with Recorder(201, {}) as server:
        failed(server.cli(*([verb, "client"] + ["x"] * (verb == "update")), "--metadata", "{a"), "--metadata is not JSON", "column")
        assert server.seen == []


def test_file(tmp_path):
    """Other client flags do not count then; the path may be standard input."""
    file = tmp_path / "c.json"
    file.write_text('{"client_id": "f", "client_secret": "of-the-file"}')
    with Recorder(201, {"client_id": "f"}) as server:
        text = ok(server.cli("create", "client", "--name", "ignored", "--secret", "ignored", "--file", file))
        assert sent(server) == {"client_id": "f", "client_secret": "of-the-file"}
        assert fields(text)["CLIENT SECRET"] == "of-the-file"
        ok(server.cli("update", "client", "f", "--file", "-", stdin='{"client_name": "new"}'))
        assert server.seen[-1][:2] == ("PUT", "/admin/clients/f") and sent(server) == {"client_name": "new"}


@pytest.mark.parametrize("content, says", [("[]", "does not hold a client"), ("{", "is not JSON"), ("", "is not JSON"), ("{}{}", "is not JSON")])
def test_bad_file(content, says):
    with Recorder(201, {}) as server:
        failed(server.cli("create", "client", "--file", "-", stdin=content), says, "standard input")
        assert server.seen == []


def test_missing_file():
    with Recorder(201, {}) as server:
        failed(server.cli("create", "client", "--file", "/no/such/file"), "cannot open /no/such/file: No such file or directory")


# ---- against the server ----

def test_create_and_get(server):  # 32
    client = name()
    made = parsed(server.cli("create", "client", "--id", client, "--secret", "a-secret-1", "--grant-type", "client_credentials",
                             "--scope", "a,b", "--format", "json"))
    assert made["client_id"] == client and made["client_secret"] == "a-secret-1" and made["grant_types"] == ["client_credentials"]
    assert made["registration_access_token"] and made["registration_client_uri"].endswith(client)
    read = parsed(server.cli("get", "oauth2-client", client, "--format", "json"))
    assert "client_secret" not in read and read["scope"] == "a b" and None not in read.values()
    assert fields(ok(server.cli("get", "client", client)))["GRANT TYPES"] == "client_credentials"


def test_generated(server):
    made = fields(ok(server.cli("create", "client")))
    assert uuid.UUID(made["CLIENT ID"]) and len(made["CLIENT SECRET"]) >= 20
    assert ok(server.cli("create", "client", "-q")).count("\n") == 1


def test_get_several(server):
    a, b = server.create_client()["client_id"], server.create_client()["client_id"]
    assert ok(server.cli("get", "clients", a, b, "-q")) == f"{a}\n{b}\n"  # Q11
    assert [c["client_id"] for c in parsed(server.cli("get", "client", a, b, "--format", "json"))] == [a, b]
    failed(server.cli("get", "client", a, "nope", b), "Unable to locate the resource", FAILED)


def test_pages(make_server):  # 34
    server = make_server()
    made = sorted(server.create_client(client_id=f"p{i}")["client_id"] for i in range(5))
    page = parsed(server.cli("list", "clients", "--format", "json"))
    assert set(page) == {"items", "next_page_token", "is_last_page"} and page["is_last_page"] is True and page["next_page_token"] == ""
    assert [c["client_id"] for c in page["items"]] == made
    found, token = [], ""
    while True:
        page = parsed(server.cli("ls", "oauth2-clients", "--page-size", "2", "--page-token", token, "--format", "json"))
        found += [c["client_id"] for c in page["items"]]
        token = page["next_page_token"]
        if page["is_last_page"]:
            break
    assert found == made and token == ""
    assert ok(server.cli("list", "clients", "--format", "jsonpath=items.0.client_id")) == '"p0"\n'  # 35
    assert ok(server.cli("list", "clients", "-q")).split() == made
    failed(server.cli("list", "clients", "--page-token", "forged"), FAILED)
    failed(server.cli("list", "clients", "--page-size", "0"), "--page-size must be at least 1")


def test_empty_list(make_server):
    server = make_server()
    lines = ok(server.cli("list", "clients")).splitlines()
    assert lines[0].startswith("CLIENT ID\t") and lines[1:] == ["\t\t", "NEXT PAGE TOKEN\t\t", "IS LAST PAGE\ttrue\t"]
    assert ok(server.cli("list", "clients", "-q")) == ""


def test_update(server):  # 36
    client = name()
    before = parsed(server.cli("create", "client", "--id", client, "--owner", "o", "--scope", "a", "--format", "json"))
    after = parsed(server.cli("update", "client", client, "--name", "N", "--jwks-uri", "https://x.example/jwks", "--format", "json"))
    assert (after["client_name"], after["jwks_uri"]) == ("N", "https://x.example/jwks")
    for member in ("owner", "scope", "grant_types", "redirect_uris", "created_at"):
        assert after.get(member, []) == before.get(member, [])
    assert fields(ok(server.cli("update", "client", client, "--secret", "another-secret")))["CLIENT SECRET"] == "another-secret"
    failed(server.cli("update", "client", "nope", "--name", "N"), FAILED)
    failed(server.cli("update", "client", client, "--subject-type", "both"), FAILED)


def test_update_from_file(server):
    client = name()
    ok(server.cli("create", "client", "--id", client, "--owner", "o", "--name", "N"))
    after = parsed(server.cli("update", "client", client, "--file", "-", "--format", "json", stdin='{"client_name": "M"}'))
    assert after["client_name"] == "M" and after["client_id"] == client and after["owner"] == ""


def test_delete(server):  # 37
    a, b = server.create_client()["client_id"], server.create_client()["client_id"]
    done = server.cli("delete", "client", a, "nope", b)
    failed(done, "Unable to locate the resource", FAILED, "not deleted: nope", stdout=f"ID\t\t\t\t\t\n{a}\t\n{b}\t\n")
    assert ok(server.cli("delete", "oauth2-clients", server.create_client(client_id="one")["client_id"])) == "ID\tone\t\n"
    failed(server.cli("delete", "client", a), "not deleted: " + a)


def test_import(server, tmp_path):  # 38
    ids = [name() for _ in range(4)]
    one, two = tmp_path / "1.json", tmp_path / "2.json"
    one.write_text(json.dumps([{"client_id": ids[0], "client_secret": "secret-of-0"}, {"client_id": ids[1]}]))
    two.write_text(json.dumps({"client_id": ids[2]}))
    made = parsed(server.cli("import", "oauth2-client", one, two, "--format", "json"))
    assert [c["client_id"] for c in made] == ids[:3] and made[0]["client_secret"] == "secret-of-0"
    again = server.cli("import", "client", one, two, stdin="")
    failed(again, FAILED, f"not imported: item 0 of {one}, client {ids[0]}", f"item 0 of {two}", stdout=None)
    assert fields(ok(server.cli("import", "clients", stdin=json.dumps([{"client_id": ids[3]}]))))["CLIENT ID"] == ids[3]


def test_import_goes_on_after_a_failure(server):
    taken, free = server.create_client()["client_id"], name()
    done = server.cli("import", "client", "-", "-q", stdin=json.dumps([{"client_id": taken}, {"client_id": free}]))
    failed(done, f"client {taken}", stdout=free + "\n")


@pytest.mark.parametrize("content, says", [("[1]", "item 0 is not a client"), ("[{}, null]", "item 1 is not a client"), ("[", "is not JSON"),
                                           ('"x"', "item 0 is not a client")])
def test_import_of_nonsense(tmp_path, content, says):
    """All files are read before anything is sent."""
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    good.write_text('[{"client_id": "good"}]')
    bad.write_text(content)
    with Recorder(201, {"client_id": "x"}) as server:
        failed(server.cli("import", "client", good, bad), says, str(bad))
        failed(server.cli("import", "client", good, tmp_path / "missing"), "cannot open")
        assert server.seen == []


def test_import_of_nothing():
    with Recorder(201, {}) as server:
        done = server.cli("import", "client", stdin="")
        assert done.returncode == 0 and "standard input is empty" in done.stderr and server.seen == []


def test_secrets_with_odd_characters(server):
    """RFC 6749 2.3.1: both parts are form-encoded inside HTTP Basic."""
    client, secret = "odd:" + name() + " %+", "s:e c%r+e&t-ü"
    ok(server.cli("create", "client", "--id", client, "--secret", secret, "--grant-type", "client_credentials"))
    ok(server.cli("perform", "client-credentials", "--client-id", client, "--client-secret", secret, endpoint=server.public))
    with Recorder(200, {"access_token": "t"}) as recorder:
        ok(recorder.cli("perform", "client-credentials", "--client-id", "a:b", "--client-secret", "c d"))
        assert recorder.seen[0][2]["Authorization"] == "Basic " + base64.b64encode(b"a%3Ab:c+d").decode()


# ---- encrypted secrets ----

class Gpg:
    """Somebody with an OpenPGP key: RSA, or two keys on curves."""

    def __init__(self, *kind):
        self.home = tempfile.mkdtemp(dir="/tmp")    # a short path: its agent listens there
        self.run("--passphrase", "", "--quick-generate-key", "Operator <operator@example.org>", *kind)
        self.key = self.run("--export")

    def run(self, *arguments, data=None):
        return subprocess.run(["gpg", "--batch", "--homedir", self.home, *arguments], input=data, capture_output=True, check=True).stdout

    def read(self, text):
        return self.run("--decrypt", data=base64.b64decode(text)).decode()

    def close(self):
        subprocess.run(["gpgconf", "--homedir", self.home, "--kill", "gpg-agent"], check=False)
        shutil.rmtree(self.home, ignore_errors=True)


@pytest.fixture(scope="module", params=[("rsa2048", "encr"), ("future-default", "default", "never")], ids=["rsa", "curves"])
def operator(request):
    gpg = Gpg(*request.param)
    yield gpg
    gpg.close()


def with_gpg(server, *arguments, **env):
    return server.cli(*arguments, env={"PATH": os.environ["PATH"], **env})


def test_encrypted_secret(server, operator, tmp_path):
    """The operator alone can read what is printed, from create and update; it is the secret that works."""
    key = ("--pgp-key", base64.b64encode(operator.key).decode())
    client, env = name(), {"TMPDIR": str(tmp_path)}
    made = parsed(server.cli("create", "client", "--id", client, "--grant-type", "client_credentials", *key, "--format", "json", env=env))
    assert server.access_token({"client_id": client, "client_secret": operator.read(made["client_secret"])})
    changed = fields(ok(server.cli("update", "client", client, "--secret", "another-secret", *key, env=env)))
    assert operator.read(changed["CLIENT SECRET"]) == "another-secret"
    assert fields(ok(server.cli("update", "client", client, "--name", "N", *key, env=env)))["CLIENT SECRET"] == ""
    assert os.listdir(tmp_path) == []
    failed(server.cli("update", "client", client, "--secret", "a-third-secret", *key, env={"TMPDIR": str(tmp_path / "none")}),
           "cannot make a folder in", "none")


@pytest.mark.parametrize("armoured", [False, True])
def test_key_at_an_address(operator, armoured):
    key = operator.run("--armor", "--export") if armoured else operator.key
    with Recorder(201, {"client_id": "x", "client_secret": "the-secret"}, on={("GET", "/key"): (200, key)}) as server:
        text = ok(with_gpg(server, "create", "client", "--pgp-key-url", server.url + "/key"))
        assert operator.read(fields(text)["CLIENT SECRET"]) == "the-secret" and "the-secret" not in text


def test_keys_that_do_not_encrypt(tmp_path):
    """Nothing is made whose secret nobody could be told."""
    with Recorder(201, {"client_id": "x", "client_secret": "s"}, on={("GET", "/none"): (404, b"")}) as server:
        failed(with_gpg(server, "create", "client", "--pgp-key", "%"), "--pgp-key is not base64", "gpg --export")
        failed(with_gpg(server, "create", "client", "--pgp-key", "aGVsbG8="), "gpg cannot encrypt for this key")
        failed(with_gpg(server, "create", "client", "--pgp-key", "aGVsbG8=", PATH=str(tmp_path)), "Install GnuPG")
        failed(with_gpg(server, "create", "client", "--pgp-key-url", server.url + "/none"), "there is no key at", "404")
        assert [method for method, *_ in server.seen] == ["GET"]
