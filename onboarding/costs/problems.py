"""What kept something from being read, as rows say it: each of AWS's errors is one problem."""

from __future__ import annotations

from onboarding.aws import AwsError, NotConfigured, PortalDenied, Refused
from onboarding.enums import Problem

_DETAIL = 300


def problem_of(error: AwsError) -> Problem:
    """The problem an error stands for. None of them says anything about what was used."""
    if isinstance(error, NotConfigured):
        return Problem.NOT_CONFIGURED
    if isinstance(error, PortalDenied):
        return Problem.DENIED
    return Problem.REFUSED if isinstance(error, Refused) else Problem.NO_ANSWER


def detail_of(error: AwsError) -> str:
    """The operation and AWS's words, cut to what a row holds."""
    return str(error)[:_DETAIL]


def fault_of(error: Exception) -> str:
    """What a row says of a fault of Onramp's own: its kind alone, since its words may hold anything."""
    return type(error).__name__
