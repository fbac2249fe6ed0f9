"""`make run`: what it would start, what keeps it from starting, and that it leaves nothing behind."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deploy.local import BASE_DIR, CannotStart, announcement, check_port, is_ready, lock_home, read_plan
from deploy.processes import ChildDied, Processes, Stopped
from deploy.redis import embedded_redis, free_port

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]
# Ends when asked, but leaves a child of its own that does not.
CARELESS = [
    sys.executable,
    "-c",
    "import signal, subprocess, sys, time\n"
    "code = 'import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)'\n"
    "child = subprocess.Popen([sys.executable, '-c', code])\n"
    "print(child.pid, flush=True)\n"
    "time.sleep(60)\n",
]


def _until(is_so: Callable[[], object], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, "took too long"
        time.sleep(0.05)


def _processes() -> dict[int, int]:
    """Every running process and its parent; not those that ended and that nobody has asked about yet."""
    if Path("/proc/self/stat").exists():  # a bare Debian has no `ps`
        return dict(_from_proc())
    table = subprocess.run(["ps", "-A", "-o", "pid=,ppid=,stat="], capture_output=True, text=True, check=True).stdout
    return {int(pid): int(parent) for pid, parent, state in map(str.split, table.splitlines()) if "Z" not in state}


def _from_proc() -> Iterator[tuple[int, int]]:
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has just ended
            state, parent = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
            if state != "Z":
                yield int(folder.name), int(parent)


def _descendants(pid: int) -> set[int]:
    found = {child for child, parent in _processes().items() if parent == pid}
    return found.union(*(_descendants(child) for child in found))


def _metrics(port: int) -> bytes:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as response:
        return bytes(response.read())


# --- The plan


def test_without_an_identity_provider_there_is_a_sandbox(tmp_path: Path) -> None:
    plan = read_plan({"PORT": "8123"}, tmp_path / ".env")

    assert (plan.port, plan.home, plan.has_sandbox) == (8123, BASE_DIR / ".onramp", True)
    assert plan.url == "http://localhost:8123"


def test_with_an_identity_provider_there_is_none(tmp_path: Path) -> None:
    env_file = tmp_path / ".env"
    env_file.write_text("ONRAMP_OIDC_ISSUER=https://login.example.com\nAWS_PROFILE=onramp\nPORT=9000\n")
    plan = read_plan({"PORT": "8123"}, env_file)

    assert plan.has_sandbox is False
    assert plan.environment["AWS_PROFILE"] == "onramp"  # botocore does not read `.env` itself
    assert plan.port == 8123  # the environment goes before the file


def test_the_sandbox_never_meets_real_aws_credentials(tmp_path: Path) -> None:
    real = {"AWS_PROFILE": "prod", "AWS_SESSION_TOKEN": "secret", "NO_PROXY": "intranet"}
    environment = read_plan(real, tmp_path / ".env").environment

    aws = {name: value for name, value in environment.items() if name.startswith("AWS_")}
    assert aws == {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
    assert environment["NO_PROXY"] == "intranet,localhost,127.0.0.1"


@pytest.mark.parametrize("port", ["0", "65536", "-1", "http", "8000 "])
def test_a_port_that_is_none_is_refused(tmp_path: Path, port: str) -> None:
    with pytest.raises(CannotStart, match=f"PORT={port}"):
        read_plan({"PORT": port}, tmp_path / ".env")


def test_a_taken_port_is_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(CannotStart, match="cannot be used"):
        check_port(taken.getsockname()[1])


def test_a_home_is_held_by_one_portal(tmp_path: Path) -> None:
    held = lock_home(tmp_path)
    with pytest.raises(CannotStart, match="already runs"):
        lock_home(tmp_path)
    held.close()
    lock_home(tmp_path).close()


def test_the_announcement_names_everybody_who_can_sign_in(tmp_path: Path) -> None:
    from sandbox.scenario import load_company

    text = announcement(read_plan({}, tmp_path / ".env"))

    assert text.startswith("Onramp is at http://localhost:8000\n")
    assert [person.email for person in load_company().people if person.email not in text] == []


# --- The processes


def test_a_stopped_child_takes_its_group_along(tmp_path: Path) -> None:
    processes = Processes(tmp_path, cwd=tmp_path)
    child = processes.start("careless", CARELESS, os.environ)
    _until(lambda: child.last_lines())
    grandchild = int(child.last_lines())
    assert grandchild in _processes()

    processes.stop()

    _until(lambda: grandchild not in _processes(), seconds=5)
    assert child.process.returncode == -signal.SIGTERM


def test_a_child_that_dies_is_named_with_its_last_lines(tmp_path: Path) -> None:
    processes = Processes(tmp_path, cwd=tmp_path)
    processes.start("steady", SLEEP, os.environ)
    processes.start("weak", [sys.executable, "-c", "print('out of luck'); raise SystemExit(3)"], os.environ)
    try:
        with pytest.raises(ChildDied, match="weak ended with status 3") as died:
            processes.wait(lambda: False)
        assert died.value.child.last_lines() == "out of luck"
    finally:
        processes.stop()


def test_asking_to_stop_ends_the_waiting(tmp_path: Path) -> None:
    processes = Processes(tmp_path, cwd=tmp_path)
    processes.ask_to_stop()
    with pytest.raises(Stopped):
        processes.run("steady", SLEEP, os.environ)
    processes.stop()


def test_the_embedded_redis_wants_its_password(tmp_path: Path) -> None:
    from redis import Redis
    from redis.exceptions import AuthenticationError

    redis = embedded_redis(tmp_path / "a home with spaces")
    processes = Processes(tmp_path, cwd=tmp_path)
    processes.start("redis", redis.command, os.environ)
    try:
        processes.wait(redis.answers)
        with Redis.from_url(redis.url) as friend:
            assert friend.ping() is True
        with Redis(port=redis.port) as stranger, pytest.raises(AuthenticationError):
            stranger.ping()
        assert (tmp_path / "a home with spaces" / "redis.conf").stat().st_mode & 0o777 == 0o600
    finally:
        processes.stop()


# --- The whole


def test_everything_starts_answers_and_leaves_nothing_behind(tmp_path: Path) -> None:
    port = free_port()
    clean = {
        name: value for name, value in os.environ.items() if not name.startswith(("ONRAMP_", "REDIS_", "DATABASE_"))
    }
    environment = clean | {"PORT": str(port), "ONRAMP_HOME": str(tmp_path / "home")}
    output = tmp_path / "output"
    with output.open("wb") as file:
        runner = subprocess.Popen(
            [sys.executable, "-m", "deploy.local"], cwd=BASE_DIR, env=environment, stdout=file, stderr=file
        )
    try:
        _until(lambda: b"Ctrl-C stops everything" in output.read_bytes() or runner.poll() is not None, seconds=120)
        assert is_ready(port), output.read_text()
        # Also what the workers counted: all processes share a folder, which is open to this machine.
        _until(lambda: b'onramp_task_seconds_count{outcome="succeeded"' in _metrics(port))
        children = _descendants(runner.pid)
        assert len(children) >= 6  # sandbox, redis, two workers, beat, web, and what they started
    finally:
        runner.send_signal(signal.SIGINT)
        assert runner.wait(30) == 0, output.read_text()
    _until(lambda: not children & _processes().keys(), seconds=5)
    assert not is_ready(port)


def test_a_first_start_loads_the_shipped_prices_and_the_next_leaves_them_as_admins_have_them(tmp_path: Path) -> None:
    _prepare(tmp_path)
    with contextlib.closing(sqlite3.connect(tmp_path / "onramp.sqlite3")) as database:
        shipped = sum(len(entry["usd_per_million"]) for entry in json.loads(_PRICES.read_text())["prices"])
        assert database.execute("SELECT COUNT(*) FROM onboarding_price").fetchone() == (shipped,)
        database.execute("UPDATE onboarding_price SET usd_per_million = 7, source = 'Our contract' WHERE id = 1")
        database.commit()

        _prepare(tmp_path)

        assert database.execute("SELECT COUNT(*) FROM onboarding_price").fetchone() == (shipped,)
        kept = database.execute("SELECT usd_per_million, source FROM onboarding_price WHERE id = 1")
        assert kept.fetchone() == (7, "Our contract")


_PRICES = BASE_DIR / "onboarding/data/prices.json"


def _prepare(home: Path) -> None:
    """What `make run` does before anything starts."""
    sign_in = {"ISSUER": "https://login.example.com", "CLIENT_ID": "onramp", "CLIENT_SECRET": "none"}
    environment = {
        **{name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")},
        **{f"ONRAMP_OIDC_{name}": value for name, value in sign_in.items()},
        "ONRAMP_HOME": str(home),
    }
    subprocess.run([sys.executable, "-m", "deploy.prepare"], cwd=BASE_DIR, env=environment, check=True, timeout=300)
