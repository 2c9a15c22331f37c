"""What would hit an event: the rules that match, and those that one clause kept from it."""

from __future__ import annotations

from typing import Any

import yaml

from sigma_engine import EventRules, RulesFinder, compile_rules, load_model, parse_rules

MODEL = load_model("Windows event logs")
EVENT = {
    "System": {"Channel": "Application", "Provider": {"Name": "Any"}, "EventID": {"Value": 1}},
    "EventData": {"Image": "C:\\tool.exe", "CommandLine": "tool -enc x", "User": "me"},
}


def found(*selections: dict[str, Any], condition: str = "a") -> tuple[EventRules, list[str]]:
    """The answer over rules of these selections, and the titles of those that are near."""
    texts = [
        yaml.safe_dump(
            {
                "title": f"rule {number}",
                "logsource": {"product": "windows"},
                "detection": {"a": selection, "condition": condition},
            }
        )
        for number, selection in enumerate(selections)
    ]
    rules = [parsed.rule for text in texts for parsed in parse_rules(text) if parsed.rule]
    compiled = compile_rules(rules, MODEL)
    answer = RulesFinder(compiled).rules_for(EVENT)
    return answer, [compiled.rules[near.index].title for near in answer.near]


def test_rules_that_match_are_told_from_those_one_clause_away_and_all_others() -> None:
    answer, near = found(
        {"Image|endswith": "tool.exe"},
        {"Image|endswith": "tool.exe", "User": "other"},
        {"Image|endswith": "tool.exe", "User": "other", "CommandLine": "other"},
    )
    assert (answer.matched, near, answer.tried, answer.near_count) == ((0,), ["rule 1"], 3, 1)
    [clause] = answer.near[0].failed
    assert (str(clause.test), clause.value) == ("User", "me")


def test_a_rule_of_a_single_clause_is_not_near_every_event() -> None:
    answer, near = found({"User": "other"})
    assert (near, answer.near_count) == ([], 0)


def test_the_rule_of_which_the_event_has_most_comes_first() -> None:
    _, near = found(
        {"Image|contains": "to", "User": "other"},
        {"CommandLine|contains": "tool -enc", "Image|contains": "tool.exe", "User": "other"},
    )
    assert near == ["rule 1", "rule 0"]
