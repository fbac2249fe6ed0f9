"""Child processes that stop together: each leads a process group, writes to its own log, and dies with us."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

GRACE = 10.0  # seconds between asking a process to stop and killing its group
_TICK = 0.05
_PR_SET_PDEATHSIG = 1  # linux/prctl.h


class Stopped(Exception):
    """Somebody asked us to stop."""


class ChildDied(Exception):
    """A process that should have gone on has ended."""

    def __init__(self, child: Child, status: int) -> None:
        super().__init__(f"{child.name} ended with status {status}")
        self.child = child


@dataclass(frozen=True, slots=True)
class Child:
    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def last_lines(self, count: int = 15) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-count:])


class Processes:
    """The running children, in the order of their start; they are stopped the other way round."""

    def __init__(self, logs: Path, cwd: Path) -> None:
        self._logs = logs
        self._cwd = cwd
        self._children: list[Child] = []
        self._is_stopping = False
        logs.mkdir(parents=True, exist_ok=True)

    def start(self, name: str, command: Sequence[str], environment: Mapping[str, str]) -> Child:
        log = self._logs / f"{name}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                command,
                cwd=self._cwd,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                # Its own group: Ctrl-C reaches us alone, and a group can be killed whole.
                start_new_session=True,
                preexec_fn=_die_with_parent(),  # we have one thread
            )
        child = Child(name, process, log)
        self._children.append(child)
        return child

    def run(self, name: str, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """Run a command to its end. Raises ChildDied when it fails, or when another child ends meanwhile."""
        child = self.start(name, command, environment)
        self.wait(lambda: child.process.poll() is not None, finishing=child)
        self._children.remove(child)
        if child.process.returncode:
            raise ChildDied(child, child.process.returncode)

    def ask_to_stop(self) -> None:
        """Make `wait` raise Stopped. Safe in a signal handler: an exception raised there could lose a child."""
        self._is_stopping = True

    def wait(self, is_done: Callable[[], bool], finishing: Child | None = None, tick: float = _TICK) -> None:
        """Return once `is_done`.

        Raises ChildDied as soon as any child but `finishing` has ended, Stopped after `ask_to_stop`.
        """
        while True:
            if self._is_stopping:
                raise Stopped
            for child in self._children:
                if child is not finishing and (status := child.process.poll()) is not None:
                    raise ChildDied(child, status)
            if is_done():
                return
            time.sleep(tick)

    def stop(self) -> None:
        """Ask each process to end, later ones first; kill what is left of its group after GRACE seconds in all."""
        deadline = time.monotonic() + GRACE
        for rank in _ranks(self._children):
            for child in rank:
                # The leader alone: it knows how to end its workers in good order.
                with contextlib.suppress(ProcessLookupError):
                    child.process.terminate()
            for child in rank:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    child.process.wait(max(0.0, deadline - time.monotonic()))
                _kill_group(child.process.pid)
                child.process.wait()
        self._children.clear()


def _ranks(children: Sequence[Child]) -> Iterator[list[Child]]:
    """The portal's own processes end first and together, then what they depend on."""
    servers = {"redis", "sandbox"}
    yield [child for child in reversed(children) if child.name not in servers]
    yield [child for child in reversed(children) if child.name in servers]


def _kill_group(leader: int) -> None:
    """Kill whatever is left of a process group: children that outlived their leader."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


def _die_with_parent() -> Callable[[], None] | None:
    """On Linux, children are killed when we are killed too hard to stop them, and their own children then notice.

    Not asked to end: a worker that is asked after its broker has gone waits for it for ever.
    """
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)  # loaded here: a forked child should do as little as it can
    return lambda: libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
