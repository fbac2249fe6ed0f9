"""Invocation logs: which objects are log files, how one is read, and the pages of a log group."""

from __future__ import annotations

import datetime as dt
import gzip
from io import BytesIO
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError
from botocore.response import StreamingBody

from onboarding.aws import AwsError, NoAnswer, NotConfigured, PortalDenied, Refused
from onboarding.aws.session import Access
from onboarding.aws.usage_logs import LogObject, log_events, log_objects, open_log
from tests.unit.checks.stubs import ACCOUNT, REGION, Error, Params, Reply, Stubs

ACCESS = Access(f"arn:aws:iam::{ACCOUNT}:role/OnrampReadOnly", "external")
LOCATION = "s3://acme-logs/bedrock"
ROOT = f"bedrock/AWSLogs/{ACCOUNT}/BedrockModelInvocationLogs/{REGION}/"
SINCE = dt.datetime(2026, 11, 20, 14, 59, tzinfo=dt.UTC)
DELIVERED = dt.datetime(2026, 11, 20, 15, 1, tzinfo=dt.UTC)


def row(name: str, root: str = ROOT, **fields: Any) -> dict[str, Any]:
    return {"Key": root + name, "ETag": '"0a1b"', "Size": 7, "LastModified": DELIVERED, **fields}


def listing(*rows: dict[str, Any], more: str = "") -> dict[str, Any]:
    token = {"NextContinuationToken": more} if more else {}
    return {"Contents": list(rows), "IsTruncated": bool(more), **token}


def found(location: str = LOCATION, since: dt.datetime = SINCE) -> list[LogObject]:
    return list(log_objects(location, account_id=ACCOUNT, region=REGION, since=since, access=ACCESS))


def test_files_are_listed_from_an_hour_on_in_pages(stubs: Stubs) -> None:
    stubs.answer(
        ListObjectsV2=[
            listing(row("2026/11/20/14/a.json.gz"), more="page-2"),
            listing(row("2026/11/20/15/b.json.gz", ETag='"ffff"', Size=9)),
        ]
    )

    first, second = found()

    assert first == LogObject(ROOT + "2026/11/20/14/a.json.gz", "0a1b", 7, DELIVERED)
    assert (second.key, second.etag, second.size) == (ROOT + "2026/11/20/15/b.json.gz", "ffff", 9)
    asked = {"Bucket": "acme-logs", "Prefix": ROOT, "StartAfter": ROOT + "2026/11/20/14/"}
    wanted = [call.params.items() & asked.items() for call in stubs.calls]
    assert wanted == [asked.items()] * 2
    assert [call.params.get("ContinuationToken") for call in stubs.calls] == [None, "page-2"]
    assert {(call.region, call.access) for call in stubs.calls} == {(REGION, ACCESS)}


def test_only_log_files_are_log_files(stubs: Stubs) -> None:
    stubs.answer(
        ListObjectsV2=listing(
            row("2026/11/20/14/20261120T1400_0a1b.json.gz"),
            row("2026/11/20/14/data/915a6a04_input.json.gz"),
            row("2026/11/20/14/notes.txt"),
            row("amazon-bedrock-logs-permission-check"),
            row("2026/11/2026.json.gz"),
        )
    )

    assert [one.key for one in found()] == [ROOT + "2026/11/20/14/20261120T1400_0a1b.json.gz"]


def test_hours_are_utc(stubs: Stubs) -> None:
    stubs.answer(ListObjectsV2=listing())

    assert found(since=SINCE.astimezone(dt.timezone(dt.timedelta(hours=11)))) == []

    assert stubs.calls[0].params["StartAfter"] == ROOT + "2026/11/20/14/"


@pytest.mark.parametrize(
    ("location", "prefix"),
    [("s3://acme-logs", ""), ("s3://acme-logs/", ""), ("s3://acme-logs/a/b/", "a/b/")],
)
def test_the_prefix_of_a_location(stubs: Stubs, location: str, prefix: str) -> None:
    stubs.answer(ListObjectsV2=listing())

    found(location)

    assert stubs.calls[0].params["Prefix"] == f"{prefix}AWSLogs/{ACCOUNT}/BedrockModelInvocationLogs/{REGION}/"


def test_a_log_group_is_no_folder() -> None:
    with pytest.raises(ValueError, match="not a folder in S3"):
        found("/aws/bedrock/invocations")


def test_a_page_is_asked_for_when_it_is_wanted(stubs: Stubs) -> None:
    stubs.answer(ListObjectsV2=[listing(row("2026/11/20/14/a.json.gz"), more="page-2")])

    next(log_objects(LOCATION, account_id=ACCOUNT, region=REGION, since=SINCE, access=ACCESS))

    assert len(stubs.calls) == 1


# --- One file


class Broken(BytesIO):
    """A connection that falls silent after its first bytes."""

    def read(self, size: int | None = -1, /) -> bytes:
        if self.tell() > 0:
            raise ReadTimeoutError(endpoint_url="https://aws.example")
        return super().read(size)


def body(content: bytes, stream: type[BytesIO] = BytesIO, *, length: int | None = None) -> dict[str, Any]:
    made = StreamingBody(stream(content), len(content) if length is None else length)
    return {"Body": made}


def test_a_file_is_read_as_it_arrives(stubs: Stubs) -> None:
    packed = gzip.compress(b'{"requestId": "1"}\n')
    stubs.answer(GetObject=lambda _: body(packed))

    with open_log(LOCATION, ROOT + "x.json.gz", region=REGION, access=ACCESS) as file:
        start = file.read(3)
        rest = file.read()
        end = file.read(10)

    assert (start + rest, end) == (packed, b"")
    assert stubs.calls[0].params == {"Bucket": "acme-logs", "Key": ROOT + "x.json.gz"}


@pytest.mark.parametrize(
    "answer",
    [body(b"12345678", Broken), body(b"1234", length=8)],
    ids=["silent", "cut short"],
)
def test_a_connection_that_breaks_is_no_answer(stubs: Stubs, answer: dict[str, Any]) -> None:
    stubs.answer(GetObject=lambda _: answer)

    with open_log(LOCATION, "key", region=REGION, access=ACCESS) as file:
        assert file.read(4) == b"1234"
        with pytest.raises(NoAnswer) as caught:
            file.read(4)

    assert caught.value.operation == "s3:GetObject"


# --- A log group


def events(*messages: str, more: str = "") -> dict[str, Any]:
    token = {"nextToken": more} if more else {}
    return {"events": [{"message": message} for message in messages], **token}


def read_group() -> list[list[bytes]]:
    until = SINCE + dt.timedelta(hours=1)
    return list(log_events("/bedrock/logs", region=REGION, since=SINCE, until=until, access=ACCESS))


def test_events_come_in_pages_and_the_end_is_exclusive(stubs: Stubs) -> None:
    stubs.answer(FilterLogEvents=[events("a", "ñ", more="2"), events(more="3"), events("c")])

    assert read_group() == [[b"a", "ñ".encode()], [], [b"c"]]

    start = 1_795_186_740_000
    asked = {"logGroupName": "/bedrock/logs", "startTime": start, "endTime": start + 3_600_000 - 1}
    assert [call.params for call in stubs.calls] == [asked, {**asked, "nextToken": "2"}, {**asked, "nextToken": "3"}]


def test_half_a_character_does_not_end_the_reading(stubs: Stubs) -> None:
    stubs.answer(FilterLogEvents=events("a\ud83d", "b"))

    assert read_group() == [[b"a?", b"b"]]


# --- Errors


@pytest.mark.parametrize(
    ("operation", "label", "call"),
    [
        ("ListObjectsV2", "s3:ListBucket", found),
        ("GetObject", "s3:GetObject", lambda: open_log(LOCATION, "k", region=REGION, access=ACCESS).__enter__()),
        ("FilterLogEvents", "logs:FilterLogEvents", read_group),
    ],
    ids=["list", "get", "events"],
)
@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Error("SlowDown", 503), NoAnswer),
        (Error("ThrottlingException", 400), NoAnswer),
        (ReadTimeoutError(endpoint_url="https://aws.example"), NoAnswer),
        (Error("AccessDenied", 403), PortalDenied),
        (Error("ExpiredToken", 403), NotConfigured),
        (Error("NoSuchBucket", 404), Refused),
    ],
    ids=["503", "throttled", "read", "denied", "expired", "404"],
)
def test_the_error_ladder(
    stubs: Stubs, operation: str, label: str, call: Any, fault: Reply, kind: type[AwsError]
) -> None:
    stubs.answer({operation: fault})

    with pytest.raises(AwsError) as caught:
        call()

    assert (type(caught.value), caught.value.operation) == (kind, label)


def test_a_second_page_that_fails_is_an_error_of_the_same_kind(stubs: Stubs) -> None:
    def answer(params: Params) -> Any:
        return Error("InternalError", 500) if "ContinuationToken" in params else listing(more="2")

    stubs.answer(ListObjectsV2=answer)

    with pytest.raises(NoAnswer):
        found()
