"""`python -m deploy.prepare [SEED]`: bring the database and the static files up to date, in one process.

Safe to repeat: an empty database is seeded, one that has plans is left as it is; of the shipped prices those are added
that are not there. Static files are collected only when one of them is newer than the last collection.
"""

from __future__ import annotations

import fcntl
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import django
from django.core.management import call_command


def _sources() -> Iterator[tuple[str, float]]:
    from django.contrib.staticfiles.finders import get_finders

    for finder in get_finders():
        for name, storage in finder.list(None):
            yield name, Path(storage.path(name)).stat().st_mtime


def are_static_files_current(collected: Path) -> bool:
    """Whether every source was collected, and none has changed since."""
    manifest = collected / "staticfiles.json"
    if not manifest.exists():
        return False
    at = manifest.stat().st_mtime
    return all(changed <= at and (collected / name).exists() for name, changed in _sources())


@contextmanager
def _alone_in(folder: Path) -> Iterator[Path]:
    """Two portals of one checkout that start at once, each with a home of its own, collect into one folder: the second
    waits, and finds it done.
    """
    folder.mkdir(parents=True, exist_ok=True)
    held = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield folder
    finally:
        os.close(held)


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    django.setup()
    from django.conf import settings

    call_command("migrate", interactive=False)
    call_command("createcachetable")
    call_command("load_prices")
    with _alone_in(Path(settings.STATIC_ROOT)) as collected:
        if not are_static_files_current(collected):
            call_command("collectstatic", interactive=False, verbosity=0)
    for seed in sys.argv[1:]:
        _seed(seed)


def _seed(path: str) -> None:
    """Only once: loading a document again would put back whatever admins have published since."""
    from onboarding.models import Plan

    if not Plan.objects.exists():
        call_command("seed", path)


if __name__ == "__main__":
    main()
