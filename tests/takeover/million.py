"""How long a large Hydra database takes, and with how much memory. Made by SQL out of a small one; prints a line per figure.

    million.py GRANTD [ROWS [FOLDER [DSN]]]     ROWS: consents and tokens together, 1000000 unless said; DSN: into an empty database
"""

import os
import pathlib
import resource
import subprocess
import sys
import tempfile
import time

from hydra_database import SECRET, HydraDatabase

ROWS_PER_FAMILY = 5     # consent, code, access, refresh, and one used refresh token


def columns(db, table):
    return [row[1] for row in db.execute(f"PRAGMA table_info({table})")]


def multiply(hydra, families):
    """Ids and signatures need not be what Hydra would have made: only who holds a token could tell."""
    db = hydra.db
    db.execute("PRAGMA journal_mode = OFF")
    db.execute("BEGIN")
    db.execute("CREATE TEMP TABLE n AS WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < ?) SELECT i FROM s", (families,))
    replaced = {
        "hydra_oauth2_flow": {"login_challenge": "lower(hex(randomblob(16)))", "consent_challenge_id": "printf('%032x', i)",
                              "login_session_id": "printf('00000000-0000-4000-8000-%012d', i)", "subject": "'user-' || i"},
        "hydra_oauth2_authentication_session": {"id": "printf('00000000-0000-4000-8000-%012d', i)", "subject": "'user-' || i"},
    }
    for kind in ("access", "refresh", "code"):
        replaced[f"hydra_oauth2_{kind}"] = {"challenge_id": "printf('%032x', i)", "request_id": "printf('%032x', i)",
                                            "subject": "'user-' || i",
                                            "signature": "lower(hex(randomblob(48)))" if kind == "access" else "lower(hex(randomblob(21)))"}
    for table, changes in replaced.items():
        names = columns(db, table)
        picked = ", ".join(changes.get(name, f"t.{name}") for name in names)
        db.execute(f"CREATE TEMP TABLE t AS SELECT * FROM {table}")
        db.execute(f"INSERT INTO {table} ({', '.join(names)}) SELECT {picked} FROM n, t")
        db.execute("DROP TABLE t")
    db.execute("COMMIT")


def measured(label, *command, env):
    began = time.monotonic()
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        sys.exit(done.stderr)
    print(f"{label}: {time.monotonic() - began:.1f} s, {after.ru_utime - before.ru_utime:.1f} s of CPU, "
          f"at most {after.ru_maxrss / 1024:.0f} MiB so far", flush=True)
    return done.stdout


def main():
    grantd, rows = os.path.abspath(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1000000
    with tempfile.TemporaryDirectory(dir=sys.argv[3] if len(sys.argv) > 3 else None) as name:
        folder = pathlib.Path(name)
        hydra = HydraDatabase(folder / "hydra.sqlite")
        hydra.client("web")
        hydra.jwk()
        hydra.consent("web", "alice", rotations=1, life=86400)
        multiply(hydra, rows // ROWS_PER_FAMILY)
        print(f"{rows} rows of consents and tokens, {rows // ROWS_PER_FAMILY} sessions, {os.path.getsize(hydra.path) >> 20} MiB", flush=True)
        dsn = sys.argv[4] if len(sys.argv) > 4 else f"sqlite://{folder}/grantd.sqlite"
        env = {"PATH": "/usr/bin:/bin", "DSN": dsn, "SECRETS_SYSTEM": SECRET}
        command = [grantd, "migrate", "hydra", "--dev", "--from", hydra.dsn]
        measured("dry run", *command, "--dry-run", env=env)
        print(measured("take-over", *command, env=env), end="")
        measured("again", *command, env=env)
        measured("verify", *command, "--verify", env=env)


if __name__ == "__main__":
    main()
