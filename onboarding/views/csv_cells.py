"""Cells of a CSV file that a spreadsheet opens: text stays text there, whatever somebody typed."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal

Cell = str | int | Decimal | None

# What a spreadsheet takes for the beginning of a formula, in ASCII and in full width; and what it skips before one.
# https://owasp.org/www-community/attacks/CSV_Injection
_STARTS = tuple("=+-@\t\r\n\0|%\uff1d\uff0b\uff0d\uff20")


class _Echo:
    """A file that hands back what is written to it: csv's writer makes lines, and keeps none."""

    def write(self, line: str) -> str:
        return line


def lines(head: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Iterator[str]:
    """The lines of a file, one at a time. Numbers are written for machines, and None as nothing."""
    writer = csv.writer(_Echo())
    yield writer.writerow(head)
    for row in rows:
        yield writer.writerow([cell(each) for each in row])


def cell(value: Cell) -> str:
    """A number is one by its type, never by how a text looks."""
    if value is None:
        return ""
    if isinstance(value, str):
        return f"'{value}" if value.lstrip(" \u00a0\u200b\ufeff").startswith(_STARTS) else value
    return f"{value:f}" if isinstance(value, Decimal) else str(value)
