"""The archives: the same files give the same bytes, on every machine and in every year.

The zip is written here and not by `zipfile`, whose writer took half of the time that a whole bundle takes; the tests
read it back with `zipfile` and with `unzip`. https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT, 4.3
"""

from __future__ import annotations

import io
import stat
import struct
import tarfile
import zlib
from collections.abc import Mapping
from functools import lru_cache

# Signature, version needed, flags, method (0: stored, since builds of zlib differ in what they deflate to), time,
# date, CRC-32, both sizes, lengths of name and extra field.
_LOCAL = struct.Struct("<4s5H3I2H")
# The same with the version made by in front, and behind: lengths of the comment, disk, both attributes, the offset.
_CENTRAL = struct.Struct("<4s6H3I5H2I")
# Signature, two disks, entries here and in all, size and offset of the directory, length of the comment.
_END = struct.Struct("<4s4H2IH")
# The earliest date a zip can hold, 1 January 1980.
_TIME, _DATE = 0, 1 << 5 | 1
_VERSION, _MADE_ON_UNIX = 20, 3 << 8 | 20


def pack(files: Mapping[str, bytes]) -> bytes:
    """A zip of `files` in their order, under plain ASCII names."""
    parts: list[bytes] = []
    directory: list[bytes] = []
    offset = 0
    for name, content in files.items():
        local, central = _headers(name, len(content), _crc(content), offset)
        parts += (local, content)
        directory.append(central)
        offset += len(local) + len(content)
    listed = b"".join(directory)
    end = _END.pack(b"PK\x05\x06", 0, 0, len(files), len(files), len(listed), offset, 0)
    return b"".join((*parts, listed, end))


def _headers(name: str, size: int, crc: int, offset: int) -> tuple[bytes, bytes]:
    """What stands before a file, and its entry in the directory at the end."""
    encoded = name.encode("ascii")
    common = (_VERSION, 0, 0, _TIME, _DATE, crc, size, size, len(encoded), 0)
    attributes = (stat.S_IFREG | _mode(name)) << 16
    local = _LOCAL.pack(b"PK\x03\x04", *common)
    central = _CENTRAL.pack(b"PK\x01\x02", _MADE_ON_UNIX, *common, 0, 0, 0, attributes, offset)
    return local + encoded, central + encoded


@lru_cache(maxsize=256)
def _crc(content: bytes) -> int:
    """Remembered, since most of a bundle's files are the same for everybody on a plan."""
    return zlib.crc32(content)


def pack_tar(files: Mapping[str, bytes]) -> bytes:
    """A tar of `files`, for machines that come with `tar` and without `unzip`: most of them."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), _mode(name)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def _mode(name: str) -> int:
    return 0o755 if name.endswith(".sh") else 0o644
