"""IAM: which roles and users exist, what their policies say, and what IAM's simulator says they may do."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import unquote

from onboarding.aws.batches import batches
from onboarding.aws.errors import mapped
from onboarding.aws.session import Access, client
from onboarding.enums import Layer

SSO_PATH = "/aws-reserved/sso.amazonaws.com/"
_SSO_ROLE = re.compile(r"AWSReservedSSO_(?P<permission_set>.+)_[0-9a-f]{16}")
# How many resources one simulation may name is not documented; tools that named more were refused.
_RESOURCES_PER_CALL = 20


@dataclass(frozen=True, slots=True)
class PolicyText:
    """A policy that limits a principal: its name, where it hangs, and its document as IAM holds it.

    `kind`: inline, attached or boundary.
    """

    name: str
    kind: str
    document: str


@dataclass(frozen=True, slots=True)
class PrincipalDetails:
    """A role or an IAM user, with everything in the account that says what it may do."""

    arn: str
    name: str
    unique_id: str
    tags: Mapping[str, str]
    policies: tuple[PolicyText, ...]

    @property
    def permission_set(self) -> str:
        """The permission set a role of Identity Center was made for; empty for every other principal.

        Identity Center names them `AWSReservedSSO_<name>_<16 hex digits>` under a path of its own.
        """
        match = _SSO_ROLE.fullmatch(self.name) if SSO_PATH in self.arn else None
        return match["permission_set"] if match else ""

    @property
    def fingerprint(self) -> str:
        """A short digest that changes whenever a policy of the principal does."""
        parts = sorted(f"{policy.kind}\n{policy.name}\n{policy.document}" for policy in self.policies)
        tags = json.dumps(dict(self.tags), sort_keys=True)
        return hashlib.sha256("\0".join([self.unique_id, tags, *parts]).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Matched:
    """A statement that decided: the policy as the simulator names it, and where the statement stands in its text."""

    policy: str
    policy_type: str
    start: tuple[int, int]  # line and column, from 1
    end: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Decision:
    """The simulator's answer for one action on one resource.

    `layer` says which kind of policy decided a denial; it is None when the action is allowed. `matched` are the
    statements that decided: the simulator never lists those of service control policies. `missing` are condition keys
    that the policies ask for and the simulation lacked.
    """

    action: str
    resource: str
    is_allowed: bool
    is_explicit: bool
    layer: Layer | None
    matched: tuple[Matched, ...]
    missing: tuple[str, ...]

    @property
    def is_certain(self) -> bool:
        """Whether a real request would be decided alike: an allow may need what the simulation lacked. What service
        control policies lack is never told."""
        return self.is_allowed or self.is_explicit or not self.missing or self.layer == Layer.SERVICE_CONTROL_POLICY


@dataclass(frozen=True, slots=True)
class Simulation:
    """What one question to the simulator brought. `has_organization` is whether service control policies had a say."""

    decisions: tuple[Decision, ...]
    has_organization: bool


def principals(*, region: str, access: Access) -> dict[str, PrincipalDetails]:
    """Every role and IAM user of an account with its policies, by ARN: one call for every thousand of them.

    AWS's own managed policies are read one by one, and only those that are attached to somebody.
    https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccountAuthorizationDetails.html
    """
    iam = client("iam", region=region, access=access)
    with mapped("iam:GetAccountAuthorizationDetails"):
        pages = list(
            iam.get_paginator("get_account_authorization_details").paginate(
                Filter=["Role", "User", "Group", "LocalManagedPolicy"], PaginationConfig={"PageSize": 1000}
            )
        )
    documents = {row["Arn"]: _default_document(row) for page in pages for row in page["Policies"]}
    groups = {row["GroupName"]: row for page in pages for row in page["GroupDetailList"]}
    found = [_details(row, "Role", documents, groups) for page in pages for row in page["RoleDetailList"]]
    found += [_details(row, "User", documents, groups) for page in pages for row in page["UserDetailList"]]
    return {details.arn: details for details in found}


def user_tags(*, region: str, access: Access) -> dict[str, dict[str, str]]:
    """The tags of every IAM user of an account, by ARN: one call for every thousand of them."""
    iam = client("iam", region=region, access=access)
    with mapped("iam:GetAccountAuthorizationDetails"):
        pages = iam.get_paginator("get_account_authorization_details").paginate(
            Filter=["User"], PaginationConfig={"PageSize": 1000}
        )
        users = [row for page in pages for row in page["UserDetailList"]]
    return {row["Arn"]: {tag["Key"]: tag["Value"] for tag in row.get("Tags", [])} for row in users}


def _details(
    row: Mapping[str, Any], kind: str, documents: Mapping[str, str], groups: Mapping[str, Any]
) -> PrincipalDetails:
    mine = [groups[name] for name in row.get("GroupList", []) if name in groups]
    return PrincipalDetails(
        arn=row["Arn"],
        name=row[f"{kind}Name"],
        unique_id=row[f"{kind}Id"],
        tags={tag["Key"]: tag["Value"] for tag in row.get("Tags", [])},
        policies=(
            *_texts(row, f"{kind}PolicyList", documents),
            *(text for group in mine for text in _texts(group, "GroupPolicyList", documents)),
            *_boundary(row, documents),
        ),
    )


def _texts(row: Mapping[str, Any], inline: str, documents: Mapping[str, str]) -> Iterator[PolicyText]:
    for policy in row.get(inline, []):
        yield PolicyText(policy["PolicyName"], "inline", _text(policy["PolicyDocument"]))
    for policy in row.get("AttachedManagedPolicies", []):
        # AWS's own policies are not in the answer: their ARN stands for them.
        yield PolicyText(policy["PolicyName"], "attached", documents.get(policy["PolicyArn"], policy["PolicyArn"]))


def _boundary(row: Mapping[str, Any], documents: Mapping[str, str]) -> Iterator[PolicyText]:
    arn = row.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn")
    if arn:
        yield PolicyText(arn.rpartition("/")[2], "boundary", documents.get(arn, arn))


def _default_document(policy: Mapping[str, Any]) -> str:
    versions = policy.get("PolicyVersionList", [])
    return next((_text(version["Document"]) for version in versions if version["IsDefaultVersion"]), "")


def _text(document: Any) -> str:
    """A policy document as its author wrote it; IAM sends it URL-encoded (RFC 3986). Where botocore has read it
    already, it is an object."""
    return unquote(document) if isinstance(document, str) else json.dumps(document)


def context_keys(arn: str, *, region: str, access: Access) -> list[str]:
    """The condition keys that a principal's policies look at, service control policies left out."""
    iam = client("iam", region=region, access=access)
    with mapped("iam:GetContextKeysForPrincipalPolicy"):
        keys: list[str] = iam.get_context_keys_for_principal_policy(PolicySourceArn=arn)["ContextKeyNames"]
    return keys


def simulate(
    arn: str,
    *,
    actions: Sequence[str],
    resources: Sequence[str],
    context: Mapping[str, str],
    region: str,
    access: Access,
) -> Simulation:
    """IAM's verdict on each action and resource, with service control policies and the permissions boundary.

    `context` gives condition keys one string each. The keys hold for the whole call, so resources that Bedrock
    authorizes with different keys need calls of their own. Raises Refused with code `NoSuchEntity` for an unknown
    principal. https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html
    """
    iam = client("iam", region=region, access=access)
    asked = {
        "PolicySourceArn": arn,
        "ActionNames": list(actions),
        "ContextEntries": [
            {"ContextKeyName": key, "ContextKeyValues": [value], "ContextKeyType": "string"}
            for key, value in sorted(context.items())
        ],
    }
    results: list[Mapping[str, Any]] = []
    with mapped("iam:SimulatePrincipalPolicy"):
        for batch in batches(resources, _RESOURCES_PER_CALL):
            pages = iam.get_paginator("simulate_principal_policy").paginate(
                **asked, ResourceArns=batch, PaginationConfig={"PageSize": 1000}
            )
            results += [result for page in pages for result in page["EvaluationResults"]]
    return Simulation(
        decisions=tuple(decision for result in results for decision in _decisions(result)),
        has_organization=any(result.get("OrganizationsDecisionDetail") is not None for result in results),
    )


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
    is_allowed = verdict == "allowed"
    return Decision(
        action=action,
        resource=answer["EvalResourceName"],
        is_allowed=is_allowed,
        is_explicit=verdict == "explicitDeny",
        layer=None if is_allowed else _denying_layer(boundary, organizations),
        matched=tuple(_matched(statement) for statement in answer.get("MatchedStatements") or []),
        missing=tuple(answer.get("MissingContextValues") or ()),
    )


def _matched(statement: Mapping[str, Any]) -> Matched:
    start, end = statement.get("StartPosition", {}), statement.get("EndPosition", {})
    return Matched(
        policy=statement.get("SourcePolicyId", ""),
        policy_type=statement.get("SourcePolicyType", ""),
        start=(start.get("Line", 0), start.get("Column", 0)),
        end=(end.get("Line", 0), end.get("Column", 0)),
    )


def _denying_layer(boundary: Mapping[str, Any] | None, organizations: Mapping[str, Any] | None) -> Layer:
    """Which layer denied: the outermost one that does, since opening an inner one would not help before it."""
    if _is_blocked(organizations):
        return Layer.SERVICE_CONTROL_POLICY
    if boundary is not None and not boundary.get("AllowedByPermissionsBoundary", True):
        return Layer.PERMISSIONS_BOUNDARY
    return Layer.IDENTITY_POLICY
