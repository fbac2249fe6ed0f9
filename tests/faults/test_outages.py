"""What of the portal goes on while a part of it stands still or is gone, and that all of it goes on afterwards."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack

import pytest
import requests

from tests.faults.aws import age_answers, faults
from tests.faults.conftest import IS_LONG, SIZE, Told
from tests.faults.portal import Portal
from tests.faults.visitor import Load, Visitor

# On a machine with other things to do, what is bound by two seconds takes a little longer.
BOUND = 3.0
PAGES = ("/", "/setup/", "/people/", "/costs/", "/audit/", "/bundle/", "/livez", "/readyz")
WITHOUT_REDIS = 60.0
RESUMES = 15.0
_NEWEST = "SELECT coalesce(max(id), 0) FROM onboarding_verification"
_BLOCKED = "SELECT count(*) FROM onboarding_verification v WHERE v.outcome = 'blocked'"
_LIVE = "SELECT count(*) FROM onboarding_verification WHERE state IN ('queued', 'running')"


@pytest.fixture(scope="module")
def admin(portal: Portal) -> Visitor:
    visitor = portal.admin()
    # What is made at first use is made: templates, connections of every thread.
    for path in PAGES * 2:
        assert visitor.get(path).status_code == 200, path
    return visitor


def ask(visitor: Visitor, paths: Sequence[str]) -> tuple[dict[str, requests.Response], float]:
    """What each page answers, and the slowest of them in seconds."""
    answers, slowest = {}, 0.0
    for path in paths:
        began = time.monotonic()
        answers[path] = visitor.get(path)
        slowest = max(slowest, time.monotonic() - began)
    return answers, slowest


@pytest.mark.parametrize("part", ["redis", "aws"])
def test_pages_answer_while_a_part_stands_still(part: str, portal: Portal, admin: Visitor, told: Told) -> None:
    with portal.paused(part):
        answers, slowest = ask(admin, PAGES)
        began = time.monotonic()
        asked = admin.post("/setup/verify/") if part == "redis" else admin.get("/setup/")
        slowest = max(slowest, time.monotonic() - began)

    assert {answer.status_code for answer in answers.values()} == {200}
    assert asked.status_code == 200
    assert slowest < BOUND
    told(rounds=1, pages=len(answers), slowest_s=f"{slowest:.2f}")


def test_a_database_that_stands_still_is_a_503_worth_a_retry(portal: Portal, admin: Visitor, told: Told) -> None:
    pages = [path for path in PAGES if path not in ("/livez", "/readyz")]
    with portal.paused("postgresql"):
        answers, slowest = ask(admin, pages)
        stranger, slower = ask(portal.visitor(), ["/livez", "/readyz", "/"])

    assert {answer.status_code for answer in answers.values()} == {503}
    assert all(answer.headers["Retry-After"] == "10" for answer in answers.values())
    assert all("database does not answer" in answer.text for answer in answers.values())
    # The front page asks the database nothing of a stranger.
    assert [answer.status_code for answer in stranger.values()] == [200, 503, 200]
    assert max(slowest, slower) < BOUND
    portal.wait(lambda: ask(admin, PAGES)[0]["/"].status_code == 200, 10, "pages to answer again")
    assert {answer.status_code for answer in ask(admin, PAGES)[0].values()} == {200}
    told(rounds=1, pages=len(answers), slowest_s=f"{max(slowest, slower):.2f}")


# For how long a part stands still in the long form. Redis: longer than any lease.
STANDS_STILL = {"redis": 90.0, "postgresql": 30.0, "aws": 30.0}
_A_MOMENT = 6.0


@pytest.mark.parametrize("part", STANDS_STILL)
def test_work_goes_on_after_a_part_stood_still(part: str, portal: Portal, told: Told) -> None:
    """Nothing is started again: every process that waited goes on by itself."""
    age_answers(portal)
    newest, restarts = portal.count(_NEWEST), portal.restarts
    # So that what is asked for is under way when the part stands still, and neither done nor forgotten.
    with faults(portal, {"operation": "*", "kind": "slow", "seconds": 0.5}):
        portal.work("verify", str(min(SIZE.people, 100)))
        paused_s = STANDS_STILL[part] if IS_LONG else _A_MOMENT
        with portal.paused(part):
            ends = time.monotonic() + paused_s
            portal.wait(lambda: time.monotonic() > ends, paused_s + 5, f"{part} to be missed")
            left = None if part == "postgresql" else portal.count(_LIVE)
        left = portal.count(_LIVE) if left is None else left
        assert left
        before = portal.progress()
        resumed = portal.wait(lambda: portal.progress() != before, RESUMES + 5, "work to go on")
    settled, _ = portal.settle(90)

    assert resumed < RESUMES
    assert portal.restarts == restarts
    assert portal.count(f"{_BLOCKED} AND v.id > {newest}") == 0
    told(rounds=1, stood_still_s=paused_s, left=left, resumed_after_s=f"{resumed:.1f}", done_after_s=f"{settled:.0f}")


@pytest.mark.long
def test_an_identity_provider_that_stands_still_is_a_503_worth_a_retry(
    portal: Portal, admin: Visitor, told: Told
) -> None:
    front = Visitor(portal.urls[:1])
    with portal.paused("idp"):
        answers, slowest = ask(admin, PAGES)
        front.get("/")
        began = time.monotonic()
        refused = front.post("/accounts/oidc/corp/login/", allow_redirects=False)
        slowest = max(slowest, time.monotonic() - began)

    assert {answer.status_code for answer in answers.values()} == {200}
    # With what it knows of the provider the portal sends people on; that one does not answer then.
    assert refused.status_code in (302, 503)
    assert slowest < BOUND
    told(rounds=1, pages=len(answers), slowest_s=f"{slowest:.2f}")


@pytest.mark.long
def test_pages_answer_while_redis_is_gone_and_work_goes_on_after(portal: Portal, admin: Visitor, told: Told) -> None:
    load = Load([admin], PAGES)
    with portal.without("redis"), load.running():
        assert admin.post("/setup/verify/").status_code == 200
        ends = time.monotonic() + WITHOUT_REDIS
        portal.wait(lambda: time.monotonic() > ends, WITHOUT_REDIS + 5, "Redis to be missed")
        opened = portal.count(_LIVE)
    assert opened
    # It begins empty.
    resumed = portal.wait(lambda: portal.count(_LIVE) < opened, RESUMES + 5, "work to go on")
    portal.wait(lambda: portal.count(_LIVE) == 0, 30, "what was asked for meanwhile to be done")

    assert load.failed == 0, load.statuses
    assert resumed < RESUMES
    told(rounds=1, pages=load.made, without_redis_s=WITHOUT_REDIS, resumed_after_s=f"{resumed:.1f}")


@pytest.mark.long
def test_a_redis_that_comes_back_empty_has_lost_nothing(portal: Portal, told: Told) -> None:
    count = 20
    with ExitStack() as paused:
        for name in portal.names("worker"):
            paused.enter_context(portal.paused(name))
        portal.work("verify", str(count))
        with portal.without("redis"):
            (portal.home / "redis" / "appendonly.aof").unlink()
    seconds, _ = portal.settle(90)

    told(rounds=1, verifications=count, all_done_after_s=f"{seconds:.1f}")
