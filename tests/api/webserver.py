"""A web server on loopback, for tests that are the other side of what the server sends:

    class Hook(WebServer):
        def answer(self, request, body):            # request.command, .path, .headers; body: bytes
            return 200, b"{}"                       # and perhaps headers; None: it has written to request.wfile itself
    with Hook() as hook:
        hook.url, hook.port                         # http://127.0.0.1:port
        hook.keep(what)                             # in hook.seen
        hook.wait(2)                                # seen, as soon as it has two
"""

import http.server
import threading


class Request(http.server.BaseHTTPRequestHandler):
    def handle_any(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            answer = self.server.owner.answer(self, body)
            if answer is not None:
                self.reply(*answer)
        except OSError:     # the other side has had enough
            pass

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any

    def reply(self, status, body=b"", headers=None):
        self.send_response(status)
        for name, value in {"Content-Length": len(body), **(headers or {})}.items():
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class WebServer:
    def __init__(self, port=0):
        self.seen, self.arrived = [], threading.Condition()
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Request)
        self.server.daemon_threads = True
        self.server.owner = self
        self.port = self.server.server_port
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, request, body):
        raise NotImplementedError

    def keep(self, what):
        with self.arrived:
            self.seen.append(what)
            self.arrived.notify_all()

    def wait(self, count, within=20):
        with self.arrived:
            self.arrived.wait_for(lambda: len(self.seen) >= count, within)
            return list(self.seen)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


class Silence:
    """An answer that is held back until end(), which fails when it had to be given before: somebody waited for it."""

    def __init__(self, answer):
        self.said, self.over, self.broken = answer, threading.Event(), False

    def __call__(self):
        if not self.over.wait(20):
            self.broken = True
        return self.said

    def end(self):
        self.over.set()
        assert not self.broken, "somebody was kept waiting"
