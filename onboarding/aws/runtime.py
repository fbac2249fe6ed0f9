"""Bedrock's runtime: one call of a model with one token, as somebody else. Only the live probe makes it."""

from __future__ import annotations

import json
from dataclasses import dataclass

from botocore.exceptions import ClientError

from onboarding.aws.errors import PortalDenied, mapped, refusals_expected
from onboarding.aws.session import CONFIG, assumed

# The same API that Claude Code calls, with the least it takes.
_BODY = {
    "anthropic_version": "bedrock-2023-05-31",
    "max_tokens": 1,
    "messages": [{"role": "user", "content": "."}],
}

# The statuses with which Bedrock refuses a call; with the others it only fails to answer.
_REFUSED = frozenset({400, 403, 404})


@dataclass(frozen=True, slots=True)
class Probe:
    """What a model answered: token counts, or the error as botocore words it. Nothing of what it said is kept."""

    input_tokens: int = 0
    output_tokens: int = 0
    error: str = ""


def probe(profile: str, *, role_arn: str, external_id: str, region: str) -> Probe | None:
    """Call an inference profile once as `role_arn`; None where that role does not trust the portal.

    Costs a handful of tokens. The first call of a model in an account accepts its agreement: ask only where that is
    in place.
    """
    try:
        with refusals_expected(), mapped("sts:AssumeRole"):
            session = assumed(role_arn, region=region, external_id=external_id)
    except PortalDenied:
        return None
    with mapped("bedrock:InvokeModel"):
        try:
            answer = session.client("bedrock-runtime", config=CONFIG).invoke_model(
                modelId=profile, body=json.dumps(_BODY)
            )
        except ClientError as error:
            if error.response.get("ResponseMetadata", {}).get("HTTPStatusCode") not in _REFUSED:
                raise
            return Probe(error=str(error))
        usage = json.loads(answer["body"].read()).get("usage", {})
    return Probe(usage.get("input_tokens", 0), usage.get("output_tokens", 0))
