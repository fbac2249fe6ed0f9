"""Costs: what was used and what AWS billed, by day and by whom, with the teams' budgets. For auditors and admins."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from django.http import HttpResponseBase, QueryDict
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from onboarding.catalog import model_label
from onboarding.costs import billed, budgets, coverage, report
from onboarding.costs.budgets import Budget
from onboarding.costs.filter import Filter, next_month, previous_month, read_filter
from onboarding.costs.forecast import HOW, LOOK_BACK, Forecast, forecast
from onboarding.costs.report import Dimension, Slice
from onboarding.enums import TokenClass
from onboarding.models import Account, Ingestion, Meter, Team
from onboarding.views import charts, cost_table
from onboarding.views.cost_charts import Daily, Name, daily, days_of
from onboarding.views.cost_table import TABS, changed, table, team_name
from onboarding.views.cost_tiles import Limit, Tiles, limit_of, tiles
from onboarding.views.rules import PersonRequest, for_auditors

_STACKS = (Dimension.TEAM, Dimension.MODEL)
_LONG = 90  # days of the longest period that the page offers


@for_auditors
@never_cache
@require_safe
def costs(request: PersonRequest) -> HttpResponseBase:
    """A constant number of queries, of which three add up usage: days, what the table shows, and the budgets."""
    now = timezone.now()
    today, query = now.date(), request.GET
    chosen, ignored = read_filter(query, today)
    is_present = chosen.is_month and chosen.since <= today < chosen.until
    parts, spent, ahead = _read(chosen, today, is_present=is_present)
    teams = report.team_names()
    team_budgets = budgets.team_budgets(chosen.since) if chosen.is_month else []
    figures = tiles(chosen, parts, limit_of(chosen, parts, team_budgets, ahead) if is_present else None)
    context: dict[str, Any] = {
        "filter": chosen,
        "ignored": [*ignored, *cost_table.ignored(query), *_ignored_stack(query)],
        "today": today,
        "last_day": min(chosen.until - dt.timedelta(days=1), today),
        "days": (chosen.until - chosen.since).days,
        "is_present": is_present,
        "periods": _periods(query, chosen, today),
        "warnings": coverage.warnings(now, since=chosen.since, until=chosen.until),
        "as_of": coverage.as_of(),
        "fetches": billed.problems(),
        "tiles": figures,
        "daily": _daily(query, chosen, parts, teams, figures, today),
        "stacks": [(each, changed(query, stack=each)) for each in _STACKS],
        "stack": _stack(query),
        "course": _course(chosen, spent, figures.limit, today),
        "how": HOW,
        "budgets": _shown(team_budgets, chosen),
        "table": table(query, chosen, parts, teams, billed=figures.billed.amount if figures.billed else None),
        "tabs": [(each, name, changed(query, by=each, sort=None, page=None)) for each, name in TABS.items()],
        # What the page ignores and says so, the file would refuse.
        "export": changed(query, **dict.fromkeys([*ignored, "by", "sort", "page", "stack"])),
        "kept": [(name, query[name]) for name in ("month", "days", "by", "stack") if query.get(name)],
        "everything": changed(query, page=None, **dict.fromkeys(chosen.chosen)),
        **_choices(teams),
    }
    if not parts and not chosen.is_narrowed:
        context["is_reading"] = Ingestion.objects.live().exists()
    return render(request, "costs.html", context)


def _read(
    chosen: Filter, today: dt.date, *, is_present: bool
) -> tuple[list[Slice], Mapping[dt.date, Decimal], Forecast | None]:
    """The filter's slices; US dollars by day; and for this month what it ends at.

    Days before it are read along, to see the pace.
    """
    if not is_present:
        parts = report.slices(chosen)
        return parts, report.cost_by_day(parts), None
    parts = report.slices(chosen.from_day(min(chosen.since, today - LOOK_BACK)))
    by_day = report.cost_by_day(parts)
    of_month = {day: cost for day, cost in by_day.items() if day >= chosen.since}
    return [part for part in parts if part.day >= chosen.since], of_month, _ahead(parts, by_day, of_month, today)


def _ahead(
    parts: Sequence[Slice],
    by_day: Mapping[dt.date, Decimal],
    of_month: Mapping[dt.date, Decimal],
    today: dt.date,
) -> Forecast | None:
    """By the rule of the budgets, which stand on the same page: use begins with what has no price, too."""
    return forecast(
        spent=sum(of_month.values(), Decimal()),
        days=by_day,
        today=today,
        began=min((part.day for part in parts), default=None),
        unpriced=(part.day for part in parts if part.figures.unpriced),
    )


def _stack(query: QueryDict) -> Dimension:
    return Dimension.MODEL if query.get("stack") == Dimension.MODEL else Dimension.TEAM


def _ignored_stack(query: QueryDict) -> list[str]:
    return [] if query.get("stack", "") in ("", *_STACKS) else ["stack"]


def _daily(
    query: QueryDict,
    chosen: Filter,
    parts: Sequence[Slice],
    teams: Mapping[str, str],
    figures: Tiles,
    today: dt.date,
) -> Daily:
    dimension = _stack(query)
    name: Name = model_label if dimension is Dimension.MODEL else lambda key: team_name(key, teams)
    days = days_of(chosen.since, chosen.until, today)
    # Which days are billed is known, too, where a filter asks for what AWS does not tell apart.
    until = figures.billed.as_of if figures.billed else billed.totals(chosen.since, chosen.until).as_of
    return daily(days, parts, dimension, name, billed_until=until)


def _course(
    chosen: Filter, spent: Mapping[dt.date, Decimal], limit: Limit | None, today: dt.date
) -> charts.Course | None:
    """Of this month only: nobody knows what the budgets of another were."""
    if limit is None:
        return None
    days = days_of(chosen.since, chosen.until, chosen.until)
    ends = limit.forecast.total if limit.forecast else None
    return charts.course(days, spent, today, forecast=ends, limit=limit.limit)


def _shown(found: Sequence[Budget[Team]], chosen: Filter) -> list[Budget[Team]]:
    """Of the filter's team alone where it has one; those that will not last, first."""
    wanted = [each for each in found if chosen.team in ("", str(each.subject.pk))]
    return sorted(wanted, key=lambda each: (-each.over_by, each.limit is None, -each.spent))


def _periods(query: QueryDict, chosen: Filter, today: dt.date) -> list[tuple[dt.date | int, str, bool]]:
    """The months beside the chosen one, this one, and the last 90 days: a month or a number of days, its link, and
    whether it is shown."""
    present = today.replace(day=1)
    middle = chosen.since if chosen.is_month else present
    months = {previous_month(middle), middle, present}
    if middle < present:
        months.add(next_month(middle))
    shown = chosen.since if chosen.is_month else None
    found: list[tuple[dt.date | int, str, bool]] = [
        (month, changed(query, month=f"{month:%Y-%m}", days=None, page=None), month == shown)
        for month in sorted(months)
    ]
    is_long = not chosen.is_month and (chosen.until - chosen.since).days == _LONG
    return [*found, (_LONG, changed(query, days=_LONG, month=None, page=None), is_long)]


def _choices(teams: Mapping[str, str]) -> dict[str, Any]:
    """What the form offers: three queries, none of which reads usage."""
    pairs = list(Meter.objects.order_by().values_list("model_id", "region").distinct())
    return {
        "classes": TokenClass.choices,
        "teams": list(teams.items()),
        "models": sorted({model for model, _region in pairs}),
        "regions": sorted({region for _model, region in pairs}),
        "accounts": list(Account.objects.order_by("name")),
    }
