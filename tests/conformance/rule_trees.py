"""Our rules as the trees of `oracle.py`, and the one form in which two trees are compared."""

from __future__ import annotations

import ipaddress
import itertools
import json
import re
from typing import Any

from sigma_engine import Correlation, Rule
from sigma_engine.condition import And, Not, Of, Or, Ref, Tree
from sigma_engine.detection import FieldTest, Group
from sigma_engine.patterns import (
    AnyTest,
    BoolTest,
    CidrTest,
    CompareTest,
    ExistsTest,
    FieldRefTest,
    NullTest,
    NumberTest,
    RegexTest,
    TextPattern,
    TimePartTest,
    ValueTest,
    Wild,
)
from sigma_engine.text_pattern import DASHES
from sigma_engine.window import Window

FLAGS = {re.IGNORECASE: "i", re.MULTILINE: "m", re.DOTALL: "d"}


def rule_trees(rule: Rule) -> list[Any]:
    """The tree of each condition of a rule, in normal form."""
    return [normal(_tree(rule, condition.tree)) for condition in rule.conditions]


def correlation_parts(rule: Correlation) -> dict[str, Any]:
    """What can be compared of a correlation."""
    window = rule.window
    return {
        "type": window.type,
        "rules": list(rule.rules),
        "seconds": window.span // 1_000_000 if window.span is not None else None,
        "group_by": list(window.group_by),
        "condition": _bounds(window, len(rule.rules)),
    }


def _bounds(window: Window, rules: int) -> dict[str, Any]:
    """A correlation's condition; one over several rules that has none asks for all of them."""
    bounds: dict[str, Any] = {bound.operator: bound.number for bound in window.bounds}
    if window.type.startswith("temporal") and not bounds:
        bounds["gte"] = rules
    if window.fields:
        bounds["field"] = window.fields[0] if len(window.fields) == 1 else list(window.fields)
    if window.percentile is not None:
        bounds["percentile"] = window.percentile
    return bounds


def normal(tree: Any) -> Any:
    """A tree whose `and` and `or` hold no node of their own kind, no double, and their children in order."""
    if tree[0] == "test":
        return _normal_test(tree)
    if tree[0] == "not":
        return ["not", normal(tree[1])]
    children: dict[str, Any] = {}
    for child in map(normal, tree[1]):
        for one in child[1] if child[0] == tree[0] else [child]:
            children[json.dumps(one)] = one
    if len(children) == 1:
        return next(iter(children.values()))
    return [tree[0], [children[key] for key in sorted(children)]]


def _normal_test(test: Any) -> Any:
    kind, *rest = test[2]
    if kind == "cidr":  # one spelling of a network
        return ["test", test[1], ["cidr", str(ipaddress.ip_network(rest[0], strict=False))]]
    if kind != "text":
        return test
    parts = _merged(rest[0])
    if not test[1]:  # a keyword may stand anywhere
        parts = _merged([["*"], *parts, ["*"]])
    return ["test", test[1], ["text", parts, rest[1]]]


def _merged(parts: list[Any]) -> list[Any]:
    merged: list[Any] = []
    for part in parts:
        if isinstance(part, str) and merged and isinstance(merged[-1], str):
            merged[-1] += part
        elif part != "" and not (part == ["*"] and merged[-1:] == [["*"]]):
            merged.append(part)
    return merged


def _tree(rule: Rule, tree: Tree) -> Any:
    if isinstance(tree, Ref):
        return _part(rule.selections[tree.name].root)
    if isinstance(tree, Of):
        children = [_part(rule.selections[name].root) for name in tree.names]
        return ["and" if tree.quantifier == "all" else "or", children]
    if isinstance(tree, Not):
        return ["not", _tree(rule, tree.child)]
    assert isinstance(tree, And | Or)
    return ["and" if isinstance(tree, And) else "or", [_tree(rule, child) for child in tree.children]]


def _part(part: FieldTest | Group) -> Any:
    if isinstance(part, Group):
        return ["and" if part.kind == "all" else "or", [_part(child) for child in part.children]]
    tests = [_test(part.field, value.test) for value in part.values]
    joined = ["and" if part.every else "or", tests]
    return ["not", joined] if part.negated else joined


def _test(field: str, test: ValueTest) -> Any:
    if isinstance(test, AnyTest):
        return ["or", [_test(field, one) for one in test.tests]]
    if isinstance(test, TextPattern):
        return ["or", [["test", field, ["text", parts, test.cased]] for parts in _forms(test)]]
    return ["test", field, _value(test)]


def _forms(pattern: TextPattern) -> list[list[Any]]:
    """The texts with their wildcards, one for each choice of dashes."""
    choices = [
        [part] if isinstance(part, str) else list(DASHES) if part is Wild.DASH else [[part.value]]
        for part in pattern.parts
    ]
    return [list(chosen) for chosen in itertools.product(*choices)]


def _value(test: ValueTest) -> Any:
    if isinstance(test, NumberTest):
        return ["number", test.number]
    if isinstance(test, BoolTest):
        return ["bool", test.truth]
    if isinstance(test, NullTest):
        return ["null"]
    if isinstance(test, ExistsTest):
        return ["exists", test.wanted]
    if isinstance(test, RegexTest):
        return ["re", test.pattern, sorted(letter for flag, letter in FLAGS.items() if test.flags & flag)]
    if isinstance(test, CidrTest):
        return ["cidr", str(test.network)]
    if isinstance(test, CompareTest):
        return ["compare", test.operator, ["number", test.number]]
    if isinstance(test, TimePartTest):
        return _time(test)
    assert isinstance(test, FieldRefTest), test
    starts, ends = test.place in ("startswith", "contains"), test.place in ("endswith", "contains")
    return ["field", test.field, starts, ends]


def _time(test: TimePartTest) -> Any:
    part = ["time", test.part, ["number", test.test.number]]
    return part if isinstance(test.test, NumberTest) else ["compare", test.test.operator, part]
