"""Hints: each is given where it holds, the line that it proposes matches, and counts are used as they are given."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from sigma_engine import EventKey, Mapping, Rule, explain, load_model, parse_rules

MODEL = load_model("Windows event logs")
CASES = yaml.safe_load((Path(__file__).parent / "cases" / "hints.yml").read_text(encoding="utf-8"))


def explained(line: dict[str, Any], data: dict[str, Any], **given: Any) -> dict[str, Any]:
    """The explanation of a rule of one selection on an event with these fields."""
    negated = given.pop("negated", False)
    detection = {"selection": line, "condition": "not selection" if negated else "selection"}
    text = yaml.safe_dump({"title": "t", "logsource": {"product": "windows"}, "detection": detection})
    [parsed] = parse_rules(text)
    assert isinstance(parsed.rule, Rule), parsed.findings
    system = {"Channel": "Application", "Provider": {"Name": "Any"}, "EventID": {"Value": 4625}}
    return explain(parsed.rule, MODEL, {"System": system, "EventData": data}, **given).to_dict()


def hints(explanation: dict[str, Any]) -> list[dict[str, str]]:
    """The hints of what decided."""
    return [hint for one in explanation["deciding"] for hint in one["hints"]]


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_the_hint_of_the_case_is_given_and_holds(case: dict[str, Any]) -> None:
    explanation = explained(case["line"], case["event"], negated=case.get("negated", False))
    assert not explanation["verdict"]
    given = hints(explanation)
    if case.get("none"):
        assert given == []
        return
    found = next((hint for hint in given if hint["code"] == case["code"]), None)
    assert found is not None, given
    if "mended" in case:
        assert yaml.safe_load(found["mended"]) == case["mended"]
        assert explained(case["mended"], case["event"])["verdict"]


@dataclass
class Count:
    """Field counts as a case has them."""

    events: int
    fields: dict[str, int] = field(default_factory=dict)

    def having(self, mapping: Mapping) -> int | None:
        return self.fields.get(mapping.field, 0)


def test_an_absent_field_says_how_common_it_is_among_events_of_its_kind() -> None:
    counts = {EventKey("Application", 4625, "Any"): Count(200, {"F": 196})}
    [hint] = hints(explained({"F": "x"}, {"G": 1}, counts=counts))
    assert hint["sentence"] == "Absent here, present in 98 % of 4625 (196 of 200 events)."


def test_a_field_that_no_event_of_the_kind_has_is_said_to_be_never_there() -> None:
    counts = {EventKey("Application", 4625, "Any"): Count(200)}
    [hint] = hints(explained({"F": "x"}, {"G": 1}, counts=counts))
    assert hint["code"] == "never_there"


def test_without_counts_of_the_kind_nothing_is_said_of_it() -> None:
    counts = {EventKey("Security", 1, "Any"): Count(200, {"F": 196})}
    assert hints(explained({"F": "x"}, {"G": 1}, counts=counts)) == []
