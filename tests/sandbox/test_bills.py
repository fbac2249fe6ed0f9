"""CloudWatch, Cost Explorer and cost reports tell one story: that of the requests the sandbox says were made."""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import io
import json
from collections import Counter, defaultdict
from decimal import Decimal
from typing import Any

import pyarrow.parquet as pq
import pytest
from botocore.exceptions import ClientError

from tests.sandbox_aws import NO_RETENTION, PAYMENTS, PROD, SMALL, Aws

TODAY = dt.datetime.now(dt.UTC).date()
MONTH = TODAY.replace(day=1)
LAST_MONTH = (MONTH - dt.timedelta(days=1)).replace(day=1)
MODEL = {"Type": "PRODUCT_ATTRIBUTE", "Key": "model"}
USAGE = {"Dimensions": {"Key": "RECORD_TYPE", "Values": ["Usage"]}}

Answer = list[dict[str, Any]]


# --- CloudWatch


def counted(aws: Aws, account: str, day: dt.date) -> dict[str, int]:
    """Tokens that CloudWatch counted on a day, by its metric."""
    cloudwatch = aws.portal("cloudwatch", account)
    metrics = cloudwatch.list_metrics(Namespace="AWS/Bedrock")["Metrics"]
    queries = [
        {"Id": f"m{place}", "MetricStat": {"Metric": metric, "Period": 86_400, "Stat": "Sum"}}
        for place, metric in enumerate(metrics)
    ]
    found = cloudwatch.get_metric_data(
        MetricDataQueries=queries, StartTime=f"{day}T00:00:00Z", EndTime=f"{day + dt.timedelta(days=1)}T00:00:00Z"
    )["MetricDataResults"]
    sums: Counter[str] = Counter()
    for result in found:
        sums[metrics[int(result["Id"][1:])]["MetricName"]] += int(sum(result["Values"]))
    return sums


@pytest.mark.parametrize("account", [PROD, NO_RETENTION])
def test_cloudwatch_counts_what_no_log_tells_too(aws: Aws, account: str) -> None:
    rows = [row for row in aws.call("GET", f"/sandbox/usage?account={account}") if row["region"] == "eu-west-1"]
    day = max(row["day"] for row in rows if not row["is_logged"] and row["day"] < str(TODAY))
    told: Counter[str] = Counter()
    for row in rows:
        if row["day"] == day:
            told[row["token_class"]] += row["tokens"]

    sums = counted(aws, account, dt.date.fromisoformat(day))

    assert (sums["InputTokenCount"], sums["OutputTokenCount"]) == (told["input"], told["output"])
    assert sums["CacheReadInputTokenCount"] == told["cache-read"]
    assert sums["CacheWriteInputTokenCount"] == told["cache-write-5m"] + told["cache-write-1h"]
    assert sums["Invocations"] > 0


def test_cloudwatch_knows_models_by_their_ids_and_nobody_by_name(aws: Aws) -> None:
    pages = aws.portal("cloudwatch").get_paginator("list_metrics").paginate(Namespace="AWS/Bedrock")
    metrics = [metric for page in pages for metric in page["Metrics"]]
    assert {tuple(part["Name"] for part in metric["Dimensions"]) for metric in metrics} == {("ModelId",)}
    models = {metric["Dimensions"][0]["Value"] for metric in metrics}
    assert {"eu.anthropic.claude-opus-4-8", "a1b2c3d4e5f6"} <= models
    assert not any("arn:" in model for model in models)
    # Of what ended ten days ago, there is still something; a metric of another service is moto's.
    assert "eu.anthropic.claude-sonnet-4-20250514-v1:0" in models
    assert aws.portal("cloudwatch").list_metrics(Namespace="Nobody")["Metrics"] == []


# --- Cost Explorer


def asked(aws: Aws, account: str = PROD, *groups: dict[str, str], **more: Any) -> Answer:
    """All pages of an answer, by day of the last two months unless `more` says otherwise."""
    explorer = aws.portal("ce", account, "us-east-1")
    arguments = {
        "TimePeriod": {"Start": str(LAST_MONTH), "End": str(TODAY)},
        "Granularity": "DAILY",
        "Metrics": ["UnblendedCost"],
        **({"GroupBy": list(groups)} if groups else {}),
        **more,
    }
    found: Answer = []
    while True:
        page = explorer.get_cost_and_usage(**arguments)
        found += page["ResultsByTime"]
        if "NextPageToken" not in page:
            return found
        arguments["NextPageToken"] = page["NextPageToken"]


def tag(key: str) -> dict[str, str]:
    return {"Type": "TAG", "Key": key}


def amounts(answer: Answer) -> dict[tuple[str, ...], Decimal]:
    sums: defaultdict[tuple[str, ...], Decimal] = defaultdict(Decimal)
    for result in answer:
        for group in result["Groups"]:
            sums[tuple(group["Keys"])] += Decimal(group["Metrics"]["UnblendedCost"]["Amount"])
    return sums


def billed(aws: Aws, account: str, *by: str, since: dt.date = LAST_MONTH) -> dict[tuple[str, ...], Decimal]:
    sums: defaultdict[tuple[str, ...], Decimal] = defaultdict(Decimal)
    for row in aws.call("GET", f"/sandbox/bill?account={account}"):
        if row["day"] >= str(since) and row["record_type"] == "Usage" and row["model"]:
            sums[tuple(row[name] for name in by)] += Decimal(row["amount"])
    return sums


def close(left: Decimal, right: Decimal) -> bool:
    return abs(left - right) < Decimal("1e-6")


@pytest.mark.parametrize(("account", "key"), [(PROD, "iamPrincipal/owner"), (PAYMENTS, "owner")])
def test_cost_explorer_groups_by_the_tag_in_one_spelling_and_by_model(aws: Aws, account: str, key: str) -> None:
    found = amounts(asked(aws, account, tag(key), MODEL, Filter=USAGE))

    truth = billed(aws, account, "owner", "model")
    with_model = {names: amount for names, amount in found.items() if names[1] != "model$"}
    assert set(with_model) == {(f"{key}${owner}", f"model${model}") for owner, model in truth}
    for (owner, model), amount in truth.items():
        assert close(found[f"{key}${owner}", f"model${model}"], amount)
    # Of storage it tells no model, and of a key nobody has one empty group.
    assert found[f"{key}$", "model$"] > 0
    other = "owner" if key != "owner" else "iamPrincipal/owner"
    assert {names[0] for names in amounts(asked(aws, account, tag(other), MODEL, Filter=USAGE))} == {f"{other}$"}


def test_a_day_may_go_on_in_the_next_page_and_the_end_is_left_out(aws: Aws) -> None:
    explorer = aws.portal("ce", PROD, "us-east-1")
    arguments = {
        "TimePeriod": {"Start": str(LAST_MONTH), "End": str(MONTH)},
        "Granularity": "DAILY",
        "Metrics": ["UnblendedCost"],
        "GroupBy": [tag("iamPrincipal/owner"), MODEL],
    }
    first = explorer.get_cost_and_usage(**arguments)
    second = explorer.get_cost_and_usage(**arguments, NextPageToken=first["NextPageToken"])
    assert sum(len(result["Groups"]) for result in first["ResultsByTime"]) <= 200
    assert first["ResultsByTime"][-1]["TimePeriod"] == second["ResultsByTime"][0]["TimePeriod"]
    days = {result["TimePeriod"]["Start"] for result in asked(aws, PROD, MODEL)}
    assert (min(days), max(days)) == (str(LAST_MONTH), str(TODAY - dt.timedelta(days=1)))
    with pytest.raises(ClientError, match="InvalidNextToken"):
        explorer.get_cost_and_usage(**arguments, NextPageToken="nobody's")


def test_the_open_month_is_an_estimate_and_the_last_day_is_empty(aws: Aws) -> None:
    answer = asked(aws, SMALL, MODEL)
    assert {result["Estimated"] for result in answer if result["TimePeriod"]["Start"] >= str(MONTH)} <= {True}
    assert {result["Estimated"] for result in answer if result["TimePeriod"]["Start"] < str(MONTH)} == {False}
    assert (answer[-1]["Groups"], answer[-1]["Total"]) == ([], {})


def test_credits_bring_a_day_down_unless_they_are_left_out(aws: Aws) -> None:
    def total(**more: Any) -> Decimal:
        return sum(
            (Decimal(result["Total"]["UnblendedCost"]["Amount"]) for result in asked(aws, SMALL, **more)), Decimal()
        )

    assert total() < total(Filter=USAGE)
    assert close(total(Filter={"Not": USAGE}), total() - total(Filter=USAGE))
    # Models sold through AWS Marketplace, and all of Claude, are no cost of a service of that name.
    assert total(Filter={"Dimensions": {"Key": "SERVICE", "Values": ["Amazon Bedrock"]}}) < 0
    monthly = asked(aws, SMALL, Granularity="MONTHLY", Filter=USAGE)
    assert [result["TimePeriod"]["Start"] for result in monthly] == [str(LAST_MONTH), str(MONTH)][: len(monthly)]


def test_who_pays_for_others_is_told_of_them_unless_one_account_is_asked_for(aws: Aws) -> None:
    def models(account: str, **more: Any) -> dict[tuple[str, ...], Decimal]:
        return {names: amount for names, amount in amounts(asked(aws, account, MODEL, **more)).items() if amount}

    everybody = models(SMALL, Filter=USAGE)
    own, other = (
        models(SMALL, Filter={"And": [USAGE, {"Dimensions": {"Key": "LINKED_ACCOUNT", "Values": [account]}}]})
        for account in (SMALL, NO_RETENTION)
    )
    assert other == models(NO_RETENTION, Filter=USAGE) != {}
    assert everybody == {name: own.get(name, 0) + other.get(name, 0) for name in everybody}


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"TimePeriod": {"Start": "2026-08-31", "End": "2026-09-02"}, "GroupBy": [MODEL]}, "DataUnavailable"),
        ({"TimePeriod": {"Start": "2026-10-02", "End": "2026-10-02"}}, "Validation"),
        ({"Granularity": "HOURLY"}, "Validation"),
        ({"Metrics": ["Nothing"]}, "Validation"),
        ({"GroupBy": [MODEL, tag("a"), tag("b")]}, "Validation"),
        ({"Filter": {**USAGE, "Not": USAGE}}, "Validation"),
    ],
)
def test_what_cannot_be_asked_is_refused(aws: Aws, arguments: dict[str, Any], code: str) -> None:
    with pytest.raises(ClientError) as caught:
        asked(aws, PROD, **arguments)
    assert caught.value.response["Error"]["Code"].startswith(code)


def test_before_september_there_are_costs_though_no_models(aws: Aws) -> None:
    period = {"Start": "2026-08-31", "End": "2026-09-02"}
    assert len(asked(aws, PROD, TimePeriod=period)) == 2


# --- Reports


def export(aws: Aws, account: str, location: str) -> list[dict[str, Any]]:
    """All lines of an export, in the same types: those of the files its manifests name."""
    bucket, _, prefix = location.partition("/")
    s3 = aws.portal("s3", account)
    keys = [row["Key"] for row in s3.list_objects_v2(Bucket=bucket, Prefix=f"{prefix}/metadata/")["Contents"]]
    lines: list[dict[str, Any]] = []
    for manifest in keys:
        told = json.loads(s3.get_object(Bucket=bucket, Key=manifest)["Body"].read())
        (file,) = told["dataFiles"]
        content = s3.get_object(Bucket=bucket, Key=file.removeprefix(f"s3://{bucket}/"))["Body"].read()
        found = _parquet(content) if file.endswith(".parquet") else _csv(content)
        assert {column["name"] for column in told["columns"]} == set(found[0])
        lines += found
    return lines


def _parquet(content: bytes) -> list[dict[str, Any]]:
    rows = pq.read_table(io.BytesIO(content)).to_pylist()
    return [{**row, "product": dict(row["product"]), "tags": dict(row["tags"])} for row in rows]


def _csv(content: bytes) -> list[dict[str, Any]]:
    rows = csv.DictReader(io.StringIO(gzip.decompress(content).decode()))
    return [{**row, "product": json.loads(row["product"]), "tags": json.loads(row["tags"])} for row in rows]


@pytest.mark.parametrize(
    ("account", "location", "tag_key"),
    [
        (PROD, "acme-ai-prod-billing/cur/acme-bedrock", "iamPrincipal/owner"),
        (PAYMENTS, "acme-ai-payments-billing/exports/payments-bedrock", "owner"),
    ],
)
def test_a_report_has_every_caller_and_says_the_same(aws: Aws, account: str, location: str, tag_key: str) -> None:
    since = dt.date(2000, 1, 1)
    truth = billed(aws, account, "principal", "model", since=since)

    lines = export(aws, account, location)

    sums: defaultdict[tuple[str, ...], Decimal] = defaultdict(Decimal)
    for line in lines:
        if line["line_item_line_item_type"] == "Usage" and line["product"].get("model"):
            key = line["line_item_iam_principal"], line["product"]["model"]
            sums[key] += Decimal(str(line["line_item_unblended_cost"]))
            assert set(line["tags"]) <= {tag_key}
            assert line["line_item_usage_account_id"] == account
    assert set(sums) == set(truth)
    assert all(close(sums[key], amount) for key, amount in truth.items())
    assert {line["line_item_line_item_type"] for line in lines} == {"Usage", "Credit", "Tax"}
    assert {"AmazonS3"} < {line["line_item_product_code"] for line in lines}
    assert any(line["tags"] for line in lines)


def test_a_discount_shows_in_what_a_report_says_of_list_prices(aws: Aws) -> None:
    lines = export(aws, PAYMENTS, "acme-ai-payments-billing/exports/payments-bedrock")
    used = [line for line in lines if line["product"].get("model")]
    paid = sum((Decimal(line["line_item_unblended_cost"]) for line in used), Decimal())
    listed = sum((Decimal(line["pricing_public_on_demand_cost"]) for line in used), Decimal())
    assert close(paid, listed * Decimal("0.9"))
