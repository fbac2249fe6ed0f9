"""The portal's URLs, and beside them the least a page for somebody signed in can do."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import path

from portal.urls import urlpatterns as portal


def minimal(request: HttpRequest) -> HttpResponse:
    return HttpResponse(str(request.user))


# As deep as the portal's own are in production: each level is looked through anew by every request.
urlpatterns = [path("minimal/", minimal), *portal]
