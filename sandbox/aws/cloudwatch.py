"""CloudWatch's metrics of Bedrock: exact sums by model; moto keeps whatever else is put into it.

https://docs.aws.amazon.com/bedrock/latest/userguide/monitoring-runtime-metrics.html
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from moto.cloudwatch.responses import CloudWatchResponse
from moto.core.responses import ActionResult

from sandbox.aws import world
from sandbox.aws.errors import AwsError
from sandbox.aws.pages import page_of
from sandbox.aws.usage import Invocation

NAMESPACE, DIMENSION = "AWS/Bedrock", "ModelId"
_ERRORS = {"ThrottlingException": "InvocationThrottles", "ModelTimeoutException": "InvocationServerErrors"}
# ListMetrics names what counted something in the last two weeks, 500 at a time.
_LISTED, _PAGE = timedelta(days=14), 500

Series = Mapping[tuple[str, str], Counter[datetime]]  # by metric and model: its sum in each minute

_moto_list_metrics = CloudWatchResponse.list_metrics
_moto_get_metric_data = CloudWatchResponse.get_metric_data


def model_dimension(model_id: str) -> str:
    """How CloudWatch names what was invoked: by its id, also where an ARN was given."""
    return model_id.rpartition("/")[2]


def _counts(row: Invocation) -> Iterator[tuple[str, int]]:
    if row.error:
        yield _ERRORS[row.error], 1
        return
    yield "Invocations", 1
    yield "InputTokenCount", row.input
    yield "OutputTokenCount", row.output
    if row.cache_read or row.cache_write:
        yield "CacheReadInputTokenCount", row.cache_read
        yield "CacheWriteInputTokenCount", row.cache_write


def _series(account: str, region: str) -> Series:
    found: dict[tuple[str, str], Counter[datetime]] = defaultdict(Counter)
    for row in world.current().metering.rows():
        if (row.account, row.region) == (account, region):
            minute = row.at.replace(second=0, microsecond=0)
            for metric, count in _counts(row):
                found[metric, model_dimension(row.model_id)][minute] += count
    return found


def list_metrics(self: CloudWatchResponse) -> ActionResult:
    """Bedrock's, by namespace, name and dimension."""
    params = self._get_params()
    if params.get("Namespace") != NAMESPACE:
        return _moto_list_metrics(self)
    since = datetime.now(UTC) - _LISTED
    series = _series(self.current_account, self.region)
    rows = [
        {"Namespace": NAMESPACE, "MetricName": metric, "Dimensions": [{"Name": DIMENSION, "Value": model}]}
        for (metric, model), counts in sorted(series.items())
        if params.get("MetricName", metric) == metric and max(counts) >= since
        if all(
            part["Name"] == DIMENSION and part.get("Value", model) == model for part in params.get("Dimensions", [])
        )
    ]
    page, token = page_of(rows, params.get("NextToken"), _PAGE, error="InvalidParameterValue")
    return ActionResult({"Metrics": page, **({"NextToken": token} if token else {})})


def get_metric_data(self: CloudWatchResponse) -> ActionResult:
    """Sums of Bedrock's metrics; a query without a dimension, or by another, finds nothing, as in CloudWatch."""
    params = self._get_params()
    queries = params.get("MetricDataQueries", [])
    if not any(_namespace(query) == NAMESPACE for query in queries):
        return _moto_get_metric_data(self)
    start, end = _moment(params["StartTime"]), _moment(params["EndTime"])
    if start >= end:
        raise AwsError("ValidationError", "The parameter StartTime must be less than the parameter EndTime.")
    series = _series(self.current_account, self.region)
    is_ascending = params.get("ScanBy") == "TimestampAscending"
    results = [_result(query, series, start, end, is_ascending=is_ascending) for query in queries]
    page, token = page_of(results, params.get("NextToken"), _PAGE, error="InvalidParameterValue")
    return ActionResult({"MetricDataResults": page, "Messages": [], **({"NextToken": token} if token else {})})


def _namespace(query: Mapping[str, Any]) -> str:
    return str(query.get("MetricStat", {}).get("Metric", {}).get("Namespace", ""))


def _moment(value: Any) -> datetime:
    """moto gives a time as its protocol has it: without a zone, or as text."""
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _result(
    query: Mapping[str, Any], series: Series, start: datetime, end: datetime, *, is_ascending: bool
) -> dict[str, Any]:
    stat = query.get("MetricStat", {})
    metric, period = stat.get("Metric", {}), int(stat.get("Period", 0))
    if stat.get("Stat") != "Sum" or period < 60 or period % 60:
        raise AwsError("ValidationError", "The sandbox sums over periods of whole minutes.")
    dimensions = metric.get("Dimensions", [])
    model = dimensions[0]["Value"] if [part["Name"] for part in dimensions] == [DIMENSION] else ""
    sums: Counter[datetime] = Counter()
    for minute, count in series.get((metric["MetricName"], model), Counter()).items():
        if start <= minute < end:
            since = int(minute.timestamp()) // period * period
            sums[datetime.fromtimestamp(since, UTC)] += count
    moments = sorted(sums, reverse=not is_ascending)
    return {
        "Id": query["Id"],
        "Label": query.get("Label") or f"{model} {metric['MetricName']}",
        "Timestamps": moments,
        "Values": [float(sums[moment]) for moment in moments],
        "StatusCode": "Complete",
    }


def extend() -> None:
    """Teach moto these operations."""
    for operation in (list_metrics, get_metric_data):
        setattr(CloudWatchResponse, operation.__name__, operation)
