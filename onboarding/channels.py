"""How words leave the portal: by the company's mail server, and by the admins' webhook of Slack."""

from __future__ import annotations

from collections.abc import Callable
from smtplib import SMTPDataError, SMTPException, SMTPRecipientsRefused
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.urls import reverse
from django.utils.translation import gettext as _

from onboarding import webhooks

Post = Callable[..., None]

# What is wrong with one recipient and says nothing about the next. ValueError is what Django says of a bad address.
ABOUT_ONE = (SMTPRecipientsRefused, SMTPDataError, ValueError)
# Everything a mail server can do to us.
MAIL_ERRORS = (OSError, SMTPException, ValueError)


def has_mail() -> bool:
    return bool(settings.EMAIL_HOST)


def has_slack() -> bool:
    return bool(settings.ONRAMP_SLACK_WEBHOOK)


def mail(name: str, subject: str, body: str, *, to: str) -> EmailMessage:
    """A mail in the active language. One of the same `name` keeps its Message-ID: sent again after a crash it is known
    as the same. Its end says where to choose what Onramp tells.
    """
    choices = settings.PUBLIC_URL + reverse("notifications")
    where = _("Choose what Onramp tells you:")
    return EmailMessage(
        " ".join(subject.split()),
        f"{body}\n-- \n{where}\n{choices}\n",
        to=[to],
        headers={
            "Message-ID": f"<{name}@{urlsplit(settings.PUBLIC_URL).hostname}>",
            # RFC 3834: no out-of-office answers to the sender.
            "Auto-Submitted": "auto-generated",
            # RFC 2369. The page asks for a sign-in, so it is no one-click address of RFC 8058.
            "List-Unsubscribe": f"<{choices}>",
        },
    )


def hand_over(connection: BaseEmailBackend, message: EmailMessage, *, is_first: bool) -> None:
    """Servers end a connection after some mails: the next one then begins another. Raises one of MAIL_ERRORS."""
    try:
        connection.send_messages([message])
    except ABOUT_ONE:
        raise
    except (OSError, SMTPException):
        if is_first:
            raise
        connection.close()
        connection.send_messages([message])


def post_to_slack(text: str, *, post: Post = webhooks.post) -> None:
    """Post to the admins' channel, with Slack's three control characters escaped, so that no name is a mention or a
    link. Raises WebhookError.

    https://docs.slack.dev/messaging/formatting-message-text#escaping
    """
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    post(settings.ONRAMP_SLACK_WEBHOOK, {"text": escaped}, hosts=settings.ONRAMP_WEBHOOK_HOSTS)
