"""Notifications as rows: one of a kind a person and day, whoever sees the cause, and nothing that is not wanted."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import IntegrityError, connection
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from onboarding.enums import Channel, NotificationKind, Role
from onboarding.models import AdminRequest, AlertMail, BudgetAlert, Notification, OptOut
from tests.factories import make_person, make_team

pytestmark = pytest.mark.django_db

READY = NotificationKind.ACCESS_READY
FILED = NotificationKind.REQUEST_FILED


def test_of_one_kind_a_person_is_told_once_a_day() -> None:
    person, tomorrow = make_person(), timezone.now().date() + dt.timedelta(days=1)
    Notification.objects.create(kind=READY, person=person)
    Notification.objects.create(kind=NotificationKind.ACCESS_BLOCKED, person=person)
    Notification.objects.create(kind=READY, person=person, day=tomorrow)

    with pytest.raises(IntegrityError, match=r"notification_once_a_day|UNIQUE"):
        Notification.objects.create(kind=READY, person=person)


def test_slack_is_told_once_a_day_too() -> None:
    Notification.objects.create(kind=FILED)

    with pytest.raises(IntegrityError, match=r"notification_once_a_day_in_slack|UNIQUE"):
        Notification.objects.create(kind=FILED)


def test_an_admin_tests_as_often_as_they_like() -> None:
    person = make_person()
    for _ in range(2):
        Notification.objects.create(kind=NotificationKind.TEST, person=person)
        Notification.objects.create(kind=NotificationKind.TEST)

    assert Notification.objects.count() == 4


def test_what_is_about_a_person_goes_to_no_channel() -> None:
    with pytest.raises(IntegrityError, match="notification_for_people_has_person"):
        Notification.objects.create(kind=READY)


def test_a_problem_has_its_since() -> None:
    with pytest.raises(IntegrityError, match="notification_problem_has_since"):
        Notification.objects.create(kind=FILED, problem=Channel.SLACK)


def test_a_kind_is_refused_once() -> None:
    person = make_person()
    OptOut.objects.create(person=person, kind=READY)

    with pytest.raises(IntegrityError, match=r"opt_out_once|UNIQUE"):
        OptOut.objects.create(person=person, kind=READY)


def test_nobody_has_an_alert_twice() -> None:
    person, today = make_person(), timezone.now().date()
    alert = BudgetAlert.objects.create(
        month=today.replace(day=1), team=make_team(), kind="threshold", percent=80, budget=1, spent=1
    )
    AlertMail.objects.create(alert=alert, person=person)

    with pytest.raises(IntegrityError, match=r"alert_mail_once|UNIQUE"):
        AlertMail.objects.create(alert=alert, person=person)


@pytest.mark.parametrize(
    "fields",
    [{"answered_at": timezone.now()}, {"answered_by": "x"}, {"answered_at": timezone.now(), "answered_by": "x"}],
)
def test_an_answered_request_has_an_answer_and_whose_it_is(fields: dict[str, object]) -> None:
    with pytest.raises(IntegrityError, match="request_answered_has_answer"):
        AdminRequest.objects.create(person=make_person(), reason="access", **fields)


def test_recording_leaves_out_what_is_refused_and_what_was_told_today() -> None:
    told, refusing, new = (make_person(f"{name}@acme.example") for name in ("ana", "luis", "pau"))
    OptOut.objects.create(person=refusing, kind=READY)
    Notification.objects.create(kind=READY, person=told, facts={"first": True})

    Notification.objects.tell(READY, [told.pk, refusing.pk, new.pk])

    found = Notification.objects.values_list("person__email", "facts").order_by("pk")
    assert list(found) == [("ana@acme.example", {"first": True}), ("pau@acme.example", {})]


def test_admins_are_told_who_are_active_and_their_channel(settings: Settings) -> None:
    settings.ONRAMP_SLACK_WEBHOOK = "https://hooks.slack.com/services/T0/B0/very-secret"
    carla = make_person("carla.soto@acme.example", role=Role.ADMIN)
    make_person("gone@acme.example", role=Role.ADMIN, is_active=False)
    make_person("auditor@acme.example", role=Role.AUDITOR)

    Notification.objects.tell_admins(FILED)

    assert list(Notification.objects.order_by("pk").values_list("person", flat=True)) == [carla.pk, None]


@pytest.mark.parametrize("people", [1, 40])
def test_recording_asks_two_queries_however_many_are_told(
    people: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    told = [make_person(f"person-{number}@acme.example", user=None).pk for number in range(people)]

    with django_assert_num_queries(2):
        Notification.objects.tell(READY, told)

    assert Notification.objects.count() == people


@pytest.mark.django_db(transaction=True)
def test_ten_workers_that_see_one_cause_tell_it_once() -> None:
    told = [make_person(f"person-{number}@acme.example").pk for number in range(5)]

    def tell(_number: int) -> None:
        try:
            Notification.objects.tell(READY, told)
        finally:
            connection.close()

    with ThreadPoolExecutor(10) as pool:
        list(pool.map(tell, range(10)))

    assert sorted(Notification.objects.values_list("person", flat=True)) == told
