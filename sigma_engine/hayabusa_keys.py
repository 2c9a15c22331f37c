"""Hayabusa's keys below a field: `value`, `min_length`, `regexes`, `allowlist`. All that stand there must hold.

    CommandLine:
        min_length: 1000
        allowlist: config/regex/known_commands.txt

`regexes` and `allowlist` name files of regular expressions. A rule is text from anywhere and opens no file: the
lines are those of the list with the file's name (with or without its ending) among the placeholders of the rule set.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any

from sigma_engine.findings import Finding, Severity
from sigma_engine.log_source import base_name
from sigma_engine.patterns import ValueTest
from sigma_engine.placeholders import Placeholders
from sigma_engine.values import value_texts
from sigma_engine.yaml_source import Node

SUB_KEYS = ("value", "min_length", "regexes", "allowlist")
# A regular expression of either list is searched for; of an allowlist none may be found, so that an event without
# the field passes.
_LISTS = {"regexes": ("re",), "allowlist": ("re", "neq")}


@dataclass(frozen=True)
class LengthTest:
    """A text of at least so many bytes in UTF-8, as Hayabusa counts; without the field it is false."""

    least: int

    def matches(self, value: Any) -> bool:
        return any(
            len(text.encode("utf-8", "surrogatepass")) >= self.least for text in value_texts(value)[:1]
        )

    def describe(self) -> str:
        return f"at least {self.least:,} bytes"


@dataclass(frozen=True)
class SubTest:
    """One key below a field: what is asked of the field, as values under modifiers or as a test of its own."""

    key: Node
    modifiers: tuple[str, ...]
    nodes: list[Node]
    test: ValueTest | None = None


def has_sub_keys(value: Node) -> bool:
    """Whether a field's value is a map with one of these keys."""
    return value.kind == "map" and any(name in SUB_KEYS for name in value.value)


def read_sub_keys(
    value: Node, modifiers: tuple[str, ...], lists: Placeholders, findings: list[Finding]
) -> list[SubTest]:
    """What the keys below a field ask; what is wrong with them is added to `findings`.

    The field's own modifiers belong to `value`.
    """
    tests = []
    for name, node in value.value.items():
        key = value.keys[name]
        if name == "value":
            tests += _value(key, node, modifiers, findings)
        elif name == "min_length":
            tests += _length(key, node, findings)
        elif name in _LISTS:
            tests += _list(key, node, name, lists, findings)
        else:
            close = get_close_matches(name, SUB_KEYS, 1)
            hint = f"Did you mean `{close[0]}`?" if close else f"There are: {', '.join(SUB_KEYS)}."
            findings.append(_error("sub_key_unknown", f"A field has no key `{name}` below it.", key, hint))
    return tests


def _value(key: Node, node: Node, modifiers: tuple[str, ...], findings: list[Finding]) -> list[SubTest]:
    nodes = node.value if node.kind == "list" else [node]
    if any(one.kind != "scalar" for one in nodes):
        message = "`value` must be a single value or a list of values."
        findings.append(_error("value_type", message, node, "Put a `-` before each value."))
        return []
    return [SubTest(key, modifiers, nodes)]


def _length(key: Node, node: Node, findings: list[Finding]) -> list[SubTest]:
    least = node.value
    if not isinstance(least, int) or isinstance(least, bool) or least < 0:
        message = "`min_length` is a whole number of bytes, from 0."
        findings.append(_error("min_length_type", message, node, "Write the number without quotes."))
        return []
    return [SubTest(key, ("min_length",), [node], LengthTest(least))]


def _list(key: Node, node: Node, name: str, lists: Placeholders, findings: list[Finding]) -> list[SubTest]:
    if node.kind != "scalar" or not isinstance(node.value, str) or not node.value:
        findings.append(_error("list_type", f"`{name}` is the name of a file of regular expressions.", node))
        return []
    file = base_name(node.value)
    stem = file.rpartition(".")[0]
    lines = lists.get(stem if stem in lists and file not in lists else file)
    if lines is None:
        message = f"The list `{node.value}`, which `{name}` names, is not here."
        hint = f"Give its lines to this rule set as the placeholder `{file}`, or write them into the rule."
        findings.append(_error("list_undefined", message, node, hint))
        return []
    kept = [line for line in lines if line.strip()]
    if not kept:
        findings.append(_error("list_empty", f"The list `{node.value}` has no lines.", node))
        return []
    return [SubTest(key, _LISTS[name], [replace(node, value=line, text=line) for line in kept])]


def _error(code: str, message: str, node: Node, hint: str = "") -> Finding:
    return Finding(code, Severity.ERROR, message, hint, node.line, node.column)
