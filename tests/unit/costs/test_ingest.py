"""A run over a source: what it asks for, and how far it says to have come."""

from __future__ import annotations

import datetime as dt
import gzip
import io
import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, OperationalError
from django.db.models import Sum
from django.utils import timezone

from onboarding.aws import NoAnswer, bedrock, metrics, usage_logs
from onboarding.aws.bedrock import InferenceProfile
from onboarding.aws.objects import StoredObject
from onboarding.catalog import Destination
from onboarding.costs import coverage, ingest, ledger
from onboarding.costs.price_table import add_price
from onboarding.enums import EndpointKind, Problem, RunState, TokenClass
from onboarding.management import waiting
from onboarding.models import ApplicationProfile, Ingestion, LogSource, Price, UsageEntry
from tests.factories import make_account, make_usage
from tests.unit.costs.logs import ANA, joined, line

pytestmark = pytest.mark.django_db

OPUS = "eu.anthropic.claude-opus-4-8"


class Group:
    """A log group with a request in each hour, and `also`; once `fails_after`, FilterLogEvents does not answer."""

    def __init__(self) -> None:
        self.asked: list[tuple[dt.datetime, dt.datetime]] = []
        self.requests: set[str] = set()
        self.fails_after: dt.datetime | None = None
        self.also: list[dict[str, Any]] = []

    def events(self, _group: str, *, since: dt.datetime, until: dt.datetime, **_: Any) -> Iterator[list[bytes]]:
        self.asked.append((since, until))
        hour = since.replace(minute=0, second=0, microsecond=0)
        while (hour := hour + dt.timedelta(hours=1)) < until:
            if self.fails_after and hour > self.fails_after:
                raise NoAnswer("logs:FilterLogEvents", "ReadTimeoutError")
            self.requests.add(f"{hour:%Y%m%d%H}")
            yield [json.dumps(line(at=f"{hour:%Y-%m-%dT%H:%M:%SZ}", request=f"{hour:%Y%m%d%H}")).encode()]
        yield [json.dumps(record).encode() for record in self.also]


@pytest.fixture
def group(monkeypatch: pytest.MonkeyPatch) -> Group:
    found = Group()
    monkeypatch.setattr(usage_logs, "log_events", found.events)
    monkeypatch.setattr(bedrock, "logging_destinations", lambda **_: ["/bedrock/logs"])
    monkeypatch.setattr(metrics, "token_totals", lambda **_: [])
    return found


def make_source(**fields: Any) -> LogSource:
    return LogSource.objects.create(account=make_account(), region="eu-west-1", **fields)


def run() -> Ingestion:
    (row,) = ingest.open_ingestions()
    ingest.run(row.pk)
    return Ingestion.objects.select_related("source").get(pk=row.pk)


def test_the_first_reading_of_a_log_group_goes_on_where_it_ended(group: Group) -> None:
    make_source()
    now = timezone.now()
    group.fails_after = now - dt.timedelta(days=30) + dt.timedelta(hours=2)

    first = run()

    assert first.source.problem == Problem.NO_ANSWER
    assert first.source.read_until is not None
    behind = group.fails_after - first.source.read_until
    assert dt.timedelta(0) <= behind <= dt.timedelta(hours=7)
    assert first.source.read_at is None, "it is still the first reading"
    group.fails_after = None
    group.asked.clear()
    second = run()
    assert group.asked[0][0] == first.source.read_until - dt.timedelta(minutes=15)
    assert second.duplicates <= 8
    assert second.source.read_until == second.source.read_at
    assert UsageEntry.objects.filter(token_class="input").values("day").distinct().count() in (90, 91)


def test_a_worker_that_was_killed_is_followed_by_one_that_goes_on(group: Group) -> None:
    read_until = timezone.now() - dt.timedelta(minutes=5)
    make_source(read_until=read_until, read_at=read_until, destination="/bedrock/logs")
    (row,) = ingest.open_ingestions(back=ingest.LATE)
    group.fails_after = timezone.now() - dt.timedelta(days=2)
    ingest.run(row.pk)
    # As if it had been killed before it could say that it is over.
    Ingestion.objects.update(state="running", finished_at=None, lease_until=read_until)
    group.fails_after = None
    group.asked.clear()

    ingest.run(row.pk)

    assert dt.timedelta(days=2) <= timezone.now() - group.asked[0][0] <= dt.timedelta(days=2, hours=7)
    source = LogSource.objects.get()
    assert source.read_until is not None
    assert source.read_until > read_until


def test_stretches_of_time_follow_one_another_without_a_gap(group: Group) -> None:
    make_source()
    run()
    assert all(before[1] == after[0] for before, after in zip(group.asked, group.asked[1:], strict=False))


def test_reading_a_log_group_back_does_not_move_its_watermark_back(group: Group) -> None:
    read_until = timezone.now() - dt.timedelta(minutes=5)
    make_source(read_until=read_until, read_at=read_until, destination="/bedrock/logs")
    (row,) = ingest.open_ingestions(back=ingest.LATE)
    group.fails_after = timezone.now() - dt.timedelta(days=2)
    ingest.run(row.pk)
    assert LogSource.objects.get().read_until == read_until


def test_what_was_logged_before_a_move_is_read_once_its_place_answers_again(
    group: Group, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing was read for a day when logging went from a bucket to a log group, and the bucket does not answer."""
    read_until = timezone.now() - dt.timedelta(hours=24)
    make_source(read_until=read_until, read_at=read_until, destination="s3://acme-logs")
    at = (timezone.now() - dt.timedelta(hours=20)).replace(minute=0)
    key, content = f"{at:%Y/%m/%d/%H}/a.json.gz", joined(line(at=f"{at:%Y-%m-%dT%H:%M:%SZ}", model=OPUS))
    listed: list[dt.datetime] = []

    def log_objects(_bucket: str, *, since: dt.datetime, **_: Any) -> Iterator[StoredObject]:
        listed.append(since)
        if len(listed) == 1:
            raise NoAnswer("s3:ListObjectsV2", "ReadTimeoutError")
        return iter([StoredObject(key, "1", 1, at)] if since < at else [])

    monkeypatch.setattr(usage_logs, "log_objects", log_objects)
    monkeypatch.setattr(usage_logs, "open_log", lambda *_, **__: io.BytesIO(gzip.compress(content)))

    failed = run()

    assert (failed.source.problem, failed.source.read_until) == (Problem.NO_ANSWER, read_until)
    assert UsageEntry.objects.exists(), "the log group was read all the same"
    read = run()
    assert UsageEntry.objects.filter(meter__model_id=OPUS[3:]).exists()
    assert (read.source.problem, read.source.read_until) == ("", read.source.read_at)


def test_where_logging_was_is_read_before_the_place_where_it_is(group: Group, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that is killed in the new place is followed by one that begins where it was."""
    read_until = timezone.now() - dt.timedelta(hours=24)
    make_source(read_until=read_until, read_at=read_until, destination="/bedrock/before")
    asked: list[str] = []

    def events(name: str, **named: Any) -> Iterator[list[bytes]]:
        asked.append(name)
        return group.events(name, **named)

    monkeypatch.setattr(usage_logs, "log_events", events)

    run()

    assert list(dict.fromkeys(asked)) == ["/bedrock/before", "/bedrock/logs"]


PROFILE = "arn:aws:bedrock:eu-west-1:111122223333:application-inference-profile/a1b2c3d4e5f6"
HAIKU = "anthropic.claude-haiku-5-5"  # its prompts are long above 100,000 tokens


def long_prompts(group: Group, *profiles: str) -> None:
    """A request in the last hour for each of these profiles, of 150,000 tokens."""
    at = timezone.now() - dt.timedelta(minutes=5)
    group.also = [line(at=f"{at:%Y-%m-%dT%H:%M:%SZ}", model=each, tokens=(150_000, 5, 0, 0)) for each in profiles]
    read_until = at - dt.timedelta(minutes=5)
    make_source(read_until=read_until, read_at=read_until, destination="/bedrock/logs")


def counted() -> set[tuple[str, bool, int]]:
    entries = UsageEntry.objects.filter(token_class=TokenClass.INPUT, tokens__gte=150_000)
    return set(entries.values_list("meter__model_id", "meter__is_long_prompt", "tokens"))


@pytest.mark.parametrize(("model", "is_long"), [(HAIKU, True), ("anthropic.claude-opus-4-8", False)])
@pytest.mark.parametrize("is_known", [True, False])
def test_a_prompt_behind_an_application_profile_is_long_by_the_model_there(
    group: Group, monkeypatch: pytest.MonkeyPatch, model: str, is_long: bool, is_known: bool
) -> None:
    long_prompts(group, PROFILE)
    destination = Destination(f"arn:aws:bedrock:eu-west-1::foundation-model/{model}", "eu-west-1", model)
    profile = InferenceProfile("a1b2c3d4e5f6", PROFILE, "ACTIVE", (destination,))
    asked: list[str] = []

    def inference_profile(arn: str, **_: Any) -> InferenceProfile:
        asked.append(arn)
        return profile

    monkeypatch.setattr(bedrock, "inference_profile", inference_profile)
    if is_known:
        ApplicationProfile.objects.create(arn=PROFILE, model_id=model, endpoint_kind=EndpointKind.IN_REGION)

    run()

    assert counted() == {(model, is_long, 150_000)}
    assert len(asked) == (0 if is_known else 1)


def test_profiles_of_which_bedrock_says_nothing_lose_no_request(group: Group, monkeypatch: pytest.MonkeyPatch) -> None:
    long_prompts(group, *(f"{PROFILE}{number}" for number in range(9)))
    asked: list[str] = []

    def no_answer(arn: str, **_: Any) -> None:
        asked.append(arn)
        raise NoAnswer("bedrock:GetInferenceProfile", "ReadTimeoutError")

    monkeypatch.setattr(bedrock, "inference_profile", no_answer)
    assert run().source.problem == Problem.NO_ANSWER
    assert (counted(), len(asked)) == (set(), 2), "once while it counts, and once when it writes"

    for number in range(9):
        ApplicationProfile.objects.create(
            arn=f"{PROFILE}{number}", model_id=HAIKU, endpoint_kind=EndpointKind.IN_REGION
        )
    assert run().source.problem == ""
    assert counted() == {(HAIKU, True, 9 * 150_000)}


def test_a_profile_that_nobody_may_look_at_has_the_usual_limit(group: Group, monkeypatch: pytest.MonkeyPatch) -> None:
    long_prompts(group, PROFILE)
    monkeypatch.setattr(bedrock, "inference_profile", lambda _arn, **_: None)

    assert run().source.problem == ""

    assert counted() == {(PROFILE, False, 150_000)}


def test_a_run_that_waits_goes_as_far_back_as_is_asked_meanwhile(group: Group) -> None:
    read_until = timezone.now() - dt.timedelta(minutes=5)
    make_source(read_until=read_until, read_at=read_until, destination="/bedrock/logs")
    (row,) = ingest.open_ingestions()
    assert ingest.open_ingestions(back=ingest.LATE) == [row]
    ingest.run(row.pk)
    assert timezone.now() - group.asked[0][0] >= ingest.LATE
    (late,) = ingest.open_ingestions(back=ingest.LATE)
    ingest.open_ingestions()
    assert Ingestion.objects.get(pk=late.pk).since == late.since, "and not less far"


def test_the_command_says_where_a_worker_is_still_reading(group: Group, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "_PATIENCE", 0)
    make_source()
    (row,) = ingest.open_ingestions()
    Ingestion.objects.claim(row.pk, lease=ingest.LEASE)
    out = io.StringIO()
    with pytest.raises(CommandError):
        call_command("ingest_usage", days=30, stdout=out)
    assert "a worker is reading it" in out.getvalue()
    assert group.asked == []


def test_usage_that_was_written_while_its_price_was_added_is_priced_by_the_next_run(group: Group) -> None:
    read_until = timezone.now() - dt.timedelta(minutes=5)
    make_source(read_until=read_until, read_at=read_until, destination="/bedrock/logs")
    thing: dict[str, Any] = {"model_id": "anthropic.claude-opus-5", "endpoint_kind": EndpointKind.GLOBAL}
    missed, of_another = (
        make_usage(day=read_until.date(), rate=None, region=region, **thing)[0]
        for region in ("eu-west-1", "eu-west-3")
    )
    Price.objects.create(
        **thing, token_class=missed.token_class, usd_per_million=5, valid_from=dt.date(2026, 1, 1), source="tests"
    )
    run()
    for entry in (missed, of_another):
        entry.refresh_from_db()
    assert (missed.rate, of_another.rate) == (5_000_000, None)


def test_a_fault_of_our_own_ends_the_run_is_told_and_passes(
    group: Group, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    now = timezone.now()
    make_source(read_until=now - dt.timedelta(hours=5), read_at=now, destination="/bedrock/logs")

    def breaks(*_: Any, **__: Any) -> None:
        raise IntegrityError("Failing row contains (CANARY)")

    with monkeypatch.context() as faulty:
        faulty.setattr(ledger, "write", breaks)
        first = run()

    assert (first.state, first.source.problem) == (RunState.DONE, Problem.FAULT)
    assert first.source.problem_detail == "IntegrityError"
    assert first.source.read_until == now - dt.timedelta(hours=5)
    (warning,) = coverage.warnings(timezone.now())
    assert (warning.kind, "ingestion.fault" in warning.remedy) == ("fault", True)
    assert "ingestion.fault" in caplog.text
    run()
    assert coverage.warnings(timezone.now()) == []
    assert UsageEntry.objects.exists()


def test_a_line_that_counts_less_than_nothing_costs_no_other(group: Group, monkeypatch: pytest.MonkeyPatch) -> None:
    now = timezone.now()
    make_source(read_until=now, read_at=now, destination="/bedrock/logs")
    lines = (line(at=f"{now:%Y-%m-%dT%H:%M:%SZ}", tokens=(tokens, 1, 0, 0)) for tokens in (7, -5))
    monkeypatch.setattr(usage_logs, "log_events", lambda *_, **__: [[json.dumps(each).encode() for each in lines]])
    done = run()
    assert (done.source.problem, done.new, done.unreadable) == ("", 1, 1)
    assert UsageEntry.objects.get(token_class="input").tokens == 7


def test_everybodys_usage_of_a_day_has_one_price_whatever_was_there_when_it_was_entered(
    group: Group, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is entered at noon, when one caller has used the model that day, and another has not yet."""
    now = timezone.now()
    make_source(read_until=now, read_at=now, destination="/bedrock/logs")

    def read(*lines: tuple[str, int]) -> None:
        said = [
            json.dumps(line(at=f"{now:%Y-%m-%dT%H:%M:%SZ}", arn=arn, tokens=(tokens, 0, 0, 0)))
            for arn, tokens in lines
        ]
        monkeypatch.setattr(usage_logs, "log_events", lambda *_, **__: [[text.encode() for text in said]])
        run()

    thing = {"model_id": "anthropic.claude-sonnet-4-6", "endpoint_kind": "geographic", "token_class": "input"}
    Price.objects.create(**thing, usd_per_million=3, valid_from=dt.date(2026, 1, 1), source="tests")
    read((ANA, 10))
    add_price(Price(**thing, usd_per_million=Decimal(2), valid_from=now.date(), source="tests"), actor="tests")
    read((ANA, 5), (f"{ANA}.two", 7))

    entries = UsageEntry.objects.order_by("-tokens").values_list("tokens", "rate")
    assert list(entries) == [(15, 2_000_000), (7, 2_000_000)]


@pytest.mark.parametrize("broken", ["write", "_move_watermark"])
def test_a_commit_that_breaks_is_not_written_twice(group: Group, monkeypatch: pytest.MonkeyPatch, broken: str) -> None:
    now = timezone.now()
    make_source(read_until=now - dt.timedelta(hours=5), read_at=now, destination="/bedrock/logs")
    (row,) = ingest.open_ingestions()
    monkeypatch.setattr(ingest, "_LINES_A_COMMIT", 1)
    place = ledger if broken == "write" else ingest._Run
    done = getattr(place, broken)

    def breaks(*arguments: Any, **named: Any) -> None:
        done(*arguments, **named)
        monkeypatch.setattr(place, broken, done)
        raise OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr(place, broken, breaks)
    with pytest.raises(OperationalError):
        ingest.run(row.pk)
    Ingestion.objects.update(lease_until=now)
    ingest.run(row.pk)

    run = Ingestion.objects.get()
    assert run.state == RunState.DONE
    entry = UsageEntry.objects.values_list("token_class").annotate(total=Sum("tokens")).get(token_class="input")
    assert entry == ("input", 3 * len(group.requests))
    assert run.new == len(group.requests) > 2
