"""What is counted as it happens: requests, tasks, calls to AWS. `docs/observability.md` has the table.

Every process counts into a file of its own in PROMETHEUS_MULTIPROC_DIR, which the settings name before this module is
imported; `total` adds them up. Labels come from lists that the code or an admin makes: never a person, a path, or a
model.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.metrics_core import Metric
from prometheus_client.mmap_dict import MmapedDict
from prometheus_client.multiprocess import MultiProcessCollector

Outcome = Literal["succeeded", "failed", "retried", "timed-out", "expired"]
Result = Literal["ok", "refused", "denied", "throttled", "no-answer", "not-configured", "fault"]
# Those of which a few are worth an alert.
_BAD_OUTCOMES: tuple[Outcome, ...] = ("failed", "timed-out")
_BAD_RESULTS: tuple[Result, ...] = ("denied", "not-configured", "fault")

# Nobody collects from it: what is counted is read from the files.
_REGISTRY = CollectorRegistry()
_PAGE_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_TASK_BUCKETS = (0.01, 0.05, 0.25, 1, 5, 15, 60, 300, 1800)
# No call takes longer than half a minute, but for Cost Explorer.
_CALL_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)

REQUESTS = Histogram(
    "onramp_request_seconds",
    "Requests, by the name of their URL, and how long each took until its answer began.",
    ["view", "method", "status"],
    registry=_REGISTRY,
    buckets=_PAGE_BUCKETS,
)
TASKS = Histogram(
    "onramp_task_seconds",
    "Tasks that workers ended, by outcome, and how long each took.",
    ["task", "outcome"],
    registry=_REGISTRY,
    buckets=_TASK_BUCKETS,
)
AWS_CALLS = Histogram(
    "onramp_aws_call_seconds",
    "Calls to AWS with all their pages and retries, by result, and how long each took.",
    ["operation", "result"],
    registry=_REGISTRY,
    buckets=_CALL_BUCKETS,
)
INSTRUMENTS = (REQUESTS, TASKS, AWS_CALLS)

# What ended processes have counted. No process has this number.
_ENDED = "histogram_0.db"
_FILE = re.compile(r"histogram_(\d+)\.db")


def folder() -> Path:
    return Path(os.environ["PROMETHEUS_MULTIPROC_DIR"])


@contextmanager
def timed(histogram: Histogram, **labels: str) -> Iterator[dict[str, str]]:
    """Count what happens inside, with these labels as they are at the end."""
    begun = time.monotonic()
    try:
        yield labels
    finally:
        histogram.labels(**labels).observe(time.monotonic() - begun)


def begin_at_zero(*, tasks: Iterable[str], operations: Iterable[str]) -> None:
    """Make the series that alerts wait for. Prometheus sees no increase in one that is born with its first count."""
    for task in tasks:
        for outcome in _BAD_OUTCOMES:
            TASKS.labels(task=task, outcome=outcome)
    for operation in operations:
        for result in _BAD_RESULTS:
            AWS_CALLS.labels(operation=operation, result=result)


def total() -> list[Metric]:
    """Everything that all processes which share the folder have counted, also those that ended."""
    with _locked():
        _add_up_the_ended()
        return list(MultiProcessCollector(None, str(folder())).collect())


@contextmanager
def _locked() -> Iterator[None]:
    """Nobody reads while files are added up: nothing is missed or counted twice."""
    with (folder() / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            # Closing is not enough: a process that was forked meanwhile has the file open, too.
            fcntl.flock(file, fcntl.LOCK_UN)


def _add_up_the_ended() -> None:
    """Move what ended processes have counted into one file: counters never go down, and files do not pile up."""
    ended = [path for path in folder().glob("histogram_*.db") if not _is_counting(path)]
    if not ended:
        return
    sums: dict[str, float] = {}
    for path in [folder() / _ENDED, *ended]:
        if path.exists():
            for key, value, _, _ in MmapedDict.read_all_values_from_file(str(path)):
                sums[key] = sums.get(key, 0.0) + value
    _write_whole(sums)
    for path in ended:
        path.unlink()


def _write_whole(sums: dict[str, float]) -> None:
    new = folder() / "new"
    new.unlink(missing_ok=True)
    file = MmapedDict(str(new))
    for key, value in sums.items():
        file.write_value(key, value, 0.0)
    file.close()
    new.replace(folder() / _ENDED)


def _is_counting(path: Path) -> bool:
    match = _FILE.fullmatch(path.name)
    if match is None or path.name == _ENDED:
        return True
    with contextlib.suppress(PermissionError):  # somebody else's, so there is one
        try:
            os.kill(int(match[1]), 0)
        except ProcessLookupError:
            return False
    return True
