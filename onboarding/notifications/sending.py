"""Sending a notification: its row is claimed, looked at again, put into words and handed over."""

from __future__ import annotations

import structlog
from django.conf import settings
from django.core.mail import get_connection
from django.utils import timezone, translation

from onboarding import webhooks
from onboarding.channels import MAIL_ERRORS, Post, hand_over, has_mail, has_slack, mail, post_to_slack
from onboarding.checks.turns import readiness_of
from onboarding.enums import Channel, NotificationKind, Readiness
from onboarding.models import Notification, Person
from onboarding.models.deliveries import LEASE, TRIES, Undelivered
from onboarding.models.jobs import LostLease
from onboarding.notifications.words import text_of

log = structlog.get_logger(__name__)

_ABOUT_ACCESS = {
    NotificationKind.ACCESS_READY: Readiness.READY,
    NotificationKind.ACCESS_BLOCKED: Readiness.BLOCKED,
}


def send(notification_id: int, *, post: Post = webhooks.post) -> None:
    """Send a notification by mail, or to Slack, unless nobody wants it any more.

    Does nothing when it was sent or somebody else holds it. What fails is tried again for a day and at most TRIES
    times, then stands as a problem of the row. Never raises for anything a mail server or Slack does.
    """
    fence = Notification.objects.claim(notification_id, lease=LEASE)
    if fence is None:
        return
    row = Notification.objects.select_related("person", "finding", "revision__plan", "request").get(pk=notification_id)
    try:
        problem = (_channel(row), "tries") if fence > TRIES else _deliver(row, fence, post)
        if problem:
            log.warning("notification.not_delivered", notification_id=row.pk, channel=problem[0], reason=problem[1])
        Notification.objects.conclude(row, fence, problem, is_last=fence > TRIES)
    except LostLease:
        log.warning("notification.lost_lease", notification_id=notification_id, fence=fence)


def _channel(row: Notification) -> Channel:
    return Channel.MAIL if row.person_id else Channel.SLACK


def _deliver(row: Notification, fence: int, post: Post) -> Undelivered | None:
    try:
        if row.person is not None:
            is_sent = has_mail() and _is_wanted(row, row.person)
            if is_sent:
                _send_mail(row, row.person)
        else:
            is_sent = has_slack()
            if is_sent:
                _post(row, post)
    except MAIL_ERRORS as error:
        return Channel.MAIL, type(error).__name__
    except webhooks.WebhookError as error:
        return Channel.SLACK, str(error)
    if is_sent:
        Notification.objects.hold(row.pk, fence, lease=LEASE, sent_at=timezone.now())
    return None


def _is_wanted(row: Notification, person: Person) -> bool:
    """Asked in the moment of sending: hours may have passed since it happened."""
    if not person.is_active or not person.email or person.opt_outs.filter(kind=row.kind).exists():
        return False
    kind = NotificationKind(row.kind)
    if kind.is_for_admins:
        return person.is_admin
    still = _ABOUT_ACCESS.get(kind)
    return still is None or readiness_of([person]).get(person.pk) == still


def _send_mail(row: Notification, person: Person) -> None:
    with translation.override(person.language or settings.LANGUAGE_CODE):
        told = text_of(row)
        message = mail(f"notification.{row.pk}", told.subject, told.body, to=person.email)
    with get_connection() as connection:
        hand_over(connection, message, is_first=True)


def _post(row: Notification, post: Post) -> None:
    with translation.override(settings.LANGUAGE_CODE):
        told = text_of(row)
    post_to_slack(f"{told.subject}\n{told.body}", post=post)
