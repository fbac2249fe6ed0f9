"""Counting: records in, tokens by day, caller and model out; each request once.

A request is known by eight bytes of its id, which logs give as a random UUID.
"""

from __future__ import annotations

import datetime as dt
from array import array
from binascii import unhexlify
from collections import defaultdict, deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import NamedTuple

from onboarding.catalog import SHORT_PROMPT_TOKENS, long_prompt_tokens
from onboarding.costs.records import Record

# How long the ledger remembers which requests it has counted. What is older is refused, since nobody could tell
# whether it was counted before.
REMEMBERED = dt.timedelta(days=100)
_AHEAD = dt.timedelta(days=1)
# Deliveries come in the order of their hours, more or less.
_HOURS_AT_HAND = 3
_UUID, _DIGITS, _DASHES = 36, 32, (8, 13, 18, 23)
_HOUR = len("2026-11-20T14")


class Used(NamedTuple):
    """What a tally adds up by: the UTC day, the caller's ARN, the model as the log names it, and the prompt's size."""

    day: dt.date
    arn: str
    model: str
    is_long_prompt: bool


@dataclass(slots=True)
class Counts:
    """Tokens. `cache_write` is what no log says the time of; the other two are what one said."""

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0
    cache_write_5m: int = 0
    cache_write_1h: int = 0

    def add_writes(self, tokens: int, hour_writes: int | None) -> None:
        """Tokens written to the prompt cache, and how many of them an event said to be kept for an hour."""
        if hour_writes is None:
            self.cache_write += tokens
        else:
            kept = min(hour_writes, tokens)
            self.cache_write_1h += kept
            self.cache_write_5m += tokens - kept


@dataclass(slots=True)
class Hour:
    """The requests of one hour: the ids that are in the ledger, and behind them those that no row has yet.

    `known` is the same as a set, while it is at hand: it takes ten times the memory.
    """

    start: dt.datetime
    ids: array[int]
    written: int
    known: set[int] | None = None

    @property
    def new(self) -> array[int]:
        return self.ids[self.written :]

    def at_hand(self) -> set[int]:
        if self.known is None:
            self.known = set(self.ids)
        return self.known


# By model and then by caller, as the log names them.
_Sums = dict[str, dict[str, Counts]]
# What ordinary prompts used, and what long ones did.
_Day = tuple[_Sums, _Sums]


def _empty_day() -> _Day:
    return {}, {}


@dataclass
class Tally:
    """What was read since the last commit. `earlier` gives the ids that are in the ledger of an hour.

    `limit` says above how many tokens a prompt is long, by the model's name in the log. It never raises: what is being
    counted is known by then, and would be in no sum.
    """

    earlier: Callable[[dt.datetime], Iterable[int]]
    now: dt.datetime
    limit: Callable[[str], int] = long_prompt_tokens
    hours: dict[str, Hour | None] = field(default_factory=dict)
    lines: int = 0
    new: int = 0
    unreadable: int = 0
    too_old: int = 0
    latest_at: dt.datetime | None = None
    _days: defaultdict[dt.date, _Day] = field(default_factory=lambda: defaultdict(_empty_day))
    _at_hand: deque[Hour] = field(default_factory=deque)

    @property
    def duplicates(self) -> int:
        return self.lines - self.new - self.unreadable - self.too_old

    @property
    def spots(self) -> int:
        """How many sums there are."""
        return sum(len(callers) for day in self._days.values() for sums in day for callers in sums.values())

    @property
    def used(self) -> dict[Used, Counts]:
        return {
            Used(day, arn, model, is_long): counts
            for day, both in self._days.items()
            for is_long, sums in zip((False, True), both, strict=True)
            for model, callers in sums.items()
            for arn, counts in callers.items()
        }

    def add(self, records: list[Record], unreadable: int = 0) -> None:
        """Count what was not counted before."""
        self.lines += len(records) + unreadable
        self.unreadable += unreadable
        ids = request_ids([record.request_id for record in records])
        times = [record.timestamp for record in records]
        # In the order of text: what lies between two timestamps of one hour begins as they do.
        name = min(times, default="")[:_HOUR]
        if name and max(times).startswith(name) and (hour := self._hour(name)) is not None:
            self._count(hour.start.date(), self._unseen(hour, records, ids))
        elif records:
            self._add_mixed(records, ids)

    def _add_mixed(self, records: list[Record], ids: array[int]) -> None:
        by_hour: dict[str, tuple[list[Record], array[int]]] = {}
        for record, request in zip(records, ids, strict=True):
            rows, theirs = by_hour.setdefault(record.timestamp[:_HOUR], ([], array("Q")))
            rows.append(record)
            theirs.append(request)
        for name, (rows, theirs) in by_hour.items():
            hour = self._hour(name)
            if hour is not None:
                self._count(hour.start.date(), self._unseen(hour, rows, theirs))
            elif (start := _start(name)) is not None and start < self.now:
                self.too_old += len(rows)
            else:
                self.unreadable += len(rows)

    def _unseen(self, hour: Hour, records: list[Record], ids: array[int]) -> list[Record]:
        """The usual case is that none was seen: then none is looked up. What comes again comes from its beginning."""
        known = hour.at_hand()
        before = len(known)
        if ids[0] not in known:
            known.update(ids)
            if len(known) == before + len(ids):
                hour.ids.extend(ids)
                self.new += len(ids)
                return records
            known.clear()
            known.update(hour.ids)
        unseen = []
        for record, request in zip(records, ids, strict=True):
            if request not in known:
                known.add(request)
                hour.ids.append(request)
                unseen.append(record)
        self.new += len(unseen)
        return unseen

    def _hour(self, name: str) -> Hour | None:
        """An hour by the beginning of its timestamps, with its set at hand; None for one that is not counted."""
        if name not in self.hours:
            self.hours[name] = self._opened(_start(name))
        hour = self.hours[name]
        if hour is not None and hour.known is None:
            self._at_hand.append(hour)
            if len(self._at_hand) > _HOURS_AT_HAND:
                self._at_hand.popleft().known = None
        return hour

    def _opened(self, start: dt.datetime | None) -> Hour | None:
        if start is None or start < self.now - REMEMBERED or start > self.now + _AHEAD:
            return None
        self.latest_at = max(self.latest_at or start, start)
        ids = array("Q", self.earlier(start))
        return Hour(start, ids, len(ids))

    def _count(self, day: dt.date, records: list[Record]) -> None:
        """The loop that every line goes through: what it looks up, it looks up once."""
        (short, long), limit = self._days[day], self.limit
        for record in records:
            output, given = record.output, record.input
            if output is None or given is None:
                # Refused; or a record that lost what was asked, whose tokens are in no figure.
                if output is not None:
                    self.new -= 1
                    self.unreadable += 1
                continue
            read, written = given.cache_read_input_token_count, given.cache_write_input_token_count
            tokens, model = given.input_token_count, record.model_id
            prompt = tokens + read + written
            sums = short if prompt <= SHORT_PROMPT_TOKENS or prompt <= limit(model) else long
            try:
                counts = sums[model][record.identity.arn]  # type: ignore[union-attr]  # asking first takes longer
            except (AttributeError, KeyError):
                counts = sums.setdefault(model, {}).setdefault(record.arn, Counts())
            counts.input += tokens
            counts.output += output.output_token_count
            counts.cache_read += read
            if (stream := output.output_body_json) is None:
                counts.cache_write += written
            else:
                counts.add_writes(written, stream.hour_writes)


def _start(name: str) -> dt.datetime | None:
    """`2026-11-20T14` as a moment; None for anything else."""
    try:
        return dt.datetime.strptime(name, "%Y-%m-%dT%H").replace(tzinfo=dt.UTC)
    except ValueError:
        return None


def request_ids(names: list[str]) -> array[int]:
    """Eight bytes of each request's id: of a UUID its first half, of anything else a digest."""
    of_uuids = _first_halves(names)
    return array("Q", map(_request_id, names)) if of_uuids is None else of_uuids


def _request_id(name: str) -> int:
    of_uuid = _first_halves([name])
    return _digest(name) if of_uuid is None else of_uuid[0]


def _first_halves(names: list[str]) -> array[int] | None:
    """Eight bytes of each of these UUIDs; None where any is none. All at once: one by one takes four times as long."""
    count, line = len(names), _UUID + len("\n")
    with suppress(ValueError):
        lines = "\n".join(names).encode()
        digits = lines.translate(None, b"-\n")
        in_place = all(lines[at::line] == b"-" * count for at in _DASHES) and lines[_UUID::line] == b"\n" * (count - 1)
        if in_place and len(digits) == count * _DIGITS:
            return array("Q", unhexlify(digits))[::2]
    return None


def _digest(name: str) -> int:
    return array("Q", blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).digest())[0]
