"""The setup page, in each of its states, for everybody who may or may not see it."""

from __future__ import annotations

import datetime as dt

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from onboarding.enums import Layer, Outcome, Readiness, RunState, Trigger
from onboarding.models import AuditEvent, Person, Verification
from tests.factories import (
    make_answer,
    make_finding,
    make_person,
    make_ready_person,
    make_revision,
    make_team,
    make_user,
    make_verification,
)

pytestmark = pytest.mark.django_db

# A loopback port on which nothing listens: publishing fails at once, as when Redis is down.
NO_BROKER = "redis://127.0.0.1:1/0"


@pytest.fixture(autouse=True)
def _no_broker(settings: Settings) -> None:
    from portal.celery import app

    app.conf.broker_url = NO_BROKER


def signed_in(person: Person) -> Client:
    assert person.user is not None
    client = Client()
    client.force_login(person.user)
    # The sign-in is older than what the test has made: only then is nothing due.
    type(person.user).objects.filter(pk=person.user.pk).update(last_login=timezone.now() - dt.timedelta(hours=1))
    return client


def blocked_person() -> Person:
    revision = make_revision()
    person = make_person("luis.gil@acme.example", name="Luis Gil", team=make_team(revision.plan))
    verification = make_verification(person, revision, outcome=Readiness.BLOCKED, verified_profiles=[])
    make_answer(
        verification,
        make_finding(
            outcome=Outcome.FAILED,
            layer=Layer.ASSIGNMENT,
            reason="no-assignment",
            facts={"email": person.email, "account": "111122223333", "user_name": "luis.gil@acme.example"},
        ),
    )
    return person


def test_anonymous_visitors_are_sent_to_sign_in(client: Client) -> None:
    response = client.get("/setup/")

    assert response.status_code == 302
    assert response["Location"] == "/?next=/setup/"


def test_a_user_who_is_nobodys_person_gets_403(client: Client) -> None:
    client.force_login(make_user())

    assert client.get("/setup/").status_code == 403


def test_a_deactivated_person_gets_403() -> None:
    person = make_ready_person(is_active=False)

    assert signed_in(person).get("/setup/").status_code == 403


def test_the_first_visit_starts_a_verification_although_the_broker_is_down(
    django_capture_on_commit_callbacks: object,
) -> None:
    person = make_person(team=make_team(make_revision().plan))

    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]  # a pytest-django fixture
        response = signed_in(person).get("/setup/")

    assert response.status_code == 200
    verification = Verification.objects.get(person=person)
    assert (verification.state, verification.trigger) == (RunState.QUEUED, Trigger.SIGN_IN)
    assert AuditEvent.objects.filter(action="verification.opened", target=person.email).count() == 1
    assert b"hx-get" in response.content
    assert 'http-equiv="refresh"' in response.content.decode()


def test_a_second_visit_joins_the_live_verification() -> None:
    person = make_person(team=make_team(make_revision().plan))
    client = signed_in(person)

    client.get("/setup/")
    client.get("/setup/")

    assert Verification.objects.filter(person=person).count() == 1


def test_a_sign_in_later_than_the_newest_verification_starts_another() -> None:
    person = make_ready_person()
    client = signed_in(person)
    assert person.user is not None
    type(person.user).objects.filter(pk=person.user.pk).update(last_login=timezone.now() + dt.timedelta(minutes=1))

    client.get("/setup/")

    assert Verification.objects.live().filter(person=person).count() == 1


def test_a_new_plan_revision_starts_another() -> None:
    person = make_ready_person()
    make_revision()

    response = signed_in(person).get("/setup/")

    assert Verification.objects.live().filter(person=person).count() == 1
    assert "bundle/download" not in response.content.decode()


def test_ready_people_get_their_bundle() -> None:
    page = signed_in(make_ready_person()).get("/setup/").content.decode()

    assert "Your access works. Install Claude Code." in page
    assert 'action="/bundle/download/"' in page
    assert "eu.anthropic.claude-sonnet-4-6" in page
    assert "ClaudeCodeDeveloper" in page


def test_blocked_people_see_layer_and_remedy_and_no_bundle() -> None:
    page = signed_in(blocked_person()).get("/setup/").content.decode()

    assert "One thing blocks your access" in page
    assert "Permission set assignment" in page
    assert "no permission set of account 111122223333 reaches you" in page
    assert "An admin assigns you" in page
    assert "/bundle/download/" not in page


def test_blocked_people_read_it_in_spanish() -> None:
    client = signed_in(blocked_person())
    client.cookies["language"] = "es"

    page = client.get("/setup/").content.decode()

    assert '<html lang="es"' in page
    assert "Una cosa bloquea tu acceso" in page


def test_unknown_is_never_worded_as_a_denial() -> None:
    revision = make_revision()
    person = make_person(team=make_team(revision.plan))
    verification = make_verification(person, revision, outcome=Readiness.UNKNOWN, verified_profiles=[])
    facts = {"operation": "sso:ListInstances", "detail": "Throttling"}
    make_answer(verification, make_finding(outcome=Outcome.UNKNOWN, layer=Layer.AWS, reason="throttled", facts=facts))

    page = signed_in(person).get("/setup/").content.decode()

    assert "This is not a denial" in page
    assert "Blocked" not in page
    assert 'data-outcome="failed"' not in page


def test_somebody_without_a_plan_is_told_why() -> None:
    person = make_person()

    page = signed_in(person).get("/setup/").content.decode()

    assert "Yours has to be there before Onramp can verify anything" in page
    assert Verification.objects.count() == 0


def test_waiting_says_since_when() -> None:
    revision = make_revision()
    person = make_person(team=make_team(revision.plan))
    queued_at = timezone.now() - dt.timedelta(minutes=30)
    make_verification(person, revision, state=RunState.QUEUED, queued_at=queued_at)

    page = signed_in(person).get("/setup/").content.decode()

    assert f"{queued_at:%H:%M}" in page


def test_a_hostile_name_is_text() -> None:
    name = '<script>alert(1)</script> "O\'Brien" \\ $(touch /tmp/x) 🚀 שלום'

    page = signed_in(make_ready_person(name=name)).get("/setup/").content.decode()

    assert "<script>alert" not in page
    assert "🚀 שלום" in page


def test_the_part_is_polled_only_while_the_run_lives() -> None:
    revision = make_revision()
    person = make_person(team=make_team(revision.plan))
    verification = make_verification(person, revision, state=RunState.RUNNING)
    client = signed_in(person)

    live = client.get("/setup/verification/", headers={"HX-Request": "true"})
    Verification.objects.filter(pk=verification.pk).update(
        state=RunState.DONE, outcome=Readiness.READY, finished_at=timezone.now()
    )
    done = client.get("/setup/verification/", headers={"HX-Request": "true"})

    assert (live.status_code, done.status_code) == (200, 286)
    assert b"<html" not in live.content
    assert done["HX-Redirect"] == "/setup/"


def test_verify_again_opens_one_verification_however_often_it_is_clicked() -> None:
    person = make_ready_person()
    client = signed_in(person)

    first, second = client.post("/setup/verify/"), client.post("/setup/verify/")

    assert (first.status_code, second.status_code) == (302, 302)
    assert Verification.objects.live().filter(person=person, trigger=Trigger.RECHECK).count() == 1


@pytest.mark.parametrize("path", ["/setup/verify/", "/bundle/download/", "/sign-out/", "/preferences/theme/"])
def test_what_writes_rejects_get(path: str) -> None:
    assert signed_in(make_ready_person()).get(path).status_code == 405


@pytest.mark.parametrize("findings", [1, 10])
def test_the_page_asks_a_constant_number_of_queries(
    findings: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    person = make_ready_person()
    verification = Verification.objects.get(person=person)
    for position in range(findings):
        make_answer(verification, make_finding("inference-profile"), position=position, about=f"profile-{position}")
    client = signed_in(person)

    with django_assert_num_queries(7):
        client.get("/setup/")
