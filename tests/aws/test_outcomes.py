"""Outcome discipline: only a matched denial is a no; what AWS does not answer stands as it was last known."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import pytest
import time_machine
from django.utils import timezone

from onboarding.access import access_of
from onboarding.checks.registry import explain
from onboarding.checks.run import open_due_rechecks, run
from onboarding.enums import Layer, Outcome, Readiness, Trigger
from onboarding.models import Finding, Person, Subject, Sweep, Verification
from sandbox.company import Availability
from tests.aws.verifying import opened, replace_policies, verify
from tests.sandbox_aws import Aws

pytestmark = pytest.mark.usefixtures("company")

ANA, LUIS, ELENA = "ana.nunez@acme.example", "luis.gil@acme.example", "elena.ruiz@acme.example"


def make_stale() -> None:
    """Every answer is too old to be taken for the next verification, and not too old to stand."""
    ago = timezone.now() - dt.timedelta(hours=3)
    Finding.objects.update(checked_at=ago, fresh_until=ago + dt.timedelta(minutes=15))


@pytest.mark.parametrize("kind", ["error", "denied"])
def test_nobody_flips_because_aws_is_down(aws: Aws, kind: str) -> None:
    verify(ANA)
    verify(LUIS)
    make_stale()
    aws.fault(operation="*", kind=kind)

    ready, blocked = verify(ANA), verify(LUIS)

    assert (ready.outcome, blocked.outcome) == (Readiness.READY, Readiness.BLOCKED)
    assert set(ready.findings.exclude(check_name="broad-grants").values_list("outcome", flat=True)) == {
        Outcome.UNKNOWN
    }


def test_nobody_flips_because_aws_throttles(aws: Aws) -> None:
    """Somebody with one model: each question is tried three times, with a pause between."""
    verify("hana.novak@acme.example")
    make_stale()
    aws.fault(operation="iam.*", kind="throttle")

    verification = verify("hana.novak@acme.example")

    assert verification.outcome == Readiness.READY
    assert verification.findings.filter(reason="throttled", outcome=Outcome.UNKNOWN).exists()


def test_the_last_known_answer_and_its_age_are_kept_however_often_aws_fails(aws: Aws) -> None:
    verify(ANA)
    make_stale()
    known = Finding.objects.get(check_name="invocation-logging")
    aws.fault(operation="bedrock.GetModelInvocationLoggingConfiguration", kind="error")

    for _ in range(2):
        finding = verify(ANA, Trigger.RECHECK).findings.get(check_name="invocation-logging")

        assert (finding.outcome, finding.last_known) == (Outcome.UNKNOWN, known)
        assert finding.standing(timezone.now()) == known


def test_a_bundle_stands_on_an_old_answer_for_a_day_and_no_longer(aws: Aws) -> None:
    verify(ANA)
    make_stale()
    aws.fault(operation="*", kind="error")
    person = verify(ANA).person

    assert access_of(person).is_ready
    with time_machine.travel(timezone.now() + dt.timedelta(hours=22)):
        assert not access_of(person).is_ready
        assert access_of(person).is_due


def test_an_answer_of_yesterday_proves_nothing(aws: Aws) -> None:
    verify(ANA)
    long_ago = timezone.now() - dt.timedelta(hours=25)
    Finding.objects.update(checked_at=long_ago, fresh_until=long_ago)
    aws.fault(operation="*", kind="error")

    assert verify(ANA).outcome == Readiness.UNKNOWN


def test_what_the_portal_may_not_ask_is_unknown_and_names_the_permission(aws: Aws) -> None:
    aws.fault(operation="iam.GetAccountAuthorizationDetails", kind="denied")

    verification = verify(ANA)

    finding = verification.findings.get(check_name="permission-sets")
    assert verification.outcome == Readiness.UNKNOWN
    assert (finding.outcome, finding.layer, finding.reason) == (Outcome.UNKNOWN, Layer.PORTAL, "portal-denied")
    assert "iam:GetAccountAuthorizationDetails" in explain(finding).admin_remedy


@pytest.mark.parametrize(
    ("operation", "check"),
    [
        ("bedrock.GetUseCaseForModelAccess", "use-case-form"),
        ("bedrock.ListFoundationModels", "model-lifecycle"),
        ("service-quotas.ListServiceQuotas", "service-quota"),
        ("bedrock.GetModelInvocationLoggingConfiguration", "invocation-logging"),
    ],
)
def test_what_does_not_decide_over_a_request_holds_nobody_back(aws: Aws, operation: str, check: str) -> None:
    aws.fault(operation=operation, kind="denied")

    verification = verify(ANA)

    assert verification.outcome == Readiness.READY
    assert set(verification.findings.filter(check_name=check).values_list("outcome", flat=True)) == {Outcome.UNKNOWN}


def agree(aws: Aws, model: str, agreement: str) -> None:
    """What the account's agreement for a model is from now on."""
    account = aws.company.account("111122223333")
    assert account is not None
    account.availability[model] = Availability(agreement=agreement)  # type: ignore[index]  # a plain dict in truth


@pytest.fixture
def subscribed(company: None, aws: Aws) -> Iterator[None]:
    """Elena's Opus 5.5 was subscribed to after a verification that saw it missing."""
    model = "anthropic.claude-opus-5-5"
    verify(ELENA)
    agree(aws, model, "AVAILABLE")
    yield
    agree(aws, model, "PENDING")


@pytest.mark.usefixtures("subscribed")
def test_a_fresh_agreement_is_provisional_and_asked_for_again() -> None:
    verification = verify(ELENA, Trigger.RECHECK)

    finding = verification.findings.get(check_name="model-access", outcome=Outcome.WARNING)
    assert (finding.reason, verification.outcome) == ("provisional", Readiness.READY)
    assert finding.settles_at == verification.recheck_at
    assert open_due_rechecks() == []
    with time_machine.travel(timezone.now() + dt.timedelta(minutes=16), tick=True):
        (again,) = open_due_rechecks()
        run(again.pk)

        again.refresh_from_db()
        assert (again.trigger, again.outcome, again.recheck_at) == (Trigger.PROVISIONAL, Readiness.READY, None)
        assert not again.findings.filter(check_name="model-access").exclude(outcome=Outcome.PASSED).exists()
        assert open_due_rechecks() == []


@pytest.mark.usefixtures("subscribed")
def test_asking_again_within_the_quarter_of_an_hour_does_not_begin_it_anew() -> None:
    first = verify(ELENA, Trigger.RECHECK)
    second = verify(ELENA, Trigger.RECHECK)

    assert second.recheck_at == first.recheck_at


def test_a_changed_policy_is_seen_before_the_old_answer_is_old(aws: Aws) -> None:
    """Findings about a role end with the policies they were found under, not with a quarter of an hour."""
    assert verify(ANA).outcome == Readiness.READY
    invoke = {"Effect": "Allow", "Action": "bedrock:InvokeModel", "Resource": "*"}
    replace_policies(aws, "ClaudeCodeDeveloper", [invoke])
    Finding.objects.filter(check_name="role-policies").update(fresh_until=timezone.now())

    assert verify(ANA).outcome == Readiness.BLOCKED


def test_one_check_is_asked_again_and_everything_else_stays(aws: Aws) -> None:
    verify(LUIS)
    make_stale()
    policy = [{"Effect": "Allow", "Action": "bedrock:*", "Resource": "*"}]
    replace_policies(aws, "ClaudeCodeFiveRegions", policy)
    aws.forget_calls()
    verification = opened(LUIS, Trigger.RECHECK)
    Verification.objects.filter(pk=verification.pk).update(rechecked="permissions")

    run(verification.pk)

    verification.refresh_from_db()
    assert verification.outcome == Readiness.READY
    assert {call.partition(".")[0] for call in aws.calls()} <= {"iam", "sts"}


def test_new_destinations_have_everybody_of_the_account_verified_again(aws: Aws) -> None:
    verify(ANA)
    subject = Subject.objects.select_related("latest").filter(check_name="inference-profile").first()
    assert subject is not None
    assert subject.latest is not None
    # As Bedrock said before it added the last of the destinations.
    facts = subject.latest.facts
    Finding.objects.filter(pk=subject.latest.pk).update(facts=facts | {"destinations": facts["destinations"][:-1]})
    make_stale()
    assert not Sweep.objects.exists()

    verify(ANA)

    sweep = Sweep.objects.get()
    assert (sweep.trigger, sweep.account.account_id) == (Trigger.DESTINATIONS_CHANGED, "111122223333")  # type: ignore[union-attr]  # has one


def test_the_directorys_mail_may_differ_from_the_user_name(aws: Aws) -> None:
    verification = verify("Iris.Vega@Acme.example")

    evidence = dict(explain(verification.findings.get(check_name="identity")).evidence)
    assert evidence["AWS user name"] == "iris.vega@acme.example"
    assert evidence["Found through"] == "claude-developers"


def test_a_person_costs_three_calls_when_the_role_is_known(aws: Aws) -> None:
    verify(ANA)
    aws.forget_calls()

    verify("carla.soto@acme.example")

    assert aws.calls() == {
        "identitystore.DescribeUser": 1,
        "identitystore.GetUserId": 1,
        "identitystore.IsMemberInGroups": 1,
    }


def test_people_of_one_role_are_told_apart_only_where_a_policy_does(aws: Aws) -> None:
    verify("maria.conti@acme.example")
    verify("paolo.greco@acme.example")
    verify(ANA)

    person = Person.objects.get(email="maria.conti@acme.example")
    keys = Subject.objects.filter(check_name="permissions").values_list("key", flat=True)
    assert {f"person {person.pk}" in key for key in keys if "ClaudeCodeByName" in key} == {True, False}
    assert not any("|person " in key for key in keys if "ClaudeCodeDeveloper" in key)
