"""An alert as mails: to the person it is about, or to the portal's admins about a team, each in their own language."""

from __future__ import annotations

from collections.abc import Sequence
from smtplib import SMTPDataError, SMTPException, SMTPRecipientsRefused
from urllib.parse import urlsplit

import structlog
from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.base import BaseEmailBackend
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
    Where it broke off after some of them nothing is raised: trying again would tell those people twice.
    """
    taken, refused = 0, list[Exception]()
    with get_connection() as connection:
        for person in _recipients(alert):
            try:
                _hand_over(connection, _message(alert, person), is_first=not taken)
            except _ABOUT_ONE as error:
                log.warning("alert.refused", alert_id=alert.pk, person_id=person.pk, reason=type(error).__name__)
                refused.append(error)
            except (OSError, SMTPException) as error:
                if not taken:
                    raise
                log.warning("alert.broke_off", alert_id=alert.pk, taken=taken, reason=type(error).__name__)
                break
            else:
                taken += 1
    if refused and not taken:
        raise refused[0]
    return taken


def _hand_over(connection: BaseEmailBackend, message: EmailMessage, *, is_first: bool) -> None:
    """Servers end a connection after some mails: the next one then begins another."""
    try:
        connection.send_messages([message])
    except _ABOUT_ONE:
        raise
    except (OSError, SMTPException):
        if is_first:
            raise
        connection.close()
        connection.send_messages([message])


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
