"""A browser, a login app and a consent app, for tests that walk a flow:

    web = make_web(server)                                   # a client of the code flow
    b = Browser(server)
    done = b.flow(web, login={"remember": True})             # the redirect to the client
    done.query["code"]
    redirect = b.authorize(web, scope="openid")              # one step at a time
    challenge = redirect.query["login_challenge"]
    back = accept(server, "login", challenge, {"subject": "alice"})
    b.get(back)
"""

import http.cookies
import urllib.parse

from webserver import WebServer

CALLBACK = "https://rp.example.test/cb"
ADMIN = "/admin/oauth2/auth/requests"


class Redirect:
    """Where an answer sends the browser."""

    def __init__(self, answer):
        self.answer, self.status, self.url = answer, answer.status, answer.headers.get("Location")
        assert self.url is not None, answer
        parts = urllib.parse.urlsplit(self.url)
        self.base = urllib.parse.urlunsplit(parts[:3] + ("", ""))
        self.query = dict(urllib.parse.parse_qsl(parts.query, keep_blank_values=True))

    def __repr__(self):
        return f"<{self.status} {self.url}>"


class Browser:
    """Keeps cookies by name; paths and times are the server's word for what a test looks at itself."""

    def __init__(self, server):
        self.server, self.cookies = server, {}

    def request(self, method, target, **more):
        if target.startswith(self.server.public.url):
            target = target[len(self.server.public.url):]
        headers = dict(more.pop("headers", {}))
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        answer = self.server.public.request(method, target, headers=headers, **more)
        for line in answer.headers.get_all("Set-Cookie") or []:
            for name, morsel in http.cookies.SimpleCookie(line).items():
                if morsel.value == "" or morsel["max-age"] == "0":
                    self.cookies.pop(name, None)
                else:
                    self.cookies[name] = morsel.value
        return answer

    def get(self, target, **more):
        return Redirect(self.request("GET", target, **more))

    def session(self):
        return next((v for n, v in self.cookies.items() if n.startswith("ory_hydra_session")), None)

    def authorize(self, client, **query):
        asked = {"client_id": client["client_id"], "response_type": "code", "redirect_uri": client["redirect_uris"][0],
                 "scope": "openid offline foo", "state": "state-of-the-test", **query}
        return self.get("/oauth2/auth", query={k: v for k, v in asked.items() if v is not None})

    def to_login(self, client, **query):
        return self.authorize(client, **query).query["login_challenge"]

    def to_consent(self, client, login=None, **query):
        back = accept(self.server, "login", self.to_login(client, **query), {"subject": "alice", **(login or {})})
        return self.get(back).query["consent_challenge"]

    def flow(self, client, login=None, consent=None, **query):
        """The whole way; returns the redirect to the client."""
        scopes = query.get("scope", "openid offline foo").split()
        challenge = self.to_consent(client, login, **query)
        return self.get(accept(self.server, "consent", challenge, {"grant_scope": scopes, **(consent or {})}))

    def sign_in(self, client, login=None, consent=None, **query):
        """The whole way, and the code redeemed; returns the token endpoint's answer."""
        code = self.flow(client, {"remember": True, **(login or {})}, consent, **query).query["code"]
        answer = self.server.public.post("/oauth2/token",
                                         form={"grant_type": "authorization_code", "code": code, "redirect_uri": client["redirect_uris"][0]},
                                         basic=(client["client_id"], client["client_secret"]))
        assert answer.status == 200, answer
        return answer.json


def make_web(server, **members):
    return server.create_client(**{"redirect_uris": [CALLBACK], "grant_types": ["authorization_code", "refresh_token"],
                                   "response_types": ["code"], "scope": "openid offline foo bar", **members})


def get_request(server, kind, challenge, base=ADMIN):
    return server.admin.get(f"{base}/{kind}", query={f"{kind}_challenge": challenge})


def decide(server, kind, verdict, challenge, body=None, base=ADMIN):
    return server.admin.put(f"{base}/{kind}/{verdict}", query={f"{kind}_challenge": challenge}, json=body if body is not None else {})


def accept(server, kind, challenge, body=None, base=ADMIN):
    """Where the app sends the browser."""
    answer = decide(server, kind, "accept", challenge, body, base)
    assert answer.status == 200, answer
    return answer.json["redirect_to"]


class Listener(WebServer):
    """A client's server: keeps (method, path, headers, form) of what it gets, and answers with what `answers` says: statuses, the last
    of which repeats, or a function that returns one."""

    def __init__(self, *answers):
        self.answers = list(answers) or [200]
        super().__init__()

    def answer(self, request, body):
        with self.arrived:
            self.keep((request.command, request.path, request.headers, dict(urllib.parse.parse_qsl(body.decode()))))
            answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return (answer() if callable(answer) else answer,)
