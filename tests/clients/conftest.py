"""Real clients against a real server. The server is harness.py's, from the black-box tests."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "api"))

from harness import Server  # noqa: E402


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """One server for the tests of a module: the default configuration, and clients may register themselves."""
    running = Server(tmp_path_factory.mktemp("server"), {"oidc": {"dynamic_client_registration": {"enabled": True}}}).start()
    yield running
    running.stop()
