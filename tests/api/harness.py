"""A real grantd on free ports, and a small HTTP client: what every black-box test stands on.

    def test_alive(server):                         # `server`: one shared by the tests of a module, default configuration
        answer = server.public.get("/health/alive")
        assert (answer.status, answer.json) == (200, {"status": "ok"})

    def test_lifespan(make_server):                 # `make_server`: one of your own; it ends with the test
        server = make_server({"ttl": {"access_token": "5s"}}, env={"LOG_LEVEL": "debug"})
        client = server.create_client(scope="a b")
        token = server.token(client, scope="a").json["access_token"]
        answer = server.admin.post("/admin/oauth2/introspect", form={"token": token})
        assert answer.json["active"] is True and answer.json["exp"] - answer.json["iat"] == 5

    answer = server.admin.post("/admin/clients", json={...}, headers={"X-Request-Id": "x"})
    answer.status, answer.headers["Location"], answer.json, answer.text, answer.body
    server.public.post("/oauth2/token", form={...}, basic=(id, secret))     # also: bearer="...", body=b"...", query={...}
    with server.public.connection() as c:           # many requests on one connection
        c.get("/health/alive"); c.get("/version")
    server.public.raw(b"GET / HTTP/1.1\\r\\n\\r\\n")   # bytes as they are; returns what came back until the peer closed
    with server.public.socket() as s: ...           # a plain connected socket
    server.cli("get", "client", "x")                # the command line, pointed at this server; a CompletedProcess
    server.stop(); server.kill(); server.start()    # SIGTERM and exit status 0; SIGKILL; again on the same data and ports
    server.log, server.records()                    # what it wrote to stderr: text; JSON records
    server.database.sql("SELECT id FROM client")    # rows of texts

Each server has a database of its own: an SQLite file, or with GRANTD_TEST_DATABASE=postgres|mariadb one on the server that
`tests/databases/with` has started. It starts as one that a server has been on before, with signing keys; keys=False: it makes them. @pytest.mark.sqlite: is about files, left out on the others. With GRANTD_TEST_NODES=3 each
server is three processes on one database behind nginx (cluster.py), which is what @pytest.mark.race is for.

A test fails when the server wrote a sanitizer report or did not exit with status 0. GRANTD names the binary under test
(default: build-dev/src/grantd). @pytest.mark.release: needs the release build (figures, kill -9 by the dozen);
@pytest.mark.both: runs with the sanitizers and with the release build.
"""

import base64
import http.client
import json as jsonlib
import os
import pathlib
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.parse

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests/databases"))

from databases import free_ports, shared   # noqa: E402

GRANTD = os.path.abspath(os.environ.get("GRANTD") or TOP / "build-dev/src/grantd")
SECRET = "a-system-secret-for-the-tests-only"
DATABASE = os.environ.get("GRANTD_TEST_DATABASE") or "sqlite"
REPORT = re.compile(r"(Address|Thread|Memory|Leak|UndefinedBehavior)Sanitizer|runtime error:|Assertion .* failed")


def sanitized(binary=GRANTD):
    """Whether the binary was built with a sanitizer: such a build is slow and large."""
    with open(binary, "rb") as f:
        return re.search(rb"__[at]san_init", f.read()) is not None


def merged(base, changes):
    """`changes` over `base`: objects merge, anything else replaces, None removes."""
    result = dict(base)
    for name, value in (changes or {}).items():
        if value is None:
            result.pop(name, None)
        elif isinstance(value, dict) and isinstance(result.get(name), dict):
            result[name] = merged(result[name], value)
        else:
            result[name] = value
    return result


class Response:
    def __init__(self, answer):
        self.status = answer.status
        self.reason = answer.reason
        self.headers = answer.headers       # case-insensitive; get_all(name) for repeated ones
        self.body = answer.read()

    @property
    def text(self):
        return self.body.decode()

    @property
    def json(self):
        return jsonlib.loads(self.body)

    def __repr__(self):
        return f"<{self.status} {self.headers.get('Content-Type')} {self.body[:600]!r}>"


class Requests:
    """The verbs; a subclass says how one exchange is made."""

    def exchange(self, method, target, body, headers):
        raise NotImplementedError

    def request(self, method, target, *, form=None, json=None, body=None, query=None, basic=None, bearer=None, headers=None):
        head = dict(headers or {})
        if form is not None:
            body = form if isinstance(form, str) else urllib.parse.urlencode(form, doseq=True)
            head.setdefault("Content-Type", "application/x-www-form-urlencoded")
        elif json is not None:
            body = jsonlib.dumps(json)
            head.setdefault("Content-Type", "application/json")
        if basic is not None:   # RFC 6749 2.3.1: both parts form-encoded first
            pair = ":".join(urllib.parse.quote_plus(part) for part in basic)
            head["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
        if bearer is not None:
            head["Authorization"] = "Bearer " + bearer
        if query is not None:
            target += "?" + (query if isinstance(query, str) else urllib.parse.urlencode(query, doseq=True))
        return self.exchange(method, target, body.encode() if isinstance(body, str) else body, head)

    def get(self, target, **more):
        return self.request("GET", target, **more)

    def post(self, target, **more):
        return self.request("POST", target, **more)

    def put(self, target, **more):
        return self.request("PUT", target, **more)

    def patch(self, target, **more):
        return self.request("PATCH", target, **more)

    def delete(self, target, **more):
        return self.request("DELETE", target, **more)

    def options(self, target, **more):
        return self.request("OPTIONS", target, **more)


class Connection(Requests):
    """Many requests on one connection."""

    def __init__(self, host, port, timeout):
        self.http = http.client.HTTPConnection(host, port, timeout=timeout)

    def exchange(self, method, target, body, headers):
        self.http.request(method, target, body, headers)
        return Response(self.http.getresponse())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.http.close()


class Listener(Requests):
    """One of the two listeners: a connection for each request, so any thread may use it."""

    def __init__(self, port, host="127.0.0.1", timeout=30):
        self.host, self.port, self.timeout = host, port, timeout
        self.url = f"http://{host}:{port}"

    def __str__(self):
        return self.url

    def connection(self, timeout=None):
        return Connection(self.host, self.port, timeout or self.timeout)

    def exchange(self, method, target, body, headers):
        with self.connection() as c:
            return c.exchange(method, target, body, headers)

    def socket(self, timeout=None):
        return socket.create_connection((self.host, self.port), timeout or self.timeout)

    def raw(self, data, timeout=10):
        """Sends the bytes and returns what comes back until the peer closes or is silent for `timeout` seconds."""
        got = b""
        with self.socket(timeout) as s:
            try:
                s.sendall(data)
                while chunk := s.recv(65536):
                    got += chunk
            except (socket.timeout, ConnectionError):
                pass
        return got


class File:
    """An SQLite database of a test's own. `like`: a copy of that one."""

    def __init__(self, folder, name="db", migrated=True, like=None):
        self.path = pathlib.Path(folder) / f"{name}.sqlite"
        self.dsn = f"sqlite://{self.path}?_fk=true"
        if like:
            shutil.copy(like.path, self.path)

    def sql(self, text):
        """The rows of a statement, as texts."""
        db = sqlite3.connect(self.path, timeout=30)
        try:
            with db:
                return [[str(value) for value in row] for row in db.execute(text)]
        finally:
            db.close()

    def tables(self):
        return {name for name, in self.sql("SELECT name FROM sqlite_master WHERE type = 'table'")}

    def untouched(self):
        return not self.path.exists()

    def dump(self):
        """Everything in it, as SQL."""
        with sqlite3.connect(self.path) as db:
            return "\n".join(db.iterdump())

    def drop(self):
        """The test's folder goes as a whole."""


class Remote:
    """A database of a test's own on the shared server: like File. `migrated`: with all tables, as copied from one that was migrated;
    those are used again by later tests."""

    server, template, spare = None, None, []

    def __init__(self, folder, name="db", migrated=True, like=None):
        if Remote.server is None:
            Remote.server = shared(DATABASE)
        self.migrated = migrated
        self.name = self.take(like.name if like else self.migrated_one()) if migrated else self.server.create()
        self.dsn = self.server.dsn(self.name)

    def migrated_one(self):
        if Remote.template is None:
            Remote.template = self.server.create()
            done = run_grantd("migrate", "sql", "up", "-e", "-y", env={"PATH": os.environ["PATH"], "DSN": self.server.dsn(Remote.template)})
            assert done.returncode == 0, done.stdout + done.stderr
        return Remote.template

    def take(self, template):
        if not self.spare:
            return self.server.create(like=template)
        self.server.refill(self.spare[-1], template)
        return self.spare.pop()

    def sql(self, text):
        return self.server.sql(text, self.name)

    def tables(self):
        return self.server.tables(self.name)

    def untouched(self):
        return self.tables() == set()

    def dump(self):
        return self.server.dump(self.name)

    def drop(self):
        if self.migrated:
            self.spare.append(self.name)
        else:
            self.server.drop(self.name)


Database = File if DATABASE == "sqlite" else Remote
used = None


def database_for(folder, config, env=None, keys=True):
    """A new database for a server with that configuration. Making two RSA keys takes most of what a test's processor time is, so those
    who do not say otherwise get the keys that one server made for all: they open with the usual secret."""
    global used
    if not keys or config.get("secrets", {}).get("system") != [SECRET] or "SECRETS_SYSTEM" in (env or {}):
        return Database(folder)
    if used is None:
        place = tempfile.TemporaryDirectory(prefix="grantd-used-")
        before = Node(place.name, keys=False).start()
        for name in ("hydra.openid.id-token", "hydra.jwt.access-token"):
            before.wait_ready(path=f"/admin/keys/{name}")
        before.stop()
        used = before.database, place       # which goes when the tests end
    return Database(folder, like=used[0])


class Api:
    """What tests ask of a server with a `public` and an `admin` listener."""

    def create_client(self, **members):
        """A client_credentials client unless the members say otherwise; returns the server's answer, secret included."""
        answer = self.admin.post("/admin/clients", json={"grant_types": ["client_credentials"], **members})
        assert answer.status == 201, answer
        return answer.json

    def token(self, client, **form):
        """Asks for a client_credentials token with HTTP Basic; returns the response."""
        return self.public.post("/oauth2/token", form={"grant_type": "client_credentials", **form},
                                basic=(client["client_id"], client["client_secret"]))

    def access_token(self, client, **form):
        answer = self.token(client, **form)
        assert answer.status == 200, answer
        return answer.json["access_token"]

    def introspect(self, token, **form):
        answer = self.admin.post("/admin/oauth2/introspect", form={"token": token, **form})
        assert answer.status == 200, answer
        return answer.json


class Node(Api):
    """A grantd process with its own folder. `config` is merged over the defaults below (None removes a member), `env` over a
    small environment. `start()` waits until it is ready; `ready=False` in start() does not wait."""

    def __init__(self, folder, config=None, env=None, *, dsn=None, keys=True, dev=True, command=("serve", "all"), binary=GRANTD):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.binary = str(binary)
        ports = free_ports(2)
        self.public, self.admin = Listener(ports[0]), Listener(ports[1])
        self.config = merged({
            "serve": {"public": {"host": "127.0.0.1", "port": ports[0]}, "admin": {"host": "127.0.0.1", "port": ports[1]}},
            "urls": {"self": {"issuer": self.public.url}},
            "secrets": {"system": [SECRET]},
            "log": {"format": "json"},
        }, config)
        self.database = database_for(self.folder, self.config, env, keys) if dsn is None else None
        self.dsn = self.database.dsn if dsn is None else dsn
        self.env = merged({
            "PATH": os.environ["PATH"], "HOME": str(self.folder), "DSN": self.dsn,
            "ASAN_OPTIONS": "detect_leaks=1:detect_stack_use_after_return=1:strict_string_checks=1",
            "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
            "TSAN_OPTIONS": "halt_on_error=0:second_deadlock_stack=1",
        }, env)
        self.arguments = [*command, *(["--dev"] if dev else []), "-c", str(self.config_file)]
        self.process = None

    @property
    def config_file(self):
        return self.folder / "config.json"

    @property
    def pid(self):
        return self.process.pid

    def write_config(self):
        temporary = self.folder / "config.json.new"
        temporary.write_text(jsonlib.dumps(self.config, indent=1))
        temporary.rename(self.config_file)

    def start(self, *, ready=True, within=60):
        assert self.process is None, "already started"
        self.write_config()
        with open(self.folder / "stderr", "ab") as err, open(self.folder / "stdout", "ab") as out:
            self.process = subprocess.Popen([self.binary, *self.arguments], cwd=self.folder, env=self.env,
                                            stdin=subprocess.DEVNULL, stdout=out, stderr=err)
        if ready:
            self.wait_ready(within)
        return self

    def wait_ready(self, within=60, path="/health/ready"):
        listener = self.public if "public" in self.arguments else self.admin
        until = time.monotonic() + within
        while time.monotonic() < until:
            assert self.process.poll() is None, f"the server ended with status {self.process.returncode}:\n{self.log[-4000:]}"
            try:
                if listener.get(path).status == 200:
                    return
            except OSError:
                pass
            time.sleep(0.005)
        raise AssertionError(f"not ready after {within} s:\n{self.log[-4000:]}")

    def wait(self, within=30):
        """The exit status of a server that ends by itself."""
        status = self.process.wait(within)
        self.process = None
        return status

    def stop(self, within=30):
        if self.process is None:
            return
        process, self.process = self.process, None
        process.send_signal(signal.SIGTERM)
        try:
            status = process.wait(within)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AssertionError(f"did not stop within {within} s of SIGTERM:\n{self.log[-4000:]}") from None
        self.check_log()
        assert status == 0, f"exit status {status}:\n{self.log[-4000:]}"

    def kill(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None
        self.check_log()

    def close(self):
        """stop(), and nothing remains."""
        try:
            self.stop()
        finally:
            if self.database:
                self.database.drop()

    def check_log(self):
        log = self.log
        found = REPORT.search(log)
        assert not found, "the server reported:\n" + log[max(0, found.start() - 1000):found.start() + 8000]

    @property
    def log(self):
        path = self.folder / "stderr"
        return path.read_text(errors="replace") if path.exists() else ""

    @property
    def stdout(self):
        return (self.folder / "stdout").read_text(errors="replace")

    def records(self, message=None):
        """The JSON records of the log (informational ones reach it within 50 ms), perhaps only those with this `msg`."""
        found = [jsonlib.loads(line) for line in self.log.splitlines() if line.startswith("{") and line.endswith("}")]
        return [r for r in found if message is None or r["msg"] == message]

    def memory(self, field="VmRSS"):
        """Bytes, as /proc tells them: VmRSS now, VmHWM at most."""
        status = pathlib.Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(rf"^{field}:\s+(\d+) kB", status, re.M)[1]) * 1024

    def cpu(self):
        """Seconds of processor time that the process has used, user and system."""
        fields = pathlib.Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def cli(self, *arguments, endpoint=None, env=None, stdin=None):
        """Runs a command against this server (the admin listener unless `endpoint`); texts in .stdout, .stderr."""
        settings = merged({**self.env, "ORY_SDK_URL": str(endpoint or self.admin)}, env)
        return run_grantd(*arguments, env=settings, cwd=self.folder, stdin=stdin, binary=self.binary)


def run_grantd(*arguments, env=None, cwd=None, stdin=None, binary=GRANTD, timeout=60):
    """Runs the binary to its end; fails on a sanitizer report. `env` replaces the whole environment."""
    done = subprocess.run([binary, *map(str, arguments)], env=env, cwd=cwd, input=stdin or "", capture_output=True, text=True,
                          timeout=timeout)
    assert not REPORT.search(done.stderr), done.stderr
    return done


Server = Node
if int(os.environ.get("GRANTD_TEST_NODES") or 1) > 1:
    from cluster import Cluster as Server   # noqa: E402, F811
