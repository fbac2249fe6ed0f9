"""What people asked the admins to fix: the admins' page, and closing a request."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from django.utils.html import escape
from pytest_django import DjangoAssertNumQueries

from onboarding.enums import Layer, NotificationKind, Outcome, Readiness, RequestState, Role
from onboarding.models import AdminRequest, AuditEvent, Notification, Person, PlanRevision
from onboarding.requests import answer_request, ask_about_error, ask_about_finding, ask_for_access, ask_for_budget
from tests.factories import (
    OPUS,
    SONNET,
    make_account,
    make_answer,
    make_finding,
    make_person,
    make_plan,
    make_ready_person,
    make_revision,
    make_team,
    make_user,
    make_verification,
)

pytestmark = pytest.mark.django_db

HOSTILE = "<script>alert(1)</script>"
DENIAL = (
    "API Error: 403 User: arn:aws:sts::111122223333:assumed-role/Developer/ana is not authorized to perform: "
    "bedrock:InvokeModel on resource: arn:aws:bedrock:eu-south-2::foundation-model/anthropic.claude-opus-4-8 "
    "with an explicit deny in a service control policy"
)


def client_of(role: Role) -> Client:
    return signed_in(make_person(f"{role}@acme.example", role=role))


def signed_in(person: Person) -> Client:
    assert person.user is not None
    client = Client()
    client.force_login(person.user)
    type(person.user).objects.filter(pk=person.user.pk).update(last_login=None)
    return client


def blocked_person(email: str, revision: PlanRevision, *profiles: str, **fields: Any) -> Person:
    """Somebody whose role may not invoke `profiles` in one Region."""
    person = make_person(email, team=make_team(revision.plan), **fields)
    verification = make_verification(person, revision, outcome=Readiness.BLOCKED, verified_profiles=[])
    denied = {"action": "bedrock:InvokeModel", "resource": "arn", "region": "eu-south-2", "is_explicit": True}
    for position, profile in enumerate(profiles):
        facts = {
            "profile": profile,
            "profile_arn": f"arn:aws:bedrock:eu-west-1:111122223333:inference-profile/{profile}",
            "role": "Developer",
            "account": "111122223333",
            "region": "eu-west-1",
            "denied": [denied],
        }
        make_answer(
            verification,
            make_finding(
                "permissions",
                outcome=Outcome.FAILED,
                layer=Layer.SERVICE_CONTROL_POLICY,
                reason="service-control-policy",
                facts=facts,
            ),
            position=position,
            about=profile,
        )
    return person


def ask(person: Person, note: str = "") -> AdminRequest:
    verification = person.verifications.get()
    answer = verification.answers.select_related("finding", "verification").first()
    assert answer is not None
    return ask_about_finding(person=person, answer=answer, note=note)


def paste(person: Person, text: str = DENIAL, note: str = "") -> AdminRequest:
    return ask_about_error(person=person, diagnosis="a-key", masked=text, note=note)


def page() -> str:
    return client_of(Role.ADMIN).get("/requests/").content.decode()


# --- Who may


def test_anonymous_visitors_are_sent_to_sign_in(client: Client) -> None:
    response = client.get("/requests/")

    assert (response.status_code, response["Location"]) == (302, "/?next=/requests/")


@pytest.mark.parametrize(("role", "status"), [(Role.PERSON, 403), (Role.AUDITOR, 200)])
def test_auditors_read_it_and_only_admins_answer(role: Role, status: int) -> None:
    request = ask(blocked_person("luis.gil@acme.example", make_revision(), SONNET))
    ask_for_budget(person=request.person, note="")
    client = client_of(role)

    read = client.get("/requests/")
    assert read.status_code == status
    assert "answer-" not in read.content.decode()
    assert "budgets/person" not in read.content.decode()
    for deed in ("answer", "close"):
        assert client.post(f"/requests/{request.pk}/{deed}/", {"answer": "No."}).status_code == 403
    request.refresh_from_db()
    assert (request.state, request.answer) == (RequestState.OPEN, "")


def test_a_user_who_is_nobodys_person_gets_403(client: Client) -> None:
    client.force_login(make_user())

    assert client.get("/requests/").status_code == 403


# --- What it says


def test_nobody_waits() -> None:
    shown = page()

    assert "Nobody is waiting for you" in shown
    assert "it appears here with everything you need" in shown


def test_people_with_one_cause_are_one_topic_with_everything_to_fix_it() -> None:
    revision = make_revision()
    ask(
        blocked_person("luis.gil@acme.example", revision, OPUS, SONNET, name="Luis Gil"), note="Friday is the release."
    )
    ask(blocked_person("pau.vidal@acme.example", revision, SONNET, name="Pau Vidal"))

    shown = page()

    assert "2 people wait for you" in shown
    assert shown.count('id="topic-') - shown.count('id="topic-1-') == 1
    assert "A service control policy denies Spain (eu-south-2)" in shown
    assert "Service control policy" in shown
    assert "Friday is the release." in shown
    # Luis asked about Opus, and the same stands in the way of his Sonnet: one thing to paste holds both.
    for profile in (OPUS, SONNET):
        assert f"inference-profile/{profile}" in shown
    assert 'href="https://acme.awsapps.com/start/#/console?account_id=111122223333&amp;' in shown


def test_the_same_in_another_account_is_another_topic() -> None:
    revision = make_revision()
    other = make_revision(plan=make_plan("payments", "Payments"), account=make_account("222233334444"))
    ask(blocked_person("luis.gil@acme.example", revision, SONNET))
    ask(blocked_person("pau.vidal@acme.example", other, SONNET))

    assert 'id="topic-2"' in page()


def test_a_pasted_error_is_explained_and_shown_masked() -> None:
    paste(make_person(name="Ana Núñez"), DENIAL + "\nAWS_SECRET_ACCESS_KEY=[redacted]")

    shown = page()

    assert "One person waits for you" in shown
    assert "A service control policy denies Spain (eu-south-2)" in shown
    assert "AWS_SECRET_ACCESS_KEY=[redacted]" in shown
    assert "in no team" in shown


def test_an_error_that_onramp_does_not_know_is_shown_all_the_same() -> None:
    paste(make_person(), "the printer is on fire")

    shown = page()

    assert "Onramp does not recognize this text" in shown
    assert "the printer is on fire" in shown


def test_a_request_outlives_its_finding() -> None:
    request = ask(blocked_person("luis.gil@acme.example", make_revision(), SONNET))
    AdminRequest.objects.filter(pk=request.pk).update(finding=None, verification=None)

    assert "Invoke" in page()


def test_hostile_words_are_text() -> None:
    revision = make_revision()
    ask(blocked_person("luis.gil@acme.example", revision, SONNET, name=HOSTILE), note=HOSTILE)
    paste(make_person("x@acme.example"), f"{HOSTILE} {DENIAL}", note=HOSTILE)
    closed = paste(make_person("y@acme.example", name=HOSTILE), HOSTILE)
    client = client_of(Role.ADMIN)
    client.post(f"/requests/{closed.pk}/close/", {"answer": HOSTILE})

    shown = client.get("/requests/").content.decode() + client.get("/requests/?state=resolved").content.decode()

    assert "<script>alert" not in shown
    assert shown.count("&lt;script&gt;alert(1)") >= 6


def test_it_can_be_read_in_spanish() -> None:
    client = client_of(Role.ADMIN)
    client.cookies["language"] = "es"

    assert '<html lang="es"' in client.get("/requests/").content.decode()


def test_the_number_of_open_requests_stands_in_the_menu_of_admins_only() -> None:
    person = blocked_person("luis.gil@acme.example", make_revision(), SONNET)
    ask(person)

    assert '<span class="count">' in page()
    assert '<span class="count">' not in signed_in(person).get("/setup/").content.decode()


# --- Closing


def test_closing_shows_the_answer_to_whoever_asked() -> None:
    person = blocked_person("luis.gil@acme.example", make_revision(), SONNET)
    request = ask(person)

    response = client_of(Role.ADMIN).post(f"/requests/{request.pk}/close/", {"answer": "The policy is changed."})
    shown = signed_in(person).get("/setup/").content.decode()

    assert (response.status_code, response["Location"]) == (302, "/requests/")
    assert AuditEvent.objects.filter(action="request.closed", target=person.email).count() == 1
    assert "The policy is changed." in shown
    assert "admin@acme.example closed your request" in shown
    assert "The policy is changed." in page_again()


def page_again() -> str:
    admin = Person.objects.get(role=Role.ADMIN)
    return signed_in(admin).get("/requests/?state=resolved").content.decode()


def test_the_answer_to_a_pasted_error_reaches_whoever_pasted_it() -> None:
    person = make_ready_person()
    request = paste(person)

    client_of(Role.ADMIN).post(f"/requests/{request.pk}/close/", {"answer": "Sign in again."})

    shown = signed_in(person).get("/setup/").content.decode()
    assert "Your requests" in shown
    assert "Sign in again." in shown


def test_what_was_closed_stays_closed_with_its_first_answer() -> None:
    request = paste(make_person())
    client = client_of(Role.ADMIN)

    for answer in ("first", "second"):
        client.post(f"/requests/{request.pk}/close/", {"answer": answer})

    request.refresh_from_db()
    assert (request.state, request.answer, request.closed_by) == (RequestState.CLOSED, "first", "admin@acme.example")


def test_an_answer_is_not_needed() -> None:
    person = blocked_person("luis.gil@acme.example", make_revision(), SONNET)
    request = ask(person)

    client_of(Role.ADMIN).post(f"/requests/{request.pk}/close/")

    assert "Without an answer." in signed_in(person).get("/setup/").content.decode()


def test_what_does_not_exist_cannot_be_closed() -> None:
    assert client_of(Role.ADMIN).post("/requests/4711/close/").status_code == 404


def test_what_writes_rejects_get() -> None:
    request = paste(make_person())

    assert client_of(Role.ADMIN).get(f"/requests/{request.pk}/close/").status_code == 405


# --- Answering


def test_an_answer_leaves_the_request_open_and_is_told() -> None:
    person = blocked_person("luis.gil@acme.example", make_revision(), SONNET)
    request = ask(person)
    client = client_of(Role.ADMIN)

    response = client.post(f"/requests/{request.pk}/answer/", {"answer": "The network team has it."})

    request.refresh_from_db()
    assert (response.status_code, response["Location"]) == (302, "/requests/")
    assert (request.state, request.answered_by) == (RequestState.OPEN, "admin@acme.example")
    assert AuditEvent.objects.filter(action="request.answered", target=person.email).count() == 1
    told = Notification.objects.get(kind=NotificationKind.REQUEST_ANSWERED)
    assert (told.person, told.request) == (person, request)
    shown = signed_in(person).get("/setup/").content.decode()
    assert "The network team has it." in shown
    assert "admin@acme.example answered on" in shown
    assert "Nobody is waiting for you" in client.get("/requests/").content.decode()
    answered = client.get("/requests/?state=answered").content.decode()
    assert "One person has an answer, and is not done" in answered
    assert "The network team has it." in answered


def test_who_answers_stays_with_the_requests_they_looked_at() -> None:
    request = paste(make_person())
    client = client_of(Role.ADMIN)
    client.post(f"/requests/{request.pk}/answer/", {"answer": "Tomorrow."})
    where = "/requests/?state=answered&by=admin%40acme.example"
    page = client.get(where).content.decode()

    action = f"/requests/{request.pk}/close/?state=answered&by=admin%40acme.example"
    assert f'action="{escape(action)}"' in page
    assert client.post(action)["Location"] == where


def test_an_answer_that_is_too_long_is_given_back() -> None:
    request = paste(make_person())

    response = client_of(Role.ADMIN).post(f"/requests/{request.pk}/close/", {"answer": "y" * 1001})

    assert response.status_code == 422
    assert "y" * 1001 in response.content.decode()
    request.refresh_from_db()
    assert request.state == RequestState.OPEN


def test_resolving_without_a_word_keeps_the_earlier_answer() -> None:
    request = paste(make_person())
    client = client_of(Role.ADMIN)
    client.post(f"/requests/{request.pk}/answer/", {"answer": "Tomorrow."})

    client.post(f"/requests/{request.pk}/close/")

    request.refresh_from_db()
    assert (request.state, request.answer) == (RequestState.CLOSED, "Tomorrow.")
    assert client.post(f"/requests/{request.pk}/answer/", {"answer": "Again."}).status_code == 302
    request.refresh_from_db()
    assert request.answer == "Tomorrow."


@pytest.mark.parametrize("answer", ["", "   "])
def test_an_answer_of_nothing_is_refused_where_it_was_given(answer: str) -> None:
    request = paste(make_person())

    response = client_of(Role.ADMIN).post(f"/requests/{request.pk}/answer/", {"answer": answer})

    assert response.status_code == 422
    assert f'aria-describedby="answer-{request.pk}-error"' in response.content.decode()
    assert not AuditEvent.objects.filter(action="request.answered").exists()


def test_what_does_not_exist_cannot_be_answered() -> None:
    assert client_of(Role.ADMIN).post("/requests/4711/answer/", {"answer": "x"}).status_code == 404


def test_the_page_is_narrowed_to_what_one_admin_resolved() -> None:
    client = client_of(Role.ADMIN)
    for email, note in (("ana@acme.example", "mine"), ("pau@acme.example", "other")):
        request = paste(make_person(email), note)
        client.post(f"/requests/{request.pk}/close/", {"answer": f"answer to {note}"})
    AdminRequest.objects.filter(pasted="other").update(closed_by="iker.ruiz@acme.example")

    everybody = client.get("/requests/?state=resolved").content.decode()
    narrowed = client.get("/requests/?state=resolved&by=iker.ruiz@acme.example").content.decode()

    assert "answer to mine" in everybody
    assert "answer to other" in everybody
    assert "answer to mine" not in narrowed
    assert "answer to other" in narrowed


@pytest.mark.parametrize("query", ["state=nonsense", "state=open&by=nobody", "state=resolved&by=%00"])
def test_a_url_that_asks_for_nonsense_shows_a_page(query: str) -> None:
    assert client_of(Role.ADMIN).get(f"/requests/?{query}").status_code == 200


# --- Asking for access


def test_somebody_without_a_team_asks_for_access() -> None:
    person = make_person(name="Vera Lind")
    client = signed_in(person)

    client.post("/setup/ask-access/", {"note": "I joined Data last week."})
    client.post("/setup/ask-access/", {"note": "I joined Data last week."})

    request = AdminRequest.objects.get()
    assert request.is_about_access
    assert "You asked the admins on" in client.get("/setup/").content.decode()
    shown = page()
    assert "Access to Claude Code" in shown
    assert "I joined Data last week." in shown
    assert "in no team" in shown
    assert Notification.objects.filter(person=Person.objects.get(role=Role.ADMIN)).count() == 0


def test_the_admins_are_told_of_a_request_without_a_name() -> None:
    admin = make_person("admin@acme.example", role=Role.ADMIN)

    request = ask_for_access(person=make_person(), note="")

    told = Notification.objects.get()
    assert (told.person, told.kind, told.request) == (admin, NotificationKind.REQUEST_FILED, request)


def test_the_answer_about_access_appears_where_it_was_asked() -> None:
    person = make_person()
    request = ask_for_access(person=person, note="")
    client_of(Role.ADMIN).post(f"/requests/{request.pk}/close/", {"answer": "You are in Data now."})

    shown = signed_in(person).get("/setup/").content.decode()

    assert "You are in Data now." in shown
    assert "Ask an admin again" in shown


def test_who_has_a_plan_does_not_ask_for_one() -> None:
    person = make_ready_person()

    assert signed_in(person).post("/setup/ask-access/", {"note": ""}).status_code == 302
    assert not AdminRequest.objects.exists()


# --- Many


@pytest.mark.parametrize(("state", "queries"), [("open", 6), ("answered", 6), ("resolved", 6)])
@pytest.mark.parametrize("people", [1, 12])
def test_the_page_asks_a_constant_number_of_queries(
    people: int, state: str, queries: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    revision = make_revision()
    for number in range(people):
        person = blocked_person(f"person-{number}@acme.example", revision, OPUS, SONNET)
        ask(person)
        answer_request(request=paste(person, f"{number} {DENIAL}"), actor="admin@acme.example", answer="Soon.")
        AdminRequest.objects.create(
            person=person,
            finding=person.verifications.get().findings.first(),
            check_name="permissions",
            reason="service-control-policy",
            state=RequestState.CLOSED,
            closed_at=timezone.now(),
            closed_by="admin@acme.example",
        )
    client = client_of(Role.ADMIN)

    with django_assert_num_queries(queries):
        client.get(f"/requests/?state={state}")
