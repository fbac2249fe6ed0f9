"""Estimates of what was used, by day, team, model, person and Region. Every sum is made by the database.

What a cost page shows besides people and Regions comes from one question: `slices`, by day, team and model. Any sum of
them is exact, since money is added up in whole billionths; the sums by person, team and model are one total.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any, NamedTuple

from django.db.models import BooleanField, ExpressionWrapper, Q, Sum
from django.db.models.functions import TruncMonth

from onboarding.costs.figures import SUMS, Figures, figures_from, figures_of, total
from onboarding.costs.filter import NO_TEAM, UNMAPPED, Filter
from onboarding.costs.money import usd
from onboarding.models import Team


class Dimension(StrEnum):
    """What figures are told apart by."""

    PERSON = "person"
    TEAM = "team"
    MODEL = "model"
    REGION = "region"
    DAY = "day"


class Slice(NamedTuple):
    """What one team used of one model on one day. `team` is as a filter has it."""

    day: dt.date
    team: str
    model_id: str
    figures: Figures

    def of(self, dimension: Dimension) -> str:
        """The group it is in; only of those it tells apart."""
        if dimension is Dimension.TEAM:
            return self.team
        return self.model_id if dimension is Dimension.MODEL else self.day.isoformat()


@dataclass(frozen=True, slots=True)
class Group:
    """A group's figures. `key` is as a filter has it: a team's, a model's id, a Region, an ISO day.

    `name` is as people wrote it; empty for the groups that are only called something on pages.
    """

    key: str
    name: str
    figures: Figures


_PERSON = "meter__caller__person"
# A caller of nobody has no team, and is none of those who have none. Were it one expression with the team, PostgreSQL
# would expect as many groups as there are people, and sort every entry in one process.
_IS_NOBODYS = ExpressionWrapper(Q(**{f"{_PERSON}__isnull": True}), output_field=BooleanField())


def slices(chosen: Filter) -> list[Slice]:
    """By day, team and model: one query."""
    groups = ("day", "nobodys", f"{_PERSON}__team", "meter__model_id")
    rows = chosen.entries().annotate(nobodys=_IS_NOBODYS).values_list(*groups).annotate(**SUMS).order_by(*groups)
    return [
        Slice(day, UNMAPPED if nobodys else str(team) if team else NO_TEAM, model_id, figures_from(sums))
        for day, nobodys, team, model_id, *sums in rows
    ]


def totals(chosen: Filter) -> Figures:
    """Everything the filter lets through: one query."""
    return figures_of(chosen.entries().aggregate(**SUMS))


def total_of(parts: Iterable[Slice]) -> Figures:
    return total(part.figures for part in parts)


def by(chosen: Filter, dimension: Dimension) -> list[Group]:
    """All groups, in no particular order: one query, and one for the names of teams. People have a module: people."""
    if dimension is Dimension.REGION:
        return by_region(chosen)
    return grouped(slices(chosen), dimension, team_names())


def grouped(parts: Iterable[Slice], dimension: Dimension, teams: Mapping[str, str]) -> list[Group]:
    """Slices put together: no query. `teams` are the names of teams by their keys."""
    found: dict[str, Figures] = {}
    for part in parts:
        _add(found, part.of(dimension), part.figures)
    names = teams if dimension is Dimension.TEAM else {key: key for key in found}
    return [Group(key, names.get(key, ""), figures) for key, figures in found.items()]


def by_region(chosen: Filter) -> list[Group]:
    """By source Region: one query."""
    rows: Iterable[Mapping[str, Any]] = chosen.entries().values("meter__region").annotate(**SUMS)
    return [Group(row["meter__region"], row["meter__region"], figures_of(row)) for row in rows]


def by_class(chosen: Filter) -> list[Mapping[str, Any]]:
    """Tokens by model, endpoint kind, long prompts, token class and rate, with their cost: the arithmetic of a figure.

    `rate` is in millionths of a US dollar per million tokens, `billionths` in billionths of one; both None without a
    price. One query.
    """
    names = ("meter__model_id", "meter__endpoint_kind", "meter__is_long_prompt", "token_class", "rate")
    rows = chosen.entries().values(*names).annotate(count=Sum("tokens"), billionths=Sum("cost"))
    return list(rows.order_by(*names))


def by_month(chosen: Filter) -> list[Mapping[str, Any]]:
    """Figures of each calendar month, the newest first: one query."""
    rows = chosen.entries().annotate(month=TruncMonth("day")).values("month").annotate(**SUMS)
    return list(rows.order_by("-month"))


def team_names() -> dict[str, str]:
    """The names of all teams, by their keys: one query."""
    return {str(pk): name for pk, name in Team.objects.order_by("name").values_list("pk", "name")}


def daily(parts: Iterable[Slice], dimension: Dimension) -> dict[dt.date, dict[str, Figures]]:
    """Each day's figures by team or by model, for the days on which anything was used: no query."""
    found: dict[dt.date, dict[str, Figures]] = {}
    for part in parts:
        _add(found.setdefault(part.day, {}), part.of(dimension), part.figures)
    return found


def _add(sums: dict[str, Figures], key: str, figures: Figures) -> None:
    of_key = sums.get(key)
    if of_key is None:
        of_key = sums[key] = Figures()
    of_key.take_in(figures)


def cost_by_day(parts: Iterable[Slice]) -> dict[dt.date, Decimal]:
    """US dollars of each day on which anything with a price was used: no query."""
    sums: dict[dt.date, int] = {}
    for part in parts:
        if part.figures.billionths is not None:
            sums[part.day] = sums.get(part.day, 0) + part.figures.billionths
    return {day: usd(billionths) for day, billionths in sums.items()}
