"""Each *.test.mjs is a node:test file that drives Chromium, told by PUBLIC_URL and ADMIN_URL where the server is. Its screenshots
go to build-logs/screens."""

import os
import pathlib
import re
import shutil
import subprocess

import pytest
from harness import GRANTD, TOP, Server, free_ports

HERE = pathlib.Path(__file__).parent
NODE = shutil.which("node")
CHROMIUM = shutil.which("chromium")
FILES = sorted(path.name for path in HERE.glob("*.test.mjs"))
SCREENS = TOP / "build-logs/screens"


@pytest.mark.skipif(NODE is None or CHROMIUM is None, reason="node or chromium is not installed")
@pytest.mark.parametrize("name", FILES)
def test_browser(tmp_path, name):
    port = free_ports(1)[0]
    # The file about login and consent apps of its own says where they are.
    apps = {"urls": {page: f"http://127.0.0.1:{port}/{page}" for page in ("login", "consent")}} if name == "apps.test.mjs" else {}
    server = Server(tmp_path / "server", apps).start()
    SCREENS.mkdir(parents=True, exist_ok=True)
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "TMPDIR": str(tmp_path), "PUBLIC_URL": server.public.url,
           "ADMIN_URL": server.admin.url, "PORT": str(port), "GRANTD": GRANTD, "CHROMIUM": CHROMIUM, "SCREENS": str(SCREENS)}
    done = subprocess.run([NODE, "--test", "--test-reporter=tap", name], cwd=HERE, env=env, capture_output=True, text=True,
                          timeout=300)
    server.stop()
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-4000:]
    # A file without tests succeeds as well.
    assert int(re.search(r"^# pass (\d+)$", done.stdout, re.M)[1]) > 1, done.stdout
