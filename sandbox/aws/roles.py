"""What moto takes too lightly: sts:AssumeRole's policies, and which permission sets an account has."""

from __future__ import annotations

import json
from typing import Any

from moto.core.responses import ActionResult
from moto.iam.models import Role, iam_backends
from moto.ssoadmin.responses import SSOAdminResponse
from moto.sts.responses import TokenResponse

from sandbox.aws.errors import AwsError
from sandbox.aws.pages import page_of
from sandbox.aws.policy import AccessRequest, Decision, PolicyError, PrincipalPolicies, evaluate, parse_policy
from sandbox.aws.principals import Caller, find_caller

_moto_assume_role = TokenResponse.assume_role


def _trusts(statement: dict[str, Any], caller: Caller) -> bool:
    principals = statement.get("Principal", {})
    names = principals.get("AWS", []) if isinstance(principals, dict) else principals
    names = [names] if isinstance(names, str) else names
    return any(name in ("*", caller.account, caller.arn, f"arn:aws:iam::{caller.account}:root") for name in names)


def _lets_in(role: Role, caller: Caller, external_id: str) -> bool:
    """The trust policy, evaluated as an identity policy by those statements that name the caller."""
    statements = json.loads(role.assume_role_policy_document)["Statement"]
    ours = [
        {**{key: value for key, value in statement.items() if key != "Principal"}, "Resource": "*"}
        for statement in (statements if isinstance(statements, list) else [statements])
        if _trusts(statement, caller)
    ]
    trust = parse_policy({"Version": "2012-10-17", "Statement": ours}, policy_id="trust", policy_type="none")
    context = {"sts:ExternalId": (external_id,)} if external_id else {}
    verdict = evaluate(AccessRequest("sts:AssumeRole", role.arn, context), PrincipalPolicies((trust,)))
    return verdict.decision is Decision.ALLOWED


def _check_session_policy(text: str | None) -> None:
    """The policy somebody passes along is read when it counts; here it is only refused."""
    try:
        if text:
            parse_policy(text, policy_id="Policy")
    except PolicyError as error:
        raise AwsError("MalformedPolicyDocument", f"The policy is not valid: {error}") from error


def assume_role(self: TokenResponse) -> ActionResult:
    """The same AccessDenied for a role that does not exist and one that does not trust the caller."""
    arn = self._get_param("RoleArn")
    caller = find_caller(self.get_access_key())
    account = arn.split(":")[4] if arn.count(":") >= 5 else ""
    roles = iam_backends[account]["aws"].get_roles() if account in iam_backends else []
    role = next((role for role in roles if role.arn == arn), None)
    if caller is None or role is None or not _lets_in(role, caller, self._get_param("ExternalId") or ""):
        name = caller.arn if caller else "anonymous"
        raise AwsError(
            "AccessDenied",
            f"User: {name} is not authorized to perform: sts:AssumeRole on resource: {arn}",
            403,
        )
    _check_session_policy(self._get_param("Policy"))
    return _moto_assume_role(self)


def list_permission_sets_provisioned_to_account(self: SSOAdminResponse) -> str:
    """Those with an assignment in the account; moto forgets to look at the account. Pages of 100, as AWS."""
    arn, account = self._get_param("InstanceArn"), self._get_param("AccountId")
    rows = self.ssoadmin_backend.account_assignments
    found = {row.permission_set_arn for row in rows if row.instance_arn == arn and row.target_id == account}
    size = int(self._get_param("MaxResults") or 100)
    page, token = page_of(sorted(found), self._get_param("NextToken"), size)
    return json.dumps({"PermissionSets": page, **({"NextToken": token} if token else {})})


def extend() -> None:
    """Put these in the place of moto's."""
    for response, operation in (
        (TokenResponse, assume_role),
        (SSOAdminResponse, list_permission_sets_provisioned_to_account),
    ):
        setattr(response, operation.__name__, operation)
