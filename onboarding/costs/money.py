"""Money as rows keep it, and as everybody else sees it.

Rows hold billionths of a US dollar (`UsageEntry.cost`, `BilledCost.amount`): whole numbers, which every database adds
up exactly. What leaves `costs` is a Decimal in US dollars.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

from django.utils.formats import number_format

_PLACES = 9


def usd(billionths: int) -> Decimal:
    """US dollars, exactly."""
    return Decimal(billionths).scaleb(-_PLACES)


def billionths(amount: Decimal) -> int:
    """Whole billionths of a US dollar; what is smaller is rounded half up."""
    return int(amount.scaleb(_PLACES).to_integral_value(ROUND_HALF_UP))


def cents(amount: Decimal) -> Decimal:
    """As an amount is shown: rounded half up to the cent."""
    return amount.quantize(Decimal("0.01"), ROUND_HALF_UP)


def written(amount: Decimal) -> str:
    """`1,234.56 USD`, with the separators of the active language: for mails and other plain text."""
    return f"{number_format(cents(amount), decimal_pos=2, force_grouping=True)} USD"
