"""The cmdlets our scripts use. Each gives what it leaves in the pipeline."""

from __future__ import annotations

import os
from typing import Any

from tests.unit.bundles.windows import net_types
from tests.unit.bundles.windows.interpreter import Machine, Scope
from tests.unit.bundles.windows.values import Misuse, Record, as_text, collected, enumerated, is_true


def new_object(machine: Machine, given: list[Any], named: dict[str, Any], piped: list[Any]) -> list[Any]:
    # Its second argument is the list of what the type is made from.
    type_name, *arguments = given
    if len(arguments) == 1 and isinstance(arguments[0], list):
        arguments = arguments[0]
    return [net_types.make(as_text(type_name), arguments)]


def write_host(machine: Machine, given: list[Any], named: dict[str, Any], piped: list[Any]) -> list[Any]:
    machine.said.append(" ".join(map(as_text, given)))
    return []


def nothing(machine: Machine, given: list[Any], named: dict[str, Any], piped: list[Any]) -> list[Any]:
    return []


def read_host(machine: Machine, given: list[Any], named: dict[str, Any], piped: list[Any]) -> list[Any]:
    machine.said.append(" ".join(map(as_text, given)))
    return [machine.answers.pop(0)]


def get_item(machine: Machine, given: list[Any], named: dict[str, Any], piped: list[Any]) -> list[Any]:
    path = named.get("literalpath")
    if path is None:
        raise Misuse("a path that may be a pattern")
    link = os.path.islink(path)
    target = [os.readlink(path)] if link else []
    return [Record(FullName=path, LinkType="SymbolicLink" if link else None, Target=target)]


def get_location(machine: Machine, given: list[Any], named: dict[str, Any], piped: list[Any]) -> list[Any]:
    return [Record(ProviderPath=machine.location)]


def where_object(machine: Machine, given: list[Any], named: dict[str, Any], piped: list[Any]) -> list[Any]:
    kept, caller = [], machine.caller
    for item in piped:
        scope = Scope(machine, caller)
        scope.variables["_"] = item
        out: list[Any] = []
        machine.invoke(given[0], [], {}, scope, out)
        kept += [item] if is_true(collected(out)) else []
    return kept


def sort_object(machine: Machine, given: list[Any], named: dict[str, Any], piped: list[Any]) -> list[Any]:
    return sorted(item for value in piped for item in enumerated(value))


def remove_variable(machine: Machine, given: list[Any], named: dict[str, Any], piped: list[Any]) -> list[Any]:
    if named.get("scope") != "Script":
        raise Misuse("a variable of no known scope")
    del machine.top.variables[named["name"].lower()]
    return []


def machine(environment: dict[str, str], *, answers: list[str] | None = None) -> Machine:
    made = Machine(environment, answers=answers)
    made.commands = {
        "new-object": new_object,
        "write-host": write_host,
        "read-host": read_host,
        "get-item": get_item,
        "sort-object": sort_object,
        "get-location": get_location,
        "remove-variable": remove_variable,
        "where-object": where_object,
        "set-strictmode": nothing,
    }
    return made
