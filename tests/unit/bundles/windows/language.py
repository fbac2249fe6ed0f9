"""The core of the interpreter: what runs, and how a syntax tree becomes something that runs.

Each kind of node has a maker, in statements.py or expressions.py. A statement puts into `out` what it leaves in the
pipeline; a value is one thing, lists whole.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache
from typing import Any

from tree_sitter import Node

from tests.unit.bundles.windows import net_types
from tests.unit.bundles.windows.syntax import bare, is_broken, kind, parse, text
from tests.unit.bundles.windows.values import Misuse, NetException, Record, Thrown, collected, enumerated

Command = Callable[["Machine", list[Any], dict[str, Any], list[Any]], Any]
Value = Callable[["Scope"], Any]
Statement = Callable[["Scope", list[Any]], None]

_STATEMENTS: dict[str, Callable[[Node], Statement]] = {}
_VALUES: dict[str, Callable[[Node], Value]] = {}

Maker = Callable[[Node], Statement]
ValueMaker = Callable[[Node], Value]


def makes_statement(*kinds: str) -> Callable[[Maker], Maker]:
    def register(maker: Maker) -> Maker:
        _STATEMENTS.update(dict.fromkeys(kinds, maker))
        return maker

    return register


def makes_value(*kinds: str) -> Callable[[ValueMaker], ValueMaker]:
    def register(maker: ValueMaker) -> ValueMaker:
        _VALUES.update(dict.fromkeys(kinds, maker))
        return maker

    return register


class Return(Exception):
    pass


class Break(Exception):
    pass


class Continue(Exception):
    pass


class Exit(Exception):
    def __init__(self, code: Any) -> None:
        super().__init__(code)
        self.code = code


class Scope:
    """Variables. A function sees those of its caller, and what it sets itself ends with it."""

    def __init__(self, machine: Machine, parent: Scope | None = None) -> None:
        self.machine = machine
        self.parent = parent
        self.variables: dict[str, Any] = {}

    def read(self, name: str) -> Any:
        scope: Scope | None = self
        while scope is not None:
            if name in scope.variables:
                return scope.variables[name]
            scope = scope.parent
        raise Misuse(f"${name} was never set")


class Function:
    def __init__(self, block: Node) -> None:
        self.parameters: list[tuple[str, str | None, Value | None]] = []
        self.body: Statement = nothing
        for child in block.children:
            if child.type == "param_block":
                self.parameters = [_parameter(found) for found in nested(child, "script_parameter")]
            elif child.type == "script_block_body":
                self.body = block_of(child)


class Machine:
    """A PowerShell, the environment it runs in, and what it says."""

    def __init__(self, environment: dict[str, str], *, answers: list[str] | None = None) -> None:
        self.environment = {name.upper(): value for name, value in environment.items()}
        self.answers = list(answers or [])
        self.said: list[str] = []
        self.complained: list[str] = []
        self.location = ""
        self.statics: dict[tuple[str, str], Any] = {("net.servicepointmanager", "securityprotocol"): 0}
        self.statics["globalization.cultureinfo", "currentuiculture"] = Record(TwoLetterISOLanguageName="en")
        self.functions: dict[str, Function] = {}
        # Cmdlets and programs by name, each giving what it leaves in the pipeline; replacements go before functions.
        self.commands: dict[str, Command] = {}
        self.replacements: dict[str, Command] = {}
        self.top = self.caller = Scope(self)
        self.top.variables |= {"erroractionpreference": "Continue"}

    def load(self, source: bytes, folder: str, arguments: list[Any], out: list[Any]) -> None:
        """Run a script; `out` gets what it leaves in the pipeline. Raises Exit where it says so."""
        self.top.variables |= {"psscriptroot": folder, "args": list(arguments)}
        limit = sys.getrecursionlimit()
        sys.setrecursionlimit(30_000)
        try:
            program_of(source)(self.top, out)
        finally:
            sys.setrecursionlimit(limit)

    def call(self, name: str, *arguments: Any) -> Any:
        """What `$x = NAME ARGUMENTS` makes of x."""
        out: list[Any] = []
        limit = sys.getrecursionlimit()
        sys.setrecursionlimit(30_000)
        try:
            self.invoke(self.functions[name.lower()], list(arguments), {}, self.top, out)
        finally:
            sys.setrecursionlimit(limit)
        return collected(out)

    def invoke(
        self, function: Function, given: list[Any], named: dict[str, Any], caller: Scope, out: list[Any]
    ) -> None:
        scope = Scope(self, caller)
        rest = list(given)
        for name, type_name, default in function.parameters:
            if name in named:
                value = named.pop(name)
            elif rest:
                value = rest.pop(0)
            else:
                value = default(scope) if default else None
            scope.variables[name] = net_types.convert(type_name, value) if type_name else value
        if named or (rest and function.parameters):
            raise Misuse(f"arguments nobody takes: {named or rest}")
        scope.variables["args"] = rest
        try:
            function.body(scope, out)
        except Return:
            return


@cache
def program_of(source: bytes) -> Statement:
    root = parse(source)
    if is_broken(root):
        raise net_parse_error()
    return block_of(root)


def net_parse_error() -> Thrown:
    return Thrown(NetException("System.Management.Automation.ParseException", "the script does not parse"))


def constant(value: Any) -> Value:
    return lambda scope: value


def nothing(scope: Scope, out: list[Any]) -> None:
    pass


def nested(node: Node, type_name: str) -> list[Node]:
    found = []
    for child in node.children:
        if child.type == type_name:
            found.append(child)
        elif child.type in ("parameter_list", "hash_literal_body", "command_elements", "catch_clauses"):
            found += nested(child, type_name)
    return found


def child_of(node: Node, *types: str) -> Node | None:
    return next((child for child in node.children if child.type in types), None)


def the(node: Node, *types: str) -> Node:
    found = child_of(node, *types)
    if found is None:
        raise Misuse(f"no {types} in {text(node)!r}")
    return found


def _parameter(node: Node) -> tuple[str, str | None, Value | None]:
    name = text(the(node, "variable"))[1:].lower()
    attributes, default = child_of(node, "attribute_list"), child_of(node, "script_parameter_default")
    type_name = text(attributes)[1:-1].lower() if attributes else None
    return name, type_name, value_of(default.named_children[-1]) if default else None


def block_of(node: Node) -> Statement:
    """A list of statements, or what holds one."""
    steps: list[Statement] = []
    for child in node.children:
        if child.type in ("statement_list", "script_block", "script_block_body"):
            steps.append(block_of(child))
        elif child.is_named and child.type not in ("empty_statement", "comment", "param_block"):
            steps.append(statement_of(child))

    def run(scope: Scope, out: list[Any]) -> None:
        for step in steps:
            step(scope, out)

    return run


def statement_of(node: Node) -> Statement:
    node = bare(node)
    maker = _STATEMENTS.get(node.type)
    if maker is not None:
        return maker(node)
    value = value_of(node)

    def run(scope: Scope, out: list[Any]) -> None:
        out.extend(enumerated(value(scope)))

    return run


def piped_value(node: Node) -> Value:
    """The value of a pipeline where one value is wanted: an expression's own, or what commands left, collected."""
    node = bare(node)
    if node.type not in _STATEMENTS:
        return value_of(node)
    step = statement_of(node)

    def read(scope: Scope) -> Any:
        out: list[Any] = []
        step(scope, out)
        return collected(out)

    return read


def value_of(node: Node) -> Value:
    node = bare(node)
    if node.type in ("command", "pipeline", "pipeline_chain"):
        return piped_value(node)
    maker = _VALUES.get(kind(node))
    if maker is None:
        raise Misuse(f"the tests do not know {node.type}: {text(node)!r}")
    return maker(node)
