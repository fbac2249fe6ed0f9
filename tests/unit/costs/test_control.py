"""Which models CloudWatch is asked about."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from onboarding.aws import metrics
from onboarding.costs import control
from onboarding.enums import MeteredClass
from onboarding.models import ControlTotal, LogSource
from tests.factories import OPUS, SONNET, make_account

pytestmark = pytest.mark.django_db

NOW = dt.datetime(2026, 11, 25, 12, tzinfo=dt.UTC)


def test_models_that_were_counted_in_a_region_are_asked_about_as_far_as_usage_is_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    account = make_account()
    source = LogSource.objects.create(account=account, region="eu-west-1")
    for model, days, region in ((SONNET, 40, "eu-west-1"), (OPUS, 91, "eu-west-1"), ("another", 1, "us-east-1")):
        ControlTotal.objects.create(
            account=account,
            region=region,
            day=NOW.date() - dt.timedelta(days=days),
            model_id=model,
            metered_class=MeteredClass.INPUT,
            tokens=1,
        )
    asked: list[dict[str, Any]] = []

    def nothing(**said: Any) -> list[metrics.TokenTotal]:
        asked.append(said)
        return []

    monkeypatch.setattr(metrics, "token_totals", nothing)

    control.refresh(source, NOW)

    (question,) = asked
    assert question["models"] == {SONNET}
    assert (question["since"], question["until"]) == (dt.date(2026, 10, 14), dt.date(2026, 11, 26))
