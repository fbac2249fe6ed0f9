"""Which usage a report is about: a stretch of days, and what else was chosen."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from django.db.models import Q, QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from onboarding.enums import TokenClass
from onboarding.models import UsageEntry

# What `team` is for people without one, and for callers that nobody claimed; a team's own is its primary key.
NO_TEAM, UNMAPPED = "none", "unmapped"
TEAM_WORDS: Mapping[str, Promise] = {NO_TEAM: _("No team"), UNMAPPED: _("Unmapped principals")}
# What `person` is for whoever no log names. Everybody else is an e-mail or an ARN.
UNNAMED = "unnamed"

_MONTH = re.compile(r"(20[0-9]{2})-(0[1-9]|1[0-2])")
_DAYS = re.compile(r"[1-9][0-9]{0,2}")
_LONGEST = 366  # days
_ACCOUNT = re.compile(r"[0-9]{12}")
_TEAM = re.compile(rf"[1-9][0-9]{{0,8}}|{NO_TEAM}|{UNMAPPED}")


@dataclass(frozen=True, slots=True)
class Filter:
    """Days from `since` to before `until`, UTC; empty text stands for everything.

    `person` is an e-mail in any case, an ARN, or UNNAMED; `team` a primary key, NO_TEAM or UNMAPPED; `account` has
    twelve digits. `person_id` is set by a page about one person, never by a query string.
    """

    since: dt.date
    until: dt.date
    account: str = ""
    team: str = ""
    person: str = ""
    model_id: str = ""
    region: str = ""
    token_class: str = ""
    person_id: int | None = None

    @property
    def is_month(self) -> bool:
        """Whether it is about one calendar month as a whole."""
        return self.since.day == 1 and self.until == next_month(self.since)

    @property
    def is_narrowed(self) -> bool:
        """Whether it leaves out anything of its days."""
        return any(self.chosen.values()) or self.person_id is not None

    @property
    def chosen(self) -> dict[str, str]:
        """What is asked for besides the days, by the name it has in a query string."""
        return {
            "account": self.account,
            "team": self.team,
            "person": self.person,
            "model": self.model_id,
            "region": self.region,
            "class": self.token_class,
        }

    def from_day(self, since: dt.date) -> Filter:
        """The same, from another day on."""
        return replace(self, since=since)

    def entries(self) -> QuerySet[UsageEntry]:
        """The usage it is about, in no order."""
        return UsageEntry.objects.filter(self._condition()).order_by()

    def _condition(self) -> Q:
        wanted = Q(day__gte=self.since, day__lt=self.until)
        exact = {
            "meter__account__account_id": self.account,
            "meter__model_id": self.model_id,
            "meter__region": self.region,
            "token_class": self.token_class,
            "meter__caller__person_id": self.person_id or "",
        }
        wanted &= Q(**{name: value for name, value in exact.items() if value})
        return wanted & self._of_team() & self._of_person()

    def _of_team(self) -> Q:
        if self.team == UNMAPPED:
            return Q(meter__caller__person__isnull=True)
        if self.team == NO_TEAM:
            return Q(meter__caller__person__isnull=False, meter__caller__person__team__isnull=True)
        return Q(meter__caller__person__team=int(self.team)) if self.team else Q()

    def _of_person(self) -> Q:
        if self.person == UNNAMED:
            return Q(meter__caller__arn="")
        if self.person.startswith("arn:"):
            return Q(meter__caller__arn=self.person)
        return Q(meter__caller__person__email__iexact=self.person) if self.person else Q()


def this_month(today: dt.date) -> Filter:
    """Everything of the month a day is in."""
    return of_month(today.replace(day=1))


def of_month(first: dt.date) -> Filter:
    return Filter(first, next_month(first))


def next_month(first: dt.date) -> dt.date:
    """The first day of the month after one that begins on `first`."""
    return (first + dt.timedelta(days=31)).replace(day=1)


def previous_month(first: dt.date) -> dt.date:
    """The first day of the month before one that begins on `first`."""
    return (first - dt.timedelta(days=1)).replace(day=1)


def parse_month(text: str) -> dt.date | None:
    """The first day of `2026-11`; None for what is no month of this century."""
    match = _MONTH.fullmatch(text)
    return dt.date(int(match[1]), int(match[2]), 1) if match else None


def read_filter(query: Mapping[str, str], today: dt.date) -> tuple[Filter, list[str]]:
    """The filter of a query string, and the names of what was ignored in it because it says nothing.

    The period is `month=2026-11` or `days=90`, the present month where neither is told.
    """
    since, until, ignored = _period(query, today)
    shapes = {"account": _ACCOUNT, "team": _TEAM, "class": re.compile("|".join(TokenClass.values))}
    told = {}
    for name, limit in _LIMITS.items():
        value = query.get(name, "").strip()
        is_known = name not in shapes or shapes[name].fullmatch(value)
        # PostgreSQL has no NUL in its texts.
        if value and (len(value) > limit or "\0" in value or not is_known):
            ignored.append(name)
            value = ""
        told[name] = value
    chosen = Filter(
        since,
        until,
        account=told["account"],
        team=told["team"],
        person=told["person"],
        model_id=told["model"],
        region=told["region"],
        token_class=told["class"],
    )
    return chosen, ignored


# As long as their columns.
_LIMITS = {"account": 12, "team": 20, "person": 600, "model": 300, "region": 25, "class": 20}


def _period(query: Mapping[str, str], today: dt.date) -> tuple[dt.date, dt.date, list[str]]:
    month, days, ignored = query.get("month", "").strip(), query.get("days", "").strip(), []
    if first := parse_month(month):
        return first, next_month(first), []
    if month:
        ignored.append("month")
    if _DAYS.fullmatch(days) and int(days) <= _LONGEST:
        return today - dt.timedelta(days=int(days) - 1), today + dt.timedelta(days=1), ignored
    if days:
        ignored.append("days")
    present = this_month(today)
    return present.since, present.until, ignored
