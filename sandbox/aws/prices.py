"""What AWS charges for a million tokens: the list prices of genai-prices, and what the scenario adds to them."""

from __future__ import annotations

import re
from decimal import Decimal
from functools import cache

from sandbox.aws.usage import CACHE_READ, CACHE_WRITE_1H, CACHE_WRITE_5M, INPUT, OUTPUT
from sandbox.company import Company

_FAMILY = re.compile(r"anthropic\.claude-(?P<family>[a-z]+)-(?P<version>\d+(?:-\d{1,2})?)(?!\d)")
_FIELDS = {
    INPUT: "input_mtok",
    OUTPUT: "output_mtok",
    CACHE_READ: "cache_read_mtok",
    CACHE_WRITE_5M: "cache_write_mtok",
    CACHE_WRITE_1H: "cache_write_1h_mtok",
}
_MILLIONTHS = 1_000_000


def model_name(company: Company, model_id: str) -> str:
    """How bills call a base model: `Claude Sonnet 4.6`."""
    listed = {model.id: model.name for model in company.models}
    unlisted = {model.id: model.name for model in (company.usage.unlisted_models if company.usage else ())}
    return {**listed, **unlisted}.get(model_id, model_id)


def short_name(model_id: str) -> str:
    """How usage types call it: `Claude4.6Sonnet`."""
    match = _FAMILY.match(model_id)
    return f"Claude{match['version'].replace('-', '.')}{match['family'].capitalize()}" if match else model_id


@cache
def _list_price(model_id: str, token_class: str) -> Decimal:
    """USD per million tokens. Raises LookupError for a model that no list has."""
    from genai_prices import Usage, calc_price  # takes a while to import, and only bills need it

    price = getattr(calc_price(Usage(input_tokens=1), model_id, provider_id="aws").model_price, _FIELDS[token_class])
    if not isinstance(price, Decimal):
        raise LookupError(f"no price of {token_class} for {model_id}")
    return price


def rate(company: Company, account_id: str, model_id: str, token_class: str, *, is_global: bool) -> int:
    """Millionths of a US dollar per million tokens, with what the account pays of the list price."""
    unlisted = {model.id: model.usd_per_million for model in (company.usage.unlisted_models if company.usage else ())}
    account = company.account(account_id)
    if model_id in unlisted:
        price = Decimal(unlisted[model_id][token_class])
    else:
        price = _list_price(f"{'global' if is_global else 'eu'}.{model_id}", token_class)
    return round(price * Decimal(str(account.price_multiplier if account else 1)) * _MILLIONTHS)
