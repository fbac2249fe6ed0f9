from __future__ import annotations

import pytest
from pytest_django import Settings

from onboarding.enums import Role
from onboarding.models import AuditEvent, Person, User
from onboarding.people import Claims, GroupsOverage, grant_admin, may_sign_in, record_sign_in, sync_from_claims
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


def test_djangos_own_admin_opens_by_what_the_row_says() -> None:
    """Not by a copy of it from before somebody else wrote it."""
    user = make_user()
    User.objects.filter(pk=user.pk).update(is_staff=True, is_superuser=True)

    grant_admin(user, is_admin=False)

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


@pytest.mark.parametrize("word", [False, "false", "False"])
def test_an_unverified_e_mail_is_not_kept(word: object) -> None:
    user = make_user()

    assert sync_from_claims(user=user, claims=claims(email_verified=word)).email == ""

    sync_from_claims(user=user, claims=claims(email="ana@acme.example", email_verified="true"))
    assert sync_from_claims(user=user, claims=claims(email_verified=word)).email == "ana@acme.example"


def test_what_a_sign_in_leaves_out_stays_as_it_was() -> None:
    user = make_user()
    sync_from_claims(user=user, claims=claims())

    person = sync_from_claims(user=user, claims=claims(email=None, name=None))

    assert (person.email, person.name) == ("ana.nunez@acme.example", "Ana Núñez")


def test_somebody_without_an_e_mail_is_recorded_by_the_users_name_and_takes_nobody_over() -> None:
    nameless, user = make_person("", user=None), make_user()

    person = sync_from_claims(user=user, claims=claims(email=None))
    record_sign_in(user)

    assert person != nameless
    told = AuditEvent.objects.order_by("pk").values_list("action", "actor", "target")
    assert list(told) == [(f"person.{done}", user.username, user.username) for done in ("created", "signed_in")]


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


@pytest.mark.parametrize("value", [None, "", [], {}, {"claude-platform": 1}, 7, True])
def test_a_claim_that_is_no_list_names_no_group(value: object) -> None:
    assert claims(groups=value, roles=value).groups == frozenset()


def test_groups_and_app_roles_are_one_list(settings: Settings) -> None:
    assert claims(groups="a", roles=["b", "c"]).groups == {"a", "b", "c"}
    settings.ONRAMP_OIDC_ROLES_CLAIM = ""
    assert claims(groups="a", roles=["b", "c"]).groups == {"a"}
    settings.ONRAMP_OIDC_ROLES_CLAIM = "app_roles"
    assert claims(groups="a", roles=["b"], app_roles=["c"]).groups == {"a", "c"}


def test_app_roles_alone_count_at_every_sign_in() -> None:
    team, user = make_team(), make_user()
    told = Claims.from_userinfo(
        {"sub": "1", "email": "ana.nunez@acme.example", "roles": [team.group, "onramp-admins"]}
    )

    for _ in range(2):
        person = sync_from_claims(user=user, claims=told)
        assert (person.team, person.role) == (team, Role.ADMIN)

    person = sync_from_claims(user=user, claims=Claims.from_userinfo({"sub": "1"}))
    assert (person.team, person.role) == (None, Role.PERSON)


@pytest.mark.parametrize(
    "said",
    [
        {"_claim_names": {"groups": "src1"}},
        {"_claim_names": {"roles": "src1"}, "groups": ["a"]},
        {"hasgroups": True},
        {"hasgroups": "true", "groups": []},
    ],
    ids=str,
)
def test_groups_that_are_elsewhere_are_unknown(said: dict[str, object]) -> None:
    with pytest.raises(GroupsOverage):
        claims(**said)


@pytest.mark.parametrize("said", [{"_claim_names": {"address": "src1"}}, {"_claim_names": None}, {"hasgroups": False}])
def test_other_claims_may_be_elsewhere(said: dict[str, object]) -> None:
    assert claims(**said).groups == {"claude-platform"}


def test_overage_of_a_claim_that_nobody_reads_does_not_count(settings: Settings) -> None:
    settings.ONRAMP_OIDC_GROUPS_CLAIM = "memberships"
    assert claims(hasgroups=True, _claim_names={"groups": "src1"}, memberships=["a"]).groups == {"a"}


@pytest.mark.parametrize(
    ("required", "groups", "may"), [((), (), True), (("a", "b"), ("b", "c"), True), (("a",), ("b",), False)]
)
def test_who_may_sign_in(settings: Settings, required: tuple[str, ...], groups: tuple[str, ...], may: bool) -> None:
    settings.ONRAMP_REQUIRED_GROUPS = frozenset(required)
    assert may_sign_in(groups) is may
