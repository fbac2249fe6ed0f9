"""The ledger: what a tally counted becomes rows, all of it or nothing, and each request once.

Usage, the ids of the requests in it, and the files they came in are written in one transaction, under the fence of the
run that read them. So a run may be killed anywhere, or run twice, and files may come late, twice, or cut otherwise.
"""

from __future__ import annotations

import datetime as dt
import itertools
from array import array
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, TypeVar

from django.db import transaction
from django.db.models import F

from onboarding import batches
from onboarding.costs.callers import callers_for
from onboarding.costs.prices import PriceBook, hold_prices
from onboarding.costs.profiles import Model, model_of
from onboarding.costs.tally import REMEMBERED, Counts, Tally, Used
from onboarding.enums import PromptCaching, RunState, TokenClass
from onboarding.models import (
    Addition,
    Caller,
    Ingestion,
    LogFile,
    LogSource,
    Meter,
    PlanRevision,
    SeenRequests,
    UsageEntry,
)

_BATCH = 500
_T = TypeVar("_T")


class _Spot(NamedTuple):
    """A meter of one source, before it has a row."""

    caller_id: int
    model_id: str
    endpoint_kind: str
    is_long_prompt: bool


# Tokens to add, by meter, day and class.
_Sums = dict[tuple[_Spot, dt.date, str], int]


def earlier_requests(source: LogSource, hour: dt.datetime) -> Iterator[int]:
    """The ids of the requests of an hour that are in the ledger."""
    for ids in SeenRequests.objects.filter(source=source, hour=hour).values_list("ids", flat=True):
        yield from array("Q", bytes(ids))


def write(tally: Tally, *, source: LogSource, run: Ingestion, lease: dt.timedelta, files: Collection[LogFile]) -> None:
    """Add what a tally counted, and say so in its run's row; raises LostLease, and then nothing was written.

    Raises AwsError when Bedrock does not answer about an application profile.
    """
    counted = tally.used
    models = {named: model_of(named, source) for named in {used.model for used in counted}}
    callers = callers_for({used.arn for used in counted})
    sums = _sums(counted, models, callers)
    with transaction.atomic():
        Ingestion.objects.hold(run.pk, run.fence, lease=lease, **_progress(tally, files))
        hold_prices()
        _add(source, sums)
        _remember(source, tally)
        LogFile.objects.bulk_create(
            files,
            batch_size=_BATCH,
            update_conflicts=True,
            update_fields=["etag", "read_at"],
            unique_fields=["source", "key"],
        )
        if tally.latest_at and (source.latest_at is None or source.latest_at < tally.latest_at):
            source.latest_at = tally.latest_at
            source.save(update_fields=["latest_at"])


def _progress(tally: Tally, files: Collection[LogFile]) -> dict[str, F]:
    counts = {"files": len(files), **{name: getattr(tally, name) for name in _COUNTS}}
    return {name: F(name) + count for name, count in counts.items()}


_COUNTS = ("lines", "new", "duplicates", "unreadable", "too_old")


def _sums(used: Mapping[Used, Counts], models: Mapping[str, Model], callers: Mapping[str, Caller]) -> _Sums:
    caches_for_an_hour = _hour_cachers(callers.values()) if any(each.cache_write for each in used.values()) else set()
    sums: _Sums = defaultdict(int)
    for what, counts in used.items():
        caller = callers[what.arn]
        spot = _Spot(caller.pk, *models[what.model], what.is_long_prompt)
        for token_class, tokens in _by_class(counts, is_hour=caller.pk in caches_for_an_hour):
            if tokens:
                sums[spot, what.day, token_class] += tokens
    return sums


def _by_class(counts: Counts, *, is_hour: bool) -> Iterator[tuple[str, int]]:
    """A cache write of which no log says how long it is kept counts as what the person's plan sets."""
    yield TokenClass.INPUT, counts.input
    yield TokenClass.OUTPUT, counts.output
    yield TokenClass.CACHE_READ, counts.cache_read
    yield TokenClass.CACHE_WRITE_5M, counts.cache_write_5m + (0 if is_hour else counts.cache_write)
    yield TokenClass.CACHE_WRITE_1H, counts.cache_write_1h + (counts.cache_write if is_hour else 0)


def _hour_cachers(callers: Iterable[Caller]) -> set[int]:
    """Those whose person's plan keeps prompts in the cache for an hour."""
    people: dict[int, list[int]] = defaultdict(list)
    for caller in callers:
        if caller.person_id is not None:
            people[caller.person_id].append(caller.pk)
    current = PlanRevision.objects.filter(is_current=True, prompt_caching=PromptCaching.ONE_HOUR)
    of_plan = set(current.values_list("plan__teams__people", flat=True))
    return {caller for person, theirs in people.items() if person in of_plan for caller in theirs}


def _add(source: LogSource, sums: _Sums) -> None:
    """Add tokens to entries. A price that changed since one was made is applied by an admin's word alone."""
    meters = _meters(source, {spot for spot, _, _ in sums})
    book = PriceBook.load()
    UsageEntry.objects.add(
        [
            Addition(
                meter_id=meters[spot],
                day=day,
                token_class=token_class,
                tokens=tokens,
                rate=book.rate(
                    account_id=source.account_id,
                    model_id=spot.model_id,
                    endpoint_kind=spot.endpoint_kind,
                    token_class=token_class,
                    is_long_prompt=spot.is_long_prompt,
                    day=day,
                ),
            )
            for (spot, day, token_class), tokens in sums.items()
        ]
    )


def _meters(source: LogSource, spots: Collection[_Spot]) -> dict[_Spot, int]:
    """The meters' primary keys, made where there are none."""
    place = {"account_id": source.account_id, "region": source.region}
    found = _known_meters(source, {spot.caller_id for spot in spots})
    missing = [spot for spot in spots if spot not in found]
    if missing:
        Meter.objects.bulk_create(
            [Meter(**place, **spot._asdict()) for spot in missing], batch_size=_BATCH, ignore_conflicts=True
        )
        found |= _known_meters(source, {spot.caller_id for spot in missing})
    return found


def _known_meters(source: LogSource, callers: Collection[int]) -> dict[_Spot, int]:
    found: dict[_Spot, int] = {}
    for some in _some(callers):
        rows = Meter.objects.filter(account=source.account_id, region=source.region, caller__in=some)
        found |= {_Spot(*spot): pk for pk, *spot in rows.values_list("pk", *_Spot._fields)}
    return found


def _some(keys: Iterable[_T]) -> Iterator[Sequence[_T]]:
    """As many as one query takes on every database."""
    rest = iter(keys)
    while some := list(itertools.islice(rest, _BATCH)):
        yield some


def _remember(source: LogSource, tally: Tally) -> None:
    SeenRequests.objects.store(
        SeenRequests(source=source, hour=hour.start, ids=new.tobytes())
        for hour in tally.hours.values()
        if hour is not None and (new := hour.new)
    )


def forget(now: dt.datetime) -> Iterator[int]:
    """Drop what keeps requests from being counted twice, once requests that old are not counted any more, and the runs
    of that time: there are hundreds a day, and every page of costs asks about those of the last week.

    Batch by batch; how many rows each was.
    """
    # What an hour has may be megabytes.
    yield from batches.delete(SeenRequests.objects.filter(hour__lt=now - REMEMBERED - dt.timedelta(days=1)), size=10)
    yield from batches.delete(LogFile.objects.filter(read_at__lt=now - REMEMBERED))
    yield from batches.delete(Ingestion.objects.filter(state=RunState.DONE, queued_at__lt=now - REMEMBERED))


def resolve_meters(source: LogSource, *, run: Ingestion, lease: dt.timedelta) -> int:
    """Ask again about application profiles that were not resolved, each once, and move what they counted; how many
    meters were moved.

    Raises AwsError when Bedrock does not answer, and LostLease.
    """
    unresolved = Meter.objects.filter(account=source.account_id, region=source.region, endpoint_kind="")
    moved = 0
    for named in list(unresolved.order_by("model_id").values_list("model_id", flat=True).distinct()):
        model = model_of(named, source)
        for meter in unresolved.filter(model_id=named) if model.endpoint_kind else ():
            _move(source, meter, model, run=run, lease=lease)
            moved += 1
    return moved


@transaction.atomic
def _move(source: LogSource, meter: Meter, model: Model, *, run: Ingestion, lease: dt.timedelta) -> None:
    Ingestion.objects.hold(run.pk, run.fence, lease=lease)
    hold_prices()
    spot = _Spot(meter.caller_id, *model, meter.is_long_prompt)
    entries = list(meter.entries.select_for_update())
    _add(source, {(spot, entry.day, entry.token_class): entry.tokens for entry in entries})
    meter.entries.all().delete()
    meter.delete()
