"""GET and POST /oauth2/auth: the browser's three visits, cookies, what is remembered, every destination of errors, and what attackers
try (RFC 9700). Numbers in comments are the behaviours that deployed clients rely on (authorization 22-92)."""

import base64
import concurrent.futures
import html.parser
import json
import random
import re
import string
import time
import urllib.parse

import pytest

from harness import DATABASE, sanitized
from flow_support import CALLBACK, Browser, Redirect, accept, decide, get_request, make_web

STATE = "state-of-the-test"


@pytest.fixture(scope="module")
def web(server):
    return make_web(server)


@pytest.fixture
def browser(server):
    return Browser(server)


def query_of(client, **changes):
    asked = {"client_id": client["client_id"], "response_type": "code", "redirect_uri": CALLBACK, "scope": "openid foo", "state": STATE,
             **changes}
    return {k: v for k, v in asked.items() if v is not None}


def set_cookies(answer):
    """name -> (value, attributes in lower case)"""
    found = {}
    for line in answer.headers.get_all("Set-Cookie") or []:
        pair, *attributes = line.split("; ")
        name, value = pair.split("=", 1)
        found[name] = value, {a.split("=")[0].lower(): a.partition("=")[2] for a in attributes}
    return found


def claims_of(token):
    part = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def to_client(redirect, error):
    assert redirect.status == 303 and redirect.base == CALLBACK, redirect
    assert redirect.query["error"] == error and redirect.query["state"] == STATE, redirect
    assert '"' not in redirect.query["error_description"]
    assert redirect.answer.headers["Cache-Control"] == "no-store" and redirect.answer.headers["Pragma"] == "no-cache"


def to_error_page(server, redirect, error):
    assert redirect.status == 302 and redirect.base == server.public.url + "/oauth2/fallbacks/error", redirect
    assert redirect.query["error"] == error and "state" not in redirect.query, redirect


class Page(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.action, self.inputs, self.scripts, self.tags = None, {}, [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.tags.append(tag)
        assert not any(name.startswith("on") for name in attrs), attrs
        if tag == "form":
            self.action = attrs["action"]
        elif tag == "input":
            self.inputs[attrs["name"]] = attrs["value"]
        elif tag == "script":
            self.scripts.append(attrs.get("nonce"))


# ---- cookies ----

def test_login_cookie(server, browser):  # 54
    client = make_web(server, client_id="app1")
    redirect = browser.authorize(client)
    assert redirect.status == 302 and redirect.base.endswith("/oauth2/fallbacks/login")
    (name, (value, attributes)), = set_cookies(redirect.answer).items()
    # MurmurHash3 of the client's id tells clients apart, the rest flows of one client
    assert re.fullmatch(r"ory_hydra_login_csrf_dev_1926242541_[0-9a-f]{8}", name)
    assert re.fullmatch(r"[0-9a-f]{32}", value)
    assert attributes.pop("expires")
    assert attributes == {"path": "/", "max-age": "1800", "httponly": "", "samesite": "Lax"}


def test_cookie_settings(make_server):
    server = make_server({"urls": {"self": {"issuer": "https://op.example.test"}}, "serve": {"cookies": {
        "domain": "op.example.test", "same_site_mode": "None", "same_site_legacy_workaround": True,
        "names": {"login_csrf": "lc", "consent_csrf": "cc", "session": "s"}, "paths": {"session": "/oauth2"}}},
        "ttl": {"login_consent_request": "5m"}}, dev=False)
    client = make_web(server)
    b = Browser(server)
    redirect = b.authorize(client)
    cookies = set_cookies(redirect.answer)
    plain, twin = sorted(cookies)
    assert twin == plain + "_legacy" and cookies[plain][0] == cookies[twin][0]
    assert cookies[plain][1]["samesite"] == "None" and "samesite" not in cookies[twin][1]
    for _, attributes in cookies.values():
        assert attributes["domain"] == "op.example.test" and "secure" in attributes and attributes["max-age"] == "300"
    del b.cookies[plain]  # a browser that knows nothing of SameSite=None kept the twin only
    back = accept(server, "login", redirect.query["login_challenge"], {"subject": "alice", "remember": True, "remember_for": 60})
    redirect = b.get(back[back.index("/oauth2/auth"):])
    assert "consent_challenge" in redirect.query
    cookies = set_cookies(redirect.answer)
    assert cookies["s"][1]["path"] == "/oauth2" and cookies["s"][1]["max-age"] == "60" and "s_legacy" not in cookies
    assert sum(name.startswith("cc_") for name in cookies) == 2


@pytest.mark.race
def test_parallel_flows(server, web, browser):
    """Windows of one browser do not disturb each other; they end in any order."""
    challenges = [browser.to_login(web) for _ in range(5)]
    for challenge in reversed(challenges):
        consent = browser.get(accept(server, "login", challenge, {"subject": "alice"})).query["consent_challenge"]
        assert browser.get(accept(server, "consent", consent, {"grant_scope": ["foo"]})).query["code"]
    assert not [name for name in browser.cookies if "csrf" in name]  # each flow takes its own away


def test_cookies_stay_few(server, web, browser):
    """Whoever makes a browser begin flows by the hundred must not push its other cookies out."""
    browser.flow(web, {"remember": True})
    session = browser.session()
    first = browser.to_login(web)
    for _ in range(40):
        last = browser.to_login(web)
    assert len([name for name in browser.cookies if "login_csrf" in name]) <= 12
    assert browser.session() == session
    assert "consent_challenge" in browser.get(accept(server, "login", last, {"subject": "alice"})).query
    to_client(browser.get(accept(server, "login", first, {"subject": "alice"})), "request_forbidden")


# ---- sessions ----

def test_session_cookie(server, web, browser):  # 65, 67, 69
    browser.authorize(web)
    consent = browser.authorize(web)
    back = accept(server, "login", consent.query["login_challenge"], {"subject": "alice", "remember": True, "remember_for": 1000})
    cookies = set_cookies(browser.get(back).answer)
    assert cookies["ory_hydra_session_dev"][1]["max-age"] == "1000"
    shown = get_request(server, "login", browser.to_login(web)).json
    assert shown["skip"] and shown["subject"] == "alice"

    back = accept(server, "login", browser.to_login(web), {"subject": "alice"})
    assert "ory_hydra_session_dev" not in set_cookies(browser.get(back).answer)
    back = accept(server, "login", browser.to_login(web), {"subject": "alice", "extend_session_lifespan": True, "remember_for": 2000})
    assert set_cookies(browser.get(back).answer)["ory_hydra_session_dev"][1]["max-age"] == "2000"


def test_session_forgotten(server, web, browser):  # 66
    browser.flow(web, {"remember": True})
    old = browser.session()
    redirect = browser.get(accept(server, "login", browser.to_login(web, prompt="login"), {"subject": "alice"}))
    value, attributes = set_cookies(redirect.answer)["ory_hydra_session_dev"]
    assert value == "" and attributes["max-age"] == "0"
    browser.cookies["ory_hydra_session_dev"] = old  # a browser that does not obey
    assert get_request(server, "login", browser.to_login(web)).json["skip"] is False


def test_not_remembered(server, web, browser):
    """The cookie is deleted also where the browser did not show one."""
    for asked in {"subject": "alice"}, {"subject": "alice", "remember": False, "remember_for": 100}:
        cookies = set_cookies(browser.get(accept(server, "login", browser.to_login(web), asked)).answer)
        value, attributes = cookies["ory_hydra_session_dev"]
        assert value == "" and attributes["max-age"] == "0" and attributes["path"] == "/"


def test_max_age_counts_from_auth_time(server, web, browser):
    """OpenID Connect Core 3.1.2.1 and 3.1.3.7: what passes here must pass at the client, which knows auth_time only."""
    at = claims_of(browser.sign_in(web)["id_token"])["auth_time"]
    time.sleep(max(at + 1.5 - time.time(), 0))
    skips = lambda age: get_request(server, "login", browser.to_login(web, max_age=age)).json["skip"]  # noqa: E731
    assert (skips("1"), skips("30")) == (False, True)


def test_session_of_somebody_else(server, web, browser):
    """Bob signs in where a request is about Alice: Alice does not stay signed in."""
    hint = browser.sign_in(web)["id_token"]
    challenge = browser.to_login(web, prompt="login", id_token_hint=hint)
    end = browser.get(accept(server, "login", challenge, {"subject": "bob", "remember": True}))
    assert end.base == CALLBACK and end.query["error"] == "login_required" and browser.session() is None, end
    assert get_request(server, "login", browser.to_login(web)).json["skip"] is False


def test_session_ends_on_the_server(server, web, browser):
    browser.flow(web, {"remember": True, "remember_for": 1})
    assert get_request(server, "login", browser.to_login(web)).json["skip"] is True
    time.sleep(1.2)  # the browser still has the cookie
    assert browser.session() and get_request(server, "login", browser.to_login(web)).json["skip"] is False


def test_session_fixation(server, web, browser):
    """A cookie that somebody planted gets nobody logged in, and a login never takes over its id."""
    for planted in "", "x", "6b86b273-ff34-4cce-9f4e-2e1b6f1a0f1e", "A" * 5000:
        browser.cookies["ory_hydra_session_dev"] = planted
        shown = get_request(server, "login", browser.to_login(web)).json
        assert shown["skip"] is False and shown["session_id"] != planted
    browser.flow(web, {"remember": True})
    before = get_request(server, "login", browser.to_login(web)).json["session_id"]
    after = get_request(server, "login", browser.to_login(web, prompt="login")).json["session_id"]
    assert before != after


# ---- CSRF: mixed-up browsers ----

def test_login_csrf(server, web, browser):  # 59
    """An attacker's own flow, finished in the victim's browser."""
    attacker = Browser(server)
    back = accept(server, "login", attacker.to_login(web), {"subject": "mallory", "remember": True})
    redirect = browser.get(back)
    to_client(redirect, "request_forbidden")
    assert not redirect.answer.headers.get_all("Set-Cookie")
    browser.authorize(web)  # with a flow of its own, still not
    to_client(browser.get(back), "request_forbidden")
    assert "consent_challenge" in attacker.get(back).query  # nothing was used up


def test_consent_csrf(server, web, browser):  # 90
    """The other browser's visit neither uses the verifier up nor leaves a consent behind."""
    subject = "someone-without-consent"
    consent = browser.to_consent(web, {"subject": subject})
    back = accept(server, "consent", consent, {"grant_scope": ["foo"], "remember": True})
    to_client(Browser(server).get(back), "request_forbidden")
    assert server.admin.get("/admin/oauth2/auth/sessions/consent", query={"subject": subject}).json == []
    assert browser.get(back).query["code"]


def test_wrong_cookie_values(server, web, browser):
    back = accept(server, "login", browser.to_login(web), {"subject": "alice"})
    name, right = next((n, v) for n, v in browser.cookies.items() if "login_csrf" in n)
    for wrong in "", "0" * 32, right[:-1], right + "0", right.upper(), '"x', "x" * 4000:
        browser.cookies[name] = wrong
        to_client(browser.get(back), "request_forbidden")
    browser.cookies[name] = f'"{right}"'
    assert "consent_challenge" in browser.get(back).query


# ---- verifiers ----

def test_login_verifier_replayed(server, web, browser):
    back = accept(server, "login", browser.to_login(web), {"subject": "alice"})
    first, second = browser.get(back), browser.get(back)
    assert first.query["consent_challenge"] == second.query["consent_challenge"]
    consent = accept(server, "consent", first.query["consent_challenge"], {"grant_scope": ["foo"]})
    assert browser.get(consent).query["code"]
    to_client(browser.get(back), "access_denied")


@pytest.mark.race
def test_consent_verifier_replayed(server, web, browser):  # 88
    cookies = dict(browser.cookies)
    back = accept(server, "consent", browser.to_consent(web), {"grant_scope": ["foo"]})
    cookies = dict(browser.cookies)
    assert browser.get(back).query["code"]
    browser.cookies = cookies
    to_client(browser.get(back), "access_denied")


@pytest.mark.race
def test_verifier_race(server, web, browser):
    """A hundred visits with one consent verifier: one code."""
    back = accept(server, "consent", browser.to_consent(web), {"grant_scope": ["foo"]})

    def visit(_):
        copy = Browser(server)
        copy.cookies = dict(browser.cookies)
        return copy.get(back)
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        redirects = list(pool.map(visit, range(100)))
    assert sum("code" in r.query for r in redirects) == 1
    for r in redirects:
        if "code" not in r.query:
            to_client(r, "access_denied")


@pytest.mark.race
def test_login_race(server, web, browser):
    """A hundred visits with one login verifier: one consent request."""
    back = accept(server, "login", browser.to_login(web), {"subject": "alice", "remember": True})

    def visit(_):
        copy = Browser(server)
        copy.cookies = dict(browser.cookies)
        return copy.get(back).query["consent_challenge"]
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        assert len(set(pool.map(visit, range(100)))) == 1


def test_verifier_kinds(server, web, browser):  # 60, 61
    login = browser.to_login(web)
    back = accept(server, "login", login, {"subject": "alice"})
    verifier = urllib.parse.parse_qs(urllib.parse.urlsplit(back).query)["login_verifier"][0]
    consent = browser.get(back).query["consent_challenge"]
    for name, values in (("login_verifier", ["made-up", login, consent, verifier[:-1], " ", "x" * 9000]),
                         ("consent_verifier", ["made-up", login, consent, verifier])):
        for value in values:
            redirect = browser.get("/oauth2/auth", query=query_of(web, scope="openid offline foo", **{name: value}))
            if value.strip():
                to_client(redirect, "access_denied")
            else:
                assert "login_challenge" in redirect.query


def test_other_client(server, web, browser):  # 89
    other = make_web(server)
    for kind in "login", "consent":
        challenge = browser.to_login(web) if kind == "login" else browser.to_consent(web)
        back = accept(server, kind, challenge, {"subject": "alice", "grant_scope": ["foo"]} if kind == "login" else {"grant_scope": ["foo"]})
        swapped = back.replace(urllib.parse.quote_plus(web["client_id"]), urllib.parse.quote_plus(other["client_id"]))
        to_client(browser.get(swapped), "invalid_client")


@pytest.mark.parametrize("change", [{"scope": "openid offline foo bar"}, {"state": "another-state"}, {"nonce": "injected"},
                                    {"code_challenge": "A" * 43, "code_challenge_method": "S256"}, {"redirect_uri": CALLBACK + "2"},
                                    {"response_mode": "fragment"}, {"prompt": "none"}, {"max_age": "1"}, {"x": "y"}])
@pytest.mark.parametrize("kind", ["login", "consent"])
def test_request_is_bound(server, browser, kind, change):
    """What the browser changes between its visits is refused, and the flow goes on with what it began with."""
    client = make_web(server, redirect_uris=[CALLBACK, CALLBACK + "2"])
    if kind == "login":
        back = accept(server, "login", browser.to_login(client), {"subject": "alice"})
    else:
        back = accept(server, "consent", browser.to_consent(client), {"grant_scope": ["foo"]})
    parts = urllib.parse.urlsplit(back)
    changed = {**dict(urllib.parse.parse_qsl(parts.query)), **change}
    redirect = browser.get(parts.path + "?" + urllib.parse.urlencode(changed))
    assert "error=invalid_request" in redirect.url, redirect
    assert "error" not in browser.get(back).query


def test_expired(make_server):  # 62
    server = make_server({"ttl": {"login_consent_request": "1s"}})
    client, b = make_web(server), Browser(server)
    back = accept(server, "login", b.to_login(client), {"subject": "alice"})
    time.sleep(1.2)
    to_client(b.get(back), "request_unauthorized")


# ---- refusals of the apps ----

def test_login_refused(server, web, browser):  # 63, 64
    challenge = browser.to_login(web)
    back = decide(server, "login", "reject", challenge, {"error": "mfa_required", "error_description": 'Needs "more".',
                                                         "error_hint": "Call us.", "error_debug": "secret"}).json["redirect_to"]
    for _ in range(2):  # a reload says the same
        redirect = browser.get(back)
        to_client(redirect, "mfa_required")
        assert redirect.query["error_description"] == "Needs 'more'. Call us."
    redirect = browser.get(decide(server, "login", "reject", browser.to_login(web)).json["redirect_to"])
    to_client(redirect, "login request denied")
    assert redirect.query["error_description"] == ""


def test_consent_refused(server, web, browser):  # 87
    back = decide(server, "consent", "reject", browser.to_consent(web), {"error": "access_denied"}).json["redirect_to"]
    to_client(Browser(server).get(back), "access_denied")
    to_client(browser.get(back), "access_denied")


# ---- POST ----

def test_post(server, web, browser):  # the whole flow with a request that came as a form
    answer = browser.request("POST", "/oauth2/auth", form=query_of(web, nonce="nonce-of-the-form"))
    challenge = Redirect(answer).query["login_challenge"]
    asked = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(get_request(server, "login", challenge).json["request_url"]).query))
    assert asked == query_of(web, nonce="nonce-of-the-form")
    consent = browser.get(accept(server, "login", challenge, {"subject": "alice"})).query["consent_challenge"]
    assert browser.get(accept(server, "consent", consent, {"grant_scope": ["foo"]})).query["code"]


def test_post_mixed(server, web, browser):
    """A name that both have counts as the body has it."""
    query = {"client_id": "ghost", "state": STATE, "scope": "bar", "audience": "https://ghost.example.test"}
    answer = browser.request("POST", "/oauth2/auth", query=query, form=query_of(web, state=None, audience=""))
    shown = get_request(server, "login", Redirect(answer).query["login_challenge"]).json
    assert shown["requested_scope"] == ["openid", "foo"] and shown["requested_access_token_audience"] == []
    assert shown["request_url"].count("client_id=") == 1


def test_post_multipart(server, web, browser):
    body = "".join(f'--b\r\nContent-Disposition: form-data; name="{n}"\r\n\r\n{v}\r\n' for n, v in query_of(web).items()) + "--b--\r\n"
    answer = browser.request("POST", "/oauth2/auth", body=body, headers={"Content-Type": "multipart/form-data; boundary=b"})
    assert "login_challenge" in Redirect(answer).query


def test_json_body_is_no_form(server, web, browser):
    to_error_page(server, Redirect(browser.request("POST", "/oauth2/auth", json=query_of(web))), "invalid_client")


# ---- destinations of errors ----

def test_error_page(server, web, browser):  # 22-24, 32
    for changes, error in (({"client_id": None}, "invalid_client"), ({"client_id": "ghost"}, "invalid_client"),
                           ({"redirect_uri": "https://evil.example/"}, "invalid_request"), ({"redirect_uri": None}, "invalid_request"),
                           ({"response_mode": "jwt"}, "unsupported_response_mode"), ({"request": "x"}, "invalid_request")):
        to_error_page(server, browser.get("/oauth2/auth", query=query_of(web, **changes)), error)


def test_error_page_keeps_its_query(make_server):  # 11
    server = make_server({"urls": {"error": "https://pages.example.test/oops?lang=de"}, "oauth2": {"expose_internal_errors": True}})
    redirect = Browser(server).get("/oauth2/auth")
    assert redirect.base == "https://pages.example.test/oops" and redirect.query["lang"] == "de"
    assert redirect.query["error"] == "invalid_client"


def test_apps_keep_their_query(make_server):
    server = make_server({"urls": {"login": "https://apps.example.test/login?tenant=7", "registration": "https://apps.example.test/new?r=1",
                                   "consent": "https://apps.example.test/consent?tenant=7"}})
    client, b = make_web(server), Browser(server)
    redirect = b.authorize(client, identity_schema="staff")
    assert redirect.base.endswith("/login") and redirect.query["tenant"] == "7" and redirect.query["identity_schema"] == "staff"
    assert b.authorize(client, prompt="registration").base.endswith("/new")  # 76
    redirect = b.get(accept(server, "login", redirect.query["login_challenge"], {"subject": "alice"}))
    assert redirect.base.endswith("/consent") and redirect.query["tenant"] == "7"


def test_client_hears(server, web, browser):  # 33-36, 39
    for changes, error in (({"scope": "admin"}, "invalid_scope"), ({"audience": "https://x.example"}, "invalid_request"),
                           ({"registration": "{}"}, "registration_not_supported"), ({"response_type": None}, "unsupported_response_type"),
                           ({"response_type": "token"}, "unsupported_response_type"), ({"prompt": "none"}, "login_required"),
                           ({"prompt": "dance"}, "invalid_request"), ({"max_age": "soon"}, "invalid_request"),
                           ({"id_token_hint": "rubbish"}, "invalid_request"), ({"code_challenge": "A" * 43}, "invalid_request")):
        redirect = browser.get("/oauth2/auth", query=query_of(web, **changes))
        to_client(redirect, error)
        assert not redirect.answer.headers.get_all("Set-Cookie")
    assert browser.get("/oauth2/auth", query=query_of(web, state=None)).query["state"] == ""


def test_errors_are_logged(make_server):
    server = make_server(env={"LOG_LEVEL": "debug"})
    client = make_web(server)
    Browser(server).authorize(client, scope="admin")
    time.sleep(0.2)
    assert [r for r in server.records() if r.get("error", {}).get("message") == "invalid_scope"]


def test_methods(server):
    for method in "PUT", "DELETE", "PATCH":
        assert server.public.request(method, "/oauth2/auth").status == 404


# ---- delivery ----

def test_query_kept(server, browser):  # 42, 43
    uri = "https://rp.example.test/cb?tenant=7&x=%20y"
    client = make_web(server, redirect_uris=[uri])
    redirect = browser.flow(client)
    assert redirect.url.startswith("https://rp.example.test/cb?code=") and redirect.query["tenant"] == "7" and redirect.query["x"] == " y"
    assert list(redirect.query) == sorted(redirect.query)


def test_custom_scheme(server, browser):
    for uri in "com.example.app:/done", "myapp://callback":
        client = make_web(server, redirect_uris=[uri])
        assert browser.flow(client).url.startswith(uri + "?code=")


def test_fragment(server, web, browser):
    redirect = browser.flow(web, response_mode="fragment")
    assert redirect.url.startswith(CALLBACK + "#code=") and redirect.query == {}


def form_post(answer):
    assert answer.status == 200 and answer.headers["Content-Type"].startswith("text/html"), answer
    assert answer.headers["Cache-Control"] == "no-store"
    page, policy = Page(answer.text), answer.headers["Content-Security-Policy"]
    nonce = re.search(r"script-src 'nonce-([A-Za-z0-9_-]{20,})'", policy)[1]
    assert "default-src 'none'" in policy and "unsafe" not in policy
    assert page.scripts == [nonce] and page.tags.count("button") == 1  # works without script, too
    return page


def test_form_post(server, web, browser):  # 41
    pages = []
    for _ in range(2):
        challenge = browser.to_consent(web, response_mode="form_post")
        back = accept(server, "consent", challenge, {"grant_scope": ["openid", "foo"]})
        page = form_post(browser.request("GET", back))
        assert page.action == CALLBACK and list(page.inputs) == sorted(page.inputs)
        assert page.inputs["scope"] == "openid foo" and page.inputs["state"] == STATE and page.inputs["code"]
        pages.append(page)
    assert pages[0].scripts != pages[1].scripts


def test_xss(server, browser):
    """Every value that comes back in a page or a header."""
    evil = '"><script>alert(1)</script>\'&<'
    client = make_web(server, redirect_uris=["https://rp.example.test/cb?a=%22%3E%3Cscript%3E&b='"])
    uri = client["redirect_uris"][0]
    answer = browser.request("GET", "/oauth2/auth", query=query_of(client, redirect_uri=uri, state=evil, response_mode="form_post", scope=evil))
    page = form_post(answer)
    assert page.action == uri and page.inputs["state"] == evil and "script" in page.inputs["error_description"]
    for changes in {"client_id": evil}, {"response_mode": evil}, {"redirect_uri": evil}, {"prompt": evil}:
        redirect = browser.get("/oauth2/auth", query=query_of(client, **{"redirect_uri": uri, **changes}))
        assert "<" not in redirect.url and '"' not in redirect.url


def test_header_injection(server, web, browser):
    for value in "abcdefgh\r\nX-Injected: yes", "abcdefgh\x00\n\t", "\u2028" * 8:
        redirect = browser.get("/oauth2/auth", query=query_of(web, scope="admin", state=value))
        assert redirect.query["state"] == value and "X-Injected" not in redirect.answer.headers


# ---- what strangers try ----

@pytest.mark.parametrize("uri", [
    "https://RP.example.test/cb", "https://rp.example.test/cb/", "https://rp.example.test/cb?x=1", "https://rp.example.test/cb#x",
    "https://rp.example.test/./cb", "https://rp.example.test/a/../cb", "https://rp.example.test/..;/cb", "https://rp.example.test/%2e%2e/cb",
    "https://rp.example.test\\@evil.example/cb", "https://rp.example.test@evil.example/cb", "https://u@rp.example.test/cb",
    "https://rp.example.test.evil.example/cb", "https://rp.example.test:443/cb", "http://rp.example.test/cb", "//rp.example.test/cb",
    "https://rp.example.test/cb\r\nX: y", "https://rp.example.test/cb%0d%0aX:y", "javascript:alert(1)", " https://rp.example.test/cb", "%"])
def test_redirect_tricks(server, web, browser, uri):  # 30
    to_error_page(server, browser.get("/oauth2/auth", query=query_of(web, redirect_uri=uri)), "invalid_request")


def test_loopback(server, browser):  # 28, 29
    client = make_web(server, redirect_uris=["http://127.0.0.1/cb", "http://localhost/cb", "https://127.0.0.1/s"])
    for uri, good in (("http://127.0.0.1:5000/cb", True), ("http://localhost/cb", True), ("http://localhost:5000/cb", False),
                      ("http://127.0.0.1:5000/s", False), ("http://u:p@127.0.0.1:5000/cb", False), ("http://127.0.0.2/cb", False)):
        redirect = browser.get("/oauth2/auth", query=query_of(client, redirect_uri=uri))
        assert ("login_challenge" in redirect.query) == good, uri


def test_plain_http(make_server):
    server = make_server({"urls": {"self": {"issuer": "https://op.example.test"}}}, dev=False)
    client = make_web(server, redirect_uris=["http://rp.example.test/cb"], grant_types=["implicit", "authorization_code"],
                      response_types=["code", "token"])
    for kind in "code", "token":
        redirect = Browser(server).get("/oauth2/auth", query=query_of(client, redirect_uri="http://rp.example.test/cb", response_type=kind))
        assert redirect.status == 303 and "error=invalid_request" in redirect.url


def test_duplicates(server, web, browser):
    """The first value of a name counts, on every visit and for every reader."""
    query = urllib.parse.urlencode(query_of(web)) + "&client_id=ghost&redirect_uri=https%3A%2F%2Fevil.example&scope=bar&state=other-state"
    challenge = browser.get("/oauth2/auth?" + query).query["login_challenge"]
    shown = get_request(server, "login", challenge).json
    assert shown["requested_scope"] == ["openid", "foo"] and shown["client"]["client_id"] == web["client_id"]
    consent = browser.get(accept(server, "login", challenge, {"subject": "alice"})).query["consent_challenge"]
    redirect = browser.get(accept(server, "consent", consent, {"grant_scope": ["foo"]}))
    assert redirect.base == CALLBACK and redirect.query["state"] == STATE and redirect.query["code"]


def test_short_strings(server, web, browser):
    """URLs that proxies and browsers like: challenges under 500 characters, verifiers at most 64."""
    challenge = browser.to_login(web, nonce="n" * 32, code_challenge="E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
                                 code_challenge_method="S256", state="tDYB_Za5YbN8rNvSe2bDk1FM7nVXzQOG")
    assert len(challenge) < 500
    back = accept(server, "login", challenge, {"subject": "alice", "context": {"x": "y" * 5000}})
    assert len(re.search(r"login_verifier=([^&]+)", back)[1]) <= 64
    consent = browser.get(back).query["consent_challenge"]
    assert len(consent) <= 64
    back = accept(server, "consent", consent, {"grant_scope": ["foo"], "session": {"access_token": {"x": "y" * 5000}}})
    assert len(re.search(r"consent_verifier=([^&]+)", back)[1]) <= 64


def test_long_requests(server, web, browser):
    """Long is fine, endless is not."""
    for method in "GET", "POST":
        junk = "".join(random.choices(string.ascii_letters + string.digits, k=7800))  # hard to compress
        answer = browser.request(method, "/oauth2/auth", **{"query" if method == "GET" else "form": query_of(web, state=junk)})
        consent = browser.get(accept(server, "login", Redirect(answer).query["login_challenge"], {"subject": "a"})).query["consent_challenge"]
        assert browser.get(accept(server, "consent", consent, {"grant_scope": ["foo"]})).query["state"] == junk
        answer = browser.request(method, "/oauth2/auth", **{"query" if method == "GET" else "form": query_of(web, junk=junk + junk[:1000])})
        to_client(Redirect(answer), "invalid_request")


@pytest.mark.both
def test_nothing_stored(make_server):
    """Requests alone leave nothing behind."""
    server = make_server()
    client = make_web(server)
    target = "/oauth2/auth?" + urllib.parse.urlencode(query_of(client))
    with server.public.connection() as c:
        for _ in range(200):
            c.get(target)

        def growth():
            before = server.memory()
            for _ in range(500 if sanitized() else 20000):
                assert c.get(target).status == 302
            return server.memory() - before
        # With a database server the workers serve these, and the heap of each grows once to what it needs; what leaked would grow
        # every time.
        assert any(growth() < 256 * 1024 for _ in range(1 if DATABASE == "sqlite" else 4)) or sanitized()
    for table in "oauth_grant", "login_session", "mark":
        assert server.database.sql(f"SELECT COUNT(*) FROM {table}") == [["0"]]


@pytest.mark.parametrize("moment", ["login accepted", "login visited", "consent accepted", "code issued"])
def test_killed(make_server, moment):
    """kill -9 between two steps: the flow goes on where it was."""
    server = make_server()
    client, b = make_web(server), Browser(server)

    def crash(now):
        if now == moment:
            server.kill()
            server.start()
    back = accept(server, "login", b.to_login(client), {"subject": "alice", "remember": True})
    crash("login accepted")
    consent = b.get(back).query["consent_challenge"]
    crash("login visited")
    back = accept(server, "consent", consent, {"grant_scope": ["openid", "foo"]})
    crash("consent accepted")
    code = b.get(back).query["code"]
    crash("code issued")
    answer = server.public.post("/oauth2/token", form={"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK},
                                basic=(client["client_id"], client["client_secret"]))
    assert answer.status == 200 and answer.json["id_token"]
    assert get_request(server, "login", b.to_login(client)).json["skip"] is True
