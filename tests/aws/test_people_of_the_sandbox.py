"""Every person of the sandbox, verified through the real seam: the outcome, and the layer that denies."""

from __future__ import annotations

import pytest

from onboarding.access import access_of
from onboarding.checks.registry import explain, paste_for
from onboarding.enums import Layer, Outcome, Readiness
from tests.aws.verifying import verify

pytestmark = pytest.mark.usefixtures("company")


@pytest.mark.parametrize(
    ("email", "profiles"),
    [
        ("ana.nunez@acme.example", 3),
        ("bruno.rey@acme.example", 3),
        ("hana.novak@acme.example", 1),
        ("carla.soto@acme.example", 3),
        ("sofia.marin@acme.example", 3),
        ("Iris.Vega@Acme.example", 3),
        ("robert.tables@acme.example", 3),
        ("oscar.benitez@acme.example", 3),
    ],
)
def test_healthy_people_are_ready_with_every_tier(email: str, profiles: int) -> None:
    verification = verify(email)

    assert verification.outcome == Readiness.READY
    assert len(verification.verified_profiles) == profiles


@pytest.mark.parametrize(
    ("email", "layer", "said"),
    [
        ("inma.soler@acme.example", Layer.DIRECTORY, "knows no user with the e-mail"),
        ("jon.etxeberria@acme.example", Layer.ASSIGNMENT, "no permission set of account 111122223333 reaches you"),
        ("luis.gil@acme.example", Layer.IDENTITY_POLICY, "Spain (eu-south-2)"),
        ("pau.vidal@acme.example", Layer.SERVICE_CONTROL_POLICY, "Spain (eu-south-2)"),
        ("chiara.rossi@acme.example", Layer.IDENTITY_POLICY, "any Region (global inference)"),
        ("diego.aranda@acme.example", Layer.PERMISSIONS_BOUNDARY, "bedrock:InvokeModelWithResponseStream"),
        ("elena.ruiz@acme.example", Layer.AGREEMENT, "PENDING"),
        ("mikel.goni@acme.example", Layer.USE_CASE_FORM, "no use-case form was sent"),
        ("noor.haddad@acme.example", Layer.INFERENCE_PROFILE, "jp.anthropic.claude-sonnet-5 in Tokyo"),
    ],
)
def test_blocked_people_see_the_layer_that_denies(email: str, layer: Layer, said: str) -> None:
    verification = verify(email)

    failed = [
        answer.finding
        for answer in verification.answers.select_related("finding")
        if answer.finding.outcome == Outcome.FAILED
    ]
    assert verification.outcome == Readiness.BLOCKED
    assert {finding.layer for finding in failed} == {layer}
    assert said in explain(failed[0]).summary
    assert explain(failed[0]).remedy


def test_a_denied_hop_names_only_the_region_that_denies() -> None:
    verification = verify("luis.gil@acme.example")

    finding = verification.findings.filter(outcome=Outcome.FAILED).first()
    assert finding is not None
    assert {row["region"] for row in finding.facts["denied"]} == {"eu-south-2"}
    assert "eu-south-2" in paste_for([finding])
    assert "eu-west-1::" not in paste_for([finding])


def test_throttled_is_unknown_and_never_denied() -> None:
    verification = verify("laura.pena@acme.example")

    assert verification.outcome == Readiness.UNKNOWN
    assert verification.verified_profiles == []
    assert not verification.findings.filter(outcome=Outcome.FAILED).exists()
    unknown = verification.findings.filter(outcome=Outcome.UNKNOWN)
    assert {(finding.layer, finding.reason) for finding in unknown} == {(Layer.AWS, "throttled")}


def test_two_roles_are_a_warning_that_names_the_chosen_one() -> None:
    verification = verify("oscar.benitez@acme.example")

    finding = verification.findings.get(check_name="identity")
    assert finding.outcome == Outcome.WARNING
    assert "ClaudeCodeDeveloper, ClaudeCodeReadOnly" in explain(finding).summary
    assert access_of(verification.person).principal.permission_set == "ClaudeCodeDeveloper"  # type: ignore[union-attr]  # found


def test_a_tier_whose_agreement_is_pending_is_left_out_but_the_rest_is_verified() -> None:
    verification = verify("elena.ruiz@acme.example")

    assert "eu.anthropic.claude-opus-5-5" not in verification.verified_profiles
    assert set(verification.verified_profiles) == {
        "eu.anthropic.claude-sonnet-4-6",
        "eu.anthropic.claude-haiku-4-5-20251001-v1:0",
    }
