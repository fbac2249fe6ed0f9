"""The whole portal as several processes on one PostgreSQL and one Redis, and everything a fault may do to it.

What ends is started again only by `tick`, as a supervisor would: it runs in the test's own thread, because the kernel
ends our children with the thread that started them. Processes are found and ended by their ids.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from deploy.processes import Child, Processes
from deploy.redis import Redis, embedded_redis, free_port
from sandbox.__main__ import CLIENT_ID, CLIENT_SECRET
from tests.faults.mail import Sink
from tests.faults.outside import ADMIN
from tests.faults.visitor import Visitor
from tests.journeys.stack import BASE_DIR, command_of, descendants
from tests.on_postgresql import Server
from tests.serving import serving

# What a killed server must bring back: what it said it has committed.
_SETTINGS = ("fsync=off", "synchronous_commit=on", "full_page_writes=off")
UP = 90.0  # seconds, on a machine with other things to do
PATIENCE = 0.1
_A_WHILE = 5.0  # in which a worker that lives goes on
# Tables of rows that are jobs.
JOBS = ("verification", "sweep", "ingestion", "notification", "budgetalert", "billingfetch")

_PROGRESS = """
    SELECT (SELECT count(*) FROM onboarding_verificationfinding), (SELECT sum(people) FROM onboarding_sweep),
           (SELECT count(*) FROM onboarding_verification WHERE state = 'done'),
           (SELECT count(*) FROM onboarding_finding), (SELECT sum(new) FROM onboarding_ingestion),
           (SELECT count(*) FROM onboarding_ingestion WHERE state = 'done'),
           (SELECT count(*) FROM onboarding_notification WHERE state = 'done')"""


@dataclass(frozen=True, slots=True)
class Size:
    """How many of each there are."""

    people: int
    web: int = 2
    threads: int = 4
    workers: int = 3
    beats: int = 2


@dataclass(frozen=True, slots=True)
class Deadline:
    what: str
    at: float

    @classmethod
    def of(cls, seconds: float, what: str) -> Deadline:
        return cls(what, time.monotonic() + seconds)

    def check(self) -> None:
        assert time.monotonic() < self.at, f"still waiting for: {self.what}"


class Watch:
    """Looks at what is to be done; `longest` is the longest time, in seconds, in which nothing of it went on."""

    def __init__(self, portal: Portal, stuck: float, *, hurries: bool = False) -> None:
        self.longest = 0.0
        self._portal, self._stuck, self._hurries = portal, stuck, hurries
        self._changed = self._hurried = time.monotonic()
        self._before: list[tuple[Any, ...]] = []

    def look(self) -> int:
        """How much is to be done. AssertionError where nothing went on for too long."""
        live, seen, now = self._portal.live(), self._portal.progress(), time.monotonic()
        if seen != self._before or not live:
            self._before, self._changed = seen, now
        self.longest = max(self.longest, now - self._changed)
        if self._hurries and now - max(self._changed, self._hurried) > _A_WHILE:
            self._portal.let_leases_pass()
            self._hurried = now
        assert self.longest < self._stuck, f"nothing went on for {self.longest:.0f} s: {seen}"
        return live


class Portal:
    """Everything that runs. `grounds()` makes its servers, `running` a portal on them."""

    def __init__(self, home: Path, size: Size, postgresql: Server, redis: Redis, sink: Sink) -> None:
        self.home, self.size, self.sink, self.postgresql, self.redis = home, size, sink, postgresql, redis
        self.ports = [free_port() for _ in range(size.web)]
        # Where the identity provider sends people back to: a web process has to be there whenever somebody signs in.
        self.url = f"http://localhost:{self.ports[0]}"
        self.database = "postgres"
        self.restarts = 0
        self._processes = Processes(home / "logs", BASE_DIR)
        self._children: dict[str, Child] = {}
        self._commands: dict[str, tuple[list[str], dict[str, str]]] = {}
        self._outside: dict[str, int] = {}
        # Taken out of service, and ending.
        self._leaving: list[Child] = []
        self._connections: dict[str, psycopg.Connection[tuple[Any, ...]]] = {}

    # --- Addresses

    @property
    def urls(self) -> list[str]:
        return [f"http://localhost:{port}" for port in self.ports]

    @property
    def aws_url(self) -> str:
        return f"http://127.0.0.1:{self._outside['aws']}"

    @property
    def database_url(self) -> str:
        return self.postgresql.url.removesuffix("postgres") + self.database

    @property
    def environment(self) -> dict[str, str]:
        """Next to nothing. The empty values keep a developer's `.env` out."""
        given = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            "PYTHONUNBUFFERED": "1",
            "DJANGO_SETTINGS_MODULE": "portal.settings",
            "REMAP_SIGTERM": "SIGQUIT",
            "NO_PROXY": "localhost,127.0.0.1",
            "ONRAMP_HOME": str(self.home),
            "ONRAMP_PUBLIC_URL": self.url,
            "ONRAMP_ADMIN_GROUPS": "onramp-admins",
            "ONRAMP_OIDC_GROUPS_CLAIM": "groups",
            "ONRAMP_OIDC_CLIENT_ID": CLIENT_ID,
            "ONRAMP_OIDC_CLIENT_SECRET": CLIENT_SECRET,
            "ONRAMP_OIDC_ISSUER": f"http://localhost:{self._outside.get('idp', 9)}",
            "ONRAMP_SMTP_HOST": "127.0.0.1",
            "ONRAMP_SMTP_PORT": str(self.sink.port),
            "ONRAMP_SMTP_TLS": "off",
            # What beat sends at night would be one sweep more than was asked for.
            "ONRAMP_NIGHTLY_HOUR": str((time.gmtime().tm_hour + 12) % 24),
            "REDIS_URL": self.redis.url,
            "DATABASE_URL": self.database_url,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }
        if "aws" in self._outside:
            given |= {
                "AWS_ENDPOINT_URL": self.aws_url,
                "AWS_ACCESS_KEY_ID": "AKIAONRAMPBENCH00001",
                "AWS_SECRET_ACCESS_KEY": "of-no-use-beyond-loopback",
                "AWS_DEFAULT_REGION": "eu-west-1",
            }
        return given

    # --- Starting

    def start(self, name: str, command: Sequence[str], **changes: str) -> None:
        """Its log goes on where that of its predecessor ended."""
        self._commands[name] = list(command), changes
        log = self.home / "logs" / f"{name}.log"
        if log.exists():
            with (self.home / "logs" / f"{name}.before.log").open("ab") as before:
                before.write(log.read_bytes())
        self._children[name] = self._processes.start(name, command, self.environment | changes)

    def start_outside(self) -> None:
        """The company's AWS and its identity provider, each a process of its own."""
        for kind in ("aws", "idp"):
            ports = self.home / f"{kind}.port"
            command = [sys.executable, "-m", "tests.faults.outside", kind, str(self.size.people), str(ports), self.url]
            self.start(kind, command)
        for kind in ("aws", "idp"):
            ports = self.home / f"{kind}.port"
            self.wait(ports.exists, UP, f"{kind} to answer")
            self._outside[kind] = int(ports.read_text())

    def start_redis(self) -> None:
        self.start("redis", self.redis.command)
        self.wait(self.redis.answers, 20, "Redis to answer")

    def start_all(self) -> None:
        """Web, workers and beats; returns once every page answers and every worker takes tasks."""
        for name in self.names():
            self.start(name, self._command(name))
        for url in self.urls:
            self.wait(lambda url=url: self.is_ready(url), UP, f"{url} to be ready")  # type: ignore[misc]
        for name in self.names("worker"):
            self.wait(lambda name=name: "ready" in self.log(name), UP, f"{name} to take tasks")  # type: ignore[misc]

    def names(self, kind: str = "") -> list[str]:
        counts = {"web": self.size.web, "worker": self.size.workers, "beat": self.size.beats}
        return [f"{each}-{n}" for each, count in counts.items() if kind in ("", each) for n in range(count)]

    def _command(self, name: str) -> list[str]:
        kind, _, number = name.rpartition("-")
        if kind == "web":
            web = ["gunicorn", "--bind", f"127.0.0.1:{self.ports[int(number)]}", "--workers", "1"]
            web += ["--threads", str(self.size.threads), "--worker-class", "gthread"]
            web += ["--graceful-timeout", "10", "--no-control-socket"]
            web += ["--logger-class", "portal.gunicorn_logger.Logger"]
            return [sys.executable, "-m", *web, "portal.wsgi"]
        celery = [sys.executable, "-m", "celery", "--app", "portal", "--quiet"]
        if kind == "beat":
            return [*celery, "beat", "--pidfile", "", "--schedule", str(self.home / name)]
        queues = ["--queues", "interactive,sweeps,costs", "--concurrency", "1", "--loglevel", "INFO"]
        return [*celery, "worker", "--hostname", f"{name}@%h", *queues]

    def is_ready(self, url: str) -> bool:
        with contextlib.suppress(OSError):
            return Visitor([url]).get("/readyz", timeout=5).status_code == 200
        return False

    def log(self, name: str) -> str:
        return self._children[name].log.read_text(errors="replace")

    def replace(self, name: str, port: int | None = None) -> Child:
        """Start the next one beside it, a web process on another port. Returns the one before, that nobody watches
        over any more, once the next one is ready."""
        before = self._children.pop(name)
        self._leaving.append(before)
        kind, _, number = name.rpartition("-")
        if port is not None:
            self.ports[int(number)] = port
        self.start(name, self._command(name))
        if kind == "web":
            self.wait(lambda: self.is_ready(self.urls[int(number)]), UP, f"the next {name} to be ready")
        else:
            self.wait(lambda: self.has_begun(name), UP, f"the next {name} to begin")
        return before

    def has_begun(self, name: str) -> bool:
        """A worker takes tasks; a beat has looked at its lease, or waits for it."""
        return ("ready." if "worker" in name else "beat: Starting") in self.log(name)

    def retire(self, child: Child) -> float:
        """SIGTERM, and the end of it by itself; after how many seconds. AssertionError where it was no good end."""
        child.process.terminate()
        try:
            seconds = self.wait(lambda: child.process.poll() is not None, UP, f"{child.name} to end")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{child.last_lines()}") from None
        self._leaving.remove(child)
        assert child.process.returncode == 0, (child.name, child.process.returncode, child.last_lines())
        return seconds

    # --- Watching over them

    def tick(self) -> None:
        """Start again whatever has ended."""
        for name, child in list(self._children.items()):
            if child.process.poll() is not None:
                _kill_group(child.process.pid)
                command, changes = self._commands[name]
                self.start(name, command, **changes)
                self.restarts += 1

    def wait(self, is_done: Callable[[], object], seconds: float, what: str) -> float:
        """Return once `is_done`, after how many seconds; meanwhile what has ended is started again."""
        began, deadline = time.monotonic(), Deadline.of(seconds, what)
        while not is_done():
            deadline.check()
            self.tick()
            time.sleep(PATIENCE)
        return time.monotonic() - began

    # --- Faults

    def pid(self, name: str) -> int:
        return self.postgresql.pid if name == "postgresql" else self._children[name].process.pid

    def processes(self, name: str) -> list[int]:
        """A process and all below it. PostgreSQL's lead groups of their own."""
        return [self.pid(name), *descendants(self.pid(name))]

    def rest(self, seconds: float, watch: Watch) -> None:
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            watch.look()
            self.tick()
            time.sleep(PATIENCE)

    def kill(self, name: str) -> None:
        """kill -9 of a process and of all below it. PostgreSQL starts again at once; the others, `tick` starts."""
        # It begins no more children, so none is missed: one that lived on would write into its successor's files.
        os.kill(self.pid(name), signal.SIGSTOP)
        killed = self.processes(name)
        for pid in reversed(killed):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if name == "postgresql":
            self.postgresql.wait()
            # While one of its own still ends, it starts no more.
            _wait_for_end(killed)
            self.postgresql.start()
            self.restarts += 1
        else:
            self._children[name].process.wait(10)

    def kill_child(self, name: str) -> None:
        """kill -9 of a worker's or gunicorn's child alone; its parent replaces it."""
        for pid in descendants(self.pid(name))[:1]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    @contextlib.contextmanager
    def paused(self, name: str) -> Iterator[None]:
        """Everything of a process stands still: it accepts connections, and neither answers nor refuses."""
        stopped = self.processes(name)
        try:
            for pid in stopped:
                # One of PostgreSQL's own may have ended meanwhile; whatever happens, nothing stays stopped.
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGSTOP)
            yield
        finally:
            for pid in stopped:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)

    @contextlib.contextmanager
    def without(self, name: str) -> Iterator[None]:
        """It is ended, and stays so until the end of the block."""
        self.end(name)
        try:
            yield
        finally:
            command, changes = self._commands[name]
            self.start(name, command, **changes)

    def command_of(self, name: str) -> tuple[list[str], dict[str, str]]:
        return self._commands[name]

    def end(self, name: str) -> None:
        """For good."""
        child = self._children.pop(name)
        _kill_group(child.process.pid)
        child.process.wait(10)

    def let_leases_pass(self) -> None:
        """As if all that is held had been taken, and published, two minutes earlier. Whoever lives still holds it by
        its fence, until somebody else takes it."""
        for job in JOBS:
            self.rows(
                f"UPDATE onboarding_{job} SET lease_until = lease_until - interval '2 minutes',"  # noqa: S608 -- ours
                " published_at = published_at - interval '2 minutes' WHERE state IN ('queued', 'running') RETURNING 1"
            )
        self.rows("UPDATE onboarding_subject SET lease_until = NULL RETURNING 1")

    # --- Rows

    def run(self, *command: str, **changes: str) -> str:
        """What a Python module of the tests or of the portal prints. AssertionError where it fails."""
        done = subprocess.run(
            [sys.executable, *command],
            cwd=BASE_DIR,
            env=self.environment | changes,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, f"{command}: {done.stderr[-3000:]}"
        return done.stdout

    def work(self, *deeds: str) -> None:
        self.run("-m", "tests.faults.work", *deeds)

    @contextlib.contextmanager
    def working(self, database: str, *deeds: str) -> Iterator[None]:
        """Deeds on another database, in a process beside the block; AssertionError where one fails."""
        url = self.postgresql.url.removesuffix("postgres") + database
        command = [sys.executable, "-m", "tests.faults.work", *deeds]
        with subprocess.Popen(
            command, cwd=BASE_DIR, env=self.environment | {"DATABASE_URL": url}, stderr=subprocess.PIPE, text=True
        ) as process:
            try:
                yield
                _, errors = process.communicate(timeout=300)
            finally:
                process.kill()
        assert process.returncode == 0, errors[-3000:]

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What a query finds, over a connection that is kept until the server breaks it."""
        with contextlib.suppress(psycopg.OperationalError):
            return self._connection().execute(query.encode()).fetchall()
        return self._connection().execute(query.encode()).fetchall()

    def _connection(self) -> psycopg.Connection[tuple[Any, ...]]:
        kept = self._connections.get(self.database)
        if kept is None or kept.closed:
            kept = psycopg.connect(self.database_url, autocommit=True, connect_timeout=5)
            self._connections[self.database] = kept
        return kept

    def live(self, *jobs: str) -> int:
        """How many rows that are jobs, of these kinds or of any, are not done."""
        each = " UNION ALL ".join(
            f"SELECT count(*) AS live FROM onboarding_{job} WHERE state IN ('queued', 'running')"  # noqa: S608 -- ours
            for job in jobs or JOBS
        )
        return self.count(f"SELECT sum(live) FROM ({each}) jobs")  # noqa: S608 -- ours

    def count(self, query: str) -> int:
        return int(self.rows(query)[0][0])

    def progress(self) -> list[tuple[Any, ...]]:
        """Changes whenever a worker gets on with something."""
        return self.rows(_PROGRESS)

    def settle(self, stuck: float, *, hurries: bool = False) -> tuple[float, float]:
        """Wait until every row that is a job is done; how long that took, and the longest time in which nothing of it
        went on. AssertionError where that is more than `stuck` seconds. Whoever `hurries` waits for no lease to end.
        """
        began, watch = time.monotonic(), Watch(self, stuck, hurries=hurries)
        while watch.look():
            self.tick()
            time.sleep(PATIENCE)
        return time.monotonic() - began, watch.longest

    def copy_database(self, name: str, of: str) -> None:
        """A database with everything of another, to which nobody may be connected."""
        with psycopg.connect(self.postgresql.url, autocommit=True) as connection:
            connection.execute(
                # Of a copy by way of the log, PostgreSQL 18 loses after a crash how far its sequences had come.
                sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY").format(
                    sql.Identifier(name), sql.Identifier(of)
                )
            )

    def visitor(self) -> Visitor:
        return Visitor(self.urls)

    def admin(self) -> Visitor:
        visitor = self.visitor()
        visitor.sign_in(ADMIN)
        return visitor

    # --- The end

    def stop(self) -> None:
        """Hard and at once; AssertionError where anything is left."""
        for connection in self._connections.values():
            connection.close()
        left = [pid for name in self._children for pid in self.processes(name)]
        for child in (*self._children.values(), *self._leaving):
            _kill_group(child.process.pid)
            child.process.wait(10)
        self._children.clear()
        _wait_for_end(left)

    def logs(self) -> str:
        files = sorted((self.home / "logs").glob("*.log"))
        return "\n".join(f"--- {file.name}\n{file.read_text(errors='replace')[-1500:]}" for file in files)


def _wait_for_end(pids: Sequence[int]) -> None:
    deadline = Deadline.of(10, f"{pids} to end")
    while any(command_of(pid) for pid in pids):
        deadline.check()
        time.sleep(PATIENCE)


def _kill_group(leader: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


@contextlib.contextmanager
def grounds(home: Path, size: Size) -> Iterator[Portal]:
    """PostgreSQL, Redis, mail, AWS and the identity provider run; the portal has its rows, and does not."""
    with ExitStack() as stack:
        # In a short path: a Unix socket's name has a limit.
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="onramp-faults-")))
        postgresql = Server(folder, _SETTINGS)
        stack.callback(postgresql.stop)
        postgresql.start()
        sink = stack.enter_context(serving(Sink()))
        portal = Portal(home, size, postgresql, embedded_redis(home / "redis"), sink)
        stack.callback(portal.stop)
        portal.start_outside()
        portal.start_redis()
        portal.copy_database("loaded", of="template0")
        portal.database = "loaded"
        portal.work("prepare", "load", str(size.people))
        yield portal
