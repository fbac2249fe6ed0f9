"""CloudWatch's own count of Bedrock's tokens: by day and model, of everybody together."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from onboarding.aws.errors import mapped
from onboarding.aws.session import Access, client
from onboarding.enums import MeteredClass

_NAMESPACE, _DIMENSION = "AWS/Bedrock", "ModelId"
# https://docs.aws.amazon.com/bedrock/latest/userguide/monitoring-runtime-metrics.html
_CLASSES: Mapping[str, MeteredClass] = {
    "InputTokenCount": MeteredClass.INPUT,
    "OutputTokenCount": MeteredClass.OUTPUT,
    "CacheReadInputTokenCount": MeteredClass.CACHE_READ,
    "CacheWriteInputTokenCount": MeteredClass.CACHE_WRITE,
}
# What one call of GetMetricData takes.
_QUERIES = 500
_DAY_SECONDS = 86_400


@dataclass(frozen=True, slots=True)
class TokenTotal:
    """Tokens of one class on a UTC day. `model_id` is as invocations named it; `metered_class` is a MeteredClass."""

    day: dt.date
    model_id: str
    metered_class: str
    tokens: int


def token_totals(
    *, region: str, since: dt.date, until: dt.date, access: Access, models: Collection[str] = ()
) -> list[TokenTotal]:
    """What was counted in a Region on the days from `since` to before `until`; nothing for a day without use.

    CloudWatch does not list a model any more that counted nothing for two weeks, though it has its counts: `models`
    are asked about all the same. https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_ListMetrics.html
    """
    cloudwatch = client("cloudwatch", region=region, access=access)
    listed = _token_metrics(cloudwatch)
    known = {(name, model) for name in _CLASSES for model in models}
    metrics = [*listed, *sorted(known.difference(listed))]
    found: list[TokenTotal] = []
    for start in range(0, len(metrics), _QUERIES):
        found += _totals(cloudwatch, metrics[start : start + _QUERIES], since, until)
    return found


def _token_metrics(cloudwatch: Any) -> list[tuple[str, str]]:
    """Name and model of each token metric that is by model alone: others count the same tokens once more."""
    with mapped("cloudwatch:ListMetrics"):
        pages = cloudwatch.get_paginator("list_metrics").paginate(
            Namespace=_NAMESPACE, Dimensions=[{"Name": _DIMENSION}]
        )
        rows = [row for page in pages for row in page["Metrics"]]
        return [
            (row["MetricName"], row["Dimensions"][0]["Value"])
            for row in rows
            if row["MetricName"] in _CLASSES and [part["Name"] for part in row["Dimensions"]] == [_DIMENSION]
        ]


def _totals(
    cloudwatch: Any, metrics: Sequence[tuple[str, str]], since: dt.date, until: dt.date
) -> Iterator[TokenTotal]:
    arguments = {
        "MetricDataQueries": [_query(place, name, model) for place, (name, model) in enumerate(metrics)],
        "StartTime": _midnight(since),
        "EndTime": _midnight(until),
        "ScanBy": "TimestampAscending",
    }
    with mapped("cloudwatch:GetMetricData"):
        for page in cloudwatch.get_paginator("get_metric_data").paginate(**arguments):
            for result in page["MetricDataResults"]:
                name, model = metrics[int(result["Id"].removeprefix("m"))]
                for moment, value in zip(result["Timestamps"], result["Values"], strict=True):
                    day = moment.astimezone(dt.UTC).date()
                    yield TokenTotal(day, model, _CLASSES[name].value, round(value))


def _query(place: int, name: str, model: str) -> dict[str, Any]:
    metric = {
        "Namespace": _NAMESPACE,
        "MetricName": name,
        "Dimensions": [{"Name": _DIMENSION, "Value": model}],
    }
    return {"Id": f"m{place}", "MetricStat": {"Metric": metric, "Period": _DAY_SECONDS, "Stat": "Sum"}}


def _midnight(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(), dt.UTC)
