"""The token bucket, by a clock that stands until it is told to move."""

from __future__ import annotations

import pytest

from sandbox.aws.errors import Throttled
from sandbox.aws.operations import Operation, Signature
from sandbox.aws.rates import Rates
from sandbox.company import Rate

SIMULATE = Operation("iam", "SimulatePrincipalPolicy", "query", Signature())
GET_ROLE = Operation("iam", "GetRole", "query", Signature())
LIST_USERS = Operation("identitystore", "ListUsers", "json", Signature())


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def passed(rates: Rates, operation: Operation, times: int, account: str = "111122223333") -> int:
    """How many of so many calls get through."""
    return sum(_passes(rates, operation, account) for _ in range(times))


def _passes(rates: Rates, operation: Operation, account: str) -> bool:
    try:
        rates.take(operation, account)
    except Throttled:
        return False
    return True


def test_a_burst_and_then_the_rate() -> None:
    clock = Clock()
    rates = Rates([Rate(("iam.*",), per_second=2, burst=3)], clock)
    assert passed(rates, SIMULATE, 5) == 3
    clock.now += 1
    assert passed(rates, SIMULATE, 5) == 2
    clock.now += 0.25
    assert passed(rates, SIMULATE, 1) == 0
    clock.now += 0.25
    assert passed(rates, SIMULATE, 2) == 1


def test_a_bucket_never_holds_more_than_its_burst() -> None:
    clock = Clock()
    rates = Rates([Rate(("*",), per_second=10, burst=4)], clock)
    assert passed(rates, SIMULATE, 4) == 4
    clock.now += 3600
    assert passed(rates, SIMULATE, 9) == 4


def test_operations_of_one_rate_share_a_bucket_and_accounts_do_not() -> None:
    rates = Rates([Rate(("iam.Simulate*", "identitystore.*"), per_second=1, burst=2)], Clock())
    assert passed(rates, SIMULATE, 1) + passed(rates, LIST_USERS, 2) == 2
    assert passed(rates, GET_ROLE, 9) == 9
    assert passed(rates, SIMULATE, 3, account="222233334444") == 2


def test_of_two_rates_the_stricter_counts_and_a_refusal_takes_nothing() -> None:
    clock = Clock()
    rates = Rates([Rate(("iam.*",), 1, burst=9), Rate(("iam.Simulate*",), 1, burst=1)], clock)
    assert passed(rates, SIMULATE, 5) == 1
    assert passed(rates, GET_ROLE, 20) == 8


@pytest.mark.parametrize(("operation", "code"), [(SIMULATE, "Throttling"), (LIST_USERS, "ThrottlingException")])
def test_the_error_is_of_the_protocol(operation: Operation, code: str) -> None:
    rates = Rates([Rate(("*",), per_second=0.001, burst=1)], Clock())
    rates.take(operation, "")
    with pytest.raises(Throttled) as caught:
        rates.take(operation, "")
    assert caught.value.code == code


def test_other_rates_begin_with_full_buckets() -> None:
    rates = Rates([Rate(("*",), 1, burst=1)], Clock())
    assert passed(rates, SIMULATE, 2) == 1
    rates.replace([Rate(("*",), 1, burst=2)])
    assert passed(rates, SIMULATE, 9) == 2
    rates.replace([])
    assert passed(rates, SIMULATE, 9) == 9
