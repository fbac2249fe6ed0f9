"""Files that people might have: JSON and INI as programs and editors write them, and what is neither."""

from __future__ import annotations

import json
import random
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from tests.unit.bundles.install.machine import block


class Spelled(str):
    """A token of JSON as it is to stand in the file: a number, or a string with its escapes."""

    __slots__ = ()


NUMBERS = (
    "0", "-0", "7", "1.0", "1.50", "-12.75", "1e5", "1E+2", "2e-7", "123456789012345", "0.1", "9007199254740991",
)  # fmt: skip
# jq would lose them, and has to refuse the file.
LONG_NUMBERS = ("9007199254740993", "3.14159265358979323846", "1e-320", "12345678901234567890", "-0.10000000000000001")
STRINGS = (
    '"\\u00e9"', '"\\ud83d\\ude00"', '"\\u0000"', '"a\\/b"', '"\\\\"', '"\\"quoted\\""', '"\\n\\t"', '"\x7f"', '""',
    '"\u2028"', '"\u202eevil"', '"👩🏽‍💻"', '"$(touch canary)"', '"`touch canary`"', '"\'; touch canary; \'"',
    '"\\\\u0041"',
)  # fmt: skip
KEYS = ("env", "permissions", "deny", "model", "AWS_REGION", "availableModels", "10", "2", "", "ñ", "__proto__")

_scalars = st.one_of(
    st.sampled_from(NUMBERS + STRINGS).map(Spelled),
    st.sampled_from((None, True, False, "sonnet", "Read(./.env)", "eu-west-1")),
)
_keys = st.sampled_from(KEYS)
_values = st.recursive(
    _scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_keys, inner, max_size=3)),
    max_leaves=8,
)
# Mostly of the kinds that Claude Code wants there, so that most files can be merged into.
_objects = st.fixed_dictionaries(
    {},
    optional={
        "theirs": _values,
        "env": st.dictionaries(st.sampled_from(("AWS_REGION", "MINE", "10", "2")), _scalars, max_size=3),
        "permissions": st.fixed_dictionaries(
            {}, optional={"deny": st.lists(_scalars, max_size=3), "allow": st.lists(_scalars, max_size=2)}
        ),
        "model": _scalars,
        "": _values,
    },
)
_dice = st.randoms(use_true_random=False)


def spell(value: Any, dice: random.Random) -> str:
    """JSON with whitespace where no one would put it, and now and then a key twice."""
    space = "".join(dice.choices(" \t\r\n", k=dice.choice((0, 0, 1, 3))))
    if isinstance(value, Spelled | Decimal):
        return f"{space}{value}{space}"
    if isinstance(value, dict):
        members = [f"{space}{_quoted(key)}{space}:{spell(item, dice)}" for key, item in value.items()]
        if members and dice.random() < 0.1:
            members.append(members[0])
        return f"{space}{{{','.join(members)}{space}}}"
    if isinstance(value, list):
        return f"{space}[{','.join(spell(item, dice) for item in value)}{space}]"
    return space + _quoted(value)


def _quoted(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _spelled(value: Any, dice: random.Random) -> bytes:
    mark = "\ufeff" if dice.random() < 0.1 else ""
    return (mark + spell(value, dice)).encode()


json_objects = st.builds(_spelled, _objects, _dice)
# Anything may stand at the top, and the paths of the edits may be taken.
json_files = st.builds(_spelled, st.one_of(_objects, st.dictionaries(_keys, _values, max_size=4), _values), _dice)
# Nearly JSON: a byte less, a byte more, another byte.
broken_json = st.builds(
    lambda content, at, put, cut: content[:at] + put + content[at + cut :],
    json_files,
    st.integers(0, 60),
    st.sampled_from(
        (b"", b",", b"}", b"\x00", b"\xff", b"//", b"\x01", b'"', b"NaN", b"0", b"'", b"\\", b"e999", b"\t")
    ),
    st.integers(0, 2),
)

_LINES = (
    b"[default]", b"[profile theirs]", b"[profile \xc3\xb1]", b"[sso-session other] # why", b"region = us-east-1",
    b"output=json", b"s3 =", b"  nested = 1", b"", b"   ", b"# comment", b"; comment \xff",
    b"credential_process = /bin/x \"$(y)\" `z`",
    b"# >>> onramp other >>>\n[profile other]\nregion = x\n# <<< onramp other <<<",
)  # fmt: skip
_ODD_LINES = (
    b"[profile claude-code]", b'[ profile  "claude-code" ]', b"junk", b"[open", b"= nothing", b"a\x00 = b",
    b"\xef\xbb\xbf", b"# >>> onramp claude-code >>>", b"# <<< onramp claude-code <<<", b"[a]\r[profile claude-code]",
    block().rstrip(b"\n"),
)  # fmt: skip


def _ini(lines: list[bytes], dice: random.Random) -> bytes:
    ending = dice.choice((b"\n", b"\n", b"\r\n"))
    return ending.join(lines) + dice.choice((b"", ending, ending * 2))


ini_files = st.builds(_ini, st.lists(st.sampled_from(_LINES), max_size=8).map(lambda lines: [b"[a]", *lines]), _dice)
odd_ini_files = st.builds(_ini, st.lists(st.sampled_from(_LINES + _ODD_LINES), max_size=6), _dice)
