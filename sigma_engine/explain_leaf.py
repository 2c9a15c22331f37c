"""One value of a rule against one event: what was found, of what type, and why it was not enough."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass, replace
from typing import Any

from sigma_engine.detection import FieldTest, Value
from sigma_engine.field_paths import Path, path_text, paths_read, places
from sigma_engine.lambdas import LambdaError
from sigma_engine.modifiers import Step
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
    holds,
    to_number,
)
from sigma_engine.regexes import RegexTimeout
from sigma_engine.seen_event import SeenEvent
from sigma_engine.text_pattern import DASHES
from sigma_engine.values import ABSENT
from sigma_engine.vql_test import VqlTest

MAX_VALUE_LENGTH = 4096  # characters of an event's value that an explanation repeats
MAX_SAID = 120  # characters of it in a sentence
MAX_EXPANDED = 25  # texts that one pattern with dashes stands for, that are listed

REASONS = {
    "field_absent": "the event has no such field",
    "value_null": "the field is null",
    "value_empty": "the field is an empty text",
    "value_mismatch": "another value",
    "case_mismatch": "differs in case only",
    "type_mismatch": "another type",
    "regex_timeout": "the regular expression took too long",
    "lambda_bound": "the rule's lambda reached a bound",
    "mapping_failed": "the field's lambda reached a bound",
}


@dataclass(frozen=True, slots=True)
class Leaf:
    """How one value of a field test came out. `found` is what the field holds, of a keyword the text that has it.

    `reason` is a key of REASONS when it is false, else None; `fault` the sentence of a lambda that reached its bound.
    """

    test: FieldTest
    value: Value
    truth: bool
    found: Any
    reason: str | None
    fault: str = ""


def test_leaf(test: FieldTest, value: Value, seen: SeenEvent) -> Leaf:
    """One value of a field test."""
    found = seen.value(test.field)
    try:
        truth = seen.fulfils(test.field, value.test)
        reason = None if truth else _reason_of(value.test, found, seen)
    except RegexTimeout:
        truth, reason = False, "regex_timeout"
    except LambdaError:
        truth, reason = False, "lambda_bound"
    fault = seen.mapping(test.field).fault(seen.event) if found is ABSENT else ""
    return Leaf(test, value, truth, found, "mapping_failed" if fault and not truth else reason, fault)


def keyword_leaf(test: FieldTest, value: Value, seen: SeenEvent) -> Leaf:
    """One keyword."""
    try:
        found = next((text for text in seen.keywords if value.test.matches(text)), ABSENT)
        reason = "value_mismatch" if found is ABSENT else None
    except RegexTimeout:
        found, reason = ABSENT, "regex_timeout"
    return Leaf(test, value, found is not ABSENT, found, reason)


def leaf_facts(leaf: Leaf, seen: SeenEvent) -> dict[str, Any]:
    """The facts of a leaf as plain data; see `explain.Explanation.to_dict`."""
    pattern = leaf.value.test.describe()
    steps = [_step(step) for step in leaf.value.steps]
    common = {
        "field": leaf.test.field,
        "value": plain_value(leaf.found),
        "type": type_name(leaf.found),
        "pattern": pattern,
        "modifiers": list(leaf.test.modifiers),
        "steps": steps,
        "reason": leaf.reason,
        "fault": leaf.fault,
        "sentence": sentence_of(leaf),
    }
    mapping, origin = "every value of the event", "keywords"
    if leaf.test.field:
        where = seen.mapping(leaf.test.field)
        mapping, origin = where.text, where.origin
    paths = [path_text(path) for path in paths_of(leaf, seen)]
    return common | {"mapping": mapping, "origin": origin, "paths": paths}


def paths_of(leaf: Leaf, seen: SeenEvent) -> list[Path]:
    """Where in the event the leaf's value was read, of a keyword the first value that has it."""
    if leaf.test.field:
        return paths_read(seen.mapping(leaf.test.field), seen.event, leaf.found)
    if leaf.found is ABSENT:
        return []
    return [path for path, value in places(seen.event) if value == leaf.found][:1]


def _step(step: Step) -> dict[str, Any]:
    texts = expanded(step.test)
    return {"modifier": step.modifier, "value": step.result} | ({"expanded": texts} if texts else {})


def expanded(test: ValueTest) -> list[str]:
    """The texts that one value of a rule stands for, when there are several (`windash`, `base64offset`)."""
    if isinstance(test, AnyTest):
        return [one.describe() for one in test.tests][:MAX_EXPANDED]
    if isinstance(test, TextPattern) and Wild.DASH in test.parts:
        choices = [DASHES if part is Wild.DASH else (part,) for part in test.parts]
        made = itertools.islice(itertools.product(*choices), MAX_EXPANDED)
        return [test.with_parts(*chosen).describe() for chosen in made]
    return []


def _reason_of(test: ValueTest, found: Any, seen: SeenEvent) -> str:
    if found is ABSENT:
        return "field_absent"
    if isinstance(test, FieldRefTest):
        return "field_absent" if seen.value(test.field) is ABSENT else "value_mismatch"
    if isinstance(test, VqlTest):
        return "value_mismatch"
    return reason_of(test, found)


def reason_of(test: ValueTest, found: Any) -> str:
    """Why a test is false of what a field holds, as near as can be said in one word."""
    if isinstance(test, ExistsTest | NullTest):
        return "value_empty" if found == "" and isinstance(found, str) else "value_mismatch"
    if found is None:
        return "value_null"
    if isinstance(found, str) and not found:
        return "value_empty"
    loose = without_case(test)
    if loose is not None and holds(loose, found):
        return "case_mismatch"
    values = found if isinstance(found, list) else [found]
    if values and all(_is_other_type(test, value) for value in values):
        return "type_mismatch"
    return "value_mismatch"


def _is_other_type(test: ValueTest, value: Any) -> bool:
    if isinstance(value, dict | list | None):
        return True
    if isinstance(test, CompareTest | TimePartTest | NumberTest):
        number = to_number(value)
        return number is None or (isinstance(test, NumberTest) and number == test.number)
    if isinstance(test, BoolTest):
        return not isinstance(value, bool) and str(value).lower() not in ("true", "false")
    if isinstance(test, TextPattern) and not isinstance(value, bool):
        wanted = to_number(test.literal) if test.literal else None
        return wanted is not None and to_number(value) == wanted
    return isinstance(test, CidrTest) and not isinstance(value, str)


def without_case(test: ValueTest) -> ValueTest | None:
    """The same test with case left out of account; None when it does not heed case."""
    if isinstance(test, TextPattern) and test.cased:
        return replace(test, cased=False)
    if isinstance(test, RegexTest) and not test.flags & re.IGNORECASE:
        return replace(test, flags=test.flags | re.IGNORECASE)
    if isinstance(test, AnyTest):
        loose = [without_case(one) for one in test.tests]
        return AnyTest(tuple(one for one in loose if one is not None)) if all(loose) else None
    return None


def sentence_of(leaf: Leaf) -> str:
    """How the leaf came out, in a sentence that names the field and what it holds."""
    if not leaf.test.field:
        return "A value of the event has it." if leaf.truth else "No value of the event has it."
    field = f"`{leaf.test.field}`"
    if leaf.fault:
        return f"{field} could not be read: {leaf.fault}"
    if leaf.found is ABSENT:
        return f"The event has no {field}."
    holds_it = f"{field} is {said(leaf.found)}"
    if leaf.reason in (None, "value_null", "value_empty"):
        return f"{holds_it}."
    return f"{holds_it}: {REASONS[leaf.reason or '']}."


def said(value: Any) -> str:
    """A value in a sentence, with the kinds of nothing by their names."""
    kind = type_name(value)
    if kind in ("absent", "null"):
        return kind
    if kind == "empty":
        return "an empty text"
    text = value if isinstance(value, str) else str(plain_value(value))
    text = text if len(text) <= MAX_SAID else f"{text[:MAX_SAID]}…"
    if kind in ("list", "map"):
        return f"a {kind}, {text}"
    return f"`{text}`" if kind == "string" else f"{text} ({kind})"


def shown(raw: Any) -> str:
    """A rule's value as it is written."""
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


def plain_value(value: Any) -> Any:
    """An event's value as JSON holds it, long texts cut; None for an absent one."""
    if value is ABSENT:
        return None
    if isinstance(value, bytes):
        return value.hex().upper()
    if isinstance(value, str):
        return value[:MAX_VALUE_LENGTH]
    if isinstance(value, list):
        return [plain_value(item) for item in value]
    if isinstance(value, dict):
        return {str(key): plain_value(item) for key, item in value.items()}
    return value
