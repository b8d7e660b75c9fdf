"""Behind nginx: whatever it makes of an ambiguous request, nothing that it did not see as a request reaches a route."""

import shutil
import subprocess
import time

import pytest

from harness import Listener, free_ports

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
pytestmark = pytest.mark.skipif(NGINX is None, reason="nginx is not installed")

CONFIG = """
daemon off; worker_processes 1; pid {dir}/nginx.pid; error_log {dir}/error.log;
events {{ worker_connections 64; }}
http {{
  access_log off;
  client_body_temp_path {dir}/body; proxy_temp_path {dir}/proxy; fastcgi_temp_path {dir}/f; uwsgi_temp_path {dir}/u; scgi_temp_path {dir}/s;
  ignore_invalid_headers off;
  upstream grantd {{ server 127.0.0.1:{upstream}; keepalive 4; }}
  server {{
    listen 127.0.0.1:{port};
    location / {{ proxy_pass http://grantd; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_request_buffering off; }}
  }}
}}
"""


@pytest.fixture
def proxy(server, tmp_path):
    """A listener that is nginx in front of the public one, with connections kept open between the two."""
    port = free_ports(1)[0]
    config = tmp_path / "nginx.conf"
    config.write_text(CONFIG.format(dir=tmp_path, upstream=server.public.port, port=port))
    process = subprocess.Popen([NGINX, "-c", config, "-e", tmp_path / "start.log"])
    front = Listener(port)
    for _ in range(200):
        try:
            front.get("/health/alive")
            break
        except OSError:
            time.sleep(0.02)
    yield front
    process.terminate()
    process.wait()


SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
LENGTH = b"Content-Length: %d\r\n" % len(SMUGGLED)
POST = b"POST /oauth2/token HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"

AMBIGUOUS = {
    "length_and_coding": POST + LENGTH + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "two_lengths": POST + LENGTH + b"Content-Length: 0\r\n\r\n" + SMUGGLED,
    "list_of_lengths": POST + b"Content-Length: 0, %d\r\n\r\n" % len(SMUGGLED) + SMUGGLED,
    "signed_length": POST + b"Content-Length: +%d\r\n\r\n" % len(SMUGGLED) + SMUGGLED,
    "unknown_coding": POST + LENGTH + b"Transfer-Encoding: xchunked\r\n\r\n" + SMUGGLED,
    "coding_after_tab": POST + LENGTH + b"Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "blank_before_colon": POST + LENGTH + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "folded_coding": POST + LENGTH + b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "bare_cr": POST + LENGTH + b"X: a\rTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "bare_lf": POST + LENGTH + b"X: a\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "nul": POST + LENGTH + b"X: a\0b\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "chunk_line_with_lf": POST + b"Transfer-Encoding: chunked\r\n\r\n2;\nxx\r\n%x\r\n" % len(SMUGGLED) + SMUGGLED + b"\r\n0\r\n\r\n",
}


def smuggled(server):
    time.sleep(0.1)
    return [r for r in server.records("started handling request") if r["http_request"]["path"] == "/smuggled"]


@pytest.mark.parametrize("name", AMBIGUOUS)
def test_nothing_is_smuggled_through_nginx(server, proxy, name):
    answer = proxy.raw(AMBIGUOUS[name], timeout=2)
    assert answer.count(b"HTTP/1.1 ") <= 2
    # What nginx itself takes for a second request it may pass on; what it does not, must not come out of the first.
    if b"404" not in answer:
        assert smuggled(server) == []
    for _ in range(3):
        assert proxy.get("/health/alive").json == {"status": "ok"}


@pytest.mark.parametrize("name", AMBIGUOUS)
def test_ambiguous_requests_are_refused_and_the_connection_closed(server, name):
    before = len(smuggled(server))
    answer = server.public.raw(AMBIGUOUS[name], timeout=5)
    assert answer.startswith(b"HTTP/1.1 400 "), answer
    assert b"\r\nConnection: close\r\n" in answer
    assert answer.count(b"HTTP/1.1 ") == 1
    assert len(smuggled(server)) == before


@pytest.mark.parametrize("name", AMBIGUOUS)
def test_later_requests_of_a_connection_are_checked_too(server, name):
    before = len(smuggled(server))
    answer = server.public.raw(b"GET /health/alive HTTP/1.1\r\nHost: x\r\n\r\n" + AMBIGUOUS[name], timeout=5)
    assert answer.count(b"HTTP/1.1 200 ") == 1 and answer.count(b"HTTP/1.1 400 ") == 1
    assert len(smuggled(server)) == before
