"""The people page: who stands how, narrowed, sorted and cut by the URL; the CSV of it, and verifying many again."""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import translation
from pytest_django import DjangoAssertNumQueries

from onboarding import roster, statuses
from onboarding.enums import Layer, Outcome, Readiness, Role, RunState, Trigger
from onboarding.models import AuditEvent, Person, PlanRevision, Team, Verification
from tests.factories import (
    make_answer,
    make_enrolment,
    make_finding,
    make_person,
    make_plan,
    make_principal,
    make_revision,
    make_team,
    make_usage,
    make_user,
    make_verification,
)
from tests.web.cost_pages import HOSTILE, NOW, TODAY, admin, read, signed_in, text_of

URL = "/people/"


@pytest.fixture(autouse=True)
def _today() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


pytestmark = pytest.mark.django_db


def member(name: str, team: Team | None = None, **fields: Any) -> Person:
    email = f"{name.lower().replace(' ', '.')}@acme.example"
    return make_person(email, **{"name": name, "team": team, "seen_at": NOW, **fields})


def verified(person: Person, revision: PlanRevision, *failed: tuple[str, str, Layer], **fields: Any) -> Verification:
    """Ready; or blocked where something failed: check, reason and layer."""
    if failed:
        fields["outcome"] = Readiness.BLOCKED
    run = make_verification(person, revision, principal=make_principal(person), **fields)
    for position, (check, reason, layer) in enumerate(failed):
        make_answer(run, make_finding(check, outcome=Outcome.FAILED, reason=reason, layer=layer), position=position)
    return run


NO_ASSIGNMENT = ("identity", "no-assignment", Layer.ASSIGNMENT)
NOT_IN_DIRECTORY = ("identity", "not-in-directory", Layer.DIRECTORY)
NO_FORM = ("use-case-form", "not-submitted", Layer.USE_CASE_FORM)


def company() -> dict[str, Person]:
    """One of each, beside the admin who looks, who has no plan."""
    revision = make_revision()
    platform = make_team(revision.plan)
    data = make_team(revision.plan, group="claude-data", name="Data")
    old = make_revision(plan=revision.plan, is_current=False, number=9)
    people = {
        "ready": member("Ana Núñez", platform),
        "outdated": member("Bo Ek", platform),
        "blocked": member("Cy Ford", data),
        "unknown": member("Di Gray", data),
        "never": member("Ed Hall", data, user=None, seen_at=None),
        "no-plan": member("Flo Ivers"),
        "gone": member("Gil Jones", data, is_active=False),
        "inactive": member("Hal King", platform, seen_at=NOW - dt.timedelta(days=40)),
    }
    for name in ("ready", "outdated", "inactive"):
        verified(people[name], revision)
    verified(people["blocked"], revision, NO_ASSIGNMENT, NO_FORM)
    make_enrolment(people["ready"], machine="ana-mbp")
    make_enrolment(people["outdated"], old, machine="bo-tp14", connected_at=None)
    make_usage(person=people["ready"], day=TODAY)
    admin()
    list(statuses.refresh_everybody())
    return people


def shown(query: str = "", client: Client | None = None) -> list[str]:
    """Whose rows are in the table, in their order."""
    page = read(f"{URL}{query}", client)
    return re.findall(r'<th scope="row">.*?<bdi>(.*?)</bdi>', page)


def file(query: str = "", client: Client | None = None) -> list[dict[str, str]]:
    response = (client or admin()).get(f"{URL}export.csv{query}")
    assert response.status_code == 200
    text = b"".join(response).decode()
    return list(csv.DictReader(io.StringIO(text)))


# --- Who may


@pytest.mark.parametrize("url", [URL, f"{URL}export.csv"])
def test_people_do_not_see_one_another(url: str) -> None:
    assert signed_in(make_person()).get(url).status_code == 403
    assert not AuditEvent.objects.exists()


@pytest.mark.parametrize("url", [URL, f"{URL}export.csv"])
def test_anonymous_visitors_are_sent_to_sign_in(client: Client, url: str) -> None:
    assert client.get(url)["Location"] == f"/?next={url}"


def test_a_user_who_is_nobodys_person_gets_403(client: Client) -> None:
    client.force_login(make_user())

    assert client.get(URL).status_code == 403


def test_an_auditor_reads_it_and_changes_nothing() -> None:
    people = company()
    auditor = signed_in(make_person("vic@acme.example", name="Vic", role=Role.AUDITOR))

    page = read(URL, auditor)

    assert "Ana Núñez" in page
    assert "/people/verify/" not in page
    assert 'type="checkbox"' not in page
    assert len(file("?status=ready", auditor)) == 3
    assert auditor.post(f"{URL}verify/", {"person": people["ready"].pk}).status_code == 403
    assert Verification.objects.live().count() == 0
    assert f'<a href="{URL}"' in read("/setup/", auditor)


def test_nobody_else_is_led_there() -> None:
    assert f'href="{URL}"' not in read("/setup/", signed_in(make_person()))


# --- What it says


def test_before_anybody_is_known_it_says_who_will_be() -> None:
    words = text_of(read(URL))

    assert "Nobody is here yet" in words
    assert "People appear here when they sign in" in words


def test_tiles_count_everybody_and_lead_to_whom_they_count() -> None:
    company()
    page = read(URL)
    tiles = dict(re.findall(r'<a class="tile" href="(.*?)".*?<span class="tile-value">(\d+)', page, re.DOTALL))

    assert "3 of 8 people can work" in text_of(page)
    assert tiles == {
        "?": "8",
        "?status=ready": "3",
        "?status=blocked": "1",
        "?status=unknown": "2",
        "?status=never-signed-in": "2",  # the admin of these tests never signed in through the provider
        "?status=outdated": "1",
        "?connected=yes": "1",
        "?activity=inactive": "1",
    }
    for link, count in tiles.items():
        assert len(shown(link)) == int(count), link


def test_a_row_says_the_one_word_and_what_is_behind_it() -> None:
    company()
    rows = {
        name: text_of(row)
        for row in re.findall(r"<tr>(.*?)</tr>", read(URL), re.DOTALL)
        for name in re.findall(r'<th scope="row">.*?<bdi>(.*?)</bdi>', row)
    }

    assert "Ready" in rows["Ana Núñez"]
    assert "ana-mbp" in rows["Ana Núñez"]
    assert "Today" in rows["Ana Núñez"]
    assert "Outdated bundle" in rows["Bo Ek"]
    assert "Blocked" in rows["Cy Ford"]
    assert "Permission set assignment and one more" in rows["Cy Ford"]
    assert "Unknown Not verified yet" in rows["Di Gray"]
    assert "Never signed in" in rows["Ed Hall"]
    assert "No plan" in rows["Flo Ivers"]
    assert "Inactive 30 days" in rows["Hal King"]
    assert "Gil Jones" not in rows


def test_blockers_say_how_many_one_fix_would_let_in() -> None:
    revision = make_revision()
    team = make_team(revision.plan)
    for number in range(3):
        verified(member(f"Ana {number}", team), revision, NO_ASSIGNMENT)
    verified(member("Bo", team), revision, NO_ASSIGNMENT, NO_FORM)
    verified(member("Cy", team), revision, NOT_IN_DIRECTORY)
    list(statuses.refresh_everybody())

    page = read(URL)
    words = text_of(page)

    assert "Permission set assignment 4 You have no permission set in account ? Fixed by an admin" in words
    assert "One fix would let 3 people work. Something else blocks one, too." in words
    assert "One fix would let one person work." in words
    assert page.index("no-assignment") < page.index("not-in-directory")
    assert shown("?layer=assignment&cause=identity.no-assignment") == ["Ana 0", "Ana 1", "Ana 2", "Bo"]


# --- What narrows it


def test_a_cause_is_shown_can_be_taken_off_and_goes_with_its_layer() -> None:
    blocked = "layer=assignment&cause=identity.no-assignment"
    page = read(f"{URL}?{blocked}&team=none")

    assert "no-assignment</span>" in page
    assert 'href="?team=none&amp;layer=assignment#roster">Any cause</a>' in page
    assert 'name="cause_of" value="assignment"' in page
    for layer, is_kept in (("assignment", True), ("network", False)):
        sent = read(f"{URL}?layer={layer}&cause=identity.no-assignment&cause_of=assignment")
        assert ("Any cause" in sent) == is_kept


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("status=ready", ["Ana Núñez", "Bo Ek", "Hal King"]),
        ("status=blocked", ["Cy Ford"]),
        ("status=unknown", ["Di Gray", "Ed Hall"]),
        ("status=never-signed-in", ["Carla Soto", "Ed Hall"]),
        ("status=outdated", ["Bo Ek"]),
        ("status=no-plan", ["Carla Soto", "Flo Ivers"]),
        ("status=deactivated", ["Gil Jones"]),
        ("layer=assignment", ["Cy Ford"]),
        ("layer=network", []),
        ("cause=identity.no-assignment", ["Cy Ford"]),
        ("cause=identity.not-in-directory", []),
        ("revision=9", ["Bo Ek"]),
        ("revision=1", ["Ana Núñez"]),
        ("connected=yes", ["Ana Núñez"]),
        ("activity=inactive", ["Hal King"]),
        ("team=none", ["Carla Soto", "Flo Ivers"]),
        ("team=99", []),
        ("q=nunez", ["Ana Núñez"]),
        ("q=NÚÑ+an", ["Ana Núñez"]),
        ("q=uñez", []),
        ("q=ana.nunez@acme", ["Ana Núñez"]),
        ("q=tp14", ["Bo Ek"]),
        ("q=bo-tp", ["Bo Ek"]),
        ("q=an%25", ["Ana Núñez"]),
        ("q=a_an", ["Ana Núñez"]),
        ("status=ready&activity=active&connected=no", ["Bo Ek"]),
        ("status=unknown&q=ed", ["Ed Hall"]),
    ],
)
def test_filters(query: str, names: list[str]) -> None:
    company()

    assert shown(f"?{query}") == names
    assert [row["name"] for row in file(f"?{query}")] == names


def test_filters_of_team_and_plan() -> None:
    people = company()
    team, plan = people["blocked"].team, make_plan("mobile", "Mobile")
    assert team is not None

    assert shown(f"?team={team.pk}") == ["Cy Ford", "Di Gray", "Ed Hall"]
    assert len(shown(f"?plan={team.plan_id}")) == 6
    assert shown(f"?plan={plan.pk}") == []
    assert "Nobody matches this filter." in text_of(read(f"{URL}?plan={plan.pk}"))


def test_what_a_filter_does_not_know_is_left_out_and_said() -> None:
    company()
    query = "?status=happy&team=x&layer=x&cause=x&revision=-1&connected=maybe&activity=x&plan=1e9&q=%00&after=x&sort=x"

    words = text_of(read(f"{URL}{query}"))

    assert "which was left out: q, team, plan, status, layer, cause, revision, connected, activity." in words
    assert len(shown(query)) == 8


# --- In what order, and how it is cut


@pytest.mark.parametrize(
    ("sort", "names"),
    [
        ("", ["Ana Núñez", "Bo Ek", "Carla Soto", "Cy Ford", "Di Gray", "Ed Hall", "Flo Ivers", "Hal King"]),
        ("-name", ["Hal King", "Flo Ivers", "Ed Hall", "Di Gray", "Cy Ford", "Carla Soto", "Bo Ek", "Ana Núñez"]),
        ("team", ["Carla Soto", "Flo Ivers", "Cy Ford", "Di Gray", "Ed Hall", "Ana Núñez", "Bo Ek", "Hal King"]),
        ("-used", ["Ana Núñez", "Hal King", "Flo Ivers", "Ed Hall", "Di Gray", "Cy Ford", "Carla Soto", "Bo Ek"]),
        ("-revision", ["Bo Ek", "Ana Núñez", "Hal King", "Flo Ivers", "Ed Hall", "Di Gray", "Cy Ford", "Carla Soto"]),
        ("status", ["Carla Soto", "Flo Ivers", "Cy Ford", "Ana Núñez", "Bo Ek", "Hal King", "Di Gray", "Ed Hall"]),
        ("verified", ["Carla Soto", "Di Gray", "Ed Hall", "Flo Ivers", "Ana Núñez", "Bo Ek", "Cy Ford", "Hal King"]),
    ],
)
def test_sorting(sort: str, names: list[str]) -> None:
    company()

    assert shown(f"?sort={sort}") == names
    assert [row["name"] for row in file(f"?sort={sort}")] == names


def test_a_heads_link_sorts_and_turns_round() -> None:
    company()

    page = read(f"{URL}?status=ready&sort=-used")

    assert re.search(r'aria-sort="descending"><a href="\?status=ready&amp;sort=used#roster"', page)
    assert 'href="?status=ready#roster">Person' in page
    assert 'href="?status=ready&amp;sort=-verified#roster"' in page


@pytest.mark.parametrize("sort", [*roster.ORDERS, *(f"-{name}" for name in roster.ORDERS)])
def test_pages_hold_everybody_once_also_among_equals(sort: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("onboarding.views.people.SHOWN", 3)
    revision = make_revision()
    team = make_team(revision.plan)
    for number in range(8):
        # Two of a name, and one team, status, day and revision.
        make_person(f"p{number}@acme.example", name=f"Ana {number // 2}", team=team)
    admin()
    list(statuses.refresh_everybody())
    everybody = [row["email"] for row in file(f"?sort={sort}")]

    there, query = [], f"?sort={sort}"
    while query:
        page = read(f"{URL}{query}")
        there.append(re.findall(r'name="person" value="(\d+)"', page))
        query, back = _link(page, "next"), _link(page, "prev") or ""
    emails = dict(Person.objects.values_list("pk", "email"))
    assert [emails[int(pk)] for pks in there for pk in pks] == everybody

    while back:
        there.pop()
        page = read(f"{URL}{back}")
        assert re.findall(r'name="person" value="(\d+)"', page) == there[-1]
        back = _link(page, "prev")
    assert len(there) == 1


def _link(page: str, rel: str) -> str:
    found = re.search(rf'rel="{rel}" href="(.*?)#', page)
    return found[1].replace("&amp;", "&") if found else ""


def test_links_keep_what_the_url_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("onboarding.views.people.SHOWN", 1)
    company()

    page = read(f"{URL}?status=ready&sort=-name&connected=no")

    assert _link(page, "next").startswith("?status=ready&connected=no&sort=-name&after=")
    assert 'href="/people/export.csv?status=ready&amp;connected=no&amp;sort=-name"' in page
    assert 'action="/people/verify/?status=ready&amp;connected=no&amp;sort=-name"' in page
    assert '<input type="hidden" name="sort" value="-name">' in page
    assert re.search(r'<option value="ready" selected>', page)
    assert re.search(r'<option value="no" selected>', page)


def test_after_somebody_who_is_gone_it_begins_anew() -> None:
    company()

    assert shown("?after=999999") == shown()


def test_it_counts_no_further_than_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(roster, "COUNTED", 2)
    monkeypatch.setattr("onboarding.views.people.COUNTED", 2)
    company()

    words = text_of(read(f"{URL}?status=ready"))

    assert "More than 2 people" in words
    assert "At most 500 people are verified at once." in words
    assert "8 people found" in text_of(read(URL))


def test_as_many_queries_for_one_as_for_many(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    revision = make_revision()
    team = make_team(revision.plan)
    client = admin()
    verified(member("Ana", team), revision, NO_ASSIGNMENT)
    list(statuses.refresh_everybody())
    with django_assert_num_queries(14):
        read(URL, client)

    for number in range(60):
        person = member(f"Bo {number:02}", team)
        verified(person, revision, NO_ASSIGNMENT if number % 2 else NOT_IN_DIRECTORY)
        make_enrolment(person)
    list(statuses.refresh_everybody())
    with django_assert_num_queries(14):
        read(URL, client)
    edge = Person.objects.get(name="Bo 03")
    with django_assert_num_queries(16):
        read(f"{URL}?q=bo&sort=-verified&after={edge.pk}", client)


# --- The file


def test_the_file_has_what_is_known_and_is_on_record() -> None:
    people = company()

    (row,) = file("?q=ana")

    assert row | {"verified_at": "", "signed_in_at": ""} == {
        "name": "Ana Núñez",
        "email": people["ready"].email,
        "team": "Platform",
        "plan": "Platform engineering",
        "status": "ready",
        "readiness": "ready",
        "blocking_layer": "",
        "check": "",
        "reason": "",
        "verified_at": "",
        "installed": "current",
        "installed_revision": "1",
        "current_revision": "1",
        "connected": "true",
        "signed_in_at": "",
        "last_used_on": "2026-11-20",
        "inactive_30_days": "false",
    }
    assert row["verified_at"] == "2026-11-20T12:00:00+00:00"
    event = AuditEvent.objects.get(action="people.exported")
    assert (event.actor, event.details) == ("carla.soto@acme.example", {"filter": {"q": "ana"}})


def test_names_are_text_in_pages_and_files() -> None:
    member("=HYPERLINK(1)", make_team(name=HOSTILE))
    make_person("x@acme.example", name=HOSTILE)
    list(statuses.refresh_everybody())

    page = read(URL)

    assert HOSTILE not in page
    assert "&lt;script&gt;" in page
    assert [row["name"] for row in file("?q=hyperlink")] == ["'=HYPERLINK(1)"]
    assert HOSTILE not in read(f"{URL}?q={HOSTILE}")


# --- Verifying again


def test_the_selected_are_verified_again() -> None:
    people = company()
    client = admin()
    before = Verification.objects.count()
    wanted = [people[name].pk for name in ("ready", "blocked", "no-plan", "gone")]

    response = client.post(f"{URL}verify/?status=ready&sort=-name", {"person": [*wanted, "x", "99999"]})

    assert response["Location"] == "/people/?status=ready&sort=-name&asked=2"
    opened = Verification.objects.live()
    assert {run.person_id for run in opened} == {people["ready"].pk, people["blocked"].pk}
    assert {run.trigger for run in opened} == {Trigger.ADMIN}
    assert Verification.objects.count() == before + 2
    event = AuditEvent.objects.get(action="people.verified")
    assert (event.actor, event.details["count"]) == ("carla.soto@acme.example", 2)
    assert "2 people are being verified again." in text_of(read(response["Location"]))


def test_all_of_a_filter_are_verified_again() -> None:
    company()

    response = admin().post(f"{URL}verify/?status=ready", {"scope": "all"})

    assert response["Location"] == "/people/?status=ready&asked=3"
    assert Verification.objects.live().count() == 3


def test_who_is_being_verified_is_not_verified_twice() -> None:
    people = company()
    revision = PlanRevision.objects.get(is_current=True)
    live = make_verification(people["ready"], revision, state=RunState.RUNNING)

    response = admin().post(f"{URL}verify/", {"person": people["ready"].pk})

    assert response["Location"] == "/people/?asked=0"
    assert Verification.objects.live().get() == live
    assert "Nobody was verified again" in text_of(read(response["Location"]))


def test_too_many_at_once_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("onboarding.views.people.VERIFIED_AT_ONCE", 2)
    company()

    response = admin().post(f"{URL}verify/?status=ready", {"scope": "all"})

    assert response.status_code == 422
    assert Verification.objects.live().count() == 0
    assert not AuditEvent.objects.filter(action="people.verified").exists()
    assert "At most 2 people are verified at once." in text_of(read(f"{URL}?status=ready"))


def test_verifying_is_a_post() -> None:
    assert admin().get(f"{URL}verify/").status_code == 405


# --- In Spanish


def test_in_spanish() -> None:
    company()
    client = admin()
    client.cookies["language"] = "es"

    with translation.override("es"):
        words = text_of(read(f"{URL}?status=blocked", client))

    assert "3 de 8 personas pueden trabajar" in words
    assert "Acceso bloqueado" in words
    assert "Principales bloqueos" in words
