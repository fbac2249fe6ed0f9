"""What usage costs: computed by hand, and through the real path.

The path is that of ingestion: prices from the shipped file, an entry's rate from the price book, and its cost from the
database's generated column.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from django.db.models import Sum
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pytest_django import DjangoAssertNumQueries

from onboarding.costs.money import cents, usd
from onboarding.costs.price_table import load_shipped
from onboarding.costs.prices import Metered, PriceBook, Stretch
from onboarding.enums import EndpointKind, TokenClass
from onboarding.models import Account, Caller, Meter, Price, UsageEntry
from tests.factories import make_account, make_caller
from tests.unit.costs.logs import joined, line, split_body
from tests.unit.costs.test_ledger import ingest, make_source

pytestmark = pytest.mark.django_db

GLOBAL, GEOGRAPHIC, IN_REGION = EndpointKind.GLOBAL, EndpointKind.GEOGRAPHIC, EndpointKind.IN_REGION
TODAY = dt.date(2026, 11, 20)
MODEL = "anthropic.claude-opus-5"

# A day of one person with Claude Code: few tokens of input and output, many of the cache.
USER_DAY = {
    TokenClass.INPUT: 23_000,
    TokenClass.OUTPUT: 125_000,
    TokenClass.CACHE_WRITE_5M: 1_300_000,
    TokenClass.CACHE_READ: 15_500_000,
}


def rate(
    token_class: str = TokenClass.INPUT,
    *,
    model_id: str = MODEL,
    kind: str = GLOBAL,
    is_long: bool = False,
    day: dt.date = TODAY,
    account: Account | None = None,
) -> int | None:
    account = account or make_account()
    return PriceBook.load().rate(
        account_id=account.pk,
        model_id=model_id,
        endpoint_kind=kind,
        token_class=token_class,
        is_long_prompt=is_long,
        day=day,
    )


def make_price(usd_per_million: str, valid_from: dt.date = TODAY, **fields: object) -> Price:
    defaults = {"model_id": MODEL, "endpoint_kind": GLOBAL, "token_class": TokenClass.INPUT, "source": "tests"}
    return Price.objects.create(usd_per_million=usd_per_million, valid_from=valid_from, **{**defaults, **fields})


# --- By hand


def cost_of_user_day(model_id: str, kind: str, *, is_long: bool = False) -> Decimal:
    """In US dollars, as the database adds it up."""
    meter = Meter.objects.create(
        account=make_account(),
        region="eu-west-1",
        caller=make_caller(),
        model_id=model_id,
        endpoint_kind=kind,
        is_long_prompt=is_long,
    )
    for token_class, tokens in USER_DAY.items():
        found = rate(token_class, model_id=model_id, kind=kind, is_long=is_long)
        UsageEntry.objects.create(meter=meter, day=TODAY, token_class=token_class, tokens=tokens, rate=found)
    assert not UsageEntry.objects.filter(cost__isnull=True).exists()
    return usd(UsageEntry.objects.aggregate(total=Sum("cost"))["total"])


# Each sum: input, output, cache write for five minutes, cache read.
HAND_COMPUTED = [
    # 0.023 x 3 + 0.125 x 15 + 1.3 x 3.75 + 15.5 x 0.30
    ("anthropic.claude-sonnet-4-6", GLOBAL, ["0.069", "1.875", "4.875", "4.65"], "11.469", "11.47"),
    # 0.023 x 3.3 + 0.125 x 16.5 + 1.3 x 4.125 + 15.5 x 0.33
    ("anthropic.claude-sonnet-4-6", GEOGRAPHIC, ["0.0759", "2.0625", "5.3625", "5.115"], "12.6159", "12.62"),
    # The in-Region price is the geographic one.
    ("anthropic.claude-sonnet-4-6", IN_REGION, ["0.0759", "2.0625", "5.3625", "5.115"], "12.6159", "12.62"),
    # 0.023 x 5 + 0.125 x 25 + 1.3 x 6.25 + 15.5 x 0.5: half a cent is rounded up
    ("anthropic.claude-opus-5", GLOBAL, ["0.115", "3.125", "8.125", "7.75"], "19.115", "19.12"),
    # 0.023 x 5.5 + 0.125 x 27.5 + 1.3 x 6.875 + 15.5 x 0.55
    ("anthropic.claude-opus-5", GEOGRAPHIC, ["0.1265", "3.4375", "8.9375", "8.525"], "21.0265", "21.03"),
    # 0.023 x 1 + 0.125 x 5 + 1.3 x 1.25 + 15.5 x 0.1
    ("anthropic.claude-haiku-4-5-20251001-v1:0", GLOBAL, ["0.023", "0.625", "1.625", "1.55"], "3.823", "3.82"),
    # 0.023 x 1.1 + 0.125 x 5.5 + 1.3 x 1.375 + 15.5 x 0.11
    (
        "anthropic.claude-haiku-4-5-20251001-v1:0",
        GEOGRAPHIC,
        ["0.0253", "0.6875", "1.7875", "1.705"],
        "4.2053",
        "4.21",
    ),
    # 0.023 x 2 + 0.125 x 10 + 1.3 x 2.5 + 15.5 x 0.2
    ("anthropic.claude-sonnet-5", GLOBAL, ["0.046", "1.25", "3.25", "3.1"], "7.646", "7.65"),
    # 0.023 x 2.2 + 0.125 x 11 + 1.3 x 2.75 + 15.5 x 0.22
    ("anthropic.claude-sonnet-5", GEOGRAPHIC, ["0.0506", "1.375", "3.575", "3.41"], "8.4106", "8.41"),
    # 0.023 x 10 + 0.125 x 50 + 1.3 x 12.5 + 15.5 x 1
    ("anthropic.claude-fable-5", GLOBAL, ["0.23", "6.25", "16.25", "15.5"], "38.23", "38.23"),
    # 0.023 x 11 + 0.125 x 55 + 1.3 x 13.75 + 15.5 x 1.1
    ("anthropic.claude-fable-5", GEOGRAPHIC, ["0.253", "6.875", "17.875", "17.05"], "42.053", "42.05"),
    # A cache read at a twentieth of the input: 0.023 x 4 + 0.125 x 20 + 1.3 x 5 + 15.5 x 0.2
    ("anthropic.claude-opus-5-5", GLOBAL, ["0.092", "2.5", "6.5", "3.1"], "12.192", "12.19"),
    # 0.023 x 4.4 + 0.125 x 22 + 1.3 x 5.5 + 15.5 x 0.22
    ("anthropic.claude-opus-5-5", GEOGRAPHIC, ["0.1012", "2.75", "7.15", "3.41"], "13.4112", "13.41"),
    # 0.023 x 0.1 + 0.125 x 0.5 + 1.3 x 0.125 + 15.5 x 0.01
    ("anthropic.claude-haiku-5-5", GLOBAL, ["0.0023", "0.0625", "0.1625", "0.155"], "0.3823", "0.38"),
    # 0.023 x 0.11 + 0.125 x 0.55 + 1.3 x 0.1375 + 15.5 x 0.011
    ("anthropic.claude-haiku-5-5", GEOGRAPHIC, ["0.00253", "0.06875", "0.17875", "0.1705"], "0.42053", "0.42"),
    # A model from before the premium: 0.023 x 3 + 0.125 x 15 + 1.3 x 3.75 + 15.5 x 0.30
    ("anthropic.claude-sonnet-4-20250514-v1:0", GEOGRAPHIC, ["0.069", "1.875", "4.875", "4.65"], "11.469", "11.47"),
]


@pytest.mark.parametrize(("model_id", "kind", "terms", "total", "shown"), HAND_COMPUTED)
def test_a_persons_day_costs_what_it_does_by_hand(
    model_id: str, kind: str, terms: list[str], total: str, shown: str
) -> None:
    load_shipped(actor="tests")

    cost = cost_of_user_day(model_id, kind)

    by_class = [usd(entry.cost) for entry in UsageEntry.objects.order_by("pk")]
    assert by_class == [Decimal(term) for term in terms]
    assert sum(Decimal(term) for term in terms) == Decimal(total) == cost
    assert cents(cost) == Decimal(shown)


def test_a_long_prompt_has_the_price_of_long_prompts() -> None:
    load_shipped(actor="tests")

    # 0.023 x 0.5 + 0.125 x 2.5 + 1.3 x 0.625 + 15.5 x 0.05 = 0.0115 + 0.3125 + 0.8125 + 0.775
    assert cost_of_user_day("anthropic.claude-haiku-5-5", GLOBAL, is_long=True) == Decimal("1.9115")


def test_a_long_prompt_has_the_ordinary_price_where_there_is_no_other() -> None:
    load_shipped(actor="tests")

    assert cost_of_user_day("anthropic.claude-sonnet-4-6", GLOBAL, is_long=True) == Decimal("11.469")


# --- By hand, through the ledger's own door


def user_day(profile: str, *, hour: bool = False) -> bytes:
    """USER_DAY as log lines: 155 requests, none of them a long prompt of a model that begins one at 200,000 tokens.

    23,000 input = 115 x 200. 125,000 output = 125 x 1,000. 1.3M written = 130 x 10,000. 15.5M read = 155 x 100,000.
    """
    made = []
    for number in range(155):
        written = 10_000 if number < 130 else 0
        counts = (200 if number < 115 else 0, 1_000 if number < 125 else 0, 100_000, written)
        record = line(model=profile, tokens=counts)
        if hour:
            record["output"]["outputBodyJson"] = split_body(0, written)
        made.append(record)
    return joined(*made)


def logged_costs(*, multiplier: str = "1", lines: bytes) -> dict[str, Decimal | None]:
    """What each class costs in the ledger by the shipped table, once Bedrock's logs were read."""
    load_shipped(actor="tests")
    Account.objects.filter(pk=make_account().pk).update(price_multiplier=Decimal(multiplier))
    ingest(make_source(), lines)
    costs = UsageEntry.objects.values_list("token_class", "cost")
    return {token_class: None if cost is None else usd(cost) for token_class, cost in costs}


@pytest.mark.parametrize(
    ("model_id", "kind", "terms", "total", "shown"),
    # Those whose prompts are long from 200,000 tokens on, by an inference profile.
    [row for row in HAND_COMPUTED if row[1] != IN_REGION and "haiku-5-5" not in row[0]],
)
def test_a_persons_day_in_the_logs_costs_what_it_does_by_hand(
    model_id: str, kind: str, terms: list[str], total: str, shown: str
) -> None:
    profile = f"{'global' if kind == GLOBAL else 'eu'}.{model_id}"

    costs = logged_costs(lines=user_day(profile))

    assert costs == dict(zip(USER_DAY, map(Decimal, terms), strict=True))
    spent = usd(UsageEntry.objects.aggregate(total=Sum("cost"))["total"])
    assert spent == Decimal(total)
    assert cents(spent) == Decimal(shown)


def test_what_an_account_pays_of_the_list_is_in_the_ledger() -> None:
    costs = logged_costs(multiplier="0.9", lines=user_day("eu.anthropic.claude-sonnet-4-6"))

    # 3.3 x 0.9 = 2.97, 16.5 x 0.9 = 14.85, 4.125 x 0.9 = 3.7125, 0.33 x 0.9 = 0.297
    # 0.023 x 2.97 + 0.125 x 14.85 + 1.3 x 3.7125 + 15.5 x 0.297
    assert costs == {
        TokenClass.INPUT: Decimal("0.06831"),
        TokenClass.OUTPUT: Decimal("1.85625"),
        TokenClass.CACHE_WRITE_5M: Decimal("4.82625"),
        TokenClass.CACHE_READ: Decimal("4.6035"),
    }
    # 11.35431, which is 12.6159 x 0.9
    assert cents(sum(filter(None, costs.values()), Decimal(0))) == Decimal("11.35")


def test_what_is_cached_for_an_hour_costs_more() -> None:
    costs = logged_costs(lines=user_day("eu.anthropic.claude-sonnet-4-6", hour=True))

    # 1.3 x 6.6 in place of 1.3 x 4.125
    assert costs[TokenClass.CACHE_WRITE_1H] == Decimal("8.58")
    assert TokenClass.CACHE_WRITE_5M not in costs
    # 0.0759 + 2.0625 + 8.58 + 5.115
    assert cents(sum(filter(None, costs.values()), Decimal(0))) == Decimal("15.83")


def test_one_long_prompt_in_the_logs_has_the_price_of_long_prompts() -> None:
    """Of Claude Haiku 5.5 they begin above 100,000 tokens of input, the cache's among them: here are 121,000."""
    long = line(model="global.anthropic.claude-haiku-5-5", tokens=(1_000, 2_000, 100_000, 20_000))

    # 0.001 x 0.5, 0.002 x 2.5, 0.1 x 0.05, 0.02 x 0.625
    assert logged_costs(lines=joined(long)) == {
        TokenClass.INPUT: Decimal("0.0005"),
        TokenClass.OUTPUT: Decimal("0.005"),
        TokenClass.CACHE_READ: Decimal("0.005"),
        TokenClass.CACHE_WRITE_5M: Decimal("0.0125"),
    }
    assert Meter.objects.get().is_long_prompt


def test_a_model_without_a_price_has_its_tokens_in_the_ledger_and_no_cost() -> None:
    costs = logged_costs(lines=user_day("eu.anthropic.claude-saga-1"))

    assert costs == dict.fromkeys(USER_DAY)
    assert dict(UsageEntry.objects.values_list("token_class", "tokens")) == USER_DAY
    assert UsageEntry.objects.aggregate(total=Sum("cost"))["total"] is None


# --- Rates


def test_a_rate_is_in_millionths() -> None:
    make_price("4.125")

    assert rate() == 4_125_000


def test_a_price_holds_from_its_day_until_the_next() -> None:
    make_price("5", dt.date(2026, 11, 1))
    make_price("4", dt.date(2026, 11, 20))
    make_price("6", dt.date(2026, 12, 1))

    days = [dt.date(2026, 10, 31), dt.date(2026, 11, 1), dt.date(2026, 11, 19), dt.date(2026, 11, 20), TODAY]
    assert [rate(day=day) for day in days] == [None, 5_000_000, 5_000_000, 4_000_000, 4_000_000]
    assert rate(day=dt.date(2027, 1, 1)) == 6_000_000


@pytest.mark.parametrize(
    "other",
    [
        {"model_id": "anthropic.claude-opus-5-5"},
        {"endpoint_kind": GEOGRAPHIC},
        {"endpoint_kind": IN_REGION},
        {"token_class": TokenClass.OUTPUT},
        {"is_long_prompt": True},
    ],
)
def test_what_has_no_price_is_unpriced_and_takes_no_other(other: dict[str, Any]) -> None:
    make_price("5", **other)

    assert rate() is None


def test_an_endpoint_that_nobody_knows_is_unpriced() -> None:
    load_shipped(actor="tests")

    assert rate(kind="") is None


def test_what_is_unpriced_costs_nothing_that_is_known_and_never_zero() -> None:
    cost_of = UsageEntry.objects.create(
        meter=Meter.objects.create(
            account=make_account(), region="eu-west-1", caller=make_caller(), model_id="unknown", endpoint_kind=GLOBAL
        ),
        day=TODAY,
        token_class=TokenClass.INPUT,
        tokens=1_000_000,
        rate=rate(model_id="unknown"),
    )

    cost_of.refresh_from_db()
    assert (cost_of.rate, cost_of.cost) == (None, None)
    assert UsageEntry.objects.aggregate(total=Sum("cost"))["total"] is None


def test_a_price_of_zero_is_a_price() -> None:
    make_price("0")

    assert rate() == 0


def test_a_long_price_that_begins_later_leaves_the_ordinary_one_until_then() -> None:
    make_price("5", dt.date(2026, 11, 1))
    make_price("10", TODAY, is_long_prompt=True)

    assert rate(is_long=True, day=dt.date(2026, 11, 19)) == 5_000_000
    assert rate(is_long=True) == 10_000_000
    assert rate() == 5_000_000


@pytest.mark.parametrize(
    ("price", "multiplier", "expected"),
    [
        ("5", "0.9", 4_500_000),
        ("4.125", "0.9333", 3_849_863),  # 3,849,862.5: half up
        ("0.000001", "0.5", 1),  # half a millionth: up
        ("0.000001", "0.4999", 0),
        ("999999.999999", "10", 9_999_999_999_990),
        ("3.3", "1", 3_300_000),
    ],
)
def test_an_accounts_multiplier_is_applied_exactly_and_rounded_half_up(
    price: str, multiplier: str, expected: int
) -> None:
    make_price(price)
    account = make_account(price_multiplier=Decimal(multiplier))

    assert rate(account=account) == expected


def test_accounts_have_multipliers_of_their_own() -> None:
    make_price("5")
    other = make_account("222233334444", price_multiplier=Decimal("0.8"))

    assert (rate(), rate(account=other)) == (5_000_000, 4_000_000)


def test_an_account_that_came_later_is_an_error_and_not_a_list_price() -> None:
    make_price("5")
    book = PriceBook.load()

    with pytest.raises(KeyError):
        book.rate(
            account_id=make_account().pk,
            model_id=MODEL,
            endpoint_kind=GLOBAL,
            token_class=TokenClass.INPUT,
            is_long_prompt=False,
            day=TODAY,
        )


def test_a_book_is_read_with_two_queries_and_answers_without(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    load_shipped(actor="tests")
    account = make_account()

    with django_assert_num_queries(2):
        book = PriceBook.load()
        for _ in range(2):
            assert book.rate(
                account_id=account.pk,
                model_id=MODEL,
                endpoint_kind=GLOBAL,
                token_class=TokenClass.INPUT,
                is_long_prompt=False,
                day=TODAY,
            )


def test_days_are_cut_where_a_price_begins() -> None:
    first, second, third = dt.date(2026, 11, 1), dt.date(2026, 11, 10), dt.date(2026, 11, 20)
    make_price("5", second)
    make_price("10", third, is_long_prompt=True)
    make_price("7", dt.date(2026, 12, 1))
    metered = Metered(make_account().pk, MODEL, GLOBAL, True, TokenClass.INPUT)

    stretches = PriceBook.load().stretches(metered, first, dt.date(2026, 12, 1))

    assert list(stretches) == [
        Stretch(first, second, None),
        Stretch(second, third, 5_000_000),
        Stretch(third, dt.date(2026, 12, 1), 10_000_000),
    ]


# --- Every entry


PRICES = st.decimals(min_value=0, max_value=1000, places=6)
MULTIPLIERS = st.decimals(min_value=Decimal("0.0001"), max_value=10, places=4)


@pytest.fixture
def caller() -> Caller:
    return make_caller()


@given(
    tokens=st.lists(st.integers(min_value=0, max_value=10**8), min_size=1, max_size=20),
    price=PRICES,
    multiplier=MULTIPLIERS,
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_costs_are_exact_to_half_a_billionth_of_a_dollar_an_entry(
    caller: Caller, tokens: list[int], price: Decimal, multiplier: Decimal
) -> None:
    for model in (UsageEntry, Price):
        model.objects.all().delete()
    make_price(str(price), dt.date(2026, 1, 1))
    account = make_account()
    Account.objects.filter(pk=account.pk).update(price_multiplier=multiplier)
    meter, _ = Meter.objects.get_or_create(
        account=account, region="eu-west-1", caller=caller, model_id=MODEL, endpoint_kind=GLOBAL
    )
    found = rate(account=account)
    assert found is not None
    # The rate itself is rounded once, to a millionth of a dollar per million tokens.
    assert abs(Decimal(found).scaleb(-6) - price * multiplier) <= Decimal("0.0000005")

    UsageEntry.objects.bulk_create(
        UsageEntry(
            meter=meter, day=TODAY + dt.timedelta(position), token_class=TokenClass.INPUT, tokens=count, rate=found
        )
        for position, count in enumerate(tokens)
    )

    exact = sum(Decimal(count) * Decimal(found).scaleb(-12) for count in tokens)
    stored = usd(UsageEntry.objects.aggregate(total=Sum("cost"))["total"])
    assert abs(stored - exact) <= len(tokens) * Decimal("0.0000000005")
