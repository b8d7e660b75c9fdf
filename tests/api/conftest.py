"""Fixtures of the black-box tests; harness.py tells how to use them."""

import pytest

from harness import DATABASE, GRANTD, Server, sanitized


def pytest_collection_modifyitems(config, items):
    if DATABASE != "sqlite":
        apart = [item for item in items if item.get_closest_marker("sqlite")]
        config.hook.pytest_deselected(items=apart)
        items[:] = [item for item in items if item not in apart]
    if sanitized():
        for item in items:
            if item.get_closest_marker("release"):
                item.add_marker(pytest.mark.skip(reason=f"needs the release build, not {GRANTD}"))


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """One server with the default configuration for the tests of a module."""
    running = Server(tmp_path_factory.mktemp("server")).start()
    yield running
    running.close()


@pytest.fixture
def make_server(tmp_path):
    """make_server(config, env=..., ...): starts a server (start=False: only prepares it) that is stopped after the test."""
    made = []

    def make(config=None, *, start=True, **more):
        server = Server(tmp_path / f"server{len(made)}", config, **more)
        made.append(server)
        return server.start() if start else server

    yield make
    problems = []
    for server in made:
        try:
            server.close()
        except AssertionError as problem:
            problems.append(str(problem))
    assert not problems, "\n".join(problems)
