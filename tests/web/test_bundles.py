"""Bundles that left the portal: the list, a plan's for device management, and a copy of somebody's to help them."""

from __future__ import annotations

import datetime as dt
import hashlib
import io
import json
import zipfile
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from onboarding.access import access_of
from onboarding.bundles.make import make_bundle
from onboarding.enums import Platform, Readiness, Role, SettingsScope
from onboarding.models import AuditEvent, Bundle, Person, PlanRevision
from tests.factories import (
    HAIKU,
    OPUS,
    SONNET,
    make_person,
    make_plan,
    make_principal,
    make_ready_person,
    make_revision,
    make_team,
    make_user,
    make_verification,
)
from tests.web.plan_pages import HOSTILE, client_of, member, text_of, took

pytestmark = pytest.mark.django_db

MANAGED = "/plans/platform/managed-bundle/"


@pytest.fixture
def admin() -> Client:
    return client_of(Role.ADMIN)


def ready(email: str, revision: PlanRevision, *profiles: str, role: str = "ClaudeCodeDeveloper") -> Person:
    person = member(email)
    verified = list(profiles or revision.profiles.values())
    make_verification(
        person, revision, principal=make_principal(person, permission_set=role), verified_profiles=verified
    )
    return person


def unpacked(response: Any) -> dict[str, str]:
    assert response.status_code == 200
    assert response["Content-Type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(response.content)) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


def events(action: str) -> list[AuditEvent]:
    return list(AuditEvent.objects.filter(action=action).order_by("pk"))


# --- Who may


def test_auditors_read_and_only_admins_take() -> None:
    person = make_ready_person()
    PlanRevision.objects.update(settings_scope=SettingsScope.MANAGED)
    copy = f"/people/{person.pk}/bundle/"

    auditor = client_of(Role.AUDITOR)
    assert auditor.get("/bundles/").status_code == 200
    for client in (auditor, client_of(Role.PERSON)):
        assert client.post(MANAGED, {"platform": "linux"}).status_code == 403
        assert client.get(copy).status_code == 403
        assert client.post(copy, {"platform": "linux", "reason": "Mine"}).status_code == 403
    assert client_of(Role.PERSON).get("/bundles/").status_code == 403
    assert Client().get("/bundles/")["Location"] == "/?next=/bundles/"
    nobody = Client()
    nobody.force_login(make_user())
    assert nobody.get("/bundles/").status_code == 403
    assert AuditEvent.objects.count() == 0


# --- For device management


def test_device_management_gets_what_everybody_who_is_ready_can_use(admin: Client) -> None:
    revision = make_revision(settings_scope=SettingsScope.MANAGED)
    ready("ana@acme.example", revision)
    ready("bo@acme.example", revision, SONNET, HAIKU)
    blocked = member("cy@acme.example")
    make_verification(blocked, revision, outcome=Readiness.BLOCKED, verified_profiles=[])

    page = text_of(admin.get("/plans/platform/"))
    answer = admin.post(MANAGED, {"platform": "windows"})
    files = unpacked(answer)

    assert "Not all of the 2 people who are ready have every tier, so for all is left out: Opus." in page
    assert answer["Content-Disposition"] == 'attachment; filename="onramp-managed.zip"'
    settings = json.loads(files["managed-settings.json"])
    assert settings["allowedProviders"] == ["bedrock"]
    assert settings["availableModels"] == [SONNET, HAIKU]
    assert OPUS not in "".join(files.values())
    assert "sso_role_name = ClaudeCodeDeveloper" in files["aws-config"]
    assert "/etc/claude-code/managed-settings.json" in files["README.md"]
    assert "Opus, so it is left out for all" in files["README.md"]
    assert json.loads(files["MANIFEST.json"])["left_out"] == ["opus"]
    lines = (line.split("  ") for line in files["SHA256SUMS"].splitlines())
    sums = {name: digest for digest, name in lines}
    assert sums == {
        name: hashlib.sha256(text.encode()).hexdigest() for name, text in files.items() if name != "SHA256SUMS"
    }
    everything = "".join(files.values())
    assert "@acme.example" not in everything
    assert Bundle.objects.count() == 0
    (event,) = events("bundle.managed")
    assert (event.actor, event.target) == ("admin@acme.example", "Platform engineering")
    assert event.details == {
        "plan": "platform",
        "revision": 1,
        "platform": "windows",
        "digest": hashlib.sha256(answer.content).hexdigest(),
        "left_out": ["opus"],
    }


def test_where_people_have_different_roles_no_aws_config_is_made(admin: Client) -> None:
    revision = make_revision(settings_scope=SettingsScope.MANAGED)
    ready("ana@acme.example", revision)
    ready("bo@acme.example", revision, role="Another")

    files = unpacked(admin.post(MANAGED))

    assert "aws-config" not in files
    assert "PERMISSION-SET" not in "".join(files.values())


@pytest.mark.parametrize("fields", [{}, {"proved_until": timezone.now() - dt.timedelta(hours=1)}])
def test_nothing_is_handed_out_while_nobody_is_ready(fields: dict[str, Any], admin: Client) -> None:
    revision = make_revision(settings_scope=SettingsScope.MANAGED)
    person = member("ana@acme.example")
    if fields:
        make_verification(person, revision, principal=make_principal(person), **fields)

    page = admin.get("/plans/platform/")
    answer = admin.post(MANAGED)

    assert "Device management gets nothing yet" in text_of(page)
    assert MANAGED not in page.content.decode()
    assert answer["Location"] == "/plans/platform/"
    assert events("bundle.managed") == []


def test_a_plan_whose_people_install_themselves_has_none(admin: Client) -> None:
    ready("ana@acme.example", make_revision())

    assert MANAGED not in admin.get("/plans/platform/").content.decode()
    assert admin.post(MANAGED).status_code == 404
    assert admin.post("/plans/nowhere/managed-bundle/").status_code == 404
    assert admin.get(MANAGED).status_code == 405


# --- For support


def test_a_copy_is_what_the_person_would_get_and_not_theirs(admin: Client) -> None:
    person = make_ready_person()
    url = f"/people/{person.pk}/bundle/"
    assert "Platform engineering, revision 1" in text_of(admin.get(url))

    answer = admin.post(url, {"platform": "macos", "reason": "Her doctor fails."})
    files = unpacked(answer)

    mine = make_bundle(access_of(person), platform=Platform.MACOS, language="en", actor="test").built
    assert answer.content == mine.archive
    assert "install.sh" in files
    assert Bundle.objects.count() == 1
    (event,) = events("bundle.copied")
    assert (event.actor, event.target) == ("admin@acme.example", "ana.nunez@acme.example")
    assert event.details == {
        "plan": "platform",
        "revision": 1,
        "platform": "macos",
        "digest": mine.digest,
        "reason": "Her doctor fails.",
    }


def test_a_copy_needs_a_reason_and_a_system(admin: Client) -> None:
    url = f"/people/{make_ready_person().pk}/bundle/"

    assert "Say why you take it." in text_of(admin.post(url, {"platform": "linux", "reason": " "}))
    assert admin.post(url, {"platform": "beos", "reason": "Why not"})["Content-Type"].startswith("text/html")
    assert events("bundle.copied") == []


def test_nothing_of_somebody_whose_access_does_not_work(admin: Client) -> None:
    person = make_ready_person()
    make_verification(person, PlanRevision.objects.get(), outcome=Readiness.BLOCKED)
    url = f"/people/{person.pk}/bundle/"

    assert "There is nothing to hand out" in text_of(admin.get(url))
    assert admin.post(url, {"platform": "linux", "reason": "Please"})["Location"] == url
    assert events("bundle.copied") == []


def test_nothing_of_somebody_deactivated_or_unknown(admin: Client) -> None:
    person = make_ready_person(is_active=False)

    for pk in (person.pk, 99_999):
        assert admin.get(f"/people/{pk}/bundle/").status_code == 404
        assert admin.post(f"/people/{pk}/bundle/", {"platform": "linux", "reason": "x"}).status_code == 404


# --- The list


def test_without_any_it_says_so(admin: Client) -> None:
    assert "None yet. People take theirs once their access works." in text_of(admin.get("/bundles/"))
    assert "None yet. An admin takes" in text_of(admin.get("/bundles/?by=admins"))


def test_people_and_what_they_took(admin: Client) -> None:
    old = make_revision()
    took(member("ana@acme.example"), old)
    person = member("bo@acme.example")
    revision = make_revision()
    make_verification(person, revision, principal=make_principal(person))
    for actor in ("bo@acme.example", "manage.py bundle"):
        make_bundle(access_of(person), platform=Platform.WINDOWS, language="en", actor=actor)

    page = text_of(admin.get("/bundles/"))

    rows = page.partition("Digest ")[2]
    assert [rows.index(email) for email in ("bo@acme.example", "ana@acme.example")] == sorted(
        rows.index(email) for email in ("bo@acme.example", "ana@acme.example")
    )
    assert "Revision 1" in rows
    assert "Revision 2, current" in rows
    assert "Windows" in rows
    assert Bundle.objects.latest("pk").digest[:12] in rows


def test_who_took_a_bundle_is_told_where_it_was_not_the_person(admin: Client) -> None:
    person = make_ready_person()
    make_bundle(access_of(person), platform=Platform.LINUX, language="en", actor="manage.py bundle")

    assert "taken by manage.py bundle" in text_of(admin.get("/bundles/"))


def test_who_took_a_bundle_is_not_told_where_it_was_the_person(admin: Client) -> None:
    person = make_ready_person()
    make_bundle(access_of(person), platform=Platform.LINUX, language="en", actor=person.email)

    assert "taken by" not in text_of(admin.get("/bundles/"))


def test_the_same_bundle_taken_twice_at_once_is_told_by_whom_each(admin: Client) -> None:
    person = make_ready_person()
    for actor in (person.email, "manage.py bundle", person.email):
        make_bundle(access_of(person), platform=Platform.LINUX, language="en", actor=actor)

    assert text_of(admin.get("/bundles/")).count("taken by manage.py bundle") == 1


def test_a_plan_and_a_person_can_be_asked_for(admin: Client) -> None:
    other = make_revision(plan=make_plan("data", "Data"))
    took(member("ana@acme.example", name="Ana"), make_revision())
    took(make_person("bo@acme.example", name="Bo", team=make_team(other.plan, "data", "Data")), other)

    def shown(query: str) -> list[str]:
        page = admin.get(f"/bundles/{query}").content.decode()
        return [email for email in ("ana@acme.example", "bo@acme.example") if email in page]

    assert shown("") == ["ana@acme.example", "bo@acme.example"]
    assert shown("?plan=data") == ["bo@acme.example"]
    assert shown("?person=ANA%00@") == ["ana@acme.example"]
    assert shown("?plan=data&person=ana@") == []
    assert "None of this plan and person." in text_of(admin.get("/bundles/?plan=data&person=ana@"))
    assert shown("?plan=nowhere") == ["ana@acme.example", "bo@acme.example"]


def test_what_admins_took_can_be_asked_for_too(admin: Client) -> None:
    person = make_ready_person()
    admin.post(f"/people/{person.pk}/bundle/", {"platform": "linux", "reason": "Her doctor fails."})
    PlanRevision.objects.update(settings_scope=SettingsScope.MANAGED)
    admin.post(MANAGED, {"platform": "windows"})

    page = text_of(admin.get("/bundles/?by=admins"))
    for said in ("admin@acme.example", "For device management", "Windows", "ana.nunez@acme.example", "Linux"):
        assert said in page
    assert "Her doctor fails." in page
    ana = text_of(admin.get("/bundles/?by=admins&person=ana.nunez"))
    assert "Her doctor fails." in ana
    assert "For device management" not in ana
    assert "For device management" in text_of(admin.get("/bundles/?by=admins&plan=platform"))
    make_plan("data", "Data")
    assert "None of this plan" in text_of(admin.get("/bundles/?by=admins&plan=data"))


def test_they_come_in_pages(admin: Client) -> None:
    revision = make_revision()
    person = member("ana@acme.example")
    first = took(person, revision)
    Bundle.objects.bulk_create(
        Bundle(person=person, revision=revision, verification=first.verification, platform="linux", digest=str(each))
        for each in range(50)
    )

    assert "1 to 50 of 51" in text_of(admin.get("/bundles/"))
    assert "51 to 51 of 51" in text_of(admin.get("/bundles/?page=2"))
    assert 'href="?plan=platform&amp;page=2"' in admin.get("/bundles/?plan=platform").content.decode()


@pytest.mark.parametrize("number", [1, 7])
def test_the_list_asks_a_constant_number_of_queries(
    number: int, admin: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    revision = make_revision()
    for each in range(number):
        person = ready(f"p{each}@acme.example", revision)
        make_bundle(access_of(person), platform=Platform.LINUX, language="en", actor=person.email)
        admin.post(f"/people/{person.pk}/bundle/", {"platform": "linux", "reason": "x"})

    with django_assert_num_queries(7):
        admin.get("/bundles/")
    with django_assert_num_queries(6):
        admin.get("/bundles/?by=admins")


def test_hostile_words_are_text_and_spanish_is_spoken(admin: Client) -> None:
    person = make_ready_person(name=HOSTILE)
    make_bundle(access_of(person), platform=Platform.LINUX, language="en", actor=HOSTILE)
    admin.post(f"/people/{person.pk}/bundle/", {"platform": "linux", "reason": HOSTILE})
    admin.cookies["language"] = "es"

    for path in ("/bundles/", "/bundles/?by=admins", f"/people/{person.pk}/bundle/"):
        page = admin.get(path).content.decode()
        assert '<html lang="es"' in page
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert(1)" in page
