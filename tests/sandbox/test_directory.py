"""The directory's users: who is disabled, and pages of ten thousand of them."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto.identitystore.models import Group, identitystore_backends

from sandbox.aws.seed import group_id
from tests.sandbox_aws import MANAGEMENT, Aws

STORE = "d-9367a1b2c3"
PEOPLE = 10_000


def store(aws: Aws) -> Any:
    return aws.portal("identitystore", MANAGEMENT)


def listed(aws: Aws) -> dict[str, dict[str, Any]]:
    pages = store(aws).get_paginator("list_users").paginate(IdentityStoreId=STORE)
    return {user["UserName"]: user for page in pages for user in page["Users"]}


def test_one_user_is_disabled(aws: Aws) -> None:
    users = listed(aws)
    assert {name for name, user in users.items() if user["UserStatus"] != "ENABLED"} == {"greta.holm@acme.example"}
    assert users["greta.holm@acme.example"]["UserStatus"] == "DISABLED"
    assert users["ana.nunez@acme.example"]["Name"]["Formatted"] == "Ana Núñez"
    assert users["ana.nunez@acme.example"]["Emails"][0]["Value"] == "ana.nunez@acme.example"
    assert len(users) == len([person for person in aws.company.people if person.directory])


@pytest.mark.parametrize(("name", "status"), [("greta.holm", "DISABLED"), ("ana.nunez", "ENABLED")])
def test_a_described_user_tells_too(aws: Aws, name: str, status: str) -> None:
    user_id = listed(aws)[f"{name}@acme.example"]["UserId"]
    user = store(aws).describe_user(IdentityStoreId=STORE, UserId=user_id)
    assert (user["UserStatus"], user["UserName"]) == (status, f"{name}@acme.example")


def test_a_new_user_is_enabled(aws: Aws) -> None:
    client = store(aws)
    name = {"FamilyName": "New", "GivenName": "Nina"}
    client.create_user(IdentityStoreId=STORE, UserName="nina", DisplayName="Nina New", Name=name)
    (user,) = client.list_users(
        IdentityStoreId=STORE, Filters=[{"AttributePath": "UserName", "AttributeValue": "nina"}]
    )["Users"]
    assert user["UserStatus"] == "ENABLED"


@pytest.mark.parametrize(
    ("operation", "arguments", "code"),
    [
        ("list_users", {"IdentityStoreId": "d-0000000000"}, "ResourceNotFoundException"),
        ("describe_user", {"IdentityStoreId": "d-0000000000", "UserId": "1" * 36}, "ResourceNotFoundException"),
        ("describe_user", {"IdentityStoreId": STORE, "UserId": "1" * 36}, "ResourceNotFoundException"),
        ("list_users", {"IdentityStoreId": STORE, "MaxResults": 101}, "ValidationException"),
        ("list_users", {"IdentityStoreId": STORE, "NextToken": "x"}, "ValidationException"),
    ],
)
def test_what_it_does_not_know(aws: Aws, operation: str, arguments: dict[str, Any], code: str) -> None:
    with pytest.raises(ClientError) as caught:
        getattr(store(aws), operation)(**arguments)
    assert caught.value.response["Error"]["Code"] == code


def fill(aws: Aws) -> str:
    """Thousands of users, as many groups, and all users in one group; the group's id."""
    data = identitystore_backends[MANAGEMENT]["eu-west-1"].identity_stores[STORE]
    pattern, big = next(iter(data.users.values())), group_id("everybody")
    for number in range(PEOPLE - len(data.users)):
        user = f"{number:08}-0000-4000-8000-000000000000"
        data.users[user] = pattern._replace(UserId=user, UserName=f"user-{number}")
    for number, user in enumerate(data.users):
        member = {"IdentityStoreId": STORE, "MembershipId": str(number), "GroupId": big, "MemberId": {"UserId": user}}
        data.group_memberships[f"many-{number}"] = member
    for number in range(PEOPLE - len(data.groups)):
        data.groups[str(number)] = Group(str(number), f"group-{number}", [], "", STORE)
    return big


@pytest.mark.parametrize(
    ("operation", "rows", "key"),
    [
        ("list_users", "Users", "UserId"),
        ("list_groups", "Groups", "GroupId"),
        ("list_group_memberships", "GroupMemberships", "MembershipId"),
    ],
)
def test_ten_thousand_come_in_pages_of_a_hundred(aws: Aws, operation: str, rows: str, key: str) -> None:
    arguments = {"IdentityStoreId": STORE, "GroupId": fill(aws)}
    if operation != "list_group_memberships":
        del arguments["GroupId"]
    seen, sizes = set(), set()
    client = store(aws)
    while arguments.get("NextToken") != "":
        page = getattr(client, operation)(**arguments)
        arguments["NextToken"] = page.get("NextToken", "")
        sizes.add(len(page[rows]))
        seen |= {row[key] for row in page[rows]}
    assert (len(seen), sizes) == (PEOPLE, {100})
