"""A script at a terminal: somebody reads what it prints, types, and presses Ctrl-C."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import subprocess
import termios
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_SECONDS = 60  # until it counts as hanging; it needs a fraction of one


class Terminal:
    def __init__(self, master: int, process: subprocess.Popen[bytes]) -> None:
        self._master = master
        self._process = process
        self.shown = ""
        self._read = 0

    @property
    def echoes(self) -> bool:
        """Whether what is typed is shown."""
        return bool(termios.tcgetattr(self._master)[3] & termios.ECHO)

    def reads(self, text: str) -> None:
        """Wait until this is shown, after what was read before."""
        while text not in self.shown[self._read :]:
            piece = self._more()
            assert piece, f"it ended without {text!r}: {self.shown}"
            self.shown += piece
        self._read = self.shown.index(text, self._read) + len(text)

    def types(self, text: str) -> None:
        os.write(self._master, text.encode())

    def interrupts(self) -> int:
        """Press Ctrl-C until the script ends; the exit status.

        More than once, as people do: a shell that is just between two commands may not hear the first.
        """
        for _ in range(_SECONDS):
            self.types("\x03")
            with suppress(subprocess.TimeoutExpired):
                return self._process.wait(1)
        raise AssertionError(f"it does not hear Ctrl-C: {self.shown}")

    def interrupts_until(self, text: str) -> None:
        """Press Ctrl-C, likewise, until a shell that lives on shows this."""
        for _ in range(_SECONDS):
            self.types("\x03")
            while select.select([self._master], [], [], 1)[0]:
                self.shown += self._more()
                if text in self.shown[self._read :]:
                    self._read = len(self.shown)
                    return
        raise AssertionError(f"it does not hear Ctrl-C: {self.shown}")

    def ends(self) -> int:
        """Read to the end; the exit status."""
        while piece := self._more():
            self.shown += piece
        return self._process.wait(_SECONDS)

    def _more(self) -> str:
        ready, _, _ = select.select([self._master], [], [], _SECONDS)
        assert ready, f"it hangs: {self.shown}"
        try:
            return os.read(self._master, 4096).decode(errors="replace")
        except OSError:  # Linux's way of saying that nobody holds the other side any more
            return ""


@contextmanager
def at_terminal(command: list[str], folder: Path, environment: dict[str, str]) -> Iterator[Terminal]:
    master, slave = pty.openpty()
    process = subprocess.Popen(
        command,
        stdin=slave,
        stdout=slave,
        stderr=slave,
        cwd=folder,
        env=environment | {"TERM": "dumb"},
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )
    os.close(slave)
    try:
        yield Terminal(master, process)
    finally:
        process.kill()
        process.wait()
        os.close(master)
