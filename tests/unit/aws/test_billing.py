"""Cost Explorer: what is asked, what its groups mean, what each request costs, and when it has nothing to say."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from onboarding.aws import AwsError, NoAnswer, NotConfigured, PortalDenied, Refused
from onboarding.aws.billing import FIRST_DAY, DailyCost, daily_costs
from onboarding.aws.session import Access, client
from tests.unit.checks.stubs import ACCOUNT, Error, Params, Reply, Stubs

ACCESS = Access(f"arn:aws:iam::{ACCOUNT}:role/OnrampReadOnly", "external")
SINCE, UNTIL = dt.date(2026, 11, 1), dt.date(2026, 11, 3)
UNAVAILABLE = Error("DataUnavailableException", 400)


def group(*keys: str, amount: str = "1.25") -> dict[str, Any]:
    return {"Keys": list(keys), "Metrics": {"UnblendedCost": {"Amount": amount, "Unit": "USD"}}}


def day(date: str, *groups: dict[str, Any], estimated: bool = True) -> dict[str, Any]:
    after = dt.date.fromisoformat(date) + dt.timedelta(days=1)
    period = {"Start": date, "End": after.isoformat()}
    return {"TimePeriod": period, "Total": {}, "Groups": list(groups), "Estimated": estimated}


def page(*days: dict[str, Any], more: str = "") -> dict[str, Any]:
    return {"ResultsByTime": list(days), **({"NextPageToken": more} if more else {})}


class Counter:
    """Counts requests, and stops what would go over a cap."""

    class Reached(Exception):
        pass

    def __init__(self, cap: int = 100) -> None:
        self.made, self._cap = 0, cap

    def __call__(self) -> None:
        if self.made == self._cap:
            raise self.Reached
        self.made += 1


def costs(tag: str = "owner", counter: Counter | None = None, **days: dt.date) -> list[DailyCost]:
    period = {"since": SINCE, "until": UNTIL, **days}
    return daily_costs(**period, account_id=ACCOUNT, tag=tag, access=ACCESS, on_request=counter or Counter())


def grouped_by(params: Params) -> list[tuple[str, str]]:
    return [(part["Type"], part["Key"]) for part in params["GroupBy"]]


MODEL = ("PRODUCT_ATTRIBUTE", "model")


def test_days_by_the_tag_and_the_model(stubs: Stubs) -> None:
    first = day("2026-11-01", group("iamPrincipal/owner$ana", "model$Claude Sonnet 4.6"), estimated=False)
    second = day(
        "2026-11-02",
        group("iamPrincipal/owner$", "model$Claude Opus 4.8", amount="0.0000001"),
        group("iamPrincipal/owner$ana", "model$"),
        group("iamPrincipal/owner$idle", "model$Claude Sonnet 4.6", amount="0"),
    )
    stubs.answer(GetCostAndUsage=page(first, second))
    counter = Counter()

    assert costs(counter=counter) == [
        DailyCost(SINCE, "ana", "Claude Sonnet 4.6", Decimal("1.25"), False),
        DailyCost(dt.date(2026, 11, 2), "", "Claude Opus 4.8", Decimal("0.0000001"), True),
    ]

    assert counter.made == 1
    (call,) = stubs.calls
    assert (call.region, call.access) == ("us-east-1", ACCESS)
    assert call.params == {
        "TimePeriod": {"Start": "2026-11-01", "End": "2026-11-03"},
        "Granularity": "DAILY",
        "Metrics": ["UnblendedCost"],
        "GroupBy": [
            {"Type": "TAG", "Key": "iamPrincipal/owner"},
            {"Type": "PRODUCT_ATTRIBUTE", "Key": "model"},
        ],
        "Filter": {
            "And": [
                {"Dimensions": {"Key": "RECORD_TYPE", "Values": ["Usage"]}},
                {"Dimensions": {"Key": "LINKED_ACCOUNT", "Values": [ACCOUNT]}},
            ]
        },
    }


def test_by_model_alone_without_a_tag(stubs: Stubs) -> None:
    stubs.answer(GetCostAndUsage=page(day("2026-11-01", group("model$Claude Sonnet 4.6"))))

    assert costs(tag="") == [DailyCost(SINCE, "", "Claude Sonnet 4.6", Decimal("1.25"), True)]

    assert [grouped_by(call.params) for call in stubs.calls] == [[MODEL]]


def test_a_value_may_hold_a_dollar(stubs: Stubs) -> None:
    stubs.answer(GetCostAndUsage=page(day("2026-11-01", group("iamPrincipal/owner$a$b", "model$Claude"))))

    assert [cost.principal for cost in costs()] == ["a$b"]


def test_the_other_spelling_is_asked_where_the_first_tells_nobody(stubs: Stubs) -> None:
    untagged = day("2026-11-01", group("iamPrincipal/owner$", "model$Claude Sonnet 4.6"))
    tagged = day("2026-11-01", group("owner$ana", "model$Claude Sonnet 4.6"))
    stubs.answer(GetCostAndUsage=[page(untagged), page(tagged)])
    counter = Counter()

    assert [cost.principal for cost in costs(counter=counter)] == ["ana"]

    asked = [grouped_by(call.params) for call in stubs.calls]
    assert asked == [[("TAG", "iamPrincipal/owner"), MODEL], [("TAG", "owner"), MODEL]]
    assert counter.made == 2


def test_no_second_question_where_nothing_was_charged(stubs: Stubs) -> None:
    stubs.answer(GetCostAndUsage=[page(day("2026-11-01"), day("2026-11-02"))])

    assert costs() == []


def test_each_page_is_a_request(stubs: Stubs) -> None:
    pages = [
        page(day("2026-11-01", group("iamPrincipal/owner$ana", "model$A")), more="2"),
        page(day("2026-11-02", group("iamPrincipal/owner$ben", "model$A"))),
    ]
    stubs.answer(GetCostAndUsage=pages)
    counter = Counter()

    assert [cost.principal for cost in costs(counter=counter)] == ["ana", "ben"]

    assert counter.made == 2
    assert [call.params.get("NextPageToken") for call in stubs.calls] == [None, "2"]


def test_nothing_is_asked_above_a_cap(stubs: Stubs) -> None:
    stubs.answer(GetCostAndUsage=lambda _: page(day("2026-11-01"), more="again"))

    with pytest.raises(Counter.Reached):
        costs(counter=Counter(cap=3))

    assert len(stubs.calls) == 3


def test_days_before_its_first_are_not_asked_for(stubs: Stubs) -> None:
    stubs.answer(GetCostAndUsage=page())

    assert costs(since=dt.date(2026, 8, 1), until=dt.date(2026, 10, 1)) == []
    assert costs(since=dt.date(2026, 8, 1), until=FIRST_DAY) == []

    assert [call.params["TimePeriod"]["Start"] for call in stubs.calls] == ["2026-09-01"]


def test_data_that_is_not_there_yet_is_nothing(stubs: Stubs) -> None:
    stubs.answer(GetCostAndUsage=UNAVAILABLE)
    counter = Counter()

    assert costs(counter=counter) == []

    assert counter.made == 1


def test_what_the_first_spelling_told_stays_where_there_is_no_answer_to_the_second(stubs: Stubs) -> None:
    untagged = day("2026-11-01", group("iamPrincipal/owner$", "model$Claude Sonnet 4.6"))
    stubs.answer(GetCostAndUsage=[page(untagged), UNAVAILABLE])

    assert [(cost.principal, cost.amount) for cost in costs()] == [("", Decimal("1.25"))]


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Error("LimitExceededException", 400), NoAnswer),
        (Error("ThrottlingException", 400), NoAnswer),
        (Error("InternalFailure", 500), NoAnswer),
        (ReadTimeoutError(endpoint_url="https://aws.example"), NoAnswer),
        (Error("AccessDeniedException", 400), PortalDenied),
        (Error("ExpiredTokenException", 400), NotConfigured),
        (Error("BillExpirationException", 400), Refused),
        ({}, NoAnswer),
    ],
    ids=["limit", "throttled", "500", "read", "denied", "expired", "refused", "not an answer"],
)
def test_the_error_ladder(stubs: Stubs, fault: Reply, kind: type[AwsError]) -> None:
    stubs.answer(GetCostAndUsage=fault)

    with pytest.raises(AwsError) as caught:
        costs()

    assert (type(caught.value), caught.value.operation) == (kind, "ce:GetCostAndUsage")
    # An attempt that failed was charged all the same, so there is one.
    assert len(stubs.calls) == 1


def test_botocore_makes_no_attempt_of_its_own() -> None:
    """An attempt costs as much as a request."""
    config = client("ce", region="us-east-1", access=Access()).meta.config

    assert config.retries["total_max_attempts"] == 1


def test_a_bill_in_another_currency_is_refused_and_not_taken_for_dollars(stubs: Stubs) -> None:
    yuan = {"Keys": ["owner$", "Claude Sonnet 4.6"], "Metrics": {"UnblendedCost": {"Amount": "9", "Unit": "CNY"}}}
    stubs.answer(GetCostAndUsage=page(day("2026-11-01", yuan)))
    with pytest.raises(Refused, match="the bill is in CNY"):
        costs()
