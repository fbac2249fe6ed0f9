"""Buckets that say how often somebody may ask."""

from __future__ import annotations

from django.db import models


class RateBucket(models.Model):
    """A token bucket in one number: the moment at which it is full again, in microseconds since 1970.

    The key says what is limited, and for whom. A bucket that is full needs no row.
    """

    key = models.CharField(primary_key=True, max_length=80)
    full_at = models.BigIntegerField()

    class Meta:
        indexes = [
            # The full ones are looked for, to be forgotten.
            models.Index(fields=["full_at"], name="rate_bucket_full"),
        ]

    def __str__(self) -> str:
        return self.key
