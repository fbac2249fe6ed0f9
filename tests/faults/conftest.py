"""One portal of several processes for all faults, in a short form and a long one (FAULTS=long), and its table."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.portal import Portal, Size, grounds
from tests.journeys.stack import can_see_processes

IS_LONG = os.environ.get("FAULTS") == "long"
# The long form: a thousand people, as many kills as asked for. The short one is for every run of the suite, and kills
# one of each kind.
ROUNDS = int(os.environ.get("FAULTS_ROUNDS", "200" if IS_LONG else "6"))
SIZE = (
    Size(people=int(os.environ.get("FAULTS_PEOPLE", "1000")))
    if IS_LONG
    else Size(people=24, web=1, workers=2, beats=1)
)

Told = Callable[..., None]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What takes minutes is left out of the short form. Kills come first: before them nobody has been verified, and no
    usage was read."""
    long = [item for item in items if item.get_closest_marker("long") and not IS_LONG]
    config.hook.pytest_deselected(items=long)
    items[:] = [item for item in items if item not in long]
    places = [
        place for place, item in enumerate(items) if "portal" in getattr(item, "fixturenames", ()) and _is_ours(item)
    ]
    ours = sorted((items[place] for place in places), key=lambda item: item.path.name != "test_kills.py")
    for place, item in zip(places, ours, strict=True):
        items[place] = item


def _is_ours(item: pytest.Item) -> bool:
    return item.path.parent == Path(__file__).parent


@pytest.fixture(scope="package")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """It runs, and nobody has been verified in it. `undisturbed` beside it is a database in which all was done."""
    if not can_see_processes():
        pytest.skip("no /proc: processes cannot be found to end them")
    with grounds(tmp_path_factory.mktemp("faults").resolve(), SIZE) as portal:
        portal.copy_database("undisturbed", of="loaded")
        portal.copy_database("disturbed", of="loaded")
        portal.database = "disturbed"
        with portal.working("undisturbed", "undisturbed"):
            portal.start_all()
        yield portal


@pytest.fixture
def told(request: pytest.FixtureRequest, record_property: Callable[[str, object], None]) -> Told:
    """Puts a line into the table: how often the fault came, and figures."""

    def tell(*, rounds: int, **figures: object) -> None:
        record_property("rounds", rounds)
        record_property("figures", ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in figures.items()))

    return tell


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The table of the long form."""
    reports = [
        (result, report)
        for result in ("passed", "failed", "skipped")
        for report in terminalreporter.stats.get(result, [])
        if "tests/faults/" in report.nodeid and getattr(report, "when", "call") == "call"
    ]
    if not IS_LONG or not reports:
        return
    terminalreporter.section("FAULTS")
    terminalreporter.write_line(f"{'scenario':<72} {'rounds':>6}  {'result':<7} figures")
    for result, report in sorted(reports, key=lambda each: each[1].nodeid):
        told = dict(report.user_properties)
        scenario = report.nodeid.partition("::test_")[2].replace("_", " ")
        terminalreporter.write_line(
            f"{scenario:<72} {told.get('rounds', 1)!s:>6}  {result:<7} {told.get('figures', '')}"
        )
