"""GUIDE.md: complete in both languages, for each platform, whoever the person is."""

from __future__ import annotations

import ast
import configparser
import os
import re
import subprocess
from pathlib import Path

import pytest
from hypothesis import given

from onboarding.bundles import advice, guide, guide_credentials, guide_offer, guide_steps, shell, words
from onboarding.bundles.build import build
from onboarding.bundles.inputs import BundleInputs, UnsafeValue
from onboarding.enums import CredentialMethod, Platform, Tier
from tests.repository.messages import stored
from tests.unit.bundles.examples import (
    EXAMPLE,
    HAIKU,
    SONNET,
    bundle_inputs,
    hostile_text,
    with_application_profiles,
    with_method,
    without_haiku,
)

MODULES = (guide, guide_offer, guide_steps, guide_credentials, advice, shell, words)
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]")
CODE = re.compile(r"`[^`]+`")


def text(inputs: BundleInputs) -> str:
    return guide.guide(inputs).text.decode()


def page(inputs: BundleInputs) -> str:
    return guide.guide(inputs).page.decode()


def marked_strings() -> set[str]:
    """Every string literal given to `_()` in the package."""
    folder = Path(guide.__file__).parent
    calls = (
        node
        for module in (Path(str(module.__file__)) for module in MODULES)
        for node in ast.walk(ast.parse((folder / module.name).read_text("utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "_"
    )
    return {ast.literal_eval(call.args[0]) for call in calls}


def spanish_lines() -> list[tuple[str, str]]:
    """The catalogue's texts of this package. That none is missing is tests/repository's to say."""
    catalogue = stored("es")
    return [(text, str(catalogue[text].string)) for text in sorted(marked_strings())]


@pytest.mark.parametrize(("english", "spanish"), spanish_lines())
def test_a_translation_keeps_placeholders_and_code(english: str, spanish: str) -> None:
    assert sorted(PLACEHOLDER.findall(english)) == sorted(PLACEHOLDER.findall(spanish))
    assert sorted(CODE.findall(english)) == sorted(CODE.findall(spanish))
    assert english.endswith(":") == spanish.endswith(":")


@pytest.mark.parametrize("platform", list(Platform))
def test_the_spanish_guide_has_no_english_sentence_left(platform: Platform) -> None:
    spanish = "".join(
        text(with_method(method, platform=platform, language="es", models={Tier.SONNET: SONNET}))
        for method in CredentialMethod
    )
    for english in marked_strings():
        # Text between placeholders and code is what a reader would see untranslated.
        fragments = [part.strip(" .,:;") for part in re.split(r"%\(\w+\)[sd]|`[^`]*`", english)]
        for fragment in (part for part in fragments if part.count(" ") >= 2):
            assert fragment not in spanish


@pytest.mark.parametrize("method", list(CredentialMethod))
@pytest.mark.parametrize("platform", list(Platform))
@pytest.mark.parametrize("language", ["en", "es"])
def test_it_is_well_formed(platform: Platform, language: str, method: CredentialMethod) -> None:
    lines = text(with_method(method, platform=platform, language=language)).split("\n")
    assert lines[-1] == ""
    assert lines[-2]
    assert all(line == line.rstrip() for line in lines)
    assert sum(line.startswith("```") for line in lines) % 2 == 0
    assert "%(" not in "\n".join(lines)


def test_tables_keep_their_columns() -> None:
    for table in re.findall(r"(?:^\|.*\n)+", text(without_haiku()), re.MULTILINE):
        assert len({len(re.findall(r"(?<!\\)\|", row)) for row in table.splitlines()}) == 1


@pytest.mark.parametrize(
    ("platform", "expected"),
    [
        (Platform.MACOS, ["shasum -a 256 -c", "brew install --cask claude-code", "~/.claude/settings.json"]),
        (Platform.LINUX, ["sha256sum -c", "https://claude.ai/install.sh", "~/.claude/settings.json"]),
        (Platform.WINDOWS, ["Get-FileHash", "winget install", r"%USERPROFILE%\.claude\settings.json"]),
    ],
)
def test_each_platform_gets_its_own_commands(platform: Platform, expected: list[str]) -> None:
    shown = text(bundle_inputs(platform=platform))
    assert [command for command in expected if command not in shown] == []
    assert ("powershell" in shown) is (platform is Platform.WINDOWS)


def commands_of(inputs: BundleInputs, start: str) -> str:
    """The guide's block of shell commands that begins with `start`."""
    blocks = re.findall(r"```sh\n(.*?)```", text(inputs), re.DOTALL)
    (found,) = (block for block in blocks if block.startswith(start))
    return str(found)


def test_the_commands_of_the_guide_put_the_files_in_place(tmp_path: Path) -> None:
    home, folder = tmp_path / "home", tmp_path / "bundle"
    folder.mkdir()
    inputs = bundle_inputs(platform=Platform.LINUX)
    for name, content in build(inputs).files.items():
        (folder / name).write_bytes(content)
    config = home / ".aws" / "config"
    config.parent.mkdir(parents=True)
    config.write_text("[profile payments]\nregion = eu-central-1")  # a last line without its end

    def run(start: str) -> int:
        command, clean = ["sh", "-ec", commands_of(inputs, start)], {"HOME": str(home), "PATH": os.defpath}
        return subprocess.run(command, cwd=folder, env=clean, capture_output=True, timeout=20).returncode

    assert run("sha256sum -c") == 0
    assert [run("grep"), run("mkdir -p ~/.aws"), run("grep")] == [1, 0, 0]
    parser = configparser.RawConfigParser()
    parser.read(config)
    assert parser.sections() == [
        "profile payments",
        "sso-session claude-code-platform",
        "profile claude-code-platform",
    ]
    assert run("mkdir -p ~/.claude") == 0
    settings = home / ".claude" / "settings.json"
    assert settings.read_bytes() == (folder / "settings.json").read_bytes()
    settings.write_text("mine")
    assert run("mkdir -p ~/.claude") == 0
    assert settings.read_text() == "mine"


def test_it_says_what_is_missing_and_what_stands_in() -> None:
    shown = text(without_haiku())
    assert "**There is no verified Haiku model for you.**" in shown
    assert f"| Haiku | Claude Sonnet 4.6 in its place | `{SONNET}` |" in shown
    assert f"- Haiku, `{HAIKU}`: A service control policy denies eu-south-2." in shown


def test_it_says_nothing_of_missing_models_when_none_is() -> None:
    shown = text(EXAMPLE)
    assert "left out" not in shown
    assert "no verified" not in shown


@pytest.mark.parametrize("method", list(CredentialMethod))
def test_each_method_says_what_to_do_and_what_to_beware_of(method: CredentialMethod) -> None:
    said = text(with_method(method, platform=Platform.LINUX))
    commands = {
        CredentialMethod.IDENTITY_CENTER: "aws sso login --profile claude-code-platform",
        CredentialMethod.CREDENTIAL_EXPORT: "Your company's own helper",
        CredentialMethod.CREDENTIAL_PROCESS: "aws sts get-caller-identity --profile claude-code-platform",
        CredentialMethod.AWS_LOGIN: "aws login --profile claude-code-platform",
        CredentialMethod.ACCESS_KEYS: "aws configure --profile claude-code-platform",
        CredentialMethod.ENVIRONMENT_KEYS: ". ~/.onramp/bundle/aws-keys.sh",
        CredentialMethod.BEDROCK_API_KEY: 'eval "$(sh ~/.onramp/bundle/bedrock-key.sh)"',
        CredentialMethod.OWN: "your company's own tool",
    }
    assert commands[method] in said
    assert len({text(with_method(each)) for each in CredentialMethod}) == len(CredentialMethod)


def test_the_page_says_what_the_guide_says_and_loads_nothing() -> None:
    shown = page(EXAMPLE)
    assert "<h1>Claude Code on Amazon Bedrock</h1>" in shown
    assert "<bdi>Ana Núñez</bdi>" in shown
    assert shown.count("<h2>") == text(EXAMPLE).count("\n## ")
    assert shown.count("<tr>") == len(re.findall(r"^\|(?! ---)", text(EXAMPLE), re.MULTILINE))
    assert not re.search(r"<(script|link|img|iframe)|src=|@import|url\(", shown)


def test_a_model_behind_an_application_profile_is_called_by_its_name() -> None:
    assert "| Sonnet | Claude Sonnet 4.6 | `arn:aws:bedrock:" in text(with_application_profiles())


@given(name=hostile_text, email=hostile_text, plan=hostile_text)
def test_no_name_breaks_the_page(name: str, email: str, plan: str) -> None:
    hostile = page(bundle_inputs(person_name=name, person_email=email, plan_name=plan))
    assert re.findall(r"<[a-z]+", hostile) == re.findall(r"<[a-z]+", page(EXAMPLE))
    assert hostile.count("\n") == page(EXAMPLE).count("\n")


@given(name=hostile_text, plan=hostile_text, account=hostile_text)
def test_no_name_breaks_it(name: str, plan: str, account: str) -> None:
    hostile = text(bundle_inputs(person_name=name, plan_name=plan, account_name=account))
    assert hostile.count("\n") == text(EXAMPLE).count("\n")
    assert "<script" not in hostile


@pytest.mark.parametrize("address", ["javascript:alert(1)", "https://a>b", "https://a b", "https://a\nb", ""])
def test_links_are_plain_web_addresses(address: str) -> None:
    with pytest.raises(UnsafeValue, match="portal_url"):
        text(bundle_inputs(portal_url=address))
