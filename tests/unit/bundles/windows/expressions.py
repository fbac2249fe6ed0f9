"""The expressions of PowerShell."""

from __future__ import annotations

from typing import Any

from tree_sitter import Node

from tests.unit.bundles.windows import net_methods, net_statics, net_types, operators
from tests.unit.bundles.windows.language import (
    Function,
    Scope,
    Value,
    block_of,
    makes_value,
    nested,
    piped_value,
    the,
    value_of,
)
from tests.unit.bundles.windows.statements import assignment_to
from tests.unit.bundles.windows.syntax import bare, text
from tests.unit.bundles.windows.values import Dictionary, Misuse, Reference, as_text, hashtable, is_true, units

_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "0": "\0", "b": "\b", "f": "\f", "a": "\a", "v": "\v"}


@makes_value("variable")
def _variable(node: Node) -> Value:
    name = text(node)[1:].strip("{}").lower()
    if text(node)[0] == "@":
        raise Misuse("splatting")
    if name in ("true", "false", "null"):
        constant = {"true": True, "false": False, "null": None}[name]
        return lambda scope: constant
    if name.startswith("env:"):
        return lambda scope: scope.machine.environment.get(name[4:].upper())
    if name.startswith("script:"):
        return lambda scope: scope.machine.top.read(name[7:])
    return lambda scope: scope.read(name)


@makes_value("string_literal")
def _string(node: Node) -> Value:
    inner = node.children[0]
    if inner.type == "verbatim_string_characters":
        fixed = units(text(inner)[1:-1].replace("''", "'"))
        return lambda scope: fixed
    if inner.type != "expandable_string_literal":
        raise Misuse(f"the tests do not know {inner.type}")
    parts = _expandable(inner)
    return lambda scope: "".join(part if isinstance(part, str) else as_text(part(scope)) for part in parts)


def _expandable(node: Node) -> list[str | Value]:
    parts: list[str | Value] = []
    source, start = node.text or b"", node.start_byte
    position = 1
    for child in node.named_children:
        parts.append(_unescaped(source[position : child.start_byte - start].decode()))
        parts.append(piped_value(child) if child.type == "sub_expression" else _variable(child))
        position = child.end_byte - start
    parts.append(_unescaped(source[position:-1].decode()))
    return parts


def _unescaped(source: str) -> str:
    found, characters = [], iter(source)
    for character in characters:
        if character == "`":
            escaped = next(characters)
            found.append(_ESCAPES.get(escaped, escaped))
        else:
            found.append(character)
    return "".join(found)


@makes_value(
    "logical_expression",
    "bitwise_expression",
    "comparison_expression",
    "additive_expression",
    "multiplicative_expression",
    "format_expression",
    "range_expression",
)
def _operation(node: Node) -> Value:
    left, operator, right = node.children
    first, word, second = value_of(left), text(operator).lower(), value_of(right)
    if word in ("-and", "-or"):
        goes_on = word == "-and"
        return lambda scope: is_true(second(scope)) if is_true(first(scope)) == goes_on else not goes_on
    return lambda scope: operators.binary(word, first(scope), second(scope))


@makes_value("array_literal_expression")
def _list(node: Node) -> Value:
    items = [value_of(child) for child in node.named_children]
    return lambda scope: [item(scope) for item in items]


@makes_value("expression_with_unary_operator")
def _unary(node: Node) -> Value:
    if len(node.children) == 1:
        return _cast(node.children[0])
    operator, value = text(node.children[0]).lower(), value_of(node.children[1])
    if operator in ("-not", "!"):
        return lambda scope: not is_true(value(scope))
    if operator == "-":
        return lambda scope: -value(scope)
    if operator == ",":
        return lambda scope: [value(scope)]
    raise Misuse(f"the tests do not know {operator}")


@makes_value("cast_expression")
def _cast(node: Node) -> Value:
    type_name = text(node.children[0])[1:-1].lower()
    if type_name == "ref":
        assign = assignment_to(bare(node.children[1]))
        return lambda scope: Reference(lambda value: assign(scope, value))
    value = value_of(node.children[1])
    return lambda scope: net_types.convert(type_name, value(scope))


@makes_value("parenthesized_expression", "path_command_name")
def _inner(node: Node) -> Value:
    return piped_value(node.named_children[0])


@makes_value("sub_expression", "array_expression")
def _array(node: Node) -> Value:
    block = block_of(node)

    def read(scope: Scope) -> Any:
        out: list[Any] = []
        block(scope, out)
        return out

    return read


@makes_value("hash_literal_expression")
def _hash(node: Node) -> Value:
    entries = []
    for entry in nested(node, "hash_entry"):
        key, value = entry.named_children[:2]
        entries.append((text(key).strip("'"), piped_value(value)))

    def read(scope: Scope) -> Dictionary:
        return hashtable({key: value(scope) for key, value in entries})

    return read


@makes_value("script_block_expression")
def _script_block(node: Node) -> Value:
    made = Function(the(node, "script_block"))
    return lambda scope: made


@makes_value("type_literal")
def _type(node: Node) -> Value:
    name = net_types.type_named(text(node)[1:-1])
    return lambda scope: name


@makes_value("member_access")
def _member(node: Node) -> Value:
    owner, operator, name = value_of(node.children[0]), text(node.children[1]), text(node.children[2])
    if operator == "::":
        return lambda scope: net_statics.static(scope.machine, owner(scope), name)
    return lambda scope: operators.member(owner(scope), name)


@makes_value("invokation_expression")
def _invocation(node: Node) -> Value:
    owner, operator, name = value_of(node.children[0]), text(node.children[1]), text(node.children[2])
    listed = the(node, "argument_list").child_by_field_name("argument_expression_list")
    arguments = [value_of(child) for child in listed.named_children] if listed is not None else []
    is_static = operator == "::"

    def read(scope: Scope) -> Any:
        target, given = owner(scope), [argument(scope) for argument in arguments]
        if is_static:
            return net_statics.call_static(scope.machine, target, name, given)
        return net_methods.call(target, name, given)

    return read


@makes_value("element_access")
def _element(node: Node) -> Value:
    owner, index = value_of(node.children[0]), value_of(node.children[2])
    return lambda scope: operators.element(owner(scope), index(scope))


@makes_value("integer_literal")
def _integer(node: Node) -> Value:
    number = int(text(node), 0)
    return lambda scope: number
