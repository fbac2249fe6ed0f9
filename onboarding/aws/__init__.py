"""The seam to AWS: the only package that imports boto3. Our verbs, our dataclasses, our few errors."""

from __future__ import annotations

from onboarding.aws.errors import AwsError, NoAnswer, NotConfigured, PortalDenied, Refused, refusals_expected

__all__ = ["AwsError", "NoAnswer", "NotConfigured", "PortalDenied", "Refused", "refusals_expected"]
