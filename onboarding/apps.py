"""The product's one Django app."""

from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig


class OnboardingConfig(AppConfig):
    name = "onboarding"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Sessions have limits from the moment somebody signs in, whichever way: they listen to Django's signal."""
        import_module("onboarding.sessions")
