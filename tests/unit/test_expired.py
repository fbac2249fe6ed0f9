"""What ended goes, what lives stays, however much there is."""

from __future__ import annotations

import datetime as dt
from importlib import import_module

import pytest
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from onboarding import expired
from onboarding.models import BreakGlassLink
from tests.factories import make_person, make_user

pytestmark = pytest.mark.django_db

HOUR = dt.timedelta(hours=1)


def session(ends_in: dt.timedelta, *, seen: dt.timedelta = -2 * HOUR) -> str:
    store = import_module(settings.SESSION_ENGINE).SessionStore()
    store.create()
    now = timezone.now()
    Session.objects.filter(session_key=store.session_key).update(expire_date=now + ends_in)
    user = make_user(f"{store.session_key}@acme.example")
    row = UserSession.objects.create(user=user, ip="127.0.0.1", user_agent="", session_key=store.session_key)
    UserSession.objects.filter(pk=row.pk).update(last_seen_at=now + seen)
    return str(store.session_key)


def test_sessions_and_links_that_ended_go_and_the_others_stay() -> None:
    now, person = timezone.now(), make_person()
    living = session(HOUR)
    session(-HOUR)
    for number, ends_in in enumerate((-HOUR, HOUR)):
        BreakGlassLink.objects.create(digest=str(number), person=person, reason="-", expires_at=now + ends_in)

    assert sum(expired.forget(now)) == 3
    assert sum(expired.forget(now)) == 0

    assert list(Session.objects.values_list("session_key", flat=True)) == [living]
    assert list(UserSession.objects.values_list("session_key", flat=True)) == [living]
    assert list(BreakGlassLink.objects.values_list("digest", flat=True)) == ["1"]


def test_a_session_that_is_just_being_made_keeps_its_row() -> None:
    key = session(HOUR, seen=dt.timedelta(0))
    Session.objects.all().delete()

    list(expired.forget(timezone.now()))

    assert list(UserSession.objects.values_list("session_key", flat=True)) == [key]


def test_many_go_in_batches() -> None:
    past = timezone.now() - HOUR
    Session.objects.bulk_create(
        Session(session_key=str(number), session_data="", expire_date=past) for number in range(1201)
    )

    with CaptureQueriesContext(connection) as queries:
        assert sum(expired.forget(timezone.now())) == 1201

    deletes = [query["sql"] for query in queries if query["sql"].startswith('DELETE FROM "django_session"')]
    assert len(deletes) == 3
    assert Session.objects.count() == 0
