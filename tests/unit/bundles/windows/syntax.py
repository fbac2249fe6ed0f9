"""The syntax tree of a PowerShell script. https://github.com/airbus-cert/tree-sitter-powershell"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import tree_sitter_powershell
from tree_sitter import Language, Node, Parser

import onboarding.bundles

FILES = Path(onboarding.bundles.__file__).parent / "files"
_LANGUAGE = Language(tree_sitter_powershell.language())
# The grammar has a node for every level of precedence, used or not.
_LEVELS = ("_expression", "pipeline", "pipeline_chain")


def parse(source: bytes) -> Node:
    return Parser(_LANGUAGE).parse(source).root_node


@cache
def tree(name: str) -> Node:
    """Of one of our scripts."""
    return parse((FILES / name).read_bytes())


def walk(node: Node) -> Iterator[Node]:
    yield node
    for child in node.children:
        yield from walk(child)


def is_broken(node: Node) -> bool:
    return any(found.is_error or found.is_missing for found in walk(node)) if node.has_error else False


def text(node: Node) -> str:
    assert node.text is not None
    return node.text.decode()


def bare(node: Node) -> Node:
    """Without the levels of precedence that are not used."""
    while len(node.children) == 1 and node.children[0].is_named and node.type.endswith(_LEVELS):
        node = node.children[0]
    return node


def kind(node: Node) -> str:
    """Arguments of methods have expressions of their own names, which mean the same."""
    return node.type.replace("_argument_expression", "_expression")


def statements(node: Node) -> list[Node]:
    """Of a program or a block, without empty ones and comments."""
    return [
        statement
        for child in node.children
        if child.type == "statement_list"
        for statement in child.named_children
        if statement.type not in ("empty_statement", "comment")
    ]


def functions(program: Node) -> dict[str, Node]:
    return {name_of(found): found for found in statements(program) if found.type == "function_statement"}


def name_of(function: Node) -> str:
    return next(text(child) for child in function.children if child.type == "function_name")


def commands(node: Node) -> list[tuple[str, Node]]:
    """Every command with a name, anywhere in it."""
    named = [(found.child_by_field_name("command_name"), found) for found in walk(node) if found.type == "command"]
    return [(text(name), found) for name, found in named if name is not None and name.type == "command_name"]
