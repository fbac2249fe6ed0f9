"""The AWS CLI (version 1, from PyPI) with the bundle's part of ~/.aws/config."""

from __future__ import annotations

import sys
from importlib.util import find_spec

import pytest

from tests.conformance.machine import Machine
from tests.conformance.people import bundle_of, verified

pytestmark = [
    pytest.mark.conformance,
    pytest.mark.usefixtures("company"),
    pytest.mark.skipif(find_spec("awscli") is None, reason="no AWS CLI is installed (package awscli)"),
]

ANA = "ana.nunez@acme.example"
PROFILE = ("--profile", "claude-code-platform")


@pytest.fixture
def ana(machine: Machine) -> Machine:
    machine.install(bundle_of(verified(ANA)))
    machine.sign_in(ANA)
    return machine


def aws(machine: Machine, *command: str) -> str:
    done = machine.run(sys.executable, "-m", "awscli", *command, *PROFILE)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_it_resolves_the_profile(ana: Machine) -> None:
    """`list-profiles` is of version 2; `list` says more: where each value of the profile comes from."""
    rows = {row.split()[0]: row.split()[1:] for row in aws(ana, "configure", "list").splitlines() if row.split()}

    assert rows["access_key"][1:] == ["sso"]
    assert rows["region"] == ["eu-west-1", "config-file", "~/.aws/config"]


def test_the_profile_is_the_role_that_was_verified(ana: Machine) -> None:
    arn = aws(ana, "sts", "get-caller-identity", "--query", "Arn", "--output", "text").strip()

    role = ana.aws.role_arn("ClaudeCodeDeveloper").rpartition("/")[2]
    assert arn == f"arn:aws:sts::111122223333:assumed-role/{role}/{ANA}"
