"""IAM: which roles exist, and what IAM's simulator says a role may do."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from onboarding.aws.errors import mapped
from onboarding.aws.session import Access, client
from onboarding.enums import Layer

_SSO_PATH = "/aws-reserved/sso.amazonaws.com/"
_SSO_ROLE = re.compile(r"AWSReservedSSO_(?P<permission_set>.+)_[0-9a-f]{16}")


@dataclass(frozen=True, slots=True)
class Decision:
    """The simulator's answer for one action on one resource.

    `layer` says which kind of policy decided a denial; it is None when the action is allowed. `statements` are the
    ids of the matched policies: the simulator never lists service control policies. `missing` are condition keys that
    the policies ask for and the simulation lacked.
    """

    action: str
    resource: str
    is_allowed: bool
    is_explicit: bool
    layer: Layer | None
    statements: tuple[str, ...]
    missing: tuple[str, ...]

    @property
    def is_certain(self) -> bool:
        """Whether a real request would be decided alike: an allow may need what the simulation lacked."""
        return self.is_allowed or self.is_explicit or not self.missing or self.layer != Layer.IDENTITY_POLICY


def permission_set_roles(*, region: str, access: Access) -> dict[str, str]:
    """The ARN of each permission set's role in an account, by permission set name.

    Identity Center names them `AWSReservedSSO_<name>_<16 hex digits>` under a path of its own; the role exists only
    where the permission set is provisioned.
    """
    iam = client("iam", region=region, access=access)
    with mapped("iam:ListRoles"):
        pages = iam.get_paginator("list_roles").paginate(PathPrefix=_SSO_PATH)
        roles = [role for page in pages for role in page["Roles"]]
    matched = ((_SSO_ROLE.fullmatch(role["RoleName"]), role["Arn"]) for role in roles)
    return {match["permission_set"]: arn for match, arn in matched if match}


def simulate(
    role_arn: str,
    *,
    actions: Sequence[str],
    resources: Sequence[str],
    context: Mapping[str, str],
    region: str,
    access: Access,
) -> list[Decision]:
    """IAM's verdict on each action and resource, with service control policies and the permissions boundary.

    `context` gives condition keys one string each. The keys hold for the whole call, so resources that Bedrock
    authorizes with different keys need calls of their own. Raises Refused with code `NoSuchEntity` for an unknown
    role. https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html
    """
    iam = client("iam", region=region, access=access)
    entries = [
        {"ContextKeyName": key, "ContextKeyValues": [value], "ContextKeyType": "string"}
        for key, value in sorted(context.items())
    ]
    with mapped("iam:SimulatePrincipalPolicy"):
        pages = iam.get_paginator("simulate_principal_policy").paginate(
            PolicySourceArn=role_arn, ActionNames=list(actions), ResourceArns=list(resources), ContextEntries=entries
        )
        results = [result for page in pages for result in page["EvaluationResults"]]
    return [decision for result in results for decision in _decisions(result)]


def _decisions(result: Mapping[str, Any]) -> list[Decision]:
    """The decisions in one evaluation result, whichever layout it has.

    Since 2026 the per-resource answers stand in `ResourceSpecificResults` and the top level names an ARN template;
    before, there was one result for each action and resource. The organization's verdict stays at the top.
    """
    organizations = result.get("OrganizationsDecisionDetail")
    specific = result.get("ResourceSpecificResults") or [
        {
            "EvalResourceName": result["EvalResourceName"],
            "EvalResourceDecision": result["EvalDecision"],
            "MatchedStatements": result.get("MatchedStatements", []),
            "PermissionsBoundaryDecisionDetail": result.get("PermissionsBoundaryDecisionDetail"),
            "MissingContextValues": result.get("MissingContextValues", []),
        }
    ]
    decisions = [_decision(result["EvalActionName"], answer, organizations) for answer in specific]
    if _is_blocked(organizations) and all(decision.is_allowed for decision in decisions):
        # Whether the per-resource answers hold the organization's is not documented; its no is never overruled.
        return [replace(decision, is_allowed=False, layer=Layer.SERVICE_CONTROL_POLICY) for decision in decisions]
    return decisions


def _is_blocked(organizations: Mapping[str, Any] | None) -> bool:
    return organizations is not None and not organizations.get("AllowedByOrganizations", True)


def _decision(action: str, answer: Mapping[str, Any], organizations: Mapping[str, Any] | None) -> Decision:
    verdict = answer["EvalResourceDecision"]
    boundary = answer.get("PermissionsBoundaryDecisionDetail")
    matched = answer.get("MatchedStatements") or []
    is_allowed = verdict == "allowed"
    return Decision(
        action=action,
        resource=answer["EvalResourceName"],
        is_allowed=is_allowed,
        is_explicit=verdict == "explicitDeny",
        layer=None if is_allowed else _denying_layer(boundary, organizations),
        statements=tuple(statement.get("SourcePolicyId", "") for statement in matched),
        missing=tuple(answer.get("MissingContextValues") or ()),
    )


def _denying_layer(boundary: Mapping[str, Any] | None, organizations: Mapping[str, Any] | None) -> Layer:
    """Which layer denied: the outermost one that does, since opening an inner one would not help before it."""
    if _is_blocked(organizations):
        return Layer.SERVICE_CONTROL_POLICY
    if boundary is not None and not boundary.get("AllowedByPermissionsBoundary", True):
        return Layer.PERMISSIONS_BOUNDARY
    return Layer.IDENTITY_POLICY
