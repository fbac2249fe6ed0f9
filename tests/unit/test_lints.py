"""What is said against a revision, and what is not."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import translation
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from onboarding import lints
from onboarding.enums import (
    CredentialMethod,
    Effort,
    ModelForm,
    Outcome,
    PromptCaching,
    RegionPrefix,
    ServiceTier,
    SettingsScope,
    Tier,
    UpdateChannel,
)
from onboarding.models import Finding, PlanRevision, Subject
from tests.factories import HAIKU, OPUS, SONNET, make_account, make_finding, make_identity_center, make_plan

pytestmark = pytest.mark.django_db

PLACE = "111122223333|eu-west-1"
APPLICATION = "arn:aws:bedrock:eu-west-1:111122223333:application-inference-profile/abc123"
OLD_SONNET = "eu.anthropic.claude-sonnet-4-5-20250929-v1:0"


def revision_of(**fields: Any) -> PlanRevision:
    """An unsaved revision against which nothing is to be said, unless `fields` say otherwise."""
    defaults = {
        "plan": make_plan(),
        "account": make_account(),
        "identity_center": make_identity_center(),
        "region": "eu-west-1",
        "opus": OPUS,
        "sonnet": SONNET,
        "haiku": HAIKU,
        "default_tier": Tier.SONNET,
        "minimum_version": "2.1.300",
    }
    return PlanRevision(**{**defaults, **fields})


def told(**fields: Any) -> list[tuple[str, str]]:
    """The lints of a revision: name and field."""
    return [(lint.name, lint.about) for lint in lints.lint(revision_of(**fields))]


def sentences(**fields: Any) -> list[str]:
    found = lints.read(lints.stored(lints.lint(revision_of(**fields))))
    return [f"{lint.sentence} {lint.advice}" for lint in found]


def answered(check: str, key: str, **fields: Any) -> Finding:
    finding = make_finding(check, **fields)
    Subject.objects.create(check_name=check, key=key, latest=finding, last_known=finding)
    return finding


def test_a_sound_revision_has_none() -> None:
    assert told() == []


# --- Models


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (Outcome.PASSED, []),
        (Outcome.WARNING, [("model-ending", "opus")]),
        (Outcome.FAILED, [("model-ended", "opus")]),
    ],
)
def test_a_model_about_to_end_is_told_from_what_aws_said(outcome: Outcome, expected: list[tuple[str, str]]) -> None:
    layer = {"layer": "model-lifecycle"} if outcome == Outcome.FAILED else {}
    answered("model-lifecycle", f"{PLACE}|{OPUS}", outcome=outcome, facts={"model_id": OPUS}, **layer)

    assert told() == expected


def test_of_a_model_of_another_region_nothing_is_told() -> None:
    answered("model-lifecycle", f"111122223333|us-east-1|{OPUS}", outcome=Outcome.WARNING)
    answered("model-lifecycle", f"222233334444|eu-west-1|{OPUS}", outcome=Outcome.WARNING)

    assert told() == []


def test_what_nobody_could_tell_is_no_lint() -> None:
    unknown = make_finding("model-lifecycle", outcome=Outcome.UNKNOWN)
    Subject.objects.create(check_name="model-lifecycle", key=f"{PLACE}|{OPUS}", latest=unknown)

    assert told() == []


@pytest.mark.parametrize(
    ("profile", "region", "expected"),
    [
        ("eu.anthropic.claude-opus-4-8", "eu-north-1", []),
        ("global.anthropic.claude-opus-4-8", "eu-west-1", []),
        ("us.anthropic.claude-opus-4-8", "eu-west-1", ["prefix-mismatch"]),
        ("eu.anthropic.claude-opus-4-8", "us-east-1", ["prefix-mismatch"]),
        ("us.anthropic.claude-opus-4-8", "ca-central-1", []),
        ("jp.anthropic.claude-opus-4-8", "ap-northeast-1", []),
        ("jp.anthropic.claude-opus-4-8", "ap-southeast-2", ["prefix-mismatch"]),
        # What is not known is not judged.
        ("us.anthropic.claude-opus-4-8", "af-south-1", []),
        ("anthropic.claude-opus-4-8", "eu-west-1", ["bare-model"]),
    ],
)
def test_region_and_profile_fit(profile: str, region: str, expected: list[str]) -> None:
    assert told(opus=profile, sonnet="", haiku="", default_tier="opus", region=region) == [
        (name, "opus") for name in expected
    ]


def test_a_mismatch_names_what_there_is_instead() -> None:
    said = sentences(opus="us.anthropic.claude-opus-4-8")

    assert "Profiles in Ireland (eu-west-1) begin with eu., global.;" in said[0]


def test_ids_of_two_kinds_are_mixed() -> None:
    assert told(opus=APPLICATION) == [("mixed-profiles", "sonnet")]
    assert told(opus=APPLICATION, sonnet=f"{APPLICATION}1", haiku=f"{APPLICATION}2") == []


# --- Settings without effect


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"thinking_tokens": 8_000}, [("thinking-ignored", "thinking_tokens")]),
        ({"thinking_tokens": 8_000, "opus": "", "sonnet": OLD_SONNET}, []),
        ({"effort": Effort.HIGH}, []),
        ({"effort": Effort.HIGH, "opus": "", "sonnet": OLD_SONNET}, [("effort-ignored", "effort")]),
        ({"region_prefix": RegionPrefix.EU}, [("prefix-ignored", "region_prefix")]),
        ({"update_channel": UpdateChannel.STABLE}, []),
        (
            {"update_channel": UpdateChannel.STABLE, "free_settings": {"env": {"DISABLE_AUTOUPDATER": "1"}}},
            [("channel-ignored", "update_channel")],
        ),
        ({"otlp_endpoint": "https://otel.acme.example", "otlp_protocol": "grpc"}, []),
        (
            {
                "otlp_endpoint": "https://otel.acme.example",
                "otlp_protocol": "grpc",
                "free_settings": {"env": {"DISABLE_TELEMETRY": "1"}},
            },
            [("telemetry-ignored", "otlp_endpoint")],
        ),
    ],
)
def test_a_setting_without_effect_is_told(fields: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    assert told(**fields) == expected


# --- Limits


@pytest.mark.parametrize(
    ("tokens", "expected"),
    [
        (None, []),
        (1_024, ["max-tokens-low"]),
        (4_095, ["max-tokens-low"]),
        (4_096, ["max-tokens-small"]),
        (15_999, ["max-tokens-small"]),
        (16_000, []),
        (64_000, []),
        # Haiku 4.5 gives no more than 64,000.
        (64_001, ["max-tokens-above-model"]),
    ],
)
def test_tokens_are_neither_too_few_nor_more_than_a_model_gives(tokens: int | None, expected: list[str]) -> None:
    assert told(max_output_tokens=tokens) == [(name, "max_output_tokens") for name in expected]


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"tokens": 200_000, "active": 10}, []),
        ({"tokens": 199_999, "active": 10}, ["max-tokens-above-quota"]),
        ({"tokens": 0, "active": 10}, []),
        ({}, []),
    ],
)
def test_tokens_are_not_more_than_the_quota_bears(facts: dict[str, Any], expected: list[str]) -> None:
    answered("service-quota", f"{PLACE}|{OPUS}|plan 1|", facts=facts)

    assert told(max_output_tokens=20_000) == [(name, "max_output_tokens") for name in expected]


def test_a_quota_is_told_with_its_figures() -> None:
    answered("service-quota", f"{PLACE}|{OPUS}|plan 1|", facts={"tokens": 100_000, "active": 10, "model_id": OPUS})

    assert sentences(max_output_tokens=20_000) == [
        "10 people at work hold 200\u202f000 tokens of the quota for Claude Opus 4.8, which is 100\u202f000 per "
        "minute: AWS will answer 429. Set less, or ask AWS for a larger quota."
    ]


# --- Cost, versions, credentials


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"prompt_caching": PromptCaching.OFF}, [("caching-off", "prompt_caching")]),
        ({"prompt_caching": PromptCaching.ONE_HOUR}, []),
        ({"limits_models": False}, [("models-unlimited", "limits_models")]),
        ({"model_form": ModelForm.COMPATIBILITY}, [("deprecated-variables", "model_form")]),
        (
            {
                "model_form": ModelForm.COMPATIBILITY,
                "opus": APPLICATION,
                "sonnet": "",
                "haiku": "",
                "default_tier": "opus",
            },
            [("deprecated-variables", "model_form"), ("overrides-unknown", "model_form")],
        ),
        ({"credential_method": CredentialMethod.ACCESS_KEYS}, [("long-lived-keys", "credential_method")]),
        ({"credential_method": CredentialMethod.ENVIRONMENT_KEYS}, [("long-lived-keys", "credential_method")]),
        ({"credential_method": CredentialMethod.BEDROCK_API_KEY}, [("key-not-renewed", "credential_method")]),
        ({"credential_method": CredentialMethod.CREDENTIAL_EXPORT, "credential_helper": "acme"}, []),
    ],
)
def test_what_costs_or_weakens_is_told(fields: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    assert told(**fields) == expected


@pytest.mark.parametrize(
    ("fields", "release"),
    [
        ({"minimum_version": "2.1.175"}, None),
        ({"minimum_version": "2.1.174"}, "2.1.175"),
        ({"minimum_version": ""}, "2.1.175"),
        ({"minimum_version": "", "limits_models": False}, None),
        # What device management installs names the lowest version by itself.
        ({"minimum_version": "", "settings_scope": SettingsScope.MANAGED}, None),
        ({"minimum_version": "2.1.180", "haiku": ""}, "2.1.200"),
        (
            {"minimum_version": "2.1.180", "opus": APPLICATION, "sonnet": "", "haiku": "", "default_tier": "opus"},
            "2.1.200",
        ),
        ({"minimum_version": "2.1.180", "region_prefix": RegionPrefix.EU}, "2.1.224"),
        ({"minimum_version": "2.1.121", "service_tier": ServiceTier.FLEX, "limits_models": False}, "2.1.122"),
        ({"minimum_version": "2.1.107", "prompt_caching": PromptCaching.ONE_HOUR, "limits_models": False}, "2.1.108"),
        (
            {"minimum_version": "2.1.180", "credential_method": CredentialMethod.CREDENTIAL_EXPORT},
            "2.1.181",
        ),
        (
            {"minimum_version": "2.0.63", "credential_method": CredentialMethod.AWS_LOGIN, "limits_models": False},
            "2.0.64",
        ),
    ],
)
def test_what_needs_a_newer_version_than_the_plans_is_told(fields: dict[str, Any], release: str | None) -> None:
    found = [lint for lint in lints.lint(revision_of(**fields)) if lint.name == "needs-newer"]

    assert [lint.facts["release"] for lint in found] == ([release] if release else [])


# --- Reading what was stored


def test_the_worst_comes_first() -> None:
    found = lints.read(lints.stored(lints.lint(revision_of(prompt_caching="off", opus="anthropic.claude-opus-4-8"))))

    assert [lint.outcome for lint in found] == [Outcome.FAILED, Outcome.WARNING]


def test_what_another_version_stored_is_left_out() -> None:
    assert lints.read([{"name": "of-tomorrow", "about": "opus", "facts": {}}, {}]) == []


# Every value that a fact may have, for each of the words.
_FACTS = {
    "model": "Claude Opus 4.8",
    "models": ["Claude Opus 4.8", "Claude Sonnet 4.6"],
    "profile": OPUS,
    "region": "eu-west-1",
    "prefixes": ["eu.", "global."],
    "variable": "DISABLE_TELEMETRY",
    "settings": ["modelOverrides"],
    "release": "2.1.200",
    **dict.fromkeys(("least", "tokens", "limit", "active", "held"), 100_000),
}


@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize("name", lints.WORDS)
def test_every_lint_reads_in_both_languages(name: str, language: str) -> None:
    with translation.override(language):
        (found,) = lints.read([{"name": name, "about": "opus", "facts": _FACTS}])

    assert "%" not in found.sentence + found.advice
    assert found.outcome in (Outcome.FAILED, Outcome.WARNING)


# --- Whatever a plan says

_profiles = st.sampled_from(
    [
        "",
        OPUS,
        SONNET,
        HAIKU,
        OLD_SONNET,
        APPLICATION,
        "anthropic.claude-opus-4-8",
        "us.anthropic.claude-3-haiku-20240307-v1:0",
        "global.anthropic.claude-fable-5",
        "eu.amazon.nova-pro-v1:0",
    ]
) | st.from_regex(r"\A[a-z]{2,6}\.[a-z]{1,9}\.claude-[a-z]{1,6}-[0-9]{1,3}(-[0-9]{1,9})?\Z")
_revisions = st.fixed_dictionaries(
    {
        "opus": _profiles,
        "sonnet": _profiles,
        "haiku": _profiles,
        "default_tier": st.sampled_from(Tier.values),
        "region": st.sampled_from(["eu-west-1", "us-gov-west-1", "ca-central-1", "xx-nowhere-9"]),
    },
    optional={
        "minimum_version": st.from_regex(r"\A(|[0-9]{1,4}\.[0-9]{1,4}\.[0-9]{1,6})\Z"),
        "max_output_tokens": st.none() | st.integers(1_024, 128_000),
        "thinking_tokens": st.none() | st.integers(1_024, 127_999),
        "effort": st.sampled_from(["", *Effort.values]),
        "prompt_caching": st.sampled_from(["", *PromptCaching.values]),
        "service_tier": st.sampled_from(["", *ServiceTier.values]),
        "region_prefix": st.sampled_from(["", *RegionPrefix.values]),
        "update_channel": st.sampled_from(["", *UpdateChannel.values]),
        "settings_scope": st.sampled_from(SettingsScope.values),
        "model_form": st.sampled_from(ModelForm.values),
        "limits_models": st.booleans(),
        "credential_method": st.sampled_from(CredentialMethod.values),
        "otlp_endpoint": st.sampled_from(["", "https://otel.acme.example"]),
        "free_settings": st.sampled_from(
            [{}, {"env": {"DISABLE_TELEMETRY": "1", "DISABLE_AUTOUPDATER": "1"}}, {"verbose": True}]
        ),
    },
)


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(fields=_revisions)
@example(
    fields={"opus": "", "sonnet": "", "haiku": "", "default_tier": "opus", "region": "eu-west-1", "effort": "max"}
)
def test_any_revision_is_judged_and_reads(fields: dict[str, Any]) -> None:
    stored = lints.stored(lints.lint(revision_of(**fields)))

    form = {field.name for field in PlanRevision._meta.get_fields()}
    assert len(lints.read(stored)) == len(stored)
    assert {row["about"] for row in stored} <= form
    for lint in lints.read(stored):
        assert "%(" not in lint.sentence + lint.advice
