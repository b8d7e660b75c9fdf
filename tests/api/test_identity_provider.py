"""urls.identity_provider: the session that a user has at the identity provider behind the login app ends with the logout."""

import time

import pytest

from flow_support import ADMIN, Browser, Listener, accept, make_web
from harness import free_ports
from test_logout import BYE, LOGOUT, V1, claims_of, logout
from webserver import Silence

IDP_SESSION = "2b1a7c59-1a0d-4d6e-9c6b-3f3b54d6a2f0"
GONE_WRONG = "The session at the identity provider could not be ended."


@pytest.fixture
def kratos():
    with Listener(204) as listener:
        yield listener


def configured(url, **more):
    return {"urls": {"identity_provider": {"url": url, **more}}}


def sign_in(server, name=IDP_SESSION, **members):
    """A browser that is logged in, and its tokens."""
    browser = Browser(server)
    client = make_web(server, post_logout_redirect_uris=[BYE], **members)
    return browser, browser.sign_in(client, {} if name is None else {"identity_provider_session_id": name})


def requests(listener, count=1):
    return [(method, path) for method, path, *_ in listener.wait(count)]


def quiet(listener, seconds=1.5):
    """What has arrived after a while in which nothing more should."""
    time.sleep(seconds)
    return len(listener.seen)


def queued(server):
    return int(server.database.sql("SELECT COUNT(*) FROM delivery")[0][0])


def wait_until_sent(server):
    until = time.monotonic() + 10
    while queued(server) > 0:
        assert time.monotonic() < until
        time.sleep(0.05)


@pytest.mark.parametrize("base", [ADMIN, V1])
@pytest.mark.parametrize("who", ["user", "client"])
def test_logout(make_server, kratos, who, base):
    server = make_server(configured(kratos.url, headers={"Authorization": "Bearer of the admin API", "X-Realm": "one"}))
    browser, tokens = sign_in(server)
    asked = {"id_token_hint": tokens["id_token"], "post_logout_redirect_uri": BYE} if who == "client" else {}
    assert logout(browser, base=base, **asked).status == 302
    assert requests(kratos) == [("DELETE", "/admin/sessions/" + IDP_SESSION)]
    headers = kratos.seen[0][2]
    assert (headers["Authorization"], headers["X-Realm"]) == ("Bearer of the admin API", "one")
    assert headers["Content-Length"] in (None, "0") and headers["Content-Type"] is None
    wait_until_sent(server)
    assert quiet(kratos) == 1 and server.records(GONE_WRONG) == []
    assert "Bearer of the admin API" not in server.log


def test_headers_are_not_needed(make_server, kratos):
    server = make_server(configured(kratos.url + "/kratos/"))
    logout(sign_in(server)[0])
    assert requests(kratos) == [("DELETE", "/kratos/admin/sessions/" + IDP_SESSION)]
    assert kratos.seen[0][2]["Authorization"] is None


def test_the_id_is_only_a_path_segment(make_server, kratos):
    server = make_server(configured(kratos.url))
    logout(sign_in(server, "../identities/x?a=b#c d")[0])
    assert requests(kratos) == [("DELETE", "/admin/sessions/..%2Fidentities%2Fx%3Fa=b%23c%20d")]


def test_revoked_by_session_id(make_server, kratos):
    """The admin API ends one session: clients and identity provider hear of it. All of a subject's: nobody does (admin-api 5.3)."""
    server = make_server(configured(kratos.url))
    _, tokens = sign_in(server)
    sign_in(server, "another")
    for _ in range(2):
        assert server.admin.delete("/admin/oauth2/auth/sessions/login", query={"sid": claims_of(tokens["id_token"])["sid"]}).status == 204
    assert requests(kratos) == [("DELETE", "/admin/sessions/" + IDP_SESSION)]
    assert server.admin.delete("/admin/oauth2/auth/sessions/login", query={"subject": "alice"}).status == 204
    assert quiet(kratos) == 1


def test_beside_the_back_channel(make_server, kratos):
    server = make_server(configured(kratos.url))
    with Listener(200) as client:
        browser, _ = sign_in(server, backchannel_logout_uri=client.url + "/out")
        logout(browser)
        assert requests(kratos) == [("DELETE", "/admin/sessions/" + IDP_SESSION)] and requests(client) == [("POST", "/out")]


def test_once_for_one_logout(make_server, kratos):
    server = make_server(configured(kratos.url))
    browser, _ = sign_in(server)
    back = accept(server, "logout", browser.get(LOGOUT).query["logout_challenge"])
    for _ in range(3):
        browser.request("GET", back)
    assert requests(kratos) == [("DELETE", "/admin/sessions/" + IDP_SESSION)] and quiet(kratos) == 1


class TestNothingToEnd:
    def test_the_login_named_none(self, make_server, kratos):
        server = make_server(configured(kratos.url))
        for name in None, "":
            assert logout(sign_in(server, name)[0]).status == 302
        assert quiet(kratos) == 0 and queued(server) == 0

    def test_not_configured(self, make_server):
        server = make_server({})
        assert logout(sign_in(server)[0]).status == 302
        assert queued(server) == 0 and server.records(GONE_WRONG) == []

    def test_rejected(self, make_server, kratos):
        server = make_server(configured(kratos.url))
        browser, _ = sign_in(server)
        challenge = browser.get(LOGOUT).query["logout_challenge"]
        assert server.admin.put(ADMIN + "/logout/reject", query={"logout_challenge": challenge}).status == 204
        assert quiet(kratos) == 0


class TestFailures:
    @pytest.mark.parametrize("answers, expected", [((503, 204), 2), ((500, 429, 204), 3), ((404,), 1), ((410,), 1), ((200,), 1)])
    def test_done_in_the_end(self, make_server, answers, expected):
        with Listener(*answers) as kratos:
            server = make_server(configured(kratos.url))
            began = time.monotonic()
            assert logout(sign_in(server)[0]).status == 302 and time.monotonic() - began < 10
            assert len(kratos.wait(expected, within=30)) == expected
            wait_until_sent(server)
            assert quiet(kratos) == expected and server.records(GONE_WRONG) == []

    @pytest.mark.parametrize("status", [302, 400, 401, 403])
    def test_refused(self, make_server, status):
        """Repeating it would not help; the operator is told."""
        with Listener(status) as kratos:
            server = make_server(configured(kratos.url))
            logout(sign_in(server)[0])
            kratos.wait(1)
            wait_until_sent(server)
            assert quiet(kratos) == 1
            (record,) = server.records(GONE_WRONG)
            assert (record["status"], record["attempts"]) == (status, 1)

    def test_given_up_after_three(self, make_server):
        with Listener(500) as kratos:
            server = make_server(configured(kratos.url))
            logout(sign_in(server)[0])
            assert len(kratos.wait(3, within=30)) == 3
            wait_until_sent(server)
            (record,) = server.records(GONE_WRONG)
            assert (record["status"], record["attempts"]) == (500, 3)

    def test_nobody_waits_for_it(self, make_server):
        silence = Silence(204)
        with Listener(silence) as kratos:
            server = make_server(configured(kratos.url))
            browser, _ = sign_in(server)
            assert logout(browser).status == 302
            assert len(kratos.wait(1)) == 1
            silence.end()

    def test_survives_a_crash(self, make_server):
        """Nobody listens there; then the server dies, and finds the identity provider when both are back."""
        server = make_server(configured(f"http://127.0.0.1:{free_ports(1)[0]}"))
        logout(sign_in(server)[0])
        assert queued(server) == 1
        server.kill()
        with Listener(204) as kratos:
            server.database.sql("UPDATE delivery SET due_at = 0, attempts = 0")
            server.config["urls"]["identity_provider"]["url"] = kratos.url
            server.start()
            assert requests(kratos) == [("DELETE", "/admin/sessions/" + IDP_SESSION)]
            wait_until_sent(server)

    def test_private_addresses_are_guarded(self, make_server, kratos):
        server = make_server({**configured(kratos.url), "clients": {"http": {"disallow_private_ip_ranges": True}}})
        logout(sign_in(server)[0])
        assert quiet(kratos) == 0
        again = "The session at the identity provider could not be ended; trying again."
        assert server.records(again) or server.records(GONE_WRONG)


@pytest.mark.parametrize("headers", [{"X Y": "a"}, {"X:": "a"}, {"": "a"}, {"X": "a\r\nY: b"}, {"X": "a\nb"}, {"X": "\0"}, {"X": 1}])
def test_headers_that_are_none(make_server, headers):
    server = make_server(configured("http://127.0.0.1:1", headers=headers), start=False)
    server.write_config()
    done = server.cli("config", "check", "-c", server.config_file)
    assert done.returncode == 1 and "urls.identity_provider.headers" in done.stderr, done


def test_the_reference_says_what_it_does(make_server, kratos):
    server = make_server(configured(kratos.url, publicUrl="http://kratos.example.test/", headers={"X-Key": "the-secret-key"}))
    shown = server.cli("config", "show", "--dev", "-c", server.config_file).stdout
    assert kratos.url in shown and "the-secret-key" not in shown
