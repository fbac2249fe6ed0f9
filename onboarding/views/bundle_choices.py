"""In which language, and for which platform, a bundle is made."""

from __future__ import annotations

from django.utils.translation import get_language

from onboarding.enums import Platform


def bundle_language() -> str:
    """The language of the page from which somebody asks for it."""
    return "es" if (get_language() or "").startswith("es") else "en"


def platform_named(text: str) -> Platform:
    """What a URL or a form says, as far as it is one."""
    return Platform(text) if text in Platform.values else Platform.LINUX
