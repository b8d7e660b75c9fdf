"""Database servers for tests: real ones, durable (fsync on), in a temporary folder on a free loopback port, gone with the tests.

    with started("postgres") as server:             # or "mariadb"
        name = server.create()                      # an empty database; create(like=name) copies another one, data included
        server.dsn(name)                            # as grantd takes it
        server.sql("SELECT id FROM client", name)   # rows of texts
        server.drop(name)
        server.stop(); server.kill(); server.start()

`tests/databases/with` does this around a command, which then finds the server by shared(kind). It must not know grantd's tables.
"""

import contextlib
import glob
import itertools
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.parse

USER, PASSWORD = "grantd", "only-for-tests"
PATH = ":".join([*sorted(glob.glob("/usr/lib/postgresql/*/bin"), reverse=True), os.environ["PATH"], "/usr/sbin"])


class DatabaseError(Exception):
    """What the server said to a statement."""


class Unreachable(DatabaseError):
    """Nobody answered."""


given = []     # newest last


def free_ports(count):
    """Ports below the range that the system hands to outgoing connections, so that nobody takes one in between; none of those that
    were given out lately, whose servers may be about to start. GRANTD_TEST_PORTS=21000-21999 keeps several test runs on one machine
    apart, and each of pytest's processes has its share of them."""
    low, high = map(int, os.environ.get("GRANTD_TEST_PORTS", "20000-32000").split("-"))
    share = (high - low) // int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    low += share * int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    high = low + share
    found = []
    while len(found) < count:
        port = random.randint(low, high)
        with socket.socket() as s, contextlib.suppress(OSError):
            if port not in given:
                s.bind(("127.0.0.1", port))
                found.append(port)
                given.append(port)
    del given[:-200]
    return found


class Database:
    """A database server of one kind. With a folder it is ours to start and stop; without, somebody else's."""

    kind = account = schema = stop_signal = None
    crash_signal = signal.SIGKILL
    prefix = f"t{os.getpid()}_"
    numbers = itertools.count()

    def __init__(self, port, folder=None):
        self.port, self.folder, self.process = port, folder, None
        self.refills = {}

    @property
    def data(self):
        return self.folder / "data"

    def command(self, *arguments):
        """The servers refuse root; and they end when whoever started them is gone."""
        own = ["--reuid", self.account, "--regid", self.account, "--init-groups"] if os.geteuid() == 0 else []
        return ["setpriv", "--pdeathsig", self.stop_signal.name, *own, *map(str, arguments)]

    def run(self, *arguments):
        """A tool that works on the server's files."""
        done = subprocess.run(self.command(*arguments), env={**os.environ, "PATH": PATH, "PGPASSWORD": PASSWORD}, cwd=self.folder,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{arguments[0]}: {done.stdout}{done.stderr}"

    def server_command(self):
        raise NotImplementedError

    def prepare(self):
        """Makes the files."""
        raise NotImplementedError

    def client_command(self, database):
        """(the command that runs the statements on its standard input, environment)"""
        raise NotImplementedError

    def start(self, ready=True):
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(self.command(*self.server_command()), env={**os.environ, "PATH": PATH}, cwd=self.folder,
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        if ready:
            self.wait_ready()
        return self

    def wait_ready(self, within=60):
        until = time.monotonic() + within
        while True:
            try:
                return self.sql("SELECT 1")
            except DatabaseError as problem:
                assert self.process.poll() is None and time.monotonic() < until, f"{problem}\n{self.log[-3000:]}"
                time.sleep(0.02)

    def end(self, number, within=60):
        if self.process is None:
            return
        process, self.process = self.process, None
        process.send_signal(number)
        try:
            process.wait(within)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise

    def stop(self):
        """In order: clients are cut off, what is written is on disk."""
        self.end(self.stop_signal)

    def kill(self):
        """As a crash does it: what is not on disk is lost."""
        self.end(self.crash_signal)

    @property
    def log(self):
        return (self.folder / "log").read_text(errors="replace")

    def sql(self, text, database=None):
        """The rows of the last statement that has some, as texts; a failure names the server's reason."""
        command, env = self.client_command(database)
        done = subprocess.run(command, env={**os.environ, "PATH": PATH, **env}, input=text, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise (Unreachable if self.unreachable(done) else DatabaseError)(done.stderr.strip())
        return [line.split("\t") for line in done.stdout.splitlines()]

    def unreachable(self, done):
        raise NotImplementedError

    def tables(self, name):
        return {table for table, in self.sql(f"SELECT table_name FROM information_schema.tables WHERE table_schema = {self.schema}", name)}

    def dump(self, name, rows_only=False):
        """Everything in a database, as SQL."""
        command, env = self.dump_command(name, rows_only)
        done = subprocess.run(command, env={**os.environ, "PATH": PATH, **env}, capture_output=True, text=True, check=True)
        return "\n".join(line for line in done.stdout.splitlines() if not line.startswith("\\"))    # psql's own commands

    def dump_command(self, name, rows_only):
        raise NotImplementedError

    def refill(self, name, like):
        """Makes a database what another one is that has the same tables: much faster than dropping it and creating another."""
        if like not in self.refills:
            self.refills[like] = "".join(f"DELETE FROM {table};\n" for table in self.tables(like)) + self.dump(like, rows_only=True)
        self.sql(self.refills[like], name)

    def create(self, like=None):
        name = f"{self.prefix}{next(self.numbers)}"
        self.create_named(name, like)
        return name

    def create_named(self, name, like=None):
        raise NotImplementedError

    def drop(self, name):
        raise NotImplementedError

    def dsn(self, name):
        raise NotImplementedError


class Postgres(Database):
    kind, account, schema, stop_signal = "postgres", "postgres", "'public'", signal.SIGINT
    crash_signal = signal.SIGQUIT   # ends its children, too, and writes nothing
    settings = {"listen_addresses": "127.0.0.1", "unix_socket_directories": "", "max_connections": 400, "shared_buffers": "64MB",
                "max_wal_size": "1GB", "wal_level": "replica", "fsync": "on", "timezone": "UTC"}

    def __init__(self, port, folder=None, **settings):
        super().__init__(port, folder)
        self.more = settings

    def prepare(self):
        password = self.folder / "password"
        password.write_text(PASSWORD + "\n")
        self.run("initdb", "-D", self.data, "-U", USER, "--auth=scram-sha-256", f"--pwfile={password}", "--encoding=UTF8",
                 "--locale=C.UTF-8", "--no-sync")

    def follow(self, leader):
        """Becomes a standby: a copy of the leader's files, then what it streams."""
        self.run("pg_basebackup", "-D", self.data, "-d", f"host=127.0.0.1 port={leader.port} user={USER} application_name=standby",
                 "-R", "-X", "stream", "-c", "fast", "--no-sync")

    def promote(self):
        self.sql("SELECT pg_promote(true, 60)")

    def server_command(self):
        settings = {**self.settings, "port": self.port, **self.more}
        return ["postgres", "-D", self.data, *(f"--{name}={value}" for name, value in settings.items())]

    def client(self, *command):
        return ([*command, "-h", "127.0.0.1", "-p", str(self.port), "-U", USER], {"PGPASSWORD": PASSWORD, "PGCONNECT_TIMEOUT": "10"})

    def client_command(self, database):
        return self.client("psql", "-XqAt", "-F", "\t", "-v", "ON_ERROR_STOP=1", "-d", database or "postgres")

    def dump_command(self, name, rows_only):
        return self.client("pg_dump", "--no-comments", "--inserts", *(["--data-only"] if rows_only else []), "-d", name)

    def unreachable(self, done):
        return done.returncode == 2

    def create_named(self, name, like=None):
        self.sql(f"CREATE DATABASE {name}" + (f" TEMPLATE {like}" if like else ""))

    def drop(self, name):
        self.sql(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def dsn(self, name):
        return f"postgres://{USER}:{PASSWORD}@127.0.0.1:{self.port}/{name}?sslmode=disable"


class MariaDB(Database):
    kind, account, schema, stop_signal = "mariadb", "mysql", "database()", signal.SIGTERM

    def prepare(self):
        self.run("mariadb-install-db", "--no-defaults", f"--datadir={self.data}", "--skip-test-db", "--auth-root-authentication-method=normal",
                 "--innodb-log-file-size=48M", f"--tmpdir={self.folder}")
        (self.folder / "init.sql").write_text(f"GRANT ALL ON *.* TO '{USER}'@'127.0.0.1' IDENTIFIED BY '{PASSWORD}' WITH GRANT OPTION;\n")

    def server_command(self):
        return ["mariadbd", "--no-defaults", f"--datadir={self.data}", f"--port={self.port}", "--bind-address=127.0.0.1", "--skip-name-resolve",
                f"--socket={self.folder}/socket", f"--pid-file={self.folder}/pid", f"--tmpdir={self.folder}", f"--init-file={self.folder}/init.sql",
                "--innodb-flush-log-at-trx-commit=1", "--innodb-buffer-pool-size=64M", "--innodb-log-file-size=48M", "--max-connections=400",
                "--character-set-server=utf8mb4", "--default-time-zone=+00:00"]

    def client(self, program, *options):
        return ([program, "--no-defaults", "-h", "127.0.0.1", "-P", str(self.port), "-u", USER, *options], {"MYSQL_PWD": PASSWORD})

    def client_command(self, database):
        return self.client("mariadb", "--skip-column-names", "--batch", *([database] if database else []))

    def dump_command(self, name, rows_only):
        return self.client("mariadb-dump", "--skip-comments", "--compact", *(["--no-create-info"] if rows_only else []), name)

    def unreachable(self, done):
        return "ERROR 20" in done.stderr

    def create_named(self, name, like=None):
        text = f"CREATE DATABASE {name};"
        if like:
            text += f"USE {name};" + self.dump(like)
        self.sql(text)

    def drop(self, name):
        self.sql(f"DROP DATABASE IF EXISTS {name}")

    def dsn(self, name):
        return f"mysql://{USER}:{PASSWORD}@tcp(127.0.0.1:{self.port})/{name}"


KINDS = {kind.kind: kind for kind in (Postgres, MariaDB)}


@contextlib.contextmanager
def folder_for(kind):
    """A folder that the server's account may use; it is removed."""
    top = pathlib.Path(tempfile.mkdtemp(prefix="grantd-" + kind))
    try:
        if os.geteuid() == 0:
            shutil.chown(top, KINDS[kind].account, KINDS[kind].account)
        yield top
    finally:
        shutil.rmtree(top, ignore_errors=True)


@contextlib.contextmanager
def started(kind, leader=None, **settings):
    """A running server. With a leader it is a PostgreSQL standby of that."""
    with folder_for(kind) as folder:
        server = KINDS[kind](*free_ports(1), folder, **settings)
        server.follow(leader) if leader else server.prepare()
        try:
            yield server.start()
        finally:
            server.stop()


def variable(kind):
    return "GRANTD_TEST_DSN_" + kind.upper()


def shared(kind):
    """The server that `tests/databases/with` has started around this process."""
    dsn = os.environ.get(variable(kind))
    assert dsn, f"run this under tests/databases/with {kind}"
    return KINDS[kind](int(urllib.parse.urlsplit(dsn.replace("tcp(", "").replace(")", "")).port))
