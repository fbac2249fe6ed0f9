"""`manage.py reprice --since DAY --until DAY --reason TEXT`: price usage anew that is stored already."""

from __future__ import annotations

import datetime as dt
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from onboarding.costs.money import cents
from onboarding.costs.repricing import Repricing, Total, reprice


class Command(BaseCommand):
    help = "Set the rate of every usage entry of these days anew, from today's prices and multipliers. It is audited."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--since", type=dt.date.fromisoformat, required=True, help="the first day, as YYYY-MM-DD")
        parser.add_argument("--until", type=dt.date.fromisoformat, required=True, help="the day after the last")
        parser.add_argument("--reason", required=True, help="why; the audit event keeps it")
        parser.add_argument("--dry-run", action="store_true", help="say what would change, and change nothing")

    def handle(self, *args: Any, since: dt.date, until: dt.date, reason: str, dry_run: bool, **options: Any) -> None:
        if since >= until:
            raise CommandError("--until is the day after the last one: it comes after --since.")
        if not reason.strip():
            raise CommandError("Say why, with --reason.")
        done = reprice(since, until, actor="manage.py reprice", reason=reason.strip(), is_dry_run=dry_run)
        self.stdout.write(_told(done))
        if dry_run:
            self.stdout.write("Nothing was changed: this was a dry run.")


def _told(done: Repricing) -> str:
    return (
        f"{done.changed} of {done.entries} entries have another rate.\n"
        f"Before: {_total(done.before)}\n"
        f"After:  {_total(done.after)}"
    )


def _total(total: Total) -> str:
    unpriced = f", and {total.unpriced} entries without a price" if total.unpriced else ""
    return f"{cents(total.cost)} USD{unpriced}"
