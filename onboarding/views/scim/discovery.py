"""What the directory can learn about this service: its configuration, its resources, their schemas."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from scim2_models import ForbiddenException, ListResponse, NotImplementedException, Resource, ResourceType, Schema

from onboarding.views.scim import resources
from onboarding.views.scim.answers import listed, scim, shown

_Types, _Schemas = ListResponse[ResourceType], ListResponse[Schema]


@scim("GET")
def scim_config(request: HttpRequest) -> HttpResponse:
    return shown(resources.config())


@scim("GET")
def scim_resource_types(request: HttpRequest, name: str = "") -> HttpResponse:
    return _one_or_all(request, _Types, resources.resource_types(), name)


@scim("GET")
def scim_schemas(request: HttpRequest, name: str = "") -> HttpResponse:
    return _one_or_all(request, _Schemas, resources.schemas(), name)


@scim("POST")
def scim_search(request: HttpRequest) -> HttpResponse:
    """A filter in a query string finds what there is to find, of one kind at a time."""
    raise NotImplementedException(detail="Send a filter with GET.")


@scim("GET", "POST", "PUT", "PATCH", "DELETE")
def scim_nowhere(request: HttpRequest, rest: str = "") -> HttpResponse:
    raise Http404


def _one_or_all(
    request: HttpRequest, kind: type[ListResponse[Any]], found: Sequence[Resource[Any]], name: str
) -> HttpResponse:
    """RFC 7644, 4: whoever filters these is refused."""
    if "filter" in request.GET:
        raise ForbiddenException(detail="These are not filtered.")
    if not name:
        return listed(kind, found)
    for each in found:
        if each.id == name:
            return shown(each)
    raise Http404
