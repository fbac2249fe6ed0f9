"""What PowerShell makes of a file of assignments: a reader for comments and `$env:NAME = 'value'` only.

Any of five characters opens, closes and, doubled, stands for itself in a single-quoted string.
https://learn.microsoft.com/powershell/module/microsoft.powershell.core/about/about_quoting_rules
"""

from __future__ import annotations

import re

QUOTES = "'‘’‚‛"
_NAME = re.compile(r"\$env:([A-Z0-9_]+) = ")


def assignments(script: str) -> dict[str, str]:
    """The variables the script sets. Raises ValueError on anything else in it."""
    found = {}
    position = 0
    while position < len(script):
        if script[position] == "\n":
            position += 1
        elif script[position] == "#":
            position = script.index("\n", position)
        else:
            name = _NAME.match(script, position)
            if name is None:
                raise ValueError(f"not an assignment at {position}")
            found[name[1]], position = single_quoted(script, name.end())
    return found


def single_quoted(script: str, position: int) -> tuple[str, int]:
    """The string that starts at `position`, and where it ends."""
    if script[position] not in QUOTES:
        raise ValueError(f"no string at {position}")
    value: list[str] = []
    position += 1
    while position < len(script):
        character = script[position]
        if character in QUOTES:
            if script[position + 1 : position + 2] not in tuple(QUOTES):
                return "".join(value), position + 1
            position += 1
        value.append(character)
        position += 1
    raise ValueError("the string never ends")
