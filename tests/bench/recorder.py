"""Requests as bytes, made with the verbs of the tests' HTTP client, and answers read back from what tests/bench/load kept."""

import http.cookies
import json
import pathlib
import sys
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "api"))

import harness  # noqa: E402


class Recorder(harness.Requests):
    """Makes the bytes of a request instead of sending it."""

    def exchange(self, method, target, body, headers):
        body = body or b""
        head = {"Host": "auth.example.org", **headers, **({"Content-Length": len(body)} if body else {})}
        lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in head.items()), "", ""]
        return "\r\n".join(lines).encode() + body


RECORD = Recorder()


class Answer:
    """The bytes of one answer."""

    def __init__(self, data):
        head, self.body = data.split(b"\r\n\r\n", 1)
        self.headers = [line.split(": ", 1) for line in head.decode().split("\r\n")[1:]]

    def header(self, name):
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def sent_to(self):
        """The parameters of the redirect, in its query or fragment."""
        parts = urllib.parse.urlsplit(self.header("Location"))
        return dict(urllib.parse.parse_qsl(parts.query or parts.fragment))

    @property
    def cookies(self):
        set_now = [http.cookies.SimpleCookie(value) for key, value in self.headers if key.lower() == "set-cookie"]
        return {name: morsel.value for cookie in set_now for name, morsel in cookie.items()}


def read_answers(path):
    """What load wrote with `whole`: the answers in the order of the requests."""
    data, found, at = path.read_bytes(), {}, 0
    while at < len(data):
        end = data.index(b"\n", at)
        number, length = map(int, data[at:end].split())
        found[number] = Answer(data[end + 1:end + 1 + length])
        at = end + 1 + length
    return [found[number] for number in sorted(found)]
