"""Whom somebody tells who found a hole. https://www.rfc-editor.org/rfc/rfc9116"""

from __future__ import annotations

import datetime as dt

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from onboarding.views.rules import public

# Whoever reads it is told anew each time: this is for copies. The RFC's 2.5.5 wants less than a year.
_HOLDS = dt.timedelta(days=30)


@public
@require_safe
def security_txt(request: HttpRequest) -> HttpResponse:
    """The contacts that the operator named; 404 where there are none."""
    if not settings.ONRAMP_SECURITY_CONTACT:
        raise Http404
    lines = [
        *(f"Contact: {contact}" for contact in settings.ONRAMP_SECURITY_CONTACT),
        f"Expires: {timezone.now() + _HOLDS:%Y-%m-%dT%H:%M:%SZ}",
        f"Preferred-Languages: {', '.join(code for code, _name in settings.LANGUAGES)}",
    ]
    # 2.5.2: an address of the web begins with https.
    if settings.PUBLIC_URL.startswith("https://"):
        lines.append(f"Canonical: {settings.PUBLIC_URL}{reverse('security-txt')}")
    return HttpResponse("\n".join([*lines, ""]), content_type="text/plain; charset=utf-8")
