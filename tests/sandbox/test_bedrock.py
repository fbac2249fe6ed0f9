"""The control plane: profiles, models, availability and the use-case form, by account and Region."""

from __future__ import annotations

import datetime as dt

import pytest
import time_machine
from botocore.exceptions import ClientError

from tests.sandbox_aws import LAB, NO_RETENTION, PAYMENTS, PROD, SMALL, Aws

TAGGED = f"arn:aws:bedrock:eu-west-1:{PROD}:application-inference-profile/a1b2c3d4e5f6"


def test_profiles_and_their_routes(aws: Aws) -> None:
    bedrock = aws.portal("bedrock")
    found = {row["inferenceProfileId"]: row for row in bedrock.list_inference_profiles()["inferenceProfileSummaries"]}
    assert len(found) == 13
    assert len(found["eu.anthropic.claude-opus-4-8"]["models"]) == 6
    assert [row["modelArn"] for row in found["global.anthropic.claude-sonnet-4-6"]["models"]] == [
        "arn:aws:bedrock:eu-west-1::foundation-model/anthropic.claude-sonnet-4-6",
        "arn:aws:bedrock:::foundation-model/anthropic.claude-sonnet-4-6",
    ]


def test_profiles_by_region_type_and_page(aws: Aws) -> None:
    bedrock = aws.portal("bedrock")
    pages = list(bedrock.get_paginator("list_inference_profiles").paginate(PaginationConfig={"PageSize": 3}))
    assert [len(page["inferenceProfileSummaries"]) for page in pages] == [3, 3, 3, 3, 1]
    by_type = {
        kind: [row["type"] for row in bedrock.list_inference_profiles(typeEquals=kind)["inferenceProfileSummaries"]]
        for kind in ("SYSTEM_DEFINED", "APPLICATION")
    }
    assert by_type == {"SYSTEM_DEFINED": ["SYSTEM_DEFINED"] * 10, "APPLICATION": ["APPLICATION"] * 3}
    tokyo = aws.portal("bedrock", region="ap-northeast-1").list_inference_profiles(typeEquals="SYSTEM_DEFINED")
    assert [row["inferenceProfileId"] for row in tokyo["inferenceProfileSummaries"]] == [
        "jp.anthropic.claude-sonnet-4-6"
    ]
    assert not aws.portal("bedrock", region="us-east-1").list_inference_profiles()["inferenceProfileSummaries"]


def test_one_profile_by_id_or_arn(aws: Aws) -> None:
    bedrock = aws.portal("bedrock")
    name = "eu.anthropic.claude-haiku-4-5-20251001-v1:0"
    found = bedrock.get_inference_profile(inferenceProfileIdentifier=name)
    assert found["inferenceProfileArn"] == f"arn:aws:bedrock:eu-west-1:{PROD}:inference-profile/{name}"
    again = bedrock.get_inference_profile(inferenceProfileIdentifier=found["inferenceProfileArn"])
    assert again["inferenceProfileId"] == name
    with pytest.raises(bedrock.exceptions.ResourceNotFoundException):
        bedrock.get_inference_profile(inferenceProfileIdentifier="eu.anthropic.absent")


@pytest.mark.parametrize("identifier", ["a1b2c3d4e5f6", TAGGED])
def test_an_application_profile_routes_where_its_source_does(aws: Aws, identifier: str) -> None:
    bedrock = aws.portal("bedrock")
    source = bedrock.get_inference_profile(inferenceProfileIdentifier="eu.anthropic.claude-sonnet-4-6")
    found = bedrock.get_inference_profile(inferenceProfileIdentifier=identifier)
    assert (found["inferenceProfileArn"], found["inferenceProfileId"], found["type"]) == (
        TAGGED,
        "a1b2c3d4e5f6",
        "APPLICATION",
    )
    assert found["inferenceProfileName"] == "tagged-sonnet"
    assert found["models"] == source["models"]


@pytest.mark.parametrize(
    ("account", "region", "identifier"),
    [
        (PAYMENTS, "eu-west-1", "a1b2c3d4e5f6"),
        (PROD, "ap-northeast-1", "a1b2c3d4e5f6"),
        (PAYMENTS, "eu-west-1", TAGGED),
        (PROD, "eu-west-1", TAGGED.replace("a1b2", "b1b2")),
    ],
)
def test_an_application_profile_is_of_one_account_and_region(
    aws: Aws, account: str, region: str, identifier: str
) -> None:
    bedrock = aws.portal("bedrock", account, region)
    with pytest.raises(bedrock.exceptions.ResourceNotFoundException):
        bedrock.get_inference_profile(inferenceProfileIdentifier=identifier)


def test_a_token_nobody_was_given(aws: Aws) -> None:
    with pytest.raises(ClientError, match="ValidationException"):
        aws.portal("bedrock").list_inference_profiles(nextToken="x")


def test_foundation_models(aws: Aws) -> None:
    bedrock = aws.portal("bedrock")
    found = bedrock.list_foundation_models(byProvider="Anthropic")["modelSummaries"]
    offered = [model.id for model in aws.company.models if "fable" not in model.id]
    assert [row["modelId"] for row in found] == offered
    assert found[0]["modelLifecycle"] == {"status": "ACTIVE"}
    elsewhere = aws.portal("bedrock", NO_RETENTION).list_foundation_models()["modelSummaries"]
    assert "anthropic.claude-fable-5" in {row["modelId"] for row in elsewhere}
    assert not bedrock.list_foundation_models(byInferenceType="ON_DEMAND")["modelSummaries"]


@pytest.mark.parametrize(
    ("model", "since", "left"),
    [
        ("anthropic.claude-sonnet-4-5-20250929-v1:0", 120, 40),
        ("anthropic.claude-sonnet-4-20250514-v1:0", 200, -10),
    ],
)
@pytest.mark.parametrize("time", ["00:00:00", "12:00:00", "23:59:00"])
def test_the_days_of_a_legacy_model_count_alike_all_day(
    aws: Aws, model: str, since: int, left: int, time: str
) -> None:
    with time_machine.travel(dt.datetime.fromisoformat(f"{dt.datetime.now(dt.UTC).date()}T{time}+00:00")):
        found = aws.portal("bedrock").list_foundation_models()["modelSummaries"]
        lifecycle = next(row["modelLifecycle"] for row in found if row["modelId"] == model)
        now = dt.datetime.now(dt.UTC)
    assert lifecycle["status"] == "LEGACY"
    assert (now - lifecycle["legacyTime"]).days == since
    assert (lifecycle["endOfLifeTime"].date() - now.date()).days == left
    assert int((lifecycle["endOfLifeTime"] - now) / dt.timedelta(days=1)) == left


@pytest.mark.parametrize(
    ("account", "region", "mode"),
    [(NO_RETENTION, "eu-west-1", "none"), (NO_RETENTION, "eu-central-1", "default"), (PROD, "eu-west-1", "default")],
)
def test_data_retention(aws: Aws, account: str, region: str, mode: str) -> None:
    found = aws.portal("bedrock", account, region).get_account_data_retention()
    assert found["mode"] == mode
    assert found["updatedAt"].year == 2026


@pytest.mark.parametrize(
    ("account", "bucket", "prefix", "bodies"),
    [
        (PROD, "acme-ai-prod-bedrock-logs", "", False),
        (PAYMENTS, "acme-ai-payments-bedrock-logs", "claude/logs", False),
        (SMALL, "acme-ai-small-bedrock-logs", "", True),
    ],
)
def test_invocation_logging(aws: Aws, account: str, bucket: str, prefix: str, bodies: bool) -> None:
    config = aws.portal("bedrock", account).get_model_invocation_logging_configuration()["loggingConfig"]
    assert config["s3Config"] == {"bucketName": bucket, "keyPrefix": prefix}
    assert config["textDataDeliveryEnabled"] is bodies
    assert "cloudWatchConfig" not in config


def test_invocation_logging_to_a_log_group(aws: Aws) -> None:
    bedrock = aws.portal("bedrock", region="ap-northeast-1")
    config = bedrock.get_model_invocation_logging_configuration()["loggingConfig"]
    assert config["cloudWatchConfig"]["logGroupName"] == "/acme/bedrock/invocations"
    assert config["textDataDeliveryEnabled"] is False
    assert "s3Config" not in config


@pytest.mark.parametrize(
    ("account", "region"), [(PROD, "eu-central-1"), (LAB, "eu-west-1"), (NO_RETENTION, "eu-west-1")]
)
def test_no_invocation_logging_until_somebody_sets_it_up(aws: Aws, account: str, region: str) -> None:
    bedrock = aws.portal("bedrock", account, region)
    assert "loggingConfig" not in bedrock.get_model_invocation_logging_configuration()
    group = {"logGroupName": "bedrock", "roleArn": f"arn:aws:iam::{account}:role/Logs"}
    bedrock.put_model_invocation_logging_configuration(loggingConfig={"cloudWatchConfig": group})
    config = bedrock.get_model_invocation_logging_configuration()["loggingConfig"]
    assert config["cloudWatchConfig"]["logGroupName"] == "bedrock"
    bedrock.delete_model_invocation_logging_configuration()
    assert "loggingConfig" not in bedrock.get_model_invocation_logging_configuration()


@pytest.mark.parametrize(
    ("account", "model", "region", "expected"),
    [
        (PROD, "anthropic.claude-sonnet-4-6", "eu-west-1", ("AVAILABLE", "AUTHORIZED", "AVAILABLE")),
        (PROD, "anthropic.claude-sonnet-4-6", "eu-south-2", ("AVAILABLE", "AUTHORIZED", "AVAILABLE")),
        (PROD, "anthropic.claude-opus-5-5", "eu-west-1", ("PENDING", "AUTHORIZED", "AVAILABLE")),
        (LAB, "anthropic.claude-opus-5-5", "eu-west-1", ("AVAILABLE", "NOT_AUTHORIZED", "AVAILABLE")),
        (PROD, "anthropic.claude-sonnet-5", "ap-northeast-1", ("AVAILABLE", "AUTHORIZED", "NOT_AVAILABLE")),
    ],
)
def test_availability(aws: Aws, account: str, model: str, region: str, expected: tuple[str, ...]) -> None:
    found = aws.portal("bedrock", account, region).get_foundation_model_availability(modelId=model)
    assert expected == (
        found["agreementAvailability"]["status"],
        found["authorizationStatus"],
        found["regionAvailability"],
    )
    assert found["entitlementAvailability"] == "AVAILABLE"


@pytest.mark.parametrize(
    ("model", "code"),
    [
        ("eu.anthropic.claude-sonnet-4-6", "ValidationException"),
        ("anthropic.claude-absent", "ResourceNotFoundException"),
    ],
)
def test_availability_of_what_is_no_model(aws: Aws, model: str, code: str) -> None:
    with pytest.raises(ClientError) as caught:
        aws.portal("bedrock").get_foundation_model_availability(modelId=model)
    assert caught.value.response["Error"]["Code"] == code


def test_use_case_form(aws: Aws) -> None:
    assert b"Acme" in aws.portal("bedrock").get_use_case_for_model_access()["formData"]
    lab = aws.portal("bedrock", LAB)
    with pytest.raises(lab.exceptions.ResourceNotFoundException, match="have not been submitted"):
        lab.get_use_case_for_model_access()


def test_what_moto_lacks_is_said_once(aws: Aws) -> None:
    """501: botocore would repeat a 500."""
    with pytest.raises(ClientError) as caught:
        aws.portal("bedrock").list_guardrails()
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501
