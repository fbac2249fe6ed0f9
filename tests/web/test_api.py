"""The API for scripts: what it answers, to whom, and in which shape it refuses."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
import time_machine
from django.core.management import call_command
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from onboarding.enums import ApiScope, Layer, Outcome, Problem, Readiness, Role, RunState
from onboarding.models import ApiToken, AuditEvent, Person
from onboarding.tokens import issue_token
from tests.factories import (
    SONNET,
    make_answer,
    make_finding,
    make_person,
    make_plan,
    make_ready_person,
    make_revision,
    make_team,
    make_verification,
)
from tests.web.cost_pages import NOW, company, logged, signed_in, unread

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("_today")]


@pytest.fixture
def _today() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


def make_token(*scopes: ApiScope, owner: Person | None = None, days: int = 30) -> str:
    owner = owner or make_person("carla.soto@acme.example", name="Carla Soto", role=Role.ADMIN)
    Person.objects.filter(pk=owner.pk).update(seen_at=timezone.now())
    return issue_token(owner=owner, name="report", scopes=scopes or list(ApiScope), holds=dt.timedelta(days=days))


def get(path: str, token: str, **headers: str) -> Any:
    return Client().get(f"/api/v1{path}", headers={"Authorization": f"Bearer {token}", **headers})


def read(path: str, token: str, **headers: str) -> Any:
    response = get(path, token, **headers)
    assert response.status_code == 200, response.content
    return response.json()


def assert_problem(response: Any, status: int) -> dict[str, Any]:
    assert response.status_code == status
    assert response["Content-Type"] == "application/problem+json"
    told: dict[str, Any] = response.json()
    assert told["status"] == status
    assert set(told) == {"type", "title", "status", "detail", "errors"}
    return told


# --- Who may

PATHS = ("/people", "/people/1", "/people/1/verifications", "/costs", "/plans", "/plans/platform")


@pytest.mark.parametrize("path", PATHS)
def test_nobody_reads_without_a_token(path: str) -> None:
    response = Client().get(f"/api/v1{path}")

    assert_problem(response, 401)
    assert response["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("path", PATHS)
def test_a_session_opens_nothing(path: str) -> None:
    client = signed_in(make_person(role=Role.ADMIN))

    assert_problem(client.get(f"/api/v1{path}"), 401)


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Bearer nonsense", "Basic {}", "{}", "Bearer {}x", "Bearer x{}", "Bearer é\0"]
)
def test_only_the_whole_token_opens(header: str) -> None:
    token = make_token()

    assert_problem(Client().get("/api/v1/plans", headers={"Authorization": header.format(token)}), 401)
    assert get("/plans", token).status_code == 200


def test_what_is_too_long_for_a_token_is_none() -> None:
    assert_problem(get("/plans", "x" * 10_000), 401)


def test_a_token_ends_on_its_day() -> None:
    token = make_token(days=30)
    with time_machine.travel(NOW + dt.timedelta(days=30) - dt.timedelta(seconds=1), tick=False):
        assert get("/plans", token).status_code == 200
    with time_machine.travel(NOW + dt.timedelta(days=30), tick=False):
        assert_problem(get("/plans", token), 401)


def test_a_revoked_token_ends_at_once() -> None:
    token = make_token()
    ApiToken.objects.update(revoked_at=NOW)

    assert_problem(get("/plans", token), 401)


@pytest.mark.parametrize("days", [29, 30, 31])
def test_a_token_rests_while_its_owner_does_not_sign_in(days: int) -> None:
    token = make_token(days=365)

    with time_machine.travel(NOW + dt.timedelta(days=days), tick=False):
        assert get("/plans", token).status_code == (200 if days < 30 else 401)
        Person.objects.update(seen_at=timezone.now())
        assert get("/plans", token).status_code == 200


@pytest.mark.parametrize(
    "change", [{"role": Role.PERSON}, {"role": Role.AUDITOR}, {"is_active": False}, {"seen_at": None}]
)
def test_a_token_ends_with_its_owners_role(change: dict[str, Any]) -> None:
    token = make_token()
    Person.objects.update(**change)

    assert_problem(get("/plans", token), 401)


@pytest.mark.parametrize(
    ("path", "scope"),
    [
        ("/people", ApiScope.PEOPLE),
        ("/people/1", ApiScope.PEOPLE),
        ("/people/1/verifications", ApiScope.VERIFICATIONS),
        ("/costs", ApiScope.COSTS),
        ("/plans", ApiScope.PLANS),
        ("/plans/nothing", ApiScope.PLANS),
    ],
)
def test_a_token_reads_what_its_scopes_name(path: str, scope: ApiScope) -> None:
    owner = make_person(role=Role.ADMIN)
    others = make_token(*[each for each in ApiScope if each != scope], owner=owner)

    assert scope.value in assert_problem(get(path, others), 403)["detail"]
    assert get(path, make_token(scope, owner=owner)).status_code in (200, 404)


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_it_is_read_only(method: str) -> None:
    response = getattr(Client(enforce_csrf_checks=True), method)(
        "/api/v1/people", headers={"Authorization": f"Bearer {make_token()}"}
    )

    assert_problem(response, 405)
    assert response["Allow"] == "GET"


@pytest.mark.parametrize("path", ["", "/", "/nothing", "/people/", "/people/1/nothing"])
def test_what_is_not_there_is_said_in_the_same_shape(path: str) -> None:
    if path:
        assert_problem(get(path, make_token()), 404)


# --- Uses are on record


def test_uses_are_noted_to_the_minute_and_put_on_record_once_a_day() -> None:
    token = make_token()
    for minutes, seen in ((0, 0), (0.9, 0), (1.1, 1.1), (24 * 60, 24 * 60)):
        with time_machine.travel(NOW + dt.timedelta(minutes=minutes), tick=False):
            read("/plans", token)
        assert ApiToken.objects.get().last_used_at == NOW + dt.timedelta(minutes=seen)

    events = AuditEvent.objects.filter(action="token.used").order_by("pk")
    assert [(event.actor, event.action, event.target) for event in events] == 2 * [
        ("carla.soto@acme.example", "token.used", "report")
    ]
    assert token not in str([event.details for event in events])


def test_a_refused_use_is_none() -> None:
    token = make_token(ApiScope.PLANS)
    get("/people", token)

    assert ApiToken.objects.get().last_used_at is None


# --- People


def test_people_come_with_their_status() -> None:
    ana = make_ready_person()

    [_, told] = read("/people", make_token(owner=make_person("carla@acme.example", role=Role.ADMIN)))["items"][::-1]

    assert told["email"] == "ana.nunez@acme.example"
    assert told["team"] == {"id": ana.team_id, "name": "Platform"}
    status = told["status"]
    assert (status["is_ready"], status["is_due"], status["outcome"]) == (True, False, "ready")
    assert status["verified_at"] == "2026-11-20T12:00:00Z"
    assert (status["plan"], status["revision"], status["models"]["sonnet"]) == ("platform", 1, SONNET)
    assert read(f"/people/{ana.pk}", make_token(owner=Person.objects.get(role=Role.ADMIN))) == told


def test_somebody_without_anything_has_a_status_too() -> None:
    vera = make_person("vera@acme.example", user=None)
    token = make_token()

    told = read(f"/people/{vera.pk}", token)

    assert told["team"] is None
    assert told["seen_at"] is None
    assert told["status"] == {
        "is_ready": False,
        "is_due": False,
        "is_running": False,
        "outcome": None,
        "verified_at": None,
        "plan": None,
        "revision": None,
        "role_arn": None,
        "models": {},
    }


def test_a_run_under_way_leaves_the_answer_before_it() -> None:
    ana = make_ready_person()
    with time_machine.travel(NOW + dt.timedelta(minutes=1), tick=False):
        make_verification(ana, make_revision(number=2, is_current=False), state=RunState.QUEUED)
    token = make_token()

    status = read(f"/people/{ana.pk}", token)["status"]

    assert (status["is_running"], status["outcome"]) == (True, Readiness.READY)
    assert read("/people", token)["items"][0]["status"] == status


def test_people_are_found_by_email_team_and_state() -> None:
    team = make_team()
    ana = make_person("ana@acme.example", team=team)
    gone = make_person("gone@acme.example", is_active=False, user=None)
    token = make_token()

    def found(query: str) -> list[int]:
        return [each["id"] for each in read(f"/people?{query}", token)["items"]]

    assert found("email=ANA@acme.example") == [ana.pk]
    assert found(f"team={team.pk}") == [ana.pk]
    assert found("is_active=false") == [gone.pk]
    assert found("email=nobody@acme.example") == []


def test_people_come_a_page_at_a_time_and_each_once() -> None:
    token = make_token()
    for number in range(4):
        make_person(f"p{number}@acme.example", user=None)

    seen, query = [], "limit=2"
    while query:
        page = read(f"/people?{query}", token)
        assert len(page["items"]) <= 2
        seen += [each["email"] for each in page["items"]]
        query = f"limit=2&cursor={page['next_cursor']}" if page["next_cursor"] else ""

    assert seen == ["carla.soto@acme.example", *(f"p{number}@acme.example" for number in range(4))]


@pytest.mark.parametrize(
    ("path", "parameter"),
    [
        ("/people?limit=0", "limit"),
        ("/people?limit=201", "limit"),
        ("/people?limit=x", "limit"),
        ("/people?cursor=-1", "cursor"),
        ("/people?cursor=9999999999999999999999", "cursor"),
        ("/people?email=%00", "email"),
        ("/people?team=0", "team"),
        ("/people/0", "id"),
        ("/people/x", "id"),
        ("/people/99999999999999999999", "id"),
        ("/people/1/verifications?limit=51", "limit"),
        ("/people?tema=1", "tema"),
        ("/people/1?id=2", "id"),
        ("/costs?month=2026-13", "month"),
        ("/costs?by=nothing", "by"),
        ("/plans/a.b", "slug"),
    ],
)
def test_a_parameter_that_does_not_fit_is_named(path: str, parameter: str) -> None:
    told = assert_problem(get(path, make_token()), 422)

    assert [each["parameter"] for each in told["errors"]] == [parameter]


@pytest.mark.parametrize("path", ["/people/9999", "/people/9999/verifications", "/plans/nothing"])
def test_what_nobody_knows_is_not_found(path: str) -> None:
    assert_problem(get(path, make_token()), 404)


def test_as_many_queries_for_one_as_for_many(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    token = make_token()
    make_ready_person("p0@acme.example")
    read("/people", token)
    with django_assert_num_queries(6):
        read("/people", token)
    for number in range(1, 8):
        make_ready_person(f"p{number}@acme.example")
    with django_assert_num_queries(6):
        assert len(read("/people", token)["items"]) == 9


# --- Verifications


def test_a_verification_comes_with_findings_in_words_and_keys() -> None:
    ana, revision = make_person(), make_revision()
    verification = make_verification(ana, revision, outcome=Readiness.BLOCKED, verified_profiles=[])
    known = make_finding("identity")
    silent = make_finding("identity", outcome=Outcome.UNKNOWN, layer=Layer.AWS, reason="no-answer", last_known=known)
    make_answer(verification, silent)

    [told] = read(f"/people/{ana.pk}/verifications", make_token())["items"]

    assert (told["outcome"], told["plan"], told["revision"], told["trigger"]) == (
        "blocked",
        "platform",
        1,
        "sign-in",
    )
    [finding] = told["findings"]
    assert (finding["check"], finding["outcome"], finding["layer"], finding["reason"]) == (
        "identity",
        "unknown",
        "aws",
        "no-answer",
    )
    assert finding["title"]
    assert finding["last_known"]["outcome"] == "passed"
    assert finding["last_known_stands"] is True


def test_words_follow_the_language_that_was_asked_for() -> None:
    ana = make_person()
    verification = make_verification(ana, make_revision())
    make_answer(verification, make_finding("identity", outcome=Outcome.UNKNOWN, reason="no-answer"))
    token = make_token()

    [english] = read(f"/people/{ana.pk}/verifications", token)["items"]
    [spanish] = read(f"/people/{ana.pk}/verifications", token, **{"Accept-Language": "es"})["items"]

    assert english["findings"][0]["reason"] == spanish["findings"][0]["reason"]
    assert english["findings"][0]["title"] != spanish["findings"][0]["title"]


def test_the_newest_verification_comes_first() -> None:
    ana, revision = make_person(), make_revision()
    rows = [make_verification(ana, revision) for _ in range(3)]
    token = make_token()

    page = read(f"/people/{ana.pk}/verifications?limit=2", token)
    rest = read(f"/people/{ana.pk}/verifications?limit=2&cursor={page['next_cursor']}", token)

    assert [each["id"] for each in page["items"] + rest["items"]] == [row.pk for row in reversed(rows)]
    assert rest["next_cursor"] is None


def test_verifications_take_the_same_queries_however_many(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    ana, revision, token = make_person(), make_revision(), make_token()
    make_answer(make_verification(ana, revision), make_finding())
    read(f"/people/{ana.pk}/verifications", token)
    with django_assert_num_queries(5):
        read(f"/people/{ana.pk}/verifications", token)
    for _ in range(5):
        make_answer(make_verification(ana, revision), make_finding())
    with django_assert_num_queries(5):
        read(f"/people/{ana.pk}/verifications", token)


# --- Costs and plans


@pytest.mark.parametrize("by", ["person", "team", "model", "region", "day"])
def test_costs_are_those_of_the_command(by: str) -> None:
    company()
    logged()
    unread(Problem.DENIED, "ce:GetCostAndUsage: AccessDenied")
    out = StringIO()
    call_command("costs", "--json", "--by", by, "--month", "2026-11", stdout=out)
    command = json.loads(out.getvalue())
    for row in command["rows"]:
        row.setdefault("team", None)

    assert read(f"/costs?by={by}&month=2026-11", make_token()) == command
    assert command["estimate"]["as_of"].endswith("+00:00")
    assert [each["problem"] for each in command["billed"]["problems"]] == ["denied"]


def test_the_schema_says_what_the_day_of_a_bill_is() -> None:
    schema = read("/openapi.json", make_token())["components"]["schemas"]["Billed"]["properties"]

    assert schema["as_of"]["description"].startswith("The last day that is billed in full, in every account")


def test_costs_are_of_this_month_by_person_unless_asked_otherwise() -> None:
    told = read("/costs", make_token())

    assert (told["month"], told["by"]) == ("2026-11", "person")


def test_plans_come_with_their_current_revision() -> None:
    plan = make_plan()
    plan.person_budget = 200
    plan.save()
    make_revision(plan=plan)
    make_revision(plan=plan, note="More to think with", thinking_tokens=2048)
    make_plan("empty", "Nothing yet")
    make_team(plan)
    token = make_token()

    told, empty = read("/plans", token)["items"]

    assert (told["slug"], told["person_budget_usd"]) == ("platform", "200.00")
    assert [team["group"] for team in told["teams"]] == ["claude-platform"]
    current = told["current"]
    assert (current["number"], current["note"], current["account"]) == (2, "More to think with", "111122223333")
    assert current["models"]["sonnet"] == SONNET
    assert current["settings"]["thinking_tokens"] == 2048
    assert empty["current"] is None
    assert read("/plans/platform", token) == told


def test_plans_take_the_same_queries_however_many(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    token = make_token()
    make_revision()
    read("/plans", token)
    with django_assert_num_queries(5):
        read("/plans", token)
    for number in range(5):
        make_revision(plan=make_plan(f"plan-{number}", f"Plan {number}"))
    with django_assert_num_queries(5):
        read("/plans", token)


def test_the_document_is_for_everybody_and_names_every_operation(client: Client) -> None:
    told = client.get("/api/v1/openapi.json").json()

    assert told["openapi"].startswith("3.1")
    assert set(told["paths"]) == {
        "/api/v1/people",
        "/api/v1/people/{id}",
        "/api/v1/people/{id}/verifications",
        "/api/v1/costs",
        "/api/v1/plans",
        "/api/v1/plans/{slug}",
    }
    assert client.post("/api/v1/openapi.json").status_code == 405
