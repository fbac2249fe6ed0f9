"""Everybody, as a page shows them: narrowed, sorted, and cut into pages that begin after a person, not at a number.

So the thousandth page costs what the first does, and nobody is skipped while others are added.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import (
    BigIntegerField,
    BooleanField,
    Count,
    Exists,
    F,
    Field,
    Func,
    Max,
    OuterRef,
    Prefetch,
    Q,
    Subquery,
    Sum,
    Value,
)
from django.db.models.functions import Coalesce

from onboarding.enums import Layer, Standing
from onboarding.models import Finding, PersonStatus, PersonWord, PlanRevision, TeamTally
from onboarding.models.statuses import PersonStatusQuerySet
from onboarding.statuses import terms_of

# Counting further would read much to say little.
COUNTED = 1_000
_WORDS = 5
_REVISIONS = 30
_LONGEST = 254
_NUMBER = re.compile(r"\d{1,9}")
_TIES = ("sort_name", "person_id")
# What a list may be sorted by, each with what tells equals apart. An index of PersonStatus for each.
ORDERS: Mapping[str, tuple[str, ...]] = {
    "name": _TIES,
    "team": ("team_name", *_TIES),
    "status": ("readiness", *_TIES),
    "revision": ("installed_number", *_TIES),
    "verified": ("verified_at", *_TIES),
    "used": ("last_used_on", *_TIES),
}
_YES_NO = {"yes": True, "no": False}
_ACTIVITY = {"inactive": True, "active": False}


@dataclass(frozen=True, slots=True)
class Filter:
    """What narrows the roster, as the URL has it; empty is everybody. `cause` is a check and its reason, `a.b`."""

    search: str = ""
    team: str = ""  # an id, or `none`
    plan: str = ""
    status: str = ""
    layer: str = ""
    cause: str = ""
    revision: str = ""
    connected: str = ""
    activity: str = ""

    @property
    def chosen(self) -> dict[str, str]:
        """What is not empty, by the name it has in a URL."""
        found = {_PARAMETERS.get(name, name): getattr(self, name) for name in self.__slots__}
        return {name: value for name, value in found.items() if value}

    def rows(self, teams: Mapping[int, str]) -> PersonStatusQuerySet:
        """Everybody it lets through, in no order. `teams` are the names of all teams, by id."""
        rows = PersonStatus.objects.all()
        rows = rows.standing(Standing(self.status)) if self.status else rows.filter(is_active=True)
        if self.team:
            rows = rows.filter(team_name="" if self.team == "none" else teams.get(int(self.team), "\uffff"))
        if self.plan:
            rows = rows.filter(plan=int(self.plan))
        if self.layer:
            rows = rows.standing(Standing.BLOCKED).filter(layer=self.layer)
        if self.cause:
            check, _, reason = self.cause.partition(".")
            rows = rows.standing(Standing.BLOCKED).filter(check_name=check, reason=reason)
        if self.revision:
            rows = rows.filter(installed_number=int(self.revision))
        if self.connected:
            rows = rows.filter(is_connected=_YES_NO[self.connected])
        if self.activity:
            rows = rows.filter(is_inactive=_ACTIVITY[self.activity])
        return self._found(rows)

    def _found(self, rows: PersonStatusQuerySet) -> PersonStatusQuerySet:
        """Those of whom every term of the search begins a word."""
        if not self.search:
            return rows
        first, *others = sorted(terms_of(self.search)[:_WORDS], key=len, reverse=True)
        words = PersonWord.objects.filter(word__startswith=first)
        for term in others:
            again = PersonWord.objects.filter(person=OuterRef("person"), word__startswith=term)
            words = words.filter(Exists(again))
        return rows.filter(_Among("person_id", Subquery(words.values("person"))))


_PARAMETERS = {"search": "q"}
# The layer that was chosen together with a cause.
CAUSE_OF = "cause_of"


@dataclass(frozen=True, slots=True)
class Order:
    name: str = "name"
    descending: bool = False

    @property
    def key(self) -> str:
        """As the URL has it: `-used` is the last day first."""
        return f"-{self.name}" if self.descending else self.name

    @property
    def columns(self) -> tuple[str, ...]:
        return ORDERS[self.name]


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows in order, and whether there are others before and after them."""

    rows: Sequence[PersonStatus]
    has_before: bool
    has_after: bool

    @property
    def first(self) -> int | None:
        """The person the page before this one ends before."""
        return self.rows[0].pk if self.rows and self.has_before else None

    @property
    def last(self) -> int | None:
        return self.rows[-1].pk if self.rows and self.has_after else None


class _Beyond(Func):
    """Whether a row comes after some values, column by column: one comparison, which an index answers.

    Written out with AND and OR it would mean the same, and PostgreSQL would read every row before.
    """

    output_field = BooleanField()
    conditional = True

    def __init__(self, columns: Sequence[str], values: Sequence[Any], *, backwards: bool) -> None:
        typed = [Value(value, output_field=_type_of(name)) for name, value in zip(columns, values, strict=True)]
        super().__init__(*map(F, columns), *typed)
        self.sign = "<" if backwards else ">"

    def as_sql(self, compiler: Any, connection: Any, **context: Any) -> Any:  # type: ignore[override]
        parts = [compiler.compile(each) for each in self.source_expressions]
        half = len(parts) // 2
        left, right = (", ".join(sql for sql, _ in some) for some in (parts[:half], parts[half:]))
        return f"({left}) {self.sign} ({right})", [value for _, values in parts for value in values]


def _type_of(name: str) -> Field[Any, Any]:
    found = PersonStatus._meta.get_field(name)
    return BigIntegerField() if found.is_relation else found  # type: ignore[return-value]  # a column, so a Field


class _Among(Func):
    """Whether a column is among what a query finds.

    For PostgreSQL an array: it then begins with whom a search finds, which are few, and never reads everybody in order
    to see which of them are.
    """

    output_field = BooleanField()
    conditional = True
    template = "%(column)s IN %(found)s"

    def as_sql(self, compiler: Any, connection: Any, **context: Any) -> Any:  # type: ignore[override]
        (column, some), (found, values) = (compiler.compile(each) for each in self.source_expressions)
        template = context.get("template", self.template)
        return template % {"column": column, "found": found}, [*some, *values]

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, template="%(column)s = ANY(ARRAY%(found)s)")


def read_filter(query: Mapping[str, str]) -> tuple[Filter, list[str]]:
    """The filter of a query string, and the names of what was ignored in it because it says nothing."""
    told, ignored = {}, []
    for name in Filter.__slots__:
        parameter = _PARAMETERS.get(name, name)
        value = query.get(parameter, "").strip()
        # PostgreSQL has no NUL in its texts.
        if value and ("\0" in value or len(value) > _LONGEST or not _SHAPES[name](value)):
            ignored.append(parameter)
            value = ""
        told[name] = value
    # A form that was sent with another layer than the cause is of means the layer.
    if query.get(CAUSE_OF, told["layer"]) != told["layer"]:
        told["cause"] = ""
    return Filter(**told), ignored


_SHAPES: Mapping[str, Any] = {
    # One letter finds a tenth of everybody, which helps nobody.
    "search": lambda value: max(map(len, terms_of(value)), default=0) > 1,
    "team": lambda value: value == "none" or _NUMBER.fullmatch(value),
    "plan": _NUMBER.fullmatch,
    "status": Standing.values.__contains__,
    "layer": Layer.values.__contains__,
    "cause": re.compile(r"[a-z0-9-]{1,40}\.[a-z0-9-]{1,60}").fullmatch,
    "revision": _NUMBER.fullmatch,
    "connected": _YES_NO.__contains__,
    "activity": _ACTIVITY.__contains__,
}


def read_order(text: str) -> Order:
    """The order of `-used`; by name where it says nothing."""
    name = text.removeprefix("-")
    return Order(name, descending=text.startswith("-")) if name in ORDERS else Order()


_REVISION = Prefetch("revision", PlanRevision.objects.only("number"))


def page(rows: PersonStatusQuerySet, order: Order, *, after: str = "", before: str = "", size: int) -> Page:
    """A page of `rows`: the first, or the one after or before a person (an id). Five queries at most.

    Begins anew where nobody has that id any more.
    """
    edge = _edge(after or before, order)
    is_back = edge is not None and not after
    # Not joined: the database would put everybody together that a search finds, and then show fifty.
    shown = rows.prefetch_related("person", "plan", _REVISION).order_by(*_ordering(order, backwards=is_back))
    if edge is not None:
        shown = shown.filter(_Beyond(order.columns, edge, backwards=order.descending != is_back))
    found = list(shown[: size + 1])
    has_more = len(found) > size
    found = found[:size]
    if is_back:
        return Page(found[::-1], has_before=has_more, has_after=True)
    return Page(found, has_before=edge is not None, has_after=has_more)


def ordered(rows: PersonStatusQuerySet, order: Order) -> PersonStatusQuerySet:
    return rows.order_by(*_ordering(order, backwards=False))


def count(rows: PersonStatusQuerySet) -> int:
    """How many there are, but never more than one above COUNTED."""
    return rows.order_by()[: COUNTED + 1].count()


def _edge(text: str, order: Order) -> Sequence[Any] | None:
    """What the person of this id is sorted by."""
    if not _NUMBER.fullmatch(text):
        return None
    return PersonStatus.objects.filter(pk=int(text)).values_list(*order.columns).first()


def _ordering(order: Order, *, backwards: bool) -> list[str]:
    sign = "-" if order.descending != backwards else ""
    return [f"{sign}{column}" for column in order.columns]


# --- Everybody together


@dataclass(frozen=True, slots=True)
class Blocker:
    """What blocks `people` first, of whom nothing else blocks `alone`. `finding` is one of theirs."""

    layer: Layer
    cause: str
    people: int
    alone: int
    finding: Finding


def tally() -> dict[str, int]:
    """How many people stand how, by the names of TeamTally's columns, and of how many `teams`.

    One query, which reads a row a team.
    """
    names = [each.name for each in TeamTally._meta.concrete_fields if not each.primary_key]
    sums: dict[str, Any] = {f"all_{name}": Coalesce(Sum(name), 0) for name in names}
    teams = Count("pk", filter=Q(people__gt=0) & ~Q(pk=""))
    found = TeamTally.objects.aggregate(teams=teams, **sums)
    return {name.removeprefix("all_"): value for name, value in found.items()}


def blockers(limit: int) -> list[Blocker]:
    """What blocks most people, the most first; two queries."""
    keys = ("layer", "check_name", "reason")
    blocked = PersonStatus.objects.all().standing(Standing.BLOCKED).filter(finding__isnull=False).order_by()
    groups = blocked.values(*keys).annotate(
        people=Count("pk"), alone=Count("pk", filter=Q(obstacles=1)), sample=Max("finding")
    )
    rows = list(groups.order_by("-people", *keys)[:limit])
    findings = Finding.objects.in_bulk([row["sample"] for row in rows])
    return [
        Blocker(
            Layer(row["layer"]),
            f"{row['check_name']}.{row['reason']}",
            row["people"],
            row["alone"],
            findings[row["sample"]],
        )
        for row in rows
        if row["sample"] in findings
    ]


def revisions() -> list[int]:
    """The newest numbers that revisions of plans have: what a filter offers."""
    newest = PlanRevision.objects.filter(is_current=True).aggregate(most=Max("number"))["most"] or 0
    return list(range(newest, max(newest - _REVISIONS, 0), -1))
