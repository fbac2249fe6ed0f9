"""What a plan's settings need besides calling models: asked of AWS, and in nobody's bundle before it says yes."""

from __future__ import annotations

from typing import Any

import pytest

from onboarding.enums import CredentialMethod, Layer, Outcome, Readiness
from onboarding.models import Verification
from tests.aws.verifying import verify
from tests.conformance.people import change_plan
from tests.sandbox_aws import Aws

pytestmark = pytest.mark.usefixtures("company")

ANA, BEA = "ana.nunez@acme.example", "bea.wide@acme.example"  # Bea's role may do everything in Bedrock
API_KEYS = {"credential_method": CredentialMethod.BEDROCK_API_KEY}
GUARDED = {"guardrail": "a1b2c3d4e5", "guardrail_version": "1"}


def finding_of(verification: Verification) -> Any:
    return verification.findings.get(check_name="plan-settings")


@pytest.mark.parametrize(
    ("changes", "missing"),
    [(API_KEYS, "bedrock:CallWithBearerToken"), (GUARDED, "bedrock:ApplyGuardrail")],
    ids=["api-keys", "guardrail"],
)
def test_who_lacks_what_the_plan_needs_is_blocked_and_told_what(
    aws: Aws, changes: dict[str, Any], missing: str
) -> None:
    change_plan("platform", **changes)

    blocked, ready = verify(ANA), verify(BEA)

    assert (blocked.outcome, ready.outcome) == (Readiness.BLOCKED, Readiness.READY)
    finding = finding_of(blocked)
    assert (finding.outcome, finding.layer) == (Outcome.FAILED, Layer.IDENTITY_POLICY)
    assert finding.facts["missing"] == [missing]
    assert finding_of(ready).outcome == Outcome.PASSED


def test_a_plan_that_needs_nothing_more_asks_nothing_more(aws: Aws) -> None:
    assert not verify(ANA).findings.filter(check_name="plan-settings").exists()
