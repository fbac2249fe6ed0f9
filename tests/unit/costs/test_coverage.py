"""What the figures may lack is said, each with its Region, and never when nothing is lacking."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.utils import timezone, translation

from onboarding.costs import control, coverage
from onboarding.enums import MeteredClass, Problem, RunState
from onboarding.models import ControlTotal, Ingestion, LogSource
from tests.factories import make_account, make_caller, make_revision, make_team, make_usage

pytestmark = pytest.mark.django_db

NOW = dt.datetime(2026, 11, 25, 12, tzinfo=dt.UTC)


def make_source(**fields: Any) -> LogSource:
    """One that is read well, unless `fields` say otherwise."""
    well = {"region": "eu-west-1", "destination": "s3://logs", "read_until": NOW, "read_at": NOW, "control_at": NOW}
    return LogSource.objects.create(account=make_account(), **{**well, **fields})


def kinds(**shown: dt.date) -> list[str]:
    return [warning.kind for warning in coverage.warnings(NOW, **shown)]


def test_nothing_is_said_where_nothing_is_lacking() -> None:
    make_team(make_revision().plan)
    make_source()
    assert kinds() == []
    assert coverage.as_of() == NOW


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"destination": "", "off_since": NOW - dt.timedelta(days=2)}, "off"),
        ({"read_at": None, "read_until": None}, "unread"),
        ({"read_at": NOW - dt.timedelta(minutes=31)}, "stalled"),
        ({"problem": Problem.DENIED, "problem_since": NOW, "problem_detail": "s3:GetObject: AccessDenied"}, "problem"),
        ({"problem": Problem.FAULT, "problem_since": NOW, "problem_detail": "DataError"}, "fault"),
        ({"control_problem": Problem.NO_ANSWER}, "no-control"),
    ],
)
def test_a_source_says_what_is_the_matter(fields: dict[str, Any], kind: str) -> None:
    make_source(**fields)
    (warning,) = coverage.warnings(NOW)
    assert warning.kind == kind
    for language in ("en", "es"):
        with translation.override(language):
            said = f"{warning.title} {warning.text} {warning.remedy}"
            assert "%(" not in said
            assert "eu-west-1" in said


def test_a_region_of_a_plan_that_nobody_reads_is_missing() -> None:
    make_team(make_revision().plan)
    assert kinds() == ["missing"]


def test_a_plan_without_a_team_is_nobodys_usage() -> None:
    make_revision()
    assert kinds() == []


def make_run(source: LogSource, days_ago: int, **counts: int) -> None:
    moment = NOW - dt.timedelta(days=days_ago)
    Ingestion.objects.create(
        source=source, since=moment, queued_at=moment, finished_at=moment, state=RunState.DONE, **counts
    )


def test_lines_that_runs_read_again_are_not_lost_again() -> None:
    """Every run begins before the last one ended, and each night one goes back a week."""
    source = make_source()
    for days_ago, lines in ((9, 0), (8, 3), (7, 3), (6, 5), (1, 4)):
        make_run(source, days_ago, unreadable=lines)

    (warning,) = coverage.warnings(NOW)

    assert warning.kind == "unreadable"
    assert warning.text.startswith("At least 5 lines or files of account 111122223333, acme-ai-prod")
    assert "since 17 Nov 2026" in warning.text


def test_lines_that_were_lost_are_told_as_long_as_gaps_are() -> None:
    """The month lacks them after a week, too, and so does the month before."""
    source = make_source()
    make_run(source, 63, unreadable=99)
    assert kinds() == []

    make_run(source, 61, unreadable=2, too_old=1)
    make_run(source, 5, too_old=4)

    assert {warning.kind: dict(warning.details)["lines"] for warning in coverage.warnings(NOW)} == {
        "unreadable": "2",
        "too-old": "4",
    }
    assert {warning.since for warning in coverage.warnings(NOW)} == {(NOW - dt.timedelta(days=61)).date()}


def test_each_source_tells_of_its_own_lines() -> None:
    make_run(make_source(), 2, unreadable=3)
    make_run(make_source(region="eu-north-1"), 1, unreadable=8)

    assert {warning.region: dict(warning.details)["lines"] for warning in coverage.warnings(NOW)} == {
        "eu-west-1": "3",
        "eu-north-1": "8",
    }


OLDER = {"since": dt.date(2026, 8, 27), "until": dt.date(2026, 11, 26)}  # ninety days


def test_older_days_are_told_of_where_a_page_shows_them() -> None:
    source = make_source()
    make_run(source, 80, unreadable=7)
    ControlTotal.objects.create(
        account=source.account,
        region=source.region,
        day=dt.date(2026, 9, 1),
        model_id="eu.anthropic.claude-sonnet-4-6",
        metered_class=MeteredClass.INPUT,
        tokens=1_000,
    )

    assert kinds() == []
    assert kinds(**OLDER) == ["gap", "unreadable"]
    assert kinds(since=dt.date(2026, 9, 1), until=dt.date(2026, 10, 1)) == ["gap", "unreadable"]
    # A page of another month says nothing of that day.
    assert kinds(since=dt.date(2026, 8, 1), until=dt.date(2026, 9, 1)) == ["unreadable"]


def test_days_before_the_first_that_was_read_are_not_known() -> None:
    make_source(read_from=dt.datetime(2026, 8, 27, 12, tzinfo=dt.UTC))
    make_source(region="eu-north-1", read_from=None)

    assert kinds(**OLDER) == []
    (warning,) = coverage.warnings(NOW, since=dt.date(2026, 8, 1), until=dt.date(2026, 9, 1))
    assert warning.kind == "before"
    assert "before 27 Aug 2026 was never read" in warning.title


@pytest.mark.parametrize(("logged", "is_gap"), [(989, True), (991, False), (1_000, False), (1_200, False), (0, True)])
def test_a_day_that_cloudwatch_saw_more_of_is_a_gap(logged: int, is_gap: bool) -> None:
    source, day = make_source(), dt.date(2026, 11, 20)
    if logged:
        make_usage(day=day, caller=make_caller(), input=logged)
    for metered_class, tokens in ((MeteredClass.INPUT, 400), (MeteredClass.CACHE_READ, 600)):
        ControlTotal.objects.create(
            account=source.account,
            region=source.region,
            day=day,
            model_id="eu.anthropic.claude-sonnet-4-6",
            metered_class=metered_class,
            tokens=tokens,
        )
    assert kinds() == (["gap"] if is_gap else [])
    (difference,) = control.differences(day, day + dt.timedelta(days=1))
    assert (difference.counted, difference.logged, difference.missing) == (1_000, logged, 1_000 - logged)


@pytest.mark.parametrize(
    ("logged", "counted", "is_surplus"),
    [(1_011, 1_000, True), (1_010, 1_000, False), (1_000, 1_000, False), (0, 1_000, False), (5, 0, False)],
)
def test_more_in_the_ledger_than_cloudwatch_counted_is_a_surplus_and_no_gap(
    logged: int, counted: int, is_surplus: bool
) -> None:
    day = control.Difference(make_account(), "eu-west-1", dt.date(2026, 11, 20), counted, logged)

    assert (day.is_surplus, day.is_gap) == (is_surplus, logged == 0)


@pytest.mark.parametrize("language", ["en", "es"])
def test_use_where_nobody_reads_is_no_gap_of_what_is_read(language: str) -> None:
    source = make_source()
    for day in (3, 20, NOW.day):
        ControlTotal.objects.create(
            account=source.account,
            region="us-west-2",
            day=dt.date(2026, 11, day),
            model_id="us.anthropic.claude-sonnet-4-6",
            metered_class=MeteredClass.INPUT,
            tokens=6_000,
        )
    with translation.override(language):
        (warning,) = coverage.warnings(NOW)
        assert (warning.kind, warning.region, warning.since) == ("elsewhere", "us-west-2", dt.date(2026, 11, 3))
        said = f"{warning.title} {warning.text} {warning.remedy}"
        assert "%(" not in said
        assert "us-west-2" in said
        assert ("12,000" if language == "en" else "12.000") in said


@pytest.mark.parametrize(("language", "tokens"), [("en", "12,000 tokens"), ("es", "12.000 tokens")])
def test_missing_tokens_are_grouped_as_in_the_rest_of_the_page(language: str, tokens: str) -> None:
    ControlTotal.objects.create(
        account=make_source().account,
        region="eu-west-1",
        day=dt.date(2026, 11, 20),
        model_id="eu.anthropic.claude-sonnet-4-6",
        metered_class=MeteredClass.INPUT,
        tokens=12_000,
    )
    with translation.override(language):
        (warning,) = coverage.warnings(NOW)
        assert tokens in warning.text


def test_today_is_no_gap_yet() -> None:
    source = make_source()
    ControlTotal.objects.create(
        account=source.account,
        region=source.region,
        day=NOW.date(),
        model_id="eu.anthropic.claude-sonnet-4-6",
        metered_class=MeteredClass.INPUT,
        tokens=5,
    )
    assert kinds() == []


def test_usage_is_as_old_as_the_source_that_was_read_longest_ago() -> None:
    make_source()
    LogSource.objects.create(
        account=make_account(), region="eu-north-1", destination="s3://north", read_until=NOW - dt.timedelta(hours=3)
    )
    LogSource.objects.create(account=make_account(), region="eu-west-3")
    assert coverage.as_of() == NOW - dt.timedelta(hours=3)
    LogSource.objects.filter(region="eu-north-1").update(read_until=None)
    assert coverage.as_of() is None


@pytest.mark.parametrize("many", [1, 4])
def test_asking_costs_as_many_queries_for_one_source_as_for_many(many: int, django_assert_num_queries: Any) -> None:
    account = make_account()
    for number in range(many):
        source = LogSource.objects.create(account=account, region=f"eu-west-{number}")
        Ingestion.objects.create(source=source, since=timezone.now(), queued_at=NOW, unreadable=1)
    with django_assert_num_queries(6):
        assert coverage.warnings(NOW)
