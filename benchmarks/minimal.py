"""The portal's URLs, and beside them the least a page for somebody signed in can do."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import include, path


def minimal(request: HttpRequest) -> HttpResponse:
    return HttpResponse(str(request.user))


urlpatterns = [path("minimal/", minimal), path("", include("portal.urls"))]
