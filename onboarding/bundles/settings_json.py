"""settings.json for user scope (`~/.claude/settings.json`), or managed-settings.json for device management.

Each key, and why it is there (https://code.claude.com/docs/en/settings, /amazon-bedrock, /model-config,
/managed-settings):

`$schema`                 editors explain and check the file.
`model`                   the alias to start with. An alias, so that it follows the pin below.
`env`                     `environment.py`.
`modelOverrides`          `pins.py`.
`availableModels`         what may be chosen. One style only: with aliases or family names in the list,
                          Claude Code 2.1.330 quietly ran another model than the one asked for.
`enforceAvailableModels`  the picker's "Default" obeys that list too.
`awsAuthRefresh`          opens the sign-in when credentials have run out, instead of failing.
`awsCredentialExport`     the company's own helper, with a limit of time.
`permissions.deny`        the plan's rules, when it has any.
`minimumVersion`          Claude Code does not go back behind it.
`allowedProviders`        managed only: the lock that keeps traffic on Bedrock. Older versions ignore it, so
`requiredMinimumVersion`  managed only: older versions do not start.

Left out on purpose: hooks and commands (nothing a form holds may become one; the helper comes from the operator's
list).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from onboarding.bundles import grammar
from onboarding.bundles.credentials import helper_command, refresh_command
from onboarding.bundles.environment import environment
from onboarding.bundles.inputs import BundleInputs
from onboarding.bundles.pins import available, oldest_release, overrides
from onboarding.claude_settings import SCHEMA_URL, SINCE, release
from onboarding.enums import CredentialMethod

# Lists that belong to the person as well: ours are added to theirs.
_SHARED_LISTS = {("permissions", "deny")}


def settings_of(inputs: BundleInputs) -> dict[str, Any]:
    """What the file holds."""
    plan = inputs.behaviour
    settings: dict[str, Any] = {
        "$schema": SCHEMA_URL,
        "model": inputs.default_tier.value,
        "env": environment(inputs),
    }
    if found := overrides(inputs):
        settings["modelOverrides"] = found
    if plan.limits_models:
        settings |= {"availableModels": available(inputs), "enforceAvailableModels": True}
    settings |= _credentials(inputs)
    if rules := denied_tools(inputs):
        settings["permissions"] = {"deny": rules}
    if oldest := oldest_release(inputs):
        settings["minimumVersion"] = oldest
    if plan.update_channel:
        settings["autoUpdatesChannel"] = grammar.shell_word("update_channel", plan.update_channel)
    if plan.announcements:
        settings["companyAnnouncements"] = list(plan.announcements)
    settings |= {key: value for key, value in plan.free_settings.items() if key != "env"}
    return settings | (_managed(inputs) if plan.is_managed else {})


def denied_tools(inputs: BundleInputs) -> list[str]:
    """The plan's deny rules, each once: the schema wants them unique."""
    return [grammar.permission_rule("denied_tools", rule) for rule in dict.fromkeys(inputs.behaviour.denied_tools)]


def edits(settings: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What an installer does to a person's own file: the values to set, and the items to add to lists they share."""
    return [
        {"path": list(path), "add": value} if path in _SHARED_LISTS else {"path": list(path), "value": value}
        for path, value in _leaves(settings, ())
    ]


def _leaves(value: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    for key, inner in value.items():
        if isinstance(inner, Mapping) and inner:
            yield from _leaves(inner, (*path, key))
        else:
            yield (*path, key), inner


def _credentials(inputs: BundleInputs) -> dict[str, str]:
    if inputs.credentials.method == CredentialMethod.CREDENTIAL_EXPORT:
        return {"awsCredentialExport": helper_command(inputs)}
    command = refresh_command(inputs)
    return {"awsAuthRefresh": command} if command else {}


def _managed(inputs: BundleInputs) -> dict[str, Any]:
    """A version that does not know the lock ignores it and goes elsewhere, so the floor is at least the lock's own."""
    floor = max(oldest_release(inputs) or "0.0.0", SINCE["allowedProviders"], key=release)
    return {"allowedProviders": ["bedrock"], "requiredMinimumVersion": floor}
