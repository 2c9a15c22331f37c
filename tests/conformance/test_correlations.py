"""Correlation cases as data: windows, edges, groups, chains, and who stays silent."""

from __future__ import annotations

import itertools
import random
from typing import Any

import pytest
import yaml

from sigma_engine import ChunkRead, Member, Record, Scanner, compile_rules, correlate, load_model, parse_rules
from tests.conformance.case_files import correlation_cases, correlation_text

MODEL = load_model("Windows event logs")


def _seconds(time: str) -> float:
    minutes, seconds = time.split(":")
    return int(minutes) * 60 + float(seconds)


def _run(case: dict[str, Any], shuffle: int) -> tuple[list[list[float]], int]:
    """(times of the members of each hit of the last rule, base hits) with events arriving in a shuffled order."""
    parsed = parse_rules(correlation_text(case))
    rules = [document.rule for document in parsed if document.rule is not None]
    assert len(rules) == len(parsed), [document.findings for document in parsed]
    compiled = compile_rules(rules, MODEL)
    assert compiled.left_out == ()
    scanner = Scanner(compiled)
    events = list(enumerate(case["events"]))
    random.Random(shuffle).shuffle(events)
    members: list[Member] = []
    base = 0
    for position, (time, letters, *rest) in events:
        event = _event(time, letters, rest[0] if rest else {})
        file = _OneEvent(Record(0, position, event))
        found = scanner.scan_chunk(file, 0, evidence="log")  # type: ignore[arg-type]
        members += found.members
        base += len(found.hits)
    hits = correlate(compiled.correlations.plans, members).hits
    outer = 0 if "legacy" in case else len(rules) - 1
    shown = [hit for hit in hits if hit.rule_index == outer]
    return [[member.time / 1e6 - START for member in hit.members] for hit in shown], base


START = 1_700_000_000


class _OneEvent:
    """Evidence of one chunk with one event."""

    def __init__(self, record: Any) -> None:
        self._record = record

    def read_chunk(self, number: int) -> Any:
        return ChunkRead([self._record], 0, 0, ())


def _event(time: str, letters: str, data: dict[str, Any]) -> dict[str, Any]:
    system = {
        "Channel": "Application",
        "EventID": {"Value": 1},
        "Provider": {"Name": "Test"},
        "Computer": "H",
        "TimeCreated": {"SystemTime": START + _seconds(time)},
    }
    return {"System": system, "EventData": {"R": letters, **data}}


@pytest.mark.parametrize("case", [pytest.param(case, id=case["name"]) for case in correlation_cases()])
def test_a_correlation_gives_the_hits_of_the_case_in_whatever_order_events_come(case: dict[str, Any]) -> None:
    expected = [[_seconds(time) for time in times] for times in case["hits"]]
    for shuffle in range(4):
        hits, base = _run(case, shuffle)
        assert [[round(time, 3) for time in times] for times in hits] == expected
        if "base" in case:
            assert base == int(case["base"])


@pytest.mark.parametrize(
    ("rules", "code"),
    [
        (
            [{"type": "temporal", "rules": ["nobody"], "timespan": "5m"}],
            "correlation_reference",
        ),
        ([{"type": "temporal", "rules": ["c0"], "timespan": "5m"}], "correlation_reference"),
        (
            [
                {"type": "temporal", "rules": ["c1"], "timespan": "5m"},
                {"type": "temporal", "rules": ["c0"], "timespan": "5m"},
            ],
            "correlation_reference",
        ),
    ],
    ids=["a missing rule", "itself", "a circle"],
)
def test_references_that_lead_nowhere_leave_the_correlation_out(rules: list[Any], code: str) -> None:
    documents = [{"title": "t", "name": f"c{i}", "correlation": one} for i, one in enumerate(rules)]
    parsed = parse_rules("---\n".join(map(yaml.safe_dump, documents)))
    compiled = compile_rules([p.rule for p in parsed if p.rule is not None], MODEL)
    assert {left.index for left in compiled.left_out} == set(range(len(rules)))
    assert {finding.code for left in compiled.left_out for finding in left.findings} == {code}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"type": "event_cuont"}, "correlation_type"),
        ({"type": None}, "correlation_type"),
        ({"timespan": "5 minutes"}, "correlation_timespan"),
        ({"timespan": None}, "correlation_timespan"),
        ({"rules": []}, "correlation_rules"),
        ({"condition": {"gte": "many"}}, "correlation_condition"),
        ({"condition": None}, "correlation_condition"),
        ({"condition": {"ge": 1}}, "correlation_key"),
        ({"type": "value_count"}, "correlation_field"),
        ({"aliases": {"ip": {"A": "x"}}}, "correlation_aliases"),
        ({"groupby": ["x"]}, "correlation_key"),
        ({"condition": "a and not b"}, "correlation_condition"),
    ],
)
def test_a_fault_in_a_correlation_is_told(change: dict[str, Any], code: str) -> None:
    whole = {"type": "event_count", "rules": ["A"], "timespan": "5m", "condition": {"gte": 1}} | change
    correlation = {key: value for key, value in whole.items() if value is not None}
    [parsed] = parse_rules(yaml.safe_dump({"title": "t", "correlation": correlation}))
    assert parsed.rule is None
    assert code in {finding.code for finding in parsed.findings}


def test_the_case_file_names_each_case_once() -> None:
    names = [case["name"] for case in correlation_cases()]
    assert [name for name, group in itertools.groupby(sorted(names)) if len(list(group)) > 1] == []
