"""From an error of the AWS seam to an answer: always *unknown*, never a denial."""

from __future__ import annotations

from onboarding.aws import AwsError, NoAnswer, NotConfigured, PortalDenied, Refused
from onboarding.checks.base import Answer
from onboarding.enums import Layer, Outcome


def answer_for(error: AwsError) -> Answer:
    """The answer a check gives when AWS would not."""
    facts = {"operation": error.operation, "detail": error.detail}
    match error:
        case NoAnswer(throttled=True):
            return Answer(Outcome.UNKNOWN, "throttled", facts, Layer.AWS)
        case PortalDenied():
            return Answer(Outcome.UNKNOWN, "portal-denied", facts, Layer.PORTAL)
        case NotConfigured():
            return Answer(Outcome.UNKNOWN, "not-configured", facts, Layer.PORTAL)
        case Refused():
            return Answer(Outcome.UNKNOWN, "refused", {**facts, "code": error.code}, Layer.AWS)
    return Answer(Outcome.UNKNOWN, "no-answer", facts, Layer.AWS)
