"""Policies to paste: what is missing, and no more."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from onboarding.checks.policies import (
    deny_long_term_keys,
    exemption,
    is_model,
    least_privilege,
    missing_statements,
    requested_region,
)
from onboarding.policies import DISCOVER, discover, document, subscribe
from tests.factories import HAIKU, SONNET
from tests.unit.checks.stubs import GLOBAL, INVOKE, profile_arn, profile_facts

IRELAND, SPAIN, ANYWHERE = (
    f"arn:aws:bedrock:{region}::foundation-model/anthropic.claude-sonnet-4-6"
    for region in ("eu-west-1", "eu-south-2", "")
)


def statements(text: str) -> list[dict[str, Any]]:
    made = json.loads(text)
    assert made["Version"] == "2012-10-17"
    found: list[dict[str, Any]] = made["Statement"]
    return found


def denied(profile: str, *rows: tuple[str, str]) -> dict[str, Any]:
    """The facts of a finding in which these actions were denied on these ARNs."""
    return {
        "profile_arn": profile_arn(profile),
        "denied": [{"action": action, "resource": resource} for action, resource in rows],
    }


def routes(*profiles: str, destinations: Sequence[str] = ("eu-west-1", "eu-south-2")) -> dict[str, Any]:
    """The facts of a finding about everything a plan needs."""
    found = [profile_facts(profile, destinations) for profile in profiles]
    return {
        "profiles": [{"arn": row["arn"], "models": [each["arn"] for each in row["destinations"]]} for row in found]
    }


def through(*profiles: str) -> dict[str, Any]:
    return {"StringEquals": {"bedrock:InferenceProfileArn": sorted(profile_arn(profile) for profile in profiles)}}


# --- What is missing


def test_a_missing_model_is_allowed_through_the_profile_alone() -> None:
    assert statements(missing_statements([denied(SONNET, (INVOKE[0], SPAIN))])) == [
        {"Effect": "Allow", "Action": [INVOKE[0]], "Resource": [SPAIN], "Condition": through(SONNET)}
    ]


def test_a_missing_profile_is_allowed_as_it_is() -> None:
    """Bedrock authorizes the profile itself before there is a profile in the request's context."""
    found = denied(SONNET, (INVOKE[1], profile_arn(SONNET)), (INVOKE[0], profile_arn(SONNET)))

    assert statements(missing_statements([found])) == [
        {"Effect": "Allow", "Action": list(INVOKE), "Resource": [profile_arn(SONNET)]}
    ]


def test_profiles_and_models_have_statements_of_their_own() -> None:
    found = denied(SONNET, (INVOKE[0], SPAIN), (INVOKE[0], IRELAND), (INVOKE[0], profile_arn(SONNET)))

    assert statements(missing_statements([found])) == [
        {"Effect": "Allow", "Action": [INVOKE[0]], "Resource": [profile_arn(SONNET)]},
        {"Effect": "Allow", "Action": [INVOKE[0]], "Resource": [SPAIN, IRELAND], "Condition": through(SONNET)},
    ]


def test_one_policy_for_all_profiles_that_lack_something() -> None:
    haiku = SPAIN.replace("sonnet-4-6", "haiku-4-5-20251001-v1:0")

    (made,) = statements(missing_statements([denied(SONNET, (INVOKE[0], SPAIN)), denied(HAIKU, (INVOKE[1], haiku))]))

    assert made == {
        "Effect": "Allow",
        "Action": list(INVOKE),
        "Resource": [haiku, SPAIN],
        "Condition": through(SONNET, HAIKU),
    }


def test_the_model_without_a_region_is_allowed_through_the_global_profile() -> None:
    assert statements(missing_statements([denied(GLOBAL, (INVOKE[0], ANYWHERE))])) == [
        {"Effect": "Allow", "Action": [INVOKE[0]], "Resource": [ANYWHERE], "Condition": through(GLOBAL)}
    ]


# --- All that is needed


def test_least_privilege_is_what_claude_code_calls() -> None:
    assert statements(least_privilege([routes(SONNET)])) == [
        {"Effect": "Allow", "Action": list(INVOKE), "Resource": [profile_arn(SONNET)]},
        {"Effect": "Allow", "Action": list(INVOKE), "Resource": [SPAIN, IRELAND], "Condition": through(SONNET)},
        {"Effect": "Allow", "Action": "bedrock:ListInferenceProfiles", "Resource": "*"},
        {"Effect": "Allow", "Action": "bedrock:GetInferenceProfile", "Resource": [profile_arn(SONNET)]},
        {
            "Effect": "Allow",
            "Action": ["aws-marketplace:Subscribe", "aws-marketplace:ViewSubscriptions"],
            "Resource": "*",
            "Condition": {"StringEquals": {"aws:CalledViaLast": "bedrock.amazonaws.com"}},
        },
    ]


def test_least_privilege_of_a_global_profile_names_the_arn_without_a_region() -> None:
    found = statements(least_privilege([routes(GLOBAL, destinations=["", "eu-west-1"])]))

    assert found[1]["Resource"] == [ANYWHERE, IRELAND]


def test_least_privilege_names_everything_once() -> None:
    once, twice = least_privilege([routes(SONNET)]), least_privilege([routes(SONNET), routes(SONNET, SONNET)])

    assert once == twice


def test_no_model_is_granted_without_a_condition() -> None:
    for made in statements(least_privilege([routes(SONNET, HAIKU, GLOBAL)])):
        if any(is_model(arn) for arn in made["Resource"]):
            assert made["Condition"] == through(SONNET, HAIKU, GLOBAL)


def test_listing_is_granted_on_every_resource() -> None:
    """It knows no resources: granted on an ARN it would be granted not at all."""
    listing, looking_up = discover([profile_arn(SONNET)])

    assert (listing["Action"], listing["Resource"]) == (DISCOVER[0], "*")
    assert (looking_up["Action"], looking_up["Resource"]) == (DISCOVER[1], [profile_arn(SONNET)])


def test_subscribing_is_granted_through_bedrock_alone() -> None:
    assert subscribe()["Condition"] == {"StringEquals": {"aws:CalledViaLast": "bedrock.amazonaws.com"}}


# --- What narrows and what exempts


def test_the_exemption_names_the_profiles() -> None:
    made = json.loads(exemption([denied(SONNET), denied(HAIKU), denied(SONNET)]))

    assert made == {"ArnNotLike": {"bedrock:InferenceProfileArn": sorted([profile_arn(SONNET), profile_arn(HAIKU)])}}


def test_long_term_keys_are_denied_where_they_are_allowed() -> None:
    assert statements(deny_long_term_keys([{"broad": [{"ground": "any-region"}, {"ground": "long-term-keys"}]}])) == [
        {
            "Effect": "Deny",
            "Action": "bedrock:CallWithBearerToken",
            "Resource": "*",
            "Condition": {"StringEquals": {"bedrock:BearerTokenType": "LONG_TERM"}},
        }
    ]


@pytest.mark.parametrize("broad", [[], [{"ground": "any-region"}]])
def test_there_is_nothing_to_deny_where_they_are_not(broad: list[dict[str, str]]) -> None:
    assert deny_long_term_keys([{"broad": broad}]) == ""


# --- Small things


@pytest.mark.parametrize(
    ("resource", "expected"),
    [
        (IRELAND, True),
        (ANYWHERE, True),
        (profile_arn(SONNET), False),
        ("arn:aws:bedrock:eu-west-1:111122223333:application-inference-profile/abc", False),
        ("*", False),
    ],
)
def test_models_are_told_from_profiles(resource: str, expected: bool) -> None:
    assert is_model(resource) is expected


@pytest.mark.parametrize(("region", "requested"), [("eu-south-2", "eu-south-2"), ("", "unspecified")])
def test_the_region_that_a_hop_is_authorized_with(region: str, requested: str) -> None:
    assert requested_region(region) == requested


def test_a_document_can_be_read() -> None:
    assert document([]).splitlines() == ["{", '  "Version": "2012-10-17",', '  "Statement": []', "}"]
