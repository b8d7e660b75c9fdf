"""For the tests of the command line: tables taken apart as scripts do it, and a made-up server that records what it is asked."""

import json

from harness import run_grantd
from webserver import WebServer

FAILED = "Failed to execute API request, see error above."


def ok(done):
    assert done.returncode == 0, (done.stdout, done.stderr)
    return done.stdout


def parsed(done):
    return json.loads(ok(done))


def failed(done, *texts, stdout=""):
    """Exit status 1, nothing but `stdout` on stdout, all texts on stderr."""
    assert done.returncode == 1, (done.stdout, done.stderr)
    assert stdout is None or done.stdout == stdout, done.stdout
    for text in texts:
        assert text in done.stderr, done.stderr
    return done.stderr


def fields(text):
    """A table of one object: header -> value."""
    rows = {}
    for line in text.splitlines():
        assert line.endswith("\t"), repr(line)
        header, *cells = line.split("\t")
        rows[header] = "".join(cells)
    return rows


class Recorder(WebServer):
    """Answers every request with `status` and `answer`, and keeps (method, path, headers, body). Or with what `on` says for it."""

    def __init__(self, status=200, answer=None, headers=None, on=None):
        self.always, self.headers, self.on = (status, answer), headers or {}, on or {}
        super().__init__()

    def answer(self, request, body):
        self.keep((request.command, request.path, request.headers, body.decode()))
        status, answer = self.on.get((request.command, request.path), self.always)
        data = answer if isinstance(answer, bytes) else b"" if answer is None else json.dumps(answer).encode()
        return status, data, {"Content-Type": "application/json", **self.headers}

    def cli(self, *arguments, env=None, stdin=None):
        return run_grantd(*arguments, env={"PATH": "/usr/bin:/bin", "ORY_SDK_URL": self.url, **(env or {})}, stdin=stdin)
