"""What the page of a person's own access is made of, rendered, and kept while nothing of it changes."""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from django.db import models
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language

from onboarding.access import Access, access_by, current_revision
from onboarding.context_processors import theme_of
from onboarding.enums import Platform, Readiness
from onboarding.fingerprints import POLLED, Fingerprint, fingerprint_of
from onboarding.models import AdminRequest, Bundle, PlanRevision
from onboarding.models.requests import ACCESS
from onboarding.models.verification import ANSWER_HOLDS
from onboarding.requests import requests_of
from onboarding.views.findings import Board, board_of
from onboarding.views.install import commands_for
from onboarding.views.kept import TOKEN_SLOT, Kept, Page, until
from onboarding.views.machines import machines_of, newest_bundle
from onboarding.views.requests import title_of
from onboarding.views.rules import PersonRequest

# How long an admin's answer is shown among the person's requests.
_ANSWER_SHOWN = dt.timedelta(days=14)
# The age of a verification from which on its page is polled less often.
_PATIENT, _VERY_PATIENT = dt.timedelta(seconds=30), dt.timedelta(minutes=2)

PAGES: Kept[Page] = Kept()
# Tags of polled parts, also of those that stand in a page.
TAGS: Kept[str] = Kept()
# Parts of pages, and what a plan says now: the same for many people, or for one person's pages.
PARTS: Kept[str] = Kept()
REVISIONS: Kept[PlanRevision] = Kept()
# Stands where a frame has the page. Nobody can write it into one.
_MAIN_SLOT = secrets.token_hex(32)
_TEMPLATES = {"page": "setup/main.html", "live": "setup/main.html#live"}


class State(NamedTuple):
    """Everything that the page is made of, but the time."""

    person: tuple[object, ...]
    team: tuple[object, ...]
    rows: Fingerprint
    signed_in_at: dt.datetime | None
    language: str | None
    theme: str
    platform: Platform

    @property
    def kinds(self) -> set[str | None]:
        """Of which kinds there are rows."""
        return {row[0] for row in self.rows}

    @property
    def plan(self) -> tuple[str | None, ...]:
        """What the page says of the team's plan; empty without one."""
        return next((row for row in self.rows if row[0] == "plan"), ())

    @property
    def polled(self) -> State:
        """What of it the polled part is made of."""
        return self._replace(rows=frozenset(row for row in self.rows if row[0] in POLLED))

    def tag(self, passed: int) -> str:
        """Names the polled part of this state, and how many moments of it have `passed`; alike in every process."""
        said = repr((self._replace(rows=frozenset()), sorted(self.polled.rows, key=repr), passed))
        return hashlib.sha256(said.encode()).hexdigest()[:32]


def state_of(request: PersonRequest, *, polled: bool = False) -> State:
    """Of the page, or of its polled part. One query: person and team came with the user."""
    person = request.person
    return State(
        person=_values(person),
        team=_values(person.team) if person.team else (),
        rows=fingerprint_of(person, polled=polled),
        signed_in_at=request.user.last_login,
        language=get_language(),
        theme=theme_of(request),
        platform=_platform(request),
    )


def access_in(request: PersonRequest, state: State) -> Access:
    """As `access_of` reads it; the revision of a plan that says what it said is not read again."""
    revision = REVISIONS.get(state.plan)
    if revision is None:
        revision = current_revision(request.person)
        if revision is not None:
            REVISIONS.keep(state.plan, revision, until())
    return access_by(request.person, revision)


def _values(row: models.Model) -> tuple[object, ...]:
    """Its columns. Django puts what it keeps of a row before them, first."""
    return tuple(vars(row).values())[1:]


def kept_page(request: PersonRequest, part: str, state: State) -> Page | None:
    """The `page`, or its `live` part, if it was rendered of this state and still says what is so."""
    return PAGES.get((part, state)) if _may_be_kept(request, part) else None


def _may_be_kept(request: PersonRequest, part: str) -> bool:
    """What the person sees at the page's own address; not where the frame counts the requests that wait."""
    is_plain = request.method == "GET" and not request.META["QUERY_STRING"] and request.viewed_by is None
    return is_plain and (part == "live" or not request.person.may_read_all)


def rendered(request: PersonRequest, part: str, state: State, access: Access) -> Page:
    """The page; kept, if nothing has changed while it was made."""
    now = timezone.now()
    context = _context(request, access, state)
    moments = _moments(access, context["board"], context["requests"].values())
    tag = state.tag(sum(moment <= now for moment in moments))
    text = render_to_string(_TEMPLATES[part], context | {"tag": tag, "csrf_token": TOKEN_SLOT}, request)
    is_polled = part == "live"
    page = Page(text if is_polled else _framed(request, state, context["state"], text), tag)
    if _may_be_kept(request, part) and fingerprint_of(request.person, polled=is_polled) == state.rows:
        PAGES.keep((part, state), page, until(moments, now))
        TAGS.keep(state.polled, tag, until(moments, now))
    return page


def _framed(request: PersonRequest, made_of: State, state: str, main: str) -> str:
    """The frame hangs on whose page it is and, for its title, on which page; what it frames changes more often."""
    context = {"state": state, "main": _MAIN_SLOT, "csrf_token": TOKEN_SLOT}
    if _may_be_kept(request, "page"):
        key = (made_of.person, made_of.language, made_of.theme, state)
        frame = _part("setup.html", key, lambda: context, request)
    else:
        frame = render_to_string("setup.html", context, request)
    return frame.replace(_MAIN_SLOT, main, 1)


def _moments(access: Access, board: Board | None, requests: Iterable[AdminRequest]) -> list[dt.datetime]:
    """When the page says something else although nothing has changed."""
    found = [row.closed_at + _ANSWER_SHOWN for row in requests if row.closed_at]
    for run in filter(None, (access.verification, access.verified)):
        found += [run.queued_at + ANSWER_HOLDS, run.proved_until or run.queued_at]
    if board is not None:
        known = [row.finding.last_known for row in board.rows if row.finding]
        found += [finding.checked_at + ANSWER_HOLDS for finding in known if finding]
        found += [board.verification.queued_at + age for age in (_PATIENT, _VERY_PATIENT)]
    # Times of today are shown without their date.
    midnight = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)
    return [*found, midnight + dt.timedelta(days=1)]


def _context(request: PersonRequest, access: Access, made_of: State) -> dict[str, Any]:
    """What the fingerprint has not seen is not asked for."""
    board, state, proof, kinds = _board(access), _state(access), access.proof, made_of.kinds
    requests = requests_of(request.person) if "request" in kinds else {}
    machines = machines_of(access) if state == "ready" and "machine" in kinds else []
    connected = next((each for each in machines if each.state in ("answered", "connected")), None)
    return {
        "access": access,
        "board": board,
        "requests": requests,
        "asked": _recently(requests.values()),
        "asked_access": requests.get(f"|{ACCESS}"),
        "state": state,
        "machines": machines,
        "connected": connected,
        "outdated": _outdated(access) if state == "ready" and "bundle" in kinds else None,
        "install": _install(request, access, proof.revision, is_first=connected is None) if proof else "",
        "plan_card": _plan_card(access, access.revision) if access.revision else "",
        "poll_seconds": _poll_seconds(board) if board else None,
    }


# --- What is the same for many people, rendered once for them


def _install(request: PersonRequest, access: Access, revision: PlanRevision, *, is_first: bool) -> SafeString:
    """How to install. For everybody who has the same of a plan's revision."""
    platform, viewing = _platform(request), request.viewed_by is not None
    key = (revision.pk, revision.plan.slug, *access.left_out, platform, is_first, viewing)
    context = {"access": access, "platforms": Platform, "platform": platform, "is_first": is_first, "viewing": viewing}
    return _shared("setup/install.html", key, lambda: context | commands_for(access))


def _plan_card(access: Access, revision: PlanRevision) -> SafeString:
    """For everybody with the same role on a plan."""
    plan, account = revision.plan, revision.account
    role = access.principal.permission_set if access.principal else None
    key = (revision.pk, plan.name, plan.slug, account.account_id, account.name, role)
    return _shared("components/plan.html", key, lambda: {"access": access})


def _shared(template: str, key: tuple[object, ...], context: Callable[[], dict[str, Any]]) -> SafeString:
    text = _part(template, (get_language(), *key), lambda: context() | {"csrf_token": TOKEN_SLOT})
    return mark_safe(text)  # noqa: S308 -- a template made it  # nosec B308 B703


def _part(
    template: str, key: tuple[object, ...], context: Callable[[], dict[str, Any]], request: HttpRequest | None = None
) -> str:
    """The template over a context that says no more than `key` does."""
    text = PARTS.get((template, *key))
    if text is None:
        text = render_to_string(template, context(), request)
        PARTS.keep((template, *key), text, until())
    return text


def _outdated(access: Access) -> Bundle | None:
    """The bundle the person took last, where a newer revision of the plan is current."""
    bundle = newest_bundle(access)
    return bundle if bundle and access.revision and bundle.revision_id != access.revision.pk else None


def _board(access: Access) -> Board | None:
    """The board of the newest verification."""
    verification = access.verification
    if verification is None:
        return None
    verification.person = access.person  # read already
    return board_of(verification)


def _recently(requests: Iterable[AdminRequest]) -> list[tuple[str, AdminRequest]]:
    """What the person waits for, and what was answered lately, each with its title; the newest first."""
    since = timezone.now() - _ANSWER_SHOWN
    shown = [row for row in requests if row.closed_at is None or row.closed_at > since]
    return [(title_of(row), row) for row in sorted(shown, key=lambda row: row.created_at, reverse=True)]


def _state(access: Access) -> str:
    """Which page this is: `no-plan`, `unverified`, `live`, `ready`, `blocked` or `unknown`."""
    if access.revision is None:
        return "no-plan"
    if access.verification is None:
        return "unverified"
    if access.verification.is_live:
        return "live"
    if access.is_ready:
        return "ready"
    return "blocked" if access.verification.outcome == Readiness.BLOCKED else "unknown"


def _poll_seconds(board: Board) -> int:
    """Eager while somebody watches a run that takes seconds, patient when it takes long."""
    age = timezone.now() - board.verification.queued_at
    if age < _PATIENT:
        return 1
    return 3 if age < _VERY_PATIENT else 15


def _platform(request: PersonRequest) -> Platform:
    """The platform to offer first: what the URL says, else what the browser says. Only ever a default."""
    asked = request.GET.get("os", "") if request.META["QUERY_STRING"] else ""
    if asked and asked in Platform.values:
        return Platform(asked)
    agent = request.META.get("HTTP_USER_AGENT", "")
    if "Windows" in agent:
        return Platform.WINDOWS
    return Platform.MACOS if "Mac OS" in agent else Platform.LINUX
