"""Budgets: what a team or a person may use in a month, what they used of it, and where the month ends.

What was used is the estimate: usage at its price. Usage counts for whoever the caller is mapped to now, and for the
team they are in now; a deactivated person's still counts for their team. A person's limit is their own budget, or else
what their team's plan gives everybody; none is no limit.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Generic, TypeVar

from django.db.models import F, FloatField, Min, Q, QuerySet, Sum
from django.db.models.functions import Cast, Coalesce
from django.utils import timezone

from onboarding.costs.forecast import LOOK_BACK, WEEK, WINDOW, Forecast, Pace, at_pace, lately
from onboarding.costs.money import usd
from onboarding.models import Person, Plan, Team, UsageEntry

S = TypeVar("S", Team, Person, Plan)

_PERSON = "meter__caller__person"
_TEAM = "meter__caller__person__team"
_PLAN = "meter__caller__person__team__plan"
# A person's limit: of a Person, and of a usage entry's person.
LIMIT = Coalesce("monthly_budget", "team__plan__person_budget")
_LIMIT_OF_ENTRY = Coalesce(f"{_PERSON}__monthly_budget", f"{_PLAN}__person_budget")


@dataclass(frozen=True, slots=True)
class Budget(Generic[S]):
    """Of one team, person or plan in one month, in US dollars.

    `limit` is None where there is none; a plan's is what one person gets, while `spent` is everybody's on it.
    `forecast` is None for a month that is over, and while there is no whole day to go by. `unpriced` tokens have no
    price and are in no amount.
    """

    subject: S
    limit: Decimal | None
    spent: Decimal
    forecast: Forecast | None
    unpriced: int = 0

    @property
    def estimate(self) -> Decimal | None:
        """What was spent, as it is shown; None where nothing of what was used has a price."""
        return None if self.unpriced and not self.spent else self.spent

    @property
    def is_unknown(self) -> bool:
        """Whether nobody can say how much of the limit was used, for want of any price."""
        return self.limit is not None and self.estimate is None

    @property
    def is_over(self) -> bool:
        return self.limit is not None and self.spent > self.limit

    @property
    def is_forecast_over(self) -> bool:
        """Whether the month ends above the limit if people go on as they did."""
        return self.limit is not None and self.forecast is not None and self.forecast.total > self.limit

    @property
    def share(self) -> int | None:
        """Percent of the limit that was used, rounded down; of a limit of nothing, 100 with the first use.

        None without a limit, and where it `is_unknown`.
        """
        return None if self.limit is None or self.is_unknown else _share(self.spent, self.limit)

    @property
    def forecast_share(self) -> int | None:
        if self.limit is None or self.forecast is None:
            return None
        return _share(self.forecast.total, self.limit)

    @property
    def over_by(self) -> Decimal:
        """How far it is above its limit; of what is not, how far the forecast is."""
        if self.limit is None:
            return Decimal(0)
        ahead = self.forecast.total if self.forecast else self.spent
        return max((self.spent if self.is_over else ahead) - self.limit, Decimal(0))

    def reached(self, percent: int) -> bool:
        """Whether that share of the limit was used. Who used nothing has reached nothing."""
        return self.limit is not None and self.spent > 0 and self.spent * 100 >= self.limit * percent


def _share(amount: Decimal, limit: Decimal) -> int:
    if not limit:
        return 100 if amount else 0
    return int(amount * 100 / limit)


def month_of(day: dt.date) -> dt.date:
    """The first day of its month, which is how a month is named everywhere."""
    return day.replace(day=1)


# --- Reading


def team_budgets(month: dt.date) -> list[Budget[Team]]:
    """Every team's, by name, with its plan read. Two queries."""
    used = _used(_TEAM, month)
    teams = Team.objects.select_related("plan").order_by("name")
    return [_budget(team, team.monthly_budget, used.get(team.pk)) for team in teams]


def plan_budgets(month: dt.date) -> list[Budget[Plan]]:
    """Every plan's, by name. Two queries."""
    used = _used(_PLAN, month)
    return [_budget(plan, plan.person_budget, used.get(plan.pk)) for plan in Plan.objects.order_by("name")]


def team_budget(team: Team, month: dt.date) -> Budget[Team]:
    return _budget(team, team.monthly_budget, _used(_TEAM, month, **{_TEAM: team}).get(team.pk))


def plan_budget(plan: Plan, month: dt.date) -> Budget[Plan]:
    return _budget(plan, plan.person_budget, _used(_PLAN, month, **{_PLAN: plan}).get(plan.pk))


def person_budget(person: Person, month: dt.date) -> Budget[Person]:
    """Two queries."""
    return person_budgets([person], month)[person.pk]


def person_budgets(people: Iterable[Person], month: dt.date) -> Mapping[int, Budget[Person]]:
    """Those of a page of people, by primary key. Two queries."""
    by_pk = {person.pk: person for person in people}
    limits = dict(Person.objects.filter(pk__in=by_pk).values_list("pk", LIMIT))
    used = _used(_PERSON, month, **{f"{_PERSON}__in": list(by_pk)})
    return {pk: _budget(person, limits.get(pk), used.get(pk)) for pk, person in by_pk.items()}


def limited_people(month: dt.date) -> list[Budget[Person]]:
    """Those of all active people who have a limit. Two queries, at any number of people."""
    people = Person.objects.filter(is_active=True).alias(limit=LIMIT).filter(limit__isnull=False).order_by("pk")
    limits = dict(people.values_list("pk", LIMIT))
    used = _used(_PERSON, month, **{f"{_PERSON}__is_active": True})
    return [_budget(Person(pk=pk), limit, used.get(pk)) for pk, limit in limits.items()]


def people_with_own_or_over(month: dt.date) -> QuerySet[Person]:
    """Active people who have a budget of their own, or are over their limit."""
    sums = (
        UsageEntry.objects.filter(day__gte=month, day__lt=next_month(month), **{f"{_PERSON}__isnull": False})
        .annotate(limit=_LIMIT_OF_ENTRY)
        .filter(limit__isnull=False)
        .values(_PERSON, "limit")
        .annotate(billionths=Sum("cost"))
    )
    # As floating point: the two databases agree on nothing else between a decimal and an integer.
    limit = Cast(F("limit"), FloatField()) * 1e9
    over = sums.alias(above=limit).filter(billionths__gt=F("above"))
    return Person.objects.filter(is_active=True).filter(
        Q(monthly_budget__isnull=False) | Q(pk__in=over.values(_PERSON))
    )


@dataclass(frozen=True, slots=True)
class _Used:
    """Sums of one team, person or plan. `pace` is None where a month is not the present one."""

    spent: Decimal
    unpriced: int
    pace: Pace | None


def _used(key: str, month: dt.date, **only: Any) -> Mapping[int, _Used]:
    """By what `key` leads to from a usage entry. One query, which adds up in the database."""
    today = timezone.now().date()
    is_present = month == month_of(today)
    since = min(month, today - LOOK_BACK) if is_present else month
    entries = UsageEntry.objects.filter(day__gte=since, day__lt=next_month(month), **{f"{key}__isnull": False}, **only)
    rows = entries.values_list(key).annotate(
        spent=Sum("cost", filter=Q(day__gte=month)),
        unpriced=Sum("tokens", filter=Q(day__gte=month, rate__isnull=True)),
        today=Sum("cost", filter=Q(day=today)),
        last_week=Sum("cost", filter=_days(today, 0, WEEK)),
        week_before=Sum("cost", filter=_days(today, WEEK, WINDOW)),
        first=Min("day"),
        untold=Sum("tokens", filter=Q(day__gte=lately(today), rate__isnull=True)),
    )
    return {
        pk: _Used(
            usd(spent or 0),
            unpriced or 0,
            Pace(
                today=usd(now or 0),
                last_week=usd(week or 0),
                week_before=usd(before or 0),
                days=(today - first).days,
                is_priced=not (untold and spent is week is before is None),
            )
            if is_present
            else None,
        )
        for pk, spent, unpriced, now, week, before, first, untold in rows
    }


def _days(today: dt.date, newest: int, oldest: int) -> Q:
    """The whole days from `oldest` to before `newest` days ago."""
    return Q(day__gte=today - dt.timedelta(days=oldest), day__lt=today - dt.timedelta(days=newest))


def next_month(month: dt.date) -> dt.date:
    return (month + dt.timedelta(days=31)).replace(day=1)


def _budget(subject: S, limit: Decimal | None, used: _Used | None) -> Budget[S]:
    if used is None:
        return Budget(subject, limit, Decimal(0), None)
    ahead = at_pace(spent=used.spent, pace=used.pace, today=timezone.now().date()) if used.pace else None
    return Budget(subject, limit, used.spent, ahead, used.unpriced)
