"""Groups of the directory, and who is in them."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from scim2_models import Context, InvalidValueException, ListResponse, PatchOp, ResponseParameters, SearchRequest

from onboarding.models import ProvisionedGroup, ProvisionedUser
from onboarding.provisioning import delete_group, save_group
from onboarding.views.scim.answers import body, listed, scim, shown
from onboarding.views.scim.filters import Columns, by_id, condition, query_of
from onboarding.views.scim.resources import LAST, MOST, Group, Member, location, meta


def _with_member(value: Any) -> Q:
    """Groups with this member: a subquery, where a join would tell a group once for each of its members."""
    return Q(
        pk__in=ProvisionedGroup.members.through.objects.filter(by_id(value, "provisioneduser")).values(
            "provisionedgroup"
        )
    )


_COLUMNS: Columns = {
    "id": by_id,
    "displayname": lambda value: Q(display_name__iexact=str(value)),
    "externalid": lambda value: Q(external_id=str(value)),
    "members": _with_member,
    "members.value": _with_member,
}

# Made once: the library makes such a class anew where nobody holds it.
_Search, _Shown, _Patch, _Page = SearchRequest[Group], ResponseParameters[Group], PatchOp[Group], ListResponse[Group]


@scim("GET", "POST")
def scim_groups(request: HttpRequest) -> HttpResponse:
    """A page of them, or a new one."""
    if request.method == "POST":
        group = Group.model_validate(body(request), scim_ctx=Context.RESOURCE_CREATION_REQUEST)
        return shown(_resource(_save(group)), status=201, context=Context.RESOURCE_CREATION_RESPONSE)
    asked = _Search.model_validate(query_of(request.GET.dict()))
    rows = ProvisionedGroup.objects.filter(condition(asked.filter, _COLUMNS)).order_by("created_at", "pk")
    start, count = min(LAST, asked.start_index or 1), min(MOST, MOST if asked.count is None else asked.count)
    page = rows[start - 1 : start - 1 + count]
    if not _leaves_out_members(asked):
        page = page.prefetch_related("members")
    shown_rows = [_resource(row, has_members=not _leaves_out_members(asked)) for row in page]
    return listed(_Page, shown_rows, total=rows.count(), start=start, parameters=asked)


@scim("GET", "PUT", "PATCH", "DELETE")
def scim_group(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """One of them. A team that goes by a group that is deleted stays."""
    asked = _Shown.model_validate(request.GET.dict())
    if request.method == "GET":
        row = get_object_or_404(ProvisionedGroup, pk=pk)
        return shown(_resource(row, has_members=not _leaves_out_members(asked)), parameters=asked)
    row = get_object_or_404(ProvisionedGroup.objects.select_for_update(), pk=pk)
    if request.method == "DELETE":
        delete_group(row)
        return HttpResponse(status=204)
    if request.method == "PATCH":
        _save(_patched(request, row), row)
        # Whole, it would be all members for each that comes or goes.
        return HttpResponse(status=204)
    return shown(_resource(_save(_replaced(request, row), row)), parameters=asked)


def _leaves_out_members(asked: ResponseParameters[Group]) -> bool:
    """Whether nobody wants them: directories ask so, since there may be many."""
    left_out = {str(path).lower() for path in asked.excluded_attributes or ()}
    wanted = {str(path).lower().partition(".")[0] for path in asked.attributes or ()}
    return "members" in left_out or (bool(wanted) and "members" not in wanted)


def _patched(request: HttpRequest, row: ProvisionedGroup) -> Group:
    patch = _Patch.model_validate(body(request), scim_ctx=Context.RESOURCE_PATCH_REQUEST)
    group = _resource(row)
    patch.patch(group)
    return group


def _replaced(request: HttpRequest, row: ProvisionedGroup) -> Group:
    group = Group.model_validate(body(request), scim_ctx=Context.RESOURCE_REPLACEMENT_REQUEST)
    group.replace(_resource(row))
    return group


def _save(group: Group, row: ProvisionedGroup | None = None) -> ProvisionedGroup:
    display_name, external_id = group.display_name or "", group.external_id or ""
    if not display_name.strip() or max(len(display_name), len(external_id)) > 254:
        raise InvalidValueException(
            detail="displayName and externalId have 254 characters at most, and displayName has one."
        )
    return save_group(display_name=display_name, external_id=external_id, members=_ids(group.members or ()), row=row)


def _ids(members: Iterable[Member]) -> list[uuid.UUID]:
    """Of users; what else a group holds, such as another group, is left out."""
    found = []
    for member in members:
        try:
            found.append(uuid.UUID(member.value or ""))
        except ValueError:
            continue
    return found


def _resource(row: ProvisionedGroup, *, has_members: bool = True) -> Group:
    return Group(
        id=str(row.pk),
        external_id=row.external_id or None,
        display_name=row.display_name,
        members=[_member(user) for user in row.members.all()] if has_members else None,
        meta=meta(Group, row.pk, row.created_at, row.changed_at),
    )


def _member(user: ProvisionedUser) -> Member:
    return Member(value=str(user.pk), ref=location(f"/Users/{user.pk}"))
