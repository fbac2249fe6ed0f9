"""What somebody used, what it should cost and how that was reckoned, and their budget: each only their own."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import Count, Q, Sum
from django.http import HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.utils.functional import Promise
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from onboarding.catalog import model_label
from onboarding.costs import billed, budgets, coverage, report
from onboarding.costs.coverage import CoverageWarning
from onboarding.costs.figures import Figures, figures_of
from onboarding.costs.filter import Filter, next_month, parse_month, this_month
from onboarding.costs.forecast import HOW
from onboarding.costs.money import usd
from onboarding.costs.report import Dimension
from onboarding.enums import BilledSource, EndpointKind, TokenClass
from onboarding.models import AdminRequest, Meter, Person, PlanRevision
from onboarding.models.requests import HIGHER_BUDGET
from onboarding.views.cost_charts import daily, days_of
from onboarding.views.cost_tiles import BilledFigure
from onboarding.views.rules import PersonRequest, for_people, viewable

_MONTHS = 12  # before this one, that are listed


@dataclass(frozen=True, slots=True)
class Line:
    """Tokens of one class, times USD per million, is an amount; both None without a price."""

    label: str | Promise
    tokens: int
    price: Decimal | None
    cost: Decimal | None


@dataclass(frozen=True, slots=True)
class Sheet:
    """The arithmetic of one model, at one kind of endpoint."""

    model_id: str
    kind: str | Promise
    is_long_prompt: bool
    lines: Sequence[Line]

    @property
    def tokens(self) -> int:
        return sum(line.tokens for line in self.lines)

    @property
    def cost(self) -> Decimal | None:
        known = [line.cost for line in self.lines if line.cost is not None]
        return sum(known, Decimal()) if known else None


@dataclass(frozen=True, slots=True)
class Month:
    first: dt.date
    figures: Figures


@viewable
@for_people
@never_cache
@require_safe
def usage(request: PersonRequest) -> HttpResponseBase:
    """A constant number of queries, each about one person."""
    now = timezone.now()
    today, person = now.date(), request.person
    present = this_month(today).since
    asked = request.GET.get("month", "")
    month = min(parse_month(asked) or present, present)
    chosen = Filter(month, next_month(month), person_id=person.pk)
    parts, figure = report.slices(chosen), billed_for(person, chosen)
    days = days_of(chosen.since, chosen.until, today)
    total, warnings = report.total_of(parts), warnings_for(person, now, chosen)
    context: dict[str, Any] = {
        "month": month,
        "ignored": ["month"] if asked not in ("", f"{month:%Y-%m}") else [],
        "is_present": month == present,
        "today": today,
        "total": total,
        # Nothing is in the logs, and not all of them were read: nobody can say that nothing was used.
        "is_untold": not total.tokens and bool(warnings),
        "billed": figure,
        "budget": budgets.person_budget(person, month),
        "how": HOW,
        "daily": daily(days, parts, Dimension.MODEL, model_label, billed_until=figure.as_of),
        "sheets": _sheets(report.by_class(chosen)),
        "months": _months(person, month, present),
        "asked": _asked(person),
        "warnings": warnings,
        "as_of": coverage.as_of(),
    }
    return render(request, "usage.html", context)


def warnings_for(person: Person, now: dt.datetime, chosen: Filter) -> list[CoverageWarning]:
    """Of the places where the person's plan calls from, and where they were seen to; other accounts are not theirs."""
    found = coverage.warnings(now, since=chosen.since, until=chosen.until)
    if not found:
        return []
    seen = Meter.objects.filter(caller__person=person).values_list("account_id", "region")
    planned = PlanRevision.objects.filter(is_current=True, plan__teams=person.team_id or 0)
    places = set(seen) | set(planned.values_list("account_id", "region"))
    return [warning for warning in found if (warning.account.pk, warning.region) in places]


def billed_for(person: Person, chosen: Filter) -> BilledFigure:
    """What AWS charged for one person, where it names them: the days that are billed in full, of everybody."""
    told = billed.totals(chosen.since, chosen.until)
    own = billed.counted(chosen.since, chosen.until).filter(caller__person=person)
    sums = own.aggregate(billionths=Sum("amount"), estimated=Count("pk", filter=Q(is_estimated=True)))
    amount = None if sums["billionths"] is None else usd(int(sums["billionths"]))
    names = [BilledSource(source).label for source in told.sources]
    return BilledFigure(amount, told.as_of, names, is_estimated=bool(sums["estimated"]))


def _sheets(rows: Iterable[Mapping[str, Any]]) -> list[Sheet]:
    """The dearest model first; its classes in their own order."""
    found: dict[tuple[str, str, bool], list[Mapping[str, Any]]] = {}
    for row in rows:
        key = (row["meter__model_id"], row["meter__endpoint_kind"], row["meter__is_long_prompt"])
        found.setdefault(key, []).append(row)
    sheets = [
        Sheet(model, EndpointKind(kind).label if kind else "", is_long, [_line(row) for row in _in_order(lines)])
        for (model, kind, is_long), lines in found.items()
    ]
    return sorted(sheets, key=lambda sheet: (sheet.cost is None, -(sheet.cost or 0), sheet.model_id))


def _in_order(rows: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    order = TokenClass.values
    return sorted(rows, key=lambda row: (order.index(row["token_class"]), row["rate"] or 0))


def _line(row: Mapping[str, Any]) -> Line:
    return Line(
        TokenClass(row["token_class"]).label,
        int(row["count"]),
        None if row["rate"] is None else Decimal(row["rate"]).scaleb(-6),
        None if row["billionths"] is None else usd(int(row["billionths"])),
    )


def _months(person: Person, shown: dt.date, present: dt.date) -> list[Month]:
    """Months in which something was used, the newest first, without the one that is shown."""
    since = (present - dt.timedelta(days=31 * _MONTHS)).replace(day=1)
    rows = report.by_month(Filter(since, next_month(present), person_id=person.pk))
    return [Month(row["month"], figures_of(row)) for row in rows if row["month"] != shown]


def _asked(person: Person) -> AdminRequest | None:
    """The newest request for a higher budget, open or answered."""
    mine = AdminRequest.objects.filter(person=person, check_name="", reason=HIGHER_BUDGET)
    return mine.order_by("-created_at").first()
