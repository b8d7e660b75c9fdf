"""The built-in page for device codes: a device's whole flow through the built-in pages, and what the page refuses."""

import re
import time
import urllib.parse

import pytest

from test_device import VERIFY, is_error, make_tv, poll, start
from test_pages import Browser, title

PAGE = "/oauth2/fallbacks/device"
NO_DEVICE = "No device waits with this code."


def open_page(server, query=""):
    browser = Browser(server)
    return browser, browser.visit(VERIFY + query)


def sign_in(browser, page, **consent):
    page = browser.post(page, username="alice", action="accept")
    assert title(page) == "Allow access?"
    return browser.post(page, **{"action": "accept", "grant_scope": ["openid", "offline"], **consent})


@pytest.fixture(scope="module")
def tv(server):
    return make_tv(server)


def typed(page):
    return re.search('name="user_code" value="(.*?)"', page.text)[1]


def test_a_device(make_server):
    server = make_server({"oauth2": {"device_authorization": {"token_polling_interval": "1s"}}})
    tv = make_tv(server, client_name="<TV>")
    said = start(server, tv)
    browser, page = open_page(server)
    assert (page.status, title(page), typed(page)) == (200, "Connect a device", "")
    is_error(poll(server, tv, said["device_code"]), "authorization_pending")
    login = browser.post(page, user_code=f" {said['user_code'][:4]}-{said['user_code'][4:].lower()} ")
    assert title(login) == "Sign in" and "&lt;TV&gt;" in login.text
    assert title(sign_in(browser, login)) == "Device connected"
    time.sleep(1.1)
    tokens = poll(server, tv, said["device_code"])
    assert tokens.status == 200 and tokens.json["scope"] == "openid offline"
    assert server.introspect(tokens.json["access_token"])["sub"] == "alice"


def test_link_with_the_code(server, tv):
    said = start(server, tv)
    browser = Browser(server)
    page = browser.visit(said["verification_uri_complete"])
    assert title(page) == "Connect a device" and typed(page) == said["user_code"]
    is_error(poll(server, tv, said["device_code"]), "authorization_pending")
    assert title(browser.post(page, user_code=said["user_code"])) == "Sign in"


def test_security_headers(server):
    page = open_page(server)[1]
    assert "default-src 'none'" in page.headers["Content-Security-Policy"] and page.headers["Cache-Control"] == "no-store"
    assert page.headers["Referrer-Policy"] == "no-referrer"


@pytest.mark.parametrize("code", ["", "   ", "AAAA-AAAA", '"><script>alert(1)</script>', "x" * 1025])
def test_wrong_codes(server, tv, code):
    browser, page = open_page(server)
    wrong = browser.post(page, user_code=code)
    assert (wrong.status, title(wrong)) == (400, "Connect a device") and "<script" not in wrong.text
    assert 'role="alert"' in wrong.text and (NO_DEVICE in wrong.text) == bool(code.strip())
    assert title(browser.post(wrong, user_code=start(server, tv)["user_code"])) == "Sign in"


def test_markup_in_the_link(server):
    page = open_page(server, "?" + urllib.parse.urlencode({"user_code": '"><script>'}))[1]
    assert "<script" not in page.text and typed(page) == "&quot;&gt;&lt;script&gt;"


def test_too_many_codes(server, tv):
    browser, page = open_page(server)
    assert [browser.post(page, user_code="AAAA-AAAA").status for _ in range(21)] == [400] * 20 + [429]
    late = browser.post(page, user_code=start(server, tv)["user_code"])
    assert late.status == 429 and title(late) == "This did not work"


def test_code_of_a_connected_device(server, tv):
    said = start(server, tv)
    browser, page = open_page(server)
    sign_in(browser, browser.post(page, user_code=said["user_code"]))
    other, page = open_page(server)
    again = other.post(page, user_code=said["user_code"])
    assert again.status == 400 and NO_DEVICE in again.text


def test_denied(server, tv):
    said = start(server, tv)
    browser, page = open_page(server)
    browser.post(browser.post(page, user_code=said["user_code"]), username="", action="deny")
    is_error(poll(server, tv, said["device_code"]), "access_denied")


def test_another_browser(server, tv):
    page = open_page(server)[1]
    code = start(server, tv)["user_code"]
    assert Browser(server).post(page, user_code=code).status == 403
    hidden = re.search('name="device_challenge" value="(.*?)"', page.text)[1]
    assert Browser(server).visit(PAGE + "?device_challenge=" + hidden).status == 403


@pytest.mark.parametrize("site", ["cross-site", "same-site", "none"])
def test_form_from_elsewhere(server, tv, site):
    browser, page = open_page(server)
    form = {"device_challenge": re.search('name="device_challenge" value="(.*?)"', page.text)[1],
            "user_code": start(server, tv)["user_code"]}
    cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    for value, status in ((site, 403), ("same-origin", 200)):
        assert server.public.post(PAGE, form=form, headers={"Cookie": cookie, "Sec-Fetch-Site": value}).status == status


def test_expired(make_server):
    server = make_server({"ttl": {"login_consent_request": "1s"}})
    browser, page = open_page(server, "?login_hint=alice")
    time.sleep(1.2)
    late = browser.post(page, user_code="AAAA-AAAA")
    assert (late.status, title(late)) == (410, "This took too long")
    assert f'href="{server.public.url}{VERIFY}?login_hint=alice"' in late.text


@pytest.mark.parametrize("config", [{}, {"urls": {"device": {"verification": "https://apps.example/"}}}])
def test_production_has_no_such_page(make_server, config):
    server = make_server({"urls": {**config.get("urls", {}), "self": {"issuer": "https://op.example"}}}, dev=False)
    answer = server.public.get(VERIFY)
    challenge = urllib.parse.parse_qs(urllib.parse.urlsplit(answer.headers["Location"]).query)["device_challenge"][0]
    cookie = answer.headers["Set-Cookie"].split(";")[0]
    page = server.public.get(PAGE, query={"device_challenge": challenge}, headers={"Cookie": cookie})
    assert page.status == 200 and "urls.device.verification" in page.text and "<form" not in page.text
    code = start(server, make_tv(server))["user_code"]
    form = {"device_challenge": challenge, "user_code": code}
    assert server.public.post(PAGE, form=form, headers={"Cookie": cookie}).status == 404


def test_own_page_replaces_it(make_server):
    server = make_server({"urls": {"device": {"verification": "https://apps.example/device"}}})
    assert server.public.get(VERIFY).headers["Location"].startswith("https://apps.example/device?device_challenge=")
    assert server.public.post(PAGE, form={"user_code": "x"}).status == 404
    assert "This built-in page is not in use." in server.public.get(PAGE).text
