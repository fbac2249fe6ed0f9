from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onboarding.catalog import (
    ProfileId,
    model_arn,
    model_label,
    parse_model_arn,
    parse_profile_id,
    partition_of,
    region_label,
)


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("eu.anthropic.claude-opus-4-8", ProfileId("eu", "anthropic.claude-opus-4-8")),
        (
            "us-gov.anthropic.claude-haiku-4-5-20251001-v1:0",
            ProfileId("us-gov", "anthropic.claude-haiku-4-5-20251001-v1:0"),
        ),
        ("global.anthropic.claude-sonnet-4-6", ProfileId("global", "anthropic.claude-sonnet-4-6")),
        ("anthropic.claude-opus-4-8", None),
        ("claude-opus-4-8", None),
        ("eu.anthropic.claude opus", None),
        ("", None),
    ],
)
def test_profile_ids_are_read(text: str, parsed: ProfileId | None) -> None:
    assert parse_profile_id(text) == parsed


@given(
    region=st.sampled_from(["", "eu-west-1", "us-gov-west-1"]),
    model=st.from_regex(r"[a-z]+\.[a-z0-9-]+(v1:0)?", fullmatch=True),
)
def test_model_arns_round_trip(region: str, model: str) -> None:
    parsed = parse_model_arn(model_arn(region, model))

    assert parsed is not None
    assert (parsed.region, parsed.model_id) == (region, model)


def test_other_arns_are_not_models() -> None:
    assert parse_model_arn("arn:aws:bedrock:eu-west-1:111122223333:inference-profile/eu.anthropic.x") is None


@pytest.mark.parametrize(
    ("region", "partition"),
    [("eu-west-1", "aws"), ("us-gov-west-1", "aws-us-gov"), ("cn-north-1", "aws-cn")],
)
def test_partitions(region: str, partition: str) -> None:
    assert partition_of(region) == partition


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("eu.anthropic.claude-opus-4-8", "Claude Opus 4.8"),
        ("eu.anthropic.claude-haiku-4-5-20251001-v1:0", "Claude Haiku 4.5"),
        ("us.anthropic.claude-sonnet-4-20250514-v1:0", "Claude Sonnet 4"),
        ("global.anthropic.claude-opus-5-5", "Claude Opus 5.5"),
        ("meta.llama", "meta.llama"),
    ],
)
def test_models_have_readable_names(text: str, label: str) -> None:
    assert model_label(text) == label


def test_unknown_regions_are_shown_as_they_are() -> None:
    assert region_label("eu-west-1") == "Ireland (eu-west-1)"
    assert region_label("xx-moon-1") == "xx-moon-1"
