"""Dashboard, alerts, runbook and documentation speak of what `/metrics` exports, and of nothing else."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import settings as django_settings
from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families
from pytest_django import Settings

from onboarding import VERSION, tasks
from onboarding.aws.errors import mapped
from onboarding.models import LogSource, PeriodicTask
from tests.factories import make_account

BASE_DIR = Path(__file__).resolve().parents[2]
MONITORING = BASE_DIR / "deploy/monitoring"
# Words of PromQL that stand where a label could.
_SELECTOR = re.compile(r"\b(onramp_[a-z_]+)(?:\{([^}]*)\})?")
_MATCHER = re.compile(r'\s*([a-z_]+)\s*(?:=~|!~|=|!=)\s*"([^"]*)"\s*')
_GROUPING = re.compile(r"\bby \(([a-z_, ]+)\)")
_FUNCTIONS = {"absent", "by", "histogram_quantile", "increase", "max", "min", "rate", "sum", "topk"}


@pytest.fixture
def exported(client: Client, settings: Settings) -> dict[str, set[str]]:
    """Every sample's name and the names of its labels, after a little of everything has happened."""
    settings.ONRAMP_METRICS_TOKEN = "a-token-for-tests-0123456789"
    schedule = django_settings.CELERY_BEAT_SCHEDULE
    PeriodicTask.objects.bring_up_to_date({name: entry["task"] for name, entry in schedule.items()}, timezone.now())
    source = {"region": "eu-west-1", "destination": "s3://bucket/", "read_until": timezone.now()}
    LogSource.objects.create(account=make_account(), **source)
    client.get("/livez")
    tasks.forget_expired.apply(throw=True)
    with mapped("iam:ListTests"):
        pass
    response = client.get("/metrics", headers={"Authorization": f"Bearer {settings.ONRAMP_METRICS_TOKEN}"})
    samples = [s for family in text_string_to_metric_families(response.content.decode()) for s in family.samples]
    found: dict[str, set[str]] = {}
    for sample in samples:
        found.setdefault(sample.name, set()).update(sample.labels)
    return found


def _rules() -> list[dict[str, Any]]:
    document = yaml.safe_load((MONITORING / "alerts.yaml").read_text(encoding="utf-8"))
    return [rule for group in document["groups"] for rule in group["rules"]]


def _queries() -> Iterator[tuple[str, str]]:
    """Where a query stands, and the query."""
    for rule in _rules():
        yield rule["alert"], rule["expr"]
    for panel in json.loads((MONITORING / "dashboard.json").read_text(encoding="utf-8"))["panels"]:
        for target in panel["targets"]:
            yield panel["title"], target["expr"]
    for query in re.findall(r"`([^`]*onramp_[^`]*)`", (BASE_DIR / "docs/runbook.md").read_text(encoding="utf-8")):
        yield "runbook", query


QUERIES = list(_queries())


@pytest.mark.django_db
@pytest.mark.parametrize(("place", "query"), QUERIES, ids=[place for place, _ in QUERIES])
def test_a_query_names_only_what_is_exported(place: str, query: str, exported: dict[str, set[str]]) -> None:
    selectors = _SELECTOR.findall(query)
    assert selectors
    for name, matchers in selectors:
        assert name in exported, place
        for matcher in filter(None, re.split(r",(?=\s*[a-z_]+\s*[=!])", matchers)):
            parts = _MATCHER.fullmatch(matcher)
            assert parts is not None, f"{place}: {matcher}"
            assert parts[1] in exported[name], f"{place}: {name} has no {parts[1]}"
    labels = set().union(*(exported[name] for name, _ in selectors))
    for grouping in _GROUPING.findall(query):
        assert {label.strip() for label in grouping.split(",")} <= labels, place


@pytest.mark.parametrize(("place", "query"), QUERIES, ids=[place for place, _ in QUERIES])
def test_a_query_is_well_formed(place: str, query: str) -> None:
    """No parser of PromQL is at hand: brackets close, and words are known."""
    bare = re.sub(r'"[^"]*"', "", query)
    depth: list[str] = []
    for sign in bare:
        if sign in "([{":
            depth.append(sign)
        elif sign in ")]}":
            assert depth, place
            assert depth.pop() + sign in {"()", "[]", "{}"}, place
    assert depth == [], place
    words = re.sub(r"\{[^}]*\}|\[\d+[smhd]\]|by \([^)]*\)|onramp_[a-z_]+|\d+(?:\.\d+)?", " ", bare)
    assert set(re.findall(r"[a-z_]+", words)) - _FUNCTIONS == set(), place


def test_every_alert_has_its_section_in_the_runbook_and_every_section_its_alert() -> None:
    sections = re.split(r"^## ", (BASE_DIR / "docs/runbook.md").read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    by_name = {section.partition("\n")[0]: section for section in sections}
    alerts = [rule["alert"] for rule in _rules()]

    assert sorted(alerts) == sorted(by_name)
    for name, section in by_name.items():
        assert re.findall(r"^\*\*(\w+):\*\*", section, re.MULTILINE) == ["Means", "Look", "Do"], name
    for rule in _rules():
        assert rule["annotations"]["runbook"] == f"docs/runbook.md#{rule['alert'].lower()}"
        assert rule["labels"]["severity"] in {"critical", "warning"}
        assert re.fullmatch(r"\d+m", rule["for"])


def test_the_alerts_on_the_schedule_name_each_of_its_entries_once() -> None:
    named = [
        name
        for rule in _rules()
        for names in re.findall(r'periodic_task_age_seconds\{name=~"([^"]+)"', rule["expr"])
        for name in names.split("|")
    ]
    assert sorted(named) == sorted(django_settings.CELERY_BEAT_SCHEDULE)


@pytest.mark.django_db
def test_the_table_of_metrics_is_that_of_the_code(exported: dict[str, set[str]]) -> None:
    text = (BASE_DIR / "docs/observability.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(onramp_[a-z_]+)` \| ([^|]*)\|", text, re.MULTILINE)
    documented = {name: set(re.findall(r"`(\w+)`", labels)) for name, labels in rows}
    real = {re.sub(r"_(?:bucket|count|sum|created)$", "", name): labels - {"le"} for name, labels in exported.items()}

    assert documented == real


def test_the_release_is_that_of_the_project() -> None:
    assert f'version = "{VERSION}"' in (BASE_DIR / "pyproject.toml").read_text()
