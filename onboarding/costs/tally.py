"""Counting: records in, tokens by day, caller and model out; each request once.

A request is known by eight bytes of its id, which logs give as a random UUID.
"""

from __future__ import annotations

import datetime as dt
from array import array
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import NamedTuple

from onboarding.catalog import LONG_PROMPT_TOKENS
from onboarding.costs.records import Identity, Record

# How long the ledger remembers which requests it has counted. What is older is refused, since nobody could tell
# whether it was counted before.
REMEMBERED = dt.timedelta(days=100)
_AHEAD = dt.timedelta(days=1)
_UUID = 36


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


@dataclass(slots=True)
class Hour:
    """The requests of one hour: all that are known, and those that no row has yet."""

    start: dt.datetime
    known: set[int]
    new: array[int] = field(default_factory=lambda: array("Q"))


@dataclass
class Tally:
    """What was read since the last commit. `earlier` gives the ids that are in the ledger of an hour."""

    earlier: Callable[[dt.datetime], Iterable[int]]
    now: dt.datetime
    used: dict[Used, Counts] = field(default_factory=dict)
    hours: dict[str, Hour | None] = field(default_factory=dict)
    lines: int = 0
    new: int = 0
    unreadable: int = 0
    too_old: int = 0
    latest_at: dt.datetime | None = None

    @property
    def duplicates(self) -> int:
        return self.lines - self.new - self.unreadable - self.too_old

    def add(self, records: list[Record], unreadable: int = 0) -> None:
        """Count what was not counted before."""
        self.lines += len(records) + unreadable
        self.unreadable += unreadable
        ids = request_ids([record.request_id for record in records])
        names = {record.timestamp[:13] for record in records}
        for name in names:
            self._open(name)
        if len(names) == 1 and (hour := self.hours[next(iter(names))]) is not None:
            self._add_hour(hour, records, ids)
        else:
            self._add_mixed(records, ids)

    def _add_hour(self, hour: Hour, records: list[Record], ids: array[int]) -> None:
        """The usual case, records of one hour: where nothing was seen before, nothing is asked one by one."""
        fresh = set(ids)
        if len(fresh) == len(ids) and fresh.isdisjoint(hour.known):
            hour.known |= fresh
            hour.new.extend(ids)
            self.new += len(ids)
            self._count(hour.start.date(), records)
        else:
            self._count(hour.start.date(), self._unseen(hour, zip(records, ids, strict=True)))

    def _add_mixed(self, records: list[Record], ids: array[int]) -> None:
        by_hour: dict[str, list[tuple[Record, int]]] = {}
        for record, request in zip(records, ids, strict=True):
            by_hour.setdefault(record.timestamp[:13], []).append((record, request))
        for name, rows in by_hour.items():
            hour = self.hours[name]
            if hour is not None:
                self._count(hour.start.date(), self._unseen(hour, rows))
            elif (start := _start(name)) is not None and start < self.now:
                self.too_old += len(rows)
            else:
                self.unreadable += len(rows)

    def _unseen(self, hour: Hour, rows: Iterable[tuple[Record, int]]) -> list[Record]:
        unseen = []
        for record, request in rows:
            if request not in hour.known:
                hour.known.add(request)
                hour.new.append(request)
                unseen.append(record)
        self.new += len(unseen)
        return unseen

    def _open(self, name: str) -> None:
        """Get an hour ready, by the beginning of its timestamps; None for one that is not counted."""
        if name in self.hours:
            return
        start = _start(name)
        if start is None or start < self.now - REMEMBERED or start > self.now + _AHEAD:
            self.hours[name] = None
            return
        self.hours[name] = Hour(start, set(self.earlier(start)))
        self.latest_at = max(self.latest_at or start, start)

    def _count(self, day: dt.date, records: list[Record]) -> None:
        """The loop that every line goes through: what it looks up, it looks up once."""
        used = self.used
        for record in records:
            output, given, identity = record.output, record.input, record.identity
            if output is None or given is None:
                continue
            read, written = given.cache_read_input_token_count, given.cache_write_input_token_count
            tokens = given.input_token_count
            arn = identity.arn if type(identity) is Identity else record.arn
            key = (day, arn, record.model_id, tokens + read + written > LONG_PROMPT_TOKENS)
            counts = used.get(key)  # type: ignore[call-overload]  # a Used, without the time it takes to make one
            if counts is None:
                counts = used[Used(*key)] = Counts()
            counts.input += tokens
            counts.output += output.output_token_count
            counts.cache_read += read
            if written:
                if output.output_body_json is None:
                    counts.cache_write += written
                else:
                    _write(counts, record, written)


def _write(counts: Counts, record: Record, written: int) -> None:
    hour_writes = record.hour_writes
    if hour_writes is None:
        counts.cache_write += written
    else:
        kept = min(hour_writes, written)
        counts.cache_write_1h += kept
        counts.cache_write_5m += written - kept


def _start(name: str) -> dt.datetime | None:
    """`2026-11-20T14` as a moment; None for anything else."""
    try:
        return dt.datetime.strptime(name, "%Y-%m-%dT%H").replace(tzinfo=dt.UTC)
    except ValueError:
        return None


def request_ids(names: list[str]) -> array[int]:
    """Eight bytes of each request's id: of a UUID its first half, of anything else a digest."""
    joined = "".join(names).replace("-", "")
    if len(joined) == 32 * len(names) and all(len(name) == _UUID for name in names):
        try:
            return array("Q", bytes.fromhex(joined))[::2]
        except ValueError:
            pass
    return array("Q", [_request_id(name) for name in names])


def _request_id(name: str) -> int:
    try:
        return array("Q", bytes.fromhex(name.replace("-", "")))[0] if len(name) == _UUID else _digest(name)
    except (ValueError, IndexError):
        return _digest(name)


def _digest(name: str) -> int:
    return array("Q", blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).digest())[0]
