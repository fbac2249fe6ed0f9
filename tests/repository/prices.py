"""`python -m tests.repository.prices check|update`: the shipped price table against the installed genai-prices.

`check` prints every difference and fails on one. `update` brings onboarding/data/prices.json up to date: what is new
is added, and a price that changed gets a second row from the day of the update on. Rows that were shipped stay as they
are, for usage of their days. https://github.com/pydantic/genai-prices
"""

from __future__ import annotations

import datetime as dt
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

from genai_prices.data_snapshot import get_snapshot
from genai_prices.types import ConditionalPrice, ModelInfo, ModelPrice, Provider, StartDateConstraint, TieredPrices

from onboarding.catalog import long_prompt_tokens
from onboarding.enums import EndpointKind, TokenClass

FILE = Path(__file__).resolve().parents[2] / "onboarding" / "data" / "prices.json"
PACKAGE = "genai-prices"
# Prices without a date of their own hold from here on: the day Bedrock became generally available.
# https://aws.amazon.com/blogs/aws/amazon-bedrock-is-now-generally-available-build-and-scale-generative-ai-applications-with-foundation-models/
EARLIEST = dt.date(2023, 9, 28)

# What each class is called in genai-prices, whose cache writes live for five minutes unless they say otherwise.
_CLASSES = {
    TokenClass.INPUT: "input_mtok",
    TokenClass.OUTPUT: "output_mtok",
    TokenClass.CACHE_READ: "cache_read_mtok",
    TokenClass.CACHE_WRITE_5M: "cache_write_mtok",
    TokenClass.CACHE_WRITE_1H: "cache_write_1h_mtok",
}
# How ids of each kind begin. genai-prices has one price for every geography of a model.
_PREFIXES = {
    EndpointKind.GLOBAL: ("global.",),
    EndpointKind.GEOGRAPHIC: ("us.", "eu.", "apac.", "jp.", "au.", "ca.", "in.", "us-gov."),
    EndpointKind.IN_REGION: ("",),
}
# genai-prices matches by how ids begin, and calls its own entries by ids that Bedrock does not have. These are
# Bedrock's. https://docs.aws.amazon.com/bedrock/latest/userguide/models-supported.html
_BEDROCK_IDS = {
    "anthropic.claude-fable-5-1-v1:0": "anthropic.claude-fable-5-1",
    "anthropic.claude-fable-5-v1:0": "anthropic.claude-fable-5",
    "anthropic.claude-opus-4-5-v1:0": "anthropic.claude-opus-4-5-20251101-v1:0",
    "anthropic.claude-opus-4-6-v1:0": "anthropic.claude-opus-4-6-v1",
    "anthropic.claude-opus-4-7-v1:0": "anthropic.claude-opus-4-7",
    "anthropic.claude-opus-4-8-v1:0": "anthropic.claude-opus-4-8",
    "anthropic.claude-sonnet-4-6-v1:0": "anthropic.claude-sonnet-4-6",
    "anthropic.claude-sonnet-5-v1:0": "anthropic.claude-sonnet-5",
}


@dataclass(frozen=True, slots=True)
class Priced:
    """What has prices of its own."""

    model_id: str
    endpoint_kind: str
    is_long_prompt: bool
    token_class: str


# From which day on which price, in USD per million tokens; the oldest first.
Periods = dict[dt.date, Decimal]


class Unreadable(Exception):
    """genai-prices says something that the table has no place for. The message says what."""


# --- What genai-prices says


def current() -> dict[Priced, Periods]:
    """Every Claude model on Bedrock, each under the ids that Bedrock gives it. Raises Unreadable."""
    bedrock = next(provider for provider in get_snapshot().providers if provider.id == "aws")
    found: dict[Priced, Periods] = {}
    for model_id in model_ids(bedrock):
        for kind in EndpointKind:
            model = _model_of(bedrock, model_id, kind)
            if model is not None:
                found |= _prices_of(model, model_id, kind)
    return found


def model_ids(bedrock: Provider) -> list[str]:
    """Bedrock's ids of the Claude models that genai-prices knows there."""
    names = {model.id.partition(".")[2] for model in bedrock.models if ".anthropic.claude-" in model.id}
    return sorted(_BEDROCK_IDS.get(name, name) for name in names)


def _model_of(bedrock: Provider, model_id: str, kind: EndpointKind) -> ModelInfo | None:
    """The entry of genai-prices for this model's ids of this kind; none where it has none for the kind.

    It knows its entries apart by how their own ids begin, for it matches more than it prices: a global id of a model
    without global inference is matched by the regional entry.
    """
    matched = [bedrock.find_model(prefix + model_id) for prefix in _PREFIXES[kind]]
    wanted = "global." if kind == EndpointKind.GLOBAL else "regional."
    found = {model.id: model for model in matched if model is not None and model.id.startswith(wanted)}
    if len(found) > 1:
        raise Unreadable(f"{model_id}, {kind}: geographies have prices of their own: {', '.join(sorted(found))}")
    return next(iter(found.values()), None)


def _prices_of(model: ModelInfo, model_id: str, kind: EndpointKind) -> dict[Priced, Periods]:
    found: dict[Priced, Periods] = {}
    for day, prices in sorted(periods_of(model), key=lambda period: period[0]):
        for token_class, name in _CLASSES.items():
            for is_long, figure in _tiers(getattr(prices, name), model_id):
                found.setdefault(Priced(model_id, kind, is_long, token_class), {})[day] = figure
    return found


def periods_of(model: ModelInfo) -> Iterator[tuple[dt.date, ModelPrice]]:
    """From which day on which prices. Raises Unreadable for prices that hang on anything but the day."""
    if isinstance(model.prices, ModelPrice):
        yield EARLIEST, model.prices
        return
    for conditional in model.prices:
        yield _first_day(conditional, model.id), conditional.prices


def _first_day(conditional: ConditionalPrice, name: str) -> dt.date:
    match conditional.constraint:
        case None:
            return EARLIEST
        case StartDateConstraint(start_date=day):
            return day
    raise Unreadable(f"{name}: prices that hang on {conditional.constraint}")


def _tiers(price: Decimal | TieredPrices | None, model_id: str) -> Iterator[tuple[bool, Decimal]]:
    """The ordinary price, and that of long prompts where there is one. No price is no row."""
    if isinstance(price, TieredPrices):
        starts = [tier.start for tier in price.tiers]
        if starts != [long_prompt_tokens(model_id)]:
            raise Unreadable(f"{model_id}: long prompts begin at {starts}, not where the catalogue has it")
        yield False, price.base
        yield True, price.tiers[0].price
    elif price is not None:
        yield False, price


# --- What is shipped

Document = dict[str, Any]


def shipped() -> Document:
    return cast(Document, json.loads(FILE.read_text(encoding="utf-8")))


def periods_in(document: Document) -> dict[Priced, Periods]:
    found: dict[Priced, Periods] = {}
    for entry in document["prices"]:
        for token_class, figure in entry["usd_per_million"].items():
            key = Priced(entry["model_id"], entry["endpoint_kind"], entry["is_long_prompt"], token_class)
            found.setdefault(key, {})[dt.date.fromisoformat(entry["valid_from"])] = Decimal(figure)
    return found


def newest(periods: Periods) -> Decimal:
    return periods[max(periods)]


def problems(document: Document) -> list[str]:
    """Every difference between the shipped table and the installed genai-prices, one line each.

    What genai-prices does not know any more is none: its usage has still to be priced.
    """
    found = []
    if document["version"] != version(PACKAGE):
        found.append(f"made from {PACKAGE} {document['version']}; {version(PACKAGE)} is installed")
    have = periods_in(document)
    for key, periods in current().items():
        if key not in have:
            found.append(f"not shipped: {key}")
        elif newest(have[key]) != newest(periods):
            found.append(f"{key}: {newest(have[key])} is shipped, {newest(periods)} is the price")
    return found


# --- The command


def updated(document: Document, today: dt.date) -> Document:
    """The document with what genai-prices says now; the same one where nothing is new."""
    if not problems(document):
        return document
    entries = document["prices"] + _entries(_missing(periods_in(document), today), f"{_source()}, {today}")
    entries.sort(key=lambda entry: [*(entry[name] for name in _ORDER)])
    return {"package": PACKAGE, "version": version(PACKAGE), "date": str(today), "prices": entries}


_ORDER = ("model_id", "endpoint_kind", "is_long_prompt", "valid_from", "source")


def _source() -> str:
    return f"{PACKAGE} {version(PACKAGE)}"


def _missing(have: Mapping[Priced, Periods], today: dt.date) -> Iterator[tuple[Priced, dt.date, Decimal]]:
    for key, periods in current().items():
        if key not in have:
            yield from ((key, day, figure) for day, figure in periods.items())
        elif newest(have[key]) != newest(periods):
            # Since when, only a date of genai-prices' own would tell.
            day = max(periods)
            yield key, day if day > max(have[key]) else today, newest(periods)


def _entries(rows: Iterable[tuple[Priced, dt.date, Decimal]], source: str) -> list[Document]:
    """One entry for the classes that a model, an endpoint kind and a day have in common."""
    entries: dict[tuple[str, str, bool, dt.date], Document] = {}
    for key, day, figure in rows:
        entry = entries.setdefault(
            (key.model_id, key.endpoint_kind, key.is_long_prompt, day),
            {
                "model_id": key.model_id,
                "endpoint_kind": key.endpoint_kind,
                "is_long_prompt": key.is_long_prompt,
                "valid_from": str(day),
                "source": source,
                "usd_per_million": {},
            },
        )
        entry["usd_per_million"][key.token_class] = f"{figure.normalize():f}"
    return list(entries.values())


def main(arguments: list[str]) -> int:
    if arguments not in (["check"], ["update"]):
        print(__doc__)
        return 2
    document = shipped() if FILE.exists() else {"version": None, "prices": []}
    if arguments == ["update"]:
        document = updated(document, dt.datetime.now(dt.UTC).date())
        FILE.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    found = problems(document)
    print(*found, sep="\n", end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
