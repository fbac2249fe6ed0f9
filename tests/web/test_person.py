"""The admins' page about one person, and what they do to that person from it."""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal

import pytest
import time_machine
from allauth.usersessions.models import UserSession
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, DjangoCaptureOnCommitCallbacks

from onboarding import people
from onboarding.enrolments import issue_codes
from onboarding.enums import BilledSource, CodePurpose, Layer, Outcome, Platform, Readiness, Role, RunState
from onboarding.models import AuditEvent, BilledCost, Person, PlanRevision, Verification
from onboarding.requests import answer_request, ask_about_error
from tests.factories import (
    HAIKU,
    OPUS,
    SONNET,
    make_account,
    make_answer,
    make_enrolment,
    make_finding,
    make_person,
    make_principal,
    make_ready_person,
    make_revision,
    make_team,
    make_usage,
    make_verification,
)
from tests.web.plan_pages import took

pytestmark = pytest.mark.django_db


def signed_in(person: Person) -> Client:
    assert person.user is not None
    client = Client()
    client.force_login(person.user)
    # As allauth keeps it of every sign-in.
    UserSession.objects.create(user=person.user, session_key=client.session.session_key, ip="127.0.0.1")
    return client


def admin(email: str = "carla.soto@acme.example") -> Client:
    return signed_in(Person.objects.filter(email=email).first() or make_person(email, name="Carla", role=Role.ADMIN))


def page(person: Person) -> str:
    response = admin().get(f"/people/{person.pk}/")
    assert response.status_code == 200
    return response.content.decode()


def verified(person: Person, revision: PlanRevision, days_ago: int, **outcomes: Outcome) -> Verification:
    """One whose questions about Opus, named by check, were answered so."""
    at = timezone.now() - dt.timedelta(days=days_ago)
    run = make_verification(person, revision, queued_at=at, finished_at=at)
    for position, (check, outcome) in enumerate(outcomes.items()):
        layer = Layer.IDENTITY_POLICY if outcome == Outcome.FAILED else ""
        fields = {"layer": layer} if layer else {}
        make_answer(run, make_finding(check, outcome=outcome, **fields), position=position, about=OPUS)
    return run


# --- Who may


def test_strangers_are_sent_to_sign_in(client: Client) -> None:
    person = make_ready_person()

    assert client.get(f"/people/{person.pk}/")["Location"] == f"/?next=/people/{person.pk}/"


def test_people_do_not_see_one_another() -> None:
    person = make_ready_person()

    assert signed_in(person).get(f"/people/{person.pk}/").status_code == 403


def test_auditors_read_and_are_offered_nothing_to_do() -> None:
    person, auditor = make_ready_person(), make_person("audit@acme.example", role=Role.AUDITOR)

    response = signed_in(auditor).get(f"/people/{person.pk}/")

    assert response.status_code == 200
    main = response.content.decode().partition("<main")[2]
    assert "<form" not in main
    assert "View as" not in main


@pytest.mark.parametrize("deed", ["verify", "team", "sessions/end", "deactivate", "reactivate", "view-as"])
@pytest.mark.parametrize("role", [Role.PERSON, Role.AUDITOR])
def test_what_is_done_to_somebody_is_for_admins(deed: str, role: Role) -> None:
    person = make_ready_person()
    client = signed_in(make_person("other@acme.example", role=role))
    events = AuditEvent.objects.count()

    assert client.post(f"/people/{person.pk}/{deed}/", {"reason": "because"}).status_code == 403
    assert AuditEvent.objects.count() == events


def test_nobody_is_no_page() -> None:
    client = admin()

    assert client.get("/people/99999/").status_code == 404
    for deed in ("verify", "team", "sessions/end", "deactivate", "reactivate", "view-as"):
        assert client.post(f"/people/99999/{deed}/", {"reason": "because"}).status_code == 404


# --- What it says


def test_who_somebody_is_and_how_they_stand() -> None:
    shown = page(make_ready_person())

    for said in ("Ana Núñez", "ana.nunez@acme.example", "Platform engineering, revision 1", ">Ready</span>"):
        assert said in shown


def test_somebody_who_never_did_anything_has_a_page_too() -> None:
    shown = page(make_person("new@acme.example", user=None, name=""))

    for said in ("No plan", "No team", "Never signed in.", "None was found yet.", "They have asked for nothing."):
        assert said in shown


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"state": RunState.RUNNING}, "Running"),
        ({"outcome": Readiness.BLOCKED, "verified_profiles": []}, "Blocked"),
        ({"outcome": Readiness.UNKNOWN, "verified_profiles": []}, "Unknown"),
        # A yes that is too old proves nothing, and is no "no".
        ({"proved_until": timezone.now() - dt.timedelta(hours=1)}, "Unknown"),
        # And so is a no that is a day old.
        (
            {
                "outcome": Readiness.BLOCKED,
                "verified_profiles": [],
                "finished_at": timezone.now() - dt.timedelta(hours=25),
            },
            "Unknown",
        ),
    ],
)
def test_one_badge_heads_the_page(fields: dict[str, object], word: str) -> None:
    revision = make_revision()
    person = make_person(team=make_team(revision.plan))
    make_verification(person, revision, **fields)

    header = page(person).partition("<main")[2].partition("</header>")[0]

    assert header.count('class="badge"') == 1
    assert f"{word}</span>" in header


def test_the_matrix_has_the_worst_answer_of_each_gate_and_model() -> None:
    revision = make_revision()
    person = make_person(team=make_team(revision.plan))
    run = make_verification(person, revision, verified_profiles=[SONNET])
    make_answer(run, make_finding("identity"))
    for position, (check, about, outcome) in enumerate(
        [
            ("model-access", SONNET, Outcome.PASSED),
            ("permissions", OPUS, Outcome.FAILED),
            ("permissions", HAIKU, Outcome.UNKNOWN),
        ]
    ):
        layer = {Outcome.FAILED: Layer.IDENTITY_POLICY, Outcome.UNKNOWN: Layer.AWS}.get(outcome, "")
        make_answer(run, make_finding(check, outcome=outcome, layer=layer), position=position, about=about)

    rows = page(person).partition("gates-matrix")[2].partition("</table>")[0].split("<tr>")

    opus, sonnet, haiku = (next(row for row in rows if profile in row) for profile in (OPUS, SONNET, HAIKU))
    assert 'data-outcome="failed"' in opus
    assert 'data-outcome="blocked"' in opus
    assert 'data-outcome="ready"' in sonnet
    # Nobody could tell, and nobody is denied anything.
    assert 'data-outcome="unknown"' in haiku
    assert not {'data-outcome="failed"', 'data-outcome="blocked"'} & set(haiku.split(">"))
    assert ">Unknown</span>" in haiku
    assert ">No</span>" not in haiku


def test_the_timeline_says_what_changed() -> None:
    revision = make_revision()
    person = make_person(team=make_team(revision.plan))
    old = verified(person, revision, 3, permissions=Outcome.PASSED, discovery=Outcome.PASSED)
    new = verified(person, revision, 1, permissions=Outcome.FAILED, discovery=Outcome.PASSED)
    Verification.objects.filter(pk=old.pk).update(verified_profiles=[OPUS, SONNET])
    Verification.objects.filter(pk=new.pk).update(verified_profiles=[SONNET, HAIKU])
    verified(person, revision, 5, permissions=Outcome.PASSED, discovery=Outcome.PASSED)

    shown = page(person).partition('id="history-h"')[2].partition("</section>")[0]
    newest, middle, oldest = shown.split("<li data-outcome")[1:]

    changed = newest.partition('class="changes"')[2]
    assert "Invoke: Claude Opus 4.8" in changed
    assert changed.index("Passed</span>") < changed.index("Failed</span>")
    assert "Gained</span> Claude Haiku 4.5" in changed
    assert "Lost</span> Claude Opus 4.8" in changed
    assert changed.count("turned into") == 1
    assert "turned into" not in middle
    assert "Lost</span> Claude Haiku 4.5" in middle
    assert "The first one that is kept." in oldest


def test_a_verification_that_found_the_same_says_so() -> None:
    revision = make_revision()
    person = make_person(team=make_team(revision.plan))
    for days in (2, 1):
        verified(person, revision, days, permissions=Outcome.PASSED)

    assert page(person).count("Nothing changed.") == 1


def test_a_new_role_and_a_new_revision_are_changes() -> None:
    old, new = make_revision(), make_revision()
    person = make_person(team=make_team(new.plan))
    first = make_principal(person, is_chosen=False, role_arn="arn:aws:iam::111122223333:role/Old")
    second = make_principal(person, role_arn="arn:aws:iam::111122223333:role/New", permission_set="Newer")
    make_verification(person, old, principal=first, queued_at=timezone.now() - dt.timedelta(days=1))
    make_verification(person, new, principal=second)

    shown = page(person)

    assert "Against revision 2 of Platform engineering now" in shown
    assert "As <code>Newer</code> now" in shown


def test_identities_say_how_they_were_found() -> None:
    person = make_person()
    make_principal(person, found_via="claude-developers")
    make_principal(person, is_chosen=False, role_arn="arn:aws:iam::111122223333:user/ana", permission_set="ana")

    shown = page(person)

    assert "Group claude-developers" in shown
    assert "A tag or name of the IAM user" in shown


def test_bundles_machines_and_sessions() -> None:
    person = make_ready_person()
    took(person, PlanRevision.objects.get())
    make_enrolment(person)
    signed_in(person)

    shown = page(person)

    assert "Revision 1 of Platform engineering" in shown
    assert "ana-mbp" in shown
    assert "127.0.0.1, since" in shown


def test_an_estimate_stands_beside_what_was_billed_and_says_as_of_when() -> None:
    person = make_ready_person()
    Person.objects.filter(pk=person.pk).update(monthly_budget=Decimal(10))
    make_usage(day=timezone.now().date(), person=person)

    shown = page(person)

    assert "$3.00" in shown
    assert "used of $10.00 this month" in shown
    assert "Not billed yet" in shown
    assert "Not everything was read yet" in shown


def test_what_aws_may_still_change_of_a_bill_is_told() -> None:
    person = make_ready_person()
    today = timezone.now().date()
    make_usage(day=today, person=person)
    BilledCost.objects.create(
        account=make_account(),
        source=BilledSource.COST_EXPLORER,
        day=today,
        amount=2_500_000_000,
        is_estimated=True,
        fetched_at=timezone.now(),
        caller=person.callers.get(),
    )

    shown = page(person)

    assert "$2.50" in shown
    assert "AWS may still change it." in shown


def test_a_request_that_was_answered_and_left_open_has_its_answer() -> None:
    person = make_ready_person()
    request = ask_about_error(person=person, diagnosis="a-key", masked="ExpiredToken", note="")
    answer_request(request=request, actor="carla.soto@acme.example", answer="Which model?")

    shown = page(person)

    assert "Which model?" in shown
    assert 'href="/requests/?state=answered"' in shown


def test_requests_and_their_answers() -> None:
    person = make_ready_person()
    request = ask_about_error(person=person, diagnosis="a-key", masked="ExpiredToken", note="<b>Please</b>")
    admin().post(f"/requests/{request.pk}/close/", {"answer": "Sign in again."})

    shown = page(person)

    assert "&lt;b&gt;Please&lt;/b&gt;" in shown
    assert "Sign in again." in shown
    assert "carla.soto@acme.example closed it" in shown


def test_the_trail_is_about_this_person_only() -> None:
    person = make_ready_person()
    AuditEvent.objects.record(actor="carla@acme.example", action="team.added", target="Somebody", reason="other")
    AuditEvent.objects.record(actor="carla@acme.example", action="budget.changed", target=person.email, reason="more")

    shown = page(person)

    assert "Changed a budget" in shown
    assert "reason: <bdi>more</bdi>" in shown
    assert "Added a team" not in shown


def test_it_asks_a_constant_number_of_queries(django_assert_max_num_queries: DjangoAssertNumQueries) -> None:
    person, client = make_ready_person(), admin()
    revision = PlanRevision.objects.get()
    counts = []
    for rows in (1, 6):
        for number in range(rows):
            verified(person, revision, number + 2, permissions=Outcome.FAILED, discovery=Outcome.UNKNOWN)
            took(person, revision)
            make_principal(person, is_chosen=False, role_arn=f"arn:aws:iam::111122223333:role/R{rows}-{number}")
            make_enrolment(person, machine=f"machine-{rows}-{number}")
            ask_about_error(person=person, diagnosis=f"key-{rows}-{number}", masked="Boom", note="")
            make_usage(day=timezone.now().date(), person=person, region=f"eu-north-{rows}{number}")
            signed_in(person)
        with django_assert_max_num_queries(33) as asked:
            assert client.get(f"/people/{person.pk}/").status_code == 200
        counts.append(len(asked))
    assert counts[0] == counts[1]


@time_machine.travel(dt.datetime(2026, 11, 20, 9, tzinfo=dt.UTC), tick=False)
def test_what_somebody_used_is_drawn_day_by_day_and_told_when_it_ended() -> None:
    person = make_ready_person()
    for day, dollars in ((3, 2), (12, 5)):
        make_usage(person=person, day=dt.date(2026, 11, day), rate=1_000_000, input=dollars * 1_000_000)

    shown = page(person)

    assert "Most was used on 12 Nov: $5.00." in shown
    assert "Last used on 12 Nov" in " ".join(shown.split())
    heights = [float(height) for height in re.findall(r'<rect class="s1"[^>]* height="([\d.]+)"', shown)]
    assert [heights[day - 1] for day in (1, 3, 12, 20)] == [1, 22.4, 56, 1]
    assert len(heights) == 20
    row = re.search(r">3 Nov</th><td class=\"number\">(.*?)</td>", shown)
    assert row is not None
    assert "$2.00" in row[1]


def test_where_nothing_was_used_nothing_is_drawn() -> None:
    assert "spark-t" not in page(make_ready_person())


# --- Verify again


def test_an_admin_has_somebody_verified(
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    person, client = make_ready_person(), admin()

    with django_capture_on_commit_callbacks() as published:
        for _click in range(2):
            assert client.post(f"/people/{person.pk}/verify/")["Location"] == f"/people/{person.pk}/"

    assert published
    assert Verification.objects.filter(person=person, state=RunState.QUEUED).count() == 1
    event = AuditEvent.objects.get(action="verification.opened")
    assert (event.actor, event.target) == ("carla.soto@acme.example", person.email)


@pytest.mark.parametrize("lost", [{"is_active": False}, {"team": None}])
def test_nobody_is_verified_who_has_no_plan_or_is_deactivated(lost: dict[str, object]) -> None:
    person = make_ready_person()
    Person.objects.filter(pk=person.pk).update(**lost)

    assert admin().post(f"/people/{person.pk}/verify/").status_code == 302
    assert not Verification.objects.filter(state=RunState.QUEUED).exists()


# --- Team


def test_somebody_changes_teams_and_it_is_on_record_once() -> None:
    person, client = make_ready_person(), admin()
    team = make_team(group="claude-data", name="Data")

    for _click in range(2):
        client.post(f"/people/{person.pk}/team/", {"team": team.pk})

    person.refresh_from_db()
    assert person.team == team
    event = AuditEvent.objects.get(action="person.changed")
    assert (event.actor, event.target) == ("carla.soto@acme.example", person.email)
    assert event.details == {"team": "Data", "team_before": "Platform"}

    client.post(f"/people/{person.pk}/team/", {"team": ""})
    person.refresh_from_db()
    assert person.team is None


def test_a_team_that_does_not_exist_changes_nothing() -> None:
    person = make_ready_person()

    assert admin().post(f"/people/{person.pk}/team/", {"team": "99999"}).status_code == 302
    person.refresh_from_db()
    assert person.team is not None


def test_the_page_says_that_the_groups_decide_again_and_leads_to_the_team() -> None:
    shown = page(make_ready_person())

    assert "At the next sign-in the groups of the identity provider decide again" in shown
    assert "Open Platform" in shown


def test_each_team_is_offered_with_the_plan_that_comes_with_it() -> None:
    plan = make_revision().plan
    person = make_person(team=make_team(plan))
    make_team(group="visitors", name="Visitors")

    shown = page(person)

    assert re.search(rf"<option[^>]* selected>Platform \({plan.name}\)</option>", shown)
    assert re.search(r"<option[^>]*>Visitors \(No plan\)</option>", shown)


# --- Sessions, deactivating


def test_sessions_end_in_every_browser_and_only_this_persons() -> None:
    person, other = make_ready_person(), make_person("other@acme.example")
    browsers, stranger, client = [signed_in(person), signed_in(person)], signed_in(other), admin()

    client.post(f"/people/{person.pk}/sessions/end/")

    for browser in browsers:
        assert browser.get("/usage/")["Location"] == "/?next=/usage/"
    assert stranger.get("/usage/").status_code == 200
    event = AuditEvent.objects.get(action="session.ended")
    assert (event.actor, event.target, event.details["sessions"]) == ("carla.soto@acme.example", person.email, 2)


def test_somebody_deactivated_is_turned_away_at_the_very_next_request() -> None:
    person, client = make_ready_person(), admin()
    browser = signed_in(person)
    told = issue_codes(person=person, purposes=[CodePurpose.INSTALL], platform=Platform.LINUX, language="en")
    code = told[CodePurpose.INSTALL]
    assert browser.get("/usage/").status_code == 200

    client.post(f"/people/{person.pk}/deactivate/", {"reason": "left the company"})

    assert browser.get("/usage/")["Location"] == "/?next=/usage/"
    assert browser.post("/install/codes/").status_code == 302
    assert Client().post("/install/bundle/", code, content_type="text/plain").status_code == 410
    event = AuditEvent.objects.get(action="person.deactivated")
    assert event.actor == "carla.soto@acme.example"
    assert (event.target, event.details["reason"]) == (person.email, "left the company")
    assert "Deactivated</span>" in page(person)


def test_even_a_session_that_nobody_ended_opens_nothing() -> None:
    person = make_ready_person()
    people.deactivate(person, actor=make_person("carla.soto@acme.example", role=Role.ADMIN), reason="left")

    assert signed_in(person).get("/usage/").status_code == 403


def test_somebody_reactivated_comes_in_again() -> None:
    person, client = make_ready_person(), admin()
    client.post(f"/people/{person.pk}/deactivate/", {"reason": "by mistake"})

    client.post(f"/people/{person.pk}/reactivate/", {"reason": "it was a mistake"})

    assert signed_in(person).get("/usage/").status_code == 200
    assert AuditEvent.objects.get(action="person.reactivated").details == {"reason": "it was a mistake"}


@pytest.mark.parametrize("deed", ["deactivate", "reactivate"])
def test_a_reason_is_required(deed: str) -> None:
    person = make_ready_person(is_active=deed == "deactivate")
    events = AuditEvent.objects.count()

    response = admin().post(f"/people/{person.pk}/{deed}/", {"reason": "  "})

    assert response.status_code == 422
    assert "Say why." in response.content.decode()
    assert Person.objects.get(pk=person.pk).is_active is (deed == "deactivate")
    assert AuditEvent.objects.count() == events


@pytest.mark.parametrize("deed", ["deactivate", "reactivate"])
def test_doing_it_twice_is_doing_it_once(deed: str) -> None:
    person, client = make_ready_person(is_active=deed == "deactivate"), admin()

    for _click in range(2):
        assert client.post(f"/people/{person.pk}/{deed}/", {"reason": "because"}).status_code == 302

    assert AuditEvent.objects.filter(action=f"person.{deed}d").count() == 1


def test_nobody_deactivates_themselves() -> None:
    make_person("second@acme.example", role=Role.ADMIN)
    client = admin()
    carla = Person.objects.get(email="carla.soto@acme.example")

    response = client.post(f"/people/{carla.pk}/deactivate/", {"reason": "holidays"})

    assert response.status_code == 422
    assert "Nobody deactivates themselves, or the last admin." in response.content.decode()
    assert Person.objects.get(pk=carla.pk).is_active
    assert not AuditEvent.objects.filter(action="person.deactivated").exists()


def test_the_last_admin_stays_whoever_asks() -> None:
    carla = make_person("carla.soto@acme.example", role=Role.ADMIN)
    # Somebody who was an admin until a moment ago.
    former = make_person("former@acme.example", role=Role.PERSON)

    with pytest.raises(people.MayNotDeactivate):
        people.deactivate(carla, actor=former, reason="revenge")

    assert Person.objects.get(pk=carla.pk).is_active


def test_an_admin_deactivates_another_while_one_is_left() -> None:
    other = make_person("second@acme.example", role=Role.ADMIN)

    admin().post(f"/people/{other.pk}/deactivate/", {"reason": "left"})

    assert not Person.objects.get(pk=other.pk).is_active
