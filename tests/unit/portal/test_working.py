"""A real worker on a real broker: whose request it works for, what it counts, and what it notes of the schedule."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from deploy.redis import LOOPBACK, free_port
from onboarding.models import PeriodicTask, Verification
from tests.aws.ingesting import environment_of_a_process
from tests.factories import make_person, make_revision, make_team, make_user

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("broker")]

TOKEN = "a-token-for-tests-0123456789"


def until(is_so: Callable[[], object], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, "took too long"
        time.sleep(0.05)


class Worker:
    def __init__(self, process: subprocess.Popen[bytes], log: Path, port: int) -> None:
        self.process, self.log, self.port = process, log, port

    def lines(self, event: str) -> list[dict[str, Any]]:
        read = [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]
        return [line for line in read if line["event"] == event]

    def scrape(self, path: str = "/metrics", token: str = TOKEN) -> tuple[int, str]:
        connection = HTTPConnection(LOOPBACK, self.port, timeout=10)
        connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
        response = connection.getresponse()
        return response.status, response.read().decode()


@pytest.fixture
def worker(broker_url: str, tmp_path: Path) -> Iterator[Worker]:
    log, port = tmp_path / "worker.log", free_port()
    environment = environment_of_a_process() | {
        "REDIS_URL": broker_url,
        "ONRAMP_METRICS_DIR": str(tmp_path / "metrics"),
        "ONRAMP_METRICS_PORT": str(port),
        "ONRAMP_METRICS_TOKEN": TOKEN,
    }
    queues = ["--queues", "interactive,sweeps", "--concurrency", "2"]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "celery", "--app", "portal", "worker", *queues],
            env=environment,
            stdout=output,
            stderr=output,
        )
    started = Worker(process, log, port)
    try:
        until(lambda: " ready." in log.read_text())
        yield started
    finally:
        process.terminate()
        process.wait(30)


def test_a_tasks_log_lines_name_the_request_that_published_it(
    worker: Worker, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    user = make_user("ana.nunez@acme.example")
    make_person("ana.nunez@acme.example", user=user, team=make_team(make_revision().plan))
    client.force_login(user)
    with caplog.at_level("INFO"):
        client.post("/setup/verify/", {"secret_answer": "ana"})
    requests = [record.msg for record in caplog.records if isinstance(record.msg, dict) and "request" in record.msg]
    (request_id,) = {record["request_id"] for record in requests}

    until(lambda: worker.lines("task_succeeded"))

    (begun,) = worker.lines("task_started")
    assert begun["task"] == "onboarding.run_verification"
    assert begun["request_id"] == request_id
    assert worker.lines("task_succeeded")[0]["request_id"] == request_id
    assert Verification.objects.get().finished_at is not None
    # Nobody's address is in what the worker wrote, and the request is logged without what it carried.
    assert "acme.example" not in worker.log.read_text()
    assert {record["request"] for record in requests} == {"POST /setup/verify/"}


def test_a_worker_serves_what_its_processes_counted_on_a_port_of_its_own(worker: Worker) -> None:
    from portal.celery import app

    for _ in range(6):
        app.send_task("onboarding.forget_expired", queue="sweeps")
    app.send_task("onboarding.forget_expired", queue="sweeps", expires=timezone.now())

    def counted(outcome: str) -> bool:
        _, text = worker.scrape()
        labels = f'{{outcome="{outcome}",task="onboarding.forget_expired"}}'
        return f"onramp_task_seconds_count{labels} {6.0 if outcome == 'succeeded' else 1.0}" in text

    until(lambda: counted("succeeded") and counted("expired"))
    assert worker.scrape(token="another")[0] == 404
    assert worker.scrape(path="/")[0] == 404
    # A worker that is scraped does not ask the database.
    assert "onramp_people" not in worker.scrape()[1]


def test_what_alerts_wait_for_is_there_before_it_happens(worker: Worker) -> None:
    """A series that is born with its first count has not increased."""
    _, text = worker.scrape()
    for labels in (
        'task_seconds_count{outcome="failed",task="onboarding.forget_expired"}',
        'task_seconds_count{outcome="timed-out",task="onboarding.run_verification"}',
        'aws_call_seconds_count{operation="sts:AssumeRole",result="denied"}',
        'aws_call_seconds_count{operation="bedrock:InvokeModel",result="not-configured"}',
        'aws_call_seconds_count{operation="bedrock:InvokeModel",result="fault"}',
    ):
        assert f"onramp_{labels} 0.0\n" in text


def test_what_a_worker_began_and_did_is_noted_in_the_schedule(worker: Worker) -> None:
    from portal.celery import app

    PeriodicTask.objects.bring_up_to_date({"forget-expired": "onboarding.forget_expired"}, timezone.now())
    PeriodicTask.objects.claim(PeriodicTask.objects.get(), timezone.now())

    app.send_task("onboarding.forget_expired", queue="sweeps")

    until(lambda: PeriodicTask.objects.get().succeeded_at)
    assert not PeriodicTask.objects.get().is_waiting


def asked(broker_url: str) -> tuple[int, str]:
    """What a probe says of this machine's worker."""
    environment = environment_of_a_process() | {"REDIS_URL": broker_url}
    command = [sys.executable, "-m", "portal.worker_alive"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout.strip().partition(": ")[2]


def test_a_probe_finds_a_worker_that_hangs_and_no_fault_with_one_that_redis_keeps_waiting(
    worker: Worker, broker_url: str
) -> None:
    assert asked(broker_url) == (0, "answers")
    worker.process.send_signal(signal.SIGSTOP)
    try:
        assert asked(broker_url) == (1, "does not answer")
        assert asked("redis://127.0.0.1:9/0") == (0, "Redis does not answer, so nothing is known")
    finally:
        worker.process.send_signal(signal.SIGCONT)
