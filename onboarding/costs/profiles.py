"""Which model an invocation named: application inference profiles are looked up once, and remembered."""

from __future__ import annotations

from typing import NamedTuple

from django import db

from onboarding.aws import AwsError, PortalDenied, bedrock
from onboarding.aws.session import Access
from onboarding.catalog import endpoint_kind, invoked_model, long_prompt_tokens
from onboarding.models import ApplicationProfile, LogSource


class Model(NamedTuple):
    """A base model's id and the kind of endpoint; an unresolved profile is its ARN and no kind."""

    model_id: str
    endpoint_kind: str


def model_of(named: str, source: LogSource) -> Model:
    """What a log's `modelId` stands for. Raises AwsError when Bedrock does not answer about a profile.

    A profile that is gone, or that the portal may not look at, stays unresolved: it is never guessed.
    """
    return _known(named) or _resolve(named, source) or Model(named, "")


class PromptLimits(dict[str, int]):
    """Above how many tokens a prompt is long, by what a log names: each is asked for once in a run over a source.

    Never raises. A profile that nobody knows anything of has the usual limit.
    """

    def __init__(self, source: LogSource) -> None:
        super().__init__()
        self.source, self.is_silent = source, False

    def __missing__(self, named: str) -> int:
        limit = self[named] = long_prompt_tokens(self._model_id(named))
        return limit

    def _model_id(self, named: str) -> str:
        """Bedrock is not asked again once it did not answer, which takes half a minute. Nothing that was counted is
        written before it says what each profile stands for.
        """
        try:
            model = _known(named) if self.is_silent else model_of(named, self.source)
        except AwsError:
            self.is_silent, model = True, None
        except db.Error:
            model = None
        return model.model_id if model else named


def access_to(source: LogSource) -> Access:
    return Access(source.account.role_arn, source.account.external_id)


def _known(named: str) -> Model | None:
    told = invoked_model(named)
    if told is not None:
        return Model(*told)
    row = ApplicationProfile.objects.filter(arn=named).first()
    return Model(row.model_id, row.endpoint_kind) if row else None


def _resolve(arn: str, source: LogSource) -> Model | None:
    try:
        profile = bedrock.inference_profile(arn, region=source.region, access=access_to(source))
    except PortalDenied:
        return None
    if profile is None or not profile.destinations:
        return None
    kind = endpoint_kind({destination.region for destination in profile.destinations})
    model = Model(profile.destinations[0].model_id, kind)
    ApplicationProfile.objects.update_or_create(arn=arn, defaults=model._asdict())
    return model
