"""Consent sessions listed and revoked, login sessions ended, in both generations of the admin API. Numbers in comments are the
behaviours that deployed apps rely on (sessions 135-144)."""

import re
import time
import urllib.parse

import pytest

from flow_support import Browser, Listener, accept, get_request, make_web

CURRENT, V1 = "/admin/oauth2/auth/sessions", "/oauth2/auth/sessions"
BASES = [pytest.param(CURRENT, id="current"), pytest.param(V1, id="v1")]


def sessions(server, base=CURRENT, **query):
    return server.admin.get(base + "/consent", query=query)


def revoke(server, base=CURRENT, kind="consent", **query):
    return server.admin.delete(f"{base}/{kind}", query=query)


def refused(answer, text):
    assert answer.status == 400 and answer.json["error"] == "invalid_request" and text in answer.json["error_description"], answer


def links(answer):
    return {rel: url for url, rel in re.findall(r'<([^>]*)>; rel="([a-z]+)"', answer.headers.get("Link") or "")}


@pytest.fixture(scope="module")
def web(server):
    return make_web(server)


@pytest.fixture
def subject(request):
    return f"{request.node.name} ä/?&\"<{time.monotonic_ns()}"


@pytest.fixture
def person(server, web, subject):
    """Signs the subject in with a browser of its own; returns (browser, tokens)."""
    def sign_in(client=web, login=None, consent=None, **query):
        browser = Browser(server)
        return browser, browser.sign_in(client, {"subject": subject, **(login or {})}, consent, **query)
    return sign_in


def alive(server, tokens):
    found = {server.introspect(tokens[kind])["active"] for kind in ("access_token", "refresh_token")}
    assert len(found) == 1
    return found.pop()


@pytest.mark.parametrize("base", BASES)
class TestList:
    @pytest.mark.parametrize("query", ["", "subject=", "login_session_id=x"])
    def test_no_subject(self, server, base, query):  # 135
        refused(server.admin.get(f"{base}/consent?{query}"), "Query parameter 'subject'")

    @pytest.mark.parametrize("who", ["nobody", "\0", "x" * 4000, "' OR 1=1 --", "%"])
    def test_unknown(self, server, base, who):
        answer = sessions(server, base, subject=who)
        assert (answer.status, answer.json) == (200, []) and answer.headers["Link"] is None, answer

    def test_members(self, server, base, subject, person):  # 136
        claims = {"access_token": {"a": [1]}, "id_token": {"b": "<&>"}}
        person(login={"acr": "5", "context": {"c": 1}}, consent={"remember": True, "remember_for": 3600, "session": claims})
        (item,) = sessions(server, base, subject=subject).json
        assert item["grant_scope"] == ["openid", "offline", "foo"] and item["grant_access_token_audience"] == []
        assert item["session"] == claims and item["remember"] is True and item["remember_for"] == 3600
        assert item["handled_at"].endswith("Z")
        asked, current = item["consent_request"], base == CURRENT
        assert set(item) == {"grant_scope", "grant_access_token_audience", "session", "remember", "remember_for", "handled_at",
                             "consent_request"} | ({"consent_request_id", "context"} if current else set())
        assert set(asked) == {"challenge", "requested_scope", "requested_access_token_audience", "skip", "subject", "oidc_context", "client",
                              "request_url", "login_challenge", "login_session_id", "acr", "context"} | (
                                  {"consent_request_id", "amr"} if current else set())
        assert (asked["subject"], asked["acr"], asked["skip"]) == (subject, "5", False)
        assert (asked["challenge"] == "") == current
        if current:
            assert item["consent_request_id"] == asked["consent_request_id"] and item["context"] == {"c": 1}
        else:
            assert get_request(server, "consent", asked["challenge"], "/oauth2/auth/requests").status == 410

    def test_only_granted(self, server, base, web, subject):  # 138
        browser = Browser(server)
        browser.to_consent(web, {"subject": subject})
        challenge = browser.to_consent(web, {"subject": subject})
        answer = server.admin.put("/admin/oauth2/auth/requests/consent/reject", query={"consent_challenge": challenge}, json={})
        browser.get(answer.json["redirect_to"])
        assert sessions(server, base, subject=subject).json == []

    def test_skipped_is_no_session_of_its_own(self, server, base, web, subject, person):
        browser, _ = person(consent={"remember": True})
        browser.sign_in(web, {"subject": subject})
        assert len(sessions(server, base, subject=subject).json) == 1

    def test_remembered_for_a_while(self, server, base, subject, person):
        person(consent={"remember_for": 1})
        person(consent={"remember_for": 100})
        time.sleep(1.1)
        assert [s["remember_for"] for s in sessions(server, base, subject=subject).json] == [100]

    def test_pages(self, server, base, subject, person):
        for scope in "openid", "foo", "bar", "openid foo", "openid bar":
            person(scope=scope + " offline")
        whole = [s["grant_scope"] for s in sessions(server, base, subject=subject).json]
        assert [w[0] for w in whole] == ["openid", "openid", "bar", "foo", "openid"]  # newest first
        for size in 1, 2, 3, 5:
            found, answer = [], sessions(server, base, subject=subject, page_size=size)
            assert answer.headers["X-Total-Count"] == "5"
            while True:
                assert 1 <= len(answer.json) <= size
                found += [s["grant_scope"] for s in answer.json]
                assert set(links(answer)) <= {"first", "next"}
                if "next" not in links(answer):
                    break
                assert links(answer)["next"].startswith(base + "/consent?page_size=")
                answer = server.admin.get(links(answer)["next"])
            assert found == whole
            by_offset = sessions(server, base, subject=subject, limit=size, offset=size)
            assert [s["grant_scope"] for s in by_offset.json] == whole[size:2 * size]
            assert by_offset.headers["X-Total-Count"] == "5"

    def test_page_token_of_others(self, server, base, subject, person):
        for bad in "x", "AAAA", urllib.parse.quote("é"):
            answer = sessions(server, base, subject=subject, page_token=bad)
            assert (answer.status, answer.json) == (400, {"error": "invalid pagination token", "error_description": ""})
        for bad in "many", "1.5", "9" * 20:
            refused(sessions(server, base, subject=subject, page_size=bad), "Unable to parse pagination parameters: ")
        for i in range(2):
            server.create_client()
        other = links(server.admin.get("/admin/clients?page_size=1"))["next"]
        token = urllib.parse.parse_qs(urllib.parse.urlsplit(other).query)["page_token"][0]
        assert sessions(server, base, subject=subject, page_token=token).status == 400
        assert sessions(server, base, subject=subject, page_token="1").status == 200

    def test_client_deleted(self, server, base, subject, person):
        client = make_web(server)
        person(client)
        person()
        server.admin.delete("/admin/clients/" + client["client_id"])
        assert len(sessions(server, base, subject=subject).json) == 1


def test_login_session_filter(server, subject, person):  # 137
    person()
    person()
    first, second = [s["consent_request"]["login_session_id"] for s in sessions(server, subject=subject).json]
    assert first != second
    (found,) = sessions(server, subject=subject, login_session_id=second).json
    assert found["consent_request"]["login_session_id"] == second
    assert sessions(server, subject=subject, login_session_id="unknown").json == []
    assert sessions(server, subject="somebody else", login_session_id=second).json == []


@pytest.mark.parametrize("query", [
    {}, {"subject": "s"}, {"client": "c"}, {"all": "true"}, {"client": "c", "all": "true"}, {"subject": "s", "client": "c", "all": "true"},
    {"subject": "s", "all": "1"}, {"subject": "s", "all": "TRUE"}, {"subject": "s", "all": ""}, {"consent_request_id": "x", "subject": "s"},
    {"consent_request_id": "x", "client": "c"}, {"consent_request_id": "x", "all": "true"},
])
def test_revoke_combinations(server, query):  # 139
    refused(revoke(server, **query), "Invalid combination of query parameters.")


def test_revoke_combinations_v1(server):  # 140
    for query in {}, {"client": "c"}, {"all": "true"}, {"consent_request_id": "x"}:
        refused(revoke(server, V1, **query), "Query parameter 'subject'")
    for query in {"subject": "s"}, {"subject": "s", "all": "1"}, {"subject": "s", "consent_request_id": "x"}:
        refused(revoke(server, V1, **query), "'client' and 'all'")
    assert revoke(server, V1, subject="nobody", client="c", all="true").status == 204


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("query", [{"subject": "nobody", "all": "true"}, {"subject": "nobody", "client": "x"}, {"subject": "\0", "all": "true"},
                                   {"subject": "x" * 4000, "client": "y"}])
def test_nothing_to_revoke(server, base, query):
    assert revoke(server, base, **query).status == 204


@pytest.mark.parametrize("base", BASES)
def test_revoke_one_client(server, web, subject, person, base):  # 141
    other = make_web(server)
    _, mine = person(consent={"remember": True})
    _, others = person(other)
    assert revoke(server, base, subject=subject, client=web["client_id"]).status == 204
    assert (alive(server, mine), alive(server, others)) == (False, True)
    assert len(sessions(server, base, subject=subject).json) == 1
    assert revoke(server, base, subject=subject, client=web["client_id"]).status == 204


@pytest.mark.parametrize("base", BASES)
def test_revoke_all(server, web, subject, person, base):
    browser, first = person(consent={"remember": True})
    skipped = browser.sign_in(web, {"subject": subject})
    _, third = person(make_web(server))
    _, stranger = person(login={"subject": "somebody else"})
    assert revoke(server, base, subject=subject, all="true").status == 204
    assert not any(alive(server, tokens) for tokens in (first, skipped, third)) and alive(server, stranger)
    assert sessions(server, base, subject=subject).json == []
    assert get_request(server, "login", browser.to_login(web)).json["skip"] is True  # login sessions stay
    challenge = browser.to_consent(web, {"subject": subject})
    assert get_request(server, "consent", challenge).json["skip"] is False


def test_revoke_one_chain(server, subject, person):
    _, first = person()
    _, second = person()
    newest, oldest = [s["consent_request_id"] for s in sessions(server, subject=subject).json]
    for _ in range(2):
        assert revoke(server, consent_request_id=oldest).status == 204
    assert (alive(server, first), alive(server, second)) == (False, True)
    assert [s["consent_request_id"] for s in sessions(server, subject=subject).json] == [newest]


@pytest.mark.parametrize("base", BASES)
def test_end_logins_of_a_subject(server, web, subject, person, base):  # 142
    browser, tokens = person()
    assert get_request(server, "login", browser.to_login(web)).json["skip"] is True
    for _ in range(2):
        assert revoke(server, base, "login", subject=subject).status == 204
    assert get_request(server, "login", browser.to_login(web)).json["skip"] is False
    assert alive(server, tokens)
    (item,) = sessions(server, base, subject=subject).json
    assert item["consent_request"]["login_session_id"] == ""


@pytest.mark.parametrize("base", BASES)
def test_request_under_way_when_the_login_ends(server, web, subject, person, base):
    """It asked no password because of a session that is over when it comes back."""
    browser, _ = person()
    challenge = browser.to_login(web)
    assert get_request(server, "login", challenge).json["skip"] is True
    back = accept(server, "login", challenge, {"subject": subject})
    assert revoke(server, base, "login", subject=subject).status == 204
    browser.sign_in(web, {"subject": subject + " again"})
    refusal = browser.get(back)
    assert refusal.base == web["redirect_uris"][0] and refusal.query["error"] == "login_required", refusal
    assert get_request(server, "login", browser.to_login(web)).json["subject"] == subject + " again"


def test_end_login_by_id(server, subject, person):  # 143
    with Listener(200) as client_server:
        client = make_web(server, backchannel_logout_uri=client_server.url + "/bye")
        browser, tokens = person(client)
        (item,) = sessions(server, subject=subject).json
        sid = item["consent_request"]["login_session_id"]
        for _ in range(2):
            assert revoke(server, kind="login", sid=sid, subject="somebody else").status == 204
        assert len(client_server.wait(1)) == 1
        assert get_request(server, "login", browser.to_login(client)).json["skip"] is False
        assert alive(server, tokens)
        time.sleep(0.5)
        assert len(client_server.seen) == 1


def test_end_login_refusals(server):  # 144
    refused(revoke(server, kind="login"), "Either 'subject' or 'sid'")
    for query in {}, {"sid": "x"}:
        refused(revoke(server, V1, "login", **query), "Query parameter 'subject'")
    for sid in "unknown", "\0", "x" * 4000:
        assert revoke(server, kind="login", sid=sid).status == 204
