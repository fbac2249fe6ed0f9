"""The headline figures of a cost page: what was estimated, what was billed, and how far they are apart."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.utils.functional import Promise

from onboarding.costs import billed, report
from onboarding.costs.budgets import Budget
from onboarding.costs.figures import Figures, total
from onboarding.costs.filter import Filter
from onboarding.costs.forecast import Forecast
from onboarding.costs.report import Slice
from onboarding.enums import BilledSource
from onboarding.models import Account, Team, UsageEntry

# Discounts and rounding explain as much; more than that wants a look.
_CLOSE = Decimal(5)  # percent


@dataclass(frozen=True, slots=True)
class Difference:
    """Between estimate and billed, over the days from `since` to `until`, both included, which both have."""

    since: dt.date
    until: dt.date
    estimate: Decimal
    billed: Decimal

    @property
    def amount(self) -> Decimal:
        """How much more AWS charged than was estimated, as the reconciliation has it."""
        return self.billed - self.estimate

    @property
    def distance(self) -> Decimal:
        return abs(self.amount)

    @property
    def percent(self) -> Decimal | None:
        """Of the estimate; None where that is nothing."""
        return self.amount * 100 / self.estimate if self.estimate else None

    @property
    def is_close(self) -> bool:
        return self.percent is not None and abs(self.percent) <= _CLOSE


@dataclass(frozen=True, slots=True)
class BilledFigure:
    """What AWS charged. `amount` is None while it told nothing; `sources` are in words. `is_estimated`: AWS may still
    change some of it.
    """

    amount: Decimal | None = None
    as_of: dt.date | None = None
    sources: Sequence[str | Promise] = ()
    is_estimated: bool = False


@dataclass(frozen=True, slots=True)
class Limit:
    """What the teams' budgets allow in a month, and where the month is going. `limit` is None without any budget.

    `outside` is what was used so far by whom no team's budget counts; the forecast has it all the same.
    """

    limit: Decimal | None
    forecast: Forecast | None
    outside: Decimal = Decimal()

    @property
    def share(self) -> Decimal | None:
        """The forecast in percent of the limit."""
        return self.forecast.total * 100 / self.limit if self.forecast and self.limit else None

    @property
    def is_over(self) -> bool:
        return self.forecast is not None and self.limit is not None and self.forecast.total > self.limit


@dataclass(frozen=True, slots=True)
class Tiles:
    """`billed` is None where AWS does not tell what the filter asks for; `limit` for any period but this month."""

    total: Figures
    billed: BilledFigure | None
    difference: Difference | None
    limit: Limit | None
    unpriced_models: Sequence[str]


def tiles(chosen: Filter, parts: Sequence[Slice], limit: Limit | None) -> Tiles:
    figure = billed_figure(chosen)
    return Tiles(
        report.total_of(parts),
        figure,
        _difference(chosen, parts, figure) if figure else None,
        limit,
        sorted({part.model_id for part in parts if part.figures.unpriced}),
    )


def billed_figure(chosen: Filter) -> BilledFigure | None:
    """A bill knows accounts; people, models and Regions only where it is read as a whole: see the reconciliation."""
    others = {name: value for name, value in chosen.chosen.items() if name != "account"}
    if any(others.values()) or chosen.person_id:
        return None
    found = billed.totals(chosen.since, chosen.until, account_ids=_accounts(chosen))
    names = [BilledSource(source).label for source in found.sources]
    return BilledFigure(found.amount, found.as_of, names, found.is_estimated)


def _accounts(chosen: Filter) -> list[int] | None:
    if not chosen.account:
        return None
    return list(Account.objects.filter(account_id=chosen.account).values_list("pk", flat=True))


def _difference(chosen: Filter, parts: Iterable[Slice], figure: BilledFigure) -> Difference | None:
    if figure.as_of is None or figure.as_of < chosen.since:
        return None
    until = min(figure.as_of, chosen.until - dt.timedelta(days=1))
    told = billed.totals(chosen.since, until + dt.timedelta(days=1), account_ids=_accounts(chosen))
    estimate = total(part.figures for part in parts if part.day <= until).cost
    if told.amount is None or estimate is None or (not chosen.account and _has_unbilled(chosen.since, until)):
        return None
    return Difference(chosen.since, until, estimate, told.amount)


def _has_unbilled(since: dt.date, until: dt.date) -> bool:
    """Whether anything was used in an account of which no bill is known: nothing can be held against its estimate."""
    days = {"day__gte": since, "day__lte": until}
    others = Account.objects.exclude(pk__in=billed.account_ids_of(since, until + dt.timedelta(days=1)))
    accounts = list(others.values_list("pk", flat=True))
    return bool(accounts) and UsageEntry.objects.filter(**days, meter__account__in=accounts).exists()


def limit_of(
    chosen: Filter, parts: Iterable[Slice], teams: Sequence[Budget[Team]], forecast: Forecast | None
) -> Limit:
    """The sum of the teams' budgets, or that of the filter's team; none for a filter that leaves out anything else."""
    others = {name: value for name, value in chosen.chosen.items() if name != "team"}
    if any(others.values()):
        return Limit(None, forecast)
    wanted = [each for each in teams if chosen.team in ("", str(each.subject.pk))]
    limits = {str(each.subject.pk): each.limit for each in wanted if each.limit is not None}
    if not limits:
        return Limit(None, forecast)
    outside = report.total_of([part for part in parts if part.team not in limits])
    return Limit(sum(limits.values(), Decimal()), forecast, outside.cost or Decimal())
