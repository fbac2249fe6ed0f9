"""What other tests take for known is what the checks find in a healthy account."""

from __future__ import annotations

from typing import Any

import pytest

from onboarding.checks.asking import ask
from onboarding.checks.registry import BY_NAME
from onboarding.enums import Outcome
from tests.factories import SONNET
from tests.unit.checks.stubs import (
    ACCESS_FACTS,
    ASSIGNED_FACTS,
    IDENTITY_FACTS,
    ROLE_FACTS,
    Stubs,
    healthy,
    make_known_case,
    profile_facts,
)

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("check", "about", "facts"),
    [
        ("permission-sets", "", ASSIGNED_FACTS),
        ("identity", "", IDENTITY_FACTS),
        ("inference-profile", SONNET, profile_facts(SONNET)),
        ("model-access", SONNET, ACCESS_FACTS),
        ("role-policies", "", ROLE_FACTS),
    ],
)
def test_a_healthy_accounts_facts(stubs: Stubs, check: str, about: str, facts: dict[str, Any]) -> None:
    stubs.answer(healthy())

    answer = ask(BY_NAME[check], about, make_known_case())

    assert (answer.outcome, answer.facts) == (Outcome.PASSED, facts)
