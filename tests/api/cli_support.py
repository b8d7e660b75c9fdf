"""For the tests of the command line: tables taken apart as scripts do it, and a made-up server that records what it is asked."""

import http.server
import json
import threading

from harness import run_grantd

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


class Recorder:
    """Answers every request with `status` and `answer`, and keeps (method, path, headers, body). Or with what `on` says for it."""

    def __init__(self, status=200, answer=None, headers=None, on=None):
        self.status, self.answer, self.headers, self.on, self.seen = status, answer, headers or {}, on or {}, []
        recorder = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def handle_any(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
                recorder.seen.append((self.command, self.path, self.headers, body))
                status, answer = recorder.on.get((self.command, self.path), (recorder.status, recorder.answer))
                data = answer if isinstance(answer, bytes) else b"" if answer is None else json.dumps(answer).encode()
                self.send_response(status)
                for name, value in {"Content-Type": "application/json", "Content-Length": len(data), **recorder.headers}.items():
                    self.send_header(name, str(value))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def cli(self, *arguments, env=None, stdin=None):
        return run_grantd(*arguments, env={"PATH": "/usr/bin:/bin", "ORY_SDK_URL": self.url, **(env or {})}, stdin=stdin)
