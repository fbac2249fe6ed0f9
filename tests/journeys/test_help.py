"""Somebody who is blocked and somebody who can help, in two browsers: ask, answer, look into the account, explain."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.journeys.conftest import NewVisitor
from tests.journeys.stack import Stack

pytestmark = pytest.mark.journeys

NICO, CARLA, RITA = "nico.rossi@acme.example", "carla.soto@acme.example", "rita.lopes@acme.example"
ERROR = (
    "API Error: 403 User: arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_ClaudeCodeDenied_0123456789abcdef/"
    "nico.rossi@acme.example is not authorized to perform: bedrock:InvokeModelWithResponseStream on resource: "
    "arn:aws:bedrock:eu-south-2::foundation-model/anthropic.claude-sonnet-4-6 with an explicit deny in an "
    "identity-based policy\nAWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
)


def test_a_blocked_person_asks_and_an_admin_answers(visit: NewVisitor, stack: Stack) -> None:
    nico, carla = visit(), visit()
    nico.sign_in(NICO)
    assert nico.wait_for_answer() == "One thing blocks your access"
    nico.page.get_by_text("Add a note to the request").click()
    nico.page.get_by_label("Note, if you want to say more").fill("I start on Monday.")
    nico.page.get_by_role("button", name="Ask an admin").click()
    expect(nico.page.get_by_text("You asked the admins on")).to_be_visible()

    carla.sign_in(CARLA)
    carla.wait_for_answer()
    carla.page.get_by_role("link", name="Requests").click()
    topic = carla.page.locator("section, article").filter(has_text="I start on Monday.").last
    expect(topic).to_contain_text("ArnNotLike")
    topic.get_by_label(re.compile("answer", re.IGNORECASE)).first.fill("Narrowed. Check again, please.")
    topic.get_by_role("button", name="Resolve").first.click()
    expect(carla.page.get_by_text("I start on Monday.")).to_have_count(0)

    nico.page.reload()
    expect(nico.page.get_by_text("Narrowed. Check again, please.").first).to_be_visible()


def test_one_check_is_asked_again_from_the_page(visit: NewVisitor, stack: Stack) -> None:
    rita = visit()
    rita.sign_in(RITA)
    rita.wait_for_answer()

    rita.page.get_by_role("button", name="Check this again").first.click()
    rita.page.wait_for_url("**/setup/")
    rita.wait_for_answer()

    expect(rita.page.get_by_text("because you asked to verify again")).to_be_visible()


def test_an_error_is_explained_and_keeps_its_secrets(visit: NewVisitor, stack: Stack) -> None:
    ana = visit(has_scripts=False)
    ana.sign_in("ana.nunez@acme.example")
    ana.wait_for_answer()
    ana.page.get_by_role("link", name="Errors").click()
    ana.page.get_by_role("textbox").fill(ERROR)
    ana.page.get_by_role("button", name="Explain this error").click()

    expect(ana.page.get_by_role("heading", name=re.compile("denies"))).to_be_visible()
    expect(
        ana.page.get_by_text("arn:aws:bedrock:eu-south-2::foundation-model/anthropic.claude-sonnet-4-6").first
    ).to_be_visible()
    assert "wJalrXUtnFEMI" not in ana.page.content()


def test_an_admin_asks_an_account_anew(visit: NewVisitor, stack: Stack) -> None:
    carla = visit()
    carla.sign_in(CARLA)
    carla.wait_for_answer()
    carla.page.get_by_role("link", name="Account", exact=True).click()
    carla.page.get_by_role("combobox").select_option(label="444455556666, acme-ai-lab")
    carla.page.get_by_role("button", name="Show").click()
    carla.page.get_by_role("button", name=re.compile("Check")).click()

    expect(carla.heading).to_have_text("2 things need attention in account 444455556666")
    expect(carla.page.get_by_text("Anthropic's use-case form has not been sent").first).to_be_visible()
