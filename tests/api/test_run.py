"""./run as a newcomer meets it: it starts, what it prints works when pasted into a shell, it keeps what it stored, Ctrl-C ends it."""

import os
import pathlib
import re
import signal
import subprocess
import time

import pytest

from harness import TOP, Database, free_ports


class Run:
    """./run on its own ports and database."""

    def __init__(self, database):
        public, admin, demo = map(str, free_ports(3))
        env = {**os.environ, "SERVE_PUBLIC_PORT": public, "SERVE_ADMIN_PORT": admin, "DEMO_PORT": demo, "DSN": database.dsn}
        # A shell cannot trap what its parent ignores, as background jobs ignore Ctrl-C.
        self.process = subprocess.Popen([TOP / "run"], env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, text=True,
                                        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
        self.text = ""
        while "oauth2/revoke" not in self.text:
            line = self.process.stdout.readline()
            assert line, self.text
            self.text += line

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        rest = self.process.communicate(timeout=30)[0]
        assert self.process.returncode == 0, self.text + rest


def shell(lines):
    done = subprocess.run(["sh", "-euc", "\n".join(lines)], cwd=TOP, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def database(tmp_path):
    made = Database(tmp_path)
    yield made
    made.drop()


@pytest.mark.release
def test_printed_lines_work_and_state_stays(database):
    for _ in range(2):      # the second time the demo client is there already
        run = Run(database)
        try:
            get, check, revoke = re.findall(r"^  (\S*=?\$?\(?build/grantd .*)$", run.text, re.M)
            shown = shell([get, check, revoke, check])
            assert re.search(r"ACTIVE\s+true", shown) and re.search(r"ACTIVE\s+false", shown), shown
        finally:
            run.stop()


@pytest.mark.release
def test_application_signs_in(tmp_path, database):
    run = Run(database)
    try:
        url = re.search(r"^  (http://127.0.0.1:\d+/)$", run.text, re.M)[1]
        shown = shell([f"curl -sSf --retry 5 --retry-connrefused {url}", f"curl -sSf -L -c {tmp_path}/jar {url}perform-flow"])
        assert "A client of grantd" in shown and "Development login" in shown, shown
    finally:
        run.stop()


@pytest.mark.release
def test_printed_http_lines_work(database):
    run = Run(database)
    try:
        get, check, revoke = re.findall(r"^  (curl .*)$", run.text, re.M)
        json = shell([get.replace("curl", "curl -sSf", 1)])
        token = re.search(r'"access_token":"([^"]+)"', json)[1]
        shown = shell([f"TOKEN={token}", *(line.replace("curl", "curl -sSf", 1) + "; echo" for line in (check, revoke, check))])
        assert '"active":true' in shown and '"active":false' in shown, shown
    finally:
        run.stop()


@pytest.mark.release
@pytest.mark.parametrize("number, status", [(signal.SIGTERM, 0), (signal.SIGKILL, 128 + signal.SIGKILL)])
def test_nothing_outlives_the_server(database, number, status):
    """Whoever ends it, or if it ends by itself."""
    run = Run(database)
    children = pathlib.Path(f"/proc/{run.process.pid}/task/{run.process.pid}/children").read_text().split()
    (server,) = [int(c) for c in children if b"serve" in pathlib.Path(f"/proc/{c}/cmdline").read_bytes()]
    os.kill(server, number)
    rest = run.process.communicate(timeout=30)[0]
    assert run.process.returncode == status and ("the server has ended" in rest) == (status != 0), rest
    until = time.monotonic() + 10
    while any(pathlib.Path(f"/proc/{c}").exists() for c in children):
        assert time.monotonic() < until, children
        time.sleep(0.05)
