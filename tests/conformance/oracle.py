"""What pySigma makes of rule texts: a program for an environment of its own, which `test_oracle.py` makes.

Reads a JSON list of texts, writes a JSON list of answers in the same order: `{"error": text}` for a text that pySigma
refuses, else `{"rules": [..]}` with a list of condition trees for each detection rule, and a dict of parts for each
correlation. Trees are lists: `["and"|"or", [tree..]]`, `["not", tree]`, `["test", field, value]`; values are lists
too, headed by their kind.
"""

from __future__ import annotations

import json
import sys
import traceback
from typing import Any

from sigma.collection import SigmaCollection
from sigma.conditions import (
    ConditionAND,
    ConditionFieldEqualsValueExpression,
    ConditionNOT,
    ConditionOR,
    ConditionValueExpression,
)
from sigma.correlations import SigmaCorrelationRule
from sigma.exceptions import SigmaError
from sigma.rule import SigmaRule
from sigma.types import (
    Placeholder,
    SigmaBool,
    SigmaCasedString,
    SigmaCIDRExpression,
    SigmaCompareExpression,
    SigmaExists,
    SigmaExpansion,
    SigmaFieldReference,
    SigmaNull,
    SigmaNumber,
    SigmaRegularExpression,
    SigmaString,
    SigmaTimestampPart,
    SpecialChars,
)

WILDCARDS = {SpecialChars.WILDCARD_MULTI: ["*"], SpecialChars.WILDCARD_SINGLE: ["?"]}  # texts are no lists


def answer(text: str) -> dict[str, Any]:
    """What pySigma says of one text, which may hold several documents."""
    try:
        collection = SigmaCollection.from_yaml(text)
        return {"rules": [rule_of(rule) for rule in collection.rules]}
    except SigmaError as error:
        return {"error": f"{type(error).__name__}: {error}"}
    except Exception as error:  # whatever it raises on bad input is its answer too
        return {"error": f"{type(error).__name__}: {error}", "traceback": traceback.format_exc()}


def rule_of(rule: Any) -> Any:
    """A detection rule's trees, or a correlation's parts."""
    if isinstance(rule, SigmaRule):
        return [tree(condition.parsed) for condition in rule.detection.parsed_condition]
    if isinstance(rule, SigmaCorrelationRule):
        condition = rule.condition
        return {
            "type": rule.type.name.lower(),
            "rules": [reference.reference for reference in rule.rules],
            "seconds": rule.timespan.seconds,
            "group_by": list(rule.group_by or ()),
            "condition": None if condition is None else condition.to_dict(),
        }
    return {"kind": type(rule).__name__}


def tree(node: Any) -> Any:
    """A condition as lists."""
    if isinstance(node, ConditionAND | ConditionOR):
        return ["and" if isinstance(node, ConditionAND) else "or", [tree(child) for child in node.args]]
    if isinstance(node, ConditionNOT):
        return ["not", tree(node.args[0])]
    if isinstance(node, ConditionFieldEqualsValueExpression):
        return test(node.field, node.value)
    if isinstance(node, ConditionValueExpression):
        return test("", node.value)
    raise TypeError(f"unknown condition {node!r}")


def test(field: str, found: Any) -> Any:
    """A test of a field; one that was expanded is any of its forms."""
    if isinstance(found, SigmaExpansion):
        return ["or", [test(field, one) for one in found.values]]
    return ["test", field, value(found)]


def value(found: Any) -> Any:
    """A value as a list that begins with its kind."""
    if isinstance(found, SigmaString):
        return ["text", [part(one) for one in found.s], isinstance(found, SigmaCasedString)]
    if isinstance(found, SigmaTimestampPart):
        return ["time", found.timestamp_part.name.lower(), number(found)]
    if isinstance(found, SigmaNumber):
        return number(found)
    if isinstance(found, SigmaBool):
        return ["bool", found.boolean]
    if isinstance(found, SigmaNull):
        return ["null"]
    if isinstance(found, SigmaExists):
        return ["exists", found.exists]
    if isinstance(found, SigmaRegularExpression):
        return ["re", found.regexp.to_plain(True), sorted(flag.name[0].lower() for flag in found.flags)]
    if isinstance(found, SigmaCIDRExpression):
        return ["cidr", found.cidr]
    if isinstance(found, SigmaCompareExpression):
        return ["compare", found.op.name.lower(), value(found.number)]
    if isinstance(found, SigmaFieldReference):
        return ["field", found.field, found.starts_with, found.ends_with]
    raise TypeError(f"unknown value {found!r}")


def part(one: Any) -> Any:
    """A part of a text: itself, or what is no text in a list of one."""
    if isinstance(one, Placeholder):
        return [f"%{one.name}%"]
    return WILDCARDS[one] if isinstance(one, SpecialChars) else one


def number(found: Any) -> Any:
    """A number, whole ones as integers."""
    return ["number", int(found.number) if found.number == int(found.number) else found.number]


if __name__ == "__main__":
    json.dump([answer(text) for text in json.load(sys.stdin)], sys.stdout)
