"""Dashboard, alerts, runbook and documentation speak of what `/metrics` exports, and of nothing else."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from django.conf import settings as django_settings
from django.test import Client
from django.urls import get_resolver
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families
from pytest_django import Settings

from onboarding import VERSION, tasks
from onboarding.aws.errors import mapped
from onboarding.instruments import Outcome, Result
from onboarding.models import LogSource, PeriodicTask
from onboarding.views.metrics import exposition
from tests.factories import make_account

BASE_DIR = Path(__file__).resolve().parents[2]
MONITORING = BASE_DIR / "deploy/monitoring"
# Words of PromQL that stand where a label could.
_SELECTOR = re.compile(r"\b(onramp_[a-z_]+)(?:\{([^}]*)\})?")
_MATCHER = re.compile(r'\s*([a-z_]+)\s*(=~|!~|=|!=)\s*"([^"]*)"\s*')
_GROUPING = re.compile(r"\bby \(([a-z_, ]+)\)")
_FUNCTIONS = {"absent", "by", "histogram_quantile", "increase", "max", "min", "rate", "sum", "topk"}


@pytest.fixture
def exported(client: Client, settings: Settings) -> dict[str, dict[str, set[str]]]:
    """Every sample's name, the names of its labels and their values, after a little of everything has happened."""
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
    return _samples(response.content)


def _samples(page: bytes) -> dict[str, dict[str, set[str]]]:
    found: dict[str, dict[str, set[str]]] = {}
    for family in text_string_to_metric_families(page.decode()):
        for sample in family.samples:
            labels = found.setdefault(sample.name, {})
            for name, value in sample.labels.items():
                labels.setdefault(name, set()).add(value)
    return found


def _possible(label: str, exported: dict[str, set[str]]) -> set[str]:
    """What a label may be. Figures from the database come with each of their values, counts once there is one."""
    match label:
        case "outcome":
            return set(get_args(Outcome))
        case "result":
            return set(get_args(Result))
        case "status":
            return {f"{hundred}xx" for hundred in range(1, 6)}
        case "view":
            return {name for name in get_resolver().reverse_dict if isinstance(name, str)}
    return exported[label]


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
def test_a_query_names_only_what_is_exported(place: str, query: str, exported: dict[str, dict[str, set[str]]]) -> None:
    selectors = _SELECTOR.findall(query)
    assert selectors
    for name, matchers in selectors:
        assert name in exported, place
        for matcher in filter(None, re.split(r",(?=\s*[a-z_]+\s*[=!])", matchers)):
            parts = _MATCHER.fullmatch(matcher)
            assert parts is not None, f"{place}: {matcher}"
            label, sign, value = parts.groups()
            assert label in exported[name], f"{place}: {name} has no {label}"
            values = value.split("|") if "~" in sign else [value]
            assert set(values) - _possible(label, exported[name]) == set(), place
    labels: set[str] = set().union(*(exported[name] for name, _ in selectors))
    for grouping in _GROUPING.findall(query):
        assert {label.strip() for label in grouping.split(",")} <= labels, place


@pytest.mark.django_db
def test_without_a_web_process_the_portal_counts_as_down() -> None:
    """Workers answer Prometheus as well, and their pages must not quieten the alert."""
    (watched,) = [re.findall(r"absent\((\w+)\)", rule["expr"]) for rule in _rules() if rule["alert"] == "OnrampDown"]
    assert set(watched) <= set(_samples(exposition(has_gauges=True)))
    assert set(watched) & set(_samples(exposition(has_gauges=False))) == set()


def test_alerts_on_requests_look_at_what_people_ask_for() -> None:
    """Probes and scrapes come every few seconds, and would outnumber the pages that fail."""
    asked = [
        labels for rule in _rules() for labels in re.findall(r"onramp_request_seconds_\w+(\{[^}]*\})?", rule["expr"])
    ]
    assert len(asked) > 2
    assert [labels for labels in asked if 'view!~"metrics|livez|readyz"' not in labels] == []


def test_whatever_goes_wrong_with_aws_is_in_an_alert() -> None:
    """`ok` and `refused` are answers; everything else is somebody's to mend."""
    selected = [
        values for rule in _rules() for values in re.findall(r'aws_call_\w+\{result=~?"([^"]+)"\}', rule["expr"])
    ]
    assert sorted("|".join(selected).split("|")) == sorted(set(get_args(Result)) - {"ok", "refused"})


def test_an_alert_that_counts_what_happened_does_not_wait_for_it_to_go_on() -> None:
    """An increase is over as soon as its range is: with a `for` as long as that, it rings for nothing that ends."""
    counting = {rule["alert"]: rule["for"] for rule in _rules() if "increase(" in rule["expr"]}
    assert counting
    assert set(counting.values()) == {"0m"}


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
def test_the_table_of_metrics_is_that_of_the_code(exported: dict[str, dict[str, set[str]]]) -> None:
    text = (BASE_DIR / "docs/observability.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(onramp_[a-z_]+)` \| ([^|]*)\|", text, re.MULTILINE)
    documented = {name: set(re.findall(r"`(\w+)`", labels)) for name, labels in rows}
    real = {
        re.sub(r"_(?:bucket|count|sum|created)$", "", name): set(labels) - {"le"} for name, labels in exported.items()
    }

    assert documented == real


def test_the_release_is_that_of_the_project() -> None:
    assert f'version = "{VERSION}"' in (BASE_DIR / "pyproject.toml").read_text()
