"""What the aliases opus, sonnet and haiku mean, and which models may be chosen at all.

Three shapes, as observed with Claude Code 2.1.330 (https://code.claude.com/docs/en/model-config):

- Pins name inference profiles by their ids: the usual one.
- Where a plan names application inference profiles, pins are Anthropic's own ids and `modelOverrides` leads each to
  its profile. An ARN as a pin would be asked about at every start, and costs and window would be guessed. Then every
  tier has that shape: ids of both kinds in one list make Claude Code run another model than the one asked for.
- A tier without a verified model means the default one, and Claude Code's own defaults of that tier are overridden by
  its ARN: otherwise it takes the pin for none and calls models of its own choice at its first start. With an ARN,
  because it would take a plain id for a model of the overridden name, with that one's limits and price.
"""

from __future__ import annotations

import re

from onboarding.bundles import grammar
from onboarding.bundles.inputs import BundleInputs, UnsafeValue
from onboarding.catalog import APPLICATION_PROFILE_ARN, first_party_id, inference_profile_arn
from onboarding.claude_settings import SINCE, release
from onboarding.enums import Tier

# What Claude Code 2.1.330 and its nearer predecessors mean by each tier, unless told otherwise: the ids that
# `modelOverrides` knows. A later default has to be added here; tests/conformance shows when.
_OWN_DEFAULTS = {
    Tier.OPUS: ("claude-opus-5-5", "claude-opus-5", "claude-opus-4-8"),
    Tier.SONNET: ("claude-sonnet-4-5-20250929",),
    Tier.HAIKU: ("claude-haiku-4-5-20251001",),
}
_DATE = re.compile(r"-\d{8}$")


def profiles(inputs: BundleInputs) -> dict[Tier, str]:
    """The inference profile of every tier: its own, or the default one's. Always all three."""
    if inputs.default_tier not in inputs.models:
        raise UnsafeValue("default_tier")
    return {tier: grammar.shell_word("models", inputs.models.get(tier, inputs.default_model)) for tier in Tier}


def pins(inputs: BundleInputs) -> dict[Tier, str]:
    """What settings.json pins each tier to."""
    named = profiles(inputs)
    if not has_own_ids(inputs):
        return named
    return {tier: _own_id(inputs, profile) for tier, profile in named.items()}


def available(inputs: BundleInputs) -> list[str]:
    """The models that may be chosen, in one style: ids of profiles, or Anthropic's ids without their dates."""
    verified = dict.fromkeys(inputs.models[tier] for tier in Tier if tier in inputs.models)
    if not has_own_ids(inputs):
        return list(verified)
    return list(dict.fromkeys(_DATE.sub("", _own_id(inputs, profile)) for profile in verified))


def overrides(inputs: BundleInputs) -> dict[str, str]:
    """`modelOverrides`: Anthropic's ids to what Bedrock is asked for."""
    found: dict[str, str] = {}
    if inputs.unverified_tiers:
        arn = arn_of(inputs, inputs.default_model)
        found |= {own: arn for tier in inputs.unverified_tiers for own in _OWN_DEFAULTS[tier]}
    if has_own_ids(inputs):
        found |= {_own_id(inputs, profile): profile for profile in profiles(inputs).values()}
    return found


def oldest_release(inputs: BundleInputs) -> str:
    """The oldest Claude Code for which this bundle says what it means; empty where any will do.

    Versions that do not know overrides of pins call models of their own choice instead, or fail.
    """
    needed = [inputs.behaviour.minimum_version] if inputs.behaviour.minimum_version else []
    if overrides(inputs):
        needed.append(SINCE["modelOverrides"])
    return grammar.release("minimum_version", max(needed, key=release)) if needed else ""


def has_own_ids(inputs: BundleInputs) -> bool:
    """Whether tiers are pinned by Anthropic's ids: some profile is an application's, and no two share a model."""
    named = dict.fromkeys(inputs.models.values())
    own = {_own_id(inputs, profile) for profile in named}
    return any(_is_application(profile) for profile in named) and len(own) == len(named)


def _own_id(inputs: BundleInputs, profile: str) -> str:
    route = inputs.routes.get(profile)
    return grammar.shell_word("models", first_party_id(route.model_id) if route else profile)


def _is_application(profile: str) -> bool:
    return APPLICATION_PROFILE_ARN.fullmatch(profile) is not None


def arn_of(inputs: BundleInputs, profile: str) -> str:
    """An inference profile's ARN in the plan's account and Region."""
    if _is_application(profile):
        return profile
    region, account = grammar.region("region", inputs.region), grammar.account_id("account_id", inputs.account_id)
    return inference_profile_arn(region, account, grammar.shell_word("models", profile))
