"""An older revision as a new one, through the same rules as any other. For admins."""

from __future__ import annotations

from typing import Any

import pytest
import redis
from django.test import Client
from pytest_django import Settings

from onboarding.enums import CredentialMethod, Role, Trigger
from onboarding.models import AuditEvent, PlanRevision, Sweep
from onboarding.plans import settings_of
from tests.factories import make_plan, make_revision
from tests.web.plan_pages import HOSTILE, client_of, hidden, member, newest, published, text_of, took

pytestmark = pytest.mark.django_db

RESTORE = "/plans/platform/revisions/1/restore/"


@pytest.fixture
def admin() -> Client:
    return client_of(Role.ADMIN)


def restore(client: Client, note: str = "Back to what worked.", **changes: Any) -> Any:
    """What a browser sends that was shown the page."""
    based_on = hidden(client.get(RESTORE), "based_on")
    return client.post(RESTORE, {"note": note, "based_on": based_on, **changes})


def test_who_may() -> None:
    make_revision()
    make_revision(max_output_tokens=24_000)
    for role in (Role.AUDITOR, Role.PERSON):
        client = client_of(role)
        assert client.get(RESTORE).status_code == 403
        assert client.post(RESTORE, {"note": "Mine", "based_on": "2"}).status_code == 403
    assert PlanRevision.objects.count() == 2


def test_what_it_would_change_is_shown_first(admin: Client) -> None:
    make_revision(max_output_tokens=16_000, prompt_caching="off", note="The first")
    current = make_revision(max_output_tokens=24_000)
    took(member("ana@acme.example"), current)

    page = text_of(admin.get(RESTORE))

    assert "Revision 1 can be restored as revision 3" in page
    assert "The first" in page
    assert '- "CLAUDE_CODE_MAX_OUTPUT_TOKENS": "24000"' in page
    assert '+ "CLAUDE_CODE_MAX_OUTPUT_TOKENS": "16000"' in page
    assert "Without the prompt cache every turn pays" in page
    assert "It concerns one person. One of them has to install again." in page
    assert PlanRevision.objects.count() == 2


def test_it_becomes_the_newest_with_its_lints_its_record_and_a_sweep(admin: Client) -> None:
    old = make_revision(max_output_tokens=16_000, prompt_caching="off")
    make_revision(max_output_tokens=24_000)

    answer = restore(admin)

    assert (answer.status_code, answer["Location"]) == (302, "/plans/platform/")
    restored = newest()
    assert (restored.number, restored.note) == (3, "Back to what worked.")
    assert settings_of(restored) == settings_of(old)
    assert "caching-off" in [row["name"] for row in restored.lints]
    event = AuditEvent.objects.get(action="plan.published")
    assert (event.actor, event.details) == ("admin@acme.example", {"revision": 3, "restores": 1})
    assert Sweep.objects.get().trigger == Trigger.PLAN_PUBLISHED


@pytest.mark.django_db(transaction=True)
def test_the_sweep_is_enqueued_with_it(admin: Client, broker: redis.Redis) -> None:
    make_revision(max_output_tokens=16_000)
    make_revision()

    restore(admin)

    sweep = Sweep.objects.get()
    assert published(broker) == [{"plan_id": sweep.plan_id}, {"sweep_id": sweep.pk}]


def test_it_needs_a_note(admin: Client) -> None:
    make_revision(max_output_tokens=16_000)
    make_revision()

    assert "Say what changes, for everybody it concerns." in text_of(restore(admin, note=" "))
    assert newest().number == 2


@pytest.mark.parametrize("based_on", ["2", "", "x", "-1"])
def test_what_was_published_meanwhile_is_not_overwritten(based_on: str, admin: Client) -> None:
    make_revision(max_output_tokens=16_000)
    make_revision(max_output_tokens=24_000)
    make_revision(max_output_tokens=32_000)

    page = restore(admin, based_on=based_on)

    assert "Somebody published revision 3 meanwhile, so nothing was restored." in text_of(page)
    assert '- "CLAUDE_CODE_MAX_OUTPUT_TOKENS": "32000"' in text_of(page)
    assert hidden(page, "based_on") == "3"
    assert newest().number == 3
    assert AuditEvent.objects.count() == 0


def test_what_is_current_needs_no_restoring(admin: Client) -> None:
    make_revision(max_output_tokens=16_000)
    make_revision(max_output_tokens=24_000)
    make_revision(max_output_tokens=16_000)

    page = admin.get(RESTORE)
    admin.post(RESTORE, {"note": "Again", "based_on": "3"})

    assert "there is nothing to restore" in text_of(page)
    assert 'name="publish"' not in page.content.decode()
    assert newest().number == 3


def test_what_todays_rules_refuse_stays_old(admin: Client, settings: Settings) -> None:
    make_revision(credential_method=CredentialMethod.CREDENTIAL_PROCESS, credential_helper="gone")
    make_revision()

    page = text_of(admin.get(RESTORE))
    admin.post(RESTORE, {"note": "Again", "based_on": "2"})

    assert "Revision 1 cannot be restored" in page
    assert "The operator allows no helper of this name" in page
    assert newest().number == 2
    settings.ONRAMP_CREDENTIAL_HELPERS = {"gone": "/opt/acme/helper"}
    restore(admin)
    assert newest().credential_helper == "gone"


def test_nor_does_a_value_that_no_file_may_hold(admin: Client) -> None:
    make_revision(permission_set="Two\nLines")
    make_revision()

    assert "Revision 1 cannot be restored" in text_of(admin.get(RESTORE))


@pytest.mark.parametrize("path", ["/plans/platform/revisions/7/restore/", "/plans/other/revisions/1/restore/"])
def test_what_is_not_there_is_not_found(path: str, admin: Client) -> None:
    make_revision()
    make_plan("other", "Other")

    assert admin.get(path).status_code == 404
    assert admin.post(path, {"note": "x", "based_on": "1"}).status_code == 404


def test_hostile_words_are_text_and_spanish_is_spoken(admin: Client) -> None:
    make_revision(plan=make_plan(name=HOSTILE), note=HOSTILE, announcements=[HOSTILE])
    make_revision()
    admin.cookies["language"] = "es"

    page = admin.get(RESTORE).content.decode()

    assert '<html lang="es"' in page
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page
