"""The environment variables of a bundle: those of settings.json's `env`, and those of the shell files.

Why each is there (https://code.claude.com/docs/en/env-vars, /amazon-bedrock, /monitoring-usage):

CLAUDE_CODE_USE_BEDROCK     without it Claude Code asks for an Anthropic login.
AWS_REGION                  not required any more, but without it whatever profile is active decides.
AWS_PROFILE                 the profile of the aws-config part; it outranks exported keys, so not where those are
meant. ANTHROPIC_DEFAULT_*_MODEL   what opus, sonnet and haiku mean (`pins.py`). ANTHROPIC_MODEL and
ANTHROPIC_SMALL_FAST_MODEL*   for old versions only, where the plan says so. CLAUDE_CODE_MAX_OUTPUT_TOKENS   Bedrock
reserves it from the quota of each request.

Values are strings: Claude Code takes numbers, but the published schema does not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from urllib.parse import quote

from onboarding.bundles import grammar
from onboarding.bundles.credentials import aws_profile
from onboarding.bundles.inputs import BundleInputs
from onboarding.bundles.pins import pins, profiles
from onboarding.enums import ModelForm, PromptCaching, Tier

_CACHING = {
    PromptCaching.FIVE_MINUTES: "FORCE_PROMPT_CACHING_5M",
    PromptCaching.ONE_HOUR: "ENABLE_PROMPT_CACHING_1H",
    PromptCaching.OFF: "DISABLE_PROMPT_CACHING",
}


def environment(inputs: BundleInputs) -> dict[str, str]:
    """The `env` of settings.json. The person's own attributes are there unless device management installs it."""
    variables = _common(inputs) | _pinned(pins(inputs))
    if inputs.behaviour.model_form == ModelForm.COMPATIBILITY:
        variables |= _compatible(inputs, pins(inputs))
    variables |= _headers(inputs) | _telemetry(inputs) | _free(inputs)
    return variables


def shell_environment(inputs: BundleInputs) -> dict[str, str]:
    """The same for files that a shell reads: profiles in place of ids that only settings.json can lead anywhere, the
    model to start with, which is a key of its own there, and nothing that a person or an identity provider wrote."""
    variables = _common(inputs) | _pinned(profiles(inputs)) | {"ANTHROPIC_MODEL": inputs.default_tier.value}
    if inputs.behaviour.model_form == ModelForm.COMPATIBILITY:
        variables |= _compatible(inputs, profiles(inputs))
    variables |= _headers(inputs) | _exporters(inputs) | _free(inputs)
    return variables


def _common(inputs: BundleInputs) -> dict[str, str]:
    variables = {"CLAUDE_CODE_USE_BEDROCK": "1", "AWS_REGION": grammar.region("region", inputs.region)}
    if profile := aws_profile(inputs):
        variables["AWS_PROFILE"] = profile
    return variables | {name: grammar.variable(name, value) for name, value in _behaviour(inputs)}


def _behaviour(inputs: BundleInputs) -> Iterator[tuple[str, str]]:
    """What the plan sets of limits and of the way to AWS."""
    plan = inputs.behaviour
    values: Mapping[str, str | int | None] = {
        "CLAUDE_CODE_MAX_OUTPUT_TOKENS": plan.max_output_tokens,
        "MAX_THINKING_TOKENS": plan.thinking_tokens,
        "CLAUDE_CODE_EFFORT_LEVEL": plan.effort,
        "ANTHROPIC_BEDROCK_SERVICE_TIER": plan.service_tier,
        "ANTHROPIC_BEDROCK_REGION_PREFIX": plan.region_prefix,
        "HTTPS_PROXY": plan.https_proxy,
        "NO_PROXY": plan.no_proxy,
        "NODE_EXTRA_CA_CERTS": plan.ca_bundle,
    }
    if plan.prompt_caching:
        yield _CACHING[PromptCaching(plan.prompt_caching)], "1"
    yield from ((name, str(value)) for name, value in values.items() if value)


def _pinned(named: Mapping[Tier, str]) -> dict[str, str]:
    return {f"ANTHROPIC_DEFAULT_{tier.name}_MODEL": named[tier] for tier in Tier}


def _compatible(inputs: BundleInputs, named: Mapping[Tier, str]) -> dict[str, str]:
    """The variables of 2025. The Region is the plan's own: in another one nobody verified the model."""
    return {
        "ANTHROPIC_MODEL": named[inputs.default_tier],
        "ANTHROPIC_SMALL_FAST_MODEL": named[Tier.HAIKU],
        "ANTHROPIC_SMALL_FAST_MODEL_AWS_REGION": grammar.region("region", inputs.region),
    }


def _headers(inputs: BundleInputs) -> dict[str, str]:
    """https://code.claude.com/docs/en/amazon-bedrock#aws-guardrails: one header a line."""
    if not inputs.behaviour.guardrail:
        return {}
    headers = {
        "X-Amzn-Bedrock-GuardrailIdentifier": grammar.shell_word("guardrail", inputs.behaviour.guardrail),
        "X-Amzn-Bedrock-GuardrailVersion": grammar.shell_word("guardrail_version", inputs.behaviour.guardrail_version),
    }
    return {"ANTHROPIC_CUSTOM_HEADERS": "\n".join(f"{name}: {value}" for name, value in headers.items())}


def _exporters(inputs: BundleInputs) -> dict[str, str]:
    if not inputs.behaviour.otlp_endpoint:
        return {}
    return {
        "CLAUDE_CODE_ENABLE_TELEMETRY": "1",
        "OTEL_METRICS_EXPORTER": "otlp",
        "OTEL_LOGS_EXPORTER": "otlp",
        "OTEL_EXPORTER_OTLP_PROTOCOL": grammar.shell_word("otlp_protocol", inputs.behaviour.otlp_protocol),
        "OTEL_EXPORTER_OTLP_ENDPOINT": grammar.url("otlp_endpoint", inputs.behaviour.otlp_endpoint),
    }


def _telemetry(inputs: BundleInputs) -> dict[str, str]:
    """With whose it is: percent-encoded, as the attributes take no space, comma, semicolon, quote or backslash."""
    exporters = _exporters(inputs)
    if not exporters:
        return {}
    whose = {"team.id": inputs.team_name, "cost_center": inputs.cost_centre}
    if not inputs.behaviour.is_managed:
        whose["user.email"] = inputs.person_email
    attributes = ",".join(
        f"{name}={quote(value, safe='', errors='replace')}" for name, value in whose.items() if value
    )
    return exporters | ({"OTEL_RESOURCE_ATTRIBUTES": attributes} if attributes else {})


def _free(inputs: BundleInputs) -> dict[str, str]:
    variables = inputs.behaviour.free_settings.get("env", {})
    return {name: grammar.variable("free_settings", value) for name, value in variables.items()}
