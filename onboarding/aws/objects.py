"""Objects in S3: what lies under a folder, and one of them as a stream whose errors are the seam's own."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from onboarding.aws.errors import mapped, reading
from onboarding.aws.session import Access, client


@dataclass(frozen=True, slots=True)
class Folder:
    """A bucket, and what keys in it begin with: empty, or with a slash at its end."""

    bucket: str
    prefix: str


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object as a listing tells it. `etag` changes with its content."""

    key: str
    etag: str
    size: int
    modified_at: dt.datetime


class Body(io.RawIOBase):
    """An object's content as it arrives. Raises NoAnswer where the connection breaks or falls silent on the way."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        with reading("s3:GetObject"):
            content = self._stream.read(len(buffer))
        buffer[: len(content)] = content
        return len(content)


def folder(location: str) -> Folder:
    """The parts of `s3://bucket/prefix`. Raises ValueError for any other text."""
    scheme, _, rest = location.partition("://")
    bucket, _, prefix = rest.partition("/")
    if scheme != "s3" or not bucket:
        raise ValueError(f"not a folder in S3: {location}")
    prefix = prefix.strip("/")
    return Folder(bucket, f"{prefix}/" if prefix else "")


def objects_under(
    bucket: str, prefix: str, *, region: str, access: Access, start_after: str = ""
) -> Iterator[StoredObject]:
    """The objects whose keys begin with `prefix`, in key order, a thousand a call; asked for as they are wanted."""
    s3 = client("s3", region=region, access=access)
    arguments = {"Bucket": bucket, "Prefix": prefix, **({"StartAfter": start_after} if start_after else {})}
    while True:
        with mapped("s3:ListBucket"):
            page = s3.list_objects_v2(**arguments)
            found = [_object(row) for row in page.get("Contents", [])]
        yield from found
        if not page.get("IsTruncated"):
            return
        arguments["ContinuationToken"] = page["NextContinuationToken"]


def _object(row: dict[str, Any]) -> StoredObject:
    return StoredObject(row["Key"], row["ETag"].strip('"'), row["Size"], row["LastModified"])


@contextmanager
def opened(bucket: str, key: str, *, region: str, access: Access) -> Iterator[Body]:
    """An object's content, read as it is asked for; the connection is let go at the end, also of half a reading."""
    s3 = client("s3", region=region, access=access)
    with mapped("s3:GetObject"):
        stream = s3.get_object(Bucket=bucket, Key=key)["Body"]
    try:
        yield Body(stream)
    finally:
        stream.close()
