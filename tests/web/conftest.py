"""What the tests of pages share."""

from __future__ import annotations

import io
import logging.config
from collections.abc import Iterator

import pytest

from portal.logs import logging_config
from tests.web.identity_provider import idp, own_keys, running_provider  # noqa: F401  # fixtures


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
