"""The way in while the identity provider is down: the command, the link, and the session it makes."""

from __future__ import annotations

import datetime as dt
import re
from concurrent.futures import ThreadPoolExecutor

import pytest
import time_machine
from allauth.usersessions.models import UserSession
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from onboarding.break_glass import BadLink, redeem
from onboarding.enums import Role
from onboarding.models import AuditEvent, BreakGlassLink, Person
from portal.logs import redact
from tests.factories import make_person, make_user

pytestmark = pytest.mark.django_db

URL = "/break-glass/"
EMAIL = "carla.soto@acme.example"


@pytest.fixture
def admin() -> Person:
    person = make_person(EMAIL, role=Role.ADMIN)
    assert person.user is not None
    person.user.is_staff = person.user.is_superuser = True
    person.user.save()
    return person


@pytest.fixture
def link(admin: Person, capsys: pytest.CaptureFixture[str]) -> str:
    return make_link(capsys)


def make_link(capsys: pytest.CaptureFixture[str], email: str = EMAIL) -> str:
    """The path and query of what the command prints."""
    call_command("break_glass", email, reason="The identity provider is down")
    [line] = capsys.readouterr().out.splitlines()
    assert line.startswith(f"http://localhost:8000{URL}?token=")
    return line.removeprefix("http://localhost:8000")


def press(client: Client, link: str) -> int:
    """Press the button, whatever the page says."""
    return client.post(URL, {"token": link.partition("=")[2]}).status_code


def is_signed_in(client: Client) -> bool:
    return client.get("/sessions/").status_code == 200


def test_the_link_signs_the_admin_in(client: Client, link: str, admin: Person) -> None:
    page = client.get(link)
    assert (page.status_code, page["Referrer-Policy"]) == (200, "same-origin")
    assert "no-store" in page["Cache-Control"]
    [token] = re.findall(r'name="token" value="([^"]+)"', page.content.decode())

    response = client.post(URL, {"token": token})

    assert response["Location"] == "/setup/"
    assert client.get("/plans/").status_code == 200
    assert client.get("/django-admin/").status_code == 200
    assert "By a link for an emergency" in client.get("/sessions/").content.decode()
    made, used = AuditEvent.objects.order_by("pk")
    assert (made.action, made.actor, made.target) == ("break_glass.made", "manage.py break_glass", EMAIL)
    assert (used.action, used.actor, used.target) == ("break_glass.used", EMAIL, EMAIL)
    assert made.details["reason"] == used.details["reason"] == "The identity provider is down"


def test_looking_at_it_does_not_use_it_up(link: str) -> None:
    for _ in range(3):
        viewer = Client()
        assert viewer.get(link).status_code == 200
        assert viewer.head(link).status_code == 200
        assert not is_signed_in(viewer)
    assert press(Client(), link) == 302


def test_it_works_once(client: Client, link: str) -> None:
    press(client, link)
    other = Client()

    assert other.get(link).status_code == 410
    assert press(other, link) == 410
    assert not is_signed_in(other)


@pytest.mark.parametrize("forwarded", ["198.51.100.1", "nonsense, nonsense"])
def test_a_request_that_came_past_the_proxies_is_its_peers(
    client: Client, link: str, forwarded: str, settings: Settings
) -> None:
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 2

    response = client.post(URL, {"token": link.partition("=")[2]}, headers={"X-Forwarded-For": forwarded})

    assert response.status_code == 302
    assert UserSession.objects.get().ip == "127.0.0.1"


def test_it_works_for_ten_minutes(link: str) -> None:
    now = timezone.now()
    with time_machine.travel(now + dt.timedelta(minutes=9, seconds=50), tick=False):
        assert Client().get(link).status_code == 200
    with time_machine.travel(now + dt.timedelta(minutes=10, seconds=10), tick=False):
        assert Client().get(link).status_code == 410
        assert press(Client(), link) == 410


def test_the_session_lasts_an_hour_however_busy(client: Client, link: str) -> None:
    press(client, link)
    now = timezone.now()
    for minutes in (20, 40, 59):
        with time_machine.travel(now + dt.timedelta(minutes=minutes), tick=False):
            assert is_signed_in(client)
    with time_machine.travel(now + dt.timedelta(minutes=60, seconds=10), tick=False):
        assert client.get("/setup/")["Location"] == "/?next=/setup/"


def test_signing_out_of_it_asks_no_provider(client: Client, link: str) -> None:
    press(client, link)
    assert client.post("/sign-out/")["Location"] == "/"
    assert not UserSession.objects.exists()


@pytest.mark.parametrize("lost", [{"is_active": False}, {"role": Role.PERSON}, {"role": Role.AUDITOR}])
def test_somebody_who_is_no_admin_any_more_is_refused(link: str, lost: dict[str, object]) -> None:
    Person.objects.update(**lost)
    client = Client()

    assert client.get(link).status_code == 410
    assert press(client, link) == 410
    assert not is_signed_in(client)
    assert not AuditEvent.objects.filter(action="break_glass.used").exists()


@pytest.mark.parametrize("token", ["", "unknown", "ünknown", "%00", "a" * 5000])
def test_an_unknown_link_is_refused(client: Client, token: str) -> None:
    assert client.get(URL, {"token": token}).status_code == 410
    assert client.post(URL, {"token": token}).status_code == 410
    assert not is_signed_in(client)


def test_another_site_cannot_press_the_button(link: str) -> None:
    assert press(Client(enforce_csrf_checks=True), link) == 403
    assert press(Client(), link) == 302


def test_it_replaces_whoever_was_signed_in(client: Client, link: str) -> None:
    bruno = make_person("bruno.rey@acme.example")
    assert bruno.user is not None
    client.force_login(bruno.user)
    before = client.session.session_key

    press(client, link)

    assert client.session.session_key != before
    assert EMAIL in client.get("/sessions/").content.decode()


def test_a_new_link_is_the_end_of_the_one_before(link: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert press(Client(), make_link(capsys)) == 302
    assert press(Client(), link) == 410
    assert BreakGlassLink.objects.count() == 1


def test_only_a_digest_is_kept_and_no_log_has_the_link(
    client: Client, link: str, caplog: pytest.LogCaptureFixture
) -> None:
    token = link.partition("=")[2]
    client.get(link)
    press(client, link)

    [row] = BreakGlassLink.objects.values()
    assert token not in str(row)
    assert len(row["digest"]) == 64
    assert len(token) >= 43
    assert token not in redact(caplog.text)
    assert not any(token in str(event.details) for event in AuditEvent.objects.all())


def test_a_digest_is_there_once(link: str) -> None:
    row = BreakGlassLink.objects.get()
    row.pk = None
    with pytest.raises(IntegrityError), transaction.atomic():
        row.save(force_insert=True)


@pytest.mark.django_db(transaction=True)
def test_of_many_at_once_one_gets_in(link: str) -> None:
    def attempt(_: int) -> bool:
        try:
            redeem(link.partition("=")[2])
        except BadLink:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(attempt, range(4))) == [False, False, False, True]
    assert AuditEvent.objects.filter(action="break_glass.used").count() == 1


# --- The command


@pytest.mark.parametrize(
    "fields",
    [
        {"role": Role.PERSON},
        {"role": Role.AUDITOR},
        {"role": Role.ADMIN, "is_active": False},
        {"role": Role.ADMIN, "user": None},
    ],
    ids=str,
)
def test_nobody_else_gets_one(fields: dict[str, object]) -> None:
    make_person(EMAIL, **fields)
    assert_refused(EMAIL)


def test_neither_does_a_sign_in_that_is_switched_off(admin: Person) -> None:
    assert admin.user is not None
    admin.user.is_active = False
    admin.user.save()
    assert_refused(EMAIL)


def test_two_with_one_e_mail_are_nobody_in_particular(admin: Person) -> None:
    make_person(EMAIL.upper(), role=Role.ADMIN, user=make_user("carla@acme.example"))
    assert_refused(EMAIL)


def test_nor_somebody_unknown() -> None:
    assert_refused("nobody@acme.example")


def assert_refused(email: str, reason: str = "Down") -> None:
    with pytest.raises(CommandError):
        call_command("break_glass", email, reason=reason)
    assert not BreakGlassLink.objects.exists()
    assert not AuditEvent.objects.exists()


@pytest.mark.parametrize("reason", ["", "  ", "x" * 201])
def test_it_wants_a_reason(admin: Person, reason: str) -> None:
    assert_refused(EMAIL, reason)


def test_the_e_mail_is_found_in_any_case(admin: Person, capsys: pytest.CaptureFixture[str]) -> None:
    assert press(Client(), make_link(capsys, EMAIL.upper())) == 302
