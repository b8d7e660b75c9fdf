"""Everything at once, for the thread sanitizer above all: many connections that create, change, use and delete clients, ask for
tokens, introspect and revoke them, while others read keys, metrics and health."""

import threading
import time

import pytest

pytestmark = pytest.mark.stress

SECONDS = 6


class Load:
    """Threads that repeat `work` until the time is up; the first failure ends all and is raised."""

    def __init__(self, seconds):
        self.until = time.monotonic() + seconds
        self.problems = []
        self.threads = []
        self.rounds = 0

    def add(self, work, *arguments):
        def loop():
            try:
                while time.monotonic() < self.until and not self.problems:
                    work(*arguments)
                    self.rounds += 1
            except Exception as problem:    # raised again in run()
                self.problems.append(problem)
        self.threads.append(threading.Thread(target=loop))

    def run(self):
        for thread in self.threads:
            thread.start()
        for thread in self.threads:
            thread.join()
        if self.problems:
            raise self.problems[0]
        assert self.rounds > len(self.threads)


def client_life(server, name):
    """A client from its creation to its end, on one connection to each listener."""
    with server.admin.connection() as admin, server.public.connection() as public:
        made = admin.post("/admin/clients", json={"client_name": name, "grant_types": ["client_credentials"], "scope": "a b"})
        assert made.status == 201, made
        client = made.json
        path, basic = "/admin/clients/" + client["client_id"], (client["client_id"], client["client_secret"])
        form = {"grant_type": "client_credentials", "scope": "a"}
        tokens = [public.post("/oauth2/token", form=form, basic=basic) for _ in range(3)]
        assert [t.status for t in tokens] == [200] * 3, tokens
        assert public.post("/oauth2/token", form=form, basic=(basic[0], "wrong")).status == 401
        first, second, _ = (t.json["access_token"] for t in tokens)
        assert public.post("/oauth2/revoke", form={"token": first}, basic=basic).status == 200
        active = [admin.post("/admin/oauth2/introspect", form={"token": t}).json["active"] for t in (first, second)]
        assert active == [False, True]
        patch = [{"op": "replace", "path": "/client_name", "value": name + "!"}]
        assert admin.patch(path, json=patch).json["client_name"] == name + "!"
        assert admin.delete(path).status == 204
        assert admin.get(path).status == 404
        assert admin.post("/admin/oauth2/introspect", form={"token": second}).json == {"active": False}


def shared_client(server, client):
    token = server.access_token(client)
    assert server.introspect(token)["client_id"] == client["client_id"]


def reads(server):
    for listener, path in [(server.public, "/.well-known/jwks.json"), (server.public, "/.well-known/openid-configuration"),
                           (server.admin, "/metrics/prometheus"), (server.admin, "/admin/clients?page_size=5"),
                           (server.public, "/health/ready"), (server.admin, "/version")]:
        assert listener.get(path).status == 200, path


@pytest.mark.race
def test_everything_at_once(make_server):
    server = make_server()
    client = server.create_client()
    jwt = server.create_client(access_token_strategy="jwt")
    load = Load(SECONDS)
    for number in range(4):
        load.add(client_life, server, f"life {number}")
        load.add(shared_client, server, client)
    load.add(shared_client, server, jwt)
    load.add(reads, server)
    load.run()


def test_stop_under_load(make_server):
    """SIGTERM amid requests: running ones are answered, the exit status is 0 (asserted by stop())."""
    server = make_server()
    client = server.create_client()
    stopping = threading.Event()

    def ask():
        try:
            answer = server.token(client)
        except OSError:
            assert stopping.is_set()
            time.sleep(0.01)
        else:
            assert answer.status in (200, 503), answer

    load = Load(2)
    for _ in range(8):
        load.add(ask)
    timer = threading.Timer(1, lambda: (stopping.set(), server.stop()))
    timer.start()
    load.run()
    timer.join()
