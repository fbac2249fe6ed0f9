"""Where a month's spending ends if people go on as they did: simple, and said beside every figure.

Used so far this month, plus the average of the last 14 whole UTC days for each day that is left. Today counts up to
that average: what was used today already is part of it, and a day that is busier than the average adds nothing.
Where use began later than 14 days ago, the average is of the whole days since. Where no whole day has passed since use
began there is no forecast. The range is the same sum at the pace of the quieter and of the busier of the two weeks.
"""

from __future__ import annotations

import calendar
import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from django.utils.translation import gettext_lazy as _

WEEK = 7
WINDOW = 2 * WEEK  # whole days
# How far back it is asked whether use began earlier: somebody back from four weeks away begins anew.
LOOK_BACK = dt.timedelta(days=2 * WINDOW)

HOW = _(
    "Used so far this month, plus the average of the last 14 whole days for each day that is left. Today counts up to "
    "that average. Where use began later, the average is of the whole days since."
)


@dataclass(frozen=True, slots=True)
class Forecast:
    """In US dollars. `days_left` are the days after today. Without two whole weeks there is no `low` and no `high`."""

    spent: Decimal
    per_day: Decimal
    days_left: int
    total: Decimal
    low: Decimal | None = None
    high: Decimal | None = None

    @property
    def has_range(self) -> bool:
        """Whether its ends differ as they are shown, in whole dollars."""
        ends = {end.quantize(Decimal(1), ROUND_HALF_UP) for end in (self.low, self.high) if end is not None}
        return len(ends) > 1


@dataclass(frozen=True, slots=True)
class Pace:
    """What was used lately, in US dollars: today so far, the seven whole days before, and the seven before those.

    `days` is how many whole days there are since use began; what counts is 14 at most. `is_priced` is False where
    nothing of what was used since `lately` has a price.
    """

    today: Decimal
    last_week: Decimal
    week_before: Decimal
    days: int
    is_priced: bool = True


def forecast(
    *,
    spent: Decimal,
    days: Mapping[dt.date, Decimal],
    today: dt.date,
    began: dt.date | None = None,
    unpriced: Iterable[dt.date] = (),
) -> Forecast | None:
    """What the month of `today` ends at, from US dollars by UTC day. None where there is no whole day to go by, or no
    price for anything.

    `spent` is what was used this month so far, today included. `days` reaches back as far as use is known, at least
    14 days where there was use, and leaves out days on which nothing used has a price. `began` is the first day of any
    use, also of what has no price; without it, it is the first one in `days`. `unpriced` are days on which something
    used has none, in any order; they are looked at where nothing used lately has one.
    """
    if began is None:
        began = min(days, default=today)
    first = lately(today)
    pace = Pace(
        today=days.get(today, Decimal(0)),
        last_week=_between(days, today - dt.timedelta(days=WEEK), today),
        week_before=_between(days, today - dt.timedelta(days=WINDOW), today - dt.timedelta(days=WEEK)),
        days=(today - began).days,
        is_priced=any(day >= first for day in days) or not any(day >= first for day in unpriced),
    )
    return at_pace(spent=spent, pace=pace, today=today)


def lately(today: dt.date) -> dt.date:
    """The first day of those that a forecast goes by: of the month, or of the two weeks."""
    return min(today.replace(day=1), today - dt.timedelta(days=WINDOW))


def at_pace(*, spent: Decimal, pace: Pace, today: dt.date) -> Forecast | None:
    """The same from sums, as one query of many people or teams gives them."""
    # At a pace of nothing, what has no price would be said to cost nothing.
    if pace.days <= 0 or not pace.is_priced:
        return None
    known = min(pace.days, WINDOW)
    per_day = (pace.last_week + pace.week_before) / known
    left = calendar.monthrange(today.year, today.month)[1] - today.day

    def at(average: Decimal) -> Decimal:
        return spent + max(average - pace.today, Decimal(0)) + average * left

    low = high = None
    if known == WINDOW:
        low, high = sorted((at(pace.last_week / WEEK), at(pace.week_before / WEEK)))
    return Forecast(spent=spent, per_day=per_day, days_left=left, total=at(per_day), low=low, high=high)


def _between(days: Mapping[dt.date, Decimal], since: dt.date, until: dt.date) -> Decimal:
    return sum((amount for day, amount in days.items() if since <= day < until), Decimal(0))
