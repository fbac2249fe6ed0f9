"""Two beats on one database, on a real broker: one sends, the other takes over, and nothing is sent twice."""

from __future__ import annotations

import datetime as dt
import json
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis
from django.utils import timezone

from deploy.redis import Redis, embedded_redis
from onboarding.models import BeatLease, PeriodicTask
from tests.aws.ingesting import environment_of_a_process

pytestmark = pytest.mark.django_db(transaction=True)

NIGHTLY = {"forget-history", "forget-expired", "sweep-everybody", "refresh-everybody"}
TASK_OF = {name: f"onboarding.{name.replace('-', '_')}" for name in NIGHTLY}


def until(is_so: Callable[[], object], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, "took too long"
        time.sleep(0.05)


class Beats:
    """Real `celery beat` processes."""

    def __init__(self, folder: Path, broker_url: str) -> None:
        self._folder, self._environment = folder, environment_of_a_process() | {"REDIS_URL": broker_url}
        self.running: dict[int, subprocess.Popen[bytes]] = {}

    def start(self) -> int:
        command = [sys.executable, "-m", "celery", "--app", "portal", "--quiet", "beat", "--pidfile", ""]
        log = self._folder / f"beat-{len(self.running)}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(command, env=self._environment, stdout=output, stderr=output)
        self.running[process.pid] = process
        return process.pid

    def signal(self, pid: int, number: int) -> None:
        self.running[pid].send_signal(number)

    def kill(self, pid: int) -> None:
        process = self.running.pop(pid)
        process.kill()
        process.wait(10)

    def stop(self) -> None:
        for pid in list(self.running):
            self.kill(pid)


@pytest.fixture
def queue(broker_url: str) -> redis.Redis:
    client = redis.Redis.from_url(broker_url)
    client.flushall()
    return client


@pytest.fixture
def beats(queue: redis.Redis, broker_url: str, tmp_path: Path) -> Iterator[Beats]:
    beats = Beats(tmp_path, broker_url)
    yield beats
    beats.stop()


def sent(queue: redis.Redis) -> Counter[str]:
    """The tasks whose messages are in the broker: nobody works."""
    messages = [json.loads(text) for name in ("sweeps", "costs") for text in queue.lrange(name, 0, -1)]
    return Counter(message["headers"]["task"] for message in messages)


def holder() -> int:
    """The process id of the beat that holds the lease; 0: none does."""
    row = BeatLease.objects.filter(until__gt=timezone.now()).first()
    return int(row.holder.split()[1]) if row and row.holder else 0


def runs() -> dict[str, int]:
    return dict(PeriodicTask.objects.values_list("name", "runs"))


def nightly_is_due() -> None:
    """As if no beat had run since the day before yesterday."""
    long_ago = timezone.now() - dt.timedelta(days=2)
    PeriodicTask.objects.filter(name__in=NIGHTLY).update(sent_at=long_ago, is_waiting=False)


def test_the_second_takes_over_from_a_killed_first_and_nothing_is_sent_twice(beats: Beats, queue: redis.Redis) -> None:
    pids = {beats.start(), beats.start()}
    until(lambda: holder() in pids and runs())
    first = holder()
    nightly_is_due()
    until(lambda: all(sent(queue)[task] for task in TASK_OF.values()))

    killed_at = time.monotonic()
    beats.kill(first)
    nightly_is_due()
    (second,) = pids - {first}
    until(lambda: holder() == second, 30)
    until(lambda: all(sent(queue)[task] == 2 for task in TASK_OF.values()), 30 - (time.monotonic() - killed_at))

    # What was sent is what the rows say, no more: also of the entry that is due every ten seconds.
    until(lambda: runs()["republish-overdue"] >= 2)
    beats.kill(second)
    counts = sent(queue)
    assert {name: counts[f"onboarding.{name.replace('-', '_')}"] for name in runs()} == runs()


def test_a_beat_that_was_held_up_finds_its_lease_gone_and_sends_nothing_again(
    beats: Beats, queue: redis.Redis
) -> None:
    first = beats.start()
    until(lambda: holder() == first and runs())
    beats.signal(first, signal.SIGSTOP)
    nightly_is_due()
    # It was stopped before it looked at the rows again, or it has sent; either way each is sent once.
    second = beats.start()
    until(lambda: holder() == second, 40)
    until(lambda: all(sent(queue)[task] for task in TASK_OF.values()))

    beats.signal(first, signal.SIGCONT)
    before = runs()["republish-overdue"]
    until(lambda: runs()["republish-overdue"] >= before + 2)

    assert holder() == second
    assert {task: sent(queue)[task] for task in TASK_OF.values()} == dict.fromkeys(TASK_OF.values(), 1)


def test_a_restarted_beat_knows_what_ran_and_an_emptied_broker_changes_nothing(
    beats: Beats, queue: redis.Redis
) -> None:
    first = beats.start()
    until(lambda: holder() == first and runs())
    nightly_is_due()
    until(lambda: all(sent(queue)[task] for task in TASK_OF.values()))
    PeriodicTask.objects.update(is_waiting=False)
    beats.signal(first, signal.SIGTERM)
    assert beats.running[first].wait(60) == 0
    # It gave the lease up as it ended.
    assert holder() == 0
    queue.flushall()

    second = beats.start()
    until(lambda: sent(queue)["onboarding.republish_overdue"] >= 2)

    assert holder() == second
    assert set(sent(queue)) & set(TASK_OF.values()) == set()


def test_a_nightly_that_a_lost_broker_took_along_is_sent_again_once_it_expired(
    beats: Beats, queue: redis.Redis
) -> None:
    pid = beats.start()
    until(lambda: holder() == pid and runs())
    nightly_is_due()
    until(lambda: all(sent(queue)[task] for task in TASK_OF.values()))
    queue.flushall()

    PeriodicTask.objects.filter(name="sweep-everybody").update(sent_at=timezone.now() - dt.timedelta(minutes=31))
    until(lambda: sent(queue)["onboarding.sweep_everybody"])

    assert set(sent(queue)) & set(TASK_OF.values()) == {"onboarding.sweep_everybody"}


def test_what_a_broker_that_is_down_did_not_take_is_sent_once_it_is_back(tmp_path: Path) -> None:
    broker = embedded_redis(tmp_path / "redis")
    beats, log = Beats(tmp_path, broker.url), tmp_path / "beat-0.log"
    pid = beats.start()
    try:
        until(lambda: holder() == pid and runs())
        nightly_is_due()
        until(lambda: "beat.not_sent" in log.read_text())
        with running(broker):
            queue = redis.Redis.from_url(broker.url)
            until(lambda: all(sent(queue)[task] == 1 for task in TASK_OF.values()))
    finally:
        beats.stop()


@contextmanager
def running(broker: Redis) -> Iterator[None]:
    process = subprocess.Popen(broker.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until(broker.answers)
        yield
    finally:
        process.terminate()
        process.wait(10)
