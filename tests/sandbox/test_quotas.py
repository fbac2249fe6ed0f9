"""Service Quotas: Bedrock's rows, named as AWS names them, over several pages."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.sandbox_aws import LAB, MANAGEMENT, PROD, SMALL, Aws

SONNET_46 = "model inference tokens per minute for Anthropic Claude Sonnet 4.6"


def rows(aws: Aws, account: str = PROD, region: str = "eu-west-1") -> list[dict[str, Any]]:
    pages = aws.portal("service-quotas", account, region).get_paginator("list_service_quotas")
    return [row for page in pages.paginate(ServiceCode="bedrock") for row in page["Quotas"]]


def values(aws: Aws, account: str = PROD, region: str = "eu-west-1") -> dict[str, float]:
    return {row["QuotaName"]: row["Value"] for row in rows(aws, account, region)}


def test_a_models_quotas_of_every_kind(aws: Aws) -> None:
    found = values(aws)
    assert {name: value for name, value in found.items() if name.endswith("Claude Sonnet 4.6")} == {
        f"Cross-region {SONNET_46}": 2_000_000,
        f"Cross-region {SONNET_46.replace('tokens', 'requests')}": 1_000,
        f"Global cross-region {SONNET_46}": 2_000_000,
        f"Global cross-region {SONNET_46.replace('tokens', 'requests')}": 1_000,
        f"On-demand {SONNET_46}": 0,
        f"On-demand {SONNET_46.replace('tokens', 'requests')}": 0,
    }


def test_no_global_quota_without_a_global_profile(aws: Aws) -> None:
    names = values(aws)
    assert f"Global cross-region {SONNET_46.replace('4.6', '4.5')}" not in names
    assert f"Cross-region {SONNET_46.replace('4.6', '4.5')}" in names
    assert f"Global cross-region {SONNET_46}" not in values(aws, region="ap-northeast-1")


@pytest.mark.parametrize(
    ("account", "region", "model", "tokens", "requests"),
    [
        (PROD, "eu-west-1", "Claude Sonnet 5", 0, 0),
        (LAB, "eu-west-1", "Claude Sonnet 5", 2_000_000, 1_000),
        (PROD, "eu-south-2", "Claude Sonnet 5", 2_000_000, 1_000),
        (SMALL, "eu-west-1", "Claude Sonnet 4.6", 40_000, 1_000),
        (SMALL, "eu-west-1", "Claude Opus 4.8", 2_000_000, 1_000),
    ],
)
def test_what_an_account_has_of_a_model(
    aws: Aws, account: str, region: str, model: str, tokens: int, requests: int
) -> None:
    found = values(aws, account, region)
    assert found[f"Cross-region model inference tokens per minute for Anthropic {model}"] == tokens
    assert found[f"Cross-region model inference requests per minute for Anthropic {model}"] == requests


def test_a_row_in_full(aws: Aws) -> None:
    row = next(row for row in rows(aws) if row["QuotaName"] == f"Cross-region {SONNET_46}")
    code = row["QuotaCode"]
    assert code == next(again for again in rows(aws, SMALL) if again["QuotaName"] == row["QuotaName"])["QuotaCode"]
    assert row == {
        "ServiceCode": "bedrock",
        "ServiceName": "Amazon Bedrock",
        "QuotaArn": f"arn:aws:servicequotas:eu-west-1:{PROD}:bedrock/{code}",
        "QuotaCode": code,
        "QuotaName": f"Cross-region {SONNET_46}",
        "Value": 2_000_000.0,
        "Unit": "None",
        "Adjustable": True,
        "GlobalQuota": False,
        "QuotaAppliedAtLevel": "ACCOUNT",
    }
    codes = [row["QuotaCode"] for row in rows(aws)]
    assert len(set(codes)) == len(codes)
    assert all(len(code) == 10 and code.startswith("L-") for code in codes)


def test_pages(aws: Aws) -> None:
    quotas = aws.portal("service-quotas")
    first = quotas.list_service_quotas(ServiceCode="bedrock")
    assert len(first["Quotas"]) == 100
    second = quotas.list_service_quotas(ServiceCode="bedrock", NextToken=first["NextToken"])
    assert 0 < len(second["Quotas"]) < 100
    assert "NextToken" not in second
    ours = [any("Claude Sonnet 4.6" in row["QuotaName"] for row in page["Quotas"]) for page in (first, second)]
    assert ours == [True, True]  # whoever reads one page misses some
    assert len(quotas.list_service_quotas(ServiceCode="bedrock", MaxResults=7)["Quotas"]) == 7


def test_a_place_without_claude_has_other_models_quotas(aws: Aws) -> None:
    for account, region in ((MANAGEMENT, "eu-west-1"), (PROD, "us-east-1")):
        names = values(aws, account, region)
        assert "On-demand model inference requests per minute for Amazon Nova Pro" in names
        assert not [name for name in names if "Claude" in name]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"ServiceCode": "absent"}, "NoSuchResourceException"),
        ({"ServiceCode": "bedrock", "MaxResults": 101}, "IllegalArgumentException"),
        ({"ServiceCode": "bedrock", "NextToken": "x"}, "InvalidPaginationTokenException"),
    ],
)
def test_what_it_does_not_know(aws: Aws, arguments: dict[str, Any], code: str) -> None:
    with pytest.raises(ClientError) as caught:
        aws.portal("service-quotas").list_service_quotas(**arguments)
    assert caught.value.response["Error"]["Code"] == code
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
