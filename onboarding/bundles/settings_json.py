"""settings.json for user scope (`~/.claude/settings.json`), and the environment that the shell files share.

Each key, and why it is there (https://code.claude.com/docs/en/settings, /amazon-bedrock, /model-config):

`$schema`                 editors explain and check the file.
`model`                   the alias to start with. An alias, so that it follows the pin below.
`env`                     strings only: Claude Code takes numbers, but the published schema does not.
  CLAUDE_CODE_USE_BEDROCK     without it Claude Code asks for an Anthropic login.
  AWS_REGION                  not required any more, but without it whatever profile is active decides.
  AWS_PROFILE                 the profile of the aws-config part.
  ANTHROPIC_DEFAULT_*_MODEL   what opus, sonnet and haiku mean. All three, always: for a tier without a pin
                              Claude Code calls models of its own choice at every start.
  CLAUDE_CODE_MAX_OUTPUT_TOKENS   when the plan sets it: Bedrock reserves it from the quota of each request.
`availableModels`         what may be chosen. Full ids only: with aliases or family names in the list,
                          Claude Code 2.1.330 quietly ran another model than the one asked for.
`enforceAvailableModels`  the picker's "Default" obeys that list too.
`awsAuthRefresh`          opens the sign-in when credentials have run out, instead of failing.
`permissions.deny`        the plan's rules, when it has any.

Left out on purpose: hooks and helper commands (nothing a form holds may become a command), managed-only keys
(ignored in user scope), and switches that turn off updates or prompt caching (old versions, higher bills).
"""

from __future__ import annotations

import json
from typing import Any

from onboarding.bundles import grammar
from onboarding.bundles.inputs import BundleInputs, UnsafeValue
from onboarding.enums import Tier

SCHEMA = "https://json.schemastore.org/claude-code-settings.json"


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
        "awsAuthRefresh": login_command(inputs),
    }
    if rules := denied_tools(inputs):
        settings["permissions"] = {"deny": rules}
    return settings


def _pins(inputs: BundleInputs) -> dict[str, str]:
    if inputs.default_tier not in inputs.models:
        raise UnsafeValue("default_tier")
    return {f"ANTHROPIC_DEFAULT_{tier.name}_MODEL": inputs.models.get(tier, inputs.default_model) for tier in Tier}
