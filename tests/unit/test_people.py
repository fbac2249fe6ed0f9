from __future__ import annotations

import pytest
from pytest_django import Settings

from onboarding.enums import Role
from onboarding.models import AuditEvent, Person
from onboarding.people import Claims, sync_from_claims
from tests.factories import make_person, make_plan, make_team, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _groups(settings: Settings) -> None:
    settings.ONRAMP_ADMIN_GROUPS = frozenset({"onramp-admins"})
    settings.ONRAMP_AUDITOR_GROUPS = frozenset({"onramp-auditors"})
    settings.ONRAMP_OIDC_GROUPS_CLAIM = "groups"


def claims(**fields: object) -> Claims:
    given = {"sub": "1", "email": "ana.nunez@acme.example", "name": "Ana Núñez", "groups": ["claude-platform"]}
    return Claims.from_userinfo({**given, **fields})


def test_the_first_sign_in_makes_the_person_in_their_team() -> None:
    team = make_team(make_plan())

    person = sync_from_claims(user=make_user(), claims=claims())

    assert (person.name, person.team, person.role) == ("Ana Núñez", team, Role.PERSON)
    assert AuditEvent.objects.filter(action="person.created", target=person.email).count() == 1


def test_groups_lost_are_rights_lost() -> None:
    make_team(make_plan())
    user = make_user()
    sync_from_claims(user=user, claims=claims(groups=["claude-platform", "onramp-admins"]))

    person = sync_from_claims(user=user, claims=claims(groups=[]))

    assert (person.team, person.role) == (None, Role.PERSON)
    user.refresh_from_db()
    assert not user.is_staff
    assert not user.is_superuser


def test_a_team_that_still_applies_is_kept() -> None:
    make_team(make_plan(), group="a", name="A")
    second = make_team(make_plan(), group="b", name="B")
    user = make_user()
    sync_from_claims(user=user, claims=claims(groups=["b"]))

    assert sync_from_claims(user=user, claims=claims(groups=["a", "b"])).team == second


def test_a_person_known_beforehand_is_linked_by_a_verified_e_mail() -> None:
    known = make_person("Ana.Nunez@acme.example", user=None)

    assert sync_from_claims(user=make_user(), claims=claims()).pk == known.pk


def test_an_unverified_e_mail_links_nobody() -> None:
    make_person(user=None)

    sync_from_claims(user=make_user(), claims=claims(email_verified=False))

    assert Person.objects.count() == 2


def test_somebody_elses_person_is_never_taken_over() -> None:
    other = make_person()

    mine = sync_from_claims(user=make_user(), claims=claims())

    assert mine.pk != other.pk


@pytest.mark.parametrize(
    ("groups", "role"),
    [
        (["onramp-auditors"], Role.AUDITOR),
        (["onramp-auditors", "onramp-admins"], Role.ADMIN),
        ("onramp-admins", Role.ADMIN),
        (None, Role.PERSON),
    ],
)
def test_roles_come_from_groups(groups: object, role: Role) -> None:
    assert sync_from_claims(user=make_user(), claims=claims(groups=groups)).role == role
