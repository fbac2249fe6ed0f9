"""The setup page is kept while nothing changes: it is never another person's, and never says what no longer is so."""

from __future__ import annotations

import copy
import datetime as dt
import html
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import time_machine
from django.db import DatabaseError, models, transaction
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from onboarding.access import access_of
from onboarding.bundles.make import make_bundle
from onboarding.enums import Layer, Outcome, Platform, Readiness, Role, RunState
from onboarding.models import (
    Account,
    AdminRequest,
    Bundle,
    Enrolment,
    IdentityCenter,
    Person,
    Plan,
    PlanRevision,
    Principal,
    Team,
    User,
    Verification,
)
from onboarding.requests import answer_request, ask_about_finding, ask_for_access, close_request
from onboarding.views.setup_page import PAGES, PARTS, REVISIONS, TAGS
from tests.factories import (
    make_answer,
    make_enrolment,
    make_finding,
    make_person,
    make_ready_person,
    make_revision,
    make_team,
    make_verification,
)
from tests.web.test_setup import blocked_person, signed_in

pytestmark = pytest.mark.django_db

_TOKEN = re.compile(r'(?<=name="csrfmiddlewaretoken" value=")\w+')


def page_of(client: Client, path: str = "/setup/", **headers: str) -> str:
    """The page, without what differs from one answer to the next by design."""
    response = client.get(path, headers=headers)
    assert response.status_code == 200
    return _TOKEN.sub("", response.content.decode())


def forget() -> None:
    """As a process that has just begun."""
    for kept in (PAGES, PARTS, REVISIONS, TAGS):
        kept.clear()


# --- That it is kept


def test_a_page_that_did_not_change_asks_three_questions(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    client = signed_in(make_ready_person())
    page = page_of(client)

    with django_assert_num_queries(3):  # the session, the user with person and team, and the page's fingerprint
        assert page_of(client) == page


def test_each_answer_has_a_token_of_its_own_that_works() -> None:
    client = Client(enforce_csrf_checks=True)
    person = make_ready_person()
    assert person.user is not None
    client.force_login(person.user)
    User.objects.update(last_login=timezone.now() - dt.timedelta(hours=1))
    tokens = [_TOKEN.findall(client.get("/setup/").content.decode()) for _ in range(2)]

    assert all(tokens)
    assert not set(tokens[0]) & set(tokens[1])
    answer = client.post("/setup/verify/", {"csrfmiddlewaretoken": tokens[1][0]})
    assert answer.status_code == 302
    assert Verification.objects.filter(person=person).count() == 2


def test_the_page_is_stored_nowhere_else() -> None:
    client = signed_in(make_ready_person())

    for _ in range(2):
        assert "no-store" in client.get("/setup/")["Cache-Control"]


# --- That it is one's own


def test_nobody_gets_somebody_elses() -> None:
    ana = signed_in(make_ready_person(name="Ana Núñez"))
    luis = signed_in(make_ready_person("luis.gil@acme.example", name="Luis Gil"))

    for client, mine, other in [(ana, "Ana Núñez", "Luis Gil"), (luis, "Luis Gil", "Ana Núñez")] * 2:
        page = page_of(client)
        assert mine in page
        assert other not in page


def test_it_speaks_the_readers_language_and_offers_their_platform() -> None:
    client = signed_in(make_ready_person())
    shown = [
        page_of(client, **{"Accept-Language": language, "User-Agent": agent})
        for language in ("en", "es")
        for agent in ("Windows", "Mac OS")
    ]
    client.cookies["theme"] = "dark"
    shown.append(page_of(client))

    assert len(set(shown)) == 5
    assert 'data-theme="dark"' in shown[4]


def test_what_an_address_asks_for_is_not_kept() -> None:
    client = signed_in(make_ready_person())

    assert 'href="#os-windows" data-first' in page_of(client, "/setup/?os=windows")
    assert 'href="#os-windows" data-first' not in page_of(client)


def test_an_admin_who_views_sees_the_page_as_it_is_for_viewers() -> None:
    person = make_ready_person(name="Ana Núñez")
    page_of(signed_in(person))
    carla = signed_in(make_person("carla.soto@acme.example", role=Role.ADMIN, name="Carla Soto"))
    carla.post(f"/people/{person.pk}/view-as/", {"reason": "To help"})

    page = page_of(carla)

    assert "Carla Soto" in page
    assert "disabled" in page
    assert "disabled" not in page_of(signed_in(person))


def test_an_admins_count_of_open_requests_is_never_old() -> None:
    carla = signed_in(make_ready_person("carla.soto@acme.example", role=Role.ADMIN))
    page = page_of(carla)
    ask_for_access(person=make_person(), note="")

    assert page_of(carla) != page


# --- That it is never old


def ready() -> Person:
    """With a bundle, two machines, and an open, an answered and a closed request."""
    person = make_ready_person()
    make_bundle(access_of(person), platform=Platform.LINUX, language="en", actor=person.email)
    make_enrolment(person)
    failed = make_finding("doctor", outcome=Outcome.FAILED, layer=Layer.AWS, reason="works", facts={"machine": "x"})
    make_enrolment(person, machine="ana-pc", outcome=Outcome.FAILED, finding=failed, connected_at=None)
    verification = access_of(person).verification
    assert verification is not None
    passed = make_finding(facts={"role": "ClaudeCodeDeveloper", "account": "111122223333"})
    make_answer(verification, passed)
    for reason in ("open", "answered", "closed"):
        AdminRequest.objects.create(person=person, check_name="identity", reason=reason, finding=passed)
    answer_request(request=AdminRequest.objects.get(reason="answered"), actor="carla", answer="Soon.")
    close_request(request=AdminRequest.objects.get(reason="closed"), actor="carla", answer="Done.")
    return person


def blocked() -> Person:
    person = blocked_person()
    verification = access_of(person).verification
    assert verification is not None
    ask_about_finding(person=person, answer=verification.answers.get(), note="Please")
    return person


def live() -> Person:
    revision = make_revision()
    person = make_person(team=make_team(revision.plan))
    make_verification(person, revision, state=RunState.RUNNING, started_at=timezone.now())
    return person


def without_a_plan() -> Person:
    person = make_person(team=make_team())
    ask_for_access(person=person, note="Please")
    return person


def unknown() -> Person:
    person = make_ready_person()
    facts = {"operation": "iam:SimulatePrincipalPolicy"}
    finding = make_finding("permissions", outcome=Outcome.UNKNOWN, reason="throttled", facts=facts)
    verification = make_verification(person, make_revision(), outcome=Readiness.UNKNOWN, verified_profiles=[])
    make_answer(verification, finding)
    return person


PEOPLE = (ready, blocked, live, without_a_plan, unknown)
# What can change after it was written; revisions, findings and their places cannot, but which revision counts.
CHANGING = (
    *(Account, AdminRequest, Bundle, Enrolment, IdentityCenter, Person, Plan, Principal, Team, User, Verification),
    PlanRevision,
)


@pytest.mark.parametrize("make", PEOPLE)
def test_whatever_is_changed_shows_at_once(make: Callable[[], Person]) -> None:
    """One column of one row at a time: what is served is what would be made anew."""
    client = signed_in(make())
    signed_in_as = copy.deepcopy(client.cookies)
    stale, shown = [], 0
    for row, field in columns():
        client.cookies = copy.deepcopy(signed_in_as)  # some changes end the session
        before = seen(client)
        with one_column_changed(row, field) as is_changed:
            if not is_changed:
                continue
            served = seen(client)
            forget()
            fresh = seen(client)
            shown += fresh != before
            if served != fresh:
                stale.append(f"{type(row).__name__}.{field.name}")
        forget()

    assert stale == []
    assert shown > 5


def columns() -> Iterator[tuple[models.Model, models.Field[Any, Any]]]:
    for model in CHANGING:
        names = {"is_current"} if model is PlanRevision else None
        for row in model._default_manager.all():
            for field in model._meta.concrete_fields:
                if not field.primary_key and (names is None or field.name in names):
                    yield row, field


@contextmanager
def one_column_changed(row: models.Model, field: models.Field[Any, Any]) -> Iterator[bool]:
    """Whether the database took it; undone at the end."""
    with transaction.atomic():
        mine = type(row)._default_manager.filter(pk=row.pk)
        try:
            with transaction.atomic():
                mine.update(**{field.attname: _other(field, getattr(row, field.attname))})
        except DatabaseError:
            yield False
        else:
            yield True
        transaction.set_rollback(True)


def seen(client: Client) -> tuple[int, str]:
    """Whoever is switched off sees no page."""
    response = client.get("/setup/")
    return response.status_code, _TOKEN.sub("", response.content.decode())


def _other(field: models.Field[Any, Any], value: Any) -> Any:
    """Another value that the column takes."""
    if field.choices:
        return next(choice for choice, _ in field.flatchoices if choice != value)
    if isinstance(field, models.BooleanField):
        return not value
    if isinstance(field, models.DateTimeField):
        return (value or timezone.now()) - dt.timedelta(minutes=7)
    if isinstance(field, models.JSONField):
        return ["other"]
    if isinstance(field, models.ForeignKey):
        return None if field.null else value
    if isinstance(field, models.IntegerField | models.DecimalField):
        return (value or 0) + 1
    return f"x{value}"[: field.max_length]


@pytest.mark.parametrize("make", PEOPLE)
def test_rows_that_come_and_go_show_at_once(make: Callable[[], Person]) -> None:
    person = make()
    client = signed_in(person)
    team = person.team
    assert team is not None
    stale = []
    for deed in (
        lambda: AdminRequest.objects.create(person=person, check_name="identity", reason="new"),
        lambda: AdminRequest.objects.filter(person=person).delete(),
        lambda: Enrolment.objects.filter(person=person).delete(),
        lambda: Bundle.objects.filter(person=person).delete(),
        lambda: make_revision(plan=team.plan),
        lambda: Verification.objects.filter(person=person).delete(),
        lambda: Team.objects.filter(pk=team.pk).update(plan=None),
        lambda: Person.objects.filter(pk=person.pk).update(team=None),
    ):
        page_of(client)
        deed()
        served = page_of(client)
        forget()
        if page_of(client) != served:
            stale.append(deed)

    assert stale == []


def test_an_answer_while_it_runs_shows_at_once() -> None:
    person = live()
    client = signed_in(person)
    before = page_of(client)
    make_answer(Verification.objects.get(), make_finding(facts={"role": "R", "account": "111122223333"}))

    assert page_of(client) != before


@pytest.mark.parametrize(
    ("make", "after"),
    [
        pytest.param(ready, dt.timedelta(hours=24), id="the bundle is no longer handed out"),
        pytest.param(live, dt.timedelta(seconds=30), id="polled less often"),
        pytest.param(live, dt.timedelta(minutes=2), id="polled less often again"),
        pytest.param(without_a_plan, dt.timedelta(days=14), id="an answer was shown long enough"),
    ],
)
def test_time_alone_shows_at_once(make: Callable[[], Person], after: dt.timedelta) -> None:
    now = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)
    with time_machine.travel(now, tick=False) as clock:
        person = make()
        for request in AdminRequest.objects.filter(state="open"):
            close_request(request=request, actor="carla", answer="Done.")
        clock.move_to(now + after - dt.timedelta(seconds=1))
        client = signed_in(person)
        User.objects.update(last_login=now - dt.timedelta(hours=1))
        before = page_of(client)
        clock.move_to(now + after + dt.timedelta(seconds=1))
        served = page_of(client)

    assert served != before


# --- The polled part


def poll(client: Client, tag: str = "") -> Any:
    return client.get("/setup/verification/", headers={"If-None-Match": tag} if tag else {})


def test_whoever_polls_and_shows_what_is_so_gets_no_page(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    client = signed_in(live())
    page = page_of(client)
    part = poll(client)
    tag = part["ETag"]

    with django_assert_num_queries(3):
        again = poll(client, tag)

    assert html.unescape(page).count(f'{{"If-None-Match": "{json.dumps(tag)[1:-1]}"}}') == 1
    assert (again.status_code, again.content, again["ETag"]) == (304, b"", tag)
    assert "no-store" in again["Cache-Control"]


def test_another_process_names_the_same_state_alike() -> None:
    client = signed_in(live())
    tag = poll(client)["ETag"]
    forget()

    assert poll(client, tag).status_code == 304


def test_whoever_polls_gets_what_is_new() -> None:
    client = signed_in(live())
    tag = poll(client)["ETag"]
    make_answer(Verification.objects.get(), make_finding(facts={"role": "R", "account": "111122223333"}))
    new = poll(client, tag)

    assert new.status_code == 200
    assert new["ETag"] != tag
    assert 'id="live"' in new.content.decode()


def test_whoever_polls_when_it_has_ended_is_sent_to_the_page() -> None:
    client = signed_in(live())
    tag = poll(client)["ETag"]
    now = timezone.now()
    Verification.objects.update(state=RunState.DONE, outcome=Readiness.READY, finished_at=now, proved_until=now)

    assert poll(client, tag).status_code == 286


def test_a_strangers_tag_says_nothing() -> None:
    tag = poll(signed_in(live()))["ETag"]
    luis = make_person("luis.gil@acme.example", team=Team.objects.get())
    make_verification(luis, PlanRevision.objects.get(), state=RunState.RUNNING, started_at=timezone.now())

    assert poll(signed_in(luis), tag).status_code == 200
