"""Two that change one person at once: the second waits, and then goes by what the first has left."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.db import connection
from pytest_django import Settings

from onboarding.enums import Role
from onboarding.models import Person, ProvisionedUser
from onboarding.people import Claims, shut_out, sync_from_claims
from onboarding.provisioning import UserData, save_group, save_user
from tests.factories import make_person, make_team
from tests.waiting import held_until_somebody_waits

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time, and no row locks"),
]

ANA = "ana.nunez@acme.example"


def test_a_role_lost_in_one_group_does_not_come_back_with_another(settings: Settings) -> None:
    settings.ONRAMP_ADMIN_GROUPS = frozenset({"onramp-admins"})
    team = make_team()
    make_person(ANA)
    ana = save_user(UserData(ANA, "", ANA, "Ana", is_active=True, document={"userName": ANA}))
    admins = save_group(display_name="onramp-admins", external_id="", members=[ana.pk])
    assert Person.objects.get().role == Role.ADMIN

    with held_until_somebody_waits(
        lambda: save_group(display_name=team.group, external_id="", members=[ProvisionedUser.objects.get().pk])
    ):
        save_group(display_name="onramp-admins", external_id="", members=[], row=admins)

    person = Person.objects.get()
    assert (person.team, person.role) == (team, Role.PERSON)


def test_a_sign_in_undoes_nothing_that_was_decided_meanwhile() -> None:
    ana = make_person(ANA)
    user = ana.user
    assert user is not None
    claims = Claims("1", ANA, "Ana", frozenset(), email_verified=True)

    with held_until_somebody_waits(lambda: sync_from_claims(user=user, claims=claims)):
        shut_out(ana, actor="tests", reason="gone")
        Person.objects.update(monthly_budget=7)

    ana.refresh_from_db()
    assert (ana.is_active, ana.monthly_budget, ana.name) == (False, Decimal(7), "Ana")
