"""The portal in this process, with an empty database, whatever this machine's own settings are."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def portal(database_url: str = "") -> Iterator[None]:
    """Django on an empty SQLite, or on an empty database beside the one that is named.

    SQLite is a file: in memory, its rows would count for the portal's own memory.
    """
    with tempfile.TemporaryDirectory(prefix="onramp-bench-") as home:
        for name in [name for name in os.environ if name.startswith(("ONRAMP_", "AWS_"))]:
            del os.environ[name]
        os.environ |= {
            "DATABASE_URL": database_url or f"sqlite:///{home}/bench.sqlite3",
            "REDIS_URL": "redis://127.0.0.1:9/0",  # nobody listens there
            "ONRAMP_HOME": home,
            # One person asks in a second what takes others a day.
            "ONRAMP_PERSON_RATE": "1000000",
            "DJANGO_SETTINGS_MODULE": "portal.settings",
        }
        yield from _with_database(Path(home))


def _with_database(home: Path) -> Iterator[None]:
    import gc
    import logging
    from importlib import import_module

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
    if settings.DATABASES["default"]["ENGINE"].endswith("sqlite3"):
        settings.DATABASES["default"].setdefault("TEST", {})["NAME"] = str(home / "test.sqlite3")
    setup_test_environment()
    databases = setup_databases(verbosity=0, interactive=False)
    # As portal/wsgi.py does, or what is measured pays for looking through all that was imported.
    import_module("portal.urls")
    gc.collect()
    gc.freeze()
    yield
    teardown_databases(databases, verbosity=0)
