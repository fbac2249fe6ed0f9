"""The Celery application; its settings are Django's `CELERY_...`."""

from __future__ import annotations

import gc
import logging.config
import os
from typing import Any

from celery import Celery
from celery.signals import setup_logging, worker_process_init, worker_ready
from django_structlog.celery.steps import DjangoStructLogInitStep

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")

app = Celery("onramp")
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
        sender.app.send_task("onboarding.catch_up", expires=300)
