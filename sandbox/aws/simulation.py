"""IAM's policy simulator: SimulatePrincipalPolicy, SimulateCustomPolicy, GetContextKeysForPrincipalPolicy.

Source: the IAM API reference. Not modelled: PolicyExclusionList, ResourcePolicy, ResourceHandlingOption.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from moto.core.responses import ActionResult
from moto.iam.models import Role, User, iam_backends
from moto.iam.responses import IamResponse

from sandbox.aws import world
from sandbox.aws.errors import AwsError
from sandbox.aws.pages import page_of
from sandbox.aws.policy import (
    AccessRequest,
    Decision,
    Policy,
    PolicyError,
    PrincipalPolicies,
    Verdict,
    context_keys,
    evaluate,
    parse_policy,
)
from sandbox.aws.positions import Position
from sandbox.aws.principals import policies_of

_STRICTEST = (Decision.EXPLICIT_DENY, Decision.IMPLICIT_DENY, Decision.ALLOWED)


@dataclass(frozen=True, slots=True)
class _Answer:
    resource: str
    verdict: Verdict


def _find_owner(account: str, arn: str) -> Role | User:
    """The role or user of this ARN; an assumed role's ARN is refused, as by IAM."""
    kind, _, path = arn.rpartition(":")[2].partition("/")
    if kind not in ("role", "user") or ":iam::" not in arn:
        raise AwsError("InvalidInput", f"Invalid Entity Arn: {arn} does not clearly define entity type and name.")
    iam = iam_backends[account]["aws"]
    owners: Iterable[Role | User] = iam.get_roles() if kind == "role" else iam.users.values()
    found = next((owner for owner in owners if owner.arn == arn), None)
    if found is None:
        name = path.rpartition("/")[2]
        raise AwsError("NoSuchEntity", f"The {kind} with name {name} cannot be found.", 404)
    return found


def _parse_all(documents: Sequence[str] | None, label: str, policy_type: str) -> tuple[Policy, ...]:
    try:
        return tuple(
            parse_policy(text, policy_id=f"{label}.{n}", policy_type=policy_type)
            for n, text in enumerate(documents or (), start=1)
        )
    except PolicyError as error:
        raise AwsError("InvalidInput", f"Invalid policy document: {error}") from error


def _position(position: Position) -> dict[str, int]:
    return {"Line": position.line, "Column": position.column}


def _statements(verdict: Verdict) -> list[dict[str, Any]]:
    """MatchedStatements; the positions are those in the text that IAM's other operations give of the policy."""
    return [
        {
            "SourcePolicyId": match.policy_id,
            "SourcePolicyType": match.policy_type,
            "StartPosition": _position(match.span.start),
            "EndPosition": _position(match.span.end),
        }
        for match in verdict.matched
    ]


def _boundary(verdict: Verdict) -> dict[str, Any]:
    if verdict.allowed_by_boundary is None:
        return {}
    return {"PermissionsBoundaryDecisionDetail": {"AllowedByPermissionsBoundary": verdict.allowed_by_boundary}}


def _organizations(verdict: Verdict) -> dict[str, Any]:
    if verdict.allowed_by_organizations is None:
        return {}
    return {"OrganizationsDecisionDetail": {"AllowedByOrganizations": verdict.allowed_by_organizations}}


def _row(action: str, name: str, verdict: Verdict) -> dict[str, Any]:
    """One EvaluationResult."""
    return {
        "EvalActionName": action,
        "EvalResourceName": name,
        "EvalDecision": str(verdict.decision),
        "MatchedStatements": _statements(verdict),
        "MissingContextValues": list(verdict.missing_context),
        **_organizations(verdict),
        **_boundary(verdict),
    }


def _specific(answer: _Answer) -> dict[str, Any]:
    """One ResourceSpecificResult; it has no OrganizationsDecisionDetail."""
    return {
        "EvalResourceName": answer.resource,
        "EvalResourceDecision": str(answer.verdict.decision),
        "MatchedStatements": _statements(answer.verdict),
        "MissingContextValues": list(answer.verdict.missing_context),
        **_boundary(answer.verdict),
    }


def _template(resources: Sequence[str]) -> str:
    """EvalResourceName since 2026: the ARN template of the resources' type, or `*` when they differ."""
    parts = [resource.split(":", 5) for resource in resources]
    types = {part[5].partition("/")[0] if len(part) == 6 else "" for part in parts}
    if len(types) != 1 or types == {""}:
        return "*"
    account = ":${Account}" if any(part[4] for part in parts) else ":"
    return f"arn:${{Partition}}:{parts[0][2]}:${{Region}}{account}:{types.pop()}/${{ResourceId}}"


def _all_true(values: Iterable[bool | None]) -> bool | None:
    known = [value for value in values if value is not None]
    return all(known) if known else None


def _overall(answers: Sequence[_Answer]) -> Verdict:
    """The strictest of all resources' verdicts."""
    verdicts = [answer.verdict for answer in answers]
    return replace(
        min(verdicts, key=lambda verdict: _STRICTEST.index(verdict.decision)),
        allowed_by_organizations=_all_true(verdict.allowed_by_organizations for verdict in verdicts),
        allowed_by_boundary=_all_true(verdict.allowed_by_boundary for verdict in verdicts),
    )


def _results(params: Any, principal: PrincipalPolicies) -> list[dict[str, Any]]:
    """All EvaluationResults, in the layout the world is set to."""
    entries = params.get("ContextEntries") or []
    context = {entry["ContextKeyName"]: tuple(entry.get("ContextKeyValues") or ()) for entry in entries}
    resources = params.get("ResourceArns") or ["*"]
    rows = []
    for action in params["ActionNames"]:
        if "*" in action or ":" not in action:
            raise AwsError("InvalidInput", f"Invalid action: {action}")
        answers = [
            _Answer(resource, evaluate(AccessRequest(action, resource, context), principal)) for resource in resources
        ]
        if world.current().simulate_layout == "old":
            rows += [_row(action, answer.resource, answer.verdict) for answer in answers]
        elif resources == ["*"]:
            rows.append(_row(action, "*", answers[0].verdict))
        else:
            row = _row(action, _template(resources), _overall(answers))
            rows.append({**row, "ResourceSpecificResults": [_specific(answer) for answer in answers]})
    return rows


def _page(params: Any, rows: list[dict[str, Any]]) -> ActionResult:
    page, marker = page_of(rows, params.get("Marker"), int(params.get("MaxItems") or 100), error="InvalidInput")
    result: dict[str, Any] = {"EvaluationResults": page, "IsTruncated": bool(marker)}
    return ActionResult({**result, "Marker": marker} if marker else result)


def simulate_principal_policy(self: IamResponse) -> ActionResult:
    params = self.params
    principal = policies_of(_find_owner(self.current_account, params["PolicySourceArn"]))
    added = _parse_all(params.get("PolicyInputList"), "PolicyInputList", "none")
    boundary = _parse_all(params.get("PermissionsBoundaryPolicyInputList"), "Boundary", "permission-boundary")
    principal = replace(
        principal,
        identity=principal.identity + added,
        boundary=boundary[0] if boundary else principal.boundary,
    )
    return _page(params, _results(params, principal))


def simulate_custom_policy(self: IamResponse) -> ActionResult:
    params = self.params
    boundary = _parse_all(params.get("PermissionsBoundaryPolicyInputList"), "Boundary", "permission-boundary")
    levels = params.get("OrderedOrganizationPolicyInputList") or []
    principal = PrincipalPolicies(
        identity=_parse_all(params.get("PolicyInputList"), "PolicyInputList", "none"),
        boundary=boundary[0] if boundary else None,
        service_control=tuple(
            _parse_all(level.get("ServiceControlPolicyInputList"), f"Level{n}", "scp")
            for n, level in enumerate(levels, start=1)
        ),
    )
    return _page(params, _results(params, principal))


def get_context_keys_for_principal_policy(self: IamResponse) -> ActionResult:
    """The keys of the identity policies and the boundary; SCPs are not told, as in AWS."""
    principal = policies_of(_find_owner(self.current_account, self.params["PolicySourceArn"]))
    boundary = (principal.boundary,) if principal.boundary else ()
    added = _parse_all(self.params.get("PolicyInputList"), "PolicyInputList", "none")
    return ActionResult({"ContextKeyNames": list(context_keys(principal.identity + boundary + added))})


def extend() -> None:
    """Teach moto these operations."""
    for operation in (
        simulate_principal_policy,
        simulate_custom_policy,
        get_context_keys_for_principal_policy,
    ):
        setattr(IamResponse, operation.__name__, operation)
