"""Decide an AWS request from IAM policies, as IAM and its policy simulator do; pure, no I/O.

Source of the rules: the IAM User Guide ("Policy evaluation logic", "IAM JSON policy element reference",
"Policy variables") and the IAM API reference ("EvaluationResult"). moto's own evaluator (5.2.5) looks only at
resource `*` and has 8 of 15 Bedrock cases wrong (conditions, boundaries), so the sandbox has this one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sandbox.aws.conditions import LITERALS, OPERATORS, VARIABLE, Condition, Context, fits, holds, resolved, wildcards
from sandbox.aws.positions import Span, statement_spans


class PolicyError(ValueError):
    """A policy document IAM would refuse (MalformedPolicyDocument); the message says where and why."""


class Decision(StrEnum):
    """The values of EvalDecision in the IAM API."""

    ALLOWED = "allowed"
    EXPLICIT_DENY = "explicitDeny"
    IMPLICIT_DENY = "implicitDeny"


@dataclass(frozen=True, slots=True)
class Statement:
    """One parsed statement; an element the document lacks is None, which is not the same as an empty list."""

    sid: str
    effect: str  # "Allow" or "Deny"
    actions: tuple[str, ...] | None
    not_actions: tuple[str, ...] | None
    resources: tuple[str, ...] | None
    not_resources: tuple[str, ...] | None
    conditions: tuple[Condition, ...]
    span: Span  # in the policy's text


@dataclass(frozen=True, slots=True)
class Policy:
    """A parsed document.

    `policy_type` is AWS's word: user, role, aws-managed, user-managed, scp, permission-boundary or none.
    """

    policy_id: str
    statements: tuple[Statement, ...]
    policy_type: str


@dataclass(frozen=True, slots=True)
class AccessRequest:
    """One action on one resource ARN (or `*`); context keys are case-insensitive, their values are not."""

    action: str
    resource: str
    context: Context


@dataclass(frozen=True, slots=True)
class PrincipalPolicies:
    """All that limits one principal; `service_control` has one tuple per level, root first, account last.

    `session` are the policies somebody passed when they assumed a role; () when they passed none.
    """

    identity: tuple[Policy, ...]
    boundary: Policy | None = None
    service_control: tuple[tuple[Policy, ...], ...] = ()
    session: tuple[Policy, ...] = ()


@dataclass(frozen=True, slots=True)
class MatchedStatement:
    """Which statement matched, and where it stands; `index` counts from 0, `sid` is "" when it has none."""

    policy_id: str
    policy_type: str
    sid: str
    index: int
    span: Span


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer, and what decided it; the two `allowed_by_*` are None when no such layer exists."""

    decision: Decision
    matched: tuple[MatchedStatement, ...]
    missing_context: tuple[str, ...]
    allowed_by_organizations: bool | None
    allowed_by_boundary: bool | None
    layer: str  # "identity-policy", "permissions-boundary", "session-policy", "service-control-policy"; "" is none


# --- from a document to a Policy

_DOCUMENT_ELEMENTS = frozenset({"Version", "Id", "Statement"})
_STATEMENT_ELEMENTS = frozenset({"Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition"})
# None: the element is not in the document.
Values = tuple[str, ...] | None


def _strings(value: Any, where: str) -> tuple[str, ...]:
    """A string or a list of them; booleans and numbers, which conditions may hold, as JSON writes them."""
    items = value if isinstance(value, list | tuple) else [value]
    if not all(isinstance(item, str | bool | int | float) for item in items):
        raise PolicyError(f"{where} must be a string or a list of strings")
    return tuple(item if isinstance(item, str) else json.dumps(item) for item in items)


def _one_of(raw: Mapping[str, Any], name: str, where: str) -> tuple[Values, Values]:
    """The values of `name` and of `Not<name>`; exactly one of the two must be there."""
    if (name in raw) == (f"Not{name}" in raw):
        raise PolicyError(f"{where} needs exactly one of {name} and Not{name}")
    if name in raw:
        return _strings(raw[name], f"{where}.{name}"), None
    return None, _strings(raw[f"Not{name}"], f"{where}.Not{name}")


def _parse_operator(name: str, where: str) -> tuple[str, str, bool]:
    """`ForAnyValue:StringLikeIfExists` as ("ForAnyValue", "StringLike", True)."""
    set_operator, _, rest = name.rpartition(":")
    base = rest.removesuffix("IfExists")
    known = set_operator in ("", "ForAllValues", "ForAnyValue") and base in OPERATORS
    if not known or rest == "NullIfExists":
        raise PolicyError(f"{where} has the unknown operator {name!r}")
    return set_operator, base, base != rest


def _parse_conditions(raw: Any, where: str) -> Iterator[Condition]:
    if not isinstance(raw, Mapping):
        raise PolicyError(f"{where} must be an object of operators")
    for name, keys in raw.items():
        set_operator, base, if_exists = _parse_operator(name, where)
        if not isinstance(keys, Mapping):
            raise PolicyError(f"{where}.{name} must be an object of condition keys")
        for key, values in keys.items():
            yield Condition(base, key, _strings(values, f"{where}.{name}.{key}"), set_operator, if_exists)


def _parse_statement(raw: Any, where: str, span: Span) -> Statement:
    if not isinstance(raw, Mapping):
        raise PolicyError(f"{where} must be an object")
    if unknown := sorted(set(raw) - _STATEMENT_ELEMENTS):
        raise PolicyError(f"{where} has elements an identity policy cannot have: {', '.join(unknown)}")
    if raw.get("Effect") not in ("Allow", "Deny"):
        raise PolicyError(f"{where} needs an Effect of Allow or Deny")
    actions, not_actions = _one_of(raw, "Action", where)
    for action in (actions or ()) + (not_actions or ()):
        if ":" not in action and action != "*":
            raise PolicyError(f"{where} has the action {action!r} without a service prefix")
    resources, not_resources = _one_of(raw, "Resource", where)
    conditions = tuple(_parse_conditions(raw.get("Condition", {}), f"{where}.Condition"))
    sid = str(raw.get("Sid", ""))
    return Statement(sid, raw["Effect"], actions, not_actions, resources, not_resources, conditions, span)


def _load(text: str, policy_id: str) -> Mapping[str, Any]:
    try:
        raw = json.loads(text)
    except json.JSONDecodeError as error:
        raise PolicyError(f"{policy_id}: not JSON: {error}") from error
    if not isinstance(raw, Mapping) or "Statement" not in raw:
        raise PolicyError(f"{policy_id}: must be an object with a Statement")
    if unknown := sorted(set(raw) - _DOCUMENT_ELEMENTS):
        raise PolicyError(f"{policy_id}: unknown elements: {', '.join(unknown)}")
    if raw.get("Version", "2008-10-17") not in ("2008-10-17", "2012-10-17"):
        raise PolicyError(f"{policy_id}: unknown Version {raw['Version']!r}")
    return raw


def _without_variables(statements: Any) -> Any:
    """Before version 2012-10-17 `${` is plain text, which a later template writes as `${$}{`."""
    plain: Any = json.loads(json.dumps(statements).replace("${", "${$}{"))
    return plain


def parse_policy(document: Mapping[str, Any] | str, *, policy_id: str, policy_type: str = "role") -> Policy:
    """Parse an identity policy, boundary, session policy or SCP, given as an object or JSON text.

    The spans of an object's statements are those in the text `json.dumps` makes of it. Without a Version it is
    2008-10-17, which has no policy variables (IAM User Guide, "Version").

    Raises:
        PolicyError: IAM would refuse the document.
    """
    text = document if isinstance(document, str) else json.dumps(dict(document))
    raw = _load(text, policy_id)
    listed = raw["Statement"] if raw.get("Version") == "2012-10-17" else _without_variables(raw["Statement"])
    items = listed if isinstance(listed, list) else [listed]
    statements = (
        _parse_statement(item, f"{policy_id}: Statement[{n}]", span)
        for n, (item, span) in enumerate(zip(items, statement_spans(text), strict=True))
    )
    return Policy(policy_id, tuple(statements), policy_type)


# --- statements and layers


def _applies_to_action(statement: Statement, action: str) -> bool:
    patterns = statement.actions if statement.not_actions is None else statement.not_actions
    found = any(fits(wildcards(pattern), action, re.IGNORECASE) for pattern in patterns or ())
    return found == (statement.not_actions is None)


def _applies_to_resource(statement: Statement, resource: str, context: Context) -> bool:
    patterns = statement.resources if statement.not_resources is None else statement.not_resources
    found = any(fits(resolved(pattern, context), resource) for pattern in patterns or ())
    return found == (statement.not_resources is None)


def _applies(statement: Statement, request: AccessRequest) -> bool:
    return (
        _applies_to_action(statement, request.action)
        and _applies_to_resource(statement, request.resource, request.context)
        and all(holds(condition, request.context) for condition in statement.conditions)
    )


@dataclass(frozen=True, slots=True)
class _Layer:
    """What the policies of one layer say, by themselves."""

    allows: tuple[MatchedStatement, ...]
    denies: tuple[MatchedStatement, ...]

    @property
    def decision(self) -> Decision:
        if self.denies:
            return Decision.EXPLICIT_DENY
        return Decision.ALLOWED if self.allows else Decision.IMPLICIT_DENY


def _judge(policies: Iterable[Policy], request: AccessRequest) -> _Layer:
    found: dict[str, list[MatchedStatement]] = {"Allow": [], "Deny": []}
    for policy in policies:
        for index, statement in enumerate(policy.statements):
            if _applies(statement, request):
                match = MatchedStatement(policy.policy_id, policy.policy_type, statement.sid, index, statement.span)
                found[statement.effect].append(match)
    return _Layer(tuple(found["Allow"]), tuple(found["Deny"]))


def _strictest(decisions: Mapping[str, Decision]) -> tuple[Decision, str]:
    """The decision over all layers and the layer that made it; explicit denies first, then in order."""
    for denial in (Decision.EXPLICIT_DENY, Decision.IMPLICIT_DENY):
        for layer, decision in decisions.items():
            if decision is denial:
                return denial, layer
    return Decision.ALLOWED, ""


def _organizations_decision(levels: Iterable[tuple[Policy, ...]], request: AccessRequest) -> Decision:
    """Every level must allow: an Allow at the root does not stand in for one at the account."""
    return _strictest({str(n): _judge(level, request).decision for n, level in enumerate(levels)})[0]


def _own_layers(principal: PrincipalPolicies, request: AccessRequest) -> dict[str, _Layer]:
    """The layers whose policies the principal carries, the identity's first; those there are not are left out."""
    layers = {"identity-policy": _judge(principal.identity, request)}
    if principal.boundary:
        layers["permissions-boundary"] = _judge((principal.boundary,), request)
    if principal.session:
        layers["session-policy"] = _judge(principal.session, request)
    return layers


def _deciding(layers: Iterable[_Layer], decision: Decision) -> tuple[MatchedStatement, ...]:
    """MatchedStatements: the denies if there are any; an SCP's are never shown, so the allows remain."""
    identity, *limits = layers
    if denies := sum((layer.denies for layer in limits), identity.denies):
        return denies
    others = limits if decision is Decision.ALLOWED else []
    return sum((layer.allows for layer in others), identity.allows)


def evaluate(request: AccessRequest, principal: PrincipalPolicies) -> Verdict:
    """Decide one request in the principal's own account; resource and RCP policies are not modelled.

    `matched` and `missing_context` never name SCPs, as in IAM's SimulatePrincipalPolicy.
    """
    request = AccessRequest(
        request.action, request.resource, {key.lower(): values for key, values in request.context.items()}
    )
    own = _own_layers(principal, request)
    layers = {name: layer.decision for name, layer in own.items()}
    if principal.service_control:
        layers["service-control-policy"] = _organizations_decision(principal.service_control, request)
    decision, layer = _strictest(layers)
    carried = (*principal.identity, *((principal.boundary,) if principal.boundary else ()), *principal.session)
    return Verdict(
        decision=decision,
        matched=_deciding(own.values(), decision),
        missing_context=_missing_context(carried, request),
        allowed_by_organizations=_is_allowed(layers.get("service-control-policy")),
        allowed_by_boundary=_is_allowed(layers.get("permissions-boundary")),
        layer=layer,
    )


def _is_allowed(decision: Decision | None) -> bool | None:
    return None if decision is None else decision is Decision.ALLOWED


# --- context keys


def _variable_keys(templates: Iterable[str]) -> Iterator[str]:
    for template in templates:
        yield from (found["key"] for found in VARIABLE.finditer(template) if found["key"] not in LITERALS)


def _statement_keys(statement: Statement) -> Iterator[str]:
    yield from _variable_keys((statement.resources or ()) + (statement.not_resources or ()))
    for condition in statement.conditions:
        yield condition.key
        if condition.operator.startswith(("String", "Arn")):  # the operators that take variables
            yield from _variable_keys(condition.values)


def context_keys(policies: Iterable[Policy]) -> tuple[str, ...]:
    """Every condition key the policies name, as written and sorted, those inside ${policy variables} too.

    The answer of IAM's GetContextKeysForPrincipalPolicy.
    """
    statements = (statement for policy in policies for statement in policy.statements)
    return tuple(sorted({key for statement in statements for key in _statement_keys(statement)}))


def _missing_context(policies: Iterable[Policy], request: AccessRequest) -> tuple[str, ...]:
    """The keys that statements about this action name and the request lacks; no other key matters."""
    asked = {
        key
        for policy in policies
        for statement in policy.statements
        if _applies_to_action(statement, request.action)
        for key in _statement_keys(statement)
    }
    return tuple(sorted(key for key in asked if not request.context.get(key.lower())))
