"""What the frame around every page needs."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from onboarding.viewing import viewing_of

THEMES = ("system", "light", "dark")


def chrome(request: HttpRequest) -> dict[str, Any]:
    """The company's name, the reader's theme, and the person who is signed in; or whom an admin is viewing as."""
    user = getattr(request, "user", None)
    viewing = viewing_of(request)
    mine = getattr(user, "person", None) if user is not None and user.is_authenticated else None
    return {
        "company": settings.ONRAMP_COMPANY,
        "theme": theme_of(request),
        "me": viewing.person if viewing else mine,
        "viewing": viewing,
    }


def theme_of(request: HttpRequest) -> str:
    """What the reader chose."""
    theme = request.COOKIES.get("theme", "system")
    return theme if theme in THEMES else "system"
