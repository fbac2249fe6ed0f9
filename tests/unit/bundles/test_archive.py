"""The archives hold the same files, and the same bytes every time."""

from __future__ import annotations

import io
import shutil
import string
import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onboarding.bundles import archive
from onboarding.bundles.build import build
from tests.unit.bundles.examples import EXAMPLE


def test_the_tar_has_the_same_files_and_is_the_same_every_time() -> None:
    built = build(EXAMPLE)
    packed = archive.pack_tar(built.files)
    assert packed == archive.pack_tar(built.files)
    with tarfile.open(fileobj=io.BytesIO(packed)) as opened:
        assert opened.getnames() == list(built.files)
        for member in opened.getmembers():
            content = opened.extractfile(member)
            assert content is not None
            assert content.read() == built.files[member.name]
            assert (member.mtime, member.uid, member.gid, member.uname, member.gname) == (0, 0, 0, "", "")
            assert member.mode == (0o755 if member.name.endswith(".sh") else 0o644)


def test_packing_nothing_is_an_empty_zip() -> None:
    with zipfile.ZipFile(io.BytesIO(archive.pack({}))) as opened:
        assert opened.namelist() == []


NAMES = st.text(alphabet=string.ascii_letters + string.digits + "._-", min_size=1, max_size=20)


@given(files=st.dictionaries(NAMES, st.binary(max_size=2000), max_size=8))
def test_zipfile_reads_back_what_was_packed(files: dict[str, bytes]) -> None:
    with zipfile.ZipFile(io.BytesIO(archive.pack(files))) as opened:
        assert opened.testzip() is None
        assert {name: opened.read(name) for name in opened.namelist()} == files
        assert [member.compress_type for member in opened.infolist()] == [zipfile.ZIP_STORED] * len(files)


def test_it_is_what_zipfile_would_have_written() -> None:
    files = build(EXAMPLE).files
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as written:
        for name, content in files.items():
            member = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            member.create_system = 3
            member.external_attr = (0o100755 if name.endswith(".sh") else 0o100644) << 16
            written.writestr(member, content)

    assert archive.pack(files) == buffer.getvalue()


@pytest.mark.parametrize("program", [("unzip", "-tq"), ("bsdtar", "-tf"), ("busybox", "unzip", "-t")])
def test_other_programs_read_it(program: tuple[str, ...], tmp_path: Path) -> None:
    if shutil.which(program[0]) is None:
        pytest.skip(f"{program[0]} is not installed here")
    packed = tmp_path / "bundle.zip"
    packed.write_bytes(build(EXAMPLE).archive)
    subprocess.run([*program, packed], check=True, capture_output=True)
