from __future__ import annotations

import re

import pytest
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from onboarding.catalog import (
    APPLICATION_PROFILE_ARN,
    PERMISSION_RULE,
    PERMISSION_SET_NAME,
    PROFILE_NAME,
    REGION_CODE,
    REGION_NAMES,
    START_URL,
    ProfileId,
    inference_profile_arn,
    long_prompt_tokens,
    model_arn,
    model_label,
    parse_model_arn,
    parse_profile_id,
    partition_of,
    region_label,
    retention_modes,
    session_name,
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
        *(
            (f"{prefix}.anthropic.claude-opus-5", ProfileId(prefix, "anthropic.claude-opus-5"))
            for prefix in ("us", "apac", "jp", "au", "ca", "in")
        ),
        ("anthropic.claude-opus-4-8", None),
        ("xx.anthropic.claude-opus-4-8", None),
        ("eu.claude-opus-4-8", None),
        ("EU.anthropic.claude-opus-4-8", None),
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


@pytest.mark.parametrize(
    "arn",
    [
        "arn:aws:bedrock:eu-west-1:111122223333:inference-profile/eu.anthropic.x",
        "arn:aws:bedrock:eu-west-1:111122223333:foundation-model/anthropic.x",
        "arn:aws:s3:::foundation-model/anthropic.x",
        "arn:aws:bedrock:eu-west-1::foundation-model/",
        "arn:aws:bedrock:eu-west-1::foundation-model/a b",
        "",
    ],
)
def test_other_arns_are_not_models(arn: str) -> None:
    assert parse_model_arn(arn) is None


@pytest.mark.parametrize(
    ("region", "arn"),
    [
        ("eu-west-1", "arn:aws:bedrock:eu-west-1:111122223333:inference-profile/eu.anthropic.x"),
        ("us-gov-west-1", "arn:aws-us-gov:bedrock:us-gov-west-1:111122223333:inference-profile/eu.anthropic.x"),
    ],
)
def test_a_profiles_arn_names_region_account_and_partition(region: str, arn: str) -> None:
    assert inference_profile_arn(region, "111122223333", "eu.anthropic.x") == arn


def test_a_models_arn_in_another_partition() -> None:
    arn = "arn:aws-us-gov:bedrock:us-gov-west-1::foundation-model/anthropic.x"

    assert model_arn("us-gov-west-1", "anthropic.x", "aws-us-gov") == arn
    assert parse_model_arn(arn) is not None


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
        ("anthropic.claude-fable-5", "Claude Fable 5"),
        ("arn:aws:bedrock:::foundation-model/anthropic.claude-opus-5", "Claude Opus 5"),
        ("anthropic.claude-3-5-sonnet-20241022-v2:0", "anthropic.claude-3-5-sonnet-20241022-v2:0"),
        ("", ""),
        ("meta.llama", "meta.llama"),
    ],
)
def test_models_have_readable_names(text: str, label: str) -> None:
    assert model_label(text) == label


def test_unknown_regions_are_shown_as_they_are() -> None:
    assert region_label("eu-west-1") == "Ireland (eu-west-1)"
    assert region_label("xx-moon-1") == "xx-moon-1"


@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize("region", REGION_NAMES)
def test_every_region_that_is_named_is_one(region: str, language: str) -> None:
    with translation.override(language):
        assert re.fullmatch(r"\S.* \(" + region + r"\)", region_label(region))
    assert REGION_CODE.fullmatch(region)


@pytest.mark.parametrize(
    ("model", "modes"),
    [
        ("anthropic.claude-fable-5", {"provider_data_share"}),
        ("global.anthropic.claude-fable-5", {"provider_data_share"}),
        ("eu.anthropic.claude-fable-5-20261001-v1:0", {"provider_data_share"}),
        ("eu.anthropic.claude-fable-5-5", {"provider_data_share", "aws_review"}),
        ("eu.anthropic.claude-fable-6", {"provider_data_share", "aws_review"}),
        ("eu.anthropic.claude-opus-5", set()),
        ("eu.anthropic.claude-haiku-4-5-20251001-v1:0", set()),
        ("arn:aws:bedrock:eu-west-1:111122223333:application-inference-profile/abc", set()),
        ("", set()),
    ],
)
def test_retention_modes_that_a_model_accepts(model: str, modes: set[str]) -> None:
    assert retention_modes(model) == modes


# --- Session names

SESSION_NAME = re.compile(r"[\w+=,.@-]{2,64}", re.ASCII)


@pytest.mark.parametrize("email", ["ana.nunez@acme.example", "ana+x=y,z_1-2@acme.example", "A@b.example", "a" * 64])
def test_a_mail_that_sts_takes_names_the_session(email: str) -> None:
    assert session_name(email) == email


@pytest.mark.parametrize("email", ["ana.núñez@acme.example", "a" * 65, "a b@acme.example", "o'neil@acme.example", "a"])
def test_any_other_mail_names_it_by_a_digest(email: str) -> None:
    name = session_name(email)

    assert re.fullmatch(r"onramp-[0-9a-f]{32}", name)
    assert session_name(email.upper().lower()) == session_name(email) == session_name(email.upper())


@given(st.text())
def test_every_session_has_a_name_that_sts_takes(email: str) -> None:
    assert SESSION_NAME.fullmatch(session_name(email.encode(errors="ignore").decode()))


# --- What may be written where a program reads it


@pytest.mark.parametrize(
    ("pattern", "good", "bad"),
    [
        (PROFILE_NAME, ["claude-code-platform", "a", "A_1.b", "9"], ["", "-a", "a b", "a,b", "a@b", "a=b", "a]", "ñ"]),
        (
            START_URL,
            ["https://acme.awsapps.com/start", "https://acme.awsapps.com/start/#/", "http://127.0.0.1:9/x"],
            ["", "ftp://x", "https://", "https://-x", "https://x y", "https://x]", 'https://x"', "https://x<", "x"],
        ),
        (PERMISSION_SET_NAME, ["ClaudeCodeDeveloper", "a+=,.@-_"], ["", "a b", "a" * 33, "a/b", "ñ"]),
        (
            REGION_CODE,
            ["eu-west-1", "us-gov-west-1"],
            ["", "eu-west", "EU-west-1", "eu-west-12", "eu_west_1"],
        ),
        (
            APPLICATION_PROFILE_ARN,
            ["arn:aws:bedrock:eu-west-1:111122223333:application-inference-profile/abc123"],
            [
                "arn:aws:bedrock:eu-west-1:111122223333:inference-profile/eu.anthropic.x",
                "arn:aws:bedrock:eu-west-1:1111:application-inference-profile/abc123",
                "arn:aws:bedrock:eu-west-1:111122223333:application-inference-profile/a b",
                "arn:aws:bedrock:eu-west-1:111122223333:application-inference-profile/",
            ],
        ),
        (
            PERMISSION_RULE,
            ["Read", "Read(./.env)", "Bash(curl:*)", "mcp__github__search"],
            ["", "Read(", "Read()", "Read(./.env", "./.env", "mcp__", "Read (x)"],
        ),
    ],
    ids=["profile", "start-url", "permission-set", "region", "application-profile", "permission-rule"],
)
def test_grammars(pattern: re.Pattern[str], good: list[str], bad: list[str]) -> None:
    assert [text for text in good if not pattern.fullmatch(text)] == []
    assert [text for text in bad if pattern.fullmatch(text)] == []


@pytest.mark.parametrize(
    "pattern", [PROFILE_NAME, START_URL, PERMISSION_SET_NAME, REGION_CODE, APPLICATION_PROFILE_ARN]
)
@given(st.text(alphabet="\n\r\0'\"` $;|<>\\\u202e\u2028", min_size=1, max_size=3))
def test_no_grammar_lets_a_line_a_quote_or_a_shell_through(pattern: re.Pattern[str], evil: str) -> None:
    assert not pattern.fullmatch(evil)
    assert not pattern.fullmatch("https://acme.example/" + evil)
    assert not pattern.fullmatch("eu-west-1" + evil)


@pytest.mark.parametrize(
    ("model", "tokens"),
    [
        ("anthropic.claude-haiku-5-5", 100_000),
        ("arn:aws:bedrock:eu-west-1:111122223333:inference-profile/eu.anthropic.claude-haiku-5-5", 100_000),
        ("anthropic.claude-haiku-4-5-20251001-v1:0", 200_000),
        ("anthropic.claude-sonnet-4-5-20250929-v1:0", 200_000),
        ("amazon.nova-pro-v1:0", 200_000),
    ],
)
def test_where_a_long_prompt_begins(model: str, tokens: int) -> None:
    assert long_prompt_tokens(model) == tokens
