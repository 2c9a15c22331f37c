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
    parse_model,
    parse_rules,
    why_silent_rule,
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


FAILING = """\
name: failing
log_sources:
  - logsource: "*/windows/test"
    channels: [Test]
    fields:
      Long: "x=>if(condition=x.EventData.Text =~ 'x', then=format(format='%5000s', args=1), else=x.EventData.Text)"
"""


def test_a_lambda_that_reaches_its_bound_is_counted_on_its_events(tmp_path: Path) -> None:
    model = parse_model(FAILING)[0]
    assert model is not None
    rules = rules_of(
        "title: t\nlogsource: {product: windows, service: test}\n"
        "detection: {selection: {Long|contains: never}, condition: selection}\n"
    )
    compiled = compile_rules(rules, model)
    questions = Questions(compiled)
    log = tmp_path / "log.jsonl"
    texts = ["a", "x", "b", "xx"]
    events = (
        {"System": {"Channel": "Test", "EventID": {"Value": 1}}, "EventData": {"Text": t}} for t in texts
    )
    log.write_text("".join(json.dumps(event) + "\n" for event in events))
    report = FunnelReport(compiled, questions, funnel_of(Scanner(compiled, questions), [open_evidence(log)]))
    [failed] = report.failed_lambdas()
    assert (failed.source, failed.field, failed.events, failed.first.position) == (
        "*/windows/test",
        "Long",
        2,
        1,
    )
    assert report.rule(0).fields == {"Long": 2}


def test_what_only_case_or_an_escape_keeps_out_is_counted_over_the_whole_log(tmp_path: Path) -> None:
    head = "title: t\nlogsource: {product: windows}\ndetection:\n  "
    rules = rules_of(
        head + "{selection: {Name|cased: Invoice, F: x}, condition: selection}\n",
        head + "{selection: {Path: 'C:\\Temp\\*'}, condition: selection}\n",
        head + "{selection: {Size: '16', EventID: 1}, condition: selection}\n",
    )
    data = [
        {"Name": "INVOICE", "F": "x", "Path": "C:\\Temp\\a.exe", "Size": "0x10"},
        {"Name": "INVOICE", "F": "y", "Path": "C:\\Other\\a.exe", "Size": "0x11"},
    ]
    kind = ("Application", "Anything", 1)
    log = tmp_path / "log.jsonl"
    log.write_text("".join(json.dumps(_event(kind, one)) + "\n" for one in data))
    compiled = compile_rules(rules, MODEL)
    questions = Questions(compiled)
    report = FunnelReport(compiled, questions, funnel_of(Scanner(compiled, questions), [open_evidence(log)]))
    causes = [why_silent_rule(report, report.rule(index)) for index in range(3)]
    assert [cause.code for cause in causes] == ["case", "escape", "type"]
    assert all("It would match 1 event" in cause.sentence for cause in causes)
    assert "Size: 16" in causes[2].sentence  # not EventID, which is a number too and was never in the way
