"""Estimate and bill side by side, by day and model, and why they differ, where anything tells.

An explanation holds where it could account for the difference; it is not a proof of it. What differs by less than one
in a hundred, or by no more than a cent, agrees and needs none, though tokens without a price are always told.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from statistics import median
from typing import NamedTuple

from django.db.models import Count, Q, Sum
from django.utils import timezone

from onboarding.catalog import model_label
from onboarding.costs.billed import SETTLED_AFTER, counted
from onboarding.costs.explanations import Explanation, Reason
from onboarding.costs.money import usd
from onboarding.models import Account, ApplicationProfile, ControlTotal, LogSource, UsageEntry

_AGREES, _CENT = Decimal("0.01"), Decimal("0.01")
# A discount is the same everywhere: so many lines at least, most of them within so much of their middle.
_FEWEST, _MOST, _SPREAD = 3, Decimal("0.8"), Decimal("0.02")


class Key(NamedTuple):
    """What a line is about. `account` is a primary key; `model` is a name, such as `Claude Sonnet 4.6`."""

    day: dt.date
    account: int
    model: str


@dataclass(frozen=True, slots=True)
class Line:
    """One model on one UTC day in one account, in US dollars.

    `estimate` is None where nothing that was logged has a price, `billed` where AWS has charged nothing; `unpriced`
    counts tokens that are in no estimate.
    """

    day: dt.date
    account: Account
    model: str
    estimate: Decimal | None
    billed: Decimal | None
    unpriced: int = 0
    explanations: tuple[Explanation, ...] = ()

    @property
    def difference(self) -> Decimal | None:
        """How much more AWS charged than was estimated; less than nothing where it charged less."""
        return None if self.estimate is None or self.billed is None else self.billed - self.estimate

    @property
    def percent(self) -> Decimal | None:
        """The difference in percent of the estimate, to a tenth."""
        return _percent(self.difference, self.estimate)

    @property
    def agrees(self) -> bool:
        return _agree(self.estimate, self.billed)

    @property
    def is_unexplained(self) -> bool:
        return not self.agrees and not self.explanations


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """Lines by day, account and model. The sums are those of the days that AWS has billed, so that they compare."""

    lines: tuple[Line, ...]

    @property
    def estimate(self) -> Decimal:
        return sum((line.estimate for line in self._billed() if line.estimate is not None), Decimal())

    @property
    def billed(self) -> Decimal | None:
        """None where nothing was billed yet."""
        amounts = [line.billed for line in self._billed() if line.billed is not None]
        return sum(amounts, Decimal()) if amounts else None

    @property
    def difference(self) -> Decimal | None:
        return None if self.billed is None else self.billed - self.estimate

    @property
    def percent(self) -> Decimal | None:
        return _percent(self.difference, self.estimate)

    @property
    def unexplained(self) -> int:
        """How many lines differ, and nothing tells why."""
        return sum(line.is_unexplained for line in self.lines)

    def _billed(self) -> Iterator[Line]:
        days = {(line.day, line.account.pk) for line in self.lines if line.billed is not None}
        return (line for line in self.lines if (line.day, line.account.pk) in days)


def _percent(difference: Decimal | None, estimate: Decimal | None) -> Decimal | None:
    return (difference / estimate * 100).quantize(Decimal("0.1")) if difference is not None and estimate else None


def _agree(estimate: Decimal | None, billed: Decimal | None) -> bool:
    """Where a side says nothing, what the other says counts as if it said nothing was used, or charged."""
    if estimate is None and billed is None:
        return True
    estimate, billed = estimate or Decimal(), billed or Decimal()
    return abs(billed - estimate) <= max(_CENT, abs(billed) * _AGREES)


def reconcile(
    since: dt.date, until: dt.date, *, account_ids: Collection[int] | None = None, now: dt.datetime | None = None
) -> Reconciliation:
    """The days from `since` to before `until`. `account_ids` are primary keys; None: every account. Six queries."""
    accounts = {account.pk: account for account in Account.objects.all()}
    chosen = set(accounts) if account_ids is None else set(account_ids)
    bills, usage = _bills(since, until, chosen), _usage(since, until, chosen)
    known = _Known(
        now=now or timezone.now(),
        bills=bills,
        usage=usage,
        counted=_counted(since, until, chosen),
        sources=_sources(chosen),
        accounts=accounts,
    )
    known.find_discounts()
    return Reconciliation(tuple(known.line(key) for key in sorted({*bills, *usage})))


# --- What is known of the days


class _Bill(NamedTuple):
    amount: Decimal
    is_estimated: bool


class _Usage(NamedTuple):
    """`cost` is None where nothing of it has a price."""

    cost: Decimal | None
    tokens: int
    unpriced: int


def _bills(since: dt.date, until: dt.date, accounts: Collection[int]) -> dict[Key, _Bill]:
    rows = counted(since, until, account_ids=accounts).values_list("day", "account", "model")
    sums = rows.annotate(billionths=Sum("amount"), estimated=Count("pk", filter=Q(is_estimated=True)))
    return {Key(*key): _Bill(usd(int(amount)), estimated > 0) for *key, amount, estimated in sums}


def _usage(since: dt.date, until: dt.date, accounts: Collection[int]) -> dict[Key, _Usage]:
    entries = UsageEntry.objects.filter(day__gte=since, day__lt=until, meter__account__in=accounts).order_by()
    sums = entries.values_list("day", "meter__account", "meter__model_id").annotate(
        billionths=Sum("cost"), count=Sum("tokens"), unpriced=Sum("tokens", filter=Q(rate__isnull=True))
    )
    found: dict[Key, _Usage] = {}
    for day, account, model_id, amount, tokens, unpriced in sums:
        key = Key(day, account, model_label(model_id))
        before = found.get(key, _Usage(None, 0, 0))
        cost = before.cost if amount is None else usd(int(amount)) + (before.cost or 0)
        found[key] = _Usage(cost, before.tokens + int(tokens), before.unpriced + int(unpriced or 0))
    return found


def _counted(since: dt.date, until: dt.date, accounts: Collection[int]) -> Mapping[Key, int]:
    """Tokens that CloudWatch counted."""
    profiles = dict(ApplicationProfile.objects.values_list("arn", "model_id"))
    totals = ControlTotal.objects.filter(day__gte=since, day__lt=until, account__in=accounts).order_by()
    found: dict[Key, int] = defaultdict(int)
    for day, account, named, tokens in totals.values_list("day", "account", "model_id").annotate(count=Sum("tokens")):
        found[Key(day, account, model_label(profiles.get(named, named)))] += int(tokens)
    return found


def _sources(accounts: Collection[int]) -> Mapping[int, list[LogSource]]:
    found: dict[int, list[LogSource]] = defaultdict(list)
    for source in LogSource.objects.filter(account__in=accounts):
        found[source.account_id].append(source)
    return found


@dataclass
class _Known:
    """Everything that lines and their explanations are made of."""

    now: dt.datetime
    bills: Mapping[Key, _Bill]
    usage: Mapping[Key, _Usage]
    counted: Mapping[Key, int]
    sources: Mapping[int, list[LogSource]]
    accounts: Mapping[int, Account]
    # What AWS charges of an estimate, where that is the same everywhere; by account.
    ratios: dict[int, Decimal] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.billed_days = {(key.day, key.account) for key in self.bills}

    def line(self, key: Key) -> Line:
        bill, used = self.bills.get(key), self.usage.get(key)
        return Line(
            day=key.day,
            account=self.accounts[key.account],
            model=key.model,
            estimate=used.cost if used else None,
            billed=bill.amount if bill else None,
            unpriced=used.unpriced if used else 0,
            explanations=tuple(self._explanations(key)),
        )

    def find_discounts(self) -> None:
        by_account: dict[int, list[Decimal]] = defaultdict(list)
        for key in self.bills.keys() & self.usage.keys():
            if (ratio := self._ratio(key)) is not None:
                by_account[key.account].append(ratio)
        self.ratios = {account: ratio for account, found in by_account.items() if (ratio := _common(found))}

    def _ratio(self, key: Key) -> Decimal | None:
        """What AWS charges of the estimate, of a line that has everything."""
        used, bill = self.usage[key], self.bills[key]
        is_whole = not used.unpriced and not self._lacks_logs(key) and not self._is_late(key)
        return bill.amount / used.cost if used.cost and bill.amount > 0 and is_whole else None

    # --- Why

    def _explanations(self, key: Key) -> Iterator[Explanation]:
        """Those that hold for a line, the surest first."""
        bill, used = self.bills.get(key), self.usage.get(key, _Usage(None, 0, 0))
        amount = bill.amount if bill else None
        agrees, is_short = _agree(used.cost, amount), (amount or 0) > (used.cost or 0)
        if (key.day, key.account) not in self.billed_days:
            yield Explanation(Reason.NOT_BILLED)
        elif not agrees and self._is_late(key):
            yield Explanation(Reason.LATE)
        if used.unpriced:
            yield Explanation(Reason.UNPRICED, tokens=used.unpriced)
        if not agrees and is_short and self._lacks_logs(key):
            yield Explanation(Reason.MISSING_LOGS, tokens=self.counted.get(key, 0) - used.tokens)
        if not agrees and is_short and self._is_unread(key):
            yield Explanation(Reason.UNREAD)
        if not agrees and used.cost and amount:
            yield from self._discount(key, amount / used.cost)
        if not agrees and bill is not None and bill.is_estimated:
            yield Explanation(Reason.ESTIMATED)

    def _is_late(self, key: Key) -> bool:
        over = dt.datetime.combine(key.day + dt.timedelta(days=1), dt.time(), dt.UTC)
        return self.now < over + SETTLED_AFTER

    def _lacks_logs(self, key: Key) -> bool:
        """Whether CloudWatch counted more than was logged: by more than one in a hundred, as coverage says it."""
        used = self.usage.get(key)
        return self.counted.get(key, 0) * (1 - _AGREES) > (used.tokens if used else 0)

    def _is_unread(self, key: Key) -> bool:
        """Whether the logs of a Region, as far as there are any, were not read up to the end of the day."""
        over = dt.datetime.combine(key.day + dt.timedelta(days=1), dt.time(), dt.UTC)
        sources = self.sources.get(key.account, [])
        return not sources or any(
            source.off_since < over if source.off_since else source.read_until is None or source.read_until < over
            for source in sources
        )

    def _discount(self, key: Key, ratio: Decimal) -> Iterator[Explanation]:
        common = self.ratios.get(key.account)
        if common is None or abs(ratio / common - 1) > _SPREAD:
            return
        multiplier = self.accounts[key.account].price_multiplier
        off_list = round((1 - common * multiplier) * 100)
        yield Explanation(Reason.DISCOUNT, percent=off_list, expected=round((1 - multiplier) * 100))


def _common(ratios: Iterable[Decimal]) -> Decimal | None:
    """The middle of these, where nearly all of them are about the same."""
    found = list(ratios)
    if len(found) < _FEWEST:
        return None
    middle = median(found)
    close = sum(abs(ratio / middle - 1) <= _SPREAD for ratio in found)
    return middle if close >= len(found) * _MOST else None
