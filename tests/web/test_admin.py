"""Django's admin: for admins, without passwords, and every change leaves an event."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from django.contrib import admin
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from onboarding.admin import Audited, ReadOnly
from onboarding.enrolments import issue_codes
from onboarding.enums import CodePurpose, Platform, Role
from onboarding.models import AuditEvent, OneTimeCode, Person, Price, Team, User
from tests.factories import make_account, make_person, make_plan, make_ready_person, make_revision, make_team
from tests.web.plan_pages import member, reported, took

pytestmark = pytest.mark.django_db


def admin_client() -> Client:
    person = make_person("carla.soto@acme.example", role=Role.ADMIN)
    assert person.user is not None
    person.user.is_staff = person.user.is_superuser = True
    person.user.save()
    client = Client()
    client.force_login(person.user)
    return client


def test_it_sends_strangers_to_sign_in(client: Client) -> None:
    response = client.get("/django-admin/", follow=True)

    assert response.redirect_chain[-1][0] == "/?next=/django-admin/"


def test_an_installation_begins_without_accounts() -> None:
    assert not User.objects.exists()


def test_it_offers_nobody_a_password() -> None:
    person = make_ready_person()
    assert person.user is not None
    client = Client()
    client.force_login(person.user)

    response = client.get("/django-admin/", follow=True)

    assert response.status_code == 403
    assert b"password" not in response.content.lower()


@pytest.mark.parametrize("lost", [{"is_active": False}, {"role": Role.PERSON}])
def test_a_right_lost_is_lost_while_the_session_lives(lost: dict[str, object]) -> None:
    client = admin_client()
    Person.objects.update(**lost)

    assert client.get("/django-admin/onboarding/person/", follow=True).status_code == 403


def test_it_lists_the_products_rows_only() -> None:
    page = admin_client().get("/django-admin/").content.decode()

    assert "/django-admin/onboarding/team/" in page
    for foreign in ("socialaccount", "emailaddress", "/auth/group/"):
        assert foreign not in page


def test_a_change_leaves_an_event_with_its_author() -> None:
    plan = make_plan()

    admin_client().post(
        "/django-admin/onboarding/team/add/", {"name": "Platform", "group": "claude-platform", "plan": plan.pk}
    )

    team = Team.objects.get()
    event = AuditEvent.objects.get(action="team.added")
    assert (event.actor, event.target) == ("carla.soto@acme.example", str(team))


def test_what_is_changed_with_a_reason_elsewhere_is_only_read_here() -> None:
    price = Price.objects.create(
        model_id="anthropic.claude-opus-5",
        endpoint_kind="global",
        token_class="input",
        usd_per_million=5,
        valid_from="2026-11-01",
        source="tests",
    )
    team, account = make_team(), make_account()
    client = admin_client()

    assert (
        client.post(f"/django-admin/onboarding/price/{price.pk}/change/", {"usd_per_million": "1"}).status_code == 403
    )
    assert client.post(f"/django-admin/onboarding/price/{price.pk}/delete/", {"post": "yes"}).status_code == 403
    for path, kept, field in (
        (f"team/{team.pk}", {"name": "Renamed", "group": team.group}, "monthly_budget"),
        (f"account/{account.pk}", {"account_id": account.account_id, "name": "Renamed"}, "price_multiplier"),
    ):
        answer = client.post(f"/django-admin/onboarding/{path}/change/", {**kept, field: "7"})
        assert answer.status_code == 302, path
    team.refresh_from_db()
    account.refresh_from_db()
    assert (team.name, team.monthly_budget) == ("Renamed", None)
    assert (account.name, account.price_multiplier) == ("Renamed", Decimal(1))


def test_whether_a_person_is_active_is_not_changed_by_half_here() -> None:
    person = make_ready_person()

    admin_client().post(f"/django-admin/onboarding/person/{person.pk}/change/", {"name": "Somebody else"})

    person = Person.objects.get(pk=person.pk)
    assert (person.name, person.is_active) == ("Ana Núñez", True)


@pytest.mark.parametrize(
    "row",
    [
        *("planrevision", "finding", "verification", "bundle", "auditevent", "principal"),
        *("enrolment", "onetimecode", "price", "logsource", "ingestion", "caller", "billingfetch", "budgetalert"),
    ],
)
def test_what_the_portal_writes_is_nobodys_to_add(row: str) -> None:
    client = admin_client()

    assert client.get(f"/django-admin/onboarding/{row}/").status_code == 200
    assert client.get(f"/django-admin/onboarding/{row}/add/").status_code == 403


def test_what_may_be_changed_here_is_audited_and_the_rest_only_read() -> None:
    registered = admin.site._registry
    audited = {model.__name__ for model, its_admin in registered.items() if isinstance(its_admin, Audited)}

    assert audited == {"Account", "IdentityCenter", "Plan", "Team", "Person"}
    assert [m for m, its_admin in registered.items() if not isinstance(its_admin, Audited | ReadOnly)] == []


def test_nobody_is_deleted() -> None:
    person = make_ready_person()
    client = admin_client()

    assert client.post(f"/django-admin/onboarding/person/{person.pk}/delete/", {"post": "yes"}).status_code == 403
    assert Person.objects.filter(pk=person.pk).exists()


def test_each_of_several_that_are_deleted_together_leaves_an_event() -> None:
    teams = [make_team(group=group, name=group) for group in ("a", "b")]
    marked = {"action": "delete_selected", "_selected_action": [team.pk for team in teams], "post": "yes"}

    admin_client().post("/django-admin/onboarding/team/", marked)

    assert not Team.objects.exists()
    assert [event.target for event in AuditEvent.objects.filter(action="team.deleted").order_by("target")] == [
        "a",
        "b",
    ]


def test_an_audit_event_is_only_read() -> None:
    event = AuditEvent.objects.record(actor="a", action="price.added", target="t")
    client, path = admin_client(), f"/django-admin/onboarding/auditevent/{event.pk}"

    assert client.get(f"{path}/change/").status_code == 200
    assert client.post(f"{path}/change/", {"actor": "b"}).status_code == 403
    assert client.post(f"{path}/delete/", {"post": "yes"}).status_code == 403


def test_leaving_by_it_is_leaving_the_portal() -> None:
    client = admin_client()

    client.post("/django-admin/logout/")

    assert AuditEvent.objects.get(action="person.signed_out").actor == "carla.soto@acme.example"
    assert client.get("/setup/").status_code == 302


@pytest.mark.parametrize("installed", ["current", "older", "none"])
def test_people_are_filtered_by_what_they_have(installed: str) -> None:
    old, new = make_revision(), make_revision()
    took(member("current@acme.example"), new)
    took(member("older@acme.example"), old)
    member("none@acme.example")

    page = admin_client().get(f"/django-admin/onboarding/person/?installed={installed}&role__exact=person")

    shown = re.findall(r">(\w+)@acme.example</a>", page.content.decode())
    assert shown == [installed]


def test_the_list_of_people_says_which_revision_they_have() -> None:
    took(member("ana@acme.example"), make_revision())

    page = admin_client().get("/django-admin/onboarding/person/?installed=other").content.decode()

    assert "Platform engineering, 1" in page
    assert "Current revision" in page


@pytest.mark.parametrize("people", [1, 3])
def test_the_list_of_people_asks_a_constant_number_of_queries(
    people: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    revision, client = make_revision(), admin_client()
    for number in range(people):
        took(member(f"p{number}@acme.example"), revision)

    with django_assert_num_queries(8):
        client.get("/django-admin/onboarding/person/")


def test_a_codes_digest_is_shown_to_nobody() -> None:
    person = member("ana@acme.example")
    issue_codes(person=person, purposes=[CodePurpose.INSTALL], platform=Platform.LINUX, language="en")
    code = OneTimeCode.objects.get()

    page = admin_client().get(f"/django-admin/onboarding/onetimecode/{code.pk}/change/").content.decode()

    assert "ana@acme.example" in page
    assert code.digest not in page


def test_a_machine_is_found_by_its_person() -> None:
    reported(member("ana@acme.example"), make_revision(), machine="ana-mbp")

    assert "ana-mbp" in admin_client().get("/django-admin/onboarding/enrolment/?q=ana@").content.decode()
