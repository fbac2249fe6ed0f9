"""How a question gets its answer: what holds, for whom and how long; and what is kept of it."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.utils import timezone

from onboarding.checks.asking import (
    FRESH_OTHERWISE,
    FRESH_WHEN_PASSED,
    SUBJECT_LEASE,
    holds_for,
    new_finding,
    settle,
    while_fresh,
)
from onboarding.checks.base import Answer, Case
from onboarding.checks.registry import BY_NAME
from onboarding.enums import Layer, Outcome, RunState, Trigger
from onboarding.models import Finding, Subject, Sweep, Verification
from onboarding.models.verification import ANSWER_HOLDS
from tests.factories import SONNET, make_finding, make_plan, make_revision, make_team, make_verification
from tests.unit.checks.stubs import (
    DESTINATIONS,
    Error,
    Stubs,
    healthy,
    know,
    listed,
    make_known_case,
    profile_facts,
    profile_record,
)

pytestmark = pytest.mark.django_db

PASSED, WARNING, FAILED, UNKNOWN = Outcome.PASSED, Outcome.WARNING, Outcome.FAILED, Outcome.UNKNOWN
LOGGING, PROFILE, FORM = BY_NAME["invocation-logging"], BY_NAME["inference-profile"], BY_NAME["use-case-form"]
OPERATION = "GetModelInvocationLoggingConfiguration"
MINUTE, DOWN = dt.timedelta(minutes=1), Error("InternalServerException", 500)


def nothing() -> None:
    """Nobody else wants it."""


def always(finding: Finding, check: object) -> bool:
    return True


def never(finding: Finding, check: object) -> bool:
    return False


def asked(case: Case, holds: Any = while_fresh) -> Finding:
    """The answer to whether calls are logged, as it is settled now."""
    return settle(LOGGING, "", case, holds=holds, still_wanted=nothing)


def make_older(finding: Finding, by: dt.timedelta) -> None:
    """As if it had been asked that much earlier."""
    row = Finding.objects.filter(pk=finding.pk)
    row.update(checked_at=finding.checked_at - by, fresh_until=finding.fresh_until - by)


@pytest.fixture
def case(stubs: Stubs) -> Case:
    stubs.answer(healthy())
    return make_known_case()


# --- How long an answer holds


@pytest.mark.parametrize(
    ("outcome", "layer", "holds"),
    [
        (PASSED, None, dt.timedelta(minutes=15)),
        (WARNING, Layer.IDENTITY_POLICY, dt.timedelta(minutes=2)),
        (FAILED, Layer.DIRECTORY, dt.timedelta(minutes=2)),
        (UNKNOWN, Layer.AWS, dt.timedelta(minutes=2)),
    ],
)
def test_how_long_an_answer_is_fresh(outcome: Outcome, layer: Layer | None, holds: dt.timedelta) -> None:
    finding = new_finding(LOGGING, "subject", Answer(outcome, "on", layer=layer))

    assert finding.fresh_until - finding.checked_at == holds


def test_a_finding_is_written_as_it_was_answered() -> None:
    now = timezone.now()
    answer = Answer(FAILED, "absent", {"profile": SONNET}, Layer.INFERENCE_PROFILE, settles_at=now)

    finding = new_finding(PROFILE, "111122223333|eu-west-1", answer)

    assert (finding.check_name, finding.scope, finding.subject) == (
        "inference-profile",
        "account",
        "111122223333|eu-west-1",
    )
    assert (finding.outcome, finding.reason, finding.layer) == (FAILED, "absent", Layer.INFERENCE_PROFILE)
    assert (finding.facts, finding.settles_at, finding.last_known) == ({"profile": SONNET}, now, None)


def test_a_fresh_answer_is_not_asked_again(stubs: Stubs, case: Case) -> None:
    first = asked(case)

    assert asked(case) == first
    assert stubs.count(OPERATION) == 1


@pytest.mark.parametrize(
    ("answer", "holds"), [({"loggingConfig": {"s3Config": {"bucketName": "logs"}}}, 15), ({}, 2), (DOWN, 2)]
)
def test_an_answer_is_asked_again_when_it_is_no_longer_fresh(
    stubs: Stubs, case: Case, answer: Any, holds: int
) -> None:
    stubs.answer({OPERATION: answer})
    first = asked(case)

    make_older(first, holds * MINUTE - dt.timedelta(seconds=5))
    assert asked(case) == first
    make_older(first, holds * MINUTE)
    assert asked(case) != first
    assert stubs.count(OPERATION) == 2


def test_the_newest_answer_is_the_subjects(case: Case) -> None:
    first = asked(case)
    second = asked(case, never)

    subject = Subject.objects.get(check_name="invocation-logging")
    assert (subject.key, subject.latest, subject.last_known) == ("111122223333|eu-west-1", second, second)
    assert subject.lease_until is None
    assert Finding.objects.filter(pk=first.pk).exists()


# --- For whom an answer holds


def verifying(trigger: Trigger, rechecked: str = "") -> Verification:
    """A verification that was asked for just now."""
    case = make_known_case()
    return make_verification(case.person, case.revision, trigger=trigger, rechecked=rechecked, state=RunState.QUEUED)


def aged(check: str, age: dt.timedelta, outcome: Outcome = PASSED) -> Finding:
    """An answer of that age, counted from a moment before now."""
    at = timezone.now() - age
    fresh = FRESH_WHEN_PASSED if outcome == PASSED else FRESH_OTHERWISE
    return make_finding(check, outcome=outcome, checked_at=at, fresh_until=at + fresh)


@pytest.mark.parametrize(
    ("check", "age", "outcome", "holds"),
    [
        ("model-access", 14, PASSED, True),
        ("model-access", 16, PASSED, False),
        ("model-access", 1, FAILED, True),
        ("model-access", 3, FAILED, False),
        ("permission-sets", 14, PASSED, True),
        ("live-probe", 1, UNKNOWN, True),
        ("live-probe", 3, UNKNOWN, False),
    ],
)
@pytest.mark.parametrize("trigger", [Trigger.SIGN_IN, Trigger.PLAN_PUBLISHED, Trigger.COMMAND, Trigger.PROVISIONAL])
def test_whoever_does_not_ask_again_takes_what_is_fresh(
    check: str, age: int, outcome: Outcome, holds: bool, trigger: Trigger
) -> None:
    verification = verifying(trigger)

    assert holds_for(verification)(aged(check, age * MINUTE, outcome), BY_NAME[check]) is holds


@pytest.mark.parametrize(
    ("check", "seconds", "outcome", "holds"),
    [
        # A pass holds, as long as the check tolerates.
        ("model-access", 14 * 60, PASSED, True),
        ("model-access", 16 * 60, PASSED, False),
        ("permission-sets", 10, PASSED, True),
        ("permission-sets", 20, PASSED, False),
        ("role-policies", 10, PASSED, True),
        ("role-policies", 20, PASSED, False),
        ("live-probe", 4 * 60, PASSED, True),
        ("live-probe", 6 * 60, PASSED, False),
        # What did not pass is what somebody wants to see anew.
        ("model-access", 1, WARNING, False),
        ("model-access", 1, FAILED, False),
        ("model-access", 1, UNKNOWN, False),
    ],
)
def test_whoever_asks_again_takes_a_pass_alone(check: str, seconds: int, outcome: Outcome, holds: bool) -> None:
    verification = verifying(Trigger.RECHECK)

    found = holds_for(verification)(aged(check, dt.timedelta(seconds=seconds), outcome), BY_NAME[check])

    assert found is holds


@pytest.mark.parametrize("outcome", [PASSED, FAILED, UNKNOWN])
@pytest.mark.parametrize("rechecked", ["", "permissions"])
def test_an_answer_newer_than_the_asking_holds(outcome: Outcome, rechecked: str) -> None:
    holds = holds_for(verifying(Trigger.RECHECK, rechecked))

    assert holds(aged("permissions", dt.timedelta(0), outcome), BY_NAME["permissions"])


@pytest.mark.parametrize(
    ("rechecked", "again"),
    [
        # The check, and those of its own scope that it is made of.
        ("permissions", {"permissions", "role-policies"}),
        ("model-access", {"model-access", "inference-profile"}),
        ("identity", {"identity"}),
        ("invocation-logging", {"invocation-logging"}),
        ("live-probe", {"live-probe", "permissions"}),
        ("gone", set()),
    ],
)
def test_one_check_is_asked_again_and_the_others_stand(rechecked: str, again: set[str]) -> None:
    holds = holds_for(verifying(Trigger.RECHECK, rechecked))

    asked_anew = {name for name, check in BY_NAME.items() if not holds(aged(name, 60 * MINUTE, FAILED), check)}

    assert asked_anew == again


@pytest.mark.parametrize(("age", "holds"), [(ANSWER_HOLDS - MINUTE, True), (ANSWER_HOLDS + MINUTE, False)])
def test_what_is_not_asked_again_stands_for_a_day(age: dt.timedelta, holds: bool) -> None:
    found = holds_for(verifying(Trigger.RECHECK, "permissions"))(aged("identity", age), BY_NAME["identity"])

    assert found is holds


@pytest.mark.parametrize(
    ("age", "outcome", "holds"), [(14, PASSED, True), (16, PASSED, False), (1, FAILED, True), (3, FAILED, False)]
)
def test_a_sweep_takes_what_is_fresh(age: int, outcome: Outcome, holds: bool) -> None:
    assert while_fresh(aged("permission-sets", age * MINUTE, outcome), BY_NAME["permission-sets"]) is holds


# --- What is remembered while AWS gives no answer


def test_the_last_known_answer_is_kept_however_often_aws_fails(stubs: Stubs, case: Case) -> None:
    known = asked(case)
    stubs.answer({OPERATION: DOWN})

    first, second = asked(case, never), asked(case, never)

    assert [(finding.outcome, finding.last_known) for finding in (first, second)] == [(UNKNOWN, known)] * 2
    subject = Subject.objects.get(check_name="invocation-logging")
    assert (subject.latest, subject.last_known) == (second, known)


def test_nothing_is_known_before_the_first_answer(stubs: Stubs, case: Case) -> None:
    stubs.answer({OPERATION: DOWN})

    finding = asked(case)

    assert (finding.outcome, finding.last_known) == (UNKNOWN, None)
    assert Subject.objects.get(check_name="invocation-logging").last_known is None


def test_a_new_answer_is_its_own(stubs: Stubs, case: Case) -> None:
    asked(case)
    stubs.answer({OPERATION: DOWN})
    asked(case, never)
    stubs.answer({OPERATION: {}})

    finding = asked(case, never)

    assert (finding.outcome, finding.last_known) == (WARNING, None)
    assert Subject.objects.get(check_name="invocation-logging").last_known == finding


def test_a_fault_of_our_own_keeps_the_last_known_answer_too(stubs: Stubs, case: Case) -> None:
    known = asked(case)
    stubs.answer({OPERATION: RuntimeError("A bug.")})

    finding = asked(case, never)

    assert (finding.outcome, finding.reason, finding.last_known) == (UNKNOWN, "internal", known)


def test_the_check_is_told_what_was_last_known(stubs: Stubs, case: Case) -> None:
    """Model access needs it: a yes that follows upon a missing agreement is provisional."""
    check = BY_NAME["model-access"]
    stubs.answer(GetFoundationModelAvailability=Error("ResourceNotFoundException", 404))
    before = settle(check, SONNET, case, holds=never, still_wanted=nothing)

    settle(check, SONNET, case, holds=never, still_wanted=nothing)

    assert case.before == before


# --- What is noticed in a new answer


def routed(*regions: str) -> dict[str, Any]:
    return listed(profile_record(SONNET, regions))


def asked_of_routes(case: Case) -> Finding:
    case.memory = Case(whose=None, revision=case.revision).memory
    return settle(PROFILE, SONNET, case, holds=never, still_wanted=nothing)


def test_new_destinations_are_noticed(stubs: Stubs, case: Case) -> None:
    asked_of_routes(case)
    asked_of_routes(case)
    assert not Sweep.objects.exists()

    stubs.answer(ListInferenceProfiles=routed(*DESTINATIONS, "eu-north-1"))
    asked_of_routes(case)

    sweep = Sweep.objects.get()
    assert (sweep.trigger, sweep.account) == (Trigger.DESTINATIONS_CHANGED, case.revision.account)


def test_new_destinations_are_noticed_over_an_outage(stubs: Stubs, case: Case) -> None:
    asked_of_routes(case)
    stubs.answer(ListInferenceProfiles=DOWN)
    asked_of_routes(case)
    stubs.answer(ListInferenceProfiles=routed(*DESTINATIONS, "eu-north-1"))

    asked_of_routes(case)

    assert Sweep.objects.count() == 1


@pytest.mark.parametrize("gone", [DOWN, {"inferenceProfileSummaries": []}])
def test_a_profile_that_is_gone_is_no_new_destination(stubs: Stubs, case: Case, gone: Any) -> None:
    asked_of_routes(case)
    stubs.answer(ListInferenceProfiles=gone)

    asked_of_routes(case)

    assert not Sweep.objects.exists()


# --- Who shares an answer


def another_plan(case: Case, **fields: Any) -> Case:
    """The same person on another plan, of whom the same is known."""
    plan = make_plan("research", "Research")
    revision = make_revision(plan=plan, **fields)
    case.person.team = make_team(plan, group="claude-research", name="Research")
    case.person.save()
    return Case(whose=case.person, revision=revision, findings=dict(case.findings))


@pytest.mark.parametrize(
    ("check", "is_shared"),
    [
        ("permission-sets", True),
        ("inference-profile", True),
        ("model-access", True),
        ("model-lifecycle", True),
        ("invocation-logging", True),
        ("role-policies", True),
        ("permissions", True),
        ("marketplace", True),
        # Its people are half of the arithmetic.
        ("service-quota", False),
    ],
)
def test_plans_of_one_account_share_answers(case: Case, check: str, is_shared: bool) -> None:
    other = another_plan(case)
    asking = BY_NAME[check]
    about = SONNET if SONNET in asking.questions(case.revision) else ""

    assert (asking.subject(about, case) == asking.subject(about, other)) is is_shared


def test_a_plan_that_names_a_permission_set_finds_the_role_anew(case: Case) -> None:
    other = another_plan(case, permission_set="ClaudeCodeDeveloper")

    assert BY_NAME["identity"].subject("", case) != BY_NAME["identity"].subject("", other)


def test_plans_in_another_region_share_nothing_of_the_account(case: Case) -> None:
    other = another_plan(case, region="eu-central-1")

    for check in ("inference-profile", "model-access", "service-quota", "invocation-logging", "use-case-form"):
        about = SONNET if SONNET in BY_NAME[check].questions(case.revision) else ""
        assert BY_NAME[check].subject(about, case) != BY_NAME[check].subject(about, other)


def test_new_destinations_make_another_question_of_permissions_and_access(case: Case) -> None:
    before = {name: BY_NAME[name].subject(SONNET, case) for name in ("permissions", "model-access")}
    know(case, "inference-profile", profile_facts(SONNET, [*DESTINATIONS, "eu-north-1"]), about=SONNET)

    assert all(BY_NAME[name].subject(SONNET, case) != key for name, key in before.items())


# --- One worker at a time


class GivenUp(Exception):
    pass


def give_up() -> None:
    raise GivenUp


def claimed(until: dt.timedelta) -> Subject:
    """Another worker is asking, or was."""
    key = {"check_name": "invocation-logging", "key": "111122223333|eu-west-1"}
    return Subject.objects.create(**key, lease_until=timezone.now() + until)


def test_a_question_that_another_worker_asks_is_waited_for(stubs: Stubs, case: Case) -> None:
    claimed(SUBJECT_LEASE)

    with pytest.raises(GivenUp):
        settle(LOGGING, "", case, holds=always, still_wanted=give_up)
    assert stubs.calls == []


def test_the_answer_that_was_waited_for_is_taken(stubs: Stubs, case: Case) -> None:
    subject = claimed(SUBJECT_LEASE)
    finding = make_finding("invocation-logging", reason="on")

    def answered() -> None:
        Subject.objects.filter(pk=subject.pk).update(latest=finding, lease_until=None)

    assert settle(LOGGING, "", case, holds=always, still_wanted=answered) == finding
    assert stubs.calls == []


def test_a_worker_that_is_gone_is_replaced(stubs: Stubs, case: Case) -> None:
    claimed(-MINUTE)

    assert asked(case).outcome == PASSED
    assert stubs.count(OPERATION) == 1
