"""What a notification says, in the active language: plain text, for a mail and for Slack.

Subjects name no person and no layer: they show on locked screens and stand in the logs of mail servers. What goes to
Slack names nobody at all.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from onboarding.checks.registry import explain
from onboarding.costs.coverage import CoverageWarning, problem_kind
from onboarding.enums import Layer, NotificationKind, Problem, RequestState
from onboarding.models import Account, AdminRequest, Notification


@dataclass(frozen=True, slots=True)
class Text:
    """One notification in words; `where` leads to the page at `path`."""

    subject: str
    paragraphs: tuple[str, ...]
    where: str
    path: str

    @property
    def body(self) -> str:
        link = f"{self.where}\n{settings.PUBLIC_URL}{self.path}"
        return "\n\n".join((*self.paragraphs, link)) + "\n"


def text_of(row: Notification) -> Text:
    """The words of a notification; reads what it is about."""
    return _TEXTS[NotificationKind(row.kind)](row)


def _ready(row: Notification) -> Text:
    return Text(
        _("Your access to Claude Code works"),
        (_("Onramp verified that you can use Claude Code on Amazon Bedrock."),),
        _("Take your bundle and install it:"),
        reverse("setup"),
    )


def _blocked(row: Notification) -> Text:
    return Text(
        _("Your access to Claude Code is blocked"),
        (_("It worked the last time Onramp verified it, and does not now."), *_denial(row)),
        _("See everything that blocks you, and ask an admin:"),
        reverse("setup"),
    )


def _denial(row: Notification) -> Iterator[str]:
    """What says no, the layer, and what to do; nothing once the finding is forgotten."""
    if row.finding is None:
        return
    told = explain(row.finding)
    yield told.summary
    yield _("Who says no: %(layer)s.") % {"layer": row.finding.get_layer_display()}
    if told.remedy:
        yield told.remedy


def _revision(row: Notification) -> Text:
    revision = row.revision
    named = {"plan": revision.plan.name, "number": revision.number} if revision else {"plan": "", "number": ""}
    note = revision.note.strip() if revision else ""
    return Text(
        _("Your plan for Claude Code has changed"),
        (
            _("%(plan)s has a new revision, %(number)s.") % named,
            _("What changed: %(note)s") % {"note": note} if note else _("No reason was given."),
        ),
        _("See what changes on your machine, and take the new bundle:"),
        reverse("bundle"),
    )


def _answered(row: Notification) -> Text:
    request = row.request
    is_closed = request is not None and request.state == RequestState.CLOSED
    answer = (f"“{request.answer}”",) if request and request.answer else ()
    came_of_it = _("The request is resolved.") if is_closed else _("The request stays open.")
    return Text(
        _("The admins answered your request"), (*answer, came_of_it), _("See your requests:"), reverse("setup")
    )


def _blockers(row: Notification) -> Text:
    people = int(row.facts.get("people", 0))
    layers = [f"- {_layer(name)}: {number}" for name, number in row.facts.get("layers", [])]
    subject = ngettext(
        "Claude Code stopped working for one person", "Claude Code stopped working for %(people)s people", people
    )
    told = _("They were ready before, and the last sweep found them blocked. How many each layer says no to:")
    return Text(
        subject % {"people": people},
        ("\n".join((told, *layers)),),
        _("See what the accounts offer:"),
        reverse("account"),
    )


def _layer(name: str) -> str:
    return str(Layer(name).label) if name in Layer.values else name


def _logging_off(row: Notification) -> Text:
    return _of_places(row, _("Invocation logging stopped in a Region"))


def _stalled(row: Notification) -> Text:
    return _of_places(row, _("Usage of Claude Code is not being read"))


def _of_places(row: Notification, subject: str) -> Text:
    """In the words of the pages about costs, a paragraph a Region."""
    told = (f"{each.title}. {each.text} {each.remedy}" for each in _warnings(row))
    return Text(subject, tuple(told), _("See what the figures may lack:"), reverse("costs"))


def _warnings(row: Notification) -> Iterator[CoverageWarning]:
    places = row.facts.get("places", [])
    accounts = Account.objects.in_bulk([place["account"] for place in places])
    for place in places:
        account = accounts.get(place["account"])
        if account is None:
            continue
        since = dt.datetime.fromisoformat(place["since"]) if place["since"] else None
        problem, kind = place["problem"], "off" if row.kind == NotificationKind.LOGGING_OFF else "stalled"
        details: tuple[tuple[str, object], ...] = ()
        if problem and kind == "stalled":
            kind = problem_kind(problem)
            details = (("problem", Problem(problem).label), ("detail", place["detail"]))
        yield CoverageWarning(kind, account, place["region"], since, details)


def _filed(row: Notification) -> Text:
    waiting = AdminRequest.objects.filter(state=RequestState.OPEN, answered_at=None).count()
    told = ngettext(
        "One request waits for an answer.", "%(waiting)s requests wait for an answer.", waiting
    ) % {"waiting": waiting}  # fmt: skip
    return Text(_("Somebody asked the admins about Claude Code"), (told,), _("Read and answer:"), reverse("requests"))


def _test(row: Notification) -> Text:
    told = _("Onramp's mails reach you.") if row.person_id else _("Onramp's posts reach this channel.")
    where = _("An admin sent this from:")
    return Text(_("A test from Onramp"), (told,), where, reverse("notifications"))


_TEXTS: Mapping[NotificationKind, Callable[[Notification], Text]] = {
    NotificationKind.ACCESS_READY: _ready,
    NotificationKind.ACCESS_BLOCKED: _blocked,
    NotificationKind.PLAN_REVISION: _revision,
    NotificationKind.REQUEST_ANSWERED: _answered,
    NotificationKind.NEW_BLOCKERS: _blockers,
    NotificationKind.LOGGING_OFF: _logging_off,
    NotificationKind.READING_STALLED: _stalled,
    NotificationKind.REQUEST_FILED: _filed,
    NotificationKind.TEST: _test,
}
