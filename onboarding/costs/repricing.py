"""Rates of usage that is stored already: given where there was none, and on demand set anew.

Usage is priced when it enters the ledger. A price that is added later prices what had none, and what this month has of
its days; what was priced before keeps its rate until an admin runs `reprice`, which says what it changed and leaves an
audit event. All write one statement for all entries with the same price, so neither their memory nor their number of
queries grows with the ledger.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from django.db import transaction
from django.db.models import Count, Max, Min, Q, QuerySet, Sum

from onboarding.costs.money import usd
from onboarding.costs.prices import Metered, PriceBook, Stretch
from onboarding.models import AuditEvent, LogSource, Meter, Price, UsageEntry


@dataclass(frozen=True, slots=True)
class Total:
    """What entries cost together, and how many of them have no price and are not in it."""

    cost: Decimal
    unpriced: int


@dataclass(frozen=True, slots=True)
class Repricing:
    """What `reprice` did: how many of the `entries` of these days got another rate, or lost one."""

    entries: int
    changed: int
    before: Total
    after: Total


def price_unpriced(
    *, since: dt.date | None = None, model_id: str | None = None, source: LogSource | None = None
) -> int:
    """Give a rate to entries that have none, where today's table has a price for their day. How many got one.

    `since` and `model_id` narrow it down to what a new price can concern, `source` to what was read from one.
    """
    entries = UsageEntry.objects.filter(rate__isnull=True)
    if since is not None:
        entries = entries.filter(day__gte=since)
    if model_id is not None:
        entries = entries.filter(meter__in=Meter.objects.filter(model_id=model_id))
    if source is not None:
        entries = entries.filter(meter__in=Meter.objects.filter(account=source.account_id, region=source.region))
    lots = _by_rate(entries, PriceBook.load())
    return sum(found.update(rate=stretch.rate) for stretch, found in lots if stretch.rate is not None)


def price_anew(price: Price, *, since: dt.date) -> int:
    """Set the rate of the usage that a price is of, from its first day or `since` on, whichever is later, until the
    next price of the same thing begins. How many entries got another rate.

    The rate is that of today's table and multipliers. Long prompts are among them where they have no price of their
    own.
    """
    thing = {name: getattr(price, name) for name in ("model_id", "endpoint_kind", "token_class", "is_long_prompt")}
    until = Price.objects.filter(**thing, valid_from__gt=price.valid_from).aggregate(day=Min("valid_from"))["day"]
    meters = Meter.objects.filter(model_id=price.model_id, endpoint_kind=price.endpoint_kind)
    if price.is_long_prompt:
        meters = meters.filter(is_long_prompt=True)
    entries = UsageEntry.objects.filter(meter__in=meters, token_class=price.token_class)
    entries = entries.filter(day__gte=max(price.valid_from, since), day__lt=until or dt.date.max)
    return sum(_set(found, stretch.rate) for stretch, found in _by_rate(entries, PriceBook.load()))


@transaction.atomic
def reprice(since: dt.date, until: dt.date, *, actor: str, reason: str, is_dry_run: bool = False) -> Repricing:
    """Set the rate of every entry from `since` up to `until` (exclusive) from today's table and multipliers.

    An entry for which the table has no price loses its rate. A dry run does all of it and takes it back. Raises
    ValueError when there is no day in between.
    """
    if since >= until:
        raise ValueError("until is not after since")
    entries = UsageEntry.objects.filter(day__gte=since, day__lt=until)
    count, before = entries.count(), _total(entries)
    changed = sum(_set(found, stretch.rate) for stretch, found in _by_rate(entries, PriceBook.load()))
    done = Repricing(count, changed, before, _total(entries))
    if is_dry_run:
        transaction.set_rollback(True)
    else:
        _record(since, until, done, actor=actor, reason=reason)
    return done


def _set(entries: QuerySet[UsageEntry], rate: int | None) -> int:
    """How many had another rate. In SQL a NULL differs from nothing, so it is asked for by name."""
    others = Q(rate__isnull=False) if rate is None else Q(rate__isnull=True) | ~Q(rate=rate)
    return entries.filter(others).update(rate=rate)


def _by_rate(entries: QuerySet[UsageEntry], book: PriceBook) -> Iterator[tuple[Stretch, QuerySet[UsageEntry]]]:
    """Entries in lots that have one rate by the book, which is that of the stretch of days."""
    grouped = entries.values_list(*_METERED, "token_class").annotate(Min("day"), Max("day")).order_by()
    for *keys, first, last in list(grouped):
        metered = Metered(*keys)
        meters = Meter.objects.filter(**dict(zip(Metered._fields[:-1], metered, strict=False)))
        lot = entries.filter(meter__in=meters, token_class=metered.token_class)
        for stretch in book.stretches(metered, first, last + dt.timedelta(days=1)):
            yield stretch, lot.filter(day__gte=stretch.since, day__lt=stretch.until)


_METERED = tuple(f"meter__{name}" for name in Metered._fields[:-1])


def _total(entries: QuerySet[UsageEntry]) -> Total:
    found = entries.aggregate(cost=Sum("cost"), unpriced=Count("pk", filter=Q(rate__isnull=True)))
    return Total(usd(found["cost"] or 0), found["unpriced"])


def _record(since: dt.date, until: dt.date, done: Repricing, *, actor: str, reason: str) -> None:
    AuditEvent.objects.record(
        actor=actor,
        action="usage.repriced",
        target=f"{since}/{until}",
        since=str(since),
        until=str(until),
        reason=reason,
        entries=done.entries,
        changed=done.changed,
        cost_before=str(done.before.cost),
        cost_after=str(done.after.cost),
        unpriced_before=done.before.unpriced,
        unpriced_after=done.after.unpriced,
    )
