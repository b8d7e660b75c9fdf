"""GET and POST /oauth2/sessions/logout and the logout app's part of the admin API. Numbers in comments are the behaviours that
deployed clients and apps rely on (public 150-158, admin 128-131)."""

import base64
import concurrent.futures
import html
import json
import re
import time
import urllib.parse

import pytest

from flow_support import ADMIN, Browser, Listener, Redirect, accept, decide, get_request, make_web
from webserver import Silence

V1 = "/oauth2/auth/requests"
BASES = [pytest.param(ADMIN, id="current"), pytest.param(V1, id="v1")]
BYE = "https://rp.example.test/bye"
LOGOUT = "/oauth2/sessions/logout"


def claims_of(token):
    part = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


@pytest.fixture(scope="module")
def rp(server):
    return make_web(server, post_logout_redirect_uris=[BYE, BYE + "?x=1&a=%20b"])


@pytest.fixture
def browser(server):
    return Browser(server)


def refused(answer, status, error, text=""):
    assert answer.status == status and answer.json["error"] == error and text in answer.json["error_description"], answer


def error_page(server, redirect, text="", error="invalid_request"):
    assert redirect.status == 302 and redirect.base == server.public.url + "/oauth2/fallbacks/error", redirect
    assert redirect.query["error"] == error and text in redirect.query["error_description"], redirect


def to_logout(browser, query=None, **members):
    return browser.get(LOGOUT, query=query or members or None).query["logout_challenge"]


def done_url(server):
    return server.public.url + "/oauth2/fallbacks/logout/callback"


def logout(browser, base=ADMIN, **query):
    return browser.request("GET", accept(browser.server, "logout", to_logout(browser, **query), base=base))


class TestByTheUser:
    @pytest.mark.parametrize("cookies", [{}, {"ory_hydra_session_dev": "garbage"}, {"ory_hydra_session_dev": ""}])
    def test_nobody_is_logged_in(self, server, browser, cookies):  # 150
        browser.cookies = dict(cookies)
        assert browser.get(LOGOUT).url == done_url(server)

    @pytest.mark.parametrize("name", ["state", "post_logout_redirect_uri"])
    def test_without_hint(self, server, rp, browser, name):  # 151
        text = f"Logout failed because query parameter {name} is set but id_token_hint is missing."
        error_page(server, browser.get(LOGOUT, query={name: BYE}), text)
        browser.sign_in(rp)
        error_page(server, browser.get(LOGOUT, query={name: BYE}), text)

    @pytest.mark.parametrize("base", BASES)
    def test_whole(self, server, rp, browser, base):
        tokens = browser.sign_in(rp)
        challenge = to_logout(browser)
        said = get_request(server, "logout", challenge, base).json
        assert said["challenge"] == challenge and said["subject"] == "alice" and said["client"] is None
        assert said["request_url"] == LOGOUT and said["rp_initiated"] is False and len(said["sid"]) == 36
        assert ("expires_at" in said, "requested_at" in said) == (base == ADMIN,) * 2  # admin 129
        back = accept(server, "logout", challenge, base=base)
        assert back.startswith(server.public.url + LOGOUT + "?logout_verifier=")
        end = browser.get(back)
        assert (end.status, end.url) == (302, done_url(server)) and browser.session() is None
        assert get_request(server, "login", browser.to_login(rp)).json["skip"] is False
        assert server.introspect(tokens["access_token"])["active"] and server.introspect(tokens["refresh_token"])["active"]  # 158
        assert browser.get(back).url == done_url(server)  # again is harmless

    def test_needs_the_very_session(self, server, rp, browser):
        browser.sign_in(rp)
        back = accept(server, "logout", to_logout(browser))
        stranger = Browser(server)
        assert stranger.get(back).url == done_url(server)
        stranger.sign_in(rp, {"subject": "bob"})
        assert stranger.get(back).url == done_url(server)
        for who in browser, stranger:
            assert get_request(server, "login", who.to_login(rp)).json["skip"] is True
        assert browser.get(back).url == done_url(server)
        assert get_request(server, "login", browser.to_login(rp)).json["skip"] is False

    def test_not_remembered(self, server, rp, browser):
        browser.sign_in(rp, {"remember": False})
        assert browser.get(LOGOUT).url == done_url(server)


class TestByAClient:
    @pytest.mark.parametrize("method", ["GET", "POST"])
    def test_whole(self, server, rp, browser, method):  # 153
        hint = browser.sign_in(rp)["id_token"]
        asked = {"id_token_hint": hint, "post_logout_redirect_uri": BYE, "state": "a b&c=ü", "client_id": rp["client_id"]}
        if method == "GET":
            answer = browser.request("GET", LOGOUT, query=asked)
        else:
            answer = browser.request("POST", LOGOUT, form=asked)
        challenge = urllib.parse.parse_qs(urllib.parse.urlsplit(answer.headers["Location"]).query)["logout_challenge"][0]
        said = get_request(server, "logout", challenge).json
        assert said["rp_initiated"] is True and said["client"]["client_id"] == rp["client_id"]
        query = dict(urllib.parse.parse_qsl(said["request_url"].partition("?")[2]))
        assert query == asked and said["request_url"].startswith(LOGOUT + "?")
        end = browser.get(accept(server, "logout", challenge))
        assert (end.base, end.query) == (BYE, {"state": "a b&c=ü"}) and browser.session() is None

    def test_state_joins_the_query(self, server, rp, browser):
        hint = browser.sign_in(rp)["id_token"]
        end = logout(browser, id_token_hint=hint, post_logout_redirect_uri=BYE + "?x=1&a=%20b", state="s")
        assert end.headers["Location"] == BYE + "?a=+b&state=s&x=1"

    def test_without_state_the_uri_is_as_registered(self, server, rp, browser):
        hint = browser.sign_in(rp)["id_token"]
        end = logout(browser, id_token_hint=hint, post_logout_redirect_uri=BYE + "?x=1&a=%20b")
        assert end.headers["Location"] == BYE + "?x=1&a=%20b"

    def test_no_redirect_no_state(self, server, rp, browser):
        hint = browser.sign_in(rp)["id_token"]
        assert logout(browser, id_token_hint=hint, state="dropped").headers["Location"] == done_url(server)

    def test_in_another_browser(self, server, rp, browser):
        """Whoever signs out in a browser is not signed in there afterwards; the server ends the login that the hint is of."""
        hint = browser.sign_in(rp)["id_token"]
        other = Browser(server)
        other.sign_in(rp, {"subject": "bob"})
        kept = dict(other.cookies)
        assert logout(other, id_token_hint=hint, post_logout_redirect_uri=BYE).headers["Location"] == BYE
        assert get_request(server, "login", browser.to_login(rp)).json["skip"] is False
        assert get_request(server, "login", other.to_login(rp)).json["skip"] is False
        other.cookies = kept
        assert get_request(server, "login", other.to_login(rp)).json["skip"] is True

    @pytest.mark.parametrize("told", ["back", "front"])
    def test_signed_in_again(self, server, rp, browser, told):
        """The hint is of the first login; nobody stays signed in by the second, and its clients hear of the end."""
        hint = browser.sign_in(rp)["id_token"]
        with Listener(200) as listener:
            other = make_web(server, **{f"{told}channel_logout_uri": listener.url + "/out"})
            sid = claims_of(browser.sign_in(other, prompt="login")["id_token"])["sid"]
            assert sid != claims_of(hint)["sid"]
            kept = dict(browser.cookies)
            answer = logout(browser, id_token_hint=hint, post_logout_redirect_uri=BYE)
            assert browser.session() is None
            if told == "back":
                assert answer.headers["Location"] == BYE
                ((*_, form),) = listener.wait(1)
                assert claims_of(form["logout_token"])["sid"] == sid
            else:
                assert answer.status == 200 and f"{listener.url}/out?" in answer.text and sid in answer.text
        browser.cookies = kept  # a browser that does not obey
        assert get_request(server, "login", browser.to_login(rp)).json["skip"] is False

    @pytest.mark.parametrize("how", ["ended", "not remembered"])
    def test_nothing_to_end(self, server, rp, browser, how):  # 154
        hint = browser.sign_in(rp, {"remember": how == "ended"})["id_token"]
        if how == "ended":
            server.admin.delete("/admin/oauth2/auth/sessions/login", query={"subject": "alice"})
        to = browser.get(LOGOUT, query={"id_token_hint": hint, "post_logout_redirect_uri": BYE, "state": "s"})
        assert to.url == BYE + "?state=s"

    @pytest.mark.parametrize("uri", [
        "https://rp.example.test/other", "https://rp.example.test/bye/", BYE + "?", BYE + "#", BYE + "?x=1", "HTTPS://rp.example.test/bye",
        "https://rp.example.test:443/bye", "https://evil.test@rp.example.test/bye", "//rp.example.test/bye", "https://rp.example.test/bye/..;/x",
        "https://rp.example.test\\@evil.test/bye", BYE + "\r\nX-Injected: 1", BYE + "%0d%0a", "javascript:alert(1)", " " + BYE,
    ])
    def test_redirect_not_registered(self, server, rp, browser, uri):  # 152
        hint = browser.sign_in(rp)["id_token"]
        error_page(server, browser.get(LOGOUT, query={"id_token_hint": hint, "post_logout_redirect_uri": uri}), "post_logout_redirect_uri")

    def test_hints_that_are_none(self, server, rp, browser):
        hint = browser.sign_in(rp)["id_token"]
        head, body, signature = hint.split(".")
        none = base64.urlsafe_b64encode(b'{"alg":"none"}').decode().rstrip("=")
        other = base64.urlsafe_b64encode(json.dumps({**claims_of(hint), "sid": "x"}).encode()).decode().rstrip("=")
        for bad in "x", "a.b.c", f"{none}.{body}.", f"{head}.{other}.{signature}", f"{head}.{body}.AAAA", hint[:-8], hint + "." + body:
            error_page(server, browser.get(LOGOUT, query={"id_token_hint": bad}))

    def test_hint_of_another_client(self, server, rp, browser):
        hint = browser.sign_in(rp)["id_token"]
        other = make_web(server, post_logout_redirect_uris=["https://rp.example.test/other"])
        error_page(server, browser.get(LOGOUT, query={"id_token_hint": hint, "client_id": other["client_id"]}), "client_id")
        error_page(server, browser.get(LOGOUT, query={"id_token_hint": hint, "post_logout_redirect_uri": "https://rp.example.test/other"}))

    def test_parameter_twice(self, server, rp, browser):
        """The first counts, as everywhere; what a form has counts before the query."""
        hint = browser.sign_in(rp)["id_token"]
        twice = [("id_token_hint", hint), ("post_logout_redirect_uri", BYE), ("state", "one"),
                 ("id_token_hint", "x"), ("post_logout_redirect_uri", "https://evil.test/"), ("state", "two")]
        post = browser.request("POST", LOGOUT, query=twice, form={"id_token_hint": "x"})
        error_page(server, Redirect(post), "id_token_hint")
        assert logout(browser, query=twice).headers["Location"] == BYE + "?state=one"

    def test_hint_after_key_rotation(self, server, rp, browser):
        hint = browser.sign_in(rp)["id_token"]
        answer = server.admin.post("/admin/keys/hydra.openid.id-token", json={"alg": "RS256", "use": "sig", "kid": f"k{time.time_ns()}"})
        assert answer.status == 201, answer
        assert logout(browser, id_token_hint=hint, post_logout_redirect_uri=BYE).headers["Location"] == BYE

    def test_client_deleted(self, server, browser):
        client = make_web(server)
        hint = browser.sign_in(client)["id_token"]
        challenge = to_logout(browser, id_token_hint=hint)
        server.admin.delete("/admin/clients/" + client["client_id"])
        error_page(server, browser.get(LOGOUT, query={"id_token_hint": hint}))
        refused(get_request(server, "logout", challenge), 404, "Not Found")

    def test_very_long_hint(self, server, browser):
        """What does not fit into the challenge is left out of request_url."""
        client = make_web(server)
        hint = browser.sign_in(client, consent={"session": {"id_token": {"long": "x" * 5000}}})["id_token"]
        challenge = to_logout(browser, id_token_hint=hint, ui_locales="de")
        assert get_request(server, "logout", challenge).json["request_url"] == LOGOUT + "?ui_locales=de"
        to = browser.request("POST", LOGOUT, form={"id_token_hint": hint, "state": "x" * 9000})
        assert "too+long" in to.headers["Location"], to


@pytest.mark.parametrize("base", BASES)
class TestDecision:  # admin 128
    def test_challenges_that_are_none(self, server, base):
        for challenge in "nothing", "x" * 9000, "\0":
            refused(get_request(server, "logout", challenge, base), 404, "Not Found")
            for verdict in "accept", "reject":
                refused(decide(server, "logout", verdict, challenge, base=base), 404, "Not Found")
        for query in "", "logout_challenge=":
            refused(server.admin.get(f"{base}/logout?{query}"), 400, "invalid_request")
            for verdict in "accept", "reject":
                refused(server.admin.put(f"{base}/logout/{verdict}?{query}"), 400, "invalid_request")

    def test_uuid(self, server, base):
        status, error = (401, "request_unauthorized") if base == ADMIN else (404, "Not Found")
        refused(get_request(server, "logout", "7515f39a-f779-4fc1-8a4f-b15a1dfac318", base), status, error)

    def test_verifier_is_no_challenge(self, server, rp, browser, base):
        browser.sign_in(rp)
        challenge = to_logout(browser)
        verifier = accept(server, "logout", challenge, base=base).partition("=")[2]
        refused(get_request(server, "logout", verifier, base), 404, "Not Found")
        error_page(server, browser.get(LOGOUT, query={"logout_verifier": challenge}), error="Not Found")
        error_page(server, browser.get(LOGOUT, query={"logout_verifier": "made-up"}), error="Not Found")

    def test_accept_twice(self, server, rp, browser, base):
        browser.sign_in(rp)
        challenge = to_logout(browser)
        assert accept(server, "logout", challenge, base=base) == accept(server, "logout", challenge, base=base)
        assert get_request(server, "logout", challenge, base).status == 200
        refused(decide(server, "logout", "reject", challenge, base=base), 409, "Conflict")

    def test_reject(self, server, rp, browser, base):  # admin 130, 131
        browser.sign_in(rp)
        challenge = to_logout(browser)
        for _ in range(2):
            answer = decide(server, "logout", "reject", challenge, {"error": "stay"}, base=base)
            assert answer.status == 204 and answer.body == b""
        refused(get_request(server, "logout", challenge, base), 404, "Not Found")
        refused(decide(server, "logout", "accept", challenge, base=base), 409, "Conflict")
        assert get_request(server, "login", browser.to_login(rp)).json["skip"] is True

    def test_used(self, server, rp, browser, base):
        browser.sign_in(rp)
        challenge = to_logout(browser)
        browser.get(accept(server, "logout", challenge, base=base))
        answer = get_request(server, "logout", challenge, base)
        assert (answer.status, answer.json) == (410, {"redirect_to": server.public.url + LOGOUT})
        for verdict in "accept", "reject":
            refused(decide(server, "logout", verdict, challenge, base=base), 409, "Conflict")

    @pytest.mark.race
    def test_one_winner(self, server, rp, browser, base):
        browser.sign_in(rp)
        challenge = to_logout(browser)
        verdicts = ["accept", "reject"] * 50
        with concurrent.futures.ThreadPoolExecutor(20) as pool:
            found = list(pool.map(lambda v: (v, decide(server, "logout", v, challenge, base=base).status), verdicts))
        assert sorted(set(found)) in ([("accept", 200), ("reject", 409)], [("accept", 409), ("reject", 204)])


def test_expired(make_server):
    server = make_server({"ttl": {"login_consent_request": "2s"}})
    rp, browser = make_web(server), Browser(server)
    browser.sign_in(rp)
    challenge, accepted = to_logout(browser), to_logout(browser)
    back = accept(server, "logout", accepted)
    time.sleep(2.2)
    for base in ADMIN, V1:
        refused(get_request(server, "logout", challenge, base), 401, "request_unauthorized")
        for verdict in "accept", "reject":
            refused(decide(server, "logout", verdict, challenge, base=base), 401, "request_unauthorized")
    error_page(server, browser.get(back), error="request_unauthorized")


class TestFrontChannel:
    def test_page(self, server, browser):
        clients = [make_web(server, frontchannel_logout_uri=f"https://{name}.example.test/out?a=1&b=%22", post_logout_redirect_uris=[BYE])
                   for name in ("one", "two")]
        browser.sign_in(clients[0])
        hint = browser.sign_in(clients[1])["id_token"]
        sid = claims_of(hint)["sid"]
        answer = logout(browser, id_token_hint=hint, post_logout_redirect_uri=BYE, state='"><script>alert(1)</script>')
        assert answer.status == 200 and answer.headers["Content-Type"].lower().replace(" ", "") == "text/html;charset=utf-8"
        assert "no-store" in answer.headers["Cache-Control"]
        frames = sorted(html.unescape(src) for src in re.findall(r'<iframe[^>]* src="([^"]*)"', answer.text))
        assert frames == [f"https://{name}.example.test/out?" + urllib.parse.urlencode({"a": "1", "b": '"', "iss": server.public.url, "sid": sid})
                          for name in ("one", "two")]
        target = BYE + "?state=" + urllib.parse.quote_plus('"><script>alert(1)</script>')
        assert html.unescape(re.search(r'http-equiv="refresh" content="7; ?url=([^"]*)"', answer.text)[1]) == target
        assert html.unescape(re.search(r'<a [^>]*id="next" href="([^"]*)"', answer.text)[1]) == target
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy
        assert sorted(re.search(r"frame-src ([^;]*)", policy)[1].split()) == ["https://one.example.test", "https://two.example.test"]
        nonce = re.search(r"script-src 'nonce-([^']+)'", policy)[1]
        assert re.findall(r"<script([^>]*)>", answer.text) == [f' nonce="{nonce}"']
        assert browser.session() is None

    def test_again_is_only_a_redirect(self, server, browser):
        client = make_web(server, frontchannel_logout_uri="https://one.example.test/out")
        browser.sign_in(client)
        back = accept(server, "logout", to_logout(browser))
        assert browser.request("GET", back).status == 200
        assert browser.request("GET", back).status == 302

    def test_another_login_is_not_concerned(self, server, rp, browser):
        client = make_web(server, frontchannel_logout_uri="https://one.example.test/out")
        Browser(server).sign_in(client)
        browser.sign_in(rp)
        assert logout(browser).status == 302


class TestBackChannel:
    @pytest.mark.race
    def test_token(self, server, browser):  # 157
        with Listener(200) as listener:
            client = make_web(server, backchannel_logout_uri=listener.url + "/out?x=1")
            sid = claims_of(browser.sign_in(client)["id_token"])["sid"]
            logout(browser)
            ((method, path, headers, form),) = listener.wait(1)
            assert (method, path, list(form)) == ("POST", "/out?x=1", ["logout_token"])
            assert headers["Content-Type"] == "application/x-www-form-urlencoded"
            claims = claims_of(form["logout_token"])
            assert abs(claims.pop("iat") - time.time()) < 10 and claims.pop("jti")
            assert claims == {"iss": server.public.url, "aud": [client["client_id"]], "sid": sid,
                              "events": {"http://schemas.openid.net/event/backchannel-logout": {}}}
            time.sleep(1.5)
            assert len(listener.seen) == 1

    @pytest.mark.parametrize("answers, expected", [((503, 200), 2), ((429, 204), 2), ((400,), 1), ((302,), 1), ((501, 200), 2)])
    def test_retries(self, server, browser, answers, expected):
        with Listener(*answers) as listener:
            client = make_web(server, backchannel_logout_uri=listener.url + "/out")
            browser.sign_in(client)
            logout(browser)
            seen = listener.wait(expected)
            time.sleep(1.5)
            assert len(listener.seen) == expected
            assert len({claims_of(form["logout_token"])["jti"] for *_, form in seen}) == 1

    def test_given_up_after_three(self, server, browser):  # 157
        with Listener(500) as listener:
            client = make_web(server, backchannel_logout_uri=listener.url + "/out")
            browser.sign_in(client)
            logout(browser)
            assert len(listener.wait(3, within=30)) == 3
        until = time.monotonic() + 5
        while not server.records("A client could not be told of a logout.") and time.monotonic() < until:
            time.sleep(0.05)
        (record,) = [r for r in server.records("A client could not be told of a logout.") if r["client_id"] == client["client_id"]]
        assert (record["status"], record["attempts"]) == (500, 3)

    def test_deaf_clients_keep_nobody_waiting(self, server, browser):
        silence = Silence(200)
        with Listener(silence) as deaf, Listener(200) as listener:
            for _ in range(3):
                browser.sign_in(make_web(server, backchannel_logout_uri=deaf.url + "/out"))
            browser.sign_in(make_web(server, backchannel_logout_uri=listener.url + "/out"))
            assert logout(browser).status == 302
            assert len(listener.wait(1)) == 1
            silence.end()

    def test_survives_a_crash(self, make_server):
        server = make_server({})
        browser = Browser(server)
        with Listener(lambda: time.sleep(30) or 200, 200) as listener:
            client = make_web(server, backchannel_logout_uri=listener.url + "/out")
            browser.sign_in(client)
            logout(browser)
            assert len(listener.wait(1)) == 1
            server.kill()
            assert server.database.sql("SELECT COUNT(*) FROM delivery") == [["1"]]
            server.database.sql("UPDATE delivery SET due_at = 0")   # as if the lease had ended
            server.start()
            assert len(listener.wait(2)) == 2
            until = time.monotonic() + 10
            while server.database.sql("SELECT COUNT(*) FROM delivery") != [["0"]]:
                assert time.monotonic() < until, "the delivery is still there"
                time.sleep(0.05)


class TestLongAfterTheTokens:
    """Front-Channel Logout 1.0 3, Back-Channel Logout 1.0 2.3: the server remembers whom it signed in as long as the session lasts."""

    @pytest.fixture
    def hasty(self, make_server):
        return make_server({"ttl": {"access_token": "1s", "auth_code": "1s", "id_token": "1s"}})

    @staticmethod
    def grants(server, client):
        return int(server.database.sql(f"SELECT COUNT(*) FROM oauth_grant WHERE client_id = '{client['client_id']}'")[0][0])

    @staticmethod
    def later(server):
        time.sleep(2.2)
        assert server.admin.post("/oauth2/flush", json={}).status == 204

    def test_back_channel(self, hasty):
        browser = Browser(hasty)
        with Listener(200) as listener:
            client = make_web(hasty, backchannel_logout_uri=listener.url + "/out")
            sid = claims_of(browser.sign_in(client, scope="openid")["id_token"])["sid"]
            self.later(hasty)
            logout(browser)
            ((*_, form),) = listener.wait(1)
            assert claims_of(form["logout_token"])["sid"] == sid

    def test_front_channel(self, hasty):
        browser, client = Browser(hasty), make_web(hasty, frontchannel_logout_uri="https://one.example.test/out")
        browser.sign_in(client, scope="openid")
        self.later(hasty)
        assert "https://one.example.test/out?" in logout(browser).text

    def test_extended_session(self, hasty):
        """What is kept lasts as long as the session then does."""
        browser, client = Browser(hasty), make_web(hasty, frontchannel_logout_uri="https://one.example.test/out")
        browser.sign_in(client, {"remember_for": 2}, scope="openid")
        other = make_web(hasty)
        browser.flow(other, {"remember_for": 1000, "extend_session_lifespan": True}, scope="openid")
        self.later(hasty)
        assert "https://one.example.test/out?" in logout(browser).text

    def test_keeps_one(self, hasty):
        browser, client = Browser(hasty), make_web(hasty, frontchannel_logout_uri="https://one.example.test/out")
        for _ in range(3):
            browser.sign_in(client, scope="openid")
        self.later(hasty)
        assert self.grants(hasty, client) == 1

    def test_keeps_none(self, hasty):
        """Who is told of no logout, and whose session nobody can end."""
        deaf, browser = make_web(hasty), Browser(hasty)
        browser.sign_in(deaf, scope="openid")
        client = make_web(hasty, frontchannel_logout_uri="https://one.example.test/out")
        Browser(hasty).sign_in(client, {"remember": False}, scope="openid")
        self.later(hasty)
        assert (self.grants(hasty, deaf), self.grants(hasty, client)) == (0, 0)
