"""What operations cost on PostgreSQL: round trips (counted by grantd), processor time of grantd and of the database, beside the floor: an
empty HTTP handler and the same kinds of statements through libpq alone. Then growth: the same operations on a small and on a large table,
and while expired rows are being deleted. The server is real and durable, on this machine."""

import pathlib
import re
import statistics
import subprocess
import time

import flows

READS, WRITES = 20000, 5000
SMALL, LARGE, GROWTH_LIMIT = 10_000, 5_000_000, 1.5
EXPIRED, REFRESHED, DELAY_LIMIT = 300_000, 4096, 50      # rows; refreshes at a time; milliseconds at the 99th percentile
SETTINGS = {"shared_buffers": "1GB", "max_wal_size": "8GB", "autovacuum": "on"}
COUNTERS = ("round_trips", "statements")


class Processes:
    """The backends of the database server."""

    def __init__(self, server):
        folder, = server.sql("SHOW data_directory")[0]
        self.top = int((pathlib.Path(folder) / "postmaster.pid").read_text().split()[0])

    def used(self):
        """Microseconds of processor time, for each process."""
        found = {}
        for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
            try:
                if int(stat.read_text().rsplit(")", 1)[1].split()[1]) == self.top:
                    found[stat.parent.name] = int((stat.parent / "schedstat").read_text().split()[0]) / 1e3
            except OSError:
                continue
        return found

    def since(self, before):
        """Of all that were there before and still are: backends serve a pool's connections for long."""
        return sum(used - before[process] for process, used in self.used().items() if process in before)


class Meter:
    """Everything that is counted around an operation."""

    def __init__(self, bench, server):
        self.bench, self.processes = bench, Processes(server)

    def read(self):
        text = self.bench.server.admin.get("/metrics/prometheus").text
        counted = {name: float(re.search(rf"^grantd_store_{name}_total(?:{{.*}})? (\S+)$", text, re.M)[1]) for name in COUNTERS}
        return counted, self.processes.used()

    def around(self, work):
        (counted, used), result = self.read(), work()
        behind = self.processes.since(used)
        return result, {"database": behind, **{name: value - counted[name] for name, value in self.read()[0].items()}}


def floor_of_statements(bench):
    """(client, server) microseconds of a read and of a durable write by compare-and-set, alone."""
    found = {}
    for kind, count in (("read", READS), ("write", WRITES)):
        done = subprocess.run([bench.build / "tests/statements", bench.server.database.dsn, kind, str(count)], check=True, capture_output=True, text=True)
        here, behind = map(float, done.stdout.split())
        found[kind] = here, behind
    return found


def run(bench, operation, states, meter):
    """The floor of its requests, grantd's processor time, and what was counted; for one operation."""
    floor = cost = 0.0
    counted = dict.fromkeys((*COUNTERS, "database"), 0.0)
    for step in operation.steps:
        (used, requests, answers), deltas = meter.around(lambda step=step: step.run(bench, states))
        cost += used
        floor += step.floor(bench, requests, answers[0])
        for name, value in deltas.items():
            counted[name] += value / len(states)
    return floor, cost, counted


def middle(rounds):
    """Of each figure of several rounds."""
    floors, costs, counted = zip(*rounds)
    return statistics.median(floors), statistics.median(costs), {name: statistics.median(c[name] for c in counted) for name in counted[0]}


def processor_time(bench, operations, server):
    meter = Meter(bench, server)
    warm = flows.Operation("", flows.WITH_TOKENS, count=flows.COUNT)
    warm.fresh(bench)
    run(bench, warm, [{} for _ in range(warm.count)], meter)
    alone = floor_of_statements(bench)
    for kind, (client, behind) in alone.items():
        print(f"A {kind} through libpq alone: {client:.1f} us here, {behind:.1f} us in the database")
    print(f"\n{'for one operation (us of processor time)':<44}{'trips':>7}{'stmts':>7}{'floor':>8}{'grantd':>8}{'ratio':>7}"
          f"{'floor':>9}{'database':>9}{'ratio':>7}")
    for operation in operations:
        rounds = []
        states = operation.fresh(bench)
        for number in range(bench.rounds + 1):
            if not operation.before:
                states = operation.fresh(bench)
            rounds.append(run(bench, operation, states, meter))
        floor, cost, counted = middle(rounds[1:])
        writes = operation.parts.get("row", 0)
        reads = max(counted["statements"] - writes, 0)
        signatures = sum(times * bench.parts[name] for name, times in operation.parts.items() if name not in ("row", "read"))
        here = floor + signatures + sum(times * alone[kind][0] for kind, times in (("read", reads), ("write", writes)))
        there = sum(times * alone[kind][1] for kind, times in (("read", reads), ("write", writes)))
        print(f"{operation.name:<44}{counted['round_trips']:7.2f}{counted['statements']:7.2f}{here:8.1f}{cost:8.1f}{cost / here:7.2f}"
              f"{there:9.1f}{counted['database']:9.1f}{counted['database'] / there if there else 0:7.2f}", flush=True)


# ---- growth ----

COLUMNS = ("state, generation, client_id, client_birth, remember, skipped, counts, consent_until, requested_at, handled_at, rotated_at, reuses, "
           "access_not_before, session, request")


def fill(server, name, first, last, expires="g.expires_at"):
    """Grants and login sessions like the newest one, at ids all over the index."""
    server.sql(f"""
        INSERT INTO oauth_grant (id, subject, session_id, expires_at, {COLUMNS})
        SELECT md5('grant' || n), 'filled-' || n, md5('session' || n)::uuid::text, {expires}, {COLUMNS}
        FROM (SELECT * FROM oauth_grant WHERE subject NOT LIKE 'filled-%' ORDER BY requested_at DESC LIMIT 1) g, generate_series({first}, {last}) n;
        INSERT INTO login_session (id, subject, remember, authenticated_at, expires_at, idp_session_id)
        SELECT md5('session' || n)::uuid::text, 'filled-' || n, 1, s.authenticated_at, s.expires_at, ''
        FROM (SELECT * FROM login_session ORDER BY authenticated_at DESC LIMIT 1) s, generate_series({first}, {last}) n""", name)


def settle(server, name):
    server.sql("VACUUM ANALYZE oauth_grant; VACUUM ANALYZE login_session; CHECKPOINT", name)


WATCHED = ["introspect a user's token", "refresh without openid", "code flow (6 requests, without openid)"]


def measure(bench, meter, rounds):
    """Microseconds of grantd and of the database together, for each operation that is watched."""
    found = {}
    for operation in (o for o in flows.OPERATIONS if o.name in WATCHED):
        costs = []
        states = operation.fresh(bench)
        for number in range(rounds + 1):
            if not operation.before:
                states = operation.fresh(bench)
            _, cost, counted = run(bench, operation, states, meter)
            if number > 0:
                costs.append((cost, counted["database"]))
        found[operation.name] = tuple(map(statistics.median, zip(*costs)))
    return found


def growth(bench, server, large, judged):
    name, meter = bench.server.database.name, Meter(bench, server)
    flows.Operation("", (), before=flows.WITH_TOKENS).fresh(bench)
    found, filled = {}, 0
    for size in (SMALL, large):
        began = time.monotonic()
        fill(server, name, filled + 1, size)
        filled = size
        settle(server, name)
        print(f"\n{size} grants (filled in {time.monotonic() - began:.0f} s)", flush=True)
        found[size] = measure(bench, meter, bench.rounds)
        for what, (here, there) in found[size].items():
            print(f"  {what:<44} grantd {here:8.1f} us, database {there:8.1f} us", flush=True)
    for what, small in found[SMALL].items():
        ratio = sum(found[large][what]) / sum(small)
        print(f"  {what:<44} {ratio:.2f} x: {judged(what + ', growth', ratio, GROWTH_LIMIT)} ({GROWTH_LIMIT} x)")


def refresh_all(bench, states):
    """Each token refreshed once: what one waits, as the load says it."""
    requests = [flows.refresh(bench, state) for state in states]
    path = bench.folder / "answers"
    done = bench.load(bench.server.public.port, bench.server.pid, requests, len(requests), 200, path, whole=True)
    for state, answer in zip(states, flows.read_answers(path)):
        flows.keep_tokens(state, answer)
    return done


def expiry(bench, server, judged):
    """Refreshes beside the deletion of expired rows, in turns with refreshes alone: what one waits at the 99th percentile."""
    name = bench.server.database.name
    states = flows.Operation("", (), before=flows.code_flow("offline profile"), count=REFRESHED).fresh(bench)

    def left():
        return int(server.sql("SELECT count(*) FROM oauth_grant WHERE expires_at = 1", name)[0][0])

    def several():
        loads = [refresh_all(bench, states) for _ in range(bench.rounds)]
        return statistics.median(load.median for load in loads) / 1e3, statistics.median(load.p99 for load in loads) / 1e3

    refresh_all(bench, states)
    quiet = several()
    fill(server, name, 100_000_001, 100_000_000 + EXPIRED, expires="1")
    while left() == EXPIRED:
        time.sleep(0.2)
    before = left()
    beside = several()
    gone = before - left()
    print(f"\nRefreshes alone: median {quiet[0]:.1f} ms, p99 {quiet[1]:.1f} ms; while {gone} expired grants are deleted: "
          f"median {beside[0]:.1f} ms, p99 {beside[1]:.1f} ms")
    judged("deletion beside the refreshes", 1, gone)
    print(f"  delay: {judged('delay by expiry', beside[1] - quiet[1], DELAY_LIMIT)} ({DELAY_LIMIT} ms at the 99th percentile)")
