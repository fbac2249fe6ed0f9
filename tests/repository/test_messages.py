"""Every text is translated, and the catalogue holds nothing else."""

from __future__ import annotations

import pytest

from tests.repository import messages


@pytest.mark.parametrize("language", messages.LANGUAGES)
def test_translations_are_complete(language: str) -> None:
    assert messages.problems(language) == []
