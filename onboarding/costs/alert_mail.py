"""An alert as mails: to the person it is about, or to the portal's admins about a team, each in their own language."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from smtplib import SMTPException

import structlog
from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.utils import translation

from onboarding.channels import ABOUT_ONE, hand_over, mail
from onboarding.costs import alert_words
from onboarding.enums import NotificationKind, Role
from onboarding.models import BudgetAlert, Person

log = structlog.get_logger(__name__)


def send_mails(alert: BudgetAlert, note: Callable[[Person], None]) -> int:
    """Hand the alert's mails to the mail server, but those that it took before; how many it has taken altogether.

    `note` is called after each. Zero where there is nobody to tell. Raises OSError or SMTPException where the server
    is not to be had or breaks off, and what it said where it took none of them.
    """
    taken, refused = alert.mails.count(), list[Exception]()
    with get_connection() as connection:
        for place, person in enumerate(_recipients(alert)):
            try:
                hand_over(connection, _message(alert, person), is_first=not place)
            except ABOUT_ONE as error:
                log.warning("alert.refused", alert_id=alert.pk, person_id=person.pk, reason=type(error).__name__)
                refused.append(error)
            except (OSError, SMTPException) as error:
                log.warning("alert.broke_off", alert_id=alert.pk, taken=taken, reason=type(error).__name__)
                raise
            else:
                note(person)
                taken += 1
    if refused and not taken:
        raise refused[0]
    return taken


def _recipients(alert: BudgetAlert) -> Sequence[Person]:
    """Whoever is to be told, is active, wants to be, and has no mail of it yet."""
    people = Person.objects.filter(is_active=True).exclude(email="").exclude(opt_outs__kind=NotificationKind.BUDGET)
    people = people.exclude(pk__in=alert.mails.values("person")).order_by("pk")
    return list(people.filter(pk=alert.person_id) if alert.person_id else people.filter(role=Role.ADMIN))


def _message(alert: BudgetAlert, person: Person) -> EmailMessage:
    name = f"budget-alert.{alert.month:%Y-%m}.{alert.pk}.{person.pk}"
    with translation.override(person.language or settings.LANGUAGE_CODE):
        return mail(name, alert_words.subject(alert), alert_words.body(alert), to=person.email)
