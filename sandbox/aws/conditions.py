"""When a condition holds: wildcards, policy variables, and the condition operators.

Source: the IAM User Guide, "IAM JSON policy elements: Condition operators" and "Variables and tags".
"""

from __future__ import annotations

import ipaddress
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

# The context of a request: key to values. Inside this module the keys are lower case.
Context = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Condition:
    """One operator with one key, e.g. `ForAnyValue:StringLikeIfExists` split into its three parts."""

    operator: str
    key: str
    values: tuple[str, ...]
    set_operator: str  # "", "ForAllValues" or "ForAnyValue"
    if_exists: bool


# --- patterns: wildcards and policy variables

LITERALS = ("*", "?", "$")  # ${*}, ${?} and ${$} stand for the character itself
# ${key} or ${key, 'default'}.
VARIABLE = re.compile(r"\$\{\s*(?P<key>[^},]+?)\s*(?:,\s*'(?P<default>[^']*)'\s*)?\}")


def wildcards(text: str) -> str:
    """Regex source of an IAM pattern: `*` is any run of characters, colons and slashes too; `?` is one."""
    return re.escape(text).replace(r"\*", ".*").replace(r"\?", ".")


def _variable_value(found: re.Match[str], context: Context) -> str | None:
    """The text a variable stands for; None when the key is absent or, as IAM has it, multivalued."""
    if found["key"] in LITERALS:
        return found["key"]
    values = context.get(found["key"].lower(), ())
    return values[0] if len(values) == 1 else found["default"]


def resolved(template: str, context: Context, literal: Callable[[str], str] = wildcards) -> str | None:
    """Regex source of a policy value with its variables filled in; None when one has no value.

    What a variable stands for is never a wildcard: a tag value `*` must not widen the policy.
    """
    source, end = "", 0
    for found in VARIABLE.finditer(template):
        value = _variable_value(found, context)
        if value is None:
            return None
        source += literal(template[end : found.start()]) + re.escape(value)
        end = found.end()
    return source + literal(template[end:])


def fits(source: str | None, value: str, flags: re.RegexFlag = re.NOFLAG) -> bool:
    return source is not None and re.fullmatch(source, value, flags | re.DOTALL) is not None


# --- condition operators: does this policy value match this request value?

Matcher = Callable[[str, str, Context], bool]


def _string(literal: Callable[[str], str], flags: re.RegexFlag = re.NOFLAG) -> Matcher:
    return lambda policy, value, context: fits(resolved(policy, context, literal), value, flags)


def _arn_like(policy: str, value: str, context: Context) -> bool:
    """Each of the six colon parts by itself; a wildcard does not reach over a colon, save in the sixth."""
    source = resolved(policy, context)
    if source is None:
        return False
    # re.escape leaves colons alone, so the regex source splits where the ARN does.
    patterns, parts = source.split(":", 5), value.split(":", 5)
    return len(patterns) == len(parts) == 6 and all(map(fits, patterns, parts))


def _ip_address(policy: str, value: str, context: Context) -> bool:
    try:
        return ipaddress.ip_address(value) in ipaddress.ip_network(policy, strict=False)
    except ValueError:
        return False


def _seconds(text: str) -> float:
    """A date as epoch seconds, from epoch seconds or ISO 8601; without a zone it is UTC."""
    try:
        return float(text)
    except ValueError:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _ordered(read: Callable[[str], float], compare: Callable[[float, float], bool]) -> Matcher:
    """A comparison `request <op> policy` of two readable values; an unreadable one matches nothing."""

    def matches(policy: str, value: str, context: Context) -> bool:
        try:
            return compare(read(value), read(policy))
        except ValueError:
            return False

    return matches


_COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    "Equals": operator.eq,
    "LessThan": operator.lt,
    "LessThanEquals": operator.le,
    "GreaterThan": operator.gt,
    "GreaterThanEquals": operator.ge,
}

# ArnEquals and ArnLike behave the same, says the IAM User Guide.
_MATCHERS: Mapping[str, Matcher] = {
    "StringEquals": _string(re.escape),
    "StringEqualsIgnoreCase": _string(re.escape, re.IGNORECASE),
    "StringLike": _string(wildcards),
    "ArnEquals": _arn_like,
    "ArnLike": _arn_like,
    "Bool": lambda policy, value, _: policy.lower() == value.lower(),
    # Both sides are base64 text, as in the policy and in the simulator's ContextEntries.
    "BinaryEquals": lambda policy, value, _: policy == value,
    "IpAddress": _ip_address,
    **{f"Numeric{name}": _ordered(float, compare) for name, compare in _COMPARISONS.items()},
    **{f"Date{name}": _ordered(_seconds, compare) for name, compare in _COMPARISONS.items()},
}

_NEGATED: Mapping[str, str] = {
    "StringNotEquals": "StringEquals",
    "StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase",
    "StringNotLike": "StringLike",
    "ArnNotEquals": "ArnEquals",
    "ArnNotLike": "ArnLike",
    "NotIpAddress": "IpAddress",
    "NumericNotEquals": "NumericEquals",
    "DateNotEquals": "DateEquals",
}

OPERATORS = frozenset({"Null", *_MATCHERS, *_NEGATED})


def _holds_when_missing(condition: Condition) -> bool:
    if condition.if_exists or condition.set_operator == "ForAllValues":
        return True
    return condition.set_operator != "ForAnyValue" and condition.operator in _NEGATED


def holds(condition: Condition, context: Context) -> bool:
    """Several policy values are alternatives; a negated operator holds when none of them matches."""
    values = context.get(condition.key.lower(), ())
    if condition.operator == "Null":
        return str(not values).lower() in (wanted.lower() for wanted in condition.values)
    if not values:
        return _holds_when_missing(condition)
    negated = condition.operator in _NEGATED
    matches = _MATCHERS[_NEGATED.get(condition.operator, condition.operator)]
    outcomes = [any(matches(wanted, value, context) for wanted in condition.values) != negated for value in values]
    # Without a set operator "not" means that no request value matches.
    every = condition.set_operator == "ForAllValues" or (negated and not condition.set_operator)
    return all(outcomes) if every else any(outcomes)
