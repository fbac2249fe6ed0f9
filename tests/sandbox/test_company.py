"""The scenario file: what it holds, and that mistakes in it are told by place."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.company import DEFAULT, CompanyError, load_company

TEXT = DEFAULT.read_text(encoding="utf-8")


def test_the_scenario_has_everyone() -> None:
    company = load_company()
    outside = {person.email for person in company.people if person.directory is None}
    assert len(company.people) == 20
    assert outside == {"vera.lind@acme.example", "inma.soler@acme.example"}
    robert = company.people[-1]
    assert robert.name == 'Zoë "O\'Brien" \\ $(touch /tmp/onramp-pwned) `id` 🚀 שלום'
    assert company.account("111122223333") is company.accounts[0]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("name: Acme\n", "", "name is missing"),
        ("name: Acme\n", "name: Acme\nnmae: x\n", "unknown: nmae"),
        ("name: Acme\n", "name: [\n", "not YAML"),
        ('id: "222233334444"', "id: 222233334444", r"accounts\[1\].id: expected text"),
        ("user: luis.gil@acme.example", "user: nobody", "assignments.user: not defined in the file: nobody"),
        ("group: claude-payments", "group: nobody", "assignments.group"),
        ("permission_set: ClaudeCodeBounded", "permission_set: X", "assignments.permission_set"),
        (", user: luis.gil@acme.example", "", "exactly one of group and user"),
        ("kind: throttle", "kind: explode", r"faults\[0\].kind"),
        ("simulate_layout: new", "simulate_layout: odd", "simulate_layout"),
        (
            "zero_quota:\n      eu-west-1: [anthropic.claude-sonnet-5]",
            "zero_quota:\n      eu-west-1: [x]",
            "models",
        ),
        ("regions: {eu-west-1: *ireland}", "regions: []", "regions: expected a mapping"),
    ],
)
def test_a_mistake_says_where(tmp_path: Path, old: str, new: str, expected: str) -> None:
    assert old in TEXT
    path = tmp_path / "company.yaml"
    path.write_text(TEXT.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(CompanyError, match=expected):
        load_company(path)
