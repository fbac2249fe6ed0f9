"""Makes Django find the wiring's system checks."""

from __future__ import annotations

from django.apps import AppConfig


class PortalConfig(AppConfig):
    name = "portal"

    def ready(self) -> None:
        from portal import system_checks  # noqa: F401 -- importing registers them
