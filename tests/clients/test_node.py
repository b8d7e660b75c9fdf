"""The Node.js clients: each *.test.mjs is a node:test file, told by PUBLIC_URL and ADMIN_URL where the server is."""

import os
import pathlib
import re
import shutil
import subprocess

import pytest

HERE = pathlib.Path(__file__).parent
NODE = shutil.which("node")
FILES = sorted(path.name for path in HERE.glob("*.test.mjs"))


@pytest.mark.skipif(NODE is None, reason="node is not installed")
@pytest.mark.parametrize("name", FILES)
def test_node(server, name):
    env = {"PATH": os.environ["PATH"], "HOME": str(server.folder), "PUBLIC_URL": server.public.url, "ADMIN_URL": server.admin.url}
    done = subprocess.run([NODE, "--test", "--test-reporter=tap", name], cwd=HERE, env=env, capture_output=True, text=True,
                          timeout=120)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr
    # A file without tests succeeds as well.
    assert int(re.search(r"^# pass (\d+)$", done.stdout, re.M)[1]) > 1, done.stdout
