"""Ready, blocked or unknown: what a verification's answers add up to."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.utils import timezone

from onboarding.checks.base import Case
from onboarding.checks.registry import CHECKS, questions
from onboarding.checks.verdict import verdict
from onboarding.enums import Outcome, Readiness
from onboarding.models import Finding
from onboarding.models.verification import ANSWER_HOLDS
from tests.factories import HAIKU, OPUS, SONNET, make_finding
from tests.unit.checks.stubs import GUARDED, make_case

pytestmark = pytest.mark.django_db

PASSED, WARNING, FAILED, UNKNOWN = Outcome.PASSED, Outcome.WARNING, Outcome.FAILED, Outcome.UNKNOWN
READY, BLOCKED, NOBODY_KNOWS = Readiness.READY, Readiness.BLOCKED, Readiness.UNKNOWN
HOUR = dt.timedelta(hours=1)
VITAL = [check.name for check in CHECKS if check.is_vital and check.name not in ("data-retention",)]
OTHERS = [check.name for check in CHECKS if not check.is_vital]


@pytest.fixture
def case() -> Case:
    """All has passed just now that a plan asks with the live probe and with settings that need a permission."""
    made = make_case(live_probe=True, **GUARDED)
    for check, about in questions(made.revision):
        made.findings[check.name, about] = make_finding(check.name)
    return made


def answer(case: Case, check: str, outcome: Outcome, *, profile: str = SONNET, **fields: Any) -> Finding:
    """Another answer to one question: about `profile` where the check asks of each."""
    about = profile if (check, profile) in case.findings else ""
    finding = case.findings[check, about] = make_finding(check, outcome=outcome, **fields)
    return finding


def ago(time: dt.timedelta) -> dict[str, Any]:
    return {"checked_at": timezone.now() - time}


def test_ready_when_everything_passed(case: Case) -> None:
    found = verdict(case)

    assert (found.readiness, found.verified_profiles) == (READY, (OPUS, SONNET, HAIKU))


def test_unknown_when_nothing_was_asked() -> None:
    found = verdict(make_case())

    assert (found.readiness, found.verified_profiles, found.proved_until) == (NOBODY_KNOWS, (), None)


@pytest.mark.parametrize(
    ("outcome", "readiness"), [(PASSED, READY), (WARNING, READY), (FAILED, BLOCKED), (UNKNOWN, NOBODY_KNOWS)]
)
@pytest.mark.parametrize("check", VITAL)
def test_a_vital_check_decides(case: Case, check: str, outcome: Outcome, readiness: Readiness) -> None:
    answer(case, check, outcome)

    assert verdict(case).readiness == readiness


@pytest.mark.parametrize(
    ("outcome", "readiness"), [(PASSED, READY), (WARNING, READY), (FAILED, BLOCKED), (UNKNOWN, READY)]
)
@pytest.mark.parametrize("check", OTHERS)
def test_another_check_keeps_out_by_a_no_alone(case: Case, check: str, outcome: Outcome, readiness: Readiness) -> None:
    answer(case, check, outcome)

    assert verdict(case).readiness == readiness


@pytest.mark.parametrize("check", VITAL)
def test_a_vital_check_that_could_not_ask_is_unknown(case: Case, check: str) -> None:
    about = SONNET if (check, SONNET) in case.findings else ""
    del case.findings[check, about]

    assert verdict(case).readiness == NOBODY_KNOWS


@pytest.mark.parametrize("check", OTHERS)
def test_another_check_that_could_not_ask_holds_nobody_back(case: Case, check: str) -> None:
    about = SONNET if (check, SONNET) in case.findings else ""
    del case.findings[check, about]

    assert verdict(case).readiness == READY


def test_a_no_outweighs_what_nobody_could_tell(case: Case) -> None:
    answer(case, "identity", UNKNOWN)
    answer(case, "permissions", FAILED)

    assert verdict(case).readiness == BLOCKED


def test_data_retention_is_vital_where_it_is_asked() -> None:
    case = make_case(sonnet="eu.anthropic.claude-fable-5")
    for check, about in questions(case.revision):
        case.findings[check.name, about] = make_finding(check.name)
    answer(case, "data-retention", UNKNOWN, profile="eu.anthropic.claude-fable-5")

    assert verdict(case).readiness == NOBODY_KNOWS


# --- Answers that stand while AWS gives none


@pytest.mark.parametrize(
    ("known", "age", "readiness"),
    [
        (PASSED, HOUR, READY),
        (WARNING, HOUR, READY),
        (FAILED, HOUR, BLOCKED),
        (PASSED, ANSWER_HOLDS - HOUR, READY),
        (PASSED, ANSWER_HOLDS + HOUR, NOBODY_KNOWS),
        (FAILED, ANSWER_HOLDS + HOUR, NOBODY_KNOWS),
    ],
)
@pytest.mark.parametrize("check", VITAL)
def test_the_last_known_answer_stands_for_a_day(
    case: Case, check: str, known: Outcome, age: dt.timedelta, readiness: Readiness
) -> None:
    last_known = make_finding(check, outcome=known, **ago(age))
    answer(case, check, UNKNOWN, last_known=last_known)

    assert verdict(case).readiness == readiness


def test_nobody_is_blocked_because_aws_gives_no_answer(case: Case) -> None:
    for (check, about), finding in list(case.findings.items()):
        case.findings[check, about] = make_finding(check, outcome=UNKNOWN, last_known=finding)

    assert verdict(case).readiness == READY


def test_nobody_becomes_ready_because_aws_gives_no_answer(case: Case) -> None:
    answer(case, "permissions", UNKNOWN, last_known=make_finding("permissions", outcome=FAILED))

    assert verdict(case).readiness == BLOCKED


# --- Model by model


@pytest.mark.parametrize("outcome", [FAILED, UNKNOWN])
@pytest.mark.parametrize("check", ["inference-profile", "model-access", "permissions"])
def test_another_tier_is_left_out(case: Case, check: str, outcome: Outcome) -> None:
    answer(case, check, outcome, profile=OPUS)

    found = verdict(case)

    assert (found.readiness, found.verified_profiles) == (READY, (SONNET, HAIKU))


def test_a_default_model_that_fails_blocks_although_others_work(case: Case) -> None:
    answer(case, "model-access", FAILED)

    found = verdict(case)

    assert (found.readiness, found.verified_profiles) == (BLOCKED, (OPUS, HAIKU))


def test_what_is_about_the_person_is_about_every_model(case: Case) -> None:
    answer(case, "role-policies", FAILED)

    assert verdict(case).verified_profiles == ()


def test_a_profile_of_two_tiers_is_named_once() -> None:
    case = make_case(opus=SONNET)
    for check, about in questions(case.revision):
        case.findings[check.name, about] = make_finding(check.name)

    assert verdict(case).verified_profiles == (SONNET, HAIKU)


# --- How long it holds


def test_it_proves_as_long_as_the_oldest_vital_answer_holds(case: Case) -> None:
    oldest = answer(case, "identity", PASSED, **ago(3 * HOUR))
    answer(case, "permissions", PASSED, **ago(2 * HOUR))

    assert verdict(case).proved_until == oldest.checked_at + ANSWER_HOLDS


def test_an_answer_that_stands_in_counts_from_when_it_was_given(case: Case) -> None:
    last_known = make_finding("permissions", **ago(5 * HOUR))
    answer(case, "permissions", UNKNOWN, last_known=last_known)

    assert verdict(case).proved_until == last_known.checked_at + ANSWER_HOLDS


@pytest.mark.parametrize("check", OTHERS)
def test_answers_that_decide_nothing_do_not_age_it(case: Case, check: str) -> None:
    answer(case, check, PASSED, **ago(5 * HOUR))

    proved_until = verdict(case).proved_until
    assert proved_until is not None
    assert proved_until > timezone.now() + ANSWER_HOLDS - HOUR


def test_answers_about_a_model_that_is_left_out_do_not_age_it(case: Case) -> None:
    answer(case, "permissions", FAILED, profile=OPUS, **ago(5 * HOUR))

    proved_until = verdict(case).proved_until
    assert proved_until is not None
    assert proved_until > timezone.now() + ANSWER_HOLDS - HOUR


@pytest.mark.parametrize("outcome", [FAILED, UNKNOWN])
def test_nothing_is_proved_to_who_is_not_ready(case: Case, outcome: Outcome) -> None:
    answer(case, "permissions", outcome)

    assert verdict(case).proved_until is None


def test_it_is_asked_again_when_the_first_provisional_answer_settles(case: Case) -> None:
    soon = timezone.now() + dt.timedelta(minutes=5)
    answer(case, "model-access", WARNING, settles_at=soon)
    answer(case, "model-access", WARNING, profile=OPUS, settles_at=soon + HOUR)

    found = verdict(case)

    assert (found.readiness, found.recheck_at) == (READY, soon)


def test_it_is_not_asked_again_where_everything_is_certain(case: Case) -> None:
    assert verdict(case).recheck_at is None
