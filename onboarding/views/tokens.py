"""Tokens of the API: which there are, who made them, and what they may read. Auditors read the list; admins write."""

from __future__ import annotations

from typing import Any

from django.core.paginator import Paginator
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_POST, require_safe

from onboarding.enums import ApiScope
from onboarding.forms.tokens import TokenForm
from onboarding.models import ApiToken
from onboarding.tokens import issue_token, revoke_token
from onboarding.views.rules import PersonRequest, for_admins, for_auditors

_SHOWN = 50


@for_auditors
@never_cache
@require_safe
def tokens(request: PersonRequest) -> HttpResponseBase:
    """A constant number of queries."""
    return _page(request, TokenForm())


@for_admins
@never_cache
@require_POST
@sensitive_variables("token")
def token_issue(request: PersonRequest) -> HttpResponseBase:
    """A new token, shown on this page and never again."""
    form = TokenForm(request.POST)
    if not form.is_valid():
        return _page(request, form, status=422)
    chosen = form.cleaned_data
    token = issue_token(owner=request.person, name=chosen["name"], scopes=chosen["scopes"], holds=chosen["days"])
    return _page(request, TokenForm(), issued=token, name=chosen["name"])


@for_admins
@require_POST
def token_revoke(request: PersonRequest, pk: int) -> HttpResponseBase:
    """End anybody's token: an admin answers for the colleague who left."""
    revoke_token(get_object_or_404(ApiToken.objects.select_related("owner"), pk=pk), actor=request.person.email)
    return redirect("tokens")


def _page(request: PersonRequest, form: TokenForm, *, status: int = 200, **more: Any) -> HttpResponse:
    now = timezone.now()
    rows = ApiToken.objects.select_related("owner").order_by("-created_at", "-pk")
    page = Paginator(rows, _SHOWN).get_page(request.GET.get("page"))
    context = {"page": page, "rows": [(row, *_state(row, now)) for row in page], "form": form, **more}
    context["lints"] = ()  # fields of a plan have some; these have none
    return render(request, "tokens.html", context, status=status)


def _state(token: ApiToken, now: Any) -> tuple[str, list[str]]:
    """Why it opens nothing, or that it does; and what it may read, in words."""
    if token.revoked_at is not None:
        state = "revoked"
    elif token.has_ended(now):
        state = "expired"
    else:
        state = "holds" if token.holds(now) else "refused"
    return state, [str(ApiScope(scope).label) for scope in token.scopes]
