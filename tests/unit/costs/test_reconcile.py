"""Estimate beside bill: exact differences, and each explanation where it holds and where it does not."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from django.utils import translation
from pytest_django import DjangoAssertNumQueries

from onboarding.costs.explanations import Explanation, Reason
from onboarding.costs.reconcile import Line, Reconciliation, reconcile
from onboarding.enums import BilledSource, MeteredClass, Problem
from onboarding.models import Account, ApplicationProfile, BilledCost, ControlTotal, LogSource
from tests.factories import OPUS, make_account, make_caller, make_usage

pytestmark = pytest.mark.django_db

NOW = dt.datetime(2026, 11, 25, 3, 45, tzinfo=dt.UTC)
SINCE, UNTIL = dt.date(2026, 11, 1), dt.date(2026, 11, 25)
SONNET, SONNET_ID = "Claude Sonnet 4.6", "anthropic.claude-sonnet-4-6"
MILLION = 1_000_000
ONE, THREE = Decimal(1), Decimal(3)


def on(day: int) -> dt.date:
    return dt.date(2026, 11, day)


@pytest.fixture(autouse=True)
def source() -> LogSource:
    """Logs are read up to now."""
    return LogSource.objects.create(account=make_account(), region="eu-west-1", read_until=NOW, read_at=NOW)


def use(
    day: int, millions: int = 1, rate: int | None = 3 * MILLION, model_id: str = SONNET_ID, **fields: Account
) -> None:
    """Use at 3 USD a million tokens, by somebody else each time."""
    make_usage(day=on(day), caller=make_caller(), model_id=model_id, rate=rate, input=millions * MILLION, **fields)  # type: ignore[arg-type]  # one of its fields


def bill(day: int, amount: str, model: str = SONNET, **fields: object) -> None:
    told = {"account": make_account(), "source": BilledSource.COST_EXPLORER, "fetched_at": NOW, **fields}
    BilledCost.objects.create(day=on(day), model=model, amount=int(Decimal(amount).scaleb(9)), **told)


def count(day: int, tokens: int, model_id: str = "eu." + SONNET_ID, region: str = "eu-west-1") -> None:
    """What CloudWatch counted."""
    ControlTotal.objects.create(
        account=make_account(),
        region=region,
        day=on(day),
        model_id=model_id,
        metered_class=MeteredClass.INPUT,
        tokens=tokens,
    )


def found(**options: list[int]) -> Reconciliation:
    return reconcile(SINCE, UNTIL, now=NOW, **options)


def only() -> Line:
    (line,) = found().lines
    return line


def reasons(line: Line) -> list[str]:
    return [explanation.code.value for explanation in line.explanations]


# --- Figures


def test_one_model_on_one_day_exactly() -> None:
    use(10, 2)
    use(10, 5)
    bill(10, "20.000000001")
    bill(10, "0.5", principal="ana")

    line = only()

    assert (line.day, line.model, line.estimate) == (on(10), SONNET, Decimal(21))
    assert (line.billed, line.difference, line.percent) == (
        Decimal("20.500000001"),
        Decimal("-0.499999999"),
        Decimal("-2.4"),
    )
    assert not line.agrees


def test_models_are_matched_by_their_name() -> None:
    """However it was called: by a profile, with a date, as part of a long id."""
    use(10, 1, model_id="anthropic.claude-haiku-4-5-20251001-v1:0")
    use(10, 1, model_id="anthropic.claude-opus-4-8")
    bill(10, "3", "Claude Haiku 4.5")
    bill(10, "3", "Claude Opus 4.8")
    bill(10, "1", "")

    assert [(line.model, line.estimate, line.billed) for line in found().lines] == [
        ("", None, ONE),
        ("Claude Haiku 4.5", THREE, THREE),
        ("Claude Opus 4.8", THREE, THREE),
    ]


def test_accounts_are_told_apart() -> None:
    other = make_account("222233334444")
    use(10)
    bill(10, "3")
    use(10, 2, account=other)

    assert [(line.account.pk, line.billed) for line in found().lines] == [(make_account().pk, 3), (other.pk, None)]
    assert [line.account for line in found(account_ids=[other.pk]).lines] == [other]


def test_sums_are_of_the_days_that_are_billed() -> None:
    use(10, 1)
    use(10, 1, model_id="anthropic.claude-opus-4-8")
    bill(10, "5")
    use(11, 100)

    all_days = found()

    assert (all_days.estimate, all_days.billed, all_days.difference) == (Decimal(6), Decimal(5), -ONE)
    assert all_days.percent == Decimal("-16.7")


def test_sums_leave_out_days_that_are_not_billed_in_full() -> None:
    """At 3:45 on the 25th every charge of the 22nd has arrived; of the 23rd some are on their way."""
    use(22, 1)
    bill(22, "3")
    use(23, 1)
    bill(23, "0.5")

    all_days = found()

    assert all_days.bill.as_of == on(22)
    assert (all_days.estimate, all_days.billed, all_days.percent) == (Decimal(3), Decimal(3), Decimal("0.0"))


def test_a_day_of_which_aws_charged_nothing_is_in_the_sums() -> None:
    use(9, 1)
    use(10, 1)
    bill(10, "3")

    all_days = found()

    assert (all_days.estimate, all_days.billed, all_days.percent) == (Decimal(6), Decimal(3), Decimal("-50.0"))
    assert [(line.day, line.is_unexplained) for line in all_days.lines] == [(on(9), True), (on(10), False)]


def test_an_account_of_which_no_bill_is_known_is_in_no_sum() -> None:
    use(10, 1)
    bill(10, "3")
    use(10, 9, account=make_account("222233334444"))

    assert (found().estimate, found().billed) == (Decimal(3), Decimal(3))


def test_while_nothing_is_billed_in_full_there_is_no_sum() -> None:
    use(24, 1)
    bill(24, "2")

    none = found()

    assert none.bill.amount == Decimal(2)
    assert (none.estimate, none.billed, none.difference, none.percent) == (Decimal(), None, None, None)


def test_nothing_used_and_nothing_billed() -> None:
    empty = found()

    assert (empty.lines, empty.estimate, empty.billed, empty.percent) == ((), Decimal(), None, None)


def test_the_number_of_questions_does_not_grow(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    for day in range(1, 21):
        use(day)
        bill(day, "4")
        count(day, MILLION)

    with django_assert_num_queries(7):
        found()


# --- Explanations


@pytest.mark.parametrize("billed", ["3", "3.03", "2.971", "3.009"])
def test_what_agrees_needs_no_explanation(billed: str) -> None:
    use(10)
    bill(10, billed, is_estimated=True)
    count(10, 2 * MILLION)

    assert (only().agrees, reasons(only())) == (True, [])


def test_a_cent_is_no_difference() -> None:
    use(10, model_id=SONNET_ID, rate=1000)
    bill(10, "0.011")

    assert only().agrees


def test_not_billed_yet() -> None:
    use(10)

    assert (reasons(only()), only().percent) == (["not-billed"], None)


def test_less_than_a_cent_that_is_on_one_side_only_agrees() -> None:
    use(10, rate=5_000)
    bill(10, "3", "Claude Opus 4.8")
    bill(10, "0.002", "Claude Haiku 4.5")

    assert {line.model: line.is_unexplained for line in found().lines} == {
        SONNET: False,
        "Claude Opus 4.8": True,
        "Claude Haiku 4.5": False,
    }


def test_a_model_that_is_not_on_a_days_bill_is_unexplained() -> None:
    use(10, model_id="anthropic.claude-opus-4-8")
    bill(10, "3")
    use(10)

    opus = found().lines[0]

    assert (reasons(opus), opus.is_unexplained, found().unexplained) == ([], True, 1)


@pytest.mark.parametrize(("day", "is_late"), [(21, False), (22, False), (23, True), (24, True)])
def test_late_is_less_than_two_days_ago(day: int, is_late: bool) -> None:
    """At 3:45 on the 25th: the 22nd ended more than 48 hours ago."""
    use(day)
    bill(day, "2")

    assert (Reason.LATE in reasons(only())) is is_late


def test_that_aws_calls_a_bill_estimated_is_told_and_explains_nothing() -> None:
    """So it calls everything of an open month, whatever it charges."""
    use(10)
    bill(10, "6", is_estimated=True)

    assert (reasons(only()), only().is_unexplained, found().unexplained) == (["estimated"], True, 1)


def test_an_estimated_bill_that_something_explains_is_explained() -> None:
    use(10, 1)
    use(10, 2, rate=None)
    bill(10, "9", is_estimated=True)

    assert (reasons(only()), only().is_unexplained) == (["unpriced", "estimated"], False)


def test_tokens_without_a_price() -> None:
    use(10, 1)
    use(10, 2, rate=None)
    bill(10, "9")

    line = only()

    assert (line.estimate, line.unpriced, reasons(line)) == (THREE, 2 * MILLION, ["unpriced"])
    assert line.explanations[0].text == "2,000,000 tokens have no price, so they are in no estimate."


def test_a_model_without_any_price_has_no_estimate() -> None:
    use(10, rate=None)
    bill(10, "9")

    assert (only().estimate, only().difference, reasons(only())) == (None, None, ["unpriced"])


def test_missing_logs_are_what_cloudwatch_counted_more() -> None:
    use(10, 1)
    bill(10, "6")
    count(10, MILLION)
    count(10, MILLION, region="eu-central-1")

    line = only()

    assert reasons(line) == ["missing-logs"]
    assert line.explanations[0].text == "CloudWatch counted 1,000,000 tokens more than were logged."


def test_logs_do_not_lack_what_cloudwatch_counted_of_another_model() -> None:
    use(10)
    bill(10, "6")
    count(10, MILLION)
    count(10, 9 * MILLION, OPUS)

    assert reasons(only()) == []


@pytest.mark.parametrize("named", ["id", "arn"])
def test_cloudwatchs_name_of_an_application_profile(named: str) -> None:
    """Its id, or its ARN: AWS does not say which."""
    arn = "arn:aws:bedrock:eu-west-1:111122223333:application-inference-profile/a1b2c3d4e5f6"
    ApplicationProfile.objects.create(arn=arn, model_id=SONNET_ID, endpoint_kind="geographic")
    use(10)
    bill(10, "6")
    count(10, 2 * MILLION, "a1b2c3d4e5f6" if named == "id" else arn)

    assert reasons(only()) == ["missing-logs"]


def test_missing_logs_do_not_explain_a_lower_bill() -> None:
    use(10)
    bill(10, "1")
    count(10, 5 * MILLION)

    assert reasons(only()) == []


def test_a_day_without_any_logs() -> None:
    bill(10, "6")
    count(10, 2 * MILLION)

    assert (only().estimate, reasons(only())) == (None, ["missing-logs"])


@pytest.mark.parametrize(
    ("off_since", "read_until", "is_unread"),
    [
        (None, NOW, False),
        (None, None, True),
        (None, dt.datetime(2026, 11, 10, 23, tzinfo=dt.UTC), True),
        (None, dt.datetime(2026, 11, 11, tzinfo=dt.UTC), False),
        (dt.datetime(2026, 11, 10, 5, tzinfo=dt.UTC), NOW, True),
        (dt.datetime(2026, 11, 12, tzinfo=dt.UTC), dt.datetime(2026, 11, 12, tzinfo=dt.UTC), False),
    ],
    ids=["read", "never read", "read in part", "read whole", "off", "off later"],
)
def test_logs_that_were_not_read(
    source: LogSource, off_since: dt.datetime | None, read_until: dt.datetime | None, is_unread: bool
) -> None:
    LogSource.objects.update(off_since=off_since, read_until=read_until)
    use(10)
    bill(10, "6")

    assert reasons(only()) == (["unread"] if is_unread else [])


@pytest.mark.parametrize(
    ("control_at", "counted_there", "is_unread"),
    [(NOW, 0, False), (NOW, 5, True), (None, 0, True), (dt.datetime(2026, 11, 10, 9, tzinfo=dt.UTC), 0, True)],
    ids=["nothing counted", "counted", "never asked", "not asked up to the end of the day"],
)
@pytest.mark.parametrize(
    "fields",
    [{"off_since": dt.datetime(2026, 11, 1, tzinfo=dt.UTC)}, {"problem": Problem.DENIED, "problem_since": NOW}],
    ids=["off", "unreadable"],
)
def test_a_region_that_is_not_read_explains_only_what_may_be_there(
    fields: dict[str, Any], control_at: dt.datetime | None, counted_there: int, is_unread: bool
) -> None:
    LogSource.objects.create(account=make_account(), region="eu-central-1", control_at=control_at, **fields)
    use(10)
    bill(10, "6")
    count(10, MILLION)
    # Of a model of that Region, whose bill is another line.
    count(10, counted_there, OPUS, region="eu-central-1")

    assert reasons(only()) == (["unread"] if is_unread else [])


# --- Discounts


def a_week(ratio: str) -> None:
    """A week in which AWS charges a share of the estimate of 3 USD a day."""
    for day in range(3, 10):
        use(day)
        bill(day, str(3 * Decimal(ratio)))


def test_a_discount_nobody_told_of() -> None:
    a_week("0.88")

    lines = found().lines

    assert {line.explanations for line in lines} == {(Explanation(Reason.DISCOUNT, percent=12),)}
    assert lines[0].explanations[0].text == "AWS charges about 12% below list."
    assert found().unexplained == 0


def test_a_multiplier_that_is_right_leaves_nothing_to_explain() -> None:
    Account.objects.update(price_multiplier=Decimal("0.88"))
    a_week("1")

    assert all(line.agrees and not line.explanations for line in found().lines)


@pytest.mark.parametrize(
    ("ratio", "multiplier", "text"),
    [
        ("1.1111", "0.9", "AWS charges about the list price. The account's multiplier says 10% below list."),
        ("0.9", "0.9", "AWS charges about 19% below list. The account's multiplier says 10% below list."),
        ("1.1", "1", "AWS charges about 10% above list."),
        ("1.2", "0.5", "AWS charges about 40% below list. The account's multiplier says 50% below list."),
        ("0.9", "1.1", "AWS charges about 1% below list. The account's multiplier says 10% above list."),
    ],
)
def test_a_discount_beside_the_accounts_multiplier(ratio: str, multiplier: str, text: str) -> None:
    """What AWS charges more everywhere is no discount: a price of ours is wrong, or the multiplier."""
    Account.objects.update(price_multiplier=Decimal(multiplier))
    a_week(ratio)

    lines, is_more = found().lines, Decimal(ratio) > 1
    assert {explanation.text for line in lines for explanation in line.explanations} == {text}
    assert {code for line in lines for code in reasons(line)} == {"surcharge" if is_more else "discount"}
    assert {line.is_unexplained for line in lines} == {is_more}


def test_a_surcharge_is_told_by_account() -> None:
    other = make_account("222233334444")
    a_week("1.1")
    for day in range(3, 10):
        use(day, account=other)
        bill(day, "2.7", account=other)

    (surcharge,) = found().surcharges

    assert (surcharge.account, surcharge.percent) == (make_account(), 10)


def test_less_than_one_in_a_hundred_everywhere_is_no_surcharge() -> None:
    a_week("1.009")

    assert (found().surcharges, found().unexplained) == ((), 0)


def test_one_odd_day_is_not_explained_by_the_discount_of_the_others() -> None:
    a_week("0.88")
    use(12)
    bill(12, "2")

    odd = found().lines[-1]

    assert (odd.day, reasons(odd)) == (on(12), [])


def test_a_few_days_make_no_discount() -> None:
    for day in (3, 4):
        use(day)
        bill(day, "2.7")

    assert [reasons(line) for line in found().lines] == [[], []]


def test_days_that_differ_each_in_its_own_way_make_no_discount() -> None:
    for day in range(3, 10):
        use(day)
        bill(day, str(day))

    assert {code for line in found().lines for code in reasons(line)} == set()


def test_late_and_unpriced_days_make_no_discount() -> None:
    for day in (3, 4, 5):
        use(day)
        use(day, rate=None)
        bill(day, "2.7")
    for day in (23, 24):
        use(day)
        bill(day, "2.7")

    assert {code for line in found().lines for code in reasons(line)} == {"unpriced", "late"}


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_words(reason: Reason) -> None:
    explanation = Explanation(reason, tokens=1234, percent=5)

    assert explanation.title
    assert explanation.text.endswith(".")
    with translation.override("es"):
        assert "%" not in explanation.text.replace("5\u00a0%", "")
