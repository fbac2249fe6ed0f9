"""The scenario file: what it holds, and that mistakes in it are told by place."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sandbox.company import Account, Quota
from sandbox.idp import username_of
from sandbox.records import CompanyError
from sandbox.scenario import DEFAULT, load_company

TEXT = DEFAULT.read_text(encoding="utf-8")
PORTAL = json.loads(DEFAULT.with_name("portal.json").read_text(encoding="utf-8"))
# Without a user in Identity Center: in no team, forgotten, or on a plan that does not look there.
OUTSIDE = {"vera.lind", "inma.soler", "kenji.mori", "sean.o'neill", "sven.berg", "emma.jones", "leo.blanc"}


def test_the_scenario_has_everyone() -> None:
    company = load_company()
    outside = {person.email for person in company.people if person.directory is None}
    assert len(company.people) == 37
    assert outside == {f"{name}@acme.example" for name in OUTSIDE}
    robert = next(person for person in company.people if person.email == "robert.tables@acme.example")
    assert robert.name == 'Zoë "O\'Brien" \\ $(touch /tmp/onramp-pwned) `id` 🚀 שלום'
    assert company.account("111122223333") is company.accounts[0]


def test_everybody_says_what_to_expect_and_signs_in_by_a_name_of_their_own() -> None:
    people = load_company().people
    assert all(person.note and person.groups for person in people)
    assert len({username_of(person.email) for person in people}) == len(people)


def test_the_portals_document_has_the_same_people_in_the_same_groups() -> None:
    members = {person.email: (person.name, person.groups[0]) for person in load_company().people}
    del members["vera.lind@acme.example"]
    assert members == {row["email"]: (row["name"], row["group"]) for row in PORTAL["people"]}


def test_the_portals_document_leads_from_everybody_to_an_account() -> None:
    company = load_company()
    teams = {row["group"]: row["plan"] for row in PORTAL["teams"]}
    plans = {row["slug"]: row["account"] for row in PORTAL["plans"]}
    reached = {plans[teams[row["group"]]] for row in PORTAL["people"]}
    assert reached == set(plans.values()) == {row["account_id"] for row in PORTAL["accounts"]}
    for row in PORTAL["accounts"]:
        account = company.account(row["account_id"])
        assert account is not None
        assert row["name"] == account.name
        assert row["role_arn"].endswith(f":role/{account.portal_role}")
        assert float(row.get("price_multiplier", "1")) == account.price_multiplier
        assert row.get("cost_tag", "") == account.cost_tag.removeprefix("iamPrincipal/")
        report = account.cost_report
        address = f"s3://{report.bucket}/{report.prefix}/{report.name}" if report else ""
        assert row.get("cost_report", "") == address


def test_an_account_has_a_quota_for_every_model() -> None:
    account = Account(
        id="1",
        name="",
        portal_role="",
        use_case_form=True,
        zero_quota={"eu-west-1": ("a",)},
        quotas={"eu-west-1": {"b": Quota(tokens_per_minute=5)}},
    )
    assert account.quota("eu-west-1", "a") == Quota(0, 0)
    assert account.quota("eu-west-1", "b") == Quota(5, 1_000)
    assert account.quota("eu-central-1", "a") == Quota(2_000_000, 1_000)


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
        ("use_case_form: true", "use_case_form: maybe", r"accounts\[0\].use_case_form: expected true or false"),
        ("status: LEGACY", "status: OLD", r"models\[6\].status: expected one of ACTIVE, LEGACY, got 'OLD'"),
        ("end_of_life_in_days: 40", "end_of_life_in_days: soon", "end_of_life_in_days: expected a whole number"),
        (
            "data_retention: {eu-west-1: none}",
            "data_retention: {eu-west-1: off}",
            "data_retention.eu-west-1: expected",
        ),
        ("tokens_per_minute: 40_000", "tokens_per_minute: few", "tokens_per_minute: expected a whole number"),
        ("tokens_per_minute: 40_000", "tokens_per_hour: 1", "unknown: tokens_per_hour"),
        (
            "anthropic.claude-sonnet-4-6: {tokens_per_minute",
            "claude: {tokens_per_minute",
            "models of account 666677778888: not defined in the file: claude",
        ),
        ("s3_bucket: acme-ai-small", "bucket: acme-ai-small", "invocation_logging.eu-west-1: unknown: bucket"),
        ("id: a1b2c3d4e5f6", "id: tagged", r"application_profiles.eu-west-1\[0\].id: expected 12"),
        (
            "source: eu.anthropic.claude-sonnet-4-6",
            "source: us.x",
            "in eu-west-1: source: not defined in the file: us",
        ),
        ("trusts_portal: true", "trusts_portal: 1", r"roles\[0\].trusts_portal: expected true or false"),
        ("email: sven.berg@acme.example}", "email: 1}", r"users\[0\].tags.email: expected text"),
        ("active: false}", "active: 0}", r"directory.active: expected true or false"),
        ("format: csv", "format: xlsx", r"cost_report.format: expected one of csv, parquet"),
        ("kind: logging-off", "kind: fire", r"usage.incidents\[0\].kind: expected one of"),
        ("user: svc-sven", "role: svc-sven", r"usage.habits\[22\]: expected one of permission_set, role and user"),
        ("user: svc-sven", "nobody: svc-sven", "unknown: nobody"),
        ("permission_set: ClaudeCodeWide\n", "permission_set: X\n", "usage.habits.permission_set: not defined"),
        ('late, account: "111122223333"', 'late, account: "1"', "usage: account: not defined in the file: 1"),
        ('input: "6.6"', "input: 6.6", r"usage.unlisted_models\[0\].usd_per_million.input: expected text"),
        (
            "simulate_layout: new",
            "rates: [{operations: [a], per_second: 0, burst: 1}]",
            r"rates\[0\]: expected per_second",
        ),
        (
            "simulate_layout: new",
            "rates: [{operations: a, per_second: 1, burst: 1}]",
            r"rates\[0\].operations: expected",
        ),
    ],
)
def test_a_mistake_says_where(tmp_path: Path, old: str, new: str, expected: str) -> None:
    assert old in TEXT
    path = tmp_path / "company.yaml"
    path.write_text(TEXT.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(CompanyError, match=expected):
        load_company(path)
