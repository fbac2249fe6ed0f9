"""How workers and beat get on with their broker."""

from __future__ import annotations

import pytest
from kombu.exceptions import OperationalError

from portal.celery import app


def test_a_broker_that_is_gone_is_tried_as_often_after_a_minute_as_at_first() -> None:
    """Nobody listens on port 9."""
    waits: list[float] = []
    with app.connection_for_read() as broker, pytest.raises(OperationalError):
        broker.ensure_connection(lambda _, wait: waits.append(wait), max_retries=3, interval_start=0)

    assert waits == [0, 0, 0]
