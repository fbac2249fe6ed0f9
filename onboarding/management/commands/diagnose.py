"""`manage.py diagnose [FILE]`: what the page for pasted errors says, of a file or of what comes in."""

from __future__ import annotations

import codecs
import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import translation
from django.utils.translation import gettext

from onboarding.checks.errors import LIMIT, Diagnosis, diagnose

# UTF-8 needs four bytes for a character at most; PowerShell writes UTF-16, and says so.
_BYTES = 4 * LIMIT
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class Command(BaseCommand):
    help = (
        "Say what an error of AWS, Claude Code, the AWS CLI or boto3 means: who denies what, and who can fix it. "
        "Keeps nothing. Exits with 1 if the text is not recognized, with 2 if it cannot be read."
    )

    # It needs nothing of the portal's configuration, and is of use when that is wrong.
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", nargs="?", default="-", help="the text; - for standard input")
        parser.add_argument("--json", action="store_true", help="print one JSON object")
        parser.add_argument("--language", choices=[code for code, _ in settings.LANGUAGES], default="en")

    def handle(self, *args: Any, file: str, json: bool, language: str, **options: Any) -> None:
        diagnosis = diagnose(_read(file))
        with translation.override(language):
            report = _report(diagnosis)
        self.stdout.write(_as_json(report) if json else _as_text(report))
        if not diagnosis.is_recognized:
            sys.exit(1)


def _read(file: str) -> str:
    """The head of the text, however long it is and whatever its bytes are."""
    try:
        if file == "-":
            raw = sys.stdin.buffer.read(_BYTES)
        else:
            with Path(file).open("rb") as stream:
                raw = stream.read(_BYTES)
    except OSError as error:
        raise CommandError(f"Cannot read {file}: {error.strerror}.", returncode=2) from error
    return raw.decode("utf-16" if raw.startswith(_UTF_16) else "utf-8-sig", errors="replace")


def _report(diagnosis: Diagnosis) -> dict[str, Any]:
    return {
        "key": diagnosis.key,
        "layer": diagnosis.layer.value if diagnosis.layer else None,
        "layer_label": str(diagnosis.layer.label) if diagnosis.layer else None,
        "is_denial": diagnosis.is_denial,
        "title": diagnosis.title,
        "summary": diagnosis.summary,
        "found": dict(diagnosis.found()),
        "actor": diagnosis.actor.value,
        "who": f"{gettext('Who can fix it')}: {diagnosis.actor.label}",
        "remedy": diagnosis.remedy,
        "admin_remedy": diagnosis.admin_remedy,
        "pastes": [pasted._asdict() for pasted in diagnosis.pastes()],
        "links": [{"title": title, "url": url} for title, url in diagnosis.links()],
        "facts": diagnosis.facts,
    }


def _as_json(report: dict[str, Any]) -> str:
    return json.dumps(report, indent=2, ensure_ascii=False)


def _as_text(report: dict[str, Any]) -> str:
    paragraphs = [
        "\n".join(filter(None, (report["title"], report["layer_label"]))),
        report["summary"],
        "\n".join(f"  {label:<18} {value}" for label, value in report["found"].items()),
        "\n".join(filter(None, (report["who"], report["remedy"], report["admin_remedy"]))),
        *(f"{pasted['title']} ({pasted['name']}):\n{pasted['text']}" for pasted in report["pastes"]),
        "\n".join(f"{link['title']}: {link['url']}" for link in report["links"]),
    ]
    return "\n\n".join(filter(None, paragraphs))
