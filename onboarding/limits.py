"""How often somebody may ask: token buckets, in the database, so that all of the portal's processes share them.

A bucket holds what comes in a minute and fills evenly. What is kept of it is the moment at which it is full again:
that moves on by one token's time with each that is taken, and once it would be over a minute away, there is none.
https://en.wikipedia.org/wiki/Generic_cell_rate_algorithm

The moments are the database's: those of several machines may be further apart than a bucket holds.
"""

from __future__ import annotations

from math import ceil

from django.db import connection
from django.db.models import BigIntegerField, F, Func

from onboarding.models import RateBucket

_MINUTE = 60_000_000  # microseconds

# The database's clock, in microseconds since 1970. SQLite's is the machine's own, and the only one there.
_CLOCKS = {
    "postgresql": "CAST(extract(epoch FROM statement_timestamp()) * 1000000 AS bigint)",
    "sqlite": "CAST((julianday('now') - 2440587.5) * 86400000000 AS integer)",
}

# One statement, so that of any number of requests at once no more get a token than there are. It changes, and answers
# with, a row only where there was a token; PostgreSQL and SQLite read it alike.
_TAKE = """
INSERT INTO onboarding_ratebucket ("key", full_at) VALUES (%(key)s, {now} + %(each)s)
ON CONFLICT ("key") DO UPDATE SET full_at = %(each)s + CASE
    WHEN onboarding_ratebucket.full_at > {now} THEN onboarding_ratebucket.full_at ELSE {now} END
WHERE onboarding_ratebucket.full_at + %(each)s <= {now} + %(minute)s
RETURNING full_at
"""


def take(key: str, per_minute: int) -> int:
    """Take one token: 0, or where there is none, for how many seconds there will be none."""
    each = _each(per_minute)
    with connection.cursor() as cursor:
        cursor.execute(_TAKE.format(now=_clock()), {"key": key, "each": each, "minute": _MINUTE})
        if cursor.fetchone():
            return 0
    left = RateBucket.objects.filter(pk=key).values_list(F("full_at") - _now(), flat=True).first() or 0
    return max(1, ceil((left + each - _MINUTE) / 1_000_000))


def give_back(key: str, per_minute: int) -> None:
    """Put back a token that was taken a moment ago."""
    RateBucket.objects.filter(pk=key).update(full_at=F("full_at") - _each(per_minute))


def forget_full() -> int:
    """Delete the rows of buckets that are full, and say how many."""
    return RateBucket.objects.filter(full_at__lt=_now()).delete()[0]


def _now() -> Func:
    return Func(template=_clock(), output_field=BigIntegerField())


def _clock() -> str:
    return _CLOCKS[connection.vendor]


def _each(per_minute: int) -> int:
    """How long one token takes to come."""
    return _MINUTE // per_minute
