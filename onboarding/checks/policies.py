"""Policy documents to paste: the least that is missing, the least there is, the exemption from a Region guard."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from onboarding.catalog import UNSPECIFIED_REGION
from onboarding.checks.base import Facts
from onboarding.policies import CALL_WITH_KEY, INVOKE, discover, document, invoke, subscribe


def missing_statements(findings: Sequence[Facts]) -> str:
    """The least a policy lacks: the denied actions and resources, the models only through the plan's profiles."""
    denied = [row for facts in findings for row in facts["denied"]]
    actions = sorted({row["action"] for row in denied})
    profiles = {row["resource"] for row in denied if not is_model(row["resource"])}
    models = {row["resource"] for row in denied if is_model(row["resource"])}
    return document(invoke(actions, profiles, models, {facts["profile_arn"] for facts in findings}))


def least_privilege(findings: Sequence[Facts]) -> str:
    """Everything a plan's people need, and no more."""
    profiles = [profile for facts in findings for profile in facts["profiles"]]
    arns = {profile["arn"] for profile in profiles}
    models = {arn for profile in profiles for arn in profile["models"]}
    return document([*invoke(INVOKE, arns, models, arns), *discover(arns), subscribe()])


def deny_long_term_keys(findings: Sequence[Facts]) -> str:
    """What keeps API keys without an end from being used; nothing where no such key could be."""
    if not any(row["ground"] == "long-term-keys" for facts in findings for row in facts["broad"]):
        return ""
    condition = {"StringEquals": {"bedrock:BearerTokenType": "LONG_TERM"}}
    statement = {"Effect": "Deny", "Action": CALL_WITH_KEY, "Resource": "*", "Condition": condition}
    return document([statement])


def exemption(findings: Sequence[Facts]) -> str:
    """The condition that lets a Region guard pass what Bedrock itself routes through the profiles."""
    return exempting({facts["profile_arn"] for facts in findings})


def exempting(profiles: Iterable[str]) -> str:
    """The same, for ARNs or patterns of them."""
    return json.dumps({"ArnNotLike": {"bedrock:InferenceProfileArn": sorted(profiles)}}, indent=2)


def requested_region(region: str) -> str:
    """What `aws:RequestedRegion` holds when Bedrock authorizes a model there."""
    return region or UNSPECIFIED_REGION


def is_model(resource: str) -> bool:
    return ":foundation-model/" in resource
