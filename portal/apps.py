"""Makes Django find the wiring's system checks and the portal's admin site."""

from __future__ import annotations

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig as DjangosAdminConfig


class AdminConfig(DjangosAdminConfig):
    """Django's admin behind the portal's own rule of who is an admin."""

    default_site = "onboarding.admin_site.AdminSite"


class PortalConfig(AppConfig):
    name = "portal"

    def ready(self) -> None:
        from portal import system_checks  # noqa: F401 -- importing registers them
