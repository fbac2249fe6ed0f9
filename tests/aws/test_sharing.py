"""Verification scales with roles, not people: a question shared is asked once."""

from __future__ import annotations

import datetime as dt
from threading import Thread

import pytest
from django.db import connection
from django.utils import timezone

from onboarding.aws.session import forget_clients
from onboarding.checks.run import run
from onboarding.enums import Outcome, Readiness, Trigger
from onboarding.models import Finding, Subject, Verification
from tests.aws.verifying import opened, verify
from tests.sandbox_aws import Aws

pytestmark = pytest.mark.usefixtures("company")


def test_a_second_person_of_the_same_role_costs_identity_calls_only(aws: Aws) -> None:
    verify("ana.nunez@acme.example")
    aws.forget_calls()

    assert verify("carla.soto@acme.example").outcome == Readiness.READY

    # Whose role it is has to be asked; what the role may do, and what the account has, is known.
    assert set(aws.calls()) <= {
        "identitystore.GetUserId",
        "identitystore.DescribeUser",
        "identitystore.IsMemberInGroups",
        "identitystore.DescribeGroup",
    }
    assert sum(aws.calls().values()) <= 4


def test_findings_of_account_and_role_are_the_same_rows_for_both() -> None:
    first, second = verify("ana.nunez@acme.example"), verify("carla.soto@acme.example")

    shared = set(first.findings.values_list("pk", flat=True)) & set(second.findings.values_list("pk", flat=True))
    assert Finding.objects.filter(pk__in=shared).exclude(scope="person").count() == 22
    assert Subject.objects.filter(check_name="identity").count() == 2


def test_asking_again_asks_again_what_did_not_pass(aws: Aws) -> None:
    verify("luis.gil@acme.example")
    aws.forget_calls()

    verify("luis.gil@acme.example", Trigger.RECHECK)

    assert aws.calls().get("iam.SimulatePrincipalPolicy", 0) > 0
    assert aws.calls().get("bedrock.ListInferenceProfiles", 0) == 0


def test_an_outage_turns_nobody_blocked(aws: Aws) -> None:
    aws.fault(operation="*", kind="error")

    verification = verify("jon.etxeberria@acme.example")

    assert verification.outcome == Readiness.UNKNOWN
    assert set(verification.findings.values_list("outcome", flat=True)) == {Outcome.UNKNOWN}


def test_aws_out_of_reach_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    """A closed port instead of AWS: no scripted fault, but what a broken network looks like."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    forget_clients()

    verification = verify("ana.nunez@acme.example")

    assert verification.outcome == Readiness.UNKNOWN
    assert set(verification.findings.values_list("outcome", "reason")) == {(Outcome.UNKNOWN, "no-answer")}


def test_a_role_that_was_not_established_for_a_day_is_not_named(aws: Aws) -> None:
    """The role of an earlier verification says nothing a day later, when the directory gives no answer."""
    assert verify("ana.nunez@acme.example").principal is not None
    Finding.objects.filter(check_name="identity").update(checked_at=timezone.now() - dt.timedelta(hours=25))
    aws.fault(operation="identitystore.*", kind="error")

    verification = verify("ana.nunez@acme.example", Trigger.RECHECK)

    assert (verification.outcome, verification.principal) == (Readiness.UNKNOWN, None)


@pytest.mark.parametrize(
    ("kind", "reason"), [("throttle", "throttled"), ("error", "no-answer"), ("denied", "portal-denied")]
)
def test_each_fault_of_bedrock_is_unknown_with_its_own_words(aws: Aws, kind: str, reason: str) -> None:
    aws.fault(operation="bedrock.ListInferenceProfiles", kind=kind)

    verification = verify("ana.nunez@acme.example")

    assert verification.outcome == Readiness.UNKNOWN
    finding = verification.findings.filter(check_name="inference-profile").first()
    assert finding is not None
    assert (finding.outcome, finding.reason) == (Outcome.UNKNOWN, reason)
    assert not verification.findings.filter(check_name="permissions").exists()


def test_an_assignment_made_a_moment_ago_is_seen_by_whoever_asks_again(aws: Aws) -> None:
    verify("jon.etxeberria@acme.example")
    Finding.objects.filter(check_name="permission-sets").update(checked_at=timezone.now() - dt.timedelta(minutes=1))
    aws.forget_calls()

    verify("jon.etxeberria@acme.example", Trigger.RECHECK)

    assert aws.calls()["sso-admin.ListAccountAssignments"] > 0


def test_two_workers_ask_about_one_subject_once(aws: Aws, transactional_db: None) -> None:
    first, second = opened("ana.nunez@acme.example"), opened("carla.soto@acme.example")
    aws.fault(operation="bedrock.ListInferenceProfiles", kind="slow", seconds=1)
    aws.forget_calls()

    threads = [Thread(target=in_thread, args=(verification.pk,)) for verification in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert aws.calls()["sso-admin.ListInstances"] == 1
    # Six hops of each of three profiles, looking profiles up, and subscribing.
    assert aws.calls()["iam.SimulatePrincipalPolicy"] == 3 * 6 + 2
    outcomes = Verification.objects.filter(pk__in=[first.pk, second.pk]).values_list("outcome", flat=True)
    assert list(outcomes) == [Readiness.READY, Readiness.READY]


def in_thread(verification_id: int) -> None:
    try:
        run(verification_id)
    finally:
        connection.close()
