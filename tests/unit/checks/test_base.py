"""What a case remembers, what checks learn from one another, and in which order they are asked."""

from __future__ import annotations

import datetime as dt

import pytest
from django.utils import timezone

from onboarding.aws import NoAnswer
from onboarding.aws.session import Access
from onboarding.checks.base import (
    Case,
    Check,
    Memory,
    account_key,
    fingerprint,
    models_of,
    region_labels,
    routed_profiles,
)
from onboarding.checks.registry import ACCOUNT_CHECKS, BY_NAME, CHECKS, questions
from onboarding.enums import Gate, Outcome, Scope
from onboarding.models.verification import ANSWER_HOLDS
from tests.factories import HAIKU, OPUS, SONNET, make_account, make_finding, make_identity_center
from tests.unit.checks.stubs import APPLICATION, know, make_case, profile_arn, profile_facts

PASSED, WARNING, FAILED, UNKNOWN = Outcome.PASSED, Outcome.WARNING, Outcome.FAILED, Outcome.UNKNOWN


# --- What one run is told


def test_a_question_is_asked_once() -> None:
    memory, asked = Memory(), list[str]()

    def ask() -> str:
        asked.append("asked")
        return "answer"

    assert [memory.once("key", ask) for _ in range(2)] == ["answer", "answer"]
    assert asked == ["asked"]


def test_none_is_an_answer_too() -> None:
    memory, answers = Memory(), [None, "another"]

    assert [memory.once("key", lambda: answers.pop(0)) for _ in range(2)] == [None, None]


def fail() -> None:
    raise NoAnswer("iam:ListRoles", "Throttling", throttled=True)


def test_an_error_is_remembered_until_errors_are_forgotten() -> None:
    memory = Memory()
    memory.know("known", 1)
    for _ in range(2):
        with pytest.raises(NoAnswer):
            memory.once("key", fail)
    with pytest.raises(NoAnswer):
        memory.once("key", lambda: None)

    memory.forget_errors()

    assert memory.once("key", lambda: "answer") == "answer"
    assert memory.known("known") == 1


def test_a_fault_of_our_own_is_not_remembered() -> None:
    memory = Memory()
    with pytest.raises(ZeroDivisionError):
        memory.once("key", lambda: 1 / 0)

    assert memory.once("key", lambda: 1.0) == 1.0


def test_nothing_is_known_before_it_was_learned() -> None:
    assert Memory().known("key") is None


# --- What checks learn from one another


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("outcome", "is_usable"), [(PASSED, True), (WARNING, True), (FAILED, False), (UNKNOWN, False)]
)
def test_what_can_be_built_on(outcome: Outcome, is_usable: bool) -> None:
    case = make_case()
    know(case, "identity", {}, outcome=outcome)

    assert case.is_usable("identity") is is_usable
    # A question about a profile builds on the answer about the person.
    assert case.is_usable("identity", SONNET) is is_usable


@pytest.mark.django_db
def test_nothing_can_be_built_on_what_was_not_asked() -> None:
    case = make_case()

    assert not case.is_usable("identity")
    with pytest.raises(LookupError):
        case.facts("identity")


@pytest.mark.django_db
@pytest.mark.parametrize(("age", "facts"), [(0, {"a": 1}), (23, {"a": 1}), (25, {"a": 2})])
def test_an_answer_that_is_known_stands_for_a_day(age: int, facts: dict[str, int]) -> None:
    case = make_case()
    known = make_finding("identity", facts={"a": 1}, checked_at=timezone.now() - dt.timedelta(hours=age))
    know(case, "identity", {"a": 2}, outcome=UNKNOWN, last_known=known)

    assert case.facts("identity") == facts
    assert case.is_usable("identity") is (dt.timedelta(hours=age) < ANSWER_HOLDS)


@pytest.mark.django_db
def test_the_profiles_that_can_be_called() -> None:
    case = make_case()
    know(case, "inference-profile", profile_facts(OPUS, ["eu-south-2"]), about=OPUS)
    know(case, "inference-profile", {"profile": SONNET}, about=SONNET, outcome=FAILED)

    arn = "arn:aws:bedrock:eu-south-2::foundation-model/anthropic.claude-opus-4-8"
    assert routed_profiles(case) == [{"arn": profile_arn(OPUS), "models": [arn]}]
    assert [models_of(profile, case) for profile in (OPUS, SONNET, HAIKU)] == [["anthropic.claude-opus-4-8"], [], []]


@pytest.mark.django_db
def test_a_case_about_nobody_has_no_person() -> None:
    case = make_case()
    case.whose = None

    with pytest.raises(ValueError, match="about nobody"):
        _ = case.person


@pytest.mark.django_db
def test_the_ways_in_are_the_accounts_and_the_directorys() -> None:
    case: Case = make_case(
        account=make_account(role_arn="arn:aws:iam::111122223333:role/OnrampReadOnly", external_id="one"),
        identity_center=make_identity_center(role_arn="arn:aws:iam::999988887777:role/OnrampDirectory"),
    )

    assert case.account_access == Access("arn:aws:iam::111122223333:role/OnrampReadOnly", "one")
    assert case.directory_access == Access("arn:aws:iam::999988887777:role/OnrampDirectory", "")


# --- Small things


def test_a_fingerprint_does_not_depend_on_the_order() -> None:
    assert fingerprint(["a", "b"]) == fingerprint(["b", "a"])
    assert len({fingerprint([]), fingerprint(["a"]), fingerprint(["ab"]), fingerprint(["a", "b"])}) == 4


def test_regions_are_listed_by_name() -> None:
    assert region_labels(["eu-west-1", "eu-south-2"]) == "Ireland (eu-west-1), Spain (eu-south-2)"


@pytest.mark.django_db
def test_an_account_is_one_in_a_region() -> None:
    assert account_key(make_case().revision) == "111122223333|eu-west-1"


# --- The order of things


@pytest.mark.parametrize("check", CHECKS, ids=[check.name for check in CHECKS])
def test_a_check_comes_after_those_it_needs_and_beside_those_of_its_gate(check: Check) -> None:
    names, gates = list(BY_NAME), list(Gate)
    before = CHECKS[: names.index(check.name)]

    assert set(check.needs) <= {other.name for other in before}
    assert all(gates.index(other.gate) <= gates.index(check.gate) for other in before)


@pytest.mark.django_db
def test_a_plans_questions() -> None:
    asked = [(check.name, about) for check, about in questions(make_case().revision)]

    profiles = (OPUS, SONNET, HAIKU)
    assert asked == [
        ("permission-sets", ""),
        ("identity", ""),
        *(("inference-profile", profile) for profile in profiles),
        ("use-case-form", ""),
        *(("model-access", profile) for profile in profiles),
        *(("model-lifecycle", profile) for profile in profiles),
        *(("service-quota", profile) for profile in profiles),
        ("invocation-logging", ""),
        ("role-policies", ""),
        *(("permissions", profile) for profile in profiles),
        *((name, "") for name in ("discovery", "marketplace", "broad-grants")),
    ]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("sonnet", "asked"),
    [
        ("eu.anthropic.claude-fable-5", ["eu.anthropic.claude-fable-5"]),
        (APPLICATION, [APPLICATION]),
        (SONNET, []),
    ],
)
def test_data_retention_is_asked_about_where_it_may_matter(sonnet: str, asked: list[str]) -> None:
    revision = make_case(sonnet=sonnet).revision

    assert [about for check, about in questions(revision) if check.name == "data-retention"] == asked


def test_an_accounts_page_shows_what_holds_for_everybody_in_it() -> None:
    assert {check.scope for check in ACCOUNT_CHECKS} == {Scope.ACCOUNT}
    assert "permission-sets" not in {check.name for check in ACCOUNT_CHECKS}
