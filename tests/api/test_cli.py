"""What all commands share: where the server is, headers, formats, how failures look. Numbers are those of the operations checklist."""

import json
import shlex
import socket
import subprocess

import pytest

from cli_support import FAILED, Recorder, failed, fields, ok, parsed
from harness import GRANTD, run_grantd

CLIENT = {"client_id": "c1", "client_name": "N", "grant_types": ["client_credentials", "refresh_token"], "response_types": ["code"],
          "scope": "a b", "audience": ["x", "y"], "redirect_uris": ["http://a/", "http://b/"], "jwks_uri": None}
ENV = {"PATH": "/usr/bin:/bin"}


# ---- where the server is ----

@pytest.mark.parametrize("arguments", [("get", "client", "x"), ("list", "clients"), ("create", "client"), ("delete", "jwk", "s"),
                                       ("introspect", "token", "t"), ("import", "client"), ("revoke", "token", "t"),
                                       ("perform", "client-credentials")])
def test_no_endpoint(arguments):  # 31
    env = {**ENV, "HYDRA_ADMIN_URL": "http://127.0.0.1:1", "HYDRA_URL": "http://127.0.0.1:1"}
    failed(run_grantd(*arguments, env=env), "--endpoint", "ORY_SDK_URL", "for example", "HYDRA_ADMIN_URL and HYDRA_URL are those of v1")
    assert "HYDRA" not in failed(run_grantd(*arguments, env=ENV))


def test_trailing_slash():  # 31
    with Recorder(answer=CLIENT) as server:
        ok(run_grantd("get", "client", "c1", "-e", server.url + "/", env=ENV))
        ok(run_grantd("get", "client", "c1", env={**ENV, "ORY_SDK_URL": server.url + "//"}))
        assert [path for _, path, *_ in server.seen] == ["/admin/clients/c1"] * 2


def test_flag_wins_over_environment():
    with Recorder(answer=CLIENT) as server:
        ok(run_grantd("get", "client", "c1", "--endpoint", server.url, env={**ENV, "ORY_SDK_URL": "http://127.0.0.1:1"}))


@pytest.mark.parametrize("endpoint", ["127.0.0.1:4445", "ftp://x", "http://", "x y", "unix:/run/x.sock"])
def test_bad_endpoint(endpoint):
    failed(run_grantd("get", "client", "x", "-e", endpoint, env=ENV), "is not an http or https URL")


def test_nobody_answers():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{s.getsockname()[1]}"
        told = failed(run_grantd("get", "client", "x", "-e", url, env=ENV), f"no answer from {url}/admin/clients/x: ", "Is the server running")
        assert told.count(url) == 1 and "TLS" not in told


def test_https_to_a_listener_without(server):
    url = str(server.admin).replace("http:", "https:")
    failed(run_grantd("get", "client", "x", "-e", url, env=ENV), "does it speak TLS there?", "--skip-tls-verify")


def test_silent_server():
    """10 seconds, then an error."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen()
        failed(run_grantd("get", "client", "x", "-e", f"http://127.0.0.1:{s.getsockname()[1]}", env=ENV, timeout=20), "no answer from")


def test_ids_are_encoded():
    with Recorder(answer=CLIENT) as server:
        ok(server.cli("get", "client", "a/../b?c#d e"))
        assert server.seen[0][1] == "/admin/clients/a%2F..%2Fb%3Fc%23d%20e"


# ---- headers ----

def test_headers():
    with Recorder(answer=CLIENT) as server:
        ok(server.cli("get", "client", "c1", "-H", "Authorization: Bearer key", "--http-header", "X-A:1,X-B: 2"))
        headers = server.seen[0][2]
        assert (headers["Authorization"], headers["X-A"], headers["X-B"]) == ("Bearer key", "1", "2")


@pytest.mark.parametrize("header", ["nocolon", "two: colons: here", ": empty"])
def test_bad_header(header):  # Q15
    with Recorder(answer=CLIENT) as server:
        failed(server.cli("get", "client", "c1", "-H", header), "exactly one colon")
        assert server.seen == []


def test_api_key(make_server):
    server = make_server({"serve": {"admin": {"api_keys": ["an-api-key-of-this-test-000"]}}}, start=False)
    server.start(ready=False)
    server.wait_ready()
    failed(server.cli("list", "clients"), "--http-header 'Authorization: Bearer KEY'", FAILED)
    ok(server.cli("list", "clients", "-H", "Authorization: Bearer an-api-key-of-this-test-000"))


# ---- formats ----

def test_object_table():  # 33
    with Recorder(answer=CLIENT) as server:
        text = ok(server.cli("get", "client", "c1"))
    assert [line.split("\t")[0] for line in text.splitlines()] == ["CLIENT ID", "CLIENT SECRET", "GRANT TYPES", "RESPONSE TYPES", "SCOPE",
                                                                   "AUDIENCE", "REDIRECT URIS"]
    assert text.startswith("CLIENT ID\tc1\t\t\t\t\t\nCLIENT SECRET\t\t\t\t\t\t\nGRANT TYPES\tclient_credentials, refresh_token\t\n")
    assert fields(text)["AUDIENCE"] == "x,y" and fields(text)["REDIRECT URIS"] == "http://a/, http://b/"


def test_list_table():
    with Recorder(answer=[CLIENT], headers={"Link": '</admin/clients?page_size=1>; rel="first"'}) as server:
        lines = ok(server.cli("list", "clients")).splitlines()
    assert lines[0] == "CLIENT ID\tCLIENT SECRET\tGRANT TYPES\t\t\t\tRESPONSE TYPES\tSCOPE\tAUDIENCE\tREDIRECT URIS\t\t"
    assert lines[1] == "c1\t\t\t\tclient_credentials, refresh_token\tcode\t\ta b\tx,y\t\thttp://a/, http://b/\t"
    assert lines[2:] == ["\t\t", "NEXT PAGE TOKEN\t\t", "IS LAST PAGE\ttrue\t"]


def test_machine_formats():
    with Recorder(answer=CLIENT) as server:
        text = ok(server.cli("get", "client", "c1", "--format", "json"))
        assert text.count("\n") == 1 and list(json.loads(text)) == sorted(k for k, v in CLIENT.items() if v is not None)
        pretty = ok(server.cli("get", "client", "c1", "--format", "json-pretty"))
        assert pretty.startswith('{\n  "audience": [\n    "x",') and json.loads(pretty) == json.loads(text)
        assert ok(server.cli("get", "client", "c1", "--format", "yaml")).startswith('audience:\n- x\n- "y"\nclient_id: c1\nclient_name: "N"\n')
        assert ok(server.cli("get", "client", "c1", "--format", "jsonpath=grant_types.1")) == '"refresh_token"\n'  # 35
        assert ok(server.cli("get", "client", "c1", "--format", "jsonpointer=/audience/0")) == '"x"\n'
        assert ok(server.cli("get", "client", "c1", "-q")) == "c1\n"


def test_unknown_format_is_a_table():  # Q12
    with Recorder(answer=CLIENT) as server:
        done = server.cli("get", "client", "c1", "--format", "xml")
        assert fields(ok(done))["CLIENT ID"] == "c1" and 'unknown format "xml"' in done.stderr


def test_format_without_expression():
    """Refused before anything is sent."""
    with Recorder(answer=CLIENT) as server:
        failed(server.cli("create", "client", "--format", "jsonpath"), "jsonpath=")
        assert server.seen == []


# ---- failures ----

def test_api_error():
    error = {"error": "Unable to locate the resource", "error_description": ""}
    with Recorder(status=404, answer=error) as server:
        assert failed(server.cli("get", "client", "x")) == json.dumps(error, indent=2) + "\n" + FAILED + "\n"


def test_nested_api_error():
    with Recorder(status=409, answer={"error": {"code": 409, "message": "no"}, "other": 1}) as server:
        assert failed(server.cli("get", "client", "x")) == '{\n  "code": 409,\n  "message": "no"\n}\n' + FAILED + "\n"


@pytest.mark.parametrize("answer, says", [(b"<html>", "status 502"), (b"", "status 502"), (b"\xff\xfe", "status 502"), (b"[1]", "1")])
def test_error_that_is_no_json(answer, says):
    with Recorder(status=502, answer=answer) as server:
        failed(server.cli("get", "client", "x"), says, FAILED)


def test_the_other_api(server):
    """Whoever confuses the two ports is told so; a thing that is not there is no such case."""
    said = failed(server.cli("get", "client", "x", endpoint=server.public), "The requested route does not exist", FAILED)
    assert f"This command talks to the admin API: is {server.public.url} its address?" in said and "<html" not in said
    failed(server.cli("perform", "client-credentials", "--client-id", "x", "--client-secret", "y"), "talks to the public API: is")
    assert "This command" not in failed(server.cli("get", "client", "x"), "Unable to locate")
    assert "This command" not in failed(server.cli("get", "jwk", "x"), "Unable to locate")


def test_accepted_types():
    with Recorder(answer=CLIENT) as server:
        ok(server.cli("get", "client", "c1"))
        ok(server.cli("get", "client", "c1", "-H", "accept: text/plain"))
        assert [headers.get_all("Accept") for _, _, headers, _ in server.seen] == [["application/json"], ["text/plain"]]


@pytest.mark.parametrize("arguments", [("get", "client", "x"), ("list", "clients"), ("get", "jwk", "s")])
def test_success_that_is_no_json(arguments):
    with Recorder(answer=b"<html>hello</html>") as server:
        failed(server.cli(*arguments), "is this the address of")


def test_full_disk():
    """A result that could not be written is no success."""
    with Recorder(answer=CLIENT) as server:
        with open("/dev/full", "w") as full:
            done = subprocess.run([GRANTD, "get", "client", "x", "-e", server.url], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1 and "cannot write the result" in done.stderr


# ---- version, completion, help ----

def test_version():
    lines = ok(run_grantd("version", env=ENV)).splitlines()
    assert [line.split(":")[0] for line in lines] == ["Version", "Git Hash", "Build Time"]


def test_groups_print_help():
    for words in [(), ("get",), ("migrate",), ("perform",), ("help",), ("help", "create", "client"), ("completion",)]:
        done = run_grantd(*words, env=ENV)
        assert done.returncode == 0 and "Usage:" in done.stdout and done.stderr == ""


def test_bash_completion(tmp_path):
    script = tmp_path / "completion"
    script.write_text(ok(run_grantd("completion", "bash", env=ENV)))
    def complete(*words):
        quoted = " ".join(f"'{w}'" for w in words)
        return subprocess.run(["bash", "-c", f"source {script}; COMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}; _grantd; "
                                             'echo "${COMPREPLY[@]}"'], capture_output=True, text=True, check=True).stdout.split()
    assert {"serve", "create", "migrate", "help"} <= set(complete("grantd", ""))
    assert complete("grantd", "cr") == ["create"]
    assert complete("grantd", "create", "o") == ["oauth2-client"]
    assert complete("grantd", "create", "client", "--skip-t") == ["--skip-tls-verify"]
    assert complete("grantd", "migrate", "s") == ["sql"] and complete("grantd", "migrate", "sql", "") == ["up", "down", "status"]
    assert "--steps" in complete("grantd", "migrate", "sql", "down", "")


@pytest.mark.parametrize("more", [(), ("--no-descriptions",)])
def test_completion_of_other_shells(more):
    """What is not there to be tried is at least well-formed: zsh quotes as bash does, fish line by line."""
    zsh = ok(run_grantd("completion", "zsh", *more, env=ENV))
    subprocess.run(["bash", "-n"], input=zsh, text=True, check=True)
    assert ("Print a shell'" in zsh) == (not more) and '"create oauth2-client"* | "create client"*)' in zsh
    lines = [shlex.split(line) for line in ok(run_grantd("completion", "fish", *more, env=ENV)).splitlines()[1:]]
    assert all(words[:4] == ["complete", "-c", "grantd", "-n"] and words.count("-d") == (0 if more or "-a" in words and "-f" in words and
               not words[4] == "__fish_use_subcommand" else 1) for words in lines)
    offered = {words[words.index("-a") + 1] for words in lines if "-a" in words}
    assert {"serve", "create", "oauth2-client", "sql", "up", "down", "hydra"} <= offered
    assert any(words[4].endswith("oauth2-client client") and "skip-consent" in words for words in lines)
    assert "Register-ArgumentCompleter" in ok(run_grantd("completion", "powershell", *more, env=ENV))


def test_the_real_server(server):
    server.create_client(client_id="together", scope="a b")
    assert parsed(server.cli("get", "client", "together", "--format", "json"))["scope"] == "a b"
