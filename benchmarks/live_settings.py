"""The portal's settings, with a folder of its own for the collected static files."""

from __future__ import annotations

from portal.settings import *  # noqa: F403 -- these, and one other
from portal.settings import ENVIRONMENT

STATIC_ROOT = ENVIRONMENT.home / "static"
