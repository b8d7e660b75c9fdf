"""create, get, delete, import of keys. Numbers are those of the operations checklist."""

import base64
import json
import subprocess
import uuid

import pytest

from cli_support import FAILED, Recorder, failed, ok, parsed

PRIVATE = {"d", "p", "q", "dp", "dq", "qi"}


def name():
    return "s-" + uuid.uuid4().hex[:10]


def openssl(*arguments, data=None):
    return subprocess.run(["openssl", *arguments], input=data, capture_output=True, check=True).stdout


@pytest.mark.parametrize("alg", ["RS256", "RS512", "ES256", "ES512", "EdDSA"])
def test_create(server, alg):  # 39
    key_set = name()
    made = parsed(server.cli("create", "jwk", key_set, "k", "--alg", alg, "--public", "--format", "json"))
    assert made["set"] == key_set and len(made["keys"]) == 1
    key = made["keys"][0]
    assert (key["alg"], key["kid"], key["use"], key["set"]) == (alg, "k", "sig", key_set) and not PRIVATE & set(key)
    private = parsed(server.cli("get", "jwks", key_set, "--format", "json"))
    assert private["kid"] == "k" and "d" in private  # one key: a bare object
    assert not PRIVATE & set(parsed(server.cli("get", "jwk", key_set, "--public", "--format", "json")))


def test_create_table(server):
    assert ok(server.cli("create", "jwk", "s1", "k1", "--alg", "ES256")) == "SET ID\tKEY ID\tALGORITHM\tUSE\t\ns1\tk1\tES256\t\tsig\t\n"
    assert ok(server.cli("create", "jwk", "s1", "k2", "--alg", "ES256", "--use", "enc", "-q")) == "k2\n"
    made = parsed(server.cli("create", "jwk", "s1", "--alg", "EdDSA", "--format", "json"))
    assert len(made["keys"]) == 1 and made["keys"][0]["kid"] and "d" in made["keys"][0]
    assert len(ok(server.cli("get", "jwk", "s1", "-q")).split()) == 3
    assert {k["kid"] for k in parsed(server.cli("get", "jwk", "s1", "--format", "json"))["keys"]} > {"k1", "k2"}


@pytest.mark.parametrize("alg", ["HS256", "none", "XX"])
def test_unknown_algorithm(server, alg):  # 39
    failed(server.cli("create", "jwk", name(), "k", "--alg", alg), "Unsupported key algorithm", FAILED)


def test_single_key_quiet(server):
    key_set = name()
    ok(server.cli("create", "jwk", key_set, "k", "--alg", "ES256"))
    assert ok(server.cli("get", "jwk", key_set, "-q")) == key_set + "\n"


def test_get_several(server):
    a, b = name(), name()
    for key_set in (a, b):
        ok(server.cli("create", "jwk", key_set, "k", "--alg", "ES256"))
    lines = ok(server.cli("get", "jwk", a, b)).splitlines()
    assert [line.split("\t")[0] for line in lines] == ["SET ID", a, b]
    failed(server.cli("get", "jwk", a, "nope"), FAILED)


def test_public_hides_symmetric_keys():
    with Recorder(200, {"keys": [{"kty": "oct", "kid": "o", "k": "c2VjcmV0"}, {"kty": "EC", "kid": "e", "d": "x"}]}) as server:
        done = server.cli("get", "jwk", "s", "--public", "--format", "json")
        assert parsed(done) == {"kty": "EC", "kid": "e", "set": "s"}


def test_delete(server):  # 41
    key_set = name()
    ok(server.cli("create", "jwk", key_set, "k", "--alg", "ES256"))
    assert ok(server.cli("delete", "jwk", key_set)) == f"ID\t{key_set}\t\n"
    assert ok(server.cli("delete", "jwks", key_set, "nosuch", "-q")) == f"{key_set}\nnosuch\n"
    failed(server.cli("get", "jwk", key_set), FAILED)


# ---- import ----

def ec(*arguments):
    return openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", *arguments)


RSA = openssl("genrsa", "-traditional", "2048")
EC = ec()
FORMS = {  # 40
    "pkcs1": (RSA, "RS256", True), "pkcs8": (openssl("pkcs8", "-topk8", "-nocrypt", data=RSA), "RS512", True),
    "pkcs1-der": (openssl("rsa", "-outform", "DER", "-traditional", data=RSA), "RS256", True),
    "pkcs8-der": (openssl("pkcs8", "-topk8", "-nocrypt", "-outform", "DER", data=RSA), "PS256", True),
    "sec1": (EC, "ES256", True), "sec1-der": (openssl("ec", "-outform", "DER", data=EC), "ES256", True),
    "rsa-public": (openssl("rsa", "-pubout", data=RSA), "RS256", False),
    "rsa-public-pkcs1": (openssl("rsa", "-RSAPublicKey_out", data=RSA), "RS256", False),
    "ec-public-der": (openssl("ec", "-pubout", "-outform", "DER", data=EC), "ES256", False),
    "ed25519": (openssl("genpkey", "-algorithm", "ed25519"), "EdDSA", True),
    "certificate": (openssl("req", "-x509", "-subj", "/CN=x", "-newkey", "rsa:2048", "-nodes", "-keyout", "/dev/null"), "RS256", False),
}


@pytest.mark.parametrize("form", FORMS)
def test_import_of_pem_and_der(server, tmp_path, form):
    data, alg, private = FORMS[form]
    file, key_set = tmp_path / "key", name()
    file.write_bytes(data)
    made = parsed(server.cli("import", "jwk", key_set, file, "--alg", alg, "--format", "json"))["keys"][0]
    assert (made["alg"], made["use"], "d" in made) == (alg, "sig", private) and len(made["kid"]) == 43
    assert parsed(server.cli("get", "jwk", key_set, "--format", "json")) == made
    failed(server.cli("import", "jwk", key_set, file), "--alg")


def thumbprint(key):  # RFC 7638
    import hashlib
    members = {"RSA": ("e", "kty", "n"), "EC": ("crv", "kty", "x", "y")}[key["kty"]]
    text = json.dumps({m: key[m] for m in members}, separators=(",", ":"), sort_keys=True)
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


def test_import_of_a_jwk(server, tmp_path):
    """Members of the key win over flags; without a key id the thumbprint is it; the same key again replaces itself."""
    key = parsed(server.cli("create", "jwk", name(), "k", "--alg", "ES256", "--use", "enc", "--format", "json"))["keys"][0]
    file, key_set = tmp_path / "key.json", name()
    file.write_text(json.dumps(key))
    done = ok(server.cli("import", "jwk", key_set, file, "--alg", "RS256", "--use", "sig"))
    assert done == f"SET ID\t\tKEY ID\tALGORITHM\tUSE\t\n{key_set}\tk\tES256\t\tenc\t\n"
    del key["kid"], key["alg"], key["use"]
    text = json.dumps(key)
    failed(server.cli("import", "jwk", key_set, stdin=text), "does not name its algorithm", "--alg")
    for _ in range(2):
        assert ok(server.cli("import", "jwk", key_set, "--alg", "ES256", "-q", stdin=text)) == thumbprint(key) + "\n"
    assert len(parsed(server.cli("get", "jwk", key_set, "--format", "json"))["keys"]) == 2


@pytest.mark.parametrize("content, says", [
    ('{"kty":"oct","k":"c2VjcmV0c2VjcmV0","alg":"HS256"}', "symmetric keys cannot be imported"),
    ('{"keys":[]}', "import its keys one by one"), ("{", "is not JSON"), ("", "standard input: "), ("hello", "standard input: "),
    ('{"kty":"EC","crv":"P-256","x":"AA","y":"AA","alg":"ES256"}', "standard input: "),
    (EC.decode(), "The algorithm RS256 does not suit"),
])
def test_import_of_nonsense(content, says):
    with Recorder(200, {}) as server:
        failed(server.cli("import", "jwk", "s", "--alg", "RS256", stdin=content), says)
        assert server.seen == []


def test_import_reads_all_files_first(tmp_path):
    good, bad = tmp_path / "good.pem", tmp_path / "bad.pem"
    good.write_bytes(EC)
    bad.write_bytes(b"-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----\n")
    with Recorder(200, {}) as server:
        failed(server.cli("import", "jwk", "s", good, bad, "--alg", "ES256"), str(bad))
        assert server.seen == []


def test_import_tells_what_failed(tmp_path):
    a, b = tmp_path / "a.pem", tmp_path / "b.pem"
    a.write_bytes(EC)
    b.write_bytes(ec())
    with Recorder(500, {"error": "server_error"}) as server:
        done = server.cli("import", "jwk", "s", a, b, "--alg", "ES256")
        failed(done, FAILED, f"{a}: not imported", f"{b}: not imported", stdout=None)
        assert [method for method, *_ in server.seen] == ["PUT", "PUT"] and all(p.startswith("/admin/keys/s/") for _, p, *_ in server.seen)
