"""What of a user and of a group Onramp keeps. Whatever else a directory sends is dropped, and is said nowhere.

The classes carry the standard's schemas, cut down to what is needed: they are published as they are.
"""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Annotated, Any

from django.conf import settings
from pydantic import Field
from scim2_models import (
    URN,
    AuthenticationScheme,
    Bulk,
    CaseExact,
    ChangePassword,
    ComplexAttribute,
    Email,
    ETag,
    Filter,
    Meta,
    Mutability,
    Name,
    Patch,
    Reference,
    Required,
    Resource,
    ResourceType,
    Schema,
    ScimPolicy,
    ServiceProviderConfig,
    Sort,
    Uniqueness,
)

ROOT = "/scim/v2"
MOST = 200
# Nobody has so many; a database counts no further than 64 bits.
LAST = 2**31

# What directories do that the standard does not: attributes of other schemas, values of a remove beside its path, and
# paths into a list that name an entry which is not there yet.
POLICY = ScimPolicy(
    unknown=ScimPolicy.Unknown.ignore,
    remove_value_as_filter=ScimPolicy.RemoveValue.apply,
    unmatched_path_filter=ScimPolicy.UnmatchedPathFilter.create,
)


class User(Resource[Any]):
    """A user of the directory."""

    __schema__ = URN("urn:ietf:params:scim:schemas:core:2.0:User")

    user_name: Annotated[str | None, Uniqueness.server, Required.true] = Field(None, max_length=254)
    name: Name | None = None
    display_name: str | None = Field(None, max_length=200)
    active: bool | None = None
    emails: list[Email] | None = None


class Member(ComplexAttribute):
    """A user in a group; groups in groups are none."""

    value: Annotated[str | None, Mutability.immutable, CaseExact.true] = None
    ref: Annotated[Reference[User] | None, Mutability.immutable] = Field(
        None, serialization_alias="$ref", validation_alias="$ref"
    )


class Group(Resource[Any]):
    """A group of the directory."""

    __schema__ = URN("urn:ietf:params:scim:schemas:core:2.0:Group")

    display_name: Annotated[str | None, Required.true] = Field(None, max_length=254)
    members: list[Member] | None = None


RESOURCES: tuple[type[Resource[Any]], ...] = (User, Group)


def location(path: str) -> str:
    return f"{settings.PUBLIC_URL}{ROOT}{path}"


def meta(kind: type[Resource[Any]], pk: uuid.UUID, created: dt.datetime, changed: dt.datetime) -> Meta:
    name = kind.__name__
    return Meta(resource_type=name, created=created, last_modified=changed, location=location(f"/{name}s/{pk}"))


def config() -> ServiceProviderConfig:
    """What of the standard is there. Sorting, bulk requests, passwords and entity tags are not."""
    return ServiceProviderConfig(
        patch=Patch(supported=True),
        bulk=Bulk(supported=False, max_operations=0, max_payload_size=0),
        filter=Filter(supported=True, max_results=MOST),
        change_password=ChangePassword(supported=False),
        sort=Sort(supported=False),
        etag=ETag(supported=False),
        authentication_schemes=[
            AuthenticationScheme(
                type="oauthbearertoken",
                name="Bearer token",
                description="A token of `manage.py scim_token`, in the Authorization header.",
                spec_uri="https://www.rfc-editor.org/rfc/rfc6750",
                primary=True,
            )
        ],
        meta=Meta(resource_type="ServiceProviderConfig", location=location("/ServiceProviderConfig")),
    )


def resource_types() -> list[ResourceType]:
    found = [ResourceType.from_resource(kind) for kind in RESOURCES]
    for each in found:
        each.meta = Meta(resource_type="ResourceType", location=location(f"/ResourceTypes/{each.id}"))
    return found


def schemas() -> list[Schema]:
    """Ours, and those of what says so."""
    kinds: tuple[type[Resource[Any]], ...] = (*RESOURCES, ServiceProviderConfig, ResourceType, Schema)
    found = [kind.to_schema() for kind in kinds]
    for each in found:
        each.meta = Meta(resource_type="Schema", location=location(f"/Schemas/{each.id}"))
    return found
