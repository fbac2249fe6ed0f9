"""Where money goes: a table by person, team, model or Region, sorted and in pages, as the URL says."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from django.http import QueryDict
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from onboarding import catalog
from onboarding.costs import people, report
from onboarding.costs.figures import Figures
from onboarding.costs.filter import NO_TEAM, TEAM_WORDS, UNMAPPED, Filter
from onboarding.costs.payers import (
    billed_by,
    once_each,
    payer_of,
    payer_of_person,
    people_with_usage,
    rest_name,
    rest_of,
)
from onboarding.costs.people import PersonGroup
from onboarding.costs.report import Dimension, Group, Slice

Text = str | Promise

SHOWN = 50  # rows a page
TABS: Mapping[Dimension, Text] = {
    Dimension.PERSON: _("People"),
    Dimension.TEAM: _("Teams"),
    Dimension.MODEL: _("Models"),
    Dimension.REGION: _("Regions"),
}
_HEADS: Mapping[Dimension, Text] = {
    Dimension.PERSON: _("Person"),
    Dimension.TEAM: _("Team"),
    Dimension.MODEL: _("Model"),
    Dimension.REGION: _("Source Region"),
}
_NOBODY = _("Nobody that a log names")
_NUMBERS: Mapping[str, Text] = {
    "input": _("Input"),
    "output": _("Output"),
    "cache-write": _("Cache write"),
    "cache-read": _("Cache read"),
    "estimate": _("Estimate"),
}
# As a page of people is sorted by the database, with nothing known coming last in either direction.
_VALUES: Mapping[str, Callable[[Figures], Decimal | int | None]] = {
    "input": lambda figures: figures.input,
    "output": lambda figures: figures.output,
    "cache-write": lambda figures: figures.cache_write,
    "cache-read": lambda figures: figures.cache_read,
    "estimate": lambda figures: figures.cost,
}


@dataclass(frozen=True, slots=True)
class Row:
    """`key` is as a filter has it, and `link` narrows the page to it. `note` stands under the name; a code is written
    as one. `billed` is None where AWS has not told.
    """

    key: str
    name: Text
    figures: Figures
    link: str
    note: Text = ""
    team: Text = ""
    is_code: bool = False
    payer: str = ""  # what AWS bills it to
    billed: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Head:
    """A column's head: `link` sorts by it, and `sorted` is how the table is now, as `aria-sort` says it."""

    name: Text
    link: str
    is_number: bool
    sorted: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    dimension: Dimension
    heads: Sequence[Head]
    rows: Sequence[Row]
    count: int
    page: int
    has_billed: bool
    rest: Decimal | None  # billed, and of no row
    rest_name: Text
    newer: str = ""  # links to the pages before and after this one; empty where there is none
    older: str = ""

    @property
    def first(self) -> int:
        return (self.page - 1) * SHOWN + 1

    @property
    def last(self) -> int:
        return self.first + len(self.rows) - 1


@dataclass(frozen=True, slots=True)
class Order:
    """What a table is sorted by: `-estimate` in a URL, for the largest first."""

    name: str
    descending: bool

    def link(self, query: QueryDict, name: str) -> str:
        """The other way round for the same column; the largest first for a number, A first for a name."""
        descending = not self.descending if name == self.name else name != "name"
        return changed(query, sort=f"-{name}" if descending else name, page=None)

    def sorted(self, name: str) -> str:
        return ("descending" if self.descending else "ascending") if name == self.name else ""


def read_order(text: str) -> Order:
    name = text.removeprefix("-")
    return Order(name, text.startswith("-")) if name in people.ORDERS else Order("estimate", descending=True)


def changed(query: QueryDict, **changes: str | int | None) -> str:
    """The page's own query string with some parameters changed, or left out where they are None."""
    copy = query.copy()
    for name, value in changes.items():
        if value is None:
            copy.pop(name, None)
        else:
            copy[name] = str(value)
    return f"?{copy.urlencode()}"


def table(
    query: QueryDict, chosen: Filter, parts: Iterable[Slice], teams: Mapping[str, str], *, billed: Decimal | None
) -> Table:
    """As `by`, `sort` and `page` of the query string say. `parts` are the filter's slices, `billed` is their total."""
    dimension = read_dimension(query.get("by", ""))
    order, number = read_order(query.get("sort", "")), _page(query.get("page", ""))
    amounts = billed_by(dimension, chosen)
    if dimension is Dimension.PERSON:
        rows, count = _people(query, chosen, order, number)
        rows, payers = _with_billed(rows, amounts), people_with_usage(chosen)
    else:
        groups = report.by_region(chosen) if dimension is Dimension.REGION else report.grouped(parts, dimension, teams)
        found = _with_billed(in_order([_named(query, dimension, group) for group in groups], order), amounts)
        rows, count = found[(number - 1) * SHOWN : number * SHOWN], len(found)
        payers = {row.payer for row in found}
    return Table(
        dimension,
        list(_heads(query, dimension, order)),
        rows,
        count,
        number,
        has_billed=amounts is not None,
        rest=rest_of(billed, amounts, payers),
        rest_name=rest_name(dimension),
        newer=changed(query, page=number - 1 if number > 2 else None) if number > 1 else "",
        older=changed(query, page=number + 1) if number * SHOWN < count else "",
    )


def _with_billed(rows: list[Row], amounts: Mapping[str, Decimal] | None) -> list[Row]:
    shares = once_each((row.payer for row in rows), amounts or {})
    return [replace(row, billed=amount) for row, amount in zip(rows, shares, strict=True)]


def ignored(query: QueryDict) -> list[str]:
    """The names of what a query string asks of the table that says nothing."""
    is_known = {
        "by": query.get("by", "") in ("", *TABS),
        "sort": query.get("sort", "").removeprefix("-") in ("", *people.ORDERS),
        "page": query.get("page", "") in ("", str(_page(query.get("page", "")))),
    }
    return [name for name, known in is_known.items() if not known]


def read_dimension(text: str) -> Dimension:
    return Dimension(text) if text in TABS else Dimension.PERSON


def _page(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 7 and int(text) else 1


def _heads(query: QueryDict, dimension: Dimension, order: Order) -> Iterator[Head]:
    yield Head(_HEADS[dimension], order.link(query, "name"), False, order.sorted("name"))
    if dimension is Dimension.PERSON:
        yield Head(_HEADS[Dimension.TEAM], "", False)
    for name, text in _NUMBERS.items():
        yield Head(text, order.link(query, name), True, order.sorted(name))


def _people(query: QueryDict, chosen: Filter, order: Order, number: int) -> tuple[list[Row], int]:
    shown = people.page(
        chosen, order=order.name, descending=order.descending, offset=(number - 1) * SHOWN, limit=SHOWN
    )
    return [_person(query, group) for group in shown.groups], shown.count


def _person(query: QueryDict, group: PersonGroup) -> Row:
    link, person, payer = changed(query, person=group.key, page=None), group.person, payer_of_person(group)
    if person is None:
        arn = group.caller.arn if group.caller else ""
        return Row(
            group.key,
            arn or _NOBODY,
            group.figures,
            link,
            TEAM_WORDS[UNMAPPED] if arn else "",
            is_code=bool(arn),
            payer=payer,
        )
    note = person.email if person.name else ""
    team = person.team.name if person.team else TEAM_WORDS[NO_TEAM]
    return Row(group.key, person.display_name, group.figures, link, note, team, payer=payer)


def _named(query: QueryDict, dimension: Dimension, group: Group) -> Row:
    changes: dict[str, str | int | None] = {str(dimension): group.key, "page": None}
    if dimension is Dimension.TEAM:
        changes["by"] = Dimension.PERSON
        name = team_name(group.key, {group.key: group.name})
        return Row(group.key, name, group.figures, changed(query, **changes), payer=payer_of(dimension, group.key))
    link = changed(query, **changes)
    if dimension is Dimension.MODEL:
        label = catalog.model_label(group.key)
        return Row(group.key, label, group.figures, link, note=group.key, payer=payer_of(dimension, group.key))
    return Row(group.key, catalog.region_label(group.key), group.figures, link)


def team_name(key: str, teams: Mapping[str, str]) -> Text:
    """A team's name, or what stands for people without one and for principals of nobody."""
    return TEAM_WORDS.get(key) or teams.get(key) or key


def in_order(rows: Iterable[Row], order: Order) -> list[Row]:
    """Sorted as the database sorts people: what is not known comes last either way."""
    by_name = sorted(rows, key=lambda row: (str(row.name).lower(), row.key))
    if order.name == "name":
        return by_name[::-1] if order.descending else by_name
    value = _VALUES[order.name]
    known = [row for row in by_name if value(row.figures) is not None]
    unknown = [row for row in by_name if value(row.figures) is None]
    return sorted(known, key=lambda row: value(row.figures) or 0, reverse=order.descending) + unknown
