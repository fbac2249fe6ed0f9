"""Where people stand: kept rows say what working it out from nothing says, and what changes it refreshes them."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
import time_machine
from django.db import IntegrityError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from onboarding import statuses
from onboarding.access import access_of
from onboarding.enums import Installed, Layer, Outcome, Readiness, RunState, Standing
from onboarding.models import Bundle, Person, PersonStatus, PersonWord, TeamTally, Verification
from onboarding.people import Claims, sync_from_claims
from onboarding.statuses import refresh, refresh_everybody, refresh_stale, terms_of, words_of
from tests.factories import (
    OPUS,
    SONNET,
    make_answer,
    make_enrolment,
    make_finding,
    make_person,
    make_plan,
    make_principal,
    make_ready_person,
    make_revision,
    make_team,
    make_usage,
    make_user,
    make_verification,
)

pytestmark = pytest.mark.django_db


def status_of(person: Person) -> PersonStatus:
    refresh([person.pk])
    return PersonStatus.objects.get(pk=person.pk)


def blocked(person: Person, *answers: tuple[str, str, Layer, str], **fields: Any) -> Verification:
    """A verification that ended blocked: check, reason, layer, and what each is about."""
    revision = person.team.plan.revisions.get(is_current=True)  # type: ignore[union-attr]
    run = make_verification(person, revision, outcome=Readiness.BLOCKED, **fields)
    for position, (check, reason, layer, about) in enumerate(answers):
        finding = make_finding(check, outcome=Outcome.FAILED, reason=reason, layer=layer)
        make_answer(run, finding, position=position, about=about)
    return run


def member(**fields: Any) -> Person:
    return make_person(team=make_team((make_revision()).plan), seen_at=timezone.now(), **fields)


# --- Readiness


def test_ready_is_what_a_bundle_may_be_made_from() -> None:
    person = make_ready_person(seen_at=timezone.now())

    row = status_of(person)

    assert (row.readiness, row.standing) == (Readiness.READY, Standing.READY)
    assert row.holds_until is not None
    assert access_of(person).is_ready
    with time_machine.travel(row.holds_until + dt.timedelta(seconds=1)):
        assert not access_of(person).is_ready
        assert status_of(person).readiness == Readiness.UNKNOWN


def test_without_a_plan_there_is_nothing_to_be_ready_for() -> None:
    assert status_of(make_person()).standing == Standing.NO_PLAN


def test_never_verified_is_unknown_and_so_is_a_verdict_on_another_revision() -> None:
    person = member()
    assert status_of(person).readiness == Readiness.UNKNOWN

    blocked(person, ("identity", "no-assignment", Layer.ASSIGNMENT, ""))
    assert status_of(person).readiness == Readiness.BLOCKED
    make_revision(plan=person.team.plan)  # type: ignore[union-attr]
    assert status_of(person).readiness == Readiness.UNKNOWN
    assert status_of(person).layer == ""


def test_a_no_that_is_a_day_old_is_none_any_more() -> None:
    person = member()
    blocked(person, ("identity", "no-assignment", Layer.ASSIGNMENT, ""))

    with time_machine.travel(timezone.now() + dt.timedelta(hours=24, seconds=1)):
        assert status_of(person).readiness == Readiness.UNKNOWN


def test_what_blocks_is_the_first_no_that_the_default_model_needs() -> None:
    person = member()
    form = ("use-case-form", "not-submitted", Layer.USE_CASE_FORM, "")
    blocked(
        person,
        ("permissions", "identity-policy", Layer.IDENTITY_POLICY, OPUS),  # another model's
        ("permissions", "service-control-policy", Layer.SERVICE_CONTROL_POLICY, SONNET),
        form,
        (*form[:3], SONNET),
    )

    row = status_of(person)

    assert (row.layer, row.check_name, row.reason) == (
        Layer.SERVICE_CONTROL_POLICY,
        "permissions",
        "service-control-policy",
    )
    assert row.obstacles == 2
    assert row.finding is not None
    assert row.finding.layer == Layer.SERVICE_CONTROL_POLICY


def test_what_nobody_can_tell_today_blocks_by_the_last_known_no() -> None:
    person = member()
    run = blocked(person)
    known = make_finding(outcome=Outcome.FAILED, reason="no-assignment", layer=Layer.ASSIGNMENT)
    make_answer(run, make_finding(outcome=Outcome.UNKNOWN, reason="throttled", last_known=known))

    assert status_of(person).finding == known


def test_a_live_verification_leaves_what_is_known() -> None:
    person = make_ready_person()
    revision = person.verifications.get().revision
    make_verification(person, revision, state=RunState.RUNNING, queued_at=timezone.now())

    assert status_of(person).readiness == Readiness.READY


@pytest.mark.parametrize(
    ("fields", "standing"),
    [
        ({"is_active": False}, Standing.DEACTIVATED),
        ({"seen_at": None}, Standing.NEVER_SIGNED_IN),
    ],
)
def test_what_is_most_in_the_way_is_the_word(fields: dict[str, Any], standing: Standing) -> None:
    person = make_ready_person(**{"seen_at": timezone.now(), **fields})

    assert status_of(person).standing == standing


# --- Machines and usage


def test_an_older_bundle_and_a_connected_machine() -> None:
    person = make_ready_person(seen_at=timezone.now())
    older = make_revision(plan=person.team.plan, is_current=False)  # type: ignore[union-attr]
    make_enrolment(person, older)

    row = status_of(person)

    assert (row.installed, row.installed_number, row.is_connected) == (Installed.OLDER, older.number, True)
    assert row.standing == Standing.OUTDATED


@pytest.mark.parametrize(
    ("seen", "used", "is_inactive"),
    [(31, 31, True), (30, 31, False), (31, 30, False), (31, None, True), (None, None, False)],
)
def test_inactive_is_neither_used_nor_signed_in_for_thirty_days(
    seen: int | None, used: int | None, is_inactive: bool
) -> None:
    now = timezone.now()
    person = make_person(seen_at=now - dt.timedelta(days=seen) if seen else None)
    if used:
        make_usage(person=person, day=now.date() - dt.timedelta(days=used))
        make_usage(person=person, day=now.date() - dt.timedelta(days=used + 5))

    row = status_of(person)

    assert row.is_inactive is is_inactive
    assert row.has_used is (used is not None)


# --- Words


def test_words_are_small_and_without_accents() -> None:
    assert words_of("Ana Núñez-O'Hara", "ana.nunez@acme.example") == {
        "ana",
        "nunez",
        "o",
        "hara",
        "ana.nunez@acme.example",
    }
    assert terms_of("NÚÑez  ana.n@ACME bo-tp") == ["nunez", "ana.n@acme", "bo", "tp"]
    assert terms_of(" _ % ") == []


def test_only_words_that_changed_are_written() -> None:
    person = make_person(name="Ana Gil")
    refresh([person.pk])
    kept = PersonWord.objects.get(word="ana", person=person).pk
    person.name = "Ana Vidal"
    person.save()

    refresh([person.pk])

    assert set(person.words.values_list("word", flat=True)) == words_of("Ana Vidal", person.email)
    assert PersonWord.objects.get(word="ana", person=person).pk == kept


# --- Refreshing


_DEEDS = (
    "verify",
    "block",
    "publish",
    "bundle",
    "report",
    "use",
    "deactivate",
    "move",
    "leave",
    "sign-in",
    "rename",
    "day",
)


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(deeds=st.lists(st.tuples(st.sampled_from(_DEEDS), st.integers(0, 2)), max_size=8))
def test_refreshing_whom_a_deed_concerns_equals_working_it_out_from_nothing(
    deeds: list[tuple[str, int]],
) -> None:
    for model in (Bundle, Verification, Person, TeamTally):
        model.objects.all().delete()
    plan = make_plan()
    make_revision(plan=plan)
    teams = [make_team(plan), make_team(group="claude-data", name="Data")]
    people = [make_person(f"p{n}@acme.example", name=f"P {n}", team=teams[n % 2]) for n in range(3)]
    refresh_stale()
    with time_machine.travel(timezone.now(), tick=False) as clock:
        for deed, which in deeds:
            person = people[which]
            person.refresh_from_db()
            _do(deed, person, teams, clock)
            refresh([person.pk])
            refresh_stale()
        # What time alone changed of the others is the night's business.
        refresh(list(Person.objects.filter(seen_at__lt=timezone.now()).values_list("pk", flat=True)))
        kept = (_rows(), _tallies())
        PersonStatus.objects.all().delete()
        TeamTally.objects.all().delete()
        list(refresh_everybody())
        assert (_rows(), _tallies()) == kept
        for each in Person.objects.select_related("team"):
            assert (each.status.readiness == Readiness.READY) == access_of(each).is_ready


def _do(deed: str, person: Person, teams: list[Any], clock: Any) -> None:
    revision = person.team.plan.revisions.get(is_current=True) if person.team and person.team.plan else None
    now = timezone.now()
    if deed == "verify" and revision:
        role = person.principals.first() or make_principal(person)
        make_verification(person, revision, principal=role)
    elif deed == "block" and revision:
        blocked(person, ("identity", "no-assignment", Layer.ASSIGNMENT, ""))
    elif deed == "publish":
        make_revision(plan=teams[0].plan)
    elif deed == "bundle" and person.verifications.exists():
        run = person.verifications.latest("pk")
        Bundle.objects.create(person=person, revision=run.revision, verification=run, platform="linux", digest="0")
    elif deed == "report" and revision and not person.enrolments.exists():
        make_enrolment(person, revision)
    elif deed == "use" and not person.callers.exists():
        make_usage(person=person, day=now.date())
    elif deed == "deactivate":
        person.is_active = not person.is_active
    elif deed in ("move", "leave"):
        person.team = None if deed == "leave" else teams[1] if person.team == teams[0] else teams[0]
    elif deed == "sign-in":
        person.seen_at = now
    elif deed == "rename":
        person.name = f"{person.name}é"
    elif deed == "day":
        clock.shift(dt.timedelta(days=1))
    person.save()


def _rows() -> list[Any]:
    return list(PersonStatus.objects.order_by("pk").values())


def _tallies() -> list[Any]:
    return list(TeamTally.objects.filter(people__gt=0).order_by("pk").values())


def test_as_many_queries_for_a_batch_as_for_one() -> None:
    team = make_team(make_revision().plan)

    def queries(count: int) -> int:
        people = [make_person(f"p{n}-{count}@acme.example", name=f"P {n}", team=team) for n in range(count)]
        for person in people:
            blocked(person, ("identity", "no-assignment", Layer.ASSIGNMENT, ""))
        with CaptureQueriesContext(connection) as captured:
            assert refresh(person.pk for person in people) == count
        return len(captured)

    assert queries(1) == queries(40)


def test_who_is_named_twice_is_refreshed_once_and_nobody_by_a_stray_id() -> None:
    person = make_person()

    refresh([person.pk, person.pk, 999_999])

    assert PersonStatus.objects.count() == 1


def test_what_is_as_it_was_is_not_written_again() -> None:
    person = make_ready_person()
    refresh([person.pk])

    with CaptureQueriesContext(connection) as captured:
        refresh([person.pk])

    written = [each["sql"] for each in captured.captured_queries if each["sql"].startswith(("INSERT", "UPDATE"))]
    assert written == []


def test_people_are_counted_by_team() -> None:
    one, other = make_team(make_revision().plan), make_team(group="claude-data", name="Data")
    person = make_ready_person()
    make_person("b@acme.example", team=other)
    make_person("c@acme.example", team=other, is_active=False)
    list(refresh_everybody())
    assert dict(TeamTally.objects.values_list("pk", "people")) == {"Platform": 1, "Data": 1}
    assert TeamTally.objects.get(pk="Platform").ready == 1

    person.team = other
    person.save()
    refresh([person.pk])
    assert dict(TeamTally.objects.values_list("pk", "people")) == {"Platform": 0, "Data": 2}

    other.name = "Data science"
    other.save()
    refresh_stale()
    assert TeamTally.objects.get(pk="Data science").people == 2
    list(refresh_everybody())
    assert set(TeamTally.objects.values_list("pk", flat=True)) == {"Data science"}
    assert one.name == "Platform"


def test_stale_are_those_whom_something_changed_past_the_portal() -> None:
    person = make_ready_person()
    assert refresh_stale() == 1
    assert refresh_stale() == 0

    Person.objects.update(is_active=False)
    assert refresh_stale() == 1
    make_revision(plan=person.team.plan)  # type: ignore[union-attr]
    assert refresh_stale() == 1
    make_usage(person=person, day=timezone.now().date())
    assert refresh_stale() == 1
    Person.objects.update(team=None)
    assert refresh_stale() == 1
    assert refresh_stale() == 0


def test_stale_are_those_whose_answers_are_too_old_to_count() -> None:
    make_ready_person()
    refresh_stale()

    with time_machine.travel(timezone.now() + dt.timedelta(hours=25)):
        assert refresh_stale() == 1
        assert refresh_stale() == 0
        assert PersonStatus.objects.get().readiness == Readiness.UNKNOWN


def test_a_sign_in_is_seen_at_once() -> None:
    make_team(make_revision().plan)
    claims = Claims("sub-1", "ana@acme.example", "Ana", frozenset({"claude-platform"}), True)

    person = sync_from_claims(user=make_user(), claims=claims)

    assert person.status.has_signed_in
    assert person.status.team_name == "Platform"


def test_nobody_has_obstacles_who_is_not_blocked() -> None:
    row = status_of(make_person())
    row.obstacles = 1

    with pytest.raises(IntegrityError, match="status_obstacles_are_blocked"):
        row.save()


def test_a_word_is_somebodys_once() -> None:
    person = make_person()
    refresh([person.pk])

    with pytest.raises(IntegrityError, match=r"person_word_once|word"):
        PersonWord.objects.create(person=person, word="ana")


def test_what_is_known_is_read_under_locks_that_are_taken_in_one_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """People by their keys before anything is read of them, and teams after the last of them."""
    monkeypatch.setattr(statuses, "_BATCH", 2)
    team = make_team(make_revision().plan)
    people = [make_person(f"p{number}@acme.example", team=team) for number in range(4)]
    refresh([person.pk for person in people])
    Person.objects.update(seen_at=timezone.now())

    with CaptureQueriesContext(connection) as queries:
        refresh([person.pk for person in reversed(people)])

    asked = [query["sql"] for query in queries if "SAVEPOINT" not in query["sql"]]
    assert 'FROM "onboarding_personstatus"' in asked[0]
    assert 'ORDER BY "onboarding_personstatus"."person_id" ASC' in asked[0]
    assert ("FOR UPDATE" in asked[0]) == connection.features.has_select_for_update
    written = [place for place, sql in enumerate(asked) if sql.startswith('INSERT INTO "onboarding_personstatus"')]
    counted = [place for place, sql in enumerate(asked) if '"onboarding_teamtally"' in sql]
    assert len(written) == 2
    assert written[-1] < counted[0]


def test_a_batch_is_a_transaction_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statuses, "_BATCH", 2)
    for number in range(5):
        make_person(f"p{number}@acme.example")

    assert len(list(refresh_everybody())) == 3
    assert PersonStatus.objects.count() == 5
