"""What changes prices."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import IntegrityError
from django.utils import timezone

from onboarding.costs.price_table import add_price, change_multiplier, load_shipped, shipped
from onboarding.enums import EndpointKind, TokenClass
from onboarding.models import AuditEvent, Price, UsageEntry
from tests.factories import make_account, make_usage

pytestmark = pytest.mark.django_db

SONNET = "anthropic.claude-sonnet-4-6"
HAIKU = "anthropic.claude-haiku-5-5"  # long prompts have a price of their own
DAY = dt.date(2026, 10, 20)


def price(usd_per_million: str = "2.5", valid_from: dt.date = DAY, **fields: object) -> Price:
    defaults = {
        "model_id": SONNET,
        "endpoint_kind": EndpointKind.GLOBAL,
        "token_class": TokenClass.INPUT,
        "source": "Our contract",
    }
    return Price(usd_per_million=Decimal(usd_per_million), valid_from=valid_from, **{**defaults, **fields})


def shipped_price(**fields: object) -> Price:
    return Price.objects.get(
        model_id=SONNET, endpoint_kind="global", token_class="input", source__startswith="genai", **fields
    )


# --- The shipped table


def test_all_of_it_is_loaded_once() -> None:
    first = load_shipped(actor="tests")
    again = load_shipped(actor="tests")

    assert (first.added, first.left_out) == (Price.objects.count(), 0)
    assert (again.added, again.left_out) == (0, first.added)
    assert shipped_price().usd_per_million == Decimal(3)
    assert shipped_price().source == f"{shipped().name}, {shipped().date}"
    event = AuditEvent.objects.get()
    assert (event.action, event.target) == ("prices.loaded", shipped().name)
    assert event.details == {"added": first.added, "left_out": 0, "priced": 0, "repriced": 0}


def test_every_row_of_it_is_a_valid_price() -> None:
    for row in shipped().prices():
        row.full_clean(validate_unique=False, validate_constraints=False)


def test_a_row_that_an_admin_changed_stays_as_it_is() -> None:
    load_shipped(actor="tests")
    Price.objects.filter(pk=shipped_price().pk).update(usd_per_million="2.2")

    load_shipped(actor="tests")

    assert shipped_price().usd_per_million == Decimal("2.2")


def test_no_shipped_price_begins_after_an_admins_own() -> None:
    price(valid_from=dt.date(2020, 1, 1)).save()

    loaded = load_shipped(actor="tests")

    assert loaded.left_out == 1
    assert Price.objects.get(model_id=SONNET, endpoint_kind="global", token_class="input").source == "Our contract"


def test_an_admins_later_price_leaves_what_was_before_it() -> None:
    price().save()

    assert load_shipped(actor="tests").left_out == 0
    assert shipped_price().valid_from < DAY


def test_usage_that_waited_for_the_table_is_priced() -> None:
    make_usage(day=DAY, rate=None, model_id=SONNET, input=1_000_000, output=1_000_000)

    assert load_shipped(actor="tests").priced == 2
    assert set(UsageEntry.objects.values_list("token_class", "rate")) == {("input", 3_300_000), ("output", 16_500_000)}


def test_a_price_that_changes_in_the_table_holds_for_its_days_of_this_month() -> None:
    load_shipped(actor="tests")
    today = timezone.now().date()
    make_usage(day=today, rate=9, model_id=SONNET, endpoint_kind="global")
    # As if the table had had another price before, and this release brought the one that it has.
    Price.objects.filter(pk=shipped_price().pk).update(valid_from=dt.date(2020, 1, 1), usd_per_million=9)

    loaded = load_shipped(actor="tests")

    assert (loaded.added, loaded.priced, loaded.repriced) == (1, 0, 1)
    assert UsageEntry.objects.get().rate == 3_000_000
    assert AuditEvent.objects.latest("pk").details["repriced"] == 1


def test_the_price_of_long_prompts_that_comes_with_a_release_holds_for_this_month() -> None:
    load_shipped(actor="tests")
    longs = Price.objects.filter(model_id=HAIKU, endpoint_kind="global", is_long_prompt=True)
    rate = longs.get(token_class="input").usd_per_million * 1_000_000
    longs.delete()
    today = timezone.now().date()
    for is_long_prompt in (True, False):
        # Either at the ordinary price, which long prompts have without one of their own.
        make_usage(day=today, rate=9, model_id=HAIKU, endpoint_kind="global", is_long_prompt=is_long_prompt)

    loaded = load_shipped(actor="tests")

    assert (loaded.priced, loaded.repriced) == (0, 1)
    assert dict(UsageEntry.objects.values_list("meter__is_long_prompt", "rate")) == {True: rate, False: 9}


def test_the_command_says_what_it_did() -> None:
    out = StringIO()

    call_command("load_prices", stdout=out)
    call_command("load_prices", stdout=out)

    count = Price.objects.count()
    first, second = out.getvalue().splitlines()
    assert first.startswith(f"genai-prices {shipped().version}, {shipped().date}: {count} prices added, 0 left as")
    assert f"0 prices added, {count} left as they are" in second
    assert AuditEvent.objects.get().actor == "manage.py load_prices"


def test_usage_that_waited_for_a_seeded_price_is_priced(tmp_path: Path) -> None:
    make_usage(day=DAY, rate=None, model_id="anthropic.claude-saga-1", input=1_000_000, output=5)
    entry = {
        "model_id": "anthropic.claude-saga-1",
        "endpoint_kind": "geographic",
        "valid_from": "2026-10-01",
        "source": "AWS price list",
        "usd_per_million": {"input": "3.30"},
    }
    file = tmp_path / "company.json"
    file.write_text(json.dumps({"prices": [entry]}))

    call_command("seed", str(file), stdout=StringIO())

    assert dict(UsageEntry.objects.values_list("token_class", "rate")) == {"input": 3_300_000, "output": None}


# --- An admin's prices


def test_a_price_is_added_audited_and_prices_what_had_none_and_this_month_anew() -> None:
    make_usage(day=DAY, rate=None, model_id=SONNET, endpoint_kind="global")
    make_usage(day=DAY, rate=1, model_id=SONNET, endpoint_kind="global", region="us-east-1")
    make_usage(day=timezone.now().date(), rate=1, model_id=SONNET, endpoint_kind="global")

    assert add_price(price("2.5"), actor="admin@acme.example") == 2

    assert list(UsageEntry.objects.order_by("pk").values_list("rate", flat=True)) == [2_500_000, 1, 2_500_000]
    event = AuditEvent.objects.get()
    assert (event.actor, event.action, event.target) == ("admin@acme.example", "price.added", SONNET)
    assert event.details == {
        "endpoint_kind": "global",
        "token_class": "input",
        "is_long_prompt": False,
        "usd_per_million": "2.5",
        "valid_from": "2026-10-20",
        "source": "Our contract",
        "priced": 1,
        "repriced": 1,
    }


def test_a_price_that_is_there_is_not_replaced() -> None:
    add_price(price(), actor="tests")

    with pytest.raises(IntegrityError):
        add_price(price("9"), actor="tests")


# --- Multipliers


def test_a_multiplier_is_changed_and_audited_and_leaves_what_is_priced() -> None:
    account = make_account()
    make_usage(day=DAY, rate=3_000_000)

    assert change_multiplier(account, Decimal("0.9000"), actor="admin@acme.example", reason="A discount")

    account.refresh_from_db()
    assert account.price_multiplier == Decimal("0.9")
    assert UsageEntry.objects.get().rate == 3_000_000
    event = AuditEvent.objects.get()
    assert (event.action, event.target) == ("account.multiplier_changed", "111122223333")
    assert event.details == {"before": "1", "after": "0.9", "reason": "A discount"}


def test_the_same_multiplier_is_no_change() -> None:
    assert not change_multiplier(make_account(), Decimal("1.0"), actor="tests", reason="")
    assert not AuditEvent.objects.exists()
