"""Money as rows keep it, and as everybody else sees it.

Rows hold billionths of a US dollar (`UsageEntry.cost`, `BilledCost.amount`): whole numbers, which every database adds
up exactly. What leaves `costs` is a Decimal in US dollars.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from django.utils.translation import get_language

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


# --- As a language writes it


@dataclass(frozen=True, slots=True)
class Style:
    """How a language writes numbers and amounts. `groups_from`: the shortest number with separators, in digits."""

    point: str
    separator: str
    groups_from: int
    amount: str


_STYLES: Mapping[str, Style] = {
    "en": Style(".", ",", 4, "${}"),
    # Four digits stand together, and the sign after the number, apart from it by a space that never breaks.
    "es": Style(",", ".", 5, "{}\u00a0$"),
}


def style() -> Style:
    """That of the active language."""
    return _STYLES["es" if (get_language() or "").startswith("es") else "en"]


def digits(value: Decimal | int, places: int = 0) -> str:
    """A number that is not negative, with its places."""
    here = style()
    rounded = Decimal(value).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
    whole, _dot, rest = f"{rounded:f}".partition(".")
    if len(whole) >= here.groups_from:
        whole = f"{int(whole):,}".replace(",", here.separator)
    return f"{whole}{here.point}{rest}" if rest else whole


def written(amount: Decimal) -> str:
    """`1,234.56 USD`, with the separators of the active language: for mails and other plain text."""
    return f"{digits(cents(amount), 2)} USD"
