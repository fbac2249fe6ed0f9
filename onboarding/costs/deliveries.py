"""What a source delivered, as pieces of whole lines: unpacked and cut while those before are counted.

A piece is about a megabyte, whatever a file's size, so that memory stays flat. Nothing is written to disk.
"""

from __future__ import annotations

import datetime as dt
import gzip
from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import structlog
from isal import igzip, igzip_lib

from onboarding.aws import Refused, usage_logs
from onboarding.aws.objects import Body
from onboarding.costs.profiles import access_to
from onboarding.models import LogFile, LogSource

log = structlog.get_logger(__name__)

_PIECE = 1 << 20
# S3's words for a file that was moved to an archive, and for one that was deleted after it was listed.
_NOT_THERE = frozenset({"InvalidObjectState", "NoSuchKey"})
# Enough to count while S3 is asked for the next file.
_PIECES_AHEAD = 4
# What the unpacking of something cut, or of no gzip at all, raises.
_CORRUPT = (gzip.BadGzipFile, EOFError, igzip_lib.IsalError)


@dataclass(frozen=True, slots=True)
class Piece:
    """Whole lines. `file` is there with the last lines of a file that need not be read again; what `is_broken` ends
    here, and lacks lines.
    """

    lines: bytes
    file: LogFile | None = None
    is_broken: bool = False


def deliveries(source: LogSource, *, since: dt.datetime, until: dt.datetime) -> Iterator[Piece]:
    """Everything delivered in that time, but the files that were read before. Raises AwsError.

    The reading thread never touches the database.
    """
    if source.destination.startswith("s3://"):
        # Files are listed from the beginning of an hour: one lies in the hour of its delivery, and was read after.
        hour = since.replace(minute=0, second=0, microsecond=0)
        known = LogFile.objects.filter(source=source, read_at__gte=hour)
        pieces = _from_s3(source, since, dict(known.values_list("key", "etag")))
    else:
        pieces = _events(source, since, until)
    reader = ThreadPoolExecutor(max_workers=1, thread_name_prefix="deliveries")
    try:
        following = deque(reader.submit(next, pieces, None) for _ in range(_PIECES_AHEAD))
        while (piece := following.popleft().result()) is not None:
            following.append(reader.submit(next, pieces, None))
            yield piece
    finally:
        reader.shutdown(cancel_futures=True)


def _events(source: LogSource, since: dt.datetime, until: dt.datetime) -> Iterator[Piece]:
    pages = usage_logs.log_events(
        source.destination, region=source.region, since=since, until=until, access=access_to(source)
    )
    for messages in pages:
        yield Piece(b"\n".join(messages))


def _from_s3(source: LogSource, since: dt.datetime, known: Mapping[str, str]) -> Iterator[Piece]:
    region, access, account = source.region, access_to(source), source.account.account_id
    bucket = source.destination
    for found in usage_logs.log_objects(bucket, account_id=account, region=region, since=since, access=access):
        if found.etag != known.get(found.key):
            file = LogFile(source=source, key=found.key, etag=found.etag)
            try:
                with usage_logs.open_log(bucket, found.key, region=region, access=access) as packed:
                    yield from _pieces(packed, file)
            except Refused as error:
                # It must not keep those after it from being read. Restored, it is the same file, and can be read.
                if error.code not in _NOT_THERE:
                    raise
                _warn(file, error.code)
                yield Piece(b"", is_broken=True)


def _pieces(packed: Body, file: LogFile) -> Iterator[Piece]:
    rest = b""
    try:
        with igzip.IGzipFile(fileobj=packed, mode="rb") as lines:
            while data := lines.read(_PIECE):
                whole, newline, rest = (rest + data).rpartition(b"\n")
                if newline:
                    yield Piece(whole)
    except _CORRUPT as error:  # type: ignore[misc]  # isal's stubs take its error's class for an instance
        _warn(file, type(error).__name__)
        yield Piece(b"", file, is_broken=True)
    else:
        yield Piece(rest, file)


def _warn(file: LogFile, reason: str) -> None:
    log.warning("ingestion.broken_file", source=str(file.source), key=file.key, reason=reason)
