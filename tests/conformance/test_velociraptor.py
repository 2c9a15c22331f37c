"""Velociraptor's own Sigma cases through both evaluators: the same rows, or a ruling that says why not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from sigma_engine import (
    Correlation,
    CorrelationHit,
    Model,
    ParsedRule,
    Rule,
    Scanner,
    compile_rules,
    correlate,
    explain,
    open_evidence,
    parse_model,
    parse_rules,
)

RULINGS: dict[str, dict[str, Any]] = yaml.safe_load(
    (Path(__file__).parent / "cases" / "velociraptor.yml").read_text(encoding="utf-8")
)
COUNT = 27
SOURCES = """\
name: Rows
extends: Case
log_sources: [{logsource: '*/windows/application'}, {logsource: '*/windows/security'}]
"""
ADDED = ("_Match", "_Rule", "_MatchingRule", "_Correlations", "Details", "Enrichment")


@pytest.fixture(scope="module")
def cases(shared_data: Path) -> list[dict[str, Any]]:
    text = (shared_data / "velociraptor" / "sigma_cases.yaml").read_text(encoding="utf-8")
    found: list[dict[str, Any]] = yaml.safe_load(text)
    assert len(found) == COUNT
    return found


def _model(case: dict[str, Any]) -> Model:
    """The case's field mappings and details as a Velociraptor model file, below sources that take every row."""
    details = {"Query": case["default_details"]} if "default_details" in case else {}
    base = {
        "Name": "Case",
        "FieldMappings": case["fieldmappings"],
        "ExportTemplate": 'LET ScopeVar <= "I\'m a scope var:"\n',
        "DefaultDetails": details,
    }
    model, findings = parse_model(SOURCES, lambda name: yaml.safe_dump(base))
    assert model is not None, findings
    return model


def _bare(row: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key not in ADDED}


def _refusals(parsed: list[ParsedRule]) -> set[str]:
    return {finding.code for document in parsed for finding in document.findings if document.broken}


class _Answer:
    """What a case's rules give for its rows: both evaluators agree on every rule over single events."""

    def __init__(self, case: dict[str, Any], parsed: list[ParsedRule], folder: Path) -> None:
        rules = [document.rule for document in parsed if document.rule is not None]
        assert len(rules) == len(parsed), _refusals(parsed)
        model = _model(case)
        compiled = compile_rules(rules, model)
        assert compiled.left_out == ()
        log = folder / "rows.jsonl"
        log.write_text("".join(json.dumps(row) + "\n" for row in case["rows"]), encoding="utf-8")
        scanner = Scanner(compiled)
        found = scanner.scan_chunk(open_evidence(log), 0, evidence="rows")
        self._events = [record.event for record in found.read.records]
        assert len(self._events) == len(case["rows"])
        for event in self._events:
            fast = set(scanner.match(event))
            for index, rule in enumerate(rules):
                assert not isinstance(rule, Rule) or explain(rule, model, event).plain_verdict == (
                    index in fast
                )
        self.details = [hit.details for hit in found.hits]
        self.rows = [self._row(rules[hit.rule_index], hit.event) for hit in found.hits]
        self.windows = correlate(compiled.correlations.plans, found.members).hits
        if any(isinstance(rule, Correlation) for rule in rules):
            assert self.rows == []  # bases stay silent
            self.rows = [self._events[hit.last.position] for hit in self.windows]

    def _row(self, rule: Any, event: dict[str, Any]) -> dict[str, Any]:
        row: dict[str, Any] = rule.seen(event)
        return row

    def members(self, hit: CorrelationHit) -> list[dict[str, Any]]:
        return [self._events[member.position] for member in hit.members]


def _sorted(rows: list[Any]) -> list[str]:
    return sorted(json.dumps(row, sort_keys=True) for row in rows)


@pytest.mark.parametrize("number", range(COUNT))
def test_a_case_gives_the_rows_that_velociraptor_gives_or_a_ruling_says_why_not(
    number: int, cases: list[dict[str, Any]], tmp_path: Path
) -> None:
    case = cases[number]
    ruling = RULINGS.get(case["description"], {})
    parsed = parse_rules(case["rule"])
    if "refused" in ruling:
        assert ruling["refused"] in _refusals(parsed)
        return
    if "log_regex" in case:  # Velociraptor refuses it as well, while it runs
        assert "modifier_unknown" in _refusals(parsed)
        return
    answer = _Answer(case, parsed, tmp_path)
    if "hits" in ruling:
        assert (len(answer.rows), len(case["expected_rows"])) == (ruling["hits"], 1)
        return
    assert _sorted(answer.rows) == _sorted([_bare(row) for row in case["expected_rows"]])
    for row, details in zip(case["expected_rows"], answer.details, strict=False):
        if row["Details"] is not None:
            assert details == ruling.get("details", row["Details"])
    expected = [[_bare(one) for one in row.get("_Correlations", ())] for row in case["expected_rows"]]
    assert [answer.members(hit) for hit in answer.windows] == [rows for rows in expected if rows]


def test_every_ruling_is_about_a_case_and_is_explained(cases: list[dict[str, Any]]) -> None:
    page = (Path(__file__).parents[2] / "docs" / "conformance.md").read_text(encoding="utf-8")
    assert RULINGS.keys() <= {case["description"] for case in cases}
    assert [name for name in RULINGS if f"| {name} |" not in page] == []


def test_each_selection_of_the_modifiers_case_is_what_velociraptor_says(
    cases: list[dict[str, Any]], tmp_path: Path
) -> None:
    [case] = [one for one in cases if one["description"] == "Test Modifiers"]
    text = case["rule"].replace("contains_all:", "contains_all_of_uri:", 1)  # the key that stands twice
    [row] = case["expected_rows"]
    expected = row["_Match"]["search_results"]
    assert len(expected) == 22
    found = {}
    for name in expected:
        parsed = parse_rules(text.replace("condition: contains\n", f"condition: {name}\n"))
        found[name] = bool(_Answer(case, parsed, tmp_path).rows)
    assert found == expected
