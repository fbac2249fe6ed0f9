"""`manage.py costs --by person --month 2026-11`: the figures of the costs page, for a terminal or a program."""

from __future__ import annotations

import datetime as dt
import json as json_text
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone, translation

from onboarding import catalog
from onboarding.costs import billed, coverage, people, report
from onboarding.costs.figures import Figures
from onboarding.costs.filter import NO_TEAM, TEAM_WORDS, UNMAPPED, UNNAMED, Filter, of_month, parse_month
from onboarding.costs.money import cents
from onboarding.costs.payers import billed_by, payer_of, payer_of_person, rest_name, rest_of
from onboarding.costs.people import PersonGroup
from onboarding.costs.report import Dimension, Group

_SOURCE = "Bedrock's invocation logs, priced by Onramp"
_NUMBERS = ("Input", "Output", "Cache write", "Cache read", "Unpriced", "Estimate USD", "Billed USD")


class Command(BaseCommand):
    help = (
        "Print what was used in a month and what AWS billed: the figures of the page /costs/. The estimate of usage "
        "without a price is left out, and its tokens are told; estimate and billed are never added together. With "
        "--json, amounts are strings of exact decimals in US dollars, null where there is none."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--by", choices=[str(each) for each in Dimension], default=str(Dimension.PERSON), help="what rows are"
        )
        parser.add_argument(
            "--month", type=_month, metavar="YYYY-MM", help="such as 2026-11, in UTC; this month by default"
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, by: str, month: dt.date | None, json: bool, **options: Any) -> None:
        now = timezone.now()
        with translation.override("en"):
            found = _found(Dimension(by), of_month(month or now.date().replace(day=1)), now)
            self.stdout.write(_as_json(found) if json else _as_text(found))


def _month(text: str) -> dt.date:
    first = parse_month(text)
    if first is None:
        raise ArgumentTypeError(f"{text} is no month, such as 2026-11")
    return first


@dataclass(frozen=True, slots=True)
class Row:
    """A group. `key` is as the page's filter has it; `team` is told of people only."""

    key: str
    name: str
    team: str
    figures: Figures
    payer: str  # whom AWS bills it to
    billed: Decimal | None


@dataclass(frozen=True, slots=True)
class Found:
    dimension: Dimension
    month: dt.date
    total: Figures
    as_of: dt.datetime | None
    billed: billed.Billed
    rest: Decimal | None  # billed, and of no row
    warnings: Sequence[coverage.CoverageWarning]
    rows: Sequence[Row]


def _found(dimension: Dimension, chosen: Filter, now: dt.datetime) -> Found:
    told, amounts = billed.totals(chosen.since, chosen.until), billed_by(dimension, chosen)
    is_of_people = dimension is Dimension.PERSON
    rows = list(_of_people(chosen, amounts or {}) if is_of_people else _of_groups(dimension, chosen, amounts or {}))
    return Found(
        dimension,
        chosen.since,
        report.totals(chosen),
        coverage.as_of(),
        told,
        rest_of(told.amount, amounts, {row.payer for row in rows}),
        coverage.warnings(now),
        rows,
    )


def _of_people(chosen: Filter, amounts: Mapping[str, Decimal]) -> Iterator[Row]:
    for group in people.everybody(chosen):
        payer = payer_of_person(group)
        yield Row(group.key, _name(group), _team(group), group.figures, payer, amounts.get(payer))


def _name(group: PersonGroup) -> str:
    if group.person is not None:
        return group.person.display_name
    return "Nobody that a log names" if group.key == UNNAMED else group.key


def _team(group: PersonGroup) -> str:
    if group.person is None:
        return str(TEAM_WORDS[UNMAPPED])
    return group.person.team.name if group.person.team else str(TEAM_WORDS[NO_TEAM])


def _of_groups(dimension: Dimension, chosen: Filter, amounts: Mapping[str, Decimal]) -> Iterator[Row]:
    """Days in their order; of others the dearest first, as on the page."""
    groups = report.by(chosen, dimension)
    if dimension is Dimension.DAY:
        groups.sort(key=lambda group: group.key)
    else:
        groups.sort(key=lambda group: (group.figures.cost is None, -(group.figures.cost or 0), group.key))
    for group in groups:
        payer = payer_of(dimension, group.key)
        yield Row(group.key, _label(dimension, group), "", group.figures, payer, amounts.get(payer))


def _label(dimension: Dimension, group: Group) -> str:
    if dimension is Dimension.TEAM:
        return str(TEAM_WORDS.get(group.key) or group.name)
    if dimension is Dimension.MODEL:
        return catalog.model_label(group.key)
    return catalog.region_label(group.key) if dimension is Dimension.REGION else group.key


# --- For programs


def _as_json(found: Found) -> str:
    told = {
        "month": f"{found.month:%Y-%m}",
        "by": str(found.dimension),
        "estimate": {"source": _SOURCE, "as_of": _iso(found.as_of), **_figures(found.total)},
        "billed": {
            "source": ", ".join(found.billed.source_names),
            "as_of": _iso(found.billed.as_of),
            "usd": _exact(found.billed.amount),
            "of_no_row_usd": _exact(found.rest),
        },
        "warnings": [
            {
                "kind": each.kind,
                "account": each.account.account_id,
                "region": each.region,
                "since": _iso(each.since),
                "text": f"{each.title}. {each.text}",
            }
            for each in found.warnings
        ],
        "rows": [_row(found.dimension, row) for row in found.rows],
    }
    return json_text.dumps(told, indent=2, ensure_ascii=False)


def _row(dimension: Dimension, row: Row) -> dict[str, object]:
    team = {"team": row.team} if dimension is Dimension.PERSON else {}
    return {"key": row.key, "name": row.name, **team, **_figures(row.figures), "billed_usd": _exact(row.billed)}


def _figures(figures: Figures) -> dict[str, object]:
    return {
        "input_tokens": figures.input,
        "output_tokens": figures.output,
        "cache_write_tokens": figures.cache_write,
        "cache_read_tokens": figures.cache_read,
        "unpriced_tokens": figures.unpriced,
        "estimate_usd": _exact(figures.cost),
    }


def _exact(amount: Decimal | None) -> str | None:
    return None if amount is None else f"{amount:f}"


def _iso(moment: dt.date | None) -> str | None:
    return None if moment is None else moment.isoformat()


# --- For people


def _as_text(found: Found) -> str:
    head = (str(found.dimension).capitalize(), *(("Team",) if found.dimension is Dimension.PERSON else ()))
    lines = [
        [row.name, *([row.team] if found.dimension is Dimension.PERSON else []), *_cells(row.figures, row.billed)]
        for row in found.rows
    ]
    if found.rest is not None:
        lines.append([str(rest_name(found.dimension)), *[""] * (len(head) + 5), f"{cents(found.rest):,}"])
    total = ["Total", *[""] * (len(head) - 1), *_cells(found.total, found.billed.amount)]
    table = _table([[*head, *_NUMBERS], *lines, total], texts=len(head))
    return "\n".join([*_origin(found), "", *(table if lines else ["Nothing was used in this month."])])


def _origin(found: Found) -> Iterator[str]:
    yield f"Costs in {found.month:%Y-%m}"
    until = f"usage to {found.as_of:%Y-%m-%d %H:%M} UTC" if found.as_of else "not everything was read yet"
    yield f"Estimate: {_SOURCE}; {until}"
    names, day = ", ".join(found.billed.source_names), found.billed.as_of
    yield f"Billed: {names or 'nothing yet'}{f'; to {day.isoformat()}' if day else ''}"
    yield from (f"Warning: {each.title}. {each.text}" for each in found.warnings)


def _cells(figures: Figures, amount: Decimal | None) -> list[str]:
    counts = (figures.input, figures.output, figures.cache_write, figures.cache_read, figures.unpriced)
    estimate = "unpriced" if figures.cost is None else f"{cents(figures.cost):,}"
    return [*(f"{count:,}" for count in counts), estimate, "-" if amount is None else f"{cents(amount):,}"]


def _table(rows: Sequence[Sequence[str]], *, texts: int) -> list[str]:
    """Columns as wide as their widest cell; the first `texts` of them begin at the left, numbers end at the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if place < texts else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
