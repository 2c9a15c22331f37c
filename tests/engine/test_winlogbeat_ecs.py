"""The model `Winlogbeat ECS`: documents without `winlog` give the hits that their event logs give."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from sigma_engine import (
    ABSENT,
    Model,
    Scanner,
    compile_rules,
    event_facts,
    event_key,
    explain,
    load_model,
    open_evidence,
    parse_model,
    parse_rules,
    shipped_models,
    to_event,
)
from tests.engine.ecs_documents import ecs_document

PROJECT = Path(__file__).resolve().parents[2]
NAME = "Winlogbeat ECS"
CASES = yaml.safe_load((Path(__file__).parent / "cases" / "winlogbeat_ecs.yaml").read_text(encoding="utf-8"))


@cache
def _model(name: str = NAME) -> Model:
    return load_model(name)


def _rules() -> list[str]:
    return [path.read_text(encoding="utf-8") for path in sorted((PROJECT / "starter/rules").glob("*.yml"))]


def _hits(path: Path, model: Model) -> set[tuple[int, str, str]]:
    rules = [one.rule for text in _rules() for one in parse_rules(text) if one.rule is not None]
    scanner = Scanner(compile_rules(rules, model))
    evidence = open_evidence(path)
    return {
        (hit.facts.time, rules[hit.rule_index].title, hit.facts.computer)
        for chunk in range(evidence.chunk_count)
        for hit in scanner.scan_chunk(evidence, chunk).hits
    }


def _documents(log: Path) -> tuple[list[dict[str, Any]], set[int]]:
    """The documents of a log of Sysmon's, and the times of events that ECS has no names for."""
    evidence = open_evidence(log)
    documents, without = [], set()
    for chunk in range(evidence.chunk_count):
        for record in evidence.read_chunk(chunk).records:
            document = ecs_document(record.event)
            if document is None:
                without.add(event_facts(record.event).time)
            else:
                documents.append(document)
    return documents, without


def _write(documents: list[dict[str, Any]], path: Path) -> Path:
    path.write_text("".join(json.dumps(one) + "\n" for one in documents), encoding="utf-8")
    return path


def test_documents_of_ecs_alone_give_the_hits_of_the_log_that_they_came_from(tmp_path: Path) -> None:
    log = PROJECT / "starter/evidence/WS07-Sysmon.evtx"
    documents, without = _documents(log)
    of_log = {hit for hit in _hits(log, _model("Windows event logs")) if hit[0] not in without}
    of_ecs = _hits(_write(documents, tmp_path / "ecs.jsonl"), _model())
    assert len(of_log) > 20
    assert of_ecs == of_log


def test_dotted_names_give_the_same_hits(tmp_path: Path) -> None:
    documents, _ = _documents(PROJECT / "starter/evidence/WS07-Sysmon.evtx")
    nested = _hits(_write(documents, tmp_path / "nested.jsonl"), _model())
    dotted = _hits(_write([_dotted(one) for one in documents], tmp_path / "dotted.jsonl"), _model())
    assert dotted == nested


def _dotted(value: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, held in value.items():
        flat |= _dotted(held, f"{prefix}{name}.") if isinstance(held, dict) else {prefix + name: held}
    return flat


def test_event_logs_give_the_same_hits_as_under_the_model_that_it_extends() -> None:
    for log in sorted((PROJECT / "starter/evidence").glob("*.evtx")):
        assert _hits(log, _model()) == _hits(log, _model("Windows event logs")), log.name


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_a_document_is_taken_and_read_as_rules_expect_it(case: dict[str, Any]) -> None:
    event = to_event(json.loads(json.dumps(case["document"])))
    accepted = tuple(s for s in _model().accepting(event_key(event), "") if s.wants(event))
    names = {source.name for source in accepted if not source.name.startswith("*")}
    assert sorted(names) == sorted(case["sources"])
    expected = {field: ABSENT if value == "ABSENT" else value for field, value in case["fields"].items()}
    assert {field: _model().mapping(field, accepted).read(event) for field in expected} == expected


def test_the_facts_of_a_document_are_those_of_its_event() -> None:
    facts = event_facts(to_event(json.loads(json.dumps(CASES[0]["document"]))))
    assert (facts.time, facts.computer, facts.event_id) == (1700000000123456, "WS-01", 1)
    assert facts.provider == "Microsoft-Windows-Sysmon"


def test_why_names_the_source_that_took_the_document() -> None:
    [parsed] = parse_rules(
        "title: t\nlogsource: {category: process_creation, product: windows}\n"
        "detection: {s: {Image|endswith: '\\cmd.exe'}, condition: s}\n"
    )
    assert parsed.rule is not None
    event = to_event(json.loads(json.dumps(CASES[0]["document"])))
    assert explain(parsed.rule, _model(), event).plain_verdict


def test_the_model_has_no_findings() -> None:
    _, findings = parse_model(shipped_models()[NAME].read_text(encoding="utf-8"))
    assert [finding.message for finding in findings] == []
