"""Too much of anything has its own answer, and connections by the thousand that send nothing cost nobody else anything."""

import contextlib
import resource
import socket
import threading
import time

import pytest

from harness import sanitized

CLIENTS = "/admin/clients"
TOKEN = b"POST /oauth2/token HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"
CLIENT = b"POST /admin/clients HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
GET = b"GET /.well-known/openid-configuration HTTP/1.1\r\nHost: x\r\n"


def length(n):
    return b"Content-Length: %d\r\nConnection: close\r\n\r\n" % n


def json_of(n):
    return b'{"client_name":"' + b"x" * (n - 18) + b'"}'


# name: listener, bytes, statuses allowed. Where it is too large to be read whole, the connection ends after the answer.
OVERSIZED = {
    "url": ("public", b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", {414}),
    "query": ("public", b"GET /oauth2/auth?" + b"a=b&" * 50_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", {414}),
    "header value": ("public", GET + b"X: " + b"a" * 2_000_000 + b"\r\n\r\n", {431}),
    "header name": ("public", GET + b"X" * 100_000 + b": a\r\n\r\n", {431}),
    "header count": ("public", GET + b"".join(b"X%d: a\r\n" % i for i in range(5000)) + b"\r\n", {431}),
    "cookies": ("public", GET + b"Cookie: " + b"; ".join(b"c%d=v" % i for i in range(20_000)) + b"\r\n\r\n", {431}),
    "method": ("public", b"G" * 10_000 + b" / HTTP/1.1\r\nHost: x\r\n\r\n", {400}),
    "basic": ("public", TOKEN + b"Authorization: Basic " + b"QUFB" * 50_000 + b"\r\n" + length(0), {431}),
    "form": ("public", TOKEN + length(12_000_000) + b"a=" + b"b" * 11_999_998, {400, 413}),
    "form announced": ("public", TOKEN + b"Content-Length: 99999999999\r\n\r\n", {400, 413}),
    "form in chunks": ("public", TOKEN + b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n" + (b"100000\r\n" + b"a" * 0x100000 + b"\r\n") * 12
                       + b"0\r\n\r\n", {400, 413}),
    "form fields": ("public", TOKEN + length(400_000) + b"a=b&" * 100_000, {400}),
    "chunk extension": ("public", TOKEN + b"Transfer-Encoding: chunked\r\n\r\n1;" + b"x" * 100_000 + b"\r\na\r\n0\r\n\r\n", {400}),
    "chunk size": ("public", TOKEN + b"Transfer-Encoding: chunked\r\n\r\n" + b"f" * 40 + b"\r\na\r\n0\r\n\r\n", {400, 413}),
    "json": ("admin", CLIENT + length(17_000_000) + json_of(17_000_000), {413}),
    "json announced": ("admin", CLIENT + b"Content-Length: 99999999999\r\n\r\n", {413}),
    "json depth": ("admin", CLIENT + length(400_000) + b'{"metadata":' + b"[" * 399_988, {400}),
    "json members": ("admin", CLIENT + length(1_000_001) + b"{" + b'"a":1,' * 166_666 + b'"a":', {400}),
    "client id": ("admin", CLIENT + length(100_016) + b'{"client_id":"' + b"i" * 100_000 + b'"}', {400, 413}),
}


@pytest.mark.parametrize("name", OVERSIZED)
def test_oversized(server, name):
    listener, data, statuses = OVERSIZED[name]
    answer = getattr(server, listener).raw(data, timeout=15)
    assert answer.startswith(b"HTTP/1.1 "), answer[:200]
    assert int(answer[9:12]) in statuses, answer[:500]
    assert server.public.get("/health/alive").status == 200


def test_default_limits(server):  # 91
    """A form of 11 MiB, a head of 2 MiB, a head that takes longer than five seconds."""
    size = 11 << 20
    assert server.public.raw(TOKEN + length(size) + b"a=" + b"b" * (size - 2)).startswith(b"HTTP/1.1 400 ")
    assert server.public.raw(GET + b"X: " + b"a" * (2 << 20) + b"\r\n\r\n").startswith(b"HTTP/1.1 431 ")
    began = time.monotonic()
    assert server.public.raw(GET + b"X: a", timeout=15) == b"" and 4.5 < time.monotonic() - began < 10


@pytest.mark.parametrize("n", [1000, 100_000, 1_000_000])
def test_large_but_allowed(server, n):
    assert server.admin.post(CLIENTS, json={"client_name": "n", "metadata": {"text": "x" * n}}).status == 201
    assert server.admin.post("/admin/oauth2/introspect", form={"token": "x" * n}).json == {"active": False}


def test_memory_after_the_oversized(make_server):
    """Refusing what is too large leaves nothing behind."""
    server = make_server()
    for turn in range(3):
        for listener, data, _ in OVERSIZED.values():
            getattr(server, listener).raw(data, timeout=15)
        if turn == 0:
            before = server.memory()
    if not sanitized():
        assert server.memory() - before < 6 << 20


# ---- serve.limits.header_bytes ----

def head_of(n, fields=1):
    """A request whose head has n bytes, in so many fields beside Host."""
    start = b"GET /health/alive HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
    each, rest = divmod(n - len(start) - 2, fields)
    lines = [b"X%03d: " % i + b"a" * (each - 8 + (rest if i == 0 else 0)) + b"\r\n" for i in range(fields)]
    data = start + b"".join(lines) + b"\r\n"
    assert len(data) == n
    return data


def target_of(n):
    return b"GET /health/alive?" + b"a" * (n - 14) + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


def status_of(server, data, listener="public"):
    answer = getattr(server, listener).raw(data, timeout=15)
    assert answer.startswith(b"HTTP/1.1 "), answer[:200]
    return int(answer[9:12])


@pytest.mark.parametrize("limit", [None, 4096, 65536, 1 << 20])
def test_head_limit(make_server, limit):
    """What the key says is what counts, to the byte, on both listeners; None: the default of 16 KiB."""
    server = make_server({"serve": {"limits": {} if limit is None else {"header_bytes": limit}}})
    most = limit or 16384
    for listener in "public", "admin":
        for fields in 1, 40:
            assert status_of(server, head_of(most, fields), listener) == 200
            assert status_of(server, head_of(most + 1, fields), listener) == 431
        assert status_of(server, target_of(most * 3 // 4), listener) == 200
        assert status_of(server, target_of(most * 3 // 4 + 1), listener) == 414
    for _ in range(2):      # and the connection is as good as before
        with server.public.connection() as c:
            for size in most, 2000, most:
                c.http.putrequest("GET", "/health/alive", skip_host=True, skip_accept_encoding=True)
                for line in head_of(size, 20).split(b"\r\n")[1:-2]:
                    if line != b"Connection: close":
                        c.http.putheader(*line.decode().split(": "))
                c.http.endheaders()
                answer = c.http.getresponse()
                assert answer.status == 200 and answer.read()
    assert server.access_token(server.create_client())


@pytest.mark.parametrize("limit", [4095, (1 << 20) + 1, 0, -1])
def test_head_limits_that_are_none(make_server, limit):
    server = make_server({"serve": {"limits": {"header_bytes": limit}}}, start=False)
    server.write_config()
    done = server.cli("config", "check", "--dev", "-c", server.config_file)
    assert done.returncode == 1 and "serve.limits.header_bytes" in done.stderr and "between 4096 and 1048576" in done.stderr


@pytest.mark.parametrize("cookies, status", [
    ('a="', 431), ('a=b; c="', 431), ('a="";b="', 431),
    ('a="b"', 200), ('a=""', 200), ('a="b', 200), ('a=b"', 200), ('a="; b=c', 200), ('="', 431), ('a=="', 200), ('a="x="', 200), ('"', 200)])
def test_a_lone_quotation_mark(server, cookies, status):
    """RFC 6265 4.1.1: a cookie's value has no quotation mark but one at each end. Where the last value is nothing but one, the HTTP
    library takes it for both ends, is left with a length below zero and can only say that the head is too large. No browser gets
    such a cookie from this server; it is refused, and nobody else notices."""
    data = b"GET /health/alive HTTP/1.1\r\nHost: x\r\nConnection: close\r\nCookie: " + cookies.encode() + b"\r\n\r\n"
    assert status_of(server, data) == status
    assert server.public.get("/health/alive").status == 200


# ---- connections that send little or nothing ----

CROWD = 2000
STARTS = [b"", b"GET /health/alive HTTP/1.1\r\nHost: x\r\n\r\n", GET, GET + b"X: ", TOKEN + b"Content-Length: 100\r\n\r\na=", b"\r\n", b"G"]


class Crowd(threading.Thread):
    """Many connections; all that are in the middle of a request send another byte now and then."""

    def __init__(self, listener, count):
        super().__init__()
        self.sockets = []
        for number in range(count):
            s = socket.create_connection((listener.host, listener.port), 10)
            s.setblocking(False)
            with contextlib.suppress(OSError):
                s.send(STARTS[number % len(STARTS)])
            self.sockets.append((s, number % len(STARTS)))
        self.over = threading.Event()

    def run(self):
        while not self.over.wait(0.5):
            for s, kind in self.sockets:
                if kind in (3, 4):
                    with contextlib.suppress(OSError):
                        s.send(b"a")

    def end(self):
        self.over.set()
        self.join()
        for s, _ in self.sockets:
            s.close()


@pytest.fixture
def many_files():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = CROWD + 500
    if hard not in (-1, resource.RLIM_INFINITY) and hard < wanted:
        pytest.skip("too few files may be open here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.both
def test_a_crowd_of_slow_connections(make_server, many_files):
    """They cost little memory and leave next to none behind, and nobody else notices them."""
    server = make_server()
    client = server.create_client()
    server.access_token(client)
    start = server.memory()
    grown, longest = [], 0
    for _ in range(3):
        crowd = Crowd(server.public, CROWD)
        crowd.start()
        until = time.monotonic() + 2
        while time.monotonic() < until:
            began = time.monotonic()
            assert server.token(client).status == 200
            assert server.public.get("/.well-known/jwks.json").status == 200
            longest = max(longest, time.monotonic() - began)
        grown.append(server.memory() - start)
        crowd.end()
    assert longest < (10 if sanitized() else 2)
    until = time.monotonic() + 10
    while (left := server.memory() - start) > 4 << 20 and time.monotonic() < until and not sanitized():
        time.sleep(0.1)
    if not sanitized():
        assert grown[0] < CROWD * 16384, grown
        assert grown[2] - grown[0] < 4 << 20, grown
        assert left < 4 << 20, (grown, left)


@pytest.mark.both
def test_slow_requests_are_cut_off(make_server):
    server = make_server({"serve": {"limits": {"read_timeout": "1s", "idle_timeout": "2s"}}})
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(server.public.socket(10)) for _ in STARTS * 5]
        began = time.monotonic()
        for number, s in enumerate(sockets):
            s.sendall(STARTS[number % len(STARTS)])
        for s in sockets:
            while s.recv(65536):
                pass
        assert 0.9 < time.monotonic() - began < 8


def test_more_connections_than_allowed(make_server):
    server = make_server({"serve": {"limits": {"connections": 50}}})
    with contextlib.ExitStack() as stack:
        for _ in range(70):
            stack.enter_context(server.public.socket())
        assert server.admin.get("/health/alive").status == 200      # the other listener has its own count
    until = time.monotonic() + 10
    while True:
        with contextlib.suppress(OSError):
            if server.public.get("/health/alive").status == 200:
                break
        assert time.monotonic() < until
