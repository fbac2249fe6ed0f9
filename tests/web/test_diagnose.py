"""Paste an error: for everybody, keeping nothing, and without ever showing a secret again."""

from __future__ import annotations

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from onboarding.checks.errors import LIMIT
from onboarding.enums import Role
from onboarding.models import AdminRequest, AuditEvent, Person
from onboarding.requests import answer_request
from tests.factories import make_person, make_user

pytestmark = pytest.mark.django_db

SECRETS = ("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "AKIAIOSFODNN7EXAMPLE", "IQoJb3JpZ2luX2VjEXAMPLE" * 4)
DENIAL = (
    "API Error: 403 User: arn:aws:sts::111122223333:assumed-role/Developer/ana is not authorized to perform: "
    "bedrock:InvokeModel on resource: arn:aws:bedrock:eu-south-2::foundation-model/anthropic.claude-opus-4-8 "
    "with an explicit deny in a service control policy"
)
WITH_SECRETS = f"""{DENIAL}
AWS_ACCESS_KEY_ID={SECRETS[1]}
AWS_SECRET_ACCESS_KEY={SECRETS[0]}
AWS_SESSION_TOKEN={SECRETS[2]}"""
EXPIRED = "An error occurred (ExpiredToken) when calling the AssumeRole operation: The security token has expired"


def signed_in(person: Person | None = None) -> Client:
    person = person or make_person()
    assert person.user is not None
    client = Client()
    client.force_login(person.user)
    return client


def explained(text: str, client: Client | None = None) -> str:
    return (client or signed_in()).post("/diagnose/", {"text": text}).content.decode()


# --- Who may


@pytest.mark.parametrize("path", ["/diagnose/", "/diagnose/ask/"])
def test_anonymous_visitors_are_sent_to_sign_in(client: Client, path: str) -> None:
    assert client.get(path).status_code == 302
    assert client.post(path, {"text": DENIAL}).status_code == 302
    assert AdminRequest.objects.count() == 0


@pytest.mark.parametrize("role", Role.values)
def test_everybody_has_the_page(role: str) -> None:
    shown = signed_in(make_person(role=role)).get("/diagnose/").content.decode()

    assert "<h1>Paste an error</h1>" in shown
    assert 'aria-current="page">Errors' in shown


def test_a_user_who_is_nobodys_person_gets_403(client: Client) -> None:
    client.force_login(make_user())

    assert client.get("/diagnose/").status_code == 403
    assert client.post("/diagnose/ask/", {"text": DENIAL}).status_code == 403


def test_what_writes_rejects_get() -> None:
    assert signed_in().get("/diagnose/ask/").status_code == 405


# --- What it says


def test_a_denial_is_explained_with_layer_facts_and_fix() -> None:
    shown = explained(DENIAL)

    assert "A service control policy denies Spain (eu-south-2)" in shown
    assert '<span class="badge" data-outcome="failed">' in shown
    assert "Who says no" in shown
    assert "arn:aws:bedrock:eu-south-2::foundation-model/anthropic.claude-opus-4-8" in shown
    assert "For the admin" in shown
    assert "ArnNotLike" in shown
    assert 'rel="noopener"' in shown


def test_what_is_no_denial_is_not_worded_as_one() -> None:
    shown = explained(EXPIRED)

    assert "Not a denial" in shown
    assert "aws sso login" in shown
    for word in ("Who says no", 'data-outcome="failed"'):
        assert word not in shown


def test_what_onramp_does_not_know_it_says_plainly() -> None:
    shown = explained("the printer is on fire")

    assert "Onramp does not recognize this text" in shown
    assert "Ask an admin" in shown
    assert "Who says no" not in shown


@pytest.mark.parametrize("text", ["", "  \n "])
def test_an_empty_box_is_said_to_be_empty(text: str) -> None:
    shown = explained(text)

    assert "There is nothing in it yet" in shown
    assert 'aria-invalid="true"' in shown
    assert 'id="result-h"' not in shown


def test_it_can_be_read_in_spanish() -> None:
    client = signed_in()
    client.cookies["language"] = "es"

    assert '<html lang="es"' in explained(DENIAL, client)


# --- What it does not say, nor keep


def test_a_secret_never_comes_back(caplog: pytest.LogCaptureFixture) -> None:
    shown = explained(WITH_SECRETS)

    assert "[redacted]" in shown
    for secret in SECRETS:
        assert secret not in shown
        assert secret not in caplog.text


def test_explaining_keeps_nothing() -> None:
    before = AuditEvent.objects.count()

    explained(WITH_SECRETS)

    assert AdminRequest.objects.count() == 0
    assert AuditEvent.objects.count() == before


def test_hostile_text_is_text() -> None:
    hostile = f'</textarea><script>alert(1)</script>"><img src=x onerror=alert(1)> {DENIAL}'

    shown = explained(hostile)

    assert "<script>alert" not in shown
    assert "<img src=x" not in shown
    assert "&lt;/textarea&gt;" in shown


def test_the_first_characters_count_and_the_rest_is_dropped() -> None:
    shown = explained("x" * LIMIT + " THE END")

    assert "THE END" not in shown


def test_the_page_asks_the_same_queries_whatever_is_pasted(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    client = signed_in()
    for text in (DENIAL, DENIAL * 50):
        with django_assert_num_queries(3):
            explained(text, client)


# --- Handing it over


def test_asking_hands_over_the_masked_text_once() -> None:
    person = make_person()
    client = signed_in(person)

    for _click in range(2):
        response = client.post("/diagnose/ask/", {"text": WITH_SECRETS, "note": "Since this morning."})

    assert (response.status_code, response["Location"]) == (302, "/diagnose/?asked")
    request = AdminRequest.objects.get()
    assert (request.person, request.note) == (person, "Since this morning.")
    assert "service control policy" in request.pasted
    for secret in SECRETS:
        assert secret not in request.pasted
    assert "The admins have your error." in client.get("/diagnose/?asked").content.decode()


def test_another_error_of_the_same_kind_is_added_to_the_open_request_and_waits_again() -> None:
    person, other = make_person(), DENIAL.replace("InvokeModel", "Converse")
    client = signed_in(person)
    client.post("/diagnose/ask/", {"text": DENIAL, "note": "Since this morning."})
    answer_request(request=AdminRequest.objects.get(), actor="carla.soto@acme.example", answer="Which model?")

    for _click in range(2):
        client.post("/diagnose/ask/", {"text": other, "note": "And on devbox."})

    request = AdminRequest.objects.get()
    assert DENIAL in request.pasted
    assert request.pasted.count(other) == 1
    assert request.note == "Since this morning.\n\nAnd on devbox."
    assert not request.is_answered
    assert AuditEvent.objects.filter(action="request.added").count() == 1


def test_a_note_that_is_too_long_is_shown_again_with_its_words() -> None:
    response = signed_in().post("/diagnose/ask/", {"text": DENIAL, "note": "x" * 1001})

    page = response.content.decode()
    assert response.status_code == 422
    assert "x" * 1001 in page
    assert "at most 1000 characters" in page
    assert not AdminRequest.objects.exists()


def test_line_breaks_count_once_and_a_long_note_arrives() -> None:
    note = "\r\n".join(["x" * 99] * 10)

    signed_in().post("/diagnose/ask/", {"text": DENIAL, "note": f"{note}\0"})

    assert AdminRequest.objects.get().note == note.replace("\r\n", "\n")


def test_what_the_page_hands_on_is_masked_already() -> None:
    client = signed_in()
    shown = explained(WITH_SECRETS, client)

    assert 'name="text" value="API Error' in shown
    assert "AWS_SECRET_ACCESS_KEY=[redacted]" in shown


def test_nothing_is_not_handed_over() -> None:
    response = signed_in().post("/diagnose/ask/", {"text": " "})

    assert response["Location"] == "/diagnose/"
    assert AdminRequest.objects.count() == 0
