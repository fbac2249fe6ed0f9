"""Bedrock's control plane: which inference profiles exist, where they route, whether the account has the models."""

from __future__ import annotations

from dataclasses import dataclass

from onboarding.aws.errors import Refused, mapped
from onboarding.aws.session import Access, client
from onboarding.catalog import Destination, parse_model_arn


@dataclass(frozen=True, slots=True)
class InferenceProfile:
    """A profile as Bedrock describes it now. `destinations` is the live list, never a shipped table."""

    profile_id: str
    arn: str
    status: str
    destinations: tuple[Destination, ...]

    @property
    def is_active(self) -> bool:
        return self.status == "ACTIVE"


@dataclass(frozen=True, slots=True)
class Availability:
    """GetFoundationModelAvailability's four answers, in AWS's own words.

    AWS documents no meaning beyond the names; the portal reads them in the order Region, authorization, agreement,
    entitlement. They say nothing about a person.
    """

    region: str
    authorization: str
    agreement: str
    entitlement: str
    agreement_error: str = ""


def inference_profiles(*, region: str, access: Access) -> dict[str, InferenceProfile]:
    """Every system inference profile of a Region, by id: one call a thousand profiles."""
    bedrock = client("bedrock", region=region, access=access)
    with mapped("bedrock:ListInferenceProfiles"):
        pages = bedrock.get_paginator("list_inference_profiles").paginate(
            typeEquals="SYSTEM_DEFINED", PaginationConfig={"PageSize": 1000}
        )
        summaries = [summary for page in pages for summary in page["inferenceProfileSummaries"]]
    return {
        summary["inferenceProfileId"]: InferenceProfile(
            profile_id=summary["inferenceProfileId"],
            arn=summary["inferenceProfileArn"],
            status=summary["status"],
            destinations=_destinations(summary["models"]),
        )
        for summary in summaries
    }


def _destinations(models: list[dict[str, str]]) -> tuple[Destination, ...]:
    parsed = (parse_model_arn(model["modelArn"]) for model in models)
    return tuple(sorted((found for found in parsed if found), key=lambda found: found.arn))


def availability(model_id: str, *, region: str, access: Access) -> Availability:
    """Whether the account has this base model in this Region; NOT_AVAILABLE for one Bedrock does not know there."""
    bedrock = client("bedrock", region=region, access=access)
    try:
        with mapped("bedrock:GetFoundationModelAvailability"):
            answer = bedrock.get_foundation_model_availability(modelId=model_id)
    except Refused as error:
        if error.code not in {"ResourceNotFoundException", "ValidationException"}:
            raise
        return Availability("NOT_AVAILABLE", "NOT_AUTHORIZED", "NOT_AVAILABLE", "NOT_AVAILABLE", error.detail)
    agreement = answer["agreementAvailability"]
    return Availability(
        region=answer["regionAvailability"],
        authorization=answer["authorizationStatus"],
        agreement=agreement["status"],
        entitlement=answer["entitlementAvailability"],
        agreement_error=agreement.get("errorMessage", ""),
    )


def has_use_case_form(*, region: str, access: Access) -> bool:
    """Whether Anthropic's use-case form was sent from this account.

    False may also mean that it was sent once for the whole organization from its management account: whether the call
    then answers in a member account is not documented, so nobody may take False alone for a denial.
    """
    bedrock = client("bedrock", region=region, access=access)
    try:
        with mapped("bedrock:GetUseCaseForModelAccess"):
            bedrock.get_use_case_for_model_access()
    except Refused as error:
        if error.code != "ResourceNotFoundException":
            raise
        return False
    return True
