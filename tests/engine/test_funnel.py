"""A debug scan's funnel counts what the plain evaluator counts, and adds up however the evidence is cut."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import orjson
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from sigma_engine import (
    EvidenceFile,
    Funnel,
    FunnelReport,
    Questions,
    Rule,
    Scanner,
    compile_rules,
    load_model,
    open_evidence,
    parse_rules,
)
from tests.engine.plain_funnel import PlainCount, PlainFunnel
from tests.engine.test_evaluators_agree import KINDS, _event, conditions, events, selections

MODEL = load_model("Windows event logs")


def rules_of(*texts: str) -> list[Rule]:
    return [p.rule for text in texts for p in parse_rules(text) if isinstance(p.rule, Rule)]


def funnel_of(scanner: Scanner, files: list[EvidenceFile]) -> Funnel:
    funnel = Funnel()
    for number, file in enumerate(files):
        for chunk in range(file.chunk_count):
            found = scanner.scan_chunk(file, chunk, evidence=str(number)).funnel
            assert found is not None
            funnel.add(found)
    return funnel


def assert_equal_to_plain(report: FunnelReport, index: int, plain: PlainCount, rule: Rule) -> None:
    found = report.rule(index)
    assert found.of_source == plain.of_source
    assert {name: n for name, n in found.fields.items() if n} == plain.fields
    assert found.fields_present == plain.fields_present
    assert {name: n for name, n in found.selections.items() if n} == plain.selections
    assert found.any_selection == plain.any_selection
    assert found.condition == plain.condition
    if found.unfiltered is None:
        assert not any(re.search(r"\bnot\b", one.text.lower()) for one in rule.conditions)
    else:
        assert found.unfiltered == plain.unfiltered
        assert {name: n for name, n in found.taken_by.items() if n} == plain.taken_by


@settings(max_examples=150, deadline=None)
@given(first=selections(), second=selections(), condition=conditions, data=st.lists(events, max_size=4))
def test_it_counts_what_the_plain_evaluator_counts_on_generated_rules(
    first: Any, second: Any, condition: str, data: list[dict[str, Any]], tmp_path_factory: Any
) -> None:
    detection = {"a": first, "b": second, "condition": condition}
    rules = rules_of(
        yaml.safe_dump({"title": "t", "logsource": {"product": "windows"}, "detection": detection})
    )
    if not rules:
        return  # refused with a reason; nothing to count
    log = tmp_path_factory.mktemp("generated") / "log.jsonl"
    log.write_text("".join(json.dumps(_event(kind, one)) + "\n" for kind in KINDS for one in data) or "{}\n")
    file = open_evidence(log)
    compiled = compile_rules(rules, MODEL)
    questions = Questions(compiled)
    report = FunnelReport(compiled, questions, funnel_of(Scanner(compiled, questions), [file]))
    plain = PlainFunnel(rules, MODEL)
    for chunk in range(file.chunk_count):
        for record in file.read_chunk(chunk).records:
            plain.see(record.event)
    assert_equal_to_plain(report, 0, plain.counts[0], rules[0])


def test_it_counts_what_the_plain_evaluator_counts_for_every_published_rule(
    shared_data: Path, tmp_path: Path
) -> None:
    """The sample: the first 3 events of every 40th file of the samples, as one log."""
    paths = sorted((shared_data / "sigmahq" / "rules" / "windows").rglob("*.yml"))
    rules = rules_of(*(path.read_text(encoding="utf-8") for path in paths))
    samples = sorted((shared_data / "evtx-attack-samples").rglob("*.evtx"))[::40]
    records = [record for path in samples for record in open_evidence(path).read_chunk(0).records[:3]]
    log = tmp_path / "sample.jsonl"
    log.write_bytes(b"".join(orjson.dumps(record.event, default=str) + b"\n" for record in records))
    compiled = compile_rules(rules, MODEL)
    questions = Questions(compiled)
    file = open_evidence(log)
    report = FunnelReport(compiled, questions, funnel_of(Scanner(compiled, questions), [file]))
    plain = PlainFunnel(rules, MODEL)
    for chunk in range(file.chunk_count):
        for record in file.read_chunk(chunk).records:
            plain.see(record.event)
    for index, rule in enumerate(rules):
        assert_equal_to_plain(report, index, plain.counts[index], rule)
    assert report.funnel.events == len(records) > 10
    assert sum(count.condition for count in plain.counts) > 0


def test_the_funnel_is_the_same_in_whatever_order_the_chunks_are_read(shared_data: Path) -> None:
    paths = sorted((shared_data / "sigmahq" / "rules" / "windows" / "process_creation").rglob("*.yml"))[::10]
    compiled = compile_rules(rules_of(*(path.read_text(encoding="utf-8") for path in paths)), MODEL)
    questions = Questions(compiled)
    files = [open_evidence(p) for p in sorted((shared_data / "evtx-attack-samples").rglob("*.evtx"))[::60]]
    forward, backward, apart = Scanner(compiled, questions), Scanner(compiled, questions), Funnel()
    whole = funnel_of(forward, files)
    for number, file in reversed(list(enumerate(files))):
        for chunk in reversed(range(file.chunk_count)):
            found = backward.scan_chunk(file, chunk, evidence=str(number)).funnel
            assert found is not None
            apart.add(Funnel.from_json(json.loads(json.dumps(found.to_json()))))  # as units keep it
    assert whole.events > 100
    assert json.dumps(apart.to_json()) == json.dumps(whole.to_json())


def test_a_debug_scan_gives_the_hits_of_a_plain_one(shared_data: Path) -> None:
    paths = sorted((shared_data / "sigmahq" / "rules" / "windows").rglob("*.yml"))[::2]
    compiled = compile_rules(rules_of(*(path.read_text(encoding="utf-8") for path in paths)), MODEL)
    plain, debug = Scanner(compiled), Scanner(compiled, Questions(compiled))
    hits = 0
    for path in sorted((shared_data / "evtx-attack-samples").rglob("*.evtx"))[::10]:
        file = open_evidence(path)
        for chunk in range(file.chunk_count):
            one, other = plain.scan_chunk(file, chunk), debug.scan_chunk(file, chunk)
            assert one.hits == other.hits
            assert one.funnel is None and other.funnel is not None
            assert other.funnel.events == other.events
            hits += len(one.hits)
    assert hits > 20
