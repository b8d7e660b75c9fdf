"""A node dies, the database restarts, the database moves to its standby: all under load. Whoever was answered can rely on it; whoever
was refused was told so clearly; and all goes on without anybody restarting grantd."""

import contextlib
import time

import pytest

from databases import started
from harness import DATABASE, run_grantd
from load import Load

PATIENCE = 10    # seconds in which everything must work again


@pytest.fixture
def make_load(make_cluster):
    """make_load(dsn=...): a cluster and clients at work on it; afterwards they have found what they were answered."""
    loads = []

    def make(**more):
        loads.append(Load(make_cluster(**more)).start())
        time.sleep(1)
        return loads[-1]
    yield make
    for load in loads:
        load.over.set()


def end(load):
    load.stop()
    load.check()
    for node in load.cluster.nodes:
        assert node.process is None or node.process.poll() is None, "a node ended by itself"


def clear_refusals(load):
    """RFC 9110 10.2.3 for each refusal, and none took long."""
    assert not load.cut, (len(load.cut), load.cut[:3])
    for refusal in load.refused:
        answer = refusal.answer
        assert answer.status == 503 and int(answer.headers["Retry-After"]) >= 1, refusal
        assert answer.json["error"] == "temporarily_unavailable", refusal
        assert refusal.took < PATIENCE, refusal


# ---- nodes ----

def test_killed_node(make_load):
    """Only what was being asked of the node may fail: at most one request of each client, and at that moment."""
    load = make_load()
    for turn in range(3):
        before, moment = len(load.cut), time.monotonic()
        load.cluster.nodes[turn].kill()
        load.recovered(PATIENCE)
        cut = load.cut[before:]
        assert len(cut) <= len(load.workers) and all(c.at < moment + 0.5 for c in cut), cut
        load.cluster.nodes[turn].start()
        time.sleep(1.5)
    assert not load.refused, load.refused[:3]
    end(load)


def test_stopped_node(make_load):
    """A node that is told to end loses no request: it finishes what it was asked, and says on kept connections that they end."""
    load = make_load()
    for node in load.cluster.nodes:
        node.stop()
        time.sleep(0.5)
        node.start()
        time.sleep(1.5)
    assert not load.cut and not load.refused, (load.cut, load.refused)
    end(load)


# ---- the database ----

def migrate(dsn):
    done = run_grantd("migrate", "sql", "up", "-e", "-y", env={"PATH": "/usr/bin:/bin", "DSN": dsn})
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def database():
    """A server of the test's own, that it may stop."""
    if DATABASE == "sqlite":
        pytest.skip("needs a database server")
    with started(DATABASE) as server:
        server.create_named("grantd")
        migrate(server.dsn("grantd"))
        yield server


@pytest.mark.parametrize("way", ["stop", "kill"])
def test_restarted_database(make_load, database, way):
    load = make_load(dsn=database.dsn("grantd"))
    for pause in (0, 3):
        getattr(database, way)()
        time.sleep(pause)
        if pause:
            public, admin = load.cluster.nodes[0].public, load.cluster.nodes[0].admin
            assert public.get("/health/alive").status == 200 and public.get("/.well-known/openid-configuration").status == 200
            assert public.get("/health/ready").status == admin.get("/health/ready").status == 503
            assert public.get("/.well-known/jwks.json").status == 200, "keys that are known do not go away"
        database.start()
        load.recovered(PATIENCE)
    clear_refusals(load)
    assert load.refused, "the outage was not noticed"
    end(load)


@pytest.fixture
def pair_of_databases():
    """A leader, and a standby that has everything the leader has answered."""
    if DATABASE != "postgres":
        pytest.skip("about PostgreSQL's replication")
    with contextlib.ExitStack() as stack:
        leader = stack.enter_context(started("postgres"))
        leader.create_named("grantd")
        migrate(leader.dsn("grantd"))
        standby = stack.enter_context(started("postgres", leader))
        leader.sql("ALTER SYSTEM SET synchronous_standby_names = 'standby'; SELECT pg_reload_conf()")
        until = time.monotonic() + 30
        while leader.sql("SELECT sync_state FROM pg_stat_replication") != [["sync"]]:
            assert time.monotonic() < until, leader.log
            time.sleep(0.05)
        yield leader, standby


def test_failover(make_load, pair_of_databases):
    leader, standby = pair_of_databases
    hosts = f"127.0.0.1:{leader.port},127.0.0.1:{standby.port}"
    dsn = leader.dsn("grantd").replace(f"127.0.0.1:{leader.port}", hosts) + "&target_session_attrs=read-write"
    load = make_load(dsn=dsn)
    leader.kill()
    time.sleep(1)
    standby.promote()
    load.recovered(PATIENCE)
    clear_refusals(load)
    assert load.refused, "the outage was not noticed"
    end(load)
