"""iam:GetAccountAuthorizationDetails: moto lacks its pages, and the names and ids of policies in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from itertools import chain
from typing import Any
from urllib.parse import quote

from moto.core.responses import ActionResult
from moto.iam.models import Group, ManagedPolicy, Role, User
from moto.iam.responses import IamResponse

from sandbox.aws.pages import page_of

_Detail = dict[str, Any]
_Entity = User | Group | Role | ManagedPolicy


def _documents(policies: Mapping[str, str]) -> list[_Detail]:
    """Inline policies; IAM gives every policy's text percent-encoded (RFC 3986)."""
    return [{"PolicyName": name, "PolicyDocument": quote(text)} for name, text in policies.items()]


def _common(owner: Role | User | Group) -> _Detail:
    return {
        "Path": owner.path,
        "Arn": owner.arn,
        "CreateDate": owner.create_date,
        "AttachedManagedPolicies": owner.attached_managed_policies,
    }


def _user(user: User) -> _Detail:
    names = {"UserName": user.name, "UserId": user.id, "GroupList": user.group_list, "Tags": user.tags or []}
    return {**_common(user), **names, "UserPolicyList": _documents(user.policies)}


def _group(group: Group) -> _Detail:
    names = {"GroupName": group.name, "GroupId": group.id}
    return {**_common(group), **names, "GroupPolicyList": _documents(group.policies)}


def _role(role: Role) -> _Detail:
    boundary = {"PermissionsBoundary": role.permissions_boundary} if role.permissions_boundary_arn else {}
    return {
        **_common(role),
        "RoleName": role.name,
        "RoleId": role.id,
        "AssumeRolePolicyDocument": quote(role.assume_role_policy_document),
        "RolePolicyList": _documents(role.policies),
        "InstanceProfileList": role.instance_profile_list,
        "Tags": role.tags,
        "RoleLastUsed": role.role_last_used,
        **boundary,
    }


def _policy(policy: ManagedPolicy, boundaries: Counter[str | None]) -> _Detail:
    """`boundaries` counts how often each policy's ARN is somebody's boundary."""
    versions = [
        {
            "VersionId": version.version_id,
            "Document": quote(version.document),
            "IsDefaultVersion": version.is_default,
            "CreateDate": version.create_date,
        }
        for version in policy.versions
    ]
    return {
        "PolicyName": policy.name,
        "PolicyId": policy.id,
        "Arn": policy.arn,
        "Path": policy.path,
        "DefaultVersionId": policy.default_version_id,
        "AttachmentCount": policy.attachment_count,
        "PermissionsBoundaryUsageCount": boundaries[policy.arn],
        "IsAttachable": policy.is_attachable,
        "CreateDate": policy.create_date,
        "UpdateDate": policy.update_date,
        "PolicyVersionList": versions,
    }


def _kind(entity: _Entity) -> str:
    """The word for it in Filter: User, Group, Role, LocalManagedPolicy or AWSManagedPolicy."""
    if isinstance(entity, ManagedPolicy):
        return "AWSManagedPolicy" if ":aws:policy/" in entity.arn else "LocalManagedPolicy"
    return type(entity).__name__


def get_account_authorization_details(self: IamResponse) -> ActionResult:
    """A page counts the entities of all kinds together."""
    iam, wanted = self.backend, self.params.get("Filter")
    everything: chain[_Entity] = chain(
        iam.users.values(), iam.groups.values(), iam.get_roles(), iam.managed_policies.values()
    )
    found = [entity for entity in everything if not wanted or _kind(entity) in wanted]
    size = int(self.params.get("MaxItems") or 100)
    page, marker = page_of(found, self.params.get("Marker"), size, error="InvalidInput")
    boundaries = Counter(role.permissions_boundary_arn for role in iam.get_roles())
    result = {
        "UserDetailList": [_user(entity) for entity in page if isinstance(entity, User)],
        "GroupDetailList": [_group(entity) for entity in page if isinstance(entity, Group)],
        "RoleDetailList": [_role(entity) for entity in page if isinstance(entity, Role)],
        "Policies": [_policy(entity, boundaries) for entity in page if isinstance(entity, ManagedPolicy)],
        "IsTruncated": bool(marker),
    }
    return ActionResult({**result, "Marker": marker} if marker else result)


def extend() -> None:
    """Put it in the place of moto's."""
    setattr(IamResponse, get_account_authorization_details.__name__, get_account_authorization_details)
