"""The model report: which rules a model serves, and which log sources and fields it lacks for how many."""

from __future__ import annotations

import json
from pathlib import Path

from sigma_engine import AnyRule, Model, load_model, model_report, parse_model, parse_rules

MODEL = """\
name: Small
fields: {Shared: x=>x.EventData.S}
log_sources:
  - {logsource: process_creation/windows/*, channels: [Sysmon], event_ids: [1], event_data: [Image, Hashes]}
  - {logsource: process_creation/windows/*, channels: [Security], event_ids: [4688], event_data: [Image]}
  - {logsource: '*/windows/security', channels: [Security], event_data: [LogonId]}
  - {logsource: dns/windows/*, channels: [DNS]}
"""


def _model(text: str = MODEL) -> Model:
    model, findings = parse_model(text)
    assert model is not None, findings
    return model


def _rule(category: str, *fields: str) -> AnyRule:
    selection = "".join(f"    {field}: a\n" for field in fields)
    text = (
        f"title: T\nlogsource: {{category: {category}, product: windows}}\n"
        f"detection:\n  selection:\n{selection}  condition: selection\n"
    )
    [parsed] = parse_rules(text)
    assert parsed.rule is not None, parsed.findings
    return parsed.rule


def test_a_report_tells_served_rules_from_those_without_a_log_source() -> None:
    rules = [_rule("process_creation", "Image"), _rule("file_event", "Image"), _rule("file_event", "X")]
    report = model_report(_model(), rules)
    assert (report.rules, report.served, report.not_served) == (3, (0,), (1, 2))
    assert [(one.logsource, one.rules) for one in report.missing_sources] == [
        ("file_event/windows/*", (1, 2))
    ]


def test_a_field_that_no_source_of_its_rule_maps_is_missing_with_the_rules_that_want_it() -> None:
    rules = [_rule("process_creation", "Image", "Nowhere"), _rule("process_creation", "Nowhere", "Shared")]
    [missing] = model_report(_model(), rules).missing_fields
    assert (missing.field, missing.rules, missing.everywhere) == ("Nowhere", (0, 1), True)


def test_a_field_that_one_source_of_its_rule_maps_is_a_fallback_field_for_the_others() -> None:
    report = model_report(_model(), [_rule("process_creation", "Hashes")])
    assert report.missing_fields == ()
    [fallback] = report.fallback_fields
    assert (fallback.field, fallback.rules) == ("Hashes", (0,))


def test_a_mapping_of_another_source_for_the_same_events_counts() -> None:
    report = model_report(_model(), [_rule("process_creation", "LogonId")])
    assert [field.field for field in report.fallback_fields] == ["LogonId"]  # Security has it, Sysmon not
    assert report.missing_fields == ()


def test_what_wants_most_rules_comes_first_and_sources_that_serve_none_are_named() -> None:
    rules = [
        _rule("process_creation", "B"),
        _rule("process_creation", "A", "C"),
        _rule("process_creation", "C"),
    ]
    report = model_report(_model(), rules)
    assert [field.field for field in report.missing_fields] == ["C", "A", "B"]
    assert report.unused_sources == ("*/windows/security", "dns/windows/*")


def test_what_a_velociraptor_model_lists_as_bad_is_known_to_be_missing() -> None:
    text = (
        "Name: V\nBadFieldMappings: [Odd]\nBadSources: [file_event/windows/*]\nSources:\n"
        "  process_creation/windows/*:\n    query: SELECT * FROM parse_evtx(filename='/Sysmon.evtx')\n"
    )
    rules = [_rule("process_creation", "Odd"), _rule("file_event", "Image")]
    report = model_report(_model(text), rules)
    assert [(field.field, field.known) for field in report.missing_fields] == [("Odd", True)]
    assert [(source.logsource, source.known) for source in report.missing_sources] == [
        ("file_event/windows/*", True)
    ]


def test_a_report_is_plain_data_for_json() -> None:
    report = model_report(_model(), [_rule("process_creation", "Nowhere")])
    data = json.loads(json.dumps(report.to_dict()))
    assert data["missing_fields"][0]["field"] == "Nowhere"


def test_correlations_are_not_counted() -> None:
    text = "title: C\ncorrelation: {type: event_count, rules: [a], group-by: [X], timespan: 1m, condition: {gte: 2}}\n"
    [parsed] = parse_rules(text)
    assert parsed.rule is not None, parsed.findings
    assert model_report(_model(), [parsed.rule]).rules == 0


def test_every_log_source_of_sigmahqs_windows_rules_is_served_by_the_shipped_model(shared_data: Path) -> None:
    files = sorted((shared_data / "sigmahq" / "rules").glob("windows/**/*.yml"))
    rules = [one.rule for file in files for one in parse_rules(file.read_text("utf-8")) if one.rule]
    assert len(rules) > 2_000
    report = model_report(load_model("Windows event logs"), rules)
    assert report.missing_sources == ()
    assert len(report.served) == len(rules)
