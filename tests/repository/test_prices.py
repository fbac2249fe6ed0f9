"""The shipped price table is what the installed genai-prices says."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from decimal import Decimal

import pytest
from genai_prices.types import (
    ClauseEquals,
    ConditionalPrice,
    ModelInfo,
    ModelPrice,
    Provider,
    StartDateConstraint,
    Tier,
    TieredPrices,
    TimeOfDateConstraint,
)

from onboarding.catalog import parse_profile_id
from onboarding.enums import EndpointKind, TokenClass
from tests.repository import prices
from tests.repository.prices import EARLIEST, Priced

TODAY = dt.date(2026, 12, 1)
SONNET = Priced("anthropic.claude-sonnet-4-6", EndpointKind.GLOBAL, False, TokenClass.INPUT)


def test_the_shipped_table_is_current() -> None:
    assert prices.problems(prices.shipped()) == []


def test_it_has_its_date_and_version_and_so_does_each_of_its_entries() -> None:
    document = prices.shipped()

    assert dt.date(2026, 11, 1) <= dt.date.fromisoformat(document["date"]) <= dt.datetime.now(dt.UTC).date()
    newest = f"genai-prices {document['version']}, {document['date']}"
    assert newest in {entry["source"] for entry in document["prices"]}
    assert {entry["source"].partition(" ")[0] for entry in document["prices"]} == {"genai-prices"}


def test_nothing_new_changes_nothing() -> None:
    document = prices.shipped()

    assert prices.updated(document, TODAY) == document


def test_every_model_has_an_id_that_bedrock_could_have() -> None:
    ids = {key.model_id for key in prices.current()}

    assert len(ids) >= 26
    assert all(model_id.startswith("anthropic.claude-") for model_id in ids)
    # A geography or `global` in front of it makes a profile's id.
    assert {parse_profile_id(f"eu.{model_id}").model_id for model_id in ids} == ids  # type: ignore[union-attr]  # all are


@pytest.mark.parametrize(
    ("model_id", "kind", "figures"),
    [
        ("anthropic.claude-sonnet-4-6", EndpointKind.GLOBAL, ["3", "15", "0.3", "3.75", "6"]),
        ("anthropic.claude-sonnet-4-6", EndpointKind.GEOGRAPHIC, ["3.3", "16.5", "0.33", "4.125", "6.6"]),
        ("anthropic.claude-sonnet-4-6", EndpointKind.IN_REGION, ["3.3", "16.5", "0.33", "4.125", "6.6"]),
        ("anthropic.claude-opus-5", EndpointKind.GLOBAL, ["5", "25", "0.5", "6.25", "10"]),
        ("anthropic.claude-opus-5", EndpointKind.GEOGRAPHIC, ["5.5", "27.5", "0.55", "6.875", "11"]),
        ("anthropic.claude-haiku-4-5-20251001-v1:0", EndpointKind.GLOBAL, ["1", "5", "0.1", "1.25", "2"]),
        ("anthropic.claude-haiku-4-5-20251001-v1:0", EndpointKind.GEOGRAPHIC, ["1.1", "5.5", "0.11", "1.375", "2.2"]),
        ("anthropic.claude-sonnet-5", EndpointKind.GLOBAL, ["2", "10", "0.2", "2.5", "4"]),
        ("anthropic.claude-sonnet-5", EndpointKind.GEOGRAPHIC, ["2.2", "11", "0.22", "2.75", "4.4"]),
        ("anthropic.claude-fable-5", EndpointKind.GLOBAL, ["10", "50", "1", "12.5", "20"]),
        ("anthropic.claude-fable-5", EndpointKind.GEOGRAPHIC, ["11", "55", "1.1", "13.75", "22"]),
    ],
)
def test_figures_as_aws_lists_them(model_id: str, kind: EndpointKind, figures: list[str]) -> None:
    """In the order input, output, cache read, cache write for 5 minutes, and for an hour."""
    found = prices.periods_in(prices.shipped())

    listed = [found[Priced(model_id, kind, False, token_class)] for token_class in TokenClass]
    assert listed == [{EARLIEST: Decimal(figure)} for figure in figures]


def test_what_genai_prices_does_not_price_is_left_out() -> None:
    found = prices.periods_in(prices.shipped())

    # No price for a cache of an hour, and no global inference of a model that has none.
    assert Priced("anthropic.claude-opus-4-1-20250805-v1:0", "geographic", False, "cache-write-5m") in found
    assert Priced("anthropic.claude-opus-4-1-20250805-v1:0", "geographic", False, "cache-write-1h") not in found
    assert not [
        key for key in found if key.model_id.startswith("anthropic.claude-3") and key.endpoint_kind == "global"
    ]


def test_long_prompts_have_prices_of_their_own_where_there_are_any() -> None:
    found = prices.periods_in(prices.shipped())

    long = {key.model_id for key in found if key.is_long_prompt}
    assert long == {"anthropic.claude-haiku-5-5"}
    key = Priced("anthropic.claude-haiku-5-5", EndpointKind.GLOBAL, True, TokenClass.INPUT)
    assert found[key] == {EARLIEST: Decimal("0.5")}
    assert found[replace(key, is_long_prompt=False)] == {EARLIEST: Decimal("0.1")}


# --- What an update does


def test_a_price_that_changed_gets_a_second_row_and_keeps_its_first() -> None:
    document = prices.shipped()
    entry = next(
        entry
        for entry in document["prices"]
        if (entry["model_id"], entry["endpoint_kind"]) == (SONNET.model_id, SONNET.endpoint_kind)
    )
    entry["usd_per_million"]["input"] = "2.5"
    before = len(document["prices"])

    after = prices.updated(document, TODAY)

    assert prices.problems(after) == []
    assert after["date"] == "2026-12-01"
    assert len(after["prices"]) == before + 1
    assert prices.periods_in(after)[SONNET] == {EARLIEST: Decimal("2.5"), TODAY: Decimal(3)}


def test_what_is_new_is_added() -> None:
    document = prices.shipped()
    document["prices"] = [entry for entry in document["prices"] if entry["model_id"] != SONNET.model_id]
    assert any("not shipped" in problem for problem in prices.problems(document))

    after = prices.updated(document, TODAY)

    assert prices.periods_in(after) == prices.periods_in(prices.shipped())


def test_another_version_is_a_difference() -> None:
    assert "made from genai-prices 0.1.0" in prices.problems({**prices.shipped(), "version": "0.1.0"})[0]


# --- What genai-prices may come to say


def model(prices: ModelPrice | list[ConditionalPrice], name: str = "global.anthropic.claude-opus-9") -> ModelInfo:
    return ModelInfo(id=name, match=ClauseEquals(name), prices=prices)


def test_its_effective_dates_are_taken_over() -> None:
    old, new = ModelPrice(input_mtok=Decimal(5)), ModelPrice(input_mtok=Decimal(4))
    dated = model([ConditionalPrice(prices=old), ConditionalPrice(StartDateConstraint(TODAY), prices=new)])

    assert list(prices.periods_of(dated)) == [(EARLIEST, old), (TODAY, new)]


def test_prices_that_hang_on_the_hour_are_refused() -> None:
    hourly = TimeOfDateConstraint(dt.time(1, tzinfo=dt.UTC), dt.time(2, tzinfo=dt.UTC))
    dated = model([ConditionalPrice(hourly, prices=ModelPrice(input_mtok=Decimal(5)))])

    with pytest.raises(prices.Unreadable, match="hang on"):
        list(prices.periods_of(dated))


def test_a_long_prompt_that_begins_where_the_catalogue_does_not_know_is_refused() -> None:
    tiers = TieredPrices(base=Decimal(1), tiers=[Tier(start=150_000, price=Decimal(2))])

    with pytest.raises(prices.Unreadable, match="150000"):
        list(prices._tiers(tiers, "anthropic.claude-opus-9"))


def test_a_geography_with_a_price_of_its_own_is_refused() -> None:
    names = ["regional.eu", "regional.us"]
    entries = [
        ModelInfo(id=name, match=ClauseEquals(f"{name[-2:]}.anthropic.claude-opus-9"), prices=ModelPrice())
        for name in names
    ]
    bedrock = Provider(id="aws", name="AWS", api_pattern="", models=entries)

    with pytest.raises(prices.Unreadable, match=r"regional\.eu, regional\.us"):
        prices._model_of(bedrock, "anthropic.claude-opus-9", EndpointKind.GEOGRAPHIC)
