"""IAM Identity Center: who somebody is in its directory, and which permission sets they hold in an account.

Its APIs answer in the management account (or a delegated administrator) only, 20 calls a second for all of them
together: https://docs.aws.amazon.com/singlesignon/latest/userguide/limits.html
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from onboarding.aws.batches import batches
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
    """A user of the directory. One that is not active can sign in nowhere."""

    user_id: str
    user_name: str
    email: str = ""
    is_active: bool = True


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
                    return _user(store.describe_user(IdentityStoreId=center.identity_store_id, UserId=user_id))
    return None


def _user(record: Mapping[str, Any]) -> DirectoryUser:
    """`UserStatus` is newer than the rest: a directory that does not say it has only active users."""
    emails = record.get("Emails") or []
    first = next((email for email in emails if email.get("Primary")), emails[0] if emails else {})
    return DirectoryUser(
        user_id=record["UserId"],
        user_name=record["UserName"],
        email=first.get("Value", ""),
        is_active=record.get("UserStatus", "ENABLED") != "DISABLED",
    )


def user_pages(center: Instance) -> Iterator[list[DirectoryUser]]:
    """Everybody in the directory, a hundred at a time."""
    store = client("identitystore", region=center.region, access=center.access)
    pages = store.get_paginator("list_users").paginate(
        IdentityStoreId=center.identity_store_id, PaginationConfig={"PageSize": 100}
    )
    for page in _mapped_pages("identitystore:ListUsers", pages):
        yield [_user(record) for record in page["Users"]]


def member_pages(center: Instance, group_id: str) -> Iterator[list[str]]:
    """The user ids of a group's members, a hundred at a time."""
    store = client("identitystore", region=center.region, access=center.access)
    pages = store.get_paginator("list_group_memberships").paginate(
        IdentityStoreId=center.identity_store_id, GroupId=group_id, PaginationConfig={"PageSize": 100}
    )
    for page in _mapped_pages("identitystore:ListGroupMemberships", pages):
        yield [row["MemberId"]["UserId"] for row in page["GroupMemberships"] if "UserId" in row["MemberId"]]


def _mapped_pages(operation: str, pages: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The pages, each asked for under the error ladder; what the reader does between them is not AWS's fault."""
    reading = iter(pages)
    while True:
        with mapped(operation):
            page = next(reading, None)
        if page is None:
            return
        yield page


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


def permission_sets(center: Instance, account_id: str) -> list[str]:
    """The ARNs of the permission sets that have a role in an account."""
    sso = client("sso-admin", region=center.region, access=center.access)
    with mapped("sso:ListPermissionSetsProvisionedToAccount"):
        pages = sso.get_paginator("list_permission_sets_provisioned_to_account").paginate(
            InstanceArn=center.arn, AccountId=account_id
        )
        return [arn for page in pages for arn in page.get("PermissionSets", [])]


def permission_set_name(center: Instance, arn: str) -> str:
    sso = client("sso-admin", region=center.region, access=center.access)
    with mapped("sso:DescribePermissionSet"):
        described = sso.describe_permission_set(InstanceArn=center.arn, PermissionSetArn=arn)
    name: str = described["PermissionSet"]["Name"]
    return name


def assignments(center: Instance, account_id: str, permission_set_arn: str, name: str) -> list[Assignment]:
    """Whom a permission set of this name is assigned to in an account, whoever is asked about."""
    sso = client("sso-admin", region=center.region, access=center.access)
    with mapped("sso:ListAccountAssignments"):
        pages = sso.get_paginator("list_account_assignments").paginate(
            InstanceArn=center.arn, AccountId=account_id, PermissionSetArn=permission_set_arn
        )
        rows = [row for page in pages for row in page["AccountAssignments"]]
    return [Assignment(name, row["PrincipalType"], row["PrincipalId"]) for row in rows]


def group_name(center: Instance, group_id: str) -> str | None:
    """What people call a group; None for one that is gone, whose assignments may outlive it."""
    store = client("identitystore", region=center.region, access=center.access)
    try:
        with mapped("identitystore:DescribeGroup"):
            group = store.describe_group(IdentityStoreId=center.identity_store_id, GroupId=group_id)
    except Refused as error:
        if error.code != "ResourceNotFoundException":
            raise
        return None
    name: str = group.get("DisplayName", group_id)
    return name


def memberships(center: Instance, user_id: str, group_ids: Sequence[str]) -> set[str]:
    """Which of these groups a user is in; one call for a hundred groups.

    Groups are asked by membership: whether the directory's own per-user listing of assignments includes those that
    come through groups is not documented, so it is not used.
    """
    store = client("identitystore", region=center.region, access=center.access)
    joined: set[str] = set()
    for batch in batches(group_ids, 100):
        with mapped("identitystore:IsMemberInGroups"):
            answer = store.is_member_in_groups(
                IdentityStoreId=center.identity_store_id, MemberId={"UserId": user_id}, GroupIds=batch
            )
        joined.update(row["GroupId"] for row in answer["Results"] if row["MembershipExists"])
    return joined


def grants(assigned: Sequence[Assignment], user_id: str, joined: Collection[str]) -> list[Grant]:
    """Which assignments reach a user who is in the groups `joined`, each permission set once, by name.

    `via_group` is the group's id; a direct assignment counts before one through a group.
    """
    held: dict[str, Grant] = {}
    for row in assigned:
        if row.principal_type == "USER" and row.principal_id == user_id:
            held[row.permission_set] = Grant(row.permission_set)
        elif row.principal_id in joined:
            held.setdefault(row.permission_set, Grant(row.permission_set, via_group=row.principal_id))
    return [held[name] for name in sorted(held)]
