"""What tests of the pages about plans share: signed-in clients, people who took something, what browsers send."""

from __future__ import annotations

import base64
import datetime as dt
import html
import json
import re
from typing import Any

import redis
from django.test import Client
from django.utils import timezone

from onboarding.enums import Outcome, Platform, Role
from onboarding.forms.plans import RevisionForm
from onboarding.models import Bundle, Enrolment, Person, PlanRevision
from onboarding.plans import draft_of
from tests.factories import make_person, make_plan, make_team, make_verification

HOSTILE = "<script>alert(1)</script>"
EDIT = "/plans/platform/edit/"
PAGES = ("/plans/", "/plans/platform/", EDIT)


def client_of(role: Role) -> Client:
    person = make_person(f"{role}@acme.example", role=role)
    client = Client()
    assert person.user is not None
    client.force_login(person.user)
    type(person.user).objects.filter(pk=person.user.pk).update(last_login=None)
    return client


def text_of(response: Any) -> str:
    assert response.status_code == 200
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", response.content.decode())))


def member(email: str, **fields: Any) -> Person:
    return make_person(email, team=make_team(make_plan()), **fields)


def took(person: Person, revision: PlanRevision, *, ago: int = 0) -> Bundle:
    """A bundle of `revision` that the person took `ago` hours ago."""
    bundle = Bundle.objects.create(
        person=person,
        revision=revision,
        verification=make_verification(person, revision),
        platform=Platform.LINUX,
        language="en",
        digest="0" * 64,
    )
    Bundle.objects.filter(pk=bundle.pk).update(created_at=timezone.now() - dt.timedelta(hours=ago))
    return bundle


def reported(person: Person, revision: PlanRevision, machine: str = "laptop", *, ago: int = 0) -> Enrolment:
    at = timezone.now() - dt.timedelta(hours=ago)
    return Enrolment.objects.create(
        person=person,
        revision=revision,
        machine=machine,
        cli_version="2.1.330",
        outcome=Outcome.PASSED,
        reported_at=at,
        connected_at=at,
    )


def values_of(revision: PlanRevision | None, **changes: Any) -> dict[str, Any]:
    """What a browser sends that changes nothing of `revision` but `changes`."""
    form = RevisionForm(instance=draft_of(make_plan(), revision))
    values: dict[str, Any] = {field.name: field.value() for field in form}
    values = {name: value for name, value in values.items() if value is not None and value is not False}
    values |= {"based_on": str(revision.number if revision else 0)}
    return {name: value for name, value in {**values, **changes}.items() if value is not None}


def hidden(response: Any, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', response.content.decode())
    return html.unescape(found[1]) if found else ""


def preview(client: Client, revision: PlanRevision | None, **changes: Any) -> Any:
    return client.post(EDIT, {**values_of(revision, **changes), "preview": "1"})


def preview_and_publish(client: Client, revision: PlanRevision | None, note: str = "Why", **changes: Any) -> Any:
    shown = preview(client, revision, **changes)
    values = {**values_of(revision, **changes), "previewed": hidden(shown, "previewed"), "note": note}
    return client.post(EDIT, {**values, "publish": "1"})


def published(broker: redis.Redis) -> list[dict[str, int]]:
    """What workers were asked to do that need not be at once, in this order, by the tasks' arguments."""
    messages = [json.loads(each) for each in reversed(broker.lrange("sweeps", 0, -1))]
    return [json.loads(base64.b64decode(each["body"]))[1] for each in messages]


def newest(slug: str = "platform") -> PlanRevision:
    return PlanRevision.objects.get(plan__slug=slug, is_current=True)
