"""The statements of PowerShell."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tree_sitter import Node

from tests.unit.bundles.windows import operators
from tests.unit.bundles.windows.language import (
    Break,
    Continue,
    Exit,
    Function,
    Return,
    Scope,
    Statement,
    Value,
    block_of,
    child_of,
    constant,
    makes_statement,
    nested,
    nothing,
    piped_value,
    program_of,
    statement_of,
    the,
    value_of,
)
from tests.unit.bundles.windows.syntax import bare, parse, text
from tests.unit.bundles.windows.values import Misuse, NetException, Record, Thrown, enumerated, is_true

# Parameters of cmdlets that take no value.
_SWITCHES = ("force", "assecurestring", "noprofile", "noninteractive")


@makes_statement("function_statement")
def _function(node: Node) -> Statement:
    name, block = text(the(node, "function_name")).lower(), child_of(node, "script_block")
    # A function that does nothing has no block.
    made = Function(block if block is not None else parse(b""))

    def run(scope: Scope, out: list[Any]) -> None:
        scope.machine.functions[name] = made

    return run


@makes_statement("if_statement")
def _if(node: Node) -> Statement:
    branches = [(_condition(node), block_of(the(node, "statement_block")))]
    for clauses in _children(node, "elseif_clauses"):
        branches += [(_condition(found), block_of(the(found, "statement_block"))) for found in clauses.named_children]
    last = child_of(node, "else_clause")
    otherwise = block_of(the(last, "statement_block")) if last else nothing

    def run(scope: Scope, out: list[Any]) -> None:
        for condition, block in branches:
            if is_true(condition(scope)):
                return block(scope, out)
        return otherwise(scope, out)

    return run


def _children(node: Node, type_name: str) -> list[Node]:
    return [child for child in node.children if child.type == type_name]


def _condition(node: Node) -> Value:
    found = node.child_by_field_name("condition")
    if found is None:
        found = next(child for child in node.children if child.type in ("pipeline", "while_condition"))
    return piped_value(found.children[0] if found.type == "while_condition" else found)


def _looped(block: Statement, scope: Scope, out: list[Any]) -> bool:
    """Whether to go on."""
    try:
        block(scope, out)
    except Break:
        return False
    except Continue:
        return True
    return True


@makes_statement("while_statement", "do_statement")
def _while(node: Node) -> Statement:
    condition, block = _condition(node), block_of(the(node, "statement_block"))
    asks_first = node.type == "while_statement"

    def run(scope: Scope, out: list[Any]) -> None:
        if asks_first and not is_true(condition(scope)):
            return
        while _looped(block, scope, out) and is_true(condition(scope)):
            pass

    return run


@makes_statement("for_statement")
def _for(node: Node) -> Statement:
    first, condition, after = (the(node, f"for_{part}") for part in ("initializer", "condition", "iterator"))
    start, check, step = (
        statement_of(first.children[0]),
        piped_value(condition.children[0]),
        statement_of(after.children[0]),
    )
    block = block_of(the(node, "statement_block"))

    def run(scope: Scope, out: list[Any]) -> None:
        start(scope, out)
        while is_true(check(scope)) and _looped(block, scope, out):
            step(scope, out)

    return run


@makes_statement("foreach_statement")
def _foreach(node: Node) -> Statement:
    name = text(the(node, "variable"))[1:].lower()
    items, block = piped_value(the(node, "pipeline")), block_of(the(node, "statement_block"))

    def run(scope: Scope, out: list[Any]) -> None:
        value = items(scope)
        for item in [] if value is None else list(enumerated(value)):
            scope.variables[name] = item
            if not _looped(block, scope, out):
                return

    return run


@makes_statement("switch_statement")
def _switch(node: Node) -> Statement:
    subject = piped_value(the(the(node, "switch_condition"), "pipeline"))
    clauses = []
    for clause in the(the(node, "switch_body"), "switch_clauses").named_children:
        condition = the(clause, "switch_clause_condition")
        literal = None if text(condition) == "default" else value_of(condition.children[0])
        clauses.append((literal, block_of(the(clause, "statement_block"))))

    def run(scope: Scope, out: list[Any]) -> None:
        value, matched = subject(scope), False
        for literal, block in clauses:
            if (literal is None and not matched) or (literal and operators.equal(value, literal(scope))):
                matched = True
                if not _looped(block, scope, out):
                    return

    return run


@makes_statement("try_statement")
def _try(node: Node) -> Statement:
    block, last = block_of(the(node, "statement_block")), child_of(node, "finally_clause")
    finish = block_of(the(last, "statement_block")) if last else nothing
    clauses = [_catch(found) for found in nested(node, "catch_clause")]

    def caught(scope: Scope, out: list[Any], thrown: Thrown) -> None:
        for types, handler in clauses:
            if not types or any(thrown.exception.is_a(asked) for asked in types):
                scope.variables["_"] = Record(Exception=thrown.exception)
                return handler(scope, out)
        raise thrown

    def run(scope: Scope, out: list[Any]) -> None:
        try:
            try:
                block(scope, out)
            except Thrown as thrown:
                caught(scope, out, thrown)
        finally:
            finish(scope, out)

    return run


def _catch(node: Node) -> tuple[list[str], Statement]:
    listed = child_of(node, "catch_type_list")
    types = [text(found)[1:-1] for found in listed.named_children] if listed else []
    return types, block_of(the(node, "statement_block"))


@makes_statement("flow_control_statement")
def _flow(node: Node) -> Statement:
    word = node.children[0].type.lower()
    value = node.named_children[-1] if node.named_children else None

    def returns(scope: Scope, out: list[Any]) -> None:
        if step is not None:
            step(scope, out)
        raise Return

    def throws(scope: Scope, out: list[Any]) -> None:
        thrown = piped(scope)
        if not isinstance(thrown, NetException):
            raise Misuse("only exceptions are thrown here")
        raise Thrown(thrown)

    def exits(scope: Scope, out: list[Any]) -> None:
        raise Exit(piped(scope))

    def leaves(scope: Scope, out: list[Any]) -> None:
        raise (Break if word == "break" else Continue)

    step = statement_of(value) if value is not None and word == "return" else None
    piped = piped_value(value) if value is not None and word != "return" else lambda scope: 0
    return {"return": returns, "throw": throws, "exit": exits}.get(word, leaves)


@makes_statement("assignment_expression")
def _assignment(node: Node) -> Statement:
    left, operator, right = bare(node.children[0]), text(node.children[1]), node.children[2]
    value, assign = piped_value(right), assignment_to(left)
    current = value_of(left) if operator != "=" else None

    def run(scope: Scope, out: list[Any]) -> None:
        new = value(scope)
        assign(scope, operators.binary(operator[:-1], current(scope), new) if current else new)

    return run


def assignment_to(left: Node) -> Callable[[Scope, Any], None]:
    if left.type == "expression_with_unary_operator" or left.type == "cast_expression":
        raise Misuse(f"assignment to {text(left)}")
    if left.type == "variable":
        return _assign_variable(text(left)[1:].lower())
    owner = value_of(left.children[0])
    if left.type == "member_access":
        name = text(left.children[2])
        if text(left.children[1]) == "::":
            return lambda scope, value: scope.machine.statics.update({(owner(scope), name.lower()): value})
        return lambda scope, value: operators.set_member(owner(scope), name, value)
    if left.type == "element_access":
        index = value_of(left.children[2])
        return lambda scope, value: operators.set_element(owner(scope), index(scope), value)
    raise Misuse(f"assignment to {left.type}")


def _assign_variable(name: str) -> Callable[[Scope, Any], None]:
    def assign(scope: Scope, value: Any) -> None:
        if name == "null":
            return
        if name.startswith("env:"):
            scope.machine.environment[name[4:].upper()] = value
        elif name.startswith("script:"):
            scope.machine.top.variables[name[7:]] = value
        else:
            scope.variables[name] = value

    return assign


@makes_statement("pipeline", "pipeline_chain")
def _pipeline(node: Node) -> Statement:
    """Commands joined by `|`: only whole lists go from one to the next here."""
    first, *others = [bare(child) for child in node.named_children]
    begin = statement_of(first)
    followers = [_command(other) for other in others]

    def run(scope: Scope, out: list[Any]) -> None:
        passed: list[Any] = []
        begin(scope, passed)
        for follower in followers:
            found: list[Any] = []
            follower(scope, found, passed)
            passed = found
        out.extend(passed)

    return run


def _command(node: Node) -> Callable[[Scope, list[Any], list[Any]], None]:
    name = node.child_by_field_name("command_name")
    assert name is not None
    operator = child_of(node, "command_invokation_operator")
    arguments = _arguments(node)
    target = value_of(bare(name.children[0])) if operator is not None else None
    is_dot = operator is not None and text(operator) == "."

    def run(scope: Scope, out: list[Any], piped: list[Any]) -> None:
        given, named = arguments(scope)
        called: Any = target(scope) if target else text(name)
        if isinstance(called, Function):
            return scope.machine.invoke(called, given, named, scope, out)
        if is_dot:
            with open(called, "rb") as file:
                return program_of(file.read())(scope, out)
        function, cmdlet = scope.machine.functions.get(called.lower()), scope.machine.replacements.get(called.lower())
        if function is not None and cmdlet is None:
            return scope.machine.invoke(function, given, named, scope, out)
        cmdlet = cmdlet or scope.machine.commands.get(called.lower())
        if cmdlet is None:
            raise Misuse(f"no command {called}")
        scope.machine.caller = scope
        out.extend(cmdlet(scope.machine, given, named, piped))
        return None

    return run


def _arguments(node: Node) -> Callable[[Scope], tuple[list[Any], dict[str, Any]]]:
    elements = child_of(node, "command_elements")
    parts = [found for found in elements.children if found.type != "command_argument_sep"] if elements else []
    makers: list[tuple[str | None, Value | None]] = []
    for part in parts:
        if part.type == "command_parameter":
            makers.append((text(part)[1:].lower(), None))
        elif part.type == "generic_token":
            makers.append((None, constant(text(part))))
        else:
            makers.append((None, value_of(bare(part))))

    def read(scope: Scope) -> tuple[list[Any], dict[str, Any]]:
        given: list[Any] = []
        named: dict[str, Any] = {}
        waiting: str | None = None
        for parameter, value in makers:
            if value is None:
                named[waiting := str(parameter)] = True
            elif waiting is not None and waiting not in _SWITCHES:
                named[waiting], waiting = value(scope), None
            else:
                given.append(value(scope))
        return given, named

    return read


@makes_statement("command")
def _command_statement(node: Node) -> Statement:
    run = _command(node)
    return lambda scope, out: run(scope, out, [])


@makes_statement("post_increment_expression")
def _increment(node: Node) -> Statement:
    target = bare(node.children[0])
    read, assign, by = value_of(target), assignment_to(target), 1 if "++" in text(node) else -1
    return lambda scope, out: assign(scope, read(scope) + by)
