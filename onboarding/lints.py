"""What is to be said against a plan's revision before it is published: settings that harm, cost, or do nothing.

A lint is no error: the revision may be published, and the lints are stored with it. What AWS knows (whether a model is
about to end, how large a quota is) is read from findings, never from a table of ours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from onboarding.catalog import (
    APPLICATION_PROFILE_ARN,
    geography_prefixes,
    model_label,
    output_limit,
    parse_profile_id,
    region_label,
    thinks_adaptively,
)
from onboarding.claude_settings import SINCE, release
from onboarding.enums import CredentialMethod, ModelForm, Outcome, PromptCaching, SettingsScope, Tier
from onboarding.models import Finding, PlanRevision, Subject

# Bedrock sets aside at least this many tokens of a request's answer.
# https://docs.aws.amazon.com/bedrock/latest/userguide/quotas-token-burndown.html
LEAST_RESERVED = 4096
# Under this, answers that write a whole file are cut: a judgement, from Claude Code's own defaults of 32,000 and more.
SMALL = 16_000


@dataclass(frozen=True, slots=True)
class Lint:
    """One thing to be said. `about` is a field of the revision; `facts` is JSON and fills in the words."""

    name: str
    about: str
    facts: Mapping[str, Any] = field(default_factory=dict)


class LintWords(NamedTuple):
    outcome: Outcome
    sentence: str | Promise
    advice: str | Promise


class ReadLint(NamedTuple):
    """A stored lint in words, in the language that is active."""

    about: str
    outcome: Outcome
    sentence: str
    advice: str


WORDS: Mapping[str, LintWords] = {
    "model-ended": LintWords(
        Outcome.FAILED,
        _("%(model)s has ended: AWS answers no call of it any more."),
        _("Choose a newer model."),
    ),
    "model-ending": LintWords(
        Outcome.WARNING,
        _("AWS is about to end %(model)s, or marks it as legacy."),
        _("Choose a newer model before it goes."),
    ),
    "bare-model": LintWords(
        Outcome.FAILED,
        _("%(profile)s is a model's id and no inference profile: Bedrock answers that on-demand is not supported."),
        _("Choose the profile of your geography, such as eu.%(profile)s."),
    ),
    "prefix-mismatch": LintWords(
        Outcome.FAILED,
        _("Profiles in %(region)s begin with %(prefixes)s; %(profile)s does not exist there."),
        _("Choose a profile of the Region's own geography, or a global one."),
    ),
    "mixed-profiles": LintWords(
        Outcome.WARNING,
        _("Some tiers name an application inference profile and others do not: only part of the cost is tagged."),
        _("Give every tier an application inference profile, or none."),
    ),
    "thinking-ignored": LintWords(
        Outcome.WARNING,
        _("A number of thinking tokens has no effect on %(models)s: how long to think is the model's own choice."),
        _("Leave it empty and set the effort."),
    ),
    "effort-ignored": LintWords(
        Outcome.WARNING,
        _("None of the plan's models knows effort levels."),
        _("Leave it empty; a number of thinking tokens does it for these models."),
    ),
    "prefix-ignored": LintWords(
        Outcome.WARNING,
        _("Every tier is pinned to a profile of its own, so the prefix has no effect."),
        _("Leave it empty."),
    ),
    "channel-ignored": LintWords(
        Outcome.WARNING,
        _("Updates are turned off by %(variable)s, so the channel has no effect."),
        _("Keep one of the two."),
    ),
    "telemetry-ignored": LintWords(
        Outcome.WARNING,
        _("%(variable)s turns telemetry off, so nothing reaches the collector."),
        _("Keep one of the two."),
    ),
    "max-tokens-low": LintWords(
        Outcome.WARNING,
        _("Bedrock sets %(least)s tokens aside for each request anyway, so less saves nothing and cuts answers."),
        _("Leave it empty, or set 16000 or more."),
    ),
    "max-tokens-small": LintWords(
        Outcome.WARNING,
        _("%(tokens)s tokens cut answers that write a whole file; 4096 is advice of 2025 that AWS has taken back."),
        _("Leave it empty, or set 16000 or more."),
    ),
    "max-tokens-above-model": LintWords(
        Outcome.WARNING,
        _("One answer has at most %(limit)s tokens, from %(models)s."),
        _("Set %(limit)s or less."),
    ),
    "max-tokens-above-quota": LintWords(
        Outcome.WARNING,
        _(
            "%(active)s people at work hold %(held)s tokens of the quota for %(model)s, which is %(tokens)s per "
            "minute: AWS will answer 429."
        ),
        _("Set less, or ask AWS for a larger quota."),
    ),
    "caching-off": LintWords(
        Outcome.WARNING,
        _(
            "Without the prompt cache every turn pays for the whole conversation again, at ten times the price of a "
            "hit."
        ),
        _("Leave it on: every current model on Bedrock has it."),
    ),
    "needs-newer": LintWords(
        Outcome.WARNING,
        _("Claude Code obeys %(settings)s from %(release)s on, and the plan lets older ones start."),
        _("Set the oldest allowed version to %(release)s."),
    ),
    "deprecated-variables": LintWords(
        Outcome.WARNING,
        _("ANTHROPIC_SMALL_FAST_MODEL is deprecated; current versions obey the pins."),
        _("Use it only while old versions are still in use."),
    ),
    "overrides-unknown": LintWords(
        Outcome.WARNING,
        _("Old versions know no modelOverrides, so application inference profiles do not work there."),
        _("Use inference profiles of Bedrock's own, or pins only."),
    ),
    "long-lived-keys": LintWords(
        Outcome.WARNING,
        _("Access keys have no end, lie on disk in plain text, and nobody sees who uses them."),
        _("Prefer IAM Identity Center, or a helper that brings temporary credentials."),
    ),
    "key-not-renewed": LintWords(
        Outcome.WARNING,
        _("A Bedrock API key wins over every other credential, and Claude Code cannot renew it."),
        _("Prefer IAM Identity Center: Claude Code renews that by itself."),
    ),
    "models-unlimited": LintWords(
        Outcome.WARNING,
        _("People may choose any model that their role may call, also one that Onramp has not verified."),
        _("Let them choose among the plan's models only."),
    ),
}


def lint(revision: PlanRevision) -> list[Lint]:
    """Everything to be said against a revision, saved or not."""
    return [found for rule in _RULES for found in rule(revision)]


def stored(lints: Iterable[Lint]) -> list[dict[str, Any]]:
    """As a revision keeps them."""
    return [{"name": row.name, "about": row.about, "facts": dict(row.facts)} for row in lints]


def read(rows: Iterable[Mapping[str, Any]]) -> list[ReadLint]:
    """Stored lints in words, the worst first; one that this version has no words for is left out."""
    known = [row for row in rows if row.get("name") in WORDS]
    found = [_read(WORDS[row["name"]], row) for row in known]
    return sorted(found, key=lambda lint: lint.outcome != Outcome.FAILED)


def _read(words: LintWords, row: Mapping[str, Any]) -> ReadLint:
    facts = {key: _shown(key, value) for key, value in row["facts"].items()}
    return ReadLint(row["about"], words.outcome, str(words.sentence) % facts, str(words.advice) % facts)


def _shown(key: str, value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(value)
    if isinstance(value, int):
        return f"{value:,}".replace(",", "\u202f")
    return str(region_label(value)) if key == "region" else str(value)


def _lifecycle(revision: PlanRevision) -> Iterator[Lint]:
    for tier, profile in revision.profiles.items():
        finding = _newest("model-lifecycle", f"{_place(revision)}|{profile}")
        if finding is None or finding.outcome not in (Outcome.FAILED, Outcome.WARNING):
            continue
        name = "model-ended" if finding.outcome == Outcome.FAILED else "model-ending"
        yield Lint(name, tier.value, {"model": model_label(finding.facts.get("model_id", profile))})


def _place(revision: PlanRevision) -> str:
    """How the subjects of what holds for an account and a Region begin."""
    return f"{revision.account.account_id}|{revision.region}"


def _newest(check_name: str, key: str) -> Finding | None:
    """The newest answer to a question, asked by whatever verification."""
    subject = Subject.objects.filter(check_name=check_name, key=key).select_related("last_known").first()
    return subject.last_known if subject else None


def _profiles(revision: PlanRevision) -> Iterator[Lint]:
    prefixes = geography_prefixes(revision.region)
    for tier, profile in revision.profiles.items():
        parsed = parse_profile_id(profile)
        if parsed is None and not _is_application(profile):
            yield Lint("bare-model", tier.value, {"profile": profile})
        elif parsed is not None and prefixes and parsed.prefix not in prefixes:
            facts = {"profile": profile, "region": revision.region, "prefixes": [f"{each}." for each in prefixes]}
            yield Lint("prefix-mismatch", tier.value, facts)
    application = [_is_application(profile) for profile in revision.profiles.values()]
    if any(application) and not all(application):
        yield Lint("mixed-profiles", revision.default_tier)


def _is_application(profile: str) -> bool:
    return APPLICATION_PROFILE_ARN.fullmatch(profile) is not None


def _thinking(revision: PlanRevision) -> Iterator[Lint]:
    kinds = {profile: thinks_adaptively(profile) for profile in revision.profiles.values()}
    if revision.thinking_tokens and any(kinds.values()):
        adaptive = sorted({model_label(profile) for profile, is_adaptive in kinds.items() if is_adaptive})
        yield Lint("thinking-ignored", "thinking_tokens", {"models": adaptive})
    if revision.effort and kinds and all(is_adaptive is False for is_adaptive in kinds.values()):
        yield Lint("effort-ignored", "effort")


def _without_effect(revision: PlanRevision) -> Iterator[Lint]:
    variables = revision.free_settings.get("env", {})
    if revision.region_prefix:
        # A tier without a model of its own is pinned to the default one's.
        yield Lint("prefix-ignored", "region_prefix")
    if revision.update_channel and "DISABLE_AUTOUPDATER" in variables:
        yield Lint("channel-ignored", "update_channel", {"variable": "DISABLE_AUTOUPDATER"})
    if revision.otlp_endpoint and "DISABLE_TELEMETRY" in variables:
        yield Lint("telemetry-ignored", "otlp_endpoint", {"variable": "DISABLE_TELEMETRY"})


def _output(revision: PlanRevision) -> Iterator[Lint]:
    tokens = revision.max_output_tokens
    if tokens is None:
        return
    if tokens < LEAST_RESERVED:
        yield Lint("max-tokens-low", "max_output_tokens", {"least": LEAST_RESERVED})
    elif tokens < SMALL:
        yield Lint("max-tokens-small", "max_output_tokens", {"tokens": tokens})
    limits = {profile: output_limit(profile) for profile in revision.profiles.values()}
    exceeded = {profile: limit for profile, limit in limits.items() if limit is not None and tokens > limit}
    if exceeded:
        models = sorted({model_label(profile) for profile in exceeded})
        yield Lint("max-tokens-above-model", "max_output_tokens", {"models": models, "limit": min(exceeded.values())})
    yield from _quota(revision, tokens)


def _quota(revision: PlanRevision, tokens: int) -> Iterator[Lint]:
    """What everybody at work holds at once, against the quota that AWS named last."""
    for profile in dict.fromkeys(revision.profiles.values()):
        facts = _quota_facts(revision, profile)
        allowed, active = facts.get("tokens", 0), facts.get("active", 0)
        held = active * tokens
        if allowed and held > allowed:
            model = model_label(facts.get("model_id", profile))
            shown = {"active": active, "held": held, "model": model, "tokens": allowed}
            yield Lint("max-tokens-above-quota", "max_output_tokens", shown)


def _quota_facts(revision: PlanRevision, profile: str) -> Mapping[str, Any]:
    subject = (
        Subject.objects.filter(check_name="service-quota", key__startswith=f"{_place(revision)}|{profile}|")
        .exclude(last_known=None)
        .select_related("last_known")
        .order_by("-last_known__checked_at")
        .first()
    )
    return subject.last_known.facts if subject and subject.last_known else {}


def _cost(revision: PlanRevision) -> Iterator[Lint]:
    if revision.prompt_caching == PromptCaching.OFF:
        yield Lint("caching-off", "prompt_caching")
    if not revision.limits_models:
        yield Lint("models-unlimited", "limits_models")


def _versions(revision: PlanRevision) -> Iterator[Lint]:
    """The settings that the oldest allowed version does not know, with the version that knows them all."""
    floor = release(revision.minimum_version or "0.0.0")
    if revision.settings_scope == SettingsScope.MANAGED:
        # Managed settings keep everything older from starting.
        floor = max(floor, release(SINCE["allowedProviders"]))
    wanting = [name for name in _settings_used(revision) if release(SINCE[name]) > floor]
    if wanting:
        newest = max((SINCE[name] for name in wanting), key=release)
        yield Lint("needs-newer", "minimum_version", {"settings": wanting, "release": newest})


def _settings_used(revision: PlanRevision) -> list[str]:
    caching = {
        PromptCaching.FIVE_MINUTES: "FORCE_PROMPT_CACHING_5M",
        PromptCaching.ONE_HOUR: "ENABLE_PROMPT_CACHING_1H",
    }
    method = {
        CredentialMethod.CREDENTIAL_EXPORT: "awsCredentialExport",
        CredentialMethod.AWS_LOGIN: "aws login",
        CredentialMethod.BEDROCK_API_KEY: "AWS_BEARER_TOKEN_BEDROCK",
    }
    has_overrides = len(revision.profiles) < len(Tier) or any(map(_is_application, revision.profiles.values()))
    used = {
        "modelOverrides": has_overrides,
        "enforceAvailableModels": revision.limits_models,
        "ANTHROPIC_BEDROCK_REGION_PREFIX": bool(revision.region_prefix),
        "ANTHROPIC_BEDROCK_SERVICE_TIER": bool(revision.service_tier),
    }
    named = [caching.get(revision.prompt_caching), method.get(revision.credential_method)]  # type: ignore[call-overload]  # text of a choice is equal to it
    return [name for name, is_used in used.items() if is_used] + [name for name in named if name]


def _old_versions(revision: PlanRevision) -> Iterator[Lint]:
    if revision.model_form != ModelForm.COMPATIBILITY:
        return
    yield Lint("deprecated-variables", "model_form")
    if any(map(_is_application, revision.profiles.values())):
        yield Lint("overrides-unknown", "model_form")


def _credentials(revision: PlanRevision) -> Iterator[Lint]:
    if revision.credential_method in (CredentialMethod.ACCESS_KEYS, CredentialMethod.ENVIRONMENT_KEYS):
        yield Lint("long-lived-keys", "credential_method")
    if revision.credential_method == CredentialMethod.BEDROCK_API_KEY:
        yield Lint("key-not-renewed", "credential_method")


_RULES: tuple[Callable[[PlanRevision], Iterator[Lint]], ...] = (
    _lifecycle,
    _profiles,
    _thinking,
    _without_effect,
    _output,
    _cost,
    _versions,
    _old_versions,
    _credentials,
)
