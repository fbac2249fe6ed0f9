"""docs/backup.md's own commands, on a real PostgreSQL: what is dumped comes back, with its guard."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from tests.conftest import ENVIRONMENT
from tests.deploy.declared import BASE_DIR
from tests.on_postgresql import NoServer, _installed, postgresql

PAGE = (BASE_DIR / "docs/backup.md").read_text(encoding="utf-8")
COUNTED = ("plan", "planrevision", "price", "auditevent")


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    try:
        with postgresql() as url:
            yield url
    except NoServer as error:
        pytest.skip(f"PostgreSQL did not start: {error}")


def commands(heading: str) -> list[str]:
    """The lines of the first fenced block under a heading."""
    found = re.search(rf"^## {heading}\n.*?^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1].splitlines()


def run(command: str, folder: Path, **environment: str) -> None:
    # python, of a page, is the one that runs the tests; manage.py is where the repository is.
    command = command.replace("python manage.py", f"{sys.executable} {BASE_DIR / 'manage.py'}")
    path = f"{_installed() / 'bin'}{os.pathsep}{os.environ['PATH']}"
    settings = {**ENVIRONMENT, "PATH": path, **environment}
    done = subprocess.run(["sh", "-c", command], cwd=folder, env=settings, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def counts(url: str) -> dict[str, int]:
    with psycopg.connect(url) as connection:
        tables = {name: sql.Identifier(f"onboarding_{name}") for name in COUNTED}
        rows = {
            name: connection.execute(sql.SQL("SELECT count(*) FROM {}").format(table)).fetchone()
            for name, table in tables.items()
        }
    return {name: row[0] for name, row in rows.items() if row}


def test_a_dump_is_restored_whole_and_guarded(server: str, tmp_path: Path) -> None:
    for command in ("migrate", "load_prices", f"seed {BASE_DIR / 'sandbox/portal.json'}"):
        run(f"python manage.py {command}", tmp_path, DATABASE_URL=server)
    before = counts(server)
    assert min(before.values()) > 0

    for command in commands("With dumps"):
        run(command, tmp_path, DATABASE_URL=server)
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("CREATE DATABASE restored")
    restored = server.rpartition("/")[0] + "/restored"
    for command in commands("Restoring"):
        run(command, tmp_path, RESTORED_URL=restored)

    assert counts(restored) == before
    with psycopg.connect(restored) as connection, pytest.raises(psycopg.Error, match="audit"):
        connection.execute("DELETE FROM onboarding_auditevent")
