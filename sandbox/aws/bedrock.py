"""Bedrock's control plane: the operations the portal and Claude Code ask, which moto lacks or has wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, time, timedelta
from typing import Any

from moto.bedrock.responses import BedrockResponse
from moto.core.responses import ActionResult

from sandbox.aws import catalog, world
from sandbox.aws.errors import AwsError
from sandbox.aws.pages import page_of
from sandbox.company import Availability, Company, Model

_CREATED = datetime(2026, 1, 1, tzinfo=UTC)
_FORM = b'{"companyName":"Acme","companyWebsite":"https://acme.example","intendedUsers":"0","useCases":"Code"}'
FORM_MISSING = (
    "Model use case details have not been submitted for this account. Fill out the Anthropic use case "
    "details form before using the model. If you have already filled out the form, try again in 15 minutes."
)
INVALID_MODEL = "The provided model identifier is invalid."


def _company() -> Company:
    return world.current().company


def has_use_case_form(company: Company, account_id: str) -> bool:
    account = company.account(account_id)
    return account is not None and account.use_case_form


def availability(company: Company, account_id: str, model_id: str) -> Availability:
    account = company.account(account_id)
    return (account.availability if account else {}).get(model_id, Availability())


def retention_mode(company: Company, account_id: str, region: str) -> str:
    account = company.account(account_id)
    return account.data_retention.get(region, "default") if account else "default"


def _summary(profile: catalog.Profile) -> dict[str, Any]:
    return {
        "inferenceProfileName": profile.name,
        "inferenceProfileId": profile.id,
        "inferenceProfileArn": profile.arn,
        "description": f"Routes requests to {profile.model_id}.",
        "models": [{"modelArn": arn} for arn in profile.model_arns],
        "status": "ACTIVE",
        "type": profile.type,
        "createdAt": _CREATED,
        "updatedAt": _CREATED,
    }


def list_inference_profiles(self: BedrockResponse) -> ActionResult:
    """Of both types unless one is asked for."""
    params = _query(self)
    found = catalog.profiles(_company(), self.current_account, self.region)
    wanted = [profile for profile in found if params.get("type", profile.type) == profile.type]
    page, token = page_of(wanted, params.get("nextToken"), _page_size(params))
    answer: dict[str, Any] = {"inferenceProfileSummaries": [_summary(profile) for profile in page]}
    return ActionResult({**answer, "nextToken": token} if token else answer)


def _query(response: BedrockResponse) -> Mapping[str, str]:
    """The query string by its names on the wire."""
    return response.normalized_request.args


def _page_size(params: Mapping[str, str]) -> int:
    size = params.get("maxResults", "1000")
    if not size.isdecimal() or not 1 <= int(size) <= 1000:
        raise AwsError("ValidationException", "The provided maxResults is invalid.")
    return int(size)


def get_inference_profile(self: BedrockResponse) -> ActionResult:
    identifier = self._get_param("inferenceProfileIdentifier")
    profile = catalog.find_profile(_company(), self.current_account, self.region, identifier)
    if profile is None:
        raise AwsError("ResourceNotFoundException", f"Inference profile {identifier} not found.", 404)
    return ActionResult(_summary(profile))


def _day(days: int) -> datetime:
    """A moment on the day this many days from today: its start when past, its end when to come.

    However somebody then counts the days between now and it, they come to this number.
    """
    midnight = datetime.combine(datetime.now(UTC).date(), time.min, UTC)
    return midnight + (timedelta(days=days + 1, seconds=-1) if days > 0 else timedelta(days=days))


def _lifecycle(model: Model) -> dict[str, Any]:
    lifecycle: dict[str, Any] = {"status": model.status}
    if model.legacy_days_ago is not None:
        lifecycle["legacyTime"] = _day(-model.legacy_days_ago)
    if model.end_of_life_in_days is not None:
        lifecycle["endOfLifeTime"] = _day(model.end_of_life_in_days)
    return lifecycle


def _model_summary(region: str, model: Model) -> dict[str, Any]:
    return {
        "modelArn": catalog.model_arn(region, model.id),
        "modelId": model.id,
        "modelName": model.name,
        "providerName": "Anthropic",
        "inputModalities": ["TEXT", "IMAGE"],
        "outputModalities": ["TEXT"],
        "responseStreamingSupported": True,
        "customizationsSupported": [],
        "inferenceTypesSupported": ["INFERENCE_PROFILE"],
        "modelLifecycle": _lifecycle(model),
    }


def list_foundation_models(self: BedrockResponse) -> ActionResult:
    """byInferenceType and byOutputModality filter as in AWS; byCustomizationType finds none."""
    params = _query(self)
    offered = catalog.models_in(_company(), self.current_account, self.region)
    rows = [_model_summary(self.region, model) for model in offered]
    wanted: Mapping[str, Callable[[str], bool]] = {
        "byProvider": lambda value: value.lower() == "anthropic",
        "byInferenceType": lambda value: value == "INFERENCE_PROFILE",
        "byOutputModality": lambda value: value == "TEXT",
        "byCustomizationType": lambda value: False,
    }
    is_match = all(test(params[name]) for name, test in wanted.items() if name in params)
    return ActionResult({"modelSummaries": rows if is_match else []})


def get_foundation_model_availability(self: BedrockResponse) -> ActionResult:
    """For base model ids only: a profile's id or an ARN is not valid here."""
    model_id, account = self._get_param("modelId"), self.current_account
    company = _company()
    if ":inference-profile/" in model_id or not model_id.startswith("anthropic."):
        raise AwsError("ValidationException", INVALID_MODEL, 400)
    if model_id not in {model.id for model in company.models}:
        text = "Could not resolve the foundation model from the provided model identifier."
        raise AwsError("ResourceNotFoundException", text, 404)
    state = availability(company, account, model_id)
    is_here = any(model.id == model_id for model in catalog.models_in(company, account, self.region))
    return ActionResult(
        {
            "modelId": model_id,
            "agreementAvailability": {"status": state.agreement},
            "authorizationStatus": "AUTHORIZED" if has_use_case_form(company, account) else "NOT_AUTHORIZED",
            "entitlementAvailability": state.entitlement,
            "regionAvailability": "AVAILABLE" if is_here else "NOT_AVAILABLE",
        }
    )


def get_use_case_for_model_access(self: BedrockResponse) -> ActionResult:
    if not has_use_case_form(_company(), self.current_account):
        raise AwsError("ResourceNotFoundException", FORM_MISSING, 404)
    return ActionResult({"formData": _FORM})


def get_account_data_retention(self: BedrockResponse) -> ActionResult:
    return ActionResult({"mode": retention_mode(_company(), self.current_account, self.region), "updatedAt": _CREATED})


def get_model_invocation_logging_configuration(self: BedrockResponse) -> ActionResult:
    """Without a configuration there is no loggingConfig; moto answers an empty one."""
    config = self.bedrock_backend.get_model_invocation_logging_configuration()
    return ActionResult({"loggingConfig": config} if config else {})


def extend() -> None:
    """Teach moto these operations; it finds them by name and serializes by botocore's shapes."""
    for operation in (
        list_inference_profiles,
        get_inference_profile,
        list_foundation_models,
        get_foundation_model_availability,
        get_use_case_for_model_access,
        get_account_data_retention,
        get_model_invocation_logging_configuration,
    ):
        setattr(BedrockResponse, operation.__name__, operation)
