"""How workers and beat get on with their broker, and how long a task may run."""

from __future__ import annotations

import pytest
import redis
from django.conf import settings
from kombu.exceptions import ContentDisallowed, OperationalError
from kombu.serialization import prepare_accept_content, registry

from onboarding import tasks
from onboarding.models import PersonStatus
from portal.celery import app
from tests.factories import make_person

VISIBILITY = settings.CELERY_VISIBILITY_TIMEOUT
# Each was measured: the default beside it loses work, does it several times, or waits without end.
MEASURED = {
    # False: what a killed worker had begun is never done.
    "task_acks_late": True,
    "task_reject_on_worker_lost": True,
    "task_ignore_result": True,
    # 4: three wait behind one that takes an hour, while others have nothing to do.
    "worker_prefetch_multiplier": 1,
    # 0: what runs as a worker is replaced comes again only after VISIBILITY.
    "worker_soft_shutdown_timeout": 20,
    "worker_cancel_long_running_tasks_on_connection_loss": True,
    # 100: after so many attempts, a worker ends.
    "broker_connection_max_retries": None,
    "broker_connection_retry_on_startup": True,
    # True: a page waits for a broker that is down.
    "task_publish_retry": False,
}
BROKER = {
    # An hour: as long a killed worker's messages are nobody's.
    "visibility_timeout": 300,
    # 10 and 10: up to 100 s more.
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
    # None: for ever.
    "socket_timeout": 10,
    "socket_connect_timeout": 2,
    "socket_keepalive": True,
    "health_check_interval": 10,
}
OURS = sorted(name for name in app.tasks if name.startswith("onboarding."))
# Claimed by one worker at a time, whatever is delivered how often.
GUARDED = {task.name for _, task, *_ in tasks._JOBS}


@pytest.mark.parametrize(("name", "value"), MEASURED.items())
def test_work_is_neither_lost_nor_waited_for_without_end(name: str, value: object) -> None:
    assert app.conf[name] == value


def test_the_broker_hands_out_again_what_was_lost_and_is_waited_for_with_an_end() -> None:
    assert app.conf.broker_transport_options == BROKER
    assert app.conf.visibility_timeout == BROKER["visibility_timeout"]


@pytest.mark.parametrize("name", OURS)
def test_a_task_is_guarded_by_a_row_or_ends_before_its_message_is_handed_out_again(name: str) -> None:
    limit = app.tasks[name].time_limit or settings.CELERY_TASK_TIME_LIMIT
    assert name in GUARDED or limit < VISIBILITY


def test_the_rows_guard_tasks_that_exist() -> None:
    assert set(OURS) >= GUARDED


@pytest.mark.django_db
def test_what_a_portion_leaves_the_next_message_does(broker: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("onboarding.statuses._BATCH", 2)
    people = [make_person(f"p{number}@acme.example") for number in range(5)]
    with monkeypatch.context() as hurry:
        hurry.setattr(tasks, "_PORTION_SECONDS", 0)
        tasks.refresh_everybody()
    assert (PersonStatus.objects.count(), broker.llen("sweeps")) == (2, 1)

    tasks.refresh_everybody(after=people[1].pk)

    assert (PersonStatus.objects.count(), broker.llen("sweeps")) == (5, 1)


@pytest.mark.parametrize("kind", sorted({*registry.name_to_type} - {"json"}))
def test_what_the_broker_holds_is_read_as_json_and_as_nothing_that_makes_objects(kind: str) -> None:
    content_type = registry.name_to_type[kind]

    with pytest.raises(ContentDisallowed):
        registry.loads(b"", content_type, "binary", accept=prepare_accept_content(app.conf.accept_content))


def test_a_broker_that_is_gone_is_tried_as_often_after_a_minute_as_at_first() -> None:
    """Nobody listens on port 9."""
    waits: list[float] = []
    with app.connection_for_read() as broker, pytest.raises(OperationalError):
        broker.ensure_connection(lambda _, wait: waits.append(wait), max_retries=3, interval_start=0)

    assert waits == [0, 0, 0]
