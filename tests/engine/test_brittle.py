"""The smallest edit that escapes a rule: it is one, each kind is found, and nothing is invented."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from sigma_engine import ABSENT, Escape, Rule, Scanner, compile_rules, find_escapes, load_model, parse_rules

MODEL = load_model("Windows event logs")


def rule_of(detection: dict[str, Any]) -> Rule:
    """A rule over any Windows log."""
    [parsed] = parse_rules(
        yaml.safe_dump({"title": "t", "logsource": {"product": "windows"}, "detection": detection})
    )
    assert isinstance(parsed.rule, Rule), parsed.findings
    return parsed.rule


def event_of(data: dict[str, Any]) -> dict[str, Any]:
    """An event with these fields."""
    system = {"Channel": "Application", "Provider": {"Name": "Any"}, "EventID": {"Value": 1}}
    return {"System": system, "EventData": data}


def escapes(detection: dict[str, Any], data: dict[str, Any]) -> list[Escape]:
    """The escapes, each of them run once more."""
    rule, event = rule_of(detection), event_of(data)
    scanner = Scanner(compile_rules([rule], MODEL))
    found = find_escapes(rule, MODEL, event)
    for escape in found:
        name = escape.path.removeprefix("EventData.")
        changed = {key: value for key, value in data.items() if key != name}
        if escape.after is not ABSENT:
            changed[name] = escape.after
        assert scanner.match(event)
        assert not scanner.match(event_of(changed))
    return found


@pytest.mark.parametrize(
    ("line", "data", "kind", "after"),
    [
        ({"F|endswith": "tool.exe"}, {"F": "C:\\tool.exe"}, "character", "C:\\tool^.exe"),
        ({"F|contains|cased": "Tool"}, {"F": "a Tool"}, "case", "a tOOL"),
        ({"F|contains": " -enc "}, {"F": "shell -enc x"}, "dash", "shell /enc x"),
        ({"F|contains": "one two"}, {"F": "one two three"}, "token", "two three"),
        ({"F|re": "^to+l$"}, {"F": "tool"}, "case", "TOOL"),
        ({"F": 7}, {"F": 7}, "absent", ABSENT),
    ],
)
def test_an_edit_of_the_kind_is_found(line: Any, data: Any, kind: str, after: Any) -> None:
    found = escapes({"a": line, "condition": "a"}, data)
    assert (kind, after) in [(one.kind, one.after) for one in found]


def test_the_smallest_comes_first() -> None:
    found = escapes({"a": {"F|contains": "two"}, "condition": "a"}, {"F": "one two three"})
    assert [one.size for one in found] == sorted(one.size for one in found)
    assert (found[0].kind, found[0].size) == ("character", 1)


def test_a_value_of_the_rules_own_filter_is_an_escape() -> None:
    detection = {"a": {"F": "x"}, "filter": {"G|startswith": "C:\\Windows"}, "condition": "a and not filter"}
    found = escapes(detection, {"F": "x", "G": "D:\\a.exe"})
    assert ("filter", "G", "C:\\Windows") in [(one.kind, one.field, one.after) for one in found]


def test_a_clause_that_another_one_makes_up_for_is_no_escape() -> None:
    detection = {"a": {"F|contains": "x"}, "b": {"G|contains": "y"}, "condition": "a or b"}
    assert escapes(detection, {"F": "x", "G": "y"}) == []


def test_an_event_that_the_rule_does_not_match_has_none() -> None:
    assert find_escapes(rule_of({"a": {"F": "x"}, "condition": "a"}), MODEL, event_of({"F": "y"})) == []


def test_what_routes_an_event_is_not_edited() -> None:
    assert escapes({"a": {"EventID": 1}, "condition": "a"}, {"F": "x"}) == []
