"""What AWS charged: read once, kept once, restated by AWS, capped, and never counted from two sources."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
import time_machine
from django.core.management import CommandError, call_command
from pytest_django import DjangoAssertNumQueries, Settings

from onboarding.costs import billed
from onboarding.costs.billed import Billed
from onboarding.costs.billing_fetches import open_fetches, run
from onboarding.costs.callers import IdentityMap, claim, map_callers, release
from onboarding.enums import BilledSource, Problem, RunState
from onboarding.models import Account, BilledCost, BillingFetch, Caller
from tests.factories import make_account, make_caller, make_person, make_usage
from tests.leases import let_pass
from tests.unit.aws.test_billing import day, group, page
from tests.unit.aws.test_cost_report import ANA, BEN, Bucket, as_csv, line
from tests.unit.checks.stubs import Error, Params, Stubs, stubbed

pytestmark = pytest.mark.django_db

NOW = dt.datetime(2026, 11, 25, 3, 45, tzinfo=dt.UTC)
TODAY, NOVEMBER, DECEMBER = NOW.date(), dt.date(2026, 11, 1), dt.date(2026, 12, 1)
EXPLORER, REPORT = BilledSource.COST_EXPLORER, BilledSource.COST_REPORT
SONNET, OPUS = "Claude Sonnet 4.6", "Claude Opus 4.8"
REPORTED = "s3://acme-billing/cur/onramp"


@pytest.fixture
def stubs() -> Iterator[Stubs]:
    with stubbed() as made:
        yield made


@pytest.fixture(autouse=True)
def _now() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def account() -> Account:
    return make_account(cost_tag="owner")


def tagged(value: str, model: str = SONNET, amount: str = "1.25") -> dict[str, Any]:
    return group(f"iamPrincipal/owner${value}", f"model${model}", amount=amount)


def fetch(account: Account, source: BilledSource = EXPLORER) -> BillingFetch:
    """What a day's task does for one source."""
    (row,) = (row for row in open_fetches(accounts=[account]) if row.source == source)
    run(row.pk)
    row.refresh_from_db()
    return row


def make_billed(amount: str, on: int = 20, **fields: Any) -> BilledCost:
    """An amount of a day of November, read by now."""
    defaults = {"source": EXPLORER, "model": SONNET, "fetched_at": NOW, "account": fields.pop("account", None)}
    row = {**defaults, "account": defaults["account"] or make_account(), **fields}
    return BilledCost.objects.create(day=dt.date(2026, 11, on), amount=int(Decimal(amount).scaleb(9)), **row)


def kept() -> list[tuple[str, str, str, Decimal]]:
    rows = BilledCost.objects.order_by("day", "principal", "model")
    return [(f"{row.day:%m-%d}", row.principal, row.model, Decimal(row.amount).scaleb(-9)) for row in rows]


# --- Cost Explorer


def test_a_fetch_keeps_what_cost_explorer_says(stubs: Stubs, account: Account) -> None:
    first = day("2026-11-20", tagged("ana", amount="1.25"), tagged("ana", OPUS, "0.1234567891"), estimated=False)
    stubs.answer(GetCostAndUsage=page(first, day("2026-11-21", tagged("", amount="2"))))

    done = fetch(account)

    assert kept() == [
        ("11-20", "ana", OPUS, Decimal("0.123456789")),
        ("11-20", "ana", SONNET, Decimal("1.25")),
        ("11-21", "", SONNET, Decimal(2)),
    ]
    assert [row.is_estimated for row in BilledCost.objects.order_by("day", "pk")] == [False, False, True]
    assert (done.state, done.requests, done.problem, done.finished_at) == (RunState.DONE, 1, "", NOW)
    assert stubs.calls[0].access.role_arn == account.role_arn


def test_a_fetch_that_runs_again_changes_nothing(stubs: Stubs, account: Account) -> None:
    stubs.answer(GetCostAndUsage=lambda _: page(day("2026-11-20", tagged("ana"))))
    done = fetch(account)
    before = list(BilledCost.objects.values())

    run(done.pk)
    assert stubs.count("GetCostAndUsage") == 1
    fetch(account)

    assert [{**row, "id": 0} for row in BilledCost.objects.values()] == [{**row, "id": 0} for row in before]


def test_a_restatement_replaces(stubs: Stubs, account: Account) -> None:
    make_billed("7", on=1, account=account, principal="before the days")
    BilledCost.objects.update(day=dt.date(2026, 9, 30))
    make_billed("7", account=make_account("222233334444"), principal="another account")
    make_billed("7", account=account, source=REPORT, principal="another source")
    stubs.answer(
        GetCostAndUsage=[
            page(day("2026-11-20", tagged("ana", amount="5"), tagged("ben", amount="3"))),
            page(day("2026-11-20", tagged("ana", amount="4"))),
        ]
    )

    fetch(account)
    fetch(account)

    assert kept() == [
        ("09-30", "before the days", SONNET, Decimal(7)),
        ("11-20", "ana", SONNET, Decimal(4)),
        ("11-20", "another account", SONNET, Decimal(7)),
        ("11-20", "another source", SONNET, Decimal(7)),
    ]


@pytest.mark.parametrize("answer", [page(), page(day("2026-11-20")), Error("DataUnavailableException", 400)])
def test_nothing_at_all_replaces_nothing(stubs: Stubs, account: Account, answer: Any) -> None:
    make_billed("7", account=account)
    stubs.answer(GetCostAndUsage=answer)

    done = fetch(account)

    assert (len(kept()), done.problem, done.requests) == (1, "", 1)


@pytest.mark.parametrize(
    ("fault", "problem"),
    [
        (Error("AccessDeniedException", 400), Problem.DENIED),
        (Error("ExpiredTokenException", 400), Problem.NOT_CONFIGURED),
        (Error("LimitExceededException", 400), Problem.NO_ANSWER),
        (Error("BillExpirationException", 400), Problem.REFUSED),
    ],
)
def test_a_problem_is_kept_and_so_is_what_was_known(
    stubs: Stubs, account: Account, fault: Error, problem: Problem
) -> None:
    make_billed("7", account=account)
    stubs.answer(GetCostAndUsage=fault)

    done = fetch(account)

    assert (done.state, done.problem, len(kept())) == (RunState.DONE, problem, 1)
    assert done.problem_detail.startswith("ce:GetCostAndUsage: ")
    assert billed.problems() == [done]


def test_a_problem_is_over_with_the_next_fetch(stubs: Stubs, account: Account) -> None:
    stubs.answer(GetCostAndUsage=[Error("InternalFailure", 500), page(day("2026-11-20", tagged("ana")))])
    fetch(account)

    done = fetch(account)

    assert (billed.problems(), billed.last_fetches()) == ([], [done])


def test_a_tag_that_names_nobody_in_either_spelling_is_told_and_what_was_charged_is_kept(
    stubs: Stubs, account: Account
) -> None:
    stubs.answer(GetCostAndUsage=page(day("2026-11-20", tagged(""))))

    done = fetch(account)

    assert kept() == [("11-20", "", SONNET, Decimal("1.25"))]
    assert (done.problem, done.problem_detail, done.was_read) == (Problem.UNTAGGED, "iamPrincipal/owner, owner", True)
    assert billed.problems() == [done]
    stubs.answer(GetCostAndUsage=page(day("2026-11-20", tagged("ana"), tagged(""))))
    fetch(account)
    assert billed.problems() == []


def test_nobody_is_named_where_no_tag_is_asked_for_and_that_is_no_problem(stubs: Stubs, account: Account) -> None:
    stubs.answer(GetCostAndUsage=page(day("2026-11-20", group(f"model${SONNET}"))))
    Account.objects.update(cost_tag="")
    account.refresh_from_db()
    assert fetch(account).problem == ""
    Account.objects.update(cost_tag="owner", cost_report=REPORTED)
    account.refresh_from_db()
    assert fetch(account).problem == ""


def test_a_report_that_an_account_no_longer_has_is_no_problem(stubs: Stubs, account: Account) -> None:
    gone = BillingFetch.objects.create(
        account=account, source=REPORT, since=NOVEMBER, until=TODAY, state=RunState.DONE, problem=Problem.DENIED
    )
    assert billed.problems() == []

    Account.objects.update(cost_report=REPORTED)

    assert billed.problems() == [gone]


# --- Which days


@pytest.mark.parametrize(
    ("today", "known", "is_estimated", "since"),
    [
        (25, None, False, "2026-08-01"),
        (25, "2026-10-31", False, "2026-11-01"),
        (25, "2026-10-31", True, "2026-10-01"),
        (25, "2026-11-20", True, "2026-11-01"),
        (15, "2026-10-31", False, "2026-10-01"),
        (16, "2026-10-31", False, "2026-11-01"),
        (1, "2026-10-31", False, "2026-10-01"),
    ],
    ids=["first", "closed", "still estimated", "this month", "two weeks", "after them", "on the first"],
)
def test_the_days_that_aws_may_have_restated(
    account: Account, today: int, known: str | None, is_estimated: bool, since: str
) -> None:
    if known:
        row = make_billed("1", account=account, is_estimated=is_estimated)
        BilledCost.objects.filter(pk=row.pk).update(day=dt.date.fromisoformat(known))

    with time_machine.travel(NOW.replace(day=today), tick=False):
        (opened,) = open_fetches()

    assert (opened.since.isoformat(), opened.until) == (since, dt.date(2026, 11, today))


@pytest.mark.parametrize(("read_on", "since"), [("2026-09-20", "2026-09-01"), ("2026-05-20", "2026-08-01")])
def test_months_in_which_nothing_was_read_are_read_later(account: Account, read_on: str, since: str) -> None:
    read_at = dt.datetime.fromisoformat(f"{read_on}T03:45:00+00:00")
    row = make_billed("1", account=account, fetched_at=read_at)
    BilledCost.objects.filter(pk=row.pk).update(day=read_at.date() - dt.timedelta(days=2))

    (opened,) = open_fetches()

    assert opened.since.isoformat() == since


def test_today_is_not_asked_for(account: Account) -> None:
    assert open_fetches(since=TODAY) == []


def test_one_fetch_at_a_time(account: Account) -> None:
    assert open_fetches() == open_fetches()


# --- The cap


def test_requests_are_counted_by_month_and_cost_a_cent(account: Account, settings: Settings) -> None:
    for month, requests in ((10, 90), (11, 3), (11, 4)):
        BillingFetch.objects.create(
            account=account,
            source=EXPLORER,
            since=NOVEMBER,
            until=TODAY,
            state=RunState.DONE,
            requests=requests,
            queued_at=NOW.replace(month=month, day=1, hour=0),
        )

    found = billed.requests_this_month()

    assert (found.count, found.cost, found.cap, found.is_used_up) == (7, Decimal("0.07"), 100, False)


def test_nothing_is_asked_or_written_above_the_cap(stubs: Stubs, account: Account, settings: Settings) -> None:
    settings.ONRAMP_COST_EXPLORER_REQUESTS = 3
    make_billed("7", account=account)
    stubs.answer(GetCostAndUsage=lambda _: page(day("2026-11-20", tagged("ana")), more="again"))

    done = fetch(account)
    again = fetch(account)

    assert (stubs.count("GetCostAndUsage"), done.requests, again.requests, len(kept())) == (3, 3, 0, 1)
    assert (done.problem, again.problem) == (Problem.CAPPED, Problem.CAPPED)
    assert done.problem_detail == "ONRAMP_COST_EXPLORER_REQUESTS=3"
    assert billed.requests_this_month().is_used_up


def test_a_request_that_failed_is_counted(stubs: Stubs, account: Account) -> None:
    stubs.answer(GetCostAndUsage=Error("InternalFailure", 500))

    assert fetch(account).requests == 1


def test_the_cap_holds_in_its_month(stubs: Stubs, account: Account, settings: Settings) -> None:
    settings.ONRAMP_COST_EXPLORER_REQUESTS = 1
    stubs.answer(GetCostAndUsage=lambda _: page(day("2026-11-20", tagged("ana"))))
    fetch(account)

    with time_machine.travel(NOW + dt.timedelta(days=7), tick=False):
        assert fetch(account).problem == ""


def test_a_fetch_that_waited_over_the_turn_of_the_month_is_capped_and_counts_where_it_is_charged(
    stubs: Stubs, account: Account, settings: Settings
) -> None:
    settings.ONRAMP_COST_EXPLORER_REQUESTS = 2
    stubs.answer(GetCostAndUsage=lambda _: page(day("2026-11-20", tagged("ana")), more="again"))
    with time_machine.travel(NOW.replace(day=30, hour=23, minute=59), tick=False):
        (opened,) = open_fetches()

    with time_machine.travel(dt.datetime(2026, 12, 1, 0, 1, tzinfo=dt.UTC), tick=False):
        run(opened.pk)
        december = billed.requests_this_month()

    opened.refresh_from_db()
    assert (stubs.count("GetCostAndUsage"), opened.problem) == (2, Problem.CAPPED)
    assert (december.count, billed.requests_this_month().count) == (2, 0)


# --- Workers that are killed, or slow


def test_a_worker_that_lost_its_lease_writes_nothing(stubs: Stubs, account: Account) -> None:
    """The other worker took the fetch over while this one waited for AWS."""

    def answer(_: Params) -> Any:
        BillingFetch.objects.update(lease_until=NOW - dt.timedelta(seconds=1))
        assert BillingFetch.objects.claim(opened.pk, lease=dt.timedelta(minutes=1)) == 2
        return page(day("2026-11-20", tagged("ana")))

    stubs.answer(GetCostAndUsage=answer)
    (opened,) = open_fetches()

    run(opened.pk)

    opened.refresh_from_db()
    assert (kept(), Caller.objects.count(), opened.state) == ([], 0, RunState.RUNNING)


def test_a_fetch_that_somebody_holds_is_left_alone(stubs: Stubs, account: Account) -> None:
    (opened,) = open_fetches()
    BillingFetch.objects.claim(opened.pk, lease=dt.timedelta(minutes=1))

    run(opened.pk)

    assert stubs.calls == []


def test_a_killed_workers_fetch_is_done_by_the_next(stubs: Stubs, account: Account) -> None:
    stubs.answer(GetCostAndUsage=page(day("2026-11-20", tagged("ana"))))
    (opened,) = open_fetches()
    BillingFetch.objects.claim(opened.pk, lease=dt.timedelta(minutes=1))
    BillingFetch.objects.update(requests=1)

    let_pass(dt.timedelta(minutes=2))
    run(opened.pk)

    opened.refresh_from_db()
    assert (opened.state, opened.requests, len(kept())) == (RunState.DONE, 2, 1)


def test_a_fetch_whose_every_worker_is_killed_is_given_up(stubs: Stubs, account: Account) -> None:
    (opened,) = open_fetches()
    BillingFetch.objects.update(fence=5)

    run(opened.pk)

    opened.refresh_from_db()
    assert (stubs.calls, opened.state, opened.problem) == ([], RunState.DONE, Problem.NO_ANSWER)


def test_a_fault_ends_the_fetch_and_leaves_what_was_there(stubs: Stubs, account: Account) -> None:
    """Otherwise it would be asked again and again, for a cent each time."""
    make_billed("7", account=account)
    more_than_a_column_holds = tagged("ana", amount="1e12")
    stubs.answer(GetCostAndUsage=page(day("2026-11-20", more_than_a_column_holds)))

    done = fetch(account)

    assert kept() == [("11-20", "", SONNET, Decimal(7))]
    assert (done.state, done.problem) == (RunState.DONE, Problem.FAULT)
    # As each database calls it.
    assert done.problem_detail in ("OverflowError", "DataError")


# --- The report, and whose it is


def test_a_report_names_callers(stubs: Stubs) -> None:
    account = make_account(cost_report=REPORTED, cost_tag="owner")
    ana = make_person("ana.nunez@acme.example")
    Bucket(stubs).deliver({"a.csv.gz": as_csv([line("1.5", ANA), line("2", BEN), line("4", "")])})

    done = fetch(account, REPORT)

    rows = BilledCost.objects.values_list("principal", "caller__arn", "caller__person", "is_estimated")
    assert (done.problem, done.requests) == ("", 0)
    assert set(rows) == {(ANA, ANA, ana.pk, True), (BEN, BEN, None, True), ("", None, None, True)}


def test_a_report_is_final_two_weeks_after_its_month(stubs: Stubs) -> None:
    account = make_account(cost_report=REPORTED)
    october = line("1", line_item_usage_start_date=dt.datetime(2026, 10, 31))
    Bucket(stubs).deliver({"a.csv.gz": as_csv([october])}, period="2026-10")

    fetch(account, REPORT)

    assert [row.is_estimated for row in BilledCost.objects.all()] == [False]


def test_a_report_that_was_moved_leaves_what_was_known_of_a_month_it_lacks(stubs: Stubs) -> None:
    account = make_account(cost_report=REPORTED)
    row = make_billed("7", account=account, source=REPORT, is_estimated=True)
    BilledCost.objects.filter(pk=row.pk).update(day=dt.date(2026, 10, 31))
    make_billed("8", on=2, account=account, source=REPORT, is_estimated=True)
    Bucket(stubs).deliver({"a.csv.gz": as_csv([line("1.5")])})

    done = fetch(account, REPORT)

    assert (done.since, done.problem) == (dt.date(2026, 10, 1), "")
    assert [(on, amount) for on, _principal, _model, amount in kept()] == [("10-31", 7), ("11-20", Decimal("1.5"))]


def test_a_report_that_cannot_be_read_is_a_problem(stubs: Stubs) -> None:
    account = make_account(cost_report=REPORTED)
    Bucket(stubs).put("cur/onramp/metadata/BILLING_PERIOD=2026-11/x-Manifest.json", b"<html>")

    done = fetch(account, REPORT)

    assert (done.problem, "names no data files" in done.problem_detail) == (Problem.REFUSED, True)


def explored(*days: int, account: Account) -> None:
    for on in days:
        make_billed("1", on=on, account=account)


def test_a_report_that_stopped_coming_is_late_and_what_was_known_stays(stubs: Stubs) -> None:
    account = make_account(cost_report=REPORTED)
    make_billed("8", on=9, account=account, source=REPORT)
    make_billed("2", on=10, account=account, source=REPORT)
    explored(*range(9, 25), account=account)
    Bucket(stubs)
    stubs.answer(GetCostAndUsage=page())

    done = fetch(account, REPORT)

    assert (done.problem, done.problem_detail) == (Problem.LATE, f"last day 2026-11-10, {REPORTED}")
    assert (done.was_read, billed.problems()) == (True, [done])
    assert BilledCost.objects.filter(source=REPORT).count() == 2
    said = command("--account", account.account_id, "--since", "2026-11-05")
    assert "read, but: The Cost and Usage Report is late (last day 2026-11-10, s3://acme-billing/cur/onramp)" in said


def test_what_a_late_report_has_is_kept_and_it_is_over_when_the_days_come(stubs: Stubs) -> None:
    account = make_account(cost_report=REPORTED)
    explored(20, 21, account=account)
    bucket = Bucket(stubs)
    bucket.deliver({"a.csv.gz": as_csv([line("1.5", line_item_usage_start_date=dt.datetime(2026, 11, 20))])})
    late = fetch(account, REPORT)
    assert (late.problem, late.problem_detail[:19]) == (Problem.LATE, "last day 2026-11-20")
    assert BilledCost.objects.get(source=REPORT).amount == 1_500_000_000

    bucket.deliver({"a.csv.gz": as_csv([line("1.5", line_item_usage_start_date=dt.datetime(2026, 11, 21))])})

    assert fetch(account, REPORT).problem == ""
    assert billed.problems() == []


@pytest.mark.parametrize(
    ("reported", "charged", "problem"),
    [
        ([20], [20, 22, 23, 24], ""),
        ([20], [20, 21, 22, 23, 24], Problem.LATE),
        ([], [22, 23, 24], ""),
        ([], [21], Problem.LATE),
        ([], [], ""),
        # Nothing was used since; or for weeks, and then again.
        ([3], [2, 3], ""),
        ([3], [2, 3, 24], ""),
    ],
    ids=["on its way", "late", "new", "nothing ever came", "no bill", "idle", "idle until now"],
)
def test_a_report_is_late_where_cost_explorer_has_a_day_for_longer(
    stubs: Stubs, reported: list[int], charged: list[int], problem: str
) -> None:
    account = make_account(cost_report=REPORTED)
    explored(*charged, account=account)
    # Whatever others have, or this account had long before.
    explored(1, 20, account=make_account("222233334444"))
    lines = [line("1", line_item_usage_start_date=dt.datetime(2026, 11, on)) for on in reported]
    bucket = Bucket(stubs)
    if lines:
        bucket.deliver({"a.csv.gz": as_csv(lines)})

    done = fetch(account, REPORT)

    assert done.problem == problem
    if problem and not reported:
        assert done.problem_detail == f"no day yet, {REPORTED}"


def test_people_are_read_from_the_report_where_there_is_one(stubs: Stubs) -> None:
    account = make_account(cost_report=REPORTED, cost_tag="owner")
    stubs.answer(GetCostAndUsage=page(day("2026-11-20", group(f"model${SONNET}"))))

    fetch(account)

    assert kept() == [("11-20", "", SONNET, Decimal("1.25"))]


def test_a_tags_value_is_mapped_again_without_a_new_bill() -> None:
    """Its person came later, or an admin takes back whose it is: a month that is closed is not read again."""
    caller = make_caller("ana.nunez@acme.example")
    ana, ben = make_person("ana.nunez@acme.example"), make_person("ben@acme.example")

    map_callers()
    caller.refresh_from_db()
    assert caller.person == ana

    claim(caller, ben, actor="an admin")
    release(caller, actor="an admin")
    caller.refresh_from_db()
    assert caller.person == ana


def test_a_claim_of_a_tags_value_that_is_made_while_the_bill_is_kept_holds(
    stubs: Stubs, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    caller = make_caller(arn="ana")
    ana, bob = make_person("ana@acme.example"), make_person("bob@acme.example")
    stubs.answer(GetCostAndUsage=page(day("2026-11-20", tagged("ana"))))

    def named(_map: IdentityMap, _name: str) -> int:
        claim(caller, bob, actor="carla.soto@acme.example")
        return ana.pk

    monkeypatch.setattr(IdentityMap, "named", named)
    fetch(account)

    caller.refresh_from_db()
    assert (caller.person, caller.claimed_by) == (bob, "carla.soto@acme.example")


def test_a_tags_value_is_a_caller_and_somebodys_where_it_is_a_name(stubs: Stubs, account: Account) -> None:
    ana, ben = make_person("ana.nunez@acme.example"), make_person("ben@acme.example")
    claimed = Caller.objects.create(arn="benny", person=ben, claimed_by="an admin")
    values = ("Ana.Nunez@ACME.example", "benny", "team-platform")
    stubs.answer(GetCostAndUsage=lambda _: page(day("2026-11-20", *(tagged(value) for value in values))))

    fetch(account)

    whose = {row.principal: row.caller and row.caller.person for row in BilledCost.objects.all()}
    assert whose == {values[0]: ana, "benny": ben, "team-platform": None}

    # Somebody who comes later is found with the next fetch.
    later = make_person("team-platform")
    fetch(account)
    assert Caller.objects.get(arn="team-platform").person == later
    assert Caller.objects.get(arn="benny") == claimed


# --- Reading


def test_nothing_billed_is_no_amount() -> None:
    assert billed.totals(NOVEMBER, DECEMBER) == Billed(None, None, ())
    assert (billed.by_person(NOVEMBER, DECEMBER), billed.by_model(NOVEMBER, DECEMBER)) == ({}, {})
    assert billed.by_day(NOVEMBER, DECEMBER) == {}


def test_one_source_counts_for_a_day_of_an_account(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    mine, other = make_account(cost_report=REPORTED), make_account("222233334444")
    make_billed("10", on=19, account=mine)
    make_billed("11", on=20, account=mine)
    make_billed("5", on=20, account=mine, source=REPORT, principal=ANA)
    make_billed("6", on=20, account=mine, source=REPORT, principal=BEN)
    make_billed("100", on=20, account=other)

    with django_assert_num_queries(1):
        found = billed.totals(NOVEMBER, DECEMBER)

    assert (found.amount, found.sources) == (Decimal(121), ("cost-explorer", "cost-report"))
    assert found.source_names == ("Cost Explorer", "Cost and Usage Report")
    assert billed.totals(NOVEMBER, DECEMBER, account_ids=[other.pk]).amount == 100
    assert billed.totals(NOVEMBER, DECEMBER, account_ids=[]).amount is None
    assert billed.by_day(NOVEMBER, DECEMBER) == {dt.date(2026, 11, 19): 10, dt.date(2026, 11, 20): 111}


def test_a_report_that_an_account_no_longer_has_counts_nowhere_until_it_has_it_again() -> None:
    account = make_account(cost_report=REPORTED)
    make_billed("11", account=account)
    make_billed("5", account=account, source=REPORT, principal=ANA)
    make_billed("7", on=21, account=account, source=REPORT, principal=ANA)
    # Of another account, which has one.
    make_billed("100", account=make_account("222233334444", cost_report=REPORTED), source=REPORT)

    for report, amount, sources in (("", 111, [EXPLORER, REPORT]), (REPORTED, 112, [REPORT])):
        Account.objects.filter(pk=account.pk).update(cost_report=report)
        found = billed.totals(NOVEMBER, DECEMBER)
        assert (found.amount, found.sources) == (amount, tuple(sources))
    Account.objects.filter(pk=account.pk).update(cost_report="")
    assert billed.by_day(NOVEMBER, DECEMBER) == {dt.date(2026, 11, 20): 111}
    assert set(billed.account_ids_of(NOVEMBER, DECEMBER)) == set(Account.objects.values_list("pk", flat=True))
    BilledCost.objects.filter(account=account, source=EXPLORER).delete()
    assert account.pk not in billed.account_ids_of(NOVEMBER, DECEMBER)


def test_until_is_exclusive() -> None:
    make_billed("1", on=20)
    make_billed("2", on=21)

    assert billed.totals(dt.date(2026, 11, 20), dt.date(2026, 11, 21)).amount == 1


def test_by_person_counts_what_is_somebodys() -> None:
    ana = make_person("ana.nunez@acme.example")
    make_billed("1", principal=ANA, caller=make_caller(ANA, ana))
    make_billed("2", principal="ana", caller=make_caller("ana", ana))
    make_billed("4", principal=BEN, caller=make_caller(BEN))
    make_billed("8")

    assert billed.by_person(NOVEMBER, DECEMBER) == {ana.pk: 3}


def test_by_model_uses_awss_names() -> None:
    make_billed("1.000000001")
    make_billed("2", on=21)
    make_billed("4", model=OPUS)
    make_billed("8", model="")

    assert billed.by_model(NOVEMBER, DECEMBER) == {SONNET: Decimal("3.000000001"), OPUS: 4, "": 8}


@pytest.mark.parametrize(
    ("last", "read_at", "as_of"),
    [
        # Read at 3:45 on the 25th: the 22nd ended two days before, the 23rd did not.
        (24, NOW, 22),
        (24, NOW.replace(hour=0, minute=0), 22),
        (20, NOW, 20),
        (24, NOW.replace(day=10), 7),
    ],
    ids=["settling", "to the minute", "nothing newer", "read long ago"],
)
def test_as_of_is_the_last_day_billed_in_full(last: int, read_at: dt.datetime, as_of: int) -> None:
    make_billed("1", on=1, fetched_at=read_at)
    make_billed("1", on=last, fetched_at=read_at)

    assert billed.totals(NOVEMBER, DECEMBER).as_of == dt.date(2026, 11, as_of)


def test_as_of_is_that_of_the_account_that_lags_most() -> None:
    other = make_account("222233334444")
    make_billed("1", on=20)
    make_billed("1", on=12, account=other)
    make_usage(day=dt.date(2026, 11, 13), account=other)

    assert billed.totals(NOVEMBER, DECEMBER).as_of == dt.date(2026, 11, 12)


def test_an_account_that_is_not_used_any_more_holds_up_nobody(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    for number in range(3):
        idle = make_account(f"22223333444{number}")
        make_billed("0.10", on=2, account=idle)
        make_usage(day=dt.date(2026, 11, 2), account=idle)
        # What is used after the others' last day is in no bill yet.
        make_usage(day=TODAY, account=idle)
    make_billed("1", on=20)

    with django_assert_num_queries(2):
        assert billed.totals(NOVEMBER, DECEMBER).as_of == dt.date(2026, 11, 20)


def test_an_account_whose_bill_was_read_long_ago_is_late_whatever_was_used() -> None:
    make_billed("1", on=20)
    make_billed("1", on=12, account=make_account("222233334444"), fetched_at=NOW.replace(day=13))

    assert billed.totals(NOVEMBER, DECEMBER).as_of == dt.date(2026, 11, 10)


def test_days_that_are_still_on_their_way_are_not_billed_in_full() -> None:
    make_billed("1", on=24)

    assert billed.totals(dt.date(2026, 11, 24), DECEMBER) == Billed(Decimal(1), None, ("cost-explorer",))


# --- The command


def command(*arguments: str) -> str:
    out = StringIO()
    call_command("fetch_billed", *arguments, stdout=out)
    return out.getvalue()


def test_the_command_reads_and_says_what_it_cost(stubs: Stubs, account: Account) -> None:
    stubs.answer(GetCostAndUsage=[page(day("2026-11-20", tagged("ana")), more="2"), page()])

    said = command("--account", account.account_id, "--since", "2026-11-10")

    assert said.splitlines() == [
        "111122223333, Cost Explorer, 2026-11-10 to 2026-11-24: read",
        "2 requests to Cost Explorer, $0.02; 2 of 100 this month, $0.02",
    ]
    assert len(kept()) == 1


def test_the_command_fails_where_something_could_not_be_read(stubs: Stubs, account: Account) -> None:
    stubs.answer(GetCostAndUsage=Error("AccessDeniedException", 400))

    with pytest.raises(CommandError, match="Not everything"):
        command()


@pytest.mark.parametrize("arguments", [["--account", "999"], ["--since", "2026-11-25"], ["--since", "yesterday"]])
def test_the_command_refuses_what_makes_no_sense(account: Account, arguments: list[str]) -> None:
    with pytest.raises(CommandError):
        command(*arguments)
