"""Viewing as: an admin sees a person's own pages, and can do nothing meanwhile."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from onboarding import viewing
from onboarding.enums import Layer, Outcome, Readiness, Role
from onboarding.models import AuditEvent, Bundle, OneTimeCode, Person, Verification
from tests.factories import (
    SONNET,
    make_answer,
    make_finding,
    make_person,
    make_ready_person,
    make_revision,
    make_team,
    make_usage,
    make_verification,
)

pytestmark = pytest.mark.django_db

REASON = "ticket OPS-2114 <b>"
# The only ones that open to anything but a look: both end it.
WAYS_OUT = {"view-as-end", "sign-out"}
SUBMITS = re.compile(r'<button[^>]*type="submit"[^>]*>')
VIEWABLE = {"setup", "setup-verification", "bundle", "usage", "diagnose"}


def signed_in(person: Person) -> Client:
    assert person.user is not None
    client = Client()
    client.force_login(person.user)
    return client


def carla() -> Person:
    return make_person("carla.soto@acme.example", name="Carla Soto", role=Role.ADMIN)


def viewing_as(person: Person, viewer: Person | None = None) -> Client:
    client = signed_in(viewer or carla())
    response = client.post(f"/people/{person.pk}/view-as/", {"reason": REASON})
    assert (response.status_code, response["Location"]) == (302, "/setup/")
    return client


def late(client: Client) -> None:
    """A quarter of an hour has passed."""
    session = client.session
    session["viewing_as"] = session["viewing_as"] | {"until": (timezone.now() - dt.timedelta(seconds=1)).isoformat()}
    session.save()


def patterns(resolver: URLResolver, prefix: str = "") -> Iterator[tuple[str, URLPattern]]:
    for entry in resolver.url_patterns:
        route = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from patterns(entry, route)
        else:
            yield route, entry


def addresses() -> list[tuple[str, URLPattern]]:
    """Every URL there is, Django's admin included, with something in the place of what varies."""
    samples = {"int": "1", "slug": "platform", "uuid": "12345678-1234-5678-1234-567812345678"}
    found = []
    for route, entry in patterns(get_resolver()):
        path = re.sub(r"<(?:(\w+):)?\w+>", lambda match: samples.get(match[1] or "str", "1"), route)
        path = re.sub(r"\(\?P<\w+>[^)]*\)", "1", path).replace("^", "").replace("$", "").replace("\\", "")
        found.append((f"/{path}", entry))
    return found


# --- Beginning


@pytest.mark.parametrize("role", [Role.PERSON, Role.AUDITOR])
def test_it_is_for_admins(role: Role) -> None:
    person = make_ready_person()
    client = signed_in(make_person("other@acme.example", role=role))

    assert client.get(f"/people/{person.pk}/view-as/").status_code == 403
    assert client.post(f"/people/{person.pk}/view-as/", {"reason": REASON}).status_code == 403
    assert "viewing_as" not in client.session


def test_a_reason_is_required() -> None:
    person, client = make_ready_person(), signed_in(carla())

    assert client.get(f"/people/{person.pk}/view-as/").status_code == 200
    response = client.post(f"/people/{person.pk}/view-as/", {"reason": " "})

    assert response.status_code == 422
    assert "Say why." in response.content.decode()
    assert "viewing_as" not in client.session
    assert not AuditEvent.objects.filter(action="person.viewed-as").exists()


def test_it_is_on_record_with_its_reason() -> None:
    person = make_ready_person()
    viewing_as(person)

    event = AuditEvent.objects.get(action="person.viewed-as")
    assert (event.actor, event.target) == ("carla.soto@acme.example", person.email)
    assert event.details["reason"] == REASON


def test_nobody_views_as_themselves_or_as_nobody() -> None:
    admin = carla()
    client = signed_in(admin)

    for pk in (admin.pk, 99999):
        assert client.post(f"/people/{pk}/view-as/", {"reason": REASON}).status_code == 404


# --- What is seen


@pytest.mark.parametrize("path", ["/setup/", "/bundle/", "/usage/", "/diagnose/"])
def test_their_pages_are_shown_as_theirs_and_say_so(path: str) -> None:
    person = make_ready_person(monthly_budget=10)
    make_usage(day=timezone.now().date(), person=person)
    client = viewing_as(person)

    response = client.get(path)

    assert response.status_code == 200
    shown = response.content.decode()
    assert "You are viewing as Ana Núñez (ana.nunez@acme.example)." in shown
    assert "ticket OPS-2114 &lt;b&gt;" in shown
    assert 'action="/view-as/end/"' in shown
    # The buttons on the page are switched off, and the admin's own pages are not offered.
    buttons = SUBMITS.findall(shown.partition("<main")[2])
    assert buttons
    assert [button for button in buttons if " disabled" not in button] == []
    assert 'href="/plans/"' not in shown
    # Who is signed in is still told.
    assert "Carla Soto, account menu" in shown


def test_no_button_is_left_where_something_blocks_them() -> None:
    revision = make_revision()
    person = make_person(team=make_team(revision.plan))
    run = make_verification(person, revision, outcome=Readiness.BLOCKED, verified_profiles=[])
    denied = make_finding("permissions", outcome=Outcome.FAILED, layer=Layer.IDENTITY_POLICY, reason="not-allowed")
    unknown = make_finding("identity", outcome=Outcome.UNKNOWN, layer=Layer.AWS, reason="no-answer")
    make_answer(run, unknown, position=0)
    make_answer(run, denied, position=1, about=SONNET)

    buttons = SUBMITS.findall(viewing_as(person).get("/setup/").content.decode().partition("<main")[2])

    assert len(buttons) > 2
    assert [button for button in buttons if " disabled" not in button] == []


def test_what_is_shown_is_the_persons_and_not_the_admins() -> None:
    person, admin = make_ready_person(), carla()
    make_usage(day=timezone.now().date(), person=person)
    client = viewing_as(person, admin)

    assert "You used about $3.00" in client.get("/usage/").content.decode()
    assert "<bdi>Ana Núñez</bdi>, Linux" in client.get("/bundle/").content.decode()


def test_nobody_else_sees_a_banner() -> None:
    shown = signed_in(make_ready_person()).get("/setup/").content.decode()

    assert " disabled>" not in shown
    assert "viewing as" not in shown


def test_pages_that_were_not_found_say_whose_pages_are_shown_too() -> None:
    response = viewing_as(make_ready_person()).get("/nowhere/")

    assert response.status_code == 404
    assert "You are viewing as Ana Núñez" in response.content.decode()


def test_a_look_starts_no_verification() -> None:
    revision = make_revision()
    person = make_person(team=make_team(revision.plan))
    client = viewing_as(person)
    events = AuditEvent.objects.count()

    shown = client.get("/setup/").content.decode()

    assert "Nothing is verified yet" in shown
    assert not Verification.objects.exists()
    assert AuditEvent.objects.count() == events


def test_a_look_starts_none_where_the_last_one_is_too_old() -> None:
    person = make_ready_person()
    past = timezone.now() - dt.timedelta(days=3)
    Verification.objects.update(queued_at=past, proved_until=past)

    assert viewing_as(person).get("/setup/").status_code == 200
    assert Verification.objects.count() == 1


def test_one_that_runs_is_watched() -> None:
    revision = make_revision()
    person = make_person(team=make_team(revision.plan))
    make_verification(person, revision, state="running", started_at=timezone.now())

    response = viewing_as(person).get("/setup/verification/")

    assert response.status_code == 200
    assert 'id="live"' in response.content.decode()


def test_it_costs_others_no_query(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    request = type("Request", (), {"session": {}, "user": None})()

    with django_assert_num_queries(0):
        assert viewing.viewing_of(request) is None


# --- What is refused


def test_every_write_of_every_url_is_refused() -> None:
    person = make_ready_person()
    client = viewing_as(person)
    tables = (AuditEvent, Bundle, OneTimeCode, Verification, Person)
    before = [table.objects.count() for table in tables]

    tried = 0
    for path, entry in addresses():
        if entry.name in WAYS_OUT:
            continue
        # Django's admin writes by POST alone.
        for method in ("POST", "PUT", "PATCH", "DELETE") if hasattr(entry.callback, "rule") else ("POST",):
            response = client.generic(method, path)
            assert response.status_code == 403, (method, path)
            assert "Closed while you view as somebody else" in response.content.decode(), (method, path)
            tried += 1

    assert tried > 150
    assert [table.objects.count() for table in tables] == before
    # It has not ended by any of it.
    assert "You are viewing as" in client.get("/setup/").content.decode()


def test_every_page_is_closed_but_the_persons_own_and_what_anybody_may_see() -> None:
    client = viewing_as(make_ready_person())

    opened = set()
    for path, entry in addresses():
        if getattr(entry.callback, "rule", "") == "public" or entry.name in WAYS_OUT:
            continue
        response = client.get(path)
        if response.status_code == 403:
            assert "Closed while you view as somebody else" in response.content.decode(), path
        else:
            opened.add(entry.name)

    assert opened == VIEWABLE


def test_what_the_admin_made_before_is_not_downloaded_meanwhile() -> None:
    person, admin = make_ready_person(), carla()
    client = signed_in(admin)
    Person.objects.filter(pk=admin.pk).update(team=person.team)
    make_verification(admin, person.verifications.get().revision, principal=person.principals.get())
    assert client.post("/bundle/make/", {"platform": "linux"}).status_code == 302
    client.post(f"/people/{person.pk}/view-as/", {"reason": REASON})

    assert client.get("/bundle/download/").status_code == 403


# --- Its end


def test_it_ends_with_the_button() -> None:
    person = make_ready_person()
    client = viewing_as(person)

    assert client.post("/view-as/end/")["Location"] == f"/people/{person.pk}/"

    assert client.get(f"/people/{person.pk}/").status_code == 200
    assert "viewing as" not in client.get("/usage/").content.decode()
    event = AuditEvent.objects.get(action="person.view-ended")
    assert (event.actor, event.target) == ("carla.soto@acme.example", person.email)


def test_ending_what_has_ended_is_no_deed() -> None:
    client = signed_in(carla())

    assert client.post("/view-as/end/")["Location"] == "/setup/"
    assert not AuditEvent.objects.filter(action="person.view-ended").exists()


def test_it_ends_by_itself_after_a_quarter_of_an_hour() -> None:
    person = make_ready_person()
    client = viewing_as(person)
    until = dt.datetime.fromisoformat(client.session["viewing_as"]["until"])
    assert timezone.now() + dt.timedelta(minutes=14) < until <= timezone.now() + dt.timedelta(minutes=15)

    late(client)

    assert "viewing as" not in client.get("/usage/").content.decode()
    assert client.get(f"/people/{person.pk}/").status_code == 200


def test_it_ends_at_sign_out() -> None:
    person, admin = make_ready_person(), carla()
    client = viewing_as(person, admin)

    assert client.post("/sign-out/")["Location"] == "/"
    assert client.get("/usage/")["Location"] == "/?next=/usage/"
    assert admin.user is not None
    client.force_login(admin.user)
    assert "viewing as" not in client.get("/usage/").content.decode()


@pytest.mark.parametrize("lost", [{"role": Role.PERSON}, {"role": Role.AUDITOR}])
def test_it_ends_with_the_role(lost: dict[str, object]) -> None:
    admin = carla()
    client = viewing_as(make_ready_person(), admin)

    Person.objects.filter(pk=admin.pk).update(**lost)

    shown = client.get("/usage/")
    assert shown.status_code == 200
    assert "Ana Núñez" not in shown.content.decode()


def test_a_deactivated_admin_sees_nothing() -> None:
    admin = carla()
    client = viewing_as(make_ready_person(), admin)

    Person.objects.filter(pk=admin.pk).update(is_active=False)

    response = client.get("/usage/")
    assert response.status_code == 403
    assert "Ana Núñez" not in response.content.decode()


def test_the_pages_of_somebody_deactivated_can_be_seen() -> None:
    person = make_ready_person()
    client = viewing_as(person)

    Person.objects.filter(pk=person.pk).update(is_active=False)

    assert client.get("/usage/").status_code == 200
