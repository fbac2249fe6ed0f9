"""The ledger: counted once, all or nothing, whatever comes late, twice, or in other pieces."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from onboarding.aws import bedrock
from onboarding.costs import ledger
from onboarding.costs.money import usd
from onboarding.costs.price_table import add_price
from onboarding.costs.records import read_lines
from onboarding.costs.tally import Tally
from onboarding.enums import EndpointKind, PromptCaching, RunState, TokenClass
from onboarding.models import (
    ApplicationProfile,
    Caller,
    Ingestion,
    LogFile,
    LogSource,
    Meter,
    Price,
    SeenRequests,
    UsageEntry,
)
from onboarding.models.jobs import LostLease
from tests.factories import make_account, make_caller, make_person, make_revision, make_team
from tests.unit.costs.logs import ANA, SONNET, joined, line, records, split_body
from tests.waiting import held_until_somebody_waits

NOW = dt.datetime(2026, 11, 25, 12, tzinfo=dt.UTC)
LEASE = dt.timedelta(minutes=1)


def make_source(region: str = "eu-west-1") -> LogSource:
    found, _ = LogSource.objects.get_or_create(account=make_account(), region=region, destination="s3://logs")
    return found


def claimed(source: LogSource) -> Ingestion:
    run = Ingestion.objects.create(source=source, since=NOW)
    Ingestion.objects.claim(run.pk, lease=LEASE)
    return Ingestion.objects.get(pk=run.pk)


def ingest(source: LogSource, *pieces: bytes, files: Sequence[str] = ()) -> Ingestion:
    """One run that commits after each piece, as a worker does."""
    run = claimed(source)
    rows = [LogFile(source=source, key=key, etag="1") for key in files]
    for piece in pieces:
        tally = Tally(partial(ledger.earlier_requests, source), NOW)
        tally.add(*read_lines(piece))
        ledger.write(tally, source=source, run=run, lease=LEASE, files=rows)
    Ingestion.objects.hold(run.pk, run.fence, lease=LEASE, state=RunState.DONE, finished_at=timezone.now())
    return Ingestion.objects.get(pk=run.pk)


def rows() -> dict[tuple[Any, ...], int]:
    columns = ("day", "meter__region", "meter__caller__arn", "meter__model_id", "meter__endpoint_kind")
    found = UsageEntry.objects.values_list(*columns, "meter__is_long_prompt", "token_class", "tokens")
    return {tuple(key): tokens for *key, tokens in found}


pytestmark = pytest.mark.django_db


def test_a_request_becomes_a_row_for_each_class_of_tokens() -> None:
    run = ingest(make_source(), joined(line()), files=["2026/11/20/14/a.json.gz"])
    place = (dt.date(2026, 11, 20), "eu-west-1", ANA, "anthropic.claude-sonnet-4-6", EndpointKind.GEOGRAPHIC, False)
    assert rows() == {
        (*place, TokenClass.INPUT): 3,
        (*place, TokenClass.OUTPUT): 412,
        (*place, TokenClass.CACHE_READ): 24_101,
        (*place, TokenClass.CACHE_WRITE_5M): 936,
    }
    assert (run.files, run.lines, run.new, run.duplicates) == (1, 1, 1, 0)
    assert LogFile.objects.get().key == "2026/11/20/14/a.json.gz"
    assert LogSource.objects.get().latest_at == dt.datetime(2026, 11, 20, 14, tzinfo=dt.UTC)


def test_reading_again_changes_nothing() -> None:
    source, piece = make_source(), joined(line(), line())
    ingest(source, piece)
    before = rows()
    again = ingest(source, piece, files=["copy.json.gz"])
    assert rows() == before
    assert (again.lines, again.new, again.duplicates) == (2, 0, 2)


def test_a_run_that_lost_its_lease_writes_nothing() -> None:
    source = make_source()
    stale = claimed(source)
    Ingestion.objects.filter(pk=stale.pk).update(lease_until=NOW)
    Ingestion.objects.claim(stale.pk, lease=LEASE)
    tally = Tally(partial(ledger.earlier_requests, source), NOW)
    tally.add(*read_lines(joined(line())))
    with pytest.raises(LostLease):
        ledger.write(tally, source=source, run=stale, lease=LEASE, files=[LogFile(source=source, key="a", etag="1")])
    assert (UsageEntry.objects.count(), SeenRequests.objects.count(), LogFile.objects.count()) == (0, 0, 0)


def test_a_request_without_a_caller_is_kept() -> None:
    ingest(make_source(), joined(line(arn=None)))
    assert Caller.objects.get().arn == ""


def test_usage_is_priced_by_what_is_in_force_that_day() -> None:
    for token_class, usd_per_million in ((TokenClass.INPUT, "3.3"), (TokenClass.OUTPUT, "16.5")):
        _price(token_class, usd_per_million, "2026-01-01")
        _price(token_class, "99", "2026-11-21")
    ingest(make_source(), joined(line(tokens=(1_000_000, 2_000_000, 5, 0))))
    costs = {entry.token_class: entry.cost for entry in UsageEntry.objects.all()}
    assert usd(costs[TokenClass.INPUT]) == Decimal("3.3")
    assert usd(costs[TokenClass.OUTPUT]) == Decimal(33)
    assert costs[TokenClass.CACHE_READ] is None, "unpriced, not free"


def _price(token_class: TokenClass, usd_per_million: str, valid_from: str) -> None:
    Price.objects.create(
        model_id="anthropic.claude-sonnet-4-6",
        endpoint_kind=EndpointKind.GEOGRAPHIC,
        token_class=token_class,
        usd_per_million=Decimal(usd_per_million),
        valid_from=dt.date.fromisoformat(valid_from),
        source="a test",
    )


def test_what_came_late_keeps_the_rate_of_its_entry() -> None:
    _price(TokenClass.INPUT, "3", "2026-01-01")
    source = make_source()
    ingest(source, joined(line(tokens=(10, 0, 0, 0))))
    Price.objects.update(usd_per_million=Decimal(9))
    ingest(source, joined(line(tokens=(5, 0, 0, 0))))
    entry = UsageEntry.objects.get()
    assert (entry.tokens, entry.rate) == (15, 3_000_000)


def test_writes_of_unknown_keep_are_what_the_persons_plan_sets() -> None:
    hour = make_revision(prompt_caching=PromptCaching.ONE_HOUR)
    ana = make_person(team=make_team(hour.plan))
    Caller.objects.create(arn=ANA, person=ana)
    stranger = ANA.replace("ana.nunez", "nobody")
    said = line(tokens=(0, 1, 0, 50))
    said["output"]["outputBodyJson"] = split_body(50, 0)
    ingest(make_source(), joined(line(tokens=(0, 1, 0, 7)), line(tokens=(0, 1, 0, 8), arn=stranger), said))
    written = UsageEntry.objects.filter(token_class__startswith="cache-write")
    assert set(written.values_list("meter__caller__arn", "token_class", "tokens")) == {
        (ANA, TokenClass.CACHE_WRITE_1H, 7),
        (ANA, TokenClass.CACHE_WRITE_5M, 50),
        (stranger, TokenClass.CACHE_WRITE_5M, 8),
    }


def test_two_names_of_one_model_are_one_meter() -> None:
    arn = f"arn:aws:bedrock:eu-west-1:111122223333:inference-profile/{SONNET}"
    ingest(make_source(), joined(line(model=SONNET), line(model=arn)))
    assert Meter.objects.get().model_id == "anthropic.claude-sonnet-4-6"


def test_an_application_profile_is_what_bedrock_said_it_is() -> None:
    arn = "arn:aws:bedrock:eu-west-1:111122223333:application-inference-profile/a1b2c3d4e5f6"
    ApplicationProfile.objects.create(
        arn=arn, model_id="anthropic.claude-sonnet-4-6", endpoint_kind=EndpointKind.GLOBAL
    )
    ingest(make_source(), joined(line(model=arn), line(model="global.anthropic.claude-sonnet-4-6")))
    assert Meter.objects.values_list("model_id", "endpoint_kind").get() == (
        "anthropic.claude-sonnet-4-6",
        EndpointKind.GLOBAL,
    )


def test_a_profile_resolved_later_moves_what_it_counted() -> None:
    source = make_source()
    arn = "arn:aws:bedrock:eu-west-1:111122223333:application-inference-profile/a1b2c3d4e5f6"
    ingest(source, joined(line(), line()))
    expected = rows()
    UsageEntry.objects.all().delete()
    caller = Caller.objects.get()
    unresolved = Meter.objects.create(account=source.account, region=source.region, caller=caller, model_id=arn)
    half = {TokenClass.INPUT: 3, TokenClass.OUTPUT: 412, TokenClass.CACHE_READ: 24_101, TokenClass.CACHE_WRITE_5M: 936}
    for meter in (unresolved, Meter.objects.exclude(endpoint_kind="").get()):
        for token_class, tokens in half.items():
            UsageEntry.objects.create(meter=meter, day=dt.date(2026, 11, 20), token_class=token_class, tokens=tokens)
    ApplicationProfile.objects.create(
        arn=arn, model_id="anthropic.claude-sonnet-4-6", endpoint_kind=EndpointKind.GEOGRAPHIC
    )
    assert ledger.resolve_meters(source, run=claimed(source), lease=LEASE) == 1
    assert rows() == expected


def test_a_profile_that_stays_unresolved_is_asked_about_once_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(bedrock, "inference_profile", lambda arn, **_: asked.append(arn))
    arn = "arn:aws:bedrock:eu-west-1:111122223333:application-inference-profile/a1b2c3d4e5f6"
    source = make_source()
    ingest(source, joined(*(line(model=arn, arn=f"{ANA}{number}") for number in range(9))))
    asked.clear()
    assert ledger.resolve_meters(source, run=claimed(source), lease=LEASE) == 0
    assert asked == [arn]


def test_a_run_that_lost_its_lease_moves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bedrock, "inference_profile", lambda _arn, **_: None)
    arn = "arn:aws:bedrock:eu-west-1:111122223333:application-inference-profile/a1b2c3d4e5f6"
    source = make_source()
    ingest(source, joined(line(model=arn)))
    before = rows()
    ApplicationProfile.objects.create(arn=arn, model_id=SONNET[3:], endpoint_kind=EndpointKind.GEOGRAPHIC)
    stale = claimed(source)
    Ingestion.objects.filter(pk=stale.pk).update(lease_until=NOW)
    Ingestion.objects.claim(stale.pk, lease=LEASE)
    with pytest.raises(LostLease):
        ledger.resolve_meters(source, run=stale, lease=LEASE)
    assert rows() == before


# --- A price that changes meanwhile


def _write() -> Callable[[], object]:
    """A run that has read a request, and is about to write it."""
    source = make_source()
    run, tally = claimed(source), Tally(partial(ledger.earlier_requests, source), NOW)
    tally.add(*read_lines(joined(line())))
    return partial(ledger.write, tally, source=source, run=run, lease=LEASE, files=[])


def _move() -> Callable[[], object]:
    """A run that knows now what a profile stands for whose tokens are in the ledger."""
    source = make_source()
    arn = "arn:aws:bedrock:eu-west-1:111122223333:application-inference-profile/a1b2c3d4e5f6"
    meter = {"account": source.account, "region": source.region, "caller": make_caller()}
    unresolved = Meter.objects.create(model_id=arn, **meter)
    known = Meter.objects.create(model_id=SONNET[3:], endpoint_kind=EndpointKind.GEOGRAPHIC, **meter)
    entries = ((unresolved, 20, None), (unresolved, 21, None), (known, 20, 1_000_000), (known, 22, 1_000_000))
    for each, day, rate in entries:
        UsageEntry.objects.create(
            meter=each, day=dt.date(2026, 11, day), token_class=TokenClass.INPUT, tokens=3, rate=rate
        )
    ApplicationProfile.objects.create(arn=arn, model_id=SONNET[3:], endpoint_kind=EndpointKind.GEOGRAPHIC)
    return partial(ledger.resolve_meters, source, run=claimed(source), lease=LEASE)


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time")
@pytest.mark.parametrize("prepare", [_write, _move])
@pytest.mark.parametrize("is_price_first", [True, False])
@time_machine.travel(NOW)
def test_what_is_written_while_a_price_changes_has_the_new_one(
    prepare: Callable[[], Callable[[], object]], is_price_first: bool
) -> None:
    _price(TokenClass.INPUT, "1", "2026-01-01")
    price = Price(
        model_id=SONNET[3:],
        endpoint_kind=EndpointKind.GEOGRAPHIC,
        token_class=TokenClass.INPUT,
        usd_per_million=Decimal(2),
        valid_from=dt.date(2026, 11, 1),
        source="a test",
    )
    write, change = prepare(), partial(add_price, price, actor="tests")
    first, second = (change, write) if is_price_first else (write, change)

    with held_until_somebody_waits(second):
        first()

    entries = UsageEntry.objects.filter(token_class=TokenClass.INPUT)
    assert set(entries.values_list("rate", flat=True)) == {2_000_000}


def test_what_only_keeps_requests_apart_is_forgotten_after_a_while() -> None:
    source = make_source()
    ingest(source, joined(line()), files=["a.json.gz"])
    assert list(ledger.forget(NOW + dt.timedelta(days=90))) == []
    assert (SeenRequests.objects.count(), LogFile.objects.count(), Ingestion.objects.count()) == (1, 1, 1)
    claimed(source)
    assert sum(ledger.forget(timezone.now() + dt.timedelta(days=110))) >= 2
    assert (SeenRequests.objects.count(), LogFile.objects.count()) == (0, 0)
    assert Ingestion.objects.get().is_live
    assert UsageEntry.objects.exists()


class AnyDelivery(TestCase):
    """On real rows, each example in a transaction of its own."""

    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(st.data(), st.lists(records(), min_size=1, max_size=8))
    def test_any_order_repetition_and_cuts_give_the_same_ledger(
        self, data: st.DataObject, made: list[dict[str, Any]]
    ) -> None:
        ingest(make_source("eu-north-1"), joined(*made))
        expected = {(key[0], *key[2:]): tokens for key, tokens in rows().items()}
        repeated = data.draw(st.permutations(made + data.draw(st.lists(st.sampled_from(made), max_size=6))))
        cuts = data.draw(st.lists(st.integers(0, len(repeated)), max_size=3).map(sorted))
        bounds = list(zip([0, *cuts], [*cuts, len(repeated)], strict=True))
        pieces = [joined(*repeated[start:end]) for start, end in bounds]
        runs = data.draw(st.integers(0, len(pieces)))
        source = make_source("eu-west-3")
        ingest(source, *pieces[:runs])
        ingest(source, *pieces[runs:])
        found = {(key[0], *key[2:]): tokens for key, tokens in rows().items() if key[1] == "eu-west-3"}
        assert found == expected
        independent = _count(made)
        assert Counter(dict(_by_class(found))) == +independent


def _by_class(found: dict[tuple[Any, ...], int]) -> dict[str, int]:
    sums: Counter[str] = Counter()
    for key, tokens in found.items():
        sums[key[-1].partition("-5m")[0].partition("-1h")[0]] += tokens
    return sums


def _count(made: list[dict[str, Any]]) -> Counter[str]:
    """What the records hold, counted without any of the product's code."""
    sums: Counter[str] = Counter()
    for record in made:
        sums["input"] += record["input"]["inputTokenCount"]
        sums["cache-read"] += record["input"]["cacheReadInputTokenCount"]
        sums["cache-write"] += record["input"]["cacheWriteInputTokenCount"]
        sums["output"] += record["output"]["outputTokenCount"]
    return sums
