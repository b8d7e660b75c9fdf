"""Migrations that several processes run at once."""

import json
import os
from concurrent.futures import ThreadPoolExecutor

from harness import run_grantd


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
