"""Probes: what each touches, and what it makes of an outage."""

from __future__ import annotations

import time
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client
from django.test.utils import CaptureQueriesContext

from deploy.redis import LOOPBACK

pytestmark = pytest.mark.django_db


def test_livez_touches_nothing(client: Client) -> None:
    with CaptureQueriesContext(connection) as queries:
        response = client.get("/livez")

    assert (response.status_code, response.json()) == (200, {"status": "ok"})
    assert len(queries) == 0


def test_with_everything_there_the_portal_is_ready(client: Client, point_at: Any, broker_url: str) -> None:
    point_at(broker_url)

    response = client.get("/readyz")

    assert (response.status_code, response.json()) == (200, {"status": "ok", "database": "ok", "redis": "ok"})


def test_without_redis_it_is_ready_and_degraded(client: Client, point_at: Any) -> None:
    point_at(f"redis://{LOOPBACK}:9/0")

    response = client.get("/readyz")

    assert (response.status_code, response.json()["status"]) == (200, "degraded")


def test_a_redis_that_hangs_holds_the_answer_up_for_a_moment_only(
    client: Client, point_at: Any, hung_url: str
) -> None:
    point_at(hung_url)
    begun = time.monotonic()

    response = client.get("/readyz")

    assert (response.status_code, response.json()["redis"]) == (200, "no answer")
    # Half a second to say hello, twice. The bound is wide, for machines that are busy: without one it hangs for ever.
    assert time.monotonic() - begun < 15


def test_whoever_asks_often_is_answered_from_what_was_seen_within_a_second(client: Client) -> None:
    first = client.get("/readyz")
    with CaptureQueriesContext(connection) as queries:
        again = client.get("/readyz")
    assert (again.status_code, again.json()) == (first.status_code, first.json())
    assert len(queries) == 0

    time.sleep(1)

    with CaptureQueriesContext(connection) as queries:
        client.get("/readyz")
    assert len(queries) > 0


def test_that_it_is_not_ready_holds_for_no_longer_than_it_is_so(client: Client) -> None:
    def no_answer(*_: Any) -> Any:
        raise OperationalError

    with connection.execute_wrapper(no_answer):
        statuses = [client.get("/readyz").status_code]
    statuses.append(client.get("/readyz").status_code)

    assert statuses == [503, 200]


def test_without_the_database_or_its_migrations_it_is_not_ready(client: Client) -> None:
    def no_answer(*_: Any) -> Any:
        raise OperationalError

    with connection.execute_wrapper(no_answer):
        down = client.get("/readyz")
    (newest,) = MigrationLoader(connection).graph.leaf_nodes("onboarding")
    MigrationRecorder(connection).record_unapplied(*newest)
    behind = client.get("/readyz")

    assert (down.status_code, down.json()["database"]) == (503, "no answer")
    assert (behind.status_code, behind.json()["database"]) == (503, "migrations pending")
