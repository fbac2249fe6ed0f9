"""settings.json: accepted by the published schema, and never naming a model that was not verified."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given

from onboarding.bundles.inputs import UnsafeValue
from onboarding.bundles.settings_json import settings_json
from onboarding.enums import Tier
from tests.unit.bundles.examples import (
    ALL_TIERS,
    HAIKU,
    OPUS,
    SONNET,
    bundle_inputs,
    hostile_text,
    without_haiku,
)

SCHEMA = json.loads((Path(__file__).parents[2] / "data" / "claude-code-settings.schema.json").read_text("utf-8"))
VALIDATOR = jsonschema.Draft7Validator(SCHEMA)


def read(**changes: Any) -> dict[str, Any]:
    settings: dict[str, Any] = json.loads(settings_json(bundle_inputs(**changes)))
    return settings


def test_the_whole_file() -> None:
    assert read() == {
        "$schema": "https://json.schemastore.org/claude-code-settings.json",
        "model": "sonnet",
        "env": {
            "CLAUDE_CODE_USE_BEDROCK": "1",
            "AWS_REGION": "eu-west-1",
            "AWS_PROFILE": "claude-code-platform",
            "ANTHROPIC_DEFAULT_OPUS_MODEL": OPUS,
            "ANTHROPIC_DEFAULT_SONNET_MODEL": SONNET,
            "ANTHROPIC_DEFAULT_HAIKU_MODEL": HAIKU,
            "CLAUDE_CODE_MAX_OUTPUT_TOKENS": "32000",
        },
        "availableModels": [OPUS, SONNET, HAIKU],
        "enforceAvailableModels": True,
        "awsAuthRefresh": "aws sso login --profile claude-code-platform",
        "permissions": {"deny": ["Read(./.env)", "Read(./secrets/**)"]},
    }


@pytest.mark.parametrize("default", list(Tier))
@pytest.mark.parametrize("tokens", [None, 1024])
@pytest.mark.parametrize("rules", [(), ("Bash(curl *)", "mcp__github__create_issue", "Bash(curl *)")])
def test_the_schema_accepts_it(default: Tier, tokens: int | None, rules: tuple[str, ...]) -> None:
    settings = read(default_tier=default, max_output_tokens=tokens, denied_tools=rules)
    VALIDATOR.validate(settings)
    assert all(isinstance(value, str) for value in settings["env"].values())


def test_the_schema_is_not_toothless() -> None:
    with pytest.raises(jsonschema.ValidationError):
        VALIDATOR.validate(read() | {"env": {"CLAUDE_CODE_USE_BEDROCK": 1}})


@pytest.mark.parametrize("default", list(Tier))
def test_tiers_without_a_verified_model_run_the_default(default: Tier) -> None:
    settings = read(models={default: ALL_TIERS[default]}, default_tier=default)
    pins = [settings["env"][f"ANTHROPIC_DEFAULT_{tier.name}_MODEL"] for tier in Tier]
    assert pins == [ALL_TIERS[default]] * 3
    assert settings["availableModels"] == [ALL_TIERS[default]]
    arn = f"arn:aws:bedrock:eu-west-1:111122223333:inference-profile/{ALL_TIERS[default]}"
    assert set(settings["modelOverrides"].values()) == {arn}
    VALIDATOR.validate(settings)


def test_a_left_out_model_is_nowhere() -> None:
    assert HAIKU.encode() not in settings_json(without_haiku())


def test_one_profile_for_two_tiers_is_listed_once() -> None:
    assert read(models={Tier.OPUS: SONNET, Tier.SONNET: SONNET})["availableModels"] == [SONNET]


def test_no_rules_and_no_limit_leave_no_trace() -> None:
    settings = read(denied_tools=(), max_output_tokens=None)
    assert "permissions" not in settings
    assert "CLAUDE_CODE_MAX_OUTPUT_TOKENS" not in settings["env"]


def test_a_default_tier_without_model_is_refused() -> None:
    with pytest.raises(UnsafeValue, match="default_tier"):
        read(models={Tier.OPUS: OPUS}, default_tier=Tier.SONNET)


@pytest.mark.parametrize("rule", ["", "read the docs", "Read(./a)(b)", "Read(./\u202ea)", "Bash(a\nb)", "mcp__"])
def test_a_rule_claude_code_would_skip_is_refused(rule: str) -> None:
    with pytest.raises(UnsafeValue, match="denied_tools"):
        read(denied_tools=(rule,))


@given(profile=hostile_text)
def test_the_login_command_is_one_plain_command(profile: str) -> None:
    try:
        settings = read(aws_profile=profile)
    except UnsafeValue as error:
        assert error.field == "aws_profile"  # noqa: PT017 -- refusing is one of two right answers
    else:
        assert settings["awsAuthRefresh"].split(" ") == ["aws", "sso", "login", "--profile", profile]
        assert not set(profile) & set("&|;<>()$`\\\"'*?[]#~=%!{}, \t\r\n")
