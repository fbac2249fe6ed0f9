"""`manage.py break_glass EMAIL --reason TEXT`: a link that signs an admin in while the identity provider is down."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.urls import reverse

from onboarding.break_glass import NoSuchAdmin, issue

_LONGEST_REASON = 200


class Command(BaseCommand):
    help = "Print a link that signs an active admin in, once, within ten minutes, for an hour. It is audited."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email", help="whose link it is: an active admin who has signed in before")
        parser.add_argument("--reason", required=True, help="why; the audit events keep it")

    def handle(self, *args: Any, email: str, reason: str, **options: Any) -> None:
        reason = reason.strip()
        if not reason or len(reason) > _LONGEST_REASON:
            raise CommandError(f"Say why, with --reason, in at most {_LONGEST_REASON} characters.")
        try:
            token = issue(email, reason=reason, actor="manage.py break_glass")
        except NoSuchAdmin:
            raise CommandError(f"No single active admin who has signed in before has the e-mail {email}.") from None
        self.stdout.write(f"{settings.PUBLIC_URL}{reverse('break-glass')}?{urlencode({'token': token})}")
        self.stderr.write(
            "Good once, for ten minutes. Whoever opens it is this admin for an hour: hand it on with care."
        )
