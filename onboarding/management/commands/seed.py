"""`manage.py seed FILE`: make the accounts, plans, teams, people and prices a JSON document names."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from onboarding import statuses
from onboarding.costs.repricing import price_unpriced
from onboarding.plans import BadDocument, load_document


class Command(BaseCommand):
    help = "Make the rows a JSON document names, or change them to what it says. Safe to repeat; deletes nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="the document; docs/operations.md shows one")

    def handle(self, *args: Any, file: Path, **options: Any) -> None:
        try:
            document = json.loads(file.read_text(encoding="utf-8"))
            with transaction.atomic():
                counts = load_document(document, actor="manage.py seed")
                if counts["prices"]:
                    price_unpriced()
            statuses.refresh_stale()
        except OSError as error:
            raise CommandError(f"Cannot read {file}: {error.strerror}.") from error
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            raise CommandError(f"{file} is not JSON: {error}.") from error
        except BadDocument as error:
            raise CommandError(f"Nothing was loaded. {error}") from error
        self.stdout.write(", ".join(f"{count} {section}" for section, count in counts.items() if count))
