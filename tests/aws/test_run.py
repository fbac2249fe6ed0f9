"""The row is the job: killed workers, lost leases, second deliveries."""

from __future__ import annotations

import datetime as dt

import pytest
from django.utils import timezone

from onboarding.checks import asking
from onboarding.checks.registry import explain
from onboarding.checks.run import LEASE, run
from onboarding.enums import Outcome, Readiness, RunState
from onboarding.models import Principal, Subject, Verification
from tests.aws.verifying import opened
from tests.factories import make_answer, make_finding
from tests.leases import let_pass
from tests.sandbox_aws import Aws

pytestmark = pytest.mark.usefixtures("company")

# A permission set listing and an identity; five about each of three models, and one about each of two; the form, the
# logging; four about the role and three about what it may do with each model.
QUESTIONS = 23
ANA = "ana.nunez@acme.example"


def test_a_second_delivery_does_nothing(aws: Aws) -> None:
    verification = opened(ANA)
    run(verification.pk)
    aws.forget_calls()

    run(verification.pk)

    assert aws.calls() == {}
    assert verification.answers.count() == QUESTIONS


def test_a_run_somebody_holds_is_left_alone(aws: Aws) -> None:
    verification = opened(ANA)
    held = {"state": RunState.RUNNING, "started_at": timezone.now(), "lease_until": timezone.now() + LEASE, "fence": 1}
    Verification.objects.filter(pk=verification.pk).update(**held)

    run(verification.pk)

    verification.refresh_from_db()
    assert (verification.state, verification.fence) == (RunState.RUNNING, 1)
    assert aws.calls() == {}


def test_a_killed_workers_run_goes_on_where_findings_stop(aws: Aws) -> None:
    verification = opened(ANA)
    run(verification.pk)
    # As a worker leaves it that was killed before the last three answers.
    verification.answers.filter(check_name="permissions").delete()
    Verification.objects.filter(pk=verification.pk).update(
        state=RunState.RUNNING, outcome="", finished_at=None, lease_until=timezone.now() - dt.timedelta(seconds=1)
    )
    Subject.objects.filter(check_name="permissions").delete()
    aws.forget_calls()

    run(verification.pk)

    verification.refresh_from_db()
    assert (verification.outcome, verification.fence) == (Readiness.READY, 2)
    assert verification.answers.count() == QUESTIONS
    assert set(aws.calls()) <= {"iam.SimulatePrincipalPolicy", "sts.AssumeRole"}


def test_a_worker_that_lost_its_lease_writes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    verification = opened(ANA)
    real_ask = asking.ask

    def overtaken(*args: object) -> object:
        """Somebody else takes the run over while this worker waits for AWS."""
        Verification.objects.filter(pk=verification.pk).update(fence=99)
        return real_ask(*args)  # type: ignore[arg-type]  # passed through

    monkeypatch.setattr(asking, "ask", overtaken)

    run(verification.pk)

    verification.refresh_from_db()
    assert (verification.state, verification.outcome) == (RunState.RUNNING, "")
    assert verification.answers.count() == 0
    assert not Principal.objects.filter(person=verification.person).exists()


def test_an_expired_lease_is_claimed_by_the_next_worker() -> None:
    verification = opened(ANA)
    assert Verification.objects.claim(verification.pk, lease=LEASE) == 1
    assert Verification.objects.claim(verification.pk, lease=LEASE) is None

    let_pass(LEASE + dt.timedelta(seconds=5))

    assert Verification.objects.claim(verification.pk, lease=LEASE) == 2
    assert Verification.objects.claim(verification.pk, lease=LEASE) is None


def test_a_subject_somebody_asked_about_and_left_is_asked_again() -> None:
    verification = opened(ANA)
    run(verification.pk)
    stale = timezone.now() - dt.timedelta(seconds=1)
    Subject.objects.update(latest=None, lease_until=stale)

    second = opened(ANA)
    run(second.pk)

    second.refresh_from_db()
    assert second.outcome == Readiness.READY


def test_a_fault_of_our_own_is_unknown_and_never_ends_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    from onboarding.checks.registry import BY_NAME

    def broken(*args: object) -> object:
        raise ZeroDivisionError

    monkeypatch.setattr(type(BY_NAME["model-access"]), "answer", broken)
    verification = opened(ANA)

    run(verification.pk)

    verification.refresh_from_db()
    assert verification.outcome == Readiness.UNKNOWN
    finding = verification.findings.filter(check_name="model-access").first()
    assert finding is not None
    assert (finding.outcome, finding.reason) == (Outcome.UNKNOWN, "internal")
    assert "says nothing about your access" in explain(finding).summary


def test_a_finding_of_another_version_is_still_readable() -> None:
    verification = opened(ANA)
    unknown_check = make_finding("a-check-of-tomorrow", reason="whatever")
    unknown_reason = make_finding("identity", reason="a-reason-of-tomorrow")
    without_facts = make_finding("permissions", reason="allowed", facts={})
    for position, finding in enumerate([unknown_check, unknown_reason, without_facts]):
        make_answer(verification, finding, position=position)

    assert explain(unknown_check).summary == "Passed"
    assert explain(unknown_reason).summary == "Passed"
    assert "?" in explain(without_facts).summary
