"""The commands of docs/backup.md and docs/hardening.md, on a real PostgreSQL: what is dumped comes back, guarded."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import psycopg
import pytest
from psycopg import sql

from tests.conftest import ENVIRONMENT
from tests.deploy.declared import BASE_DIR
from tests.on_postgresql import NoServer, _installed, postgresql

PAGE = (BASE_DIR / "docs/backup.md").read_text(encoding="utf-8")
HARDENING = (BASE_DIR / "docs/hardening.md").read_text(encoding="utf-8")
# What only the owner of the tables may do.
FORBIDDEN = (
    "ALTER TABLE onboarding_auditevent DISABLE TRIGGER audit_no_change",
    "DROP TRIGGER audit_no_change ON onboarding_auditevent",
    "TRUNCATE onboarding_auditevent",
    "CREATE TABLE mine (id int)",
)
COUNTED = ("plan", "planrevision", "price", "auditevent")


@pytest.fixture
def server() -> Iterator[str]:
    try:
        with postgresql() as url:
            yield url
    except NoServer as error:
        pytest.skip(f"PostgreSQL did not start: {error}")


def commands(page: str, heading: str, block: int = 0) -> list[str]:
    """The lines of a fenced block under a heading, the first unless said otherwise."""
    section = re.search(rf"^#+ {heading}\n(.*?)(?=^#|\Z)", page, re.MULTILINE | re.DOTALL)
    assert section is not None
    blocks: list[str] = re.findall(r"^```\w+\n(.*?)^```$", section[1], re.MULTILINE | re.DOTALL)
    return blocks[block].splitlines()


def of(server: str, role: str, database: str) -> str:
    """The URL of a database there, for a role."""
    return server.replace("postgres@", f"{role}@").rpartition("/")[0] + f"/{database}"


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


def administer(server: str, *statements: sql.SQL) -> None:
    with psycopg.connect(server, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)


def test_a_dump_is_restored_whole_and_guarded(server: str, tmp_path: Path) -> None:
    for command in ("migrate", "load_prices", f"seed {BASE_DIR / 'sandbox/portal.json'}"):
        run(f"python manage.py {command}", tmp_path, DATABASE_URL=server)
    before = counts(server)
    assert min(before.values()) > 0

    for command in commands(PAGE, "With dumps"):
        run(command, tmp_path, DATABASE_URL=server)
    administer(server, sql.SQL("CREATE DATABASE restored"))
    restored = of(server, "postgres", "restored")
    for command in commands(PAGE, "Restoring"):
        run(command, tmp_path, RESTORED_URL=restored)

    assert counts(restored) == before
    with psycopg.connect(restored) as connection, pytest.raises(psycopg.Error, match="audit"):
        connection.execute("DELETE FROM onboarding_auditevent")


def test_what_compose_runs_in_its_database_brings_a_dump_back(server: str, tmp_path: Path) -> None:
    """The lines as they are run in the container of `postgres`, whose one role is an administrator."""
    administer(server, sql.SQL("CREATE ROLE onramp SUPERUSER LOGIN"), sql.SQL("CREATE DATABASE onramp OWNER onramp"))
    url = of(server, "onramp", "onramp")
    for command in ("migrate", "load_prices"):
        run(f"python manage.py {command}", tmp_path, DATABASE_URL=url)
    before = counts(url)
    assert before["price"] > 0
    inside = "docker compose -f deploy/compose.yaml exec -T postgres "
    (dump,) = commands(PAGE, "With dumps", block=1)
    restore = [line for line in commands(PAGE, "With Docker Compose") if line.startswith(inside)]
    assert len(restore) == 3

    socket = unquote(server.partition("@")[2].partition("/")[0])
    run(dump.removeprefix(inside), tmp_path, PGHOST=socket)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DELETE FROM onboarding_price")
        # Somebody is connected still.
        for command in restore:
            run(command.removeprefix(inside), tmp_path, PGHOST=socket)

    assert counts(url) == before


def test_under_compose_the_portal_is_an_administrator_until_it_has_a_lesser_role(server: str, tmp_path: Path) -> None:
    administer(server, sql.SQL("CREATE ROLE onramp SUPERUSER LOGIN"), sql.SQL("CREATE DATABASE onramp OWNER onramp"))
    url, lesser = (of(server, role, "onramp") for role in ("onramp", "onramp_portal"))
    script = "\n".join(commands(HARDENING, "Two roles in the database", block=2))
    (tmp_path / "lesser.sql").write_text(script.replace("…", "secret"), encoding="utf-8")
    run(f'psql --no-psqlrc --set ON_ERROR_STOP=1 --file lesser.sql "{url}"', tmp_path)

    # Tables that come with a later release are its, too.
    for command in ("migrate", "createcachetable", "load_prices"):
        run(f"python manage.py {command}", tmp_path, DATABASE_URL=url)
    for command in ("migrate --check", f"seed {BASE_DIR / 'sandbox/portal.json'}", "clearsessions"):
        run(f"python manage.py {command}", tmp_path, DATABASE_URL=lesser)

    assert counts(lesser)["auditevent"] > 0
    for forbidden in FORBIDDEN:
        with psycopg.connect(lesser) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(sql.SQL(forbidden))


def test_the_portals_role_can_do_its_work_and_change_no_schema(server: str, tmp_path: Path) -> None:
    """docs/hardening.md's two roles, and a backup of what they have."""
    script = "\n".join(commands(HARDENING, "Two roles in the database"))
    (tmp_path / "roles.sql").write_text(script.replace("…", "secret"), encoding="utf-8")
    run(f'psql --no-psqlrc --set ON_ERROR_STOP=1 --file roles.sql "{server}"', tmp_path)
    owner, portal = (of(server, role, "onramp") for role in ("onramp_owner", "onramp"))

    for command in ("migrate", "createcachetable", "load_prices"):
        run(f"python manage.py {command}", tmp_path, DATABASE_URL=owner)
    for command in ("migrate --check", f"seed {BASE_DIR / 'sandbox/portal.json'}"):
        run(f"python manage.py {command}", tmp_path, DATABASE_URL=portal)

    for forbidden in FORBIDDEN:
        with psycopg.connect(portal) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(sql.SQL(forbidden))

    before = counts(portal)
    for command in commands(PAGE, "With dumps"):
        run(command, tmp_path, DATABASE_URL=owner)
    administer(server, sql.SQL("CREATE DATABASE restored OWNER onramp_owner"))
    for command in commands(PAGE, "Restoring"):
        run(command, tmp_path, RESTORED_URL=of(server, "onramp_owner", "restored"))
    assert counts(of(server, "onramp", "restored")) == before
