"""CloudWatch's totals through the seam: when they are asked for, how far back, and in which Regions."""

from __future__ import annotations

import datetime as dt
from collections import Counter

import pytest
from django.utils import timezone

from onboarding import tasks
from onboarding.catalog import REGION_NAMES
from onboarding.costs import control, coverage
from onboarding.costs.ingest import find_sources
from onboarding.enums import MeteredClass, Problem, Role
from onboarding.models import Account, ControlTotal, LogSource, PlanRevision
from tests.aws.ingesting import source_of
from tests.counted import aws_calls
from tests.sandbox_aws import PAYMENTS, PROD, Aws
from tests.web.plan_pages import client_of, text_of

pytestmark = pytest.mark.usefixtures("company")

IRELAND, TOKYO = "eu-west-1", "ap-northeast-1"
MINUTE, HOUR, DAY = dt.timedelta(minutes=1), dt.timedelta(hours=1), dt.timedelta(days=1)
# Of the partition that the accounts are in.
REGIONS = sum(not region.startswith("us-gov") for region in REGION_NAMES)
TRIES = 3  # of a call


@pytest.fixture(autouse=True)
def _no_throttling(aws: Aws) -> None:
    """Of the company's own faults, one throttles for ever."""
    aws.call("PUT", "/sandbox/faults", [])


@pytest.fixture
def source() -> LogSource:
    find_sources()
    return source_of(PROD, TOKYO)


def truth(aws: Aws, region: str = TOKYO, account: str = PROD) -> Counter[tuple[str, str]]:
    """By day and class, as CloudWatch has it: how long a write is kept it does not tell. Whole days."""
    tokens: Counter[tuple[str, str]] = Counter()
    for row in aws.call("GET", f"/sandbox/usage?account={account}"):
        if row["region"] == region and row["day"] < str(timezone.now().date()):
            kind = row["token_class"]
            tokens[row["day"], MeteredClass.CACHE_WRITE if kind.startswith("cache-write") else kind] += row["tokens"]
    return tokens


def kept(region: str = TOKYO, account: str = PROD) -> Counter[tuple[str, str]]:
    tokens: Counter[tuple[str, str]] = Counter()
    rows = ControlTotal.objects.filter(region=region, account__account_id=account, day__lt=timezone.now().date())
    for day, kind, count in rows.values_list("day", "metered_class", "tokens"):
        tokens[str(day), kind] += count
    return tokens


def asked(aws: Aws) -> int:
    return aws.calls().get("cloudwatch.ListMetrics", 0)


def kinds() -> list[tuple[str, str]]:
    return [(row.kind, row.region) for row in coverage.warnings(timezone.now()) if row.account.account_id == PROD]


def test_the_totals_are_what_was_used_and_are_asked_for_once_an_hour(aws: Aws, source: LogSource) -> None:
    now = timezone.now()
    aws.forget_calls()
    for after in (dt.timedelta(0), 5 * MINUTE, HOUR - MINUTE):
        control.refresh(source, now + after)
    assert asked(aws) == 1
    assert kept() == truth(aws) != Counter()
    assert source_of(PROD, TOKYO).control_at == now

    control.refresh(source, now + HOUR)

    assert asked(aws) == 2


def test_the_last_days_are_read_again_and_what_is_older_stays(aws: Aws, source: LogSource) -> None:
    now = timezone.now()
    control.refresh(source, now)
    days = sorted(set(ControlTotal.objects.filter(region=TOKYO).values_list("day", flat=True)))
    newest, stale = days[-1], [day for day in days if day < days[-1] - 2 * DAY][-1]
    right = dict(ControlTotal.objects.values_list("pk", "tokens"))
    ControlTotal.objects.update(tokens=1)

    control.refresh(source, now + HOUR)

    again = ControlTotal.objects.filter(day__gte=newest - 2 * DAY)
    assert again.exists()
    assert all(row.tokens == right[row.pk] for row in again)
    assert set(ControlTotal.objects.filter(day__lte=stale).values_list("tokens", flat=True)) == {1}


@pytest.mark.parametrize("operation", ["ListMetrics", "GetMetricData"])
def test_what_cloudwatch_does_not_give_is_told_tried_again_and_passes(
    aws: Aws, source: LogSource, operation: str
) -> None:
    now = timezone.now()
    aws.fault(operation=f"cloudwatch.{operation}", kind="denied")

    control.refresh(source, now)

    found = source_of(PROD, TOKYO)
    assert (found.control_problem, found.control_at) == (Problem.DENIED, None)
    assert ("no-control", TOKYO) in kinds()
    aws.call("PUT", "/sandbox/faults", [])
    control.refresh(found, now + 5 * MINUTE)  # with the next run, and not in an hour
    assert source_of(PROD, TOKYO).control_problem == ""
    assert ("no-control", TOKYO) not in kinds()
    assert kept() == truth(aws)


def test_a_problem_after_an_hour_leaves_what_was_known(aws: Aws, source: LogSource) -> None:
    now = timezone.now()
    control.refresh(source, now)
    known = kept()
    aws.fault(operation="cloudwatch.ListMetrics", kind="error")

    control.refresh(source, now + HOUR)

    found = source_of(PROD, TOKYO)
    assert (found.control_problem, found.control_at) == (Problem.NO_ANSWER, now)
    assert kept() == known != Counter()


# --- Where nobody reads


def test_use_in_a_region_that_no_plan_has_is_told(aws: Aws) -> None:
    PlanRevision.objects.filter(region=TOKYO).update(region=IRELAND)
    aws.forget_calls()

    tasks.look_elsewhere()

    assert not LogSource.objects.filter(region=TOKYO).exists()
    lost = truth(aws)
    assert kept() == lost != Counter()
    (warning,) = (row for row in coverage.warnings(timezone.now()) if row.region == TOKYO)
    assert (warning.kind, warning.account.account_id, str(warning.since)) == ("elsewhere", PROD, min(lost)[0])
    assert f" {lost.total():,} tokens " in warning.text
    assert warning.title in text_of(client_of(Role.ADMIN).get("/costs/"))
    assert asked(aws) == Account.objects.count() * REGIONS - LogSource.objects.count()
    assert aws.calls()["cloudwatch.GetMetricData"] == 1


def test_a_region_that_a_plan_has_is_no_other_one(aws: Aws) -> None:
    tasks.look_elsewhere()

    assert {row.region for row in LogSource.objects.filter(account__account_id=PROD)} == {IRELAND, TOKYO}
    assert not ControlTotal.objects.exists()


def test_regions_that_an_account_may_not_use_ring_no_alert(aws: Aws) -> None:
    aws.fault(operation="cloudwatch.ListMetrics", kind="denied", when={"region": "ap-*"})
    before = aws_calls("cloudwatch:ListMetrics")

    tasks.look_elsewhere()

    grown = aws_calls("cloudwatch:ListMetrics") - before
    assert grown["ok"] > 0
    assert grown["refused"] > 0
    assert not grown["denied"]


def test_a_region_that_a_plan_has_and_may_not_be_asked_does(aws: Aws, source: LogSource) -> None:
    aws.fault(operation="cloudwatch.ListMetrics", kind="denied")
    before = aws_calls("cloudwatch:ListMetrics")

    control.refresh(source, timezone.now())

    assert aws_calls("cloudwatch:ListMetrics") - before == {"denied": 1}


def test_an_account_whose_regions_do_not_answer_is_left_alone_and_the_others_asked(aws: Aws) -> None:
    aws.fault(operation="cloudwatch.ListMetrics", kind="error", when={"account": PAYMENTS})
    aws.forget_calls()

    tasks.look_elsewhere()

    others = Account.objects.exclude(account_id=PAYMENTS)
    read = LogSource.objects.filter(account__in=others).count()
    assert asked(aws) == others.count() * REGIONS - read + 3 * TRIES
