"""`manage.py load_prices`: add the price table that Onramp comes with."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from onboarding.costs.price_table import load_shipped, shipped


class Command(BaseCommand):
    help = (
        "Add the prices this release comes with, and price the usage that had none, or that a new price is of."
        " Safe to repeat; changes no price."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        loaded = load_shipped(actor="manage.py load_prices")
        self.stdout.write(
            f"{shipped().name}, {shipped().date}: {loaded.added} prices added, {loaded.left_out} left as they are; "
            f"{loaded.priced} usage entries priced that had no price, {loaded.repriced} of this month priced anew."
        )
