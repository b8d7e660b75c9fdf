"""Those who guess, forge and inject: the right status, bounded cost, and everybody else goes on."""

import base64
import concurrent.futures
import threading
import time
import urllib.parse

import pytest

from harness import sanitized

CLIENTS = "/admin/clients"
SLOW = 5 if sanitized() else 1      # a build with sanitizers may take that many times longer


# ---- wrong secrets ----

class Guesser(threading.Thread):
    """Asks with a different wrong secret each time, on one connection, until the time is up."""

    def __init__(self, server, names, until, number):
        super().__init__()
        self.server, self.names, self.until, self.number = server, names, until, number
        self.seen, self.problem = {}, None

    def run(self):
        try:
            with self.server.public.connection() as public:
                for count in range(1_000_000):
                    if time.monotonic() > self.until:
                        return
                    self.guess(public, self.names[count % len(self.names)], f"wrong-{self.number}-{count}")
        except Exception as problem:    # told by the test
            self.problem = problem

    def guess(self, public, name, secret):
        answer = public.post("/oauth2/token", form={"grant_type": "client_credentials"}, basic=(name, secret))
        if answer.status == 401:
            assert answer.json["error"] == "invalid_client"
        else:
            assert answer.status == 503 and int(answer.headers["Retry-After"]) >= 1, answer
        self.seen[answer.status] = self.seen.get(answer.status, 0) + 1


def slowest(until, *calls):
    """Makes the calls in turn until the time is up; the longest that one took."""
    longest = 0
    while time.monotonic() < until:
        for call in calls:
            began = time.monotonic()
            call()
            longest = max(longest, time.monotonic() - began)
    return longest


@pytest.mark.both
def test_guessed_secrets(make_server):
    """As many wrong secrets as 16 connections can send, of known and of unknown clients: slow hashes may neither take all
    workers nor all memory."""
    server = make_server()
    victim, known = server.create_client(), server.create_client()
    token = server.access_token(known)
    server.public.get("/.well-known/jwks.json")

    def burst(seconds):
        until = time.monotonic() + seconds
        guessers = [Guesser(server, [victim["client_id"], f"nobody-{number}"], until, number) for number in range(16)]
        for guesser in guessers:
            guesser.start()

        def ok(answer):
            assert answer.status == 200, answer
        longest = slowest(until,
                          lambda: ok(server.public.get("/health/ready")),
                          lambda: ok(server.public.get("/.well-known/openid-configuration")),
                          lambda: ok(server.token(known)),
                          lambda: ok(server.admin.post("/admin/oauth2/introspect", form={"token": token})),
                          lambda: ok(server.admin.get(f"{CLIENTS}/{known['client_id']}")))
        for guesser in guessers:
            guesser.join()
        assert [guesser.problem for guesser in guessers] == [None] * 16
        assert longest < SLOW, longest
        return sum(sum(guesser.seen.values()) for guesser in guessers)

    assert burst(2) > 16
    before = server.memory()
    assert burst(6) > 32
    if not sanitized():
        assert server.memory() - before < 4 << 20
    assert server.token(victim).status == 200


@pytest.mark.both
def test_unknown_clients_cost_the_same_as_wrong_secrets(make_server):
    """Else time would tell which clients exist."""
    server = make_server()
    client = server.create_client()

    def seconds(name):
        began = server.cpu()
        for count in range(30):
            answer = server.public.post("/oauth2/token", form={"grant_type": "client_credentials"}, basic=(name, f"wrong-{name}-{count}"))
            assert answer.status == 401
        return server.cpu() - began
    assert server.public.get("/.well-known/jwks.json").status == 200     # the keys are made by now, in the background
    wrong, unknown = seconds(client["client_id"]), seconds("nobody")
    assert 0.5 < unknown / wrong < 2, (unknown, wrong)


# ---- credentials in two places ----

def test_both_basic_and_body(server):
    """RFC 6749 2.3: "The client MUST NOT use more than one authentication method in each request.\""""
    for method in ("client_secret_basic", "client_secret_post"):
        client = server.create_client(token_endpoint_auth_method=method)
        pair = (client["client_id"], client["client_secret"])
        form = {"grant_type": "client_credentials", "client_id": pair[0], "client_secret": pair[1]}
        answer = server.public.post("/oauth2/token", form=form, basic=pair)
        assert (answer.status, answer.json["error"]) in [(400, "invalid_request"), (401, "invalid_client")], (method, answer)
        token = server.public.post("/oauth2/token", form=form) if method == "client_secret_post" else server.token(client)
        both = {"token": token.json["access_token"], "client_id": pair[0], "client_secret": pair[1]}
        assert server.public.post("/oauth2/revoke", form=both, basic=pair).status in (400, 401)
        assert server.introspect(both["token"])["active"] is True


# ---- what SQL, text and JSON readers trip over ----

INJECTIONS = ["'", "''", '"', "\\", "' OR '1'='1", "'; DROP TABLE client; --", "x' UNION SELECT * FROM jwk --", "%", "_", "a%", "?1", ":id",
              "$1", "/*", "--", ";", "NULL", "\t", "%00", "\u0000", "\u202e", "😀", "e\u0301", "{}", "[0]", "../..", "${x}", "%s%n", "<script>"]


def everywhere(server, text):
    """Sends the text to every parameter that leads to the store, and returns the statuses."""
    quoted = urllib.parse.quote(text, safe="")
    form = {"grant_type": "client_credentials", "scope": text, "audience": text}
    requests = [
        lambda: server.admin.get(f"{CLIENTS}/{quoted}"), lambda: server.admin.delete(f"{CLIENTS}/{quoted}"),
        lambda: server.admin.get(CLIENTS, query={"owner": text, "client_name": text}),
        lambda: server.admin.get(CLIENTS, query={"page_token": text}), lambda: server.admin.get("/clients", query={"limit": text}),
        lambda: server.admin.get(f"/admin/keys/{quoted}"), lambda: server.admin.get(f"/admin/keys/{quoted}/{quoted}"),
        lambda: server.admin.delete(f"/admin/keys/{quoted}/{quoted}"),
        lambda: server.admin.delete("/admin/oauth2/tokens", query={"client_id": text}),
        lambda: server.admin.post("/admin/oauth2/introspect", form={"token": text, "scope": text}),
        lambda: server.public.post("/oauth2/token", form=form, basic=(text, text)),
        lambda: server.public.post("/oauth2/token", form={**form, "client_id": text, "client_secret": text}),
        lambda: server.public.post("/oauth2/revoke", form={"token": text}, basic=(text, text)),
    ]
    return [request().status for request in requests]


def test_metacharacters(server):
    kept = server.create_client()
    clients, keys = server.admin.get(CLIENTS).json, server.public.get("/.well-known/jwks.json").json
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for text, statuses in zip(INJECTIONS, pool.map(lambda text: everywhere(server, text), INJECTIONS)):
            assert all(200 <= status < 500 for status in statuses), (text, statuses)
    assert server.admin.get(CLIENTS).json == clients
    assert server.access_token(kept)
    assert server.public.get("/.well-known/jwks.json").json == keys


@pytest.mark.parametrize("text", [text for text in INJECTIONS if "\u0000" not in text])
def test_kept_as_written(server, text):
    """Text is data: it comes back as it went in, and finds only itself."""
    made = server.create_client(client_name=text, owner=text, metadata={text: [text]}, contacts=[text])
    shown = server.admin.get(f"{CLIENTS}/{made['client_id']}").json
    assert (shown["client_name"], shown["owner"], shown["metadata"], shown["contacts"]) == (text, text, {text: [text]}, [text])
    assert [c["client_id"] for c in server.admin.get(CLIENTS, query={"owner": text}).json] == [made["client_id"]]


BAD_UTF8 = [b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82", b"\x80abc", b"a\xf0\x9f\x92"]


@pytest.mark.parametrize("bad", BAD_UTF8)
def test_invalid_utf8(server, bad):
    """In JSON it becomes U+FFFD, as it always has for the clients of this API; elsewhere it is just no name that exists."""
    answer = server.admin.post(CLIENTS, body=b'{"client_name":"<' + bad + b'>"}')
    assert answer.status == 201, answer
    assert answer.json["client_name"].strip("<>\ufffdabc") == "" and "\ufffd" in answer.json["client_name"]
    quoted = urllib.parse.quote_from_bytes(bad)
    assert server.admin.get(f"{CLIENTS}/{quoted}").status == 404
    assert server.admin.get(f"{CLIENTS}?owner={quoted}").json == []
    pair = base64.b64encode(quoted.encode() + b":" + quoted.encode()).decode()
    answer = server.public.post("/oauth2/token", form="grant_type=client_credentials&scope=" + quoted, headers={"Authorization": "Basic " + pair})
    assert (answer.status, answer.json["error"]) in [(401, "invalid_client"), (400, "invalid_request")], answer
    assert server.introspect("x", scope=quoted) == {"active": False}
    assert server.admin.post("/admin/oauth2/introspect", form="token=" + quoted).json == {"active": False}


def test_json_of_the_wrong_kind(server):
    for body in (b'{"client_name":1,"client_name":"b"}', b'{"grant_types":"client_credentials"}', b'{"redirect_uris":{"0":"https://a"}}',
                 b'{"metadata":"x', b'{"contacts":[null,1]}', b'{"jwks":[]}', b'{"jwks":{"keys":{}}}', b'{"created_at":5}', b"\xef\xbb\xbf{}x",
                 b'{"client_name":"\\ud800"}', b'{"a":' + b"9" * 5000 + b"}", b"[" * 100000, b'{"a":' * 100000, b"nul", b"'{}'"):
        answer = server.admin.post(CLIENTS, body=body)
        assert answer.status in (201, 400), (body[:50], answer)
        if answer.status == 400:
            assert set(answer.json) == {"error", "error_description"}


def test_duplicate_members(server):
    """The last one counts, as for every reader of this API; in forms the first one does."""
    answer = server.admin.post(CLIENTS, body=b'{"client_name":"a","client_name":"b"}')
    assert answer.json["client_name"] == "b"
    client = server.create_client(scope="one two")
    body = "grant_type=client_credentials&scope=one&scope=two"
    answer = server.public.post("/oauth2/token", form=body, basic=(client["client_id"], client["client_secret"]))
    assert answer.status == 400 or answer.json["scope"] == "one", answer


# ---- page tokens ----

def test_forged_page_tokens(server):
    for _ in range(3):
        server.create_client(owner="pages")
    link = server.admin.get(CLIENTS, query={"owner": "pages", "page_size": 1}).headers["Link"]
    token = urllib.parse.parse_qs(link.split("<")[-1].split(">")[0].split("?")[1])["page_token"][0]
    assert server.admin.get(CLIENTS, query={"owner": "pages", "page_token": token}).status == 200

    raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    forged = [base64.urlsafe_b64encode(raw[:i] + bytes([raw[i] ^ 1]) + raw[i + 1:]).decode() for i in range(len(raw))]
    forged += [token[:-4], token + "AAAA", token[4:], token * 2, "A" * 50000, "é", "..", base64.urlsafe_b64encode(b"client-id").decode()]
    for one in forged:
        answer = server.admin.get(CLIENTS, query={"owner": "pages", "page_token": one})
        assert answer.status in (400, 414) and "error" in answer.text, (one[:100], answer)
