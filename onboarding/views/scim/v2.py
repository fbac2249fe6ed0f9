"""URLs of SCIM 2.0, as its resource types name them."""

from __future__ import annotations

from django.urls import path

from onboarding.views.scim import discovery, groups, users

urlpatterns = [
    path("ServiceProviderConfig", discovery.scim_config, name="scim-config"),
    path("ResourceTypes", discovery.scim_resource_types, name="scim-resource-types"),
    path("ResourceTypes/<str:name>", discovery.scim_resource_types, name="scim-resource-type"),
    path("Schemas", discovery.scim_schemas, name="scim-schemas"),
    path("Schemas/<str:name>", discovery.scim_schemas, name="scim-schema"),
    path("Users", users.scim_users, name="scim-users"),
    path("Users/<uuid:pk>", users.scim_user, name="scim-user"),
    path("Groups", groups.scim_groups, name="scim-groups"),
    path("Groups/<uuid:pk>", groups.scim_group, name="scim-group"),
    path(".search", discovery.scim_search, name="scim-search"),
    path("Users/.search", discovery.scim_search, name="scim-users-search"),
    path("Groups/.search", discovery.scim_search, name="scim-groups-search"),
    path("", discovery.scim_nowhere, name="scim-root"),
    path("<path:rest>", discovery.scim_nowhere, name="scim-nowhere"),
]
