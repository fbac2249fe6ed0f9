"""Whose an identity in a log is: by what verification knows, and by nothing else."""

from __future__ import annotations

import pytest

from onboarding.catalog import session_name
from onboarding.costs import callers
from onboarding.models import AuditEvent, Caller, DirectoryEntry, IdentityCenter, Person, Sweep
from tests.factories import ROLE_ARN, make_account, make_person, make_principal

pytestmark = pytest.mark.django_db

ROLE = ROLE_ARN.rpartition("/")[2]
SESSION = f"arn:aws:sts::111122223333:assumed-role/{ROLE}/"


def _entry(person: Person, name: str) -> DirectoryEntry:
    center, _ = IdentityCenter.objects.get_or_create(
        name="acme", defaults={"region": "eu-west-1", "start_url": "https://acme.awsapps.com/start"}
    )
    sweep = Sweep.objects.create(trigger="nightly")
    return DirectoryEntry.objects.create(
        person=person, identity_center=center, user_id=name, user_name=name, sweep=sweep
    )


@pytest.mark.parametrize("session", ["anunez", "ANunez"])
def test_a_session_is_whom_verification_saw_under_its_name(session: str) -> None:
    ana = make_person()
    make_principal(ana, session_name="anunez")
    assert callers.caller_for(SESSION + session).person == ana


def test_a_session_of_another_role_is_known_by_the_directorys_user_name() -> None:
    ana = make_person()
    _entry(ana, "anunez")
    assert callers.caller_for("arn:aws:sts::999988887777:assumed-role/Other/ANUNEZ").person == ana


@pytest.mark.parametrize("email", ["ana.nunez@acme.example", "Ana.Nunez@Acme.example"])
def test_a_session_is_known_by_its_e_mail_in_any_case(email: str) -> None:
    ana = make_person(email)
    assert callers.caller_for(SESSION + "ana.nunez@acme.example").person == ana


def test_an_e_mail_that_is_used_again_is_that_of_who_is_here() -> None:
    make_person("ana.nunez@acme.example", is_active=False)
    now = make_person("Ana.Nunez@acme.example")
    assert callers.caller_for(SESSION + "ana.nunez@acme.example").person == now


def test_who_left_is_known_by_their_e_mail_and_two_who_are_here_are_nobody() -> None:
    gone = make_person("ana.nunez@acme.example", is_active=False)
    assert callers.caller_for(SESSION + "ana.nunez@acme.example").person == gone
    for email in ("Ben.Roy@acme.example", "ben.roy@acme.example"):
        make_person(email)
    assert callers.caller_for(SESSION + "ben.roy@acme.example").person is None


def test_a_hashed_session_name_is_known() -> None:
    odd = make_person("zoë+o'brien@acme.example")
    hashed = session_name(odd.email)
    assert hashed.startswith("onramp-")
    assert callers.caller_for(SESSION + hashed).person == odd


def test_an_iam_user_is_whom_verification_found_it_for_or_named_by_the_e_mail() -> None:
    sven, emma = make_person("sven.berg@acme.example"), make_person("emma.jones@acme.example")
    make_principal(sven, role_arn="arn:aws:iam::111122223333:user/svc-sven", session_name="svc-sven")
    assert callers.caller_for("arn:aws:iam::111122223333:user/svc-sven").person == sven
    assert callers.caller_for("arn:aws:iam::111122223333:user/team/Emma.Jones@acme.example").person == emma


@pytest.mark.parametrize(
    "arn",
    [
        "",
        "arn:aws:iam::111122223333:root",
        "arn:aws:sts::111122223333:assumed-role/acme-ci/build-42",
        "arn:aws:iam::111122223333:user/BedrockAPIKey-a1b2",
        "arn:aws:sts::111122223333:federated-user/somebody",
        "no ARN at all",
    ],
)
def test_anything_else_is_nobodys(arn: str) -> None:
    make_person()
    assert callers.caller_for(arn).person is None


def test_what_two_people_could_be_is_nobodys() -> None:
    one, two = make_person("ana@acme.example"), make_person("ana@other.example")
    for person in (one, two):
        make_principal(person, session_name="ana")
    assert callers.caller_for(SESSION + "ana").person is None


def test_people_who_come_later_get_their_callers() -> None:
    caller = callers.caller_for(SESSION + "ana.nunez@acme.example")
    assert caller.person is None
    ana = make_person()
    assert callers.map_callers() == 1
    caller.refresh_from_db()
    assert (caller.person, callers.map_callers()) == (ana, 0)


def test_a_claim_holds_until_it_is_taken_back() -> None:
    ana = make_person()
    ci = callers.caller_for("arn:aws:sts::111122223333:assumed-role/acme-ci/build-42")
    callers.claim(ci, ana, actor="carla.soto@acme.example")
    ci.refresh_from_db()
    assert (ci.person, ci.claimed_by) == (ana, "carla.soto@acme.example")
    callers.release(ci, actor="carla.soto@acme.example")
    ci.refresh_from_db()
    assert (ci.person, ci.claimed_by) == (None, "")
    assert [event.action for event in AuditEvent.objects.order_by("pk")] == ["caller.claimed", "caller.released"]


def test_a_claim_that_is_made_while_the_map_is_drawn_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    caller = callers.caller_for(SESSION + "ana.nunez@acme.example")
    ana, bob = make_person(), make_person("bob@acme.example")

    def whose(_map: callers.IdentityMap, _arn: str) -> int:
        callers.claim(caller, bob, actor="carla.soto@acme.example")
        return ana.pk

    monkeypatch.setattr(callers.IdentityMap, "whose", whose)
    assert callers.map_callers() == 0
    caller.refresh_from_db()
    assert (caller.person, caller.claimed_by) == (bob, "carla.soto@acme.example")


def test_a_claim_that_is_taken_back_is_the_maps_again() -> None:
    ana, bob = make_person(), make_person("bob@acme.example")
    caller = callers.caller_for(SESSION + ana.email)
    callers.claim(caller, bob, actor="carla.soto@acme.example")
    callers.release(caller, actor="carla.soto@acme.example")
    caller.refresh_from_db()
    assert caller.person == ana


def test_a_name_alone_finds_its_person() -> None:
    ana = make_person()
    _entry(ana, "anunez")
    assert callers.person_named("ANUNEZ") == callers.person_named(ana.email) == ana
    assert callers.person_named("nobody") is None


def test_many_callers_cost_as_many_queries_as_one(django_assert_num_queries: object) -> None:
    # SQLite takes a few more than 300 in one statement.
    make_account()
    with django_assert_num_queries(6):  # type: ignore[operator]  # pytest-django's fixture is a context manager
        found = callers.callers_for([f"{SESSION}{number}@acme.example" for number in range(300)])
    assert (len(found), Caller.objects.count()) == (300, 300)
