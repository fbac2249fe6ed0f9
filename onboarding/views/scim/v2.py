"""URLs of SCIM 2.0, as its resource types name them."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from django.http import HttpRequest, HttpResponseBase
from django.urls import URLPattern, path

from onboarding.views.rules import for_tokens


def _on_demand(route: str, view: str, name: str) -> URLPattern:
    """A URL whose view is imported when it is first asked for.

    SCIM's library takes a second of processor time to import. A portal whose directory sends nothing never pays for
    it, nor does any command.
    """
    module, _, function = view.partition(".")

    @for_tokens
    def found(request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
        answer = getattr(import_module(f"onboarding.views.scim.{module}"), function)
        response: HttpResponseBase = answer(request, **kwargs)
        return response

    return path(route, found, name=name)


urlpatterns = [
    _on_demand("ServiceProviderConfig", "discovery.scim_config", "scim-config"),
    _on_demand("ResourceTypes", "discovery.scim_resource_types", "scim-resource-types"),
    _on_demand("ResourceTypes/<str:name>", "discovery.scim_resource_types", "scim-resource-type"),
    _on_demand("Schemas", "discovery.scim_schemas", "scim-schemas"),
    _on_demand("Schemas/<str:name>", "discovery.scim_schemas", "scim-schema"),
    _on_demand("Users", "users.scim_users", "scim-users"),
    _on_demand("Users/<uuid:pk>", "users.scim_user", "scim-user"),
    _on_demand("Groups", "groups.scim_groups", "scim-groups"),
    _on_demand("Groups/<uuid:pk>", "groups.scim_group", "scim-group"),
    _on_demand(".search", "discovery.scim_search", "scim-search"),
    _on_demand("Users/.search", "discovery.scim_search", "scim-users-search"),
    _on_demand("Groups/.search", "discovery.scim_search", "scim-groups-search"),
    _on_demand("", "discovery.scim_nowhere", "scim-root"),
    _on_demand("<path:rest>", "discovery.scim_nowhere", "scim-nowhere"),
]
