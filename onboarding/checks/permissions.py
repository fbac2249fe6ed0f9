"""Permissions: the role may invoke the profile and every model it routes to, streaming and not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from onboarding.aws import Refused
from onboarding.aws.iam import Decision
from onboarding.catalog import model_label, parse_model_arn, region_label
from onboarding.checks import links
from onboarding.checks.base import Answer, Case, Check, Facts, Paste, Reason, Remedy, Text, fingerprint
from onboarding.checks.policies import exemption, is_model, missing_statements
from onboarding.checks.simulation import NEEDS_CONTEXT, decisions_about, matched_rows, role_subject
from onboarding.enums import Gate, Layer, Outcome, Scope
from onboarding.policies import INVOKE

_BY_LAYER = {
    Layer.SERVICE_CONTROL_POLICY: "service-control-policy",
    Layer.PERMISSIONS_BOUNDARY: "permissions-boundary",
    Layer.IDENTITY_POLICY: "identity-policy",
}
_WIDEN = Remedy(
    _("An admin adds these statements to the permission set's policy."),
    _("Add these statements to the policy of %(role)s in account %(account)s."),
    pastes=(Paste(_("Statements the policy lacks"), "policy.json", missing_statements),),
    link=links.ROLE,
)
_EXEMPT = (Paste(_("Condition that exempts the profiles"), "condition.json", exemption),)


class PermissionsCheck(Check):
    name = "permissions"
    scope = Scope.ROLE
    gate = Gate.PERMISSIONS
    title = _("Invoke")
    needs = ("identity", "inference-profile", "role-policies")
    REASONS = {
        "allowed": Reason(
            _("%(model)s"),
            _("%(role)s may invoke the profile and %(count)s it routes to."),
        ),
        "identity-policy": Reason(
            _("Your role may not invoke models in %(regions)s"),
            _("Bedrock may route %(profile)s to %(regions)s, which the policy of %(role)s does not allow."),
            _WIDEN,
        ),
        "identity-policy-profile": Reason(
            _("Your role may not use %(profile)s"),
            _("The policy of %(role)s allows the models behind %(profile)s, and not the inference profile itself."),
            _WIDEN,
        ),
        "identity-policy-deny": Reason(
            _("Your role's policy denies models in %(regions)s"),
            _("The identity policy of %(role)s explicitly denies what %(profile)s needs in %(regions)s."),
            Remedy(
                _("An admin narrows the deny in %(statements)s, or exempts this profile from it."),
                _("Narrow the deny in %(statements)s of %(role)s, or exempt the profile by this condition."),
                pastes=_EXEMPT,
                link=links.ROLE,
            ),
        ),
        "needs-context": NEEDS_CONTEXT,
        "permissions-boundary": Reason(
            _("A permissions boundary denies %(actions)s"),
            _("The permissions boundary of %(role)s does not allow %(actions)s for %(profile)s in %(regions)s."),
            Remedy(
                _("An admin adds the missing actions to the boundary policy of the permission set."),
                _("Add these statements to the permissions boundary of %(role)s in account %(account)s."),
                pastes=(Paste(_("Statements the boundary lacks"), "policy.json", missing_statements),),
                link=links.ROLE,
            ),
        ),
        "permissions-boundary-deny": Reason(
            _("A permissions boundary denies %(actions)s"),
            _("The permissions boundary of %(role)s explicitly denies %(actions)s for %(profile)s in %(regions)s."),
            Remedy(
                _("An admin narrows the deny in the boundary policy, or exempts this profile from it."),
                _("Narrow the deny in the boundary of %(role)s, or exempt the profile by this condition."),
                pastes=_EXEMPT,
                link=links.ROLE,
            ),
        ),
        "service-control-policy": Reason(
            _("A service control policy denies %(regions)s"),
            _("Bedrock may route %(profile)s to %(regions)s, and a service control policy forbids it there."),
            Remedy(
                _(
                    "An admin of the AWS organization exempts the plan's profiles from the policy that denies the "
                    "Region."
                ),
                _("In the policy that denies %(regions)s to account %(account)s, add this to the deny's condition."),
                pastes=(Paste(_("Condition for the policy's deny statement"), "condition.json", exemption),),
                link=links.SERVICE_CONTROL_POLICIES,
            ),
        ),
        "role-missing": Reason(
            _("Your role no longer exists"),
            _("IAM knows no role %(role)s in account %(account)s."),
            Remedy(
                _("An admin provisions the permission set to the account again."),
                _("Provision %(role)s to account %(account)s again."),
            ),
        ),
    }

    def subject(self, about: str, case: Case) -> str:
        routed = case.facts("inference-profile", about)["destinations"]
        return f"{role_subject(case)}|{about}|{fingerprint(row['arn'] for row in routed)}"

    def answer(self, about: str, case: Case) -> Answer:
        profile, role = case.facts("inference-profile", about), case.facts("role-policies")
        facts: dict[str, Any] = {
            "profile": about,
            "profile_arn": profile["arn"],
            "model_id": next(iter(profile["models"]), about),
            "role_arn": role["role_arn"],
            "role": role["role"],
            "account": case.revision.account.account_id,
            "region": case.revision.region,
            "models": len(profile["destinations"]),
        }
        try:
            decisions = decisions_about(about, case)
        except Refused as error:
            if error.code != "NoSuchEntity":
                raise
            return Answer(Outcome.FAILED, "role-missing", facts, Layer.ASSIGNMENT)
        if not _is_complete(profile, decisions):
            operation = {"operation": "iam:SimulatePrincipalPolicy"}
            return Answer(Outcome.UNKNOWN, "incomplete", facts | operation, Layer.AWS)
        return _judge(facts, list(decisions.values()), role)

    def words(self, facts: Facts) -> dict[str, str]:
        denied = facts.get("denied", [])
        count = facts.get("models", 0)
        return super().words(facts) | {
            "model": model_label(facts.get("model_id", "")),
            "regions": ", ".join(dict.fromkeys(_where(row["region"]) for row in denied)),
            "actions": ", ".join(sorted({row["action"] for row in denied})),
            "statements": ", ".join(dict.fromkeys(_statement(row) for row in facts.get("matched", []))) or "-",
            "count": ngettext("%(count)s model", "%(count)s models", count) % {"count": count},
        }

    def evidence(self, facts: Facts) -> list[tuple[Text, str]]:
        rows: list[tuple[Text, str]] = [
            (_("Asked"), "iam:SimulatePrincipalPolicy, " + ", ".join(INVOKE)),
            (_("Role"), facts.get("role_arn", "")),
        ]
        for row in facts.get("denied", []):
            kind = _("Explicit deny") if row["is_explicit"] else _("Implicit deny")
            rows.append((kind, f"{row['action']} {row['resource']}"))
        for row in facts.get("matched", []):
            rows.append((_("Statement that decided"), f"{_statement(row)}: {row['text']}".rstrip(": ")))
        return rows


def _statement(row: Facts) -> str:
    """`AwsSSOInlinePolicy, Invoke`: the policy, and what its author called the statement."""
    return ", ".join(part for part in (row["policy"], row["sid"]) if part)


def _is_complete(profile: Facts, decisions: Mapping[tuple[str, str], Decision]) -> bool:
    wanted = [profile["arn"], *(row["arn"] for row in profile["destinations"])]
    return all((action, resource) in decisions for action in INVOKE for resource in wanted)


def _judge(facts: dict[str, Any], decisions: Sequence[Decision], role: Facts) -> Answer:
    denials = [decision for decision in decisions if not decision.is_allowed]
    if not denials:
        return Answer(Outcome.PASSED, "allowed", facts | {"matched": matched_rows(decisions, role)})
    certain = [decision for decision in denials if decision.is_certain]
    if not certain:
        keys = sorted({key for decision in denials for key in decision.missing})
        return Answer(Outcome.UNKNOWN, "needs-context", facts | {"keys": ", ".join(keys)}, Layer.IDENTITY_POLICY)
    layer = next(layer for layer in _BY_LAYER if any(decision.layer == layer for decision in certain))
    deciding = _model_hops_first(decision for decision in certain if decision.layer == layer)
    facts["denied"] = [_row(decision) for decision in deciding]
    facts["matched"] = matched_rows([decision for decision in deciding if decision.is_explicit], role)
    return Answer(Outcome.FAILED, _reason(layer, deciding), facts, layer)


def _reason(layer: Layer, deciding: Sequence[Decision]) -> str:
    """What an admin has to do differs: widen a grant, narrow a deny, or name the profile beside its models."""
    if layer != Layer.SERVICE_CONTROL_POLICY and any(decision.is_explicit for decision in deciding):
        return f"{_BY_LAYER[layer]}-deny"
    if layer == Layer.IDENTITY_POLICY and not any(is_model(decision.resource) for decision in deciding):
        return "identity-policy-profile"
    return _BY_LAYER[layer]


def _model_hops_first(denials: Iterable[Decision]) -> list[Decision]:
    return sorted(denials, key=lambda decision: (not is_model(decision.resource), decision.resource))


def _row(decision: Decision) -> dict[str, Any]:
    destination = parse_model_arn(decision.resource)
    region = destination.region if destination else decision.resource.split(":")[3]
    return {
        "action": decision.action,
        "resource": decision.resource,
        "region": region,
        "is_explicit": decision.is_explicit,
    }


def _where(region: str) -> str:
    return region_label(region) if region else str(_("any Region (global inference)"))
