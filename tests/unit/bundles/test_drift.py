"""What changes between the bundle somebody has and the one they would get."""

from __future__ import annotations

from onboarding.bundles.drift import drift
from onboarding.enums import CredentialMethod
from tests.unit.bundles.examples import EXAMPLE, behaving, with_method, without_haiku


def test_nothing_changes_where_the_files_are_the_same() -> None:
    assert drift(EXAMPLE, EXAMPLE) == ""


def test_a_setting_that_changed_is_a_line_out_and_a_line_in() -> None:
    lines = drift(EXAMPLE, behaving(max_output_tokens=16000)).splitlines()
    changed = [line for line in lines if line.startswith(("+ ", "- "))]
    assert changed == [
        '-    "CLAUDE_CODE_MAX_OUTPUT_TOKENS": "32000",',
        '+    "CLAUDE_CODE_MAX_OUTPUT_TOKENS": "16000",',
    ]
    assert lines[:2] == ["--- a/settings.json", "+++ b/settings.json"]


def test_a_model_that_is_verified_now_is_seen() -> None:
    assert '+    "eu.anthropic.claude-haiku-4-5-20251001-v1:0"' in drift(without_haiku(), EXAMPLE)


def test_another_way_to_sign_in_changes_both_files() -> None:
    lines = drift(EXAMPLE, with_method(CredentialMethod.ACCESS_KEYS)).splitlines()
    assert '-  "awsAuthRefresh": "aws sso login --profile claude-code-platform",' in lines
    assert "-sso_session = claude-code-platform" in lines
