"""What Claude Code knows as settings: which of them an admin may write freely, since when, and what outranks a file.

Facts as observed with Claude Code 2.1.330, https://code.claude.com/docs/en/settings, /settings-reference, /env-vars
and its changelog. The published schema lags behind and accepts keys it does not know, so what may be written freely is
a list of ours, and the schema judges the values.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

if TYPE_CHECKING:
    from jsonschema import Draft7Validator

SCHEMA_URL = "https://json.schemastore.org/claude-code-settings.json"
_SCHEMA = Path(__file__).parent / "data" / "claude-code-settings.schema.json"

# Nothing among them names a command, a hook, a server, a plug-in, a URL or a file to run; nothing weakens what the
# plan sets itself. A key that is not here is refused, also one that Claude Code invents tomorrow.
FREE_KEYS = frozenset(
    {
        "alwaysThinkingEnabled",
        "attribution",
        "autoCompactEnabled",
        "cleanupPeriodDays",
        "disableAutoMode",
        "editorMode",
        "feedbackSurveyRate",
        "fileCheckpointingEnabled",
        "includeCoAuthoredBy",
        "includeGitInstructions",
        "language",
        "outputStyle",
        "prefersReducedMotion",
        "respectGitignore",
        "showThinkingSummaries",
        "showTurnDuration",
        "skipWebFetchPreflight",
        "spinnerTipsEnabled",
        "syntaxHighlightingDisabled",
        "terminalProgressBarEnabled",
        "theme",
        "verbose",
    }
)
# Variables of Claude Code's `env` that an admin may set freely: limits and switches, never a provider, an endpoint, a
# model, a credential or a path.
FREE_VARIABLES = frozenset(
    {
        "API_TIMEOUT_MS",
        "BASH_DEFAULT_TIMEOUT_MS",
        "BASH_MAX_OUTPUT_LENGTH",
        "BASH_MAX_TIMEOUT_MS",
        "CLAUDE_CODE_AWS_CHAIN_RESOLVE_TIMEOUT_MS",
        "CLAUDE_CODE_DISABLE_1M_CONTEXT",
        "CLAUDE_CODE_DISABLE_EXPERIMENTAL_BETAS",
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC",
        "CLAUDE_CODE_DISABLE_OFFICIAL_MARKETPLACE_AUTOINSTALL",
        "CLAUDE_CODE_MAX_RETRIES",
        "CLAUDE_CODE_SUBPROCESS_ENV_SCRUB",
        "DISABLE_AUTOUPDATER",
        "DISABLE_COST_WARNINGS",
        "DISABLE_ERROR_REPORTING",
        "DISABLE_FEEDBACK_COMMAND",
        "DISABLE_LOGIN_COMMAND",
        "DISABLE_LOGOUT_COMMAND",
        "DISABLE_TELEMETRY",
        "DISABLE_UPGRADE_COMMAND",
        "OTEL_LOGS_EXPORT_INTERVAL",
        "OTEL_METRIC_EXPORT_INTERVAL",
    }
)
_LONGEST = 200  # characters of one value
_LARGEST = 10**9  # and no number beyond this: milliseconds, tokens, days
_DEEPEST = 8  # objects within objects; Python itself gives up at some hundreds
# What a free variable may hold, so that every shell reads it as one word.
_VARIABLE = re.compile(r"[A-Za-z0-9_.:-]{1,100}")

# The first release that obeys a setting: what a plan asks for needs at least this.
SINCE: Mapping[str, str] = {
    "modelOverrides": "2.1.200",
    "enforceAvailableModels": "2.1.175",
    "ANTHROPIC_BEDROCK_REGION_PREFIX": "2.1.224",
    "ANTHROPIC_BEDROCK_SERVICE_TIER": "2.1.122",
    "ENABLE_PROMPT_CACHING_1H": "2.1.108",
    "FORCE_PROMPT_CACHING_5M": "2.1.108",
    "AWS_BEARER_TOKEN_BEDROCK": "1.0.51",
    "awsCredentialExport": "2.1.181",
    "aws login": "2.0.64",
    "allowedProviders": "2.1.285",
    "requiredMinimumVersion": "2.1.163",
}

# Exported in a shell, each of these changes what a bundle says: it chooses another provider, endpoint, model or
# credential, or a limit that the bundle leaves alone. A bundle's own `env` beats the shell, so the variables that it
# sets are taken off this list.
OUTRANKING = (
    "ANTHROPIC_MODEL",
    "ANTHROPIC_DEFAULT_MODEL",
    "ANTHROPIC_DEFAULT_OPUS_MODEL",
    "ANTHROPIC_DEFAULT_SONNET_MODEL",
    "ANTHROPIC_DEFAULT_HAIKU_MODEL",
    "ANTHROPIC_SMALL_FAST_MODEL",
    "ANTHROPIC_SMALL_FAST_MODEL_AWS_REGION",
    "CLAUDE_CODE_SUBAGENT_MODEL",
    "ANTHROPIC_BEDROCK_BASE_URL",
    "ANTHROPIC_BEDROCK_REGION_PREFIX",
    "ANTHROPIC_BEDROCK_SERVICE_TIER",
    "ANTHROPIC_CUSTOM_HEADERS",
    "AWS_BEARER_TOKEN_BEDROCK",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_PROFILE",
    "AWS_REGION",
    "CLAUDE_CODE_USE_BEDROCK",
    "CLAUDE_CODE_USE_MANTLE",
    "CLAUDE_CODE_USE_VERTEX",
    "CLAUDE_CODE_USE_FOUNDRY",
    "CLAUDE_CODE_SKIP_BEDROCK_AUTH",
    "CLAUDE_CODE_PROVIDER_MANAGED_BY_HOST",
    "CLAUDE_CODE_MAX_OUTPUT_TOKENS",
    "CLAUDE_CODE_EFFORT_LEVEL",
    "MAX_THINKING_TOKENS",
    "DISABLE_PROMPT_CACHING",
)


def release(text: str) -> tuple[int, ...]:
    """`(2, 1, 330)`, to compare releases by."""
    return tuple(int(part) for part in text.split("."))


def problems_of(settings: object) -> list[str]:
    """What is wrong with settings that an admin wrote freely, as sentences; nothing when they may be used.

    `settings` is an object of keys out of `FREE_KEYS`, and `env` with variables out of `FREE_VARIABLES`.
    """
    if not isinstance(settings, dict):
        return [_('Enter an object of settings, such as {"cleanupPeriodDays": 14}.')]
    if _is_deep(settings):
        return [_("These settings hold objects within objects, deeper than any setting is.")]
    refused = [key for key in settings if key != "env" and key not in FREE_KEYS]
    problems = [_("%(key)s may not be set here.") % {"key": _shown(key)} for key in refused]
    problems += _problems_of_variables(settings.get("env", {}))
    problems += [
        _("%(key)s holds a text that is too long or not printable, or a number that is too large.") % {"key": key}
        for key in _unfit(settings)
    ]
    return problems or wrong_values(settings)


def wrong_values(settings: Mapping[str, Any]) -> list[str]:
    """What Claude Code's published schema says against `settings`: one wrong type makes it drop the whole file."""
    errors = sorted(_validator().iter_errors(settings), key=lambda error: list(map(str, error.absolute_path)))
    return [
        _("%(key)s: Claude Code's schema does not accept this value.")
        % {"key": ".".join(str(part) for part in error.absolute_path) or "settings"}
        for error in errors
    ]


def _problems_of_variables(variables: object) -> list[str]:
    if not isinstance(variables, dict):
        return [_("env has to be an object of variables.")]
    refused = [name for name in variables if name not in FREE_VARIABLES]
    problems = [_("The variable %(key)s may not be set here.") % {"key": _shown(name)} for name in refused]
    return problems + [
        _('The variable %(key)s needs a value in quotes, of letters, digits and . : _ - alone, such as "1".')
        % {"key": name}
        for name, value in variables.items()
        if name in FREE_VARIABLES and not (isinstance(value, str) and _VARIABLE.fullmatch(value))
    ]


def _unfit(settings: Mapping[str, Any]) -> list[str]:
    """The keys under which something could not be shown on one line, or is no number that JSON knows."""
    return [key for key, value in settings.items() if key in FREE_KEYS and not all(map(_is_fit, _leaves(value)))]


def _leaves(value: object) -> list[object]:
    """Every text and number of a value that is not deep, with the keys of its objects."""
    if isinstance(value, dict):
        return [leaf for key, each in value.items() for leaf in (str(key), *_leaves(each))]
    return [leaf for each in value for leaf in _leaves(each)] if isinstance(value, list) else [value]


def _is_fit(leaf: object) -> bool:
    if isinstance(leaf, str):
        return len(leaf) <= _LONGEST and leaf.isprintable()
    # Neither infinity nor what is no number is between two others.
    return not isinstance(leaf, int | float) or -_LARGEST <= leaf <= _LARGEST


def _is_deep(settings: Mapping[str, Any]) -> bool:
    """Without recursion: what is asked here is how deep anything else may recurse."""
    level: list[object] = [settings]
    for _depth in range(_DEEPEST):
        level = [inner for each in level for inner in _inner(each)]
    return bool(level)


def _inner(value: object) -> list[object]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _shown(key: object) -> str:
    text = str(key)
    return text if _is_fit(text) else "?"


@cache
def _validator() -> Draft7Validator:
    # Importing it compiles a grammar of URLs: half a second and 40 MB, which only who writes a plan needs.
    from jsonschema import Draft7Validator

    return Draft7Validator(json.loads(_SCHEMA.read_text("utf-8")))
