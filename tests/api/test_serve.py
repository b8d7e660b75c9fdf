"""The life of the process: what it makes at the start, reloads, signals, keys, expiry. Numbers are those of the operations checklist."""

import concurrent.futures
import contextlib
import datetime
import json
import os
import signal
import socket
import struct
import subprocess
import threading
import time

import pytest

from flow_support import Browser, make_web
from harness import run_grantd


def eventually(what, within=10):
    until = time.monotonic() + within
    while not what():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.05)


def lifespan(server, client):
    return server.token(client).json["expires_in"]


# ---- start ----

@pytest.mark.sqlite
def test_development_mode_makes_what_is_missing(make_server):
    """An SQLite file and a secret in the state folder; both are there again after a restart, so that tokens stay valid."""
    server = make_server({"secrets": None}, env={"DSN": None})
    token = server.access_token(server.create_client(client_id="stays"))
    state = server.folder / "state"
    assert os.stat(state).st_mode & 0o777 == 0o700 and os.stat(state / "dev-secret").st_mode & 0o777 == 0o600
    assert "state/grantd.sqlite" in server.stdout and (state / "dev-secret").read_text() not in server.log + server.stdout
    server.stop()
    server.start()
    assert server.introspect(token)["active"]


@pytest.mark.sqlite
def test_memory(make_server):
    server = make_server(dsn="memory")
    assert server.access_token(server.create_client())


def test_http_by_force(make_server):
    """An http issuer and cookies that http carries, and nothing else of development mode: no login that lets anyone in."""
    server = make_server(dev=False, start=False)
    server.start(ready=False)
    assert server.wait() != 0 and "urls.self.issuer must use https" in server.log
    server = make_server(dev=False, command=("serve", "all", "--dangerous-force-http"))
    client = server.create_client(grant_types=["authorization_code"], response_types=["code"], redirect_uris=["https://app.example.org/cb"])
    answer = server.public.get("/oauth2/auth", query={"client_id": client["client_id"], "response_type": "code", "state": "a-long-state",
                                                      "redirect_uri": "https://app.example.org/cb"})
    cookie = answer.headers["Set-Cookie"]
    assert answer.status == 302 and "Secure" not in cookie and "_dev" not in cookie.split("=")[0]
    page = server.public.get(answer.headers["Location"].removeprefix(str(server.public.url)))
    assert "urls.login" in page.text and "<form" not in page.text


def test_http_redirects_by_force(make_server):
    """Those that are named, and no others."""
    uris = ["http://named.example.org/cb", "http://other.example.org/cb"]
    server = make_server(dev=False, command=("serve", "all", "--dangerous-force-http", "--disable-telemetry",
                                             "--dangerous-allow-insecure-redirect-urls", f"http://x/,{uris[0]}"))
    client = server.create_client(grant_types=["authorization_code"], response_types=["code"], redirect_uris=uris)
    for uri, good in zip(uris, (True, False)):
        answer = server.public.get("/oauth2/auth", query={"client_id": client["client_id"], "response_type": "code",
                                                          "state": "a-long-state", "redirect_uri": uri})
        assert ("login_challenge=" in answer.headers["Location"]) == good, uri


@pytest.mark.parametrize("which", ["public", "admin"])
def test_one_listener(make_server, which):
    server = make_server(command=("serve", which))
    mine, other = (server.public, server.admin) if which == "public" else (server.admin, server.public)
    assert mine.get("/health/alive").status == 200
    with pytest.raises(OSError):
        other.get("/health/alive")


@pytest.mark.parametrize("host", ["[::1]", "::1"])
def test_ipv6_host(make_server, host):
    """With the brackets of a URL and without."""
    server = make_server({"serve": {"admin": {"host": host}}}, start=False)
    server.admin.host = "::1"
    server.start()
    assert server.admin.get("/health/alive").status == 200
    assert f"http://[::1]:{server.admin.port}/" in server.stdout


def test_keys_without_a_request(make_server):  # 79
    server = make_server()

    def keys():
        return int(server.database.sql("SELECT count(*) FROM jwk")[0][0])
    eventually(lambda: keys() > 0, 30)
    assert server.public.get("/.well-known/jwks.json").json["keys"]


def test_first_request_waits_for_the_keys(make_server):  # 79
    """On a new database, however slowly a key is made."""
    server = make_server({"keys": {"rsa_bits": 4096}})
    answer = server.public.get("/.well-known/jwks.json")
    assert answer.status == 200 and [k["alg"] for k in answer.json["keys"]][:1] == ["RS256"]


def test_two_at_once_make_one_key(make_server):  # 79
    first = make_server(start=False)
    second = make_server(start=False, dsn=first.dsn)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        list(pool.map(lambda server: server.start(), [first, second]))
        sets = [f.result().json for f in [pool.submit(s.public.get, "/.well-known/jwks.json") for s in (first, second)]]
    assert [k["kid"] for k in sets[0]["keys"]] == [k["kid"] for k in sets[1]["keys"]] != []


# ---- reload ----

def change(server, **changes):
    server.config.update(changes)
    server.write_config()


def test_changed_file(make_server):  # 16
    server = make_server({"ttl": {"access_token": "1h"}})
    client = server.create_client()
    assert lifespan(server, client) == 3600
    change(server, ttl={"access_token": "2m"})
    eventually(lambda: lifespan(server, client) == 120)
    eventually(lambda: server.records("A change to a configuration file was detected."))
    eventually(lambda: server.records("Configuration change processed successfully."))


def test_changed_login_page(make_server):  # 16
    """The next redirect goes there: after a rename over the file, a write into it, and a swap of the link that leads to it, as
    Kubernetes mounts it."""
    server = make_server({"urls": {"login": "https://one.example/"}})
    web, data = make_web(server), server.folder / "..data"

    def text(page):
        server.config["urls"]["login"] = page
        return json.dumps(server.config)

    def over(target, make):
        make(target.with_name("new"))
        target.with_name("new").rename(target)

    def folder(name, page):
        (server.folder / name).mkdir()
        (server.folder / name / "config.json").write_text(text(page))
        over(data, lambda new: new.symlink_to(name))

    steps = [lambda page: over(server.config_file, lambda new: new.write_text(text(page))),
             lambda page: server.config_file.write_text(text(page)),
             lambda page: (folder("..1", page), over(server.config_file, lambda new: new.symlink_to("..data/config.json"))),
             lambda page: folder("..2", page)]
    for number, step in enumerate(steps):
        page = f"https://page{number}.example/"
        step(page)
        eventually(lambda: Browser(server).authorize(web).base == page)


def test_hangup(make_server):  # Q10
    """Reads the files again and ends nothing."""
    server = make_server()
    for _ in range(3):
        server.process.send_signal(signal.SIGHUP)
    eventually(lambda: len(server.records("Configuration change processed successfully.")) >= 1)
    assert server.public.get("/health/alive").status == 200


@pytest.mark.parametrize("changes", [{"dsn": "sqlite:///tmp/other?password=hunter2"}, {"foo": 1}, {"log": {"level": "loud"}}])
def test_refused_change(make_server, changes):  # 17
    """The old settings stay in force, with one error record without the DSN, until the file is right again."""
    server = make_server({"ttl": {"access_token": "1h"}}, env={"DSN": None}, start=False)
    server.config["dsn"] = server.dsn
    good = dict(server.config, ttl={"access_token": "2m"})
    server.start()
    client = server.create_client()
    change(server, ttl={"access_token": "2m"}, **changes)
    eventually(lambda: [r for r in server.records() if r["level"] == "error"])
    assert lifespan(server, client) == 3600 and "hunter2" not in server.log
    time.sleep(0.3)
    assert len([r for r in server.records() if r["level"] == "error"]) == 1
    server.config = good
    server.write_config()
    eventually(lambda: lifespan(server, client) == 120)


def test_broken_file(make_server):  # 17
    server = make_server()
    server.config_file.write_text("{ not json")
    eventually(lambda: [r for r in server.records() if r["level"] == "error"])
    assert server.access_token(server.create_client())


# ---- end ----

@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_end_it(make_server, number):  # 84
    server = make_server()
    assert server.public.get("/.well-known/jwks.json").json["keys"]  # making them may take its time
    server.process.send_signal(number)
    assert server.wait(5) == 0
    assert not server.records("Background work did not finish in time; ending without it.")
    server.check_log()


def test_end_while_a_key_is_made(make_server):  # 84
    """A key of this size takes long; nobody who stops the server waits for it."""
    server = make_server({"keys": {"rsa_bits": 8192}})
    server.process.send_signal(signal.SIGTERM)
    assert server.wait(8) == 0
    server.check_log()


def test_signal_during_the_start(make_server):
    """However early it comes, the process ends, and cleanly."""
    for delay in (0.05, 0.1, 0.2, 0.4):
        server = make_server(start=False)
        server.start(ready=False)
        time.sleep(delay)
        server.process.send_signal(signal.SIGTERM)
        assert server.wait(20) in (0, -signal.SIGTERM)
        server.check_log()


def test_restart_on_the_same_port(make_server):
    server = make_server()
    for _ in range(3):
        server.stop()
        server.start()


# ---- databases that cannot be used ----

def message(kind, *texts):
    body = b"".join(text.encode() + b"\0" for text in texts)
    return kind + struct.pack("!I", len(body) + 4) + body


def play_pooler(listening):
    """As PgBouncer with pool_mode = transaction looks to the second one who prepares statements on a server's connection."""
    ready = b"Z" + struct.pack("!I", 5) + b"I"
    told = {"server_encoding": "UTF8", "in_hot_standby": "off", "default_transaction_read_only": "off"}
    welcome = b"R" + struct.pack("!II", 8, 0) + b"".join(message(b"S", *pair) for pair in told.items()) + ready
    with contextlib.suppress(OSError):
        while True:
            client, _ = listening.accept()
            with client, client.makefile("rb") as stream:
                stream.read(struct.unpack("!I", stream.read(4))[0] - 4)
                client.sendall(welcome)
                while kind := stream.read(1):
                    stream.read(struct.unpack("!I", stream.read(4))[0] - 4)
                    if kind == b"S":
                        client.sendall(message(b"E", "SERROR", "VERROR", "C42P05", 'Mprepared statement "s1" already exists', "") + ready)


def test_a_pooler_that_mixes_sessions_is_named(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=play_pooler, args=(listening,), daemon=True).start()
        dsn = f"postgres://u:p@127.0.0.1:{listening.getsockname()[1]}/db?sslmode=disable"
        done = run_grantd("serve", "all", "--dev", env={"PATH": os.environ["PATH"], "DSN": dsn}, cwd=tmp_path)
        listening.shutdown(socket.SHUT_RDWR)
    assert done.returncode == 1 and "pool_mode = session" in done.stderr, done.stderr


# ---- expiry ----

# The process computes moments by a clock an hour ahead of the one that the system waits by, as if that had been put back since.
CLOCK = r"""
#define _GNU_SOURCE
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t which, struct timespec *ret)
{
    int status = syscall(SYS_clock_gettime, which, ret);
    if (which == CLOCK_REALTIME) ret->tv_sec += 3600;
    return status;
}
"""


def test_a_clock_that_is_put_back_stops_nothing(make_server, tmp_path):
    (tmp_path / "clock.c").write_text(CLOCK)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", tmp_path / "clock.so", tmp_path / "clock.c"], check=True)
    server = make_server(env={"LD_PRELOAD": str(tmp_path / "clock.so"), "ASAN_OPTIONS": "verify_asan_link_order=0:detect_leaks=1"})
    server.database.sql("INSERT INTO mark (kind, id, value, expires_at) VALUES (1, 'long-ago', 1, 1)")
    eventually(lambda: server.database.sql("SELECT id FROM mark WHERE id = 'long-ago'") == [], within=30)


def test_expired_rows_go(make_server):
    """Marks of revoked tokens vanish by themselves once the tokens would have expired."""
    server = make_server({"ttl": {"access_token": "1s"}})
    client = server.create_client()
    for _ in range(5):
        token = server.access_token(client)
        assert server.public.post("/oauth2/revoke", form={"token": token}, basic=(client["client_id"], client["client_secret"])).status == 200

    def marks():
        return int(server.database.sql("SELECT count(*) FROM mark")[0][0])
    assert marks() > 0
    eventually(lambda: marks() == 0, 40)


def test_log_formats(make_server):
    """RFC 3339 times, the names of levels, and the fields of access records; no name twice in a record."""
    server = make_server({"log": {"format": "json", "level": "trace"}, "serve": {"public": {"access_log": {}}}})
    server.public.get("/health/alive?token=hunter2", headers={"Authorization": "Bearer hunter2"})
    server.public.get("/oauth2/auth?client_id=unknown")
    eventually(lambda: server.records("An error occurred while handling a request"))
    eventually(lambda: [r for r in server.records("completed handling request") if r["http_request"]["path"] == "/oauth2/auth"])
    assert "hunter2" not in server.log

    def once(pairs):
        assert len({name for name, _ in pairs}) == len(pairs), pairs
        return dict(pairs)
    records = [json.loads(line, object_pairs_hook=once) for line in server.log.splitlines()]  # 87
    assert all({"time", "level", "msg", "audience", "service_name"} <= set(r) and datetime.datetime.fromisoformat(r["time"]) for r in records)
    assert {"warning", "info", "debug"} <= {r["level"] for r in records} <= {"trace", "debug", "info", "warning"}
    for name in ("started handling request", "completed handling request"):
        for r in server.records(name):
            assert set(r["http_request"]) == {"remote", "method", "path", "query", "scheme", "host", "headers"}
            assert name.startswith("started") or set(r["http_response"]) == {"status", "size", "text_status", "took", "headers"}
    assert [r["file"].split(":")[0] for r in records if r["msg"] == "An error occurred while handling a request"] == ["src/oauth/authorize.c"]
