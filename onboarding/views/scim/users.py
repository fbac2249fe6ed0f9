"""Users of the directory."""

from __future__ import annotations

import uuid
from typing import Any

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from pydantic import TypeAdapter, ValidationError
from pydantic.networks import EmailStr
from scim2_models import Context, InvalidValueException, ListResponse, PatchOp, ResponseParameters, SearchRequest

from onboarding.models import ProvisionedUser
from onboarding.provisioning import UserData, delete_user, save_user
from onboarding.views.scim.answers import body, listed, scim, shown
from onboarding.views.scim.filters import Columns, by_id, condition, query_of
from onboarding.views.scim.resources import LAST, MOST, User, meta

_COLUMNS: Columns = {
    "id": by_id,
    "username": lambda value: Q(user_name=str(value).lower()),
    "externalid": lambda value: Q(external_id=str(value)),
    "emails": lambda value: Q(email=str(value).lower()),
    "emails.value": lambda value: Q(email=str(value).lower()),
}
# Made once: the library makes such a class anew where nobody holds it.
_Search, _Shown, _Patch, _Page = SearchRequest[User], ResponseParameters[User], PatchOp[User], ListResponse[User]
_EMAIL = TypeAdapter(EmailStr)


@scim("GET", "POST")
def scim_users(request: HttpRequest) -> HttpResponse:
    """A page of them, or a new one."""
    if request.method == "POST":
        user = User.model_validate(body(request), scim_ctx=Context.RESOURCE_CREATION_REQUEST)
        row = save_user(_data(user))
        return shown(_resource(row), status=201, context=Context.RESOURCE_CREATION_RESPONSE)
    asked = _Search.model_validate(query_of(request.GET.dict()))
    rows = ProvisionedUser.objects.filter(condition(asked.filter, _COLUMNS)).order_by("created_at", "pk")
    start, count = min(LAST, asked.start_index or 1), min(MOST, MOST if asked.count is None else asked.count)
    page = [_resource(row) for row in rows[start - 1 : start - 1 + count]]
    return listed(_Page, page, total=rows.count(), start=start, parameters=asked)


@scim("GET", "PUT", "PATCH", "DELETE")
def scim_user(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """One of them. Deleted is deactivated: the person stays, with all they used."""
    asked = _Shown.model_validate(request.GET.dict())
    rows = ProvisionedUser.objects.select_related("person__team", "person__user")
    if request.method == "GET":
        return shown(_resource(get_object_or_404(rows, pk=pk)), parameters=asked)
    row = get_object_or_404(rows.select_for_update(of=("self",)), pk=pk)
    if request.method == "DELETE":
        delete_user(row)
        return HttpResponse(status=204)
    user = _patched(request, row) if request.method == "PATCH" else _replaced(request, row)
    return shown(_resource(save_user(_data(user), row)), parameters=asked)


def _patched(request: HttpRequest, row: ProvisionedUser) -> User:
    patch, user = _Patch.model_validate(body(request), scim_ctx=Context.RESOURCE_PATCH_REQUEST), _resource(row)
    patch.patch(user)
    return user


def _replaced(request: HttpRequest, row: ProvisionedUser) -> User:
    user = User.model_validate(body(request), scim_ctx=Context.RESOURCE_REPLACEMENT_REQUEST)
    user.replace(_resource(row))
    return user


def _resource(row: ProvisionedUser) -> User:
    user: User = User.model_validate({**row.document, "id": str(row.pk)})
    user.meta = meta(User, row.pk, row.created_at, row.changed_at)
    return user


def _data(user: User) -> UserData:
    document = user.model_dump(scim_ctx=Context.DEFAULT)
    for name in ("id", "meta"):
        document.pop(name, None)
    user_name, external_id = user.user_name or "", user.external_id or ""
    if not user_name.strip() or max(len(user_name), len(external_id)) > 254:
        raise InvalidValueException(
            detail="userName and externalId have 254 characters at most, and userName has one."
        )
    return UserData(
        user_name=user_name,
        external_id=external_id,
        email=_email(user),
        name=_name(user)[:200],
        is_active=user.active is not False,
        document=document,
    )


def _email(user: User) -> str:
    """The primary one, or else the first; without any the user name, where that is one."""
    emails = sorted((each for each in user.emails or [] if each.value), key=lambda each: not each.primary)
    if emails:
        return str(emails[0].value)[:254]
    try:
        return _EMAIL.validate_python(user.user_name)
    except ValidationError:
        return ""


def _name(user: User) -> str:
    name: Any = user.name
    if user.display_name:
        return user.display_name
    if name is None:
        return ""
    return name.formatted or " ".join(part for part in (name.given_name, name.family_name) if part)
