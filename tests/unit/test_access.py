"""What a bundle may stand on."""

from __future__ import annotations

import datetime as dt

import pytest
from django.utils import timezone

from onboarding.access import access_of
from onboarding.bundles.make import NotVerified, inputs_for
from onboarding.enums import Platform, Readiness, RunState
from onboarding.models import PersonStatus, Principal, Verification
from onboarding.models.verification import ANSWER_HOLDS
from onboarding.readiness import counts_of
from onboarding.statuses import refresh
from tests.factories import (
    make_person,
    make_principal,
    make_ready_person,
    make_revision,
    make_team,
    make_verification,
)

pytestmark = pytest.mark.django_db


def test_a_fresh_yes_against_the_current_revision_is_proof() -> None:
    access = access_of(make_ready_person())

    assert access.is_ready
    assert not access.is_due
    assert set(access.usable.values()) == set(make_revision(is_current=False).profiles.values())


@pytest.mark.parametrize("hours", [1, 25])
def test_blocked_means_the_same_wherever_it_is_said(hours: int) -> None:
    """To a person's page, to the list of everybody, and to the counts of teams and plans."""
    revision = make_revision()
    person = make_person(team=make_team(revision.plan))
    ended = timezone.now() - dt.timedelta(hours=hours)
    make_verification(person, revision, outcome=Readiness.BLOCKED, verified_profiles=[], finished_at=ended)
    refresh([person.pk])

    is_blocked = access_of(person).is_blocked

    assert is_blocked == (hours < 24)
    assert (PersonStatus.objects.get(pk=person.pk).readiness == Readiness.BLOCKED) == is_blocked
    assert counts_of(revision.plan).blocked == is_blocked


def test_proof_ages() -> None:
    person = make_ready_person()
    Verification.objects.update(queued_at=timezone.now() - ANSWER_HOLDS - dt.timedelta(minutes=1))

    access = access_of(person)

    assert access.is_due
    with pytest.raises(NotVerified):
        inputs_for(access, platform=Platform.LINUX, language="en")


def test_proof_is_no_older_than_the_oldest_answer_it_stands_on() -> None:
    person = make_ready_person()
    Verification.objects.update(proved_until=timezone.now() - dt.timedelta(minutes=1))

    assert not access_of(person).is_ready
    assert access_of(person).is_due


def test_a_new_revision_ends_it() -> None:
    person = make_ready_person()
    make_revision()

    assert not access_of(person).is_ready
    assert access_of(person).is_due


@pytest.mark.parametrize("outcome", [Readiness.BLOCKED, Readiness.UNKNOWN])
def test_a_newer_no_ends_it(outcome: Readiness) -> None:
    person = make_ready_person()
    revision = access_of(person).revision
    assert revision is not None
    make_verification(person, revision, outcome=outcome, verified_profiles=[])

    assert not access_of(person).is_ready


def test_a_run_under_way_does_not_end_it_but_brings_no_other_role_in_either() -> None:
    person = make_ready_person()
    revision = access_of(person).revision
    assert revision is not None
    make_verification(person, revision, state=RunState.RUNNING)
    Principal.objects.update(is_chosen=False)
    make_principal(person, role_arn="arn:aws:iam::111122223333:role/other", permission_set="Other")

    inputs = inputs_for(access_of(person), platform=Platform.LINUX, language="en")

    assert inputs.credentials.session is not None
    assert inputs.credentials.session.role_name == "ClaudeCodeDeveloper"


def test_nobody_has_proof_without_a_plan() -> None:
    access = access_of(make_person())

    assert (access.revision, access.is_ready, access.is_due) == (None, False, False)


def test_nobody_has_proof_before_the_first_verification() -> None:
    access = access_of(make_person(team=make_team(make_revision().plan)))

    assert (access.is_ready, access.is_due) == (False, True)
