"""What every test stands on: an environment of its own, Django, no network, and a loud end.

Nothing of the developer's environment reaches a test: not their `.env`, their AWS profile, nor their `.onramp`.
DATABASE_URL is the one exception: tests/on_postgresql.py sets it, and Django tests in a database of its own there.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import django
import pytest
import redis
from django.utils import translation
from hypothesis import settings as hypothesis_settings
from xdist.scheduler import LoadScopeScheduling

from sandbox.scenario import load_company
from tests.sandbox_aws import Aws

# Resolved, as sub-processes and Django will print it (on macOS /tmp is a link).
_FOLDER = tempfile.TemporaryDirectory(prefix="onramp-tests-")
HOME = Path(_FOLDER.name).resolve()

ENVIRONMENT = {
    "ONRAMP_HOME": str(HOME),
    "ONRAMP_PUBLIC_URL": "http://localhost:8000",
    "ONRAMP_SECRET_KEY": "a-fixed-key-for-tests-that-signs-nothing-of-value-0123456789",
    "ONRAMP_COMPANY": "Acme",
    "ONRAMP_CREDENTIAL_HELPERS": '{"acme-sts": "acme-sts --json"}',
    "ONRAMP_OIDC_ISSUER": "http://localhost:9",
    "ONRAMP_OIDC_CLIENT_ID": "onramp",
    "ONRAMP_OIDC_CLIENT_SECRET": "the-client-secret",
    "ONRAMP_OIDC_GROUPS_CLAIM": "groups",
    "ONRAMP_ADMIN_GROUPS": "onramp-admins",
    "ONRAMP_AUDITOR_GROUPS": "onramp-auditors",
    # Nobody listens on port 9 (discard): a test that publishes without asking for a broker finds it down.
    "REDIS_URL": "redis://127.0.0.1:9/0",
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "NO_PROXY": "localhost,127.0.0.1",
}


def _set_environment() -> None:
    for name in [name for name in os.environ if name.startswith(("ONRAMP_", "AWS_"))]:
        del os.environ[name]
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        os.environ.pop(name, None)
        os.environ.pop(name.lower(), None)
    os.environ.update(ENVIRONMENT, DJANGO_SETTINGS_MODULE="portal.settings")


def _set_up_django() -> None:
    from portal.environment import Environment

    Environment.model_config["env_file"] = None
    from django.conf import settings

    # As files lie in the tree: no manifest to collect first, and WhiteNoise finds them as runserver would.
    settings.STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STATIC_ROOT = HOME / "static"
    settings.STATIC_ROOT.mkdir()
    settings.WHITENOISE_USE_FINDERS = settings.WHITENOISE_AUTOREFRESH = True
    # A file, where Django's default is memory: live servers and workers in other processes see the same rows.
    settings.DATABASES["default"].setdefault("TEST", {})
    if settings.DATABASES["default"]["ENGINE"].endswith("sqlite3"):
        settings.DATABASES["default"]["TEST"]["NAME"] = str(HOME / "test.sqlite3")
    django.setup()
    # xdist's workers inherit our environment. With this in it, pytest-django would read the settings before this
    # file has neutralised `.env` there.
    del os.environ["DJANGO_SETTINGS_MODULE"]


# At import, not in a hook: conftest files below this one import models as they load.
_set_environment()
_set_up_django()

# What is started in the background by a shell that is no terminal's ignores Ctrl-C, and so would all that tests start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# The same examples every time: a red run can be repeated. `--hypothesis-profile explore` looks for new ones.
hypothesis_settings.register_profile("steady", derandomize=True, deadline=None, database=None)
hypothesis_settings.register_profile("explore", deadline=None, max_examples=2000)
hypothesis_settings.load_profile("steady")


# Of these, all tests of a folder share one portal.
_FOLDERS = ("tests/journeys/", "tests/faults/")
_ALONE = {"tests/journeys/test_outages.py"}  # starts its own portal
# Where tests stand that reach the database only by a fixture or a mark of pytest-django's. Faults bring their own.
_IN_PROCESS = ("unit/", "sandbox/", "repository/", "deploy/", "faults/")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling | None:
    """Keep the tests of a file on one worker, and all journeys and all faults, which share one portal each."""
    return _ByFile(config, log) if config.getoption("dist") == "loadfile" else None


class _ByFile(LoadScopeScheduling):  # type: ignore[misc]  # pytest-xdist has no types
    # A scheduler of our own: pytest-xdist 3.8 renames items for its groups by an attribute that pytest 9.2 ignores.
    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        folder = next((folder for folder in _FOLDERS if file.startswith(folder)), file)
        return file if file in _ALONE else folder


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """On PostgreSQL, what reaches no database is left out: it has run before, on SQLite.

    Journeys come first: they take one worker some minutes, and pytest-django would let them be what all wait for.
    """
    items.sort(key=lambda item: item.get_closest_marker("journeys") is None)
    if os.environ.get("DATABASE_URL"):
        idle = [item for item in items if not _reaches_database(item)]
        config.hook.pytest_deselected(items=idle)
        items[:] = [item for item in items if _reaches_database(item)]


def _reaches_database(item: pytest.Item) -> bool:
    where = item.path.relative_to(Path(__file__).parent).as_posix()
    fixtures = set(getattr(item, "fixturenames", ()))
    asks = item.get_closest_marker("django_db") or fixtures & {"db", "transactional_db", "django_db_setup"}
    return bool(asks) or not where.startswith(_IN_PROCESS)


def pytest_unconfigure() -> None:
    _FOLDER.cleanup()


@pytest.fixture(scope="session")
def broker_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real Redis on loopback, one for each worker of the suite; its URL."""
    from deploy.redis import embedded_redis

    redis = embedded_redis(tmp_path_factory.mktemp("redis"))
    process = subprocess.Popen(redis.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(200):
            if redis.answers():
                break
            assert process.poll() is None, "redis-server ended at once"
            time.sleep(0.05)
        yield redis.url
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture
def broker(broker_url: str, monkeypatch: pytest.MonkeyPatch) -> redis.Redis:
    """The real broker, empty, with this test publishing to it; the next one finds it down again."""
    from portal.celery import app

    monkeypatch.setattr(app.conf, "broker_url", broker_url)
    client = redis.Redis.from_url(broker_url)
    client.flushall()
    return client


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None) -> None:
    from tests.flushing import let_flushes_through

    let_flushes_through()


@pytest.fixture(autouse=True)
def _english() -> Iterator[None]:
    """A page in Spanish leaves its language active in the thread; the next test starts in English all the same."""
    with translation.override("en"):
        yield


@pytest.fixture(autouse=True)
def _no_kept_pages() -> Iterator[None]:
    """Rows of the next test may be equal to those of this one, to the key and the frozen second."""
    yield
    if setup := sys.modules.get("onboarding.views.setup_page"):
        for kept in (setup.PAGES, setup.PARTS, setup.REVISIONS, setup.TAGS):
            kept.clear()
    if health := sys.modules.get("onboarding.views.health"):
        health.SEEN.forget()


@pytest.fixture(scope="session")
def aws_server() -> Iterator[Aws]:
    """The sandbox's AWS, one for each worker of the suite: moto's state is global to a process."""
    from sandbox.aws.server import start

    company = load_company()
    running = start(company)
    yield Aws(company, f"http://127.0.0.1:{running.port}")
    running.stop()


@pytest.fixture
def aws(aws_server: Aws) -> Iterator[Aws]:
    """The sandbox's AWS as the scenario says it starts; put back afterwards."""
    yield aws_server
    aws_server.call("POST", "/sandbox/reset", {})


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say loudly what was not run and why: a green line above must not hide it."""
    skipped = terminalreporter.stats.get("skipped", [])
    if not skipped:
        return
    reasons = Counter(_reason(report) for report in skipped)
    terminalreporter.section("NOT RUN", sep="=", yellow=True, bold=True)
    for reason, count in reasons.most_common():
        terminalreporter.write_line(f"{count:>4}  {reason}", yellow=True)


def _reason(report: pytest.TestReport) -> str:
    text = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return text.removeprefix("Skipped: ")
