"""Every person of the sandbox, verified through the real seam: the outcome, and which gate says what.

A person not named in a table below fails the last test: whoever adds somebody to the company says what to expect.
"""

from __future__ import annotations

import pytest

from onboarding.access import access_of
from onboarding.checks.registry import explain, pastes_for
from onboarding.enums import Layer, Outcome, Readiness
from onboarding.models import Person
from tests.aws.verifying import verify

pytestmark = pytest.mark.usefixtures("company")

# Nothing to remark: how many models were verified.
HEALTHY = {
    "ana.nunez": 3,
    "bruno.rey": 3,
    "hana.novak": 1,
    "carla.soto": 3,
    "sofia.marin": 3,
    "Iris.Vega": 3,
    "robert.tables": 3,
    "ada.byron": 1,
    "kenji.mori": 1,
    "sean.o'neill": 1,
    "sven.berg": 1,
    "emma.jones": 1,
    "maria.conti": 3,
}
# Ready, and an admin hears of something: the checks that warn.
WARNED = {
    "oscar.benitez": {"identity": "ClaudeCodeDeveloper, ClaudeCodeReadOnly"},
    "bea.wide": {"broad-grants": "every action of Bedrock"},
    "nadia.petrova": {"service-quota": "tokens per minute"},
    "petra.kral": {"model-lifecycle": "AWS stops answering calls of Claude Sonnet 4.5"},
    "rita.lopes": {
        "discovery": "bedrock:ListInferenceProfiles, bedrock:GetInferenceProfile",
        "marketplace": "aws-marketplace:Subscribe, aws-marketplace:ViewSubscriptions",
    },
}
# Blocked: the layer that denies, and what is said.
BLOCKED = {
    "inma.soler": (Layer.DIRECTORY, "knows no user with the e-mail"),
    "greta.holm": (Layer.DIRECTORY, "has disabled that user"),
    "jon.etxeberria": (Layer.ASSIGNMENT, "no permission set of account 111122223333 reaches you"),
    "leo.blanc": (Layer.DIRECTORY, "in the tag email"),
    "luis.gil": (Layer.IDENTITY_POLICY, "Spain (eu-south-2)"),
    "nico.rossi": (Layer.IDENTITY_POLICY, "explicitly denies"),
    "paolo.greco": (Layer.IDENTITY_POLICY, "does not allow"),
    "pau.vidal": (Layer.SERVICE_CONTROL_POLICY, "Spain (eu-south-2)"),
    "chiara.rossi": (Layer.IDENTITY_POLICY, "any Region (global inference)"),
    "diego.aranda": (Layer.PERMISSIONS_BOUNDARY, "bedrock:InvokeModelWithResponseStream"),
    "elena.ruiz": (Layer.AGREEMENT, "PENDING"),
    "mikel.goni": (Layer.USE_CASE_FORM, "no use-case form was sent"),
    "noor.haddad": (Layer.INFERENCE_PROFILE, "jp.anthropic.claude-sonnet-5 in Tokyo"),
    "tomas.oliveira": (Layer.SERVICE_QUOTA, "no requests and no tokens"),
    "ivan.ilic": (Layer.MODEL_LIFECYCLE, "AWS stopped answering"),
    "fatima.zahra": (Layer.DATA_RETENTION, "is none"),
}
UNKNOWN = {"laura.pena": "throttled", "hugo.meyer": "needs-context"}
WITHOUT_PLAN = {"vera.lind"}


def email(name: str) -> str:
    return f"{name}@Acme.example" if name == "Iris.Vega" else f"{name}@acme.example"


@pytest.mark.parametrize("name", HEALTHY)
def test_healthy_people_are_ready_with_every_tier(name: str) -> None:
    verification = verify(email(name))

    assert verification.outcome == Readiness.READY
    assert len(verification.verified_profiles) == HEALTHY[name]
    remarks = verification.findings.exclude(outcome=Outcome.PASSED)
    assert [(finding.check_name, explain(finding).summary) for finding in remarks] == []


@pytest.mark.parametrize("name", WARNED)
def test_people_with_a_warning_are_ready_all_the_same(name: str) -> None:
    verification = verify(email(name))

    warnings = {finding.check_name: finding for finding in verification.findings.filter(outcome=Outcome.WARNING)}
    assert verification.outcome == Readiness.READY
    assert set(warnings) == set(WARNED[name])
    for check, said in WARNED[name].items():
        assert said in explain(warnings[check]).summary
        assert explain(warnings[check]).remedy
        assert explain(warnings[check]).admin_remedy


@pytest.mark.parametrize("name", BLOCKED)
def test_blocked_people_see_the_layer_that_denies(name: str) -> None:
    layer, said = BLOCKED[name]

    verification = verify(email(name))

    failed = verification.findings.filter(outcome=Outcome.FAILED)
    assert verification.outcome == Readiness.BLOCKED
    assert {finding.layer for finding in failed} == {layer}
    for finding in failed:
        explanation = explain(finding)
        assert said in explanation.summary
        assert "?" not in explanation.summary + explanation.title + explanation.remedy + explanation.admin_remedy
        assert explanation.remedy
        assert explanation.admin_remedy


@pytest.mark.parametrize("name", UNKNOWN)
def test_what_nobody_can_tell_is_unknown_and_never_denied(name: str) -> None:
    verification = verify(email(name))

    assert verification.outcome == Readiness.UNKNOWN
    assert verification.verified_profiles == []
    assert not verification.findings.filter(outcome=Outcome.FAILED).exists()
    unknown = verification.findings.filter(outcome=Outcome.UNKNOWN)
    assert {finding.reason for finding in unknown} == {UNKNOWN[name]}


def test_everybody_of_the_company_is_in_a_table() -> None:
    named = {*HEALTHY, *WARNED, *BLOCKED, *UNKNOWN, *WITHOUT_PLAN}

    assert {
        person.partition("@")[0] for person in Person.objects.values_list("email", flat=True)
    } | WITHOUT_PLAN == named


def test_a_denied_hop_names_only_the_region_that_denies() -> None:
    verification = verify("luis.gil@acme.example")

    finding = verification.findings.filter(outcome=Outcome.FAILED).first()
    assert finding is not None
    assert {row["region"] for row in finding.facts["denied"]} == {"eu-south-2"}
    (policy,) = pastes_for([finding])
    assert "eu-south-2" in policy.text
    assert "eu-west-1::" not in policy.text


def test_an_explicit_deny_shows_the_statement_that_decided() -> None:
    verification = verify("nico.rossi@acme.example")

    finding = verification.findings.filter(outcome=Outcome.FAILED).first()
    assert finding is not None
    (matched,) = finding.facts["matched"]
    assert '"Effect": "Deny"' in matched["text"]
    assert matched["sid"] in explain(finding).remedy


def test_two_roles_bring_the_chosen_one_into_the_bundle() -> None:
    verification = verify("oscar.benitez@acme.example")

    assert access_of(verification.person).principal.permission_set == "ClaudeCodeDeveloper"  # type: ignore[union-attr]  # found


def test_a_tier_whose_agreement_is_pending_is_left_out_but_the_rest_is_verified() -> None:
    verification = verify("elena.ruiz@acme.example")

    assert "eu.anthropic.claude-opus-5-5" not in verification.verified_profiles
    assert set(verification.verified_profiles) == {
        "eu.anthropic.claude-sonnet-4-6",
        "eu.anthropic.claude-haiku-4-5-20251001-v1:0",
    }


def test_the_quotas_arithmetic_is_shown() -> None:
    verification = verify("nadia.petrova@acme.example")

    finding = verification.findings.get(check_name="service-quota", outcome=Outcome.WARNING)
    said = dict(explain(finding).evidence)["Arithmetic"]
    assert "1 of 1 at work × (10\u202f000 input + 32\u202f000 max_tokens held" in said
    assert "= 87\u202f000 tokens per minute, 40\u202f000 allowed" in said
    (command,) = pastes_for([finding])
    assert "--desired-value 87000" in command.text
