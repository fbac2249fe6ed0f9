"""Celery's tasks, and the only module that imports it. Ids in, one domain call, nothing returned."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import structlog
from celery import current_app, shared_task
from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone
from kombu.connection import Connection
from kombu.exceptions import LimitExceeded, OperationalError
from kombu.pools import producers

from onboarding import expired, limits, statuses
from onboarding.checks import history, run, sweep
from onboarding.costs import alerts, billing_fetches, control, ingest, ledger, stalls
from onboarding.enums import Trigger
from onboarding.models import BillingFetch, BudgetAlert, Ingestion, Notification, Plan, Sweep, Team, Verification
from onboarding.models.jobs import Job
from onboarding.notifications import sending

log = structlog.get_logger(__name__)

_PUBLISH_TIMEOUT = 1.0  # seconds
_PROBE_TIMEOUT = 0.5  # seconds
# What publishing raises while the broker is down or hangs.
BROKER_IS_DOWN = (OperationalError, LimitExceeded)
# A message is picked up within a second while workers run; later than this it was lost or nobody works.
_OVERDUE = dt.timedelta(seconds=15)
# A message that was published may wait behind many others; publishing it at every sweep would only add to them.
_LOST = dt.timedelta(seconds=45)
# A sweep over everybody takes minutes. One that is ended goes on where it stopped, as a new task.
_SWEEP_SECONDS = 3600
# What no row guards has to end before the broker takes it for lost and hands it out once more. It is done in portions,
# of which none is longer than this and one batch; what is left, the next message does.
_PORTION_SECONDS = 120
_UNGUARDED_SECONDS = 240
# A mail server has ten seconds for each answer. Shorter than the lease of what is sent.
_SENDING_SECONDS = 60
# What is left, the sweeper publishes.
_ALERTS_AT_ONCE = 100
# The first reading of a source goes back for months. One that is ended goes on where it stopped.
_INGESTION_SECONDS = 3600
# An organization's cost report may be large. One that is ended is read again from its beginning.
_BILLING_SECONDS = 3600


@shared_task(name="onboarding.run_verification")
def run_verification(*, verification_id: int) -> None:
    run.run(verification_id)


@shared_task(name="onboarding.run_sweep", time_limit=_SWEEP_SECONDS)
def run_sweep(*, sweep_id: int) -> None:
    sweep.run(sweep_id)


@shared_task(name="onboarding.sweep_everybody")
def sweep_everybody() -> None:
    """Every night."""
    enqueue_sweep(sweep.open_sweep(trigger=Trigger.NIGHTLY, actor="schedule"))


@shared_task(name="onboarding.forget_history", time_limit=_UNGUARDED_SECONDS)
def forget_history() -> None:
    before = timezone.now() - dt.timedelta(days=settings.ONRAMP_HISTORY_DAYS)
    if _portion(history.forget_before(before)) is not None:
        _send(forget_history)


@shared_task(name="onboarding.forget_expired", time_limit=_UNGUARDED_SECONDS)
def forget_expired() -> None:
    if _portion(expired.forget(timezone.now())) is not None:
        _send(forget_expired)


@shared_task(name="onboarding.refresh_everybody", time_limit=_UNGUARDED_SECONDS)
def refresh_everybody(*, after: int = 0) -> None:
    """Every night: who was inactive for thirty days is a matter of the day."""
    reached = _portion(statuses.refresh_everybody(after=after))
    if reached is not None:
        _send(refresh_everybody, after=reached)


def _portion(batches: Iterator[int]) -> int | None:
    """Do batch after batch, as long as a portion may take: None once all is done, else what the last one gave."""
    ends = time.monotonic() + _PORTION_SECONDS
    for batch in batches:
        if time.monotonic() >= ends:
            return batch
    return None


@shared_task(name="onboarding.refresh_stale")
def refresh_stale() -> None:
    """Every few minutes: answers became too old to count, or somebody's team or plan was changed past the portal."""
    statuses.refresh_stale()


@shared_task(name="onboarding.refresh_plan")
def refresh_plan(*, plan_id: int) -> None:
    statuses.refresh_plan(plan_id)


@shared_task(name="onboarding.refresh_team")
def refresh_team(*, team_id: int) -> None:
    statuses.refresh_team(team_id)


@shared_task(name="onboarding.raise_alerts")
def raise_alerts() -> None:
    """Four times an hour: usage is read more often, but what was used by everybody takes a while to add up."""
    for alert in alerts.raise_due(timezone.now())[:_ALERTS_AT_ONCE]:
        enqueue_alert(alert)


@shared_task(name="onboarding.send_alert", time_limit=_SENDING_SECONDS)
def send_alert(*, alert_id: int) -> None:
    alerts.send(alert_id)


@shared_task(name="onboarding.send_notification", time_limit=_SENDING_SECONDS)
def send_notification(*, notification_id: int) -> None:
    sending.send(notification_id)


@shared_task(name="onboarding.tell_of_stalls")
def tell_of_stalls() -> None:
    """Four times an hour. Not on the queue of costs: where nobody works on that, nothing is read."""
    stalls.tell_of_stalls(timezone.now())


@shared_task(name="onboarding.open_due_rechecks")
def open_due_rechecks() -> None:
    """Ask again what was provisional and can be told for certain by now."""
    for verification in run.open_due_rechecks():
        enqueue_verification(verification)


@shared_task(name="onboarding.run_ingestion", time_limit=_INGESTION_SECONDS)
def run_ingestion(*, ingestion_id: int) -> None:
    ingest.run(ingestion_id)


@shared_task(name="onboarding.open_ingestions")
def open_ingestions() -> None:
    """Every few minutes: read what was delivered since."""
    for row in ingest.open_ingestions():
        enqueue_ingestion(row)


@shared_task(name="onboarding.open_late_ingestions")
def open_late_ingestions() -> None:
    """Every night: look for what came late."""
    for row in ingest.open_ingestions(back=ingest.LATE):
        enqueue_ingestion(row)


@shared_task(name="onboarding.look_elsewhere", time_limit=_UNGUARDED_SECONDS)
def look_elsewhere(*, after: int = 0) -> None:
    """Every night: look for use in Regions that no plan calls from."""
    ingest.find_sources()
    reached = _portion(control.look_elsewhere(timezone.now(), after=after))
    if reached is not None:
        _send(look_elsewhere, after=reached)


@shared_task(name="onboarding.forget_requests", time_limit=_UNGUARDED_SECONDS)
def forget_requests() -> None:
    if _portion(ledger.forget(timezone.now())) is not None:
        _send(forget_requests)


@shared_task(name="onboarding.forget_full_buckets")
def forget_full_buckets() -> None:
    """Every hour: a row for each address that failed once would be many."""
    limits.forget_full()


@shared_task(name="onboarding.fetch_billed", time_limit=_BILLING_SECONDS)
def fetch_billed(*, fetch_id: int) -> None:
    billing_fetches.run(fetch_id)


@shared_task(name="onboarding.open_billing_fetches")
def open_billing_fetches() -> None:
    """Once a day: AWS charges for asking, and has new figures about as often."""
    for row in billing_fetches.open_fetches():
        enqueue_billing_fetch(row)


@shared_task(name="onboarding.catch_up")
def catch_up() -> None:
    """When a worker starts: read usage, and the bill where nobody asked for it within the last day; and find who has
    no status yet."""
    refresh_stale()
    open_ingestions()
    for row in billing_fetches.open_fetches(only_due=True):
        enqueue_billing_fetch(row)


@shared_task(name="onboarding.republish_overdue")
def republish_overdue() -> None:
    """Publish again what should long run: its message was lost, or its worker died. Twice is harmless."""
    for row_type, task, argument, queued_for, most in _JOBS:
        overdue = row_type._default_manager.overdue(queued_for=queued_for, published_for=_LOST)
        for row in overdue.only("pk")[:most]:
            task.delay(**{argument: row.pk})
            _mark_published(row)


# Rows that are jobs, the task that does one and its argument, how long it may wait unpublished, how many at once.
_JOBS: tuple[tuple[Any, Any, str, dt.timedelta, int], ...] = (
    (Verification, run_verification, "verification_id", _OVERDUE, 500),
    (Sweep, run_sweep, "sweep_id", dt.timedelta(0), 50),
    (Ingestion, run_ingestion, "ingestion_id", _OVERDUE, 50),
    (BillingFetch, fetch_billed, "fetch_id", _OVERDUE, 50),
    (BudgetAlert, send_alert, "alert_id", _OVERDUE, 500),
    # What happened writes the row; here it is published for the first time.
    (Notification, send_notification, "notification_id", dt.timedelta(0), 500),
)


def enqueue_verification(verification: Verification) -> None:
    """Ask a worker to run it, once the row is committed."""
    enqueue_verifications([verification])


def enqueue_verifications(rows: Sequence[Verification]) -> None:
    """Ask workers to run them all, once the rows are committed."""
    _after_commit(*(partial(_publish, run_verification, row, verification_id=row.pk) for row in rows))


def enqueue_refresh(plan: Plan, *sweeps: Sweep) -> None:
    """Ask workers to bring the statuses of a plan's people up to date, and to run the sweeps over them; a lost message
    only makes that later."""
    _after_commit(partial(_send, refresh_plan, plan_id=plan.pk), *map(_sweeping, sweeps))


def enqueue_refresh_of_team(team: Team, *sweeps: Sweep) -> None:
    """The same of a team's people."""
    _after_commit(partial(_send, refresh_team, team_id=team.pk), *map(_sweeping, sweeps))


def enqueue_sweep(row: Sweep) -> None:
    """Ask a worker to run it, once the row is committed."""
    _after_commit(_sweeping(row))


def _sweeping(row: Sweep) -> Callable[[], bool]:
    return partial(_publish, run_sweep, row, sweep_id=row.pk)


def enqueue_ingestion(row: Ingestion) -> None:
    """Ask a worker to run it, once the row is committed."""
    _after_commit(partial(_publish, run_ingestion, row, ingestion_id=row.pk))


def enqueue_alert(row: BudgetAlert) -> None:
    """Ask a worker to send it, once the row is committed."""
    _after_commit(partial(_publish, send_alert, row, alert_id=row.pk))


def enqueue_notification(row: Notification) -> None:
    """Ask a worker to send it, once the row is committed."""
    _after_commit(partial(_publish, send_notification, row, notification_id=row.pk))


def enqueue_billing_fetch(row: BillingFetch) -> None:
    """Ask a worker to run it, once the row is committed."""
    _after_commit(partial(_publish, fetch_billed, row, fetch_id=row.pk))


def _after_commit(*messages: Callable[[], bool]) -> None:
    """Publish one after the other. A broker that is down or hangs is tried once: what was not published, the sweeper
    publishes."""
    transaction.on_commit(lambda: all(publish() for publish in messages))


def _publish(task: Any, row: Job, **ids: int) -> bool:
    """A broker that is down or hangs does not fail the request, nor hold it for long: the row is queued, and the
    sweeper publishes it later."""
    is_sent = _send(task, **ids)
    if is_sent:
        _mark_published(row)
    return is_sent


def _send(task: Any, **ids: int) -> bool:
    try:
        with impatient_producer() as producer:
            task.apply_async(kwargs=ids, producer=producer)
    except BROKER_IS_DOWN as error:
        log.warning("row.not_published", task=task.name, **ids, reason=type(error).__name__)
        return False
    return True


def _mark_published(row: Job) -> None:
    type(row)._default_manager.filter(pk=row.pk).update(published_at=Now())


def impatient_producer() -> Any:
    """What publishes for those who cannot wait long, as a context manager. Raises one of BROKER_IS_DOWN."""
    return producers[_impatient_connection(_PUBLISH_TIMEOUT)].acquire(block=True, timeout=_PUBLISH_TIMEOUT)


def broker_answers() -> bool:
    """Whether the broker answers, within half a second; on a connection of its own."""
    connection = _impatient_connection(_PROBE_TIMEOUT)
    try:
        connection.ensure_connection(
            max_retries=1, interval_start=0, timeout=_PROBE_TIMEOUT
        ).default_channel.client.ping()
    except (*BROKER_IS_DOWN, *connection.connection_errors):
        return False
    finally:
        connection.release()
    return True


def _impatient_connection(timeout: float) -> Connection:
    """The broker as a request may use it: workers wait ten seconds for an answer, a page does not."""
    impatience = {"socket_timeout": timeout, "socket_connect_timeout": timeout, "max_retries": 0}
    options = {**current_app.conf.broker_transport_options, **impatience}
    return Connection(current_app.conf.broker_url, transport_options=options)
