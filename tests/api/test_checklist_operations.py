"""The lines of the operations checklist that no other file has a test for; tests/check/checklist knows where the others are."""

import base64
import json
import socket
import ssl
import subprocess
import threading
import time
import urllib.parse
import urllib.request

import pytest

from flow_support import Browser, Listener, make_web
from harness import Server, run_grantd
from tokens_support import code_for, pair, redeem, tokens_for, unpack

OLD, NEW = "the-older-secret-of-the-test", "the-newer-secret-of-the-test"


def refuses(make_server, config=None, **more):
    """What a server that does not start says."""
    server = make_server(config, start=False, **more)
    server.write_config()
    done = run_grantd(*server.arguments, env=server.env, cwd=server.folder, timeout=30)
    assert done.returncode == 1, done
    return done.stdout + done.stderr


# ---- configuration ----

def test_unknown_key(make_server):  # 1, 2
    assert "no_such_key" in refuses(make_server, {"no_such_key": 1})
    assert "99999" in refuses(make_server, {"serve": {"public": {"port": 99999}}})
    assert "ttl.access_token" in refuses(make_server, {"ttl": {"access_token": "1.5h"}})


def test_secret_length(make_server):  # 3
    assert "secrets.system" in refuses(make_server, {"secrets": {"system": ["short"]}})
    assert make_server({"secrets": {"system": ["sixteen-letters!"]}}).public.get("/health/ready").status == 200


def test_development_mode(make_server):  # 5, 6
    assert "http" in refuses(make_server, dev=False)
    assert "http" in refuses(make_server, {"dev": True}, dev=False)
    assert make_server(dev=False, env={"DEV": "true"}).public.get("/health/alive").status == 200


def test_hooks_from_the_environment(make_server):  # 13, 14
    with Listener(204) as hook:
        for value in (hook.url, json.dumps({"url": hook.url})):
            name = "OAUTH2_TOKEN_HOOK_URL" if value == hook.url else "OAUTH2_TOKEN_HOOK"
            server, before = make_server(env={name: value, "DB": "postgres"}), len(hook.seen)
            redeem(server, *(lambda web: (web, code_for(server, web)))(make_web(server)))
            assert len(hook.seen) == before + 1


@pytest.mark.parametrize("value", [-1, "-1"])
def test_refresh_without_end(make_server, value):  # 15
    server = make_server({"ttl": {"refresh_token": value}})
    body = tokens_for(server, make_web(server))
    assert server.introspect(body["refresh_token"])["active"]


def test_unix_socket(make_server, tmp_path):  # 18
    path = tmp_path / "admin.sock"
    server = make_server({"serve": {"admin": {"host": f"unix:{path}", "socket": {"mode": 0o700}}}}, start=False)
    server.start(ready=False)
    until = time.monotonic() + 30
    while not path.exists() and time.monotonic() < until:
        time.sleep(0.02)
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(str(path))
        s.sendall(b"GET /health/alive HTTP/1.0\r\nHost: x\r\n\r\n")
        assert b" 200 " in s.recv(4096)
    assert path.stat().st_mode & 0o777 == 0o700


def certificate(folder, name="one"):
    key, cert = folder / f"{name}.key", folder / f"{name}.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
                    f"/CN={name}", "-keyout", key, "-out", cert], check=True, capture_output=True)
    return cert, key


def over_tls(server, path="/health/alive"):
    context = ssl._create_unverified_context()
    with socket.create_connection((server.public.host, server.public.port), 10) as plain, context.wrap_socket(plain) as s:
        s.sendall(f"GET {path} HTTP/1.0\r\nHost: x\r\n\r\n".encode())
        return s.recv(65536), s.getpeercert(binary_form=True), s.version()


@pytest.mark.parametrize("form", ["path", "base64"])
def test_tls(make_server, tmp_path, form):  # 19, 20
    cert, key = certificate(tmp_path)
    value = (lambda f: {"path": str(f)}) if form == "path" else (lambda f: {"base64": base64.b64encode(f.read_bytes()).decode()})
    server = make_server({"serve": {"public": {"tls": {"enabled": True, "cert": value(cert), "key": value(key)}}}}, start=False)
    server.config["urls"]["self"]["issuer"] = f"https://127.0.0.1:{server.public.port}/"
    server.start(ready=False)
    server.wait_ready()
    answer, shown, version = over_tls(server)
    assert b" 200 " in answer.split(b"\r\n")[0] and version in ("TLSv1.2", "TLSv1.3")
    assert base64.b64encode(shown) == b"".join(cert.read_bytes().split(b"\n")[1:-2])
    assert b" 200" not in server.public.raw(b"GET /health/alive HTTP/1.1\r\nHost: x\r\n\r\n", timeout=3)


def test_termination(make_server):  # 22
    server = make_server({"serve": {"tls": {"allow_termination_from": ["127.0.0.1/32"]}}})
    assert server.public.get("/health/alive").status == 200


def test_cors_patterns(make_server):  # 23, 24
    cors = {"enabled": True, "allowed_origins": ["https://*.example.org", "https://*.com"]}
    server = make_server({"serve": {"public": {"cors": cors}}})
    allowed = lambda origin: server.public.get("/userinfo", headers={"Origin": origin}).headers.get("Access-Control-Allow-Origin")  # noqa: E731
    assert allowed("https://a.example.org") == "https://a.example.org" and allowed("https://evil.com") is None


def test_cookies(make_server):  # 25, 26
    server = make_server({"serve": {"cookies": {"same_site_mode": "None", "names": {"login_csrf": "my_csrf"}}}})
    answer = Browser(server).authorize(make_web(server)).answer
    line = answer.headers.get_all("Set-Cookie")[0]
    assert line.startswith("my_csrf_dev") and "SameSite=Lax" in line


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

def test_busy_port(make_server):  # 85
    first = make_server()
    second = make_server({"serve": {"public": {"port": first.public.port}}}, start=False)
    second.write_config()
    assert run_grantd(*second.arguments, env=second.env, cwd=second.folder, timeout=30).returncode == 1


def test_where_things_are(server):  # 86
    for path in ("/version", "/metrics/prometheus", "/admin/metrics/prometheus"):
        assert server.public.get(path).status == 404 and server.admin.get(path).status == 200
    for listener in (server.public, server.admin):
        assert listener.get("/health/alive").status == listener.get("/health/ready").status == 200


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


class Keys(threading.Thread):
    """Serves `body` at every path."""

    def __init__(self, body):
        super().__init__(daemon=True)
        import http.server

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                try:
                    self.wfile.write(body)
                except OSError:
                    pass

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/jwks"
        self.run = self.server.serve_forever


def ask_with_assertion(server, client_id):
    part = lambda value: base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")  # noqa: E731
    claims = {"iss": client_id, "sub": client_id, "aud": server.public.url + "/oauth2/token", "jti": "j", "exp": int(time.time()) + 60}
    assertion = part({"alg": "RS256", "kid": "k"}) + "." + part(claims) + "." + base64.urlsafe_b64encode(b"x" * 256).decode().rstrip("=")
    return server.public.post("/oauth2/token", form={"grant_type": "client_credentials", "client_assertion": assertion,
                              "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"})


def test_fetched_keys(make_server):  # 98, 99
    huge = Keys(b'{"keys":[]' + b" " * (11 << 20) + b"}")
    huge.start()
    members = {"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": huge.url}
    guarded = make_server({"clients": {"http": {"disallow_private_ip_ranges": True}}})
    refused = guarded.admin.post("/admin/clients", json={"grant_types": ["client_credentials"], **members})
    assert refused.status == 400 or ask_with_assertion(guarded, refused.json["client_id"]).status == 401
    assert "127.0.0.1" not in json.dumps(refused.json.get("error_description", ""))
    open_server = make_server()
    client = open_server.create_client(**members)
    answer = ask_with_assertion(open_server, client["client_id"])
    assert answer.status in (400, 401) and "127.0.0.1" not in answer.text
    assert open_server.memory() < 400 << 20
    huge.server.shutdown()


# ---- the command line walks a flow ----

@pytest.mark.parametrize("stay", [False, True])
def test_perform_authorization_code(make_server, stay):  # 45, 46
    server = make_server()
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    web = make_web(server, redirect_uris=[f"http://127.0.0.1:{port}/callback"])
    arguments = ["perform", "authorization-code", "--client-id", web["client_id"], "--client-secret", web["client_secret"], "--no-open",
                 "--port", str(port), "--scope", "openid", "--auth-url", server.public.url + "/oauth2/auth", "--token-url",
                 server.public.url + "/oauth2/token", "-e", server.public.url] + (["--no-shutdown"] if stay else [])
    process = subprocess.Popen([server.binary, *arguments], env=server.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        page, until = None, time.monotonic() + 20
        while page is None and time.monotonic() < until:
            try:
                page = urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5).status
            except OSError:
                time.sleep(0.1)
        assert page == 200

        class Stay(urllib.request.HTTPRedirectHandler):
            def redirect_request(self, *_):
                return None
        try:
            urllib.request.build_opener(Stay).open(f"http://127.0.0.1:{port}/perform-flow", timeout=5)
        except urllib.error.HTTPError as redirect:
            target = urllib.parse.urlsplit(redirect.headers["Location"])
        query = dict(urllib.parse.parse_qsl(target.query))
        assert target.path == "/oauth2/auth" and query["state"] and query["nonce"] and query["scope"] == "openid"
    finally:
        process.terminate()
        process.wait(10)
