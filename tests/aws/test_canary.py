"""What people write, and what they are answered, is read past: it is nowhere once its tokens are counted."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from django.db import connection
from django.db.models import Sum
from django.utils import timezone

from onboarding.aws.session import forget_clients
from onboarding.enums import Role, RunState
from onboarding.models import BillingFetch, Ingestion, Team, UsageEntry
from tests.aws.ingesting import environment_of_a_process, source_of
from tests.sandbox_aws import PROD, SMALL, Aws
from tests.unit.costs.logs import line, split_body
from tests.web.plan_pages import client_of

MARKER = "canary-7f3a91-what-nobody-is-to-keep"
BUCKET, GROUP, TOKYO = "acme-ai-small-bedrock-logs", "/acme/bedrock/invocations", "ap-northeast-1"
CALLER = "arn:aws:sts::666677778888:assumed-role/acme-ci/canary"
PAGES = ("/costs/", "/costs/export.csv", "/costs/callers/", "/costs/reconciliation/", "/costs/budgets/", "/usage/")
PROMPT = {
    "inputBodyJson": {
        "anthropic_version": "bedrock-2023-05-31",
        "system": [{"type": "text", "text": MARKER}],
        "tools": [{"name": MARKER, "description": MARKER}],
        "messages": [{"role": "user", "content": [{"type": "text", "text": MARKER}]}],
    }
}


def record(body: object, **more: Any) -> dict[str, Any]:
    """A request with what was written and answered in it; `body` is the answer."""
    made = line(at=f"{timezone.now():%Y-%m-%dT%H:%M:%SZ}", arn=CALLER, requestMetadata={"note": MARKER}, **more)
    return made | {"input": made["input"] | PROMPT, "output": made["output"] | {"outputBodyJson": body}}


def log_lines() -> list[bytes]:
    """Bodies in every shape: a stream, an answer as a whole, one that nobody expects, one in S3, and broken lines."""
    whole = {"type": "message", "content": [{"type": "text", "text": MARKER}], "usage": {"output_tokens": 412}}
    in_s3 = record(None)
    in_s3["input"] = {**in_s3["input"], "inputBodyJson": None, "inputBodyS3Path": f"s3://{BUCKET}/{MARKER}"}
    records = [
        record(split_body(900, 36, MARKER)),
        record(whole),
        record(MARKER),
        record([MARKER, {"x": MARKER}]),
        in_s3,
    ]
    lines = [json.dumps(each).encode() for each in records]
    return [*lines, lines[0][:-40], MARKER.encode(), json.dumps({"requestId": MARKER}).encode()]


COUNTED, UNREADABLE = 5, 3


def put_logs(aws: Aws) -> None:
    """Into a bucket, with large bodies and a broken file beside them, and into a log group."""
    s3, now = aws.portal("s3", SMALL), timezone.now()
    folder = f"AWSLogs/{SMALL}/BedrockModelInvocationLogs/eu-west-1/{now:%Y/%m/%d/%H}/"
    content = gzip.compress(b"\n".join(log_lines()) + b"\n")
    s3.put_object(Bucket=BUCKET, Key=f"{folder}canary.json.gz", Body=content)
    broken = gzip.compress(json.dumps(record(MARKER)).encode() * 50)[:-9]
    s3.put_object(Bucket=BUCKET, Key=f"{folder}broken.json.gz", Body=broken)
    s3.put_object(Bucket=BUCKET, Key=f"{folder}data/1_input.json.gz", Body=gzip.compress(MARKER.encode()))
    events = [{"timestamp": round(now.timestamp() * 1000) - 60_000, "message": text.decode()} for text in log_lines()]
    logs = aws.portal("logs", PROD, TOKYO)
    logs.put_log_events(logGroupName=GROUP, logStreamName="aws/bedrock/modelinvocations", logEvents=events)


@pytest.fixture
def logged(transactional_db: None, company: None, aws: Aws) -> Iterator[None]:
    """Two places that log, with the canary in both; rows that other processes see."""
    aws.call("PUT", "/sandbox/faults", [])
    Team.objects.exclude(group__in=["claude-crowded", "claude-tokyo"]).update(plan=None)
    put_logs(aws)
    yield
    forget_clients()


@pytest.fixture
def worker(logged: None, broker_url: str, tmp_path: Path) -> Iterator[Path]:
    """A real worker on a real broker, which reads usage as it starts; the folder with its log and temporary files."""
    redis.Redis.from_url(broker_url).flushall()
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    environment = environment_of_a_process() | {"REDIS_URL": broker_url, "TMPDIR": str(temporary)}
    command = [sys.executable, "-m", "celery", "--app", "portal", "worker", "--queues", "costs", "--concurrency", "1"]
    with (tmp_path / "worker.log").open("wb") as log:
        process = subprocess.Popen([*command, "--loglevel", "DEBUG"], env=environment, stdout=log, stderr=log)
    try:
        yield tmp_path
    finally:
        process.terminate()
        process.wait(30)


def wait_until_read() -> None:
    """Usage and the bill: what a worker opens as it starts is done."""
    for _ in range(600):
        opened = [
            *Ingestion.objects.values_list("state", flat=True),
            *BillingFetch.objects.values_list("state", flat=True),
        ]
        if BillingFetch.objects.exists() and set(opened) == {RunState.DONE}:
            return
        time.sleep(0.1)
    raise AssertionError("after a minute usage and bill are not read")


def everything_stored() -> str:
    """Every value of every table, and the file of a database that is one: what was deleted stays in it for a while."""
    found = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")  # noqa: S608 - the schema's own names
            found += [
                bytes(cell).decode("latin-1") if isinstance(cell, bytes | memoryview) else str(cell)
                for row in cursor.fetchall()
                for cell in row
            ]
    if connection.vendor == "sqlite":
        name = str(connection.settings_dict["NAME"])
        found += [Path(name + end).read_bytes().decode("latin-1") for end in ("", "-wal") if Path(name + end).exists()]
    return "\n".join(found)


def everything_sent(broker_url: str) -> str:
    """Every command that the broker took: it appends them to a file."""
    folder = str(redis.Redis.from_url(broker_url, decode_responses=True).config_get("dir")["dir"])
    return "\n".join(path.read_bytes().decode("latin-1") for path in Path(folder).glob("*.aof"))


def everything_in(folder: Path) -> str:
    return "\n".join(path.read_bytes().decode("latin-1") for path in sorted(folder.rglob("*")) if path.is_file())


def test_what_was_written_and_answered_is_nowhere_once_it_is_counted(
    worker: Path, broker_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    wait_until_read()
    admin = client_of(Role.ADMIN)
    pages = [admin.get(path) for path in PAGES]

    # It was read: the tokens of each are in the ledger, and what could not be counted is told.
    canary = UsageEntry.objects.filter(meter__caller__arn=CALLER)
    assert canary.filter(token_class="output").aggregate(tokens=Sum("tokens"))["tokens"] == 2 * COUNTED * 412
    assert [source_of(SMALL).ingestions.get().unreadable, source_of(PROD, TOKYO).ingestions.get().unreadable] == [
        UNREADABLE + 1,
        UNREADABLE,
    ]
    assert {page.status_code for page in pages} == {200}
    said = [page.getvalue() for page in pages]
    places = {
        "database": everything_stored(),
        "worker's log": (worker / "worker.log").read_text(),
        "web's log": caplog.text,
        "broker": everything_sent(broker_url),
        "temporary files": everything_in(worker / "temporary"),
        **{path: text.decode() for path, text in zip(PAGES, said, strict=True)},
    }
    # Each place holds what belongs there.
    assert CALLER in places["database"]
    assert "run_ingestion" in places["broker"]
    assert "ingestion.broken_file" in places["worker's log"]
    assert CALLER in places["/costs/callers/"]

    assert [place for place, text in places.items() if MARKER in text] == []
