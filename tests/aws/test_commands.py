"""The commands do what the pages do, and say plainly why they cannot."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from onboarding.enums import RunState
from onboarding.models import AuditEvent, Bundle, Person, Verification
from tests.factories import make_revision

pytestmark = pytest.mark.usefixtures("company")


def output(*arguments: str, **options: Any) -> str:
    out = io.StringIO()
    call_command(*arguments, stdout=out, **options)
    return out.getvalue()


def test_verify_prints_one_json_object() -> None:
    report = json.loads(output("verify", "luis.gil@acme.example", "--json"))

    assert report["person"] == "luis.gil@acme.example"
    assert (report["plan"], report["revision"], report["outcome"]) == ("Platform engineering", 1, "blocked")
    assert report["verified_profiles"] == []
    denied = [finding for finding in report["findings"] if finding["outcome"] == "failed"]
    assert {finding["check"] for finding in denied} == {"permissions"}
    for key in ("check", "scope", "subject", "outcome", "layer", "summary", "remedy"):
        assert denied[0][key]


def test_verify_prints_a_line_for_each_finding() -> None:
    text = output("verify", "ana.nunez@acme.example")

    assert text.startswith("ana.nunez@acme.example: ready (Platform engineering, revision 1)")
    assert text.count("\n  passed") == 23


def test_verify_finds_people_in_any_case_and_leaves_the_pages_records() -> None:
    output("verify", "ANA.NUNEZ@acme.example")

    event = AuditEvent.objects.get(action="verification.opened")
    assert (event.actor, event.target) == ("manage.py verify", "ana.nunez@acme.example")


def test_verify_says_who_is_unknown() -> None:
    with pytest.raises(CommandError, match=r"No active person has the e-mail nobody@acme\.example"):
        output("verify", "nobody@acme.example")


def test_verify_says_who_has_no_plan() -> None:
    Person.objects.create(email="nils@acme.example")

    with pytest.raises(CommandError, match="in no team with a published plan"):
        output("verify", "nils@acme.example")


def test_verify_does_not_disturb_a_worker() -> None:
    person = Person.objects.get(email="ana.nunez@acme.example")
    verification = Verification.objects.create(person=person, revision=make_revision(), trigger="sign-in")
    held = {"state": RunState.RUNNING, "lease_until": "2099-01-01T00:00Z", "fence": 1}
    Verification.objects.filter(pk=verification.pk).update(**held)

    with pytest.raises(CommandError, match="A worker is verifying this person right now"):
        output("verify", "ana.nunez@acme.example")


def test_bundle_writes_the_zip_the_page_hands_out(tmp_path: Path) -> None:
    output("verify", "ana.nunez@acme.example")
    out = tmp_path / "bundle.zip"

    text = output("bundle", "ana.nunez@acme.example", "--platform", "linux", "--out", str(out))

    digest = hashlib.sha256(out.read_bytes()).hexdigest()
    assert digest in text
    assert Bundle.objects.get().digest == digest
    settings = json.loads(zipfile.ZipFile(out).read("settings.json"))
    assert settings["env"]["ANTHROPIC_DEFAULT_SONNET_MODEL"] == "eu.anthropic.claude-sonnet-4-6"


@pytest.mark.parametrize("email", ["pau.vidal@acme.example", "hugo.meyer@acme.example"])
def test_bundle_is_refused_to_whoever_is_not_verified(email: str, tmp_path: Path) -> None:
    output("verify", email)
    out = tmp_path / "bundle.zip"

    with pytest.raises(CommandError, match="has no verified access"):
        output("bundle", email, "--platform", "linux", "--out", str(out))

    assert not out.exists()
    assert Bundle.objects.count() == 0


def test_bundle_says_when_it_cannot_write_and_records_nothing(tmp_path: Path) -> None:
    output("verify", "ana.nunez@acme.example")

    with pytest.raises(CommandError, match="Cannot write"):
        output("bundle", "ana.nunez@acme.example", "--platform", "linux", "--out", str(tmp_path / "no" / "b.zip"))

    assert Bundle.objects.count() == 0


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"{", "is not JSON"), (b"\xff", "is not JSON"), (b'{"plans": [{}]}', "Nothing was loaded. plans, entry 1")],
)
def test_seed_says_what_is_wrong(content: bytes, said: str, tmp_path: Path) -> None:
    file = tmp_path / "company.json"
    file.write_bytes(content)

    with pytest.raises(CommandError, match=said):
        output("seed", str(file))


def test_seed_says_when_there_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="Cannot read"):
        output("seed", str(tmp_path / "absent.json"))
