"""The catalogue of checks, and that doctor.sh gives exactly its answers."""

from __future__ import annotations

import re

import pytest
from django.utils import translation

from onboarding.doctor import CHECKS, SKIPPED, Check, words
from onboarding.enums import Outcome
from tests.unit.bundles.doctor.machine import FILES

ANSWERS = [(check.id, name) for check in CHECKS for name in check.reasons]
SCRIPT = (FILES / "doctor.sh").read_text()


def told() -> set[tuple[str, str, str]]:
    """Every `tell check outcome reason` of the script."""
    return set(re.findall(r"\btell ([a-z-]+) ([a-z]+) ([a-z-]+)", SCRIPT))


def test_the_checks_are_in_the_order_in_which_the_doctor_asks() -> None:
    asked = SCRIPT[SCRIPT.index("\nrun_checks() {") :]
    calls = re.findall(r"^    check_([a-z_]+)$", asked[: asked.index("\n}")], re.MULTILINE)
    assert [name.replace("_", "-") for name in calls] == [check.id for check in CHECKS]


def test_the_script_gives_exactly_the_answers_of_the_catalogue() -> None:
    assert told() == {(check.id, reason.word, name) for check in CHECKS for name, reason in check.reasons.items()}


def test_every_word_the_scripts_ask_for_is_there_and_no_other() -> None:
    scripts = SCRIPT + (FILES / "bedrock-key.sh").read_text()
    asked = set(re.findall(r"\b(?:word|stop) ((?:doctor|bedrock-key)\.[a-z.-]+[a-z])", scripts))
    checks = {f"doctor.{check.id}." for check in CHECKS}
    others = {key for key in words() if not key.startswith((*checks, "doctor.outcome."))}
    assert asked == others


def test_every_outcome_has_its_word() -> None:
    assert {key for key in words() if key.startswith("doctor.outcome.")} == {
        f"doctor.outcome.{word}" for word in (*Outcome.values, SKIPPED)
    }


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
def test_only_what_passed_needs_no_fix(check: Check) -> None:
    assert "works" in check.reasons
    for name, reason in check.reasons.items():
        assert (reason.fix == "") == (reason.outcome is Outcome.PASSED), name


def test_the_words_are_plain_sentences() -> None:
    for key, sentence in words().items():
        assert sentence, key
        assert "\n" not in sentence, key
        assert sentence == sentence.strip(), key
        assert not re.search(r"!|\bsorry\b|\bplease\b", sentence, re.IGNORECASE), key
        assert not re.findall(r"\{(?![12]\})", sentence), key


def test_what_is_unknown_says_so_and_denies_nothing() -> None:
    for check in CHECKS:
        for name, reason in check.reasons.items():
            if reason.outcome is Outcome.UNKNOWN:
                said = words()[f"doctor.{check.id}.{name}"]
                assert re.search(r"is not known|nothing is known|could not be read", said), said


def test_words_are_in_the_active_language() -> None:
    with translation.override("es"):
        assert words()["doctor.outcome.passed"] != "Passed"
    assert words()["doctor.outcome.passed"] == "Passed"


def test_there_is_an_answer_for_each_question() -> None:
    assert len(ANSWERS) == len(set(ANSWERS))
    assert [check.id for check in CHECKS] == [
        "claude-code",
        "provider",
        "settings",
        "conflicts",
        "profile",
        "session",
        "identity",
        "discovery",
        "model",
        "network",
    ]
