"""The setup page, in each of its states, for everybody who may or may not see it."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from onboarding.enums import Layer, Outcome, Readiness, RunState, Trigger
from onboarding.models import AdminRequest, AuditEvent, Finding, Person, Verification
from onboarding.requests import close_request
from tests.factories import (
    HAIKU,
    OPUS,
    SONNET,
    make_answer,
    make_enrolment,
    make_finding,
    make_person,
    make_ready_person,
    make_revision,
    make_team,
    make_user,
    make_verification,
)

pytestmark = pytest.mark.django_db


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
    assert "bundle/make" not in response.content.decode()


def test_ready_people_get_their_bundle() -> None:
    page = signed_in(make_ready_person()).get("/setup/").content.decode()

    assert "Your access works. Install Claude Code." in page
    assert 'action="/bundle/make/"' in page
    assert "eu.anthropic.claude-sonnet-4-6" in page
    assert "ClaudeCodeDeveloper" in page


def test_blocked_people_see_layer_and_remedy_and_no_bundle() -> None:
    page = signed_in(blocked_person()).get("/setup/").content.decode()

    assert "One thing blocks your access" in page
    assert "Permission set assignment" in page
    assert "no permission set of account 111122223333 reaches you" in page
    assert "An admin assigns you" in page
    assert "/bundle/make/" not in page


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


def test_one_check_is_asked_again_alone() -> None:
    person = make_ready_person()

    signed_in(person).post("/setup/verify/", {"check": "service-quota"})

    opened = Verification.objects.live().get(person=person)
    assert (opened.trigger, opened.rechecked) == (Trigger.RECHECK, "service-quota")


@pytest.mark.parametrize("check", ["", "no-such-check", "<script>"])
def test_what_is_no_check_asks_everything(check: str) -> None:
    person = make_ready_person()

    signed_in(person).post("/setup/verify/", {"check": check})

    assert Verification.objects.live().get(person=person).rechecked == ""


@pytest.mark.parametrize(
    "path", ["/setup/verify/", "/setup/ask/", "/bundle/make/", "/sign-out/", "/preferences/theme/"]
)
def test_what_writes_rejects_get(path: str) -> None:
    assert signed_in(make_ready_person()).get(path).status_code == 405


# --- What the rows say


def answers(person: Person) -> Verification:
    return Verification.objects.get(person=person)


def profile_facts(profile: str) -> dict[str, Any]:
    return {"profile": profile, "model_id": profile, "region": "eu-west-1", "account": "111122223333"}


def broad_grants(**fields: Any) -> Finding:
    row = {"ground": "all-actions", "policy": "AwsSSOInlinePolicy", "statement": "AllOfBedrock"}
    facts = {"role": "Developer", "role_arn": "arn:aws:iam::1:role/D", "region": "eu-west-1", "broad": [row]}
    facts["profiles"] = [{"arn": "arn:p", "models": ["arn:m"]}]
    return make_finding("broad-grants", outcome=Outcome.WARNING, reason="broad", facts=facts, **fields)


def test_the_checks_of_one_model_can_be_told_apart() -> None:
    person = make_ready_person()
    for position, (check, reason) in enumerate([("inference-profile", "active"), ("model-access", "available")]):
        finding = make_finding(check, reason=reason, facts=profile_facts(OPUS))
        make_answer(answers(person), finding, position=position, about=OPUS)

    page = signed_in(person).get("/setup/").content.decode()

    assert "Inference profile: Claude Opus 4.8" in page
    assert "Model access: Claude Opus 4.8" in page


def test_what_passed_for_every_model_is_one_row() -> None:
    person = make_ready_person()
    for position, profile in enumerate((OPUS, SONNET, HAIKU)):
        finding = make_finding("inference-profile", reason="active", facts=profile_facts(profile))
        make_answer(answers(person), finding, position=position, about=profile)

    page = signed_in(person).get("/setup/").content.decode()

    assert "Claude Opus 4.8, Claude Sonnet 4.6, Claude Haiku 4.5</span>" in page
    assert f"{HAIKU} is active in" in page


def test_a_warning_says_what_an_admin_may_do_and_blocks_nothing() -> None:
    person = make_ready_person()
    make_answer(answers(person), broad_grants())

    page = signed_in(person).get("/setup/").content.decode()

    assert "Developer may do more than Claude Code needs" in page
    assert "You need not do anything. An admin narrows the policy." in page
    assert "For the admin" in page
    assert "Least-privilege policy for this plan" in page
    assert 'name="check" value="broad-grants"' in page
    assert "1 warning" in page
    assert "Ask an admin" not in page


def test_a_provisional_answer_says_when_it_is_asked_again() -> None:
    person = make_ready_person()
    settles_at = timezone.now() + dt.timedelta(minutes=10)
    finding = make_finding(
        "model-access",
        outcome=Outcome.WARNING,
        reason="provisional",
        facts=profile_facts(OPUS),
        settles_at=settles_at,
    )
    make_answer(answers(person), finding, about=OPUS)

    page = signed_in(person).get("/setup/").content.decode()

    assert "Onramp asks again at" in page
    assert f"{settles_at:%H:%M} UTC" in page


@pytest.mark.parametrize("trigger", [Trigger.SIGN_IN, Trigger.NIGHTLY, Trigger.PLAN_PUBLISHED])
def test_it_says_why_it_was_verified(trigger: Trigger) -> None:
    person = make_ready_person()
    Verification.objects.update(trigger=trigger)

    assert f", {trigger.label}:" in signed_in(person).get("/setup/").content.decode()


# --- What was last known, where AWS gives no answer


def person_without_an_answer(last_known: Finding, outcome: Readiness) -> Person:
    revision = make_revision()
    person = make_person(team=make_team(revision.plan))
    verification = make_verification(person, revision, outcome=outcome, verified_profiles=[])
    facts = {"operation": "iam:SimulatePrincipalPolicy"}
    finding = make_finding(
        "permissions",
        outcome=Outcome.UNKNOWN,
        layer=Layer.AWS,
        reason="throttled",
        facts=facts,
        last_known=last_known,
    )
    make_answer(verification, finding, about=SONNET)
    return person


def permission(**fields: Any) -> Finding:
    facts = profile_facts(SONNET) | {"role": "Developer", "role_arn": "arn:aws:iam::1:role/D", "models": 6}
    checked_at = timezone.now() - dt.timedelta(hours=3, minutes=5)
    return make_finding("permissions", facts=facts, checked_at=checked_at, **{"reason": "allowed", **fields})


def test_a_yes_that_was_last_known_is_never_worded_as_a_denial() -> None:
    person = person_without_an_answer(permission(), Readiness.READY)

    page = signed_in(person).get("/setup/").content.decode()

    assert "What has no answer yet" in page
    assert "Last known answer" in page
    assert "(3\xa0hours ago): Developer may invoke the profile" in page
    for word in ("It was a no", "What to fix", "Who says no", 'data-outcome="failed"', "Ask an admin"):
        assert word not in page


def test_a_no_that_was_last_known_blocks_until_aws_answers() -> None:
    denied = permission(outcome=Outcome.FAILED, layer=Layer.SERVICE_CONTROL_POLICY, reason="service-control-policy")
    person = person_without_an_answer(denied, Readiness.BLOCKED)

    page = signed_in(person).get("/setup/").content.decode()

    assert "One thing blocks your access" in page
    assert "What to fix" in page
    assert "It was a no, and it counts until AWS answers again." in page
    assert "Service control policy" in page


# --- Asking the admins


def ask(person: Person, finding: Finding | None = None, note: str = "") -> Any:
    finding = finding or Finding.objects.filter(verifications__person=person).get()
    return signed_in(person).post("/setup/ask/", {"finding": finding.pk, "note": note})


def test_anonymous_visitors_ask_nothing(client: Client) -> None:
    assert client.post("/setup/ask/", {"finding": 1})["Location"] == "/?next=/setup/ask/"
    assert AdminRequest.objects.count() == 0


def test_asking_twice_is_one_request_that_the_page_shows() -> None:
    person = blocked_person()
    before = signed_in(person).get("/setup/").content.decode()

    responses = [ask(person, note="Since Monday."), ask(person)]

    assert [response["Location"] for response in responses] == ["/setup/", "/setup/"]
    request = AdminRequest.objects.get()
    assert (request.check_name, request.reason, request.note) == ("identity", "no-assignment", "Since Monday.")
    page = signed_in(person).get("/setup/").content.decode()
    assert 'action="/setup/ask/"' in before
    assert 'action="/setup/ask/"' not in page
    assert "You asked the admins on" in page
    assert "Your requests" in page


def test_what_an_older_page_shows_can_still_be_asked_about() -> None:
    person = blocked_person()
    finding = Finding.objects.get(verifications__person=person)
    make_verification(person, answers(person).revision, queued_at=timezone.now() + dt.timedelta(minutes=1))

    assert ask(person, finding)["Location"] == "/setup/"
    assert AdminRequest.objects.get().finding == finding


def test_another_persons_finding_is_not_there() -> None:
    person, other = blocked_person(), make_ready_person()
    finding = make_finding()
    make_answer(answers(other), finding)

    assert ask(person, finding).status_code == 404
    assert AdminRequest.objects.count() == 0


@pytest.mark.parametrize("data", [{}, {"finding": "x"}])
def test_what_cannot_be_read_asks_nothing(data: dict[str, str]) -> None:
    assert signed_in(blocked_person()).post("/setup/ask/", data)["Location"] == "/setup/"
    assert AdminRequest.objects.count() == 0


@pytest.mark.parametrize("path", ["/setup/ask/", "/setup/ask-access/", "/usage/ask/"])
def test_a_note_that_is_too_long_is_given_back(path: str) -> None:
    """Browsers keep to the limit; whoever sends more without one has not lost their words."""
    note = "My key AKIACANARYCANARY7Q2X does not work." + "x" * 1000

    response = signed_in(blocked_person()).post(path, {"finding": "1", "note": note})

    page = response.content.decode()
    assert response.status_code == 422
    assert "at most 1000 characters" in page
    assert "does not work." in page
    assert "AKIACANARY" not in page
    assert AdminRequest.objects.count() == 0


def test_an_answer_stands_where_the_question_was_until_a_later_verification() -> None:
    person = blocked_person()
    ask(person)
    close_request(request=AdminRequest.objects.get(), actor="carla.soto@acme.example", answer="You are assigned now.")

    page = signed_in(person).get("/setup/").content.decode()
    Verification.objects.update(finished_at=timezone.now() + dt.timedelta(minutes=1))
    later = signed_in(person).get("/setup/").content.decode()

    assert page.count("You are assigned now.") == 2  # where it was asked, and among the requests
    assert "carla.soto@acme.example closed your request on" in page
    assert 'action="/setup/ask/"' not in page
    assert "Ask an admin again" in later


def test_somebody_without_a_verification_asks_nothing() -> None:
    assert signed_in(make_person()).post("/setup/ask/", {"finding": 1})["Location"] == "/setup/"


def test_hostile_notes_and_answers_are_text() -> None:
    person = blocked_person()
    hostile = "<script>alert(1)</script>"
    ask(person, note=hostile)
    close_request(request=AdminRequest.objects.get(), actor=hostile, answer=hostile)

    page = signed_in(person).get("/setup/").content.decode()

    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page


# --- Many


@pytest.mark.parametrize("findings", [1, 3])
def test_the_page_asks_a_constant_number_of_queries(
    findings: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    person = make_ready_person()
    for position, profile in enumerate((OPUS, SONNET, HAIKU)[:findings]):
        known = make_finding("permissions", reason="allowed", facts=profile_facts(profile))
        facts = {"operation": "iam:SimulatePrincipalPolicy"}
        unknown = make_finding(
            "permissions", outcome=Outcome.UNKNOWN, reason="throttled", facts=facts, last_known=known
        )
        make_answer(answers(person), unknown, position=position, about=profile)
    for number in range(findings):
        make_enrolment(person, machine=f"machine-{number}")
    client = signed_in(person)

    with django_assert_num_queries(8):
        client.get("/setup/")


@pytest.mark.parametrize("requests", [1, 10])
def test_requests_cost_no_query_more(requests: int, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    person = blocked_person()
    for number in range(requests):
        AdminRequest.objects.create(
            person=person, finding=make_finding(), check_name="identity", reason=f"reason-{number}"
        )
    client = signed_in(person)

    with django_assert_num_queries(8):
        client.get("/setup/")
