"""`manage.py costs --by person --month 2026-11`: the figures of the costs page, for a terminal or a program."""

from __future__ import annotations

import datetime as dt
import json as json_text
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone, translation

from onboarding.costs.figures import Figures
from onboarding.costs.filter import of_month, parse_month
from onboarding.costs.money import cents
from onboarding.costs.payers import rest_name
from onboarding.costs.report import Dimension
from onboarding.costs.statement import SOURCE, Statement, as_data, statement_of
from onboarding.models import BillingFetch

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
            found = statement_of(Dimension(by), of_month(month or now.date().replace(day=1)), now)
            self.stdout.write(_as_json(found) if json else _as_text(found))


def _month(text: str) -> dt.date:
    first = parse_month(text)
    if first is None:
        raise ArgumentTypeError(f"{text} is no month, such as 2026-11")
    return first


def _as_json(found: Statement) -> str:
    return json_text.dumps(as_data(found), indent=2, ensure_ascii=False)


# --- For people


def _as_text(found: Statement) -> str:
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


def _origin(found: Statement) -> Iterator[str]:
    yield f"Costs in {found.month:%Y-%m}"
    until = f"usage to {found.as_of:%Y-%m-%d %H:%M} UTC" if found.as_of else "not everything was read yet"
    yield f"Estimate: {SOURCE}; {until}"
    names, day = ", ".join(found.billed.source_names), found.billed.as_of
    change = "; AWS may still change it" if found.billed.is_estimated else ""
    yield f"Billed: {names or 'nothing yet'}{f'; to {day.isoformat()}' if day else ''}{change}"
    yield from (_problem(fetch) for fetch in found.problems)
    yield from (f"Warning: {each.title}. {each.text}" for each in found.warnings)


def _problem(fetch: BillingFetch) -> str:
    detail = f" ({fetch.problem_detail})" if fetch.problem_detail else ""
    return f"Warning: {fetch.get_source_display()} of {fetch.account}: {fetch.get_problem_display()}{detail}"


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
