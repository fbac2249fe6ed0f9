"""Machines and a portal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.unit.bundles.doctor.machine import Machine, link_tools
from tests.unit.bundles.doctor.portal import Portal, running

NewMachine = Callable[[str], Machine]


@pytest.fixture(scope="session")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return link_tools(tmp_path_factory.mktemp("tools"), is_busybox=False)


@pytest.fixture(scope="session")
def busybox_tools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return link_tools(tmp_path_factory.mktemp("busybox-tools"), is_busybox=True)


@pytest.fixture
def new_machine(tmp_path: Path, tools: Path, busybox_tools: Path) -> NewMachine:
    """A machine whose shell has this name, and on which nothing is installed."""

    def new(shell: str) -> Machine:
        return Machine(tmp_path.resolve(), busybox_tools if shell == "busybox" else tools, shell)

    return new


@pytest.fixture
def machine(new_machine: NewMachine) -> Machine:
    """A machine on which everything works."""
    machine = new_machine("sh")
    machine.works()
    return machine


@pytest.fixture
def portal() -> Iterator[Portal]:
    with running() as portal:
        yield portal
