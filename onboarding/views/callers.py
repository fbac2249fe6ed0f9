"""Whose the principals in logs and bills are: those that nobody has, and who said whose another is.

Auditors read them and admins claim them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from urllib.parse import urlencode

from django.core.paginator import Page, Paginator
from django.db.models import Count, F, Max, Min, Q, QuerySet, Sum
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from onboarding.costs import coverage
from onboarding.costs.callers import claim, release
from onboarding.costs.money import usd
from onboarding.forms.costs import ClaimForm
from onboarding.models import Caller
from onboarding.views.rules import PersonRequest, for_admins, for_auditors

_SHOWN = 50
_CLAIMED_SHOWN = 50


@dataclass(frozen=True, slots=True)
class Unmapped:
    """A principal of nobody, with all it ever used. `cost` is None where none of that has a price."""

    caller: Caller
    tokens: int
    unpriced: int
    first: dt.date | None
    last: dt.date | None
    cost: Decimal | None
    form: ClaimForm


@for_auditors
@never_cache
@require_safe
def callers(request: PersonRequest) -> HttpResponseBase:
    """A constant number of queries."""
    return _page(request)


@for_admins
@require_POST
def caller_claim(request: PersonRequest, pk: int) -> HttpResponseBase:
    """Say whose a principal is, by an e-mail. One that a log does not name is nobody's and stays so."""
    caller = get_object_or_404(Caller.objects.exclude(arn=""), pk=pk)
    form = ClaimForm(request.POST, prefix=f"claim-{pk}")
    if not form.is_valid():
        return _page(request, refused={pk: form}, status=422)
    claim(caller, form.person, actor=request.person.email)
    return _back(request)


@for_admins
@require_POST
def caller_release(request: PersonRequest, pk: int) -> HttpResponseBase:
    """Take back what an admin said; what Onramp found by itself is not theirs to take back."""
    release(get_object_or_404(Caller.objects.exclude(claimed_by=""), pk=pk), actor=request.person.email)
    return _back(request)


def _back(request: PersonRequest) -> HttpResponse:
    """To the pages of both lists that the deed was done on; beyond the last page is the last."""
    pages = {name: request.GET[name] for name in ("page", "claimed") if request.GET.get(name, "").isdecimal()}
    return redirect(f"{reverse('callers')}{'?' if pages else ''}{urlencode(pages)}")


def _page(request: PersonRequest, *, refused: dict[int, ClaimForm] | None = None, status: int = 200) -> HttpResponse:
    rows = Paginator(_unmapped(), _SHOWN).get_page(request.GET.get("page"))
    claimed = Caller.objects.exclude(claimed_by="").select_related("person").order_by("arn")
    counts = Caller.objects.aggregate(all=Count("pk"), unmapped=Count("pk", filter=Q(person__isnull=True)))
    context = {
        "rows": _with_forms(rows, refused or {}),
        "page": rows,
        "claimed": Paginator(claimed, _CLAIMED_SHOWN).get_page(request.GET.get("claimed")),
        "counts": counts,
        "warnings": coverage.warnings(timezone.now()),
        "as_of": coverage.as_of(),
    }
    return render(request, "callers.html", context, status=status)


def _unmapped() -> QuerySet[Caller]:
    """Those of nobody that used something, or that a bill names; the dearest first."""
    entries = "meters__entries"
    return (
        Caller.objects.filter(person__isnull=True)
        .annotate(
            tokens=Sum(f"{entries}__tokens"),
            unpriced=Sum(f"{entries}__tokens", filter=Q(meters__entries__rate__isnull=True)),
            first=Min(f"{entries}__day"),
            last=Max(f"{entries}__day"),
            billionths=Sum(f"{entries}__cost"),
        )
        .order_by(F("billionths").desc(nulls_last=True), F("tokens").desc(nulls_last=True), "arn")
    )


def _with_forms(page: Page[Caller], refused: dict[int, ClaimForm]) -> Sequence[Unmapped]:
    return [
        Unmapped(
            row,
            int(row.tokens or 0),  # type: ignore[attr-defined]  # an annotation, as those below
            int(row.unpriced or 0),  # type: ignore[attr-defined]
            row.first,  # type: ignore[attr-defined]
            row.last,  # type: ignore[attr-defined]
            None if row.billionths is None else usd(int(row.billionths)),  # type: ignore[attr-defined]
            refused.get(row.pk) or ClaimForm(prefix=f"claim-{row.pk}"),
        )
        for row in page
    ]
