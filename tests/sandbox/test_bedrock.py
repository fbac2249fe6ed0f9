"""The control plane: profiles, models, availability and the use-case form, by account and Region."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from tests.sandbox_aws import LAB, PROD, Aws


def test_profiles_and_their_routes(aws: Aws) -> None:
    bedrock = aws.portal("bedrock")
    found = {row["inferenceProfileId"]: row for row in bedrock.list_inference_profiles()["inferenceProfileSummaries"]}
    assert len(found) == 8
    assert len(found["eu.anthropic.claude-opus-4-8"]["models"]) == 6
    assert [row["modelArn"] for row in found["global.anthropic.claude-sonnet-4-6"]["models"]] == [
        "arn:aws:bedrock:eu-west-1::foundation-model/anthropic.claude-sonnet-4-6",
        "arn:aws:bedrock:::foundation-model/anthropic.claude-sonnet-4-6",
    ]


def test_profiles_by_region_type_and_page(aws: Aws) -> None:
    bedrock = aws.portal("bedrock")
    pages = list(bedrock.get_paginator("list_inference_profiles").paginate(PaginationConfig={"PageSize": 3}))
    assert [len(page["inferenceProfileSummaries"]) for page in pages] == [3, 3, 2]
    assert not bedrock.list_inference_profiles(typeEquals="APPLICATION")["inferenceProfileSummaries"]
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


def test_foundation_models(aws: Aws) -> None:
    bedrock = aws.portal("bedrock")
    found = bedrock.list_foundation_models(byProvider="Anthropic")["modelSummaries"]
    assert [row["modelId"] for row in found] == [model.id for model in aws.company.models]
    assert found[0]["modelLifecycle"]["status"] == "ACTIVE"
    assert not bedrock.list_foundation_models(byInferenceType="ON_DEMAND")["modelSummaries"]


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
        aws.portal("bedrock").get_account_data_retention()
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501
