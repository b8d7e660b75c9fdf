"""What the server fetches for strangers (jwks_uri, request_uri, sector_identifier_uri) and calls for clients (hooks, back-channel logout):
where it does not go, and how much of it a bad server can take.

Names and public addresses are played by a small library put in front of the C library: see RESOLVER."""

import concurrent.futures
import gzip
import re
import socket
import ssl
import subprocess
import threading
import time
import types

import pytest

from assertions_support import EVIL, KEY, Web, claims_for, key_client, key_set, with_assertion
from flow_support import CALLBACK, Browser, accept, make_web
from harness import Server, sanitized

GUARD = {"clients": {"http": {"disallow_private_ip_ranges": True}}}
BIG = 100 << 20
WEB = {"redirect_uris": [CALLBACK], "grant_types": ["authorization_code", "refresh_token"], "response_types": ["code"],
       "scope": "openid offline foo bar"}

# NAMES="name=address,address|address;...": each look-up of a name takes the next of the parts between '|', the last one for good. A
# connection to 9.9.9.9, a public address, goes to 127.0.0.1 instead, and nothing leaves this machine. Both are told in the file SEEN,
# but not connections to the port UNTOLD, that of a database server.
RESOLVER = r"""
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static void tell(const char *what, const char *which)
{
    FILE *f = fopen(getenv("SEEN"), "a");
    fprintf(f, "%s %s\n", what, which);
    fclose(f);
}

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **ret)
{
    int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **) = dlsym(RTLD_NEXT, "getaddrinfo");
    static __thread char text[1024];
    static int turns;
    char mark[128], *turn_end, *end, *at, *list;
    snprintf(mark, sizeof(mark), ";%s=", name != NULL ? name : "");
    snprintf(text, sizeof(text), ";%s", getenv("NAMES"));
    if (name == NULL || (at = strstr(text, mark)) == NULL) return real(name, service, hints, ret);
    tell("asked", name);
    list = at + strlen(mark);
    if ((end = strchr(list, ';')) != NULL) *end = 0;
    if ((turn_end = strchr(list, '|')) != NULL && __sync_fetch_and_add(&turns, 1) > 0) list = turn_end + 1;
    else if (turn_end != NULL) *turn_end = 0;
    *ret = NULL;
    for (char *save, *one = strtok_r(list, ",", &save); one != NULL; one = strtok_r(NULL, ",", &save)) {
        struct addrinfo *more, **last = ret, h = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST };
        if (real(one, service, &h, &more) != 0) return EAI_FAIL;
        while (*last != NULL) last = &(*last)->ai_next;
        *last = more;
    }
    return 0;
}

int connect(int fd, const struct sockaddr *to, socklen_t n)
{
    int (*real)(int, const struct sockaddr *, socklen_t) = dlsym(RTLD_NEXT, "connect");
    char text[INET6_ADDRSTRLEN] = "";
    struct sockaddr_in v4;
    if (to->sa_family == AF_INET6) {
        inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)to)->sin6_addr, text, sizeof(text));
        tell("connected", text);
        return real(fd, to, n);
    }
    if (to->sa_family != AF_INET) return real(fd, to, n);
    memcpy(&v4, to, sizeof(v4));
    inet_ntop(AF_INET, &v4.sin_addr, text, sizeof(text));
    if (ntohs(v4.sin_port) != atoi(getenv("UNTOLD"))) tell("connected", text);
    if (v4.sin_addr.s_addr == inet_addr("9.9.9.9")) v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (ntohl(v4.sin_addr.s_addr) >> 24 != 127) v4.sin_addr.s_addr = inet_addr("127.255.255.1");
    return real(fd, (struct sockaddr *)&v4, sizeof(v4));
}
"""


@pytest.fixture(scope="module")
def preload(tmp_path_factory):
    folder = tmp_path_factory.mktemp("resolver")
    (folder / "resolver.c").write_text(RESOLVER)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", folder / "resolver.so", folder / "resolver.c", "-ldl"], check=True)
    return str(folder / "resolver.so")


@pytest.fixture
def net(tmp_path_factory, preload):
    """net(names, config) starts a guarded server to which those names exist; net.seen() is what was asked and connected to."""
    running = []

    def start(names, config=None):
        folder = tmp_path_factory.mktemp("server")
        asan = "verify_asan_link_order=0:detect_leaks=1"
        env = {"LD_PRELOAD": preload, "NAMES": names, "SEEN": str(folder / "seen"), "ASAN_OPTIONS": asan}
        server = Server(folder, config or GUARD, env)
        server.env["UNTOLD"] = re.search(r":(\d+)\)?/|$", server.dsn)[1] or "0"
        server.start()
        server.seen = lambda: (folder / "seen").read_text().split("\n")[:-1] if (folder / "seen").exists() else []
        running.append(server)
        return server

    yield start
    for server in running:
        server.stop()


@pytest.fixture
def web():
    with Web() as running:
        running.documents["/keys"] = key_set(KEY)
        yield running


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    running = Server(tmp_path_factory.mktemp("server"), GUARD).start()
    yield running
    running.stop()


def registered_before(server, **members):
    """A client of the time before the guard: the old generation of the API does not look at addresses."""
    answer = server.admin.post("/clients", json={"grant_types": ["client_credentials"], **members})
    assert answer.status == 201, answer
    return answer.json


def assert_with(server, jwks_uri):
    """The answer to a good assertion of a client whose keys are there."""
    client_id = registered_before(server, token_endpoint_auth_method="private_key_jwt", token_endpoint_auth_signing_alg="ES256",
                                  jwks_uri=jwks_uri)["client_id"]
    return with_assertion(server, KEY.sign(claims_for(server, client_id)))


def no_keys(answer):
    assert (answer.status, answer.json["error"]) == (401, "invalid_client"), answer
    assert "could not be fetched" in answer.json["error_description"], answer
    assert not re.search(r"127|10\.|::|refused|time", answer.json["error_description"]), "it tells what is there"


@pytest.fixture
def deaf():
    """Takes connections and says nothing: deaf.url (https), deaf.met() how many have come."""
    listening, met = socket.create_server(("127.0.0.1", 0)), []

    def meet():
        try:
            while True:
                met.append(listening.accept()[0])
        except OSError:
            pass

    threading.Thread(target=meet, daemon=True).start()
    listening_at = types.SimpleNamespace(url=f"https://127.0.0.1:{listening.getsockname()[1]}/sector", met=lambda: len(met))
    yield listening_at
    listening.shutdown(socket.SHUT_RDWR)
    listening.close()


def with_sector(server, url):
    answer = server.admin.post("/admin/clients", json={"sector_identifier_uri": url, "redirect_uris": [CALLBACK]})
    assert (answer.status, answer.json["error"]) == (400, "invalid_client_metadata"), answer
    assert "could not be fetched" in answer.json["error_description"], answer


# ---- where it does not go ----

def address_urls(port):
    return [f"http://{host}:{port}/keys" for host in (
        "127.0.0.1", "localhost", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "127.0.0.1.", "127.9.9.9", "0.0.0.0", "0",
        "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[0:0:0:0:0:ffff:127.0.0.1]", "[::127.0.0.1]", "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]", "10.0.0.1", "172.16.0.1", "192.168.0.1", "100.64.0.1", "169.254.169.254", "[fe80::1]", "[fd00::1]",
        "[::ffff:10.0.0.1]", "[::ffff:169.254.169.254]", "224.0.0.1", "255.255.255.255", "198.18.0.1", "192.0.2.1")]


def test_addresses(guarded, web):
    for url in address_urls(web.port):
        no_keys(assert_with(guarded, url))
    assert web.seen == []


@pytest.mark.parametrize("member, value", [("jwks_uri", str), ("backchannel_logout_uri", str),
                                           ("request_uris", lambda url: ["https://google", url])])
def test_who_registers_hears_of_it(guarded, web, member, value):
    client = guarded.create_client(**{member: value("http://keys.test/x")})
    at = "/admin/clients/" + client["client_id"]
    for url in address_urls(web.port) + [f"http://a.localhost:{web.port}/keys"]:
        for answer in (guarded.admin.post("/admin/clients", json={member: value(url)}),
                       guarded.admin.put(at, json={member: value(url)}),
                       guarded.admin.patch(at, json=[{"op": "add", "path": "/" + member, "value": value(url)}])):
            assert (answer.status, answer.json["error"]) == (400, "invalid_client_metadata"), (url, answer)
            assert "Client IP address is not allowed: the host of " + member in answer.json["error_description"], answer
            assert not re.search(r"127|10\.|::", answer.json["error_description"]), "it tells the address"


def test_an_exception_may_be_registered(make_server, web):
    server = make_server({"clients": {"http": {"disallow_private_ip_ranges": True, "private_ip_exception_urls": [web.url + "/*"]}},
                          "oidc": {"dynamic_client_registration": {"enabled": True}}})
    server.create_client(jwks_uri=web.url + "/keys")
    assert server.public.post("/oauth2/register", json={"jwks_uri": web.url + "/keys"}).status == 201
    for url in (web.url + "/a/b", f"http://localhost:{web.port}/keys"):
        answer = server.public.post("/oauth2/register", json={"jwks_uri": url})
        assert (answer.status, answer.json["error"]) == (400, "invalid_client_metadata"), answer
        assert "Client IP address is not allowed" in answer.json["error_description"], answer


def test_everything_that_fetches_is_guarded(make_server, web, deaf):
    server = make_server({**GUARD, "oauth2": {"token_hook": web.url + "/hook"}})
    with_sector(server, deaf.url)
    assert server.token(server.create_client()).json["error"] == "server_error"

    client = registered_before(server, **WEB, request_uris=[web.url + "/object"], backchannel_logout_uri=web.url + "/logout")
    browser = Browser(server)
    assert browser.authorize(client, scope="openid", request_uri=web.url + "/object").query["error"] == "invalid_request_uri"
    browser.flow(client, {"remember": True})
    redirect = browser.get("/oauth2/sessions/logout")
    back = browser.get(accept(server, "logout", redirect.query["logout_challenge"]))
    assert back.status == 302 and "error" not in back.query
    until = time.monotonic() + 10
    while not (told := server.records("A client could not be told of a logout; trying again.")):
        assert time.monotonic() < until, server.log[-3000:]
        time.sleep(0.1)
    assert told[0]["client_id"] == client["client_id"] and told[0]["status"] == 0
    assert web.seen == [] and deaf.met() == 0


def test_names(net, web):
    names = {"loop.test": "127.0.0.1", "loop6.test": "::1", "mapped.test": "::ffff:127.0.0.1", "private.test": "10.0.0.1",
             "meta.test": "169.254.169.254", "link.test": "fe80::1", "mixed.test": "10.0.0.1,127.0.0.1"}
    server = net(";".join(f"{name}={address}" for name, address in names.items()))
    for name in names:
        no_keys(assert_with(server, f"http://{name}:{web.port}/keys"))
    assert web.seen == [] and {f"asked {name}" for name in names} <= set(server.seen())
    assert not [line for line in server.seen() if line.startswith("connected")]


def test_public_names_are_reached(net, web):
    """So that the refusals of these tests are refusals of an address."""
    server = net("public.test=9.9.9.9;half.test=127.0.0.1,9.9.9.9")
    assert assert_with(server, f"http://public.test:{web.port}/keys").status == 200
    assert server.seen() == ["asked public.test", "connected 9.9.9.9"]


def test_rebinding(net, web):
    """A name that is public when it is looked at, and ours when it is used: the address that was checked is the one connected to, and
    whoever asks for the name again checks again."""
    server = net("rebind.test=9.9.9.9|127.0.0.1")
    assert assert_with(server, f"http://rebind.test:{web.port}/keys").status == 200
    assert server.seen() == ["asked rebind.test", "connected 9.9.9.9"], "one look-up serves the check and the connection"
    no_keys(assert_with(server, f"http://rebind.test:{web.port}/keys?"))
    assert web.seen == ["/keys"] and "connected 127.0.0.1" not in server.seen()


def test_several_addresses(net, web):
    """A public address that does not answer must not lead on to a private one behind the same name."""
    server = net("two.test=8.8.8.8,127.0.0.1")
    no_keys(assert_with(server, f"http://two.test:{web.port}/keys"))
    assert web.seen == [] and "connected 8.8.8.8" in server.seen() and "connected 127.0.0.1" not in server.seen()


def test_exceptions(make_server, web):
    server = make_server({"clients": {"http": {"disallow_private_ip_ranges": True,
                                               "private_ip_exception_urls": [f"http://127.0.0.1:{web.port}/keys"]}}})
    assert assert_with(server, web.url + "/keys").status == 200
    for other in ("/keys/", "/Keys", "/keys?x", "/other"):
        web.documents[other] = key_set(KEY)
        no_keys(assert_with(server, web.url + other))
    no_keys(assert_with(server, f"http://localhost:{web.port}/keys"))
    assert web.seen == ["/keys"]


def test_no_proxy(make_server, web):
    """Through a proxy the address would not be seen."""
    env = {name: web.url for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")}
    server = make_server(GUARD, env=env)
    no_keys(assert_with(server, "http://10.0.0.1/keys"))
    assert web.seen == []


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy"])
def test_proxy(make_server, web, name):
    """What the environment says counts, in capitals as well; but for this machine, and what NO_PROXY names."""
    far, near = "http://keys.example.test/keys", web.url + "/keys"
    web.documents[far] = key_set(KEY)
    server = make_server(env={name: web.url, "NO_PROXY": "direct.example.test"})
    assert assert_with(server, far).status == 200 and assert_with(server, near).status == 200
    no_keys(assert_with(server, "http://direct.example.test/keys"))
    assert web.seen == [far, "/keys"]


def test_certificates_are_checked(server, tmp_path):
    """Whoever can answer in a client's place has no certificate for its name."""
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1", "-subj", "/CN=localhost",
                    "-addext", "subjectAltName=DNS:localhost", "-keyout", tmp_path / "key", "-out", tmp_path / "crt"], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "crt", tmp_path / "key")
    with Web() as web:
        web.server.socket = context.wrap_socket(web.server.socket, server_side=True, do_handshake_on_connect=False)
        web.documents["/keys"] = key_set(KEY)
        no_keys(assert_with(server, f"https://localhost:{web.port}/keys"))
        assert web.seen == []


# ---- redirects ----

def to(url, status=302):
    return status, b"", {"Location": url}


def test_redirects(net, web):
    server = net("public.test=9.9.9.9;inner.test=10.0.0.1")
    public = f"http://public.test:{web.port}"
    web.documents |= {"/once": to("/keys", 307), "/absolute": to(public + "/keys", 308)}
    for path in ("/once", "/absolute"):
        assert assert_with(server, public + path).status == 200, path
    targets = {
        "loopback": web.url + "/keys", "name": f"http://localhost:{web.port}/keys", "mapped": f"http://[::ffff:127.0.0.1]:{web.port}/keys",
        "relative": f"//127.0.0.1:{web.port}/keys", "private": "http://10.0.0.1/keys", "inner": f"http://inner.test:{web.port}/keys",
        "file": "file:///etc/passwd", "gopher": f"gopher://public.test:{web.port}/_x", "ftp": f"ftp://public.test:{web.port}/x",
        "dict": f"dict://public.test:{web.port}/x", "data": "data:application/json,{}", "user": f"http://a:b@public.test:{web.port}/keys",
        "unix": "unix:///run/x", "nothing": "http://", "loop": "/loop", "odd": "http://public.test:99999/",
    }
    before = len(web.seen)
    for name, url in targets.items():
        web.documents["/" + name] = to(url)
        no_keys(assert_with(server, f"{public}/{name}"))
    assert "/keys" not in web.seen[before:]
    assert web.seen.count("/loop") == 4 and "connected 127.0.0.1" not in server.seen()


def test_redirects_of_an_exception(make_server, web):
    """An exception is for its URL, not for where that leads."""
    server = make_server({"clients": {"http": {"disallow_private_ip_ranges": True, "private_ip_exception_urls": [web.url + "/away"]}}})
    web.documents["/away"] = to(web.url + "/keys")
    no_keys(assert_with(server, web.url + "/away"))
    assert web.seen == ["/away"]


# ---- how much it takes ----

def drip(head, pause=1.0):
    """A document that comes a byte at a time and never ends."""
    def document(request):
        request.wfile.write(head)
        while True:
            request.wfile.write(b" ")
            request.wfile.flush()
            time.sleep(pause)
    return document


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n"


def test_slow_drip(server, web):
    """A byte a second, in the body or in the headers, and silence: the whole request has its time, not each byte."""
    web.documents |= {"/body": drip(HEAD), "/head": drip(HEAD[:-2] + b"X: "), "/silence": lambda _: time.sleep(30)}
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        began = time.monotonic()
        answers = list(pool.map(lambda path: assert_with(server, web.url + path), ("/body", "/head", "/silence")))
        assert 4 < time.monotonic() - began < 12
    for answer in answers:
        no_keys(answer)


def test_slow_request_objects_and_sector_identifiers(server, web, deaf):
    web.documents["/slow"] = drip(HEAD)
    client, browser = make_web(server, request_uris=[web.url + "/slow"]), Browser(server)
    began = time.monotonic()
    assert browser.authorize(client, scope="openid", request_uri=web.url + "/slow").query["error"] == "invalid_request_uri"
    with_sector(server, deaf.url)
    assert time.monotonic() - began < 15 and web.seen == ["/slow"] and deaf.met() == 1


def busy(answer):
    """It is for us, not for the caller, to do something about it."""
    if answer.status == 503:
        assert answer.json["error"] == "temporarily_unavailable" and answer.headers["Retry-After"] == "1", answer
    return answer.status == 503


@pytest.mark.parametrize("what", ["key set", "request object", "sector identifier"])
def test_deaf_servers_hold_up_nobody_else(server, web, deaf, what):
    """Only so many workers wait for a stranger's server, and only so long for what another one fetches; who finds no place for that is
    told to come again."""
    web.documents["/deaf"] = lambda _: time.sleep(10)
    client_id = key_client(server, jwks=None, jwks_uri=web.url + "/deaf")
    caller = make_web(server, request_uris=[web.url + "/deaf"])

    def ask(_):
        if what == "key set":
            answer, refused = with_assertion(server, KEY.sign(claims_for(server, client_id))), "invalid_client"
        elif what == "request object":
            asked = {"client_id": caller["client_id"], "response_type": "code", "scope": "openid",
                     "request_uri": web.url + "/deaf"}
            answer, refused = server.public.get("/oauth2/auth", query=asked), "invalid_request_uri"
        else:
            answer = server.admin.post("/admin/clients", json={"sector_identifier_uri": deaf.url, "redirect_uris": [CALLBACK]})
            refused = "invalid_client_metadata"
        assert busy(answer) or refused in answer.body.decode() + answer.headers.get("Location", ""), answer
        return answer.status

    with concurrent.futures.ThreadPoolExecutor(40) as pool:
        asking = [pool.submit(ask, n) for n in range(40)]
        time.sleep(0.5)
        for _ in range(3):
            began = time.monotonic()
            assert server.admin.post("/admin/clients", json={}).status == 201
            assert time.monotonic() - began < 4
        assert {one.result() for one in asking} == {503, {"key set": 401, "request object": 302, "sector identifier": 400}[what]}


def test_no_place_for_a_fetch_is_no_verdict_on_keys(make_server, web):
    """While one client's server keeps all workers that may wait for strangers, another client's keys are not known to be wrong: it is
    told to come again, and then it succeeds at once."""
    server, gate, met = make_server({"serve": {"limits": {"workers": 2}}}), threading.Event(), threading.Event()

    def deaf(_):
        met.set()
        gate.wait(10)

    web.documents["/deaf"] = deaf
    late = key_client(server, jwks=None, jwks_uri=web.url + "/keys")
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(assert_with, server, web.url + "/deaf")
        assert met.wait(10)
        for _ in range(3):
            assert busy(with_assertion(server, KEY.sign(claims_for(server, late))))
        gate.set()
        no_keys(waiting.result())
    assert with_assertion(server, KEY.sign(claims_for(server, late))).status == 200
    assert web.seen == ["/deaf", "/keys"]


def large(request):
    request.wfile.write(HEAD)
    for _ in range(BIG >> 16):
        request.wfile.write(b" " * 65536)
        request.server.sent = getattr(request.server, "sent", 0) + 65536


def bomb(times):
    body = b" " * BIG
    for _ in range(times):
        body = gzip.compress(body)
    return 200, body, {"Content-Encoding": ", ".join(["gzip"] * times), "Content-Type": "application/json"}


def said(request):
    request.wfile.write(HEAD[:-2] + b"Content-Length: %d\r\n\r\n" % BIG + b" " * 65536)


def many_headers(request):
    request.wfile.write(HEAD[:-2])
    for _ in range(BIG >> 10):
        request.wfile.write(b"X: %s\r\n" % (b"y" * 1019))


@pytest.mark.both
def test_large_documents(make_server, web):
    server = make_server()
    web.documents |= {"/large": large, "/said": said, "/headers": many_headers, "/bomb": bomb(1), "/bombs": bomb(2)}
    assert_with(server, web.url + "/keys")
    before = server.memory("VmHWM")
    for path in ("/large", "/said", "/headers", "/bomb", "/bombs"):
        no_keys(assert_with(server, web.url + path))
    assert web.server.sent < BIG / 10, "it stops reading"
    if not sanitized():     # which keep freed memory
        assert server.memory("VmHWM") - before < BIG / 10


def test_odd_documents(server, web):
    deep = b'{"keys":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    deeper = b'{"keys":[' + b'{"a":' * 50_000 + b"1" + b"}" * 50_000 + b"]}"
    documents = {"html": b"<html>", "deep": deep, "deeper": deeper, "open": b"[" * 100_000, "large": b'{"keys":[' + b" " * (8 << 20) + b"]}",
                 "many": b'{"keys":[' + b"{}," * 500 + b"{}]}", "empty": b"", "list": b"[]", "nul": b'{"keys":[]}\0'}
    for name, document in documents.items():
        web.documents["/" + name] = 200, document
        no_keys(assert_with(server, f"{web.url}/{name}"))
    for status in (201, 204, 301, 304, 401, 404, 500, 503):
        web.documents[f"/{status}"] = (status, key_set(KEY)[1] if status not in (204, 304) else b"")
        no_keys(assert_with(server, f"{web.url}/{status}"))


# ---- how often it asks ----

def test_unknown_kids_do_not_amplify(server, web):
    client_id = key_client(server, jwks=None, jwks_uri=web.url + "/keys")
    for _ in range(20):
        assert with_assertion(server, KEY.sign(claims_for(server, client_id))).status == 200
    assert len(web.seen) == 1
    began = time.monotonic()

    def flood(n):
        return with_assertion(server, EVIL.sign(claims_for(server, client_id), {"kid": f"x{n}"})).status

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        assert set(pool.map(flood, range(400))) == {400}
    assert len(web.seen) <= 2 + (time.monotonic() - began) // 10
    assert with_assertion(server, KEY.sign(claims_for(server, client_id))).status == 200


def test_unknown_kids_of_request_objects(server, web):
    client = make_web(server, jwks_uri=web.url + "/keys", request_object_signing_alg="ES256")
    for n in range(50):
        request = EVIL.sign({"redirect_uri": client["redirect_uris"][0]}, {"kid": f"x{n}"})
        answer = server.public.get("/oauth2/auth", query={"client_id": client["client_id"], "response_type": "code", "scope": "openid",
                                                          "request": request})
        assert "error=invalid_request_object" in answer.headers["Location"]
    assert len(web.seen) <= 2


def test_one_fetch_for_many(server, web):
    def slow(request):
        time.sleep(1)
        request.reply(*key_set(KEY))

    web.documents["/slow"] = slow
    client_id = key_client(server, jwks=None, jwks_uri=web.url + "/slow")
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        asked = [KEY.sign(claims_for(server, client_id)) for _ in range(40)]
        assert {a.status for a in pool.map(lambda assertion: with_assertion(server, assertion), asked)} == {200}
    assert web.seen == ["/slow"]


def test_a_failing_address_is_left_alone(server, web):
    web.documents["/broken"] = 500, b""
    client_id = key_client(server, jwks=None, jwks_uri=web.url + "/broken")
    for _ in range(100):
        no_keys(with_assertion(server, KEY.sign(claims_for(server, client_id))))
    assert len(web.seen) <= 2


def test_header_urls_are_not_followed(server, web):
    """A key that comes with the token, or from an address that the token names, is nobody's key."""
    web.documents |= {"/jku": key_set(EVIL), "/x5u": (200, b"-----BEGIN CERTIFICATE-----")}
    client_id = key_client(server)
    for header in ({"jku": web.url + "/jku"}, {"x5u": web.url + "/x5u"}, {"jwk": EVIL.jwk}, {"x5c": ["MIIB"]},
                   {"jku": web.url + "/jku", "kid": "other"}, {"kid": web.url + "/jku"}):
        answer = with_assertion(server, EVIL.sign(claims_for(server, client_id), header))
        assert answer.status in (400, 401), (header, answer)
    assert web.seen == []
