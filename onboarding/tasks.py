"""Celery's tasks, and the only module that imports it. Ids in, one domain call, nothing returned."""

from __future__ import annotations

import datetime as dt
from functools import partial

import structlog
from celery import current_app, shared_task
from django.db import transaction
from django.utils import timezone
from kombu.connection import Connection
from kombu.exceptions import LimitExceeded, OperationalError
from kombu.pools import producers

from onboarding.checks import run
from onboarding.models import Verification

log = structlog.get_logger(__name__)

_PUBLISH_TIMEOUT = 1.0  # seconds
# A message is picked up within a second while workers run; later than this it was lost or nobody works.
_OVERDUE = dt.timedelta(seconds=15)
# A message that was published may wait behind many others; publishing it at every sweep would only add to them.
_LOST = dt.timedelta(seconds=45)


@shared_task(name="onboarding.run_verification")
def run_verification(*, verification_id: int) -> None:
    run.run(verification_id)


@shared_task(name="onboarding.republish_overdue")
def republish_overdue() -> None:
    """Publish again what should long run: its message was lost, or its worker died. Twice is harmless."""
    overdue = Verification.objects.overdue(timezone.now(), queued_for=_OVERDUE, published_for=_LOST)
    for verification in overdue.only("pk")[:500]:
        run_verification.delay(verification_id=verification.pk)
        _mark_published(verification.pk)


def enqueue_verification(verification: Verification) -> None:
    """Ask a worker to run it, once the row is committed."""
    transaction.on_commit(partial(_publish, verification.pk))


def _publish(verification_id: int) -> None:
    """A broker that is down or hangs does not fail the request, nor hold it for long: the row is queued, and the
    sweeper publishes it later."""
    try:
        with producers[_impatient_connection()].acquire(block=True, timeout=_PUBLISH_TIMEOUT) as producer:
            run_verification.apply_async(kwargs={"verification_id": verification_id}, producer=producer)
        _mark_published(verification_id)
    except (OperationalError, LimitExceeded) as error:
        log.warning("verification.not_published", verification_id=verification_id, reason=type(error).__name__)


def _mark_published(verification_id: int) -> None:
    Verification.objects.filter(pk=verification_id).update(published_at=timezone.now())


def _impatient_connection() -> Connection:
    """The broker as a request may use it: workers wait ten seconds for an answer, a page does not."""
    impatience = {"socket_timeout": _PUBLISH_TIMEOUT, "socket_connect_timeout": _PUBLISH_TIMEOUT, "max_retries": 0}
    options = {**current_app.conf.broker_transport_options, **impatience}
    return Connection(current_app.conf.broker_url, transport_options=options)
