"""Which single clauses of a rule stood between it and an event."""

from __future__ import annotations

from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st

from sigma_engine import Rule, Scanner, compile_rules, failed_clauses, load_model, parse_rules

MODEL = load_model("Windows event logs")
FIELDS = tuple("ABCDEF")
CONDITIONS = (
    *("a", "not a", "a and b", "a or b", "a and not b", "not (a and b)", "1 of them", "all of them"),
    *("a and b and not c", "(a or b) and (a or c)", "(a and b) or (not a and c)", "a and not 1 of c*"),
)


def rule_of(detection: dict[str, Any]) -> Rule:
    """A rule over events of any Windows log."""
    text = yaml.safe_dump({"title": "t", "logsource": {"product": "windows"}, "detection": detection})
    [parsed] = parse_rules(text)
    assert isinstance(parsed.rule, Rule), parsed.findings
    return parsed.rule


def event_of(data: dict[str, Any]) -> dict[str, Any]:
    """An event with these fields."""
    system = {"Channel": "Application", "Provider": {"Name": "Any"}, "EventID": {"Value": 1}}
    return {"System": system, "EventData": data}


def clauses(rule: Rule, data: dict[str, Any]) -> list[tuple[str, str]]:
    """(selection, field) of each clause that missed alone."""
    return [(one.selection, one.test.field) for one in failed_clauses(rule, MODEL, event_of(data))]


def matches(rule: Rule, data: dict[str, Any]) -> bool:
    """The scanning engine's verdict."""
    return bool(Scanner(compile_rules([rule], MODEL)).match(event_of(data)))


@given(
    condition=st.sampled_from(CONDITIONS),
    lists=st.lists(st.booleans(), min_size=3, max_size=3),
    truths=st.lists(st.booleans(), min_size=6, max_size=6),
)
def test_a_clause_is_named_exactly_when_flipping_it_alone_makes_the_rule_match(
    condition: str, lists: list[bool], truths: list[bool]
) -> None:
    pairs = [dict.fromkeys(FIELDS[at : at + 2], "yes") for at in (0, 2, 4)]
    parts = [
        [{k: v} for k, v in pair.items()] if listed else pair
        for pair, listed in zip(pairs, lists, strict=True)
    ]
    rule = rule_of(dict(zip("abc", parts, strict=True)) | {"condition": condition})
    data = {field: "yes" if truth else "no" for field, truth in zip(FIELDS, truths, strict=True)}
    turned = ({**data, field: "no" if data[field] == "yes" else "yes"} for field in FIELDS)
    flips = {field for field, other in zip(FIELDS, turned, strict=True) if matches(rule, other)}
    expected = set() if matches(rule, data) else flips
    assert {field for _, field in clauses(rule, data)} == expected


def test_a_clause_says_what_the_event_holds_instead() -> None:
    rule = rule_of({"a": {"A|endswith": r"\word.exe", "B": "1"}, "condition": "a"})
    [clause] = failed_clauses(rule, MODEL, event_of({"A": r"C:\excel.exe", "B": "1"}))
    assert (clause.selection, str(clause.test), clause.truth, clause.value) == (
        "a",
        "A|endswith",
        False,
        r"C:\excel.exe",
    )


def test_a_filter_that_swallowed_the_event_is_the_clause() -> None:
    rule = rule_of({"a": {"A": "1"}, "filter": {"B|startswith": "C:"}, "condition": "a and not filter"})
    [clause] = failed_clauses(rule, MODEL, event_of({"A": "1", "B": r"C:\x"}))
    assert (clause.selection, clause.truth) == ("filter", True)


def test_a_rule_whose_log_source_does_not_take_the_event_has_no_clause() -> None:
    rule = rule_of({"a": {"A": "1"}, "condition": "a"})
    assert failed_clauses(rule, MODEL, event_of({"A": "2"}))
    other = yaml.safe_dump(
        {
            "title": "t",
            "logsource": {"product": "windows", "category": "process_creation"},
            "detection": {"a": {"A": "1"}, "condition": "a"},
        }
    )
    [parsed] = parse_rules(other)
    assert isinstance(parsed.rule, Rule)
    assert failed_clauses(parsed.rule, MODEL, event_of({"A": "2"})) == []
