"""What was answered is kept: kill -9 at random moments under a load of writes, and a disk that fills up and has room again."""

import contextlib
import os
import pathlib
import random
import resource
import subprocess
import threading
import time

import pytest

from harness import GRANTD, Server, sanitized

CLIENTS = "/admin/clients"
KILLS = 5 if sanitized() else 50
WRITERS = 8


# ---- kill -9 ----

class Writer(threading.Thread):
    """Creates, changes and deletes clients until the server is gone. `certain` is what was answered: the name of each client, None
    when deleted. `pending` is the client whose last change was not answered: either may be true of it."""

    def __init__(self, server, owner, number):
        super().__init__()
        self.server, self.owner, self.number = server, owner, number
        self.certain, self.pending = {}, None
        self.problem = None

    def run(self):
        with contextlib.suppress(OSError), self.server.admin.connection(10) as admin:
            try:
                self.write(admin)
            except AssertionError as problem:
                self.problem = problem

    def write(self, admin):
        for count in range(100000):
            name = f"{self.owner}-{self.number}-{count}"
            self.change(admin, 201, name, "new", "POST", CLIENTS, json={
                "client_id": name, "client_name": "new", "owner": self.owner, "token_endpoint_auth_method": "none"})
            if count % 3 == 1:
                patch = [{"op": "replace", "path": "/client_name", "value": "changed"}]
                self.change(admin, 200, name, "changed", "PATCH", f"{CLIENTS}/{name}", json=patch)
            if count % 3 == 2:
                self.change(admin, 204, name, None, "DELETE", f"{CLIENTS}/{name}")

    def change(self, admin, status, name, becomes, method, target, **more):
        self.pending = name
        answer = admin.request(method, target, **more)
        assert answer.status == status, answer
        self.certain[name] = becomes
        self.pending = None

    def check(self, found):
        assert not self.problem, self.problem
        for name, value in self.certain.items():
            assert name == self.pending or found.get(name) == value, (name, value, found.get(name))


def listed(server, owner):
    """The names of all clients of an owner, by id."""
    found, target = {}, f"{CLIENTS}?page_size=500&owner={owner}"
    with server.admin.connection() as admin:
        while target:
            answer = admin.get(target)
            assert answer.status == 200, answer
            found.update((client["client_id"], client["client_name"]) for client in answer.json)
            links = [link for link in answer.headers["Link"].split(",") if 'rel="next"' in link]
            target = links[0][1:links[0].index(">")] if links else None
    return found


@pytest.mark.both
def test_killed_at_random_moments(make_server):
    server = make_server(start=False)
    server.start()
    answered, rounds = 0, []
    for number in range(KILLS):
        writers = [Writer(server, f"round{number}", w) for w in range(WRITERS)]
        for writer in writers:
            writer.start()
        time.sleep(random.uniform(0.02, 0.3))
        server.kill()
        for writer in writers:
            writer.join()
        server.start()
        found = listed(server, f"round{number}")
        for writer in writers:
            writer.check(found)
        rounds.append(found)
        answered += sum(len(writer.certain) for writer in writers)
    # Later kills took nothing from earlier rounds.
    for number, found in enumerate(rounds):
        assert listed(server, f"round{number}") == found
    assert answered > KILLS * WRITERS


@pytest.mark.both
def test_revoked_stays_revoked(make_server):
    server = make_server()
    client = server.create_client()
    for _ in range(3 if sanitized() else 10):
        tokens = [server.access_token(client) for _ in range(5)]
        pair = (client["client_id"], client["client_secret"])
        assert all(server.public.post("/oauth2/revoke", form={"token": t}, basic=pair).status == 200 for t in tokens[1:])
        server.kill()
        server.start()
        assert [server.introspect(t)["active"] for t in tokens] == [True, False, False, False, False]


# ---- a full disk ----

class SmallDisk:
    """A server on a file system of 2 MiB, its own: made in a mount namespace that ends with it. `fill` takes all room."""

    def __init__(self, tmp_path):
        self.disk = tmp_path / "disk"
        self.disk.mkdir()
        script = tmp_path / "grantd"
        script.write_text(f'#!/bin/sh\nexec unshare -rm sh -c \'mount -t tmpfs -o size=2m none "$0" && exec "$@"\' '
                          f'"{self.disk}" "{GRANTD}" "$@"\n')
        script.chmod(0o755)
        self.server = Server(tmp_path / "server", dsn=f"sqlite://{self.disk}/db.sqlite", binary=script)

    def ballast(self):
        return pathlib.Path(f"/proc/{self.server.pid}/root{self.disk}/ballast")

    def fill(self):
        with contextlib.suppress(OSError), open(self.ballast(), "wb", buffering=0) as f:
            while f.write(bytes(4096)):
                pass

    def free(self):
        self.ballast().unlink()


class SmallFiles:
    """A server whose files may not grow: no privilege needed."""

    def __init__(self, tmp_path):
        self.server = Server(tmp_path / "server", keys=False)

    def fill(self):
        largest = max(p.stat().st_size for p in self.server.folder.glob("db.sqlite*"))
        resource.prlimit(self.server.pid, resource.RLIMIT_FSIZE, (max(largest, 200_000), resource.RLIM_INFINITY))

    def free(self):
        resource.prlimit(self.server.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def own_mounts():
    return subprocess.run(["unshare", "-rm", "sh", "-c", "mount -t tmpfs none /tmp"], capture_output=True, check=False).returncode == 0


@pytest.fixture(params=[SmallDisk, SmallFiles])
def narrow(request, tmp_path):
    if request.param is SmallDisk and not own_mounts():
        pytest.skip("no file system of one's own here")
    disk = request.param(tmp_path)
    disk.server.start()
    yield disk
    disk.server.stop()


def create_until_refused(admin, prefix):
    """The ids that were answered 201, and the first other answer."""
    made = []
    for number in range(5000):
        answer = admin.post(CLIENTS, json={"client_id": f"{prefix}-{number}", "client_name": "x" * 2000, "token_endpoint_auth_method": "none"})
        if answer.status != 201:
            return made, answer
        made.append(f"{prefix}-{number}")
    raise AssertionError("the disk does not fill")


def unavailable(answer):
    assert answer.status == 503, answer
    assert int(answer.headers["Retry-After"]) >= 1
    assert answer.json["error"] == "temporarily_unavailable" and "storage" in answer.json["error_description"]


@pytest.mark.sqlite
@pytest.mark.both
def test_full_disk(narrow):
    server = narrow.server
    client = server.create_client()
    pair = (client["client_id"], client["client_secret"])
    token = server.access_token(client)
    assert server.public.get("/.well-known/jwks.json").status == 200    # the keys are made by now
    for turn in range(3):
        narrow.fill()
        with server.admin.connection() as admin, server.public.connection() as public:
            made, refusal = create_until_refused(admin, f"turn{turn}")
            unavailable(refusal)
            refused = f"turn{turn}-{len(made)}"
            for _ in range(5):
                unavailable(admin.post(CLIENTS, json={"client_name": "y" * 2000}))
                unavailable(public.post("/oauth2/revoke", form={"token": token}, basic=pair))
            # What needs no room goes on.
            assert admin.get(f"{CLIENTS}/{client['client_id']}").status == 200
            assert admin.get(f"{CLIENTS}/{refused}").status == 404
            assert public.post("/oauth2/token", form={"grant_type": "client_credentials"}, basic=pair).status == 200
            assert admin.post("/admin/oauth2/introspect", form={"token": token}).json["active"] is True
            assert public.get("/.well-known/jwks.json").status == 200
            assert public.get("/health/alive").status == 200

            narrow.free()
            until = time.monotonic() + 10
            while (answer := admin.post(CLIENTS, json={"client_id": refused, "client_name": "z"})).status != 201:
                assert answer.status == 503 and time.monotonic() < until, answer
                time.sleep(0.1)
            for name in made:
                assert admin.get(f"{CLIENTS}/{name}").status == 200
                assert admin.delete(f"{CLIENTS}/{name}").status == 204
    assert server.public.post("/oauth2/revoke", form={"token": token}, basic=pair).status == 200
    assert server.introspect(token) == {"active": False}


@pytest.mark.sqlite
def test_ends_while_files_may_not_grow(tmp_path):
    """What was answered is in the log of writes: that it cannot be moved into the database at the end is no failure."""
    narrow = SmallFiles(tmp_path)
    server = narrow.server.start()
    ids = [server.create_client(client_name="x" * 2000)["client_id"] for _ in range(50)]
    resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
    server.stop()   # with status 0
    server.start()
    assert all(server.admin.get(f"{CLIENTS}/{i}").status == 200 for i in ids)
    server.stop()
