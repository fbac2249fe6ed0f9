"""What a source delivered: which files are read, and how they are cut into pieces."""

from __future__ import annotations

import datetime as dt
import gzip
import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from onboarding.aws import usage_logs
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
    return list(deliveries(source, since=since, until=NOW))


def test_a_file_of_the_hour_that_listing_begins_with_is_not_read_again(bucket: Bucket) -> None:
    source = make_source()
    bucket[f"{HOUR}a.json.gz"] = gzip.compress(joined(line()))
    file = LogFile.objects.create(source=source, key=f"{HOUR}a.json.gz", etag="1")
    LogFile.objects.filter(pk=file.pk).update(read_at=NOW.replace(hour=14, minute=12))
    assert read(source, NOW.replace(hour=14, minute=17)) == []
    LogFile.objects.update(etag="0")
    assert [piece.file.key for piece in read(source, NOW.replace(hour=14, minute=17)) if piece.file] == [file.key]
