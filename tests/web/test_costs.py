"""Costs: what was used and billed, by day and by whom; the CSV of it, and the same figures in a terminal."""

from __future__ import annotations

import csv
import datetime as dt
import html
import io
import json
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from onboarding.costs.money import cents
from onboarding.enums import BilledSource, Problem, Role
from onboarding.models import Account, AuditEvent, BilledCost, Caller, Ingestion, Person, Team
from onboarding.requests import answer_request, ask_for_budget
from tests.factories import make_account, make_caller, make_person, make_revision, make_team, make_usage, make_user
from tests.web.cost_pages import (
    HOSTILE,
    MILLION,
    NEW,
    NOW,
    OPUS,
    SONNET,
    admin,
    bill,
    company,
    day,
    logged,
    read,
    signed_in,
    spend,
    text_of,
    unread,
)


@pytest.fixture
def _today() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("_today")]


def page(query: str = "") -> str:
    return read(f"/costs/{query}")


def words(query: str = "") -> str:
    return text_of(page(query))


# --- Who may


@pytest.mark.parametrize("url", ["/costs/", "/costs/export.csv"])
def test_it_is_for_auditors_and_admins(url: str) -> None:
    client = signed_in(make_person())

    assert client.get(url).status_code == 403
    assert not AuditEvent.objects.exists()
    assert signed_in(make_person(role=Role.AUDITOR)).get(url).status_code == 200


@pytest.mark.parametrize("url", ["/costs/", "/costs/export.csv"])
def test_anonymous_visitors_are_sent_to_sign_in(client: Client, url: str) -> None:
    assert client.get(url)["Location"] == f"/?next={url}"


def test_a_user_who_is_nobodys_person_gets_403(client: Client) -> None:
    client.force_login(make_user())

    assert client.get("/costs/").status_code == 403


def test_links_to_costs_are_for_admins_and_to_ones_own_usage_for_everybody() -> None:
    person = signed_in(make_person())

    assert 'href="/costs/"' in read("/setup/")
    assert 'href="/usage/"' in read("/setup/")
    assert 'href="/costs/"' not in read("/setup/", person)
    assert 'href="/usage/"' in read("/setup/", person)
    for url in ("/costs/", "/costs/reconciliation/", "/costs/prices/", "/costs/budgets/", "/costs/callers/"):
        shown = read(url)
        assert f'<a href="{url}" aria-current="page">' in shown
        assert shown.count("page-tabs") == 1


# --- States


def test_before_anything_was_read_it_says_what_comes() -> None:
    shown = words()

    assert "Onramp has read no invocation log yet." in shown
    assert "$" not in shown


def test_while_logs_are_read_it_says_so() -> None:
    Ingestion.objects.create(source=logged(read_until=None), since=NOW, queued_at=NOW)

    assert "Onramp is reading invocation logs right now." in words()


def test_a_month_without_usage_is_told_from_one_that_was_never_read() -> None:
    logged()

    assert "Nothing was used in this period." in words()
    assert "has read no invocation log" not in words()


def test_a_month_before_the_first_reading_is_not_taken_for_one_without_usage() -> None:
    logged(read_from=NOW - dt.timedelta(days=90))

    shown = words("?month=2026-07")
    assert "was never read" in shown
    assert "Nothing was used in this period." not in shown


def test_a_filter_that_matches_nothing_offers_to_show_everything() -> None:
    company()
    logged()

    shown = page("?model=nothing&by=team")

    assert "Nothing that was used matches this filter." in shown
    assert 'href="?by=team"' in shown


EVERY_PAGE = (
    *("/costs/", "/costs/reconciliation/", "/costs/callers/", "/costs/budgets/", "/costs/prices/"),
    *("/costs/budgets/team/{team}/", "/costs/budgets/plan/{plan}/", "/costs/budgets/person/{person}/"),
    *("/usage/", "/requests/", "/requests/?state=answered", "/teams/", "/people/{person}/"),
)


def address(page: str, person: Person) -> str:
    """Of a page about a person, or about their team or plan."""
    assert person.team is not None
    assert person.team.plan is not None
    return page.format(person=person.pk, team=person.team.pk, plan=person.team.plan.slug)


def asking(person: Person) -> None:
    """One request for a higher budget waits, and one has an answer."""
    ask_for_budget(person=person, note="")
    other = ask_for_budget(person=make_person("di@acme.example"), note="")
    answer_request(request=other, actor=person.email, answer="Wait.")


@pytest.mark.parametrize("url", EVERY_PAGE)
@pytest.mark.parametrize(
    ("fields", "title"),
    [
        ({"destination": "", "off_since": NOW}, "Invocation logging is off in Ireland (eu-west-1)"),
        ({"problem": Problem.DENIED, "problem_since": NOW}, "Usage in Ireland (eu-west-1) could not be read"),
        ({"read_at": NOW.replace(hour=3)}, "Usage in Ireland (eu-west-1) has not been read since"),
        ({"read_at": None, "read_until": None}, "is being read for the first time"),
    ],
    ids=["off", "denied", "stalled", "unread"],
)
def test_every_page_says_what_its_figures_may_lack(url: str, fields: dict[str, Any], title: str) -> None:
    logged(**fields)
    carla = make_person("carla.soto@acme.example", role=Role.ADMIN, team=make_team(make_revision().plan))
    asking(carla)

    assert title in text_of(read(address(url, carla), signed_in(carla)))


@pytest.mark.parametrize("url", [url for url in EVERY_PAGE if url != "/costs/prices/"])
def test_every_page_with_figures_says_up_to_when_usage_is_known(url: str) -> None:
    logged(read_until=NOW.replace(hour=7))
    carla = make_person("carla.soto@acme.example", role=Role.ADMIN, team=make_team(make_revision().plan))
    asking(carla)
    spend(carla, 3)
    spend(None, 2)

    assert "Usage to 20 November 2026, 07:00 UTC" in text_of(read(address(url, carla), signed_in(carla)))


@pytest.mark.parametrize("state", ["", "?state=answered", "?state=resolved"])
def test_where_nobody_asks_for_a_budget_requests_have_no_figures(state: str) -> None:
    logged(destination="", off_since=NOW)

    shown = text_of(read(f"/requests/{state}"))

    assert "Usage to" not in shown
    assert "Invocation logging is off" not in shown


def test_a_region_of_a_plan_that_nobody_reads_is_a_warning() -> None:
    make_team(make_revision().plan)

    assert "Usage in Ireland (eu-west-1) was never looked up" in words()


# --- Tiles


def test_estimate_and_bill_stand_apart_each_with_its_source_and_day() -> None:
    ana, *_ = company()
    logged()
    bill("28.50", person=ana)
    bill("14.00", on=17, person=ana, source=BilledSource.COST_REPORT)

    shown = words()

    assert "Estimated $51.00 Invocation logs. Usage to 20 November 2026, 11:59 UTC" in shown
    assert "Billed so far $42.50 Cost Explorer, Cost and Usage Report, to 17 Nov" in shown
    # Nobody ever adds them up.
    assert "93.50" not in shown


def test_a_bill_that_aws_may_still_change_says_so() -> None:
    ana, *_ = company()
    bill("28.50", person=ana)
    assert "AWS may still change it." not in words()

    bill("14.00", on=17, person=ana, is_estimated=True)

    assert "Billed so far $42.50 Cost Explorer, to 17 Nov. AWS may still change it." in words()
    # What is not shown is not told of.
    assert "AWS may still change it." not in words("?month=2026-10")


def test_an_estimated_amount_that_does_not_count_says_nothing() -> None:
    """Of a day that a report has, Cost Explorer's amount is in no figure."""
    bill("14.00", is_estimated=True)
    bill("14.00", source=BilledSource.COST_REPORT)

    assert "Billed so far $14.00 Cost and Usage Report" in words()
    assert "AWS may still change it." not in words()


def test_the_difference_is_of_the_days_that_both_have() -> None:
    ana, *_ = company()
    spend(ana, 500, on=19)
    bill("56.10", on=17)

    shown = words()

    # 51 estimated up to the 17th, and 56.10 billed: the 19th is not billed yet.
    assert "Difference, 1 Nov to 17 Nov 10.0% AWS charged $5.10 more than estimated." in shown
    assert "Estimated $551.00" in shown


def test_an_account_without_a_bill_is_no_difference() -> None:
    """What was used there is in the estimate; AWS did not charge less of what it told."""
    company()
    bill("50.00")
    bill("1.00", on=16)
    other = make_account("222233334444")
    assert "Difference, 1 Nov to 16 Nov" in words()

    spend(make_person("di@acme.example"), 70, on=12, account=other)

    assert "Difference Not known yet" in words()
    assert "Difference, 1 Nov to 16 Nov" in words("?account=111122223333")


def test_a_report_that_is_no_longer_read_is_no_bill() -> None:
    """Cost Explorer counts again; where it has nothing, nothing is held against the account's estimate."""
    company()
    bill("50.00", on=16)
    bill("44.00", on=16, source=BilledSource.COST_REPORT)
    bill("1.00", on=16, account=make_account("222233334444"))
    assert "Billed so far $45.00" in words()
    assert "Difference, 1 Nov to 16 Nov" in words()

    Account.objects.update(cost_report="")
    assert "Billed so far $51.00 Cost Explorer, to" in words()

    BilledCost.objects.filter(source=BilledSource.COST_EXPLORER, amount=50 * 10**9).delete()
    assert "Billed so far $1.00 Cost Explorer, to" in words()
    assert "Difference Not known yet" in words()


def test_what_aws_does_not_tell_apart_is_not_made_up() -> None:
    company()
    bill("14.00")

    assert "Billed so far Not told AWS does not bill by what this filter asks for." in words("?region=eu-west-1")


def test_without_a_bill_it_is_not_billed_yet_rather_than_nothing() -> None:
    company()

    shown = words()

    assert "Billed so far Not billed yet" in shown
    assert "Difference Not known yet" in shown


@pytest.mark.parametrize(
    ("problem", "detail", "told"),
    [
        (Problem.DENIED, "ce:GetCostAndUsage", "could not be read AWS denies it to Onramp: ce:GetCostAndUsage"),
        (
            Problem.UNTAGGED,
            "iamPrincipal/owner, owner",
            "tells nothing by person The cost allocation tag names nobody: iamPrincipal/owner, owner . A tag has",
        ),
        (
            Problem.LATE,
            "last day 2026-11-10, s3://acme-billing/cur",
            "lacks the newest days The Cost and Usage Report is late: last day 2026-11-10, s3://acme-billing/cur . "
            "See that the export still exists and writes to that bucket. Cost Explorer counts for the days",
        ),
    ],
)
def test_a_bill_that_could_not_be_read_or_names_nobody_is_told(problem: Problem, detail: str, told: str) -> None:
    company()
    unread(problem, detail)

    assert f"Cost Explorer of 111122223333, acme-ai-prod {told}" in words()


def test_usage_without_a_price_is_shown_in_tokens_and_never_as_nothing() -> None:
    make_usage(person=make_person(), day=day(14), model_id=NEW, rate=None, input=1_840_000)

    for by in ("person", "team", "model", "region"):
        shown = words(f"?by={by}")
        assert "Unpriced usage 1.84 M tokens One model has no price" in shown
        assert "Estimated Unpriced" in shown
        assert "$0.00" not in shown
    assert '<a href="/costs/prices/">One model has no price</a>' in page()


def test_a_team_whose_usage_has_no_price_has_not_used_nothing() -> None:
    team = make_team()
    team.monthly_budget = Decimal(90)
    team.save()
    make_usage(person=make_person(team=team), day=day(14), model_id=NEW, rate=None, input=1_840_000)

    shown = words()

    assert "1.84\xa0M tokens without a price" in page()
    assert "$0.00" not in shown
    assert "Forecast $0" not in shown


def test_a_filter_does_not_take_back_what_was_billed() -> None:
    """AWS does not tell it by Region, but which days are billed is known."""
    company()
    bill("14.00", on=13)

    assert "7 days are not billed yet" in words()
    assert "7 days are not billed yet" in words("?region=eu-west-1")


def test_the_forecast_is_held_against_the_budgets() -> None:
    team = make_team()
    team.monthly_budget = Decimal(90)
    team.save()
    person = make_person(team=team)
    for number in range(6, 20):
        spend(person, 5, on=number)

    shown = words()

    # 70 used in 14 days, and 11 days at 5 to come.
    assert "Forecast $125 139% of budgets of $90" in shown
    assert "Will be over by $35" in shown
    assert "Used so far this month, plus the average of the last 14 whole days" in shown
    assert "By today's budgets" not in shown
    make_usage(person=person, day=dt.date(2026, 10, 9), rate=1, input=5)
    october = words("?month=2026-10")
    assert "Forecast $" not in october
    assert "By today's budgets: what they were in that month is not kept." in october
    assert "in no team's budget" not in shown


def test_what_no_teams_budget_counts_is_told_beside_the_forecast() -> None:
    team = make_team()
    team.monthly_budget = Decimal(90)
    team.save()
    spend(make_person(team=team), 5, on=19)
    spend(make_person("bo@acme.example", team=make_team(group="claude-data", name="Data")), 4, on=19)
    spend(None, 3, on=19)

    assert "$7 so far is in no team's budget" in words()
    assert "in no team's budget" not in words(f"?team={team.pk}")


def forecasts(team: Team) -> tuple[str, str]:
    """What the tile of one team says, and the team's row among all budgets."""
    spend(make_person("bo@acme.example"), 1, on=timezone.now().day)  # a page without any use has no rows
    tile = re.search(r"Forecast (\$\d+|Not known yet) .{0,15}udgets of \$90", words(f"?team={team.pk}"))
    _, _, rows = words().partition("Edit budgets")
    row = re.search(r"of \$90 (?:.{0,9} tokens without a price )?Forecast (\$\d+)", rows)
    assert team.name in rows
    assert tile is not None
    return tile[1], row[1] if row else "Not known yet"


def make_limited_team() -> Team:
    team = make_team()
    team.monthly_budget = Decimal(90)
    team.save()
    return team


@time_machine.travel(dt.datetime(2026, 11, 25, 12, tzinfo=dt.UTC), tick=False)
def test_the_forecast_counts_from_the_first_use_also_where_that_had_no_price() -> None:
    team = make_limited_team()
    person = make_person(team=team)
    for number in range(11, 20):
        make_usage(person=person, day=day(number), model_id=NEW, rate=None, input=1_000)
    for number in range(20, 25):
        spend(person, 7, on=number)

    # 35 in the 14 days since use began are 2.50 a day, today and five days more.
    assert forecasts(team) == ("$50", "$50")


@time_machine.travel(dt.datetime(2026, 11, 2, 12, tzinfo=dt.UTC), tick=False)
def test_a_month_in_which_nothing_was_used_yet_has_the_forecast_of_its_budget() -> None:
    team = make_limited_team()
    make_usage(person=make_person(team=team), day=day(30, month=10), rate=MILLION, input=6 * MILLION)

    # Six dollars in three days, and 29 days to come.
    assert forecasts(team) == ("$58", "$58")


@time_machine.travel(dt.datetime(2026, 11, 2, 12, tzinfo=dt.UTC), tick=False)
@pytest.mark.parametrize("used_on", [dt.date(2026, 10, 30), dt.date(2026, 11, 1)])
def test_usage_without_a_price_has_no_forecast_of_nothing(used_on: dt.date) -> None:
    team = make_limited_team()
    person = make_person(team=team)
    make_usage(person=person, day=dt.date(2026, 10, 10), rate=MILLION)
    make_usage(person=person, day=used_on, model_id=NEW, rate=None)

    assert forecasts(team) == ("Not known yet", "Not known yet")


# --- The chart and its table


def rects(shown: str) -> list[tuple[str, float, float]]:
    """The bars of the chart of days: series, x, and height with the gap between two of them."""
    chart = re.search(r'<svg viewBox="0 0 860 250".*?</svg>', shown, re.DOTALL)
    assert chart is not None
    found = re.findall(r'<rect class="(s\d)" x="([\d.]+)" y="[\d.]+" width="[\d.]+" height="([\d.]+)"/>', chart[0])
    return [(css, float(x), float(height)) for css, x, height in found]


def twin(shown: str) -> list[list[str]]:
    """The cells of the table beside the chart, without its head."""
    table = re.search(r"Show these figures as a table.*?<tbody>(.*?)</tbody>", shown, re.DOTALL)
    assert table is not None
    rows = re.findall(r"<tr>(.*?)</tr>", table[1], re.DOTALL)
    return [[text_of(cell).strip() for cell in re.findall(r"<t[hd].*?</t[hd]>", row, re.DOTALL)] for row in rows]


def as_dollars(cell: str) -> float:
    return float(cell.lstrip("$").replace(",", "")) if cell.startswith("$") else 0.0


@pytest.mark.parametrize("stack", ["team", "model"])
def test_the_chart_and_its_table_say_the_same(stack: str) -> None:
    company()
    bill("10", on=18)

    shown = page(f"?stack={stack}")
    rows, bars = twin(shown), rects(shown)

    assert [row[0] for row in rows] == [f"{number} Nov" for number in range(1, 21)]
    assert [row[-1] for row in rows] == ["Billed"] * 17 + ["Not billed yet"] * 3
    # The plot is 214 high and its top line stands for 30 dollars; parts stand one apart.
    heights = {round(as_dollars(cell) * 214 / 30, 1) for row in rows for cell in row[1:-2]} - {0.0}
    drawn = {round(height + 1, 1) for _css, _x, height in bars}
    assert len(bars) == sum(as_dollars(cell) >= 0.01 for row in rows for cell in row[1:-2])
    assert drawn == heights
    for row in rows:
        assert as_dollars(row[-2]) == pytest.approx(sum(map(as_dollars, row[1:-2])))


def test_a_day_whose_usage_has_no_price_says_so_in_the_table() -> None:
    company()

    assert twin(page("?stack=model"))[13][-2] == "Unpriced"


def test_more_teams_than_colours_are_one_more_bar() -> None:
    for number in range(1, 9):
        spend(
            make_person(f"p{number}@acme.example", team=make_team(group=f"g{number}", name=f"Team {number}")), number
        )

    shown = page()

    assert {css for css, *_ in rects(shown)} == {"s1", "s2", "s3", "s4", "s5", "s6"}
    assert "Other" in shown
    # 8 + 7 + 6 + 5 + 4 have a colour each; 3 + 2 + 1 share the last.
    assert twin(shown)[9][1:-1] == ["$8.00", "$7.00", "$6.00", "$5.00", "$4.00", "$6.00", "$36.00"]


# --- One total


def printed(*arguments: str) -> dict[str, Any]:
    out = io.StringIO()
    call_command("costs", "--month", "2026-11", "--json", *arguments, stdout=out)
    told: dict[str, Any] = json.loads(out.getvalue())
    return told


def exported(query: str = "?month=2026-11") -> list[dict[str, str]]:
    response = admin().get(f"/costs/export.csv{query}")
    assert response.streaming
    content = b"".join(response.streaming_content).decode()  # type: ignore[attr-defined]  # a streaming one has it
    return list(csv.DictReader(io.StringIO(content)))


def test_every_way_of_telling_it_apart_adds_up_to_one_total() -> None:
    """On the page, in a terminal and in the file, to the billionth."""
    company()
    # 1, 2, 3, 4 and 5 tokens at 3.30 USD per million.
    total = Decimal(30 + 12 + 8 + 1) + 15 * Decimal("3.30") / MILLION

    for by in ("person", "team", "model", "region", "day"):
        told = printed("--by", by)
        assert sum(Decimal(row["estimate_usd"] or 0) for row in told["rows"]) == total
        assert Decimal(told["estimate"]["estimate_usd"]) == total
        for name in ("input", "output", "cache_write", "cache_read", "unpriced"):
            assert sum(row[f"{name}_tokens"] for row in told["rows"]) == told["estimate"][f"{name}_tokens"]
    assert sum(Decimal(row["estimate_usd"] or 0) for row in exported()) == total
    for by in ("person", "team", "model", "region"):
        context = admin().get(f"/costs/?by={by}").context
        assert sum(row.figures.cost or 0 for row in context["table"].rows) == total == context["tiles"].total.cost
        assert f'<span class="estimate">${cents(total)}</span>' in page(f"?by={by}")


@pytest.mark.parametrize("by", ["person", "team", "model"])
def test_what_is_billed_is_told_apart_to_the_same_total(by: str) -> None:
    ana, bo, _cy = company()
    unmapped = Caller.objects.get(person=None)
    bill("20.25", person=ana)
    bill("4.50", person=bo, model="Claude Opus 4.8")
    bill("3.00", principal=unmapped.arn, caller=unmapped)
    bill("1.01", model="")
    # Nothing of hers was logged, and nothing of that model: no row has them.
    bill("6.00", person=make_person("di@acme.example"), model="Claude Haiku 4.5")

    table = admin().get(f"/costs/?by={by}").context["table"]
    told = printed("--by", by)

    rows = [row.billed for row in table.rows if row.billed is not None]
    assert sum(rows, Decimal()) + table.rest == Decimal("34.76")
    assert table.rest == Decimal("7.01")
    assert (told["billed"]["usd"], told["billed"]["of_no_row_usd"]) == ("34.760000000", "7.010000000")
    assert [Decimal(row["billed_usd"]) for row in told["rows"] if row["billed_usd"]] == rows
    assert "$34.76" in page(f"?by={by}")


def test_two_models_that_aws_calls_alike_share_one_amount() -> None:
    ana, *_ = company()
    for model in ("anthropic.claude-haiku-4-5-20251001-v1:0", "anthropic.claude-haiku-4-5"):
        make_usage(day=NOW.date(), person=ana, model_id=model)
    bill("6.00", person=ana, model="Claude Haiku 4.5")

    table = admin().get("/costs/?by=model").context["table"]
    told = printed("--by", "model")

    assert [row.billed for row in table.rows if row.billed is not None] == [Decimal("6.00")]
    assert [row["billed_usd"] for row in told["rows"] if row["billed_usd"]] == ["6.000000000"]
    assert table.rest is None


def test_a_teams_bill_stands_beside_no_estimate_of_one_person() -> None:
    ana, bo, _cy = company()
    Person.objects.filter(pk=bo.pk).update(team=ana.team)
    bill("20.25", person=ana)
    bill("4.50", person=bo)

    assert not admin().get("/costs/?by=team&person=ana@acme.example").context["table"].has_billed
    assert admin().get(f"/costs/?by=team&team={ana.team_id}").context["table"].rows[0].billed == Decimal("24.75")


# --- Filter, sort, pages


@pytest.mark.parametrize(
    ("query", "amount"),
    [
        ("", "$51.00"),
        ("?team=unmapped", "< $0.01"),
        ("?team=none", "$1.00"),
        ("?person=ANA@acme.example", "$42.00"),
        (f"?model={OPUS}", "$12.00"),
        ("?region=us-east-1", "$12.00"),
        ("?class=output", "< $0.01"),
        ("?account=111122223333", "$51.00"),
        ("?account=999900001111", "Nothing used"),
        ("?month=2026-10", "$7.00"),
        ("?days=90", "$58.00"),
        ("?days=9&team=none", "$1.00"),
    ],
)
def test_the_address_says_what_is_shown(query: str, amount: str) -> None:
    ana, *_ = company()
    make_usage(person=ana, day=day(3, month=10), rate=MILLION, input=7 * MILLION)

    assert f"Estimated {amount} " in words(query)
    total = sum(Decimal(row["estimate_usd"] or 0) for row in exported(query))
    assert admin().get(f"/costs/{query}").context["tiles"].total.cost == (total or None)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("month", "2026-13"),
        ("month", "November"),
        ("days", "0"),
        ("days", "100000"),
        ("team", "'; drop table"),
        ("account", "1"),
        ("class", "prompt"),
        ("by", "prompt"),
        ("sort", "secret"),
        ("stack", "region"),
        ("page", "-1"),
        ("page", "two"),
        ("page", "0000001" + "9" * 30),
    ],
)
def test_what_says_nothing_is_left_out_and_said(name: str, value: str) -> None:
    company()

    shown = words(f"?{name}={value}")

    assert f"which was left out: {name}." in shown
    assert "Estimated $51.00" in shown


def test_nothing_is_said_of_a_good_address() -> None:
    company()

    assert "left out" not in words("?month=2026-11&by=model&sort=-input&stack=model&page=1&team=none")


def names(query: str) -> list[str]:
    return [str(row.name) for row in admin().get(f"/costs/{query}").context["table"].rows]


def test_columns_sort_both_ways_with_what_is_unknown_last() -> None:
    company()

    assert names("?by=model") == ["Claude Sonnet 4.6", "Claude Opus 4.8", "Claude Saga 1"]
    assert names("?by=model&sort=estimate") == ["Claude Opus 4.8", "Claude Sonnet 4.6", "Claude Saga 1"]
    assert names("?by=model&sort=name") == ["Claude Opus 4.8", "Claude Saga 1", "Claude Sonnet 4.6"]
    assert names("?by=model&sort=-input")[-1] == "Claude Saga 1"
    assert names("?sort=name")[:3] == ["Ana", Caller.objects.get(person=None).arn, "Bo"]
    assert names("?by=team") == ["Platform", "Data", "No team", "Unmapped principals"]
    assert '<th scope="col" class="number" aria-sort="descending"><a href="?sort=estimate' in page()


def test_people_come_a_page_at_a_time_with_everything_else_of_the_address_kept() -> None:
    team = make_team()
    for number in range(51):
        spend(make_person(f"p{number:02}@acme.example", name=f"Person {number:02}", team=team), 100 - number)

    first, second = page(f"?team={team.pk}"), page(f"?team={team.pk}&page=2")

    assert "Person 49" in first
    assert "Person 50" not in first
    assert "1 to 50 of 51" in first
    assert f'href="?team={team.pk}&amp;page=2#where"' in first
    assert "Person 50" in second
    assert f'href="?team={team.pk}#where"' in second
    # The total is of everybody, on every page.
    assert "$3,825.00" in first
    assert "$3,825.00" in second
    assert "This page is empty." in page("?page=9")


def test_the_form_keeps_what_was_chosen() -> None:
    company()

    shown = page(f"?team=none&model={SONNET}&by=model&month=2026-11&person=cy@acme.example")

    assert '<option value="none" selected>' in shown
    assert f'<option value="{SONNET}" selected>' in shown
    assert 'value="cy@acme.example"' in shown
    assert '<input type="hidden" name="by" value="model">' in shown
    assert 'href="?by=model&amp;month=2026-11"' in shown


def test_hostile_names_are_text() -> None:
    person = make_person("x@acme.example", name=HOSTILE, team=make_team(name=HOSTILE))
    spend(person, 1)
    spend(None, 1, model_id=HOSTILE)
    make_usage(caller=make_caller(f"arn:aws:iam::111122223333:user/{HOSTILE}"), day=day(3))

    for query in ("", "?by=team", "?by=model&stack=model", f"?person={HOSTILE}&team={HOSTILE}"):
        assert HOSTILE not in page(query)


def test_a_page_takes_as_many_queries_for_one_as_for_many(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    client, (ana, *_rest) = admin(), company()
    logged()
    bill("3", person=ana)
    queries = {"person": 28, "team": 24, "model": 22, "region": 22}
    for by, expected in queries.items():
        with django_assert_num_queries(expected):
            client.get(f"/costs/?by={by}")
    for number in range(60):
        team = make_team(group=f"g{number}", name=f"Team {number}")
        person = make_person(f"p{number}@acme.example", team=team)
        spend(person, 1, on=number % 20 + 1, model_id=f"anthropic.claude-{number}", region=f"eu-west-{number}")
        spend(None, 2)
        bill("1", person=person)
    for by, expected in queries.items():
        with django_assert_num_queries(expected):
            client.get(f"/costs/?by={by}")


# --- The file


def test_the_file_has_a_row_for_every_entry_in_machine_numbers_and_is_audited() -> None:
    ana, *_ = company()
    logged(read_until=NOW.replace(hour=7))
    client = admin()
    client.cookies["language"] = "es"

    response = client.get(f"/costs/export.csv?month=2026-11&person={ana.email}")
    lines = b"".join(response.streaming_content).decode().splitlines()  # type: ignore[attr-defined]  # as above

    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert response["Content-Disposition"] == 'attachment; filename="onramp-costs-2026-11.csv"'
    assert lines[0] == (
        "day,team,person,principal,account,region,model,endpoint_kind,long_prompt,token_class,tokens,usd_per_million,"
        "estimate_usd,source,as_of"
    )
    arn = ana.callers.get().arn
    assert lines[1] == (
        f"2026-11-10,Platform,ana@acme.example,{arn},111122223333,eu-west-1,{SONNET},geographic,false,input,30000000,"
        f'1.000000,30.000000000,"Bedrock\'s invocation logs, priced by Onramp",{NOW:%Y-%m-%d}T07:00:00+00:00'
    )
    assert len(lines) == 3
    event = AuditEvent.objects.get()
    assert (event.actor, event.action, event.target) == ("carla.soto@acme.example", "costs.exported", "2026-11")
    assert event.details["filter"] == {"person": "ana@acme.example"}


@pytest.mark.parametrize(
    ("query", "names"),
    [("month=2026-13", "month"), ("team=platform&class=thought", "team, class"), ("account=1", "account")],
)
def test_a_filter_that_says_nothing_makes_no_file_of_everything(query: str, names: str) -> None:
    company()

    response = admin().get(f"/costs/export.csv?{query}")

    assert (response.status_code, response["Content-Type"]) == (400, "text/html; charset=utf-8")
    assert f"say nothing that Onramp knows: {names}." in " ".join(response.content.decode().split())
    assert not AuditEvent.objects.exists()


@pytest.mark.parametrize("query", ["team=platform&class=thought", "person=ana@acme.example&account=1"])
def test_a_page_that_ignores_a_word_leads_to_a_file_that_can_be_had(query: str) -> None:
    company()
    client = admin()
    shown = html.unescape(client.get(f"/costs/?{query}").content.decode())

    (href,) = re.findall(r'href="(/costs/export\.csv[^"]*)"', shown)

    assert client.get(href)["Content-Type"] == "text/csv; charset=utf-8"


def test_what_has_no_price_has_no_number_in_the_file() -> None:
    company()

    (row,) = exported(f"?month=2026-11&model={NEW}")

    assert (row["tokens"], row["usd_per_million"], row["estimate_usd"]) == ("1840000", "", "")


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", " =", "\uff1d"])
def test_no_cell_of_the_file_is_a_formula(start: str) -> None:
    name = f"{start}HYPERLINK(1)"
    spend(make_person(team=make_team(name=name)), 1, model_id=name)

    (row,) = exported()

    assert (row["team"], row["model"]) == (f"'{name}", f"'{name}")
    assert row["tokens"] == "1000000"


def test_the_file_is_streamed_from_one_query(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    client = admin()
    for number in range(60):
        spend(make_person(f"p{number}@acme.example"), 1, on=number % 20 + 1)

    with django_assert_num_queries(8):
        response = client.get("/costs/export.csv")
        lines = list(response.streaming_content)  # type: ignore[attr-defined]  # as above

    # A line at a time, however many there are.
    assert len(lines) == 61


# --- In a terminal


def told(*arguments: str) -> str:
    out = io.StringIO()
    call_command("costs", *arguments, stdout=out)
    return out.getvalue()


def test_the_command_prints_a_table_with_sources_and_warnings() -> None:
    ana, *_ = company()
    logged(destination="", off_since=NOW)
    bill("28.50", person=ana)

    lines = told("--by", "person").splitlines()

    assert lines[:3] == [
        "Costs in 2026-11",
        "Estimate: Bedrock's invocation logs, priced by Onramp; not everything was read yet",
        "Billed: Cost Explorer; to 2026-11-10",
    ]
    assert lines[3].startswith("Warning: Invocation logging is off in Ireland (eu-west-1).")
    rows = [re.split(r"\s{2,}", line) for line in lines[5:]]
    assert rows[0][:3] == ["Person", "Team", "Input"]
    assert rows[1] == ["Ana", "Platform", "42,000,000", "0", "0", "0", "0", "42.00", "28.50"]
    assert ["Bo", "Data", "9,840,000", "0", "0", "0", "1,840,000", "8.00", "-"] in rows
    assert rows[-1] == ["Total", "52,840,001", "2", "9", "3", "1,840,000", "51.00", "28.50"]


def test_the_command_says_that_aws_may_still_change_what_it_billed() -> None:
    company()
    bill("28.50", is_estimated=True)

    assert "Billed: Cost Explorer; to 2026-11-10; AWS may still change it" in told().splitlines()
    assert printed()["billed"]["is_estimated"] is True


def test_the_command_says_which_bills_could_not_be_read() -> None:
    company()
    unread(Problem.DENIED, "ce:GetCostAndUsage: AccessDenied")

    (said,) = (line for line in told().splitlines() if line.startswith("Warning: Cost Explorer"))
    assert said.endswith("of 111122223333, acme-ai-prod: AWS denies it to Onramp (ce:GetCostAndUsage: AccessDenied)")
    (problem,) = printed()["billed"]["problems"]
    assert problem == {
        "account": "111122223333",
        "source": "cost-explorer",
        "problem": "denied",
        "detail": "ce:GetCostAndUsage: AccessDenied",
    }


def test_the_command_never_takes_unpriced_for_nothing() -> None:
    make_usage(person=make_person(), day=day(14), model_id=NEW, rate=None, input=1_840_000)

    assert re.search(r"Claude Saga 1 .* 1,840,000 +unpriced +-", told("--by", "model"))
    (row,) = printed("--by", "model")["rows"]
    assert row == {
        "key": NEW,
        "name": "Claude Saga 1",
        "input_tokens": 1_840_000,
        "output_tokens": 0,
        "cache_write_tokens": 0,
        "cache_read_tokens": 0,
        "unpriced_tokens": 1_840_000,
        "estimate_usd": None,
        "billed_usd": None,
    }


def test_the_command_says_from_where_and_from_when_figures_are() -> None:
    company()
    logged()
    bill("10")

    found = printed()

    assert (found["month"], found["by"]) == ("2026-11", "person")
    assert found["estimate"]["source"] == "Bedrock's invocation logs, priced by Onramp"
    assert found["estimate"]["as_of"] == "2026-11-20T11:59:00+00:00"
    assert found["billed"] == {
        "source": "Cost Explorer",
        "as_of": "2026-11-10",
        "usd": "10.000000000",
        "of_no_row_usd": "10.000000000",
        "is_estimated": False,
        "problems": [],
    }
    assert found["warnings"] == []
    assert {row["key"]: row["team"] for row in found["rows"]} == {
        "ana@acme.example": "Platform",
        "bo@acme.example": "Data",
        "cy@acme.example": "No team",
        Caller.objects.get(person=None).arn: "Unmapped principals",
    }


def test_the_command_without_usage_and_without_a_month() -> None:
    assert timezone.now() == NOW
    assert told().startswith("Costs in 2026-11\n")
    assert "Nothing was used in this month." in told("--month", "2025-02", "--by", "day")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--month", "2026-13"), "2026-13 is no month, such as 2026-11"),
        (("--month", "last"), "last is no month"),
        (("--by", "prompt"), "invalid choice: 'prompt'"),
    ],
)
def test_the_command_says_what_is_wrong(arguments: tuple[str, ...], message: str) -> None:
    with pytest.raises(CommandError, match=re.escape(message)):
        told(*arguments)


def test_accounts_are_a_filter_where_there_are_several() -> None:
    company()
    assert "c-account" not in page()
    make_account("222233334444", name="acme-ai-payments")
    assert "c-account" in page()
