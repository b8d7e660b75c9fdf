"""Tracing: what reaches a collector, where traces come from and go on to, and that no collector harms a request."""

import json
import re
import socket
import time

import pytest

from flow_support import Browser, Listener, accept, make_web
from webserver import Silence, WebServer

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
PARENT = f"00-{TRACE}-{SPAN}-01"
KEY = "Bearer the-key-of-the-collector"


class Span:
    """One span of OTLP's JSON, with its attributes and events as dictionaries."""

    def __init__(self, raw, resource):
        self.raw, self.resource = raw, resource
        self.name, self.kind, self.trace, self.id = raw["name"], raw["kind"], raw["traceId"], raw["spanId"]
        self.parent, self.failed = raw.get("parentSpanId"), raw["status"].get("code") == 2
        self.attributes = values(raw["attributes"])
        self.events = {event["name"]: values(event["attributes"]) for event in raw["events"]}

    def __repr__(self):
        return json.dumps(self.raw)


def values(attributes):
    return {a["key"]: int(a["value"]["intValue"]) if "intValue" in a["value"] else a["value"]["stringValue"] for a in attributes}


class Collector(WebServer):
    """Keeps (path, headers, body) of each request; `answers()` returns the status, perhaps late."""

    def __init__(self, answers=lambda: 200, port=0):
        self.answers = answers
        super().__init__(port)
        self.at = f"127.0.0.1:{self.port}"

    def answer(self, request, body):
        self.keep((request.path, request.headers, body))
        return (self.answers(),)

    def spans(self):
        with self.arrived:
            bodies = [json.loads(body) for _, _, body in self.seen]
        return [Span(raw, values(block["resource"]["attributes"]))
                for body in bodies for block in body["resourceSpans"] for scope in block["scopeSpans"] for raw in scope["spans"]]

    def wait_spans(self, done, within=20):
        """All spans, as soon as `done(spans)`."""
        until = time.monotonic() + within
        with self.arrived:
            while not done(self.spans()) and time.monotonic() < until:
                self.arrived.wait(0.2)
        assert done(self.spans()), self.spans()
        return self.spans()

    def one(self, name, **attributes):
        """The only span with this name and these attributes."""
        def found(spans):
            return [s for s in spans if s.name == name and all(s.attributes.get(k.replace("_", ".")) == v for k, v in attributes.items())]
        (span,) = found(self.wait_spans(found))
        return span

    def text(self):
        with self.arrived:
            return b"".join(body for _, _, body in self.seen).decode()


def otlp(at, **more):
    return {"tracing": {"provider": "otel", "service_name": "the shop", "deployment_environment": "staging",
                        "providers": {"otlp": {"server_url": at, "insecure": True, **more}}}}


def merged(*configs):
    whole = {}
    for config in configs:
        whole.update(config)
    return whole


@pytest.fixture
def collector():
    with Collector() as running:
        yield running


class TestServerSpans:
    def test_a_request(self, make_server, collector):
        server = make_server(otlp(collector.at, authorization_header=KEY))
        answer = server.admin.get("/admin/clients/unknown-one", query={"x": "a-query"}, headers={"User-Agent": "a browser"})
        assert answer.status == 404
        span = collector.one("/admin/clients/{param}")
        started, ended = int(span.raw["startTimeUnixNano"]) / 1e9, int(span.raw["endTimeUnixNano"]) / 1e9
        assert abs(started - time.time()) < 60 and started <= ended
        assert (span.kind, span.parent, span.failed) == (2, None, False)
        assert re.fullmatch("[0-9a-f]{32}", span.trace) and re.fullmatch("[0-9a-f]{16}", span.id)
        assert span.resource == {"service.name": "the shop", "deployment.environment": "staging",
                                 "service.version": server.admin.get("/version").json["version"]}
        assert span.attributes == {
            "http.request.method": "GET", "http.route": "/admin/clients/{param}", "url.path": "/admin/clients/unknown-one",
            "url.scheme": "http", "server.address": "127.0.0.1", "server.port": server.admin.port, "client.address": "127.0.0.1",
            "user_agent.original": "a browser", "http.response.status_code": 404}
        path, headers, _ = collector.seen[0]
        assert (path, headers["Authorization"], headers["Content-Type"]) == ("/v1/traces", KEY, "application/json")

    def test_both_listeners_but_no_probes(self, make_server, collector):
        server = make_server(otlp(collector.at))
        for path in ("/health/alive", "/health/ready"):
            assert server.public.get(path).status == server.admin.get(path).status == 200
        assert server.admin.get("/admin/health/alive").status == server.admin.get("/metrics/prometheus").status == 200
        server.public.get("/.well-known/jwks.json")
        server.public.get("/no/such/path")
        server.admin.get("/version")
        server.stop()
        assert sorted(s.name for s in collector.spans()) == ["/", "/.well-known/jwks.json", "/version"]

    def test_5xx_is_an_error(self, make_server, collector):
        server = make_server(merged(otlp(collector.at), {"oauth2": {"token_hook": "http://127.0.0.1:1/"},
                                                         "clients": {"http": {"disallow_private_ip_ranges": True}}}))
        assert server.token(server.create_client()).status == 500
        span = collector.one("/oauth2/token")
        assert span.failed and span.attributes["error.type"] == "500"
        assert collector.one("POST").failed

    def test_zipkin(self, make_server, collector):
        server = make_server({"tracing": {"provider": "zipkin", "service_name": "the shop", "providers": {"zipkin": {
            "server_url": f"http://{collector.at}/api/v2/spans?a=b", "sampling": {"sampling_ratio": 1}}}}})
        client = server.create_client()
        server.admin.get("/version", headers={"traceparent": PARENT})
        server.stop()
        assert {path for path, _, _ in collector.seen} == {"/api/v2/spans?a=b"}
        created, version = [span for _, _, body in collector.seen for span in json.loads(body)]
        assert (version["name"], version["kind"], version["traceId"], version["parentId"]) == ("/version", "SERVER", TRACE, SPAN)
        assert version["localEndpoint"] == {"serviceName": "the shop"} and version["tags"]["http.response.status_code"] == "200"
        assert [a["value"] for a in created["annotations"]] == [f'"OAuth2ClientCreated": {{"OAuth2ClientID":"{client["client_id"]}"}}']


class TestPropagation:
    @pytest.mark.parametrize("headers", [
        {"traceparent": PARENT}, {"b3": f"{TRACE}-{SPAN}-1"}, {"uber-trace-id": f"{TRACE}:{SPAN}:0:1"},
        {"X-B3-TraceId": TRACE, "X-B3-SpanId": SPAN, "X-B3-Sampled": "1"}], ids=["w3c", "b3", "jaeger", "b3-multi"])
    def test_traces_go_on_here(self, make_server, collector, headers):
        server = make_server(otlp(collector.at, sampling={"sampling_ratio": 0}))
        server.admin.get("/version", headers=headers)
        span = collector.one("/version")
        assert (span.trace, span.parent) == (TRACE, SPAN)

    def test_tracestate_in_several_headers_is_one(self, make_server, collector):  # Trace Context 3.3.1.1
        server = make_server(otlp(collector.at))
        answer = server.admin.raw(f"GET /version HTTP/1.1\r\nHost: x\r\nConnection: close\r\ntracestate: a=1\r\n"
                                  f"traceparent: {PARENT}\r\nTraceState: b=2, c=3\r\n\r\n".encode())
        assert b" 200 " in answer
        assert collector.one("/version").raw["traceState"] == "a=1,b=2, c=3"

    def test_who_does_not_record_is_not_recorded(self, make_server, collector):
        server = make_server(otlp(collector.at))
        server.admin.get("/version", headers={"traceparent": PARENT[:-1] + "0"})
        server.admin.get("/version", headers={"traceparent": "nonsense"})
        # Two of them say nothing: a new trace begins.
        answer = server.admin.raw(f"GET /version HTTP/1.1\r\nHost: x\r\nConnection: close\r\ntraceparent: {PARENT}\r\n"
                                  f"traceparent: {PARENT}\r\n\r\n".encode())
        assert b" 200 " in answer
        server.stop()
        first, second = collector.spans()
        assert first.parent is None and second.parent is None and TRACE not in (first.trace, second.trace)

    def test_ratio_0_sends_nothing(self, make_server, collector):
        server = make_server(otlp(collector.at, sampling={"sampling_ratio": 0}))
        for _ in range(20):
            server.admin.get("/version")
        server.stop()
        assert collector.seen == []

    def test_hooks_learn_of_it(self, make_server, collector):
        with Listener(204) as hook:
            server = make_server(merged(otlp(collector.at), {"oauth2": {"token_hook": hook.url + "/hook?key=hidden"}}))
            client = server.create_client()
            answer = server.public.post("/oauth2/token", form={"grant_type": "client_credentials"},
                                        basic=(client["client_id"], client["client_secret"]),
                                        headers={"traceparent": PARENT, "tracestate": "rojo=1,congo=2"})
            assert answer.status == 200
            ((_, _, headers, _),) = hook.seen
        outer, inner = collector.one("/oauth2/token"), collector.one("POST")
        assert (outer.trace, outer.parent) == (TRACE, SPAN)
        assert (inner.trace, inner.parent, inner.kind, inner.failed) == (TRACE, outer.id, 3, False)
        assert headers["traceparent"] == f"00-{TRACE}-{inner.id}-01" and headers["tracestate"] == "rojo=1,congo=2"
        port = int(hook.url.rsplit(":", 1)[1])
        assert inner.attributes == {"http.request.method": "POST", "url.full": hook.url + "/hook", "server.address": "127.0.0.1",
                                    "server.port": port, "http.response.status_code": 204}

    def test_a_trace_that_is_not_recorded_still_goes_on(self, make_server, collector):
        with Listener(204) as hook:
            server = make_server(merged(otlp(collector.at, sampling={"sampling_ratio": 0}), {"oauth2": {"token_hook": hook.url}}))
            assert server.token(server.create_client()).status == 200
            ((_, _, headers, _),) = hook.seen
        assert re.fullmatch("00-[0-9a-f]{32}-[0-9a-f]{16}-00", headers["traceparent"])
        assert headers["tracestate"] is None

    def test_back_channel_logout(self, make_server, collector):
        server = make_server(otlp(collector.at))
        browser = Browser(server)
        with Listener(200) as rp:
            browser.sign_in(make_web(server, backchannel_logout_uri=rp.url + "/out"))
            challenge = browser.get("/oauth2/sessions/logout").query["logout_challenge"]
            browser.get(accept(server, "logout", challenge))
            ((_, _, headers, _),) = rp.wait(1)
        delivery, call = collector.one("deliver logout"), collector.one("POST", url_full=rp.url + "/out")
        assert (delivery.kind, delivery.parent, call.parent) == (1, None, delivery.id)
        assert headers["traceparent"] == f"00-{delivery.trace}-{call.id}-01"

    def test_off_there_is_no_header(self, make_server):
        with Listener(204) as hook:
            server = make_server({"oauth2": {"token_hook": hook.url}})
            assert server.token(server.create_client()).status == 200
            ((_, _, headers, _),) = hook.seen
        assert headers["traceparent"] is None
        assert not any("otel" in r for r in server.records())


class TestEvents:
    def test_a_flow(self, make_server, collector):
        server = make_server(otlp(collector.at))
        client = make_web(server)
        ids = {"OAuth2ClientID": client["client_id"]}
        browser = Browser(server)
        tokens = browser.sign_in(client)
        server.introspect(tokens["access_token"])
        secret = (client["client_id"], client["client_secret"])
        assert server.public.post("/oauth2/token", form={"grant_type": "authorization_code", "code": "wrong"}, basic=secret).status == 400
        assert server.public.post("/oauth2/revoke", form={"token": tokens["access_token"]}, basic=secret).status == 200
        challenge = browser.authorize(client, prompt="login").query["login_challenge"]
        assert server.admin.put("/admin/oauth2/auth/requests/login/reject", query={"login_challenge": challenge}, json={"error": "x"}).status == 200
        assert server.admin.patch(f"/admin/clients/{client['client_id']}", json=[
            {"op": "replace", "path": "/client_name", "value": "n"}]).status == 200
        assert server.admin.delete("/admin/oauth2/auth/sessions/consent", query={"subject": "alice", "all": "true"}).status == 204
        assert server.admin.delete(f"/admin/clients/{client['client_id']}").status == 204
        server.stop()

        (subject,) = {e["OAuth2Subject"] for s in collector.spans() for n, e in s.events.items() if n == "OAuth2LoginAccepted"}
        user = {**ids, "OAuth2Subject": subject}
        issued = {**user, "OAuth2GrantType": "authorization_code"}
        seen = [(s.name, s.events) for s in collector.spans() if s.events]
        assert seen == [
            ("/admin/clients", {"OAuth2ClientCreated": ids}),
            ("/admin/oauth2/auth/requests/login/accept", {"OAuth2LoginAccepted": user}),
            ("/admin/oauth2/auth/requests/consent/accept", {"OAuth2ConsentAccepted": user}),
            ("/oauth2/token", {"OAuth2AccessTokenIssued": issued, "OAuth2RefreshTokenIssued": issued, "OIDCIdentityTokenIssued": issued}),
            ("/admin/oauth2/introspect", {"OAuth2AccessTokenInspected": user}),
            ("/oauth2/token", {"OAuth2TokenExchangeError": {**ids, "OAuth2GrantType": "authorization_code"}}),
            ("/oauth2/revoke", {"OAuth2AccessTokenRevoked": ids}),
            ("/admin/oauth2/auth/requests/login/reject", {"OAuth2LoginRejected": ids}),
            ("/admin/clients/{param}", {"OAuth2ClientUpdated": ids}),
            ("/admin/oauth2/auth/sessions/consent", {"OAuth2ConsentRevoked": {"OAuth2Subject": "alice"}}),
            ("/admin/clients/{param}", {"OAuth2ClientDeleted": ids})]

        # Nothing that opens anything is in any span: no secret, token, code, challenge, verifier or cookie.
        text = collector.text()
        for secret in (client["client_secret"], tokens["access_token"], tokens["refresh_token"], tokens["id_token"], challenge,
                       *browser.cookies.values()):
            assert secret not in text
        for token in (tokens["access_token"], tokens["refresh_token"], tokens["id_token"]):
            assert token.split(".")[-1] not in text
        for word in ("ory_", "challenge=", "verifier", "code=", "Basic ", "Cookie", "?"):
            assert word not in text, word


class TestLogs:
    def test_records_name_the_trace(self, make_server, collector):
        with Listener(503, 503, 400) as hook:
            server = make_server(merged(otlp(collector.at), {"oauth2": {"token_hook": hook.url}}))
            client = server.create_client()
            server.public.post("/oauth2/token", form={"grant_type": "client_credentials"}, headers={"traceparent": PARENT},
                               basic=(client["client_id"], client["client_secret"]))
        span = collector.one("/oauth2/token")
        server.stop()
        about = [r for r in server.records() if r.get("otel", {}).get("trace_id") == TRACE]
        assert {r["otel"]["span_id"] for r in about} == {span.id}
        assert {r["msg"] for r in about} == {"started handling request", "completed handling request",
                                             "An error occurred while handling a request"}
        for record in server.records():
            path = record.get("http_request", {}).get("path", "")
            assert ("otel" in record) == (path != "" and not path.startswith("/health")) or record in about


class TestBadCollectors:
    COMPLAINT = "Spans could not be sent; they are lost. Further failures within a minute are not logged."

    def dropped(self, server):
        return int(re.search(r"^grantd_spans_dropped_total (\d+)$", server.admin.get("/metrics/prometheus").text, re.M)[1])

    def wait_dropped(self, server, count, within=20):
        until = time.monotonic() + within
        while self.dropped(server) < count and time.monotonic() < until:
            time.sleep(0.1)
        assert self.dropped(server) == count

    def test_nobody_there(self, make_server):
        server = make_server(otlp("127.0.0.1:1", authorization_header=KEY))
        assert server.admin.get("/version").status == 200
        self.wait_dropped(server, 1)
        assert server.admin.get("/version").status == 200
        self.wait_dropped(server, 2)
        (record,) = server.records(self.COMPLAINT)   # one a minute
        assert (record["level"], record["key"], record["spans"]) == ("error", "tracing.providers.otlp.server_url", 1)
        assert "the-key" not in server.log

    @pytest.mark.parametrize("status", [400, 302, 503])
    def test_refused(self, make_server, status):
        with Collector(lambda: status) as collector:
            server = make_server(otlp(collector.at))
            assert server.admin.get("/version").status == 200
            self.wait_dropped(server, 1)
            (record,) = server.records(self.COMPLAINT)
            assert record["status"] == status

    def test_slow(self, make_server):
        silence = Silence(200)
        with Collector(silence) as collector:
            server = make_server(otlp(collector.at))
            server.admin.get("/version")
            collector.wait_spans(lambda spans: spans)
            for _ in range(50):
                assert server.admin.get("/version").status == 200
            assert len(collector.spans()) == 1
            silence.end()
            server.stop()
            assert len(collector.spans()) == 51

    def test_deaf(self, make_server):
        """Takes the connection and never says a word."""
        with socket.create_server(("127.0.0.1", 0)) as deaf:
            server = make_server(otlp(f"127.0.0.1:{deaf.getsockname()[1]}"))
            for _ in range(3):
                assert server.admin.get("/version").status == 200
            time.sleep(1.5)
            assert server.admin.get("/version").status == 200
            began = time.monotonic()
            server.stop()
            assert time.monotonic() - began < 6

    def test_comes_back(self, make_server):
        with Collector() as collector:
            at = collector.at
        server = make_server(otlp(at))
        server.admin.get("/version")
        self.wait_dropped(server, 1)
        with Collector(port=int(at.split(":")[1])) as collector:
            server.admin.get("/admin/clients")
            collector.one("/admin/clients")
        server.stop()

    @pytest.mark.parametrize("tracing, key", [
        ({"provider": "otel"}, "tracing.providers.otlp.server_url"),
        ({"provider": "otel", "providers": {"otlp": {"server_url": "http://127.0.0.1:4318"}}}, "tracing.providers.otlp.server_url"),
        ({"provider": "zipkin"}, "tracing.providers.zipkin.server_url")])
    def test_broken_settings(self, make_server, tracing, key):
        server = make_server({"tracing": tracing})
        assert server.admin.get("/version").status == 200
        (record,) = [r for r in server.records() if r["level"] == "error"]
        assert record["key"] == key and "remedy" in record

    def test_jaeger_is_told_what_to_use(self, make_server):
        server = make_server({"tracing": {"provider": "jaeger", "providers": {"jaeger": {"local_agent_address": "127.0.0.1:6831"}}}})
        assert server.token(server.create_client()).status == 200
        (record,) = [r for r in server.records() if "jaeger" in r["msg"]]
        assert record["level"] == "warning" and "set tracing.provider to otel" in record["msg"]


class TestEnd:
    def test_what_is_left_is_sent_at_the_end(self, make_server, collector):
        server = make_server(otlp(collector.at))
        for _ in range(5):
            server.admin.get("/version")
        began = time.monotonic()
        server.stop()
        assert len(collector.spans()) == 5 and time.monotonic() - began < 5

    def test_the_guard_for_clients_urls_does_not_stand_in_the_way(self, make_server, collector):
        server = make_server(merged(otlp(collector.at), {"clients": {"http": {"disallow_private_ip_ranges": True}}}))
        server.admin.get("/version")
        collector.one("/version")
