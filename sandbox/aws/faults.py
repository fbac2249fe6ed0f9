"""Faults: an operation is throttled, fails, is denied, is slow or hangs, as the scenario or a test asks."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterable
from fnmatch import fnmatchcase

from sandbox.aws import errors
from sandbox.aws.operations import Operation
from sandbox.company import Fault

# How long `hang` without `seconds` waits; any client has given up long before.
_FOR_EVER = 3600.0


def _values(operation: Operation, account: str, body: str, name: str) -> tuple[str, ...]:
    """A parameter's values, or one of the three names that every request has."""
    known = {"account": (account,), "region": (operation.signature.region,), "body": (body,)}
    return operation.parameters[name] if name in operation.parameters else known.get(name, ())


class Faults:
    """The faults in force. The dice are seeded: the same requests in the same order fail the same way."""

    def __init__(self, faults: Iterable[Fault], stopping: threading.Event) -> None:
        self._stopping = stopping
        self._lock = threading.Lock()
        self.replace(faults)

    def replace(self, faults: Iterable[Fault]) -> None:
        with self._lock:
            self._faults = tuple(faults)
            self._struck = [0] * len(self._faults)
            self._dice = random.Random("onramp")

    def strike(self, operation: Operation, account: str, body: str) -> None:
        """Wait or raise as the first fault that fits this request says.

        Raises:
            AwsError: in the words of the operation's protocol.
        """
        fault = self._pick(operation, account, body)
        if fault is None:
            return
        if fault.kind in ("slow", "hang"):
            self._stopping.wait(fault.seconds or (_FOR_EVER if fault.kind == "hang" else 0))
        if fault.kind == "throttle":
            raise errors.throttled(operation.protocol)
        if fault.kind == "denied":
            text = f"User is not authorized to perform: {operation.service}:{operation.name}"
            raise errors.denied(operation.protocol, text)
        if fault.kind in ("error", "hang"):
            raise errors.failed(operation.protocol)

    def _pick(self, operation: Operation, account: str, body: str) -> Fault | None:
        with self._lock:
            for index, fault in enumerate(self._faults):
                if self._fits(fault, index, operation, account, body):
                    self._struck[index] += 1
                    return fault
        return None

    def _fits(self, fault: Fault, index: int, operation: Operation, account: str, body: str) -> bool:
        if fault.times is not None and self._struck[index] >= fault.times:
            return False
        if not fnmatchcase(operation.full_name, fault.operation):
            return False
        for name, pattern in fault.when.items():
            if not any(fnmatchcase(value, pattern) for value in _values(operation, account, body, name)):
                return False
        return fault.probability >= 1 or self._dice.random() < fault.probability
