"""A watermark that stands still is told to the admins, once a day while it does."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
import time_machine

from onboarding.costs.coverage import STALLED
from onboarding.costs.stalls import tell_of_stalls
from onboarding.enums import NotificationKind, Problem, Role
from onboarding.models import LogSource, Notification
from tests.factories import make_account, make_person

pytestmark = pytest.mark.django_db

NOW = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)
MINUTE = dt.timedelta(minutes=1)


def source(region: str = "eu-west-1", **fields: Any) -> LogSource:
    return LogSource.objects.create(account=make_account(), region=region, **fields)


@time_machine.travel(NOW, tick=False)
def test_what_was_not_read_for_half_an_hour_is_told_with_its_problem() -> None:
    admin = make_person("carla.soto@acme.example", role=Role.ADMIN)
    long_ago = NOW - STALLED - MINUTE
    source(read_at=long_ago)
    source("eu-south-2", problem=Problem.DENIED, problem_since=long_ago, problem_detail="s3:ListBucket")
    source("eu-north-1", read_at=NOW - STALLED + MINUTE)
    source("eu-central-1")

    tell_of_stalls(NOW)
    tell_of_stalls(NOW)

    (row,) = Notification.objects.all()
    assert (row.person, row.kind, row.day) == (admin, NotificationKind.READING_STALLED, NOW.date())
    assert [(place["region"], place["problem"]) for place in row.facts["places"]] == [
        ("eu-south-2", "denied"),
        ("eu-west-1", ""),
    ]


def test_it_is_told_again_on_the_next_day() -> None:
    make_person("carla.soto@acme.example", role=Role.ADMIN)
    source(read_at=NOW - STALLED - MINUTE)
    for days in range(2):
        now = NOW + dt.timedelta(days=days)
        with time_machine.travel(now, tick=False):
            tell_of_stalls(now)

    assert Notification.objects.count() == 2


def test_what_is_read_is_no_news() -> None:
    make_person("carla.soto@acme.example", role=Role.ADMIN)
    source(read_at=NOW)

    tell_of_stalls(NOW)

    assert not Notification.objects.exists()
