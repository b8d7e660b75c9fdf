"""The lines of the operations checklist that no other file has a test for; tests/check/checklist knows where the others are."""

import base64
import concurrent.futures
import contextlib
import html
import json
import re
import signal
import socket
import ssl
import subprocess
import threading
import time
import urllib.parse

import pytest

from flow_support import Browser, Listener, Redirect, accept, make_web
from harness import DATABASE, Database, Listener as Http, free_ports, run_grantd, sanitized
from tokens_support import code_for, pair, redeem, refresh, tokens_for, unpack
from webserver import WebServer

OLD, NEW = "the-older-secret-of-the-test", "the-newer-secret-of-the-test"


def refuses(make_server, config=None, **more):
    """What a server that does not start says, on stderr alone; nothing was opened."""
    server = make_server(config, start=False, keys=False, **more)
    server.write_config()
    done = run_grantd(*server.arguments, env=server.env, cwd=server.folder, timeout=30)
    assert (done.returncode, done.stdout) == (1, ""), done
    assert DATABASE != "sqlite" or server.database.untouched()
    return done.stderr


# ---- configuration ----

def test_unknown_key(make_server):  # 1, 2
    assert "no_such_key" in refuses(make_server, {"no_such_key": 1})
    assert "serve.public.port: 99999" in refuses(make_server, {"serve": {"public": {"port": 99999}}})
    assert "ttl.access_token" in refuses(make_server, {"ttl": {"access_token": "1.5h"}})
    server = make_server({"ttl": {"access_token": "1h30m"}})
    assert server.token(server.create_client()).json["expires_in"] == 5400


def test_secret_length(make_server):  # 3
    assert "secrets.system.0" in refuses(make_server, {"secrets": {"system": ["fifteen-letters"]}})
    assert make_server({"secrets": {"system": ["sixteen-letters!"]}}).public.get("/health/ready").status == 200


def test_empty_dsn(make_server):  # 4
    assert "dsn must be set" in refuses(make_server, env={"DSN": ""})


def test_development_mode(make_server):  # 5, 6
    for config, settings in ({}, {}), ({"dev": True}, {}), ({}, {"env": {"DEV": "false"}, "dev": True}):
        text = refuses(make_server, config, **{"dev": False, **settings})
        assert "urls.self.issuer must use https" in text and "--dev" in text
    assert make_server(dev=False, env={"DEV": "true"}).public.get("/health/alive").status == 200
    warned = make_server({"dev": True}, dev=False, command=("serve", "all", "--dangerous-force-http"))
    assert [r for r in warned.records() if r["level"] == "warning" and "`dev: true`" in r["msg"]]


def test_hooks_from_the_environment(make_server):  # 13, 14
    with Listener(204) as hook:
        for value in (hook.url, json.dumps({"url": hook.url})):
            name = "OAUTH2_TOKEN_HOOK_URL" if value == hook.url else "OAUTH2_TOKEN_HOOK"
            server, before = make_server(env={name: value, "DB": "postgres"}), len(hook.seen)
            redeem(server, *(lambda web: (web, code_for(server, web)))(make_web(server)))
            assert len(hook.seen) == before + 1


def test_objects_in_the_environment(make_server):  # 14
    port = free_ports(1)[0]
    server = make_server(env={"SERVE": json.dumps({"public": {"port": port}}), "LOG": "somebody else's", "VERSION": "abc"}, start=False)
    server.public = Http(port)
    server.start()
    assert server.public.get("/health/alive").status == 200


@pytest.mark.parametrize("value", [-1, "-1"])
def test_refresh_without_end(make_server, value):  # 15, 81
    """Such a token has no expiry, and whoever cleans up leaves it alone."""
    server = make_server({"ttl": {"refresh_token": value, "access_token": "1s"}})
    web = make_web(server)
    body = tokens_for(server, web)
    time.sleep(2.1)  # tokens live until their last second is over
    assert not server.introspect(body["access_token"])["active"]
    said = server.introspect(body["refresh_token"])
    assert said["active"] and "exp" not in said
    done = server.cli("janitor", "-e", "--tokens", "--requests", "--grants", "--refresh-lifespan", "1ms")
    assert done.returncode == 0 and "refresh tokens" in done.stdout, done
    assert server.introspect(body["refresh_token"])["active"] and refresh(server, web, body["refresh_token"]).status == 200


@pytest.mark.parametrize("tls", [False, True])
def test_unix_socket(make_server, tmp_path, tls):  # 18
    """Plain HTTP, with TLS on as well."""
    path = tmp_path / "admin.sock"
    server = make_server({"serve": {"admin": {"host": f"unix:{path}", "socket": {"mode": 0o700}, "tls": {"enabled": tls}}}}, start=False)
    server.start(ready=False)
    until = time.monotonic() + 30
    with socket.socket(socket.AF_UNIX) as s:
        while s.connect_ex(str(path)) != 0:
            assert time.monotonic() < until, "nobody listens there"
            time.sleep(0.02)
        s.sendall(b"GET /health/alive HTTP/1.0\r\nHost: x\r\n\r\n")
        assert b" 200 " in s.recv(4096)
    assert path.stat().st_mode & 0o777 == 0o700


def certificate(folder, name="one", days=2):
    key, cert = folder / f"{name}.key", folder / f"{name}.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", str(days), "-subj",
                    f"/CN={name}", "-keyout", key, "-out", cert], check=True, capture_output=True)
    return cert, key


def over_tls(server, path="/health/alive"):
    context = ssl._create_unverified_context()
    with socket.create_connection((server.public.host, server.public.port), 10) as plain, context.wrap_socket(plain) as s:
        s.sendall(f"GET {path} HTTP/1.0\r\nHost: x\r\n\r\n".encode())
        return s.recv(65536), s.getpeercert(binary_form=True), s.version()


def tls_settings(server, tls):
    """The public listener speaks TLS."""
    server.config["serve"]["public"]["tls"] = {"enabled": True, **tls}
    server.config["urls"]["self"]["issuer"] = f"https://127.0.0.1:{server.public.port}/"
    server.start(ready=False)
    server.wait_ready()
    return server


def der(path):
    return base64.b64decode(b"".join(path.read_bytes().split(b"\n")[1:-2]))


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1:DeprecationWarning")
def test_versions_of_tls(make_server, tmp_path):  # 19
    """1.2 and 1.3, AEAD with a fresh key only, and ALPN; HTTP/2 is not among what is spoken."""
    cert, key = certificate(tmp_path)
    server = tls_settings(make_server(start=False), {"cert": {"path": str(cert)}, "key": {"path": str(key)}})

    def greet(least, most, ciphers="DEFAULT@SECLEVEL=0"):
        context = ssl._create_unverified_context()
        context.minimum_version, context.maximum_version = least, most
        context.set_ciphers(ciphers)
        context.set_alpn_protocols(["h2", "http/1.1"])
        with socket.create_connection((server.public.host, server.public.port), 10) as plain, context.wrap_socket(plain) as s:
            return s.version(), s.selected_alpn_protocol()

    v = ssl.TLSVersion
    assert greet(v.TLSv1_2, v.TLSv1_2) == ("TLSv1.2", "http/1.1") and greet(v.TLSv1_3, v.TLSv1_3) == ("TLSv1.3", "http/1.1")
    for refused in ((v.TLSv1, v.TLSv1_1), (v.TLSv1_2, v.TLSv1_2, "ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0")):
        with pytest.raises(ssl.SSLError):
            greet(*refused)


def test_replaced_certificate(make_server, tmp_path):  # 19
    """Files that are replaced are in force without a restart; those that do not belong together change nothing."""
    cert, key = certificate(tmp_path)
    server = tls_settings(make_server(start=False), {"cert": {"path": str(cert)}, "key": {"path": str(key)}})
    before = der(cert)
    assert over_tls(server)[1] == before
    other_cert, other_key = certificate(tmp_path, "two")
    after = der(other_cert)
    other_cert.rename(cert)
    until = time.monotonic() + 10
    while not server.records("a changed certificate cannot be used yet; the old one stays") and time.monotonic() < until:
        time.sleep(0.05)
    assert over_tls(server)[1] == before
    other_key.rename(key)
    while over_tls(server)[1] != after:
        assert time.monotonic() < until, "the new certificate is not in force"
        time.sleep(0.05)


@pytest.mark.parametrize("tls, key", [
    ({"cert": {"path": "/none.pem"}, "key": {"path": "/none.key"}}, "serve.public.tls.cert.path: cannot open /none.pem (No such file"),
    ({"cert": {"path": "{cert}"}, "key": {"path": "/none.key"}}, "serve.public.tls.key.path: cannot open /none.key (No such file"),
    ({"cert": {"base64": "!"}, "key": {"path": "{key}"}}, "serve.public.tls.cert.base64 is not standard base64"),
    ({"cert": {"path": "{cert}"}, "key": {"base64": "!"}}, "serve.public.tls.key.base64 is not standard base64"),
    ({"cert": {"path": "{key}"}, "key": {"path": "{key}"}}, "serve.public.tls.cert: not a PEM certificate chain"),
    ({"cert": {"path": "{cert}"}, "key": {"path": "{other}"}}, "serve.public.tls.key: the private key does not belong to the certificate"),
    ({"cert": {"path": "{cert}"}}, "serve.public.tls.key.path"),
])
def test_bad_certificates(make_server, tmp_path, tls, key):
    """The message names the very setting."""
    files = dict(zip(("cert", "key"), map(str, certificate(tmp_path))), other=str(certificate(tmp_path, "other")[1]))
    filled = {name: {form: value.format(**files) for form, value in part.items()} for name, part in tls.items()}
    server = make_server({"serve": {"public": {"tls": {"enabled": True, **filled}}}}, start=False)
    server.start(ready=False)
    assert server.wait() == 1 and key in server.log


@pytest.mark.parametrize("form", ["path", "base64"])
def test_tls(make_server, tmp_path, form):  # 19, 20
    cert, key = certificate(tmp_path)
    value = (lambda f: {"path": str(f)}) if form == "path" else (lambda f: {"base64": base64.b64encode(f.read_bytes()).decode()})
    server = tls_settings(make_server(start=False), {"cert": value(cert), "key": value(key)})
    answer, shown, version = over_tls(server)
    assert b" 200 " in answer.split(b"\r\n")[0] and version in ("TLSv1.2", "TLSv1.3") and shown == der(cert)
    refusal = server.public.raw(b"GET /health/alive HTTP/1.1\r\nHost: x\r\n\r\n", timeout=3)
    assert refusal.startswith(b"HTTP/1.1 400 ") and refusal.endswith(b"\r\n\r\nClient sent an HTTP request to an HTTPS server.\n")


def test_own_certificate(make_server):  # 21
    """Without one in the settings: self-signed, kept as a key, the same after a restart and for whoever wants to trust it."""
    server = make_server(start=False)
    server.config["serve"]["tls"] = {"enabled": True}
    server.config["serve"]["admin"]["tls"] = {"enabled": False}
    server.config["urls"]["self"]["issuer"] = f"https://127.0.0.1:{server.public.port}/"
    shown = []
    for _ in range(2):
        server.start(ready=False)
        ready_on(server.admin)
        answer, certificate, _ = over_tls(server)
        assert b" 200 " in answer.split(b"\r\n")[0]
        shown.append(certificate)
        key, = server.admin.get("/admin/keys/hydra.https-tls").json["keys"]
        assert base64.b64decode(key["x5c"][0]) == certificate and key["alg"] == "ES256"
        server.stop()
    assert shown[0] == shown[1]
    text = subprocess.run(["openssl", "x509", "-inform", "DER", "-noout", "-text"], input=shown[0], capture_output=True, check=True).stdout.decode()
    assert "DNS:localhost" in text and "Version: 3" in text


def key_with(cert, key):
    """A JSON Web Key of PEM files."""
    from cryptography.hazmat.primitives.serialization import load_pem_private_key
    numbers = load_pem_private_key(key.read_bytes(), None).private_numbers()
    part = lambda n: base64.urlsafe_b64encode(n.to_bytes(32, "big")).decode().rstrip("=")  # noqa: E731
    return {"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": cert.stem, "x": part(numbers.public_numbers.x),
            "y": part(numbers.public_numbers.y), "d": part(numbers.private_value), "x5c": [base64.b64encode(der(cert)).decode()]}


def test_certificate_in_the_set(make_server, tmp_path):
    """One that lasts is used; one that ends within a day is replaced."""
    server = make_server({"serve": {"public": {"tls": {"enabled": True}}}}, start=False)
    lasting, ending = certificate(tmp_path, "lasting", 3), certificate(tmp_path, "ending", 1)
    for files, used in ((lasting, True), (ending, False)):
        server.start(ready=False)
        ready_on(server.admin)
        assert server.admin.put("/admin/keys/hydra.https-tls", json={"keys": [key_with(*files)]}).status == 200
        server.stop()
        server.start(ready=False)
        ready_on(server.admin)
        shown = over_tls(server)[1]
        assert (shown == der(files[0])) == used
        key, = server.admin.get("/admin/keys/hydra.https-tls").json["keys"]
        assert base64.b64decode(key["x5c"][0]) == shown
        server.stop()


def ready_on(listener):
    until = time.monotonic() + 30
    while time.monotonic() < until:
        try:
            if listener.get("/health/ready").status == 200:
                return
        except OSError:
            time.sleep(0.02)
    raise AssertionError("not ready")


def test_termination(make_server):  # 22
    server = make_server({"serve": {"tls": {"allow_termination_from": ["127.0.0.1/32"]}}})
    assert server.public.get("/health/alive").status == 200


def test_cors_patterns(make_server):  # 23, 24
    cors = {"enabled": True, "allowed_origins": ["https://*.example.org", "https://*.com"]}
    for flag in (False, True):
        server = make_server({"serve": {"public": {"cors": cors}}, "feature_flags": {"legacy_allow_insecure_origins": flag}})
        allowed = lambda origin: server.public.get("/userinfo", headers={"Origin": origin}).headers.get("Access-Control-Allow-Origin")  # noqa: E731
        assert allowed("https://a.example.org") == "https://a.example.org"
        assert allowed("https://evil.com") == ("https://evil.com" if flag else None)


@pytest.mark.parametrize("enabled", [False, True])
def test_origins_of_a_client(make_server, enabled):  # 24
    origin = "https://app.example.net"
    server = make_server({"serve": {"public": {"cors": {"enabled": enabled, "allowed_origins": ["https://other.example"]}}}})
    client = server.create_client(allowed_cors_origins=[origin])
    answers = [server.public.post("/oauth2/token", form={"grant_type": "client_credentials"}, basic=pair(c), headers={"Origin": origin})
               for c in (client, server.create_client())]
    assert [a.status for a in answers] == [200, 200]
    assert [a.headers.get("Access-Control-Allow-Origin") for a in answers] == [origin if enabled else None, None]


def test_cookies(make_server):  # 25, 26
    names = {"login_csrf": "my_login", "consent_csrf": "my_consent", "session": "my_session"}
    server, lines = make_server({"serve": {"cookies": {"same_site_mode": "None", "names": names}}}), []

    class Watching(Browser):
        def request(self, *arguments, **more):
            answer = super().request(*arguments, **more)
            lines.extend(answer.headers.get_all("Set-Cookie") or [])
            return answer
    Watching(server).flow(make_web(server), {"remember": True})
    for name in names.values():
        assert [line for line in lines if line.startswith(name + "_dev")], (name, lines)
    assert all("SameSite=Lax" in line and line.startswith("my_") for line in lines)


def test_cookie_of_a_client(make_server):  # 64
    server = make_server()
    server.create_client(client_id="tv-client", redirect_uris=["https://rp.example.test/cb"], grant_types=["authorization_code"],
                         response_types=["code"], scope="foo")
    line = Browser(server).authorize({"client_id": "tv-client", "redirect_uris": ["https://rp.example.test/cb"]},
                                     scope="foo").answer.headers.get_all("Set-Cookie")[0]
    assert "_2791387695" in line.split("=")[0]


def test_pairwise_subject(make_server):  # 65
    server = make_server({"oidc": {"subject_identifiers": {"supported_types": ["public", "pairwise"], "pairwise": {"salt": "salt-123"}}}})
    web = make_web(server, subject_type="pairwise", redirect_uris=["http://127.0.0.1:3000/cb"])
    body = Browser(server).sign_in(web, {"subject": "user-1"}, scope="openid")
    assert unpack(body["id_token"])[1]["sub"] == "daf9a149f221627054b3f3b375a3cec5ab225d4478bdc32f22ccc44a4df7d6e9"


def test_bcrypt(make_server):  # 27
    server = make_server({"oauth2": {"hashers": {"algorithm": "bcrypt", "bcrypt": {"cost": 4}}}})
    client = server.create_client()
    assert server.access_token(client)
    server.stop()
    assert "$2a$04$" in server.database.dump()


def test_sessions_at_rest(make_server):  # 28
    server = make_server({"oauth2": {"session": {"encrypt_at_rest": True}}})
    web = make_web(server)
    sealed = tokens_for(server, web, consent={"session": {"access_token": {"mark": "sealed-words"}}})
    server.stop()
    assert "sealed-words" not in server.database.dump()
    server.config["oauth2"]["session"]["encrypt_at_rest"] = False
    server.start()
    tokens_for(server, web, consent={"session": {"access_token": {"mark": "plain-words"}}})
    assert server.introspect(sealed["access_token"])["ext"] == {"mark": "sealed-words"}
    server.stop()
    assert "plain-words" in server.database.dump()


def test_hsm(make_server):  # 29
    assert "hsm" in refuses(make_server, {"hsm": {"enabled": True, "library": "/x", "pin": "1234", "token_label": "t"}})


def test_exit_codes(server):  # 30
    client = server.create_client()
    assert server.cli("get", "client", client["client_id"]).returncode == 0
    assert server.cli("get", "client", "nobody").returncode == 1
    assert server.cli("no-such-command").returncode == 1
    assert server.cli("version").returncode == 0


# ---- secrets and keys ----

def test_rotated_secrets(make_server):  # 67, 68
    server = make_server({"secrets": {"system": [OLD]}})
    web = make_web(server)
    code, body = code_for(server, web), tokens_for(server, web)
    server.stop()
    server.config["secrets"]["system"] = [NEW, OLD]
    server.start()
    assert server.introspect(body["access_token"])["active"] and redeem(server, web, code).status == 200
    assert server.public.get("/.well-known/jwks.json").status == 200
    server.stop()
    server.config["secrets"]["system"] = [NEW]
    server.start(ready=False)
    server.wait_ready()
    assert not server.introspect(body["access_token"])["active"]
    answer = server.public.get("/.well-known/jwks.json")
    time.sleep(0.2)
    assert answer.status == 500 and "hydra.openid.id-token" in answer.text + server.log


def test_added_key_signs(make_server):  # 80
    server = make_server()
    web = make_web(server)
    kid = lambda: unpack(tokens_for(server, web, scope="openid")["id_token"])[0]["kid"]  # noqa: E731
    before = kid()
    assert server.cli("create", "jwk", "hydra.openid.id-token", "newer", "--alg", "ES256", "--use", "sig").returncode == 0
    until = time.monotonic() + 30
    while kid() == before and time.monotonic() < until:
        time.sleep(0.1)
    assert kid() == "newer"
    assert {before, "newer"} <= {k["kid"] for k in server.public.get("/.well-known/jwks.json").json["keys"]}


# ---- life ----

@pytest.mark.parametrize("which", ["public", "admin"])
def test_busy_port(make_server, which):  # 85
    """It ends at once, whichever of the two it is, and says which."""
    first = make_server()
    port = getattr(first, which).port
    second = make_server({"serve": {which: {"port": port}}}, start=False)
    second.write_config()
    done = run_grantd(*second.arguments, env=second.env, cwd=second.folder, timeout=30)
    assert done.returncode == 1 and f"serve.{which}.port: cannot listen on 127.0.0.1 port {port} (Address already in use)" in done.stderr


def test_socket_in_the_way(make_server, tmp_path):
    """What stands where a unix socket should be, or a folder that is not there, is named, with what to do."""
    for path, remedy in ((tmp_path / "file", "remove the file"), (tmp_path / "none" / "x.sock", "Create its folder")):
        if path.parent == tmp_path:
            path.write_text("mine")
        server = make_server({"serve": {"admin": {"host": f"unix:{path}"}}}, start=False)
        server.start(ready=False)
        assert server.wait() == 1 and f"serve.admin.host: cannot listen on {path}" in server.log and remedy in server.log
    assert (tmp_path / "file").read_text() == "mine"


def test_unreadable_file(make_server, tmp_path):
    """Nothing is said to be missing that may stand in the file that cannot be read."""
    server = make_server(start=False)
    done = run_grantd("serve", "all", "-c", str(tmp_path / "none.yml"), env=server.env, cwd=server.folder)
    assert done.returncode == 1 and "none.yml: no such file or directory" in done.stderr and "secrets.system" not in done.stderr


def test_request_while_stopping(make_server):  # 84
    """It is answered, and the process ends within five seconds, with 0."""
    asked, go = threading.Event(), threading.Event()

    def slowly():
        asked.set()
        go.wait(10)
        return 204
    with Listener(slowly) as hook, concurrent.futures.ThreadPoolExecutor() as pool:
        server = make_server({"oauth2": {"token_hook": hook.url}})
        web = make_web(server)
        answer = pool.submit(redeem, server, web, code_for(server, web))
        assert asked.wait(10)
        began = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        time.sleep(1)
        with pytest.raises(OSError):
            server.public.get("/health/alive")
        go.set()
        assert answer.result(10).status == 200 and server.wait(10) == 0 and time.monotonic() - began < 5 + 2 * sanitized()


def test_database_that_never_comes(make_server):
    """It is waited for, without its password in the log; a signal ends the wait."""
    port = free_ports(1)[0]
    server = make_server(dsn=f"postgres://user:hunter2@127.0.0.1:{port}/grantd", start=False)
    server.start(ready=False)
    until = time.monotonic() + 20
    while len([r for r in server.records() if "Retrying in" in r["msg"]]) < 3:
        assert time.monotonic() < until and server.process.poll() is None, server.log
        time.sleep(0.05)
    server.process.send_signal(signal.SIGTERM)
    assert server.wait(10) == 1 and "hunter2" not in server.log


@pytest.mark.skipif(DATABASE == "sqlite", reason="a file is always there")
def test_database_that_comes_late(make_server):  # 83
    server = make_server(start=False)
    parts = urllib.parse.urlsplit(server.dsn.replace("tcp(", "").replace(")", ""))
    with socket.create_server(("127.0.0.1", 0)) as door:
        port = door.getsockname()[1]
    server.env["DSN"] = server.dsn.replace(f":{parts.port}", f":{port}")
    server.start(ready=False)
    until = time.monotonic() + 20
    while len([r for r in server.records() if "Retrying in" in r["msg"]]) < 2:
        assert time.monotonic() < until and server.process.poll() is None, server.log
        time.sleep(0.05)
    with socket.create_server(("127.0.0.1", port)) as door:
        threading.Thread(target=forward, args=(door, (parts.hostname, parts.port)), daemon=True).start()
        server.wait_ready()
        assert server.access_token(server.create_client())
        server.stop()


def forward(door, to):
    """Connects whoever comes to another address, until the door is shut."""
    def pump(a, b):
        with contextlib.suppress(OSError):
            while data := a.recv(65536):
                b.sendall(data)
            b.shutdown(socket.SHUT_WR)
    with contextlib.suppress(OSError):
        while True:
            here, _ = door.accept()
            there = socket.create_connection(to)
            for pair_of in ((here, there), (there, here)):
                threading.Thread(target=pump, args=pair_of, daemon=True).start()


@pytest.mark.skipif(DATABASE == "sqlite", reason="the server migrates a file by itself")
def test_pending_migrations(make_server, tmp_path):  # 82
    """Alive but not ready, and ready after the migration without a restart."""
    database = Database(tmp_path, migrated=False)
    server = make_server(dsn=database.dsn, start=False)
    try:
        server.start(ready=False)
        until = time.monotonic() + 20
        while time.monotonic() < until:
            try:
                if server.public.get("/health/alive").status == 200:
                    break
            except OSError:
                time.sleep(0.05)
        for listener in (server.admin, server.public):
            answer = listener.get("/health/ready")
            assert answer.status == 503 and set(answer.json) == {"error", "error_description", "errors"}, answer
            assert ("migrate sql up" in answer.text) == (listener is server.admin)
        assert server.cli("migrate", "sql", "up", "-e", "-y").returncode == 0
        server.wait_ready()
        assert server.access_token(server.create_client())
    finally:
        server.stop()
        database.drop()


def test_where_things_are(server):  # 86
    for path in ("/version", "/metrics/prometheus", "/admin/metrics/prometheus"):
        assert server.public.get(path).status == 404 and server.admin.get(path).status == 200
    for listener in (server.public, server.admin):
        assert listener.get("/health/alive").status == listener.get("/health/ready").status == 200
    families = [[line for line in server.admin.get(path).text.splitlines() if line.startswith("# TYPE")]
                for path in ("/metrics/prometheus", "/admin/metrics/prometheus")]
    assert families[0] == families[1] != []


@pytest.mark.parametrize("leak", [False, True])
def test_nothing_secret_in_the_log(make_server, leak):  # 88
    server = make_server({"log": {"level": "trace", "leak_sensitive_values": leak}})
    client = server.create_client(client_secret="the-secret-of-the-client")
    token = server.access_token(client)
    server.public.get("/userinfo", bearer=token, query={"marked": "query-string"}, headers={"Cookie": "a=cookie-value"})
    time.sleep(0.3)
    log = server.log
    assert "the-secret-of-the-client" not in log or leak
    assert (token in log, "query-string" in log, "cookie-value" in log) == (leak,) * 3


def test_quiet_probes(make_server):  # 89
    server = make_server({"serve": {name: {"request_log": {"disable_for_health": True}} for name in ("public", "admin")}})
    for listener in (server.public, server.admin):
        listener.get("/health/alive")
        listener.get("/health/ready")
    server.admin.get("/metrics/prometheus")
    server.public.get("/.well-known/jwks.json")
    time.sleep(0.3)
    paths = {r["http_request"]["path"] for r in server.records() if "http_request" in r}
    assert paths == {"/.well-known/jwks.json"}


def test_request_count(server):  # 90
    def count():
        lines = [line for line in server.admin.get("/metrics/prometheus").text.splitlines()
                 if line.startswith("http_requests_total{") and all(label in line for label in (
                     'app="hydra"', 'endpoint="/oauth2/token"', 'method="post"', 'code="200"'))]
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines)
    client, before = server.create_client(), count()
    server.access_token(client)
    assert count() == before + 1


def test_series_are_unique(server):
    """Whoever scrapes refuses a page on which a series stands twice; the labels say which build it is."""
    client = server.create_client()["client_id"]
    for method in ("GET", "PUT", "PATCH", "DELETE"):
        for path in ("/admin/clients/", "/clients/"):
            server.admin.request(method, path + client, json={} if method == "PUT" else [])
    for listener in (server.public, server.admin):
        listener.get("/health/alive")
    series = [line.rsplit(" ", 1)[0] for line in server.admin.get("/metrics/prometheus").text.splitlines() if not line.startswith("#")]
    assert len(series) == len(set(series)), [name for name in set(series) if series.count(name) > 1]
    said = dict(line.split(":\t", 1) for line in server.cli("version").stdout.splitlines())
    for name, value in (("version", said["Version"]), ("hash", said["Git Hash"]), ("buildTime", said["Build Time"])):
        assert all(f'{name}="{value}"' in line for line in series if line.startswith("http_")), name


def test_error_page_is_escaped(server):  # 94
    answer = server.public.get("/oauth2/fallbacks/error", query={"error": "e", "error_hint": "<script>alert(1)</script>"})
    assert answer.status == 500 and "<script>" not in answer.text and "&lt;script&gt;" in answer.text


def test_redirect_forms(server):  # 96
    web = make_web(server, redirect_uris=["http://cb.localhost/cb", "http://127.0.0.1/cb"])
    for uri, good in (("HTTP://cb.localhost/cb", False), ("http://127.0.0.1:9999/cb", True), ("http://127.0.0.1:9999/other", False)):
        assert ("login_challenge" in Browser(server).authorize(web, redirect_uri=uri).query) == good, uri


def test_page_token(server):  # 97
    forged = base64.urlsafe_b64encode(json.dumps({"c": [{"n": "client_secret", "v": "x"}]}).encode()).decode()
    assert server.admin.get("/admin/clients", query={"page_token": forged}).status == 400


class Keys(WebServer):
    """Serves `body` at every path."""

    def __init__(self, body):
        self.body = body
        super().__init__()

    def answer(self, request, body):
        self.keep(request.path)
        return 200, self.body


def ask_with_assertion(server, client_id):
    part = lambda value: base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")  # noqa: E731
    claims = {"iss": client_id, "sub": client_id, "aud": server.public.url + "/oauth2/token", "jti": "j", "exp": int(time.time()) + 60}
    assertion = part({"alg": "RS256", "kid": "k"}) + "." + part(claims) + "." + base64.urlsafe_b64encode(b"x" * 256).decode().rstrip("=")
    return server.public.post("/oauth2/token", form={"grant_type": "client_credentials", "client_assertion": assertion,
                              "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"})


def test_fetched_keys(make_server):  # 98, 99
    with Keys(b'{"keys":[]' + b" " * (11 << 20) + b"}") as huge:
        url = huge.url + "/jwks"
        members = {"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": url, "grant_types": ["client_credentials"]}
        for http, asked in (({"disallow_private_ip_ranges": True}, False),
                            ({"disallow_private_ip_ranges": True, "private_ip_exception_urls": [url]}, True), ({}, True)):
            server, huge.seen = make_server({"clients": {"http": http}}), []
            registered = server.admin.post("/admin/clients", json=members)
            assert registered.status == (201 if asked else 400) and (asked or "127.0.0.1" not in registered.text), registered
            # The old generation of the API does not look at addresses: such a client may be there all the same.
            client = server.admin.post("/clients", json=members).json
            answer = ask_with_assertion(server, client["client_id"])
            assert answer.status in (400, 401) and "127.0.0.1" not in answer.text and bool(huge.seen) == asked, answer
            assert server.memory() < 400 << 20
            server.stop()


# ---- the command line walks a flow ----

@pytest.mark.parametrize("stay", [False, True])
@pytest.mark.parametrize("mode", ["query", "form_post"])
def test_perform_authorization_code(make_server, stay, mode):  # 45, 46
    server, port = make_server(), free_ports(1)[0]
    web = make_web(server, redirect_uris=[f"http://127.0.0.1:{port}/callback"])
    arguments = ["perform", "authorization-code", "--client-id", web["client_id"], "--client-secret", web["client_secret"], "--no-open",
                 "--port", str(port), "--scope", "openid,offline", "--response-mode", mode, "--format", "json", "-e", server.public.url]
    process = subprocess.Popen([server.binary, *arguments, *(["--no-shutdown"] if stay else [])], env=server.env, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True,  # Ctrl-C ends it, also where the tests run in the background
                               preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    try:
        app, seen = Http(port), set()
        for line in process.stderr:
            if "Ctrl-C" in line:
                break
        for _ in range(2 if stay else 1):
            assert app.get("/").status == 200
            start = Redirect(app.get("/perform-flow"))
            assert start.base == server.public.url + "/oauth2/auth" and start.query["scope"] == "openid offline"
            assert len(start.query["state"]) == len(start.query["nonce"]) == 24
            seen |= {start.query["state"], start.query["nonce"]}
            browser = Browser(server)
            login = browser.get(start.url).query["login_challenge"]
            consent = browser.get(accept(server, "login", login, {"subject": "alice"})).query["consent_challenge"]
            back = browser.request("GET", accept(server, "consent", consent, {"grant_scope": ["openid", "offline"]}))
            done = app.get(back.headers["Location"].removeprefix(app.url)) if mode == "query" else app.post("/callback", form=hidden(back))
            while done.status in (302, 303):
                done = app.get(done.headers["Location"].removeprefix(app.url))
            assert done.status == 200 and "ory_at_" in done.text
        assert len(seen) == (4 if stay else 2)
        if stay:
            time.sleep(2)
            assert process.poll() is None and app.get("/").status == 200
            process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=20)
        tokens = [json.loads(line) for line in out.splitlines()]
        assert process.returncode == (-signal.SIGINT if stay else 0) and len(tokens) == (2 if stay else 1)
        assert set(tokens[0]) == {"access_token", "token_type", "refresh_token", "expiry", "expires_in"}
        assert server.introspect(tokens[0]["access_token"])["sub"] == "alice"
    finally:
        process.kill()
        process.communicate()


def hidden(page):
    """The fields of a page that posts itself."""
    return {name: html.unescape(value) for name, value in re.findall(r'name="([^"]+)" value="([^"]*)"', page.text)}
