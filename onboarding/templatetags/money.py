"""Money, tokens, shares and days in the reader's language. CSV and JSON never pass through here."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from django import template
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from onboarding.costs.money import cents, digits, style
from onboarding.templatetags.onramp import icon

register = template.Library()

_MINUS = "\u2212"
_CENT = Decimal("0.01")
_UNITS = ((Decimal(1_000_000_000), "G"), (Decimal(1_000_000), "M"), (Decimal(1000), "k"))


@register.filter
def usd(amount: Decimal | int) -> str:
    """`$1,234.56`; what is less than a cent and not nothing is said to be so."""
    return _usd(Decimal(amount), 2)


@register.filter
def usd_whole(amount: Decimal | int) -> str:
    """`$1,235`, for axes and forecasts: what is no finer than a dollar."""
    return _usd(Decimal(amount), 0)


def _usd(amount: Decimal, places: int) -> str:
    if amount < 0:
        return f"{_MINUS}{_usd(-amount, places)}"
    if places and 0 < amount < _CENT and not cents(amount):
        return f"<\u00a0{_usd(_CENT, places)}"
    return style().amount.format(digits(amount, places))


@register.filter
def usd_axis(amount: Decimal) -> str:
    """As short as an axis wants it: `$2.50`, `$400`, `$20k`."""
    if amount >= 10_000 and not amount % 500:
        thousands = amount / 1000
        return style().amount.format(f"{digits(thousands, 0 if thousands == int(thousands) else 1)}k")
    return _usd(amount, 0 if amount == int(amount) else 2)


@register.filter
def usd_rate(amount: Decimal) -> str:
    """A price of a million tokens: two places, or as many as it has, `$0.4125`."""
    places = max(2, -int(amount.normalize().as_tuple().exponent))
    return style().amount.format(digits(amount, places))


@register.filter
def tokens(count: int) -> str:
    """`1.84 M`, `262 M`, `512`: three digits say enough of a count of tokens."""
    for size, unit in _UNITS:
        if count >= size:
            value = count / size
            places = 0 if value >= 100 else 1 if value >= 10 else 2
            return f"{digits(value, places)}\u00a0{unit}"
    return digits(count)


@register.filter
def grouped(count: int) -> str:
    """Every digit of a number, `15,500,000`."""
    return digits(count)


@register.filter
def signed(count: int) -> str:
    """Every digit of a number that may be negative."""
    return f"{_MINUS if count < 0 else ''}{grouped(abs(count))}"


@register.filter
def percent(share: Decimal | int) -> str:
    """A share that is already in percent, with one place: `1.0%`."""
    return _percent(share, 1)


@register.filter
def percent_whole(share: Decimal | int) -> str:
    """The same without places: `96%`."""
    return _percent(share, 0)


def _percent(share: Decimal | int, places: int) -> str:
    sign = _MINUS if share < 0 else ""
    space = "\u00a0" if (get_language() or "").startswith("es") else ""
    return f"{sign}{digits(abs(Decimal(share)), places)}{space}%"


@register.filter
def at_most_all(share: int | None) -> int:
    """A whole share in percent, as far as a meter can show it."""
    return min(max(share or 0, 0), 100)


# Django's own English formats are American, and neither language's leaves the year out.
_DAYS = {"en": ("j M", "j M Y", "F", "F Y"), "es": ("j b", "j b Y", "F", r"F \d\e Y")}


def _day(day: dt.date, which: int) -> str:
    language = "es" if (get_language() or "").startswith("es") else "en"
    return date_format(day, _DAYS[language][which])


@register.filter
def day(value: dt.date) -> str:
    """`20 Nov`"""
    return _day(value, 0)


@register.filter
def full_day(value: dt.date) -> str:
    """`20 Nov 2026`"""
    return _day(value, 1)


@register.filter
def month(value: dt.date) -> str:
    """`November`"""
    return _day(value, 2)


@register.filter
def full_month(value: dt.date) -> str:
    """`November 2026`"""
    return _day(value, 3)


@register.simple_tag
def estimate(amount: Decimal | None) -> SafeString:
    """An estimated amount, dashed; without a price, that it is unpriced: never $0."""
    if amount is None:
        text = '<span class="status" data-outcome="warning">{}{}</span>'
        return format_html(text, icon("warning"), _("Unpriced"))
    return format_html('<span class="estimate">{}</span>', usd(amount))


@register.simple_tag
def billed(amount: Decimal | None, as_of: dt.date | None = None) -> SafeString:
    """A billed amount, solid. Where there is none: not yet, or nothing up to `as_of`."""
    if amount is None:
        return format_html('<span class="muted">{}</span>', _("None") if as_of else _("Not billed yet"))
    return format_html("{}", usd(amount))
