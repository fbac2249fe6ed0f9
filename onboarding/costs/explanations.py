"""Why what AWS charged differs from the estimate, as a page words it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from onboarding.costs.money import digits


class Reason(StrEnum):
    NOT_BILLED = "not-billed"
    LATE = "late"
    UNPRICED = "unpriced"
    MISSING_LOGS = "missing-logs"
    UNREAD = "unread"
    DISCOUNT = "discount"
    SURCHARGE = "surcharge"
    ESTIMATED = "estimated"


# What stands beside a difference and explains nothing. That AWS charges more everywhere says that a price of ours, or
# the account's multiplier, is wrong; and AWS calls all of an open month estimated.
_NOTES = frozenset({Reason.SURCHARGE, Reason.ESTIMATED})
_BELOW_LIST = _("AWS charges about %(percent)s%% below list.")
# A short word, and a sentence.
_WORDS: Mapping[Reason, tuple[Promise, Promise]] = {
    Reason.NOT_BILLED: (_("Not billed yet"), _("AWS has charged nothing of that day so far.")),
    Reason.LATE: (_("Late"), _("The day ended less than 48 hours ago: logs and charges are still on their way.")),
    Reason.UNPRICED: (_("Unpriced"), _("%(tokens)s tokens have no price, so they are in no estimate.")),
    Reason.MISSING_LOGS: (
        _("Missing logs"),
        _("CloudWatch counted %(tokens)s tokens more than were logged."),
    ),
    Reason.UNREAD: (_("Logs not read"), _("Not all logs of that day have been read, or logging was off.")),
    Reason.DISCOUNT: (_("Discount"), _BELOW_LIST),
    Reason.SURCHARGE: (_("More than estimated"), _BELOW_LIST),
    Reason.ESTIMATED: (_("Estimated by AWS"), _("AWS may still change what it charges for that day.")),
}
# These say what AWS charges of the list.
_OF_LIST = frozenset({Reason.DISCOUNT, Reason.SURCHARGE})
_AT_LIST = (_("At list"), _("AWS charges about the list price."))
_ABOVE_LIST = (_("Above list"), _("AWS charges about %(percent)s%% above list."))
_MULTIPLIER = _("The account's multiplier says %(expected)s%% below list.")
_MULTIPLIER_ABOVE = _("The account's multiplier says %(expected)s%% above list.")


@dataclass(frozen=True, slots=True)
class Explanation:
    """One reason, with what it counts: `tokens`, or `percent` that AWS charges below list, where the account's
    multiplier lets one expect `expected`; both are negative above it.
    """

    code: Reason
    tokens: int = 0
    percent: int = 0
    expected: int = 0

    @property
    def is_note(self) -> bool:
        """Worth knowing beside a difference, which it does not account for."""
        return self.code in _NOTES

    @property
    def title(self) -> str:
        """A word or two, in the reader's language."""
        return str(self._words[0])

    @property
    def text(self) -> str:
        """A sentence or two, in the reader's language."""
        values = {
            "tokens": digits(self.tokens),
            "percent": abs(self.percent),
            "expected": abs(self.expected),
        }
        sentences = [self._words[1]]
        if self.code in _OF_LIST and self.expected:
            sentences.append(_MULTIPLIER if self.expected > 0 else _MULTIPLIER_ABOVE)
        return " ".join(str(sentence) % values for sentence in sentences)

    @property
    def _words(self) -> tuple[Promise, Promise]:
        title, text = _WORDS[self.code]
        if self.code in _OF_LIST and self.percent <= 0:
            word, text = _ABOVE_LIST if self.percent else _AT_LIST
            title = word if self.code == Reason.DISCOUNT else title
        return title, text
