"""The real programs, and a machine to run them on that reaches loopback only."""

from __future__ import annotations

import socketserver
import sys
from collections.abc import Iterator
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.aws.conftest import company  # noqa: F401  # a fixture
from tests.conformance.claude_code import CURRENT, VERSIONS, Unavailable, installed
from tests.conformance.machine import Machine
from tests.conformance.people import Bundles
from tests.sandbox_aws import Aws
from tests.serving import serving


def program(version: str) -> Path:
    """Claude Code at this version; without it, the test does not run."""
    try:
        return installed(version)
    except Unavailable as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def claude() -> Path:
    """The real Claude Code CLI, at the current of the pinned versions."""
    return program(CURRENT)


@pytest.fixture(params=VERSIONS)
def version(request: pytest.FixtureRequest) -> str:
    """The current version, then the old one."""
    return str(request.param)


@pytest.fixture
def each_claude(version: str) -> Path:
    """The CLI at both versions, for what each of them has to do."""
    return program(version)


class _Wall(socketserver.ThreadingTCPServer):
    """Where proxied requests end: each is refused and kept."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Refusal)
        self.asked: list[str] = []


class _Refusal(socketserver.StreamRequestHandler):
    server: _Wall

    def handle(self) -> None:
        self.server.asked.append(self.rfile.readline(1000).decode(errors="replace").strip())
        self.wfile.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")


@pytest.fixture
def wall() -> Iterator[str]:
    """A proxy that lets nothing pass; fails the test when a program wanted to go anywhere but to loopback."""
    with serving(_Wall()) as server:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    assert server.asked == []


@pytest.fixture
def machine(aws: Aws, tmp_path: Path, wall: str) -> Machine:
    """A Linux machine as it comes: an empty home directory, and Python."""
    if sys.platform != "linux":
        pytest.skip("only the bundle's steps for Linux are carried out")
    machine = Machine(aws, tmp_path, wall)
    machine.put_python("python3")
    return machine


@pytest.fixture
def bundles(request: pytest.FixtureRequest, db: None) -> Bundles:
    """With `db` asked for in advance: pytest-django makes the database for tests that are known to use it."""
    return Bundles(partial(request.getfixturevalue, "company"))


@pytest.fixture
def aws_cli() -> tuple[str, ...]:
    """The AWS CLI, version 1: 2 is in no registry."""
    if find_spec("awscli") is None:
        pytest.skip("no AWS CLI is installed (package awscli)")
    return (sys.executable, "-m", "awscli")
