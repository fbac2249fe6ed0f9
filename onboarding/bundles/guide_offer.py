"""The part of the guide that says what somebody may use: the same for everybody with the same models and role."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from django.utils import translation
from django.utils.translation import gettext as _

from onboarding.bundles import grammar
from onboarding.bundles.inputs import BundleInputs
from onboarding.bundles.markdown import bullets, code, isolated, table, text
from onboarding.bundles.pins import oldest_release
from onboarding.bundles.settings_json import denied_tools
from onboarding.catalog import model_label, region_label
from onboarding.enums import Tier


@dataclass(frozen=True, slots=True)
class Offer:
    """Everything this part depends on. `models` are those verified, by tier, each with the name to call it by."""

    language: str
    models: tuple[tuple[Tier, str, str], ...]
    default_tier: Tier
    account_id: str
    account_name: str
    region: str
    role_name: str
    aws_profile: str
    max_output_tokens: int | None
    minimum_version: str
    denied_tools: tuple[str, ...]

    @classmethod
    def of(cls, inputs: BundleInputs) -> Offer:
        plan = inputs.behaviour
        return cls(
            language=inputs.language,
            models=tuple((tier, profile, _name(inputs, profile)) for tier, profile in inputs.models.items()),
            default_tier=inputs.default_tier,
            account_id=inputs.account_id,
            account_name=inputs.account_name,
            region=inputs.region,
            role_name=inputs.role_name,
            aws_profile=inputs.aws_profile if inputs.credentials.method.has_profile else "",
            max_output_tokens=plan.max_output_tokens,
            minimum_version=oldest_release(inputs),
            denied_tools=tuple(denied_tools(inputs)),
        )

    @property
    def by_tier(self) -> dict[Tier, tuple[str, str]]:
        return {tier: (profile, name) for tier, profile, name in self.models}

    @property
    def default_model(self) -> str:
        """What to call it by."""
        return self.by_tier[self.default_tier][1]


def _name(inputs: BundleInputs, profile: str) -> str:
    """The model's name; an application inference profile's ARN does not tell it, but Bedrock did."""
    route = inputs.routes.get(grammar.shell_word("models", profile))
    return model_label(route.model_id if route else profile)


@lru_cache(maxsize=256)
def what_you_may_use(offer: Offer) -> str:
    """Markdown."""
    with translation.override(offer.language):
        parts = [
            "## " + _("What you may use"),
            table((_("Tier"), _("Model"), _("Inference profile")), [_tier_row(offer, tier) for tier in Tier]),
            *_unverified(offer),
            bullets(_facts(offer)),
            *_limits(offer),
        ]
    return "\n\n".join(parts)


def _tier_row(offer: Offer, tier: Tier) -> tuple[str, ...]:
    profile, name = offer.by_tier.get(tier, offer.by_tier[offer.default_tier])
    label = text(name)
    if tier not in offer.by_tier:
        label = _("%(model)s in its place") % {"model": label}
    return (str(tier.label), label, code(profile))


def _unverified(offer: Offer) -> list[str]:
    """Said plainly, because a person who chooses one of these gets another model than its name says."""
    return [
        _(
            "**There is no verified %(tier)s model for you.** Wherever you choose `%(alias)s`, and "
            "wherever Claude Code "
            "does by itself, %(model)s answers. It is pinned this way because Claude Code would otherwise "
            "try a model "
            "at every start that nobody verified."
        )
        % {"tier": tier.label, "alias": tier.value, "model": text(offer.default_model)}
        for tier in Tier
        if tier not in offer.by_tier
    ]


def _facts(offer: Offer) -> list[str]:
    facts = [
        _("AWS account: %(account)s (%(name)s)")
        % {"account": code(offer.account_id), "name": isolated(offer.account_name)},
        _("Region: %(region)s") % {"region": text(region_label(offer.region))},
        _("Role: %(role)s") % {"role": code(offer.role_name)},
    ]
    if offer.aws_profile:
        facts.append(_("AWS profile on your machine: %(profile)s") % {"profile": code(offer.aws_profile)})
    model = {"tier": offer.default_tier.label, "model": text(offer.default_model)}
    return [*facts, _("Claude Code starts with: %(tier)s, which is %(model)s") % model]


def _limits(offer: Offer) -> list[str]:
    limits = []
    if offer.max_output_tokens is not None:
        limits.append(
            _("One answer is at most %(tokens)d tokens long. Bedrock sets this much of the quota aside per request.")
            % {"tokens": offer.max_output_tokens}
        )
    if offer.minimum_version:
        limits.append(_("You need Claude Code %(release)s or newer.") % {"release": code(offer.minimum_version)})
    if offer.denied_tools:
        limits.append(_("Your plan keeps Claude Code from doing this:"))
        limits.append(bullets([code(rule) for rule in offer.denied_tools]))
    return limits
