"""A new version arrives while the old one serves: the migrations run, both serve side by side on one database, the old one goes.

Twice on each database: from an earlier version to this one, and from this one to the next. The earlier one is built here from the
history: see commits_before(). A tarball has none. The next one is this one with one more migration, which adds to the tables that
every request uses: what a later version may do at most."""

import os
import pathlib
import re
import shutil
import subprocess
import time

import pytest

from cluster import Cluster
from flow_support import make_web
from harness import DATABASE, GRANTD, TOP, Database, File, run_grantd
from load import Load
from tokens_support import active, refresh, tokens_for

MIGRATIONS = "src/store/migrations/"
SEAL = "src/crypto/seal.c"
DRIVERS = {"sqlite": "src/store/sqlite.c", "postgres": "src/store/postgres.c", "mariadb": "src/store/mysql.c"}
RELEASE = ["-Dbuildtype=release", "-Doptimization=0", "-Db_sanitize=none", "-Dwerror=false", "-Dtests=disabled"]

TRIES = 8
NEXT = "9999_next"
NEXT_UP = """ALTER TABLE client ADD COLUMN next_number BIGINT NOT NULL DEFAULT 0;
ALTER TABLE oauth_grant ADD COLUMN next_text VARCHAR(36) NOT NULL DEFAULT '';
CREATE INDEX next_index ON oauth_grant (next_text, id);
CREATE TABLE next_table (id VARCHAR(36) PRIMARY KEY, value BIGINT NOT NULL);
"""
NEXT_DOWN = """DROP TABLE next_table;
ALTER TABLE oauth_grant DROP COLUMN next_text;
ALTER TABLE client DROP COLUMN next_number;
"""


def git(*arguments, **more):
    return subprocess.run(["git", "-C", str(TOP), *arguments], capture_output=True, check=False, **more)


def lines(*arguments):
    return git(*arguments, text=True).stdout.split()


def salt(text):
    found = re.search(r'\bsalt = \{ "([^"]+)"', text)
    return found and found[1]


def knows(commit, kind):
    """The database, and how to open what this version seals: from a version with another salt nobody can upgrade."""
    if lines("ls-tree", commit, DRIVERS[kind]) == []:
        return False
    return salt(git("show", f"{commit}:{SEAL}", text=True).stdout) == salt((TOP / SEAL).read_text())


def lacks_migrations(commit):
    there = {pathlib.PurePath(name).name for name in lines("ls-tree", "-r", "--name-only", commit, MIGRATIONS)}
    return bool({path.name for path in (TOP / MIGRATIONS).glob("*.sql")} - there)


def commits_before(kind):
    """Newest first: those without the newest migration; when none of them knows the database yet, all earlier ones that do."""
    if git("rev-parse", "HEAD~").returncode != 0:
        pytest.skip("no git history here, so there is no earlier version to build")
    changed = git("diff", "--quiet", "HEAD", "--", "src").returncode != 0
    commits = [commit for commit in lines("rev-list", "-n", "300", "HEAD" if changed else "HEAD~") if knows(commit, kind)]
    return [commit for commit in commits if lacks_migrations(commit)] or commits


def compiled(folder):
    """The binary of the tree in that folder; None when it does not build."""
    env = {**os.environ, "CCACHE_NOHASHDIR": "1"}
    for command in (["meson", "setup", "build", *RELEASE], ["ninja", "-C", "build", "src/grantd"]):
        if subprocess.run(command, cwd=folder, env=env, capture_output=True, check=False).returncode != 0:
            return None
    return folder / "build/src/grantd"


def build(commit, folder):
    """The binary, kept for the next time."""
    kept = TOP / "build-earlier" / commit
    if not kept.exists():
        folder.mkdir()
        subprocess.run(["tar", "-x", "-C", folder], input=git("archive", commit).stdout, check=True)
        binary = compiled(folder)
        if binary is None:
            return None
        kept.parent.mkdir(exist_ok=True)
        shutil.move(binary, kept)
    return kept


@pytest.fixture(scope="module")
def next_one(tmp_path_factory):
    """This tree, as it is now, and one more migration."""
    folder = tmp_path_factory.mktemp("next") / "tree"
    shutil.copytree(TOP, folder, ignore=shutil.ignore_patterns(".*", "build", "build-*", "node_modules", "state"))
    for way, text in (("up", NEXT_UP), ("down", NEXT_DOWN)):
        (folder / MIGRATIONS / f"{NEXT}.{way}.sql").write_text(text)
    listed = folder / "src/store/meson.build"
    first = "    'migrations/0001_start.up.sql',\n"
    assert first in listed.read_text()
    listed.write_text(listed.read_text().replace(first, first + "".join(f"    'migrations/{NEXT}.{way}.sql',\n" for way in ("up", "down"))))
    binary = compiled(folder)
    assert binary, "the next version does not build"
    return binary


@pytest.fixture(scope="module", params=sorted({"sqlite", DATABASE}))
def kind(request):
    return request.param


@pytest.fixture(scope="module")
def earlier(kind, tmp_path_factory):
    top = tmp_path_factory.mktemp("earlier")
    commits = commits_before(kind)
    for commit in commits[:TRIES]:
        binary = build(commit, top / commit)
        if binary:
            return binary
    pytest.skip(f"none of the {len(commits[:TRIES])} versions before this one that know {kind} builds")


def migrate(binary, dsn):
    done = run_grantd("migrate", "sql", "up", "-e", "-y", env={"PATH": os.environ["PATH"], "DSN": dsn}, binary=binary)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(params=["earlier", "next"])
def step(request):
    """(the old version, the new one)"""
    if request.param == "next":
        return GRANTD, request.getfixturevalue("next_one")
    return request.getfixturevalue("earlier"), GRANTD


@pytest.fixture
def database(kind, step, tmp_path):
    """As the old version left it."""
    old, _ = step
    made = (File if kind == "sqlite" else Database)(tmp_path, migrated=False)
    migrate(old, made.dsn)
    yield made
    made.drop()


def replace(node, binary):
    node.stop()
    node.binary = str(binary)
    node.start()


def test_side_by_side(step, database, tmp_path):
    old, new = step
    cluster = Cluster(tmp_path / "cluster", dsn=database.dsn, binary=old)
    try:
        cluster.start()
        web, load = make_web(cluster), Load(cluster).start()
        before = tokens_for(cluster, web)
        time.sleep(1)
        migrate(new, database.dsn)
        time.sleep(1)
        assert not load.refused and not load.cut, "the migration disturbed the old version"
        for node in cluster.nodes:      # one after the other: at first the old ones are more, then the new ones
            replace(node, new)
            now = tokens_for(cluster, web)
            assert all(active(any_node, body["access_token"]) for any_node in cluster.nodes for body in (before, now))
            load.recovered(5)
        assert refresh(cluster, web, before["refresh_token"]).status == 200
        load.stop()
        load.check()
    finally:
        cluster.close()
