"""`python -m benchmarks`: measure everything, print one table, write results.json. Fails when a goal is missed."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from benchmarks import bundle, pages, verification  # noqa: F401 -- each registers its entries
from benchmarks.registry import ENTRIES, Result

RESULTS = Path(__file__).with_name("results.json")


@contextmanager
def portal() -> Iterator[None]:
    """Django with an empty database, whatever this machine's own settings are.

    The database is a file: in memory, its rows would count for the portal's own memory.
    """
    with tempfile.TemporaryDirectory(prefix="onramp-bench-") as home:
        for name in [name for name in os.environ if name.startswith(("ONRAMP_", "AWS_"))]:
            del os.environ[name]
        os.environ |= {
            "DATABASE_URL": f"sqlite:///{home}/bench.sqlite3",
            "REDIS_URL": "redis://127.0.0.1:9/0",  # nobody listens there
            "ONRAMP_HOME": home,
            "DJANGO_SETTINGS_MODULE": "portal.settings",
        }
        yield from _with_database(Path(home))


def _with_database(home: Path) -> Iterator[None]:
    import logging

    import django

    from portal.environment import Environment

    Environment.model_config["env_file"] = None
    django.setup()
    logging.disable(logging.WARNING)
    from django.conf import settings
    from django.test.utils import setup_databases, setup_test_environment, teardown_databases

    # As files lie in the tree: no manifest to collect first.
    settings.STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.WHITENOISE_USE_FINDERS = settings.WHITENOISE_AUTOREFRESH = True
    settings.DATABASES["default"].setdefault("TEST", {})["NAME"] = str(home / "test.sqlite3")
    setup_test_environment()
    databases = setup_databases(verbosity=0, interactive=False)
    yield
    teardown_databases(databases, verbosity=0)


def table(results: Sequence[Result]) -> str:
    rows = [("name", "figure", "unit", "goal", "")]
    rows += [(r.name, f"{r.figure:g}", r.unit, f"<= {r.goal:g}", "ok" if r.ok else "MISSED") for r in results]
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)


def main() -> int:
    with portal():
        results = [entry.result() for entry in ENTRIES]
    RESULTS.write_text(json.dumps([asdict(result) for result in results], indent=2) + "\n")
    print(table(results))
    for result in results:
        if result.detail:
            print(f"\n{result.name}: {result.detail}")
    return 0 if all(result.ok for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
