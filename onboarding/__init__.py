"""Onramp, the product. Its floors are in docs/architecture.md."""

from __future__ import annotations

# The release, as in pyproject.toml, which the image does not hold.
VERSION = "0.1.0"
