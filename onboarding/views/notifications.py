"""What Onramp tells somebody by itself: which mails they want, what they were told lately, and an admin's tests."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction
from django.db.models import Q
from django.http import HttpResponseBadRequest, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from onboarding.channels import has_mail, has_slack
from onboarding.enums import Channel, NotificationKind
from onboarding.models import Notification, Person
from onboarding.notifications.choices import choose, kinds_for, open_test, refused_by
from onboarding.tasks import enqueue_notification
from onboarding.views.rules import PersonRequest, for_admins, for_people

_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Choice:
    """One kind of mail, and whether the person wants it."""

    kind: NotificationKind
    is_wanted: bool


@for_people
@never_cache
@require_safe
def notifications(request: PersonRequest) -> HttpResponseBase:
    """A constant number of queries."""
    refused = refused_by(request.person)
    choices = [Choice(kind, str(kind) not in refused) for kind in kinds_for(request.person)]
    context = {
        "person": request.person,
        "choices": [choice for choice in choices if not choice.kind.is_for_admins],
        "choices_of_admins": [choice for choice in choices if choice.kind.is_for_admins],
        "told": _told(request.person),
        "was_kept": "kept" in request.GET,
        "has_mail": has_mail(),
        "has_slack": has_slack(),
    }
    return render(request, "notifications.html", context)


def _told(person: Person) -> list[Notification]:
    """The newest that were told to the person; to admins also what went to their channel."""
    mine = Q(person=person) | Q(person=None) if person.is_admin else Q(person=person)
    return list(Notification.objects.filter(mine).order_by("-queued_at")[:_SHOWN])


@for_people
@require_POST
def notifications_choose(request: PersonRequest) -> HttpResponseBase:
    """Keep which mails the person wants: a box that is not checked is a kind they refuse."""
    choose(request.person, set(request.POST.getlist("kind")))
    response = redirect("notifications")
    response["Location"] += "?kept"
    return response


@for_admins
@require_POST
@transaction.atomic
def notifications_test(request: PersonRequest) -> HttpResponseBase:
    """Send the admin a mail, or post to their channel; what becomes of it stands on the page."""
    channel = request.POST.get("channel", "")
    if channel not in Channel.values:
        return HttpResponseBadRequest("Unknown channel.")
    enqueue_notification(open_test(request.person, Channel(channel)))
    return redirect("notifications")
