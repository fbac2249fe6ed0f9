"""What a policy document grants beyond what Claude Code needs. Pure: a document in, a list of grounds out.

It reads single statements; whether another policy takes a grant away again is the simulator's business. So it may
warn of what a deny elsewhere forbids, and says where it read what.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

INVOKE = ("bedrock:invokemodel", "bedrock:invokemodelwithresponsestream")
# AWS's own policies that allow everything in Bedrock; their documents are not in the account.
_BROAD_MANAGED = ("AdministratorAccess", "PowerUserAccess", "AmazonBedrockFullAccess")
_MODEL = "foundation-model/"


class Broad(NamedTuple):
    """A grant that is too wide: `all-actions`, `other-vendors`, `any-region` or `long-term-keys`; and where."""

    ground: str
    policy: str
    statement: str


def broad_grants(name: str, document: str) -> Iterator[Broad]:
    """The grounds for a warning in one policy; a document that is only an ARN is one of AWS's own."""
    if document.startswith("arn:"):
        if name in _BROAD_MANAGED:
            yield Broad("all-actions", name, document)
        return
    statements = _statements(document)
    denies_long_term = any(_denies_long_term_keys(statement) for statement in statements)
    for position, statement in enumerate(statements, start=1):
        if statement.get("Effect") == "Allow":
            label = str(statement.get("Sid") or position)
            yield from (Broad(ground, name, label) for ground in _grounds(statement, denies_long_term))


def _grounds(statement: Mapping[str, Any], denies_long_term: bool) -> Iterator[str]:
    is_everything = _allows(statement, "bedrock:deleteguardrail")
    if is_everything:
        yield "all-actions"
    if _allows(statement, "bedrock:callwithbearertoken") and not denies_long_term and not _limits_keys(statement):
        yield "long-term-keys"
    # A condition on the profile limits models and Regions both.
    if not any(_allows(statement, action) for action in INVOKE) or _has_condition(
        statement, "bedrock:inferenceprofilearn"
    ):
        return
    resources = _list(statement.get("Resource", "*"))
    if any(_names_other_vendors(resource) for resource in resources):
        yield "other-vendors"
    if any(_any_region(resource) for resource in resources) and not _has_condition(statement, "aws:requestedregion"):
        yield "any-region"


def _statements(document: str) -> list[Mapping[str, Any]]:
    try:
        raw = json.loads(document).get("Statement", [])
    except (ValueError, AttributeError):
        return []
    return [statement for statement in _list(raw) if isinstance(statement, Mapping)]


def _list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else [value]


def _allows(statement: Mapping[str, Any], action: str) -> bool:
    if "NotAction" in statement:
        return not _names(_list(statement["NotAction"]), action)
    return _names(_list(statement.get("Action", [])), action)


def _names(patterns: Sequence[Any], action: str) -> bool:
    return any(fnmatchcase(action, _glob(str(pattern).lower())) for pattern in patterns)


def _glob(pattern: str) -> str:
    """IAM's wildcards are `*` and `?`; a bracket means itself."""
    return re.sub(r"\[", "[[]", pattern)


def _names_other_vendors(resource: Any) -> bool:
    """Whether an ARN pattern lets a model through that is not Anthropic's."""
    parts = str(resource).split(":", 5)
    kind = parts[-1]
    if kind.startswith(_MODEL):
        return not re.split(r"[*?]", kind.removeprefix(_MODEL), maxsplit=1)[0].startswith("anthropic")
    # A wildcard that comes early enough stands for models, too.
    return _MODEL.startswith(kind.partition("*")[0].partition("?")[0]) and kind != "" and "*" in kind


def _any_region(resource: Any) -> bool:
    parts = str(resource).split(":", 5)
    return (parts[3] if len(parts) > 3 else parts[-1]) == "*"


def _has_condition(statement: Mapping[str, Any], key: str) -> bool:
    operators = statement.get("Condition", {})
    tests = operators.values() if isinstance(operators, Mapping) else ()
    return any(isinstance(test, Mapping) and key in {name.lower() for name in test} for test in tests)


def _limits_keys(statement: Mapping[str, Any]) -> bool:
    return _has_condition(statement, "bedrock:bearertokentype")


def _denies_long_term_keys(statement: Mapping[str, Any]) -> bool:
    """A deny of all keys, or of those alone; one that depends on anything else may not hold."""
    if statement.get("Effect") != "Deny" or not _allows(statement, "bedrock:callwithbearertoken"):
        return False
    conditions = statement.get("Condition")
    return not conditions or ("LONG_TERM" in json.dumps(conditions) and _limits_keys(statement))
