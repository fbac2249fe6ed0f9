"""No test here reaches AWS, nor the sandbox's: each says itself what AWS answers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.unit.checks.stubs import Stubs, stubbed


@pytest.fixture
def stubs() -> Iterator[Stubs]:
    with stubbed() as made:
        yield made
