"""A sweep asks as fast as AWS lets it; what a person waits for is not held back."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from threading import Thread
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from urllib3 import HTTPResponse

from onboarding.aws import pace
from onboarding.aws.pace import RATES, TokenBucket, paced, wait_for_turn
from onboarding.aws.session import Access, client, forget_clients


class Clock:
    """A clock that moves only while somebody sleeps, and keeps how long each slept."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(round(seconds, 6))
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock that buckets read; no bucket is left over from another test."""
    made = Clock()
    monkeypatch.setattr(pace, "time", made)
    monkeypatch.setattr(pace, "_buckets", {})
    return made


# --- The bucket


def test_a_burst_passes_at_once_and_then_the_rate(clock: Clock) -> None:
    bucket = TokenBucket(rate=2.0, burst=3)

    for _ in range(6):
        bucket.wait()

    assert clock.slept == [0, 0, 0, 0.5, 0.5, 0.5]


def test_tokens_come_back_with_time_and_no_more_than_the_burst(clock: Clock) -> None:
    bucket = TokenBucket(rate=2.0, burst=3)
    for _ in range(3):
        bucket.wait()

    clock.now += 0.75
    bucket.wait()
    bucket.wait()
    clock.now += 3600
    for _ in range(4):
        bucket.wait()

    assert clock.slept == [0, 0, 0, 0, 0.25, 0, 0, 0, 0.5]


def test_those_who_wait_stand_in_a_line(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    """Each takes a token before it sleeps: who comes meanwhile waits for the one after."""
    bucket = TokenBucket(rate=2.0, burst=1)
    monkeypatch.setattr(clock, "sleep", lambda seconds: clock.slept.append(seconds))

    for _ in range(4):
        bucket.wait()

    assert clock.slept == [0, 0.5, 1.0, 1.5]


@pytest.mark.parametrize("name", list(RATES))
def test_a_minute_of_calls_stays_below_awss_own_rate(clock: Clock, name: str) -> None:
    rate, burst = RATES[name]
    known = {"iam": 5, "identity-center": 20}
    bucket, until, calls = TokenBucket(rate, burst), clock.now + 60, 0

    while clock.now < until:
        bucket.wait()
        calls += 1

    assert calls <= known[name] * 60


# --- Whose turn it is


def test_nothing_waits_outside(clock: Clock) -> None:
    for _ in range(100):
        wait_for_turn("iam", "111122223333")

    assert clock.slept == []


def test_a_sweep_waits(clock: Clock) -> None:
    rate, burst = RATES["iam"]

    with paced():
        for _ in range(burst + 1):
            wait_for_turn("iam", "111122223333")
    wait_for_turn("iam", "111122223333")

    assert clock.slept == [*[0] * burst, round(1 / rate, 6)]


def test_services_whose_rate_is_not_known_do_not_wait(clock: Clock) -> None:
    with paced():
        for service in ("bedrock", "sts", "service-quotas", "organizations"):
            wait_for_turn(service, "111122223333")

    assert clock.slept == []


def test_identity_centers_services_share_a_rate(clock: Clock) -> None:
    _, burst = RATES["identity-center"]

    with paced():
        for _ in range(burst):
            wait_for_turn("sso-admin", "999988887777")
        wait_for_turn("identitystore", "999988887777")

    assert clock.slept[-1] > 0


def test_accounts_have_rates_of_their_own(clock: Clock) -> None:
    with paced():
        for account in ("111122223333", "222233334444") * RATES["iam"][1]:
            wait_for_turn("iam", account)

    assert set(clock.slept) == {0}


def test_another_thread_is_not_paced(clock: Clock) -> None:
    with paced():
        thread = Thread(target=wait_for_turn, args=("iam", "111122223333"))
        thread.start()
        thread.join()

    assert clock.slept == []


def test_a_sweep_that_fails_paces_nobody_after_it(clock: Clock) -> None:
    with pytest.raises(RuntimeError), paced():
        raise RuntimeError

    wait_for_turn("iam", "111122223333")
    assert clock.slept == []


# --- Every call of a client


BODY = b"<ListRolesResponse><ListRolesResult><Roles/></ListRolesResult></ListRolesResponse>"


@pytest.fixture
def answers() -> Iterator[list[int]]:
    """The statuses that IAM answers with, in turn; no call leaves the process."""
    statuses: list[int] = []

    def respond(request: Any, **_: Any) -> AWSResponse:
        return AWSResponse(
            request.url, statuses.pop(0), HTTPHeaders(), HTTPResponse(BytesIO(BODY), preload_content=False)
        )

    forget_clients()
    iam = client("iam", region="eu-west-1", access=Access())
    iam.meta.events.register_last("before-send.iam", respond)
    yield statuses
    forget_clients()


def call() -> None:
    client("iam", region="eu-west-1", access=Access()).list_roles()


def test_a_call_waits_for_its_turn_in_a_sweep_alone(clock: Clock, answers: list[int]) -> None:
    answers += [200, 200]

    call()
    assert clock.slept == []
    with paced():
        call()
    assert clock.slept == [0]


def test_what_botocore_tries_again_waits_for_a_turn_of_its_own(
    clock: Clock, answers: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda seconds: None)
    answers += [503, 503, 200]

    with paced():
        call()

    assert clock.slept == [0, 0, 0]
