"""What the pretend AWS knows beside moto's backends: the scenario, what was called, what goes wrong or too fast."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

from sandbox.aws.faults import Faults
from sandbox.aws.metering import Metering
from sandbox.aws.rates import Rates
from sandbox.aws.traits import Traits
from sandbox.company import Company


@dataclass(frozen=True, slots=True)
class Invocation:
    """One model invocation; `principal` is the caller's ARN, or "" when unknown."""

    principal: str
    account: str
    region: str
    operation: str
    model_id: str
    traits: Traits
    status: int
    input_tokens: int = 0
    output_tokens: int = 0


class World:
    """The state of one run; every change is safe from the server's threads."""

    def __init__(self, company: Company) -> None:
        self.company = company
        self.metering = Metering(company)
        self.stopping = threading.Event()  # ends the waits of faults
        self._lock = threading.Lock()
        self.reset()

    def reset(self) -> None:
        """Back to the scenario (but moto's backends: see seed.py, and what metering puts into them)."""
        with self._lock:
            self.simulate_layout = self.company.simulate_layout
            self.faults = Faults(self.company.faults, self.stopping)
            self.rates = Rates(self.company.rates)
            self._calls: Counter[str] = Counter()
            self._throttles: Counter[str] = Counter()
            self._invocations: list[Invocation] = []

    def count(self, operation: str) -> None:
        with self._lock:
            self._calls[operation] += 1

    def calls(self) -> dict[str, int]:
        with self._lock:
            return dict(sorted(self._calls.items()))

    def count_throttle(self, operation: str) -> None:
        with self._lock:
            self._throttles[operation] += 1

    def throttles(self) -> dict[str, int]:
        """How many of the calls were throttled, by a rate or by a fault."""
        with self._lock:
            return dict(sorted(self._throttles.items()))

    def forget_calls(self) -> None:
        """The throttled ones, too."""
        with self._lock:
            self._calls.clear()
            self._throttles.clear()

    def record(self, invocation: Invocation) -> None:
        with self._lock:
            self._invocations.append(invocation)

    def invocations(self) -> list[dict[str, Any]]:
        with self._lock:
            return [asdict(invocation) for invocation in self._invocations]


_installed: list[World] = []


def install(world: World) -> None:
    """Make this the world of the process; moto's response methods have no other way to it."""
    _installed[:] = [world]


def current() -> World:
    return _installed[0]
