"""Principals of nobody: shown with what they used, and claimed for a person by an admin, on record."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import time_machine
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from onboarding.enums import Role
from onboarding.models import AuditEvent, Caller, PersonStatus
from onboarding.models.statuses import NEVER
from tests.factories import make_caller, make_person, make_usage, make_user
from tests.web.cost_pages import HOSTILE, MILLION, NEW, NOW, admin, bill, day, logged, read, signed_in, spend, text_of

URL = "/costs/callers/"
BUILD = "arn:aws:sts::111122223333:assumed-role/acme-ci/build-42"


@pytest.fixture
def _today() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("_today")]


def words() -> str:
    return text_of(read(URL))


def unmapped(arn: str = BUILD, dollars: int = 3) -> Caller:
    caller = make_caller(arn)
    make_usage(caller=caller, day=day(3), rate=MILLION, input=dollars * MILLION)
    return caller


def claim(caller: Caller, email: str, client: Client | None = None) -> int:
    client = client or admin()
    return client.post(f"{URL}{caller.pk}/claim/", {f"claim-{caller.pk}-email": email}).status_code


# --- Who may


@pytest.mark.parametrize(("role", "status"), [(Role.PERSON, 403), (Role.AUDITOR, 200)])
def test_auditors_read_it_and_change_nothing(role: Role, status: int) -> None:
    caller, client = unmapped(), signed_in(make_person(role=role))

    assert client.get(URL).status_code == status
    assert claim(caller, "ana.nunez@acme.example", client) == 403
    assert client.post(f"{URL}{caller.pk}/release/").status_code == 403
    caller.refresh_from_db()
    assert caller.person is None
    assert not AuditEvent.objects.exists()


def test_anonymous_visitors_are_sent_to_sign_in(client: Client) -> None:
    assert client.get(URL)["Location"] == f"/?next={URL}"
    assert client.post(f"{URL}1/claim/")["Location"].startswith("/?next=")


def test_a_user_who_is_nobodys_person_gets_403(client: Client) -> None:
    client.force_login(make_user())

    assert client.get(URL).status_code == 403


def test_claims_are_posts_and_of_what_there_is() -> None:
    client = admin()

    assert client.get(f"{URL}1/claim/").status_code == 405
    assert client.get(f"{URL}1/release/").status_code == 405
    assert client.post(f"{URL}999/claim/", {}).status_code == 404
    assert client.post(f"{URL}999/release/").status_code == 404


# --- What it says


def test_without_usage_it_says_what_appears_here() -> None:
    shown = words()

    assert "No log names a principal yet" in shown
    assert "Principals appear here with the first usage" in shown


def test_where_everything_counts_for_somebody_it_says_so() -> None:
    spend(make_person(), 1)

    assert "Every principal is mapped to a person" in words()


def test_principals_of_nobody_are_shown_with_what_they_used() -> None:
    logged()
    caller = unmapped()
    make_usage(caller=caller, day=day(9), rate=MILLION, output=MILLION)

    shown = words()

    assert "One principal is unmapped" in shown
    assert f"{BUILD} 4.00 M 3 Nov 2026 9 Nov 2026 $4.00" in shown
    assert "Estimate from invocation logs. Usage to 20 November 2026, 11:59 UTC" in shown


def test_the_dearest_come_first_and_what_has_no_price_is_no_zero() -> None:
    make_usage(caller=make_caller("arn:aws:iam::1:user/new"), day=day(3), model_id=NEW, rate=None, input=MILLION)
    unmapped("arn:aws:iam::1:user/cheap", 1)
    unmapped("arn:aws:iam::1:user/dear", 9)
    Caller.objects.create(arn="arn:aws:iam::1:user/billed-only")

    shown = words()

    places = [shown.index(f"arn:aws:iam::1:user/{name} ") for name in ("dear", "cheap", "new", "billed-only")]
    assert places == sorted(places)
    assert "user/new 1.00 M 3 Nov 2026 3 Nov 2026 Unpriced" in shown
    assert "user/billed-only 0 In a bill only None" in shown
    assert "$0.00" not in shown


def test_a_principal_that_only_a_bill_names_is_unmapped_too() -> None:
    spend(make_person(), 1)
    Caller.objects.create(arn="arn:aws:iam::1:user/billed-only")

    assert "One principal is unmapped" in words()


def test_what_no_log_names_is_shown_and_cannot_be_claimed() -> None:
    nobody = Caller.objects.create(arn="")
    make_usage(caller=nobody, day=day(3), rate=MILLION)
    make_person()

    assert "Nobody that a log names" in words()
    assert "These records have no identity. They stay as they are." in words()
    assert claim(nobody, "ana.nunez@acme.example") == 404


# --- Claims


def test_a_claim_moves_all_usage_to_the_person_and_is_on_record() -> None:
    ana, caller = make_person(), unmapped()
    assert "$3.00" not in read("/usage/", signed_in(ana))

    # In any case, as e-mails are.
    assert claim(caller, "Ana.Nunez@acme.example") == 302

    caller.refresh_from_db()
    assert (caller.person, caller.claimed_by) == (ana, "carla.soto@acme.example")
    assert PersonStatus.objects.get(pk=ana.pk).last_used_on == day(3)
    assert "$3.00" in read("/usage/", signed_in(ana))
    assert "unmapped" not in words()
    assert f"{BUILD} Ana Núñez ana.nunez@acme.example carla.soto@acme.example" in words()
    event = AuditEvent.objects.get()
    assert (event.actor, event.action, event.target) == ("carla.soto@acme.example", "caller.claimed", BUILD)
    assert event.details == {"person": "ana.nunez@acme.example"}


def test_a_claim_can_be_taken_back() -> None:
    make_person()
    caller = unmapped()
    claim(caller, "ana.nunez@acme.example")

    assert admin().post(f"{URL}{caller.pk}/release/").status_code == 302

    caller.refresh_from_db()
    assert (caller.person, caller.claimed_by) == (None, "")
    assert PersonStatus.objects.get().last_used_on == NEVER.date()
    assert "One principal is unmapped" in words()
    assert [event.action for event in AuditEvent.objects.order_by("pk")] == ["caller.claimed", "caller.released"]


def test_what_onramp_found_itself_is_not_taken_back() -> None:
    ana = make_person()
    caller = make_caller(person=ana)

    assert admin().post(f"{URL}{caller.pk}/release/").status_code == 404
    caller.refresh_from_db()
    assert caller.person == ana


@pytest.mark.parametrize("is_used_again", [False, True])
def test_a_claim_for_who_left_is_theirs_unless_a_colleague_has_the_e_mail_now(is_used_again: bool) -> None:
    left = make_person("ana.nunez@acme.example", is_active=False)
    here = make_person("Ana.Nunez@acme.example") if is_used_again else None
    caller = unmapped()

    assert claim(caller, "ana.nunez@acme.example") == 302

    caller.refresh_from_db()
    assert caller.person == (here or left)


@pytest.mark.parametrize(
    ("email", "message"),
    [
        ("nobody@acme.example", "Nobody that Onramp knows has this e-mail."),
        ("left@acme.example", "Several people have this e-mail."),
        ("two@acme.example", "Several people have this e-mail."),
        ("", "This field is required."),
        (HOSTILE, "Enter a valid email address."),
    ],
)
def test_an_email_of_nobody_is_said_beside_its_principal(email: str, message: str) -> None:
    for left in ("left@acme.example", "LEFT@acme.example"):
        make_person(left, is_active=False)
    make_person("two@acme.example")
    make_person("TWO@acme.example")
    caller = unmapped()

    response = admin().post(f"{URL}{caller.pk}/claim/", {f"claim-{caller.pk}-email": email})

    assert response.status_code == 422
    shown = response.content.decode()
    assert message in shown
    assert f'id="id_claim-{caller.pk}-email_error"' in shown
    assert HOSTILE not in shown
    caller.refresh_from_db()
    assert caller.person is None
    assert not AuditEvent.objects.exists()


def test_what_is_done_on_a_later_page_stays_there() -> None:
    make_person()
    callers = [unmapped(f"arn:aws:iam::111122223333:user/u{number:02}", 100 - number) for number in range(52)]
    action = f"{URL}{callers[50].pk}/claim/?page=2"
    field = f"claim-{callers[50].pk}-email"
    assert f'action="{action}"' in read(f"{URL}?page=2")

    refused = admin().post(action, {field: "nobody@acme.example"}).content.decode()
    claimed = admin().post(action, {field: "ana.nunez@acme.example"})
    released = admin().post(f"{URL}{callers[50].pk}/release/?page=2&claimed=1&next=//evil.example")

    assert f'id="id_{field}_error"' in refused
    assert claimed["Location"] == f"{URL}?page=2"
    assert released["Location"] == f"{URL}?page=2&claimed=1"


def test_what_was_claimed_comes_a_page_at_a_time_too() -> None:
    ana = make_person()
    for number in range(51):
        make_caller(f"arn:aws:iam::111122223333:user/u{number:02}", person=ana)
    Caller.objects.update(claimed_by="carla.soto@acme.example")

    assert "user/u50" not in words()
    assert "1 to 50 of 51" in words()
    assert "user/u50" in text_of(read(f"{URL}?claimed=2"))


def test_they_come_a_page_at_a_time() -> None:
    for number in range(51):
        unmapped(f"arn:aws:iam::111122223333:user/u{number:02}", 100 - number)

    assert "user/u49 " in words()
    assert "user/u50 " not in words()
    assert "1 to 50 of 51" in words()
    assert "user/u50 " in text_of(read(f"{URL}?page=2"))
    assert "user/u00 " in text_of(read(f"{URL}?page=nonsense"))


def test_hostile_names_are_text() -> None:
    unmapped(f"arn:aws:iam::111122223333:user/{HOSTILE}")

    assert HOSTILE not in read(URL)


def test_it_takes_as_many_queries_for_one_as_for_many(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    client = admin()
    logged()
    make_person()
    claim(unmapped("arn:aws:iam::111122223333:user/claimed"), "ana.nunez@acme.example", client)
    unmapped()
    with django_assert_num_queries(16):
        client.get(URL)
    for number in range(60):
        unmapped(f"arn:aws:iam::111122223333:user/u{number}")
        claimed = unmapped(f"arn:aws:iam::111122223333:user/c{number}")
        claim(claimed, "ana.nunez@acme.example", client)
        bill("1", caller=claimed, principal=claimed.arn)
    with django_assert_num_queries(16):
        client.get(URL)
