"""What changes prices: the table that Onramp comes with, an admin's own prices, and what an account pays of them.

Rows are history: a price holds until a later row of the same thing begins, and none is deleted. Every change is
audited in its own transaction. A row that is added prices the usage that had none, and holds for all usage of its days
in the present month, also where that has a price: otherwise the same day had two. What is older keeps its price, since
months that are over change by `reprice` alone.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from django.db import transaction
from django.utils import timezone

from onboarding.costs.prices import Priced
from onboarding.costs.repricing import price_anew, price_unpriced
from onboarding.models import Account, AuditEvent, Price

# Made by `make prices`; shipped with its date.
FILE = Path(__file__).resolve().parents[1] / "data" / "prices.json"


@dataclass(frozen=True, slots=True)
class Shipped:
    """The table that this release of Onramp comes with, and the package it was made from."""

    package: str
    version: str
    date: dt.date
    entries: tuple[dict[str, Any], ...]

    @property
    def name(self) -> str:
        return f"{self.package} {self.version}"

    def prices(self) -> Iterator[Price]:
        """Its rows, none of them saved."""
        for entry in self.entries:
            shared = {name: value for name, value in entry.items() if name != "usd_per_million"}
            shared["valid_from"] = dt.date.fromisoformat(entry["valid_from"])
            for token_class, figure in entry["usd_per_million"].items():
                yield Price(**shared, token_class=token_class, usd_per_million=Decimal(figure))


@dataclass(frozen=True, slots=True)
class Loaded:
    """How many rows of the shipped table were added, how many were left out, because they are there or because an
    admin's own price holds, how many usage entries got a price, and how many of this month another one.
    """

    added: int
    left_out: int
    priced: int
    repriced: int


@cache
def shipped() -> Shipped:
    document = json.loads(FILE.read_text(encoding="utf-8"))
    date = dt.date.fromisoformat(document["date"])
    return Shipped(document["package"], document["version"], date, tuple(document["prices"]))


@transaction.atomic
def load_shipped(*, actor: str) -> Loaded:
    """Add what the database lacks of the shipped table. Safe to repeat, and at once in several places.

    Nothing is overwritten: a row stays as it is, whatever its figure, and once an admin has a price of their own for
    something, no shipped price of it begins after theirs.
    """
    table = list(shipped().prices())
    missing, known = _missing(table), {_thing(price) for price in Price.objects.all()}
    # What had no price had no rate, but for long prompts: theirs was the ordinary one.
    others = [price for price in missing if price.is_long_prompt or _thing(price) in known]
    Price.objects.bulk_create(missing, ignore_conflicts=True)
    loaded = Loaded(
        added=len(missing),
        left_out=len(table) - len(missing),
        priced=price_unpriced(),
        repriced=sum(_price_this_month(price) for price in others),
    )
    if loaded.added or loaded.priced:
        AuditEvent.objects.record(
            actor=actor,
            action="prices.loaded",
            target=shipped().name,
            added=loaded.added,
            left_out=loaded.left_out,
            priced=loaded.priced,
            repriced=loaded.repriced,
        )
    return loaded


def _missing(table: Iterable[Price]) -> list[Price]:
    """Rows that are not there, and that begin before any price that is not of a shipped table."""
    there: set[tuple[Priced, dt.date]] = set()
    own: dict[Priced, dt.date] = {}
    for price in Price.objects.order_by("-valid_from"):
        there.add((_thing(price), price.valid_from))
        if not price.source.startswith(shipped().package):
            own[_thing(price)] = price.valid_from  # the oldest comes last
    return [
        price
        for price in table
        if (_thing(price), price.valid_from) not in there and price.valid_from < own.get(_thing(price), dt.date.max)
    ]


def _thing(price: Price) -> Priced:
    return price.model_id, price.endpoint_kind, price.token_class, price.is_long_prompt


# --- What admins change


@transaction.atomic
def add_price(price: Price, *, actor: str) -> int:
    """Save a new price, and give it to the usage from its day on that had none, and to all of this month; how many
    entries got it.

    `price` was cleaned. Raises IntegrityError where the thing has a price from that day on already.
    """
    price.save(force_insert=True)
    priced = price_unpriced(since=price.valid_from, model_id=price.model_id)
    repriced = _price_this_month(price)
    AuditEvent.objects.record(
        actor=actor,
        action="price.added",
        target=price.model_id,
        endpoint_kind=price.endpoint_kind,
        token_class=price.token_class,
        is_long_prompt=price.is_long_prompt,
        usd_per_million=_text(price.usd_per_million),
        valid_from=str(price.valid_from),
        source=price.source,
        priced=priced,
        repriced=repriced,
    )
    return priced + repriced


@transaction.atomic
def correct_price(price: Price, *, actor: str) -> bool:
    """Save another figure and source of a price that was entered wrong; False where it is so already.

    `price` was cleaned. What was priced with it in the present month is priced anew, and keeps its rate before that.
    """
    row = Price.objects.select_for_update().get(pk=price.pk)
    before = {"usd_per_million": _text(row.usd_per_million), "source": row.source}
    after = {"usd_per_million": _text(price.usd_per_million), "source": price.source}
    if before == after:
        return False
    row.usd_per_million, row.source = price.usd_per_million, price.source
    row.save(update_fields=["usd_per_million", "source"])
    AuditEvent.objects.record(
        actor=actor,
        action="price.corrected",
        target=row.model_id,
        endpoint_kind=row.endpoint_kind,
        token_class=row.token_class,
        is_long_prompt=row.is_long_prompt,
        valid_from=str(row.valid_from),
        before=before,
        after=after,
        repriced=_price_this_month(row),
    )
    return True


def _price_this_month(price: Price) -> int:
    return price_anew(price, since=timezone.now().date().replace(day=1))


@transaction.atomic
def change_multiplier(account: Account, multiplier: Decimal, *, actor: str, reason: str) -> bool:
    """What an account pays of list prices, for usage that is priced from now on; False where it is so already."""
    row = Account.objects.select_for_update().get(pk=account.pk)
    if row.price_multiplier == multiplier:
        return False
    before, row.price_multiplier = row.price_multiplier, multiplier
    row.save(update_fields=["price_multiplier"])
    AuditEvent.objects.record(
        actor=actor,
        action="account.multiplier_changed",
        target=row.account_id,
        before=_text(before),
        after=_text(multiplier),
        reason=reason,
    )
    return True


def _text(figure: Decimal) -> str:
    """Every digit that says something: `0.9`."""
    return f"{figure.normalize():f}"
