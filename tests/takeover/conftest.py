"""Takes the servers and databases of the other black-box tests."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "api"))

from harness import DATABASE, GRANTD, sanitized   # noqa: E402

import pytest   # noqa: E402


def pytest_collection_modifyitems(items):
    for item in items:
        if item.get_closest_marker("release") and sanitized():
            item.add_marker(pytest.mark.skip(reason=f"needs the release build, not {GRANTD}"))
        if item.get_closest_marker("sqlite") and DATABASE != "sqlite":
            item.add_marker(pytest.mark.skip(reason="is about files"))
