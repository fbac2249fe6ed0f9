"""`manage.py diagnose` says what an error means. No database: it keeps nothing."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from onboarding.checks.errors import LIMIT

DENIED = (
    "An error occurred (AccessDeniedException) when calling the InvokeModel operation: User: "
    "arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_ClaudeCode_0123456789abcdef/ana@acme.example is not "
    "authorized to perform: bedrock:InvokeModel on resource: "
    "arn:aws:bedrock:us-east-2::foundation-model/anthropic.claude-sonnet-4-6 with an explicit deny in a service "
    "control policy"
)


def output(*arguments: str, **options: Any) -> str:
    out = io.StringIO()
    call_command("diagnose", *arguments, stdout=out, **options)
    return out.getvalue()


def type_in(monkeypatch: pytest.MonkeyPatch, raw: bytes) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(raw)))


def test_it_prints_who_denies_what_and_the_fix(tmp_path: Path) -> None:
    file = tmp_path / "error.txt"
    file.write_text(DENIED)

    text = output(str(file))

    assert text.startswith("A service control policy denies Ohio (us-east-2)\nService control policy\n\n")
    assert "  Resource           arn:aws:bedrock:us-east-2::foundation-model/anthropic.claude-sonnet-4-6\n" in text
    assert "  Region             Ohio (us-east-2)\n" in text
    assert "\nWho can fix it: An admin\nAn admin of the AWS organization exempts" in text
    assert "\nIn the policy that denies it, add this condition" in text
    assert '"ArnNotLike"' in text
    assert "https://us-east-1.console.aws.amazon.com/organizations/v2/" in text


def test_it_prints_one_json_object(monkeypatch: pytest.MonkeyPatch) -> None:
    type_in(monkeypatch, DENIED.encode())

    report = json.loads(output("-", "--json"))

    assert (report["key"], report["layer"], report["is_denial"]) == (
        "service-control-policy-region",
        "service-control-policy",
        True,
    )
    assert report["facts"]["account"] == "111122223333"
    assert report["actor"] == "admin"
    assert [paste["name"] for paste in report["pastes"]] == ["condition.json"]
    for key in ("title", "summary", "remedy", "admin_remedy", "found", "links", "who"):
        assert report[key]


def test_it_reads_standard_input_without_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    type_in(monkeypatch, b"Not logged in \xc2\xb7 Please run /login")

    assert output().startswith("Claude Code does not use Bedrock\n")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_it_reads_what_windows_writes(encoding: str, tmp_path: Path) -> None:
    file = tmp_path / "error.txt"
    file.write_text(DENIED, encoding=encoding)

    assert "Ohio" in output(str(file))


@pytest.mark.parametrize("raw", [b"", b"the printer is on fire", b"\xff\xfe\x00", b"\x80" * 10])
def test_unknown_text_ends_with_1(
    raw: bytes, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    type_in(monkeypatch, raw)

    with pytest.raises(SystemExit) as ended:
        call_command("diagnose")

    assert ended.value.code == 1
    assert capsys.readouterr().out.startswith("Onramp does not recognize this text\n")


def test_an_unreadable_file_ends_with_2(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"Cannot read .*nothing\.txt: No such file or directory") as ended:
        output(str(tmp_path / "nothing.txt"))

    assert ended.value.returncode == 2


def test_it_reads_no_more_than_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.BytesIO(DENIED.encode() + b" " * 10 * LIMIT)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(stream))

    output()

    assert stream.tell() == 4 * LIMIT


def test_it_speaks_the_language_it_is_asked_in(monkeypatch: pytest.MonkeyPatch) -> None:
    type_in(monkeypatch, DENIED.encode())

    assert "Política de control de servicios" in output("--language", "es")


def test_no_secret_is_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    type_in(monkeypatch, f"AWS_PROFILE=AKIAIOSFODNN7EXAMPLE {DENIED}".encode())

    assert "AKIAIOSFODNN7EXAMPLE" not in output("--json")
