"""Budgets: whose usage counts, which limit holds, what a raise does."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from pytest_django import DjangoAssertNumQueries

from onboarding.costs import budgets
from onboarding.costs.budgets import Budget
from onboarding.costs.raising import set_person_budget, set_plan_budget, set_team_budget
from onboarding.enums import RequestState
from onboarding.models import AdminRequest, AuditEvent, Person
from onboarding.requests import ask_for_budget
from tests.factories import make_caller, make_person, make_plan, make_team, make_usage

pytestmark = pytest.mark.django_db

NOVEMBER = dt.date(2026, 11, 1)
TODAY = dt.date(2026, 11, 20)
MILLION = 1_000_000


@pytest.fixture(autouse=True)
def _today() -> Iterator[None]:
    with time_machine.travel(dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC), tick=False):
        yield


def ago(days: int) -> dt.date:
    return TODAY - dt.timedelta(days=days)


def use(person: Person, day: dt.date, dollars: int) -> None:
    """A million tokens at a dollar each million, as often as it takes."""
    make_usage(person=person, day=day, rate=MILLION, input=dollars * MILLION)


def on_plan(email: str = "ana.nunez@acme.example", limit: str | None = "50", **fields: Any) -> Person:
    plan = make_plan()
    plan.person_budget = None if limit is None else Decimal(limit)
    plan.save()
    return make_person(email, team=make_team(plan), **fields)


# --- Whose usage, and which


def test_usage_of_the_month_counts_and_no_other() -> None:
    person = on_plan()
    use(person, dt.date(2026, 10, 31), 1000)
    use(person, NOVEMBER, 3)
    use(person, TODAY, 4)

    assert budgets.person_budget(person, NOVEMBER).spent == 7
    assert budgets.person_budget(person, dt.date(2026, 10, 1)).spent == 1000


def test_the_exact_estimate_is_added_up_not_its_cents() -> None:
    person = on_plan()
    for day in range(1, 4):
        # 1,500 tokens at 3 USD a million are 0.0045 USD.
        make_usage(person=person, day=ago(day), input=1500)

    assert budgets.person_budget(person, NOVEMBER).spent == Decimal("0.0135")


def test_usage_without_a_price_is_told_in_tokens_and_costs_nothing() -> None:
    person = on_plan()
    use(person, TODAY, 4)
    make_usage(person=person, day=TODAY, model_id="anthropic.claude-opus-5", rate=None, input=700, output=50)

    budget = budgets.person_budget(person, NOVEMBER)

    assert (budget.spent, budget.unpriced) == (4, 750)


def test_usage_of_nobody_counts_for_nobody() -> None:
    make_usage(caller=make_caller(), day=TODAY)
    person = on_plan()

    assert budgets.person_budget(person, NOVEMBER).spent == 0
    assert [budget.spent for budget in budgets.team_budgets(NOVEMBER)] == [0]


def test_a_team_is_its_present_people_deactivated_ones_too() -> None:
    use(on_plan(), TODAY, 4)
    gone = on_plan("luis.gil@acme.example")
    use(gone, TODAY, 5)
    Person.objects.filter(pk=gone.pk).update(is_active=False)
    use(make_person("pau.vidal@acme.example", team=make_team(group="b", name="Payments")), TODAY, 6)

    found = {budget.subject.name: budget.spent for budget in budgets.team_budgets(NOVEMBER)}

    assert found == {"Payments": 6, "Platform": 9}
    assert [(budget.subject.name, budget.spent) for budget in budgets.plan_budgets(NOVEMBER)] == [
        ("Platform engineering", 9)
    ]


def test_the_sum_of_people_is_the_sum_of_teams() -> None:
    people = [on_plan(f"person-{number}@acme.example") for number in range(4)]
    for number, person in enumerate(people):
        use(person, ago(number), number + 1)

    by_person = budgets.person_budgets(people, NOVEMBER)

    assert sum(budget.spent for budget in by_person.values()) == 10
    assert [budget.spent for budget in budgets.team_budgets(NOVEMBER)] == [10]


# --- Which limit


@pytest.mark.parametrize(
    ("own", "of_plan", "limit"), [(None, "50", 50), ("80", "50", 80), ("0", "50", 0), (None, None, None)]
)
def test_ones_own_budget_stands_for_the_plans(own: str | None, of_plan: str | None, limit: int | None) -> None:
    person = on_plan(limit=of_plan)
    person.monthly_budget = None if own is None else Decimal(own)
    person.save()

    assert budgets.person_budget(person, NOVEMBER).limit == limit


def test_somebody_in_no_team_has_a_limit_only_of_their_own() -> None:
    person = make_person()

    assert budgets.person_budget(person, NOVEMBER).limit is None


# --- What it says


def test_the_forecast_goes_by_the_last_fourteen_whole_days() -> None:
    person = on_plan(limit="100")
    for day in range(1, 15):
        use(person, ago(day), 5)
    use(person, TODAY, 2)

    budget = budgets.person_budget(person, NOVEMBER)

    assert budget.forecast is not None
    # 14 days at 5 and today's 2; today is still short of 3; ten days are left.
    assert (budget.spent, budget.forecast.total) == (72, 72 + 3 + 50)
    assert (budget.is_over, budget.is_forecast_over, budget.share, budget.over_by) == (False, True, 72, 25)


def test_use_of_last_month_is_in_the_pace_and_not_in_the_sum() -> None:
    person = on_plan()
    use(person, dt.date(2026, 10, 28), 23)

    budget = budgets.person_budget(person, NOVEMBER)

    assert budget.spent == 0
    assert budget.forecast is not None
    # 23 days ago: use is older than the 14 days, in which there was none.
    assert budget.forecast.total == 0


def test_a_month_that_is_over_has_no_forecast() -> None:
    person = on_plan()
    use(person, dt.date(2026, 10, 10), 60)

    budget = budgets.person_budget(person, dt.date(2026, 10, 1))

    assert (budget.is_over, budget.share, budget.forecast, budget.over_by) == (True, 120, None, 10)


@pytest.mark.parametrize(
    ("spent", "limit", "share", "is_over"),
    [
        ("0", "50", 0, False),
        ("49.99", "50", 99, False),
        ("50", "50", 100, False),
        ("50.01", "50", 100, True),
        ("0", "0", 0, False),
        ("0.000000001", "0", 100, True),
    ],
)
def test_a_share_is_rounded_down_and_the_limit_itself_is_within(
    spent: str, limit: str, share: int, is_over: bool
) -> None:
    budget = Budget(make_person(), Decimal(limit), Decimal(spent), None)

    assert (budget.share, budget.is_over) == (share, is_over)
    assert budget.reached(100) is (Decimal(spent) >= Decimal(limit) and Decimal(spent) > 0)


def test_people_with_a_budget_of_their_own_or_over_theirs() -> None:
    own = on_plan("own@acme.example", monthly_budget=Decimal(500))
    over = on_plan("over@acme.example")
    use(over, ago(2), 30)
    use(over, ago(1), 21)
    within = on_plan("within@acme.example")
    use(within, TODAY, 50)
    before = on_plan("before@acme.example")
    use(before, dt.date(2026, 10, 31), 90)
    on_plan("gone@acme.example", monthly_budget=Decimal(1), is_active=False)

    assert set(budgets.people_with_own_or_over(NOVEMBER)) == {own, over}


@pytest.mark.parametrize("people", [1, 12])
def test_a_list_asks_a_constant_number_of_queries(
    people: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    rows = [on_plan(f"person-{number}@acme.example") for number in range(people)]
    for person in rows:
        use(person, TODAY, 1)

    with django_assert_num_queries(2):
        assert len(budgets.person_budgets(rows, NOVEMBER)) == people
    with django_assert_num_queries(2):
        assert len(budgets.limited_people(NOVEMBER)) == people
    with django_assert_num_queries(2):
        budgets.team_budgets(NOVEMBER)


# --- Raising


def asks(person: Person) -> AdminRequest:
    return ask_for_budget(person=person, note="The migration takes longer.")


def test_a_raise_is_audited_with_what_was_and_why_and_answers_whoever_asked() -> None:
    person = on_plan()
    request = asks(person)

    set_person_budget(person, Decimal("120.5"), actor="carla@acme.example", reason="Migration.")

    request.refresh_from_db()
    event = AuditEvent.objects.get(action="budget.changed")
    assert budgets.person_budget(person, NOVEMBER).limit == Decimal("120.50")
    assert (event.actor, event.target) == ("carla@acme.example", person.email)
    assert event.details == {"kind": "person", "before": None, "after": "120.5", "reason": "Migration."}
    assert (request.state, request.closed_by) == (RequestState.CLOSED, "carla@acme.example")
    assert request.answer == "The budget is now 120.50 USD a month. Migration."
    assert AuditEvent.objects.filter(action="request.closed", target=person.email).count() == 1


def test_what_is_no_raise_answers_nobody() -> None:
    person = on_plan()
    request = asks(person)

    set_person_budget(person, Decimal(50), actor="carla@acme.example", reason="As the plan says.")
    set_person_budget(person, Decimal(20), actor="carla@acme.example", reason="Less.")

    request.refresh_from_db()
    assert request.state == RequestState.OPEN
    assert AuditEvent.objects.filter(action="budget.changed").count() == 2


def test_a_plans_raise_answers_those_whom_it_concerns() -> None:
    concerned, own = on_plan("a@acme.example"), on_plan("b@acme.example", monthly_budget=Decimal(60))
    elsewhere = make_person("c@acme.example", monthly_budget=Decimal(5))
    for person in (concerned, own, elsewhere):
        asks(person)

    set_plan_budget(make_plan(), Decimal(75), actor="carla@acme.example", reason="Opus.")

    closed = AdminRequest.objects.filter(state=RequestState.CLOSED)
    assert [request.person for request in closed] == [concerned]


def test_a_teams_raise_answers_members_who_have_no_other_limit() -> None:
    person = on_plan(limit=None)
    team = make_team()
    set_team_budget(team, Decimal(100), actor="carla@acme.example", reason="First one.")
    request = asks(person)

    set_team_budget(team, None, actor="carla@acme.example", reason="No limit needed.")

    request.refresh_from_db()
    assert request.answer == "There is no limit any more. No limit needed."


def test_the_answer_is_in_the_language_of_whoever_asked_and_its_numbers_too() -> None:
    person = on_plan(language="es")
    request = asks(person)

    set_person_budget(person, Decimal(1234), actor="carla@acme.example", reason="Más.")

    request.refresh_from_db()
    assert "234,00 USD" in request.answer


@pytest.mark.parametrize("reason", ["", "  "])
def test_without_a_reason_nothing_changes(reason: str) -> None:
    person = on_plan()

    changes: list[Callable[[], object]] = [
        lambda: set_person_budget(person, Decimal(1), actor="x", reason=reason),
        lambda: set_team_budget(make_team(), Decimal(1), actor="x", reason=reason),
        lambda: set_plan_budget(make_plan(), Decimal(1), actor="x", reason=reason),
    ]
    for change in changes:
        with pytest.raises(ValueError, match="reason"):
            change()

    assert not AuditEvent.objects.exists()
    assert budgets.person_budget(person, NOVEMBER).limit == 50


def test_asking_twice_is_asking_once() -> None:
    person = on_plan()

    assert asks(person).pk == asks(person).pk
    assert asks(person).is_about_budget
