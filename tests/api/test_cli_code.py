"""perform authorization-code where the flow fails: the browser gets a page, the terminal the reason, the command its end."""

import subprocess

from cli_support import FAILED, failed
from flow_support import Browser, Redirect, accept, make_web
from harness import GRANTD, free_ports, Listener as Http


class SigningIn:
    """The command, running, up to the line that it waits with; `page` is its web application."""

    def __init__(self, server, *more, secret=None, **members):
        port = free_ports(1)[0]
        client = make_web(server, redirect_uris=[f"http://127.0.0.1:{port}/callback"], **members)
        command = [GRANTD, "perform", "authorization-code", "-e", server.public.url, "-p", str(port), "--no-open", "--client-id",
                   client["client_id"], "--client-secret", secret or client["client_secret"], *more]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for line in self.process.stderr:
            if "Ctrl-C" in line:
                break
        self.page = Http(port)

    def start(self):
        return Redirect(self.page.get("/perform-flow"))

    def come_back(self, url):
        return self.page.get(url.removeprefix(self.page.url))

    def end(self):
        out, err = self.process.communicate(timeout=30)
        return subprocess.CompletedProcess([], self.process.returncode, out, err)


def code_for(server, command):
    browser = Browser(server)
    login = browser.get(command.start().url).query["login_challenge"]
    consent = browser.get(accept(server, "login", login, {"subject": "alice"})).query["consent_challenge"]
    return browser.request("GET", accept(server, "consent", consent, {"grant_scope": ["openid"]})).headers["Location"]


def test_refused_by_the_server(server):
    command = SigningIn(server, "--scope", "openid,everything")
    page = command.come_back(Redirect(server.public.get(command.start().url.removeprefix(server.public.url))).url)
    assert page.status == 400 and "invalid_scope" in page.text
    failed(command.end(), "Error: the server sent the browser back without a code: invalid_scope.")


def test_refused_by_the_token_endpoint(server):
    command = SigningIn(server, "--scope", "openid", secret="not-the-secret-of-it")
    page = command.come_back(code_for(server, command))
    assert page.status == 502 and "invalid_client" in page.text
    failed(command.end(), "invalid_client", FAILED)


def test_answers_that_are_not_ours(server):
    """They end nothing; what is printed of ours cannot play with the terminal."""
    command = SigningIn(server)
    try:
        for query in ("code=x&state=other", "error=access_denied&state=other", "error=access_denied"):
            assert command.page.get("/callback?" + query).status == 400
        assert command.process.poll() is None
        state = command.start().query["state"]
        assert command.page.get(f"/callback?error=bad%1b[2J&state={state}").status == 400
        assert "\x1b" not in failed(command.end(), "bad?[2J")
    finally:
        command.process.kill()
        command.process.communicate()


def test_staying(server):
    """With --no-shutdown the next flow may do better."""
    command = SigningIn(server, "--no-shutdown")
    try:
        states = []
        for _ in range(2):
            states.append(command.start().query["state"])
            assert command.page.get("/callback?error=access_denied&state=" + states[-1]).status == 400
        assert states[0] != states[1] and command.process.poll() is None and command.page.get("/").status == 200
    finally:
        command.process.kill()
        command.process.communicate()
