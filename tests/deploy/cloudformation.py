"""A CloudFormation template as plain data, and what it comes to with given parameters: as far as ours go."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

ACCOUNT, REGION = "111122223333", "eu-west-1"
_PSEUDO = {
    "AWS::AccountId": ACCOUNT,
    "AWS::Region": REGION,
    "AWS::Partition": "aws",
    "AWS::URLSuffix": "amazonaws.com",
}
_NOTHING = object()


class NotAllowed(Exception):
    """A parameter that its pattern does not take; of a list, each value is held to it."""


class _Loader(yaml.SafeLoader):
    pass


def _tagged(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    """`!Sub x` as {"Fn::Sub": x}, and so on."""
    name = suffix if suffix in {"Ref", "Condition"} else f"Fn::{suffix}"
    if isinstance(node, yaml.ScalarNode):
        return {name: loader.construct_scalar(node)}
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    assert isinstance(node, yaml.MappingNode)
    return {name: loader.construct_mapping(node, deep=True)}


_Loader.add_multi_constructor("!", _tagged)


def load(path: Path) -> dict[str, Any]:
    template: dict[str, Any] = yaml.load(path.read_text(encoding="utf-8"), _Loader)  # noqa: S506  # a safe loader's child
    return template


class Stack:
    """A template with its parameters. Resources are called by their names, their attributes `<name>.<attribute>`."""

    def __init__(self, template: dict[str, Any], **parameters: str) -> None:
        self._template = template
        self._given = parameters

    def resource(self, name: str) -> dict[str, Any]:
        properties: dict[str, Any] = self.value(self._template["Resources"][name]["Properties"])
        return properties

    def has(self, name: str) -> bool:
        condition = self._template["Resources"][name].get("Condition")
        return condition is None or self._holds(condition)

    def output(self, name: str) -> str:
        return str(self.value(self._template["Outputs"][name]["Value"]))

    def value(self, node: Any) -> Any:
        if isinstance(node, list):
            return [value for value in map(self.value, node) if value is not _NOTHING]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            ((name, argument),) = node.items()
            if name in {"Ref", "Condition"} or name.startswith("Fn::"):
                return self._call(name, argument)
        pairs = {key: self.value(value) for key, value in node.items()}
        return {key: value for key, value in pairs.items() if value is not _NOTHING}

    def _call(self, name: str, argument: Any) -> Any:
        match name:
            case "Ref":
                return self._ref(argument)
            case "Condition":
                return self._holds(argument)
            case "Fn::GetAtt":
                return argument
            case "Fn::If":
                return self.value(argument[1] if self._holds(argument[0]) else argument[2])
            case "Fn::Sub":
                text, extra = (argument, {}) if isinstance(argument, str) else argument
                own = {key: str(self.value(value)) for key, value in extra.items()}
                return re.sub(r"\$\{([^}]+)\}", lambda found: own.get(found[1]) or str(self._ref(found[1])), text)
        parts = self.value(argument)
        match name:
            case "Fn::Join":
                return parts[0].join(parts[1])
            case "Fn::Split":
                return parts[1].split(parts[0])
            case "Fn::Equals":
                return parts[0] == parts[1]
            case "Fn::Not":
                return not parts[0]
            case "Fn::And":
                return all(parts)
        raise NotImplementedError(name)

    def _ref(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return _NOTHING
        if name in _PSEUDO:
            return _PSEUDO[name]
        declared = self._template.get("Parameters", {}).get(name)
        if declared is None:
            return name
        value = str(self._given.get(name, declared.get("Default")))
        values = value.split(",") if declared["Type"] == "CommaDelimitedList" else [value]
        if not all(re.fullmatch(declared.get("AllowedPattern", ".*"), each) for each in values):
            raise NotAllowed(name)
        return values if declared["Type"] == "CommaDelimitedList" else value

    def _holds(self, name: str) -> bool:
        return bool(self.value(self._template["Conditions"][name]))
