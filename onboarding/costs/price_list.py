"""The price table to look at: what is in force, what begins later, and what was used without a price."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Max, Min, Sum

from onboarding.enums import EndpointKind, TokenClass
from onboarding.models import Price, UsageEntry

_KINDS = [kind.value for kind in EndpointKind]


@dataclass(frozen=True, slots=True)
class Line:
    """The prices of one model and endpoint kind, of ordinary or of long prompts; one for each token class, or None."""

    model_id: str
    endpoint_kind: str
    is_long_prompt: bool
    prices: tuple[Price | None, ...]

    @property
    def kind(self) -> str:
        return str(EndpointKind(self.endpoint_kind).label)

    @property
    def origins(self) -> list[tuple[dt.date, str]]:
        """Since when they hold and where they come from, each once; the newest first."""
        return sorted({(price.valid_from, price.source) for price in self.prices if price}, reverse=True)


@dataclass(frozen=True, slots=True)
class Unpriced:
    """Tokens of one class that were used without a price, and on which days. No endpoint kind: nobody knows it."""

    model_id: str
    endpoint_kind: str
    token_class: str
    tokens: int
    first: dt.date
    last: dt.date

    @property
    def kind(self) -> str:
        return str(EndpointKind(self.endpoint_kind).label) if self.endpoint_kind else ""

    @property
    def name(self) -> str:
        """Of the token class."""
        return str(TokenClass(self.token_class).label)


def in_force(prices: Iterable[Price], on: dt.date) -> list[Line]:
    """By model, endpoint kind, and then ordinary prompts before long ones."""
    newest: dict[tuple[str, str, bool], dict[str, Price]] = {}
    for price in sorted(prices, key=lambda price: price.valid_from):
        if price.valid_from <= on:
            thing = (price.model_id, price.endpoint_kind, price.is_long_prompt)
            newest.setdefault(thing, {})[price.token_class] = price
    return [
        Line(*thing, tuple(newest[thing].get(token_class) for token_class in TokenClass))
        for thing in sorted(newest, key=lambda thing: (thing[0], _KINDS.index(thing[1]), thing[2]))
    ]


def later(prices: Iterable[Price], on: dt.date) -> list[Price]:
    """What is not in force yet, by the day it begins."""
    return sorted(
        (price for price in prices if price.valid_from > on),
        key=lambda price: (price.valid_from, price.model_id, price.endpoint_kind, price.token_class),
    )


def unpriced() -> list[Unpriced]:
    """All usage that has no price, the most tokens first. One query, through an index of such entries only."""
    rows = (
        UsageEntry.objects.filter(rate__isnull=True, tokens__gt=0)
        .values_list("meter__model_id", "meter__endpoint_kind", "token_class")
        .annotate(count=Sum("tokens"), first=Min("day"), last=Max("day"))
        .order_by("-count", "meter__model_id", "token_class")
    )
    return [Unpriced(*row) for row in rows]
