"""Estimates held against what AWS charged, and the ledger against what CloudWatch counted. For auditors and admins."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from itertools import groupby
from typing import Any

from django.core.paginator import Paginator
from django.http import HttpResponseBase, QueryDict
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from onboarding.costs import billed, control, coverage
from onboarding.costs.control import Difference
from onboarding.costs.filter import next_month, parse_month, previous_month
from onboarding.costs.reconcile import Line, reconcile
from onboarding.views.cost_table import changed
from onboarding.views.rules import PersonRequest, for_auditors

_DAYS = 7  # a page: each has a line for every model of every account


@for_auditors
@never_cache
@require_safe
def reconciliation(request: PersonRequest) -> HttpResponseBase:
    """One month, the newest days first; a constant number of queries."""
    now, query = timezone.now(), request.GET
    today = now.date()
    present = today.replace(day=1)
    asked = parse_month(query.get("month", ""))
    month = min(asked or present, present)
    until = min(next_month(month), today + dt.timedelta(days=1))
    found = reconcile(month, until, now=now)
    only_open = query.get("only") == "unexplained"
    lines = [line for line in found.lines if line.is_unexplained] if only_open else found.lines
    page = Paginator(_by_day(lines), _DAYS).get_page(query.get("page"))
    context: dict[str, Any] = {
        "month": month,
        "ignored": ["month"] if query.get("month") and month != asked else [],
        "today": today,
        "found": found,
        "billed": found.bill,
        "days": page.object_list,
        "newer": changed(query, page=page.previous_page_number()) if page.has_previous() else "",
        "older": changed(query, page=page.next_page_number()) if page.has_next() else "",
        "only_open": only_open,
        "every": changed(query, only=None, page=None),
        "open": changed(query, only="unexplained", page=None),
        "requests": billed.requests_this_month(),
        "fetches": billed.last_fetches(),
        "periods": _periods(month, present),
        "warnings": coverage.warnings(now, since=month, until=until),
        "as_of": coverage.as_of(),
        # Whole days only: of today, logs and counts are on their way.
        **_control(query, control.differences(month, min(until, today))),
    }
    return render(request, "reconciliation.html", context)


def _control(query: QueryDict, days: Sequence[Difference]) -> dict[str, Any]:
    """The days that want a look, or all of them: the newest first."""
    odd = [day for day in days if day.is_gap or day.is_surplus or not day.counted]
    shows_all = query.get("control") == "all"
    return {
        "control": (days if shows_all else odd)[::-1],
        "control_days": len(days),
        "control_odd": len(odd),
        "control_shows_all": shows_all,
        "control_links": (changed(query, control=None), changed(query, control="all")),
    }


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
