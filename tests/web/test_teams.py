"""Teams: the list, and making, changing and deleting one. The list is for auditors too, the rest for admins."""

from __future__ import annotations

import datetime as dt
import io
from decimal import Decimal
from typing import Any

import pytest
import redis
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, DjangoCaptureOnCommitCallbacks

from onboarding.enums import Readiness, Role, RunState, Trigger
from onboarding.models import AuditEvent, Person, PersonStatus, Sweep, Team
from onboarding.requests import ask_for_budget
from onboarding.statuses import refresh_team
from tests.factories import (
    make_person,
    make_plan,
    make_principal,
    make_revision,
    make_team,
    make_usage,
    make_user,
    make_verification,
)
from tests.web.plan_pages import HOSTILE, client_of, member, newest, published, text_of, took

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin() -> Client:
    return client_of(Role.ADMIN)


def values(team: Team, **changes: Any) -> dict[str, Any]:
    """What a browser sends that changes nothing of the team but `changes`."""
    said = {"name": team.name, "group": team.group, "plan": team.plan_id or "", "cost_centre": team.cost_centre}
    return {**said, "monthly_budget": "" if team.monthly_budget is None else str(team.monthly_budget), **changes}


def events(action: str = "team.") -> list[AuditEvent]:
    return list(AuditEvent.objects.filter(action__startswith=action).order_by("pk"))


# --- Who may


def test_auditors_read_and_admins_write() -> None:
    team = make_team(make_plan())
    auditor = client_of(Role.AUDITOR)

    shown = auditor.get("/teams/").content.decode()

    assert "claude-platform" in shown
    assert "/teams/new/" not in shown
    assert f"/teams/{team.pk}/" not in shown
    for client in (auditor, client_of(Role.PERSON)):
        assert client.get("/teams/new/").status_code == 403
        assert client.get(f"/teams/{team.pk}/").status_code == 403
        assert client.post("/teams/new/", values(Team(name="X", group="x"))).status_code == 403
        assert client.post(f"/teams/{team.pk}/", values(team, name="Mine")).status_code == 403
        assert client.post(f"/teams/{team.pk}/delete/").status_code == 403
    assert list(Team.objects.values_list("name", flat=True)) == ["Platform"]
    assert events() == []


def test_strangers_are_kept_out(client: Client) -> None:
    assert client.get("/teams/")["Location"] == "/?next=/teams/"
    assert client_of(Role.PERSON).get("/teams/").status_code == 403
    client.force_login(make_user())
    assert client.get("/teams/").status_code == 403


def test_what_is_not_there_is_not_found(admin: Client) -> None:
    assert admin.get("/teams/99/").status_code == 404
    assert admin.post("/teams/99/delete/").status_code == 404
    assert admin.get(f"/teams/{make_team().pk}/delete/").status_code == 405


# --- The list


def test_without_a_team_the_list_says_what_to_do(admin: Client) -> None:
    page = admin.get("/teams/")

    assert "There is no team yet" in text_of(page)
    assert 'href="/teams/new/"' in page.content.decode()


def test_the_list_says_who_is_in_a_team_and_what_it_costs(admin: Client) -> None:
    revision = make_revision()
    team = make_team(revision.plan)
    Team.objects.update(cost_centre="CC-101", monthly_budget=Decimal(2000))
    ready = member("ready@acme.example")
    make_verification(ready, revision, principal=make_principal(ready))
    make_verification(member("blocked@acme.example"), revision, outcome=Readiness.BLOCKED)
    member("nobody-asked@acme.example")
    make_person("gone@acme.example", team=team, is_active=False)
    make_usage(person=ready, day=timezone.now().date(), rate=5_000_000, input=1_000_000)

    shown = admin.get("/teams/")
    row = shown.content.decode().partition("<tbody>")[2].partition("</tr>")[0]

    # The admin.
    assert "One person is in no team" in text_of(shown)
    for said in ("claude-platform", 'href="/plans/platform/"', "CC-101", "$2,000.00", "$5.00"):
        assert said in row
    assert [part.partition("<")[0] for part in row.split('<td class="number">')[1:5]] == ["3", "1", "1", "1"]
    assert "not what AWS billed" in text_of(shown)


def test_only_an_answer_that_counts_makes_somebody_ready(admin: Client) -> None:
    old, new = make_revision(), make_revision()
    past = timezone.now() - dt.timedelta(minutes=1)
    for name, revision, fields in (
        ("before", old, {}),
        ("expired", new, {"proved_until": past}),
        ("without-role", new, {"principal": None}),
        ("unknown", new, {"outcome": Readiness.UNKNOWN}),
    ):
        person = member(f"{name}@acme.example")
        make_verification(person, revision, **{"principal": make_principal(person), **fields})
    changed = member("changed@acme.example")
    make_verification(changed, new, principal=make_principal(changed), queued_at=past)
    make_verification(changed, new, outcome=Readiness.BLOCKED)
    make_verification(changed, new, state=RunState.QUEUED)

    row = admin.get("/teams/").content.decode().partition("<tbody>")[2].partition("</tr>")[0]

    assert [part.partition("<")[0] for part in row.split('<td class="number">')[1:5]] == ["5", "0", "1", "4"]


@pytest.mark.parametrize("count", [1, 4])
def test_the_list_asks_a_constant_number_of_queries(
    count: int, admin: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    revision = make_revision()
    for number in range(count):
        team = make_team(revision.plan, f"group-{number}", f"Team {number}")
        for each in range(count):
            person = make_person(f"p{number}-{each}@acme.example", team=team)
            make_verification(person, revision, principal=make_principal(person))
            make_usage(person=person, day=timezone.now().date())

    with django_assert_num_queries(16):
        admin.get("/teams/")


def test_hostile_words_are_text(admin: Client) -> None:
    team = make_team(make_plan(name=HOSTILE), HOSTILE, HOSTILE)
    Team.objects.update(cost_centre=HOSTILE)

    for path in ("/teams/", f"/teams/{team.pk}/"):
        page = admin.get(path).content.decode()
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert(1)" in page


def test_they_can_be_read_in_spanish(admin: Client) -> None:
    team = make_team(make_plan())
    admin.cookies["language"] = "es"

    for path in ("/teams/", "/teams/new/", f"/teams/{team.pk}/"):
        assert '<html lang="es"' in admin.get(path).content.decode()


# --- Making one


def test_a_team_is_made_with_its_record(admin: Client) -> None:
    plan = make_plan()
    said = {"name": "Data", "group": " claude-data ", "plan": plan.pk, "cost_centre": "CC-7", "monthly_budget": "90.5"}

    answer = admin.post("/teams/new/", said)

    assert (answer.status_code, answer["Location"]) == (302, "/teams/")
    team = Team.objects.get()
    assert (team.name, team.group, team.plan, team.cost_centre) == ("Data", "claude-data", plan, "CC-7")
    assert team.monthly_budget == Decimal("90.50")
    (event,) = events()
    assert (event.action, event.target, event.actor) == ("team.created", "Data", "admin@acme.example")
    assert event.details == {
        "group": "claude-data",
        "plan": "platform",
        "cost_centre": "CC-7",
        "monthly_budget": "90.5",
    }


def test_a_name_and_a_group_are_of_one_team(admin: Client) -> None:
    make_team()

    page = text_of(admin.post("/teams/new/", {"name": "Platform", "group": "claude-platform"}))

    assert "There is a team of this name." in page
    assert "Another team has this group" in page
    assert Team.objects.count() == 1
    assert events() == []


# --- Changing one


def test_what_changes_is_recorded_with_what_it_was(admin: Client) -> None:
    team = make_team(make_plan())

    admin.post(f"/teams/{team.pk}/", values(team, name="Platforms", group="Claude-Platform", cost_centre="CC-1"))

    team.refresh_from_db()
    assert (team.name, team.group, team.cost_centre) == ("Platforms", "Claude-Platform", "CC-1")
    (event,) = events()
    assert event.details == {
        "name": ["Platform", "Platforms"],
        "group": ["claude-platform", "Claude-Platform"],
        "cost_centre": ["", "CC-1"],
    }


def test_nothing_new_leaves_no_record(admin: Client) -> None:
    team = make_team(make_plan())

    assert admin.post(f"/teams/{team.pk}/", values(team)).status_code == 302
    assert events() == []


def test_a_budget_changes_with_a_reason_and_answers_who_asked(admin: Client) -> None:
    team = make_team(make_plan())
    Team.objects.update(monthly_budget=Decimal(10))
    team.refresh_from_db()
    asked = ask_for_budget(person=member("ana@acme.example"), note="More, please.")

    refused = text_of(admin.post(f"/teams/{team.pk}/", values(team, monthly_budget="20")))
    assert "Say why the budget changes." in refused
    assert events("budget.") == []

    admin.post(f"/teams/{team.pk}/", values(team, monthly_budget="20", reason="A new project."))

    team.refresh_from_db()
    asked.refresh_from_db()
    assert team.monthly_budget == Decimal(20)
    assert asked.answer == "The budget is now 20.00 USD a month. A new project."
    (event,) = events("budget.")
    assert event.details["reason"] == "A new project."
    assert events() == []


def test_another_plan_is_told_before_it_is_saved_and_then_verified(
    admin: Client, broker: redis.Redis, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    team = make_team(make_revision().plan)
    other = make_revision(plan=make_plan("data", "Data")).plan
    took(member("ana@acme.example"), newest())
    member("bo@acme.example")

    told = admin.post(f"/teams/{team.pk}/", values(team, plan=other.pk))

    page = text_of(told)
    assert "Another plan concerns 2 people, and nothing is saved yet." in page
    assert "They get what Data says, and are verified against it at once." in page
    assert "One of them has a bundle, and has to install another." in page
    team.refresh_from_db()
    assert team.plan != other
    assert events() == []

    seen = f"{team.plan_id}:{other.pk}"
    assert f'name="seen" value="{seen}"' in told.content.decode()
    with django_capture_on_commit_callbacks(execute=True):
        admin.post(f"/teams/{team.pk}/", values(team, plan=other.pk, seen=seen))

    team.refresh_from_db()
    assert team.plan == other
    (event,) = events()
    assert event.details == {"plan": ["platform", "data"]}
    sweep = Sweep.objects.get()
    assert (sweep.plan, sweep.trigger, sweep.covers_people) == (other, Trigger.PLAN_PUBLISHED, True)
    assert published(broker) == [{"team_id": team.pk}, {"sweep_id": sweep.pk}]


def test_a_broker_that_hangs_is_tried_once_where_a_team_gets_another_plan(
    admin: Client,
    point_at: Any,
    hung_url: str,
    log: io.StringIO,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    team = make_team(make_revision().plan)
    other = make_revision(plan=make_plan("data", "Data")).plan
    member("ana@acme.example")
    point_at(hung_url)

    with django_capture_on_commit_callbacks(execute=True):
        admin.post(f"/teams/{team.pk}/", values(team, plan=other.pk, seen=f"{team.plan_id}:{other.pk}"))

    assert log.getvalue().count("row.not_published") == 1
    assert Sweep.objects.get(plan=other).state == RunState.QUEUED


def test_what_was_told_of_one_plan_saves_no_other(admin: Client) -> None:
    team = make_team(make_plan())
    member("ana@acme.example")
    first, second = make_plan("data", "Data"), make_plan("ops", "Ops")

    page = admin.post(f"/teams/{team.pk}/", values(team, plan=second.pk, seen=f"{team.plan_id}:{first.pk}"))

    assert "They get what Ops says" in text_of(page)
    team.refresh_from_db()
    assert team.plan == make_plan()


def test_a_plan_may_be_taken_away(admin: Client) -> None:
    team = make_team(make_revision().plan)
    took(member("ana@acme.example"), newest())

    page = text_of(admin.post(f"/teams/{team.pk}/", values(team, plan="")))
    assert "They get nothing any more" in page
    assert "One of them has a bundle, which stays on their machine." in page
    admin.post(f"/teams/{team.pk}/", values(team, plan="", seen=f"{team.plan_id}:"))

    team.refresh_from_db()
    assert team.plan is None
    assert Sweep.objects.count() == 0


def test_of_a_team_without_people_there_is_nothing_to_tell(admin: Client) -> None:
    team = make_team()

    answer = admin.post(f"/teams/{team.pk}/", values(team, plan=make_revision().plan.pk))

    assert answer.status_code == 302
    assert Sweep.objects.count() == 0


# --- Deleting one


def test_a_team_with_people_stays(admin: Client) -> None:
    team = make_team()
    make_person("gone@acme.example", team=team, is_active=False)

    answer = admin.post(f"/teams/{team.pk}/delete/")

    assert answer["Location"] == f"/teams/{team.pk}/"
    page = admin.get(f"/teams/{team.pk}/")
    assert "One person is in it, so it cannot be deleted." in text_of(page)
    assert f'action="/teams/{team.pk}/delete/"' not in page.content.decode()
    assert Team.objects.count() == 1
    assert events() == []


def test_an_empty_team_is_deleted_with_its_record(admin: Client) -> None:
    team = make_team()
    assert f'action="/teams/{team.pk}/delete/"' in admin.get(f"/teams/{team.pk}/").content.decode()

    admin.post(f"/teams/{team.pk}/delete/")

    assert Team.objects.count() == 0
    (event,) = events()
    assert (event.action, event.target, event.details) == ("team.deleted", "Platform", {"group": "claude-platform"})
    assert Person.objects.filter(team__isnull=False).count() == 0


@pytest.mark.parametrize(
    ("changes", "refreshed"), [({"name": "Data"}, 1), ({"plan": ""}, 1), ({"cost_centre": "CC-9"}, 0)], ids=str
)
def test_statuses_follow_another_name_or_plan(
    changes: dict[str, str],
    refreshed: int,
    admin: Client,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    team = make_team(make_plan())

    with django_capture_on_commit_callbacks() as asked:
        assert admin.post(f"/teams/{team.pk}/", values(team, **changes)).status_code == 302

    assert len(asked) == refreshed


def test_refreshing_a_team_brings_its_people_up_to_date() -> None:
    person = member("ana@acme.example")
    assert person.team is not None
    Team.objects.filter(pk=person.team.pk).update(name="Data", plan=None)

    assert refresh_team(person.team.pk) == 1

    row = PersonStatus.objects.get(pk=person.pk)
    assert (row.team_name, row.plan) == ("Data", None)
