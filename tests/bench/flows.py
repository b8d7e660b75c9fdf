"""Operations of several requests, each made of what the answers before it said: the code flow and what its tokens are good for. What
they cost stands beside the sum of their parts: what the empty handler needs for the same requests, signatures and slow hashes by
OpenSSL, rows written and read by SQLite."""

import json
import sqlite3
import statistics
import time
import uuid

from recorder import RECORD, read_answers
from rsa import Key

CALLBACK = "https://app.example.org/callback"
ISSUER = "https://auth.example.org"
REQUESTS = "/admin/oauth2/auth/requests"
DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
COUNT = 512         # operations of one round
LIMIT = 2           # times the sum

CONFIG = {
    "urls": {"login": "https://login.example.org/login", "consent": "https://login.example.org/consent"},
    "oidc": {"dynamic_client_registration": {"enabled": True}},
    "oauth2": {"device_authorization": {"token_polling_interval": "1ms"}},
}


class Step:
    """One request: `request(bench, state)` makes its bytes, `learn(state, answer)` keeps what the next step needs."""

    def __init__(self, listener, status, request, learn=lambda state, answer: None):
        self.listener, self.status, self.request, self.learn = listener, status, request, learn

    def run(self, bench, states):
        """Microseconds for each; the answers."""
        requests = [self.request(bench, state) for state in states]
        path = bench.folder / "answers"
        listener = getattr(bench.server, self.listener)
        used = bench.load(listener.port, bench.server.pid, requests, len(requests), self.status, path, whole=True).used
        answers = read_answers(path)
        for state, answer in zip(states, answers):
            self.learn(state, answer)
        return used / len(requests), requests, answers

    def floor(self, bench, requests, answer):
        with bench.floor(answer.body, answer.header("Content-Type") or "text/plain") as (listener, pid):
            return bench.per_request(listener, pid, requests, max(len(requests), 4000), 200)


def web_client(bench, **members):
    """One client for each way to be registered."""
    key = json.dumps(members, sort_keys=True)
    if key not in bench.clients:
        bench.clients[key] = bench.server.create_client(**{
            "redirect_uris": [CALLBACK], "grant_types": ["authorization_code", "refresh_token", "implicit"],
            "response_types": ["code", "code id_token"], "scope": "openid offline profile", **members})
    return bench.clients[key]


def basic(client):
    return client["client_id"], client["client_secret"]


# ---- the code flow, step by step ----

def authorize(scope, response_type):
    def request(bench, state):
        state.update(cookies={}, client=web_client(bench), user=f"user-{uuid.uuid4()}")
        return RECORD.get("/oauth2/auth", query={"client_id": state["client"]["client_id"], "response_type": response_type, "scope": scope,
                                                 "redirect_uri": CALLBACK, "state": "a-state-of-the-app", "nonce": "a-nonce-of-the-app"})
    return request


def sent_on(name):
    def learn(state, answer):
        state["cookies"].update(answer.cookies)
        state[name] = answer.sent_to[name]
    return learn


def accept(kind, body):
    def request(bench, state):
        return RECORD.put(f"{REQUESTS}/{kind}/accept", query={f"{kind}_challenge": state[f"{kind}_challenge"]}, json=body(state))

    def learn(state, answer):
        state["next"] = answer.json["redirect_to"].removeprefix(ISSUER)
    return Step("admin", 200, request, learn)


def follow(name, status):
    def request(bench, state):
        return RECORD.get(state["next"], headers={"Cookie": "; ".join(f"{k}={v}" for k, v in state["cookies"].items())})
    return Step("public", status, request, sent_on(name))


def keep_tokens(state, answer):
    state["tokens"] = answer.json


def redeem(bench, state):
    return RECORD.post("/oauth2/token", form={"grant_type": "authorization_code", "code": state["code"], "redirect_uri": CALLBACK},
                       basic=basic(state["client"]))


def code_flow(scope="openid offline profile", response_type="code"):
    return [Step("public", 302, authorize(scope, response_type), sent_on("login_challenge")),
            accept("login", lambda state: {"subject": state["user"], "remember": True, "remember_for": 3600}),
            follow("consent_challenge", 302),
            accept("consent", lambda state: {"grant_scope": scope.split(), "session": {"id_token": {"email": "someone@example.org"}}}),
            follow("code", 303),
            Step("public", 200, redeem, keep_tokens)]


def refresh(bench, state):
    return RECORD.post("/oauth2/token", form={"grant_type": "refresh_token", "refresh_token": state["tokens"]["refresh_token"]},
                       basic=basic(state["client"]))


REFRESH = Step("public", 200, refresh, keep_tokens)


def userinfo(bench, state):
    return RECORD.get("/userinfo", bearer=state["tokens"]["access_token"])


def introspect(bench, state):
    return RECORD.post("/admin/oauth2/introspect", form={"token": state["tokens"]["access_token"]})


# ---- the other grants ----

def assertion_request(bench, state):
    client = web_client(bench, grant_types=[BEARER], response_types=[], redirect_uris=[])
    if bench.issuer is None:
        bench.issuer = Key(str(uuid.uuid4()))
        trusted = bench.server.admin.post("/admin/trust/grants/jwt-bearer/issuers", json={
            "issuer": "https://issuer.example.org", "subject": "someone", "scope": ["profile"], "jwk": bench.issuer.jwk,
            "expires_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 86400))})
        assert trusted.status == 201, trusted
    now = int(time.time())
    assertion = bench.issuer.sign({"iss": "https://issuer.example.org", "sub": "someone", "aud": f"{ISSUER}/oauth2/token", "iat": now,
                                   "exp": now + 600, "jti": str(uuid.uuid4())})
    return RECORD.post("/oauth2/token", form={"grant_type": BEARER, "assertion": assertion, "scope": "profile"}, basic=basic(client))


def device_client(bench):
    return web_client(bench, grant_types=[DEVICE], response_types=[], redirect_uris=[])


def device_request(bench, state):
    client = device_client(bench)
    return RECORD.post("/oauth2/device/auth", form={"client_id": client["client_id"], "scope": "openid"}, basic=basic(client))


def poll(bench, state):
    return RECORD.post("/oauth2/token", form={"grant_type": DEVICE, "device_code": state["device_code"]}, basic=basic(device_client(bench)))


def register(bench, state):
    return RECORD.post("/oauth2/register", json={"client_name": "Shop", "redirect_uris": [CALLBACK], "grant_types": ["authorization_code"]})


DEVICE_BEGIN = Step("public", 200, device_request, lambda state, answer: state.update(device_code=answer.json["device_code"]))


class Operation:
    """`steps` are measured, those of `before` are not. `parts`: what it cannot do without, beside its requests: name and how often."""

    def __init__(self, name, steps, *, before=(), parts=None, count=COUNT):
        self.name, self.steps, self.before, self.parts, self.count = name, steps, before, parts or {}, count

    def fresh(self, bench):
        states = [{} for _ in range(self.count)]
        for step in self.before:
            step.run(bench, states)
        return states

    def run(self, bench):
        """Medians of the floor of all its requests and of what it costs; one round warms both up."""
        floors, costs = [], []
        states = self.fresh(bench)
        for number in range(bench.rounds + 1):
            if not self.before:
                states = self.fresh(bench)
            floor = cost = 0.0
            for step in self.steps:
                used, requests, answers = step.run(bench, states)
                cost += used
                floor += step.floor(bench, requests, answers[0])
            if number > 0:
                floors.append(floor)
                costs.append(cost)
        return statistics.median(floors), statistics.median(costs)

    def sum(self, floor, parts, row):
        return floor + sum(times * parts[row if name == "row" else name] for name, times in self.parts.items())


WITH_TOKENS = code_flow()
# Rows: the flow's grant is written by both accepts, both redirects and the redemption. Reads are counted where nothing is written:
# the client's and the grant's row, which make a revocation hold at once.
OPERATIONS = [
    Operation("code flow (6 requests, openid)", code_flow(), parts={"rs256": 1, "row": 5}),
    Operation("code flow (6 requests, without openid)", code_flow("offline profile"), parts={"row": 5}),
    Operation("hybrid flow (6 requests, code id_token)", code_flow(response_type="code id_token"), parts={"rs256": 2, "row": 5}),
    Operation("refresh with openid", [REFRESH], before=WITH_TOKENS, parts={"rs256": 1, "row": 1}),
    Operation("refresh without openid", [REFRESH], before=code_flow("offline profile"), parts={"row": 1}),
    Operation("userinfo", [Step("public", 200, userinfo)], before=WITH_TOKENS, parts={"read": 2}),
    Operation("introspect a user's token", [Step("admin", 200, introspect)], before=WITH_TOKENS, parts={"read": 2}),
    Operation("jwt-bearer", [Step("public", 200, assertion_request)], parts={"rs256_verify": 1, "row": 1}),
    Operation("device request", [DEVICE_BEGIN], parts={"row": 1}),
    Operation("device poll", [Step("public", 400, poll)], before=[DEVICE_BEGIN], parts={"row": 1}),
    Operation("registration", [Step("public", 201, register)], parts={"pbkdf2": 1, "row": 1}, count=64),
]


def processor_time(bench, operations, judged):
    """Prints a line for each operation. The last column counts rows as cheap as they are when 64 of them share a commit."""
    print(f"\n{'us of processor time per operation':<44}{'floor':>8}{'parts':>9}{'grantd':>9}{'ratio':>7}{'grouped':>9}")
    for operation in operations:
        bench.measure_parts()
        floor, cost = operation.run(bench)
        bench.measure_parts()
        whole = operation.sum(floor, bench.parts, "row")
        grouped = operation.sum(floor, bench.parts, "row_of_64")
        verdict = judged(operation.name, cost, LIMIT * whole)
        figures = f"{floor:8.1f}{whole:9.1f}{cost:9.1f}{cost / whole:7.2f}{cost / grouped:9.2f}"
        print(f"{operation.name:<44}{figures}  {verdict} ({LIMIT} x parts)", flush=True)


# ---- what it leaves behind ----

def tables(server):
    """Rows of every table, and bytes of the database."""
    with sqlite3.connect(server.folder / "db.sqlite") as db:
        names = [name for name, in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
        rows = {name: db.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in names}
        pages, size = (db.execute(f"PRAGMA {what}").fetchone()[0] for what in ("page_count", "page_size"))
    db.close()
    return rows, pages * size


def compare(before, after, per):
    for name, rows in after[0].items():
        grown = rows - before[0].get(name, 0)
        if grown or not per:
            print(f"  {name:<20}{rows:>9} rows, {f'{grown / per:.2f} for each' if per else f'{grown} more'}")
    print(f"  database {before[1]} bytes before, {after[1]} after" + (f": {(after[1] - before[1]) / per:.0f} for each" if per else ""))


def growth(bench, logins, refreshes):
    """Rows and bytes after that many whole logins, each refreshed that often. They grow with logins alone."""
    before = tables(bench.server)
    states = [{} for _ in range(logins)]
    for step in [*code_flow(), *[REFRESH] * refreshes]:
        step.run(bench, states)
    print(f"\n{logins} logins with {refreshes} refreshes each")
    compare(before, tables(bench.server), logins)
    print(f"  resident {bench.server.memory() / 2**20:.1f} MiB, at most {bench.server.memory('VmHWM') / 2**20:.1f}")


def authorizations(bench, count, judged):
    """That many requests to the authorization endpoint: no row may come of them."""
    first = Step("public", 302, authorize("openid offline profile", "code"))
    bench.server.public.get("/.well-known/jwks.json")       # the keys are made before anybody counts
    first.run(bench, [{} for _ in range(2000)])
    before, resident = tables(bench.server), bench.server.memory()
    requests = [first.request(bench, {}) for _ in range(1000)]
    done = bench.load(bench.server.public.port, bench.server.pid, requests, count, 302)
    after = tables(bench.server)
    print(f"\n{count} authorization requests: {done.seconds:.0f} s ({count / done.seconds:.0f}/s), {done.used / count:.1f} us each")
    compare(before, after, 0)
    print(f"  rows: {judged('authorization rows', sum(after[0].values()), sum(before[0].values()))} (none more)")
    print(f"  resident {resident / 2**20:.1f} MiB before, {bench.server.memory() / 2**20:.1f} after, "
          f"{bench.server.memory('VmHWM') / 2**20:.1f} at most")
