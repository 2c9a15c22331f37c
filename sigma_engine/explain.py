"""Why a rule did or did not match an event: the plain evaluator.

It walks the rule as written, never stops early, and records at every leaf the field, its mapping, the value with
its type, each modifier's step and the reason of a miss. It is also the reference that the fast matcher is held
against: same verdict on every rule and event.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

from sigma_engine.condition import And, Not, Of, Ref, Tree
from sigma_engine.detection import FieldTest, Group, Value
from sigma_engine.events import event_key
from sigma_engine.keywords import keyword_texts
from sigma_engine.lambdas import LambdaError
from sigma_engine.model import Mapping, Model, Source
from sigma_engine.patterns import (
    AnyTest,
    CidrTest,
    CompareTest,
    FieldRefTest,
    NumberTest,
    RegexTest,
    TextPattern,
    TimePartTest,
    ValueTest,
    holds,
    to_number,
)
from sigma_engine.regexes import RegexTimeout
from sigma_engine.routing import Router, is_tried
from sigma_engine.rule import Rule
from sigma_engine.values import ABSENT
from sigma_engine.vql_test import VqlTest

MAX_VALUE_LENGTH = 4096  # characters of an event's value that an explanation repeats


@dataclass(frozen=True)
class Explanation:
    """The answer: whether the rule was tried on the event, and how each of its conditions came out."""

    verdict: bool
    tried: bool
    logsource: dict[str, Any]
    conditions: list[dict[str, Any]]

    def to_dict(self) -> dict[str, Any]:
        """As plain data for JSON: `verdict`, `tried`, `logsource` (wanted, event, sources), `conditions` (trees).

        A node has `kind`, `label`, `truth`, `line`, `column`, `children`; a leaf (`test`, `keyword`) also `field`,
        `mapping`, `origin`, `value`, `type`, `pattern`, `modifiers`, `steps`, `reason` and `fault`, the sentence of a
        lambda that reached its bound.
        """
        return {
            "verdict": self.verdict,
            "tried": self.tried,
            "logsource": self.logsource,
            "conditions": self.conditions,
        }


def explain(rule: Rule, model: Model, event: dict[str, Any], file_name: str = "") -> Explanation:
    """Evaluates `rule` on `event` in full; `file_name` is the evidence's name, by which sources may choose."""
    accepted = Router(model, file_name).accepted(event)
    tried = is_tried(rule, model, accepted)
    try:
        evaluator = _Evaluator(rule, model, accepted, rule.seen(event))
        conditions = [evaluator.tree(condition.tree, condition.line) for condition in rule.conditions]
    except LambdaError as error:  # of the rule's `vql`: the rule sees no event
        conditions = [_node("any", f"vql: {error.message}", (1, 1), [], truth=False)]
    verdict = tried and any(node["truth"] for node in conditions)
    return Explanation(verdict, tried, _logsource(rule, model, accepted, event), conditions)


def _logsource(
    rule: Rule, model: Model, accepted: tuple[Source, ...], event: dict[str, Any]
) -> dict[str, Any]:
    """Step 0: what the rule wants, what the event is, and each source that could join them."""
    key = event_key(event)
    serving = model.sources_for(rule.logsource)
    return {
        "wanted": str(rule.logsource),
        "event": {"channel": key.channel, "event_id": key.event_id, "provider": key.provider},
        "sources": [
            {
                "name": source.name,
                "accepts": any(source is one for one in accepted),
                "reason": _takes(source),
            }
            for source in serving
        ],
    }


def _takes(source: Source) -> str:
    """What events a source takes, in words."""
    parts = [
        f"{name} {', '.join(map(str, values))}"
        for name, values in (
            ("channel", source.channels),
            ("event id", source.event_ids),
            ("provider", source.providers),
            ("file", source.files),
        )
        if values
    ]
    if source.where is not None:
        parts.append(f"where {source.where.text}")
    return f"takes {'; '.join(parts) or 'any event'}"


def _node(
    kind: str, label: str, place: tuple[int, int], children: list[dict[str, Any]], *, truth: bool
) -> dict[str, Any]:
    line, column = place
    return {
        "kind": kind,
        "label": label,
        "truth": truth,
        "line": line,
        "column": column,
        "children": children,
    }


class _Evaluator:
    def __init__(self, rule: Rule, model: Model, accepted: tuple[Source, ...], event: dict[str, Any]) -> None:
        self._rule, self._model, self._accepted, self._event = rule, model, accepted, event

    def tree(self, tree: Tree, line: int) -> dict[str, Any]:
        place = (line, tree.offset + 1)
        if isinstance(tree, Ref):
            return self._selection(tree.name)
        if isinstance(tree, Of):
            children = [self._selection(name) for name in tree.names]
            truths = [child["truth"] for child in children]
            truth = all(truths) if tree.quantifier == "all" else any(truths)
            return _node("of", str(tree), place, children, truth=truth)
        if isinstance(tree, Not):
            child = self.tree(tree.child, line)
            return _node("not", "not", place, [child], truth=not child["truth"])
        children = [self.tree(child, line) for child in tree.children]
        truths = [child["truth"] for child in children]
        if isinstance(tree, And):
            return _node("and", "and", place, children, truth=all(truths))
        return _node("or", "or", place, children, truth=any(truths))

    def _selection(self, name: str) -> dict[str, Any]:
        selection = self._rule.selections[name]
        child = self._part(selection.root)
        return _node("selection", name, (selection.line, selection.column), [child], truth=child["truth"])

    def _part(self, part: FieldTest | Group) -> dict[str, Any]:
        if isinstance(part, FieldTest):
            return self._field_test(part)
        children = [self._part(child) for child in part.children]
        truths = [child["truth"] for child in children]
        truth = all(truths) if part.kind == "all" else any(truths)
        return _node(part.kind, f"{part.kind} of these", (part.line, part.column), children, truth=truth)

    def _field_test(self, test: FieldTest) -> dict[str, Any]:
        leaves = [self._leaf(test, value) for value in test.values]
        truths = [leaf["truth"] for leaf in leaves]
        truth = all(truths) if test.every else any(truths)
        place = (test.line, test.column)
        if test.negated:
            node = leaves[0] if len(leaves) == 1 else _node("any", str(test), place, leaves, truth=truth)
            return _node("not", str(test), place, [node], truth=not truth)
        if len(leaves) == 1:
            return leaves[0]
        return _node("all" if test.every else "any", str(test), place, leaves, truth=truth)

    def _leaf(self, test: FieldTest, value: Value) -> dict[str, Any]:
        if not test.field:
            return self._keyword(test, value)
        mapping = self._model.mapping(test.field, self._accepted)
        found = mapping.read(self._event)
        truth, reason = self._judge(value.test, found)
        node = _node("test", f"{test}: {_shown(value.raw)}", (value.line, value.column), [], truth=truth)
        fault = mapping.fault(self._event) if found is ABSENT else ""
        if fault:
            reason = "mapping_failed"
        return node | _facts(test, value, mapping, found) | {"reason": reason, "fault": fault}

    def _judge(self, test: ValueTest, found: Any) -> tuple[bool, str | None]:
        try:
            if isinstance(test, FieldRefTest):
                other = self._model.mapping(test.field, self._accepted).read(self._event)
                present = found is not ABSENT and other is not ABSENT
                truth = present and test.compares(found, other)
                return truth, None if truth else "value_mismatch" if present else "field_absent"
            if isinstance(test, VqlTest):
                truth = test.asks(found, self._event)
                return truth, None if truth else "field_absent" if found is ABSENT else "value_mismatch"
            truth = holds(test, found)
            return truth, None if truth else _reason(test, found)
        except RegexTimeout:
            return False, "regex_timeout"
        except LambdaError:
            return False, "lambda_bound"

    def _keyword(self, test: FieldTest, value: Value) -> dict[str, Any]:
        reason: str | None = None
        matched = ""
        try:
            found = [text for text in keyword_texts(self._event) if value.test.matches(text)]
            truth, matched = bool(found), found[0] if found else ""
            reason = None if truth else "value_mismatch"
        except RegexTimeout:
            truth, reason = False, "regex_timeout"
        node = _node("keyword", f"keyword {_shown(value.raw)}", (value.line, value.column), [], truth=truth)
        return node | {
            "field": "",
            "mapping": "every value of the event",
            "origin": "keywords",
            "value": matched[:MAX_VALUE_LENGTH] if truth else None,
            "type": "string" if truth else "absent",
            "pattern": value.test.describe(),
            "modifiers": list(test.modifiers),
            "steps": [{"modifier": step.modifier, "value": step.result} for step in value.steps],
            "reason": reason,
            "fault": "",
        }


def _facts(test: FieldTest, value: Value, mapping: Mapping, found: Any) -> dict[str, Any]:
    return {
        "field": test.field,
        "mapping": mapping.text,
        "origin": mapping.origin,
        "value": _jsonable(found),
        "type": type_name(found),
        "pattern": value.test.describe(),
        "modifiers": list(test.modifiers),
        "steps": [{"modifier": step.modifier, "value": step.result} for step in value.steps],
    }


def _shown(raw: Any) -> str:
    return "null" if raw is None else str(raw).lower() if isinstance(raw, bool) else str(raw)


def type_name(value: Any) -> str:
    """The type of an event's value as people call it; `absent`, `null` and `empty` are told apart."""
    if value is ABSENT:
        return "absent"
    if value is None:
        return "null"
    if value == "" and isinstance(value, str):
        return "empty"
    names = {
        str: "string",
        bool: "bool",
        int: "int",
        float: "float",
        list: "list",
        dict: "map",
        bytes: "bytes",
    }
    return names.get(type(value), "string")


def _jsonable(value: Any) -> Any:
    if value is ABSENT:
        return None
    if isinstance(value, bytes):
        return value.hex().upper()
    if isinstance(value, str):
        return value[:MAX_VALUE_LENGTH]
    if isinstance(value, list):
        return [_jsonable(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _jsonable(item) for key, item in value.items()}
    return value


def _reason(test: ValueTest, found: Any) -> str:
    """Why a leaf is false, as near as can be said in one word."""
    if found is ABSENT:
        return "field_absent"
    loose = _without_case(test)
    if loose is not None and holds(loose, found):
        return "case_mismatch"
    values = found if isinstance(found, list) else [found]
    if isinstance(test, CompareTest | TimePartTest) and all(to_number(value) is None for value in values):
        return "type_mismatch"
    if isinstance(test, CidrTest | TextPattern | RegexTest) and all(
        isinstance(v, dict | None) for v in values
    ):
        return "type_mismatch"
    if isinstance(test, NumberTest) and any(to_number(value) == test.number for value in values):
        return "type_mismatch"
    return "value_mismatch"


def _without_case(test: ValueTest) -> ValueTest | None:
    """The same test with case left out of account; None when it does not heed case."""
    if isinstance(test, TextPattern) and test.cased:
        return replace(test, cased=False)
    if isinstance(test, RegexTest) and not test.flags & re.IGNORECASE:
        return replace(test, flags=test.flags | re.IGNORECASE)
    if isinstance(test, AnyTest):
        loose = [_without_case(one) for one in test.tests]
        return AnyTest(tuple(one for one in loose if one is not None)) if all(loose) else None
    return None
