"""The real Claude Code CLI: two pinned versions from npm, kept in the user's cache folder."""

from __future__ import annotations

import base64
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# A current one; and the one that `npm install` takes where Node.js is older than 22, on which many machines stay.
CURRENT, OLD = "2.1.330", "2.1.197"
VERSIONS = (CURRENT, OLD)
_PACKAGES = {
    "x86_64": "@anthropic-ai/claude-code-linux-x64",
    "aarch64": "@anthropic-ai/claude-code-linux-arm64",
}
# What npm's registry says the SHA-512 of the package's archive is, by version and `platform.machine()`. The program
# runs with the developer's rights, so it is the one that was looked at or none.
_DIGESTS = {
    (CURRENT, "x86_64"): "9Gn+V7DtJ8M1nztP9CeDVl9g3RtrepI7rOFTyPRRnZe8D6zebIHKmC7OvBauucuAP0X0k85SDN/LPVZyjsGezQ==",
    (CURRENT, "aarch64"): "V4yanAY5EA5UpwwRPtjSfqDbNqAlUJeVn3NYZw2AgmRHjdpSsLtHAzbxRXfkAnbjwTXzE0uedjQxUY02ARPcsA==",
    (OLD, "x86_64"): "rIlKmrY0QMyHgPRX/MYWNj039vbypICvI9jVe3rs9Xy2RnNklySjyPxqh62QadznzoftEO23uYQ1tFePcQ//bg==",
    (OLD, "aarch64"): "sx6SoGj3MNR5CV+YDkNtbLHXa1tn3G8qcYFgm1gnvOi9ODQUKbhiPfankJfkTMDVekOvnKJhm6i9hGFIPzp7cQ==",
}
_ELF = b"\x7fELF"
_DOWNLOAD_SECONDS = 400  # 175 MB


class Unavailable(Exception):
    """The CLI cannot be had on this machine. The message says why."""


def installed(version: str) -> Path:
    """The program's path; fetched when it is not in the cache yet. Raises Unavailable."""
    package, digest = _package(version)
    program = _cache() / f"claude-code-{version}" / "claude"
    try:
        program.parent.mkdir(parents=True, exist_ok=True)
        with _locked(program.with_name("lock")):
            if not program.exists():
                _fetch(f"{package}@{version}", digest, program)
    except OSError as error:
        raise Unavailable(f"Claude Code cannot be kept in {program.parent}: {error.strerror}") from error
    return program


def _cache() -> Path:
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(root) / "onramp-tests"


def _package(version: str) -> tuple[str, str]:
    machine, libc = platform.machine(), platform.libc_ver()[0]
    if sys.platform != "linux" or libc != "glibc" or machine not in _PACKAGES:
        place = f"{sys.platform} {machine}, {libc or 'unknown libc'}"
        raise Unavailable(f"Claude Code is fetched for Linux with glibc only; this is {place}")
    return _PACKAGES[machine], _DIGESTS[version, machine]


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """One at a time, also across the suite's workers; freed by the system if the holder dies."""
    import fcntl  # not on every platform, and by now we know that this is Linux

    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _fetch(spec: str, digest: str, program: Path) -> None:
    """Download, check and unpack; the program appears whole or not at all."""
    with tempfile.TemporaryDirectory(dir=program.parent) as name:
        archive = _download(spec, Path(name))
        with archive.open("rb") as content:
            found = base64.b64encode(hashlib.file_digest(content, "sha512").digest()).decode()
        # Not Unavailable: a skip would hide that somebody changed what we run.
        assert found == digest, f"{spec} is not the archive that was pinned: sha512-{found}"
        draft = Path(name) / "claude"
        _unpack(archive, draft)
        draft.chmod(0o755)
        draft.replace(program)


def _download(spec: str, folder: Path) -> Path:
    npm = shutil.which("npm")
    if npm is None:
        raise Unavailable("npm is not installed, so Claude Code cannot be fetched")
    # npm's own cache would keep the archive a second time.
    options = ["--ignore-scripts", "--loglevel=error", "--fetch-retries=1", f"--cache={folder / 'npm'}"]
    command = [npm, "pack", spec, f"--pack-destination={folder}", *options]
    try:
        done = subprocess.run(
            command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_DOWNLOAD_SECONDS
        )
    except subprocess.TimeoutExpired as error:
        raise Unavailable(f"npm did not deliver {spec} in {_DOWNLOAD_SECONDS} s") from error
    archive = next(folder.glob("*.tgz"), None)
    if done.returncode or archive is None:
        said = " ".join(done.stderr.split())[:300] or f"exit code {done.returncode}"
        raise Unavailable(f"npm could not fetch {spec}: {said}")
    return archive


def _unpack(archive: Path, target: Path) -> None:
    """The package's one ELF file. Nothing else is written, so no name in the archive matters."""
    with tarfile.open(archive) as package:
        for member in package:
            content = package.extractfile(member) if member.isfile() else None
            if content is None or content.read(len(_ELF)) != _ELF:
                continue
            content.seek(0)
            with target.open("wb") as program:
                shutil.copyfileobj(content, program, 1 << 20)
            return
    raise Unavailable(f"{archive.name} holds no program")
