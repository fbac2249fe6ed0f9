"""What the database says about the portal, as figures for `/metrics`: a fixed number of queries, however many rows.

`docs/observability.md` has the table.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from django.db import DatabaseError
from django.db.models import Count, Min, Q
from django.utils import timezone
from prometheus_client.metrics_core import GaugeMetricFamily, Metric

from onboarding.enums import RunState, Standing
from onboarding.models import (
    BeatLease,
    BillingFetch,
    BudgetAlert,
    Ingestion,
    LogSource,
    Notification,
    PeriodicTask,
    PersonStatus,
    Sweep,
    Verification,
)
from onboarding.models.deliveries import Delivery

JOBS: dict[str, Any] = {
    "verification": Verification,
    "sweep": Sweep,
    "ingestion": Ingestion,
    "billing-fetch": BillingFetch,
    "budget-alert": BudgetAlert,
    "notification": Notification,
}


def read() -> Iterator[Metric]:
    """Every figure, as of now. While the database does not answer there is one: that it does not."""
    now = timezone.now()
    try:
        metrics = [metric for figures in _FIGURES for metric in figures(now)]
    except DatabaseError:
        yield GaugeMetricFamily("onramp_database_up", "Whether the database answered.", 0)
        return
    yield GaugeMetricFamily("onramp_database_up", "Whether the database answered.", 1)
    yield from metrics


def _people(now: dt.datetime) -> Iterator[Metric]:
    """`standing` is what the people page shows of each."""
    parts = ("is_active", "readiness", "has_signed_in", "installed")
    counts: Counter[Standing] = Counter()
    for row in PersonStatus.objects.values(*parts).annotate(people=Count("pk")).order_by():
        counts[PersonStatus(**{part: row[part] for part in parts}).standing] += row["people"]
    metric = GaugeMetricFamily("onramp_people", "People by how they stand.", labels=["standing"])
    for standing in Standing:
        metric.add_metric([standing.value], counts[standing])
    yield metric


def _watermarks(now: dt.datetime) -> Iterator[Metric]:
    """Sources that log nowhere, or that were never read, have none."""
    metric = GaugeMetricFamily(
        "onramp_watermark_age_seconds",
        "How far behind now the reading of a Region's invocation logs is.",
        labels=["account", "region"],
    )
    logging = LogSource.objects.exclude(destination="")
    for account, region, until in logging.values_list("account__account_id", "region", "read_until"):
        if until is not None:
            metric.add_metric([account, region], _seconds(now - until))
    yield metric


def _jobs(now: dt.datetime) -> Iterator[Metric]:
    live = GaugeMetricFamily("onramp_jobs", "Jobs that are not done, by kind and state.", labels=["job", "state"])
    oldest = GaugeMetricFamily(
        "onramp_job_oldest_queued_seconds", "Since when the oldest job of a kind waits; 0: none.", labels=["job"]
    )
    failing = GaugeMetricFamily(
        "onramp_delivery_oldest_failing_seconds",
        "Since when the oldest delivery of a kind that is tried again has failed; 0: none.",
        labels=["job"],
    )
    for job, rows in JOBS.items():
        queued = Q(state=RunState.QUEUED)
        figures = {"queued": Count("pk", filter=queued), "live": Count("pk"), "since": Min("queued_at", filter=queued)}
        if issubclass(rows, Delivery):
            # One that failed stays with its worker's lease until the next try, so it never counts as queued again.
            figures["problem"] = Min("problem_since")
        found = rows.objects.live().aggregate(**figures)
        live.add_metric([job, RunState.QUEUED.value], found["queued"])
        live.add_metric([job, RunState.RUNNING.value], found["live"] - found["queued"])
        oldest.add_metric([job], _seconds(now - found["since"]) if found["since"] else 0)
        if "problem" in found:
            failing.add_metric([job], _seconds(now - found["problem"]) if found["problem"] else 0)
    yield from (live, oldest, failing)


def _periodic_tasks(now: dt.datetime) -> Iterator[Metric]:
    """One that never succeeded counts from when it was first in the schedule."""
    metric = GaugeMetricFamily(
        "onramp_periodic_task_age_seconds", "Since when a task of the schedule has not succeeded.", labels=["name"]
    )
    for row in PeriodicTask.objects.all():
        metric.add_metric([row.name], _seconds(now - (row.succeeded_at or row.known_since)))
    yield metric


def _beat(now: dt.datetime) -> Iterator[Metric]:
    is_held = BeatLease.objects.filter(until__gt=now).exists()
    yield GaugeMetricFamily("onramp_beat_active", "Whether a beat sends what is due.", is_held)


_FIGURES: tuple[Callable[[dt.datetime], Iterator[Metric]], ...] = (
    _people,
    _watermarks,
    _jobs,
    _periodic_tasks,
    _beat,
)


def _seconds(age: dt.timedelta) -> float:
    """Clocks of two machines may differ a little."""
    return max(0.0, age.total_seconds())
