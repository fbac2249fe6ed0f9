"""settings.json: accepted by the published schema, and never naming a model that was not verified."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onboarding.bundles.inputs import UnsafeValue
from onboarding.bundles.json_text import json_text
from onboarding.bundles.settings_json import edits, settings_of
from onboarding.claude_settings import wrong_values
from onboarding.enums import CredentialMethod, Platform, SettingsScope, Tier
from tests.unit.bundles.examples import (
    ALL_TIERS,
    EXAMPLE,
    HAIKU,
    OPUS,
    SONNET,
    behaving,
    bundle_inputs,
    hostile_text,
    with_application_profiles,
    with_method,
    without_haiku,
)


def read(**changes: Any) -> dict[str, Any]:
    settings: dict[str, Any] = json.loads(json_text(settings_of(bundle_inputs(**changes))))
    return settings


def read_behaving(**changes: Any) -> dict[str, Any]:
    return settings_of(behaving(**changes))


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
    behaviour = behaving(max_output_tokens=tokens, denied_tools=rules).behaviour
    settings = read(default_tier=default, behaviour=behaviour)
    assert wrong_values(settings) == []
    assert all(isinstance(value, str) for value in settings["env"].values())


def test_the_schema_is_not_toothless() -> None:
    assert wrong_values(read() | {"env": {"CLAUDE_CODE_USE_BEDROCK": 1}}) != []


@pytest.mark.parametrize("method", list(CredentialMethod))
@pytest.mark.parametrize("platform", list(Platform))
@pytest.mark.parametrize("scope", list(SettingsScope))
def test_the_schema_accepts_every_method_on_every_platform(
    method: CredentialMethod, platform: Platform, scope: SettingsScope
) -> None:
    inputs = with_method(method, platform=platform, behaviour=behaving(settings_scope=scope).behaviour)
    assert wrong_values(settings_of(inputs)) == []


@pytest.mark.parametrize("default", list(Tier))
def test_tiers_without_a_verified_model_run_the_default(default: Tier) -> None:
    settings = read(models={default: ALL_TIERS[default]}, default_tier=default)
    pins = [settings["env"][f"ANTHROPIC_DEFAULT_{tier.name}_MODEL"] for tier in Tier]
    assert pins == [ALL_TIERS[default]] * 3
    assert settings["availableModels"] == [ALL_TIERS[default]]
    arn = f"arn:aws:bedrock:eu-west-1:111122223333:inference-profile/{ALL_TIERS[default]}"
    assert set(settings["modelOverrides"].values()) == {arn}
    assert wrong_values(settings) == []


def test_a_left_out_model_is_nowhere() -> None:
    assert HAIKU.encode() not in json_text(settings_of(without_haiku()))


def test_one_profile_for_two_tiers_is_listed_once() -> None:
    assert read(models={Tier.OPUS: SONNET, Tier.SONNET: SONNET}, routes=EXAMPLE.routes)["availableModels"] == [SONNET]


def test_no_rules_and_no_limit_leave_no_trace() -> None:
    settings = read_behaving(denied_tools=(), max_output_tokens=None)
    assert "permissions" not in settings
    assert "CLAUDE_CODE_MAX_OUTPUT_TOKENS" not in settings["env"]


def test_a_default_tier_without_model_is_refused() -> None:
    with pytest.raises(UnsafeValue, match="default_tier"):
        read(models={Tier.OPUS: OPUS}, default_tier=Tier.SONNET)


@pytest.mark.parametrize("rule", ["", "read the docs", "Read(./a)(b)", "Read(./\u202ea)", "Bash(a\nb)", "mcp__"])
def test_a_rule_claude_code_would_skip_is_refused(rule: str) -> None:
    with pytest.raises(UnsafeValue, match="denied_tools"):
        read_behaving(denied_tools=(rule,))


@given(profile=hostile_text)
def test_the_login_command_is_one_plain_command(profile: str) -> None:
    try:
        settings = read(aws_profile=profile)
    except UnsafeValue as error:
        assert error.field == "aws_profile"  # noqa: PT017 -- refusing is one of two right answers
    else:
        assert settings["awsAuthRefresh"].split(" ") == ["aws", "sso", "login", "--profile", profile]
        assert not set(profile) & set("&|;<>()$`\\\"'*?[]#~=%!{}, \t\r\n")


def test_managed_settings_lock_the_provider_and_the_version() -> None:
    managed = SettingsScope.MANAGED
    assert read_behaving(settings_scope=managed) == read() | {
        "allowedProviders": ["bedrock"],
        # Older versions ignore the lock and go elsewhere.
        "requiredMinimumVersion": "2.1.285",
    }
    assert read_behaving(settings_scope=managed, minimum_version="2.1.300")["requiredMinimumVersion"] == "2.1.300"
    assert read_behaving(settings_scope=managed, minimum_version="2.1.9")["requiredMinimumVersion"] == "2.1.285"


def test_the_keys_that_only_managed_settings_have_are_in_no_persons_file() -> None:
    assert not {"allowedProviders", "requiredMinimumVersion"} & read().keys()


def test_what_the_plan_says_besides() -> None:
    settings = read_behaving(
        minimum_version="2.1.224",
        update_channel="stable",
        announcements=("Ask for access at onramp",),
        free_settings={"cleanupPeriodDays": 14, "env": {"API_TIMEOUT_MS": "60000"}},
        limits_models=False,
    )
    assert settings["minimumVersion"] == "2.1.224"
    assert settings["autoUpdatesChannel"] == "stable"
    assert settings["companyAnnouncements"] == ["Ask for access at onramp"]
    assert settings["cleanupPeriodDays"] == 14
    assert settings["env"]["API_TIMEOUT_MS"] == "60000"
    assert not {"availableModels", "enforceAvailableModels"} & settings.keys()
    assert wrong_values(settings) == []


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        (CredentialMethod.IDENTITY_CENTER, {"awsAuthRefresh": "aws sso login --profile claude-code-platform"}),
        (CredentialMethod.AWS_LOGIN, {"awsAuthRefresh": "aws login --profile claude-code-platform"}),
        (CredentialMethod.CREDENTIAL_EXPORT, {"awsCredentialExport": "timeout 10 /opt/acme/bin/acme-sts --json"}),
        (CredentialMethod.CREDENTIAL_PROCESS, {}),
        # `aws configure` asks, and Claude Code gives a command nothing to answer with.
        (CredentialMethod.ACCESS_KEYS, {}),
        (CredentialMethod.ENVIRONMENT_KEYS, {}),
        # Claude Code has no use for what it brings while a key is set.
        (CredentialMethod.BEDROCK_API_KEY, {}),
        (CredentialMethod.OWN, {}),
    ],
)
def test_what_brings_new_credentials(method: CredentialMethod, expected: dict[str, str]) -> None:
    settings = settings_of(with_method(method, platform=Platform.LINUX))
    found = {key: settings[key] for key in ("awsAuthRefresh", "awsCredentialExport") if key in settings}
    assert found == expected


def test_a_profile_is_named_unless_it_would_outrank_the_credentials() -> None:
    without = {method for method in CredentialMethod if "AWS_PROFILE" not in settings_of(with_method(method))["env"]}
    assert without == {CredentialMethod.ENVIRONMENT_KEYS, CredentialMethod.CREDENTIAL_EXPORT}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(min_size=1, max_size=5), inner, max_size=3),
    max_leaves=12,
)


@given(settings=st.dictionaries(st.text(min_size=1, max_size=5), JSON, max_size=4))
def test_the_edits_make_the_file(settings: dict[str, Any]) -> None:
    """Carried out on an empty file, they give the settings themselves."""
    made: dict[str, Any] = {}
    for edit in edits(settings):
        *path, last = edit["path"]
        place = made
        for key in path:
            place = place.setdefault(key, {})
        place[last] = edit.get("value", edit.get("add"))
    assert made == settings


def test_rules_are_added_to_the_persons_own() -> None:
    assert [edit for edit in edits(read()) if "add" in edit] == [
        {"path": ["permissions", "deny"], "add": ["Read(./.env)", "Read(./secrets/**)"]}
    ]


def test_application_profiles_are_led_to_by_overrides() -> None:
    inputs = with_application_profiles()
    settings = settings_of(inputs)
    assert settings["modelOverrides"] == {
        "claude-opus-4-8": inputs.models[Tier.OPUS],
        "claude-sonnet-4-6": inputs.models[Tier.SONNET],
        "claude-haiku-4-5-20251001": inputs.models[Tier.HAIKU],
    }
    assert settings["env"]["ANTHROPIC_DEFAULT_HAIKU_MODEL"] == "claude-haiku-4-5-20251001"
    # One style only, and without dates, as Claude Code matches them.
    assert settings["availableModels"] == ["claude-opus-4-8", "claude-sonnet-4-6", "claude-haiku-4-5"]
    assert wrong_values(settings) == []


def test_one_application_profile_gives_every_tier_that_shape() -> None:
    named = with_application_profiles()
    mixed = {**ALL_TIERS, Tier.SONNET: named.models[Tier.SONNET]}
    settings = read(models=mixed, routes={**EXAMPLE.routes, **named.routes})
    assert settings["modelOverrides"]["claude-opus-4-8"] == OPUS
    assert settings["modelOverrides"]["claude-sonnet-4-6"] == named.models[Tier.SONNET]
    assert not any(name.startswith("eu.") for name in settings["availableModels"])


def test_two_application_profiles_of_one_model_are_pinned_by_their_arns() -> None:
    """One id of Anthropic's can lead to one of them only."""
    named = with_application_profiles()
    sonnet = named.models[Tier.SONNET]
    twin = f"{sonnet}2"
    routes = {sonnet: named.routes[sonnet], twin: named.routes[sonnet]}
    settings = read(models={Tier.OPUS: twin, Tier.SONNET: sonnet, Tier.HAIKU: sonnet}, routes=routes)
    assert settings["env"]["ANTHROPIC_DEFAULT_OPUS_MODEL"] == twin
    assert settings["availableModels"] == [twin, sonnet]
