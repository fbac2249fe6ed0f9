"""How fast a sweep asks: a little slower than AWS lets it, so that it is not throttled, and leaves room for others.

What a person waits for is not held back: it is a few calls, and botocore tries again when they are too many.

AWS publishes one of these rates: Identity Center's APIs share 20 calls a second
(https://docs.aws.amazon.com/singlesignon/latest/userguide/limits.html). IAM's is not documented; five a second is what
tools that sweep it were seen to survive. The rates hold for one process; a sweep runs in one.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

# Service as botocore names it -> the bucket it draws from.
_BUCKETS: Mapping[str, str] = {"iam": "iam", "sso-admin": "identity-center", "identitystore": "identity-center"}
# Calls a second, and how many may come at once.
RATES: Mapping[str, tuple[float, int]] = {"iam": (4.5, 3), "identity-center": (18.0, 10)}


_is_paced: ContextVar[bool] = ContextVar("is_paced", default=False)


@contextmanager
def paced() -> Iterator[None]:
    """Every call made inside, in this thread, waits for its turn."""
    token = _is_paced.set(True)
    try:
        yield
    finally:
        _is_paced.reset(token)


def wait_for_turn(service: str, account: str) -> None:
    """Wait until a service may be called in an account (any text that tells accounts apart). A client does it before
    each attempt, also before those that botocore makes by itself."""
    if _is_paced.get() and (bucket := _bucket_for(service, account)):
        bucket.wait()


class TokenBucket:
    """Lets `rate` calls a second pass, `burst` of them at once; the others wait their turn."""

    def __init__(self, rate: float, burst: int) -> None:
        self._rate, self._burst = rate, burst
        self._tokens, self._at = float(burst), time.monotonic()
        self._lock = threading.Lock()

    def wait(self) -> None:
        time.sleep(self._take())

    def _take(self) -> float:
        """Take a token, perhaps one that is not there yet; how long until it is, in seconds."""
        with self._lock:
            now = time.monotonic()
            self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate) - 1
            self._at = now
            return max(0.0, -self._tokens / self._rate)


_buckets: dict[tuple[str, str], TokenBucket] = {}
_lock = threading.Lock()


def _bucket_for(service: str, account: str) -> TokenBucket | None:
    """The bucket of a service in an account; None where nothing is paced."""
    name = _BUCKETS.get(service)
    if name is None:
        return None
    with _lock:
        return _buckets.setdefault((name, account), TokenBucket(*RATES[name]))
