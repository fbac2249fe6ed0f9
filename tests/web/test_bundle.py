"""The bundle's page and its download."""

from __future__ import annotations

import hashlib
import io
import zipfile

import pytest
from django.test import Client

from onboarding.enums import Platform
from onboarding.models import AuditEvent, Bundle, Person, Verification
from tests.factories import HAIKU, OPUS, SONNET, make_person, make_ready_person, make_revision, make_team

pytestmark = pytest.mark.django_db


def signed_in(person: Person) -> Client:
    assert person.user is not None
    client = Client()
    client.force_login(person.user)
    return client


def test_the_download_is_a_zip_that_is_recorded() -> None:
    person = make_ready_person()

    response = signed_in(person).post("/bundle/download/", {"platform": "linux"})

    assert response["Content-Type"] == "application/zip"
    assert response["Content-Disposition"] == 'attachment; filename="onramp-bundle.zip"'
    assert "no-store" in response["Cache-Control"]
    digest = hashlib.sha256(response.content).hexdigest()
    bundle = Bundle.objects.get(person=person)
    assert (bundle.digest, bundle.platform) == (digest, Platform.LINUX)
    assert AuditEvent.objects.get(action="bundle.made").details["digest"] == digest


def test_downloading_again_gives_the_same_bytes() -> None:
    client = signed_in(make_ready_person())

    first = client.post("/bundle/download/", {"platform": "macos"})
    second = client.post("/bundle/download/", {"platform": "macos"})

    assert first.content == second.content


@pytest.mark.parametrize("platform", Platform.values)
def test_every_platform_has_every_file(platform: str) -> None:
    response = signed_in(make_ready_person()).post("/bundle/download/", {"platform": platform})

    names = set(zipfile.ZipFile(io.BytesIO(response.content)).namelist())
    assert names == {
        "settings.json",
        "aws-config",
        "env.sh",
        "env.fish",
        "env.ps1",
        "GUIDE.md",
        "MANIFEST.json",
        "SHA256SUMS",
    }


def test_the_guide_is_in_the_persons_language() -> None:
    client = signed_in(make_ready_person())
    client.cookies["language"] = "es"

    response = client.post("/bundle/download/", {"platform": "linux"})

    guide = zipfile.ZipFile(io.BytesIO(response.content)).read("GUIDE.md").decode()
    assert "Región" in guide


def test_a_model_that_was_not_verified_is_not_in_the_bundle() -> None:
    person = make_ready_person()
    Verification.objects.filter(person=person).update(verified_profiles=[SONNET, HAIKU])

    response = signed_in(person).post("/bundle/download/", {"platform": "linux"})

    settings = zipfile.ZipFile(io.BytesIO(response.content)).read("settings.json").decode()
    assert SONNET in settings
    assert OPUS not in settings


def test_nobody_gets_a_bundle_before_they_were_verified() -> None:
    person = make_person(team=make_team(make_revision().plan))

    response = signed_in(person).post("/bundle/download/", {"platform": "linux"})

    assert (response.status_code, response["Location"]) == (302, "/setup/")
    assert Bundle.objects.count() == 0


def test_a_verification_of_an_older_revision_is_not_enough() -> None:
    person = make_ready_person()
    make_revision()

    assert signed_in(person).post("/bundle/download/", {"platform": "linux"}).status_code == 302


def test_the_page_shows_every_file_and_records_nothing() -> None:
    person = make_ready_person()

    page = signed_in(person).get("/bundle/").content.decode()

    for name in ("settings.json", "aws-config", "env.sh", "env.fish", "env.ps1", "GUIDE.md", "SHA256SUMS"):
        assert name in page
    assert SONNET in page
    assert Bundle.objects.count() == 0
