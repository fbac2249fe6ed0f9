"""One's own usage: what was used, how its price was reckoned, what AWS billed, and the budget. Nobody else's."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from decimal import Decimal

import pytest
import time_machine
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from onboarding.enums import EndpointKind, Role
from onboarding.models import LogSource, Person
from tests.factories import (
    make_account,
    make_caller,
    make_person,
    make_plan,
    make_ready_person,
    make_revision,
    make_team,
    make_usage,
    make_user,
)
from tests.web.cost_pages import (
    HOSTILE,
    MILLION,
    NEW,
    NOW,
    OPUS,
    admin,
    bill,
    day,
    logged,
    read,
    signed_in,
    spend,
    text_of,
)


@pytest.fixture
def _today() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("_today")]


def page(person: Person, query: str = "") -> str:
    return read(f"/usage/{query}", signed_in(person))


def words(person: Person, query: str = "") -> str:
    return text_of(page(person, query))


# --- Who may


@pytest.mark.parametrize("role", list(Role))
def test_everybody_has_a_page_of_their_own(role: Role) -> None:
    assert "You used nothing in November" in words(make_person(role=role))


def test_anonymous_visitors_are_sent_to_sign_in(client: Client) -> None:
    assert client.get("/usage/")["Location"] == "/?next=/usage/"


def test_a_user_who_is_nobodys_person_gets_403(client: Client) -> None:
    client.force_login(make_user())

    assert client.get("/usage/").status_code == 403


@pytest.mark.parametrize("query", ["", "?person=bo@acme.example", "?team=none", "?person_id=2", "?month=2026-11"])
def test_nobody_sees_what_another_used(query: str) -> None:
    team = make_team()
    ana, bo = make_person(team=team), make_person("bo@acme.example", name="Bo", team=team)
    spend(ana, 3)
    spend(bo, 777)
    bill("555", person=bo)
    bill("2.50", person=ana)

    shown = words(ana, query)

    assert "You used about $3.00 in November" in shown
    assert "Billed $2.50 Cost Explorer" in shown
    for secret in ("777", "555", "Bo ", "bo@acme.example", "$780"):
        assert secret not in shown


# --- States


def test_whoever_used_nothing_learns_what_appears() -> None:
    shown = words(make_person())

    assert "Once you work with Claude Code, what you used appears here within minutes" in shown
    assert "Not everything was read yet" in shown
    assert "$" not in shown


def test_another_month_without_usage_says_so() -> None:
    shown = words(make_person(), "?month=2026-09")

    assert "You used nothing in September" in shown
    assert "No log of that month names you." in shown
    assert "This month" in shown


@pytest.mark.parametrize("month", ["2026-13", "nonsense", "2027-01"])
def test_a_month_that_cannot_be_is_said_and_left_out(month: str) -> None:
    shown = words(make_person(), f"?month={month}")

    assert "which was left out: month." in shown
    assert "in November" in shown


def test_a_month_that_was_never_read_is_not_taken_for_one_without_usage() -> None:
    ana = make_ready_person(monthly_budget=Decimal(40))
    logged(read_from=NOW - dt.timedelta(days=90))

    shown = words(ana, "?month=2026-07")
    assert "No usage of yours is known in July" in shown
    assert "Estimated Not known" in shown
    assert "$0.00" not in shown
    assert "was never read" in shown


def test_what_has_no_price_is_shown_in_tokens_and_never_as_nothing() -> None:
    ana = make_person(monthly_budget=Decimal(40))
    make_usage(person=ana, day=day(3), model_id=NEW, rate=None, input=1_840_000)

    shown = words(ana)

    assert "What you used in November has no price yet" in shown
    assert "Input 1,840,000 No price Unpriced" in shown
    assert "Budget $40.00" in shown
    assert "How far your budget lasts is not known" in shown
    assert "$0.00" not in shown


def test_warnings_are_of_the_places_that_concern_the_person() -> None:
    ana = make_ready_person()
    other = make_account("222233334444", name="acme-ai-secret")
    logged(destination="", off_since=NOW)
    LogSource.objects.create(account=other, region="eu-west-1", destination="", off_since=NOW, read_at=NOW)

    shown = words(ana)

    assert "Invocation logging is off in Ireland (eu-west-1)" in shown
    assert "acme-ai-secret" not in shown
    # What to do about it is for admins.
    assert "Switch invocation logging on" not in shown
    make_usage(person=ana, day=day(3), account=other)
    assert "acme-ai-secret" in words(ana)
    assert "Switch invocation logging on" in text_of(read("/costs/"))


def test_usage_says_up_to_when_it_is_known() -> None:
    logged()

    assert "Usage to 20 November 2026, 11:59 UTC" in words(make_person())


# --- What it was spent on


def test_the_arithmetic_of_the_estimate_is_shown() -> None:
    ana = make_person()
    # Opus in a geography: 5.50 in, 27.50 out, 6.875 to write and 0.55 to read the cache.
    make_usage(person=ana, day=day(10), model_id=OPUS, rate=5_500_000, input=23_000)
    make_usage(person=ana, day=day(10), model_id=OPUS, rate=27_500_000, output=125_000)
    make_usage(person=ana, day=day(10), model_id=OPUS, rate=6_875_000, cache_write_5m=1_300_000)
    make_usage(person=ana, day=day(10), model_id=OPUS, rate=550_000, cache_read=15_500_000)

    shown = words(ana)

    assert "Claude Opus 4.8 anthropic.claude-opus-4-8 , Geographic $21.03" in shown
    assert "Input 23,000 $5.50 $0.13" in shown
    assert "Output 125,000 $27.50 $3.44" in shown
    assert "Cache read 15,500,000 $0.55 $8.53" in shown
    assert "Cache write, 5 minutes 1,300,000 $6.875 $8.94" in shown
    # 0.1265 + 3.4375 + 8.525 + 8.9375
    assert "Total 16,948,000 $21.03" in shown
    assert "You used about $21.03 in November" in shown


def test_endpoints_and_long_prompts_are_sheets_of_their_own() -> None:
    ana = make_person()
    make_usage(person=ana, day=day(3), endpoint_kind=EndpointKind.GLOBAL, rate=MILLION, input=MILLION)
    make_usage(person=ana, day=day(3), is_long_prompt=True, rate=2 * MILLION, input=MILLION)

    shown = words(ana)

    assert ", Global $1.00" in shown
    assert ", Geographic, long prompts $2.00" in shown


def test_the_chart_and_its_table_are_of_ones_own_days() -> None:
    ana = make_person()
    spend(ana, 3, on=10)
    spend(ana, 2, on=11, model_id=OPUS)
    spend(make_person("bo@acme.example"), 50, on=10)

    shown = page(ana)

    assert len(re.findall(r'<rect class="s\d" x="[\d.]+" y=', shown)) == 2
    assert "Most was used on 10 Nov: $3.00." in text_of(shown)
    assert "10 Nov $3.00 None $3.00 Not billed yet" in text_of(shown)
    assert "12 Nov None None None Not billed yet" in text_of(shown)


def test_other_months_are_a_link_away() -> None:
    ana = make_person()
    spend(ana, 3)
    make_usage(person=ana, day=day(3, month=9), rate=MILLION, input=5 * MILLION)

    assert '<a href="?month=2026-09">September 2026</a>' in page(ana)
    before = page(ana, "?month=2026-09")
    assert "You used about $5.00 in September" in before
    assert '<a href="?month=2026-11">November 2026</a>' in before


def test_claimed_principals_count() -> None:
    ana = make_person()
    spend(ana, 3)
    make_usage(caller=make_caller("arn:aws:iam::1:user/ana", ana), day=day(4), rate=MILLION)

    assert "You used about $4.00 in November" in words(ana)


# --- Budget


def test_the_budget_its_forecast_and_how_to_ask_for_more() -> None:
    plan = make_plan()
    plan.person_budget = Decimal(60)
    plan.save()
    ana = make_person(team=make_team(plan))
    for number in range(6, 20):
        spend(ana, 4, on=number)

    shown = words(ana)

    # 56 used in 14 days, and 11 days at 4 to come.
    assert "Your budget will not last" in shown
    assert "$56.00 of $60.00" in shown
    assert "Forecast $100.00" in shown
    assert "Used so far this month, plus the average of the last 14 whole days" in shown
    assert "Ask for a higher budget" in shown
    assert "by today's budget" not in shown
    october = words(ana, "?month=2026-10")
    assert "Ask for a higher budget" not in october
    assert "Your budget lasts" not in october
    assert "That month, by today's budget" in october


def test_without_a_budget_nothing_limits() -> None:
    ana = make_person()
    spend(ana, 3)

    assert "No budget limits you" in words(ana)
    assert "Ask for a higher budget" not in words(ana)


def test_what_aws_may_still_change_of_ones_own_bill_is_told() -> None:
    ana, ben = make_person(), make_person("ben@acme.example")
    spend(ana, 3)
    spend(ben, 3)
    bill("3.00", person=ben, is_estimated=True)
    bill("2.50", person=ana)
    assert "AWS may still change it." not in words(ana)

    bill("0.25", on=11, person=ana, is_estimated=True)

    assert "Billed $2.75 Cost Explorer, to 11 Nov. AWS may still change it." in words(ana)


def test_a_bill_that_names_nobody_is_not_said_to_come() -> None:
    ana = make_person()
    spend(ana, 3)
    assert "Billed Not billed yet" in words(ana)

    bill("3.00", on=13)

    assert "Billed Not told" in words(ana)


# --- And the rest


def test_an_admin_sees_their_own_here() -> None:
    spend(make_person(), 3)

    assert "You used nothing in November" in text_of(read("/usage/", admin()))


def test_hostile_names_are_text() -> None:
    ana = make_person(name=HOSTILE)
    spend(ana, 3, model_id=HOSTILE)

    assert HOSTILE not in page(ana)


def test_it_takes_as_many_queries_for_one_as_for_many(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    ana = make_person(team=make_team(make_revision().plan))
    client = signed_in(ana)
    logged()
    spend(ana, 1)
    bill("1", person=ana)
    with django_assert_num_queries(18):
        client.get("/usage/")
    for number in range(1, 21):
        spend(ana, 1, on=number, model_id=f"anthropic.claude-{number}", region=f"eu-west-{number}")
        spend(make_person(f"p{number}@acme.example"), 1)
        bill("1", on=number, person=ana, model=f"Claude {number}")
    with django_assert_num_queries(18):
        client.get("/usage/")
