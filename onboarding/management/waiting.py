"""How a command runs jobs that a worker may be at already."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from onboarding.models.jobs import Job

_PATIENCE, _POLL = 600, 0.5  # seconds


def run_all(jobs: Iterable[Job], run: Callable[[int], None]) -> None:
    """Run each here. One that a worker holds is waited for, ten minutes in all, and taken over when its lease ends."""
    deadline = time.monotonic() + _PATIENCE
    for job in jobs:
        run(job.pk)
        while _is_held(job) and time.monotonic() < deadline:
            time.sleep(_POLL)
            run(job.pk)


def _is_held(job: Job) -> bool:
    job.refresh_from_db(fields=["state"])
    return job.is_live
