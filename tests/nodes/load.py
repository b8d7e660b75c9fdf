"""Clients that never rest, for tests of outages: they note what was refused, and remember what was answered, to look for it later.

    load = Load(cluster); load.start(); ...; load.stop()
    load.refused                    # answers that were none of the expected ones: Refusal(at, took, answer)
    load.cut                        # requests without an answer, or with a proxy's word that it has none
    load.check()                    # everything that was answered is true
"""

import http.client
import threading
import time
import typing

from flow_support import make_web
from test_durability import listed
from tokens_support import active, pair, redeem, refresh, tokens_for, code_for

OWNER = "load"
FAMILIES, CODES = 12, 12


class Refused(Exception):
    """The answer was not what a healthy server gives."""


class Refusal(typing.NamedTuple):
    at: float
    took: float
    answer: object


def expect(answer, *statuses):
    if answer.status not in statuses:
        raise Refused(answer)
    return answer


class Worker(threading.Thread):
    """Repeats step() until told to stop."""

    def __init__(self, load, number):
        super().__init__(daemon=True)
        self.load, self.cluster, self.number = load, load.cluster, number
        self.good = []          # when requests succeeded
        self.problem = None
        self.prepare()

    def prepare(self):
        """While all is well."""

    def step(self):
        raise NotImplementedError

    def check(self):
        """Whether what was answered is still true."""

    def run(self):
        try:
            while not self.load.over.is_set():
                self.attempt()
        except Exception as problem:    # raised again in Load.stop()
            self.problem = problem

    def attempt(self):
        began = time.monotonic()
        try:
            self.step()
            self.good.append(time.monotonic())
        except Refused as refused:
            answer = refused.args[0]
            noted = self.load.cut if answer.status in (502, 504) else self.load.refused
            noted.append(Refusal(began, time.monotonic() - began, answer))
            time.sleep(0.02)
        except (OSError, http.client.HTTPException) as problem:
            self.load.cut.append(Refusal(began, time.monotonic() - began, problem))
            time.sleep(0.02)


class Creates(Worker):
    def prepare(self):
        self.count, self.made = 0, set()

    def step(self):
        self.count += 1
        name = f"load-{self.number}-{self.count}"
        expect(self.cluster.admin.post("/admin/clients", json={"client_id": name, "client_name": "x", "owner": OWNER,
                                                               "token_endpoint_auth_method": "none"}), 201)
        self.made.add(name)

    def check(self):
        lost = self.made - set(self.load.listed())
        assert not lost, f"{len(lost)} of {len(self.made)} clients are lost: {sorted(lost)[:3]}"


class Revokes(Worker):
    """Issues tokens, reads them, revokes every second one."""

    def prepare(self):
        self.client = self.cluster.create_client()
        self.dead, self.alive = [], []

    def step(self):
        token = expect(self.cluster.token(self.client), 200).json["access_token"]
        said = expect(self.cluster.admin.post("/admin/oauth2/introspect", form={"token": token}), 200)
        assert said.json["active"] is True, "a token is dead that was never revoked"
        if len(self.alive) > len(self.dead):
            expect(self.cluster.public.post("/oauth2/revoke", form={"token": token}, basic=pair(self.client)), 200)
            self.dead.append(token)
        else:
            self.alive.append(token)

    def check(self):
        assert not [t for t in self.dead[-100:] if active(self.cluster, t)], "a revocation is lost"
        assert all(active(self.cluster, t) for t in self.alive[-100:]), "a token is dead that was never revoked"


class Refreshes(Worker):
    """Follows chains of refresh tokens. A chain whose last refresh was not answered is left: nobody knows its newest token."""

    def prepare(self):
        self.web = make_web(self.cluster)
        self.fresh = [tokens_for(self.cluster, self.web)["refresh_token"] for _ in range(FAMILIES)]
        self.token, self.used, self.turns = None, [], 0

    def step(self):
        if self.token is None:
            if not self.fresh:
                time.sleep(0.05)
                return
            self.token, self.used = self.fresh.pop(), []
        token, self.token = self.token, None
        answer = expect(refresh(self.cluster, self.web, token), 200)
        self.used.append(token)
        self.token = answer.json["refresh_token"]
        self.turns += 1

    def check(self):
        assert self.turns > 0
        if self.token:
            assert not [t for t in self.used[-20:] if active(self.cluster, t)], "a used refresh token is alive again"
            answer = refresh(self.cluster, self.web, self.token)
            assert answer.status == 200, f"the newest refresh token of a chain is refused: {answer}"


class Codes(Worker):
    """Redeems codes: what was redeemed once is not redeemed again."""

    def prepare(self):
        self.web = make_web(self.cluster)
        self.fresh = [code_for(self.cluster, self.web) for _ in range(CODES)]
        self.used = []

    def step(self):
        time.sleep(0.5)
        if self.fresh:
            code = self.fresh.pop()
            body = expect(redeem(self.cluster, self.web, code), 200).json
            self.used.append((code, body["access_token"]))

    def check(self):
        assert all(active(self.cluster, token) for _, token in self.used), "a redemption is lost"
        assert not [a for a in (redeem(self.cluster, self.web, code) for code, _ in self.used) if a.status != 400], "a code was redeemed twice"


class Load:
    def __init__(self, cluster, kinds=((Creates, 3), (Revokes, 3), (Refreshes, 3), (Codes, 1))):
        self.cluster, self.over = cluster, threading.Event()
        self.refused, self.cut, self.names = [], [], None
        self.workers = [kind(self, f"{kind.__name__}{i}") for kind, count in kinds for i in range(count)]

    def start(self):
        for worker in self.workers:
            worker.start()
        return self

    def stop(self):
        self.over.set()
        for worker in self.workers:
            worker.join(60)
            assert not worker.is_alive(), "a request hangs"
        for worker in self.workers:
            if worker.problem:
                raise worker.problem

    def listed(self):
        if self.names is None:
            self.names = listed(self.cluster, OWNER)
        return self.names

    def check(self):
        for worker in self.workers:
            worker.check()

    def troubles(self):
        return len(self.refused) + len(self.cut)

    def recovered(self, within):
        """Waits until for a whole second nobody is refused and everybody succeeds; returns how long that took."""
        began = quiet = time.monotonic()
        troubles = self.troubles()
        while time.monotonic() < quiet + 1 or not all(worker.good and worker.good[-1] > quiet for worker in self.workers):
            if self.troubles() > troubles:
                troubles, quiet = self.troubles(), time.monotonic()
            assert quiet < began + within, f"not all is well {within} s later: {self.refused[-1:]} {self.cut[-1:]}"
            assert time.monotonic() < began + within + 10, "nobody is refused, but somebody waits"
            time.sleep(0.05)
        return quiet - began
