"""What the tests of pages share."""

from __future__ import annotations

import io
import logging.config
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from deploy.redis import LOOPBACK
from portal.logs import logging_config
from tests.web.identity_provider import idp, own_keys, running_provider  # noqa: F401  # fixtures


@pytest.fixture
def point_at(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Point the portal at another broker."""
    from portal.celery import app

    return lambda url: monkeypatch.setattr(app.conf, "broker_url", url)


@pytest.fixture
def hung_url() -> Iterator[str]:
    """Of a broker that takes connections and says nothing."""
    with socket.create_server((LOOPBACK, 0)) as server:
        yield f"redis://{LOOPBACK}:{server.getsockname()[1]}/0"


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What the portal's own handler writes, as an installation configures it: JSON, from INFO on."""
    stream = io.StringIO()
    config = logging_config("json")
    config["handlers"]["stderr"]["stream"] = stream
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    logging.config.dictConfig(config)
    yield stream
    root.handlers[:], root.level = handlers, level
