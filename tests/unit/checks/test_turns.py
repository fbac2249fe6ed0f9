"""What a verification turns: told the first time, after a change, and never because nobody can tell."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from onboarding.checks.registry import questions
from onboarding.checks.turns import readiness_of, tell_of_new_blockers, turn
from onboarding.enums import Layer, NotificationKind, Outcome, Readiness, Role, RunState, Trigger
from onboarding.models import Notification, Person, Sweep
from tests.factories import make_answer, make_finding, make_person, make_revision, make_verification
from tests.unit.checks.stubs import make_case

pytestmark = pytest.mark.django_db

READY, BLOCKED, NOBODY_KNOWS = Readiness.READY, Readiness.BLOCKED, Readiness.UNKNOWN
TOLD_READY, TOLD_BLOCKED = NotificationKind.ACCESS_READY, NotificationKind.ACCESS_BLOCKED


@pytest.mark.parametrize(
    ("before", "now", "told"),
    [
        (None, READY, TOLD_READY),
        (BLOCKED, READY, TOLD_READY),
        (READY, READY, None),
        (READY, BLOCKED, TOLD_BLOCKED),
        (BLOCKED, BLOCKED, None),
        (None, BLOCKED, None),
        (None, NOBODY_KNOWS, None),
        (READY, NOBODY_KNOWS, None),
        (BLOCKED, NOBODY_KNOWS, None),
    ],
)
def test_what_is_told_of_a_change(before: Readiness | None, now: Readiness, told: NotificationKind | None) -> None:
    case = make_case()

    found = turn(case, now, {case.person.pk: before} if before else {})

    assert (found.kind if found else None) == told


def test_who_is_blocked_is_told_the_first_no_about_the_default_model() -> None:
    case = make_case()
    for check, about in questions(case.revision):
        case.findings[check.name, about] = make_finding(check.name)
    other = next(profile for profile in case.revision.profiles.values() if profile != case.revision.default_profile)
    no = {"outcome": Outcome.FAILED, "layer": Layer.SERVICE_QUOTA}
    case.findings["inference-profile", other] = make_finding("inference-profile", **no)
    mine = case.findings["service-quota", case.revision.default_profile] = make_finding("service-quota", **no)

    found = turn(case, BLOCKED, {case.person.pk: READY})

    assert found is not None
    assert found.finding == mine


def ran(person: Person, outcome: Readiness, hours_ago: int, **fields: Any) -> None:
    at = timezone.now() - dt.timedelta(hours=hours_ago)
    made = make_verification(person, make_revision(), outcome=outcome, queued_at=at, **fields)
    if outcome == BLOCKED:
        no = make_finding("permissions", outcome=Outcome.FAILED, layer=Layer.SERVICE_CONTROL_POLICY)
        make_answer(made, no)


def test_before_counts_what_was_certain_last(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    ana, luis, new = (make_person(f"{name}@acme.example") for name in ("ana", "luis", "new"))
    ran(ana, BLOCKED, 3)
    ran(ana, READY, 2)
    ran(ana, NOBODY_KNOWS, 1)
    ran(luis, READY, 2)
    ran(luis, BLOCKED, 1)
    make_verification(luis, make_revision(), state=RunState.RUNNING)

    with django_assert_num_queries(1):
        found = readiness_of([ana, luis, new])

    assert found == {ana.pk: READY, luis.pk: BLOCKED}


@pytest.mark.parametrize("people", [1, 12])
def test_a_sweep_tells_admins_how_many_it_found_blocked_and_by_what(
    people: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    admin = make_person("carla.soto@acme.example", role=Role.ADMIN)
    sweep = Sweep.objects.create(trigger=Trigger.NIGHTLY)
    for number in range(people):
        person = make_person(f"person-{number}@acme.example")
        ran(person, READY, 2)
        ran(person, BLOCKED, 0, sweep=sweep)
    long_blocked = make_person("luis@acme.example")
    ran(long_blocked, BLOCKED, 2)
    ran(long_blocked, BLOCKED, 0, sweep=sweep)

    # How many, the layers, the admins, who refuses, the row.
    with django_assert_num_queries(5):
        tell_of_new_blockers(sweep)

    (row,) = Notification.objects.filter(kind=NotificationKind.NEW_BLOCKERS)
    assert row.person == admin
    assert row.facts == {"people": people, "layers": [["service-control-policy", people]]}


def test_a_sweep_that_found_nothing_new_tells_nobody() -> None:
    make_person("carla.soto@acme.example", role=Role.ADMIN)
    sweep = Sweep.objects.create(trigger=Trigger.NIGHTLY)
    ran(make_person("ana@acme.example"), READY, 0, sweep=sweep)

    tell_of_new_blockers(sweep)

    assert not Notification.objects.exists()
