"""The design's small parts: icons, states, times, tinted code, and findings arranged for reading."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from django import template
from django.forms import BoundField
from django.template import Context
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.html import escape, format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.timesince import timesince
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from onboarding import catalog
from onboarding.enums import Installed, Outcome, Readiness, RequestState, Standing
from onboarding.lints import ReadLint
from onboarding.models import AdminRequest

# `Board` of views/findings.py and `Row` of views/obstacles.py, which stand above this floor and cannot be imported.
Board = Any
Row = Any

register = template.Library()
register.filter("region_label", catalog.region_label)
register.filter("model_label", catalog.model_label)

# Every word a state can have: findings, people, rows of a verification that lives, and machines.
STATES: Mapping[str, str | Promise] = {
    **{str(outcome): outcome.label for outcome in Outcome},
    **{str(readiness): readiness.label for readiness in Readiness},
    "running": _("Running"),
    "waiting": _("Waiting"),
    "skipped": _("Not asked"),
    "connected": _("Connected"),
    "answered": _("Answered"),
    "outdated": _("Outdated"),
}
_ICONS = {"connected": "ready", "answered": "ready"}


@register.simple_tag
@cache
def icon(name: str) -> SafeString:
    """A symbol of `_icons.html`. Never says anything by itself: a word stands beside it."""
    return format_html('<svg class="icon" aria-hidden="true"><use href="#i-{}"/></svg>', name)


@register.simple_tag
def status(state: str) -> SafeString:
    """Icon and word, for rows."""
    return _state("status", state)


@register.simple_tag
def badge(state: str) -> SafeString:
    """Icon and word in a pill, for the one state of a page."""
    return _state("badge", state)


def _state(css_class: str, state: str) -> SafeString:
    return _drawn(css_class, state, get_language())


@cache
def _drawn(css_class: str, state: str, language: str | None) -> SafeString:
    """Drawn a dozen times on a page, and always the same in a language."""
    drawn = icon(_ICONS.get(state, state))
    return format_html('<span class="{}" data-outcome="{}">{}{}</span>', css_class, state, drawn, STATES[state])


@register.simple_tag
def standing(state: str) -> SafeString:
    """How somebody stands, as icon and word."""
    outcome = state if state in STATES else "skipped"
    text = '<span class="status" data-outcome="{}">{}{}</span>'
    return format_html(text, outcome, icon(outcome), Standing(state).label)


@register.simple_tag
def moment(at: dt.datetime) -> SafeString:
    """`20 November 2026, 09:41 UTC`"""
    return _time(at, _formats()["moment"])


@register.simple_tag
def clock(at: dt.datetime) -> SafeString:
    """What follows "since": `09:41 UTC` today, and with its date on any other day."""
    return _time(at, _formats()["clock" if at.date() == timezone.now().date() else "day"])


# Django's own English formats are American, with a twelve-hour clock.
_FORMATS = {
    "en": {"moment": "j F Y, H:i", "clock": "H:i", "day": "j F Y, H:i"},
    "es": {"moment": r"j \d\e F \d\e Y, H:i", "clock": r"\l\a\s H:i", "day": r"\e\l j \d\e F \d\e Y, H:i"},
}


def _formats() -> Mapping[str, str]:
    return _FORMATS["es" if (get_language() or "").startswith("es") else "en"]


def _time(at: dt.datetime, wanted: str) -> SafeString:
    return format_html('<time datetime="{}">{} UTC</time>', at.isoformat(timespec="seconds"), date_format(at, wanted))


@register.filter
def age(at: dt.datetime) -> str:
    """`3 hours`, in its largest unit."""
    return timesince(at, depth=1)


@register.filter
def number(value: int) -> str:
    """`20 000`, with the narrow space that reads alike in every language."""
    return f"{value:,}".replace(",", "\u202f")


@register.filter
def of(mapping: Mapping[str, Any], key: str) -> Any:
    """The entry of a mapping whose name a template has in a variable; nothing where there is none."""
    return mapping.get(key)


# --- Plans


@register.simple_tag
def installed(state: str) -> SafeString:
    """What somebody has of their plan, as icon and word."""
    outcome = {Installed.CURRENT: "ready", Installed.OLDER: "outdated"}.get(Installed(state), "skipped")
    text = '<span class="status" data-outcome="{}">{}{}</span>'
    return format_html(text, outcome, icon(outcome), Installed(state).label)


@register.filter
def about_field(lints: Iterable[ReadLint], name: str) -> list[ReadLint]:
    """Those that a form shows under the field of this name."""
    return [lint for lint in lints if lint.about == name]


@register.simple_tag
def control(field: BoundField, lints: Iterable[ReadLint] = ()) -> SafeString:
    """A form's field, which names what stands under it: its help, its errors, and what is to be said against it."""
    parts = {"helptext": field.help_text, "error": field.errors, "lints": about_field(lints, field.name)}
    under = " ".join(f"{field.auto_id}_{name}" for name, is_there in parts.items() if is_there)
    return field.as_widget(attrs={"aria-describedby": under} if under else {})


# --- Requests


@register.filter
def about(requests: Mapping[str, AdminRequest], row: Row) -> AdminRequest | None:
    """The newest request about what a row says, among `requests_of` somebody."""
    counts = row.known or row.finding
    return requests.get(f"{row.check.name}|{counts.reason}")


# Pages that are reached from one of the navigation's, by the name of that one.
_WITHIN = {
    "people": ("person", "person-view-as", "person-bundle"),
    "teams": ("team", "team-new"),
    "plans": ("plan", "plan-edit", "plan-new", "plan-compare", "plan-restore", "bundles"),
    "costs": ("reconciliation", "prices", "budgets", "budget-team", "budget-plan", "budget-person", "callers"),
}
_SECTIONS = {name: section for section, names in _WITHIN.items() for name in names}


@register.simple_tag(takes_context=True)
def paged(context: Context, number: int, parameter: str = "") -> str:
    """The page's own query with another number of a page in it, in `parameter` or else in `page`."""
    query = context["request"].GET.copy()
    query[parameter or "page"] = str(number)
    return f"?{query.urlencode()}"


@register.simple_tag(takes_context=True)
def section(context: Context) -> str:
    """The entry of the navigation that this page belongs to: itself, unless it is reached from another."""
    match = context["request"].resolver_match
    name = match.url_name if match else ""
    return _SECTIONS.get(name, name)


@register.simple_tag
def open_requests() -> int:
    """How many wait for an answer; a query, so only for those who may read them."""
    return AdminRequest.objects.filter(state=RequestState.OPEN, answered_at=None).count()


# --- Code


@register.filter
def tint(text: str, name: str = "") -> SafeString:
    """The text in spans that colour it, by the file's name. Its characters stay as they are."""
    for endings, pattern in _TINTS:
        if name.endswith(endings):
            return _tinted(text, pattern)
    return escape(text)


_COMMENT = r"^(?P<comment>#.*)$"
_TINTS = (
    ((".json",), re.compile(r'(?P<key>"(?:[^"\\]|\\.)*"(?=\s*:))|(?P<string>"(?:[^"\\]|\\.)*")|(?P<value>\b\w+\b)')),
    (
        ("config",),
        re.compile(_COMMENT + r"|^(?P<value>\[.*\])$|^(?P<key>\w+)(?= =)|(?<= = )(?P<string>.+)$", re.MULTILINE),
    ),
    (
        (".sh", ".fish", ".ps1"),
        re.compile(_COMMENT + r"|\b(?P<key>[A-Z][A-Z_]+)(?= |=)|(?P<string>'[^'\n]*')", re.MULTILINE),
    ),
)


def _tinted(text: str, pattern: re.Pattern[str]) -> SafeString:
    parts, end = [], 0
    for match in pattern.finditer(text):
        parts.append(escape(text[end : match.start()]))
        parts.append(format_html('<span class="tok-{}">{}</span>', match.lastgroup or "", match[0]))
        end = match.end()
    parts.append(escape(text[end:]))
    return format_html_join("", "{}", ((part,) for part in parts))


@register.filter
def diffed(text: str) -> SafeString:
    """The lines of a unified diff of `a/` and `b/` in spans that colour them. Its characters stay as they are."""
    lines = ((_kind(line), line) for line in text.splitlines(keepends=True))
    return format_html_join("", '<span class="{}">{}</span>', lines)


def _kind(line: str) -> str:
    """By how a line of a diff begins; the files' names come before what adds and removes, which they look like."""
    kinds = {"--- a/": "hunk", "+++ b/": "hunk", "@@ ": "hunk", "+": "added", "-": "removed"}
    return next((kind for start, kind in kinds.items() if line.startswith(start)), "same")
