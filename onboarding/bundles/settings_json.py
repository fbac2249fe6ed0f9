"""settings.json for user scope (`~/.claude/settings.json`), and the environment that the shell files share.

Each key, and why it is there (https://code.claude.com/docs/en/settings, /amazon-bedrock, /model-config):

`$schema`                 editors explain and check the file.
`model`                   the alias to start with. An alias, so that it follows the pin below.
`env`                     strings only: Claude Code takes numbers, but the published schema does not.
  CLAUDE_CODE_USE_BEDROCK     without it Claude Code asks for an Anthropic login.
  AWS_REGION                  not required any more, but without it whatever profile is active decides.
  AWS_PROFILE                 the profile of the aws-config part.
  ANTHROPIC_DEFAULT_*_MODEL   what opus, sonnet and haiku mean. All three, always: a tier without a verified model
                              of its own means the default one.
  CLAUDE_CODE_MAX_OUTPUT_TOKENS   when the plan sets it: Bedrock reserves it from the quota of each request.
`availableModels`         what may be chosen. Full ids only: with aliases or family names in the list,
                          Claude Code 2.1.330 quietly ran another model than the one asked for.
`modelOverrides`          for tiers without a verified model only. Claude Code 2.1.330 takes a pin to another tier's
                          model for none and calls models of its own choice at its first start, unless its own
                          default of that tier is overridden. With an ARN, because it would take a plain id for a
                          model of the overridden name, with that one's limits and price.
`enforceAvailableModels`  the picker's "Default" obeys that list too.
`awsAuthRefresh`          opens the sign-in when credentials have run out, instead of failing; not where the company's
                          own tool brings them.
`permissions.deny`        the plan's rules, when it has any.

Left out on purpose: hooks and helper commands (nothing a form holds may become a command), managed-only keys
(ignored in user scope), and switches that turn off updates or prompt caching (old versions, higher bills).
"""

from __future__ import annotations

import json
from typing import Any

from onboarding.bundles import grammar
from onboarding.bundles.inputs import BundleInputs, UnsafeValue
from onboarding.catalog import inference_profile_arn
from onboarding.enums import Tier

SCHEMA = "https://json.schemastore.org/claude-code-settings.json"


# What Claude Code 2.1.330 and its nearer predecessors mean by each tier, unless told otherwise: the ids that
# `modelOverrides` knows. A later default has to be added here; tests/conformance shows when.
_OWN_DEFAULTS = {
    Tier.OPUS: ("claude-opus-5-5", "claude-opus-5", "claude-opus-4-8"),
    Tier.SONNET: ("claude-sonnet-4-5-20250929",),
    Tier.HAIKU: ("claude-haiku-4-5-20251001",),
}


def settings_json(inputs: BundleInputs) -> bytes:
    """The file's bytes: ASCII, so that no tool on any platform misreads it."""
    return (json.dumps(_settings(inputs), indent=2) + "\n").encode("ascii")


def environment(inputs: BundleInputs) -> dict[str, str]:
    """The variables that turn Bedrock on and pin the models. Every value passed `grammar.shell_word`."""
    variables = {
        "CLAUDE_CODE_USE_BEDROCK": "1",
        "AWS_REGION": grammar.region("region", inputs.region),
        "AWS_PROFILE": grammar.name("aws_profile", inputs.aws_profile),
    } | _pins(inputs)
    if inputs.max_output_tokens is not None:
        variables["CLAUDE_CODE_MAX_OUTPUT_TOKENS"] = str(inputs.max_output_tokens)
    return {name: grammar.shell_word(name, value) for name, value in variables.items()}


def login_command(inputs: BundleInputs) -> str:
    """The command that signs in; nothing where the company's own tool does it."""
    if inputs.session is None:
        return ""
    return f"aws sso login --profile {grammar.name('aws_profile', inputs.aws_profile)}"


def denied_tools(inputs: BundleInputs) -> list[str]:
    """The plan's deny rules, each once: the schema wants them unique."""
    return [grammar.permission_rule("denied_tools", rule) for rule in dict.fromkeys(inputs.denied_tools)]


def _settings(inputs: BundleInputs) -> dict[str, Any]:
    settings: dict[str, Any] = {
        "$schema": SCHEMA,
        "model": inputs.default_tier.value,
        "env": environment(inputs),
        "availableModels": list(dict.fromkeys(inputs.models[tier] for tier in Tier if tier in inputs.models)),
        "enforceAvailableModels": True,
    }
    if command := login_command(inputs):
        settings["awsAuthRefresh"] = command
    if inputs.unverified_tiers:
        settings["modelOverrides"] = _overrides(inputs)
    if rules := denied_tools(inputs):
        settings["permissions"] = {"deny": rules}
    return settings


def _pins(inputs: BundleInputs) -> dict[str, str]:
    if inputs.default_tier not in inputs.models:
        raise UnsafeValue("default_tier")
    return {f"ANTHROPIC_DEFAULT_{tier.name}_MODEL": inputs.models.get(tier, inputs.default_model) for tier in Tier}


def _overrides(inputs: BundleInputs) -> dict[str, str]:
    arn = inference_profile_arn(
        grammar.region("region", inputs.region),
        grammar.account_id("account_id", inputs.account_id),
        grammar.shell_word("models", inputs.default_model),
    )
    return {own: arn for tier in inputs.unverified_tiers for own in _OWN_DEFAULTS[tier]}
