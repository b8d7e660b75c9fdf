"""Several nodes on one database: GRANTD_TEST_DATABASE says of which kind; the tests of outages start a PostgreSQL of their own.
The races of the black-box tests run on several nodes as well: GRANTD_TEST_NODES=3 pytest tests/api -m race."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "api"))

from cluster import Cluster  # noqa: E402
from harness import Database, Node  # noqa: E402


@pytest.fixture
def make_cluster(tmp_path):
    """make_cluster(config, nodes=3, dsn=...): started, and gone after the test."""
    made = []

    def make(config=None, *, start=True, **more):
        cluster = Cluster(tmp_path / f"cluster{len(made)}", config, **more)
        made.append(cluster)
        return cluster.start() if start else cluster
    yield make
    problems = []
    for cluster in made:
        try:
            cluster.close()
        except AssertionError as problem:
            problems.append(str(problem))
    assert not problems, "\n".join(problems)


@pytest.fixture
def make_database(tmp_path):
    """make_database(migrated=False): a database that no server has seen."""
    made = []

    def make(**more):
        made.append(Database(tmp_path, f"db{len(made)}", **more))
        return made[-1]
    yield make
    for database in made:
        database.drop()


@pytest.fixture
def make_nodes(tmp_path):
    """make_nodes(count, dsn, ...): prepares nodes without a proxy."""
    made = []

    def make(count, dsn, config=None, **more):
        new = [Node(tmp_path / f"node{len(made) + i}", config, dsn=dsn, **more) for i in range(count)]
        made.extend(new)
        return new
    yield make
    for node in made:
        node.stop()
