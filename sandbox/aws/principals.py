"""Who calls, and what IAM's policies in moto's backends say now about it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from moto.iam.models import Group, ManagedPolicy, Role, User, get_account_id_from, iam_backends
from moto.organizations.models import organizations_backends
from moto.sts.models import sts_backends

from sandbox.aws import world
from sandbox.aws.errors import AwsError
from sandbox.aws.policy import (
    AccessRequest,
    Decision,
    Policy,
    PrincipalPolicies,
    Verdict,
    evaluate,
    parse_policy,
)

# Names that AWS itself gives, and the scenario: the roles that Identity Center makes for people, the portal's user.
SSO_PATH = "/aws-reserved/sso.amazonaws.com/"
PORTAL_USER = "onramp-portal"

_LAYER_NAMES = {
    "identity-policy": "identity-based policy",
    "permissions-boundary": "permissions boundary",
    "session-policy": "session policy",
    "service-control-policy": "service control policy",
}


@dataclass(frozen=True, slots=True)
class Caller:
    """Who holds `access_key`: a user, or a session of a role; `owner` is None once the role is deleted.

    `session_policy` is the text that was passed when the role was assumed, or "".
    """

    arn: str
    user_id: str
    account: str
    owner: Role | User | None
    access_key: str
    session_policy: str = ""
    is_expired: bool = False

    @property
    def is_portal(self) -> bool:
        """The portal's own user, and the role it assumes in each account: these may do anything."""
        company = world.current().company
        if isinstance(self.owner, User):
            return (self.account, self.owner.name) == (company.portal.account, PORTAL_USER)
        account = company.account(self.account)
        return bool(self.owner and account and self.owner.name == account.portal_role)


def find_caller(access_key: str) -> Caller | None:
    """The caller with this key, or None when nobody was given it."""
    account = get_account_id_from(access_key)
    assumed = sts_backends[account]["aws"].get_assumed_role_from_access_key(access_key)
    iam = iam_backends[account]["aws"]
    if assumed is not None:
        role = next((role for role in iam.get_roles() if role.arn == assumed.role_arn), None)
        is_expired = assumed.expiration.replace(tzinfo=UTC) < datetime.now(UTC)
        return Caller(assumed.arn, assumed.user_id, account, role, access_key, assumed.policy or "", is_expired)
    user = iam.get_user_from_access_key_id(access_key)
    return Caller(user.arn, user.id, account, user, access_key) if user else None


def find_secret(access_key: str) -> tuple[str, str]:
    """The secret key and the session's token that belong to a key; ("", "") when nobody was given it."""
    account = get_account_id_from(access_key)
    assumed = sts_backends[account]["aws"].get_assumed_role_from_access_key(access_key)
    if assumed is not None:
        return assumed.secret_access_key, assumed.session_token
    key = iam_backends[account]["aws"].access_keys.get(access_key)
    return (key.secret_access_key if key else ""), ""


_parse = lru_cache(maxsize=4096)(parse_policy)


def _managed(policy: ManagedPolicy, policy_type: str = "") -> Policy:
    text = next(version.document for version in policy.versions if version.is_default)
    origin = "aws-managed" if ":aws:policy/" in policy.arn else "user-managed"
    return _parse(text, policy_id=policy.name, policy_type=policy_type or origin)


def _identity(owner: Role | User | Group, policy_type: str) -> Iterator[Policy]:
    for name, document in owner.policies.items():
        text = document if isinstance(document, str) else json.dumps(document)
        yield _parse(text, policy_id=name, policy_type=policy_type)
    for policy in owner.managed_policies.values():
        yield _managed(policy)


def service_control(account: str) -> tuple[tuple[Policy, ...], ...]:
    """The account's SCPs, root first; () for outsiders and the management account, which no SCP limits."""
    owner = organizations_backends.master_accounts.get(account)
    if owner is None or owner[0] == account:
        return ()
    organization = organizations_backends[owner[0]]["aws"]
    target: Any = next((item for item in organization.accounts if item.id == account), None)
    levels = []
    while target is not None:
        attached = (policy for policy in target.attached_policies if policy.type == "SERVICE_CONTROL_POLICY")
        levels.append(tuple(_parse(item.content, policy_id=item.name, policy_type="scp") for item in attached))
        target = next((unit for unit in organization.ou if unit.id == target.parent_id), None)
    return tuple(reversed(levels))


def policies_of(owner: Role | User) -> PrincipalPolicies:
    """Everything that limits this role or user, as moto's backends have it now."""
    iam = iam_backends[owner.account_id]["aws"]
    if isinstance(owner, User):
        groups = iam.get_groups_for_user(owner.name)
        identity = [*_identity(owner, "user"), *(found for group in groups for found in _identity(group, "group"))]
        return PrincipalPolicies(tuple(identity), service_control=service_control(owner.account_id))
    policy = iam.managed_policies.get(owner.permissions_boundary_arn or "")
    return PrincipalPolicies(
        identity=tuple(_identity(owner, "role")),
        boundary=_managed(policy, "permission-boundary") if policy else None,
        service_control=service_control(owner.account_id),
    )


def _denial(caller: Caller, request: AccessRequest, verdict: Verdict) -> str:
    """The text of an AccessDeniedException (IAM User Guide, "Access denied error message examples")."""
    name = _LAYER_NAMES[verdict.layer]
    article = "an" if name.startswith("i") else "a"
    if verdict.decision is Decision.EXPLICIT_DENY:
        reason = f"with an explicit deny in {article} {name}"
    else:
        reason = f"because no {name} allows the {request.action} action"
    return (
        f"User: {caller.arn} is not authorized to perform: {request.action} on resource: {request.resource} {reason}"
    )


def _context(caller: Caller, owner: Role | User) -> dict[str, str]:
    """The condition keys that say who calls (IAM User Guide, "AWS global condition context keys")."""
    context = {"aws:PrincipalArn": owner.arn, "aws:PrincipalAccount": caller.account, "aws:userid": caller.user_id}
    if isinstance(owner, User):
        context["aws:username"] = owner.name
    return context | {f"aws:PrincipalTag/{tag['Key']}": tag["Value"] for tag in owner.tags or ()}


def require(caller: Caller, action: str, resource: str, context: Mapping[str, str]) -> None:
    """Let the caller pass, or raise the AccessDeniedException that AWS would answer."""
    if caller.is_portal:
        return
    principal = policies_of(caller.owner) if caller.owner else PrincipalPolicies(())
    if caller.session_policy:
        principal = replace(principal, session=(_parse(caller.session_policy, policy_id="Policy"),))
    known = {**(_context(caller, caller.owner) if caller.owner else {}), **context}
    request = AccessRequest(action, resource, {key: (value,) for key, value in known.items()})
    verdict = evaluate(request, principal)
    if verdict.decision is not Decision.ALLOWED:
        raise AwsError("AccessDeniedException", _denial(caller, request, verdict), 403)
