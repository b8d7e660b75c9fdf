"""The built-in pages over HTTP: what production answers, and a whole sign-in without a browser."""

import http.cookies
import re
import urllib.parse
from html import unescape

import pytest

PAGES = {"login": 200, "consent": 200, "logout": 200, "logout/callback": 200, "device": 200, "device/done": 200, "error": 500}
DECIDING = ["login", "consent", "logout"]


def prepared(server):
    return server.create_client(redirect_uris=["https://app.example/callback"], grant_types=["authorization_code"],
                                response_types=["code"], scope="openid")


class Browser:
    """Cookies and redirects, but no script and no style."""

    def __init__(self, server):
        self.server, self.cookies = server, {}

    def visit(self, url, form=None):
        """The answer, after the redirects that stay on the server."""
        parts = urllib.parse.urlsplit(url)
        target = parts.path + ("?" + parts.query if parts.query else "")
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        method = "GET" if form is None else "POST"
        answer = self.server.public.request(method, target, form=form, headers=headers)
        for line in answer.headers.get_all("Set-Cookie") or []:
            for name, morsel in http.cookies.SimpleCookie(line).items():
                self.cookies[name] = morsel.value
        location = answer.headers.get("Location")
        if location and location.startswith(self.server.public.url):
            return self.visit(location)
        return answer

    def begin(self, client, **query):
        return self.visit(self.server.public.url + "/oauth2/auth?" + urllib.parse.urlencode({
            "client_id": client["client_id"], "response_type": "code", "scope": "openid", "state": "a-long-state",
            "redirect_uri": client["redirect_uris"][0], **query}))

    def post(self, page, **form):
        """Sends the page's form, and goes where the answer leads."""
        hidden = dict(re.findall(r'<input type="hidden" name="(.*?)" value="(.*?)">', page.text))
        action = re.search(r'<form method="post" action="(\w+)">', page.text)[1]
        answer = self.visit(f"/oauth2/fallbacks/{action}", form={**hidden, **form})
        go = re.search(r'http-equiv="refresh" content="0; url=(.*?)"', answer.text)
        return self.visit(unescape(go[1])) if go else answer


def title(answer):
    return re.search("<h1>(.*)</h1>", answer.text)[1]


@pytest.mark.parametrize("config", [{}, {"urls": {name: "https://apps.example/" for name in DECIDING}}])
def test_production_has_no_built_in_login(make_server, config):
    server = make_server({**config, "urls": {**config.get("urls", {}), "self": {"issuer": "https://op.example"}}}, dev=False)
    client = prepared(server)
    for page in DECIDING:
        answer = server.public.get(f"/oauth2/fallbacks/{page}", query={f"{page}_challenge": "x"})
        assert answer.status == 200 and f"urls.{page}" in answer.text and "<form" not in answer.text
        for form in ({}, {f"{page}_challenge": "x", "username": "alice", "action": "accept"}):
            assert server.public.post(f"/oauth2/fallbacks/{page}", form=form).status == 404

    # Not with a challenge that holds, either.
    answer = server.public.get("/oauth2/auth", query={
        "client_id": client["client_id"], "response_type": "code", "scope": "openid", "state": "a-long-state",
        "redirect_uri": client["redirect_uris"][0]})
    challenge = re.search("login_challenge=(.*)", answer.headers["Location"])[1]
    cookie = answer.headers["Set-Cookie"].split(";")[0]
    answer = server.public.post("/oauth2/fallbacks/login", form={"login_challenge": challenge, "username": "alice"},
                                headers={"Cookie": cookie})
    assert answer.status == 404
    assert server.public.get("/oauth2/fallbacks/login", query={"login_challenge": challenge},
                             headers={"Cookie": cookie}).text.count("<form") == 0


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
def test_other_methods(server, method):
    for page in PAGES:
        assert server.public.request(method, f"/oauth2/fallbacks/{page}").status == 404


def test_not_on_the_admin_listener(server):
    for page in PAGES:
        assert server.admin.get(f"/oauth2/fallbacks/{page}").status == 404


def test_headers(server):
    for page, status in PAGES.items():
        answer = server.public.get(f"/oauth2/fallbacks/{page}")
        assert answer.status == status
        policy = dict(rule.split(" ", 1) for rule in answer.headers["Content-Security-Policy"].split("; "))
        assert policy.pop("style-src").startswith("'sha256-")
        assert policy == {"default-src": "'none'", "form-action": "'self'", "frame-ancestors": "'none'", "base-uri": "'none'"}
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
        assert server.public.request("HEAD", f"/oauth2/fallbacks/{page}").status == status


def test_sign_in(server):
    client, browser = prepared(server), Browser(server)
    page = browser.begin(client)
    assert title(page) == "Sign in"
    page = browser.post(page, username="  alice ", action="accept")
    assert title(page) == "Allow access?" and "<strong>alice</strong>" in page.text
    answer = browser.post(page, action="accept", grant_scope=["openid", "not-asked-for"])
    back = dict(urllib.parse.parse_qsl(answer.headers["Location"].split("?")[1]))
    assert answer.headers["Location"].startswith("https://app.example/callback?") and back["scope"] == "openid"
    tokens = server.public.post("/oauth2/token", basic=(client["client_id"], client["client_secret"]), form={
        "grant_type": "authorization_code", "code": back["code"], "redirect_uri": client["redirect_uris"][0]})
    assert tokens.status == 200


@pytest.mark.parametrize("name", ["", "  ", "x" * 256, "a\nb", "a\0b"])
def test_names_that_are_refused(server, name):
    browser = Browser(server)
    page = browser.post(browser.begin(prepared(server)), username=name, action="accept")
    assert page.status == 400 and 'role="alert"' in page.text
    assert title(browser.post(page, username="a" * 255, action="accept")) == "Allow access?"


def test_first_decision_counts(server):
    browser = Browser(server)
    login = browser.begin(prepared(server))
    assert title(browser.post(login, username="alice", action="accept")) == "Allow access?"
    again = browser.post(login, username="mallory", action="accept")
    assert (again.status, title(again)) == (410, "Already decided")
    assert "Start again" in again.text


def test_challenge_without_cookie(server):
    page = Browser(server).begin(prepared(server))
    stranger = Browser(server)
    assert stranger.post(page, username="mallory", action="accept").status == 403


@pytest.mark.parametrize("site", ["cross-site", "same-site", "none"])
def test_form_from_elsewhere(server, site):
    browser = Browser(server)
    page = browser.begin(prepared(server))
    challenge = re.search('name="login_challenge" value="(.*?)"', page.text)[1]
    cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    answer = server.public.post("/oauth2/fallbacks/login", form={"login_challenge": challenge, "username": "mallory"},
                                headers={"Cookie": cookie, "Sec-Fetch-Site": site})
    assert answer.status == 403


def test_expired(make_server):
    import time
    server = make_server({"ttl": {"login_consent_request": "1s"}})
    browser = Browser(server)
    page = browser.begin(prepared(server))
    time.sleep(1.2)
    late = browser.post(page, username="alice", action="accept")
    assert (late.status, title(late)) == (410, "This took too long")


def test_refused(server):
    client, browser = prepared(server), Browser(server)
    answer = browser.post(browser.begin(client), username="", action="deny")
    back = dict(urllib.parse.parse_qsl(answer.headers["Location"].split("?")[1]))
    assert (back["error"], back["state"]) == ("access_denied", "a-long-state")


def test_client_of_the_operator_skips_consent(server):
    client = prepared(server)
    server.admin.patch(f"/admin/clients/{client['client_id']}", json=[{"op": "replace", "path": "/skip_consent", "value": True}])
    browser = Browser(server)
    answer = browser.post(browser.begin(client), username="alice", action="accept")
    assert "code=" in answer.headers["Location"]
    assert title(browser.post(browser.begin(client, prompt="consent"), username="alice", action="accept")) == "Allow access?"


def test_error_page_is_reached(server):
    answer = Browser(server).begin({"client_id": "nobody", "redirect_uris": ["https://app.example/"]})
    assert answer.status == 500 and "invalid_client" in answer.text and "grantd create client" in answer.text


def test_too_large_a_form(server):
    assert server.public.post("/oauth2/fallbacks/login", form={"username": "x" * (11 << 20)}).status == 400
    assert server.public.post("/oauth2/fallbacks/login", form="&".join("a=1" for _ in range(2000))).status == 400
