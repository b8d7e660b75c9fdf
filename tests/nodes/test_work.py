"""What nodes do by themselves: several of them do it once, and disturb nobody."""

import collections
import time

from flow_support import Browser, Listener, make_web
from test_logout import claims_of, logout

CRASHES = 30


def eventually(what, within):
    until = time.monotonic() + within
    while not what():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.05)


def count(database, table, where="1 = 1"):
    return int(database.sql(f"SELECT COUNT(*) FROM {table} WHERE {where}")[0][0])


def test_deliveries(make_cluster):
    """Deliveries whose node has died are taken by the others: each by exactly one (OpenID Connect Back-Channel Logout 2.5)."""
    cluster = make_cluster()
    with Listener(503) as listener:
        web = make_web(cluster, backchannel_logout_uri=listener.url + "/out")
        for number in range(CRASHES):
            browser = Browser(cluster.nodes[0])
            browser.sign_in(web, {"subject": f"person-{number}", "remember": True})
            logout(browser)
        listener.wait(CRASHES)
        cluster.kill()
        listener.seen.clear()
        listener.answers[:] = [200]
        assert count(cluster.database, "delivery") == CRASHES
        cluster.database.sql("UPDATE delivery SET due_at = 0")      # as if every lease had ended
        cluster.start()
        eventually(lambda: count(cluster.database, "delivery") == 0, 30)
        time.sleep(2)
        told = collections.Counter(claims_of(form["logout_token"])["jti"] for *_, form in listener.seen)
        assert len(told) == CRASHES and set(told.values()) == {1}, told


def test_deliveries_while_all_run(make_cluster):
    cluster = make_cluster()
    with Listener(204) as listener:
        web = make_web(cluster, backchannel_logout_uri=listener.url + "/out")
        for number in range(CRASHES):
            browser = Browser(cluster.nodes[number % 3])
            browser.sign_in(web, {"subject": f"person-{number}", "remember": True})
            logout(browser)
        listener.wait(CRASHES)
        eventually(lambda: count(cluster.database, "delivery") == 0, 20)
        told = collections.Counter(claims_of(form["logout_token"])["jti"] for *_, form in listener.seen)
        assert len(told) == CRASHES and set(told.values()) == {1}, told


def test_expiry(make_cluster):
    """Three nodes remove expired rows at the same time, while tokens are revoked: nothing fails, nothing that lives goes."""
    cluster = make_cluster()
    client = cluster.create_client()
    basic = (client["client_id"], client["client_secret"])
    past, future = 1_700_000_000_000_000, 4_000_000_000_000_000
    for start in range(0, 30000, 3000):
        rows = [f"(2, 'row{i}', 1, {future if i % 10 == 0 else past + i})" for i in range(start, start + 3000)]
        cluster.database.sql("INSERT INTO mark (kind, id, value, expires_at) VALUES " + ", ".join(rows))
    slowest, revoked, until = 0, 0, time.monotonic() + 60
    while count(cluster.database, "mark", "kind = 2") > 3000:
        assert time.monotonic() < until, "expired rows stay"
        for _ in range(10):
            token = cluster.access_token(client)
            began = time.monotonic()
            assert cluster.public.post("/oauth2/revoke", form={"token": token}, basic=basic).status == 200
            slowest = max(slowest, time.monotonic() - began)
            revoked += 1
    assert count(cluster.database, "mark", "kind = 2") == 3000
    assert count(cluster.database, "mark", "kind = 1") == revoked
    assert slowest < 5
    assert not [r for r in cluster.records() if r["level"] in ("error", "warning")], cluster.records()[-5:]
