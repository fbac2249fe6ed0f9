"""Which audit events somebody asked for: all of it is in the URL."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from django.db.models import QuerySet, Value
from django.db.models.functions import Upper

from onboarding.models import AuditEvent
from onboarding.views.audit_words import ACTIONS

_LONGEST = 254  # characters of an actor or a target


@dataclass(frozen=True, slots=True)
class Filter:
    """Empty text, or no day, stands for everything. `actor` is whole, in any case; `target` any part of one.

    Days are UTC days, both of them included.
    """

    actor: str = ""
    target: str = ""
    action: str = ""
    since: dt.date | None = None
    until: dt.date | None = None

    @property
    def chosen(self) -> dict[str, str]:
        """What narrows it, as it stands in a URL."""
        days = {"since": self.since, "until": self.until}
        texts = {"actor": self.actor, "target": self.target, "action": self.action}
        return {name: str(value) for name, value in {**texts, **days}.items() if value}

    def events(self) -> QuerySet[AuditEvent]:
        """The newest first."""
        found = AuditEvent.objects.order_by("-at", "-pk")
        if self.actor:
            found = found.alias(in_capitals=Upper("actor")).filter(in_capitals=Upper(Value(self.actor)))
        if self.target:
            found = found.filter(target__icontains=self.target)
        if self.action:
            found = found.filter(action=self.action)
        if self.since:
            found = found.filter(at__gte=_midnight(self.since))
        if self.until:
            found = found.filter(at__lt=_midnight(self.until) + dt.timedelta(days=1))
        return found


def read_filter(query: Mapping[str, str]) -> tuple[Filter, list[str]]:
    """What a query string asks for, and the names of those of its parameters that say nothing."""
    # PostgreSQL has no NUL in its texts.
    given = {name: query.get(name, "").replace("\0", "").strip()[:_LONGEST] for name in _PARAMETERS}
    since, until = _day(given["since"]), _day(given["until"])
    action = given["action"] if given["action"] in ACTIONS else ""
    chosen = Filter(given["actor"], given["target"], action, since, until)
    return chosen, [name for name in _PARAMETERS if given[name] and name not in chosen.chosen]


_PARAMETERS = ("actor", "target", "action", "since", "until")


def _day(text: str) -> dt.date | None:
    """A day as browsers send it; the very last there is would have no day after it."""
    try:
        found = dt.date.fromisoformat(text)
    except ValueError:
        return None
    return found if found < dt.date.max else None


def _midnight(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(), dt.UTC)
