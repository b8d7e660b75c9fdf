"""perform logout: a client that signs its user out, in a browser that a test plays."""

import subprocess
import urllib.parse

import pytest

from cli_support import failed, fields, ok, parsed
from flow_support import CALLBACK, Browser, Listener, Redirect, accept, get_request, make_web
from harness import GRANTD, free_ports, Listener as Http


class SigningOut:
    """The command, running, up to the line that it waits with; `page` is its web application."""

    def __init__(self, server, id_token, *more, port=None, stdin=False):
        self.port = port or free_ports(1)[0]
        arguments = ["-e", server.public.url, "-p", str(self.port), "--no-open", *more, *([] if stdin else [id_token])]
        self.process = subprocess.Popen([GRANTD, "perform", "logout", *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True)
        if stdin:
            self.process.stdin.write(id_token + "\n")
        self.process.stdin.close()
        self.process.stdin = None
        self.said = ""
        for line in self.process.stderr:
            self.said += line
            if "Ctrl-C" in line:
                break
        self.page = Http(self.port)

    def end(self):
        out, err = self.process.communicate(timeout=30)
        return subprocess.CompletedProcess([], self.process.returncode, out, err)

    def kill(self):
        self.process.kill()
        self.process.communicate()


def signed_in(server, port, **members):
    browser = Browser(server)
    client = make_web(server, redirect_uris=[CALLBACK, f"http://127.0.0.1:{port}/callback"],
                      post_logout_redirect_uris=[f"http://127.0.0.1:{port}/logged-out"], **members)
    return browser, client, browser.sign_in(client)["id_token"]


def walk(server, browser, command):
    """What the browser does from the command's page on; returns the last page."""
    start = Redirect(command.page.get("/perform-flow"))
    assert start.status == 302 and start.base == server.public.url + "/oauth2/sessions/logout"
    asked = browser.get(start.url)
    back = browser.get(accept(server, "logout", asked.query["logout_challenge"])) if "logout_challenge" in asked.query else asked
    assert back.base == f"http://127.0.0.1:{command.port}/logged-out" and back.query["state"] == start.query["state"]
    return start, command.page.get(back.url.removeprefix(command.page.url))


@pytest.mark.parametrize("stdin", [False, True])
def test_whole(server, stdin):
    port = free_ports(1)[0]
    with Listener(200) as listener:
        browser, client, token = signed_in(server, port, backchannel_logout_uri=listener.url + "/out")
        command = SigningOut(server, token, "--format", "json", port=port, stdin=stdin)
        assert command.page.url in command.said and command.page.url + "/logged-out" in command.said
        page = command.page.get("/")
        assert page.status == 200 and client["client_id"] in page.text and "End-session endpoint" in page.text and "Scope" not in page.text
        start, last = walk(server, browser, command)
        assert start.query["id_token_hint"] == token and len(start.query["state"]) == 24 and "client_id" not in start.query
        assert last.status == 200 and "You are signed out" in last.text
        done = command.end()
        assert "the logout is complete" in done.stderr
        said = parsed(done)
        assert said == {"subject": "alice", "client_id": client["client_id"], "session_id": said["session_id"],
                        "redirected_to": f"http://127.0.0.1:{port}/logged-out"}
        assert len(listener.wait(1)) == 1
    assert get_request(server, "login", browser.to_login(client)).json["skip"] is False


def test_forms_of_output(server):
    port = free_ports(1)[0]
    browser, client, token = signed_in(server, port)
    command = SigningOut(server, token, "--client-id", client["client_id"], "--state", "a b", port=port)
    start, _ = walk(server, browser, command)
    assert (start.query["client_id"], start.query["state"]) == (client["client_id"], "a b")
    table = fields(ok(command.end()))
    assert set(table) == {"SUBJECT", "CLIENT ID", "SESSION ID", "REDIRECTED TO"} and table["SUBJECT"] == "alice"
    # The login is over: the server sends the browser back at once.
    command = SigningOut(server, token, "-q", port=port)
    walk(server, browser, command)
    assert ok(command.end()) == table["SESSION ID"] + "\n"


def test_a_redirect_elsewhere(server):
    """As behind a reverse proxy: another address leads to the page."""
    port, elsewhere = free_ports(1)[0], "https://app.example.test/out?x=1"
    browser = Browser(server)
    client = make_web(server, redirect_uris=[CALLBACK, "https://app.example.test/cb"], post_logout_redirect_uris=[elsewhere])
    token = browser.sign_in(client)["id_token"]
    url = server.public.url + "/oauth2/sessions/logout?y=2"
    command = SigningOut(server, token, "-q", "--redirect", elsewhere, "--logout-url", url, port=port)
    start = Redirect(command.page.get("/perform-flow"))
    assert start.query["y"] == "2" and start.query["post_logout_redirect_uri"] == elsewhere
    back = browser.get(accept(server, "logout", browser.get(start.url).query["logout_challenge"]))
    assert back.base == "https://app.example.test/out"
    assert command.page.get("/logged-out?" + urllib.parse.urlsplit(back.url).query).status == 200
    ok(command.end())


def test_answers_that_are_not_ours(server):
    port = free_ports(1)[0]
    _, _, token = signed_in(server, port)
    command = SigningOut(server, token, port=port)
    for query in "", "?state=", "?state=x", "?state=x&state=y":
        answer = command.page.get("/logged-out" + query)
        assert answer.status == 400 and command.process.poll() is None, answer
    assert "state_mismatch" in command.page.get("/logged-out?state=%3Cscript%3E").text
    assert command.page.get("/logged-out?state=%3Cscript%3E").headers["Content-Security-Policy"]
    command.kill()


def test_the_server_refuses(server):
    """Its error page says why; the command goes on waiting."""
    port = free_ports(1)[0]
    browser = Browser(server)
    token = browser.sign_in(make_web(server, post_logout_redirect_uris=[]))["id_token"]
    command = SigningOut(server, token, port=port)
    page = browser.get(Redirect(command.page.get("/perform-flow")).url)
    assert "post_logout_redirect_uri" in page.query["error_description"] and command.process.poll() is None
    command.kill()


def test_what_is_no_id_token(server):
    for token in "", "x", "a.b.c", "ory_at_x.y":
        failed(server.cli("perform", "logout", stdin=token, endpoint=server.public), "not an ID token")
    failed(server.cli("perform", "logout", "x", endpoint=server.public), "not an ID token")
    failed(server.cli("perform", "logout", "a", "b", endpoint=server.public), stdout=None)
    failed(server.cli("perform", "logout", "x", env={"ORY_SDK_URL": ""}), "no server named")


def test_ports_that_are_none(server):
    port = free_ports(1)[0]
    _, _, token = signed_in(server, port)
    failed(server.cli("perform", "logout", "-p", "0", token, endpoint=server.public), "port")
    failed(server.cli("perform", "logout", "-p", server.public.port, token, endpoint=server.public), "cannot listen")


def test_https(server):
    import ssl
    import urllib.request
    port = free_ports(1)[0]
    _, _, token = signed_in(server, port)
    command = SigningOut(server, token, "--https", port=port)
    assert f"https://127.0.0.1:{port}/" in command.said
    page = urllib.request.urlopen(f"https://127.0.0.1:{port}/", context=ssl._create_unverified_context(), timeout=10)
    assert page.status == 200
    command.kill()
