"""IAM Identity Center: who somebody is in its directory, and which permission sets they hold in an account.

Its APIs answer in the management account (or a delegated administrator) only, 20 calls a second for all of them
together: https://docs.aws.amazon.com/singlesignon/latest/userguide/limits.html
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from onboarding.aws.errors import Refused, mapped
from onboarding.aws.session import Access, client


@dataclass(frozen=True, slots=True)
class Instance:
    """An Identity Center instance, and how to reach it."""

    arn: str
    identity_store_id: str
    region: str
    access: Access


@dataclass(frozen=True, slots=True)
class DirectoryUser:
    user_id: str
    user_name: str


@dataclass(frozen=True, slots=True)
class Assignment:
    """A permission set given to a user or a group (`principal_type`: USER or GROUP) in one account."""

    permission_set: str
    principal_type: str
    principal_id: str


@dataclass(frozen=True, slots=True)
class Grant:
    """A permission set a person holds, and the group it came through; empty when assigned directly."""

    permission_set: str
    via_group: str = ""


def instance(*, region: str, access: Access) -> Instance | None:
    """The organization's Identity Center instance in this Region, or None when there is none."""
    with mapped("sso:ListInstances"):
        answer = client("sso-admin", region=region, access=access).list_instances()
    found = answer["Instances"]
    if not found:
        return None
    return Instance(found[0]["InstanceArn"], found[0]["IdentityStoreId"], region, access)


def find_user(center: Instance, email: str) -> DirectoryUser | None:
    """The directory's user with this e-mail, by e-mail and then by user name, as written and then in lower case.

    Whether GetUserId ignores case is not documented; asking both ways works either way, as long as the directory
    itself keeps addresses in lower case.
    """
    store = client("identitystore", region=center.region, access=center.access)
    for value in dict.fromkeys([email, email.lower()]):
        for path in ("emails.value", "userName"):
            user_id = _user_id(center, path, value)
            if user_id is not None:
                with mapped("identitystore:DescribeUser"):
                    user = store.describe_user(IdentityStoreId=center.identity_store_id, UserId=user_id)
                return DirectoryUser(user_id, user["UserName"])
    return None


def _user_id(center: Instance, path: str, value: str) -> str | None:
    store = client("identitystore", region=center.region, access=center.access)
    try:
        with mapped("identitystore:GetUserId"):
            answer = store.get_user_id(
                IdentityStoreId=center.identity_store_id,
                AlternateIdentifier={"UniqueAttribute": {"AttributePath": path, "AttributeValue": value}},
            )
    except Refused as error:
        if error.code != "ResourceNotFoundException":
            raise
        return None
    user_id: str = answer["UserId"]
    return user_id


def assignments(center: Instance, account_id: str) -> list[Assignment]:
    """Every permission set assignment in an account: 1 + 2 calls a permission set, whoever is asked about."""
    sso = client("sso-admin", region=center.region, access=center.access)
    with mapped("sso:ListPermissionSetsProvisionedToAccount"):
        pages = sso.get_paginator("list_permission_sets_provisioned_to_account").paginate(
            InstanceArn=center.arn, AccountId=account_id
        )
        arns = [arn for page in pages for arn in page.get("PermissionSets", [])]
    return [assignment for arn in arns for assignment in _assignments_of(center, account_id, arn)]


def _assignments_of(center: Instance, account_id: str, permission_set_arn: str) -> list[Assignment]:
    sso = client("sso-admin", region=center.region, access=center.access)
    with mapped("sso:DescribePermissionSet"):
        described = sso.describe_permission_set(InstanceArn=center.arn, PermissionSetArn=permission_set_arn)
    with mapped("sso:ListAccountAssignments"):
        pages = sso.get_paginator("list_account_assignments").paginate(
            InstanceArn=center.arn, AccountId=account_id, PermissionSetArn=permission_set_arn
        )
        rows = [row for page in pages for row in page["AccountAssignments"]]
    name = described["PermissionSet"]["Name"]
    return [Assignment(name, row["PrincipalType"], row["PrincipalId"]) for row in rows]


def grants(center: Instance, user: DirectoryUser, assigned: Sequence[Assignment]) -> list[Grant]:
    """Which of an account's assignments reach this user, directly or through a group; by permission set name.

    Groups are asked by membership: whether the directory's own per-user listing includes them is not documented.
    """
    groups = {row.principal_id for row in assigned if row.principal_type == "GROUP"}
    joined = _memberships(center, user, sorted(groups))
    held: dict[str, Grant] = {}
    for row in assigned:
        if row.principal_type == "USER" and row.principal_id == user.user_id:
            held[row.permission_set] = Grant(row.permission_set)
        elif row.principal_id in joined:
            held.setdefault(row.permission_set, Grant(row.permission_set, via_group=row.principal_id))
    return [_with_group_name(center, held[name]) for name in sorted(held)]


def _memberships(center: Instance, user: DirectoryUser, group_ids: Sequence[str]) -> set[str]:
    store = client("identitystore", region=center.region, access=center.access)
    joined: set[str] = set()
    for batch in _batches(group_ids, 100):
        with mapped("identitystore:IsMemberInGroups"):
            answer = store.is_member_in_groups(
                IdentityStoreId=center.identity_store_id, MemberId={"UserId": user.user_id}, GroupIds=batch
            )
        joined.update(row["GroupId"] for row in answer["Results"] if row["MembershipExists"])
    return joined


def _batches(items: Sequence[str], size: int) -> Iterable[list[str]]:
    return (list(items[start : start + size]) for start in range(0, len(items), size))


def _with_group_name(center: Instance, grant: Grant) -> Grant:
    if not grant.via_group:
        return grant
    store = client("identitystore", region=center.region, access=center.access)
    with mapped("identitystore:DescribeGroup"):
        group = store.describe_group(IdentityStoreId=center.identity_store_id, GroupId=grant.via_group)
    return Grant(grant.permission_set, via_group=group.get("DisplayName", grant.via_group))
