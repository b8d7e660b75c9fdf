"""Migrations that several processes run at once."""

import json
import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness import DATABASE, run_grantd


def test_ten_migrate_at_once(make_database):
    database = make_database(migrated=False)
    env = {"PATH": os.environ["PATH"], "DSN": database.dsn}
    with ThreadPoolExecutor(10) as pool:
        runs = list(pool.map(lambda _: run_grantd("migrate", "sql", "up", "-e", "-y", env=env), range(10)))
    assert [r.returncode for r in runs] == [0] * 10, [r.stdout[-300:] + r.stderr for r in runs if r.returncode]
    status = json.loads(run_grantd("migrate", "sql", "status", "-e", "--format", "json", env=env).stdout)
    assert {m["state"] for m in status} == {"Applied"}
    again = make_database(migrated=False)
    assert run_grantd("migrate", "sql", "up", "-e", "-y", env={**env, "DSN": again.dsn}).returncode == 0
    assert database.tables() == again.tables()
    assert database.sql("SELECT COUNT(*) FROM counter") == again.sql("SELECT COUNT(*) FROM counter")


@pytest.mark.skipif(DATABASE == "sqlite", reason="a file is migrated by the server that opens it")
def test_not_ready_before_it(make_database, make_nodes):  # admin 162
    """Alive, but not ready until somebody has run the migrations; the public listener does not say why."""
    database = make_database(migrated=False)
    node, = make_nodes(1, database.dsn)
    node.start(ready=False)
    node.wait_ready(path="/health/alive")
    for listener, path in ((node.admin, "/health/ready"), (node.admin, "/admin/health/ready"), (node.public, "/health/ready")):
        answer = listener.get(path)
        text = answer.json["error_description"]
        assert (answer.status, answer.json) == (503, {"error": "not_ready", "error_description": text, "errors": {"migrations": text}}), answer
        assert ("grantd migrate sql up" in answer.text) == (listener is node.admin), answer
        assert listener.get(path.replace("ready", "alive")).status == 200
    assert run_grantd("migrate", "sql", "up", "-e", "-y", env={"PATH": os.environ["PATH"], "DSN": database.dsn}).returncode == 0
    node.wait_ready()
