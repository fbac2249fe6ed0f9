"""A sweep verifies everybody as if one by one, with as few questions as there are different subjects."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from onboarding.checks import directory
from onboarding.checks.registry import explain
from onboarding.checks.sweep import open_sweep, run
from onboarding.enums import Outcome, Readiness, RunState, Trigger
from onboarding.models import (
    Account,
    AuditEvent,
    DirectoryEntry,
    Finding,
    Person,
    Plan,
    Principal,
    Subject,
    Sweep,
    Verification,
)
from onboarding.plans import publish
from tests.aws.verifying import opened, verify
from tests.factories import make_person, make_revision, make_team
from tests.sandbox_aws import PROD, Aws

pytestmark = pytest.mark.usefixtures("company")

ANA, LUIS = "ana.nunez@acme.example", "luis.gil@acme.example"
SOFIA, CHIARA = "sofia.marin@acme.example", "chiara.rossi@acme.example"


@pytest.fixture(autouse=True)
def _no_throttling(aws: Aws) -> None:
    """Of the company's own faults, one throttles for ever, and every sweep would wait for it."""
    aws.call("PUT", "/sandbox/faults", [])


def web() -> Plan:
    """Two people, of whom one is blocked."""
    return Plan.objects.get(slug="web")


def support() -> Plan:
    """One person, one model."""
    return Plan.objects.get(slug="support")


def swept(**about: Any) -> Sweep:
    sweep = Sweep.objects.create(trigger=Trigger.NIGHTLY, **about)
    run(sweep.pk)
    sweep.refresh_from_db()
    return sweep


def told(verification: Verification) -> dict[tuple[str, str], tuple[str, str, str]]:
    """What a verification says, without when and in which rows."""
    answers = verification.answers.select_related("finding")
    return {
        (answer.check_name, answer.about): (answer.finding.outcome, answer.finding.layer, answer.finding.reason)
        for answer in answers
    }


def test_it_says_of_everybody_what_asking_one_by_one_says(aws: Aws) -> None:
    sweep = swept()

    assert (sweep.state, sweep.people) == (RunState.DONE, Person.objects.filter(team__plan__isnull=False).count())
    for verification in sweep.verifications.select_related("person", "revision"):
        alone = verify(verification.person.email, Trigger.RECHECK)
        assert told(alone) == told(verification), verification.person
        assert alone.outcome == verification.outcome
        assert alone.verified_profiles == verification.verified_profiles
        assert alone.principal == verification.principal


def test_the_directory_is_read_in_pages_and_nobody_is_looked_up(aws: Aws) -> None:
    aws.forget_calls()

    swept()

    calls = aws.calls()
    assert calls["identitystore.ListUsers"] == 1
    for one_by_one in ("GetUserId", "DescribeUser", "IsMemberInGroups"):
        assert f"identitystore.{one_by_one}" not in calls
    roles = Subject.objects.filter(check_name="role-policies").count()
    assert calls["iam.GetContextKeysForPrincipalPolicy"] == roles
    assert calls["iam.GetAccountAuthorizationDetails"] == Account.objects.count()


def test_a_second_sweep_within_the_quarter_of_an_hour_asks_the_directory_and_what_did_not_pass(aws: Aws) -> None:
    swept(plan=Plan.objects.get(slug="architects"))
    aws.forget_calls()

    swept(plan=Plan.objects.get(slug="architects"))

    assert {name for name in aws.calls() if not name.startswith("identitystore.")} <= {"sts.AssumeRole"}


def test_it_goes_on_where_a_killed_worker_stopped(aws: Aws) -> None:
    sweep = swept(plan=web())
    done = sweep.people
    Verification.objects.filter(person__email=SOFIA).delete()
    stale = timezone.now() - dt.timedelta(seconds=1)
    Sweep.objects.update(state=RunState.RUNNING, finished_at=None, lease_until=stale)

    run(sweep.pk)

    sweep.refresh_from_db()
    assert (sweep.state, sweep.fence, sweep.people) == (RunState.DONE, 2, done + 1)
    assert sweep.verifications.count() == done


def test_one_that_somebody_holds_is_left_alone() -> None:
    sweep = Sweep.objects.create(
        trigger=Trigger.NIGHTLY, state=RunState.RUNNING, lease_until=timezone.now() + dt.timedelta(minutes=1), fence=1
    )

    run(sweep.pk)

    sweep.refresh_from_db()
    assert (sweep.state, sweep.fence, sweep.verifications.count()) == (RunState.RUNNING, 1, 0)


def test_a_worker_that_lost_its_lease_writes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    sweep = Sweep.objects.create(trigger=Trigger.NIGHTLY, plan=support())
    real = directory.read_directory

    def overtaken(*args: Any, **options: Any) -> None:
        real(*args, **options)
        Sweep.objects.update(fence=99)

    monkeypatch.setattr("onboarding.checks.sweep.read_directory", overtaken)

    run(sweep.pk)

    sweep.refresh_from_db()
    assert (sweep.state, sweep.verifications.count()) == (RunState.RUNNING, 0)


def test_whoever_is_being_verified_is_passed_over() -> None:
    opened(SOFIA)

    sweep = swept(plan=web())

    assert [verification.person.email for verification in sweep.verifications.all()] == [CHIARA]


def test_nobody_without_a_plan_and_nobody_deactivated_is_verified() -> None:
    make_person("nils@acme.example", team=make_team(None, "claude-none", "None"), user=None)
    Person.objects.exclude(email__in=["nils@acme.example", SOFIA, CHIARA]).delete()
    Person.objects.filter(email=SOFIA).update(is_active=False)

    sweep = swept()

    assert [verification.person.email for verification in sweep.verifications.all()] == [CHIARA]


def test_a_directory_that_cannot_be_read_is_unknown_for_its_people_alone(aws: Aws) -> None:
    aws.fault(operation="identitystore.ListUsers", kind="error")

    Person.objects.exclude(email__in=[SOFIA, "sven.berg@acme.example"]).delete()

    sweep = swept()

    sofia = sweep.verifications.get(person__email=SOFIA)
    assert sofia.outcome == Readiness.UNKNOWN
    assert sofia.findings.get(check_name="identity").reason == "no-answer"
    assert sweep.verifications.get(person__email="sven.berg@acme.example").outcome == Readiness.READY
    assert not Finding.objects.filter(check_name="identity", reason="not-in-directory").exists()


def test_nobody_flips_when_aws_fails_in_the_second_sweep(aws: Aws) -> None:
    before = dict(swept(plan=web()).verifications.values_list("person__email", "outcome"))
    ago = timezone.now() - dt.timedelta(hours=23)
    Finding.objects.update(checked_at=ago, fresh_until=ago)
    aws.fault(operation="*", kind="error")

    after = dict(swept(plan=web()).verifications.values_list("person__email", "outcome"))

    assert after == before == {SOFIA: Readiness.READY, CHIARA: Readiness.BLOCKED}


def test_a_person_who_left_the_directory_is_found_missing(aws: Aws) -> None:
    swept(plan=support())
    person = Person.objects.get(email="hana.novak@acme.example")
    assert DirectoryEntry.objects.filter(person=person).exists()
    store = aws.portal("identitystore", "999988887777")
    store_id = aws.company.identity_center.identity_store_id
    store.delete_user(IdentityStoreId=store_id, UserId=DirectoryEntry.objects.get(person=person).user_id)
    Finding.objects.filter(check_name="identity").update(fresh_until=timezone.now())

    sweep = swept(plan=support())

    assert sweep.verifications.get().outcome == Readiness.BLOCKED
    assert sweep.verifications.get().findings.get(check_name="identity").reason == "not-in-directory"
    assert not Principal.objects.filter(person=person, is_chosen=True).exists()


def test_a_published_plan_has_its_people_verified_and_nobody_else() -> None:
    plan = support()
    current = plan.revisions.get(is_current=True)
    current.pk, current.haiku, current.max_output_tokens = None, current.haiku, 16_000

    publish(plan, current, note="", actor="tests")

    sweep = Sweep.objects.get()
    assert (sweep.trigger, sweep.plan) == (Trigger.PLAN_PUBLISHED, plan)
    run(sweep.pk)
    (verification,) = sweep.verifications.select_related("revision")
    assert (verification.person.email, verification.revision.number) == ("hana.novak@acme.example", 2)
    assert verification.trigger == Trigger.PLAN_PUBLISHED


def test_the_first_revision_of_a_plan_has_nobody_to_verify() -> None:
    make_revision(plan=Plan.objects.create(slug="new", name="New"))

    assert not Sweep.objects.exists()


def test_waiting_sweeps_about_the_same_are_one() -> None:
    first = open_sweep(trigger=Trigger.NIGHTLY, actor="tests")
    second = open_sweep(trigger=Trigger.NIGHTLY, actor="tests")

    assert first == second
    assert AuditEvent.objects.filter(action="sweep.opened").count() == 2


def test_an_account_alone_is_asked_about_anew_and_nobody_is_verified(aws: Aws) -> None:
    account = Account.objects.get(account_id=PROD)
    aws.forget_calls()

    sweep = swept(account=account, covers_people=False)

    assert sweep.verifications.count() == 0
    assert aws.calls()["bedrock.ListInferenceProfiles"] == 2  # Ireland and Tokyo
    assert {name.partition(".")[0] for name in aws.calls()} <= {"bedrock", "service-quotas", "sts"}


def test_verify_all_prints_a_line_a_person_and_json(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("verify", "--all", "--json")

    rows = {row["person"]: row for row in json.loads(capsys.readouterr().out)}
    assert len(rows) == Person.objects.filter(team__plan__isnull=False).count()
    assert rows[ANA]["outcome"] == "ready"
    assert rows[LUIS]["layers"] == ["identity-policy"]
    assert rows[LUIS]["gates"]["permissions"] == "failed"
    assert rows[LUIS]["models"] == "0/3"


def test_the_words_of_a_swept_finding_are_those_of_any_other() -> None:
    sweep = swept(plan=web())

    finding = sweep.verifications.get(person__email=CHIARA).findings.filter(outcome=Outcome.FAILED).first()
    assert finding is not None
    assert "any Region (global inference)" in explain(finding).summary
