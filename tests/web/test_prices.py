"""Prices: the admins' page, with its two forms."""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from onboarding.costs.price_table import load_shipped, shipped
from onboarding.costs.repricing import reprice
from onboarding.enums import Role
from onboarding.models import Account, AuditEvent, Price, UsageEntry
from tests.factories import make_account, make_usage, make_user
from tests.web.plan_pages import HOSTILE, client_of, text_of

pytestmark = pytest.mark.django_db

PATH = "/costs/prices/"
MODEL = "anthropic.claude-opus-9"
TODAY = timezone.now().date()
LAST_MONTH = TODAY.replace(day=1) - dt.timedelta(days=1)


@pytest.fixture
def admin() -> Client:
    return client_of(Role.ADMIN)


def price_of(**fields: Any) -> dict[str, Any]:
    """What the form sends."""
    return {
        "model_id": MODEL,
        "endpoint_kind": "geographic",
        "token_class": "input",
        "usd_per_million": "4.125",
        "valid_from": "2026-11-01",
        "source": "Our contract",
        **fields,
    }


def make_price(**fields: Any) -> Price:
    return Price.objects.create(**price_of(**fields))


def use(day: dt.date = dt.date(2026, 11, 2), rate: int | None = None, **fields: Any) -> UsageEntry:
    return make_usage(day=day, rate=rate, **{"model_id": MODEL, **fields})[0]


def rows_of(page: str, heading: str) -> list[list[str]]:
    """The cells of the table with this name."""
    table = re.search(rf'aria-label="{heading}">.*?<tbody>(.*?)</tbody>', page, re.DOTALL)
    assert table is not None, heading
    rows = re.findall(r"<tr>(.*?)</tr>", table[1], re.DOTALL)
    return [[_words(cell) for cell in re.findall(r"<t[hd].*?>(.*?)</t[hd]>", row, re.DOTALL)] for row in rows]


def _words(markup: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", markup).split())


# --- Who may


def test_anonymous_visitors_are_sent_to_sign_in(client: Client) -> None:
    response = client.get(PATH)

    assert (response.status_code, response["Location"]) == (302, f"/?next={PATH}")


@pytest.mark.parametrize(("role", "status"), [(Role.PERSON, 403), (Role.AUDITOR, 200)])
def test_auditors_read_it_and_change_nothing(role: Role, status: int) -> None:
    make_account()
    client = client_of(role)

    assert client.get(PATH).status_code == status
    assert client.post(PATH, price_of()).status_code == 403
    assert client.post(PATH, {"account": "111122223333", "multiplier": "0.5", "reason": "x"}).status_code == 403
    assert not Price.objects.exists()
    assert Account.objects.get().price_multiplier == 1


def test_a_user_who_is_nobodys_person_gets_403(client: Client) -> None:
    client.force_login(make_user())

    assert client.get(PATH).status_code == 403


# --- The table


def test_an_empty_table_says_how_to_load_one(admin: Client) -> None:
    assert "There are no prices, so nothing can be estimated." in text_of(admin.get(PATH))


def test_the_date_of_the_table_is_shown(admin: Client) -> None:
    load_shipped(actor="tests")

    text = text_of(admin.get(PATH))

    assert f"that of genai-prices {shipped().version}, read on {shipped().date.day} " in text
    assert "There are no prices" not in text


def test_prices_in_force_stand_in_a_column_for_each_token_class(admin: Client) -> None:
    make_price(usd_per_million="9", valid_from="2020-01-01")
    make_price(usd_per_million="5.5")
    make_price(usd_per_million="0.4125", token_class="cache-read", valid_from="2026-10-01", source="A mail")
    make_price(usd_per_million="99", valid_from=str(TODAY + dt.timedelta(days=1)))

    page = admin.get(PATH).content.decode()

    assert rows_of(page, "Table of prices of other models") == [
        [
            f"Claude Opus 9 {MODEL}",
            "Geographic",
            "$5.50",
            "Unpriced",
            "$0.4125",
            "Unpriced",
            "Unpriced",
            "1 Nov 2026 Our contract 1 Oct 2026 A mail",
            f"Change {MODEL}, Geographic",
        ]
    ]
    assert [row[3] for row in rows_of(page, "Table of later prices")] == ["$99.00"]


def test_kinds_and_long_prompts_have_rows_of_their_own(admin: Client) -> None:
    make_price(endpoint_kind="in-region")
    make_price(endpoint_kind="global", is_long_prompt=True)
    make_price(endpoint_kind="global")

    rows = rows_of(admin.get(PATH).content.decode(), "Table of prices of other models")

    assert [row[1] for row in rows] == ["Global", "Global Long prompts", "In-Region"]
    assert [row[3] for row in rows] == ["Unpriced", "As others", "Unpriced"]


def test_models_that_were_used_come_first(admin: Client) -> None:
    load_shipped(actor="tests")
    use(rate=1, model_id="anthropic.claude-sonnet-4-6")

    page = admin.get(PATH).content.decode()

    assert "Everything that was used has a price" in page
    assert {row[0] for row in rows_of(page, "Table of prices of models that were used")} == {
        "Claude Sonnet 4.6 anthropic.claude-sonnet-4-6"
    }
    assert len(rows_of(page, "Table of prices of other models")) > 50


def test_what_was_used_without_a_price_is_shown_with_its_tokens_and_never_as_0(admin: Client) -> None:
    use(dt.date(2026, 11, 2), input=1_234_567, output=5)
    use(dt.date(2026, 11, 4), input=1_000, region="us-east-1")
    use(endpoint_kind="", model_id="arn:aws:bedrock:eu-west-1:111122223333:application-inference-profile/a1", input=3)
    use(model_id="anthropic.claude-priced", rate=1)

    page = admin.get(PATH).content.decode()

    assert "2 models were used without a price" in page
    assert [row[1:6] for row in rows_of(page, "Tokens without a price")] == [
        ["Geographic", "Input", "1,235,567", "2 Nov 2026", "4 Nov 2026"],
        ["Geographic", "Output", "5", "2 Nov 2026", "2 Nov 2026"],
        ["Not known", "Input", "3", "2 Nov 2026", "2 Nov 2026"],
    ]
    assert "$0" not in page


def test_an_unpriced_row_leads_to_the_form_filled_in(admin: Client) -> None:
    use()
    page = admin.get(PATH).content.decode()
    link = re.search(r'href="(\?model_id=[^"#]*)#add"', page)
    assert link is not None

    form = admin.get(PATH + link[1].replace("&amp;", "&")).context["form"]

    values = {name: form[name].value() for name in ("model_id", "endpoint_kind", "token_class", "valid_from")}
    assert values == {
        "model_id": MODEL,
        "endpoint_kind": "geographic",
        "token_class": "input",
        "valid_from": "2026-11-02",
    }


def test_a_hostile_source_is_escaped(admin: Client) -> None:
    make_price(source=HOSTILE)
    use(model_id="a.<b>")

    page = admin.get(PATH + "?model_id=%22%3E" + HOSTILE).content.decode()

    assert HOSTILE not in page
    assert "a.<b>" not in page


@pytest.mark.parametrize("many", [1, 12])
def test_the_number_of_queries_is_constant(
    many: int, admin: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(many):
        make_price(model_id=f"anthropic.claude-opus-{number}")
        make_account(f"{number:012}")
        use(model_id=f"anthropic.claude-haiku-{number}")
        AuditEvent.objects.record(actor="a", action="prices.loaded", target="t", added=1, priced=0)

    # Session, user, person twice; prices, models that were used, what is unpriced, accounts, changes; open requests;
    # and six for what the ledger may lack.
    with django_assert_num_queries(14):
        assert admin.get(PATH).status_code == 200


# --- Adding a price


def test_a_price_is_added_audited_and_prices_what_had_none(admin: Client) -> None:
    use(dt.date(2026, 11, 2))
    use(dt.date(2026, 10, 31), region="us-east-1")

    response = admin.post(PATH, price_of())

    assert (response.status_code, response["Location"]) == (302, "/costs/prices/#changes")
    price = Price.objects.get()
    assert (price.model_id, price.usd_per_million, price.valid_from) == (MODEL, Decimal("4.125"), dt.date(2026, 11, 1))
    assert list(UsageEntry.objects.order_by("day").values_list("rate", flat=True)) == [None, 4_125_000]
    event = AuditEvent.objects.get(action="price.added")
    assert (event.actor, event.target) == ("admin@acme.example", MODEL)
    assert event.details == {
        "endpoint_kind": "geographic",
        "token_class": "input",
        "is_long_prompt": False,
        "usd_per_million": "4.125",
        "valid_from": "2026-11-01",
        "source": "Our contract",
        "priced": 1,
        "repriced": 0,
    }
    assert (
        f"Added a price: {MODEL}, Geographic, Input, $4.125 per million tokens from 1 Nov 2026 on. "
        "It priced one usage entry. Our contract" in text_of(admin.get(PATH))
    )


def test_a_price_is_changed_by_one_that_begins_later(admin: Client) -> None:
    make_price(usd_per_million="5", valid_from="2026-10-01")
    use(LAST_MONTH, rate=5_000_000)
    use(TODAY, rate=5_000_000)

    admin.post(PATH, price_of(valid_from=str(LAST_MONTH)))

    assert [
        row[2] for row in rows_of(admin.get(PATH).content.decode(), "Table of prices of models that were used")
    ] == ["$4.125"]
    assert Price.objects.count() == 2
    # Months that are over change by the command alone.
    assert list(UsageEntry.objects.order_by("day").values_list("rate", flat=True)) == [5_000_000, 4_125_000]
    assert AuditEvent.objects.get(action="price.added").details["repriced"] == 1
    assert "One usage entry of this month was priced anew. Our contract" in text_of(admin.get(PATH))


def test_a_price_that_was_entered_wrong_is_corrected_and_audited(admin: Client) -> None:
    make_price(usd_per_million="41.25", source="A slip")
    use(LAST_MONTH, rate=41_250_000)
    for number in range(2):
        use(TODAY, rate=41_250_000, region=f"eu-west-{number}")

    response = admin.post(PATH, price_of(is_correction="on"))

    assert (response.status_code, response["Location"]) == (302, "/costs/prices/#changes")
    price = Price.objects.get()
    assert (price.usd_per_million, price.source) == (Decimal("4.125"), "Our contract")
    rates = UsageEntry.objects.order_by("day").values_list("rate", flat=True)
    assert list(rates) == [41_250_000, 4_125_000, 4_125_000]
    event = AuditEvent.objects.get(action="price.corrected")
    assert (event.actor, event.target) == ("admin@acme.example", MODEL)
    assert event.details["before"] == {"usd_per_million": "41.25", "source": "A slip"}
    assert event.details["after"] == {"usd_per_million": "4.125", "source": "Our contract"}
    assert event.details["repriced"] == 2
    told = (
        f"Corrected a price: {MODEL}, Geographic, Input, from 1 Nov 2026 on: $41.25 became $4.125 per million tokens. "
        "2 usage entries of this month were priced anew. "
    )
    assert f"{told}Our contract" in text_of(admin.get(PATH))


def test_a_correction_of_nothing_is_said_and_of_the_same_is_none(admin: Client) -> None:
    assert "There is no price of this that begins on that day." in text_of(admin.post(PATH, price_of(is_correction=1)))
    assert not Price.objects.exists()

    make_price()
    assert admin.post(PATH, price_of(is_correction=1)).status_code == 302
    assert not AuditEvent.objects.exists()


def test_a_line_leads_to_the_form_filled_in(admin: Client) -> None:
    make_price(is_long_prompt=True)
    make_price()
    use()

    page = admin.get(PATH).content.decode()
    link = re.search(r'href="(/costs/prices/\?[^"]*is_long_prompt=1[^"]*)#add"', page)
    assert link is not None
    form = admin.get(link[1].replace("&amp;", "&")).content.decode()

    assert f'name="model_id" value="{MODEL}"' in form
    assert re.search(r'<option value="geographic"[^>]*selected', form)
    assert re.search(r'<input[^>]*name="is_long_prompt"[^>]*checked', form)


def test_a_link_to_the_form_keeps_nothing_of_the_one_before(admin: Client) -> None:
    make_price()
    use(model_id="anthropic.claude-haiku-4-5")

    page = admin.get(f"{PATH}?model_id=x&token_class=output&is_long_prompt=1&valid_from=2020-01-01").content.decode()

    links = re.findall(r'href="([^"]+)#add"', page)
    assert len(links) == 2
    assert not [link for link in links if "long" in link or "2020" in link or "output" in link]


def test_a_number_is_read_alike_in_every_language(admin: Client) -> None:
    """With Spanish separators 4.125 would be four thousand."""
    admin.cookies["language"] = "es"

    admin.post(PATH, price_of())

    assert Price.objects.get().usd_per_million == Decimal("4.125")


def test_a_price_of_long_prompts(admin: Client) -> None:
    admin.post(PATH, price_of(is_long_prompt="on"))

    assert Price.objects.get().is_long_prompt
    assert "It is for long prompts." in text_of(admin.get(PATH))


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"model_id": "eu.anthropic.claude-opus-9"}, "This is an inference profile&#x27;s id."),
        ({"model_id": "arn:aws:bedrock:eu-west-1::foundation-model/x"}, "This is not the id of a model."),
        ({"model_id": "opus"}, "This is not the id of a model."),
        ({"model_id": ""}, "This field is required."),
        ({"endpoint_kind": "nowhere"}, "Select a valid choice."),
        ({"token_class": ""}, "This field is required."),
        ({"usd_per_million": "-1"}, "greater than or equal to 0"),
        ({"usd_per_million": "1000.01"}, "less than or equal to 1000"),
        ({"usd_per_million": "1.1234567"}, "no more than 6 decimal places"),
        ({"usd_per_million": "4,125"}, "Enter a number."),
        ({"usd_per_million": "NaN"}, "Enter a number."),
        ({"valid_from": "soon"}, "Enter a valid date."),
        ({"source": ""}, "This field is required."),
        ({"source": "x" * 201}, "at most 200 characters"),
    ],
)
def test_what_is_wrong_stands_at_its_field_and_nothing_is_added(
    fields: dict[str, str], said: str, admin: Client
) -> None:
    response = admin.post(PATH, price_of(**fields))

    page = response.content.decode()
    assert response.status_code == 200
    assert said in page
    assert 'aria-invalid="true"' in page
    assert not Price.objects.exists()
    assert not AuditEvent.objects.exists()


def test_a_price_that_is_there_is_not_replaced(admin: Client) -> None:
    make_price(usd_per_million="5")

    response = admin.post(PATH, price_of())

    assert "There is a price of this from that day on. Choose another day, or correct it." in text_of(response)
    assert Price.objects.get().usd_per_million == 5


# --- Multipliers


def test_a_multiplier_is_changed_with_a_reason(admin: Client) -> None:
    make_account()
    use(rate=5_000_000)
    page = text_of(admin.get(PATH))
    assert "affects usage that is priced from now on" in page
    assert f"python manage.py reprice --since {TODAY.replace(day=1)} --until {TODAY + dt.timedelta(days=1)}" in page

    response = admin.post(PATH, {"account": "111122223333", "multiplier": "0.9", "reason": "A discount"})

    assert (response.status_code, response["Location"]) == (302, "/costs/prices/#changes")
    assert Account.objects.get().price_multiplier == Decimal("0.9")
    assert UsageEntry.objects.get().rate == 5_000_000
    event = AuditEvent.objects.get()
    assert (event.actor, event.action, event.target) == (
        "admin@acme.example",
        "account.multiplier_changed",
        "111122223333",
    )
    assert event.details == {"before": "1", "after": "0.9", "reason": "A discount"}
    text = text_of(admin.get(PATH))
    assert "Changed the multiplier of 111122223333 from 1 to 0.9. A discount" in text


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"multiplier": "0"}, "greater than or equal to 0.0001"),
        ({"multiplier": "10.1"}, "less than or equal to 10"),
        ({"multiplier": "0,9"}, "Enter a number."),
        ({"multiplier": "0.12345"}, "no more than 4 decimal places"),
        ({"reason": ""}, "Say why the multiplier changes."),
    ],
)
def test_a_wrong_multiplier_changes_nothing_and_is_said_at_its_account(
    fields: dict[str, str], said: str, admin: Client
) -> None:
    make_account()
    make_account("222233334444", name="other")

    response = admin.post(PATH, {"account": "222233334444", "multiplier": "0.9", "reason": "x", **fields})

    page = response.content.decode()
    assert said in page
    assert page.index('value="222233334444"') < page.index(said)
    assert set(Account.objects.values_list("price_multiplier", flat=True)) == {Decimal(1)}
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(ids) == len(set(ids))


def test_an_account_that_does_not_exist_is_not_found(admin: Client) -> None:
    response = admin.post(PATH, {"account": "999999999999", "multiplier": "0.9", "reason": "x"})

    assert response.status_code == 404


def test_a_repricing_is_among_the_changes(admin: Client) -> None:
    use(rate=3_000_000)
    make_price()
    reprice(dt.date(2026, 11, 1), dt.date(2026, 12, 1), actor="manage.py reprice", reason="The contract")

    text = text_of(admin.get(PATH))

    assert "Priced usage from 1 Nov 2026 to before 1 Dec 2026 anew: $3.00 became $4.13. The contract" in text


def test_changes_are_told_in_the_readers_language(admin: Client) -> None:
    make_account()
    admin.cookies["language"] = "es"
    admin.post(PATH, price_of(endpoint_kind="in-region", token_class="cache-write-5m"))
    admin.post(PATH, {"account": "111122223333", "multiplier": "0.9", "reason": "A discount"})
    reprice(dt.date(2026, 11, 1), dt.date(2026, 12, 1), actor="manage.py reprice", reason="The contract")
    AuditEvent.objects.record(actor="a", action="prices.loaded", target="t", added=12_345, priced=0)

    text = text_of(admin.get(PATH)).replace("\u00a0", " ")

    assert (
        f"{MODEL}, En la Región, Escritura en caché, 5 minutos, 4,125 $ por millón de tokens a partir del 1 nov 2026."
        in text
    )
    assert "de 111122223333 de 1 a 0,9." in text
    assert "desde el 1 nov 2026 hasta antes del 1 dic 2026: de 0,00 $ ha pasado a 0,00 $." in text
    assert "Ha cargado 12.345 precios de t." in text


@pytest.mark.parametrize(
    "details",
    [
        {},
        {"endpoint_kind": "lunar", "token_class": "thought", "usd_per_million": "free", "valid_from": "soon"},
        {
            "before": {},
            "after": {"source": "x"},
            "since": None,
            "cost_before": "NaN",
            "added": "all",
            "priced": "all",
            "repriced": "all",
        },
    ],
)
@pytest.mark.parametrize(
    "action",
    ["price.added", "price.corrected", "prices.loaded", "account.multiplier_changed", "usage.repriced"],
)
def test_what_an_event_does_not_say_or_says_otherwise_breaks_nothing(
    action: str, details: dict[str, Any], admin: Client
) -> None:
    AuditEvent.objects.create(actor="old@acme.example", action=action, target="old", details=details)

    assert "old@acme.example" in text_of(admin.get(PATH))


def test_an_auditor_reads_what_an_account_pays() -> None:
    make_account(price_multiplier=Decimal("0.9000"))
    client = client_of(Role.AUDITOR)

    assert "Multiplier: 0.9<" in client.get(PATH).content.decode()
    client.cookies["language"] = "es"
    assert "Multiplicador: 0,9<" in client.get(PATH).content.decode()
