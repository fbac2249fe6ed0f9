"""`/metrics`: closed to strangers, whole over all processes, and the same number of queries however many rows."""

from __future__ import annotations

import datetime as dt
import ipaddress
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from billiard.exceptions import TimeLimitExceeded
from celery import signals
from django.db import OperationalError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families
from pytest_django import Settings

from deploy.redis import LOOPBACK
from onboarding import VERSION, instruments, statuses, tasks
from onboarding.aws.errors import AwsError, NoAnswer, NotConfigured, PortalDenied, Refused, mapped
from onboarding.enums import Channel, NotificationKind, RunState, Trigger
from onboarding.models import BeatLease, Notification, PeriodicTask, Sweep
from onboarding.models.deliveries import LEASE
from tests.factories import make_person, make_ready_person

pytestmark = pytest.mark.django_db

TOKEN = "a-token-for-tests-0123456789"
AS_PROMETHEUS = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture
def _token(settings: Settings) -> None:
    settings.ONRAMP_METRICS_TOKEN = TOKEN


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of this test's own to read from; what this process counts goes on where it began."""
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    return tmp_path


def scraped(client: Client) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Every sample: its name and labels -> its value."""
    response = client.get("/metrics", headers=AS_PROMETHEUS)
    assert response.status_code == 200
    families = text_string_to_metric_families(response.content.decode())
    return {(s.name, tuple(sorted(s.labels.items()))): s.value for family in families for s in family.samples}


def sample(samples: Any, metric: str, /, **labels: str) -> float:
    return float(samples.get((metric, tuple(sorted(labels.items()))), 0))


# --- Who may read it


def test_without_a_token_or_a_network_there_is_no_such_page(client: Client) -> None:
    for headers in ({}, {"Authorization": "Bearer "}, AS_PROMETHEUS):
        assert client.get("/metrics", headers=headers).status_code == 404


@pytest.mark.usefixtures("_token")
@pytest.mark.parametrize("header", ["", "Bearer ", f"Bearer {TOKEN}x", TOKEN, f"Basic {TOKEN}", "Bearer ñ"])
def test_only_the_token_opens_it(client: Client, header: str) -> None:
    assert client.get("/metrics", headers=AS_PROMETHEUS).status_code == 200
    assert client.get("/metrics", headers={"Authorization": header}).status_code == 404


@pytest.mark.parametrize(
    ("address", "headers", "status"),
    [
        ("10.2.3.4", {}, 200),
        ("::1", {}, 200),
        ("10.3.0.1", {}, 404),
        ("", {}, 404),
        # A proxy in the network asks for somebody outside of it.
        ("10.2.3.4", {"X-Forwarded-For": "203.0.113.9"}, 404),
        ("10.2.3.4", {"Forwarded": "for=203.0.113.9"}, 404),
    ],
)
def test_a_network_opens_it_to_whoever_is_in_it_and_comes_through_no_proxy(
    client: Client, settings: Settings, address: str, headers: dict[str, str], status: int
) -> None:
    settings.ONRAMP_METRICS_NETWORKS = (ipaddress.ip_network("10.2.0.0/16"), ipaddress.ip_network("::1"))

    assert client.get("/metrics", headers=headers, REMOTE_ADDR=address).status_code == status


# --- What is counted


@pytest.mark.usefixtures("_token")
def test_requests_are_counted_by_view_and_never_by_what_was_asked_for(client: Client) -> None:
    before = scraped(client)
    client.get("/livez")
    client.get("/livez?who=ana@acme.example")
    client.get("/no-such-page/ana@acme.example")
    client.generic("BREW", "/livez")

    after = scraped(client)

    def grown(**labels: str) -> float:
        name = "onramp_request_seconds_count"
        return sample(after, name, **labels) - sample(before, name, **labels)

    assert grown(view="livez", method="GET", status="2xx") == 2
    assert grown(view="livez", method="other", status="4xx") == 1
    assert grown(view="none", method="GET", status="4xx") == 1
    assert sample(after, "onramp_build_info", version=VERSION) == 1
    assert "acme.example" not in client.get("/metrics", headers=AS_PROMETHEUS).content.decode()


@pytest.mark.usefixtures("_token")
@pytest.mark.parametrize(
    ("error", "operation", "result"),
    [
        (None, "iam:ListTests", "ok"),
        (NotConfigured("iam:ListTests", ""), "iam:ListTests", "not-configured"),
        (NoAnswer("iam:ListTests", ""), "iam:ListTests", "no-answer"),
        (NoAnswer("iam:ListTests", "", throttled=True), "iam:ListTests", "throttled"),
        (PortalDenied("sts:AssumeRole", ""), "sts:AssumeRole", "denied"),
        (Refused("iam:ListTests", "", code="NoSuchEntity"), "iam:ListTests", "refused"),
        (ZeroDivisionError(), "iam:ListTests", "fault"),
    ],
)
def test_calls_to_aws_are_counted_by_the_ladder(
    client: Client, error: Exception | None, operation: str, result: str
) -> None:
    name, labels = "onramp_aws_call_seconds_count", {"operation": operation, "result": result}
    before = sample(scraped(client), name, **labels)

    with suppress(AwsError, ZeroDivisionError), mapped("iam:ListTests"):
        if error:
            raise error

    assert sample(scraped(client), name, **labels) == before + 1


@pytest.mark.usefixtures("_token")
def test_a_task_that_runs_out_of_time_is_counted_where_its_end_is_told(client: Client) -> None:
    labels = {"task": "onboarding.forget_expired", "outcome": "timed-out"}
    before = sample(scraped(client), "onramp_task_seconds_count", **labels)

    for error in (TimeLimitExceeded(1), ValueError()):
        signals.task_failure.send(sender=tasks.forget_expired, task_id="1", exception=error)

    assert sample(scraped(client), "onramp_task_seconds_count", **labels) == before + 1


COUNTS = """
import os, sys
import portal.settings
from onboarding.instruments import TASKS
for _ in range(int(sys.argv[1])):
    TASKS.labels(task="a", outcome="succeeded").observe(1)
print("counted", flush=True)
sys.stdin.read()
os.abort() if sys.argv[2] == "abort" else None
"""


@pytest.fixture
def counting(folder: Path) -> Iterator[Any]:
    """Start processes that count tasks and live until they are told to end, or to crash."""
    running: list[subprocess.Popen[bytes]] = []

    def start(times: int, end: str = "well") -> subprocess.Popen[bytes]:
        environment = os.environ | {"ONRAMP_METRICS_DIR": str(folder)}
        command = [sys.executable, "-c", COUNTS, str(times), end]
        process = subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        running.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == b"counted\n"
        return process

    yield start
    for process in running:
        process.communicate(timeout=20)


def tasks_counted() -> float:
    samples = [sample for metric in instruments.total() for sample in metric.samples]
    return sum(each.value for each in samples if each.name == "onramp_task_seconds_count")


def test_what_processes_counted_is_added_up_also_once_they_ended_or_crashed(counting: Any, folder: Path) -> None:
    first, second, third = counting(2), counting(3, "abort"), counting(5)
    assert tasks_counted() == 10

    for process in (first, second):
        process.communicate(timeout=20)

    # One file is left of those that ended, and it is read again and again.
    assert [tasks_counted(), tasks_counted()] == [10, 10]
    assert sorted(path.name for path in folder.glob("*.db")) == sorted(["histogram_0.db", f"histogram_{third.pid}.db"])
    third.communicate(timeout=20)
    assert counting(7)
    assert tasks_counted() == 17
    buckets = {
        each.labels["le"]: each.value
        for metric in instruments.total()
        for each in metric.samples
        if each.name.endswith("_bucket")
    }
    assert (buckets["0.25"], buckets["1.0"], buckets["+Inf"]) == (0, 17, 17)


# --- What the database says


@pytest.mark.usefixtures("_token")
def test_people_jobs_watermarks_and_the_schedule(client: Client) -> None:
    now = timezone.now()
    for person in (make_ready_person(), make_person(), make_person(is_active=False)):
        statuses.refresh([person.pk])
    Sweep.objects.create(trigger=Trigger.NIGHTLY, queued_at=now - dt.timedelta(minutes=5))
    Sweep.objects.create(trigger=Trigger.NIGHTLY, state=RunState.RUNNING)
    Sweep.objects.create(trigger=Trigger.NIGHTLY, state=RunState.DONE, finished_at=now)
    PeriodicTask.objects.bring_up_to_date({"nightly": "a", "hourly": "b"}, now - dt.timedelta(hours=2))
    PeriodicTask.objects.succeeded("b", now - dt.timedelta(minutes=10))

    samples = scraped(client)

    assert sample(samples, "onramp_people", standing="deactivated") == 1
    assert sum(value for (name, _), value in samples.items() if name == "onramp_people") == 3
    assert sample(samples, "onramp_jobs", job="sweep", state="queued") == 1
    assert sample(samples, "onramp_jobs", job="sweep", state="running") == 1
    assert sample(samples, "onramp_job_oldest_queued_seconds", job="sweep") == pytest.approx(300, abs=60)
    assert sample(samples, "onramp_job_oldest_queued_seconds", job="ingestion") == 0
    assert sample(samples, "onramp_periodic_task_age_seconds", name="nightly") == pytest.approx(7200, abs=60)
    assert sample(samples, "onramp_periodic_task_age_seconds", name="hourly") == pytest.approx(600, abs=60)
    assert (sample(samples, "onramp_beat_active"), sample(samples, "onramp_database_up")) == (0, 1)
    BeatLease.objects.take("a beat", dt.timedelta(minutes=1))
    assert sample(scraped(client), "onramp_beat_active") == 1


@pytest.mark.usefixtures("_token")
def test_what_could_not_be_delivered_is_told_until_it_is_or_is_given_up(client: Client) -> None:
    """A try that failed leaves the row with its worker: it does not wait in the queue."""

    def failing(job: str) -> float:
        return sample(scraped(client), "onramp_delivery_oldest_failing_seconds", job=job)

    now = timezone.now()
    row = Notification.objects.create(kind=NotificationKind.REQUEST_FILED, queued_at=now - dt.timedelta(hours=2))
    Notification.objects.create(kind=NotificationKind.LOGGING_OFF)
    assert [failing("notification"), failing("budget-alert")] == [0, 0]

    for problem_since in (None, now - dt.timedelta(hours=1)):
        Notification.objects.filter(pk=row.pk).update(lease_until=None)
        fence = Notification.objects.claim(row.pk, lease=LEASE)
        assert fence
        row.problem_since = problem_since
        Notification.objects.conclude(row, fence, (Channel.SLACK, "TimeoutError"))

    assert sample(scraped(client), "onramp_job_oldest_queued_seconds", job="notification") == pytest.approx(0, abs=60)
    assert [failing("notification"), failing("budget-alert")] == [pytest.approx(3600, abs=60), 0]

    Notification.objects.filter(pk=row.pk).update(lease_until=None)
    fence = Notification.objects.claim(row.pk, lease=LEASE)
    assert fence
    Notification.objects.conclude(row, fence, (Channel.SLACK, "tries"), is_last=True)
    assert failing("notification") == 0


@pytest.mark.usefixtures("_token")
def test_more_rows_are_no_more_queries(client: Client) -> None:
    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as captured:
            scraped(client)
        return len(captured)

    few = queries()
    for _ in range(5):
        statuses.refresh([make_person().pk])
        Sweep.objects.create(trigger=Trigger.NIGHTLY)
    PeriodicTask.objects.bring_up_to_date({str(number): "a" for number in range(9)}, timezone.now())

    assert queries() == few == 10


@pytest.mark.usefixtures("_token")
def test_it_says_whether_redis_answers_also_while_the_database_does_not(
    client: Client, point_at: Any, broker_url: str
) -> None:
    def no_answer(*_: Any) -> Any:
        raise OperationalError

    answered = []
    for url in (broker_url, f"redis://{LOOPBACK}:9/0", broker_url):
        point_at(url)
        with connection.execute_wrapper(no_answer):
            answered.append(scraped(client)[("onramp_broker_up", ())])

    assert answered == [1, 0, 1]


@pytest.mark.usefixtures("_token")
def test_a_redis_that_hangs_holds_the_page_up_no_longer_than_readyz(
    client: Client, point_at: Any, hung_url: str, broker_url: str
) -> None:
    point_at(hung_url)
    begun = time.monotonic()
    assert scraped(client)[("onramp_broker_up", ())] == 0
    assert time.monotonic() - begun < 15  # as there: far from a moment, and from for ever

    # What that page saw holds for a second here, too.
    client.get("/readyz")
    point_at(broker_url)
    assert scraped(client)[("onramp_broker_up", ())] == 0


@pytest.mark.usefixtures("_token")
def test_while_the_database_is_down_what_was_counted_is_there(client: Client) -> None:
    def no_answer(*_: Any) -> Any:
        raise OperationalError

    with connection.execute_wrapper(no_answer):
        samples = scraped(client)

    assert sample(samples, "onramp_database_up") == 0
    assert sample(samples, "onramp_build_info", version=VERSION) == 1
    assert "onramp_people" not in {name for name, _ in samples}
