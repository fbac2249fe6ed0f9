"""Bedrock's model invocation logs: the records, and the files they are delivered in, some of them late or twice.

https://docs.aws.amazon.com/bedrock/latest/userguide/model-invocation-logging.html
"""

from __future__ import annotations

import gzip
import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sandbox.aws.usage import Invocation, workday
from sandbox.company import Company, Incident, InvocationLogging

# What Bedrock writes when logging is switched on, to see whether it may.
PERMISSION_CHECK = "amazon-bedrock-logs-permission-check"
LOG_STREAM = "aws/bedrock/modelinvocations"
_STATUS = {"": 200, "ThrottlingException": 429, "ModelTimeoutException": 408}
_ONE_HOUR, _MISPLACED_BY = timedelta(hours=1), timedelta(hours=6)
# A pretend prompt and a pretend answer: nobody who reads the logs is to keep either.
PROMPT, ANSWER = "SANDBOX-PROMPT: please rename this variable.", "SANDBOX-ANSWER: it is renamed."


@dataclass(frozen=True, slots=True)
class Stored:
    """An object of a bucket, and when it was written."""

    key: str
    content: bytes
    modified_at: datetime


def logging_of(company: Company, account_id: str, region: str) -> InvocationLogging:
    """Where a Region's invocations are logged; to nowhere, unless the scenario says."""
    account = company.account(account_id)
    return (account.invocation_logging if account else {}).get(region, InvocationLogging())


def folder_of(logging: InvocationLogging, account: str, region: str) -> str:
    """What the keys of a Region's log files begin with."""
    prefix = f"{logging.prefix}/" if logging.prefix else ""
    return f"{prefix}AWSLogs/{account}/BedrockModelInvocationLogs/{region}/"


def packed(text: str) -> bytes:
    """The same text gives the same bytes."""
    return gzip.compress(text.encode(), compresslevel=1, mtime=0)


class Incidents:
    """The scenario's incidents by account, Region and day."""

    def __init__(self, company: Company, today: date) -> None:
        self._found: dict[tuple[str, str, date], list[Incident]] = defaultdict(list)
        for row in company.usage.incidents if company.usage else ():
            self._found[row.account, row.region, workday(today, row.days_ago)].append(row)

    def kinds(self, row: Invocation) -> set[str]:
        """Those that a request met: on its day, and in its hour where they have one."""
        if not (found := self._found.get((row.account, row.region, row.at.date()))):
            return set()
        return {item.kind for item in found if item.kind == "logging-off" or item.hour == row.at.hour}


def is_logged(company: Company, row: Invocation, incidents: Incidents) -> bool:
    logging = logging_of(company, row.account, row.region)
    return bool(logging.s3_bucket or logging.log_group) and "logging-off" not in incidents.kinds(row)


def record(row: Invocation, bodies: str = "") -> dict[str, Any]:
    """One record; `bodies` is the `s3://` address under which its bodies lie, for those that are too large."""
    identity = {"arn": row.principal}
    return {
        "timestamp": f"{row.at:%Y-%m-%dT%H:%M:%SZ}",
        "accountId": row.account,
        "region": row.region,
        "requestId": row.request_id,
        "operation": row.operation,
        "modelId": row.model_id,
        "inferenceRegion": row.region,
        # Both were seen: https://docs.panther.com/data-onboarding/supported-logs/aws/bedrock-model-invocation
        "identity": [identity] if row.request_id[1] in "01" else identity,
        "input": _input(row, bodies),
        **({} if row.error else {"output": _output(row, bodies)}),
        "errorCode": row.error or None,
        "status": str(_STATUS[row.error]),
        "schemaType": "ModelInvocationLog",
        "schemaVersion": "1.0",
    }


def _input(row: Invocation, bodies: str) -> dict[str, Any]:
    counts = {
        "inputTokenCount": row.input,
        "cacheReadInputTokenCount": row.cache_read,
        "cacheWriteInputTokenCount": row.cache_write,
    }
    found: dict[str, Any] = {"inputContentType": "application/json", **({} if row.error else counts)}
    if row.has_bodies and row.is_large:
        found["inputBodyS3Path"] = f"{bodies}{row.request_id}_input.json.gz"
    elif row.has_bodies:
        found["inputBodyJson"] = _prompt()
    return found


def _output(row: Invocation, bodies: str) -> dict[str, Any]:
    found: dict[str, Any] = {"outputContentType": "application/json", "outputTokenCount": row.output}
    if row.has_bodies and row.is_large:
        found["outputBodyS3Path"] = f"{bodies}{row.request_id}_output.json.gz"
    elif row.has_bodies:
        found["outputBodyJson"] = _events(row)
    return found


def _prompt() -> dict[str, Any]:
    messages = [{"role": "user", "content": PROMPT}]
    return {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 32_000, "messages": messages}


def _events(row: Invocation) -> list[dict[str, Any]]:
    """The stream of the Messages API: nothing else tells for how long the cache is kept."""
    usage = {
        "input_tokens": row.input,
        "cache_creation_input_tokens": row.cache_write,
        "cache_read_input_tokens": row.cache_read,
        "cache_creation": {
            "ephemeral_5m_input_tokens": row.cache_write_5m,
            "ephemeral_1h_input_tokens": row.cache_write_1h,
        },
        "output_tokens": 1,
    }
    metrics = {
        "inputTokenCount": row.input,
        "outputTokenCount": row.output,
        "invocationLatency": 5_210,
        "firstByteLatency": 830,
        "cacheReadInputTokenCount": row.cache_read,
        "cacheWriteInputTokenCount": row.cache_write,
    }
    return [
        {"type": "message_start", "message": {"id": f"msg_bdrk_{row.request_id[:8]}", "usage": usage}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": ANSWER}},
        {"type": "message_delta", "usage": {"output_tokens": row.output}},
        {"type": "message_stop", "amazon-bedrock-invocationMetrics": metrics},
    ]


def text_of(row: Invocation, bodies: str = "") -> str:
    return json.dumps(record(row, bodies), separators=(",", ":"))


def _delivery(row: Invocation, kinds: set[str], today: date) -> tuple[datetime, datetime]:
    """The hour whose folder the request's record gets into, and when it is written there."""
    if "late" in kinds and row.at.minute >= 30:
        return row.hour, datetime.combine(today, time(0, 1), UTC)
    hour = row.hour + (_MISPLACED_BY if "misplaced" in kinds and row.at.minute >= 30 else timedelta())
    return hour, hour + _ONE_HOUR


def files(company: Company, rows: Sequence[Invocation], today: date, bucket: str) -> Iterator[Stored]:
    """The log files of all Regions that log to a bucket, an hour each, and large bodies."""
    incidents = Incidents(company, today)
    grouped: dict[tuple[str, str, datetime, datetime], list[Invocation]] = defaultdict(list)
    for row in rows:
        if logging_of(company, row.account, row.region).s3_bucket == bucket and is_logged(company, row, incidents):
            grouped[row.account, row.region, *_delivery(row, incidents.kinds(row), today)].append(row)
    for (account, region, hour, written_at), members in grouped.items():
        logging = logging_of(company, account, region)
        folder = f"{folder_of(logging, account, region)}{hour:%Y/%m/%d/%H}/"
        is_twice = "duplicated" in incidents.kinds(members[0])
        yield from _hour(folder, bucket, members, written_at, is_twice=is_twice)


def _hour(
    folder: str, bucket: str, rows: Sequence[Invocation], written_at: datetime, *, is_twice: bool
) -> Iterator[Stored]:
    bodies = f"s3://{bucket}/{folder}data/"
    content = packed("".join(f"{text_of(row, bodies)}\n" for row in rows))
    for copy in range(2 if is_twice else 1):
        digest = hashlib.sha256(f"{rows[0].request_id} {written_at} {copy}".encode()).hexdigest()[:16]
        yield Stored(f"{folder}{written_at:%Y%m%dT%H%M%S}000Z_{digest}.json.gz", content, written_at)
    for row in rows:
        if row.has_bodies and row.is_large:
            yield Stored(f"{folder}data/{row.request_id}_input.json.gz", packed(json.dumps(_prompt())), written_at)
            if not row.error:
                events = packed(json.dumps(_events(row)))
                yield Stored(f"{folder}data/{row.request_id}_output.json.gz", events, written_at)
