"""What usage costs by the price table: the one place where a price becomes a rate.

A rate is what an entry is multiplied by: millionths of a US dollar per million tokens, after the account's
multiplier. What has no price has no rate; it is never taken for zero, and never guessed from another price.
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from itertools import pairwise
from typing import NamedTuple

from django.db import connection

from onboarding.models import Account, Price

# What has prices of its own: model, endpoint kind, token class, whether it is the price of long prompts.
Priced = tuple[str, str, str, bool]

_PLACES = 6


class Metered(NamedTuple):
    """Everything of a usage entry, but its day, that its rate hangs on. `account_id` is a primary key."""

    account_id: int
    model_id: str
    endpoint_kind: str
    is_long_prompt: bool
    token_class: str


class Stretch(NamedTuple):
    """UTC days, `until` not among them, on which one rate holds; no rate: unpriced."""

    since: dt.date
    until: dt.date
    rate: int | None


@dataclass(frozen=True, slots=True)
class Periods:
    """The prices of one thing through time: `usd[n]` per million tokens from the UTC day `days[n]` on."""

    days: tuple[dt.date, ...]
    usd: tuple[Decimal, ...]

    def on(self, day: dt.date) -> Decimal | None:
        """The price in force on a day; none before the first began."""
        position = bisect_right(self.days, day)
        return self.usd[position - 1] if position else None


@dataclass(frozen=True, slots=True)
class PriceBook:
    """The price table at one moment, with every account's multiplier. It answers from memory."""

    periods: Mapping[Priced, Periods]
    multipliers: Mapping[int, Decimal]
    _rates: dict[tuple[int, str, str, str, bool, dt.date], int | None] = field(default_factory=dict, repr=False)

    @classmethod
    def load(cls) -> PriceBook:
        """Read all prices and all multipliers: two queries."""
        multipliers = dict(Account.objects.values_list("pk", "price_multiplier"))
        return cls(_periods(Price.objects.order_by("valid_from")), multipliers)

    def rate(
        self,
        *,
        account_id: int,
        model_id: str,
        endpoint_kind: str,
        token_class: str,
        is_long_prompt: bool,
        day: dt.date,
    ) -> int | None:
        """Millionths of a US dollar per million tokens, rounded half up; None: unpriced.

        `account_id` is the account's primary key. Raises KeyError for an account that came after the book was read.
        """
        key = (account_id, model_id, endpoint_kind, token_class, is_long_prompt, day)
        if key not in self._rates:
            price = self.price(model_id, endpoint_kind, token_class, is_long_prompt=is_long_prompt, day=day)
            self._rates[key] = None if price is None else rate_of(price, self.multipliers[account_id])
        return self._rates[key]

    def price(
        self, model_id: str, endpoint_kind: str, token_class: str, *, is_long_prompt: bool, day: dt.date
    ) -> Decimal | None:
        """USD per million tokens by the list. A long prompt without a price of its own has the ordinary one."""
        for is_long in (True, False) if is_long_prompt else (False,):
            periods = self.periods.get((model_id, endpoint_kind, token_class, is_long))
            price = periods.on(day) if periods else None
            if price is not None:
                return price
        return None

    def stretches(self, metered: Metered, since: dt.date, until: dt.date) -> Iterator[Stretch]:
        """The days from `since` up to `until`, cut where a price begins."""
        starts = {
            day
            for is_long in {False, metered.is_long_prompt}
            if (periods := self.periods.get((*metered[1:3], metered.token_class, is_long)))
            for day in periods.days
            if since < day < until
        }
        for first, end in pairwise([since, *sorted(starts), until]):
            yield Stretch(first, end, self.rate(**metered._asdict(), day=first))


def hold_prices() -> None:
    """Let nobody write a price until this transaction ends: prices that are read from here on hold for what it writes.

    Whoever changes a price gives it to the usage of its days, and sees no row that is not committed. So ingestion
    holds the table before it reads it: what changes a price waits, and then finds the rows; and ingestion waits for
    whoever changed one, and then reads it. Several ingestions hold it at once. It comes before any usage entry is
    locked, as a price is written before its entries are: so nobody waits in a circle. SQLite has one writer at a time.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"LOCK TABLE {connection.ops.quote_name(Price._meta.db_table)} IN SHARE MODE")


def rate_of(price: Decimal, multiplier: Decimal) -> int:
    """The rate of a price in USD per million tokens. Exact up to its rounding: both have few enough digits."""
    return int((price * multiplier).scaleb(_PLACES).to_integral_value(ROUND_HALF_UP))


def _periods(prices: Iterable[Price]) -> dict[Priced, Periods]:
    """Prices, oldest first, by what they are of."""
    found: dict[Priced, list[Price]] = {}
    for price in prices:
        key = (price.model_id, price.endpoint_kind, price.token_class, price.is_long_prompt)
        found.setdefault(key, []).append(price)
    return {
        key: Periods(tuple(row.valid_from for row in rows), tuple(row.usd_per_million for row in rows))
        for key, rows in found.items()
    }
