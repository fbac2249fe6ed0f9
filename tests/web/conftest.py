"""What the tests of pages share."""

from __future__ import annotations

from tests.web.identity_provider import idp, own_keys, running_provider  # noqa: F401  # fixtures
