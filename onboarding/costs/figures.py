"""The figures of a group of usage: tokens by what people know as their kinds, and what they cost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import Q, Sum

from onboarding.costs.money import usd
from onboarding.enums import TokenClass


@dataclass(slots=True)
class Figures:
    """Tokens of a group, and `billionths` of a US dollar of those that have a price: None where none of them has.

    `unpriced` counts tokens that are in the other counts, too. Only whoever makes one adds to it.
    """

    input: int = 0
    output: int = 0
    cache_write: int = 0
    cache_read: int = 0
    unpriced: int = 0
    billionths: int | None = None

    @property
    def tokens(self) -> int:
        return self.input + self.output + self.cache_write + self.cache_read

    @property
    def cost(self) -> Decimal | None:
        """US dollars, exactly; None where nothing has a price."""
        return None if self.billionths is None else usd(self.billionths)

    def take_in(self, other: Figures) -> None:
        """Add another's. A page does so thousands of times: making a third of each two takes three times as long."""
        self.input += other.input
        self.output += other.output
        self.cache_write += other.cache_write
        self.cache_read += other.cache_read
        self.unpriced += other.unpriced
        if other.billionths is not None:
            self.billionths = (self.billionths or 0) + other.billionths


_WRITES = (TokenClass.CACHE_WRITE_5M, TokenClass.CACHE_WRITE_1H)
# What the database adds up of a group: one pass over its rows.
SUMS: Mapping[str, Sum] = {
    "input": Sum("tokens", filter=Q(token_class=TokenClass.INPUT)),
    "output": Sum("tokens", filter=Q(token_class=TokenClass.OUTPUT)),
    "cache_write": Sum("tokens", filter=Q(token_class__in=_WRITES)),
    "cache_read": Sum("tokens", filter=Q(token_class=TokenClass.CACHE_READ)),
    "unpriced": Sum("tokens", filter=Q(rate__isnull=True)),
    "billionths": Sum("cost"),
}


def figures_of(row: Mapping[str, Any]) -> Figures:
    """The figures of a row that SUMS were asked of."""
    return figures_from(row[name] for name in SUMS)


def figures_from(sums: Iterable[int | None]) -> Figures:
    """The same from the sums themselves, in the order of SUMS."""
    given, output, cache_write, cache_read, unpriced, billionths = sums
    return Figures(given or 0, output or 0, cache_write or 0, cache_read or 0, unpriced or 0, billionths)


def total(parts: Iterable[Figures]) -> Figures:
    """A sum of its own, whatever was added up."""
    found = Figures()
    for part in parts:
        found.take_in(part)
    return found
