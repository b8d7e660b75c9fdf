"""A new version arrives while the old one serves: the migrations run, both serve side by side on one database, the old one goes.

The old one is built here from the history: see commits_before(). A tarball has none."""

import os
import pathlib
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
DRIVERS = {"sqlite": "src/store/sqlite.c", "postgres": "src/store/postgres.c", "mariadb": "src/store/mysql.c"}
RELEASE = ["-Dbuildtype=release", "-Doptimization=0", "-Db_sanitize=none", "-Dwerror=false", "-Dtests=disabled"]

TRIES = 8


def git(*arguments, **more):
    return subprocess.run(["git", "-C", str(TOP), *arguments], capture_output=True, check=False, **more)


def lines(*arguments):
    return git(*arguments, text=True).stdout.split()


def knows(commit, kind):
    return lines("ls-tree", commit, DRIVERS[kind]) != []


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


def build(commit, folder):
    """The binary, kept for the next time; None when that commit does not build."""
    kept = TOP / "build-earlier" / commit
    if not kept.exists():
        folder.mkdir()
        subprocess.run(["tar", "-x", "-C", folder], input=git("archive", commit).stdout, check=True)
        env = {**os.environ, "CCACHE_NOHASHDIR": "1"}
        for command in (["meson", "setup", "build", *RELEASE], ["ninja", "-C", "build", "src/grantd"]):
            if subprocess.run(command, cwd=folder, env=env, capture_output=True, check=False).returncode != 0:
                return None
        kept.parent.mkdir(exist_ok=True)
        shutil.move(folder / "build/src/grantd", kept)
    return kept


@pytest.fixture(scope="module", params=sorted({"sqlite", DATABASE}))
def kind(request):
    return request.param


@pytest.fixture(scope="module")
def old(kind, tmp_path_factory):
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


@pytest.fixture
def database(kind, old, tmp_path):
    """As the old version left it."""
    made = (File if kind == "sqlite" else Database)(tmp_path, migrated=False)
    migrate(old, made.dsn)
    yield made
    made.drop()


def replace(node, binary):
    node.stop()
    node.binary = str(binary)
    node.start()


def test_side_by_side(old, database, tmp_path):
    cluster = Cluster(tmp_path / "cluster", dsn=database.dsn, binary=old)
    try:
        cluster.start()
        web, load = make_web(cluster), Load(cluster).start()
        earlier = tokens_for(cluster, web)
        time.sleep(1)
        migrate(GRANTD, database.dsn)
        time.sleep(1)
        assert not load.refused and not load.cut, "the migration disturbed the old version"
        for node in cluster.nodes:      # one after the other: at first the old ones are more, then the new ones
            replace(node, GRANTD)
            now = tokens_for(cluster, web)
            assert all(active(any_node, body["access_token"]) for any_node in cluster.nodes for body in (earlier, now))
            load.recovered(5)
        assert refresh(cluster, web, earlier["refresh_token"]).status == 200
        load.stop()
        load.check()
    finally:
        cluster.close()
