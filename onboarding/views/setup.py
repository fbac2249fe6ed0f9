"""A person's own page: what they may use, what blocks them, the bundle; and the verification while it runs."""

from __future__ import annotations

from django.db import transaction
from django.http import Http404, HttpResponse, HttpResponseBase, HttpResponseNotModified
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from onboarding.access import Access, access_of
from onboarding.checks.registry import BY_NAME
from onboarding.checks.run import open_verification
from onboarding.enums import Trigger
from onboarding.forms.asking import AskForm, NoteForm
from onboarding.models import Person, PlanRevision, VerificationFinding
from onboarding.requests import ask_about_finding, ask_for_access
from onboarding.tasks import enqueue_verification
from onboarding.views.errors import refused
from onboarding.views.kept import etag
from onboarding.views.rules import PersonRequest, for_people, viewable
from onboarding.views.setup_page import TAGS, access_in, kept_page, rendered, state_of

# These views have no `never_cache`: every answer says `no-store` already, and to say it in five other words takes a
# thirtieth of a poll.


@viewable
@for_people
@require_safe
def setup(request: PersonRequest) -> HttpResponseBase:
    """The answer first. The first visit after a sign-in, or under a new plan revision, starts a verification: the
    person's own visit, and not that of an admin who views as them.
    """
    state = state_of(request)
    page = kept_page(request, "page", state)
    if page is None:
        access = access_in(request, state)
        if access.revision is not None and request.viewed_by is None and _is_due(request, access):
            _verify(request.person, access.revision, Trigger.SIGN_IN)
            state = state_of(request)
            access = access_in(request, state)
        page = rendered(request, "page", state, access)
    return page.answer(request)


@viewable
@for_people
@require_safe
def setup_verification(request: PersonRequest) -> HttpResponseBase:
    """The part of the page that is polled while a verification lives; when it ends, the whole page comes anew. Whoever
    shows what is so already gets a 304."""
    state, shown = state_of(request, polled=True), request.META.get("HTTP_IF_NONE_MATCH")
    tag = TAGS.get(state)
    if tag is not None and shown == etag(tag):
        return HttpResponseNotModified(headers={"ETag": shown})
    page = kept_page(request, "live", state)
    if page is None:
        access = access_in(request, state)
        if access.verification is None or not access.verification.is_live:
            response = HttpResponse(status=286)  # htmx stops polling
            response["HX-Redirect"] = reverse("setup")
            return response
        page = rendered(request, "live", state, access)
    if shown == etag(page.tag):
        return HttpResponseNotModified(headers={"ETag": shown})
    response = page.answer(request)
    response["ETag"] = etag(page.tag)
    return response


@for_people
@require_POST
def setup_verify(request: PersonRequest) -> HttpResponseBase:
    """Verify again, everything or the one check that is named. Joins the verification under way, if there is one."""
    access = access_of(request.person)
    rechecked = request.POST.get("check", "")
    if access.revision is not None:
        _verify(request.person, access.revision, Trigger.RECHECK, rechecked if rechecked in BY_NAME else "")
    return redirect("setup")


@for_people
@require_POST
def setup_ask(request: PersonRequest) -> HttpResponseBase:
    """Hand a finding of one of one's own verifications to the admins."""
    form = AskForm(request.POST)
    verification = access_of(request.person).verification
    if verification is None or "finding" in form.errors:
        return redirect("setup")
    if not form.is_valid():
        return refused(request, form, back=reverse("setup"))
    # The page may be older than the newest verification: what it showed is still theirs to ask about.
    answers = VerificationFinding.objects.filter(verification__person=request.person)
    asked = answers.filter(finding=form.cleaned_data["finding"]).order_by("-verification__queued_at")
    answer = asked.select_related("finding__last_known", "verification").first()
    if answer is None:
        raise Http404
    ask_about_finding(person=request.person, answer=answer, note=form.cleaned_data["note"])
    return redirect("setup")


@for_people
@require_POST
def setup_ask_access(request: PersonRequest) -> HttpResponseBase:
    """Ask the admins for a team or a plan; who has both asks about what blocks them instead."""
    form = NoteForm(request.POST)
    if not form.is_valid():
        return refused(request, form, back=reverse("setup"))
    if access_of(request.person).revision is None:
        ask_for_access(person=request.person, note=form.cleaned_data["note"])
    return redirect("setup")


def _is_due(request: PersonRequest, access: Access) -> bool:
    """Not verified against the current plan today, or not since the person signed in."""
    newest, signed_in_at = access.verification, request.user.last_login
    return access.is_due or (newest is not None and signed_in_at is not None and newest.queued_at < signed_in_at)


@transaction.atomic
def _verify(person: Person, revision: PlanRevision, trigger: Trigger, rechecked: str = "") -> None:
    verification = open_verification(
        person=person, revision=revision, trigger=trigger, actor=person.email, rechecked=rechecked
    )
    enqueue_verification(verification)
