"""The bundle as a whole: the same bytes every time, checkable, and silent about the person."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote

import pytest
from hypothesis import example, given

from onboarding.bundles import scripts
from onboarding.bundles.build import ZIP_FILENAME, build
from onboarding.enums import CredentialMethod, Platform, SettingsScope
from tests.unit.bundles.examples import (
    EXAMPLE,
    HAIKU,
    behaving,
    bundle_inputs,
    hostile_text,
    with_method,
    without_haiku,
)

SCRIPTS = ["install.sh", "doctor.sh", "json.sh", "install.ps1", "doctor.ps1", "json.ps1"]
NAMES = [
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
    "onramp.json",
    "words.txt",
    *SCRIPTS,
    "MANIFEST.json",
    "SHA256SUMS",
]
# What a program acts on: nothing that a person, or a name, says is in there.
ACTED_ON = [name for name in NAMES if name not in ("GUIDE.md", "GUIDE.html", "MANIFEST.json", "SHA256SUMS")]
ROOT = Path(__file__).parents[3]
DIGEST_ELSEWHERE = """
import django
from django.conf import settings
settings.configure(USE_I18N=True)
django.setup()
from onboarding.bundles.build import build
from tests.unit.bundles.examples import EXAMPLE
print(build(EXAMPLE).digest)
"""


def unzipped(content: bytes) -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(content))


def test_equal_inputs_give_equal_bytes() -> None:
    assert build(bundle_inputs()) == build(bundle_inputs())


@pytest.mark.parametrize("seed", ["0", "1", "4711"])
def test_another_process_gives_the_same_bytes(seed: str) -> None:
    environment = {"PATH": os.defpath, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": seed, "TZ": "Asia/Tokyo"}
    result = subprocess.run(
        [sys.executable, "-c", DIGEST_ELSEWHERE],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout.strip() == build(EXAMPLE).digest


def test_the_digest_is_that_of_the_archive() -> None:
    built = build(EXAMPLE)
    assert built.digest == hashlib.sha256(built.archive).hexdigest()


def test_every_input_that_shows_changes_the_digest() -> None:
    digests = {
        build(inputs).digest
        for inputs in (
            EXAMPLE,
            bundle_inputs(person_name="Luis Gil"),
            bundle_inputs(platform=Platform.LINUX),
            bundle_inputs(revision=8),
            bundle_inputs(region="eu-west-2"),
            without_haiku(),
        )
    }
    assert len(digests) == 6


def test_members_are_fixed() -> None:
    assert ZIP_FILENAME == "onramp-bundle.zip"
    built = build(EXAMPLE)
    with unzipped(built.archive) as opened:
        assert opened.testzip() is None
        assert opened.namelist() == NAMES == list(built.files)
        assert {name: opened.read(name) for name in NAMES} == built.files
        for member in opened.infolist():
            mode = 0o100755 if member.filename.endswith(".sh") else 0o100644
            assert member.external_attr >> 16 == mode
            assert member.create_system == 3
            assert member.date_time == (1980, 1, 1, 0, 0, 0)
            assert member.compress_type == zipfile.ZIP_STORED
            assert not member.extra
            assert not member.comment


def test_sha256sum_accepts_the_list(tmp_path: Path) -> None:
    program = shutil.which("sha256sum")
    if program is None:
        pytest.skip("sha256sum is not installed here")
    with unzipped(build(EXAMPLE).archive) as opened:
        opened.extractall(tmp_path)
    command = [program, "--check", "--strict", "SHA256SUMS"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True, env={"LC_ALL": "C"})
    assert result.stdout.splitlines() == [f"{name}: OK" for name in NAMES if name != "SHA256SUMS"]
    (tmp_path / "settings.json").write_text("{}")
    assert subprocess.run(command, cwd=tmp_path, capture_output=True).returncode == 1


def test_the_list_has_the_format_of_sha256sum() -> None:
    files = build(EXAMPLE).files
    lines = [f"{hashlib.sha256(files[name]).hexdigest()}  {name}\n" for name in NAMES if name != "SHA256SUMS"]
    assert files["SHA256SUMS"].decode() == "".join(lines)


def test_the_manifest_describes_the_files() -> None:
    built = build(without_haiku())
    manifest = json.loads(built.files["MANIFEST.json"])
    described, digest = manifest.pop("files"), manifest.pop("digest")
    lines = [line for line in built.files["SHA256SUMS"].splitlines(keepends=True) if b"  MANIFEST.json" not in line]
    assert digest == hashlib.sha256(b"".join(lines)).hexdigest()
    assert manifest == {
        "version": 2,
        "plan": "Platform",
        "revision": 7,
        "platform": "macos",
        "language": "en",
        "region": "eu-west-1",
        "account_id": "111122223333",
        "models": {"opus": "eu.anthropic.claude-opus-4-8", "sonnet": "eu.anthropic.claude-sonnet-4-6"},
        "left_out": ["haiku"],
    }
    assert described == {
        name: {"sha256": hashlib.sha256(built.files[name]).hexdigest(), "size": len(built.files[name])}
        for name in NAMES[:-2]
    }


def test_a_left_out_model_is_named_in_the_guide_only() -> None:
    named = [name for name, content in build(without_haiku()).files.items() if HAIKU.encode() in content]
    assert named == ["GUIDE.md", "GUIDE.html"]


@pytest.mark.parametrize("method", list(CredentialMethod))
def test_each_method_has_its_own_scripts(method: CredentialMethod) -> None:
    own = {
        CredentialMethod.ENVIRONMENT_KEYS: ["aws-keys.sh", "aws-keys.fish", "aws-keys.ps1"],
        CredentialMethod.BEDROCK_API_KEY: ["bedrock-key.sh", "bedrock-key.ps1"],
    }
    files = build(with_method(method)).files
    found = [name for name in files if name in scripts.ALL]
    assert found == [*SCRIPTS, *own.get(method, [])]
    assert all(files[name] == scripts.script(name) for name in found)


def test_device_management_gets_the_file_it_installs() -> None:
    files = build(behaving(settings_scope=SettingsScope.MANAGED)).files
    assert "settings.json" not in files
    assert json.loads(files["managed-settings.json"])["allowedProviders"] == ["bedrock"]
    for place in ("/etc/claude-code/", "/Library/Application Support/ClaudeCode/", r"C:\Program Files\ClaudeCode"):
        assert place in files["GUIDE.md"].decode()


@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize("platform", list(Platform))
def test_text_files_are_tidy(language: str, platform: Platform) -> None:
    for name, content in build(bundle_inputs(language=language, platform=platform)).files.items():
        assert content.endswith(b"\n"), name
        assert not content.endswith(b"\n\n"), name
        lines = content.decode().split("\n")
        if name == "env.cmd":
            # cmd.exe wants its own line ends.
            assert all(line.endswith("\r") for line in lines[:-1])
            lines = [line.removesuffix("\r") for line in lines]
        assert not any("\r" in line for line in lines), name
        assert b"\t" not in content, name
        assert all(line == line.rstrip() for line in lines), name


CANARY = "Canary7f3a9"


@given(before=hostile_text, after=hostile_text)
@example("", "")
def test_the_person_is_in_the_guide_and_nowhere_else(before: str, after: str) -> None:
    inputs = bundle_inputs(person_name=f"{before}{CANARY}{after}", person_email=f"{CANARY}@acme.example")
    built = build(inputs)
    found = [name for name, content in built.files.items() if CANARY.encode() in content]
    assert found == ["GUIDE.md", "GUIDE.html"]


@given(plan=hostile_text, account=hostile_text)
def test_names_of_plan_and_account_reach_no_file_that_runs(plan: str, account: str) -> None:
    """Whatever they are, the files that a program acts on are the same, byte for byte."""
    built = build(bundle_inputs(plan_name=plan, account_name=account))
    plain = build(EXAMPLE)
    for name in ACTED_ON:
        assert built.files[name] == plain.files[name]
    assert json.loads(built.files["MANIFEST.json"])["plan"] == plan


@given(email=hostile_text, team=hostile_text, cost_centre=hostile_text)
def test_with_telemetry_the_person_is_in_the_data_and_in_no_script(email: str, team: str, cost_centre: str) -> None:
    inputs = replace(
        behaving(otlp_endpoint="https://otel.acme.example:4318", otlp_protocol="http/protobuf"),
        person_email=f"{CANARY}{email}",
        team_name=team,
        cost_centre=cost_centre,
    )
    files = build(inputs).files
    found = [name for name, content in files.items() if CANARY.encode() in content]
    assert found == ["settings.json", "GUIDE.md", "GUIDE.html", "onramp.json"]
    attributes = json.loads(files["settings.json"])["env"]["OTEL_RESOURCE_ATTRIBUTES"]
    read = dict(part.split("=") for part in attributes.split(","))
    assert unquote(read["user.email"]) == inputs.person_email.encode("utf-8", "replace").decode()
    assert unquote(read.get("team.id", "")) == team.encode("utf-8", "replace").decode()
    assert unquote(read.get("cost_center", "")) == cost_centre.encode("utf-8", "replace").decode()
