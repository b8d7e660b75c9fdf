"""Refreshing tokens: rotation, replays, the grace period, revocation, races, crashes. Numbers in comments are the behaviours that
deployed clients rely on (121-127)."""

import time

import pytest

from flow_support import make_web
from tokens_support import active, at_once, pair, refresh, refused, tokens_for, unpack


@pytest.fixture(scope="module")
def web(server):
    return make_web(server)


@pytest.fixture(scope="module")
def graceful(tmp_path_factory):
    from harness import Server
    grace = {"oauth2": {"grant": {"refresh_token": {"rotation_grace_period": "60s"}}}}
    running = Server(tmp_path_factory.mktemp("graceful"), grace).start()
    yield running
    running.stop()


def test_rotation(server, web):  # 121, 124
    one = tokens_for(server, web, nonce="a-nonce-of-the-test")
    time.sleep(1.1)
    answer = refresh(server, web, one["refresh_token"])
    assert answer.status == 200 and answer.headers["Cache-Control"] == "no-store", answer
    two = answer.json
    assert sorted(two) == sorted(one) and two["scope"] == one["scope"]
    assert [active(server, one[n]) for n in ("access_token", "refresh_token")] == [False, False]
    assert [active(server, two[n]) for n in ("access_token", "refresh_token")] == [True, True]
    first, next_ = unpack(one["id_token"])[1], unpack(two["id_token"])[1]
    for name in ("sub", "nonce", "auth_time", "sid", "rat", "aud", "iss"):
        assert first[name] == next_[name], name
    assert next_["iat"] > first["iat"] and next_["jti"] != first["jti"] and next_["at_hash"] != first["at_hash"]


@pytest.mark.race
def test_replay_kills_the_family(server, web):  # 122
    one = tokens_for(server, web)
    two = refresh(server, web, one["refresh_token"]).json
    refused(refresh(server, web, one["refresh_token"]), 400, "invalid_grant", "The refresh token was already used.")
    assert not active(server, two["access_token"])
    refused(refresh(server, web, two["refresh_token"]), 400, "invalid_grant")


def test_a_long_chain(server, web):
    seen, body = set(), tokens_for(server, web)
    for _ in range(30):
        seen.add(body["refresh_token"])
        answer = refresh(server, web, body["refresh_token"])
        assert answer.status == 200, answer
        body = answer.json
    assert len(seen) == 30 and body["refresh_token"] not in seen


def test_other_client(server, web):
    other, one = make_web(server), tokens_for(server, web)
    refused(refresh(server, other, one["refresh_token"]), 400, "invalid_grant")
    assert refresh(server, web, one["refresh_token"]).status == 200


@pytest.mark.parametrize("change, status, error", [
    ({"scope": "openid offline"}, 400, "invalid_scope"), ({"grant_types": ["authorization_code"]}, 400, "unauthorized_client")])
def test_client_changed(server, change, status, error):  # 126
    web = make_web(server)
    one = tokens_for(server, web)
    patch = [{"op": "replace", "path": "/" + name, "value": value} for name, value in change.items()]
    assert server.admin.patch("/admin/clients/" + web["client_id"], json=patch).status == 200
    refused(refresh(server, web, one["refresh_token"]), status, error)


def test_parameters_are_ignored(server, web):  # 123
    body = tokens_for(server, web)
    for form in ({"scope": "foo"}, {"scope": "openid offline foo bar"}, {"audience": "urn:x"}, {"redirect_uri": "https://x/"}):
        answer = refresh(server, web, body["refresh_token"], **form)
        assert answer.status == 200 and answer.json["scope"] == "openid offline foo", answer
        body = answer.json


def test_revocation(server, web):  # 148
    for name in ("access_token", "refresh_token"):
        body = tokens_for(server, web)
        assert server.public.post("/oauth2/revoke", form={"token": body[name]}, basic=pair(web)).status == 200
        assert not active(server, body["access_token"]) and not active(server, body["refresh_token"])
        refused(refresh(server, web, body["refresh_token"]), 400, "invalid_grant")


def test_revoking_a_rotated_token(server, web):
    one = tokens_for(server, web)
    two = refresh(server, web, one["refresh_token"]).json
    assert server.public.post("/oauth2/revoke", form={"token": one["refresh_token"]}, basic=pair(web)).status == 200
    assert not active(server, two["access_token"]) and not active(server, two["refresh_token"])


def test_siblings(server, web):
    one, two = tokens_for(server, web), tokens_for(server, web)
    server.public.post("/oauth2/revoke", form={"token": one["refresh_token"]}, basic=pair(web))
    assert active(server, two["access_token"]) and refresh(server, web, two["refresh_token"]).status == 200


def test_unlimited(make_server):  # 127
    server = make_server({"ttl": {"refresh_token": "-1"}})
    web = make_web(server)
    body = tokens_for(server, web)
    said = server.introspect(body["refresh_token"])
    assert said["active"] and "exp" not in said
    assert refresh(server, web, body["refresh_token"]).status == 200


def test_expired(make_server):
    server = make_server({"ttl": {"refresh_token": "1s"}})
    web = make_web(server)
    body = tokens_for(server, web)
    time.sleep(2.1)
    refused(refresh(server, web, body["refresh_token"]), 400, "invalid_grant", "expired")
    assert not active(server, body["refresh_token"])


def test_client_gone(server):
    web = make_web(server)
    body = tokens_for(server, web)
    assert server.admin.delete("/admin/clients/" + web["client_id"]).status == 204
    assert not active(server, body["access_token"]) and not active(server, body["refresh_token"])
    assert refresh(server, web, body["refresh_token"]).status == 401


class TestGrace:
    @pytest.mark.race
    def test_same_successor(self, graceful):  # 125
        web = make_web(graceful)
        one = tokens_for(graceful, web)
        two, again = (refresh(graceful, web, one["refresh_token"]).json for _ in range(2))
        assert two["refresh_token"] == again["refresh_token"] != one["refresh_token"]
        assert two["access_token"] != again["access_token"]
        assert active(graceful, two["access_token"]) and active(graceful, again["access_token"]) and active(graceful, one["refresh_token"])
        assert not active(graceful, one["access_token"])
        three = refresh(graceful, web, two["refresh_token"]).json
        late = refresh(graceful, web, one["refresh_token"])
        assert (late.status, late.json["refresh_token"]) == (200, three["refresh_token"]), "two generations behind, within the period"

    @pytest.mark.race
    def test_crowd(self, graceful):
        web = make_web(graceful)
        one = tokens_for(graceful, web)
        answers = at_once(100, lambda: refresh(graceful, web, one["refresh_token"]))
        assert {a.status for a in answers} == {200}, [a for a in answers if a.status != 200][:3]
        assert len({a.json["refresh_token"] for a in answers}) == 1
        assert len({a.json["access_token"] for a in answers}) == 100
        assert all(active(graceful, a.json["access_token"]) for a in answers[::10])

    def test_over(self, make_server):  # operations 71
        server = make_server({"oauth2": {"grant": {"refresh_token": {"rotation_grace_period": "1s"}}}})
        web = make_web(server)
        one = tokens_for(server, web)
        two = refresh(server, web, one["refresh_token"]).json
        time.sleep(1.2)
        refused(refresh(server, web, one["refresh_token"]), 400, "invalid_grant")
        assert not active(server, two["access_token"])

    @pytest.mark.race
    def test_count(self, make_server):
        server = make_server({"oauth2": {"grant": {"refresh_token": {"rotation_grace_period": "60s", "rotation_grace_reuse_count": 3}}}})
        web = make_web(server)
        one = tokens_for(server, web)
        assert [refresh(server, web, one["refresh_token"]).status for _ in range(4)] == [200, 200, 200, 400]


@pytest.mark.race
def test_one_of_a_hundred_wins(server, web):
    one = tokens_for(server, web)
    answers = at_once(100, lambda: refresh(server, web, one["refresh_token"]))
    won = [a for a in answers if a.status == 200]
    assert len(won) == 1, [a.status for a in answers]
    for answer in answers:
        assert answer is won[0] or (answer.status, answer.json["error"]) == (400, "invalid_grant"), answer
    assert len({active(server, won[0].json["access_token"]), active(server, won[0].json["refresh_token"])}) == 1


def test_survives_a_crash(make_server):
    server = make_server()
    web = make_web(server)
    body = tokens_for(server, web)
    for _ in range(3):
        server.kill()
        server.start()
        answer = refresh(server, web, body["refresh_token"])
        assert answer.status == 200, answer
        body = answer.json
    assert active(server, body["access_token"])
