"""What the database refuses, whoever asks."""

from __future__ import annotations

import datetime as dt

import pytest
from django.db import IntegrityError
from django.utils import timezone

from onboarding.enums import Layer, Outcome, Readiness, RunState, Tier, Trigger
from onboarding.models import ApiToken, Price, Principal, ProvisionedUser, ProvisioningToken, Subject, Verification
from tests.factories import (
    make_account,
    make_answer,
    make_finding,
    make_person,
    make_plan,
    make_principal,
    make_revision,
    make_verification,
)

pytestmark = pytest.mark.django_db


def test_a_person_has_one_live_verification() -> None:
    person, revision = make_person(), make_revision()
    make_verification(person, revision, state=RunState.RUNNING)

    with pytest.raises(IntegrityError, match=r"verification_one_live_per_person|person_id"):
        make_verification(person, revision, state=RunState.QUEUED)


def test_a_person_has_many_verifications_that_ended() -> None:
    person, revision = make_person(), make_revision()
    make_verification(person, revision)
    make_verification(person, revision)

    assert Verification.objects.filter(person=person).count() == 2


@pytest.mark.parametrize(
    "fields",
    [
        {"state": RunState.DONE, "outcome": "", "finished_at": None},
        {"state": RunState.DONE, "outcome": Readiness.READY, "finished_at": None},
        {"state": RunState.RUNNING, "outcome": Readiness.READY},
    ],
)
def test_a_verification_has_an_outcome_exactly_when_it_is_done(fields: dict[str, object]) -> None:
    with pytest.raises(IntegrityError, match="verification_done_has_outcome"):
        Verification.objects.create(person=make_person(), revision=make_revision(), trigger=Trigger.SIGN_IN, **fields)


@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.UNKNOWN])
def test_a_no_names_its_layer(outcome: Outcome) -> None:
    with pytest.raises(IntegrityError, match="finding_no_names_its_layer"):
        make_finding(outcome=outcome, layer="")


def test_a_yes_needs_no_layer() -> None:
    assert make_finding(outcome=Outcome.PASSED, layer="").pk
    assert make_finding(outcome=Outcome.FAILED, layer=Layer.AGREEMENT).pk


def test_a_verification_answers_a_question_once() -> None:
    verification = make_verification(make_person(), make_revision())
    make_answer(verification, make_finding(), position=0)
    make_answer(verification, make_finding("permissions"), position=0, about="a-profile")

    with pytest.raises(IntegrityError, match=r"verification_question_once|check_name"):
        make_answer(verification, make_finding(), position=1)


def test_a_subject_is_one_row() -> None:
    Subject.objects.create(check_name="identity", key="a")
    Subject.objects.create(check_name="permissions", key="a")

    with pytest.raises(IntegrityError, match=r"subject_once|key"):
        Subject.objects.create(check_name="identity", key="a")


def test_a_plan_has_one_current_revision() -> None:
    revision = make_revision()

    with pytest.raises(IntegrityError, match=r"plan_one_current_revision|plan_id"):
        type(revision).objects.create(
            plan=revision.plan,
            number=2,
            is_current=True,
            account=revision.account,
            identity_center=revision.identity_center,
            region="eu-west-1",
            sonnet="eu.anthropic.claude-sonnet-4-6",
            default_tier=Tier.SONNET,
        )


def test_a_plans_revision_numbers_are_used_once() -> None:
    revision = make_revision()

    with pytest.raises(IntegrityError, match=r"plan_revision_number_once|number"):
        make_revision(plan=make_plan(), number=revision.number, is_current=False)


@pytest.mark.parametrize("tier", list(Tier))
def test_the_default_tier_has_a_model(tier: Tier) -> None:
    with pytest.raises(IntegrityError, match="plan_revision_default_tier_has_model"):
        make_revision(default_tier=tier, **{tier.value: ""})


def test_a_person_has_one_chosen_principal_in_an_account() -> None:
    person = make_person()
    make_principal(person)

    with pytest.raises(IntegrityError, match=r"principal_one_chosen|account_id"):
        make_principal(person, role_arn="arn:aws:iam::111122223333:role/another")


def test_a_principal_is_kept_once_for_a_person() -> None:
    person = make_person()
    make_principal(person)

    with pytest.raises(IntegrityError, match=r"principal_once_per_person|role_arn"):
        make_principal(person, is_chosen=False)


def test_two_accounts_may_each_have_a_chosen_principal() -> None:
    person = make_person()
    make_principal(person)
    make_principal(person, make_account("222233334444"), role_arn="arn:aws:iam::222233334444:role/other")

    assert Principal.objects.filter(person=person, is_chosen=True).count() == 2


def make_price(**fields: object) -> Price:
    defaults = {
        "model_id": "anthropic.claude-opus-4-8",
        "endpoint_kind": "global",
        "token_class": "input",
        "usd_per_million": "5",
        "valid_from": timezone.now().date(),
        "source": "tests",
    }
    return Price.objects.create(**{**defaults, **fields})


def test_a_price_is_stated_once_a_day() -> None:
    make_price()

    with pytest.raises(IntegrityError, match=r"price_once_a_day|model_id"):
        make_price(usd_per_million="6")


def test_a_price_is_not_negative() -> None:
    with pytest.raises(IntegrityError, match="price_not_negative"):
        make_price(usd_per_million="-1")


def test_a_token_ends_after_it_was_made() -> None:
    now = timezone.now()

    with pytest.raises(IntegrityError, match="api_token_expires_later"):
        ApiToken.objects.create(owner=make_person(), name="x", digest="x", created_at=now, expires_at=now)


def test_a_tokens_digest_is_kept_once() -> None:
    now, person = timezone.now(), make_person()
    later = now + dt.timedelta(days=1)
    ApiToken.objects.create(owner=person, name="x", digest="x", created_at=now, expires_at=later)

    with pytest.raises(IntegrityError, match="digest"):
        ApiToken.objects.create(owner=person, name="y", digest="x", created_at=now, expires_at=later)


def make_provisioned(**fields: object) -> ProvisionedUser:
    now = timezone.now()
    return ProvisionedUser.objects.create(**{"user_name": "ana", "created_at": now, "changed_at": now, **fields})


def test_a_provisioned_users_name_is_kept_once() -> None:
    make_provisioned()

    with pytest.raises(IntegrityError, match="user_name"):
        make_provisioned()


def test_a_person_is_one_provisioned_user() -> None:
    person = make_person()
    make_provisioned(person=person)

    with pytest.raises(IntegrityError, match="person_id"):
        make_provisioned(user_name="bo", person=person)


def test_a_provisioning_token_is_kept_once() -> None:
    ProvisioningToken.objects.create(digest="x")

    with pytest.raises(IntegrityError, match="digest"):
        ProvisioningToken.objects.create(digest="x")
