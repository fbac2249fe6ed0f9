"""The whole portal as `make run` starts it, in a folder of its own, and everything a journey may do to it."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import secrets
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from deploy.redis import free_port
from sandbox.scenario import load_company

BASE_DIR = Path(__file__).resolve().parent.parent.parent
START_LIMIT = 90.0  # seconds
STOP_LIMIT = 30.0
_PROC = Path("/proc")

Fault = dict[str, Any]


def wait_for(is_done: Callable[[], object], what: str, seconds: float = 20.0) -> None:
    """Return once `is_done`; AssertionError that names `what` after `seconds`."""
    deadline = time.monotonic() + seconds
    while not is_done():
        assert time.monotonic() < deadline, f"after {seconds:g} s still waiting for: {what}"
        time.sleep(0.05)


@dataclass(frozen=True, slots=True)
class Stack:
    """A running portal. `home` holds its database, its logs, and the sandbox's environment."""

    url: str
    home: Path
    pid: int
    environment: Mapping[str, str]

    def fault(self, *faults: Fault) -> None:
        """Script AWS's faults: these, before those of the scenario."""
        of_scenario = [dataclasses.asdict(fault) for fault in load_company().faults]
        self._steer([*faults, *of_scenario])

    def _steer(self, faults: list[Fault]) -> None:
        body = json.dumps(faults).encode()
        request = urllib.request.Request(f"{self.aws_url}/sandbox/faults", data=body, method="PUT")
        urllib.request.urlopen(request, timeout=5).close()

    @property
    def aws_url(self) -> str:
        return self._sandbox["AWS_ENDPOINT_URL"]

    @property
    def _sandbox(self) -> dict[str, str]:
        lines = (self.home / "sandbox.env").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines)

    def manage(self, *arguments: str) -> str:
        """What `manage.py` prints, run as somebody would who operates this portal."""
        environment = {name: value for name, value in self.environment.items() if value} | self._sandbox
        environment.setdefault("DATABASE_URL", f"sqlite:///{self.home}/onramp.sqlite3")
        command = [sys.executable, "manage.py", *arguments]
        done = subprocess.run(command, cwd=BASE_DIR, env=environment, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, f"{arguments}: {done.stderr}"
        return done.stdout

    @contextlib.contextmanager
    def paused(self, name: str) -> Iterator[None]:
        """Hold still the process `name`, and the group it leads: it neither answers nor refuses."""
        group = self._leader(name)
        wait_for(lambda: self._stops_between_writes(group), f"a moment in which {name} writes nothing")
        try:
            yield
        finally:
            os.killpg(group, signal.SIGCONT)

    def _stops_between_writes(self, group: int) -> bool:
        """Stop the group, unless the database would then wait for it: SQLite has one write lock for everybody."""
        os.killpg(group, signal.SIGSTOP)
        if self._may_write():
            return True
        os.killpg(group, signal.SIGCONT)
        return False

    def _may_write(self) -> bool:
        file = self.home / "onramp.sqlite3"
        if not file.exists():  # on PostgreSQL each waits for its own rows only
            return True
        with contextlib.closing(sqlite3.connect(file, timeout=1, isolation_level=None)) as database:
            try:
                database.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                return False
            database.execute("ROLLBACK")
        return True

    def _leader(self, name: str) -> int:
        words = {"worker": "--queues interactive", "redis": "redis-server", "sandbox": "-m sandbox"}[name]
        found = [pid for pid, parent in parents().items() if parent == self.pid and words in command_of(pid)]
        assert len(found) == 1, f"{name}: {found}"
        # Signals go to the group; it must be the child's own and not ours.
        assert os.getpgid(found[0]) == found[0]
        return found[0]

    def logs(self) -> str:
        """The end of every log, for a failure's report."""
        files = sorted((self.home / "logs").glob("*.log"))
        return "\n".join(f"--- {file.name}\n{file.read_text(errors='replace')[-2000:]}" for file in files)


@contextlib.contextmanager
def running(home: Path) -> Iterator[Stack]:
    """Start everything, and afterwards stop it as Ctrl-C does; AssertionError when a process outlives that."""
    port = free_port()
    output = home / "output.log"
    with _database() as database_url, output.open("wb") as log:
        environment = _environment(home, port, database_url)
        runner = subprocess.Popen(
            [sys.executable, "-m", "deploy.local"],
            cwd=BASE_DIR,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            # A Ctrl-C in the terminal of the tests is for pytest, which then stops us in order.
            start_new_session=True,
        )
        stack = Stack(environment["ONRAMP_PUBLIC_URL"], home, runner.pid, environment)
        try:
            _wait_until_up(stack, runner, output)
            yield stack
        finally:
            processes = [runner.pid, *descendants(runner.pid)]
            _stop(runner)
            left = [pid for pid in processes if command_of(pid)]
            assert not left, f"still running after Ctrl-C: {[command_of(pid) for pid in left]}"


def _environment(home: Path, port: int, database_url: str) -> dict[str, str]:
    """Next to nothing. The empty values keep a developer's `.env` out: it must not lead to their data or AWS."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "PORT": str(port),
        "ONRAMP_HOME": str(home),
        "ONRAMP_PUBLIC_URL": f"http://localhost:{port}",
        "ONRAMP_OIDC_ISSUER": "",
        "REDIS_URL": "",
        "DATABASE_URL": database_url,
    }


@contextlib.contextmanager
def _database() -> Iterator[str]:
    """The DATABASE_URL for a portal of our own: on PostgreSQL a new database, else nothing, which is SQLite."""
    server = os.environ.get("DATABASE_URL", "")
    if not server.startswith("postgres"):
        yield ""
        return
    import psycopg
    from psycopg import sql

    name = f"journeys_{secrets.token_hex(4)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        yield urlunsplit(urlsplit(server)._replace(path=f"/{name}"))
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def _wait_until_up(stack: Stack, runner: subprocess.Popen[bytes], output: Path) -> None:
    try:
        wait_for(
            lambda: "Onramp is at" in output.read_text() or runner.poll() is not None, "'Onramp is at'", START_LIMIT
        )
        assert runner.poll() is None, f"python -m deploy.local ended with status {runner.returncode}"
    except AssertionError as error:
        raise AssertionError(f"{error}\n{output.read_text()}\n{stack.logs()}") from None


def _stop(runner: subprocess.Popen[bytes]) -> None:
    runner.send_signal(signal.SIGINT)
    try:
        runner.wait(STOP_LIMIT)
    except subprocess.TimeoutExpired:
        runner.kill()
        runner.wait()
        raise AssertionError(f"still running {STOP_LIMIT:g} s after Ctrl-C") from None


# --- Processes, read from /proc: on other systems nothing is found, and tests that need more are skipped


def can_see_processes() -> bool:
    return (_PROC / "self").exists()


def parents() -> dict[int, int]:
    """Every process and its parent."""
    found = {}
    for status in _PROC.glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            # The name stands in brackets and may hold anything, brackets too.
            fields = status.read_text(errors="replace").rpartition(")")[2].split()
            found[int(status.parent.name)] = int(fields[1])
    return found


def descendants(pid: int) -> list[int]:
    children = [child for child, parent in parents().items() if parent == pid]
    return [*children, *(below for child in children for below in descendants(child))]


def command_of(pid: int) -> str:
    """Empty for a process that is gone."""
    try:
        return (_PROC / str(pid) / "cmdline").read_text(errors="replace").replace("\0", " ").strip()
    except OSError:
        return ""
