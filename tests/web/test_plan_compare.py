"""Two revisions of a plan beside each other. For auditors and admins."""

from __future__ import annotations

import html
import re

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from onboarding.enums import CredentialMethod, Role
from onboarding.models import PlanRevision, Subject
from tests.factories import OPUS, make_finding, make_plan, make_revision, make_user
from tests.web.plan_pages import HOSTILE, client_of, text_of

pytestmark = pytest.mark.django_db

COMPARE = "/plans/platform/compare/"


@pytest.fixture
def auditor() -> Client:
    return client_of(Role.AUDITOR)


def rows(client: Client, query: str) -> dict[str, tuple[str, str]]:
    """What differs by its label: before, after."""
    page = client.get(f"{COMPARE}{query}").content.decode()
    found = re.findall(r'<tr>\s*<th scope="row">(.*?)</th>\s*<td>(.*?)</td>\s*<td>(.*?)</td>', page)
    plain = [
        [html.unescape(re.sub(r"<br>", "\n", re.sub(r"<(?!br)[^>]+>", "", cell))) for cell in row] for row in found
    ]
    return {label: (before, after) for label, before, after in plain}


def described(revision: PlanRevision, profile: str, *regions: str) -> None:
    """Bedrock's answer about a profile."""
    destinations = [
        {"arn": f"arn:aws:bedrock:{region}::foundation-model/m", "region": region, "model_id": "m"}
        for region in regions
    ]
    arn = f"arn:aws:bedrock:eu-west-1:111122223333:inference-profile/{profile}"
    facts = {"arn": arn, "models": ["m"], "destinations": destinations}
    finding = make_finding("inference-profile", facts=facts)
    key = f"{revision.account.account_id}|eu-west-1|{profile}"
    Subject.objects.create(check_name="inference-profile", key=key, latest=finding, last_known=finding)


def test_who_may() -> None:
    make_revision()
    client = client_of(Role.PERSON)
    assert client.get(COMPARE).status_code == 403
    client.force_login(make_user())
    assert client.get(COMPARE).status_code == 403
    assert Client().get(COMPARE)["Location"] == f"/?next={COMPARE}"


def test_any_two_are_compared_in_what_they_say_and_in_files(auditor: Client) -> None:
    make_revision(max_output_tokens=16_000, denied_tools=["Read(./.env)", "WebFetch"])
    make_revision(max_output_tokens=24_000)
    make_revision(max_output_tokens=32_000, user_tag="mail", limits_models=False, free_settings={"verbose": True})

    page = text_of(auditor.get(f"{COMPARE}?from=1&to=3"))

    assert "From revision 1 to revision 3" in page
    assert '- "CLAUDE_CODE_MAX_OUTPUT_TOKENS": "16000"' in page
    assert '+ "CLAUDE_CODE_MAX_OUTPUT_TOKENS": "32000"' in page
    assert "24000" not in page
    assert rows(auditor, "?from=1&to=3") == {
        "Tag of IAM users": ("Nothing", "mail"),
        "Keep people to the models of this plan": ("✓", "Nothing"),
        "Maximum output tokens": ("16000", "32000"),
        "Denied tools": ("Read(./.env)\nWebFetch", "Nothing"),
        "Other settings": ("Nothing", '{"verbose": true}'),
    }


def test_backwards_too_and_with_itself(auditor: Client) -> None:
    make_revision(max_output_tokens=16_000)
    make_revision(max_output_tokens=24_000)

    assert rows(auditor, "?from=2&to=1") == {"Maximum output tokens": ("24000", "16000")}
    same = text_of(auditor.get(f"{COMPARE}?from=2&to=2"))
    assert "They say the same." in same
    assert "On people's machines everything stays as it is." in same
    assert "The role needs the same permissions" in same


def test_without_numbers_the_newest_change_is_shown(auditor: Client) -> None:
    make_revision()
    assert "From revision 1 to revision 1" in text_of(auditor.get(COMPARE))
    make_revision()
    make_revision()
    assert "From revision 2 to revision 3" in text_of(auditor.get(COMPARE))


@pytest.mark.parametrize("query", ["?from=9", "?to=9", "?from=1&to=99999999", "?to=-1&from=7"])
def test_a_revision_that_is_not_there_is_not_found(query: str, auditor: Client) -> None:
    make_revision()
    make_revision(plan=make_plan("data", "Data"), number=9)

    assert auditor.get(f"{COMPARE}{query}").status_code == 404


def test_neither_is_a_plan_without_any(auditor: Client) -> None:
    make_plan()

    assert auditor.get(COMPARE).status_code == 404
    assert auditor.get("/plans/nowhere/compare/").status_code == 404


def test_the_policies_are_compared_as_far_as_bedrock_described_the_models(auditor: Client) -> None:
    other = "eu.anthropic.claude-opus-4-7"
    revision = make_revision(sonnet="", haiku="", default_tier="opus")
    make_revision(opus=other, sonnet="", haiku="", default_tier="opus")
    described(revision, OPUS, "eu-west-1")

    first = text_of(auditor.get(COMPARE))
    assert f"Bedrock has not been asked yet what {other} leads to" in first
    described(revision, other, "eu-west-1", "eu-north-1")
    second = text_of(auditor.get(COMPARE))

    assert "Bedrock has not been asked yet" not in second
    assert f"inference-profile/{other}" in second.partition("+++ b/iam-policy.json")[2]


def test_what_nobody_can_tell_is_said(auditor: Client) -> None:
    make_revision(credential_method=CredentialMethod.CREDENTIAL_PROCESS, credential_helper="gone")
    make_revision()

    assert text_of(auditor.get(COMPARE)).count("This cannot be told: a helper is not allowed any more") == 2


def test_only_admins_are_led_to_restoring(auditor: Client) -> None:
    make_revision()
    make_revision()

    assert "/revisions/1/restore/" not in auditor.get(COMPARE).content.decode()
    assert "/revisions/1/restore/" in client_of(Role.ADMIN).get(COMPARE).content.decode()


def test_hostile_words_are_text_and_spanish_is_spoken(auditor: Client) -> None:
    make_revision(plan=make_plan(name=HOSTILE))
    make_revision(note=HOSTILE, announcements=[HOSTILE])
    auditor.cookies["language"] = "es"

    page = auditor.get(COMPARE).content.decode()

    assert '<html lang="es"' in page
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page


@pytest.mark.parametrize("number", [2, 9])
def test_it_asks_a_constant_number_of_queries(
    number: int, auditor: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for each in range(number):
        make_revision(max_output_tokens=20_000 + each)

    with django_assert_num_queries(12):
        auditor.get(COMPARE)
