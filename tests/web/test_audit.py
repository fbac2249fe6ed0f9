"""The page of audit events: who may read it, what it says, how it is narrowed and paged; and the file of it."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.conf import settings
from django.contrib import admin as djangos_admin
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from onboarding.admin import Audited
from onboarding.enums import Role
from onboarding.models import AuditEvent
from onboarding.views.audit_words import ACTIONS, action_word, details_of
from tests.factories import make_person
from tests.web.cost_pages import HOSTILE, admin, read, signed_in, text_of

pytestmark = pytest.mark.django_db

URL, FILE = "/audit/", "/audit/export.csv"
DAY = dt.datetime(2026, 11, 10, 9, 30, tzinfo=dt.UTC)


def record(target: str = "thing", on: dt.datetime = DAY, /, **fields: Any) -> AuditEvent:
    defaults = {"actor": "ana@acme.example", "action": "bundle.made"}
    with time_machine.travel(on, tick=False):
        return AuditEvent.objects.record(target=target, **{**defaults, **fields})


def targets(query: str = "", client: Client | None = None) -> list[str]:
    """What the page lists, in its order."""
    return re.findall(r"<td><bdi>(.*?)</bdi></td>", read(f"{URL}{query}", client))


def exported(query: str = "") -> list[dict[str, str]]:
    response = admin().get(f"{FILE}{query}")
    assert response.status_code == 200
    content = b"".join(response.streaming_content)  # type: ignore[attr-defined]  # a streamed response has it
    return list(csv.DictReader(io.StringIO(content.decode())))


# --- Who may


@pytest.mark.parametrize("url", [URL, FILE])
def test_it_is_for_auditors_and_admins(url: str, client: Client) -> None:
    assert client.get(url)["Location"] == f"/?next={url}"
    assert signed_in(make_person()).get(url).status_code == 403
    assert signed_in(make_person(role=Role.AUDITOR)).get(url).status_code == 200
    assert admin().get(url).status_code == 200


@pytest.mark.parametrize("url", [URL, FILE])
def test_nothing_is_sent_to_it(url: str) -> None:
    assert admin().post(url).status_code == 405


def test_its_link_is_shown_to_whom_it_is_for() -> None:
    assert f'href="{URL}"' not in signed_in(make_person()).get("/diagnose/").content.decode()
    page = signed_in(make_person(role=Role.AUDITOR)).get("/diagnose/").content.decode()
    assert f'href="{URL}"' in page
    assert "/django-admin/" not in page


# --- What it says


def test_an_event_reads_without_codes() -> None:
    record(
        "ana@acme.example",
        action="code.issued",
        purposes=["install", "report"],
        platform="macos",
        before=None,
        is_long_prompt=True,
        filter={"team": "7", "model": ""},
        some_thing="of another Onramp",
    )

    said = text_of(read(URL))

    assert "10 November 2026, 09:30 UTC" in said
    assert "Got one-time codes" in said
    assert "for Fetch a bundle, Send the doctor's report" in said.replace("&#x27;", "'")
    for words in ("platform macOS", "long prompts yes", "filter: team 7", "some thing of another Onramp"):
        assert words in said, words
    for nothing in ("before", "{", "is_long_prompt"):
        assert nothing not in said.partition("Got one-time codes")[2].partition("Onramp sets up")[0]


def test_it_reads_in_spanish() -> None:
    record(action="bundle.made", digest="0" * 8)
    client = admin()
    client.cookies["language"] = "es"

    said = text_of(read(URL, client))

    assert "Paquete creado" in said
    assert "Quién hizo qué y cuándo" in said


@pytest.mark.parametrize("details", [{}, {"trigger": "of another Onramp"}, {"trigger": 7, "role": None}, [], "text"])
def test_what_this_onramp_would_not_have_written_is_shown_all_the_same(details: Any) -> None:
    event = AuditEvent.objects.create(actor="a", action="moon.landed", target="t", details=details)

    assert "moon.landed" in read(URL)
    assert all(isinstance(text, str) for pair in details_of(event) for text in pair)
    assert action_word("moon.landed") == "moon.landed"


def test_hostile_text_is_text() -> None:
    record(HOSTILE, actor=HOSTILE, reason=HOSTILE, **{HOSTILE: HOSTILE})

    page = read(f"{URL}?target={HOSTILE}")

    assert "<script>alert" not in page
    assert page.count("&lt;script&gt;alert") >= 6


def test_nothing_before_or_after_has_a_word() -> None:
    event = record(plan=["", "platform"], groups=["a", ""])

    assert [value for _name, value in details_of(event)] == ["none, platform", "a, none"]


def test_the_page_is_empty_before_anything_was_done() -> None:
    assert "There is no event yet." in read(URL)
    assert "No event matches this filter." in read(f"{URL}?actor=nobody")


def test_every_action_in_the_code_has_words() -> None:
    """A new one gets its line in `ACTIONS`, and so its place in the page's filter."""
    sources = sorted(Path(settings.BASE_DIR, "onboarding").rglob("*.py"))
    written = {found for path in sources for found in re.findall(r'action="([a-z_-]+\.[a-z_-]+)"', path.read_text())}
    assert len(written) > 15
    of_admin = [model for model, its_admin in djangos_admin.site._registry.items() if isinstance(its_admin, Audited)]
    written |= {f"{model._meta.model_name}.{deed}" for model in of_admin for deed in ("added", "changed", "deleted")}
    # Nobody adds or deletes people there.
    assert written - {"person.added", "person.deleted"} - set(ACTIONS) == set()


# --- Narrowing it


def test_the_newest_is_first() -> None:
    record("new")
    record("old", DAY - dt.timedelta(days=1))
    record("newest")

    assert targets() == ["newest", "new", "old"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("?actor=ANA@acme.example", ["c", "a"]),
        ("?actor=ana", []),
        ("?target=B", ["b"]),
        ("?action=price.added", ["c", "b"]),
        ("?action=price.added&actor=ana@acme.example", ["c"]),
        ("?since=2026-11-11", ["c"]),
        ("?until=2026-11-10", ["b", "a"]),
        ("?since=2026-11-10&until=2026-11-10", ["b", "a"]),
        ("?since=2026-11-11&until=2026-11-10", []),
    ],
)
def test_it_is_narrowed_by_the_url_alone(query: str, found: list[str]) -> None:
    record("a")
    record("b", DAY.replace(hour=23, minute=59, second=59), actor="bo@acme.example", action="price.added")
    record("c", DAY + dt.timedelta(days=1), action="price.added")

    assert targets(query) == found
    assert [row["target"] for row in exported(query)] == found


@pytest.mark.parametrize(
    "query",
    ["?action=nothing", "?since=yesterday", "?until=9999-12-31", "?before=x", "?after=-1", f"?before={10**18}"],
)
def test_what_the_url_asks_for_in_vain_is_left_out(query: str) -> None:
    record("a")
    name = query[1:].partition("=")[0]

    assert targets(query) == ["a"]
    assert ("which was left out" in read(f"{URL}{query}")) == (name not in ("before", "after"))


def test_a_nul_is_no_text_of_postgresqls() -> None:
    record("a")

    assert targets("?actor=%00&target=%00") == ["a"]


# --- Pages


def test_pages_follow_one_another_both_ways_and_miss_nothing() -> None:
    # Some of them at the same moment.
    names = [f"event-{number:03}" for number in range(120)]
    for number, name in enumerate(names):
        record(name, DAY + dt.timedelta(seconds=number // 7))

    first = targets()
    older = _link("", "next")
    second = targets(older)
    third = targets(_link(older, "next"))

    assert first + second + third == names[::-1]
    assert _link(_link(older, "next"), "next") == ""
    back = _link(_link(older, "next"), "prev")
    assert targets(back) == second
    assert targets(_link(back, "prev")) == first
    assert _link(_link(back, "prev"), "prev") == ""


def test_a_page_stays_what_it_was_while_events_are_added() -> None:
    for number in range(60):
        record(str(number))
    older = _link("", "next")
    before = targets(older)

    record("new", DAY + dt.timedelta(days=1))

    assert targets(older) == before


def test_pages_keep_the_filter_and_the_filter_begins_at_the_newest() -> None:
    for number in range(60):
        record(str(number))

    older = _link("?actor=ana@acme.example", "next")

    assert "actor=ana" in older
    assert f'{FILE}?actor=ana%40acme.example"' in read(f"{URL}{older}")


def _link(query: str, rel: str) -> str:
    found = re.search(rf'rel="{rel}" href="([^"]*)"', read(f"{URL}{query}"))
    return found[1].replace("&amp;", "&") if found else ""


@pytest.mark.parametrize("number", [1, 55])
def test_it_asks_a_constant_number_of_queries(number: int, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    for each in range(number):
        record(str(each), DAY + dt.timedelta(seconds=each))
    client, key = admin(), AuditEvent.objects.order_by("pk")[0].pk

    with django_assert_num_queries(4):
        client.get(f"{URL}?actor=ana@acme.example")
    with django_assert_num_queries(5):
        client.get(f"{URL}?after={key}")


# --- The file


def test_the_file_is_for_programs_and_leaves_an_event_that_it_does_not_hold() -> None:
    record("ana@acme.example", digest="00ff", name="Núñez")

    (row,) = exported("?action=bundle.made&since=2026-11-01")

    assert row == {
        "at": "2026-11-10T09:30:00+00:00",
        "actor": "ana@acme.example",
        "action": "bundle.made",
        "target": "ana@acme.example",
        "details": '{"digest": "00ff", "name": "Núñez"}',
    }
    event = AuditEvent.objects.get(action="audit.exported")
    assert event.actor == "carla.soto@acme.example"
    assert event.details == {"filter": {"action": "bundle.made", "since": "2026-11-01"}}


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", " =", "\uff1d"])
def test_no_cell_of_the_file_is_a_formula(start: str) -> None:
    text = f"{start}HYPERLINK(1)"
    record(text, actor=text, reason=text)

    (row,) = exported("?action=bundle.made")

    assert (row["actor"], row["target"]) == (f"'{text}", f"'{text}")
    assert json.loads(row["details"]) == {"reason": text}


def test_the_file_is_streamed_from_one_query(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    for number in range(60):
        record(str(number))
    client = admin()

    with django_assert_num_queries(6):
        response = client.get(FILE)
        lines = list(response.streaming_content)  # type: ignore[attr-defined]  # as above

    assert len(lines) == 61
