"""An alert as mails: to the person it is about, or to the portal's admins about a team, each in their own language."""

from __future__ import annotations

from collections.abc import Sequence
from smtplib import SMTPDataError, SMTPRecipientsRefused
from urllib.parse import urlsplit

import structlog
from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.utils import translation

from onboarding.costs import alert_words
from onboarding.enums import Role
from onboarding.models import BudgetAlert, Person

log = structlog.get_logger(__name__)

# What is wrong with one recipient and says nothing about the next. ValueError is what Django says of a bad address.
_ABOUT_ONE = (SMTPRecipientsRefused, SMTPDataError, ValueError)


def has_mail() -> bool:
    return bool(settings.EMAIL_HOST)


def send_mails(alert: BudgetAlert) -> int:
    """Hand the alert's mails to the mail server; how many it took. Zero where there is nobody to tell.

    Raises OSError or SMTPException where the server is not to be had, and what it said where it took none of them.
    """
    recipients = _recipients(alert)
    refused: list[Exception] = []
    with get_connection() as connection:
        for person in recipients:
            try:
                connection.send_messages([_message(alert, person)])
            except _ABOUT_ONE as error:
                log.warning("alert.refused", alert_id=alert.pk, person_id=person.pk, reason=type(error).__name__)
                refused.append(error)
    if refused and len(refused) == len(recipients):
        raise refused[0]
    return len(recipients) - len(refused)


def _recipients(alert: BudgetAlert) -> Sequence[Person]:
    if alert.person is not None:
        return [alert.person] if alert.person.is_active else []
    return list(Person.objects.filter(role=Role.ADMIN, is_active=True).exclude(email="").order_by("pk"))


def _message(alert: BudgetAlert, person: Person) -> EmailMessage:
    """The same mail keeps its Message-ID: one that is sent again after a crash is known as the same."""
    name = f"budget-alert.{alert.month:%Y-%m}.{alert.pk}.{person.pk}"
    with translation.override(person.language or settings.LANGUAGE_CODE):
        return EmailMessage(
            alert_words.subject(alert),
            alert_words.body(alert),
            to=[person.email],
            headers={
                "Message-ID": f"<{name}@{urlsplit(settings.PUBLIC_URL).hostname}>",
                # RFC 3834: no out-of-office answers to the sender.
                "Auto-Submitted": "auto-generated",
            },
        )
