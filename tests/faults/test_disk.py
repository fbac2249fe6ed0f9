"""A disk that is full: what only reads goes on, what writes says so, and logs are no reason to fail."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, suppress

import pytest
from django.db import OperationalError, connection
from django.test import Client

from onboarding.enums import Role
from onboarding.models import AuditEvent, Team
from tests.faults.conftest import Told
from tests.faults.portal import UP, Portal
from tests.faults.visitor import Visitor
from tests.web.plan_pages import client_of

VERIFIED = 10
_NEWEST = "SELECT coalesce(max(id), 0) FROM onboarding_verification"
# One of them looks at the setup page, and is verified for that as well.
_DONE = "SELECT count(DISTINCT person_id) FROM onboarding_verification WHERE state = 'done'"


@pytest.fixture
def admin(transactional_db: None) -> Client:
    client = client_of(Role.ADMIN)
    client.raise_request_exception = False
    return client


@pytest.fixture
def full_disk(admin: Client) -> Iterator[None]:
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


@pytest.mark.usefixtures("full_disk")
def test_what_a_full_database_cannot_take_is_a_503_that_changes_nothing(admin: Client) -> None:
    _fill_the_last_page()
    events = AuditEvent.objects.count()

    refused = admin.post("/teams/new/", {"name": "Data", "group": "claude-data", "cost_centre": "CC-9"})

    assert refused.status_code == 503
    assert int(refused["Retry-After"]) > 0
    assert "database does not answer" in refused.content.decode()
    assert not Team.objects.exists()
    assert AuditEvent.objects.count() == events
    assert admin.get("/teams/").status_code == 200


def _fill_the_last_page() -> None:
    for size in (1000, 1):
        with suppress(OperationalError):
            while True:
                AuditEvent.objects.record(actor="schedule", action="sweep.opened", target="all", filler="x" * size)


@pytest.mark.long
def test_processes_whose_logs_nobody_can_write_work_on(portal: Portal, told: Told) -> None:
    """/dev/full is a disk without room."""
    visitor: Visitor = portal.admin()
    portal.settle(90)
    newest = portal.count(_NEWEST)
    with ExitStack() as gone:
        for name in (*portal.names("web"), *portal.names("worker")):
            gone.enter_context(portal.without(name))
        for name in ("web-0", "worker-0"):
            command, changes = portal.command_of(name)
            full = ["sh", "-c", 'exec "$@" > /dev/full 2>&1', "sh", *command]
            portal.start(f"full-{name}", full, **changes)
            gone.callback(portal.end, f"full-{name}")
        portal.wait(lambda: portal.is_ready(portal.url), UP, "pages without a log")
        pages = [visitor.get(path).status_code for path in ("/", "/setup/", "/people/")]
        assert pages == [200] * 3
        portal.work("verify", str(VERIFIED))
        portal.settle(90)
        # By the one worker there is.
        assert portal.count(f"{_DONE} AND id > {newest}") == VERIFIED
    for url in portal.urls:
        portal.wait(lambda url=url: portal.is_ready(url), UP, f"{url} to be ready")  # type: ignore[misc]
    told(rounds=2, pages=len(pages), verifications=VERIFIED)
