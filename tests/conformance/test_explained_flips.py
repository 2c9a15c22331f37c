"""An explanation names what was changed: SigmaHQ's regression cases, each field of the hit event altered.

Every value of a matching event is altered, emptied, nulled, removed or given another type, one at a time. Where
that turns the verdict, the explanation has to name the field that reads it among what decided, with the right
reason; where it takes the event out of the log source, step 0 has to name the clause.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sigma_engine import (
    Explanation,
    Model,
    Rule,
    Scanner,
    compile_rules,
    explain,
    load_model,
    open_evidence,
    parse_rules,
)
from tests.conformance.test_sigmahq import FOLDERS, regression_cases

ABSENT = object()
CLAUSE_OF = {
    "System.EventID.Value": "event_id",
    "System.EventID": "event_id",
    "System.Channel": "channel",
    "System.Provider.Name": "provider",
    "System.Provider": "provider",
    "System": "event_id",
}


def changes_of(value: Any) -> Iterator[tuple[str, Any]]:
    """(what was done, the new value) of each way to change a value."""
    yield "removed", ABSENT
    yield "emptied", ""
    yield "nulled", None
    if isinstance(value, str):
        yield "altered", f"~{value[::-1]}~"
        yield "re-typed", {"text": value}
    else:
        yield "altered", value + 1 if isinstance(value, int) else "~"
        yield "re-typed", {"value": value}


def members(event: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    """The paths of all values that are no maps."""

    def walk(value: Any, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
        if isinstance(value, dict):
            for key, inner in value.items():
                yield from walk(inner, (*path, key))
        else:
            yield path

    yield from walk(event, ())


def at(event: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        event = event[key]
    return event


def changed(event: dict[str, Any], path: tuple[str, ...], value: Any) -> dict[str, Any]:
    """A copy of the event with one value changed or removed."""
    made = copy.deepcopy(event)
    holder = at(made, path[:-1])
    if value is ABSENT:
        del holder[path[-1]]
    else:
        holder[path[-1]] = value
    return made


def right(what: str, found: dict[str, Any]) -> bool:
    """Whether a leaf says of the change what is true of it."""
    if found["truth"]:  # the change made a filter true, or a condition that asks for nothing
        return found["reason"] is None
    allowed = {
        "removed": {"field_absent"},
        "emptied": {"value_empty", "value_mismatch"},
        "nulled": {"value_null"},
        "altered": {"value_mismatch", "type_mismatch"},
        "re-typed": {"type_mismatch"},
    }[what]
    types = {"removed": "absent", "emptied": "empty", "nulled": "null", "re-typed": "map"}
    return found["reason"] in allowed and found["type"] == types.get(what, found["type"])


def leaves(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if "type" in node:
        yield node
    for child in node["children"]:
        yield from leaves(child)


def fault_of(explanation: Explanation, path: str, before: set[str], what: str) -> str:
    """What is wrong with the explanation of a flip, "" when it says what happened."""
    said = explanation.to_dict()
    if not said["agrees"] or said["verdict"]:
        return "the evaluators differ"
    if not said["tried"]:
        wanted = CLAUSE_OF.get(path)
        decided = said["logsource"]["decided_by"]
        where = "where" in decided
        return "" if where or (wanted and wanted in decided) else f"step 0 says {decided}"
    telling = [leaf for tree in said["conditions"] for leaf in leaves(tree) if leaf["matters"]]
    named = [leaf for leaf in telling if path in leaf["paths"] or leaf["field"] in before]
    keywords = [leaf for leaf in telling if not leaf["field"]]
    decided = {one["field"] for one in said["deciding"]}
    if not named and not keywords:
        return "no leaf that mattered names the field"
    if named and not any(leaf["field"] in decided for leaf in named):
        return "the field is not among what decided"
    if named and not any(right(what, leaf) for leaf in named):
        return f"reasons {[(leaf['reason'], leaf['type']) for leaf in named]}"
    return ""


def fields_reading(explanation: Explanation, path: str) -> set[str]:
    """The Sigma fields that took their values from a path of the event."""
    trees = explanation.to_dict()["conditions"]
    return {leaf["field"] for tree in trees for leaf in leaves(tree) if path in leaf["paths"]}


def first_hit(rule: Rule, model: Model, path: Path) -> dict[str, Any] | None:
    """The first event of a file that the rule hits."""
    scanner = Scanner(compile_rules([rule], model))
    evidence = open_evidence(path)
    for chunk in range(evidence.chunk_count):
        for hit in scanner.scan_chunk(evidence, chunk, path.name).hits:
            return hit.event
    return None


def test_every_flip_is_explained_by_the_field_that_was_changed(shared_data: Path) -> None:
    root = shared_data / "sigmahq"
    paths = {path.stem: path for folder in FOLDERS for path in (root / folder).rglob("*.yml")}
    rules: dict[str, Rule] = {}
    for path in paths.values():
        for parsed in parse_rules(path.read_text(encoding="utf-8")):
            if isinstance(parsed.rule, Rule):
                rules[parsed.rule_id] = parsed.rule
    model = load_model("Windows event logs")
    cases = regression_cases(root / "regression_data")
    flips: Counter[str] = Counter()
    faults = []
    for rule_id, path, _ in cases:
        rule = rules[rule_id]
        event = first_hit(rule, model, path)
        assert event is not None, path
        whole = explain(rule, model, event, path.name)
        assert whole.verdict
        for member in members(event):
            name = ".".join(member)
            before = fields_reading(whole, name)
            for what, value in changes_of(at(event, member)):
                explanation = explain(rule, model, changed(event, member, value), path.name)
                if explanation.plain_verdict:
                    continue
                flips[what] += 1
                fault = fault_of(explanation, name, before, what)
                if fault:
                    faults.append((path.stem, name, what, fault))
    assert len(cases) == 98
    assert faults == []
    assert min(flips[what] for what in ("removed", "emptied", "nulled", "altered", "re-typed")) > 200
