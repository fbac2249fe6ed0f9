"""Estimates held against what AWS charged, and the ledger against what CloudWatch counted. For admins."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from itertools import groupby
from typing import Any

from django.http import HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from onboarding.costs import billed, control, coverage
from onboarding.costs.filter import next_month, parse_month, previous_month
from onboarding.costs.reconcile import Line, reconcile
from onboarding.views.cost_table import changed
from onboarding.views.rules import PersonRequest, for_admins


@for_admins
@never_cache
@require_safe
def reconciliation(request: PersonRequest) -> HttpResponseBase:
    """One month, the newest day first; a constant number of queries."""
    now = timezone.now()
    today = now.date()
    present = today.replace(day=1)
    month = min(parse_month(request.GET.get("month", "")) or present, present)
    until = min(next_month(month), today + dt.timedelta(days=1))
    found = reconcile(month, until, now=now)
    only_open = request.GET.get("only") == "unexplained"
    lines = [line for line in found.lines if line.is_unexplained] if only_open else found.lines
    fetches = billed.last_fetches()
    context: dict[str, Any] = {
        "month": month,
        "today": today,
        "found": found,
        "days": _by_day(lines),
        "only_open": only_open,
        "every": changed(request.GET, only=None),
        "open": changed(request.GET, only="unexplained"),
        "control": control.differences(month, until)[::-1],
        "requests": billed.requests_this_month(),
        "fetches": fetches,
        "periods": _periods(month, present),
        "warnings": coverage.warnings(now),
        "as_of": coverage.as_of(),
    }
    return render(request, "reconciliation.html", context)


def _by_day(lines: Sequence[Line]) -> list[tuple[dt.date, list[Line]]]:
    """The newest day first; its lines in the order of accounts and models."""
    days = [(day, list(of_day)) for day, of_day in groupby(lines, key=lambda line: line.day)]
    return days[::-1]


def _periods(month: dt.date, present: dt.date) -> list[tuple[dt.date, str, bool]]:
    """The months beside the one that is shown, and this one: each with its link, and whether it is shown."""
    months = {previous_month(month), month, present}
    if month < present:
        months.add(next_month(month))
    return [(each, f"?month={each:%Y-%m}", each == month) for each in sorted(months)]
