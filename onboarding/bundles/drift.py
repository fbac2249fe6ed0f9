"""What changed between the bundle somebody has and the one they would get now. Pure."""

from __future__ import annotations

import difflib

from onboarding.bundles.aws_config import aws_config
from onboarding.bundles.iam_policy import iam_policies
from onboarding.bundles.inputs import BundleInputs
from onboarding.bundles.json_text import json_text
from onboarding.bundles.settings_json import settings_of


def drift(old: BundleInputs, new: BundleInputs) -> str:
    """A unified diff of the files that act on a machine: its settings and its part of the AWS config; empty where they
    are the same."""
    return "".join(
        [
            *_diff(f"a/{old.settings_name}", f"b/{new.settings_name}", _settings(old), _settings(new)),
            *_diff("a/aws-config", "b/aws-config", aws_config(old), aws_config(new)),
        ]
    )


def policy_drift(old: BundleInputs, new: BundleInputs) -> str:
    """The same of the policy that the role behind the plan needs, as far as Bedrock has described the models."""
    return "".join(_diff("a/iam-policy.json", "b/iam-policy.json", _policy(old), _policy(new)))


def _policy(inputs: BundleInputs) -> bytes:
    return iam_policies(inputs)["iam-policy.json"] if inputs.routes else b""


def _settings(inputs: BundleInputs) -> bytes:
    return json_text(settings_of(inputs))


def _diff(old_name: str, new_name: str, old: bytes, new: bytes) -> list[str]:
    before, after = (content.decode("ascii").splitlines(keepends=True) for content in (old, new))
    return list(difflib.unified_diff(before, after, old_name, new_name))
