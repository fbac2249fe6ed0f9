"""How workers and beat get on with their broker."""

from __future__ import annotations

import pytest
from kombu.exceptions import ContentDisallowed, OperationalError
from kombu.serialization import prepare_accept_content, registry

from portal.celery import app


@pytest.mark.parametrize("kind", sorted({*registry.name_to_type} - {"json"}))
def test_what_the_broker_holds_is_read_as_json_and_as_nothing_that_makes_objects(kind: str) -> None:
    content_type = registry.name_to_type[kind]

    with pytest.raises(ContentDisallowed):
        registry.loads(b"", content_type, "binary", accept=prepare_accept_content(app.conf.accept_content))


def test_a_broker_that_is_gone_is_tried_as_often_after_a_minute_as_at_first() -> None:
    """Nobody listens on port 9."""
    waits: list[float] = []
    with app.connection_for_read() as broker, pytest.raises(OperationalError):
        broker.ensure_connection(lambda _, wait: waits.append(wait), max_retries=3, interval_start=0)

    assert waits == [0, 0, 0]
