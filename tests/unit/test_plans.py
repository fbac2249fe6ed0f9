from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from onboarding.models import Account, AuditEvent, Person, PlanRevision, Price, Sweep, Team
from onboarding.plans import BadDocument, Superseded, draft_of, load_document, publish, settings_of
from tests.factories import make_revision

pytestmark = pytest.mark.django_db

DOCUMENT = json.loads((Path(__file__).parents[2] / "sandbox" / "portal.json").read_text())
PRICE = {
    "model_id": "anthropic.claude-haiku-5-5",
    "endpoint_kind": "global",
    "valid_from": "2026-11-01",
    "source": "tests",
    "usd_per_million": {"input": "0.1", "output": "0.5"},
}


def load(document: dict[str, Any]) -> dict[str, int]:
    return load_document(document, actor="tests")


def test_the_document_becomes_rows() -> None:
    counts = load(DOCUMENT)

    assert counts["plans"] == PlanRevision.objects.filter(is_current=True).count() == 17
    assert counts["teams"] == Team.objects.count()
    assert counts["people"] == Person.objects.count()


def test_prices_of_a_document_become_rows_and_long_prompts_have_their_own() -> None:
    long = {**PRICE, "is_long_prompt": True, "usd_per_million": {"input": "0.5"}}

    for _ in range(2):
        load({"prices": [PRICE, long]})

    rows = Price.objects.order_by("is_long_prompt", "token_class")
    assert [(row.is_long_prompt, row.token_class, str(row.usd_per_million)) for row in rows] == [
        (False, "input", "0.100000"),
        (False, "output", "0.500000"),
        (True, "input", "0.500000"),
    ]


def test_loading_again_changes_nothing() -> None:
    load(DOCUMENT)
    load(DOCUMENT)

    assert PlanRevision.objects.count() == 17
    assert Account.objects.count() == 5


def test_a_changed_plan_gets_a_new_current_revision_and_keeps_the_old() -> None:
    load(DOCUMENT)
    changed = copy.deepcopy(DOCUMENT)
    changed["plans"][0]["max_output_tokens"] = 16000

    load(changed)

    revisions = PlanRevision.objects.filter(plan__slug="platform").order_by("number")
    assert [(row.number, row.is_current, row.max_output_tokens) for row in revisions] == [
        (1, False, 32000),
        (2, True, 16000),
    ]
    assert AuditEvent.objects.filter(action="plan.published", target="Platform engineering").count() == 2


def test_somebody_who_signed_in_is_not_overwritten() -> None:
    load(DOCUMENT)
    Person.objects.filter(email="ana.nunez@acme.example").update(name="Ana N.", team=None)

    load(DOCUMENT)

    person = Person.objects.get(email="ana.nunez@acme.example")
    assert (person.name, person.team) == ("Ana N.", None)


@pytest.mark.parametrize(
    ("section", "change", "said"),
    [
        ("plans", {"account": "999999999999"}, "plans, entry 1: DoesNotExist"),
        ("plans", {"default_tier": "opus", "opus": ""}, "plans, entry 1: ValidationError"),
        ("plans", {"denied_tools": ["Read(./.env); rm"]}, "permission rules"),
        ("plans", {"region": "Ireland"}, "Region code"),
        ("accounts", {"account_id": "12"}, "12 digits"),
        ("accounts", {"role_arn": "arn:aws:iam::1:user/x"}, "ARN of an IAM role"),
        ("teams", {"plan": "nowhere"}, "teams, entry 1: DoesNotExist"),
        ("prices", {"usd_per_million": {"input": "much"}}, "prices, entry 1"),
        ("prices", {"usd_per_million": None}, "prices, entry 1: AttributeError"),
    ],
)
def test_a_bad_entry_is_named_and_nothing_is_kept(section: str, change: dict[str, Any], said: str) -> None:
    document = copy.deepcopy({**DOCUMENT, "prices": [PRICE]})
    document[section][0] |= change

    with pytest.raises(BadDocument, match=said.replace("(", r"\(")):
        load(document)

    assert Account.objects.count() == 0
    assert AuditEvent.objects.count() == 0


def test_an_unknown_section_is_refused() -> None:
    with pytest.raises(BadDocument, match="Unknown section: planes"):
        load({"planes": []})


# --- Publishing


def test_a_draft_says_what_the_current_revision_does() -> None:
    current = make_revision(denied_tools=["WebFetch"], free_settings={"verbose": True}, minimum_version="2.1.285")

    draft = draft_of(current.plan, current)
    draft.denied_tools.append("Bash")

    assert draft.pk is None
    assert not draft.is_current
    assert current.denied_tools == ["WebFetch"]
    draft.denied_tools.remove("Bash")
    assert settings_of(draft) == settings_of(current)


@pytest.mark.parametrize(("onto", "number"), [(None, 3), (2, 3)])
def test_a_revision_is_published_onto_the_current_one(onto: int | None, number: int) -> None:
    make_revision()
    current = make_revision()

    published = publish(current.plan, draft_of(current.plan, current), note="n", actor="tests", onto=onto)

    assert (published.number, published.is_current) == (number, True)
    assert not PlanRevision.objects.exclude(pk=published.pk).filter(is_current=True).exists()


@pytest.mark.parametrize("onto", [0, 1, 3])
def test_what_was_begun_from_another_revision_is_not_published(onto: int) -> None:
    make_revision()
    current = make_revision()

    with pytest.raises(Superseded):
        publish(current.plan, draft_of(current.plan, current), note="n", actor="tests", onto=onto)

    assert PlanRevision.objects.get(is_current=True) == current
    assert not Sweep.objects.exists()
    assert not AuditEvent.objects.exists()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("free_settings", None),
        ("free_settings", []),
        ("denied_tools", {}),
        ("denied_tools", None),
        ("announcements", ""),
    ],
)
def test_what_is_empty_is_a_list_or_an_object_all_the_same(field: str, value: object) -> None:
    current = make_revision()
    draft = draft_of(current.plan, current)
    setattr(draft, field, value)

    with pytest.raises(ValidationError) as raised:
        publish(current.plan, draft, note="n", actor="tests")

    assert list(raised.value.message_dict) == [field]


def test_lints_are_stored_with_the_revision() -> None:
    current = make_revision(minimum_version="2.1.285")
    draft = draft_of(current.plan, current)
    draft.prompt_caching = "off"

    published = publish(current.plan, draft, note="n", actor="tests")

    published.refresh_from_db()
    assert published.lints == [{"name": "caching-off", "about": "prompt_caching", "facts": {}}]


def test_a_budget_that_a_document_does_not_name_is_left_as_an_admin_set_it() -> None:
    document = copy.deepcopy(DOCUMENT)
    for entry in document["teams"]:
        entry.pop("monthly_budget", None)
    load(DOCUMENT)
    Team.objects.update(monthly_budget=77)

    load(document)

    assert set(Team.objects.values_list("monthly_budget", flat=True)) == {77}
