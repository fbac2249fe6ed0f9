"""Which model an invocation named: application inference profiles are looked up once, and remembered."""

from __future__ import annotations

from typing import NamedTuple

from onboarding.aws import PortalDenied, bedrock
from onboarding.aws.session import Access
from onboarding.catalog import endpoint_kind, invoked_model
from onboarding.models import ApplicationProfile, LogSource


class Model(NamedTuple):
    """A base model's id and the kind of endpoint; an unresolved profile is its ARN and no kind."""

    model_id: str
    endpoint_kind: str


def model_of(named: str, source: LogSource) -> Model:
    """What a log's `modelId` stands for. Raises AwsError when Bedrock does not answer about a profile.

    A profile that is gone, or that the portal may not look at, stays unresolved: it is never guessed.
    """
    known = invoked_model(named)
    if known is not None:
        return Model(*known)
    row = ApplicationProfile.objects.filter(arn=named).first()
    if row is None:
        row = _resolve(named, source)
    return Model(row.model_id, row.endpoint_kind) if row else Model(named, "")


def access_to(source: LogSource) -> Access:
    return Access(source.account.role_arn, source.account.external_id)


def _resolve(arn: str, source: LogSource) -> ApplicationProfile | None:
    try:
        profile = bedrock.inference_profile(arn, region=source.region, access=access_to(source))
    except PortalDenied:
        return None
    if profile is None or not profile.destinations:
        return None
    kind = endpoint_kind({destination.region for destination in profile.destinations})
    found = {"model_id": profile.destinations[0].model_id, "endpoint_kind": kind}
    return ApplicationProfile.objects.update_or_create(arn=arn, defaults=found)[0]
