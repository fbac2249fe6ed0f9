"""Reading logs, and the cost page: on PostgreSQL, each in a process of its own, whose memory is measured, too."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import cache
from operator import itemgetter
from typing import Any

from benchmarks.registry import Figure, measures

# As Bedrock logs when it delivers text, and when it does not.
_WITH_BODIES, _BARE = "1", "0"


@cache
def measured(module: str, *arguments: str) -> dict[str, Any]:
    """What `python -m MODULE URL ...` prints as its last line, run on a PostgreSQL of its own."""
    from tests.on_postgresql import postgresql

    with postgresql() as url:
        told = subprocess.run(  # noqa: S603 -- the program is this Python, and a module of ours
            [sys.executable, "-m", module, url, *arguments],
            capture_output=True,
            text=True,
            check=False,
            env=dict(os.environ),
        )
    if told.returncode:
        raise RuntimeError(told.stderr)
    figures: dict[str, Any] = json.loads(told.stdout.splitlines()[-1])
    return figures


@measures("ingest.ratio_to_json_loads", unit="ratio", goal=3.0, at_least=True)
def lines_over_a_plain_loop() -> Figure:
    """Lines a second from S3 to committed rows, over those of a loop of `json.loads` on the same gzip files.

    Of both kinds of logs the worse: those with prompt and answer in every record, and those with none.
    """
    told = {bodies: measured("benchmarks.ingestion", bodies) for bodies in (_WITH_BODIES, _BARE)}
    ratios = {bodies: each["ratio"] for bodies, each in told.items()}
    worse = min(ratios, key=ratios.__getitem__)
    times = "{lines} lines, {seconds:.1f} s, and {loop_seconds:.1f} s for the loop".format(**told[worse])
    said = f"{ratios[_WITH_BODIES]:.2f} with bodies, {ratios[_BARE]:.2f} without"
    return Figure(ratios[worse], f"{said}; {times}")


@measures("ingest.rss_mb", unit="MB", goal=170.0)
def memory_at_its_most() -> Figure:
    """The most memory that the process had while it read a gigabyte, Django and all that it imports included: of both
    kinds of logs, the worse.
    """
    both = (measured("benchmarks.ingestion", bodies) for bodies in (_WITH_BODIES, _BARE))
    told = max(both, key=itemgetter("rss_mb"))
    return Figure(told["rss_mb"], "{rss_before_mb:.0f} MB before the first line".format(**told))


@measures("costs.queries_constant", unit="queries", goal=0.0)
def queries_that_depend_on_how_much_there_is() -> Figure:
    """Queries of the cost page with 10,000 people and 365 days, less those with one person and one day."""
    told = measured("benchmarks.cost_page")
    return Figure(abs(told["queries_many"] - told["queries_one"]), "{queries_many} queries".format(**told))


@measures("costs.page_ratio", unit="ratio", goal=60.0)
def cost_page_over_a_minimal_page() -> Figure:
    """CPU of the cost page for one month, with 10,000 people and 365 days, over that of a minimal signed-in page."""
    told = measured("benchmarks.cost_page")
    detail = "{page_ms:.1f} ms, {minimal_ms:.2f} ms a minimal page; {wall_ms:.0f} ms with the database".format(**told)
    return Figure(told["ratio"], detail)
