"""The zip: the same files give the same bytes, on every machine and in every year."""

from __future__ import annotations

import io
import stat
import zipfile
from collections.abc import Mapping

# The earliest time a zip can hold.
_TIMESTAMP = (1980, 1, 1, 0, 0, 0)
_UNIX = 3


def pack(files: Mapping[str, bytes]) -> bytes:
    """A zip of `files` in their order. Stored, not deflated: builds of zlib differ in what they write."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, content in files.items():
            archive.writestr(_member(name), content)
    return buffer.getvalue()


def _member(name: str) -> zipfile.ZipInfo:
    member = zipfile.ZipInfo(name, _TIMESTAMP)
    member.create_system = _UNIX
    member.external_attr = (stat.S_IFREG | 0o644) << 16
    return member
