"""What a source delivered: which files are read, and how they are cut into pieces."""

from __future__ import annotations

import datetime as dt
import gzip
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from onboarding.aws import AwsError, PortalDenied, Refused, usage_logs
from onboarding.aws.objects import StoredObject
from onboarding.costs.deliveries import Piece, deliveries
from onboarding.models import LogFile, LogSource
from tests.factories import make_account
from tests.unit.costs.logs import joined, line

pytestmark = pytest.mark.django_db

NOW = dt.datetime(2026, 11, 25, 17, 20, tzinfo=dt.UTC)
HOUR = "AWSLogs/111122223333/BedrockModelInvocationLogs/eu-west-1/2026/11/25/14/"

Bucket = dict[str, Any]


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Bucket:
    """Keys of log files and their content, or what opening one raises."""
    content: Bucket = {}

    def listed(*_arguments: Any, **_named: Any) -> Iterator[StoredObject]:
        return (StoredObject(key, "1", 1, NOW) for key in sorted(content))

    @contextmanager
    def opened(_location: str, key: str, **_named: Any) -> Iterator[io.BytesIO]:
        if isinstance(content[key], Exception):
            raise content[key]
        yield io.BytesIO(content[key])

    monkeypatch.setattr(usage_logs, "log_objects", listed)
    monkeypatch.setattr(usage_logs, "open_log", opened)
    return content


def make_source() -> LogSource:
    return LogSource.objects.create(account=make_account(), region="eu-west-1", destination="s3://logs")


def read(source: LogSource, since: dt.datetime) -> list[Piece]:
    """The lines of a piece are there until the next is asked for."""
    pieces = deliveries(source, source.destination, since=since, until=NOW)
    return [replace(piece, lines=bytes(piece.lines)) for piece in pieces]


def test_a_file_of_the_hour_that_listing_begins_with_is_not_read_again(bucket: Bucket) -> None:
    source = make_source()
    bucket[f"{HOUR}a.json.gz"] = gzip.compress(joined(line()))
    file = LogFile.objects.create(source=source, key=f"{HOUR}a.json.gz", etag="1")
    LogFile.objects.filter(pk=file.pk).update(read_at=NOW.replace(hour=14, minute=12))
    assert read(source, NOW.replace(hour=14, minute=17)) == []
    LogFile.objects.update(etag="0")
    assert [piece.file.key for piece in read(source, NOW.replace(hour=14, minute=17)) if piece.file] == [file.key]


@pytest.mark.parametrize("end", [b"", b"\n"])
@pytest.mark.parametrize(
    "lengths",
    [
        [],
        [0],
        [7, 7],
        [1 << 18, 7],
        [(1 << 18) - 1, 7],
        [(1 << 18) - 2, 0, 7],
        [7, 900_000, 7, 300_000],
        [100] * 9_000,
    ],
    ids=["nothing", "empty", "few", "a piece and an end", "a piece", "an end at its end", "long", "many"],
)
def test_pieces_are_whole_lines_and_together_the_file(bucket: Bucket, lengths: list[int], end: bytes) -> None:
    content = b"\n".join(b"%d" % (number % 10) * length for number, length in enumerate(lengths)) + end
    bucket[f"{HOUR}a.json.gz"] = gzip.compress(content)

    *pieces, last = read(make_source(), NOW - dt.timedelta(hours=3))

    assert b"".join(piece.lines for piece in (*pieces, last)) == content
    assert all(bytes(piece.lines).endswith(b"\n") and piece.file is None for piece in pieces)
    assert last.file is not None


def test_a_broken_file_is_not_read_again_while_it_stays_the_same(bucket: Bucket) -> None:
    bucket[f"{HOUR}a.json.gz"] = gzip.compress(joined(line()))[:-9]
    bucket[f"{HOUR}b.json.gz"] = gzip.compress(joined(line()))
    source = make_source()
    pieces = read(source, NOW - dt.timedelta(hours=3))
    (broken,) = (piece for piece in pieces if piece.is_broken)
    files = [piece.file for piece in pieces if piece.file]
    assert broken.file is not None
    assert [file.key for file in files] == sorted(bucket)
    LogFile.objects.bulk_create(files)
    assert read(source, NOW - dt.timedelta(hours=3)) == []


def test_a_file_that_unpacks_to_a_line_without_end_is_broken_and_fills_no_memory(bucket: Bucket) -> None:
    bucket[f"{HOUR}a.json.gz"] = gzip.compress(joined(line()) + bytes(20 << 20))
    bucket[f"{HOUR}b.json.gz"] = gzip.compress(joined(line()))

    pieces = read(make_source(), NOW - dt.timedelta(hours=3))

    assert [piece.is_broken for piece in pieces if piece.file] == [True, False]
    assert max(len(piece.lines) for piece in pieces) < 1 << 20


@pytest.mark.parametrize("code", ["InvalidObjectState", "NoSuchKey"])
def test_an_archived_or_deleted_file_does_not_keep_others_from_being_read(bucket: Bucket, code: str) -> None:
    bucket[f"{HOUR}a.json.gz"] = Refused("s3:GetObject", "The operation is not valid", code=code)
    bucket[f"{HOUR}b.json.gz"] = gzip.compress(joined(line()))
    gone, *rest = read(make_source(), NOW - dt.timedelta(hours=3))
    assert (gone.lines, gone.file, gone.is_broken) == (b"", None, True)
    assert [piece.file.key for piece in rest if piece.file] == [f"{HOUR}b.json.gz"]


@pytest.mark.parametrize(
    "refusal",
    [
        PortalDenied("s3:GetObject", "AccessDenied"),
        Refused("s3:GetObject", "The key is disabled", code="KMS.DisabledException"),
    ],
    ids=["denied", "refused"],
)
def test_a_file_that_the_portal_may_not_read_is_a_problem(bucket: Bucket, refusal: AwsError) -> None:
    bucket[f"{HOUR}a.json.gz"] = gzip.compress(joined(line()))
    bucket[f"{HOUR}b.json.gz"] = refusal
    with pytest.raises(type(refusal)):
        read(make_source(), NOW - dt.timedelta(hours=3))
