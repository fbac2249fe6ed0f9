"""Sending: to whom and in which language, what is not sent any more, and what happens when it cannot be."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.db import connection
from pytest_django import Settings

from onboarding import tasks
from onboarding.enums import Channel, Layer, NotificationKind, Outcome, Readiness, Role, RunState
from onboarding.models import AdminRequest, Notification, OptOut, Person
from onboarding.models.deliveries import GIVE_UP, LEASE, TRIES
from onboarding.notifications.sending import send
from onboarding.webhooks import WebhookError
from tests.factories import make_account, make_finding, make_person, make_revision, make_verification
from tests.leases import left, let_pass

NOW = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)
KIND = NotificationKind


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOW, tick=False) as clock:
        yield clock


@pytest.fixture(autouse=True)
def mailing(settings: Settings) -> None:
    settings.EMAIL_HOST = "mail.acme.example"


@pytest.fixture
def slack(settings: Settings) -> None:
    settings.ONRAMP_SLACK_WEBHOOK = "https://hooks.slack.com/services/T0/B0/very-secret"


pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]


class Slack:
    """Stands where `webhooks.post` stands, which its own tests prove: keeps what it gets."""

    def __init__(self, error: str = "") -> None:
        self.error = error
        self.posted: list[str] = []

    def __call__(self, url: str, payload: Any, *, hosts: Any) -> None:
        if self.error:
            raise WebhookError(self.error)
        self.posted.append(payload["text"])


def told(kind: NotificationKind, person: Person | None = None, **about: Any) -> Notification:
    return Notification.objects.create(kind=kind, person=person, **about)


def admin(**fields: Any) -> Person:
    return make_person("carla.soto@acme.example", name="Carla Soto", role=Role.ADMIN, **fields)


def blocked() -> tuple[Person, Notification]:
    person, revision = make_person(), make_revision()
    make_verification(person, revision, outcome=Readiness.BLOCKED)
    finding = make_finding(
        "permissions",
        outcome=Outcome.FAILED,
        layer=Layer.SERVICE_CONTROL_POLICY,
        reason="service-control-policy",
        facts={
            "profile": "eu.anthropic.claude-sonnet-4-6",
            "profile_arn": "arn",
            "role": "Developer",
            "account": "111122223333",
            "region": "eu-west-1",
            "denied": [
                {"action": "bedrock:InvokeModel", "resource": "a", "region": "eu-south-2", "is_explicit": True}
            ],
        },
    )
    return person, told(KIND.ACCESS_BLOCKED, person, finding=finding, revision=revision)


def ready(**fields: Any) -> tuple[Person, Notification]:
    person, revision = make_person(**fields), make_revision()
    make_verification(person, revision)
    return person, told(KIND.ACCESS_READY, person, revision=revision)


# --- What is said


def test_who_is_ready_reads_it_in_their_language() -> None:
    _person, row = ready(language="es")

    send(row.pk)

    (sent,) = mail.outbox
    assert sent.to == ["ana.nunez@acme.example"]
    assert sent.subject == "Tu acceso a Claude Code funciona"
    assert "http://localhost:8000/setup/" in sent.body
    assert "http://localhost:8000/notifications/" in sent.body
    message = sent.message()
    assert message["List-Unsubscribe"] == "<http://localhost:8000/notifications/>"
    assert message["Message-ID"] == f"<notification.{row.pk}@localhost>"
    assert message["Auto-Submitted"] == "auto-generated"
    row.refresh_from_db()
    assert (row.state, row.sent_at, row.problem) == (RunState.DONE, NOW, "")


def test_who_is_blocked_reads_the_layer_and_the_remedy_and_no_subject_says_it() -> None:
    _person, row = blocked()

    send(row.pk)

    (sent,) = mail.outbox
    assert sent.subject == "Your access to Claude Code is blocked"
    assert "Who says no: Service control policy." in sent.body
    assert "Spain (eu-south-2)" in sent.body


def test_a_finding_that_was_forgotten_fails_no_mail() -> None:
    _person, row = blocked()
    Notification.objects.filter(pk=row.pk).update(finding=None)

    send(row.pk)

    assert "It worked the last time" in mail.outbox[0].body


def test_a_new_revision_says_what_changed_and_where_to_look() -> None:
    revision = make_revision(note="Sonnet 4.6 instead of 4.5.\nBcc: everybody@example.com")

    send(told(KIND.PLAN_REVISION, make_person(), revision=revision).pk)

    (sent,) = mail.outbox
    assert "Platform engineering has a new revision, 1." in sent.body
    assert "What changed: Sonnet 4.6 instead of 4.5." in sent.body
    assert "http://localhost:8000/bundle/" in sent.body
    assert sent.message()["Bcc"] is None


def test_an_answer_is_in_the_mail() -> None:
    person = make_person()
    request = AdminRequest.objects.create(
        person=person, reason="access", answer="You are in Data now.", answered_at=NOW, answered_by="carla"
    )

    send(told(KIND.REQUEST_ANSWERED, person, request=request).pk)

    assert "You are in Data now." in mail.outbox[0].body
    assert "The request stays open." in mail.outbox[0].body


@pytest.mark.usefixtures("slack")
@pytest.mark.parametrize(
    ("kind", "facts", "words"),
    [
        (
            KIND.NEW_BLOCKERS,
            {"people": 37, "layers": [["service-control-policy", 30], ["a-layer-of-old", 7]]},
            ("for 37 people", "- Service control policy: 30", "- a-layer-of-old: 7"),
        ),
        (KIND.REQUEST_FILED, {}, ("One request waits for an answer.", "http://localhost:8000/requests/")),
        (KIND.TEST, {}, ("A test from Onramp",)),
    ],
)
def test_admins_are_told_by_mail_and_in_slack_where_nobody_is_named(
    kind: NotificationKind, facts: dict[str, Any], words: tuple[str, ...]
) -> None:
    AdminRequest.objects.create(person=make_person(name="Ana <!channel>"), reason="access", note="a note of mine")
    channel = Slack()

    send(told(kind, admin(), facts=facts).pk)
    send(told(kind, facts=facts).pk, post=channel)

    (sent,), (posted,) = mail.outbox, channel.posted
    for said in words:
        assert said in f"{sent.subject}\n{sent.body}"
        assert said in posted
    for secret in ("ana.nunez", "Ana", "Carla", "carla", "a note of mine", "<"):
        assert secret not in posted


def test_where_usage_is_not_read_the_mail_says_it_like_the_pages_about_costs() -> None:
    account = make_account()
    place = {"account": account.pk, "region": "eu-west-1", "since": NOW.isoformat(), "problem": "", "detail": ""}
    places = [place, {**place, "problem": "denied", "detail": "s3:ListBucket"}, {**place, "account": 0}]
    person = admin()

    send(told(KIND.READING_STALLED, person, facts={"places": places}).pk)
    send(told(KIND.LOGGING_OFF, person, facts={"places": [place]}).pk)

    stalled, off = mail.outbox
    assert "has not been read since 20 Nov 2026, 12:00 UTC" in stalled.body
    assert "AWS denies it to Onramp" in stalled.body
    assert "s3:ListBucket" in stalled.body
    assert "Invocation logging is off in Ireland (eu-west-1)" in off.body


def test_every_kind_that_is_sent_has_words() -> None:
    person = admin()
    for kind in KIND:
        if kind != KIND.BUDGET:
            send(told(kind, person, facts={"people": 1}).pk)

    # The person was never verified: what is said about their access would be about nothing.
    assert len(mail.outbox) == len(KIND) - 3


# --- What is not sent any more


def test_who_was_deactivated_meanwhile_is_told_nothing() -> None:
    person, row = ready()
    Person.objects.filter(pk=person.pk).update(is_active=False)

    send(row.pk)

    row.refresh_from_db()
    assert (mail.outbox, row.state, row.sent_at) == ([], RunState.DONE, None)


def test_who_refused_it_meanwhile_is_told_nothing() -> None:
    person, row = ready()
    OptOut.objects.create(person=person, kind=KIND.ACCESS_READY)

    send(row.pk)

    assert mail.outbox == []


def test_who_is_no_admin_any_more_is_told_nothing_of_theirs() -> None:
    row = told(KIND.REQUEST_FILED, admin())
    Person.objects.update(role=Role.PERSON)

    send(row.pk)

    assert mail.outbox == []


def test_what_is_not_true_any_more_is_not_told() -> None:
    person, row = ready()
    later = NOW + dt.timedelta(minutes=1)
    make_verification(person, make_revision(), outcome=Readiness.BLOCKED, queued_at=later)

    send(row.pk)

    assert mail.outbox == []


def test_without_a_mail_server_or_slack_it_stands_in_the_portal_only(settings: Settings) -> None:
    settings.EMAIL_HOST = ""
    _person, mine = ready()
    channel, posted = Slack(), told(KIND.REQUEST_FILED)

    for row in (mine, posted):
        send(row.pk, post=channel)
        row.refresh_from_db()
        assert (row.state, row.sent_at) == (RunState.DONE, None)
    assert (mail.outbox, channel.posted) == ([], [])


# --- What fails


@pytest.fixture
def no_mail_server(settings: Settings) -> None:
    """Nobody listens on port 9 (discard)."""
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_USE_TLS = "127.0.0.1", 9, False


@pytest.mark.usefixtures("no_mail_server")
def test_a_mail_server_that_is_down_is_tried_again_for_a_day(clock: time_machine.Traveller) -> None:
    _person, row = ready()
    send(row.pk)
    send(row.pk)  # nobody takes it before its time
    row.refresh_from_db()
    assert (row.fence, row.problem, row.problem_detail) == (1, Channel.MAIL, "ConnectionRefusedError")
    assert dt.timedelta(seconds=50) < left(row) <= dt.timedelta(minutes=1)

    clock.move_to(NOW + GIVE_UP)
    let_pass(GIVE_UP)
    send(row.pk)

    row.refresh_from_db()
    assert (row.state, row.problem, row.problem_since) == (RunState.DONE, Channel.MAIL, NOW)


@pytest.mark.usefixtures("slack")
def test_what_slack_refuses_is_a_problem_without_its_url(capfd: pytest.CaptureFixture[str]) -> None:
    row = told(KIND.REQUEST_FILED)

    send(row.pk, post=Slack("answer-410"))

    row.refresh_from_db()
    assert (row.problem, row.problem_detail, row.is_live) == (Channel.SLACK, "answer-410", True)
    assert "very-secret" not in "".join(capfd.readouterr())


def test_a_killed_worker_neither_loses_it_nor_sends_it_twice() -> None:
    _person, row = ready()
    assert Notification.objects.claim(row.pk, lease=LEASE) == 1
    send(row.pk)
    assert mail.outbox == []

    let_pass(LEASE + dt.timedelta(seconds=1))
    for _ in range(3):
        tasks.send_notification(notification_id=row.pk)

    assert len(mail.outbox) == 1


def test_one_whose_every_worker_is_killed_is_given_up() -> None:
    _person, row = ready()
    for _ in range(TRIES):
        assert Notification.objects.claim(row.pk, lease=LEASE) is not None
        let_pass(LEASE + dt.timedelta(seconds=1))

    send(row.pk)

    row.refresh_from_db()
    assert (mail.outbox, row.state, row.problem_detail) == ([], RunState.DONE, "tries")


@pytest.mark.django_db(transaction=True)
def test_ten_that_send_at_once_send_one_mail() -> None:
    _person, row = ready()

    def send_it(_number: int) -> None:
        try:
            send(row.pk)
        finally:
            connection.close()

    with ThreadPoolExecutor(10) as pool:
        list(pool.map(send_it, range(10)))

    assert len(mail.outbox) == 1
