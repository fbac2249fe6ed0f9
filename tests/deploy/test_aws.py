"""deploy/aws: roles that may what the one list in code says, and nothing else; nobody else's service gets in.

Neither CloudFormation nor Terraform runs where the tests do. `make check` lints the one, and both are read here.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import hcl2
import pytest
from botocore.session import Session
from botocore.validate import ParamValidator

from onboarding.aws import report_files
from onboarding.aws.permissions import PERMISSIONS, Place, account_policy, directory_policy, own_policy
from tests.deploy.cloudformation import ACCOUNT, REGION, NotAllowed, Stack, load
from tests.deploy.declared import DEPLOY

TEMPLATES = {path.stem: load(path) for path in (DEPLOY / "aws/cloudformation").glob("*.yaml")}
PORTAL, EXTERNAL_ID = "arn:aws:iam::999900001111:role/Onramp", "0123456789abcdef"
STORES = [
    (REGION, "s3://acme-logs/bedrock"),
    (REGION, "s3://acme-reports/cur"),
    (REGION, "/acme/bedrock"),
]
BUCKETS = "arn:aws:s3:::acme-logs,arn:aws:s3:::acme-reports"
GROUP = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/acme/bedrock:*"


def stack(name: str, **parameters: str) -> Stack:
    return Stack(TEMPLATES[name], **parameters)


def inline(made: Stack) -> dict[str, Any]:
    (policy,) = made.resource("Role")["Policies"]
    document: dict[str, Any] = policy["PolicyDocument"]
    return document


# --- CloudFormation


def test_the_accounts_role_may_what_the_account_page_says() -> None:
    full = {"BucketArns": BUCKETS, "LogGroupArns": GROUP, "KeysVia": f"s3.{REGION}.amazonaws.com"}
    made = stack("account", PortalRoleArn=PORTAL, ExternalId=EXTERNAL_ID, **full)
    assert inline(made) == account_policy(stores=STORES, account_id=ACCOUNT)


def test_without_stores_it_may_read_none() -> None:
    assert inline(stack("account", PortalRoleArn=PORTAL, ExternalId=EXTERNAL_ID)) == account_policy()


def test_the_directorys_role_may_what_the_list_says() -> None:
    assert inline(stack("directory", PortalRoleArn=PORTAL, ExternalId=EXTERNAL_ID)) == directory_policy()


@pytest.mark.parametrize("name", ["account", "directory"])
def test_only_the_portal_gets_in_and_only_with_the_external_id(name: str) -> None:
    trust = stack(name, PortalRoleArn=PORTAL, ExternalId=EXTERNAL_ID).resource("Role")["AssumeRolePolicyDocument"]
    assert {statement["Principal"]["AWS"] for statement in trust["Statement"]} == {PORTAL}
    assume, tag = trust["Statement"]
    assert (assume["Action"], tag["Action"]) == (["sts:AssumeRole"], ["sts:TagSession"])
    assert assume["Condition"] == {"StringEquals": {"sts:ExternalId": EXTERNAL_ID}}


@pytest.mark.parametrize(("runs_on", "more"), [("eks", ["sts:TagSession"]), ("ecs", []), ("ec2", [])])
def test_the_portals_own_role_reaches_those_roles_alone(runs_on: str, more: list[str]) -> None:
    roles = [f"arn:aws:iam::{ACCOUNT}:role/OnrampReadOnly", "arn:aws:iam::999988887777:role/OnrampDirectory"]
    expected = own_policy(roles)
    expected["Statement"][0]["Action"] += more
    made = inline(stack("portal", RoleArns=",".join(roles), RunsOn=runs_on, ClusterArn="arn:cluster"))
    made["Statement"][0]["Resource"].sort()
    assert made == expected


@pytest.mark.parametrize("arn", ["*", "arn:aws:iam::*:role/OnrampReadOnly", f"arn:aws:iam::{ACCOUNT}:role/Onramp*"])
def test_the_portals_own_role_reaches_no_role_by_a_wildcard(arn: str) -> None:
    with pytest.raises(NotAllowed):
        inline(stack("portal", RoleArns=f"{PORTAL},{arn}", ClusterArn="arn:cluster"))


def test_what_is_deployed_on_eks_is_who_may_be_the_portal() -> None:
    trust = stack("portal", RoleArns=PORTAL, ClusterArn="arn:cluster").resource("Role")["AssumeRolePolicyDocument"]
    condition = trust["Statement"][0]["Condition"]["StringEquals"]
    assert condition["aws:RequestTag/kubernetes-service-account"] == "onramp-worker"
    example = (DEPLOY / "kubernetes/example/kustomization.yaml").read_text(encoding="utf-8")
    assert f"namespace: {condition['aws:RequestTag/kubernetes-namespace']}\n" in example
    accounts = (DEPLOY / "kubernetes/base/service-accounts.yaml").read_text(encoding="utf-8")
    assert f"name: {condition['aws:RequestTag/kubernetes-service-account']}\n" in accounts
    # An annotation for IAM roles for service accounts would name a role that does not trust the cluster's provider.
    assert "role-arn" not in example + accounts


@pytest.mark.parametrize("destination", ["s3", "cloudwatch"])
def test_the_command_that_switches_logging_on_is_one_that_bedrock_takes(destination: str) -> None:
    made = stack("logging", Destination=destination)
    command = shlex.split(made.output("Command"))
    assert command[:3] == ["aws", "bedrock", "put-model-invocation-logging-configuration"]
    asked = json.loads(command[command.index("--logging-config") + 1])
    operation = Session().get_service_model("bedrock").operation_model("PutModelInvocationLoggingConfiguration")
    assert operation.input_shape is not None
    assert ParamValidator().validate({"loggingConfig": asked}, operation.input_shape).generate_report() == ""
    there = {name for name in ("Bucket", "BucketPolicy", "LogGroup", "LogRole") if made.has(name)}
    assert there == ({"Bucket", "BucketPolicy"} if destination == "s3" else {"LogGroup", "LogRole"})
    assert (asked.get("s3Config") or asked["cloudWatchConfig"]) == (
        {"bucketName": "Bucket"} if destination == "s3" else {"logGroupName": "LogGroup", "roleArn": "LogRole.Arn"}
    )


def test_cloudformation_has_still_no_resource_for_it() -> None:
    """Once it has, the command can go."""
    package = find_spec("cfnlint")
    assert package is not None
    assert package.origin is not None
    schemas = Path(package.origin).parent / "data/schemas/providers/us-east-1.json"
    kinds = [kind for kind in json.loads(schemas.read_text(encoding="utf-8")) if kind.startswith("AWS::Bedrock::")]
    assert kinds
    assert [kind for kind in kinds if "Logging" in kind] == []


def _columns(query: str) -> set[str]:
    selected = re.fullmatch(r"SELECT (.+) FROM COST_AND_USAGE_REPORT", " ".join(query.split()))
    assert selected is not None
    return set(selected[1].split(", "))


def _is_enough(columns: set[str]) -> bool:
    """Whether the portal finds in a report what it reads, and the report holds nothing else of the company's."""
    needed, read = set(report_files._REQUIRED), {*report_files._REQUIRED, *report_files._OPTIONAL}
    return needed | {"line_item_iam_principal", "product"} <= columns <= read


def test_the_report_has_what_the_portal_reads() -> None:
    export = stack("cost-report").resource("Export")["Export"]
    assert _is_enough(_columns(export["DataQuery"]["QueryStatement"]))
    table = export["DataQuery"]["TableConfigurations"]["COST_AND_USAGE_REPORT"]
    assert (table["INCLUDE_IAM_PRINCIPAL_DATA"], table["TIME_GRANULARITY"]) == ("TRUE", "DAILY")


def _statements(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        if "Principal" in node and "Effect" in node:
            yield node
        for value in node.values():
            yield from _statements(value)
    elif isinstance(node, list):
        for value in node:
            yield from _statements(value)


@pytest.mark.parametrize("name", TEMPLATES)
def test_services_come_for_this_account_alone(name: str) -> None:
    """The confused deputy: a service would do the same for somebody else who names our bucket or role."""
    for statement in _statements(TEMPLATES[name]):
        principal = statement["Principal"]
        # An instance asks for itself, and names no source.
        if statement["Effect"] == "Allow" and "Service" in principal and "ec2." not in str(principal):
            assert statement["Condition"]["StringEquals"]["aws:SourceAccount"] == {"Ref": "AWS::AccountId"}
            assert {"ArnLike", "ArnEquals"} & set(statement["Condition"])


@pytest.mark.parametrize("name", ["logging", "cost-report"])
def test_buckets_are_closed_and_stay(name: str) -> None:
    bucket = TEMPLATES[name]["Resources"]["Bucket"]
    assert set(bucket["Properties"]["PublicAccessBlockConfiguration"].values()) == {True}
    assert (bucket["DeletionPolicy"], bucket["UpdateReplacePolicy"]) == ("Retain", "Retain")
    assert "BucketEncryption" in bucket["Properties"]


# --- Terraform


def _plain(node: Any) -> Any:
    """What python-hcl2 reads, with names and literals out of their quotes."""
    if isinstance(node, dict):
        return {key.strip('"'): _plain(value) for key, value in node.items() if not key.startswith("__")}
    if isinstance(node, list):
        return [_plain(value) for value in node]
    return node.strip('"') if isinstance(node, str) else node


def _module(name: str) -> dict[str, Any]:
    with (DEPLOY / f"aws/terraform/{name}/main.tf").open(encoding="utf-8") as file:
        module: dict[str, Any] = _plain(hcl2.load(file))
    return module


MODULES = {path.parent.name: _module(path.parent.name) for path in (DEPLOY / "aws/terraform").glob("*/main.tf")}


def _blocks(module: str, kind: str, type_: str) -> dict[str, dict[str, Any]]:
    return {
        name: body
        for block in MODULES[module].get(kind, [])
        for found, named in block.items()
        if found == type_
        for name, body in named.items()
    }


def _blocks_named(module: str, kind: str) -> dict[str, dict[str, Any]]:
    return {name: body for block in MODULES[module].get(kind, []) for name, body in block.items()}


def _policy(module: str, name: str) -> list[dict[str, Any]]:
    """The statements of a policy document, the optional ones last."""
    document = _blocks(module, "data", "aws_iam_policy_document")[name]
    optional = [block["statement"]["content"] for block in document.get("dynamic", [])]
    return [*document.get("statement", []), *(row for content in optional for row in content)]


def test_there_is_a_module_for_each_template() -> None:
    assert set(MODULES) == set(TEMPLATES)


def _actions(place: Place) -> list[str]:
    return [permission.action for permission in PERMISSIONS if permission.place is place]


def test_terraforms_role_of_an_account_may_the_same() -> None:
    everywhere, *stores = _policy("account", "read")
    assert (everywhere["actions"], everywhere["resources"]) == (_actions(Place.ACCOUNT), ["*"])
    granted = {statement["actions"][0]: statement for statement in stores}
    assert [statement["actions"] for statement in stores] == [[action] for action in _actions(Place.STORE)]
    assert granted["s3:ListBucket"]["resources"] == "${var.bucket_arns}"
    assert '"${arn}/*"' in granted["s3:GetObject"]["resources"]
    assert granted["logs:FilterLogEvents"]["resources"] == "${var.log_group_arns}"
    assert granted["kms:Decrypt"]["condition"] == [
        {"test": "StringEquals", "variable": "kms:ViaService", "values": "${var.keys_via}"}
    ]


def test_terraforms_role_of_a_directory_may_the_same() -> None:
    (only,) = _policy("directory", "read")
    assert (only["actions"], only["resources"]) == (_actions(Place.DIRECTORY), ["*"])


@pytest.mark.parametrize("name", ["account", "directory"])
def test_terraforms_trust_is_the_same(name: str) -> None:
    assume, tag = _policy(name, "trust")
    assert (assume["actions"], tag["actions"]) == (["sts:AssumeRole"], ["sts:TagSession"])
    assert assume["condition"] == [
        {"test": "StringEquals", "variable": "sts:ExternalId", "values": ["${var.external_id}"]}
    ]


def _pattern(module: str, variable: str) -> str:
    """What a variable has to match."""
    (checked,) = _blocks_named(module, "variable")[variable]["validation"]
    found = re.search(r'regex\("(.*?)", ', checked["condition"])
    assert found, checked["condition"]
    return found[1].replace("\\\\", "\\")


@pytest.mark.parametrize("name", ["account", "directory"])
def test_terraform_lets_the_same_portals_in(name: str) -> None:
    """With `*`, whoever has the external id."""
    pattern = _pattern(name, "portal_role_arn")
    assert pattern == TEMPLATES[name]["Parameters"]["PortalRoleArn"]["AllowedPattern"]
    assert re.search(pattern, PORTAL)
    for anybody in ("*", f"arn:aws:iam::{ACCOUNT}:root", f"arn:aws:iam::*:{PORTAL.rpartition(':')[2]}"):
        assert not re.search(pattern, anybody)


@pytest.mark.parametrize("role", ["*", "Onramp*", "Onramp?eadOnly", "?"])
def test_terraforms_role_of_the_portal_reaches_no_role_by_a_wildcard(role: str) -> None:
    pattern = _pattern("portal", "role_arns")
    assert re.search(pattern, f"arn:aws:iam::{ACCOUNT}:role/company/On_ramp+=,.@-ReadOnly")
    assert not re.search(pattern, f"arn:aws:iam::{ACCOUNT}:role/{role}")


def test_terraform_gives_no_keys_without_buckets() -> None:
    document = _blocks("account", "data", "aws_iam_policy_document")["read"]
    wanted = {
        row["actions"][0]: block["statement"]["for_each"]
        for block in document["dynamic"]
        for row in block["statement"]["content"]
    }
    assert "length(var.keys_via) > 0 && length(var.bucket_arns) > 0 ?" in wanted["kms:Decrypt"]


@pytest.mark.parametrize("name", MODULES)
def test_terraforms_services_come_for_this_account_alone(name: str) -> None:
    for policy in _blocks(name, "data", "aws_iam_policy_document"):
        for statement in _policy(name, policy):
            if any(principal["type"] == "Service" for principal in statement.get("principals", [])):
                keys = {condition["variable"] for condition in statement["condition"]}
                assert {"aws:SourceAccount", "aws:SourceArn"} <= keys, policy


@pytest.mark.parametrize(("runs_on", "needed"), [("eks", "cluster_arn"), ("irsa", "oidc_provider_arn")])
def test_terraform_asks_for_what_the_trust_is_made_of(runs_on: str, needed: str) -> None:
    """An empty one would be a role that nobody can be."""
    (checked,) = _blocks_named("portal", "variable")[needed]["validation"]
    assert f'var.runs_on != "{runs_on}" || var.{needed} != ""' in checked["condition"]


def test_terraforms_report_is_the_same() -> None:
    (columns,) = [row["columns"] for row in MODULES["cost-report"]["locals"]]
    query = stack("cost-report").resource("Export")["Export"]["DataQuery"]["QueryStatement"]
    assert set(columns) == _columns(query)


def test_terraform_switches_logging_on_itself() -> None:
    assert _blocks("logging", "resource", "aws_bedrock_model_invocation_logging_configuration")
