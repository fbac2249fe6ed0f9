"""The Celery application; its settings are Django's `CELERY_...`."""

from __future__ import annotations

import logging.config
import os
from typing import Any

from celery import Celery
from celery.app.amqp import AMQP
from celery.signals import setup_logging, worker_ready
from django_structlog.celery.steps import DjangoStructLogInitStep
from kombu.connection import Connection

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


@worker_ready.connect
def catch_up(sender: Any, **_: Any) -> None:
    """Beat counts from its own start: what fell due while nobody ran is not left until the schedule comes to it."""
    if "costs" in sender.app.amqp.queues.consume_from:
        sender.app.send_task("onboarding.catch_up", expires=300)
