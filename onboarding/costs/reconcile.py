"""Estimate and bill side by side, by day and model, and why they differ, where anything tells.

An explanation holds where it could account for the difference; it is not a proof of it. What differs by less than one
in a hundred, or by no more than a cent, agrees and needs none, though tokens without a price are always told.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from statistics import median

from django.utils import timezone

from onboarding.costs import evidence
from onboarding.costs.billed import SETTLED_AFTER, Billed, totals
from onboarding.costs.evidence import Bill, Counted, Key, Usage
from onboarding.costs.explanations import Explanation, Reason
from onboarding.models import Account, LogSource

_AGREES, _CENT = Decimal("0.01"), Decimal("0.01")
# A discount is the same everywhere: so many lines at least, most of them within so much of their middle.
_FEWEST, _MOST, _SPREAD = 3, Decimal("0.8"), Decimal("0.02")


@dataclass(frozen=True, slots=True)
class Line:
    """One model on one UTC day in one account, in US dollars.

    `estimate` is None where nothing that was logged has a price, `billed` where AWS has charged nothing; `unpriced`
    counts tokens that are in no estimate. `is_settled`: AWS has billed everything of the day.
    """

    day: dt.date
    account: Account
    model: str
    estimate: Decimal | None
    billed: Decimal | None
    unpriced: int = 0
    is_settled: bool = False
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
        return not self.agrees and all(explanation.is_note for explanation in self.explanations)


@dataclass(frozen=True, slots=True)
class Surcharge:
    """AWS charges more than was estimated on nearly all lines of an account: by so many percent of the estimate."""

    account: Account
    percent: int


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """Lines by day, account and model. `bill` is all that AWS charged. The sums are of settled lines, so that they
    compare, and are those of the page of costs.
    """

    lines: tuple[Line, ...]
    bill: Billed
    surcharges: tuple[Surcharge, ...] = ()

    @property
    def estimate(self) -> Decimal:
        return sum((line.estimate for line in self.lines if line.is_settled and line.estimate is not None), Decimal())

    @property
    def billed(self) -> Decimal | None:
        """None where nothing is billed in full yet."""
        amounts = [line.billed for line in self.lines if line.is_settled and line.billed is not None]
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


def _percent(difference: Decimal | None, estimate: Decimal | None) -> Decimal | None:
    if difference is None or not estimate:
        return None
    return (difference / estimate * 100).quantize(Decimal("0.1"), ROUND_HALF_UP)


def _agree(estimate: Decimal | None, billed: Decimal | None) -> bool:
    """Where a side says nothing, what the other says counts as if it said nothing was used, or charged."""
    if estimate is None and billed is None:
        return True
    estimate, billed = estimate or Decimal(), billed or Decimal()
    return abs(billed - estimate) <= max(_CENT, abs(billed) * _AGREES)


def reconcile(
    since: dt.date, until: dt.date, *, account_ids: Collection[int] | None = None, now: dt.datetime | None = None
) -> Reconciliation:
    """The days from `since` to before `until`. `account_ids` are primary keys; None: every account.

    Seven queries, and one where an account's last charge lies behind the others'.
    """
    accounts = {account.pk: account for account in Account.objects.all()}
    chosen = set(accounts) if account_ids is None else set(account_ids)
    bills, usage = evidence.bills(since, until, chosen), evidence.usage(since, until, chosen)
    bill = totals(since, until, account_ids=chosen)
    known = _Known(
        now=now or timezone.now(),
        bills=bills,
        usage=usage,
        counted=evidence.counted(since, until, chosen),
        sources=evidence.sources(chosen),
        accounts=accounts,
        as_of=bill.as_of,
    )
    known.find_discounts()
    return Reconciliation(
        lines=tuple(known.line(key) for key in sorted({*bills, *usage})),
        bill=bill,
        surcharges=tuple(known.surcharges()),
    )


@dataclass
class _Known:
    """Everything that lines and their explanations are made of."""

    now: dt.datetime
    bills: Mapping[Key, Bill]
    usage: Mapping[Key, Usage]
    counted: Counted
    sources: Mapping[int, list[LogSource]]
    accounts: Mapping[int, Account]
    as_of: dt.date | None  # up to when every account that is billed is billed in full
    # What AWS charges of an estimate, where that is the same everywhere; by account.
    ratios: dict[int, Decimal] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.billed_days = {(key.day, key.account) for key in self.bills}
        self.billed_accounts = {key.account for key in self.bills if self._is_in_full(key.day)}

    def line(self, key: Key) -> Line:
        bill, used = self.bills.get(key), self.usage.get(key)
        return Line(
            day=key.day,
            account=self.accounts[key.account],
            model=key.model,
            estimate=used.cost if used else None,
            billed=bill.amount if bill else None,
            unpriced=used.unpriced if used else 0,
            is_settled=self._is_settled(key),
            explanations=tuple(self._explanations(key)),
        )

    def find_discounts(self) -> None:
        by_account: dict[int, list[Decimal]] = defaultdict(list)
        for key in self.bills.keys() & self.usage.keys():
            if (ratio := self._ratio(key)) is not None:
                by_account[key.account].append(ratio)
        self.ratios = {account: ratio for account, found in by_account.items() if (ratio := _common(found))}

    def surcharges(self) -> Iterator[Surcharge]:
        for account, ratio in sorted(self.ratios.items()):
            if ratio > 1 + _AGREES:
                yield Surcharge(self.accounts[account], round((ratio - 1) * 100))

    def _ratio(self, key: Key) -> Decimal | None:
        """What AWS charges of the estimate, of a line that has everything."""
        used, bill = self.usage[key], self.bills[key]
        is_whole = not used.unpriced and not self._lacks_logs(key) and not self._is_late(key)
        return bill.amount / used.cost if used.cost and bill.amount > 0 and is_whole else None

    # --- Why

    def _explanations(self, key: Key) -> Iterator[Explanation]:
        """Those that hold for a line, the surest first."""
        bill, used = self.bills.get(key), self.usage.get(key, Usage(None, 0, 0))
        amount = bill.amount if bill else None
        agrees, is_short = _agree(used.cost, amount), (amount or 0) > (used.cost or 0)
        if (key.day, key.account) not in self.billed_days and not self._is_settled(key):
            yield Explanation(Reason.NOT_BILLED)
        elif not agrees and self._is_late(key):
            yield Explanation(Reason.LATE)
        if used.unpriced:
            yield Explanation(Reason.UNPRICED, tokens=used.unpriced)
        if not agrees and is_short and self._lacks_logs(key):
            yield Explanation(Reason.MISSING_LOGS, tokens=self.counted.tokens.get(key, 0) - used.tokens)
        if not agrees and is_short and self._is_unread(key):
            yield Explanation(Reason.UNREAD)
        if not agrees and used.cost and amount:
            yield from self._discount(key, amount / used.cost)
        if not agrees and bill is not None and bill.is_estimated:
            yield Explanation(Reason.ESTIMATED)

    def _is_in_full(self, day: dt.date) -> bool:
        return self.as_of is not None and day <= self.as_of

    def _is_settled(self, key: Key) -> bool:
        """Whether AWS has billed everything of a day, of an account that it bills at all: what nothing stands against
        is no difference.
        """
        return self._is_in_full(key.day) and key.account in self.billed_accounts

    def _is_late(self, key: Key) -> bool:
        over = dt.datetime.combine(key.day + dt.timedelta(days=1), dt.time(), dt.UTC)
        return self.now < over + SETTLED_AFTER

    def _lacks_logs(self, key: Key) -> bool:
        """Whether CloudWatch counted more than was logged: by more than one in a hundred, as coverage says it."""
        used = self.usage.get(key)
        return self.counted.tokens.get(key, 0) * (1 - _AGREES) > (used.tokens if used else 0)

    def _is_unread(self, key: Key) -> bool:
        """Whether the logs of a Region, as far as there are any, were not read up to the end of the day, and something
        may be in them.
        """
        over = dt.datetime.combine(key.day + dt.timedelta(days=1), dt.time(), dt.UTC)
        sources = self.sources.get(key.account, [])
        return not sources or any(
            not _is_read(source, over) and self._may_be_used(source, key.day, over) for source in sources
        )

    def _may_be_used(self, source: LogSource, day: dt.date, over: dt.datetime) -> bool:
        """Whether CloudWatch counted anything in a Region on a day, or was not asked since the day was over."""
        is_known = source.control_at is not None and source.control_at >= over
        return not is_known or (day, source.account_id, source.region) in self.counted.places

    def _discount(self, key: Key, ratio: Decimal) -> Iterator[Explanation]:
        common = self.ratios.get(key.account)
        if common is None or abs(ratio / common - 1) > _SPREAD:
            return
        multiplier = self.accounts[key.account].price_multiplier
        off_list = round((1 - common * multiplier) * 100)
        reason = Reason.SURCHARGE if ratio > 1 else Reason.DISCOUNT
        yield Explanation(reason, percent=off_list, expected=round((1 - multiplier) * 100))


def _is_read(source: LogSource, until: dt.datetime) -> bool:
    if source.off_since:
        return source.off_since >= until
    return source.read_until is not None and source.read_until >= until


def _common(ratios: Iterable[Decimal]) -> Decimal | None:
    """The middle of these, where nearly all of them are about the same."""
    found = list(ratios)
    if len(found) < _FEWEST:
        return None
    middle = median(found)
    close = sum(abs(ratio / middle - 1) <= _SPREAD for ratio in found)
    return middle if close >= len(found) * _MOST else None
