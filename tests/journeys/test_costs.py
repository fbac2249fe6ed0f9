"""What an admin and a person do with costs, in a real browser: narrow, sort, export, claim, and look up one's own."""

from __future__ import annotations

import csv
import io
import json
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.journeys.conftest import NewVisitor
from tests.journeys.stack import Stack
from tests.journeys.visitor import Visitor

pytestmark = pytest.mark.journeys

ADMIN, LAURA = "carla.soto@acme.example", "laura.pena@acme.example"
ROBOT = "arn:aws:sts::111122223333:assumed-role/acme-ci/build-42"


def test_an_admin_follows_the_money_to_whoever_spent_it(visit: NewVisitor, used: Stack) -> None:
    carla = visit()
    carla.sign_in(ADMIN)
    carla.wait_for_answer()
    carla.page.get_by_role("link", name="Costs", exact=True).click()
    expect(carla.heading).to_contain_text("Costs in")
    assert shown_total(carla) == shown(figures(used)["estimate"]["estimate_usd"])

    carla.page.get_by_label("Team", exact=True).select_option("Platform")
    carla.page.get_by_role("button", name="Filter").click()
    expect(carla.page.get_by_label("Team", exact=True)).to_have_value(query_of(carla)["team"])
    platform = next(row for row in figures(used, "team")["rows"] if row["name"] == "Platform")
    assert shown_total(carla) == shown(platform["estimate_usd"])
    assert sum(Decimal(row["estimate_usd"] or 0) for row in exported(carla)) == Decimal(platform["estimate_usd"])

    # Sorted by keyboard, and the address keeps what was chosen.
    carla.page.get_by_role("link", name="Person", exact=True).focus()
    carla.page.keyboard.press("Enter")
    expect(carla.page.locator("th[aria-sort=ascending]")).to_contain_text("Person")
    assert query_of(carla).keys() >= {"team", "sort"}
    carla.page.locator(".costs-table tbody th a").first.click()
    expect(carla.page.locator(".costs-table tbody tr")).to_have_count(1)
    carla.page.get_by_role("link", name="Show everything").click()
    assert shown_total(carla) == shown(figures(used)["estimate"]["estimate_usd"])

    carla.page.get_by_text("Show these figures as a table").click()
    expect(carla.page.get_by_role("group", name="Estimate by day and team, as a table")).to_be_visible()


def test_everything_works_without_scripts(visit: NewVisitor, used: Stack) -> None:
    carla = visit(has_scripts=False)
    carla.sign_in(ADMIN)
    carla.wait_for_answer()
    carla.open("/costs/")
    carla.page.get_by_label("Model", exact=True).select_option("Claude Opus 4.8")
    carla.page.get_by_role("button", name="Filter").click()
    carla.page.get_by_role("link", name="Models", exact=True).click()
    expect(carla.page.locator(".costs-table tbody tr")).to_have_count(1)
    opus = next(row for row in figures(used, "model")["rows"] if row["name"] == "Claude Opus 4.8")
    assert shown_total(carla) == shown(opus["estimate_usd"])
    carla.page.get_by_role("link", name="Reconciliation", exact=True).click()
    expect(carla.page.get_by_role("link", name="Reconciliation", exact=True)).to_have_attribute("aria-current", "page")


def test_a_principal_of_nobody_becomes_somebodys(visit: NewVisitor, used: Stack) -> None:
    before = spent_by(used, LAURA) + spent_by(used, ROBOT)
    carla = visit()
    carla.sign_in(ADMIN)
    carla.wait_for_answer()
    carla.open("/costs/callers/")
    row = carla.page.get_by_role("row").filter(has_text=ROBOT)
    row.get_by_placeholder("E-mail").fill(LAURA)
    row.get_by_role("button", name="Claim").click()
    expect(carla.page.get_by_role("row").filter(has_text=ROBOT).get_by_role("button")).to_contain_text("Take back")

    assert spent_by(used, LAURA) == before
    laura = visit()
    laura.sign_in(LAURA)
    laura.wait_for_answer()
    laura.page.get_by_role("link", name="My usage").click()
    expect(laura.heading).to_contain_text(f"You used about {shown(str(before))}")
    expect(laura.page.get_by_role("link", name="Costs", exact=True)).to_have_count(0)
    laura.allow("status of 403")
    laura.open("/costs/")
    expect(laura.heading).not_to_contain_text("Costs")

    row.get_by_role("button", name="Take back").click()
    expect(row.get_by_placeholder("E-mail")).to_be_visible()


def figures(stack: Stack, by: str = "person") -> dict[str, Any]:
    """What the terminal says of the same month."""
    told: dict[str, Any] = json.loads(stack.manage("costs", "--by", by, "--json"))
    return told


def spent_by(stack: Stack, key: str) -> Decimal:
    rows = figures(stack)["rows"]
    return sum((Decimal(row["estimate_usd"] or 0) for row in rows if row["key"] == key), Decimal())


def shown(amount: str) -> str:
    return f"${Decimal(amount).quantize(Decimal('0.01'), ROUND_HALF_UP):,}"


def shown_total(carla: Visitor) -> str:
    return carla.page.locator(".tile").filter(has_text="Estimated").locator(".estimate").inner_text()


def query_of(visitor: Visitor) -> dict[str, str]:
    found: dict[str, str] = visitor.evaluate("Object.fromEntries(new URLSearchParams(location.search))")
    return found


def exported(carla: Visitor) -> list[dict[str, str]]:
    with carla.page.expect_download() as download:
        carla.page.get_by_role("link", name="Export CSV").click()
    return list(csv.DictReader(io.StringIO(download.value.path().read_text(encoding="utf-8"))))
