"""What every PowerShell script of ours is and is not, by its syntax tree. No PowerShell takes part."""

from __future__ import annotations

import re

import pytest
from tree_sitter import Node

from onboarding import doctor
from onboarding.bundles import words
from tests.unit.bundles.windows.syntax import (
    FILES,
    bare,
    commands,
    functions,
    is_broken,
    parse,
    statements,
    text,
    tree,
    walk,
)

OURS = ("bedrock-key.ps1", "doctor.ps1", "install.ps1", "json.ps1", "onramp.ps1")
ALL = tuple(sorted(path.name for path in FILES.glob("*.ps1")))

# https://learn.microsoft.com/powershell/scripting/developer/cmdlet/approved-verbs-for-windows-powershell-commands
VERBS = {
    "Add", "Assert", "Backup", "Complete", "Convert", "ConvertFrom", "ConvertTo", "Copy", "Expand", "Find",
    "Format", "Get", "Hide", "Import", "Install", "Invoke", "Join", "Measure", "Merge", "Move", "New", "Open",
    "Read", "Receive", "Remove", "Resolve", "Save", "Select", "Send", "Set", "Show", "Skip", "Split", "Start",
    "Step", "Stop", "Test", "Undo", "Uninstall", "Use", "Wait", "Write",
}  # fmt: skip
CMDLETS = {
    "Add-Type", "Get-Command", "Get-Item", "Get-Location", "New-Object", "Read-Host", "Remove-Variable",
    "Set-StrictMode", "Sort-Object", "Where-Object", "Write-Host",
}  # fmt: skip
# PowerShell's own variables.
AUTOMATIC = {"_", "args", "false", "lastexitcode", "null", "pshome", "psscriptroot", "true"}
# Operators and statements that came with PowerShell 6 and 7, by the grammar's name or by their text.
NEW_NODES = {"ternary_expression", "null_coalescing_expression", "pipeline_chain_tail", "class_statement"}
NEW_TOKENS = {"&&", "||", "??", "??=", "?.", "?[", "clean"}


def test_all_scripts_are_looked_at() -> None:
    assert set(OURS) <= set(ALL)


@pytest.mark.parametrize("name", ALL)
def test_it_parses(name: str) -> None:
    assert not is_broken(tree(name))


@pytest.mark.parametrize("name", ALL)
def test_it_is_ascii_for_windows_powershell_reads_it_by_the_local_code_page(name: str) -> None:
    source = (FILES / name).read_bytes()
    assert source.isascii()
    assert b"\r" not in source
    assert source.endswith(b"\n")


@pytest.mark.parametrize("name", OURS)
def test_outside_its_functions_it_is_one_last_statement(name: str) -> None:
    *before, last = statements(tree(name))
    assert {statement.type for statement in before} <= {"function_statement"}
    if name == "json.ps1":
        assert last.type == "function_statement"
    else:
        assert text(last).startswith("if ($true) {")


@pytest.mark.parametrize("name", ALL)
def test_cut_anywhere_it_does_nothing(name: str) -> None:
    source = (FILES / name).read_bytes()
    spread = range(0, len(source), max(1, len(source) // 64))
    for length in (*spread, *range(len(source) - 64, len(source) - 1)):
        cut = parse(source[:length])
        ran = [text(found) for found in statements(cut) if found.type != "function_statement"]
        # The beginning of the word "function", or of "if", is a command that does not exist.
        beginnings = [found for found in ran if "function".startswith(found) or found == "i"]
        assert cut.has_error or ran == beginnings, f"{length} bytes run {ran}"


@pytest.mark.parametrize("name", ALL)
def test_it_is_the_language_of_windows_powershell_5(name: str) -> None:
    for node in walk(tree(name)):
        assert node.type not in NEW_NODES | NEW_TOKENS, f"{node.type} at {node.start_point}"
        if node.type == "command_parameter":
            assert text(node).lower() not in ("-ashashtable", "-parallel", "-asbytestream")


@pytest.mark.parametrize("name", OURS)
def test_every_command_is_a_function_of_ours_or_a_known_cmdlet_by_its_full_name(name: str) -> None:
    mine = defined(name) | (set() if name == "onramp.ps1" else defined("json.ps1"))
    for command, node in commands(tree(name)):
        assert command in mine | CMDLETS, f"{command} at {node.start_point}"


def defined(name: str) -> set[str]:
    """Functions, those inside the script's block too."""
    found = (node for node in walk(tree(name)) if node.type == "function_statement")
    return {text(child) for node in found for child in node.children if child.type == "function_name"}


@pytest.mark.parametrize("name", OURS)
def test_no_text_is_run(name: str) -> None:
    source = (FILES / name).read_text().lower()
    for forbidden in ("invoke-expression", "iex ", "invoke-webrequest", "scriptblock]::create", "-encodedcommand"):
        assert forbidden not in source
    # What is called by a value is the script's own block, a program by its path, or json.ps1.
    called = {
        text(target)
        for node in walk(tree(name))
        if node.type == "command_name_expr"
        for target in node.children
        if bare(target).type != "script_block_expression"
    }
    assert called <= {"$shell", "$Aws", "([System.IO.Path]::Combine($Folder, 'json.ps1'))"}


@pytest.mark.parametrize("name", OURS)
def test_functions_are_short_and_named_by_approved_verbs(name: str) -> None:
    for node in walk(tree(name)):
        if node.type == "function_statement":
            called = text(next(child for child in node.children if child.type == "function_name"))
            verb, _, noun = called.partition("-")
            assert verb in VERBS, called
            assert re.fullmatch(r"[A-Z][A-Za-z0-9]+", noun), called
            assert node.end_point.row - node.start_point.row + 1 <= 37, called


@pytest.mark.parametrize("name", OURS)
def test_lines_are_short(name: str) -> None:
    assert max(map(len, (FILES / name).read_text().splitlines())) <= 119


@pytest.mark.parametrize("name", OURS)
def test_no_variable_is_read_that_is_set_nowhere(name: str) -> None:
    program = tree(name)
    everywhere = assigned(program)
    for function in (node for node in walk(program) if node.type == "function_statement"):
        inside = assigned(function) | AUTOMATIC
        # bedrock-key.ps1's functions see the parameters of the block they are in.
        outside = {"folder"} if name == "bedrock-key.ps1" else set()
        for node in walk(function):
            variable = bare_name(node)
            if variable and variable.startswith("script:"):
                assert variable in everywhere | {"script:words"}, variable
            elif variable and not variable.startswith("env:"):
                assert variable in inside | outside, f"${variable} at {node.start_point}"


def bare_name(node: Node) -> str:
    return text(node)[1:].strip("{}").lower() if node.type == "variable" else ""


def assigned(node: Node) -> set[str]:
    """Parameters, what `=` and `foreach` set, and what a method fills by [ref]."""
    found = set()
    for child in walk(node):
        if child.type == "script_parameter":
            found |= {bare_name(part) for part in child.children}
        elif child.type == "left_assignment_expression":
            found.add(bare_name(bare(child)))
        elif child.type == "foreach_statement":
            found |= {bare_name(part) for part in child.children}
    return found


def test_every_key_that_is_said_has_its_words() -> None:
    known = set(words.words() | doctor.words())
    for name in ("install.ps1", "doctor.ps1", "bedrock-key.ps1"):
        for key in said(name):
            assert key in known, f"{name}: {key}"


def said(name: str) -> set[str]:
    """The keys in the script: as they stand, and those made of a check, an outcome and a reason."""
    source = (FILES / name).read_text()
    keys = set(re.findall(r"'((?:install|doctor|bedrock-key)\.[a-z.-]*[a-z])'", source))
    for check, outcome, reason in re.findall(r"Write-Check '([a-z-]+)' '([a-z]+)' '([a-z-]+)'", source):
        keys |= {f"doctor.{check}.title", f"doctor.{check}.{reason}", f"doctor.outcome.{outcome}"}
    for reason in re.findall(r"Write-Refusal \$(?:Item|item) '([a-z-]+)'", source):
        keys |= {f"install.refused.{reason}", f"install.refused.{reason}.fix"}
    return keys - {"doctor.ps1", "install.ps1", "install.sh"}


def test_outcomes_of_the_doctor_are_those_of_its_table() -> None:
    table = {(check.id, name): reason.word for check in doctor.CHECKS for name, reason in check.reasons.items()}
    source = (FILES / "doctor.ps1").read_text()
    told = re.findall(r"Write-Check '([a-z-]+)' '([a-z]+)' '([a-z-]+)'", source)
    assert {(check, reason): outcome for check, outcome, reason in told}.items() <= table.items()
    passed_on = {("settings", "outranked"), ("settings", "outranked-here")}
    assert set(table) - {(check, reason) for check, _, reason in told} - passed_on == {("network", "no-curl")}


def test_functions_of_all_files_differ() -> None:
    """json.ps1 is read into the others: a function of the same name would silently take its place."""
    for name in ("bedrock-key.ps1", "doctor.ps1", "install.ps1"):
        assert not defined(name) & set(functions(tree("json.ps1")))
