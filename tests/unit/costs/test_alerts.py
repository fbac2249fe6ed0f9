"""Alerts: once a threshold a month whoever raises them, to whom they go, and what happens when they cannot."""

from __future__ import annotations

import datetime as dt
import socketserver
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from smtplib import SMTPServerDisconnected
from typing import Any

import pytest
import redis
import time_machine
from django.core import mail
from django.core.mail.backends import locmem
from django.db import connection
from pytest_django import DjangoAssertNumQueries, Settings

from onboarding import tasks
from onboarding.costs import alerts
from onboarding.enums import AlertKind, Channel, NotificationKind, Role, RunState
from onboarding.models import AlertMail, BudgetAlert, OptOut, Person, Team
from onboarding.models.deliveries import GIVE_UP, LEASE, TRIES
from onboarding.webhooks import WebhookError
from tests.factories import make_person, make_plan, make_team, make_usage
from tests.leases import left, let_pass
from tests.serving import serving

NOW = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)
TODAY = NOW.date()
MILLION = 1_000_000


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOW, tick=False) as clock:
        yield clock


pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]


@pytest.fixture
def mailing(settings: Settings) -> None:
    settings.EMAIL_HOST = "mail.acme.example"


@pytest.fixture
def slack(settings: Settings) -> None:
    settings.ONRAMP_SLACK_WEBHOOK = "https://hooks.slack.com/services/T0/B0/very-secret"


def use(person: Person, dollars: int, day: dt.date = TODAY) -> None:
    make_usage(person=person, day=day, rate=MILLION, input=dollars * MILLION)


def somebody(email: str = "ana.nunez@acme.example", limit: int | None = 100, **fields: Any) -> Person:
    """On a plan that gives everybody 100 USD."""
    plan = make_plan()
    plan.person_budget = None if limit is None else Decimal(limit)
    plan.save()
    return make_person(email, team=make_team(plan), **fields)


def team(limit: int = 100, name: str = "Platform") -> Team:
    found = make_team(name=name)
    found.monthly_budget = Decimal(limit)
    found.save()
    return found


def rows() -> list[tuple[str, int, bool]]:
    found = BudgetAlert.objects.order_by("kind", "percent")
    return [(alert.kind, alert.percent, alert.is_passed) for alert in found]


def send_all(**options: Any) -> None:
    for pk in BudgetAlert.objects.live().order_by("pk").values_list("pk", flat=True):
        alerts.send(pk, **options)


# --- Raising


@pytest.mark.parametrize(("dollars", "expected"), [(79, []), (80, [("threshold", 80, False)])])
def test_a_threshold_is_told_when_it_is_reached(dollars: int, expected: list[Any]) -> None:
    use(somebody(), dollars)

    alerts.raise_due(NOW)

    assert rows() == expected


def test_who_passes_two_at_once_is_told_of_the_higher() -> None:
    person = somebody()
    use(person, 70)
    alerts.raise_due(NOW)
    use(person, 35, day=TODAY - dt.timedelta(days=1))

    (due,) = alerts.raise_due(NOW)

    # The forecast is above the budget, too, and has nothing more to say.
    assert rows() == [("threshold", 80, True), ("threshold", 100, False)]
    assert (due.person, due.percent, due.spent, due.budget) == (person, 100, 105, 100)
    assert due.forecast is not None


def test_a_threshold_is_told_once_a_month() -> None:
    person = somebody()
    use(person, 85)
    assert len(alerts.raise_due(NOW)) == 1
    BudgetAlert.objects.update(published_at=NOW)
    use(person, 5, day=TODAY - dt.timedelta(days=1))

    assert [due.percent for due in alerts.raise_due(NOW) if due.kind == AlertKind.THRESHOLD] == []
    assert BudgetAlert.objects.filter(kind=AlertKind.THRESHOLD).count() == 1


def test_the_next_month_begins_anew(clock: time_machine.Traveller) -> None:
    person = somebody()
    use(person, 85)
    alerts.raise_due(NOW)
    later = NOW + dt.timedelta(days=20)
    clock.move_to(later)
    use(person, 90, day=later.date())

    alerts.raise_due(later)

    assert sorted(BudgetAlert.objects.values_list("month", "percent")) == [
        (dt.date(2026, 11, 1), 80),
        (dt.date(2026, 12, 1), 80),
    ]


def test_a_month_that_is_over_is_not_told_any_more(clock: time_machine.Traveller) -> None:
    use(somebody(), 500)
    clock.move_to(NOW + dt.timedelta(days=20))

    assert alerts.raise_due(NOW) == []
    assert alerts.raise_due(NOW + dt.timedelta(days=20)) == []
    assert rows() == []


def test_a_forecast_above_the_budget_is_told_once() -> None:
    person = somebody()
    # 14 days at 5 USD: 70 so far, and 55 more to come.
    for day in range(1, 15):
        use(person, 5, day=TODAY - dt.timedelta(days=day))

    alerts.raise_due(NOW)
    alerts.raise_due(NOW)

    (alert,) = BudgetAlert.objects.all()
    assert (alert.kind, alert.percent, alert.is_passed) == ("forecast", 100, False)
    assert (alert.spent, alert.forecast) == (70, 125)


def test_thresholds_are_the_operators_own(settings: Settings) -> None:
    settings.ONRAMP_BUDGET_THRESHOLDS = (50, 90, 120)
    use(somebody(), 95)

    alerts.raise_due(NOW)

    assert rows() == [("threshold", 50, True), ("threshold", 90, False)]


def test_a_budget_of_nothing_is_over_with_the_first_use() -> None:
    use(somebody(limit=0), 1)

    alerts.raise_due(NOW)

    assert rows() == [("threshold", 80, True), ("threshold", 100, False)]


def test_who_has_no_budget_or_used_nothing_is_told_nothing() -> None:
    somebody("luis.gil@acme.example", monthly_budget=Decimal(0))
    use(somebody(limit=None), 5000)

    assert alerts.raise_due(NOW) == []


def test_deactivated_people_are_told_nothing_but_count_for_their_team() -> None:
    limited = team(100)
    use(make_person(team=limited, monthly_budget=Decimal(10), is_active=False), 90)

    (due,) = alerts.raise_due(NOW)

    assert (due.team, due.person) == (limited, None)


def test_usage_without_a_price_raises_nothing() -> None:
    make_usage(person=somebody(), day=TODAY, rate=None, input=10**12)

    assert alerts.raise_due(NOW) == []


@pytest.mark.parametrize("people", [1, 12])
def test_raising_asks_a_constant_number_of_queries(
    people: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(people):
        use(somebody(f"person-{number}@acme.example"), 90)

    # What was told, two for teams, two for people, the insert, and what is to be published.
    with django_assert_num_queries(7):
        assert len(alerts.raise_due(NOW)) == people


@pytest.mark.django_db(transaction=True)
def test_ten_that_raise_at_once_raise_each_once() -> None:
    for number in range(5):
        use(somebody(f"person-{number}@acme.example"), 120)
    team(100)

    def raise_due(_number: int) -> None:
        try:
            alerts.raise_due(NOW)
        finally:
            connection.close()

    with ThreadPoolExecutor(10) as pool:
        list(pool.map(raise_due, range(10)))

    told = list(BudgetAlert.objects.values_list("team", "person", "percent", "is_passed"))
    assert len(told) == len(set(told)) == 12
    assert BudgetAlert.objects.live().count() == 6


# --- Sending


@pytest.mark.usefixtures("mailing")
def test_a_persons_alert_goes_to_the_person_in_their_language(settings: Settings) -> None:
    settings.DEFAULT_FROM_EMAIL = "onramp@acme.example"
    somebody("carla.soto@acme.example", role=Role.ADMIN)
    use(somebody(language="es", name="Ana Núñez"), 85)
    alerts.raise_due(NOW)

    send_all()

    (sent,) = mail.outbox
    assert (sent.to, sent.from_email) == (["ana.nunez@acme.example"], "onramp@acme.example")
    assert "85,00 USD" in sent.body
    assert "noviembre de 2026" in sent.body
    assert "http://localhost:8000/usage/" in sent.body
    assert "85" not in sent.subject
    alert = BudgetAlert.objects.get()
    assert (alert.state, alert.mailed_at, alert.problem) == (RunState.DONE, NOW, "")


@pytest.mark.usefixtures("mailing")
def test_a_teams_alert_goes_to_the_admins_who_are_active() -> None:
    limited = team(100)
    make_person("carla.soto@acme.example", role=Role.ADMIN)
    make_person("iker.ruiz@acme.example", role=Role.ADMIN)
    make_person("gone@acme.example", role=Role.ADMIN, is_active=False)
    make_person("auditor@acme.example", role=Role.AUDITOR)
    use(make_person(team=limited), 130)
    alerts.raise_due(NOW)

    send_all()

    assert [sent.to for sent in mail.outbox] == [["carla.soto@acme.example"], ["iker.ruiz@acme.example"]]
    body = mail.outbox[0].body
    assert mail.outbox[0].subject == "Platform has reached 100% of its budget for Claude Code"
    assert "Used so far in November 2026: 130.00 USD of 100.00 USD." in body
    assert "These are estimates from usage and prices, not what AWS billed." in body
    assert "http://localhost:8000/costs/budgets/" in body


@pytest.mark.usefixtures("mailing")
def test_a_mail_that_is_sent_again_keeps_its_message_id() -> None:
    use(somebody(), 85)
    alerts.raise_due(NOW)
    send_all()
    # A worker that died before it could write that it had sent.
    BudgetAlert.objects.update(state=RunState.RUNNING, lease_until=None, mailed_at=None, finished_at=None)
    AlertMail.objects.all().delete()

    send_all()

    first, second = (sent.message() for sent in mail.outbox)
    assert first["Message-ID"] == second["Message-ID"]
    assert first["Message-ID"].startswith("<budget-alert.2026-11.")
    assert first["Auto-Submitted"] == "auto-generated"
    assert first["List-Unsubscribe"] == "<http://localhost:8000/notifications/>"


@pytest.mark.usefixtures("mailing")
@pytest.mark.parametrize("name", ["A\r\nBcc: everybody@example.com", "A\u2028B", "Ñandú\nSubject: x"])
def test_a_name_adds_no_header(name: str) -> None:
    limited = team(100, name=name)
    make_person("carla.soto@acme.example", role=Role.ADMIN)
    use(make_person(team=limited), 130)
    alerts.raise_due(NOW)

    send_all()

    (sent,) = mail.outbox
    message = sent.message()
    assert message["Bcc"] is None
    assert len(message.get_all("Subject", [])) == 1
    assert sent.recipients() == ["carla.soto@acme.example"]


@pytest.mark.usefixtures("mailing")
def test_what_was_sent_is_not_sent_again() -> None:
    use(somebody(), 85)
    (due,) = alerts.raise_due(NOW)

    tasks.send_alert(alert_id=due.pk)
    tasks.send_alert(alert_id=due.pk)

    assert len(mail.outbox) == 1


@pytest.mark.usefixtures("mailing")
def test_who_was_deactivated_meanwhile_is_told_nothing() -> None:
    person = somebody()
    use(person, 85)
    alerts.raise_due(NOW)
    Person.objects.filter(pk=person.pk).update(is_active=False)

    send_all()

    assert mail.outbox == []
    assert BudgetAlert.objects.get().state == RunState.DONE


def test_without_a_mail_server_an_alert_is_done_and_shown_in_the_portal() -> None:
    use(somebody(), 85)
    alerts.raise_due(NOW)

    send_all()

    alert = BudgetAlert.objects.get()
    assert mail.outbox == []
    assert (alert.state, alert.mailed_at, alert.problem) == (RunState.DONE, None, "")


# --- What fails


@pytest.fixture
def no_mail_server(settings: Settings) -> None:
    """Nobody listens on port 9 (discard)."""
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_USE_TLS = "127.0.0.1", 9, False


@pytest.mark.usefixtures("no_mail_server")
def test_a_mail_server_that_is_down_is_tried_again_and_later_less_often(clock: time_machine.Traveller) -> None:
    use(somebody(), 85)
    alerts.raise_due(NOW)
    waits = []
    for _ in range(9):
        send_all()
        alert = BudgetAlert.objects.get()
        wait = left(alert)
        waits.append(wait.total_seconds() / 60)
        send_all()  # nobody takes it before its time
        clock.shift(wait + dt.timedelta(seconds=1))
        let_pass(wait + dt.timedelta(seconds=1))

    assert BudgetAlert.objects.get().fence == 9
    assert [round(wait) for wait in waits] == [1, 1, 2, 4, 8, 17, 33, 60, 60]
    assert (alert.problem, alert.problem_detail) == (Channel.MAIL, "ConnectionRefusedError")
    assert alert.problem_since == NOW


@pytest.mark.usefixtures("no_mail_server")
def test_a_month_that_ended_while_the_mail_server_was_down_is_not_told_of(
    settings: Settings, clock: time_machine.Traveller
) -> None:
    use(somebody(), 85)
    clock.move_to(dt.datetime(2026, 11, 30, 23, 58, tzinfo=dt.UTC))
    alerts.raise_due(dt.datetime(2026, 11, 30, 23, 58, tzinfo=dt.UTC))
    send_all()
    assert BudgetAlert.objects.get().problem == Channel.MAIL

    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    clock.shift(dt.timedelta(minutes=3))
    let_pass(dt.timedelta(minutes=3))
    send_all()

    alert = BudgetAlert.objects.get()
    assert (mail.outbox, alert.state, alert.mailed_at) == ([], RunState.DONE, None)


@pytest.mark.usefixtures("no_mail_server")
def test_after_a_day_it_stands_as_what_could_not_be_sent(clock: time_machine.Traveller) -> None:
    use(somebody(), 85)
    alerts.raise_due(NOW)
    send_all()
    clock.move_to(NOW + GIVE_UP)
    let_pass(GIVE_UP)

    send_all()
    send_all()

    alert = BudgetAlert.objects.get()
    assert (alert.state, alert.problem, alert.problem_since) == (RunState.DONE, Channel.MAIL, NOW)
    assert alert.fence == 2


@pytest.mark.usefixtures("mailing")
def test_the_alert_of_a_killed_worker_is_published_again_and_sent() -> None:
    use(somebody(), 85)
    (alert,) = alerts.raise_due(NOW)
    # It took the alert, and was never heard of again.
    BudgetAlert.objects.filter(pk=alert.pk).update(published_at=dt.datetime.now(dt.UTC))
    assert BudgetAlert.objects.claim(alert.pk, lease=LEASE) == 1
    send_all()
    assert (overdue(), mail.outbox) == ([], [])

    let_pass(LEASE + dt.timedelta(seconds=1))
    assert overdue() == [alert.pk]
    send_all()

    assert len(mail.outbox) == 1
    assert (BudgetAlert.objects.get().state, overdue()) == (RunState.DONE, [])


def overdue() -> list[int]:
    """What the sweeper publishes again, every ten seconds."""
    wait = dt.timedelta(seconds=15)
    rows = BudgetAlert.objects.overdue(queued_for=wait, published_for=wait)
    return list(rows.values_list("pk", flat=True))


@pytest.mark.usefixtures("mailing")
def test_an_alert_whose_every_worker_is_killed_is_given_up() -> None:
    use(somebody(), 85)
    (alert,) = alerts.raise_due(NOW)
    for _ in range(TRIES):
        assert BudgetAlert.objects.claim(alert.pk, lease=LEASE) is not None
        let_pass(LEASE + dt.timedelta(seconds=1))

    send_all()

    assert mail.outbox == []
    alert.refresh_from_db()
    assert (alert.state, alert.problem, alert.problem_detail) == (RunState.DONE, Channel.MAIL, "tries")


@pytest.mark.usefixtures("mailing")
@pytest.mark.django_db(transaction=True)
def test_ten_that_send_at_once_send_one_mail() -> None:
    use(somebody(), 85)
    (alert,) = alerts.raise_due(NOW)

    def send(_number: int) -> None:
        try:
            alerts.send(alert.pk)
        finally:
            connection.close()

    with ThreadPoolExecutor(10) as pool:
        list(pool.map(send, range(10)))

    assert len(mail.outbox) == 1
    assert BudgetAlert.objects.get().fence == 1


def test_what_comes_through_in_the_end_is_no_problem_any_more(
    no_mail_server: None, settings: Settings, clock: time_machine.Traveller
) -> None:
    use(somebody(), 85)
    alerts.raise_due(NOW)
    send_all()
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    clock.move_to(NOW + dt.timedelta(minutes=2))
    let_pass(dt.timedelta(minutes=2))

    send_all()

    alert = BudgetAlert.objects.get()
    assert len(mail.outbox) == 1
    assert (alert.state, alert.problem, alert.problem_since) == (RunState.DONE, "", None)


@pytest.mark.usefixtures("mailing")
def test_an_address_that_is_none_keeps_nobody_else_from_the_news() -> None:
    limited = team(100)
    make_person("carla@acme.example, x@example.com", role=Role.ADMIN)
    make_person("iker.ruiz@acme.example", role=Role.ADMIN)
    use(make_person(team=limited), 130)
    alerts.raise_due(NOW)

    send_all()

    assert BudgetAlert.objects.get(percent=100).problem == ""
    assert ["iker.ruiz@acme.example"] in [sent.to for sent in mail.outbox]


class Curt(locmem.EmailBackend):
    """A mail server that ends each connection after one mail, and takes `most` altogether."""

    most = 99
    has_sent = False

    def open(self) -> bool:
        return True

    def close(self) -> None:
        self.has_sent = False

    def send_messages(self, messages: Any) -> int:
        if self.has_sent or len(mail.outbox) >= self.most:
            raise SMTPServerDisconnected
        self.has_sent = True
        return super().send_messages(messages)


@pytest.mark.usefixtures("mailing")
@pytest.mark.parametrize("most", [3, 1])
def test_a_server_that_breaks_off_makes_nobody_be_told_twice_and_nobody_be_forgotten(
    most: int, settings: Settings, clock: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Curt, "most", most)
    settings.EMAIL_BACKEND = f"{__name__}.Curt"
    limited = team(100)
    for name in ("carla.soto", "iker.ruiz", "noa.vidal"):
        make_person(f"{name}@acme.example", role=Role.ADMIN)
    use(make_person(team=limited), 130)
    alerts.raise_due(NOW)
    for _ in range(3):
        send_all()
        monkeypatch.setattr(Curt, "most", len(mail.outbox) + 1)
        clock.shift(dt.timedelta(hours=1, seconds=1))
        let_pass(dt.timedelta(hours=1, seconds=1))

    assert [sent.to[0].partition(".")[0] for sent in mail.outbox] == ["carla", "iker", "noa"]
    alert = BudgetAlert.objects.get(percent=100)
    assert (alert.mailed_at is not None, alert.problem) == (True, "")


@pytest.mark.usefixtures("mailing")
def test_a_worker_that_is_killed_between_two_mails_does_not_begin_with_the_first_again(
    clock: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    class Killed(BaseException):
        """What ends a process is no error that anything catches."""

    class Deadly(locmem.EmailBackend):
        def send_messages(self, messages: Any) -> int:
            if len(mail.outbox) == 1:
                raise Killed
            return super().send_messages(messages)

    for name in ("carla.soto", "iker.ruiz", "noa.vidal"):
        make_person(f"{name}@acme.example", role=Role.ADMIN)
    use(make_person(team=team(100)), 130)
    alerts.raise_due(NOW)
    monkeypatch.setattr("tests.unit.costs.test_alerts.Curt", Deadly)
    backend, settings.EMAIL_BACKEND = settings.EMAIL_BACKEND, f"{__name__}.Curt"
    with pytest.raises(Killed):
        send_all()
    settings.EMAIL_BACKEND = backend
    let_pass(LEASE + dt.timedelta(seconds=1))

    send_all()

    assert [sent.to[0].partition(".")[0] for sent in mail.outbox] == ["carla", "iker", "noa"]


@pytest.mark.usefixtures("mailing")
def test_who_wants_no_mail_about_budgets_gets_none() -> None:
    for name in ("carla.soto", "iker.ruiz"):
        make_person(f"{name}@acme.example", role=Role.ADMIN)
    OptOut.objects.create(person=Person.objects.get(email="carla.soto@acme.example"), kind=NotificationKind.BUDGET)
    person = make_person(team=team(100), monthly_budget=Decimal(100))
    OptOut.objects.create(person=person, kind=NotificationKind.BUDGET)
    use(person, 130)
    alerts.raise_due(NOW)

    send_all()

    assert [sent.to for sent in mail.outbox] == [["iker.ruiz@acme.example"]]
    assert not BudgetAlert.objects.live().exists()


# --- Slack


class Slack:
    """Stands where `webhooks.post` stands, which its own tests prove: keeps what it gets."""

    def __init__(self, error: WebhookError | None = None) -> None:
        self.error = error
        self.posted: list[tuple[str, Any]] = []

    def __call__(self, url: str, payload: Any, *, hosts: Any) -> None:
        if self.error:
            raise self.error
        assert "hooks.slack.com" in hosts
        self.posted.append((url, payload))


@pytest.mark.usefixtures("slack")
def test_a_teams_alert_is_posted_and_its_name_is_only_a_name() -> None:
    use(make_person(team=team(100, name="<!channel> & co")), 130)
    alerts.raise_due(NOW)
    channel = Slack()

    send_all(post=channel)
    send_all(post=channel)

    ((url, payload),) = channel.posted
    assert url.endswith("very-secret")
    assert payload["text"].startswith("&lt;!channel&gt; &amp; co has reached 100% of its budget")
    assert "<" not in payload["text"]
    assert BudgetAlert.objects.get(percent=100).posted_at == NOW


@pytest.mark.usefixtures("slack", "mailing")
def test_a_persons_alert_is_not_for_a_channel() -> None:
    use(somebody(), 85)
    alerts.raise_due(NOW)
    channel = Slack()

    send_all(post=channel)

    assert channel.posted == []
    assert len(mail.outbox) == 1


@pytest.mark.usefixtures("slack", "mailing")
def test_what_slack_refuses_does_not_mail_twice(
    clock: time_machine.Traveller, capfd: pytest.CaptureFixture[str]
) -> None:
    make_person("carla.soto@acme.example", role=Role.ADMIN)
    use(make_person(team=team(100)), 130)
    alerts.raise_due(NOW)

    send_all(post=Slack(WebhookError("answer-410")))
    clock.move_to(NOW + dt.timedelta(minutes=2))
    send_all(post=Slack(WebhookError("answer-410")))

    alert = BudgetAlert.objects.get(percent=100)
    assert len(mail.outbox) == 1
    assert (alert.problem, alert.problem_detail, alert.mailed_at) == (Channel.SLACK, "answer-410", NOW)
    assert "very-secret" not in "".join(capfd.readouterr())


# --- A real mail server


class MailServer(socketserver.StreamRequestHandler):
    """As much of SMTP (RFC 5321) as one mail takes; keeps what comes."""

    received: list[bytes] = []

    def handle(self) -> None:
        self.wfile.write(b"220 mail.acme.example\r\n")
        while line := self.rfile.readline():
            verb = line[:4].upper()
            if verb == b"DATA":
                self.wfile.write(b"354 go on\r\n")
                body = b""
                while not body.endswith(b"\r\n.\r\n"):
                    body += self.rfile.readline()
                self.received.append(body)
            self.wfile.write(b"221 bye\r\n" if verb == b"QUIT" else b"250 ok\r\n")


def test_a_real_mail_server_gets_a_mail_that_is_whole(settings: Settings) -> None:
    MailServer.received.clear()
    with serving(socketserver.TCPServer(("127.0.0.1", 0), MailServer)) as server:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_USE_TLS = (*server.server_address[:2], False)
        use(somebody(), 85)
        alerts.raise_due(NOW)
        send_all()

    (received,) = MailServer.received
    assert b"To: ana.nunez@acme.example\r\n" in received
    assert b"Message-ID: <budget-alert.2026-11." in received
    assert b"85.00 USD of 100.00 USD" in received
    assert BudgetAlert.objects.get().mailed_at == NOW


def test_alerts_do_not_wait_behind_the_reading_of_what_they_tell_of(broker: redis.Redis) -> None:
    tasks.raise_alerts.delay()
    tasks.send_alert.delay(alert_id=1)
    assert [int(broker.llen(queue) or 0) for queue in ("sweeps", "costs")] == [2, 0]
