"""Invocation logs as S3 and CloudWatch Logs hand them out: Bedrock's layout and records, and the incidents."""

from __future__ import annotations

import datetime as dt
import gzip
import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.aws.usage import workday
from tests.sandbox_aws import LAB, PAYMENTS, PROD, SMALL, Aws

PROD_LOGS, SMALL_LOGS = "acme-ai-prod-bedrock-logs", "acme-ai-small-bedrock-logs"
GROUP, TOKYO = "/acme/bedrock/invocations", "ap-northeast-1"
TODAY = dt.datetime.now(dt.UTC).date()
COUNTS = ("inputTokenCount", "cacheReadInputTokenCount", "cacheWriteInputTokenCount")


def listed(aws: Aws, account: str, bucket: str, prefix: str = "") -> list[dict[str, Any]]:
    pages = aws.portal("s3", account).get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return [row for page in pages for row in page.get("Contents", [])]


def unpacked(aws: Aws, account: str, bucket: str, key: str) -> list[Any]:
    body = aws.portal("s3", account).get_object(Bucket=bucket, Key=key)["Body"].read()
    return [json.loads(line) for line in gzip.decompress(body).splitlines()]


def folder(day: dt.date, account: str = PROD) -> str:
    return f"AWSLogs/{account}/BedrockModelInvocationLogs/eu-west-1/{day:%Y/%m/%d}/"


def of_day(aws: Aws, day: dt.date, account: str = PROD, bucket: str = PROD_LOGS) -> dict[str, list[Any]]:
    """The records of each log file that was delivered on a day."""
    keys = [row["Key"] for row in listed(aws, account, bucket, folder(day, account))]
    return {key: unpacked(aws, account, bucket, key) for key in keys if "/data/" not in key}


def incident(aws: Aws, kind: str) -> tuple[dt.date, int]:
    assert aws.company.usage is not None
    (found,) = (row for row in aws.company.usage.incidents if row.kind == kind)
    return workday(TODAY, found.days_ago), found.hour


def test_logging_says_where_and_objects_lie_there(aws: Aws) -> None:
    ask = aws.portal("bedrock", PAYMENTS).get_model_invocation_logging_configuration
    config = ask()["loggingConfig"]
    assert config["s3Config"] == {"bucketName": "acme-ai-payments-bedrock-logs", "keyPrefix": "claude/logs"}
    keys = [row["Key"] for row in listed(aws, PAYMENTS, "acme-ai-payments-bedrock-logs")]
    root = f"claude/logs/AWSLogs/{PAYMENTS}/BedrockModelInvocationLogs/"
    assert f"{root}amazon-bedrock-logs-permission-check" in keys
    pattern = re.compile(re.escape(f"{root}eu-west-1/") + r"\d{4}/\d\d/\d\d/\d\d/\d{8}T\d{9}Z_[0-9a-f]{16}\.json\.gz")
    files = [key for key in keys if pattern.fullmatch(key)]
    assert len(files) == len(keys) - 1 > 100
    assert "loggingConfig" not in aws.portal("bedrock", LAB).get_model_invocation_logging_configuration()


def test_a_file_has_an_hour_of_records_each_with_what_bedrock_writes(aws: Aws) -> None:
    day = workday(TODAY, 20)
    files = of_day(aws, day)
    assert len(files) > 5
    seen = [record for records in files.values() for record in records]
    for key, records in files.items():
        assert {record["timestamp"][:13].replace("-", "/").replace("T", "/") for record in records} == {
            key.removeprefix(folder(day)[:-11])[:13]
        }
    for record in seen:
        assert (record["accountId"], record["region"], record["schemaType"]) == (
            PROD,
            "eu-west-1",
            "ModelInvocationLog",
        )
        assert "inputBodyJson" not in record["input"]
        assert set(COUNTS) <= set(record["input"]) or record["errorCode"]
        assert ("output" in record) == (record["errorCode"] is None)
    assert {type(record["identity"]) for record in seen} == {dict, list}


def test_the_records_add_up_to_what_the_sandbox_says(aws: Aws) -> None:
    day = workday(TODAY, 21)
    sums: Counter[str] = Counter()
    for records in of_day(aws, day).values():
        for record in records:
            for name in COUNTS:
                sums[name] += record["input"].get(name, 0)
            sums["outputTokenCount"] += record.get("output", {}).get("outputTokenCount", 0)
    told: Counter[str] = Counter()
    for row in aws.call("GET", f"/sandbox/usage?account={PROD}"):
        if (row["day"], row["region"]) == (str(day), "eu-west-1"):
            told[row["token_class"]] += row["tokens"]
    writes = told["cache-write-5m"] + told["cache-write-1h"]
    assert list(sums.values()) == [told["input"], told["cache-read"], writes, told["output"]]
    assert all(sums.values())


def test_bodies_are_logged_where_they_are_switched_on_large_ones_beside_the_file(aws: Aws) -> None:
    keys = [row["Key"] for row in listed(aws, SMALL, SMALL_LOGS)]
    bodies = [key for key in keys if "/data/" in key]
    recent = [key for key in keys if key.endswith(".json.gz") and "/data/" not in key][-40:]
    records = [record for key in recent for record in unpacked(aws, SMALL, SMALL_LOGS, key)]
    inline = [record for record in records if "inputBodyJson" in record["input"] and not record["errorCode"]]
    kept: Counter[str] = Counter()
    for record in inline:
        events = record["output"]["outputBodyJson"]
        creation = events[0]["message"]["usage"]["cache_creation"]
        assert sum(creation.values()) == record["input"]["cacheWriteInputTokenCount"]
        kept.update(creation)
    assert min(kept.values()) > 0
    large = [record for record in records if "inputBodyS3Path" in record["input"]]
    assert large
    for record in large:
        assert record["input"]["inputBodyS3Path"].removeprefix(f"s3://{SMALL_LOGS}/") in bodies


def test_the_incidents_are_there(aws: Aws) -> None:
    off, _ = incident(aws, "logging-off")
    assert of_day(aws, off) == {}
    twice, hour = incident(aws, "duplicated")
    etags = Counter(row["ETag"] for row in listed(aws, PROD, PROD_LOGS, f"{folder(twice)}{hour:02}/"))
    assert list(etags.values()) == [2]
    late, hour = incident(aws, "late")
    times = sorted(row["LastModified"].date() for row in listed(aws, PROD, PROD_LOGS, f"{folder(late)}{hour:02}/"))
    assert times == [late, TODAY]
    misplaced, hour = incident(aws, "misplaced")
    places: defaultdict[str, set[str]] = defaultdict(set)
    for key, records in of_day(aws, misplaced).items():
        for record in records:
            places[record["timestamp"][11:13]].add(key.removeprefix(folder(misplaced))[:2])
    assert places[f"{hour:02}"] == {f"{hour:02}", f"{hour + 6:02}"}
    assert all(found == {at} for at, found in places.items() if at != f"{hour:02}")


def test_a_log_group_is_read_by_time(aws: Aws) -> None:
    logs = aws.portal("logs", PROD, TOKYO)
    day = workday(TODAY, 10)
    start = dt.datetime.combine(day, dt.time(), dt.UTC).timestamp() * 1000
    period = {"startTime": int(start), "endTime": int(start) + 86_400_000 - 1}
    events = logs.filter_log_events(logGroupName=GROUP, **period)["events"]
    records = [json.loads(event["message"]) for event in events]
    assert records
    assert {record["timestamp"][:10] for record in records} == {str(day)}
    assert {event["timestamp"] // 1000 for event in events} == {
        int(dt.datetime.fromisoformat(record["timestamp"]).timestamp()) for record in records
    }
    whole = [event["eventId"] for event in logs.filter_log_events(logGroupName=GROUP)["events"]]
    paged, more = [], {"limit": 500}
    while True:
        page = logs.filter_log_events(logGroupName=GROUP, **more)
        paged += [event["eventId"] for event in page["events"]]
        if "nextToken" not in page:
            break
        more |= {"nextToken": page["nextToken"]}
    assert paged == whole
    assert len(whole) > 500


def test_what_is_invoked_is_logged_without_a_word_of_it(aws: Aws) -> None:
    keys = aws.credentials("ana.nunez@acme.example", PROD, "ClaudeCodeDeveloper")
    body = {
        "anthropic_version": "bedrock-2023-05-31",
        "max_tokens": 9,
        "messages": [{"role": "user", "content": "secret"}],
    }
    before = {row["Key"] for row in listed(aws, PROD, PROD_LOGS)}
    runtime = aws.client("bedrock-runtime", keys)
    answer = runtime.invoke_model(modelId="eu.anthropic.claude-sonnet-4-6", body=json.dumps(body))
    (key,) = {row["Key"] for row in listed(aws, PROD, PROD_LOGS)} - before
    (record,) = unpacked(aws, PROD, PROD_LOGS, key)
    headers = answer["ResponseMetadata"]["HTTPHeaders"]
    assert record["input"]["inputTokenCount"] == int(headers["x-amzn-bedrock-input-token-count"])
    assert record["output"]["outputTokenCount"] == int(headers["x-amzn-bedrock-output-token-count"])
    assert json.dumps(record).count("ana.nunez@acme.example") == 1
    assert "secret" not in json.dumps(record)
    aws.call("POST", "/sandbox/reset", {})
    assert key not in {row["Key"] for row in listed(aws, PROD, PROD_LOGS)}


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("throttle", ("SlowDown", 503)), ("error", ("InternalFailure", 500)), ("denied", ("AccessDenied", 403))],
)
def test_s3_fails_as_the_scenario_says(aws: Aws, kind: str, expected: tuple[str, int]) -> None:
    s3 = aws.portal("s3")
    aws.fault(operation="s3.ListObjectsV2", kind=kind, when={"Bucket": PROD_LOGS})
    assert code_of(lambda: s3.list_objects_v2(Bucket=PROD_LOGS)) == expected
    assert code_of(lambda: s3.list_objects_v2(Bucket="acme-ai-prod-billing")) == ("", 200)


@pytest.mark.parametrize(
    ("service", "operation", "region", "arguments"),
    [
        ("logs", "FilterLogEvents", TOKYO, {"logGroupName": GROUP}),
        ("cloudwatch", "ListMetrics", "eu-west-1", {"Namespace": "AWS/Bedrock"}),
        (
            "ce",
            "GetCostAndUsage",
            "us-east-1",
            {
                "TimePeriod": {"Start": "2026-10-01", "End": "2026-10-02"},
                "Granularity": "DAILY",
                "Metrics": ["UnblendedCost"],
            },
        ),
    ],
)
def test_the_other_services_fail_as_the_scenario_says(
    aws: Aws, service: str, operation: str, region: str, arguments: dict[str, Any]
) -> None:
    client = aws.portal(service, PROD, region)
    call = getattr(client, re.sub(r"(?<!^)(?=[A-Z])", "_", operation).lower())
    assert code_of(lambda: call(**arguments)) == ("", 200)
    codes = {}
    for kind in ("throttle", "error", "denied"):
        aws.fault(operation=f"{service}.{operation}", kind=kind)
        codes[kind] = code_of(lambda: call(**arguments))
    assert (codes["throttle"][0], codes["denied"][0]) == ("ThrottlingException", "AccessDeniedException")
    assert codes["error"][1] == 500


def code_of(call: Callable[[], Any]) -> tuple[str, int]:
    """The error's code and status, or ("", 200)."""
    try:
        call()
    except ClientError as error:
        return error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"]
    return "", 200
