"""People: who can work, who cannot, and what stands in the way. Auditors read it, admins verify again from it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from onboarding import roster
from onboarding.checks.registry import FINDING_TYPES, explain
from onboarding.checks.run import open_verifications
from onboarding.enums import Actor, Layer, Standing, Trigger
from onboarding.models import Enrolment, Person, Plan, Team
from onboarding.roster import COUNTED, Blocker, Filter, Order, read_filter, read_order
from onboarding.tasks import enqueue_verifications
from onboarding.views.rules import PersonRequest, for_admins, for_auditors

Text = str | Promise

SHOWN = 50  # rows a page
# As many as a portal's workers have done before somebody who signs in notices.
VERIFIED_AT_ONCE = 500
_BLOCKERS_SHOWN = 4
_ASKED = re.compile(r"\d{1,4}")

_HEADS: Mapping[str, Text] = {
    "name": _("Person"),
    "team": _("Team"),
    "status": _("Status"),
    "layer": _("Blocking layer"),
    "revision": _("Revision"),
    "verified": _("Last verified"),
    "machine": _("Machine"),
    "used": _("Last use"),
}
_NUMBERS = ("revision",)
# Whose newest comes first when somebody sorts by it.
_NEWEST_FIRST = ("revision", "verified", "used")


@dataclass(frozen=True, slots=True)
class Tile:
    """A figure and the filter that shows whom it counts. `icon` and `outcome` are as a status has them."""

    label: Text
    icon: str
    count: int
    parameter: str
    value: str
    link: str
    is_shown: bool
    share: int | None = None


@dataclass(frozen=True, slots=True)
class Head:
    """A column's head: `link` sorts by it, and `sorted` is how the table is now, as `aria-sort` says it."""

    name: Text
    link: str
    is_number: bool
    sorted: str


@dataclass(frozen=True, slots=True)
class Cause:
    """What blocks people, in words; `share` is of all who are blocked, in percent."""

    blocker: Blocker
    title: str
    actor: Actor
    link: str
    share: int

    @property
    def others(self) -> int:
        """How many something else blocks, too."""
        return self.blocker.people - self.blocker.alone


@for_auditors
@never_cache
@require_safe
def people(request: PersonRequest) -> HttpResponseBase:
    """A constant number of queries, none of which reads everybody."""
    query = request.GET
    chosen, ignored = read_filter(query)
    order = read_order(query.get("sort", ""))
    teams, plans = _names(Team), _names(Plan)
    rows = chosen.rows(teams)
    shown = roster.page(rows, order, after=query.get("after", ""), before=query.get("before", ""), size=SHOWN)
    tally = roster.tally()
    count = roster.count(rows) if chosen.chosen else tally["people"]
    asked = query.get("asked", "")
    context: dict[str, Any] = {
        "filter": chosen,
        "ignored": ignored,
        "order": order,
        "page": shown,
        "rows": [(row, machine) for row, machine in _with_machines(shown.rows)],
        "count": min(count, COUNTED) if chosen.chosen else count,
        "is_more": bool(chosen.chosen) and count > COUNTED,
        "tally": tally,
        "tiles": _tiles(tally, chosen),
        "cause": _cause(chosen.cause),
        "without_cause": _query(replace(chosen, cause=""), order),
        "causes": _causes(tally["blocked"], chosen),
        "heads": _heads(chosen, order),
        "here": _query(chosen, order),
        "filtered": _query(chosen),
        "newer": _query(chosen, order, before=shown.first) if shown.first else "",
        "older": _query(chosen, order, after=shown.last) if shown.last else "",
        "teams": [(str(pk), name) for pk, name in teams.items()],
        "plans": [(str(pk), name) for pk, name in plans.items()],
        "standings": Standing.choices,
        "layers": Layer.choices,
        "revisions": [str(number) for number in roster.revisions()],
        "at_once": VERIFIED_AT_ONCE,
        "asked": int(asked) if _ASKED.fullmatch(asked) else None,
        "today": timezone.now().date(),
    }
    return render(request, "people.html", context)


@for_admins
@require_POST
def people_verify(request: PersonRequest) -> HttpResponseBase:
    """Verify again whoever is selected, or with `scope=all` everybody whom the URL's filter lets through, if those are
    not too many."""
    chosen, _ignored = read_filter(request.GET)
    order = read_order(request.GET.get("sort", ""))
    if request.POST.get("scope") == "all":
        found = chosen.rows(_names(Team)).filter(is_active=True)
        wanted = list(found.order_by("person").values_list("pk", flat=True)[: VERIFIED_AT_ONCE + 1])
    else:
        told = request.POST.getlist("person")
        wanted = [int(text) for text in dict.fromkeys(told) if re.fullmatch(r"\d{1,18}", text)]
    if len(wanted) > VERIFIED_AT_ONCE:
        return HttpResponse(status=422, content=str(_("At most 500 people are verified at once. Narrow the filter.")))
    rows = list(Person.objects.filter(pk__in=wanted, is_active=True).select_related("team"))
    opened = open_verifications(rows, trigger=Trigger.ADMIN, actor=request.person.email)
    enqueue_verifications(opened)
    url = f"{reverse('people')}{_query(chosen, order, asked=len(opened))}"
    return HttpResponse(status=302, headers={"Location": url})


def _names(model: Any) -> dict[int, str]:
    return dict(model.objects.order_by("name").values_list("pk", "name"))


def _query(chosen: Filter, order: Order | None = None, **more: object) -> str:
    """A query string of the page: its filter, its order, and a place in it."""
    told: dict[str, object] = dict(chosen.chosen)
    if order is not None and order != Order():
        told["sort"] = order.key
    return f"?{urlencode(told | more)}"


def _with_machines(rows: Sequence[Any]) -> Iterable[tuple[Any, Enrolment | None]]:
    """Each with the machine that reported last; one query."""
    reported = Enrolment.objects.filter(person__in=[row.pk for row in rows]).order_by("reported_at")
    newest = {machine.person_id: machine for machine in reported.only("person", "machine", "os", "cli_version")}
    return [(row, newest.get(row.pk)) for row in rows]


# Label, icon and outcome, column of the tally, and the filter's name and value.
_TILES: Sequence[tuple[Text, str, str, str, str]] = (
    (_("People"), "person", "people", "", ""),
    (Standing.READY.label, "ready", "ready", "status", Standing.READY),
    (Standing.BLOCKED.label, "blocked", "blocked", "status", Standing.BLOCKED),
    (Standing.UNKNOWN.label, "unknown", "unknown", "status", Standing.UNKNOWN),
    (Standing.NEVER_SIGNED_IN.label, "skipped", "never_signed_in", "status", Standing.NEVER_SIGNED_IN),
    (Standing.OUTDATED.label, "outdated", "outdated", "status", Standing.OUTDATED),
    (pgettext_lazy("people with a machine that reported", "Connected"), "laptop", "connected", "connected", "yes"),
    (_("Inactive 30 days"), "waiting", "inactive", "activity", "inactive"),
)


def _tiles(tally: Mapping[str, int], chosen: Filter) -> list[Tile]:
    """Each leads to a filter of its own, whatever the page is narrowed to now."""
    found = []
    for label, icon, column, parameter, value in _TILES:
        filtered = {parameter: str(value)} if parameter else {}
        count, everybody = tally[column], tally["people"]
        share = round(100 * count / everybody) if parameter and everybody else None
        link = f"?{urlencode(filtered)}"
        found.append(Tile(label, icon, count, parameter, str(value), link, chosen.chosen == filtered, share))
    return found


def _causes(blocked: int, chosen: Filter) -> list[Cause]:
    found = []
    for blocker in roster.blockers(_BLOCKERS_SHOWN):
        words = explain(blocker.finding)
        link = f"?{urlencode({'layer': blocker.layer.value, 'cause': blocker.cause})}"
        share = min(100, round(100 * blocker.people / blocked)) if blocked else 0
        found.append(Cause(blocker, words.title, words.actor, link, share))
    return found


def _cause(cause: str) -> str:
    """What the check of a cause asks, and its reason."""
    name, _dot, reason = cause.partition(".")
    check = FINDING_TYPES.get(name)
    return f"{check.title}: {reason}" if check else cause


def _heads(chosen: Filter, order: Order) -> list[Head]:
    found = []
    for name, label in _HEADS.items():
        is_here = name == order.name
        descending = not order.descending if is_here else name in _NEWEST_FIRST
        link = _query(chosen, Order(name, descending)) if name in roster.ORDERS else ""
        direction = ("descending" if order.descending else "ascending") if is_here else ""
        found.append(Head(label, link, name in _NUMBERS, direction))
    return found
