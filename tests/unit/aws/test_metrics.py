"""CloudWatch's count of tokens: which metrics, which days, how many at once."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from onboarding.aws import AwsError, NoAnswer, PortalDenied
from onboarding.aws.metrics import TokenTotal, token_totals
from onboarding.aws.session import Access
from onboarding.enums import MeteredClass
from tests.factories import OPUS, SONNET
from tests.unit.checks.stubs import ACCOUNT, REGION, Error, Params, Stubs

ACCESS = Access(f"arn:aws:iam::{ACCOUNT}:role/OnrampReadOnly", "external")
SINCE, UNTIL = dt.date(2026, 11, 20), dt.date(2026, 11, 22)


def metric(name: str, *dimensions: tuple[str, str]) -> dict[str, Any]:
    pairs = [{"Name": key, "Value": value} for key, value in dimensions]
    return {"Namespace": "AWS/Bedrock", "MetricName": name, "Dimensions": pairs}


def of(model: str, name: str) -> dict[str, Any]:
    return metric(name, ("ModelId", model))


def counted(*values: tuple[int, float], place: int = 0) -> dict[str, Any]:
    """Values on days of November, midnight UTC."""
    times = [dt.datetime(2026, 11, day, tzinfo=dt.UTC) for day, _ in values]
    return {"Id": f"m{place}", "Timestamps": times, "Values": [value for _, value in values]}


def totals() -> list[TokenTotal]:
    return token_totals(region=REGION, since=SINCE, until=UNTIL, access=ACCESS)


def test_the_four_classes_by_model_and_day(stubs: Stubs) -> None:
    names = ["InputTokenCount", "OutputTokenCount", "CacheReadInputTokenCount", "CacheWriteInputTokenCount"]
    stubs.answer(
        ListMetrics={"Metrics": [of(SONNET, name) for name in names]},
        GetMetricData={"MetricDataResults": [counted((20, 5.0), (21, 6.0), place=place) for place in range(4)]},
    )

    found = totals()

    assert found[:2] == [
        TokenTotal(SINCE, SONNET, "input", 5),
        TokenTotal(dt.date(2026, 11, 21), SONNET, "input", 6),
    ]
    assert [row.metered_class for row in found[::2]] == list(MeteredClass)
    asked = stubs.calls[-1].params
    assert (asked["StartTime"], asked["EndTime"]) == (
        dt.datetime(2026, 11, 20, tzinfo=dt.UTC),
        dt.datetime(2026, 11, 22, tzinfo=dt.UTC),
    )
    assert asked["MetricDataQueries"][0]["MetricStat"] == {
        "Metric": of(SONNET, "InputTokenCount"),
        "Period": 86_400,
        "Stat": "Sum",
    }


def test_only_what_is_counted_by_model_alone(stubs: Stubs) -> None:
    stubs.answer(
        ListMetrics=[
            {
                "Metrics": [
                    of(SONNET, "Invocations"),
                    metric("InputTokenCount", ("ModelId", SONNET), ("ContextWindow", "200K")),
                    metric("InputTokenCount", ("BucketedStepSize", "1")),
                ],
                "NextToken": "2",
            },
            {"Metrics": [of(OPUS, "OutputTokenCount")]},
        ],
        GetMetricData={"MetricDataResults": [counted((20, 3.0))]},
    )

    assert totals() == [TokenTotal(SINCE, OPUS, "output", 3)]

    assert stubs.calls[0].params == {"Namespace": "AWS/Bedrock", "Dimensions": [{"Name": "ModelId"}]}


def test_a_region_without_use_is_asked_no_further(stubs: Stubs) -> None:
    stubs.answer(ListMetrics={"Metrics": []})

    assert totals() == []

    assert stubs.operations == ["ListMetrics"]


def test_a_model_that_is_not_listed_any_more_is_asked_for_by_its_name(stubs: Stubs) -> None:
    """CloudWatch has its counts for longer than it lists it; what is listed is asked for once."""
    asked: list[tuple[str, str]] = []

    def answer(params: Params) -> Any:
        metrics = [query["MetricStat"]["Metric"] for query in params["MetricDataQueries"]]
        asked.extend((each["MetricName"], each["Dimensions"][0]["Value"]) for each in metrics)
        place = asked.index(("CacheReadInputTokenCount", OPUS))
        return {"MetricDataResults": [counted((20, 8.0), place=place)]}

    stubs.answer(ListMetrics={"Metrics": [of(SONNET, "InputTokenCount")]}, GetMetricData=answer)

    found = token_totals(region=REGION, since=SINCE, until=UNTIL, access=ACCESS, models={SONNET, OPUS})

    assert found == [TokenTotal(SINCE, OPUS, "cache-read", 8)]
    assert len(asked) == len(set(asked)) == 8


def test_five_hundred_at_once_and_pages(stubs: Stubs) -> None:
    models = [f"model-{number}" for number in range(501)]

    def answer(params: Params) -> Any:
        if "NextToken" in params:
            return {"MetricDataResults": [counted((21, 2.0))]}
        more = {"NextToken": "2"} if len(params["MetricDataQueries"]) == 500 else {}
        return {"MetricDataResults": [counted((20, 1.0))], **more}

    stubs.answer(
        ListMetrics={"Metrics": [of(model, "InputTokenCount") for model in models]},
        GetMetricData=answer,
    )

    found = totals()

    assert [(row.model_id, row.tokens) for row in found] == [("model-0", 1), ("model-0", 2), ("model-500", 1)]
    assert [len(call.params["MetricDataQueries"]) for call in stubs.calls[1:]] == [500, 500, 1]


@pytest.mark.parametrize("operation", ["ListMetrics", "GetMetricData"])
@pytest.mark.parametrize(
    ("fault", "kind"),
    [(Error("Throttling", 400), NoAnswer), (Error("AccessDenied", 403), PortalDenied)],
    ids=["throttled", "denied"],
)
def test_the_error_ladder(stubs: Stubs, operation: str, fault: Error, kind: type[AwsError]) -> None:
    stubs.answer(ListMetrics={"Metrics": [of(SONNET, "InputTokenCount")]}, GetMetricData=counted((20, 1.0)))
    stubs.answer({operation: fault})

    with pytest.raises(AwsError) as caught:
        totals()

    assert (type(caught.value), caught.value.operation) == (kind, f"cloudwatch:{operation}")
