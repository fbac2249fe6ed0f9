"""Where somebody is signed in: the list, the end of it, and the limits."""

from __future__ import annotations

import datetime as dt

import pytest
import time_machine
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django.fixtures import Settings

from onboarding import sessions
from onboarding.enums import Role
from onboarding.models import AuditEvent, Person
from onboarding.views.sessions import browser_of
from tests.factories import make_person, make_user
from tests.web.cost_pages import text_of

pytestmark = pytest.mark.django_db

URL = "/sessions/"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
SAFARI = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/18.5 Safari/605.1.15"
)


def signed_in(person: Person, user_agent: str = FIREFOX, ip: str = "192.0.2.7") -> Client:
    """A browser with a session, and allauth's row of it."""
    client = Client(headers={"user-agent": user_agent})
    assert person.user is not None
    client.force_login(person.user)
    UserSession.objects.create(
        user=person.user, session_key=client.session.session_key or "", ip=ip, user_agent=user_agent
    )
    return client


def page_of(client: Client) -> str:
    response = client.get(URL)
    assert response.status_code == 200
    return text_of(response.content.decode())


def row_of(client: Client) -> UserSession:
    return UserSession.objects.get(session_key=client.session.session_key)


def is_signed_in(client: Client) -> bool:
    return client.get(URL).status_code == 200


# --- The list


def test_it_says_where_and_since_when() -> None:
    person = make_person()
    with time_machine.travel(dt.datetime(2026, 11, 20, 9, 0, tzinfo=dt.UTC), tick=False):
        signed_in(person, SAFARI, "198.51.100.4")
    with time_machine.travel(dt.datetime(2026, 11, 20, 9, 30, tzinfo=dt.UTC), tick=False):
        words = page_of(signed_in(person))

    assert "You are signed in here, and in one other browser" in words
    here, other = words.index("Firefox on Linux 192.0.2.7"), words.index("Safari on macOS 198.51.100.4")
    assert here < other
    assert "20 November 2026, 09:00 UTC" in words[other:]
    assert "This one" in words[here:other]


def test_one_is_one() -> None:
    words = page_of(signed_in(make_person()))
    assert "You are signed in here and nowhere else" in words
    assert "End all others" not in words
    assert "A session ends 8 hours after you signed in." in words


def test_a_shorter_idle_time_is_said(settings: Settings) -> None:
    settings.ONRAMP_SESSION_IDLE_HOURS = 1
    assert "One that nobody uses ends after an hour." in page_of(signed_in(make_person()))


def test_neither_others_sessions_nor_old_ones_are_shown() -> None:
    person = make_person()
    signed_in(make_person("bruno.rey@acme.example"))
    with time_machine.travel(timezone.now() - dt.timedelta(hours=9)):
        signed_in(person)

    assert "nowhere else" in page_of(signed_in(person))


def test_many_cost_no_more_queries_than_one() -> None:
    person = make_person()
    client = signed_in(person)
    counts = []
    for _ in range(2):
        with CaptureQueriesContext(
            connection,
        ) as queries:
            page_of(client)
        counts.append(len(queries))
        for _ in range(5):
            signed_in(person)

    assert counts[0] == counts[1]


def test_the_menu_leads_there() -> None:
    assert f'href="{URL}"' in signed_in(make_person()).get(URL).content.decode()


@pytest.mark.parametrize(
    ("user_agent", "words"),
    [
        (FIREFOX, "Firefox on Linux"),
        (SAFARI, "Safari on macOS"),
        (
            "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/142.0.0.0 Safari/537.36 Edg/1",
            "Edge on Windows",
        ),
        ("Mozilla/5.0 (X11; CrOS x86_64) AppleWebKit/537.36 Chrome/142.0.0.0 Safari/537.36", "Chrome on ChromeOS"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) CriOS/142.0 Safari/604.1", "Chrome on iPhone"),
        ("Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/142.0.0.0 Safari/537.36", "Chrome on Android"),
        ("curl/8.5.0", "A browser that Onramp does not know"),
        ("", "A browser that Onramp does not know"),
    ],
)
def test_browsers_in_words(user_agent: str, words: str) -> None:
    assert browser_of(user_agent) == words


def test_what_a_browser_calls_itself_is_not_shown() -> None:
    client = signed_in(make_person(), "<script>alert(1)</script> Firefox/140.0")
    assert "alert(1)" not in client.get(URL).content.decode()


# --- The end of it


def test_one_is_ended() -> None:
    person = make_person()
    here, other, third = signed_in(person), signed_in(person), signed_in(person)

    response = here.post(f"{URL}{row_of(other).pk}/end/")

    assert response["Location"] == URL
    assert [is_signed_in(client) for client in (here, other, third)] == [True, False, True]
    event = AuditEvent.objects.get()
    assert (event.actor, event.action, event.target) == (person.email, "session.ended", person.email)


def test_somebody_without_an_email_is_named_by_their_users_name() -> None:
    person = make_person("")
    Person.objects.filter(pk=person.pk).update(email="")
    assert person.user is not None
    client, other, third = signed_in(person), signed_in(person), signed_in(person)

    client.post(f"{URL}{row_of(other).pk}/end/")
    client.post(f"{URL}end-others/")
    client.post("/sign-out/")

    assert not is_signed_in(third)
    said = AuditEvent.objects.order_by("pk").values_list("action", "actor", "target")
    name = person.user.get_username()
    assert list(said) == [
        ("session.ended", name, name),
        ("session.ended", name, name),
        ("person.signed_out", name, name),
    ]


def test_ones_own_is_ended_like_signing_out() -> None:
    client = signed_in(make_person())

    response = client.post(f"{URL}{row_of(client).pk}/end/", follow=True)

    assert response.redirect_chain[-1][0] == f"/?next={URL}"
    assert not is_signed_in(client)


def test_all_others_are_ended() -> None:
    person = make_person()
    here, *others = [signed_in(person) for _ in range(3)]
    stranger = signed_in(make_person("bruno.rey@acme.example"))

    assert here.post(f"{URL}end-others/")["Location"] == URL

    assert is_signed_in(here)
    assert is_signed_in(stranger)
    assert not any(is_signed_in(client) for client in others)
    assert AuditEvent.objects.get().details["sessions"] == 2


def test_with_no_others_nothing_is_on_record() -> None:
    signed_in(make_person()).post(f"{URL}end-others/")
    assert not AuditEvent.objects.exists()


@pytest.mark.parametrize("role", [Role.PERSON, Role.AUDITOR, Role.ADMIN])
def test_a_strangers_session_is_not_there(role: Role) -> None:
    stranger = signed_in(make_person("bruno.rey@acme.example"))
    client = signed_in(make_person(role=role))

    assert client.post(f"{URL}{row_of(stranger).pk}/end/").status_code == 404

    assert is_signed_in(stranger)
    assert not AuditEvent.objects.exists()


@pytest.mark.parametrize("path", [f"{URL}1/end/", f"{URL}end-others/"])
def test_a_link_ends_nothing(path: str) -> None:
    assert signed_in(make_person()).get(path).status_code == 405


def test_they_are_for_people(client: Client) -> None:
    assert client.get(URL)["Location"] == f"/?next={URL}"
    client.force_login(make_user("nobody@acme.example"))
    assert client.get(URL).status_code == 403


# --- Limits


def test_a_session_ends_after_its_hours_however_busy(settings: Settings) -> None:
    settings.SESSION_COOKIE_AGE, settings.ONRAMP_SESSION_IDLE_HOURS = 4 * 3600, 2
    start = timezone.now()
    client = signed_in(make_person())
    for hours in (1, 2, 3, 3.99):
        with time_machine.travel(start + dt.timedelta(hours=hours), tick=False):
            assert is_signed_in(client)

    with time_machine.travel(start + dt.timedelta(hours=4, seconds=5), tick=False):
        assert client.get("/setup/")["Location"] == "/?next=/setup/"


def test_a_session_that_nobody_uses_ends_earlier(settings: Settings) -> None:
    settings.ONRAMP_SESSION_IDLE_HOURS = 2
    start = timezone.now()
    client = signed_in(make_person())
    with time_machine.travel(start + dt.timedelta(hours=1.9), tick=False):
        assert is_signed_in(client)

    with time_machine.travel(start + dt.timedelta(hours=4), tick=False):
        assert client.get("/setup/")["Location"] == "/?next=/setup/"


def test_it_is_written_once_a_minute_at_most() -> None:
    start = timezone.now()
    client = signed_in(make_person())
    assert _written(client, start + dt.timedelta(seconds=30)) == 0
    assert _written(client, start + dt.timedelta(seconds=61)) > 0
    assert _written(client, start + dt.timedelta(seconds=100)) == 0
    assert _written(client, start + dt.timedelta(seconds=122)) > 0
    assert row_of(client).last_seen_at == start + dt.timedelta(seconds=122)


def _written(client: Client, at: dt.datetime) -> int:
    with time_machine.travel(at, tick=False), CaptureQueriesContext(connection) as queries:
        assert is_signed_in(client)
    return sum(query["sql"].startswith(("UPDATE", "INSERT", "DELETE")) for query in queries)


def test_a_session_from_before_there_were_limits_ends() -> None:
    client = signed_in(make_person())
    session = client.session
    del session["until"]
    session.save()

    assert not is_signed_in(client)


def test_probes_read_no_session(client: Client) -> None:
    with CaptureQueriesContext(connection) as queries:
        assert client.get("/livez").status_code == 200
    assert not queries.captured_queries


def test_somebody_signed_out_elsewhere_in_the_middle_of_a_request_stays_out() -> None:
    """The session is written at the end of a request; what is gone by then must not come back."""
    client = signed_in(make_person())
    request_session = client.session
    request_session["seen"] = 0.0
    request_session.save()
    key = request_session.session_key

    with pytest.MonkeyPatch.context() as patch:
        real = sessions.keep

        def overtaken(request: object) -> None:
            real(request)  # type: ignore[arg-type]
            Session.objects.filter(session_key=key).delete()

        patch.setattr(sessions, "keep", overtaken)
        assert client.get(URL).status_code == 400

    assert not Session.objects.filter(session_key=key).exists()
    assert not is_signed_in(client)


def test_all_is_said_in_spanish() -> None:
    client = signed_in(make_person())
    client.cookies["language"] = "es"
    assert "Firefox en Linux" in page_of(client)
