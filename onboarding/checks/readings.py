"""What several checks read of AWS: asked once in a run, whoever of them comes first."""

from __future__ import annotations

from collections.abc import Mapping

from onboarding.aws import bedrock, iam
from onboarding.aws.bedrock import Availability
from onboarding.aws.iam import PrincipalDetails
from onboarding.checks.base import Case


def principals(case: Case) -> Mapping[str, PrincipalDetails]:
    """The roles and IAM users of the plan's account with their policies, by ARN. May raise AwsError."""
    region, access = case.revision.region, case.account_access
    return case.once(("principals", access), lambda: iam.principals(region=region, access=access))


def availability(model_id: str, region: str, case: Case) -> Availability:
    """What the plan's account has of a model in a Region. May raise AwsError."""
    access = case.account_access
    return case.once(
        ("availability", model_id, region, access),
        lambda: bedrock.availability(model_id, region=region, access=access),
    )
