"""Rates: how fast an account may call, as AWS's token buckets have it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from sandbox.aws import errors
from sandbox.aws.operations import Operation
from sandbox.company import Rate


@dataclass(slots=True)
class _Bucket:
    """What an account has left of a rate, as of a moment."""

    tokens: float
    at: float

    def fill(self, rate: Rate, now: float) -> None:
        self.tokens = min(rate.burst, self.tokens + (now - self.at) * rate.per_second)
        self.at = now


class Rates:
    """The rates in force, each with one bucket an account."""

    def __init__(self, rates: Iterable[Rate], clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self.replace(rates)

    def replace(self, rates: Iterable[Rate]) -> None:
        """All buckets are full afterwards."""
        with self._lock:
            self._rates = tuple(rates)
            self._buckets: dict[tuple[int, str], _Bucket] = {}

    def take(self, operation: Operation, account: str) -> None:
        """Take a token from the bucket of every rate that holds for this operation.

        Raises:
            AwsError: one of them is empty, and then none is touched; in the words of the operation's protocol.
        """
        with self._lock:
            buckets = [
                self._bucket(index, account, self._clock())
                for index, rate in enumerate(self._rates)
                if any(fnmatchcase(operation.full_name, pattern) for pattern in rate.operations)
            ]
            if any(bucket.tokens < 1 for bucket in buckets):
                raise errors.throttled(operation.protocol)
            for bucket in buckets:
                bucket.tokens -= 1

    def _bucket(self, index: int, account: str, now: float) -> _Bucket:
        rate = self._rates[index]
        bucket = self._buckets.setdefault((index, account), _Bucket(rate.burst, now))
        bucket.fill(rate, now)
        return bucket
