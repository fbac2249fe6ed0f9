"""`manage.py scim_token`: a new token for the company's directory, printed once."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from onboarding.provisioning import end_tokens, issue_token

_ACTOR = "manage.py scim_token"


class Command(BaseCommand):
    help = (
        "Print a new token with which the company's directory provisions people and groups, once: only its digest is "
        "kept. The token before it holds until the next one is made, so that the directory can be given the new one "
        "first."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        which = parser.add_mutually_exclusive_group()
        which.add_argument("--end-others", action="store_true", help="let no token hold but the new one")
        which.add_argument(
            "--end-all", action="store_true", help="make none, and let none hold: nothing is provisioned"
        )

    def handle(self, *args: Any, end_others: bool, end_all: bool, **options: Any) -> None:
        if end_all:
            self.stdout.write(f"{end_tokens(actor=_ACTOR)} ended.")
        else:
            self.stdout.write(issue_token(actor=_ACTOR, ends_others=end_others))
