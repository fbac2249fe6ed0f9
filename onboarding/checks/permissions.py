"""Permissions: the role may invoke the profile and every model it routes to, streaming and not."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from onboarding.aws import Refused, iam
from onboarding.aws.iam import Decision
from onboarding.catalog import UNSPECIFIED_REGION, model_label, parse_model_arn, region_label
from onboarding.checks.base import Answer, Case, Check, Facts, Reason, Text, fingerprint
from onboarding.enums import Actor, Layer, Outcome, Scope

# What Claude Code calls: streaming for every turn, plain for its start-up probes and its retry.
ACTIONS = ("bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream")

_BY_LAYER = {
    Layer.SERVICE_CONTROL_POLICY: "service-control-policy",
    Layer.PERMISSIONS_BOUNDARY: "permissions-boundary",
    Layer.IDENTITY_POLICY: "identity-policy",
}


def _missing_statements(findings: Sequence[Facts]) -> str:
    """The least a policy lacks: the denied actions and resources, the models only through the plan's profiles."""
    denied = [row for facts in findings for row in facts["denied"]]
    actions = sorted({row["action"] for row in denied})
    profiles = sorted({row["resource"] for row in denied if not _is_model(row)})
    statements: list[dict[str, Any]] = []
    if profiles:
        statements.append({"Effect": "Allow", "Action": actions, "Resource": profiles})
    models = sorted({row["resource"] for row in denied if _is_model(row)})
    if models:
        condition = {"StringEquals": {"bedrock:InferenceProfileArn": _profile_arns(findings)}}
        statements.append({"Effect": "Allow", "Action": actions, "Resource": models, "Condition": condition})
    return json.dumps({"Version": "2012-10-17", "Statement": statements}, indent=2)


def _is_model(row: Facts) -> bool:
    return ":foundation-model/" in row["resource"]


def _exemption(findings: Sequence[Facts]) -> str:
    """The condition that lets a Region guard pass what Bedrock itself routes through the profiles."""
    return json.dumps({"ArnNotLike": {"bedrock:InferenceProfileArn": _profile_arns(findings)}}, indent=2)


def _profile_arns(findings: Sequence[Facts]) -> list[str]:
    return sorted({facts["profile_arn"] for facts in findings})


class PermissionsCheck(Check):
    name = "permissions"
    scope = Scope.ROLE
    title = _("Permissions")
    needs = ("identity", "inference-profile")
    REASONS = {
        "allowed": Reason(
            _("%(model)s"),
            _("%(role)s may invoke the profile and %(count)s it routes to."),
        ),
        "identity-policy": Reason(
            _("Your role may not invoke models in %(regions)s"),
            _("Bedrock may route %(profile)s to %(regions)s, which the policy of %(role)s does not allow."),
            _("An admin adds these statements to the permission set's policy."),
            Actor.ADMIN,
            _("Statements the policy lacks"),
            _missing_statements,
        ),
        "identity-policy-profile": Reason(
            _("Your role may not use %(profile)s"),
            _("The policy of %(role)s allows the models behind %(profile)s, and not the inference profile itself."),
            _("An admin adds these statements to the permission set's policy."),
            Actor.ADMIN,
            _("Statements the policy lacks"),
            _missing_statements,
        ),
        "identity-policy-deny": Reason(
            _("Your role's policy denies models in %(regions)s"),
            _("The identity policy of %(role)s explicitly denies what %(profile)s needs in %(regions)s."),
            _("An admin narrows the deny in %(statements)s, or exempts this profile from it."),
            Actor.ADMIN,
            _("Condition that exempts the profiles"),
            _exemption,
        ),
        "needs-context": Reason(
            _("Only a real request can tell"),
            _("The policy of %(role)s depends on %(keys)s, which only a real request has. This is not a denial."),
            _("An admin looks whether the policy's condition fits you, or makes the grant unconditional."),
            Actor.ADMIN,
        ),
        "permissions-boundary": Reason(
            _("A permissions boundary denies %(actions)s"),
            _("The permissions boundary of %(role)s does not allow %(actions)s for %(profile)s in %(regions)s."),
            _("An admin adds the missing actions to the boundary policy of the permission set."),
            Actor.ADMIN,
            _("Statements the boundary lacks"),
            _missing_statements,
        ),
        "permissions-boundary-deny": Reason(
            _("A permissions boundary denies %(actions)s"),
            _("The permissions boundary of %(role)s explicitly denies %(actions)s for %(profile)s in %(regions)s."),
            _("An admin narrows the deny in the boundary policy, or exempts this profile from it."),
            Actor.ADMIN,
            _("Condition that exempts the profiles"),
            _exemption,
        ),
        "service-control-policy": Reason(
            _("A service control policy denies %(regions)s"),
            _("Bedrock may route %(profile)s to %(regions)s, and a service control policy forbids it there."),
            _("An admin of the AWS organization exempts the plan's profiles from the policy that denies the Region."),
            Actor.ADMIN,
            _("Condition for the policy's deny statement"),
            _exemption,
        ),
        "role-missing": Reason(
            _("Your role no longer exists"),
            _("IAM knows no role %(role)s in account %(account)s."),
            _("An admin provisions the permission set to the account again."),
            Actor.ADMIN,
        ),
    }

    def subject(self, about: str, case: Case) -> str:
        routed = case.facts("inference-profile", about)["destinations"]
        role_arn = case.facts("identity")["role_arn"]
        return f"{role_arn}|{case.revision.region}|{about}|{fingerprint(row['arn'] for row in routed)}"

    def answer(self, about: str, case: Case) -> Answer:
        profile = case.facts("inference-profile", about)
        role_arn = case.facts("identity")["role_arn"]
        facts: dict[str, Any] = {
            "profile": about,
            "profile_arn": profile["arn"],
            "role_arn": role_arn,
            "role": case.facts("identity")["permission_set"],
            "account": case.revision.account.account_id,
            "models": len(profile["destinations"]),
        }
        decisions: dict[tuple[str, str], Decision] = {}
        for requested_region, resources in _by_requested_region(profile, case.revision.region).items():
            try:
                told = self._simulate(role_arn, resources, requested_region, profile["arn"], case)
            except Refused as error:
                if error.code != "NoSuchEntity":
                    raise
                return Answer(Outcome.FAILED, "role-missing", facts, Layer.ASSIGNMENT)
            decisions |= {(decision.action, decision.resource): decision for decision in told}
            if any((action, resource) not in decisions for action in ACTIONS for resource in resources):
                return Answer(
                    Outcome.UNKNOWN, "incomplete", facts | {"operation": "iam:SimulatePrincipalPolicy"}, Layer.AWS
                )
        return _judge(facts, [decision for decision in decisions.values() if not decision.is_allowed])

    def _simulate(
        self, role_arn: str, resources: list[str], requested_region: str, profile_arn: str, case: Case
    ) -> list[Decision]:
        """One call a Region: the condition keys hold for the whole call, and they differ by Region."""
        context = {"aws:RequestedRegion": requested_region, "bedrock:InferenceProfileArn": profile_arn}
        return iam.simulate(
            role_arn,
            actions=ACTIONS,
            resources=resources,
            context=context,
            region=case.revision.region,
            access=case.account_access,
        )

    def words(self, facts: Facts) -> dict[str, str]:
        denied = facts.get("denied", [])
        count = facts.get("models", 0)
        return super().words(facts) | {
            "model": model_label(facts.get("profile", "")),
            "regions": ", ".join(dict.fromkeys(_where(row["region"]) for row in denied)),
            "actions": ", ".join(sorted({row["action"] for row in denied})),
            "statements": ", ".join(sorted({name for row in denied for name in row["statements"]})) or "-",
            "count": ngettext("%(count)s model", "%(count)s models", count) % {"count": count},
        }

    def evidence(self, facts: Facts) -> list[tuple[Text, str]]:
        rows: list[tuple[Text, str]] = [
            (_("Asked"), "iam:SimulatePrincipalPolicy, " + ", ".join(ACTIONS)),
            (_("Role"), facts.get("role_arn", "")),
        ]
        for row in facts.get("denied", []):
            kind = _("Explicit deny") if row["is_explicit"] else _("Implicit deny")
            rows.append((kind, f"{row['action']} {row['resource']}"))
        return rows


def _by_requested_region(profile: Facts, source_region: str) -> dict[str, list[str]]:
    """The resources to ask about, by what `aws:RequestedRegion` holds when Bedrock authorizes them."""
    grouped: dict[str, list[str]] = {source_region: [profile["arn"]]}
    for row in profile["destinations"]:
        grouped.setdefault(row["region"] or UNSPECIFIED_REGION, []).append(row["arn"])
    return grouped


def _judge(facts: dict[str, Any], denials: list[Decision]) -> Answer:
    if not denials:
        return Answer(Outcome.PASSED, "allowed", facts)
    certain = [decision for decision in denials if decision.is_certain]
    if not certain:
        keys = sorted({key for decision in denials for key in decision.missing})
        return Answer(Outcome.UNKNOWN, "needs-context", facts | {"keys": ", ".join(keys)}, Layer.IDENTITY_POLICY)
    denials = certain
    layer = next(layer for layer in _BY_LAYER if any(decision.layer == layer for decision in denials))
    deciding = [decision for decision in denials if decision.layer == layer]
    facts["denied"] = [_row(decision) for decision in _model_hops_first(deciding)]
    return Answer(Outcome.FAILED, _reason(layer, deciding, facts["denied"]), facts, layer)


def _reason(layer: Layer, deciding: Sequence[Decision], rows: Sequence[Facts]) -> str:
    """What an admin has to do differs: widen a grant, narrow a deny, or name the profile beside its models."""
    if layer != Layer.SERVICE_CONTROL_POLICY and any(decision.is_explicit for decision in deciding):
        return f"{_BY_LAYER[layer]}-deny"
    if layer == Layer.IDENTITY_POLICY and not any(_is_model(row) for row in rows):
        return "identity-policy-profile"
    return _BY_LAYER[layer]


def _model_hops_first(denials: Iterable[Decision]) -> list[Decision]:
    return sorted(denials, key=lambda decision: (":foundation-model/" not in decision.resource, decision.resource))


def _row(decision: Decision) -> dict[str, Any]:
    destination = parse_model_arn(decision.resource)
    region = destination.region if destination else decision.resource.split(":")[3]
    return {
        "action": decision.action,
        "resource": decision.resource,
        "region": region,
        "is_explicit": decision.is_explicit,
        "statements": list(decision.statements),
    }


def _where(region: str) -> str:
    return region_label(region) if region else str(_("any Region (global inference)"))
