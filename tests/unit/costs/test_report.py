"""Reports over real rows: every way of telling figures apart adds up to one total, exactly."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pytest_django import DjangoAssertNumQueries

from onboarding.costs import people, report
from onboarding.costs.figures import Figures, total
from onboarding.costs.filter import NO_TEAM, UNMAPPED, UNNAMED, Filter, of_month, read_filter
from onboarding.costs.money import usd
from onboarding.costs.report import Dimension
from onboarding.enums import TokenClass
from onboarding.models import Caller, Meter, Person, UsageEntry
from tests.factories import make_account, make_caller, make_person, make_team, make_usage

pytestmark = pytest.mark.django_db

NOVEMBER = of_month(dt.date(2026, 11, 1))
TODAY = dt.date(2026, 11, 20)
OPUS, SONNET = "anthropic.claude-opus-4-8", "anthropic.claude-sonnet-4-6"


def day(number: int) -> dt.date:
    return dt.date(2026, 11, number)


# --- The sums are one


@pytest.fixture
def callers() -> list[Caller]:
    """Two of one person, one of a person without a team, one of nobody, and the one that no log names."""
    ana = make_person("ana@acme.example", team=make_team())
    bo = make_person("bo@acme.example", team=make_team(group="data", name="Data"))
    cy = make_person("cy@acme.example")
    own = [make_caller(person=ana), make_caller("arn:aws:iam::111122223333:user/ana", ana)]
    return [*own, make_caller(person=bo), make_caller(person=cy), make_caller(), Caller.objects.create(arn="")]


ROWS = st.lists(
    st.tuples(
        st.integers(0, 5),
        st.sampled_from((OPUS, SONNET, "anthropic.claude-new")),
        st.sampled_from(("eu-west-1", "us-east-1")),
        st.integers(1, 30),
        st.sampled_from(TokenClass.values),
        st.integers(0, 10**10),
        st.one_of(st.none(), st.integers(0, 75_000_000)),
    ),
    max_size=30,
    unique_by=lambda row: row[:5],
)


@given(rows=ROWS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_the_sums_by_person_team_model_region_and_day_are_the_total(callers: list[Caller], rows: list[tuple]) -> None:  # type: ignore[type-arg]  # as ROWS draws them
    UsageEntry.objects.all().delete()
    for caller, model_id, region, number, token_class, tokens, rate in rows:
        meter, _ = Meter.objects.get_or_create(
            account=make_account(), region=region, caller=callers[caller], model_id=model_id, endpoint_kind="global"
        )
        UsageEntry.objects.create(meter=meter, day=day(number), token_class=token_class, tokens=tokens, rate=rate)

    whole = report.totals(NOVEMBER)

    assert whole.tokens == sum(row[5] for row in rows)
    assert whole.unpriced == sum(row[5] for row in rows if row[6] is None)
    priced = [(row[5] * row[6] + 500) // 1000 for row in rows if row[6] is not None]
    assert whole.billionths == (sum(priced) if priced else None)
    for dimension in Dimension:
        assert total(figures_by(dimension)) == whole, dimension
    assert total(group.figures for group in people.everybody(NOVEMBER)) == whole


def figures_by(dimension: Dimension) -> Iterator[Figures]:
    if dimension is Dimension.PERSON:
        shown = people.page(NOVEMBER, order="estimate", descending=True, offset=0, limit=100)
        assert shown.count == len(shown.groups)
        return iter([group.figures for group in shown.groups])
    return iter([group.figures for group in report.by(NOVEMBER, dimension)])


# --- Groups


def test_money_is_exact_and_what_has_no_price_costs_nothing_known() -> None:
    make_usage(day=day(3), model_id=SONNET, rate=3_300_000, input=1, output=2)
    make_usage(day=day(3), model_id="anthropic.claude-new", rate=None, input=1_840_000)

    found = {group.key: group.figures for group in report.by(NOVEMBER, Dimension.MODEL)}

    # 1 token x 3.30 USD per million and 2 tokens x the same, each rounded to a billionth of a dollar.
    assert found[SONNET].cost == Decimal("0.000003300") + Decimal("0.000006600")
    assert found["anthropic.claude-new"] == Figures(input=1_840_000, unpriced=1_840_000)
    assert found["anthropic.claude-new"].cost is None


def test_the_empty_report_has_no_amount() -> None:
    assert report.totals(NOVEMBER) == Figures()
    assert report.totals(NOVEMBER).cost is None
    assert people.page(NOVEMBER, order="estimate", descending=True, offset=0, limit=5) == people.PeoplePage([], 0)


def test_a_person_is_one_group_and_an_unclaimed_caller_another(callers: list[Caller]) -> None:
    for caller in callers:
        make_usage(day=day(3), caller=caller)

    shown = people.page(NOVEMBER, order="estimate", descending=True, offset=0, limit=10)

    assert {group.key: group.figures.cost for group in shown.groups} == {
        "ana@acme.example": Decimal(6),
        "bo@acme.example": Decimal(3),
        "cy@acme.example": Decimal(3),
        callers[4].arn: Decimal(3),
        UNNAMED: Decimal(3),
    }
    teams = {group.key: group.figures.cost for group in report.by(NOVEMBER, Dimension.TEAM)}
    ana, bo = Person.objects.get(email="ana@acme.example"), Person.objects.get(email="bo@acme.example")
    assert teams == {str(ana.team_id): 6, str(bo.team_id): 3, NO_TEAM: 3, UNMAPPED: 6}


def test_a_claimed_caller_moves_to_the_person_and_to_their_present_team(callers: list[Caller]) -> None:
    make_usage(day=day(3), caller=callers[4])
    ana = Person.objects.get(email="ana@acme.example")
    Caller.objects.filter(pk=callers[4].pk).update(person=ana)

    assert [group.key for group in people.everybody(NOVEMBER)] == ["ana@acme.example"]
    assert [group.key for group in report.by(NOVEMBER, Dimension.TEAM)] == [str(ana.team_id)]


@pytest.mark.parametrize(
    ("order", "descending", "expected"),
    [
        ("estimate", True, ["bo", "ana", "cy"]),
        ("estimate", False, ["ana", "bo", "cy"]),  # no price is never least
        ("name", False, ["ana", "bo", "cy"]),
        ("name", True, ["cy", "bo", "ana"]),
        ("output", True, ["cy", "ana", "bo"]),
    ],
)
def test_people_are_sorted_and_cut_by_the_database(order: str, descending: bool, expected: list[str]) -> None:
    for name, rate, output in (("ana", 1_000_000, 5), ("bo", 2_000_000, 4), ("cy", None, 6)):
        person = make_person(f"{name}@acme.example", name=name.capitalize())
        make_usage(day=day(3), person=person, rate=rate, input=1000, output=output)

    shown = [people.page(NOVEMBER, order=order, descending=descending, offset=at, limit=1) for at in range(3)]

    assert [page.groups[0].key.partition("@")[0] for page in shown] == expected
    assert {page.count for page in shown} == {3}


def test_days_and_months() -> None:
    make_usage(day=day(3), rate=1_000_000, input=2_000_000)
    make_usage(day=day(4), rate=None)
    make_usage(day=dt.date(2026, 10, 31), rate=1_000_000)

    parts = report.slices(NOVEMBER)

    assert report.cost_by_day(parts) == {day(3): Decimal(2)}
    assert {at: set(found) for at, found in report.daily(parts, Dimension.TEAM).items()} == {
        day(3): {UNMAPPED},
        day(4): {UNMAPPED},
    }
    months = report.by_month(Filter(dt.date(2026, 1, 1), dt.date(2027, 1, 1)))
    assert [(row["month"], usd(int(row["billionths"]))) for row in months] == [
        (dt.date(2026, 11, 1), Decimal(2)),
        (dt.date(2026, 10, 1), Decimal(1)),
    ]


def test_the_arithmetic_of_a_figure() -> None:
    person = make_person()
    make_usage(day=day(3), person=person, rate=330_000, cache_read=15_500_000)
    make_usage(day=day(4), person=person, rate=330_000, cache_read=1_000_000)

    [line] = report.by_class(NOVEMBER)

    assert (line["token_class"], line["count"], line["rate"]) == (TokenClass.CACHE_READ, 16_500_000, 330_000)
    assert usd(int(line["billionths"])) == Decimal("5.445")  # 16.5 million x 0.33 USD


@pytest.mark.parametrize("people_count", [1, 30])
def test_the_number_of_queries_does_not_grow(
    people_count: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(people_count):
        make_usage(day=day(number % 28 + 1), person=make_person(f"p{number}@acme.example", team=make_team()))
        make_usage(day=day(1))

    with django_assert_num_queries(1):
        parts = report.slices(NOVEMBER)
    with django_assert_num_queries(1):
        report.by_region(NOVEMBER)
    with django_assert_num_queries(3):
        people.page(NOVEMBER, order="estimate", descending=True, offset=0, limit=50)
    with django_assert_num_queries(0):
        report.daily(parts, Dimension.MODEL)


# --- Filters


def test_every_filter_narrows(callers: list[Caller]) -> None:
    make_usage(day=day(3), caller=callers[0], model_id=OPUS, input=1)
    make_usage(day=day(4), caller=callers[2], account=make_account("222233334444"), region="us-east-1", output=2)
    make_usage(day=day(5), caller=callers[3], cache_read=4)
    make_usage(day=day(6), caller=callers[4], cache_write_1h=8)
    make_usage(day=day(7), caller=callers[5], cache_write_5m=16)
    team = Person.objects.get(email="bo@acme.example").team_id
    expected = {
        "": 31,
        "account=222233334444": 2,
        f"team={team}": 2,
        f"team={NO_TEAM}": 4,
        f"team={UNMAPPED}": 24,
        "person=ANA@acme.example": 1,
        f"person={callers[4].arn}": 8,
        f"person={UNNAMED}": 16,
        f"model={OPUS}": 1,
        "region=us-east-1": 2,
        "class=cache-read": 4,
        "team=999999": 0,
        "person=nobody@acme.example": 0,
    }
    for query, tokens in expected.items():
        asked = dict([query.split("=", 1)]) if query else {}
        chosen, ignored = read_filter(asked, TODAY)
        assert report.totals(chosen).tokens == tokens, query
        assert ignored == []
        assert chosen.is_narrowed == bool(query)
    one = Filter(day(1), day(30), person_id=callers[0].person_id)
    assert report.totals(one).tokens == 1


@pytest.mark.parametrize(
    ("query", "since", "until"),
    [
        ({}, dt.date(2026, 11, 1), dt.date(2026, 12, 1)),
        ({"month": "2026-12"}, dt.date(2026, 12, 1), dt.date(2027, 1, 1)),
        ({"month": "2024-02"}, dt.date(2024, 2, 1), dt.date(2024, 3, 1)),
        ({"days": "90"}, dt.date(2026, 8, 23), dt.date(2026, 11, 21)),
        ({"days": "1"}, dt.date(2026, 11, 20), dt.date(2026, 11, 21)),
    ],
)
def test_periods(query: dict[str, str], since: dt.date, until: dt.date) -> None:
    chosen, ignored = read_filter(query, TODAY)

    assert (chosen.since, chosen.until, ignored) == (since, until, [])
    assert chosen.is_month == ("days" not in query)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("month", "2026-13"),
        ("month", "9999-12"),
        ("month", "soon"),
        ("days", "0"),
        ("days", "367"),
        ("days", "-3"),
        ("days", "٣"),
        ("team", "0"),
        ("team", "1; DROP TABLE"),
        ("account", "12"),
        ("class", "prompts"),
        ("person", "a\0b"),
        ("model", "m" * 301),
    ],
)
def test_what_says_nothing_is_ignored_and_named(name: str, value: str) -> None:
    chosen, ignored = read_filter({name: value}, TODAY)

    assert ignored == [name]
    assert chosen == NOVEMBER
