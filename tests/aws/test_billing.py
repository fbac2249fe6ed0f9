"""Reading the bill through the seam: what is kept is what the sandbox's AWS charged, and asking has its price."""

from __future__ import annotations

import datetime as dt
import json
from collections import defaultdict
from decimal import Decimal
from typing import Any

import pytest
from django.core.management.base import CommandError
from django.utils import timezone
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings
from redis import Redis

from onboarding import tasks
from onboarding.costs import billed
from onboarding.costs.billing_fetches import open_fetches
from onboarding.costs.money import usd
from onboarding.enums import BilledSource, Problem, Role, RunState
from onboarding.models import Account, BilledCost, BillingFetch, Ingestion
from tests.aws.ingesting import output
from tests.sandbox_aws import NO_RETENTION, PAYMENTS, PROD, SMALL, Aws
from tests.web.plan_pages import client_of, text_of

pytestmark = pytest.mark.usefixtures("company")

EXPLORER, REPORT = BilledSource.COST_EXPLORER, BilledSource.COST_REPORT
# Before it, Cost Explorer has no models.
SEPTEMBER, LONG_AGO = dt.date(2026, 9, 1), dt.date(2000, 1, 1)
# Reports have floating-point numbers, and Cost Explorer ten decimals.
CLOSELY = 1e-6

Amounts = dict[tuple[str, ...], float]


@pytest.fixture(autouse=True)
def _no_throttling(aws: Aws) -> None:
    aws.call("PUT", "/sandbox/faults", [])


def charged(aws: Aws, account: str, *by: str) -> Amounts:
    """The sandbox's bill for models, without credits, as far as it is complete; `by` are names of its columns."""
    sums: defaultdict[tuple[str, ...], Decimal] = defaultdict(Decimal)
    for row in aws.call("GET", f"/sandbox/bill?account={account}"):
        if row["record_type"] == "Usage" and row["model"] and dt.date.fromisoformat(row["day"]) >= SEPTEMBER:
            sums[tuple(row[name] for name in by)] += Decimal(row["amount"])
    return {key: float(amount) for key, amount in sums.items()}


def kept(account: str, source: BilledSource, *by: str) -> Amounts:
    """What the portal has of a source; `by` are columns of the rows."""
    sums: defaultdict[tuple[str, ...], int] = defaultdict(int)
    rows = BilledCost.objects.filter(account__account_id=account, source=source).exclude(model="")
    for *key, amount in rows.values_list(*by, "amount"):
        sums[tuple(str(value) for value in key)] += amount
    return {key: float(usd(amount)) for key, amount in sums.items()}


def fetch(
    account: str, source: BilledSource = EXPLORER, *, since: dt.date | None = None, **fields: Any
) -> BillingFetch:
    """Read one source of an account as a worker does, after its row got these fields."""
    Account.objects.filter(account_id=account).update(**fields)
    rows = open_fetches(accounts=Account.objects.filter(account_id=account), since=since)
    (row,) = (row for row in rows if row.source == source)
    tasks.fetch_billed(fetch_id=row.pk)
    row.refresh_from_db()
    assert row.state == RunState.DONE
    return row


# --- The whole


@pytest.mark.parametrize(("account", "spellings"), [(PROD, 1), (PAYMENTS, 2)])
def test_cost_explorer_tells_who_and_what_in_either_spelling_of_the_tag(
    aws: Aws, account: str, spellings: int
) -> None:
    """One account's tag has the prefix `iamPrincipal/`, the other's has not. What is asked begins too early."""
    aws.forget_calls()

    row = fetch(account, since=SEPTEMBER - dt.timedelta(days=3), cost_report="")

    assert row.problem == ""
    truth = charged(aws, account, "day", "owner", "model")
    assert kept(account, EXPLORER, "day", "principal", "model") == pytest.approx(truth, abs=CLOSELY)
    assert len(truth) > 40
    assert row.requests == aws.calls()["ce.GetCostAndUsage"] >= spellings


@pytest.mark.parametrize(("account", "ending"), [(PROD, ".snappy.parquet"), (PAYMENTS, ".csv.gz")])
def test_a_report_tells_each_caller_in_both_formats(aws: Aws, account: str, ending: str) -> None:
    truth = charged(aws, account, "day", "principal", "model")
    report = Account.objects.get(account_id=account).cost_report
    bucket = report.removeprefix("s3://").partition("/")[0]
    listed = aws.portal("s3", account).list_objects_v2(Bucket=bucket)["Contents"]
    assert {row["Key"].endswith(ending) for row in listed if "/data/" in row["Key"]} == {True}

    row = fetch(account, REPORT)

    assert (row.problem, row.requests) == ("", 0)
    assert kept(account, REPORT, "day", "principal", "model") == pytest.approx(truth, abs=CLOSELY)
    assert {principal[:8] for _, principal, _ in truth} == {"arn:aws:"}


def test_an_account_without_a_tag_is_billed_by_model(aws: Aws) -> None:
    fetch(SMALL)

    assert kept(SMALL, EXPLORER, "day", "model") == pytest.approx(charged(aws, SMALL, "day", "model"), abs=CLOSELY)
    assert not BilledCost.objects.exclude(principal="").exists()
    assert not BilledCost.objects.filter(model="").exists()


def test_everything_at_once_and_the_report_counts_in_the_place_of_cost_explorer(aws: Aws) -> None:
    aws.forget_calls()

    said = output("fetch_billed").splitlines()

    prod = Account.objects.get(account_id=PROD)
    assert BilledCost.objects.filter(account=prod).values("source").distinct().count() == 2
    until = timezone.now().date()
    total = billed.totals(LONG_AGO, until, account_ids=[prod.pk])
    truth = charged(aws, PROD, "account")[PROD,]
    assert float(total.amount or 0) == pytest.approx(truth, abs=CLOSELY)
    assert total.sources == (REPORT,)
    everything = sum(charged(aws, "", "account").values())
    assert float(billed.totals(LONG_AGO, until).amount or 0) == pytest.approx(everything, abs=1e-5)
    requests = aws.calls()["ce.GetCostAndUsage"]
    cost = f"${requests / 100:.2f}"
    assert said[-1] == f"{requests} requests to Cost Explorer, {cost}; {requests} of 100 this month, {cost}"
    page = text_of(client_of(Role.ADMIN).get("/costs/reconciliation/"))
    assert f"{requests} of 100" in page

    output("fetch_billed")

    assert float(billed.totals(LONG_AGO, until).amount or 0) == pytest.approx(everything, abs=1e-5)


def test_a_discount_and_a_persons_bill_are_those_of_the_sandbox(aws: Aws) -> None:
    fetch(PAYMENTS, REPORT)

    by_person = billed.by_person(LONG_AGO, timezone.now().date())

    truth = charged(aws, PAYMENTS, "owner")
    assert sum(map(float, by_person.values())) == pytest.approx(truth["pau.vidal@acme.example",], abs=CLOSELY)
    assert len(by_person) == 1


def test_the_open_month_is_estimated_and_the_last_days_are_not_billed_yet(aws: Aws) -> None:
    today = timezone.now().date()

    fetch(SMALL)

    rows = BilledCost.objects.filter(account__account_id=SMALL)
    assert not rows.filter(day__gte=today.replace(day=1), is_estimated=False).exists()
    assert not rows.filter(day__lt=today.replace(day=1), is_estimated=True).exists()
    assert aws.company.usage is not None
    assert max(rows.values_list("day", flat=True)) < today - dt.timedelta(days=aws.company.usage.billing_lag_days - 1)


# --- What asking costs


def test_the_cap_ends_the_asking_before_it_costs_more(aws: Aws, settings: Settings) -> None:
    settings.ONRAMP_COST_EXPLORER_REQUESTS = 1
    aws.forget_calls()

    first, second = fetch(SMALL), fetch(NO_RETENTION)

    assert (first.problem, second.problem) == ("", Problem.CAPPED)
    assert aws.calls()["ce.GetCostAndUsage"] == 1
    assert BilledCost.objects.filter(account__account_id=SMALL).exists()
    assert not BilledCost.objects.filter(account__account_id=NO_RETENTION).exists()
    assert "1 of 1" in text_of(client_of(Role.ADMIN).get("/costs/reconciliation/"))


@pytest.mark.parametrize(
    ("operation", "kind", "source", "problem"),
    [
        ("ce.GetCostAndUsage", "denied", EXPLORER, Problem.DENIED),
        ("ce.GetCostAndUsage", "throttle", EXPLORER, Problem.NO_ANSWER),
        ("ce.GetCostAndUsage", "error", EXPLORER, Problem.NO_ANSWER),
        ("s3.GetObject", "denied", REPORT, Problem.DENIED),
        ("s3.ListObjectsV2", "error", REPORT, Problem.NO_ANSWER),
    ],
)
def test_what_aws_does_not_give_is_told_and_what_was_known_stays(
    aws: Aws, operation: str, kind: str, source: BilledSource, problem: Problem
) -> None:
    fetch(PAYMENTS, source)
    known = kept(PAYMENTS, source, "day", "model")
    aws.fault(operation=operation, kind=kind)

    row = fetch(PAYMENTS, source)

    assert (row.problem, row.requests) == (problem, 1 if source == EXPLORER else 0)
    assert kept(PAYMENTS, source, "day", "model") == known
    assert known
    assert [fetch.problem for fetch in billed.problems()] == [problem]
    with pytest.raises(CommandError, match="what was known before is kept"):
        output("fetch_billed", account=PAYMENTS)
    aws.call("PUT", "/sandbox/faults", [])
    assert fetch(PAYMENTS, source).problem == ""
    assert billed.problems() == [row for row in billed.last_fetches() if row.problem]


# --- As a worker starts


def test_a_worker_that_starts_reads_usage_and_asks_for_the_bill_once_a_day(
    broker: Redis, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    def started() -> list[str]:
        """The tasks that are on the queue of costs after a worker's start."""
        with django_capture_on_commit_callbacks(execute=True):
            tasks.catch_up()
        messages = [json.loads(message) for message in broker.lrange("costs", 0, -1)]
        broker.delete("costs")
        return [message["headers"]["task"] for message in reversed(messages)]

    sources, fetches = ["onboarding.run_ingestion"] * 6, ["onboarding.fetch_billed"] * 7
    assert started() == [*sources, *fetches]
    assert (Ingestion.objects.count(), BillingFetch.objects.count()) == (6, 7)
    BillingFetch.objects.update(state=RunState.DONE)
    assert started() == sources
    BillingFetch.objects.update(queued_at=timezone.now() - dt.timedelta(days=1))
    assert started() == [*sources, *fetches]
