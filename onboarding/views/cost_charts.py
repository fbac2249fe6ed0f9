"""What the charts of cost pages show, and the same figures as tables."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from onboarding.costs import report
from onboarding.costs.figures import Figures, total
from onboarding.costs.report import Dimension, Slice
from onboarding.views import charts

Name = Callable[[str], str | Promise]


@dataclass(frozen=True, slots=True)
class Legend:
    css: str
    name: str | Promise


@dataclass(frozen=True, slots=True)
class DayRow:
    """A day in the table beside the chart: the figures of each series, and of the day."""

    day: dt.date
    parts: Sequence[Figures]
    total: Figures
    is_billed: bool


@dataclass(frozen=True, slots=True)
class Daily:
    """`drawn` is the geometry; `highest` the day on which most was used. `unbilled` counts days."""

    drawn: charts.Stacked
    legend: Sequence[Legend]
    rows: Sequence[DayRow]
    highest: DayRow | None
    unbilled: int

    @property
    def is_long(self) -> bool:
        """Whether the days are of more than one month, so that numbers alone do not name them."""
        return len(self.rows) > 31


@dataclass(frozen=True, slots=True)
class Spark:
    """One person's days, small: `highest` is the day on which most was used, `last` the last on which anything was."""

    bars: Sequence[charts.Bar]
    rows: Sequence[tuple[dt.date, Figures]]
    highest: tuple[dt.date, Figures] | None
    last: dt.date | None


def days_of(since: dt.date, until: dt.date, today: dt.date) -> list[dt.date]:
    """Every day from `since` to before `until`, and no day to come."""
    end = min(until, today + dt.timedelta(days=1))
    return [since + dt.timedelta(days=number) for number in range(max((end - since).days, 0))]


def daily(
    days: Sequence[dt.date],
    parts: Iterable[Slice],
    dimension: Dimension,
    name: Name,
    *,
    billed_until: dt.date | None,
) -> Daily:
    """Days told apart by team or model; `billed_until` is the last day that AWS has billed as a whole."""
    found = report.daily(parts, dimension)
    series = charts.choose_series(_amounts(found.values()))
    is_billed = {day: billed_until is not None and day <= billed_until for day in days}
    rows = [_row(day, found.get(day, {}), series, is_billed=is_billed[day]) for day in days]
    stacks = [[part.cost or Decimal() for part in row.parts] for row in rows]
    unbilled = [row.day for row in rows if not row.is_billed]
    used = [row for row in rows if row.total.cost]
    return Daily(
        charts.stacked(days, stacks, series, unbilled=unbilled),
        [Legend(each.css, _("Other") if each.is_other else name(each.key)) for each in series],
        rows,
        max(used, key=lambda row: row.total.cost or 0, default=None),
        len(unbilled),
    )


def spark(days: Sequence[dt.date], parts: Iterable[Slice]) -> Spark:
    found = report.daily(parts, Dimension.MODEL)
    rows = [(day, total(found.get(day, {}).values())) for day in days]
    return Spark(
        charts.spark([figures.cost or Decimal() for _, figures in rows]),
        rows,
        max((row for row in rows if row[1].cost), key=lambda row: row[1].cost or 0, default=None),
        max((day for day, figures in rows if figures.tokens), default=None),
    )


def _amounts(days: Iterable[Mapping[str, Figures]]) -> dict[str, Decimal]:
    """What each series costs altogether; one that has no price at all is drawn last."""
    sums: dict[str, Decimal] = {}
    for of_day in days:
        for key, figures in of_day.items():
            sums[key] = sums.get(key, Decimal()) + (figures.cost or Decimal())
    return sums


def _row(day: dt.date, of_day: Mapping[str, Figures], series: Sequence[charts.Series], *, is_billed: bool) -> DayRow:
    named = {each.key for each in series if not each.is_other}
    rest = total(figures for key, figures in of_day.items() if key not in named)
    parts = [rest if each.is_other else of_day.get(each.key, Figures()) for each in series]
    return DayRow(day, parts, total(of_day.values()), is_billed)
