"""`manage.py bundle EMAIL`: the zip the bundle page hands out, written to a file."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from onboarding.bundles.inputs import UnsafeValue
from onboarding.bundles.make import NotVerified, make_bundle
from onboarding.enums import Platform
from onboarding.management.people import access_for_email


class Command(BaseCommand):
    help = "Build a person's bundle from their newest verification. Refused unless that said ready."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email")
        parser.add_argument("--platform", choices=Platform.values, required=True)
        parser.add_argument("--language", choices=[code for code, _ in settings.LANGUAGES], default="en")
        parser.add_argument("--out", type=Path, required=True, help="the zip to write; replaced if it exists")

    def handle(self, *args: Any, email: str, platform: str, language: str, out: Path, **options: Any) -> None:
        access = access_for_email(email)
        try:
            # A bundle that reached nobody was not made.
            with transaction.atomic():
                made = make_bundle(access, platform=Platform(platform), language=language, actor="manage.py bundle")
                built = made.built
                out.write_bytes(built.archive)
        except NotVerified as error:
            raise CommandError(f"{email} has no verified access. Run manage.py verify {email} to see why.") from error
        except UnsafeValue as error:
            raise CommandError(f"The plan has a value that cannot be written to a file safely: {error}.") from error
        except OSError as error:
            raise CommandError(f"Cannot write {out}: {error.strerror}.") from error
        self.stdout.write(f"{out}: {len(built.files)} files, sha256 {built.digest}")
