"""perform device-code: the terminal is the device, a made-up person opens the page."""

import html
import re
import subprocess
import time
import urllib.parse

import pytest

from cli_support import FAILED, Recorder, failed, parsed
from harness import GRANTD, free_ports, Listener as Http
from test_device import GRANT, make_tv
from test_device_page import Browser, sign_in, title

AUTH, TOKEN = "/oauth2/device/auth", "/oauth2/token"
CODES = {"device_code": "d&c", "user_code": "ABCD\x1b[2J", "verification_uri": "http://127.0.0.1/verify", "expires_in": 600, "interval": 1}
GRANTED = {"access_token": "at", "token_type": "bearer", "expires_in": 60}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    from harness import Server
    running = Server(tmp_path_factory.mktemp("server"), {"oauth2": {"device_authorization": {"token_polling_interval": "1s"}}}).start()
    yield running
    running.stop()


def credentials(client):
    secret = ["--client-secret", client["client_secret"]] if "client_secret" in client else []
    return ["--client-id", client["client_id"], *secret]


class Device:
    """The command, running; its stderr up to the line that it waits with."""

    def __init__(self, server, client, *more):
        command = [GRANTD, "perform", "device-code", "-e", server.public.url, *credentials(client), *more]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.said = []
        for line in self.process.stderr:
            self.said.append(line.strip())
            if line.startswith("Waiting"):
                break

    def after(self, words):
        return next(self.said[i + 2] for i, line in enumerate(self.said) if words in line)

    def end(self):
        out, err = self.process.communicate(timeout=30)
        return subprocess.CompletedProcess([], self.process.returncode, out, err)


@pytest.mark.parametrize("method", ["none", "client_secret_post", "client_secret_basic"])
def test_tokens(server, method):
    client = make_tv(server, token_endpoint_auth_method=method)
    device = Device(server, client, "--scope", "openid,offline,foo", "--audience", "https://api.example", "--format", "json")
    assert device.after("Open this address in a browser") == server.public.url + "/oauth2/device/verify"
    code = device.after("Type this code")
    assert device.after("Or open this address").endswith("?user_code=" + code)
    browser = Browser(server)
    page = browser.visit(device.after("Open this address in a browser"))
    done = sign_in(browser, browser.post(page, user_code=code), grant_scope=["openid", "offline", "foo"], grant_audience=["https://api.example"])
    assert title(done) == "Device connected"
    token = parsed(device.end())
    assert set(token) == {"access_token", "token_type", "refresh_token", "expiry", "expires_in"}
    said = server.introspect(token["access_token"])
    assert (said["sub"], said["scope"], said["aud"]) == ("alice", "openid offline foo", ["https://api.example"])


def test_denied(server):
    device = Device(server, make_tv(server))
    browser = Browser(server)
    login = browser.post(browser.visit(device.after("Or open this address")), user_code=device.after("Type this code"))
    browser.post(login, username="", action="deny")
    failed(device.end(), "access_denied", FAILED)


@pytest.mark.parametrize("method", ["client_secret_post", "client_secret_basic"])
def test_refusals(server, method):
    client = make_tv(server, token_endpoint_auth_method=method)

    def perform(client, *more):
        return server.cli("perform", "device-code", *credentials(client), *more, endpoint=server.public)

    failed(perform({**client, "client_secret": "wrong"}), "invalid_client", FAILED)
    failed(perform(client, "--scope", "admin"), "invalid_scope", FAILED)
    failed(perform(server.create_client()), "invalid_grant", FAILED)
    failed(server.cli("perform", "device-code", *credentials(client)), FAILED)  # the admin listener


def test_no_credentials():
    with Recorder() as server:
        failed(server.cli("perform", "device-code"), "no client named", stdout=None)
        assert server.seen == []


SILENCE = "the connection ends without an answer"


class Script(Recorder):
    """Answers polls one after the other."""

    def __init__(self, codes, *polls):
        super().__init__(on={("POST", AUTH): (200, codes)})
        self.polls, self.on = list(polls), self
        self.codes = codes

    def get(self, what, _):
        if what == ("POST", AUTH):
            return 200, self.codes
        if self.polls[0] is SILENCE:
            self.server.handle_error = lambda *_: None
            raise ConnectionError(self.polls.pop(0))
        return self.polls.pop(0)


def perform(server, *more):
    return server.cli("perform", "device-code", "--client-id", "tv", *more)


def test_polling():
    pending = (400, {"error": "authorization_pending"})
    with Script(CODES, pending, pending, (200, GRANTED)) as server:
        done = perform(server, "-q", "--scope", "a,b", "--audience", "urn:x")
        assert (done.returncode, done.stdout) == (0, "at\n") and "ABCD?[2J" in done.stderr and "\x1b" not in done.stderr
        asked, *polls = server.seen
        assert asked[1] == AUTH and urllib.parse.parse_qs(asked[3]) == {"client_id": ["tv"], "scope": ["a b"], "audience": ["urn:x"]}
        assert [poll[1] for poll in polls] == [TOKEN] * 3
        assert urllib.parse.parse_qs(polls[0][3]) == {"grant_type": [GRANT], "device_code": ["d&c"], "client_id": ["tv"]}


def test_slow_down():
    begun = time.monotonic()
    with Script(CODES, (400, {"error": "slow_down"}), (200, GRANTED)) as server:
        assert perform(server, "-q").returncode == 0
    assert 6.9 <= time.monotonic() - begun < 20, "one second, then six"


def test_no_answer():
    """RFC 8628 3.5: "On encountering a connection timeout, clients MUST unilaterally reduce their polling frequency before
    retrying"; "such as doubling the polling interval"."""
    begun = time.monotonic()
    with Script(CODES, SILENCE, SILENCE, (200, GRANTED)) as server:
        done = perform(server, "-q")
    assert (done.returncode, done.stdout) == (0, "at\n")
    assert "Asking again in 2 seconds." in done.stderr and "Asking again in 4 seconds." in done.stderr
    assert 6.9 <= time.monotonic() - begun < 20, "one second, then two, then four"


def test_no_answer_until_the_code_expires():
    with Script({**CODES, "expires_in": 4}, SILENCE, SILENCE) as server:
        failed(perform(server), "no answer from", "expires before")


def test_no_answer_to_the_request():
    with Recorder() as gone:
        pass
    failed(gone.cli("perform", "device-code", "--client-id", "tv"), "no answer from")


# ---- the page for codes ----

@pytest.fixture
def own_page(make_server):
    port = free_ports(1)[0]
    url = f"http://127.0.0.1:{port}/device"
    return port, make_server({"urls": {"device": {"verification": url, "success": url + "/done"}},
                              "oauth2": {"device_authorization": {"token_polling_interval": "1s"}}})


def test_page_for_codes(own_page):
    port, server = own_page
    device = Device(server, make_tv(server), "-p", str(port), "--format", "json", "-e", server.admin.url,
                    "--device-auth-url", server.public.url + AUTH, "--token-url", server.public.url + TOKEN)
    assert any(f"http://127.0.0.1:{port}/device" in line for line in device.said), device.said
    page, browser = Http(port), Browser(server)
    redirect = browser.visit("/oauth2/device/verify?user_code=" + device.after("Type this code"))
    target = redirect.headers["Location"]
    assert target.startswith(page.url + "/device?device_challenge=")
    challenge = urllib.parse.parse_qs(urllib.parse.urlsplit(target).query)["device_challenge"][0]
    shown = page.get(target.removeprefix(page.url))
    assert shown.status == 200 and title(shown) == "Connect a device" and f'value="{device.after("Type this code")}"' in shown.text
    for code, status in (" ", 400), ("WRONGONE", 400):
        answer = page.post("/device", form={"device_challenge": challenge, "user_code": code})
        assert answer.status == status and 'role="alert"' in answer.text
    assert page.post("/device", form={"device_challenge": "made-up", "user_code": "x"}).status == 502
    assert title(page.get("/device")) == "Nothing to decide here" and title(page.get("/device/done")) == "Device connected"
    sent_on = page.post("/device", form={"device_challenge": challenge, "user_code": device.after("Type this code")})
    back = html.unescape(re.search(r"url=(.*?)\"", sent_on.text, re.I)[1])
    assert sent_on.status == 200 and back.startswith(server.public.url + "/oauth2/device/verify?")
    login = browser.visit(back.removeprefix(server.public.url))
    done = sign_in(browser, login, grant_scope=["openid", "offline"])
    assert done.headers["Location"].startswith(page.url + "/device/done?")
    assert "access_token" in parsed(device.end())


@pytest.mark.parametrize("port", ["0", "-2", "70000"])
def test_ports_that_are_none(port):
    with Script(CODES, (200, GRANTED)) as server:
        failed(perform(server, "-p", port), "port")
        assert server.seen == []


def test_other_addresses():
    with Recorder(on={("POST", "/a?x=1"): (200, CODES), ("POST", "/t"): (200, GRANTED)}) as server:
        done = perform(server, "-q", "--device-auth-url", server.url + "/a?x=1", "--token-url", server.url + "/t")
        assert done.stdout == "at\n" and [seen[1] for seen in server.seen] == ["/a?x=1", "/t"]


@pytest.mark.parametrize("poll, words", [
    ((400, {"error": "expired_token"}), "expired_token"), ((400, {"error": "invalid_grant"}), "invalid_grant"),
    ((500, b"<html>"), "<html>"), ((400, ["slow_down"]), FAILED)])
def test_polls_that_fail(poll, words):
    with Script(CODES, poll) as server:
        failed(perform(server), words, FAILED)


@pytest.mark.parametrize("codes, words", [
    ({}, "has no codes"), ([], "is not JSON"), (b"<html>", "is not JSON"), ({**CODES, "device_code": ""}, "has no codes"),
    ({**CODES, "user_code": 7}, "has no codes"), ({**CODES, "expires_in": 3, "interval": 4}, "expires before"),
    ({**CODES, "expires_in": "x"}, "expires before"), ({**CODES, "expires_in": 4, "interval": None}, "expires before")])
def test_answers_without_sense(codes, words):
    with Script(codes) as server:
        failed(perform(server), words)
        assert len(server.seen) == 1


def test_answer_without_a_token():
    with Script(CODES, (200, {})) as server:
        failed(perform(server), "no access token")
    with Script(CODES, (200, b"x")) as server:
        failed(perform(server), "is not JSON")
