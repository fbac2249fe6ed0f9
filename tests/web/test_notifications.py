"""The page on which people choose what Onramp mails them, and see what it told them."""

from __future__ import annotations

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from onboarding.enums import Channel, NotificationKind, Role, RunState
from onboarding.models import AuditEvent, Notification, OptOut, Person
from tests.factories import make_person, make_user

pytestmark = pytest.mark.django_db

KIND = NotificationKind


def client_of(person: Person) -> Client:
    assert person.user is not None
    client = Client()
    client.force_login(person.user)
    return client


def page(person: Person) -> str:
    return client_of(person).get("/notifications/").content.decode()


def test_anonymous_visitors_are_sent_to_sign_in(client: Client) -> None:
    response = client.get("/notifications/")

    assert (response.status_code, response["Location"]) == (302, "/?next=/notifications/")


def test_a_user_who_is_nobodys_person_gets_403(client: Client) -> None:
    client.force_login(make_user())

    assert client.get("/notifications/").status_code == 403


def test_people_choose_among_what_is_for_them() -> None:
    shown = page(make_person())

    assert shown.count('name="kind"') == shown.count(" checked") == 5
    assert "As an admin" not in shown
    assert "Send me a test mail" not in shown
    assert 'href="/notifications/" aria-current="page"' in shown


def test_admins_choose_about_theirs_too() -> None:
    shown = page(make_person(role=Role.ADMIN))

    assert shown.count('name="kind"') == 9
    assert "As an admin" in shown


def test_a_box_that_is_not_checked_is_a_kind_that_is_refused() -> None:
    person = make_person()
    OptOut.objects.create(person=person, kind=KIND.BUDGET)
    client = client_of(person)

    response = client.post("/notifications/choose/", {"kind": ["budget", "access-ready", "nonsense"]}, follow=True)

    assert "Your choice is kept." in response.content.decode()
    assert set(OptOut.objects.values_list("person", "kind")) == {
        (person.pk, "access-blocked"),
        (person.pk, "plan-revision"),
        (person.pk, "request-answered"),
    }
    event = AuditEvent.objects.get(action="notifications.chosen")
    assert (event.actor, event.details["refused"]) == (
        person.email,
        ["access-blocked", "plan-revision", "request-answered"],
    )
    assert response.content.decode().count(" checked") == 2


def test_what_is_for_admins_is_not_a_persons_to_choose() -> None:
    person = make_person()

    client_of(person).post("/notifications/choose/", {"kind": ["request-filed"]})

    assert not OptOut.objects.filter(kind=KIND.REQUEST_FILED).exists()


def test_what_was_told_is_listed_and_nothing_of_others() -> None:
    now = timezone.now()
    person, other = make_person(), make_person("luis.gil@acme.example")
    done = {"state": RunState.DONE, "finished_at": now}
    stuck = {"problem": Channel.MAIL, "problem_detail": "TimeoutError", "problem_since": now}
    Notification.objects.create(kind=KIND.ACCESS_READY, person=person, sent_at=now, **done)
    Notification.objects.create(kind=KIND.PLAN_REVISION, person=person, **done)
    Notification.objects.create(kind=KIND.REQUEST_ANSWERED, person=person, **stuck)
    Notification.objects.create(kind=KIND.ACCESS_BLOCKED, person=other)
    Notification.objects.create(kind=KIND.REQUEST_FILED)

    told = page(person).partition('id="told-h"')[2]

    assert told.count('<th scope="row"') == 3
    assert "In the portal only" in told
    assert "Mail not sent" in told
    assert "TimeoutError" in told
    assert "Somebody asked the admins" not in told


def test_without_a_mail_server_the_page_says_so(settings: Settings) -> None:
    settings.EMAIL_HOST = ""

    assert "Onramp sends no mail yet" in page(make_person())


@pytest.mark.parametrize("channel", list(Channel))
def test_an_admin_tests_a_channel(channel: Channel, settings: Settings) -> None:
    settings.EMAIL_HOST = "mail.acme.example"
    admin = make_person(role=Role.ADMIN)

    response = client_of(admin).post("/notifications/test/", {"channel": channel})

    assert (response.status_code, response["Location"]) == (302, "/notifications/")
    row = Notification.objects.get()
    assert (row.kind, row.person) == (KIND.TEST, admin if channel == Channel.MAIL else None)
    event = AuditEvent.objects.get(action="notification.tested")
    assert (event.actor, event.details) == (admin.email, {"channel": str(channel)})
    assert "A test" in page(admin)


def test_a_channel_that_is_none_is_refused() -> None:
    assert client_of(make_person(role=Role.ADMIN)).post("/notifications/test/", {"channel": "x"}).status_code == 400


@pytest.mark.parametrize("role", [Role.PERSON, Role.AUDITOR])
def test_only_admins_test(role: Role) -> None:
    person = make_person(role=role)

    assert client_of(person).post("/notifications/test/", {"channel": "mail"}).status_code == 403
    assert not Notification.objects.exists()


@pytest.mark.parametrize("path", ["choose", "test"])
def test_what_writes_rejects_get(path: str) -> None:
    assert client_of(make_person(role=Role.ADMIN)).get(f"/notifications/{path}/").status_code == 405


def test_it_can_be_read_in_spanish() -> None:
    client = client_of(make_person())
    client.cookies["language"] = "es"

    assert '<html lang="es"' in client.get("/notifications/").content.decode()


@pytest.mark.parametrize("told", [1, 12])
def test_the_page_asks_a_constant_number_of_queries(
    told: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    person = make_person()
    for _ in range(told):
        Notification.objects.create(kind=KIND.TEST, person=person)
    client = client_of(person)

    with django_assert_num_queries(4):
        client.get("/notifications/")
