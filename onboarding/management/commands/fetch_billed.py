"""`manage.py fetch_billed` does what happens once a day: it reads what AWS charged, and waits for it."""

from __future__ import annotations

import datetime as dt
from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import translation

from onboarding.costs.billed import Requests, requests_this_month
from onboarding.costs.billing_fetches import open_fetches, run
from onboarding.management.waiting import run_all
from onboarding.models import Account, BillingFetch


class Command(BaseCommand):
    help = "Read what AWS charged, from Cost Explorer ($0.01 a request) and from Cost and Usage Reports."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--account", default="", help="only this account, by its twelve digits")
        parser.add_argument(
            "--since", type=_day, help="from this UTC day on, such as 2026-11-01; by default what may be new"
        )

    def handle(self, *args: Any, account: str, since: dt.date | None, **options: Any) -> None:
        fetches = open_fetches(accounts=_accounts(account), since=since)
        if not fetches:
            raise CommandError("There is no whole day to ask about." if since else "There is no account to ask about.")
        before = requests_this_month()
        run_all(fetches, run)
        ended = BillingFetch.objects.filter(pk__in=[fetch.pk for fetch in fetches]).select_related("account")
        with translation.override("en"):
            for fetch in ended.order_by("pk"):
                self.stdout.write(_line(fetch))
        self.stdout.write(_requests(before, requests_this_month()))
        if any(fetch.problem and not fetch.was_read for fetch in ended):
            raise CommandError("Not everything could be read; what was known before is kept.")


def _day(text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"{text} is no day, such as 2026-11-01") from None


def _accounts(account_id: str) -> list[Account] | None:
    if not account_id:
        return None
    found = list(Account.objects.filter(account_id=account_id))
    if not found:
        raise CommandError(f"There is no account {account_id}.")
    return found


def _line(fetch: BillingFetch) -> str:
    where = (
        f"{fetch.account.account_id}, {fetch.get_source_display()}, {fetch.since} to {fetch.until - dt.timedelta(1)}"
    )
    if fetch.is_live:
        return f"{where}: a worker is reading it right now"
    if fetch.problem:
        read = "read, but: " if fetch.was_read else ""
        return f"{where}: {read}{fetch.get_problem_display()} ({fetch.problem_detail})"
    return f"{where}: read"


def _requests(before: Requests, after: Requests) -> str:
    made = after.count - before.count
    return (
        f"{made} requests to Cost Explorer, ${after.cost - before.cost}; "
        f"{after.count} of {after.cap} this month, ${after.cost}"
    )
