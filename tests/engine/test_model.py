"""Models: which rules and events a log source takes, where a field is found, and what is wrong with a text."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sigma_engine.events import EventKey
from sigma_engine.findings import Scope, Severity
from sigma_engine.model import Model, ModelError, load_model, parse_model, shipped_models
from sigma_engine.rule import Logsource
from sigma_engine.values import ABSENT

TEXT = """\
name: Two logs
description: For the tests
tables:
  Words: {'1': one}
fields:
  Shared: x=>x.EventData.ModelWide
  EventID: x=>x.System.EventID.Value
log_sources:
  - logsource: '*/windows/*'
    channels: ['*']
    fields: {Shared: x=>x.EventData.FromAny}
  - logsource: process_creation/windows/*
    channels: [Sysmon/Operational]
    event_ids: [1]
    event_data: [Image, Category Name]
    fields:
      Word: x=>get(item=Words, field=x.EventData.Number)
  - logsource: process_creation/windows/*
    channels: [security]
    event_ids: [4688]
    fields: {Image: x=>x.EventData.NewProcessName}
  - logsource: '*/windows/security'
    channels: [Security]
    fields: {Image: x=>x.EventData.Other, Shared: x=>x.EventData.FromSecurity}
  - logsource: registry_set/windows/*
    channels: [Security]
    event_ids: [4657]
    where: x=>x.EventData.Kind = 'set'
  - logsource: '*/windows/worker'
    channels: [Hyper-V-Worker*]
  - logsource: ps_script/windows/powershell
    providers: [PowerShell]
  - logsource: webserver/linux/*
    files: ['access*.jsonl']
default_details:
  Some Provider/7: 'A: %A%'
  Other/8: x=>x.EventData.A
"""


@pytest.fixture(scope="module")
def model() -> Model:
    return _model(TEXT)


def _model(text: str) -> Model:
    found, findings = parse_model(text)
    assert found is not None, findings
    assert findings == []
    return found


@pytest.mark.parametrize(
    ("logsource", "lines"),
    [
        (Logsource("process_creation", "windows", None), [12, 18]),
        (Logsource("process_creation", None, None), [12, 18]),
        (Logsource("Process_Creation", "Windows", None), [12, 18]),
        (Logsource("process_creation", "windows", "security"), []),  # named, and the source has a star
        (Logsource("process_creation", "linux", None), []),
        (Logsource(None, "windows", "security"), [22]),
        (Logsource(None, "windows", None), [9, 12, 18, 22, 25, 29, 31]),
        (Logsource("ps_script", "windows", "powershell"), [31]),
        (Logsource("ps_script", "windows", None), [31]),
        (Logsource("proxy", None, None), []),
        (Logsource(None, None, "sysmon"), []),
    ],
    ids=str,
)
def test_a_source_serves_what_is_named_alike(model: Model, logsource: Logsource, lines: list[int]) -> None:
    assert [source.line for source in model.sources_for(logsource)] == lines


@pytest.mark.parametrize(
    ("key", "file_name", "names"),
    [
        (EventKey("Sysmon/Operational", 1, "Sysmon"), "", ["process_creation/windows/*", "*/windows/*"]),
        (EventKey("SYSMON/operational", 1, ""), "", ["process_creation/windows/*", "*/windows/*"]),
        (EventKey("Sysmon/Operational", 2, "Sysmon"), "", ["*/windows/*"]),
        (
            EventKey("Security", 4688, ""),
            "",
            ["process_creation/windows/*", "*/windows/security", "*/windows/*"],
        ),
        (EventKey("Security", 4657, ""), "", ["registry_set/windows/*", "*/windows/security", "*/windows/*"]),
        (EventKey("Hyper-V-Worker-Admin", 1, ""), "", ["*/windows/worker", "*/windows/*"]),
        (EventKey("Hyper-V", 1, ""), "", ["*/windows/*"]),
        (EventKey("", -1, "PowerShell"), "", ["ps_script/windows/powershell"]),
        (EventKey("", -1, "powershell 2"), "", []),
        (EventKey("", -1, ""), "/data/Access-2024.JSONL", ["webserver/linux/*"]),
        (EventKey("", -1, ""), "error.jsonl", []),
        (EventKey("", -1, ""), "", []),
    ],
    ids=str,
)
def test_events_go_to_sources_the_most_specific_first(
    model: Model, key: EventKey, file_name: str, names: list[str]
) -> None:
    assert [source.name for source in model.accepting(key, file_name)] == names
    assert [source.name for source in model.accepting(key, file_name)] == names  # and so when remembered


def test_where_is_a_lambda_that_the_model_does_not_ask(model: Model) -> None:
    source = model.accepting(EventKey("Security", 4657, ""), "")[0]
    assert source.where is not None
    assert source.wants({"EventData": {"Kind": "set"}})
    assert not source.wants({})


def test_a_where_that_reaches_a_bound_counts_as_no_and_is_counted() -> None:
    model = _model(
        "name: M\nlog_sources:\n  - logsource: a/b/c\n    where: \"x=>format(format='%5000s', args=1)\"\n"
    )
    assert not model.sources[0].wants({})
    assert model.sources[0].faults == 1


@pytest.mark.parametrize(
    ("key", "field", "text", "origin"),
    [
        (
            EventKey("Sysmon/Operational", 1, ""),
            "Image",
            "x=>x.EventData.Image",
            "process_creation/windows/*",
        ),
        (
            EventKey("Security", 4688, ""),
            "Image",
            "x=>x.EventData.NewProcessName",
            "process_creation/windows/*",
        ),
        (EventKey("Security", 4624, ""), "Image", "x=>x.EventData.Other", "*/windows/security"),
        (EventKey("Security", 4688, ""), "Shared", "x=>x.EventData.FromSecurity", "*/windows/security"),
        (EventKey("Sysmon/Operational", 1, ""), "Shared", "x=>x.EventData.FromAny", "*/windows/*"),
        (EventKey("", -1, "PowerShell"), "Shared", "x=>x.EventData.ModelWide", "model"),
        (EventKey("Security", 4688, ""), "CommandLine", "", "fallback"),
    ],
)
def test_the_most_specific_source_that_takes_the_event_maps_its_fields(
    model: Model, key: EventKey, field: str, text: str, origin: str
) -> None:
    found = model.mapping(field, model.accepting(key, ""))
    assert (found.text, found.origin) == (text, origin)


def test_a_plain_mapping_has_a_path_and_a_computed_one_has_none(model: Model) -> None:
    accepted = model.accepting(EventKey("Sysmon/Operational", 1, ""), "")
    assert model.mapping("Image", accepted).path == ("EventData", "Image")
    assert model.mapping("Category Name", accepted).path == ("EventData", "Category Name")
    assert model.mapping("Word", accepted).path is None
    assert model.mapping("Word", accepted).read({"EventData": {"Number": "1"}}) == "one"


EVENT: dict[str, Any] = {
    "System": {
        "Provider": {"Name": "Real provider"},
        "EventID": {"Value": 7},
        "Channel": "Real",
        "Computer": "HOST",
        "Execution": {"ProcessID": 4},
        "EventRecordID": 99,
    },
    "EventData": {
        "Image": "a.exe",
        "EventID": 1,
        "Channel": "Forged",
        "Computer": "FORGED",
        "Provider_Name": "Forged",
        "a.b": "literal",
        "List": ["p", "q"],
        "Nothing": None,
    },
    "UserData": {"Cleared": {"Who": "bob"}},
    "Root": "r",
}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("Root", "r"),
        ("Image", "a.exe"),
        ("image", ABSENT),  # names are case-sensitive
        ("Nothing", None),
        ("Who", "bob"),
        ("a.b", "literal"),
        ("EventData.Image", "a.exe"),
        ("EventData.List.1", "q"),
        ("EventData.List.2", ABSENT),
        ("System.Provider.Name", "Real provider"),
        ("Event.System.Provider_attributes.Name", "Real provider"),
        ("Execution_ProcessID", 4),
        ("EventRecordID", 99),
        ("Execution_Nothing", ABSENT),
        # What routes the event is never taken from EventData
        ("EventID", 7),
        ("Channel", "Real"),
        ("Computer", "HOST"),
        ("Provider_Name", "Real provider"),
        ("Absent", ABSENT),
    ],
)
def test_the_fallback_finds_a_field_where_events_have_it(field: str, value: Any) -> None:
    bare = _model("name: Bare")
    assert bare.mapping(field, ()).read(EVENT) == value


def test_the_fallback_reads_json_without_system_as_it_is() -> None:
    bare = _model("name: Bare")
    assert bare.mapping("EventID", ()).read({"EventID": 5}) == 5
    assert bare.mapping("process.name", ()).read({"process": {"name": "sh"}}) == "sh"


def test_a_mapping_that_reaches_a_bound_is_absent_counted_and_says_why() -> None:
    found = _model("name: M\nfields: {A: \"x=>format(format='%5000s', args=1)\"}").mapping("A", ())
    assert found.read({}) is ABSENT
    assert found.faults == 1
    assert "pads to at most" in found.fault({})


# Texts


@pytest.mark.parametrize(
    ("text", "code", "line", "column"),
    [
        ("", "model_empty", 1, 1),
        ("- a\n", "model_shape", 1, 1),
        ("description: x\n", "model_name", 1, 1),
        ("name: A\nfeilds: {}\n", "model_unknown_key", 2, 1),
        ("name: A\nfields: [a]\n", "model_shape", 2, 9),
        ("name: A\nfields:\n  B: x=>nope(a=1)\n", "model_lambda", 3, 9),
        ("name: A\nfields:\n  B: 'x=>nope(a=1)'\n", "model_lambda", 3, 10),
        ("name: A\nfields:\n  B: |\n\n    x=>x.A\n      || nope(a=1)\n", "model_lambda", 6, 10),
        ("name: A\nfields:\n  B: >\n    x=>x.A\n    || nope(a=1)\n", "model_lambda", 4, 5),
        ("name: A\nevent_data: ['']\n", "model_field", 2, 14),
        ("name: A\nfields:\n  B: |\n", "model_lambda", 3, 6),
        ("name: A\nfields:\n  B: 5\n", "model_lambda", 3, 6),
        ("name: A\nlog_sources:\n  - logsource: windows\n", "model_logsource", 3, 16),
        ("name: A\nlog_sources:\n  - channels: [B]\n", "model_logsource", 3, 5),
        ("name: A\nlog_sources:\n  - logsource: a/b/c\n    chanels: [B]\n", "model_unknown_key", 4, 5),
        ("name: A\nlog_sources:\n  - logsource: a/b/c\n    channels: [B*C]\n", "model_star", 4, 16),
        ("name: A\nlog_sources:\n  - logsource: a/b/c\n    channels: [5]\n", "model_text", 4, 16),
        ("name: A\nlog_sources:\n  - logsource: a/b/c\n    event_ids: [1, x]\n", "model_event_id", 4, 20),
        ("name: A\nlog_sources:\n  - logsource: a/b/c\n    event_ids: [-1]\n", "model_event_id", 4, 17),
        ("name: A\nlog_sources:\n  - logsource: a/b/c\n    where: x\n", "model_lambda", 4, 12),
        ("name: A\nevent_data: [B, B]\n", "model_field", 2, 17),
        ("name: A\nevent_data: [{B: C}]\n", "model_shape", 2, 14),
        ("name: A\ndefault_details: {B: C}\n", "model_details", 2, 19),
        ("name: A\ndefault_details: {B/1: [C]}\n", "model_details", 2, 24),
        ("name: A\ndefault_details: {B/1: x=>nope(a=1)}\n", "model_lambda", 2, 27),
        ("name: A\nextends: Nobody\n", "model_extends", 2, 10),
        ("name: A\nname: B\n", "yaml_duplicate_key", 2, 1),
    ],
)
def test_a_fault_is_a_finding_at_its_place(text: str, code: str, line: int, column: int) -> None:
    model, findings = parse_model(text)
    assert model is None
    assert [(f.code, f.line, f.column) for f in findings] == [(code, line, column)]
    assert findings[0].severity is Severity.ERROR


def test_all_faults_are_told_at_once_with_hints() -> None:
    _, findings = parse_model("fields:\n  A: x=>lowcase(strin=1)\n  B: x=>y\nlog_source: []\n")
    assert [f.code for f in findings] == ["model_unknown_key", "model_name", "model_lambda", "model_lambda"]
    assert findings[0].hint == "Did you mean `log_sources`?"
    assert findings[0].scope is Scope.MODEL


def test_a_field_named_twice_is_a_warning_and_the_lambda_counts() -> None:
    model, findings = parse_model("name: A\nevent_data: [B]\nfields: {B: x=>x.C}\n")
    assert model is not None
    assert [f.severity for f in findings] == [Severity.WARNING]
    assert model.fields["B"].text == "x=>x.C"


def test_default_details_are_templates_or_lambdas(model: Model) -> None:
    assert model.default_details["Some Provider/7"] == "A: %A%"
    assert not isinstance(model.default_details["Other/8"], str)


# Extending


def test_a_model_that_extends_comes_first_and_inherits_the_rest() -> None:
    child, findings = parse_model(
        "name: Mine\nextends: Two logs\nfields: {Shared: x=>x.Mine}\n"
        "log_sources:\n  - logsource: '*/windows/security'\n    channels: [Security]\n"
        "    fields: {Image: x=>x.EventData.Mine}\n",
        find={"Two logs": TEXT}.get,
    )
    assert child is not None, findings
    accepted = child.accepting(EventKey("Security", 4624, ""), "")
    assert [source.name for source in accepted] == ["*/windows/security", "*/windows/security", "*/windows/*"]
    assert child.mapping("Image", accepted).text == "x=>x.EventData.Mine"
    assert child.mapping("Shared", ()).text == "x=>x.Mine"
    assert child.mapping("EventID", ()).text == "x=>x.System.EventID.Value"
    assert child.default_details["Some Provider/7"] == "A: %A%"


def test_a_change_of_the_extended_model_changes_the_digest() -> None:
    text = "name: Mine\nextends: Two logs\n"
    before, _ = parse_model(text, find={"Two logs": TEXT}.get)
    after, _ = parse_model(text, find={"Two logs": TEXT + "# fixed\n"}.get)
    assert before is not None
    assert after is not None
    assert before.digest != after.digest


def test_models_that_extend_one_another_in_a_ring_are_refused() -> None:
    texts = {"A": "name: A\nextends: B\n", "B": "name: B\nextends: A\n"}
    model, findings = parse_model(texts["A"], find=texts.get)
    assert model is None
    assert "A -> B -> A" in findings[0].message


def test_a_broken_extended_model_is_told_by_name() -> None:
    model, findings = parse_model("name: A\nextends: B\n", find={"B": "name: B\nfields: {C: x}\n"}.get)
    assert model is None
    assert "The model `B` cannot be used" in findings[0].message


# Loading


def test_a_model_survives_pickling(model: Model) -> None:
    again: Model = pickle.loads(pickle.dumps(model))
    key = EventKey("Security", 4657, "")
    assert again.digest == model.digest
    assert [s.name for s in again.accepting(key, "")] == [s.name for s in model.accepting(key, "")]
    accepted = again.accepting(EventKey("Sysmon/Operational", 1, ""), "")
    assert again.mapping("Word", accepted).read({"EventData": {"Number": 1}}) == "one"
    assert again.sources_for(Logsource("process_creation"))[0] in accepted  # one and the same source


def test_a_model_is_loaded_by_name_or_by_path(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(TEXT, encoding="utf-8")
    assert load_model(str(path)).name == "Two logs"
    assert load_model("Windows event logs").name == "Windows event logs"
    assert "Windows event logs" in shipped_models()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "There is no model and no file"),
        (b"\xff\xfe\x00", "cannot be read"),
        (b"name: [", "line 1, column"),
    ],
)
def test_a_model_that_cannot_be_loaded_is_one_sentence(
    tmp_path: Path, content: bytes | None, message: str
) -> None:
    path = tmp_path / "mine.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ModelError, match=message):
        load_model(str(path))


WORDS = st.sampled_from(
    [
        "name",
        "extends",
        "tables",
        "fields",
        "log_sources",
        "event_data",
        "default_details",
        "logsource",
        "where",
    ]
)
LEAVES = st.one_of(st.none(), st.integers(), st.text(max_size=8), st.sampled_from(["x=>x.A", "a/b/c", "'*'"]))
TREES = st.recursive(
    LEAVES, lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(WORDS, inner, max_size=4))
)


@settings(max_examples=300, deadline=None)
@given(TREES)
def test_any_data_gives_a_model_or_findings(tree: Any) -> None:
    import json

    model, findings = parse_model(json.dumps(tree))
    assert (model is None) == any(finding.severity is Severity.ERROR for finding in findings)
    for finding in findings:
        assert finding.message
        assert finding.line >= 1


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=80))
def test_any_text_gives_a_model_or_findings(text: str) -> None:
    model, findings = parse_model(text)
    assert (model is None) == any(finding.severity is Severity.ERROR for finding in findings)
