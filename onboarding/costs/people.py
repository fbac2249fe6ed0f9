"""Estimates by person: sorted and cut into pages by the database, for companies of any size.

Callers that nobody claimed are a group each, by their ARN; whoever no log names is one more.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Case, CharField, Count, F, Min, OrderBy, QuerySet, Value, When, Window
from django.db.models.functions import Coalesce, Lower, NullIf

from onboarding.costs.figures import SUMS, Figures, figures_of
from onboarding.costs.filter import UNNAMED, Filter
from onboarding.models import Caller, Person

_CHUNK = 1000  # people that are named with one query, when everybody is read


@dataclass(frozen=True, slots=True)
class PersonGroup:
    """A person's figures, or those of a caller that is nobody's: one of the two is there."""

    figures: Figures
    person: Person | None = None
    caller: Caller | None = None

    @property
    def key(self) -> str:
        """As a filter's `person` has it."""
        if self.person is not None:
            return self.person.email
        return (self.caller.arn if self.caller else "") or UNNAMED


@dataclass(frozen=True, slots=True)
class PeoplePage:
    """A page of groups. `count` is how many groups there are on all pages; 0 beyond the last."""

    groups: Sequence[PersonGroup]
    count: int


_CALLER = "meter__caller"
# Groups are told apart by the person, and without one by the caller.
_UNMAPPED = Case(When(meter__caller__person__isnull=True, then=F("meter__caller_id")))
_NAME = Lower(
    Coalesce(
        NullIf(F(f"{_CALLER}__person__name"), Value("")),
        F(f"{_CALLER}__person__email"),
        F(f"{_CALLER}__arn"),
        output_field=CharField(),
    )
)
# What is equal comes in the same order in every database.
_TIES = (F("person").asc(nulls_last=True), F("unmapped").asc(nulls_last=True))
ORDERS = {
    "name": Min(_NAME),
    "input": SUMS["input"],
    "output": SUMS["output"],
    "cache-write": SUMS["cache_write"],
    "cache-read": SUMS["cache_read"],
    "estimate": SUMS["billionths"],
}


def page(chosen: Filter, *, order: str, descending: bool, offset: int, limit: int) -> PeoplePage:
    """Some of the groups, in an order of ORDERS; three queries, of which one adds up."""
    ordered = OrderBy(F("ordered"), descending=descending, nulls_last=True)
    rows = list(
        _grouped(chosen)
        .annotate(ordered=ORDERS[order], groups=Window(Count("*")))
        .order_by(ordered, *_TIES)[offset : offset + limit]
    )
    return PeoplePage(list(_named(rows)), rows[0]["groups"] if rows else 0)


def everybody(chosen: Filter) -> Iterator[PersonGroup]:
    """Every group, the dearest first, without keeping them."""
    ordered = _grouped(chosen).order_by(F("billionths").desc(nulls_last=True), *_TIES)
    rows: list[dict[str, Any]] = []
    for row in ordered.iterator(chunk_size=_CHUNK):
        rows.append(row)
        if len(rows) == _CHUNK:
            yield from _named(rows)
            rows = []
    yield from _named(rows)


def _grouped(chosen: Filter) -> QuerySet[Any, dict[str, Any]]:
    """A row a group, with SUMS; of any type of row, as it is none of the model's any more."""
    told_apart = chosen.entries().annotate(person=F(f"{_CALLER}__person_id"), unmapped=_UNMAPPED)
    rows: Any = told_apart.values("person", "unmapped").annotate(**SUMS)
    return rows  # type: ignore[no-any-return]  # rows of no model


def _named(rows: Sequence[dict[str, Any]]) -> Iterator[PersonGroup]:
    """Groups with their people and callers: two queries."""
    people = Person.objects.select_related("team").in_bulk([row["person"] for row in rows if row["person"]])
    callers = Caller.objects.in_bulk([row["unmapped"] for row in rows if row["unmapped"]])
    for row in rows:
        yield PersonGroup(figures_of(row), people.get(row["person"]), callers.get(row["unmapped"]))
