"""The shapes a value must have before it is written into a file that a program reads.

Quoting comes on top of this, never instead of it. Every function returns its value or raises `UnsafeValue`.
"""

from __future__ import annotations

import re

from onboarding import catalog
from onboarding.bundles.inputs import UnsafeValue

# Words that no shell, fish, cmd.exe or PowerShell reads as more than a word.
_SHELL_WORD = re.compile(r"[A-Za-z0-9_.:@+=,/-]{1,200}")
# The same with the wildcard of NO_PROXY, for values that stand in quotes.
_VARIABLE = re.compile(r"[A-Za-z0-9_.:@+=,/*-]{1,500}")
_ACCOUNT = re.compile(r"[0-9]{12}")


def shell_word(field: str, text: str) -> str:
    return _matching(_SHELL_WORD, field, text)


def variable(field: str, text: str) -> str:
    """The value of an environment variable, as every shell file writes it in quotes."""
    return _matching(_VARIABLE, field, text)


def name(field: str, text: str) -> str:
    return _matching(catalog.PROFILE_NAME, field, text)


def role_name(field: str, text: str) -> str:
    return _matching(catalog.PERMISSION_SET_NAME, field, text)


def region(field: str, text: str) -> str:
    return _matching(catalog.REGION_CODE, field, text)


def account_id(field: str, text: str) -> str:
    return _matching(_ACCOUNT, field, text)


def url(field: str, text: str) -> str:
    return _matching(catalog.START_URL, field, text)


def release(field: str, text: str) -> str:
    return _matching(catalog.RELEASE, field, text)


def command(field: str, text: str) -> str:
    """A command of the company's that an operator allowed: words, and nothing a shell acts on."""
    return _matching(catalog.HELPER_COMMAND, field, text)


def permission_rule(field: str, text: str) -> str:
    """A rule for `permissions.deny`. Claude Code skips a malformed one in silence, so it is refused here."""
    if not text.isprintable():
        raise UnsafeValue(field)
    return _matching(catalog.PERMISSION_RULE, field, text)


def _matching(shape: re.Pattern[str], field: str, text: str) -> str:
    if shape.fullmatch(text) is None:
        raise UnsafeValue(field)
    return text
