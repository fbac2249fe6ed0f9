"""The Celery application; its settings are Django's `CELERY_...`."""

from __future__ import annotations

import gc
import logging.config
import os
import time
from typing import TYPE_CHECKING, Any

from billiard.exceptions import TimeLimitExceeded
from celery import Celery
from celery.app.amqp import AMQP
from celery.signals import (
    setup_logging,
    task_failure,
    task_postrun,
    task_prerun,
    task_revoked,
    worker_init,
    worker_process_init,
    worker_ready,
)
from django_structlog.celery.steps import DjangoStructLogInitStep
from kombu.connection import Connection

if TYPE_CHECKING:
    from onboarding.instruments import Outcome

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")


class _Broker(Connection):
    """Tried again every two seconds. Left alone, each wait is longer than the last, up to half a minute, and so late
    would work go on after the broker is back."""

    def ensure_connection(self, *args: Any, **options: Any) -> Any:
        again = {"interval_step": 0} | options
        return super().ensure_connection(*args, **again)  # type: ignore[no-untyped-call]  # kombu types a part


class _Amqp(AMQP):  # type: ignore[misc]  # Celery ships no types
    Connection = _Broker


app = Celery("onramp", amqp=_Amqp)
app.config_from_object("django.conf:settings", namespace="CELERY")
app.steps["worker"].add(DjangoStructLogInitStep)
app.autodiscover_tasks(["onboarding"])


@setup_logging.connect
def use_django_logging(**_: Any) -> None:
    """Workers log as the web does: same format, same redaction."""
    from django.conf import settings  # settings must not load before Celery has found them

    logging.config.dictConfig(settings.LOGGING)


@worker_process_init.connect
def settle(**_: Any) -> None:
    """What was imported stays: the collector need not look through half a million objects for it, again and again."""
    gc.collect()
    gc.freeze()


@worker_ready.connect
def catch_up(sender: Any, **_: Any) -> None:
    """Beat counts from its own start: what fell due while nobody ran is not left until the schedule comes to it."""
    if "costs" in sender.app.amqp.queues.consume_from:
        # By this worker's clock; another one takes it by its own.
        sender.app.send_task("onboarding.catch_up", expires=900)


@worker_init.connect
def begin_to_count(**_: Any) -> None:
    """Before anything is scraped."""
    from onboarding.aws.permissions import PERMISSIONS  # as above
    from onboarding.instruments import begin_at_zero

    operations = [permission.action for permission in PERMISSIONS if permission.calls]
    begin_at_zero(tasks=[name for name in app.tasks if name.startswith("onboarding.")], operations=operations)


@worker_init.connect
def open_metrics_port(**_: Any) -> None:
    from django.conf import settings  # as above

    from portal.metrics_port import serve  # models, which are not loaded when Celery imports this module

    if settings.ENVIRONMENT.metrics_port:
        serve(settings.ENVIRONMENT.metrics_port)


@worker_process_init.connect
def start_traces(**_: Any) -> None:
    from portal.traces import start  # as above

    start("worker")


# --- How tasks end, counted; and of those that run by the clock, in their rows


@task_prerun.connect
def note_begin(task: Any, **_: Any) -> None:
    from onboarding.models import PeriodicTask  # as above

    task.request.onramp_begun = time.monotonic()
    if _is_periodic(task.name):
        PeriodicTask.objects.begun(task.name)


@task_postrun.connect
def note_end(task: Any, state: str, **_: Any) -> None:
    from django.utils import timezone

    from onboarding.models import PeriodicTask  # as above

    outcomes: dict[str, Outcome] = {"SUCCESS": "succeeded", "RETRY": "retried"}
    outcome = outcomes.get(state, "failed")
    _count(task.name, outcome, seconds=time.monotonic() - task.request.onramp_begun)
    if outcome == "succeeded" and _is_periodic(task.name):
        PeriodicTask.objects.succeeded(task.name, timezone.now())


@task_failure.connect
def note_timeout(sender: Any, exception: BaseException, **_: Any) -> None:
    """Told by the parent, once it has killed the process. A task whose process somebody else killed has not ended: it
    goes back to the queue."""
    if isinstance(exception, TimeLimitExceeded):
        _count(sender.name, "timed-out")


@task_revoked.connect
def note_expiry(request: Any, expired: bool, **_: Any) -> None:
    if expired:
        _count(request.task, "expired")


def _is_periodic(task: str) -> bool:
    return any(entry["task"] == task for entry in app.conf.beat_schedule.values())


def _count(task: str, outcome: Outcome, seconds: float = 0.0) -> None:
    from onboarding.instruments import TASKS  # needs the settings

    TASKS.labels(task=task, outcome=outcome).observe(seconds)
