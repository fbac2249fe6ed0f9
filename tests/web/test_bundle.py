"""The bundle's page and its download."""

from __future__ import annotations

import datetime as dt
import hashlib
import io
import zipfile

import pytest
import time_machine
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from onboarding.bundles.scripts import script_digest
from onboarding.enums import Platform
from onboarding.models import AuditEvent, Bundle, Person, PlanRevision, Principal, Verification
from tests.factories import (
    HAIKU,
    OPUS,
    SONNET,
    make_person,
    make_ready_person,
    make_revision,
    make_team,
    make_verification,
)

pytestmark = pytest.mark.django_db


def signed_in(person: Person) -> Client:
    assert person.user is not None
    client = Client()
    client.force_login(person.user)
    return client


def test_the_download_is_a_zip_that_is_recorded() -> None:
    person = make_ready_person()

    response = signed_in(person).post("/bundle/make/", {"platform": "linux"}, follow=True)

    assert response["Content-Type"] == "application/zip"
    assert response["Content-Disposition"] == 'attachment; filename="onramp-bundle.zip"'
    assert "no-store" in response["Cache-Control"]
    digest = hashlib.sha256(response.content).hexdigest()
    bundle = Bundle.objects.get(person=person)
    assert (bundle.digest, bundle.platform) == (digest, Platform.LINUX)
    assert AuditEvent.objects.get(action="bundle.made").details["digest"] == digest


def test_downloading_again_gives_the_same_bytes() -> None:
    client = signed_in(make_ready_person())

    first = client.post("/bundle/make/", {"platform": "macos"}, follow=True)
    second = client.post("/bundle/make/", {"platform": "macos"}, follow=True)

    assert first.content == second.content


@pytest.mark.parametrize("platform", Platform.values)
def test_every_platform_has_every_file(platform: str) -> None:
    response = signed_in(make_ready_person()).post("/bundle/make/", {"platform": platform}, follow=True)

    names = set(zipfile.ZipFile(io.BytesIO(response.content)).namelist())
    assert names >= {
        "settings.json",
        "aws-config",
        "env.sh",
        "env.fish",
        "env.ps1",
        "env.cmd",
        "iam-policy.json",
        "iam-policy.tf",
        "GUIDE.md",
        "GUIDE.html",
        "install.sh",
        "install.ps1",
        "doctor.sh",
        "doctor.ps1",
        "onramp.json",
        "MANIFEST.json",
        "SHA256SUMS",
    }


def test_the_guide_is_in_the_persons_language() -> None:
    client = signed_in(make_ready_person())
    client.cookies["language"] = "es"

    response = client.post("/bundle/make/", {"platform": "linux"}, follow=True)

    guide = zipfile.ZipFile(io.BytesIO(response.content)).read("GUIDE.md").decode()
    assert "Región" in guide


def test_a_model_that_was_not_verified_is_not_in_the_bundle() -> None:
    person = make_ready_person()
    Verification.objects.filter(person=person).update(verified_profiles=[SONNET, HAIKU])

    response = signed_in(person).post("/bundle/make/", {"platform": "linux"}, follow=True)

    settings = zipfile.ZipFile(io.BytesIO(response.content)).read("settings.json").decode()
    assert SONNET in settings
    assert OPUS not in settings


def test_nobody_gets_a_bundle_before_they_were_verified() -> None:
    person = make_person(team=make_team(make_revision().plan))

    response = signed_in(person).post("/bundle/make/", {"platform": "linux"}, follow=True)

    assert response.redirect_chain == [("/setup/", 302)]
    assert Bundle.objects.count() == 0


def test_a_verification_of_an_older_revision_is_not_enough() -> None:
    person = make_ready_person()
    make_revision()

    response = signed_in(person).post("/bundle/make/", {"platform": "linux"}, follow=True)

    assert response.redirect_chain == [("/setup/", 302)]


def test_the_page_shows_every_file_and_records_nothing() -> None:
    person = make_ready_person()

    page = signed_in(person).get("/bundle/").content.decode()

    for name in ("settings.json", "aws-config", "env.sh", "env.fish", "env.ps1", "GUIDE.md", "SHA256SUMS"):
        assert name in page
    assert SONNET in page
    assert Bundle.objects.count() == 0


def test_scripts_are_read_at_their_own_addresses_with_their_digests() -> None:
    page = signed_in(make_ready_person()).get("/bundle/").content.decode()

    assert '<a href="/install/scripts/install.sh">install.sh</a>' in page
    assert script_digest("install.sh") in page


def test_who_has_the_current_bundle_is_shown_no_change() -> None:
    client = signed_in(make_ready_person())
    client.post("/bundle/make/", {"platform": "linux"}, follow=True)

    assert "What changes on your machine" not in client.get("/bundle/").content.decode()


def test_a_new_revision_shows_what_changes_and_why() -> None:
    person = make_ready_person()
    client = signed_in(person)
    client.post("/bundle/make/", {"platform": "linux"}, follow=True)
    revision = make_revision(max_output_tokens=16000, note="Answers were too long for the quota.")
    make_verification(person, revision, principal=Principal.objects.get(person=person))

    page = client.get("/bundle/").content.decode()

    assert "What changes on your machine" in page
    assert "Answers were too long for the quota." in page
    assert 'class="added">+    &quot;CLAUDE_CODE_MAX_OUTPUT_TOKENS&quot;: &quot;16000&quot;' in page
    setup = client.get("/setup/").content.decode()
    assert "Your access works. Install the new revision." in setup
    assert "Your plan has a new revision, 2. Install again." in setup


def test_a_model_that_was_verified_since_is_a_change_of_its_own() -> None:
    person = make_ready_person()
    verification = Verification.objects.get(person=person)
    Verification.objects.update(verified_profiles=[SONNET, HAIKU])
    client = signed_in(person)
    client.post("/bundle/make/", {"platform": "linux"}, follow=True)
    make_verification(person, verification.revision, principal=verification.principal)

    page = client.get("/bundle/").content.decode()

    assert "Your plan is the same; what was verified for you is not." in page
    assert f'class="added">+    &quot;{OPUS}&quot;' in page


def test_a_helper_that_is_not_allowed_any_more_is_in_no_bundle(settings: Settings) -> None:
    settings.ONRAMP_CREDENTIAL_HELPERS = {}
    person = make_ready_person()
    PlanRevision.objects.update(credential_method="credential-process", credential_helper="acme-sts")

    assert signed_in(person).get("/bundle/").status_code == 302
    response = signed_in(person).post("/bundle/make/", {"platform": "linux"}, follow=True)

    assert response.redirect_chain == [("/setup/", 302)]
    assert Bundle.objects.count() == 0


def test_what_was_made_may_be_fetched_again_without_another_record() -> None:
    client = signed_in(make_ready_person())
    first = client.post("/bundle/make/", {"platform": "linux"}, follow=True)

    assert client.get("/bundle/download/").content == first.content
    assert (Bundle.objects.count(), AuditEvent.objects.filter(action="bundle.made").count()) == (1, 1)


def test_who_has_made_none_is_led_to_the_page_and_gets_nobody_elses() -> None:
    signed_in(make_ready_person()).post("/bundle/make/", {"platform": "linux"})
    other = signed_in(make_ready_person("luis.gil@acme.example", name="Luis Gil"))

    response = other.get("/bundle/download/")

    assert (response.status_code, response["Location"]) == (302, "/bundle/")


def test_what_was_made_is_not_there_for_long() -> None:
    client = signed_in(make_ready_person())
    client.post("/bundle/make/", {"platform": "linux"})

    with time_machine.travel(timezone.now() + dt.timedelta(minutes=3)):
        assert client.get("/bundle/download/").status_code == 302


def test_anonymous_visitors_fetch_nothing(client: Client) -> None:
    assert client.get("/bundle/download/")["Location"].startswith("/?next=")
