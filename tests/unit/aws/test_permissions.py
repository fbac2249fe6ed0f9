"""The list of what the portal asks AWS is all of it, and the policies hold it and nothing else."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore import xform_name
from botocore.session import Session
from django.conf import settings

from onboarding.aws.permissions import (
    BY_ACTION,
    PERMISSIONS,
    Place,
    account_policy,
    directory_policy,
    own_policy,
)

AWS = Path(settings.BASE_DIR) / "onboarding" / "aws"
_BOTOCORE = Session()


def calls_in(path: Path) -> Iterator[tuple[str, str]]:
    """Service and operation of every call that a module makes through a client."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    services = {text for call in calls if name_of(call) == "client" for text in texts(call)[:1]}
    named = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    named |= {text for call in calls if name_of(call) == "get_paginator" for text in texts(call)}
    for service in services:
        for operation in _BOTOCORE.get_service_model(service).operation_names:
            if xform_name(operation) in named:
                yield service, operation


def name_of(call: ast.Call) -> str:
    return getattr(call.func, "attr", getattr(call.func, "id", ""))


def texts(call: ast.Call) -> list[str]:
    return [each.value for each in call.args if isinstance(each, ast.Constant) and isinstance(each.value, str)]


def test_every_call_in_the_code_is_in_the_list_and_no_other() -> None:
    made = {call for path in AWS.glob("*.py") for call in calls_in(path)}

    assert made == {call for permission in PERMISSIONS for call in permission.calls}


def test_errors_name_the_actions_of_the_list() -> None:
    """So that a denial that was recorded is found again in it."""
    sources = [path.read_text(encoding="utf-8") for path in AWS.glob("*.py")]
    named = {name for text in sources for name in re.findall(r'mapped(?:_pages)?\("([a-z0-9-]+:\w+)"', text)}

    assert named == {permission.action for permission in PERMISSIONS if permission.calls}


def test_an_action_is_named_once() -> None:
    assert len(BY_ACTION) == len(PERMISSIONS)


def test_the_operations_guide_names_the_same() -> None:
    guide = (Path(settings.BASE_DIR) / "docs/operations.md").read_text(encoding="utf-8")
    section = guide.partition("## The portal's own AWS access")[2].partition("\n## ")[0]

    assert set(re.findall(r"`([a-z0-9-]+:[A-Z]\w+)`", section)) == {
        permission.action for permission in PERMISSIONS if permission.place is not Place.PLAN
    }


def test_an_accounts_policy_holds_everything_the_portal_asks_there() -> None:
    stores = [
        ("eu-west-1", "s3://acme-logs/bedrock"),
        ("eu-south-2", "s3://acme-logs"),
        ("eu-west-1", "/aws/bedrock"),
    ]

    policy = account_policy(stores=stores, account_id="111122223333")

    everything, listing, reading, logs, keys = policy["Statement"]
    assert everything["Resource"] == ["*"]
    assert set(everything["Action"]) == {row.action for row in PERMISSIONS if row.place is Place.ACCOUNT}
    assert listing == {"Effect": "Allow", "Action": ["s3:ListBucket"], "Resource": ["arn:aws:s3:::acme-logs"]}
    assert reading == {"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": ["arn:aws:s3:::acme-logs/*"]}
    assert logs["Resource"] == ["arn:aws:logs:eu-west-1:111122223333:log-group:/aws/bedrock:*"]
    assert keys["Condition"] == {
        "StringEquals": {"kms:ViaService": ["s3.eu-south-2.amazonaws.com", "s3.eu-west-1.amazonaws.com"]}
    }


def test_without_a_place_for_logs_nothing_of_it_is_allowed() -> None:
    (statement,) = account_policy()["Statement"]

    assert not {"s3:GetObject", "logs:FilterLogEvents", "kms:Decrypt"}.intersection(statement["Action"])


@pytest.mark.parametrize(
    ("only", "allowed"),
    [
        (["ce:GetCostAndUsage"], [["ce:GetCostAndUsage"]]),
        (["s3:GetObject", "bedrock:GetInferenceProfile"], [["bedrock:GetInferenceProfile"], ["s3:GetObject"]]),
        (["sso:ListInstances"], []),
    ],
)
def test_a_policy_of_what_is_missing_holds_no_more(only: list[str], allowed: list[list[str]]) -> None:
    policy = account_policy(stores=[("eu-west-1", "s3://acme-logs")], account_id="111122223333", only=only)

    assert [statement["Action"] for statement in policy["Statement"]] == allowed


def test_other_partitions_have_names_of_their_own() -> None:
    policy = account_policy(stores=[("us-gov-west-1", "s3://logs")], account_id="111122223333")

    assert policy["Statement"][1]["Resource"] == ["arn:aws-us-gov:s3:::logs"]


def test_the_directory_and_the_portals_own_credentials_have_policies_too() -> None:
    (directory,) = directory_policy()["Statement"]
    (own,) = own_policy(["arn:aws:iam::1:role/B", "arn:aws:iam::1:role/A", "arn:aws:iam::1:role/B"])["Statement"]

    assert set(directory["Action"]) == {row.action for row in PERMISSIONS if row.place is Place.DIRECTORY}
    assert own["Action"] == ["sts:AssumeRole"]
    assert own["Resource"] == ["arn:aws:iam::1:role/A", "arn:aws:iam::1:role/B"]
