"""aws-keys.sh and aws-keys.fish: three variables in the person's own shell, and nothing else anywhere."""

from __future__ import annotations

import re
import shutil

import pytest

from tests.unit.bundles.doctor.conftest import NewMachine
from tests.unit.bundles.doctor.machine import FILES, Machine, Said
from tests.unit.bundles.doctor.terminal import Terminal, at_terminal

# As people use them: zsh is itself here, not an imitation of sh.
SHELLS = {
    "sh": ["sh"],
    "bash": ["bash", "--norc"],
    "dash": ["dash"],
    "busybox": ["busybox", "sh"],
    "zsh": ["zsh", "-f"],
    "fish": ["fish", "--no-config"],
}
NAMES = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
ID, SECRET, TOKEN = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "IQoJb3JpZ2luX2VjEB4/+x=="
HOSTILE = "'$(touch${IFS}canary)`touch${IFS}canary`\\n\"*;&%s"


@pytest.fixture(params=SHELLS)
def machine(request: pytest.FixtureRequest, new_machine: NewMachine) -> Machine:
    name = str(request.param)
    if shutil.which(SHELLS[name][0]) is None:
        pytest.skip(f"{name} is not installed here")
    machine = new_machine("busybox" if name == "busybox" else "sh")
    machine.environment |= {"SHELL_UNDER_TEST": name, "PS1": "ready> "}
    shutil.copyfile(FILES / "aws-keys.fish", machine.bundle / "aws-keys.fish")
    return machine


def shell_of(machine: Machine) -> list[str]:
    first, *rest = SHELLS[machine.environment["SHELL_UNDER_TEST"]]
    return [str(shutil.which(first)), *rest]


def is_fish(machine: Machine) -> bool:
    return machine.environment["SHELL_UNDER_TEST"] == "fish"


def source(machine: Machine) -> str:
    return f"source '{machine.bundle}/aws-keys.fish'" if is_fish(machine) else f". '{machine.bundle}/aws-keys.sh'"


def sourced(machine: Machine, answers: str, *, after: str = "env") -> Said:
    """What a shell says that sources the script and goes on."""
    (machine.bundle / "person.sh").write_text(f"{source(machine)}\n{after}\n")
    return machine.run_words([*shell_of(machine), str(machine.bundle / "person.sh")], answers)


def keys(output: str) -> dict[str, str]:
    pairs = [line.split("=", 1) for line in output.splitlines() if line.startswith(NAMES)]
    return dict(pairs)


def test_the_three_are_exported(machine: Machine) -> None:
    said = sourced(machine, f"{ID}\n {SECRET}\r\n{TOKEN}\n")
    assert keys(said.stdout) == dict(zip(NAMES, (ID, SECRET, TOKEN), strict=True))
    assert said.stderr == ""


def test_an_old_session_token_goes(machine: Machine) -> None:
    machine.environment["AWS_SESSION_TOKEN"] = "of other keys"
    said = sourced(machine, f"{ID}\n{SECRET}\n\n")
    assert keys(said.stdout) == {"AWS_ACCESS_KEY_ID": ID, "AWS_SECRET_ACCESS_KEY": SECRET}


@pytest.mark.parametrize(("answers", "missing"), [("\n", NAMES[0]), (f"{ID}\n\n", NAMES[1]), (f"{ID}\n", NAMES[1])])
def test_without_a_key_nothing_is_set(machine: Machine, answers: str, missing: str) -> None:
    machine.environment["AWS_SESSION_TOKEN"] = "as before"
    said = sourced(machine, answers)
    assert keys(said.stdout) == {"AWS_SESSION_TOKEN": "as before"}
    if answers.count("\n") == 2 or not is_fish(machine):  # fish says nothing where no answer comes at all
        assert said.stderr == f"Nothing was set, because this is missing: {missing}\n"


def test_it_speaks_spanish(machine: Machine) -> None:
    machine.environment["LANG"] = "es_ES.UTF-8"
    said = sourced(machine, "\n")
    assert "No se ha definido nada, porque falta: AWS_ACCESS_KEY_ID\n" in said.stderr


def test_hostile_answers_are_only_text(machine: Machine) -> None:
    said = sourced(machine, f"{HOSTILE}\n{HOSTILE}\n{HOSTILE}\n")
    assert keys(said.stdout) == dict.fromkeys(NAMES, HOSTILE)


def test_nothing_of_ours_remains(machine: Machine) -> None:
    listing = "set; functions -a; functions onramp_aws_keys" if is_fish(machine) else "set; trap; type onramp_aws_keys"
    said = sourced(machine, f"{ID}\n{SECRET}\n{TOKEN}\n", after=listing)
    shown = "\n".join(line for line in said.stdout.splitlines() if not line.startswith(NAMES))
    # What the shell itself keeps of the last command is not ours.
    shown = re.sub(r"(?m)^_=.*$", "", shown)
    for word in (ID, SECRET, TOKEN, "optional", "missing=", "language=", "answer", "terminal="):
        assert word not in shown
    assert not re.search(r"(?m)^(onramp_aws_keys|ask)\b(?!.*not found)", shown)


def prompt(machine: Machine, terminal: Terminal) -> None:
    """An interactive shell, in which the person sources the script."""
    terminal.reads("ready> ")
    terminal.types(f"{source(machine)}\n")
    terminal.reads("AWS_ACCESS_KEY_ID: ")


@pytest.mark.parametrize("machine", ["bash", "dash", "zsh"], indirect=True)
def test_at_a_terminal_the_secrets_are_not_shown(machine: Machine) -> None:
    with at_terminal([*shell_of(machine), "-i"], machine.folder, machine.whole_environment) as terminal:
        prompt(machine, terminal)
        terminal.types(f"{ID}\n")
        terminal.reads("AWS_SECRET_ACCESS_KEY: ")
        assert not terminal.echoes
        terminal.types(f"{SECRET}\n")
        terminal.reads("AWS_SESSION_TOKEN (may be empty): ")
        assert not terminal.echoes
        terminal.types(f"{TOKEN}\n")
        terminal.types("echo the $AWS_SECRET_ACCESS_KEY$AWS_SESSION_TOKEN; exit\n")
        terminal.reads(f"the {SECRET}{TOKEN}")
        assert terminal.shown.count(SECRET) == 1
        terminal.ends()


@pytest.mark.parametrize("machine", ["bash", "dash", "zsh"], indirect=True)
def test_ctrl_c_gives_the_terminal_back(machine: Machine) -> None:
    with at_terminal([*shell_of(machine), "-i"], machine.folder, machine.whole_environment) as terminal:
        prompt(machine, terminal)
        terminal.types(f"{ID}\n")
        terminal.reads("AWS_SECRET_ACCESS_KEY: ")
        assert not terminal.echoes
        terminal.interrupts_until("ready> ")
        # Asked of a program, because an interactive shell has a terminal of its own making while it reads a line.
        terminal.types("stty -a; echo 'the id:' \"<$AWS_ACCESS_KEY_ID>\"; exit\n")
        terminal.reads("the id: <>")
        assert " echo " in terminal.shown
        assert "-echo " not in terminal.shown
        terminal.ends()
