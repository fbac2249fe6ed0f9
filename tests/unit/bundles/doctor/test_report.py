"""doctor.sh --report: it shows what it sends, asks, sends exactly that, and keeps the code to itself."""

from __future__ import annotations

import json

import pytest

from onboarding import doctor
from tests.unit.bundles.doctor.machine import SHELLS, Case, Machine, has_ended
from tests.unit.bundles.doctor.portal import Portal

CODE = "q7Rk-2xW9_nB4tLz.s1H0~e=="


@pytest.fixture
def machine(machine: Machine, portal: Portal) -> Machine:
    """Its doctor makes one check, which costs nothing."""
    machine.configure(portal_url=portal.url)
    script = machine.bundle / "doctor.sh"
    before, rest = script.read_text().split("\nrun_checks() {\n")
    after = rest[rest.index("\n}\n") :]
    script.write_text(f"{before}\nrun_checks() {{\n    read_plan\n    check_conflicts{after}")
    return machine


@pytest.mark.parametrize("shell", SHELLS)
def test_it_sends_exactly_what_it_shows(machine: Machine, portal: Portal, shell: str) -> None:
    machine.shell_name = shell
    machine.record_curl()
    said = machine.run("doctor.sh", "--report", "--yes", "--name", 'ana"s', stdin=f" {CODE} \r\n")
    assert said.status == 0
    [request] = portal.requests
    assert (request.method, request.path) == ("POST", "/install/report/")
    assert request.headers["authorization"] == f"Onramp {CODE}"
    assert request.headers["content-type"] == "application/json"
    assert request.body.decode() in said.stdout
    assert json.loads(request.body)["machine"] == 'ana"s'
    assert said.stdout.splitlines()[-1] == "Sent. The portal shows the result on your setup page."
    for heard in (said.stdout, said.stderr, machine.recorded):
        assert CODE not in heard
    assert "install/report" not in machine.recorded


def test_with_json_only_that_is_on_standard_output(machine: Machine, portal: Portal) -> None:
    said = machine.run("doctor.sh", "--json", "--report", "--yes", stdin=f"{CODE}\n")
    assert said.stdout.encode() == portal.requests[0].body
    assert said.stderr.startswith("Sent.")


def test_without_a_terminal_nothing_is_sent_unasked(machine: Machine, portal: Portal) -> None:
    said = machine.run("doctor.sh", "--report", stdin=f"y\n{CODE}\n")
    assert said.status == 0
    assert said.stdout.splitlines()[-1] == "Nothing was sent."
    assert portal.requests == []


def test_at_a_terminal_it_asks_first(machine: Machine, portal: Portal) -> None:
    with machine.terminal("doctor.sh", "--report") as terminal:
        terminal.reads('"results"')
        terminal.reads("Send it? [y/N] ")
        assert portal.requests == []
        terminal.types("Y\n")
        terminal.reads("shown as you type): ")
        assert not terminal.echoes
        terminal.types(f"{CODE}\n")
        assert terminal.ends() == 0
        assert CODE not in terminal.shown
    assert portal.requests[0].headers["authorization"] == f"Onramp {CODE}"


@pytest.mark.parametrize("answer", ["\n", "maybe\n", "\x04"])
def test_at_a_terminal_only_a_yes_is_a_yes(machine: Machine, portal: Portal, answer: str) -> None:
    with machine.terminal("doctor.sh", "--report") as terminal:
        terminal.reads("Send it? [y/N] ")
        terminal.types(answer)
        assert terminal.ends() == 0
        assert "Nothing was sent." in terminal.shown
    assert portal.requests == []


@pytest.mark.parametrize("shell", SHELLS)
def test_ctrl_c_gives_the_terminal_back(machine: Machine, portal: Portal, shell: str) -> None:
    machine.shell_name = shell
    with machine.terminal("doctor.sh", "--report", "--yes") as terminal:
        terminal.reads("shown as you type): ")
        assert not terminal.echoes
        assert terminal.interrupts() == 130
        assert terminal.echoes
    assert portal.requests == []


@pytest.mark.parametrize(("answer", "expected"), [("yes", "passed works"), ("no", "skipped not-asked")])
def test_at_a_terminal_it_asks_before_a_model_is(machine: Machine, answer: str, expected: str) -> None:
    script = machine.bundle / "doctor.sh"
    script.write_text(script.read_text().replace("    check_conflicts\n", "    SESSION=1 && check_model\n"))
    with machine.terminal("doctor.sh", "--json") as terminal:
        terminal.reads("Ask eu.anthropic.claude-sonnet-4-6 for one word, to see that it answers?")
        terminal.reads("[y/N] ")
        terminal.types(f"{answer}\n")
        assert terminal.ends() == 0
    outcome, reason = expected.split()
    assert f'"outcome": "{outcome}", "reason": "{reason}"' in terminal.shown


@pytest.mark.parametrize("has_timeout", [True, False])
@pytest.mark.parametrize("shell", SHELLS)
def test_ctrl_c_ends_a_program_that_hangs(machine: Machine, shell: str, has_timeout: bool) -> None:
    machine.shell_name = shell
    if not has_timeout:
        machine.lacks("timeout")
    machine.program("aws", f'echo $$ >"{machine.root}/pid"; echo started >/dev/tty; exec sleep 90')
    script = machine.bundle / "doctor.sh"
    script.write_text(script.read_text().replace("    check_conflicts\n", "    PROFILE_FOUND=1 && check_session\n"))
    with machine.terminal("doctor.sh") as terminal:
        terminal.reads("started")
        assert terminal.interrupts() == 130
    # Told to end in the moment after it started a program, coreutils' timeout (9.1) forgets that it did.
    assert has_timeout or has_ended((machine.root / "pid").read_text().strip())


ANSWERS = {
    201: "Sent.",
    401: "The portal does not take this code",
    404: "The portal does not take this code",
    410: "The portal does not take this code",
    400: "The portal did not take the report (it answered HTTP 400)",
    302: "The portal did not take the report (it answered HTTP 302)",
    500: "The portal gave no answer that tells (HTTP 500)",
}
# In one process for many cases: what was typed is the code, and the sentence that follows tells what became of it.
SEND = 'exec 3>&1; echo {} >"$WORK/report.json"; PORTAL=%s CODE=$(cat "$ONRAMP_CASE/out"); send_report; echo "$SENT"'


def test_the_portals_answer_is_told(machine: Machine, portal: Portal) -> None:
    portal.first_statuses = list(ANSWERS)
    said = machine.drive(SEND % portal.url, *(Case(CODE) for _ in ANSWERS)).stdout.splitlines()
    assert len(portal.requests) == len(ANSWERS)
    for sentence, sent, (status, expected) in zip(said[::2], said[1::2], ANSWERS.items(), strict=True):
        assert sentence.startswith(expected)
        assert sent == ("1" if status == 201 else "failed")


def test_what_is_no_code_is_not_sent(machine: Machine, portal: Portal) -> None:
    codes = ["", 'x"', 'x"\nheader = "X: y', "x\ny", "x\\n", "$(touch canary)", "x;y", "é", "x y"]
    said = machine.drive(SEND % portal.url, *(Case(code) for code in codes)).stdout.splitlines()
    assert said[::2] == [doctor.words()["doctor.report.bad-code"]] * len(codes)
    assert said[1::2] == ["failed"] * len(codes)
    assert portal.requests == []


def test_a_report_that_could_not_be_sent_is_a_failure(machine: Machine, portal: Portal) -> None:
    portal.status = 410
    assert machine.run("doctor.sh", "--report", "--yes", stdin=CODE).status == 1


def test_a_portal_that_cannot_be_reached(machine: Machine) -> None:
    # Port 9 (discard): nobody listens there.
    said = machine.drive(SEND % "http://127.0.0.1:9", Case(CODE)).stdout
    assert said.startswith("The portal gave no answer that tells (curl: (7) ")


def test_the_code_goes_to_no_portal_without_https(machine: Machine) -> None:
    bad = ["http://portal.example", "http://localhost@portal.example", 'https://x"', "https://", "ftp://x", ""]
    good = ["https://portal.example", "http://localhost:8000", "http://127.0.0.1/onramp", "http://localhost"]
    calls = 'exec 3>/dev/null; PORTAL=$(cat "$ONRAMP_CASE/out"); may_be_sent && echo yes || echo no'
    said = machine.drive(calls, *(Case(url) for url in bad + good)).stdout.splitlines()
    assert said == ["no"] * len(bad) + ["yes"] * len(good)


@pytest.mark.parametrize("url", ["http://portal.example", 'https://x"'])
def test_a_bad_portal_is_named_and_not_asked_for_a_code(machine: Machine, url: str) -> None:
    machine.configure(portal_url=url)
    machine.record_curl()
    said = machine.run("doctor.sh", "--report", "--yes", stdin=CODE)
    assert said.status == 1
    assert said.stdout.splitlines()[-1] == f"The portal's address {url} is not an https address. Nothing was sent."
    assert not (machine.root / "recorded").exists()


def test_sending_needs_curl(machine: Machine) -> None:
    machine.lacks("curl")
    said = machine.run("doctor.sh", "--report", "--yes", stdin=CODE)
    assert said.status == 1
    assert said.stdout.splitlines()[-1].startswith("The program `curl` is not installed")
