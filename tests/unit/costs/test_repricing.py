"""Rates of usage that is stored already."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from pytest_django import DjangoAssertNumQueries

from onboarding.costs.repricing import Repricing, Total, price_anew, price_unpriced, reprice
from onboarding.enums import EndpointKind, TokenClass
from onboarding.models import AuditEvent, Price, UsageEntry
from tests.factories import make_account, make_usage

pytestmark = pytest.mark.django_db

MODEL = "anthropic.claude-opus-5"
FIRST, SECOND, THIRD = dt.date(2026, 11, 1), dt.date(2026, 11, 2), dt.date(2026, 11, 3)


def make_price(usd_per_million: str, valid_from: dt.date = FIRST, **fields: object) -> Price:
    defaults = {
        "model_id": MODEL,
        "endpoint_kind": EndpointKind.GLOBAL,
        "token_class": TokenClass.INPUT,
        "source": "tests",
    }
    return Price.objects.create(usd_per_million=usd_per_million, valid_from=valid_from, **{**defaults, **fields})


def use(day: dt.date, rate: int | None = None, **fields: object) -> UsageEntry:
    """A million tokens of input on the model, unpriced unless a rate is given."""
    given = {"model_id": MODEL, "endpoint_kind": EndpointKind.GLOBAL, **fields}
    return make_usage(day=day, rate=rate, **given)[0]  # type: ignore[arg-type]  # as make_usage takes them


def rates() -> list[int | None]:
    return list(UsageEntry.objects.order_by("day", "pk").values_list("rate", flat=True))


def costs() -> list[int | None]:
    return list(UsageEntry.objects.order_by("day", "pk").values_list("cost", flat=True))


# --- What had no price


def test_usage_without_a_price_gets_one_from_the_day_it_is_valid_on() -> None:
    for day in (FIRST, SECOND, THIRD):
        use(day)
    make_price("5", SECOND)

    assert price_unpriced() == 2
    assert rates() == [None, 5_000_000, 5_000_000]
    assert costs() == [None, 5_000_000_000, 5_000_000_000]


def test_usage_that_has_a_rate_keeps_it() -> None:
    use(FIRST, rate=3_000_000)
    make_price("5")

    assert price_unpriced() == 0
    assert rates() == [3_000_000]


def test_a_price_sets_its_own_days_anew_and_its_own_thing_alone() -> None:
    first, second = make_price("5", SECOND), make_price("7", THIRD)
    for day in (FIRST, SECOND, THIRD):
        use(day, rate=1)
    others = [
        use(SECOND, rate=1, model_id="anthropic.claude-haiku-5"),
        use(SECOND, rate=1, endpoint_kind=EndpointKind.GEOGRAPHIC),
        make_usage(day=SECOND, rate=1, model_id=MODEL, endpoint_kind=EndpointKind.GLOBAL, output=1)[0],
    ]

    assert price_anew(first, since=FIRST) == 1
    assert [entry.rate for entry in UsageEntry.objects.filter(rate__gt=1)] == [5_000_000]
    assert price_anew(second, since=THIRD + dt.timedelta(days=1)) == 0
    assert price_anew(second, since=FIRST) == 1
    assert price_anew(second, since=FIRST) == 0, "what has it already is not counted"
    assert UsageEntry.objects.filter(pk__in=[entry.pk for entry in others], rate=1).count() == len(others)


def test_long_prompts_follow_the_ordinary_price_where_they_have_none_of_their_own() -> None:
    ordinary = make_price("5")
    use(FIRST, rate=1)
    use(FIRST, rate=1, is_long_prompt=True)
    use(SECOND, rate=1, is_long_prompt=True)
    long = make_price("9", SECOND, is_long_prompt=True)

    assert price_anew(long, since=FIRST) == 1
    assert price_anew(ordinary, since=FIRST) == 2
    assert rates() == [5_000_000, 5_000_000, 9_000_000]


def test_each_day_gets_the_price_of_that_day() -> None:
    for day in (FIRST, SECOND, THIRD):
        use(day)
    make_price("5", FIRST)
    make_price("4", SECOND)
    make_price("0", THIRD)

    price_unpriced()

    assert rates() == [5_000_000, 4_000_000, 0]


def test_only_what_is_asked_for_is_priced() -> None:
    use(FIRST)
    use(SECOND)
    use(SECOND, model_id="anthropic.claude-opus-5-5")
    make_price("5")
    make_price("4", model_id="anthropic.claude-opus-5-5")

    assert price_unpriced(since=SECOND, model_id=MODEL) == 1
    assert rates() == [None, 5_000_000, None]


def test_an_accounts_multiplier_is_in_the_rate() -> None:
    use(FIRST, account=make_account("222233334444", price_multiplier=Decimal("0.9")))
    make_price("5")

    price_unpriced()

    assert rates() == [4_500_000]


def test_long_prompts_get_their_own_price() -> None:
    use(FIRST, is_long_prompt=True)
    use(FIRST)
    make_price("5")
    make_price("10", is_long_prompt=True)

    price_unpriced()

    assert rates() == [10_000_000, 5_000_000]


def test_an_endpoint_that_nobody_knows_stays_unpriced() -> None:
    use(FIRST, endpoint_kind="")
    make_price("5")

    assert price_unpriced() == 0
    assert rates() == [None]


# --- All of it, anew


def again(since: dt.date = FIRST, until: dt.date = dt.date(2026, 12, 1), **options: bool) -> Repricing:
    return reprice(since, until, actor="tests", reason="A new contract", **options)


def test_repricing_sets_every_rate_of_the_days_and_says_what_it_changed() -> None:
    use(FIRST, rate=3_000_000)
    use(SECOND, rate=3_000_000)
    use(SECOND, rate=5_000_000, region="us-east-1")
    use(THIRD)
    make_price("5")

    done = again(SECOND)

    assert rates() == [3_000_000, 5_000_000, 5_000_000, 5_000_000]
    assert done == Repricing(entries=3, changed=2, before=Total(Decimal(8), 1), after=Total(Decimal(15), 0))


def test_the_last_day_is_not_among_them() -> None:
    use(FIRST, rate=1)
    use(SECOND, rate=1)
    make_price("5")

    assert again(FIRST, SECOND).changed == 1
    assert rates() == [5_000_000, 1]


def test_what_the_table_does_not_price_loses_its_rate() -> None:
    use(FIRST, rate=3_000_000)
    make_price("5", SECOND)

    done = again()

    assert rates() == costs() == [None]
    assert (done.changed, done.before, done.after) == (1, Total(Decimal(3), 0), Total(Decimal(0), 1))


def test_a_multiplier_that_changed_is_applied() -> None:
    account = make_account()
    use(FIRST, rate=5_000_000)
    make_price("5")
    account.price_multiplier = Decimal("0.8")
    account.save()

    again()

    assert rates() == [4_000_000]


def test_repricing_twice_changes_nothing_more() -> None:
    use(FIRST)
    use(SECOND, endpoint_kind="")
    make_price("5")

    assert again().changed == 1
    assert again().changed == 0


def test_it_is_audited() -> None:
    use(FIRST, rate=3_000_000)
    make_price("4.2")

    again()

    event = AuditEvent.objects.get()
    assert (event.actor, event.action, event.target) == ("tests", "usage.repriced", "2026-11-01/2026-12-01")
    assert event.details == {
        "since": "2026-11-01",
        "until": "2026-12-01",
        "reason": "A new contract",
        "entries": 1,
        "changed": 1,
        "cost_before": "3.000000000",
        "cost_after": "4.200000000",
        "unpriced_before": 0,
        "unpriced_after": 0,
    }


def test_a_dry_run_says_the_same_and_changes_nothing() -> None:
    use(FIRST, rate=3_000_000)
    make_price("5")

    done = again(is_dry_run=True)

    assert rates() == [3_000_000]
    assert not AuditEvent.objects.exists()
    assert again() == done


def test_no_days_are_a_mistake() -> None:
    with pytest.raises(ValueError, match="not after"):
        again(FIRST, FIRST)


@pytest.mark.parametrize("days", [1, 40])
def test_the_number_of_queries_does_not_grow_with_the_entries(
    days: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(days):
        use(FIRST + dt.timedelta(days=number))
    make_price("5")

    # A savepoint, what there was, the groups, the book, one update, what there is, the event.
    with django_assert_num_queries(10):
        again(until=dt.date(2027, 1, 1))


# --- The command


def command(*arguments: str) -> str:
    out = StringIO()
    call_command("reprice", *arguments, stdout=out)
    return out.getvalue()


DAYS = ("--since", "2026-11-01", "--until", "2026-12-01", "--reason", "A new contract")


def test_the_command_says_before_and_after() -> None:
    use(FIRST, rate=3_000_000)
    use(SECOND)
    make_price("5")

    assert command(*DAYS).splitlines() == [
        "2 of 2 entries have another rate.",
        "Before: 3.00 USD, and 1 entries without a price",
        "After:  10.00 USD",
    ]
    assert AuditEvent.objects.get().actor == "manage.py reprice"


def test_the_command_can_run_dry() -> None:
    use(FIRST, rate=3_000_000)
    make_price("5")

    assert "this was a dry run" in command(*DAYS, "--dry-run")
    assert rates() == [3_000_000]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--since", "2026-11-01", "--until", "2026-11-01", "--reason", "x"), "--until is the day after"),
        (("--since", "2026-11-01", "--until", "2026-12-01", "--reason", " "), "Say why"),
        (("--since", "yesterday", "--until", "2026-12-01", "--reason", "x"), "--since"),
        (("--since", "2026-11-01", "--until", "2026-12-01"), "--reason"),
    ],
)
def test_the_command_refuses_what_it_cannot_do(arguments: tuple[str, ...], message: str) -> None:
    with pytest.raises(CommandError, match=message):
        command(*arguments)
