"""Bedrock's control plane: which inference profiles exist, where they route, what the account has of the models."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

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
    return {summary["inferenceProfileId"]: _profile(summary) for summary in summaries}


def inference_profile(identifier: str, *, region: str, access: Access) -> InferenceProfile | None:
    """One profile, by id or ARN; None for one that does not exist. The way to an application profile's models."""
    bedrock = client("bedrock", region=region, access=access)
    try:
        with mapped("bedrock:GetInferenceProfile"):
            answer = bedrock.get_inference_profile(inferenceProfileIdentifier=identifier)
    except Refused as error:
        if error.code not in {"ResourceNotFoundException", "ValidationException"}:
            raise
        return None
    return _profile(answer)


def _profile(record: dict[str, Any]) -> InferenceProfile:
    return InferenceProfile(
        profile_id=record["inferenceProfileId"],
        arn=record["inferenceProfileArn"],
        status=record["status"],
        destinations=_destinations(record["models"]),
    )


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
            bedrock.get_use_case_for_model_access()["formData"]
    except Refused as error:
        if error.code != "ResourceNotFoundException":
            raise
        return False
    return True


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """Where a model stands in its life, as ListFoundationModels says: `ACTIVE` or `LEGACY`, and its last days."""

    status: str
    legacy_at: dt.datetime | None = None
    end_of_life_at: dt.datetime | None = None


def lifecycles(*, region: str, access: Access) -> dict[str, Lifecycle]:
    """The lifecycle of each of Anthropic's models in a Region, by model id: one call. Being listed is not access."""
    bedrock = client("bedrock", region=region, access=access)
    with mapped("bedrock:ListFoundationModels"):
        summaries = bedrock.list_foundation_models(byProvider="Anthropic")["modelSummaries"]
    return {summary["modelId"]: _lifecycle(summary.get("modelLifecycle", {})) for summary in summaries}


def _lifecycle(record: dict[str, Any]) -> Lifecycle:
    return Lifecycle(record.get("status", ""), record.get("legacyTime"), record.get("endOfLifeTime"))


def data_retention_mode(*, region: str, access: Access) -> str:
    """The account's mode in a Region: `default`, `none`, `aws_review`, `provider_data_share` or `inherit`."""
    bedrock = client("bedrock", region=region, access=access)
    with mapped("bedrock:GetAccountDataRetention"):
        mode: str = bedrock.get_account_data_retention()["mode"]
    return mode


def logging_destinations(*, region: str, access: Access) -> list[str]:
    """Where model invocations are logged in a Region: `s3://bucket/prefix`, a log group's name, or nowhere."""
    bedrock = client("bedrock", region=region, access=access)
    with mapped("bedrock:GetModelInvocationLoggingConfiguration"):
        config = bedrock.get_model_invocation_logging_configuration().get("loggingConfig") or {}
    bucket, group = config.get("s3Config") or {}, config.get("cloudWatchConfig") or {}
    found = []
    if bucket.get("bucketName"):
        found.append(f"s3://{bucket['bucketName']}/{bucket.get('keyPrefix', '')}".rstrip("/"))
    if group.get("logGroupName"):
        found.append(group["logGroupName"])
    return found
