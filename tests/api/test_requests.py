"""What login and consent apps do over the admin API, in both generations: get, accept, reject; refusals and repetitions.
Numbers in comments are the behaviours that deployed apps rely on (requests 102-127, 134)."""

import concurrent.futures
import time

import pytest

from flow_support import ADMIN, Browser, CALLBACK, accept, decide, get_request, make_web

V1 = "/oauth2/auth/requests"
BASES = [pytest.param(ADMIN, id="current"), pytest.param(V1, id="v1")]
KINDS = ["login", "consent"]


@pytest.fixture(scope="module")
def web(server):
    return make_web(server, client_name="Kettle", audience=["https://api.example.test"])


@pytest.fixture
def browser(server):
    return Browser(server)


def challenge_of(browser, kind, client, **query):
    return browser.to_login(client, **query) if kind == "login" else browser.to_consent(client, **query)


def refused(answer, status, error, text=""):
    assert answer.status == status, answer
    assert sorted(answer.json) == ["error", "error_description"], answer
    assert answer.json["error"] == error and text in answer.json["error_description"], answer


@pytest.mark.parametrize("base", BASES)
class TestBoth:
    @pytest.mark.parametrize("kind", KINDS)
    def test_no_challenge(self, server, base, kind):  # 102
        for query in "", f"{kind}_challenge=", "other=1":
            refused(server.admin.get(f"{base}/{kind}?{query}"), 400, "invalid_request", "Query parameter 'challenge'")
            refused(server.admin.put(f"{base}/{kind}/accept?{query}", json={"subject": "a"}), 400, "invalid_request")
            refused(server.admin.put(f"{base}/{kind}/reject?{query}", json={}), 400, "invalid_request")

    @pytest.mark.parametrize("kind", KINDS)
    def test_unknown_challenge(self, server, base, kind):  # 103
        for challenge in "nothing", "x" * 9000, "\x00", "ü", "'; DROP TABLE oauth_grant; --":
            refused(get_request(server, kind, challenge, base), 404, "Not Found")
            refused(decide(server, kind, "accept", challenge, {"subject": "a"}, base), 404, "Not Found")
            refused(decide(server, kind, "reject", challenge, {}, base), 404, "Not Found")

    @pytest.mark.parametrize("kind", KINDS)
    def test_short_name(self, server, web, browser, base, kind):  # 104
        challenge = challenge_of(browser, kind, web)
        answer = server.admin.get(f"{base}/{kind}", query={"challenge": challenge})
        assert (answer.status, answer.json["challenge"]) == (200, challenge)
        assert server.admin.put(f"{base}/{kind}/accept", query={"challenge": challenge}, json={"subject": "alice"}).status == 200

    def test_kinds_are_not_mixed(self, server, web, browser, base):
        login = browser.to_login(web)
        consent = Browser(server).to_consent(web)
        refused(get_request(server, "login", consent, base), 404, "Not Found")
        refused(get_request(server, "consent", login, base), 404, "Not Found")
        refused(get_request(server, "logout", login, base), 404, "Not Found")

    @pytest.mark.parametrize("kind", KINDS)
    @pytest.mark.parametrize("body", ["", "nonsense", "[]", '"x"', "5", '{"subject":"a"} trailing', '{"subject":"a",}'])
    def test_no_object(self, server, web, browser, base, kind, body):
        challenge = challenge_of(browser, kind, web)
        for verdict in "accept", "reject":
            answer = server.admin.put(f"{base}/{kind}/{verdict}", query={f"{kind}_challenge": challenge}, body=body)
            refused(answer, 400, "invalid_request", "Unable to decode body because: ")
        assert get_request(server, kind, challenge, base).status == 200  # nothing was decided

    @pytest.mark.parametrize("body", [
        {}, {"subject": ""}, {"subject": None}, {"subject": 5}, {"subject": ["a"]}, {"subject": "x" * 256}, {"subject": "a\0b"},
        {"subject": "a", "remember": "yes"}, {"subject": "a", "remember_for": 1.5}, {"subject": "a", "remember_for": "5"},
        {"subject": "a", "acr": 1}, {"subject": "a", "amr": "pwd"}, {"subject": "a", "amr": [1]}, {"subject": "a", "amr": ["x"] * 1001},
        {"subject": "a", "force_subject_identifier": "x" * 256}, {"subject": "a", "identity_provider_session_id": "x" * 256},
    ])
    def test_login_values(self, server, web, browser, base, body):  # 107
        challenge = browser.to_login(web)
        refused(decide(server, "login", "accept", challenge, body, base), 400, "invalid_request")
        assert get_request(server, "login", challenge, base).status == 200

    @pytest.mark.parametrize("amr", ["pwd", ["pwd", 1], {}])
    def test_lists_of_texts(self, server, web, browser, base, amr):
        answer = decide(server, "login", "accept", browser.to_login(web), {"subject": "a", "amr": amr}, base)
        refused(answer, 400, "invalid_request", "'amr' must be an array of strings.")

    @pytest.mark.parametrize("body", [
        {"grant_scope": "openid"}, {"grant_scope": [1]}, {"grant_scope": ["x"] * 1001}, {"grant_access_token_audience": {}},
        {"session": 5}, {"session": []}, {"session": {"access_token": []}}, {"session": {"id_token": "x"}},
        {"session": {"userinfo": 1}}, {"remember": 1}, {"remember_for": "1h"}, {"remember_for": 10**30},
    ])
    def test_consent_values(self, server, web, browser, base, body):
        challenge = browser.to_consent(web)
        refused(decide(server, "consent", "accept", challenge, body, base), 400, "invalid_request")

    @pytest.mark.parametrize("kind", KINDS)
    @pytest.mark.parametrize("body", [{"error": 1}, {"status_code": "many"}, {"error_description": []}])
    def test_rejection_values(self, server, web, browser, base, kind, body):
        refused(decide(server, kind, "reject", challenge_of(browser, kind, web), body, base), 400, "invalid_request")

    def test_unknown_members(self, server, web, browser, base):  # 109, 110
        challenge = browser.to_login(web)
        assert decide(server, "login", "accept", challenge, {"subject": "alice", "made_up": {"a": 1}}, base).status == 200

    @pytest.mark.parametrize("kind", KINDS)
    def test_first_decision_is_final(self, server, web, browser, base, kind):  # 111
        challenge = challenge_of(browser, kind, web)
        body = {"subject": "alice", "context": {"a": [1, "2", None]}, "grant_scope": ["foo"], "session": {"id_token": {"n": 1.5}}}
        first = accept(server, kind, challenge, body, base)
        if (base, kind) == (V1, "login"):  # every second one, also the same again
            refused(decide(server, kind, "accept", challenge, body, base), 409, "Conflict")
        else:
            assert accept(server, kind, challenge, body, base) == first
        assert get_request(server, kind, challenge, base).status == 200
        for other in {**body, "subject": "bob", "grant_scope": []}, {**body, "remember": True}:
            refused(decide(server, kind, "accept", challenge, other, base), 409, "Conflict")
        refused(decide(server, kind, "reject", challenge, {}, base), 409, "Conflict")

    @pytest.mark.parametrize("kind", KINDS)
    def test_rejection_is_final(self, server, web, browser, base, kind):
        challenge = challenge_of(browser, kind, web)
        assert decide(server, kind, "reject", challenge, {"error": "no"}, base).status == 200
        again = decide(server, kind, "reject", challenge, {"error": "no"}, base)
        assert again.status == (409 if (base, kind) == (V1, "login") else 200)
        refused(decide(server, kind, "reject", challenge, {"error": "other"}, base), 409, "Conflict")
        refused(decide(server, kind, "accept", challenge, {"subject": "alice"}, base), 409, "Conflict")

    @pytest.mark.parametrize("kind", KINDS)
    def test_used(self, server, web, browser, base, kind):  # 112, 126
        login = browser.to_login(web)
        consent = browser.get(accept(server, "login", login, {"subject": "alice"})).query["consent_challenge"]
        browser.get(accept(server, "consent", consent, {}))
        challenge = login if kind == "login" else consent
        answer = get_request(server, kind, challenge, base)
        assert answer.status == 410 and list(answer.json) == ["redirect_to"], answer
        assert answer.json["redirect_to"].startswith(server.public.url + "/oauth2/auth?"), answer
        refused(decide(server, kind, "accept", challenge, {"subject": "alice"}, base), 409, "Conflict")
        refused(decide(server, kind, "reject", challenge, {}, base), 409, "Conflict")

    @pytest.mark.parametrize("kind", KINDS)
    def test_client_changed_and_deleted(self, server, browser, base, kind):
        client = make_web(server)
        path = "/admin/clients/" + client["client_id"]
        challenge = challenge_of(browser, kind, client)
        server.admin.patch(path, json=[{"op": "replace", "path": "/client_name", "value": "Renamed"}])
        assert get_request(server, kind, challenge, base).json["client"]["client_name"] == "Renamed"
        assert server.admin.delete(path).status == 204
        refused(get_request(server, kind, challenge, base), 404, "Not Found")
        refused(decide(server, kind, "accept", challenge, {"subject": "a"}, base), 404, "Not Found")

    def test_defaults_of_rejections(self, server, web, browser, base):  # 116, 117, 118
        for kind in KINDS:
            challenge = challenge_of(browser, kind, web)
            to = browser.get(decide(server, kind, "reject", challenge, {}, base).json["redirect_to"])
            assert to.base == CALLBACK and to.query["error"] == f"{kind} request denied", to
            challenge = challenge_of(browser, kind, web)
            said = {"error": "custom", "error_description": "why", "error_hint": "what to do", "error_debug": "secret", "status_code": 403}
            to = browser.get(decide(server, kind, "reject", challenge, said, base).json["redirect_to"])
            assert (to.query["error"], to.query["error_description"]) == ("custom", "why what to do"), to
            assert "secret" not in to.url

    @pytest.mark.race
    def test_one_winner(self, server, web, browser, base):
        """A hundred apps decide at once, each otherwise: all answers agree with the one that is stored."""
        challenge = browser.to_consent(web)
        with concurrent.futures.ThreadPoolExecutor(20) as pool:
            answers = list(pool.map(lambda i: decide(server, "consent", "accept", challenge, {"grant_scope": [f"s{i}"]}, base), range(100)))
        assert sorted(a.status for a in answers) == [200] + [409] * 99
        won = next(a for a in answers if a.status == 200)
        assert browser.get(won.json["redirect_to"]).query["scope"] == f"s{answers.index(won)}"


class TestLogin:
    @pytest.mark.parametrize("base", BASES)
    def test_request(self, server, web, browser, base):  # 106
        challenge = browser.to_login(web, acr_values="b a", ui_locales="de en", display="page", login_hint="al@x", audience="https://api.example.test")
        answer = get_request(server, "login", challenge, base)
        assert answer.headers["Cache-Control"] == ("private, no-cache, no-store, must-revalidate" if base == ADMIN else None)
        said = answer.json
        assert said.pop("client")["client_name"] == "Kettle"
        assert said.pop("request_url").startswith(server.public.url + "/oauth2/auth?client_id=")
        assert len(said.pop("session_id")) == 36
        assert said == {"challenge": challenge, "requested_scope": ["openid", "offline", "foo"], "skip": False, "subject": "",
                        "requested_access_token_audience": ["https://api.example.test"],
                        "oidc_context": {"acr_values": ["b", "a"], "ui_locales": ["de", "en"], "display": "page", "login_hint": "al@x"}}

    @pytest.mark.parametrize("base", BASES)
    def test_redirect_to(self, server, web, browser, base):  # 108
        to = accept(server, "login", browser.to_login(web, zeta="1", alpha="ü &"), {"subject": "alice"}, base)
        assert to.startswith(server.public.url + "/oauth2/auth?alpha=%C3%BC+%26&client_id="), to
        assert "&login_verifier=" in to and to.endswith("&zeta=1")

    def test_other_subject_on_skip(self, server, web, browser):  # 113, 114, 115
        browser.flow(web, login={"remember": True})
        challenge = browser.to_login(web)
        said = get_request(server, "login", challenge).json
        assert (said["skip"], said["subject"]) == (True, "alice")
        refused(decide(server, "login", "accept", challenge, {"subject": "bob"}, V1), 400, "invalid_request", "'subject'")
        answer = decide(server, "login", "accept", challenge, {"subject": "bob"})
        assert answer.status == 200 and "login_verifier" not in answer.json["redirect_to"]
        assert "prompt=login" in answer.json["redirect_to"]
        for base in ADMIN, V1:  # `remember` is not said, and yet the session stays
            browser.get(accept(server, "login", challenge, {"subject": "alice", "remember": False}, base))
            challenge = browser.to_login(web)
            assert get_request(server, "login", challenge, base).json["skip"] is True

    def test_hint(self, server, web, browser):
        token = browser.sign_in(web)["id_token"]
        said = get_request(server, "login", browser.to_login(web, id_token_hint=token)).json
        assert said["oidc_context"]["id_token_hint_claims"]["sub"] == "alice"

    def test_expired(self, make_server):  # 105
        server = make_server({"ttl": {"login_consent_request": "1s"}})
        client, browser = make_web(server), Browser(server)
        consent = browser.to_consent(client)
        login = Browser(server).to_login(client)
        time.sleep(1.2)
        assert server.admin.post("/oauth2/flush", body="{}").status == 204     # cleaning up does not change the answer
        for kind, challenge in ("login", login), ("consent", consent):
            text = f"The {kind} request has expired, please try again."
            refused(get_request(server, kind, challenge), 401, "request_unauthorized", text)
            refused(decide(server, kind, "accept", challenge, {"subject": "alice"}), 401, "request_unauthorized", text)
            refused(decide(server, kind, "reject", challenge, {}), 401, "request_unauthorized", text)

    @pytest.mark.parametrize("kind", KINDS)
    @pytest.mark.parametrize("verdict", ["accept", "reject"])
    def test_expired_in_v1(self, make_server, kind, verdict):
        """There the browser is told, not the app."""
        server = make_server({"ttl": {"login_consent_request": "1s"}})
        browser = Browser(server)
        challenge = challenge_of(browser, kind, make_web(server))
        time.sleep(1.2)
        assert get_request(server, kind, challenge, V1).status == 200
        answer = decide(server, kind, verdict, challenge, {"subject": "alice"} if verdict == "accept" else {"error": "no"}, V1)
        assert answer.status == 200, answer
        to = browser.get(answer.json["redirect_to"])
        assert to.base == CALLBACK and to.query["error"] == "request_unauthorized" and "code" not in to.query, to
        assert "expired" in to.query["error_description"], to
        refused(decide(server, kind, verdict, challenge, {"subject": "bob"}, ADMIN), 401, "request_unauthorized")


class TestConsent:
    def test_request(self, server, web, browser):  # 119, 120, 121
        login = browser.to_login(web)
        said = {"subject": "alice", "acr": "loa2", "amr": ["pwd", "otp"], "context": {"a": [1, None, "<>"]}}
        challenge = browser.get(accept(server, "login", login, said)).query["consent_challenge"]
        assert len(challenge) <= 64
        got = get_request(server, "consent", challenge).json
        assert (got["subject"], got["acr"], got["amr"], got["context"]) == ("alice", "loa2", ["pwd", "otp"], {"a": [1, None, "<>"]})
        assert got["login_challenge"] == login and got["challenge"] == challenge
        assert len(got["consent_request_id"]) == 32 and got["skip"] is False
        old = get_request(server, "consent", challenge, V1).json
        assert set(got) - set(old) == {"amr", "consent_request_id"} and old["context"] == got["context"]
        assert set(old) == {"challenge", "requested_scope", "requested_access_token_audience", "skip", "subject", "oidc_context", "client",
                            "request_url", "login_challenge", "login_session_id", "acr", "context"}

    def test_nothing_said(self, server, web, browser):
        challenge = browser.to_consent(web)
        assert get_request(server, "consent", challenge).json["context"] is None
        assert get_request(server, "consent", challenge, V1).json["context"] == {}

    @pytest.mark.parametrize("base", BASES)
    def test_nothing_granted(self, server, web, browser, base):  # 122
        to = browser.get(accept(server, "consent", browser.to_consent(web), {}, base))
        assert to.query["scope"] == "" and to.query["code"], to

    def test_handled_at(self, server, web, browser):  # 123
        challenge = browser.to_consent(web, {"subject": "handled"})
        for bad in "yesterday", "2020-01-01", 5:
            refused(decide(server, "consent", "accept", challenge, {"handled_at": bad}, V1), 400, "invalid_request", "'handled_at'")
        browser.get(accept(server, "consent", challenge, {"handled_at": "2020-01-01T00:00:00+02:00"}, V1))
        (item,) = server.admin.get("/admin/oauth2/auth/sessions/consent", query={"subject": "handled"}).json
        assert not item["handled_at"].startswith("2020-01")
        assert decide(server, "consent", "accept", Browser(server).to_consent(web), {"handled_at": "yesterday"}).status == 200

    def test_null_in_a_list(self, server, web, browser):
        to = browser.get(accept(server, "consent", browser.to_consent(web, {"amr": [None, "pwd"]}), {"grant_scope": ["foo", None]}))
        assert to.query["code"], to

    def test_large_session(self, server, web, browser):
        """Claims are stored, so they may be larger than anything that travels through a browser."""
        claims = {"groups": [f"group-{i}" for i in range(3000)]}
        tokens = browser.sign_in(web, consent={"session": {"access_token": claims}})
        assert server.introspect(tokens["access_token"])["ext"] == claims  # 124
