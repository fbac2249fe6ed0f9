"""How much a bundle costs to make."""

from __future__ import annotations

import statistics
import time

from benchmarks.registry import measures

ROUNDS, REPEATS = 12, 50


@measures("bundle.cpu_ms", unit="ms", goal=1.0)
def cpu_of_one_bundle() -> float:
    """CPU time of building every file and the zip: the median of the rounds, after one that warms up.

    CPU and not wall time: the figure should say the same on a busy machine.
    """
    from onboarding.bundles.build import build
    from tests.unit.bundles.examples import EXAMPLE

    def one_round() -> float:
        start = time.process_time()
        for _ in range(REPEATS):
            build(EXAMPLE)
        return (time.process_time() - start) / REPEATS * 1000

    one_round()
    return statistics.median(one_round() for _ in range(ROUNDS))
