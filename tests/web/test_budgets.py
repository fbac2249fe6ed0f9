"""Budgets: the admins' page, changing one with a reason, and asking for a higher one."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings

from onboarding.costs import alerts
from onboarding.enums import RequestState, Role
from onboarding.models import AdminRequest, AuditEvent, BudgetAlert, LogSource, Person, Team
from onboarding.models.deliveries import GIVE_UP
from onboarding.requests import ask_for_budget
from tests.factories import make_account, make_person, make_plan, make_team, make_usage, make_user
from tests.leases import let_pass

NOW = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)
MILLION = 1_000_000
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def _today() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("_today")]


def signed_in(person: Person) -> Client:
    assert person.user is not None
    client = Client()
    client.force_login(person.user)
    return client


def admin() -> Client:
    found = Person.objects.filter(role=Role.ADMIN).first()
    return signed_in(found or make_person("carla.soto@acme.example", name="Carla Soto", role=Role.ADMIN))


def somebody(email: str = "ana.nunez@acme.example", limit: int | None = 100, **fields: Any) -> Person:
    """On a plan that gives everybody 100 USD."""
    plan = make_plan()
    plan.person_budget = None if limit is None else Decimal(limit)
    plan.save()
    return make_person(email, **{"team": make_team(plan), **fields})


def use(person: Person, dollars: int, days_ago: int = 0) -> None:
    day = NOW.date() - dt.timedelta(days=days_ago)
    make_usage(person=person, day=day, rate=MILLION, input=dollars * MILLION)


def page(query: str = "") -> str:
    return admin().get(f"/costs/budgets/{query}").content.decode()


# --- Who may


@pytest.mark.parametrize(("role", "status"), [(Role.PERSON, 403), (Role.AUDITOR, 200)])
def test_auditors_read_it_and_change_nothing(role: Role, status: int) -> None:
    person = somebody(role=role)
    client = signed_in(person)
    change = {"amount": "9999", "reason": "Please."}

    assert client.get("/costs/budgets/").status_code == status
    for url in ("team/1", "plan/platform", f"person/{person.pk}"):
        assert client.get(f"/costs/budgets/{url}/").status_code == 403
        assert client.post(f"/costs/budgets/{url}/", change).status_code == 403
    person.refresh_from_db()
    assert person.monthly_budget is None


def test_anonymous_visitors_are_sent_to_sign_in(client: Client) -> None:
    assert client.get("/costs/budgets/")["Location"] == "/?next=/costs/budgets/"


def test_a_user_who_is_nobodys_person_gets_403(client: Client) -> None:
    client.force_login(make_user())

    assert client.get("/costs/budgets/").status_code == 403


# --- What it says


def test_without_teams_and_usage_it_says_what_comes_next() -> None:
    shown = page()

    assert "Budgets in November 2026" in shown
    assert "There is no team yet." in shown
    assert "There is no plan yet." in shown
    assert "Nobody: everybody goes by their plan" in shown
    assert "None yet." in shown


def test_teams_and_plans_with_what_was_used_and_where_it_ends() -> None:
    person = somebody()
    assert person.team is not None
    person.team.monthly_budget = Decimal(90)
    person.team.save()
    for day in range(1, 15):
        use(person, 5, days_ago=day)

    shown = page()

    # 70 used, and 11 days at 5 to come.
    assert '<span class="estimate">$70.00</span>' in shown
    assert '<span class="estimate">$125.00</span>' in shown
    assert "$90.00" in shown
    assert "Will be over by $35" in shown
    assert 'aria-valuenow="77"' in shown
    assert "Used so far this month, plus the average of the last 14 whole days" in shown


def test_usage_without_a_price_is_shown_in_tokens() -> None:
    make_usage(person=somebody(monthly_budget=Decimal(5)), day=NOW.date(), rate=None, input=1_840_000)

    shown = page()
    assert "1.84\xa0M tokens without a price" in shown
    assert "Not known: no price" in shown
    assert "Within budget" not in shown
    assert "0\xa0%" not in shown
    assert "$0.00" not in shown


def test_usage_without_a_price_has_no_forecast_of_nothing() -> None:
    ana = somebody(monthly_budget=Decimal(5))
    make_usage(person=ana, day=NOW.date() - dt.timedelta(days=9), rate=None, input=1_840_000)

    assert "$0.00" not in page()
    hers = admin().get(f"/costs/budgets/person/{ana.pk}/").content.decode()
    assert "$0.00" not in hers
    assert "No forecast: nothing that was used has a price." in hers


def test_a_search_with_a_nul_is_a_search_without_it() -> None:
    somebody("within@acme.example", name="Wim Within")

    assert "Wim Within" in page("?person=wi%00thin")


def test_people_over_theirs_are_listed_and_others_can_be_found() -> None:
    use(somebody("over@acme.example", name="Olga Over"), 130)
    within = somebody("within@acme.example", name="Wim Within")

    assert "Olga Over" in page()
    assert "Over by $30.00" in page()
    assert "Wim Within" not in page()
    found = page("?person=WITHIN@")
    assert "Wim Within" in found
    assert f'href="/costs/budgets/person/{within.pk}/"' in found
    assert "Olga Over" not in found
    assert "Nobody active has a name" in page("?person=nobody-of-this-name")


def test_people_come_a_page_at_a_time() -> None:
    for number in range(51):
        somebody(f"person-{number:02}@acme.example", name=f"Person {number:02}", monthly_budget=Decimal(5))

    assert "Person 49" in page()
    assert "Person 50" not in page()
    assert "Person 50" in page("?page=2")
    assert "1 to 50 of 51" in page()


def test_where_alerts_go_is_said(settings: Settings) -> None:
    assert "no mail server is configured" in page()
    assert "no webhook is configured" in page()

    settings.EMAIL_HOST = "mail.acme.example"
    settings.ONRAMP_SLACK_WEBHOOK = "https://hooks.slack.com/services/very-secret"
    shown = page()

    assert "People about their own budget; the one admin about teams." in shown
    assert "Alerts of teams." in shown
    assert "very-secret" not in shown


def test_alerts_of_this_month_and_those_that_could_not_be_delivered(settings: Settings) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    # Nobody listens on port 9 (discard).
    settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_USE_TLS = "127.0.0.1", 9, False
    use(somebody(name="Ana Núñez"), 130)
    (alert,) = alerts.raise_due(NOW)
    assert "Waiting to be sent" in page()

    alerts.send(alert.pk)
    shown = page()

    assert "100% reached" in shown
    assert "80% reached" not in shown
    assert 'Mail could not be sent since <time datetime="2026-11-20T12:00:00+00:00">12:00 UTC</time>' in shown
    assert "ConnectionRefusedError" in shown
    assert "Onramp tries again" in shown
    let_pass(GIVE_UP)
    with time_machine.travel(NOW + GIVE_UP, tick=False):
        alerts.send(alert.pk)
        assert "Given up" in page()
    BudgetAlert.objects.update(month=dt.date(2026, 10, 1))
    assert "100% reached" not in page()


def test_percents_are_in_the_readers_language() -> None:
    use(somebody(name="Ana Núñez", monthly_budget=Decimal(100)), 130)
    alerts.raise_due(NOW)
    client = admin()
    client.cookies["language"] = "es"

    shown = client.get("/costs/budgets/").content.decode()

    assert "<span>130\u00a0%</span>" in shown
    assert "100\u00a0% alcanzado" in shown


def test_hostile_names_are_text() -> None:
    person = somebody(name=HOSTILE, team=make_team(make_plan(), name=HOSTILE), monthly_budget=Decimal(1))
    use(person, 5)
    alerts.raise_due(NOW)
    ask_for_budget(person=person, note=HOSTILE)

    for shown in (page(), page(f"?person={HOSTILE}"), admin().get("/requests/").content.decode()):
        assert "<script>alert" not in shown
        assert "&lt;script&gt;alert(1)" in shown


def test_it_can_be_read_in_spanish() -> None:
    client = admin()
    client.cookies["language"] = "es"

    assert '<html lang="es"' in client.get("/costs/budgets/").content.decode()


@pytest.mark.parametrize("number", [1, 12])
def test_the_page_asks_a_constant_number_of_queries(
    number: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for each in range(number):
        team = make_team(make_plan(f"plan-{each}", f"Plan {each}"), f"group-{each}", f"Team {each}")
        use(somebody(f"person-{each}@acme.example", team=team, monthly_budget=Decimal(3)), 5)
        team.monthly_budget = Decimal(4)
        team.save()
    alerts.raise_due(NOW)
    client = admin()

    with django_assert_num_queries(24):
        client.get("/costs/budgets/")


# --- Changing one


def test_a_team_a_plan_and_a_person_are_changed_with_a_reason() -> None:
    person = somebody()
    assert person.team is not None
    assert person.team.plan is not None
    client = admin()

    for url in (f"team/{person.team.pk}", f"plan/{person.team.plan.slug}", f"person/{person.pk}"):
        assert "Change the budget" in client.get(f"/costs/budgets/{url}/").content.decode()
        answer = client.post(f"/costs/budgets/{url}/", {"amount": "250.50", "reason": "More people."})
        assert (answer.status_code, answer["Location"]) == (302, "/costs/budgets/")

    person.refresh_from_db()
    limits = (person.monthly_budget, person.team.monthly_budget, person.team.plan.person_budget)
    assert set(limits) == {Decimal("250.50")}
    events = AuditEvent.objects.filter(action="budget.changed", actor="carla.soto@acme.example")
    assert [event.details["reason"] for event in events] == ["More people."] * 3


@pytest.mark.parametrize("number", [1, 12])
def test_the_page_of_one_budget_asks_a_constant_number_of_queries(
    number: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for each in range(number):
        use(somebody(f"person-{each}@acme.example"), 5)
        LogSource.objects.create(account=make_account(), region=f"eu-west-{each}")
    client, team = admin(), Team.objects.get()

    with django_assert_num_queries(13):
        client.get(f"/costs/budgets/team/{team.pk}/")


def test_an_empty_amount_takes_a_budget_away() -> None:
    person = somebody(monthly_budget=Decimal(5))

    admin().post(f"/costs/budgets/person/{person.pk}/", {"amount": "", "reason": "As everybody."})

    person.refresh_from_db()
    assert person.monthly_budget is None


@pytest.mark.parametrize(
    ("amount", "reason"),
    [
        ("-1", "x"),
        ("many", "x"),
        ("NaN", "x"),
        ("1.234", "x"),
        ("1" * 30, "x"),
        ("5", ""),
        ("5", "  "),
        ("5", "x" * 501),
    ],
)
def test_what_does_not_fit_is_said_at_its_field_and_changes_nothing(amount: str, reason: str) -> None:
    person = somebody()

    answer = admin().post(f"/costs/budgets/person/{person.pk}/", {"amount": amount, "reason": reason})

    assert answer.status_code == 200
    assert 'data-outcome="failed"' in answer.content.decode()
    person.refresh_from_db()
    assert person.monthly_budget is None
    assert not AuditEvent.objects.filter(action="budget.changed").exists()


def test_an_amount_is_read_as_its_language_writes_it() -> None:
    person = somebody()
    client = admin()
    client.cookies["language"] = "es"

    client.post(f"/costs/budgets/person/{person.pk}/", {"amount": "75,50", "reason": "Más."})

    person.refresh_from_db()
    assert person.monthly_budget == Decimal("75.50")


@pytest.mark.parametrize("url", ["team/4711", "plan/none", "person/4711"])
def test_what_does_not_exist_is_not_found(url: str) -> None:
    assert admin().get(f"/costs/budgets/{url}/").status_code == 404


# --- Asking for more


def test_somebody_asks_and_an_admin_raises_it_where_it_was_asked() -> None:
    person = somebody(name="Ana Núñez")
    use(person, 97)
    client = signed_in(person)

    answer = client.post("/usage/ask/", {"note": "The migration."})
    asked = admin().get("/requests/").content.decode()

    assert (answer.status_code, answer["Location"]) == (302, "/usage/")
    assert "One person waits for you" in asked
    assert "A higher budget" in asked
    assert "The migration." in asked
    assert '<span class="estimate">$97.00</span> used of $100.00 this month' in asked
    assert f'action="/costs/budgets/person/{person.pk}/"' in asked

    raised = admin().post(
        f"/costs/budgets/person/{person.pk}/", {"amount": "150", "reason": "Migrate well.", "next": "requests"}
    )

    assert raised["Location"] == "/requests/"
    request = AdminRequest.objects.get()
    assert (request.state, request.closed_by) == (RequestState.CLOSED, "carla.soto@acme.example")
    assert "The budget is now 150.00 USD a month. Migrate well." in client.get("/usage/").content.decode()
    assert "Nobody is waiting for you" in admin().get("/requests/").content.decode()


def test_an_admin_may_say_no() -> None:
    person = somebody()
    request = ask_for_budget(person=person, note="")

    admin().post(f"/requests/{request.pk}/close/", {"answer": "Not this month."})

    assert "Not this month." in signed_in(person).get("/usage/").content.decode()
    assert "A higher budget" in admin().get("/requests/?state=resolved").content.decode()


def test_the_way_back_is_one_of_ours() -> None:
    person = somebody()
    change = {"amount": "1", "reason": "x", "next": "https://example.com/"}

    assert admin().post(f"/costs/budgets/person/{person.pk}/", change)["Location"] == "/costs/budgets/"


def test_asking_is_a_post() -> None:
    assert signed_in(somebody()).get("/usage/ask/").status_code == 405


def test_an_overlong_note_is_not_asked() -> None:
    signed_in(somebody()).post("/usage/ask/", {"note": "x" * 1001})

    assert not AdminRequest.objects.exists()


@pytest.mark.parametrize("number", [1, 12])
def test_requests_about_budgets_ask_a_constant_number_of_queries(
    number: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for each in range(number):
        person = somebody(f"person-{each}@acme.example")
        use(person, 5)
        ask_for_budget(person=person, note="")
    client = admin()

    with django_assert_num_queries(15):
        client.get("/requests/")


# --- The language of mails


def test_a_chosen_language_is_kept_with_whoever_is_signed_in() -> None:
    person = somebody()

    signed_in(person).post("/preferences/language/", {"language": "es", "next": "/setup/"})

    person.refresh_from_db()
    assert person.language == "es"


@pytest.mark.parametrize("language", ["xx", "", "es-ES-x"])
def test_a_language_that_the_portal_does_not_speak_is_not_kept(language: str) -> None:
    person = somebody(language="es")

    signed_in(person).post("/preferences/language/", {"language": language})

    person.refresh_from_db()
    assert person.language == "es"


def test_a_visitor_chooses_a_language_for_themselves(client: Client) -> None:
    answer = client.post("/preferences/language/", {"language": "es"})

    assert answer.cookies["language"].value == "es"
