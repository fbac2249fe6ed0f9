"""Statements of IAM policies that Claude Code on Bedrock needs, and no more. Pure.

https://code.claude.com/docs/en/amazon-bedrock#iam-configuration, and for calls through inference profiles
https://docs.aws.amazon.com/bedrock/latest/userguide/geographic-cross-region-inference.html
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

INVOKE = ("bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream")
DISCOVER = ("bedrock:ListInferenceProfiles", "bedrock:GetInferenceProfile")
COUNT = "bedrock:CountTokens"
APPLY_GUARDRAIL = "bedrock:ApplyGuardrail"
CALL_WITH_KEY = "bedrock:CallWithBearerToken"
SUBSCRIBE = ("aws-marketplace:Subscribe", "aws-marketplace:ViewSubscriptions")
# Who calls AWS Marketplace when a model is invoked for the first time.
CALLED_VIA = {"aws:CalledViaLast": "bedrock.amazonaws.com"}

Statement = dict[str, Any]


def policy(statements: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def document(statements: Iterable[Mapping[str, Any]]) -> str:
    """A policy as text, to paste."""
    return json.dumps(policy(statements), indent=2)


def invoke(
    actions: Sequence[str], profiles: Iterable[str], models: Iterable[str], through: Iterable[str]
) -> list[Statement]:
    """Profiles, and the models behind them through those profiles only."""
    statements: list[Statement] = []
    if profiles:
        statements.append({"Effect": "Allow", "Action": list(actions), "Resource": sorted(profiles)})
    if models:
        condition = {"StringEquals": {"bedrock:InferenceProfileArn": sorted(through)}}
        statements.append(
            {"Effect": "Allow", "Action": list(actions), "Resource": sorted(models), "Condition": condition}
        )
    return statements


def discover(profiles: Iterable[str]) -> list[Statement]:
    """Listing knows no resources: scoped to an ARN it would grant nothing, and say nothing."""
    return [
        {"Effect": "Allow", "Action": DISCOVER[0], "Resource": "*"},
        {"Effect": "Allow", "Action": DISCOVER[1], "Resource": sorted(profiles)},
    ]


def subscribe() -> Statement:
    return {
        "Effect": "Allow",
        "Action": list(SUBSCRIBE),
        "Resource": "*",
        "Condition": {"StringEquals": CALLED_VIA},
    }


def count_tokens(models: Iterable[str]) -> Statement:
    """`/context` counts on the model itself, not through a profile. Free, and without it Claude Code estimates."""
    return {"Effect": "Allow", "Action": COUNT, "Resource": sorted(models)}


def apply_guardrail(arn: str) -> Statement:
    return {"Effect": "Allow", "Action": APPLY_GUARDRAIL, "Resource": arn}


def call_with_short_term_keys() -> list[Statement]:
    """Use of API keys that end with the session they come from, and of no others."""
    long_term = {"StringEquals": {"bedrock:BearerTokenType": "LONG_TERM"}}
    return [
        {"Effect": "Allow", "Action": CALL_WITH_KEY, "Resource": "*"},
        {"Effect": "Deny", "Action": CALL_WITH_KEY, "Resource": "*", "Condition": long_term},
    ]
