"""Reconciliation: estimate and bill of each day and model side by side, and the ledger beside CloudWatch's count."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from onboarding.enums import BilledSource, MeteredClass, Problem, Role, RunState
from onboarding.models import Account, BillingFetch, ControlTotal
from tests.factories import make_account, make_person, make_usage, make_user
from tests.web.cost_pages import (
    HOSTILE,
    MILLION,
    NEW,
    NOW,
    OPUS,
    SONNET,
    admin,
    bill,
    day,
    logged,
    read,
    signed_in,
    spend,
    text_of,
)

URL = "/costs/reconciliation/"


@pytest.fixture
def _today() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("_today")]


def page(query: str = "") -> str:
    return read(f"{URL}{query}")


def words(query: str = "") -> str:
    return text_of(page(query))


def lines(query: str = "") -> list[str]:
    """The rows of the table by day and model, as somebody reads them."""
    table = re.search(r'<table class="data-table reconciliation-table">.*?</table>', page(query), re.DOTALL)
    assert table is not None
    return [text_of(row).strip() for row in re.findall(r"<tr>.*?</tr>", table[0], re.DOTALL)[1:]]


def count(tokens: int, on: int = 10) -> None:
    """What CloudWatch saw of a day."""
    ControlTotal.objects.create(
        account=make_account(),
        region="eu-west-1",
        day=day(on),
        model_id=SONNET,
        metered_class=MeteredClass.INPUT,
        tokens=tokens,
    )


def fetched(**fields: Any) -> BillingFetch:
    defaults = {
        "account": make_account(),
        "source": BilledSource.COST_EXPLORER,
        "since": day(1),
        "until": day(20),
        "queued_at": NOW - dt.timedelta(hours=8),
        "finished_at": NOW - dt.timedelta(hours=8),
        "state": RunState.DONE,
        "requests": 3,
    }
    return BillingFetch.objects.create(**{**defaults, **fields})


# --- Who may


@pytest.mark.parametrize(("role", "status"), [(Role.PERSON, 403), (Role.AUDITOR, 200)])
def test_auditors_read_it(role: Role, status: int) -> None:
    assert signed_in(make_person(role=role)).get(URL).status_code == status


def test_anonymous_visitors_are_sent_to_sign_in(client: Client) -> None:
    assert client.get(URL)["Location"] == f"/?next={URL}"


def test_a_user_who_is_nobodys_person_gets_403(client: Client) -> None:
    client.force_login(make_user())

    assert client.get(URL).status_code == 403


# --- What it says


def test_without_anything_it_says_that_there_is_nothing() -> None:
    shown = words()

    assert "There is nothing to reconcile in November" in shown
    assert "No bill was read yet" in shown
    assert "Neither CloudWatch nor a log knows of any usage on a whole day of this month." in shown
    assert "$0.00 for them" in shown


def test_usage_that_is_not_billed_yet_is_no_difference() -> None:
    spend(make_person(), 10, on=20)

    assert "Nothing of November is billed yet" in words()
    assert lines() == [
        "Claude Sonnet 4.6 acme-ai-prod $10.00 Not billed yet Not billed yet. AWS has charged nothing of that day so "
        "far."
    ]


def test_what_is_missing_from_a_bill_that_is_there_is_not_said_to_come() -> None:
    spend(make_person(), 10)
    bill("10.00")
    spend(make_person("bo@acme.example"), 7, model_id=OPUS)

    assert [line for line in lines() if "Opus" in line] == [
        "Claude Opus 4.8 acme-ai-prod $7.00 None Nothing tells why"
    ]


def test_what_agrees_says_so() -> None:
    spend(make_person(), 10)
    bill("10.05")

    assert "Estimate and bill of November agree, or it is known why not" in words()
    assert lines() == ["Claude Sonnet 4.6 acme-ai-prod $10.00 $10.05 $0.05 0.5% Agrees"]


def test_a_difference_that_nothing_explains_is_counted_and_can_be_looked_for() -> None:
    logged()
    person = make_person()
    spend(person, 10)
    bill("15.00")
    spend(person, 10, on=11)
    bill("10.00", on=11)

    shown = words()

    assert "One difference in November has no explanation" in shown
    assert "Without explanation (1)" in shown
    assert "Claude Sonnet 4.6 acme-ai-prod $10.00 $15.00 $5.00 50.0% Nothing tells why" in lines()
    assert len(lines()) == 2
    assert len(lines("?only=unexplained")) == 1
    # The sums, each with its source, and never one of both.
    assert "Estimate of the billed days $20.00 Invocation logs." in shown
    assert "Billed $25.00 Cost Explorer, to 11 Nov" in shown
    assert "Difference 25.0% $5.00, billed less estimate" in shown
    assert "$45.00" not in shown


def test_a_discount_is_an_explanation() -> None:
    person = make_person()
    for number in range(6, 13):
        spend(person, 100, on=number)
        bill("90.00", on=number)

    assert len(lines()) == 7
    assert all("Discount." in line for line in lines())
    assert "−$10.00 −10.0%" in lines()[0]


def test_a_bill_that_is_estimated_is_no_reason_for_ten_times_the_estimate() -> None:
    logged()
    spend(make_person(), 10)
    bill("100.00", is_estimated=True)

    assert "One difference in November has no explanation" in words()
    assert lines("?only=unexplained") == [
        "Claude Sonnet 4.6 acme-ai-prod $10.00 $100.00 $90.00 900.0% Nothing tells why Estimated by AWS. AWS may "
        "still change what it charges for that day."
    ]


def test_what_aws_charges_more_everywhere_is_the_headline() -> None:
    logged()
    person = make_person()
    for number in range(6, 13):
        spend(person, 100, on=number)
        bill("110.00", on=number)

    shown = words()

    assert "7 differences in November have no explanation" in shown
    assert "AWS charges about 10% more than estimated in acme-ai-prod" in shown
    assert "Nothing tells why More than estimated. AWS charges about 10% above list." in lines()[0]


def test_the_difference_is_that_of_the_page_of_costs() -> None:
    """Of the days that are billed in full: those after the 17th are not, nor was anything charged on the 12th."""
    person = make_person()
    logged()
    for number, dollars in ((10, 200), (12, 3), (16, 7), (18, 50), (19, 60)):
        spend(person, dollars, on=number)
    bill("221.13", on=10)
    bill("7.00", on=16)
    bill("1.00", on=18)

    shown, costs = words(), text_of(read("/costs/"))

    assert "Difference, 1 Nov to 17 Nov 8.6% AWS charged $18.13 more than estimated." in costs
    assert "Difference 8.6% $18.13, billed less estimate" in shown
    assert "Estimate of the billed days $210.00" in shown
    assert "Billed $228.13 Cost Explorer, to 17 Nov" in shown


def test_while_nothing_is_billed_in_full_there_is_nothing_to_hold_together() -> None:
    spend(make_person(), 10, on=19)
    bill("4.00", on=19)

    shown = words()

    assert "Nothing of November is billed in full yet" in shown
    assert "Billed Not in full yet" in shown
    assert "Difference Not known yet" in shown
    assert "Difference Not known yet" in text_of(read("/costs/"))


def test_what_has_no_price_and_what_is_no_model_are_told_apart_from_nothing() -> None:
    make_usage(person=make_person(), day=day(10), model_id=NEW, rate=None, input=1_840_000)
    bill("5.91", model="Claude Saga 1")
    bill("1.01", model="")

    saga, beside = sorted(lines(), reverse=True)

    assert saga.startswith("Claude Saga 1 acme-ai-prod Unpriced $5.91")
    assert "Unpriced. 1,840,000 tokens have no price" in saga
    assert beside.startswith("Beside the models acme-ai-prod None $1.01")


def test_a_bill_that_could_not_be_read_is_a_warning_and_requests_are_counted() -> None:
    fetched(problem=Problem.DENIED, problem_detail=f"ce:GetCostAndUsage {HOSTILE}")

    shown = page()

    assert "Cost Explorer of 111122223333, acme-ai-prod could not be read" in text_of(shown)
    assert HOSTILE not in shown
    assert "Cost Explorer requests this month 3 of 100 AWS charges $0.03 for them." in text_of(shown)
    assert "When each bill was read" in shown


def test_a_report_that_is_late_is_a_warning_with_what_to_do() -> None:
    Account.objects.filter(pk=make_account().pk).update(cost_report="s3://acme-billing/cur/onramp")
    fetched(source=BilledSource.COST_REPORT, problem=Problem.LATE, problem_detail="last day 2026-11-10, s3://acme")

    shown = words()

    assert "Cost and Usage Report of 111122223333, acme-ai-prod lacks the newest days" in shown
    assert "is late: last day 2026-11-10, s3://acme . See that the export still exists and writes to that" in shown
    assert "could not be read" not in shown
    assert "UTC · The Cost and Usage Report is late" in shown


def test_requests_that_are_used_up_are_a_warning() -> None:
    fetched(requests=100)

    assert "100 of 100 AWS charges $1.00 for them. No more are made until next month." in words()


# --- Logged and counted


def test_a_day_that_cloudwatch_saw_more_of_is_shown_and_others_on_demand() -> None:
    logged()
    spend(make_person(), 1, on=10)
    spend(make_person("bo@acme.example"), 1, on=11)
    count(MILLION, on=10)
    count(4 * MILLION, on=11)

    shown, every = words(), words("?control=all")

    assert "11 Nov 2026 acme-ai-prod Ireland (eu-west-1) 4,000,000 1,000,000 3,000,000 Logs are missing" in shown
    assert "Different (1)" in shown
    assert "All (2)" in shown
    assert "All logged" not in shown
    assert "10 Nov 2026 acme-ai-prod Ireland (eu-west-1) 1,000,000 1,000,000 0 All logged" in every


def test_a_day_of_which_more_was_logged_than_counted_is_shown() -> None:
    """Something was counted twice, or is no usage of that account: nothing to be called all logged."""
    logged()
    spend(make_person(), 2)
    count(MILLION)

    shown = words()

    assert (
        "10 Nov 2026 acme-ai-prod Ireland (eu-west-1) 1,000,000 2,000,000 −1,000,000 More was logged than counted"
        in shown
    )
    assert "Different (1)" in shown
    assert "All logged" not in shown


def test_today_is_held_against_nothing_before_it_is_over() -> None:
    """What CloudWatch counted of it is an hour old, and what is in no log yet comes within minutes."""
    count(4 * MILLION, on=20)
    spend(make_person(), 1, on=20)

    shown = words("?control=all")

    assert "20 Nov 2026 acme-ai-prod" not in shown
    assert "Neither CloudWatch nor a log knows of any usage on a whole day of this month." in shown
    assert lines()[0].startswith("Claude Sonnet 4.6 acme-ai-prod $1.00 Not billed yet")
    with time_machine.travel(NOW + dt.timedelta(days=1), tick=False):
        assert "20 Nov 2026 acme-ai-prod Ireland (eu-west-1) 4,000,000 1,000,000" in words("?control=all")


def test_where_everything_was_logged_it_says_so() -> None:
    spend(make_person(), 1)
    count(MILLION)

    assert "All that CloudWatch counted in this month was logged." in words()


# --- The address


def test_another_month_is_in_the_address() -> None:
    make_usage(person=make_person(), day=day(3, month=10), rate=MILLION)

    assert "Nothing of October is billed yet" in words("?month=2026-10")
    assert 'href="?month=2026-10"' in page()


@pytest.mark.parametrize("month", ["2026-13", "x", "2027-01"])
def test_a_month_that_cannot_be_is_said_and_left_out(month: str) -> None:
    shown = words(f"?month={month}")

    assert "which was left out: month." in shown
    assert "in November" in shown


def test_a_month_comes_in_pages_of_seven_days_the_newest_first() -> None:
    person = make_person()
    for number in range(1, 18):
        spend(person, 1, on=number)
        spend(person, 1, on=number, model_id=OPUS)

    assert len(lines()) == 14
    assert 'href="?page=2"' in page()
    assert "17 Nov 2026" in page()
    assert "11 Nov 2026" in page()
    assert "10 Nov 2026" in page("?page=2")
    assert len(lines("?page=3")) == 6
    assert len(lines("?page=nonsense")) == 14


def test_it_takes_as_many_queries_for_one_as_for_many(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    client, person = admin(), make_person()
    logged()
    spend(person, 1)
    bill("1")
    count(MILLION)
    fetched()
    with django_assert_num_queries(24):
        client.get(URL)
    for number in range(1, 20):
        account = make_account(f"{number:012}", name=f"account {number}")
        spend(person, 1, on=number, account=account, model_id=OPUS)
        bill("1", on=number, account=account, model="Claude Opus 4.8")
        fetched(account=account)
    # One more, however many they are: whether anything was used in accounts whose last charge lies behind.
    with django_assert_num_queries(25):
        client.get(URL)
