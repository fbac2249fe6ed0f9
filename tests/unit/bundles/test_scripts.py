"""What the scripts read: complete, plain, and in both languages."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import replace
from typing import Any

import pytest

from onboarding import doctor
from onboarding.bundles import scripts, words
from onboarding.bundles.build import build
from onboarding.bundles.inputs import BundleInputs
from onboarding.claude_settings import OUTRANKING
from onboarding.enums import CredentialMethod
from tests.unit.bundles.examples import (
    EXAMPLE,
    behaving,
    with_application_profiles,
    with_method,
    without_haiku,
)


def onramp_json(inputs: BundleInputs) -> dict[str, Any]:
    values: dict[str, Any] = json.loads(build(inputs).files["onramp.json"])
    return values


def test_it_has_every_value_the_scripts_read() -> None:
    values = onramp_json(EXAMPLE)
    edits, conflicts = values.pop("edits"), values.pop("conflicts")
    assert values == {
        "version": 1,
        "portal_url": "https://onramp.acme.example",
        "plan": "platform",
        "revision": 7,
        "language": "en",
        "settings_scope": "user",
        "method": "identity-center",
        "aws_profile": "claude-code-platform",
        "region": "eu-west-1",
        "account_id": "111122223333",
        "role": "ClaudeCodeDeveloper",
        "pins": list(EXAMPLE.models.values()),
        "default_model": "eu.anthropic.claude-sonnet-4-6",
        "minimum_version": "",
        "login_command": "aws sso login --profile claude-code-platform",
        "hosts": [
            "https://bedrock-runtime.eu-west-1.amazonaws.com",
            "https://bedrock.eu-west-1.amazonaws.com",
            "https://sts.eu-west-1.amazonaws.com",
            "https://oidc.eu-central-1.amazonaws.com",
            "https://portal.sso.eu-central-1.amazonaws.com",
        ],
    }
    assert {"path": ["env", "AWS_REGION"], "value": "eu-west-1"} in edits
    assert set(conflicts) <= set(OUTRANKING)


@pytest.mark.parametrize("method", list(CredentialMethod))
def test_what_the_bundle_sets_itself_is_no_conflict(method: CredentialMethod) -> None:
    inputs = with_method(method)
    values = onramp_json(inputs)
    mine = {edit["path"][1] for edit in values["edits"] if edit["path"][0] == "env"}
    assert not mine & set(values["conflicts"])
    assert "ANTHROPIC_MODEL" in values["conflicts"]
    assert len(values["conflicts"]) >= 11


def test_keys_that_the_method_puts_into_the_environment_are_no_conflict() -> None:
    assert "AWS_ACCESS_KEY_ID" not in onramp_json(with_method(CredentialMethod.ENVIRONMENT_KEYS))["conflicts"]
    assert "AWS_BEARER_TOKEN_BEDROCK" not in onramp_json(with_method(CredentialMethod.BEDROCK_API_KEY))["conflicts"]
    assert "AWS_BEARER_TOKEN_BEDROCK" in onramp_json(EXAMPLE)["conflicts"]


def test_a_limit_of_the_plan_outranks_the_shell() -> None:
    assert "MAX_THINKING_TOKENS" in onramp_json(EXAMPLE)["conflicts"]
    assert "MAX_THINKING_TOKENS" not in onramp_json(behaving(thinking_tokens=2048))["conflicts"]


def test_a_bundle_that_needs_overrides_wants_a_release_that_knows_them() -> None:
    assert onramp_json(without_haiku())["minimum_version"] == "2.1.200"
    assert onramp_json(with_application_profiles())["minimum_version"] == "2.1.200"
    newer = replace(without_haiku(), behaviour=behaving(minimum_version="2.1.300").behaviour)
    assert onramp_json(newer)["minimum_version"] == "2.1.300"


@pytest.mark.parametrize("language", ["en", "es"])
def test_words_are_one_line_each_and_complete(language: str) -> None:
    lines = scripts.words_txt(language).decode().splitlines()
    keys = [line.partition(": ")[0] for line in lines]
    assert keys == list(words.words() | doctor.words())
    assert all(re.fullmatch(r"[a-z0-9.-]+: \S.*", line) for line in lines)


def test_both_languages_fill_in_the_same_places() -> None:
    english, spanish = (scripts.words_txt(language).decode().splitlines() for language in ("en", "es"))
    for one, other in zip(english, spanish, strict=True):
        assert sorted(re.findall(r"\{\d\}", one)) == sorted(re.findall(r"\{\d\}", other)), one


@pytest.mark.parametrize("name", sorted(scripts.ALL))
def test_a_script_is_published_with_its_digest(name: str) -> None:
    assert scripts.script_digest(name) == hashlib.sha256(scripts.script(name)).hexdigest()
    assert b"\r" not in scripts.script(name)
