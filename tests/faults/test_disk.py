"""A disk that is full: what only reads goes on, what writes says so, and logs are no reason to fail."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import OperationalError, connection
from django.test import Client

from onboarding.models import AuditEvent
from tests.faults.conftest import Told
from tests.faults.portal import UP, Portal
from tests.faults.visitor import Visitor


@pytest.fixture
def full_disk(transactional_db: None) -> Iterator[None]:
    """SQLite may take no page more, which is the error of a full disk."""
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL cannot be told that its disk is full")
    with connection.cursor() as cursor:
        (most,) = cursor.execute("PRAGMA max_page_count").fetchone()
        (pages,) = cursor.execute("PRAGMA page_count").fetchone()
        cursor.execute(f"PRAGMA max_page_count = {pages}")
    yield
    with connection.cursor() as cursor:
        cursor.execute(f"PRAGMA max_page_count = {most}")


@pytest.mark.usefixtures("full_disk")
def test_a_full_database_reads_on_and_says_what_it_cannot_write() -> None:
    client = Client()
    assert client.get("/").status_code == 200

    with pytest.raises(OperationalError, match="full"):
        AuditEvent.objects.record(actor="schedule", action="sweep.opened", target="everybody", filler="x" * 1_000_000)

    assert AuditEvent.objects.count() == 0
    assert client.get("/readyz").status_code == 200


@pytest.mark.long
def test_processes_whose_logs_nobody_can_write_work_on(portal: Portal, told: Told) -> None:
    """/dev/full is a disk without room."""
    name, worker = "web-0", "worker-0"
    pages = 0
    for each in (name, worker):
        command, changes = portal.command_of(each)
        with portal.without(each):
            portal.start(f"full-{each}", ["sh", "-c", 'exec "$@" > /dev/full 2>&1', "sh", *command], **changes)
            portal.wait(lambda: portal.is_ready(portal.url), UP, "pages without a log")
            visitor: Visitor = portal.admin()
            for path in ("/", "/setup/", "/people/"):
                assert visitor.get(path).status_code == 200
                pages += 1
            portal.end(f"full-{each}")
    told(rounds=2, pages=pages)
