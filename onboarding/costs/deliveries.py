"""What a source delivered, as pieces of whole lines: fetched, as it is packed, while what came before is counted.

A piece is a quarter of a megabyte, whatever a file's size, and lies where the one before it lay: memory stays flat,
and a processor's cache holds it from the unpacking to the counting. Nothing is written to disk.
"""

from __future__ import annotations

import datetime as dt
import gzip
import io
from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any, TypeVar

import structlog
from isal import igzip, igzip_lib

from onboarding.aws import Refused, usage_logs
from onboarding.costs.profiles import access_to
from onboarding.models import LogFile, LogSource

log = structlog.get_logger(__name__)

_PIECE = 1 << 18
# How much is fetched at once, and how many of these ahead: enough to count while S3 is asked for the next file. Larger
# ones are no faster: they come from the system and go back to it, and a page of memory is cleared for each time.
_CHUNK, _AHEAD = 1 << 18, 12
# So much of a log group is read to its end before what comes after it: a run that is ended goes on behind it.
_STRETCH = dt.timedelta(hours=6)
# S3's words for a file that was moved to an archive, and for one that was deleted after it was listed.
_NOT_THERE = frozenset({"InvalidObjectState", "NoSuchKey"})
# A record is a few hundred kilobytes at most. A file of one line that is packed well would fill the memory.
_LONGEST_LINE = 16 << 20


class _EndlessLine(Exception):
    """`_LONGEST_LINE` without the end of a line."""


# What the unpacking of something cut, of no gzip at all, or of no lines, raises.
_CORRUPT = (gzip.BadGzipFile, EOFError, igzip_lib.IsalError, _EndlessLine)
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Piece:
    """Whole lines, which are there until the next piece is asked for. `file` is there with the last lines of a file
    that need not be read again; what `is_broken` ends here, and lacks lines. `until` says that every event before it
    came.
    """

    lines: bytes | memoryview
    file: LogFile | None = None
    is_broken: bool = False
    until: dt.datetime | None = None


def deliveries(source: LogSource, place: str, *, since: dt.datetime, until: dt.datetime) -> Iterator[Piece]:
    """Everything delivered there in that time, but the files that were read before. Raises AwsError.

    `place` is spelled as the source's `destination`.
    """
    if place.startswith("s3://"):
        # Files are listed from the beginning of an hour: one lies in the hour of its delivery, and was read after.
        hour = since.replace(minute=0, second=0, microsecond=0)
        known = LogFile.objects.filter(source=source, read_at__gte=hour)
        chunks = _ahead(_chunks(source, place, since, dict(known.values_list("key", "etag"))))
        for file, of_file in groupby(chunks, key=itemgetter(0)):
            yield from _pieces(file, (chunk for _, chunk in of_file))
    else:
        yield from _ahead(_events(source, place, since, until))


def _ahead(items: Iterator[_T]) -> Iterator[_T]:
    """The same items, of which some are already being fetched: in a thread, which never touches the database."""
    fetcher = ThreadPoolExecutor(max_workers=1, thread_name_prefix="deliveries")
    try:
        following = deque(fetcher.submit(next, items, None) for _ in range(_AHEAD))
        while (item := following.popleft().result()) is not None:
            following.append(fetcher.submit(next, items, None))
            yield item
    finally:
        fetcher.shutdown(cancel_futures=True)


def _events(source: LogSource, group: str, since: dt.datetime, until: dt.datetime) -> Iterator[Piece]:
    """One stretch of time after the other, since nobody says that events come in the order of their times."""
    region, access = source.region, access_to(source)
    while since < until:
        end = min(since + _STRETCH, until)
        for messages in usage_logs.log_events(group, region=region, since=since, until=end, access=access):
            yield Piece(b"\n".join(messages))
        yield Piece(b"", until=end)
        since = end


def _chunks(
    source: LogSource, bucket: str, since: dt.datetime, known: Mapping[str, str]
) -> Iterator[tuple[LogFile, bytes | Refused]]:
    """The files as they are, cut; each begins with nothing, so that an empty one is a file, too.

    One that is not there must not keep those after it from being read, and ends with the reason.
    """
    region, access, account = source.region, access_to(source), source.account.account_id
    for found in usage_logs.log_objects(bucket, account_id=account, region=region, since=since, access=access):
        if found.etag != known.get(found.key):
            file = LogFile(source=source, key=found.key, etag=found.etag)
            yield file, b""
            try:
                with usage_logs.open_log(bucket, found.key, region=region, access=access) as packed:
                    while chunk := packed.read(_CHUNK):
                        yield file, chunk
            except Refused as error:
                if error.code not in _NOT_THERE:
                    raise
                yield file, error


class _NotThere(Exception):
    """S3 refused this one file. Any other Refused ends the reading, and is a problem of the source."""


class _Packed(io.RawIOBase):
    """Chunks, as something that gzip reads from. Raises _NotThere at the Refused that stands in for one."""

    def __init__(self, chunks: Iterator[bytes | Refused]) -> None:
        self._chunks = chunks
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            if isinstance(chunk, Refused):
                raise _NotThere(chunk.code)
            self._rest = memoryview(chunk)
        count = min(len(buffer), len(self._rest))
        buffer[:count], self._rest = self._rest[:count], self._rest[count:]
        return count


def _pieces(file: LogFile, chunks: Iterator[bytes | Refused]) -> Iterator[Piece]:
    buffer, filled = bytearray(_PIECE), 0
    try:
        with igzip.IGzipFile(fileobj=_Packed(chunks), mode="rb") as unpacked:
            while count := unpacked.readinto(memoryview(buffer)[filled:]):
                filled += count
                if end := buffer.rfind(b"\n", 0, filled) + 1:
                    yield Piece(memoryview(buffer)[:end])
                    buffer[: filled - end] = buffer[end:filled]
                    filled -= end
                elif filled == len(buffer):
                    if filled >= _LONGEST_LINE:
                        raise _EndlessLine
                    buffer = buffer + bytes(filled)  # another one: whoever holds the last piece holds this
    except _CORRUPT as error:  # type: ignore[misc]  # isal's stubs take its error's class for an instance
        _warn(file, type(error).__name__)
        yield Piece(b"", file, is_broken=True)
    except _NotThere as error:
        # Restored from the archive it is the same file, and can be read.
        _warn(file, str(error))
        yield Piece(b"", is_broken=True)
    else:
        yield Piece(bytes(buffer[:filled]), file)


def _warn(file: LogFile, reason: str) -> None:
    log.warning("ingestion.broken_file", source=str(file.source), key=file.key, reason=reason)
