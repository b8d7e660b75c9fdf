"""migrate, janitor, config, and serve without settings. Numbers are those of the operations checklist."""

import json
import socket
import threading

import pytest

from cli_support import failed, ok, parsed
from harness import Database, File, run_grantd

DONE = "Successfully applied migrations!"


@pytest.fixture
def grantd(tmp_path):
    """Runs commands in a folder of their own, with DSN naming an empty database unless the test says otherwise."""
    made = []

    def database(name):
        made.append(Database(tmp_path, name, migrated=False))
        return made[-1]

    def run(*arguments, env=None, stdin=None):
        settings = {"PATH": "/usr/bin:/bin", "DSN": run.database.dsn, **(env or {})}
        return run_grantd(*arguments, env={k: v for k, v in settings.items() if v is not None}, cwd=tmp_path, stdin=stdin)
    run.folder, run.database, run.another = tmp_path, database("db"), database
    yield run
    for database in made:
        database.drop()


def states(grantd, *arguments):
    return {m["state"] for m in parsed(grantd("migrate", "sql", "status", "--format", "json", *arguments))}


# ---- up ----

def test_up(grantd):  # 47
    first = ok(grantd("migrate", "sql", "up", "-e", "-y"))
    assert "Version\tName\t\tStatus\t\n" in first and "Pending" in first and DONE in first and "CREATE TABLE client" in first
    assert "\n------------ 1 - " in first and "[y/n]" not in first
    again = ok(grantd("migrate", "sql", "up", "-e", "-y"))
    assert "Pending" not in again and DONE in again and "CREATE TABLE" not in again
    assert "client" in grantd.database.tables()


def test_deprecated_forms(grantd):  # 48, Q16
    (grantd.folder / "f.yml").write_text("log: {level: debug}\n")
    done = grantd("migrate", "sql", "-e", "--yes", "--config", "f.yml")
    assert DONE in ok(done) and "deprecated" in done.stderr
    assert {m["state"] for m in parsed(grantd("migrate", "status", "-e", "--format", "json"))} == {"Applied"}


def test_mistyped_command(grantd):
    """Only what can be a DSN is taken for one."""
    failed(grantd("migrate", "sql", "statsu"), 'unknown command "statsu" for "grantd migrate sql"', "up, down and status")


def test_flag_before_the_command(grantd):  # 49
    other = grantd.another("other")
    (grantd.folder / "f.yml").write_text(f"dsn: {other.dsn}\n")
    ok(grantd("migrate", "-c", "f.yml", "sql", "up", "-e", "--yes", env={"DSN": None}))
    assert "client" in other.tables()


def test_question(grantd):  # 50
    asked = ok(grantd("migrate", "sql", "up", stdin="n\n"))
    assert "[y/n]" in asked and "Migration aborted." in asked and states(grantd) == {"Pending"}
    failed(grantd("migrate", "sql", "up", stdin=""), "--yes", stdout=None)
    assert states(grantd) == {"Pending"}
    assert DONE in ok(grantd("migrate", "sql", "up", stdin="maybe\nyes\n")) and states(grantd) == {"Applied"}


def test_positional_dsn(grantd):
    """It wins over the environment, unless -e says that the environment is meant."""
    named, ignored = grantd.another("named"), grantd.another("ignored")
    ok(grantd("migrate", "sql", "up", named.dsn, "-y"))
    assert "client" in named.tables() and grantd.database.untouched()
    done = grantd("migrate", "sql", "up", ignored.dsn, "-e", "-y")
    assert DONE in ok(done) and "does not count" in done.stderr
    assert "client" in grantd.database.tables() and ignored.untouched()


def test_unknown_keys_still_migrate(grantd):  # 52
    (grantd.folder / "f.yml").write_text("nonsense: {a: 1}\nserve: {public: {port: 99999}}\nurls: {self: {issuer: 'http://x'}}\n")
    assert DONE in ok(grantd("migrate", "sql", "up", "-e", "-y", "-c", "f.yml"))


@pytest.mark.parametrize("dsn, says", [("mongodb://user:hunter2@x/db", "unsupported DSN type"), ("sqlite:///no/such/folder/db", "/no/such/folder/db"),
                                       ("nonsense", "unsupported DSN type")])
def test_bad_dsn(grantd, dsn, says):
    for command in ("up", "down", "status"):
        text = failed(grantd("migrate", "sql", command, dsn), says, stdout=None)
        assert "hunter2" not in text


@pytest.mark.sqlite
def test_default_dsn(grantd):
    done = grantd("migrate", "sql", "up", "-y", env={"DSN": None})
    assert DONE in ok(done) and "state/grantd.sqlite" in done.stderr and "client" in File(grantd.folder / "state", "grantd").tables()


# ---- down, status ----

def test_down(grantd):
    ok(grantd("migrate", "sql", "up", "-y"))
    assert "no migrations to roll back" in ok(grantd("migrate", "sql", "down", "-y")) and states(grantd) == {"Applied"}
    failed(grantd("migrate", "sql", "down", "--steps", "-1", "-y"), "--steps must not be negative")
    assert "Migration aborted." in ok(grantd("migrate", "sql", "down", "--steps", "1", stdin="n"))
    done = grantd("migrate", "sql", "down", "--steps", "99", "-y")
    assert "Rollback" in ok(done) and "Taking back 1 start" in done.stderr and states(grantd) == {"Pending"}
    assert "client" not in grantd.database.tables()
    ok(grantd("migrate", "sql", "up", "-y"))


def test_status(grantd):  # 51
    ok(grantd("migrate", "sql", "up", "-y"))
    rows = parsed(grantd("migrate", "sql", "status", "--format", "json"))
    assert all(set(r) == {"state", "version", "name", "content", "content_down"} for r in rows)
    text = ok(grantd("migrate", "sql", "status"))
    assert text.startswith("Version\tName\t\tStatus\t\n") and all(line.endswith("\t") for line in text.splitlines())
    assert ok(grantd("migrate", "sql", "status", "-q")).split() == [r["version"] for r in rows]


def test_status_blocks(grantd):
    timer = threading.Timer(1.0, lambda: ok(grantd("migrate", "sql", "up", "-y")))
    timer.start()
    done = grantd("migrate", "sql", "status", "--block", "--format", "json")
    timer.join()
    assert {m["state"] for m in parsed(done)} == {"Applied"} and "Waiting for" in done.stderr


# ---- janitor ----

def test_janitor_refusals(grantd):  # 53
    failed(grantd("janitor", "-e"), "--tokens, --requests and --grants")
    failed(grantd("janitor", "-e", "--tokens", "--limit", "5", "--batch-size", "6"), "--batch-size")
    failed(grantd("janitor", "-e", "--tokens", "--batch-size", "0"), "--batch-size")
    failed(grantd("janitor", "-e", "--tokens", "--limit", "0"), "--limit")
    failed(grantd("janitor", "-e", "--tokens"), "Migrations have not been applied", "grantd migrate sql up")


def mark_count(grantd):
    return int(grantd.database.sql("SELECT count(*) FROM mark")[0][0])


def test_janitor(grantd):  # 54
    """At most --limit rows of each kind; what is alive, or expired less than --keep-if-younger ago, stays."""
    ok(grantd("migrate", "sql", "up", "-y"))
    now, alive = 1_700_000_000_000_000, 4_000_000_000_000_000
    rows = [(f"old{i}", now + i) for i in range(25)] + [(f"alive{i}", alive) for i in range(5)]
    grantd.database.sql("INSERT INTO mark (kind, id, value, expires_at) VALUES " + ", ".join(f"(2, '{id}', 1, {until})" for id, until in rows))
    done = grantd("janitor", "--tokens", "-e", "--limit", "10", "--batch-size", "3")
    assert ok(done) == "Successfully completed Janitor run on access tokens\nSuccessfully completed Janitor run on refresh tokens\n"
    assert mark_count(grantd) == 20
    ok(grantd("janitor", "--grants", "-e", "--keep-if-younger", "200000h"))
    assert mark_count(grantd) == 20
    assert ok(grantd("janitor", "--requests", "--grants", "-c", write(grantd, f"dsn: {grantd.database.dsn}\n"), "sqlite:///ignored",
                     "--access-lifespan", "1h", env={"DSN": None})) == \
        "Successfully completed Janitor run on login-consent requests\nSuccessfully completed Janitor run on grants\n"
    assert mark_count(grantd) == 5


def write(grantd, text):
    (grantd.folder / "c.yml").write_text(text)
    return "c.yml"


# ---- config ----

GOOD = {"secrets": {"system": ["a-system-secret-of-this-test"]}, "urls": {"self": {"issuer": "https://x.example/"}},
        "serve": {"public": {"port": 5001}}}


def test_config(grantd):
    file = write(grantd, json.dumps(GOOD))
    assert ok(grantd("config", "check", "-c", file)) == "The configuration is valid.\n"
    shown = ok(grantd("config", "show", "-c", file))
    assert "a-system-secret" not in shown and "5001" in shown
    assert parsed(grantd("config", "show", "-c", file, "--format", "json"))["serve"]["public"]["port"] == 5001
    failed(grantd("config", "show", "-c", file, "--format", "table"), "Error: --format is yaml or json")
    assert "serve.public.port" in ok(grantd("config", "reference"))
    assert parsed(grantd("config", "schema"))["type"]


def test_config_reports_everything(grantd):  # 1, 2
    file = write(grantd, json.dumps({**GOOD, "foo": 1, "serve": {"public": {"port": 99999}}, "ttl": {"access_token": "1.5h"}}))
    for command in (("config", "check"), ("config", "show"), ("serve", "all")):
        failed(grantd(*command, "-c", file), '"foo" not allowed', "serve.public.port", "ttl.access_token", file)


def test_config_check_knows_databases(grantd):
    failed(grantd("config", "check", "-c", write(grantd, json.dumps(GOOD)), env={"DSN": "mongodb://u:hunter2@h/x"}),
           'unsupported DSN type "mongodb"')


@pytest.mark.sqlite
def test_folder_that_cannot_be_written(grantd):
    """Said once, with the way out."""
    file = write(grantd, json.dumps(GOOD))
    done = run_grantd("serve", "all", "-c", str(grantd.folder / file), env={"PATH": "/usr/bin:/bin"}, cwd="/proc")
    assert failed(done, "cannot create the state folder /proc/state", "set dsn (DSN)").count("Error:") == 1


def test_config_check_writes_nothing(grantd):
    before = sorted(grantd.folder.iterdir())
    ok(grantd("config", "check", "--dev"))
    assert sorted(grantd.folder.iterdir()) == before


# ---- serve ----

def test_serve_without_secrets(grantd):  # Q8
    text = failed(grantd("serve", "all", env={"URLS_SELF_ISSUER": "https://x.example/"}), "secrets.system", "Unable to instantiate configuration.")
    assert "service_name=grantd" in text


def test_early_log_format(grantd):
    text = failed(grantd("serve", "all", env={"LOG_FORMAT": "json"}))
    records = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    assert [r["msg"] for r in records] == ["Unable to instantiate configuration."] and records[0]["level"] == "error"


def test_busy_port(make_server):  # 85, Q27
    server = make_server(start=False)
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind(("127.0.0.1", server.admin.port))
        s.listen()
        server.start(ready=False)
        assert server.wait() == 1
    assert str(server.admin.port) in server.log
    server.check_log()


def test_banner(make_server):
    server = make_server()
    assert server.stdout.startswith("grantd v") and server.public.url in server.stdout and "grantd v" not in server.log
