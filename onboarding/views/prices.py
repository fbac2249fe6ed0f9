"""Prices: what is in force, what was used without one, and what accounts pay of them.

Auditors read them and admins change them.
"""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from django.db import IntegrityError
from django.http import HttpResponseBase, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import number_format
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from onboarding.costs import coverage, price_list
from onboarding.costs.price_table import add_price, change_multiplier, correct_price, shipped
from onboarding.enums import EndpointKind, TokenClass
from onboarding.forms.costs import MultiplierForm, PriceForm
from onboarding.models import Account, AuditEvent, Meter, Price
from onboarding.templatetags.money import full_day, usd, usd_rate
from onboarding.views.rules import PersonRequest, for_auditors

# What a new price may begin with, as the links of the page have it.
_PREFILLED = ("model_id", "endpoint_kind", "token_class", "is_long_prompt", "valid_from")
_CHANGES = ("price.added", "price.corrected", "prices.loaded", "account.multiplier_changed", "usage.repriced")
_CHANGES_SHOWN = 10


@for_auditors
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def prices(request: PersonRequest) -> HttpResponseBase:
    """A POST with an `account` changes its multiplier; any other one adds a price, or corrects one. A constant number
    of queries."""
    if request.method != "POST":
        given = {name: request.GET[name] for name in _PREFILLED if name in request.GET}
        return _page(request, PriceForm(initial={"valid_from": timezone.now().date(), **given}))
    if "account" in request.POST:
        return _change_multiplier(request)
    return _enter_price(request)


def _enter_price(request: PersonRequest) -> HttpResponseBase:
    form = PriceForm(request.POST)
    if form.is_valid():
        try:
            enter = correct_price if form.cleaned_data["is_correction"] else add_price
            enter(form.instance, actor=request.person.email)
        except IntegrityError:
            # Somebody added the same a moment before; now the form says so.
            form = PriceForm(request.POST)
        else:
            return _to_changes()
    return _page(request, form)


def _change_multiplier(request: PersonRequest) -> HttpResponseBase:
    account = get_object_or_404(Account, account_id=request.POST["account"].replace("\0", ""))
    form = MultiplierForm(request.POST, auto_id=_ids_of(account))
    if not form.is_valid():
        return _page(request, PriceForm(), {account.pk: form})
    said = form.cleaned_data
    change_multiplier(account, said["multiplier"], actor=request.person.email, reason=said["reason"])
    return _to_changes()


def _to_changes() -> HttpResponseBase:
    return HttpResponseRedirect(f"{reverse('prices')}#changes")


# --- The page


def _page(
    request: PersonRequest, form: PriceForm, multipliers: Mapping[int, MultiplierForm] | None = None
) -> HttpResponseBase:
    now = timezone.now()
    today = now.date()
    table = list(Price.objects.all())
    used = set(Meter.objects.values_list("model_id", flat=True).distinct())
    unpriced = price_list.unpriced()
    lines = price_list.in_force(table, today)
    context = {
        "shipped": shipped(),
        "today": today,
        "unpriced": unpriced,
        "unpriced_models": len({row.model_id for row in unpriced}),
        "classes": [token_class.label for token_class in TokenClass],
        "used": [line for line in lines if line.model_id in used],
        "unused": [line for line in lines if line.model_id not in used],
        "later": price_list.later(table, today),
        "form": form,
        "lints": (),  # fields of a plan have some; these have none
        "known": sorted({line.model_id for line in lines} | {row.model_id for row in unpriced if row.endpoint_kind}),
        "multipliers": _multipliers(multipliers or {}),
        "changes": _changes(),
        "repricing": _repricing(today),
        "warnings": coverage.warnings(now),
    }
    return render(request, "prices.html", context)


def _changes() -> list[tuple[AuditEvent, dict[str, Any]]]:
    """What changed prices lately, each with its details as they are shown."""
    events = AuditEvent.objects.filter(action__in=_CHANGES).order_by("-at")[:_CHANGES_SHOWN]
    return [(event, _as_shown(event.details)) for event in events]


def _as_shown(details: Mapping[str, Any]) -> dict[str, Any]:
    """In the reader's language. What an event of another Onramp says in its own way stays as it is."""
    shown = {**_UNSAID, **details}
    for name in _SHOWN.keys() & details.keys():
        # A code or a figure that this Onramp cannot read.
        with contextlib.suppress(ValueError, TypeError, LookupError, ArithmeticError):
            shown[name] = _SHOWN[name](details[name])
    return shown


def _day(text: str) -> str:
    return full_day(dt.date.fromisoformat(text))


def _rate(text: str) -> str:
    return usd_rate(Decimal(text))


def _amount(text: str) -> str:
    return usd(Decimal(text))


def _rate_or_multiplier(value: Mapping[str, str] | str) -> str:
    """A correction tells the price with its source, a change of a multiplier the number alone."""
    if isinstance(value, Mapping):
        return _rate(value["usd_per_million"])
    return number_format(Decimal(value))


def _count(value: object) -> int | None:
    return value if isinstance(value, int) else None


_SHOWN: Mapping[str, Callable[[Any], Any]] = {
    "endpoint_kind": lambda code: EndpointKind(code).label,
    "token_class": lambda code: TokenClass(code).label,
    "usd_per_million": _rate,
    "valid_from": _day,
    "since": _day,
    "until": _day,
    "before": _rate_or_multiplier,
    "after": _rate_or_multiplier,
    "cost_before": _amount,
    "cost_after": _amount,
    "added": _count,
    "priced": _count,
    "repriced": _count,
}
# Where an event does not say it: a sentence shows that something is left out, a count is not told at all.
_UNSAID: Mapping[str, Any] = {**dict.fromkeys(_SHOWN, "?"), "added": None, "priced": None, "repriced": None}


def _repricing(today: dt.date) -> str:
    """The command for this month's days."""
    days = f"--since {today.replace(day=1)} --until {today + dt.timedelta(days=1)}"
    return f'python manage.py reprice {days} --reason "..." --dry-run'


def _multipliers(sent: Mapping[int, MultiplierForm]) -> list[tuple[Account, MultiplierForm]]:
    """Each account with its form; one that was sent and refused as it was filled in."""
    return [
        (account, sent.get(account.pk) or MultiplierForm(initial=_values_of(account), auto_id=_ids_of(account)))
        for account in Account.objects.order_by("account_id")
    ]


def _values_of(account: Account) -> dict[str, str]:
    return {"multiplier": f"{account.price_multiplier.normalize():f}"}


def _ids_of(account: Account) -> str:
    """The page has a form for each account."""
    return f"id_{account.account_id}_%s"
