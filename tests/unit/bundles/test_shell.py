"""The environment files, read by real shells."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from onboarding.bundles.environment import shell_environment
from onboarding.bundles.inputs import BundleInputs, UnsafeValue
from onboarding.bundles.shell import quote_fish, quote_powershell, quote_sh, shell_files
from onboarding.enums import Tier
from tests.unit.bundles import powershell
from tests.unit.bundles.examples import EXAMPLE, behaving, bundle_inputs, hostile_text, without_haiku

POSIX_SHELLS = ("sh", "bash", "dash", "zsh")


def program(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not installed here")
    return path


def run(shell: str, script: str, folder: Path) -> bytes:
    """Standard output of the script, run without our environment; fails if it left a canary behind."""
    command, clean = [shell, "-c", script], {"PATH": os.defpath}
    result = subprocess.run(command, cwd=folder, env=clean, capture_output=True, check=True, timeout=20)
    assert result.stderr == b""
    assert not (folder / "canary").exists()
    return result.stdout


def exported(shell: str, script: str, folder: Path) -> dict[str, str]:
    output = run(shell, f"{script}; {shutil.which('env')}", folder).decode()
    # A value of several lines goes on until the next name.
    values = re.split(r"^(?=[A-Za-z_]\w*=)", output, flags=re.MULTILINE)
    return dict(value.removesuffix("\n").split("=", 1) for value in values if value)


@pytest.mark.parametrize("name", POSIX_SHELLS)
@pytest.mark.parametrize("language", ["en", "es"])
def test_env_sh_exports_exactly_the_environment(name: str, language: str, tmp_path: Path) -> None:
    inputs = bundle_inputs(language=language)
    (tmp_path / "env.sh").write_bytes(shell_files(inputs)["env.sh"])
    before = exported(program(name), ":", tmp_path)
    after = exported(program(name), ". ./env.sh", tmp_path)
    assert {key: value for key, value in after.items() if before.get(key) != value} == shell_environment(inputs)


def test_env_fish_exports_exactly_the_environment(tmp_path: Path) -> None:
    (tmp_path / "env.fish").write_bytes(shell_files(EXAMPLE)["env.fish"])
    after = exported(program("fish"), "source env.fish", tmp_path)
    assert shell_environment(EXAMPLE).items() <= after.items()


@pytest.mark.parametrize("language", ["en", "es"])
def test_env_ps1_assigns_exactly_the_environment(language: str) -> None:
    inputs = bundle_inputs(language=language)
    script = shell_files(inputs)["env.ps1"]
    assert script.startswith(b"\xef\xbb\xbf")
    assert powershell.assignments(script.decode("utf-8-sig")) == shell_environment(inputs)


GUARDED = behaving(guardrail="abc123", guardrail_version="1", no_proxy="*.acme.example,localhost")


def test_a_value_of_two_lines_reaches_shells_whole(tmp_path: Path) -> None:
    (tmp_path / "env.sh").write_bytes(shell_files(GUARDED)["env.sh"])
    headers = exported(program("sh"), ". ./env.sh", tmp_path)["ANTHROPIC_CUSTOM_HEADERS"]
    assert headers.splitlines() == [
        "X-Amzn-Bedrock-GuardrailIdentifier: abc123",
        "X-Amzn-Bedrock-GuardrailVersion: 1",
    ]
    assert powershell.assignments(shell_files(GUARDED)["env.ps1"].decode("utf-8-sig")) == shell_environment(GUARDED)


@pytest.mark.parametrize("inputs", [EXAMPLE, GUARDED, without_haiku()])
def test_env_cmd_sets_what_cmd_can_hold(inputs: BundleInputs) -> None:
    lines = shell_files(inputs)["env.cmd"].decode("ascii").split("\r\n")
    assert lines[0] == "@echo off"
    sets = [re.fullmatch(r'set "([A-Z0-9_]+)=([^"%!&|<>^]*)"', line) for line in lines if line.startswith("set")]
    found = {match[1]: match[2] for match in sets if match}
    assert len(found) == len(sets)
    assert found == {name: value for name, value in shell_environment(inputs).items() if "\n" not in value}
    assert all(line.startswith(("rem ", "set ", "@echo off")) or not line for line in lines)


def test_nobodys_name_is_in_a_shell_file() -> None:
    inputs = behaving(otlp_endpoint="https://otel.acme.example:4318", otlp_protocol="http/protobuf")
    assert "OTEL_EXPORTER_OTLP_ENDPOINT" in shell_environment(inputs)
    assert "OTEL_RESOURCE_ATTRIBUTES" not in shell_environment(inputs)


def test_a_missing_tier_is_pinned_in_shells_too(tmp_path: Path) -> None:
    inputs = without_haiku()
    (tmp_path / "env.sh").write_bytes(shell_files(inputs)["env.sh"])
    after = exported(program("sh"), ". ./env.sh", tmp_path)
    assert after["ANTHROPIC_DEFAULT_HAIKU_MODEL"] == inputs.default_model


@pytest.mark.parametrize("name", POSIX_SHELLS)
@given(texts=st.lists(hostile_text.filter(lambda text: "\0" not in text), min_size=1, max_size=8))
@settings(max_examples=15, deadline=None)
def test_quoted_texts_reach_posix_shells_unchanged(name: str, texts: list[str]) -> None:
    assert_round_trip(program(name), [quote_sh(text) for text in texts], texts)


@given(texts=st.lists(hostile_text.filter(lambda text: "\0" not in text), min_size=1, max_size=8))
@settings(max_examples=15, deadline=None)
def test_quoted_texts_reach_fish_unchanged(texts: list[str]) -> None:
    assert_round_trip(program("fish"), [quote_fish(text) for text in texts], texts)


def assert_round_trip(shell: str, quoted: list[str], texts: list[str]) -> None:
    assume(all(encodable(text) for text in texts))
    printf = shutil.which("printf", path=os.defpath)
    with tempfile.TemporaryDirectory() as folder:
        output = run(shell, f"{printf} '%s\\0' {' '.join(quoted)}", Path(folder))
    assert output.decode().split("\0")[:-1] == texts


def encodable(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)


@given(text=st.one_of(hostile_text, st.text(alphabet=powershell.QUOTES + "a$`\n")))
def test_quoted_texts_reach_powershell_unchanged(text: str) -> None:
    quoted = quote_powershell(text)
    assert powershell.single_quoted(quoted, 0) == (text, len(quoted))


@given(model=hostile_text)
def test_a_model_that_is_not_a_plain_word_is_refused(model: str) -> None:
    try:
        script = shell_files(bundle_inputs(models={Tier.SONNET: model}))["env.sh"]
    except UnsafeValue as error:
        assert error.field == "models"  # noqa: PT017 -- refusing is one of two right answers
    else:
        assert f"export ANTHROPIC_DEFAULT_OPUS_MODEL='{model}'\n".encode() in script
        assert not set(model) - set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.:@+=,/-")
