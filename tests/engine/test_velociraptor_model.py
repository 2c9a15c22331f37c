"""Velociraptor's model files: what a log source's query takes, tables, details, and what cannot be said."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sigma_engine import (
    Finding,
    Model,
    Scanner,
    Severity,
    Source,
    compile_rules,
    explain,
    load_model,
    open_evidence,
    parse_model,
    parse_rules,
    render_details,
)
from sigma_engine.vql_query import over_event, read_lets, read_select, split_at

TEXT = """\
Name: Test.Model
ImportConfigs: [config/words.yaml]
Description: For the tests
ExportTemplate: |
  export: |
    -- A table, and what is none
    LET Levels <= dict(`%%1`='low', `%%2`='high')
    LET Year <= timestamp(epoch=now()).Year
    LET Lines(Filter, ROOT) = SELECT OSPath.Basename AS Channel, Line FROM foreach(
       row={SELECT OSPath FROM glob(globs="*", root=ROOT) WHERE OSPath.Basename =~ Filter},
       query={SELECT OSPath, Line FROM parse_lines(filename=OSPath)})  -- lines of logs
    {{ if .LogSources }}
    LET LogSources <= sigma_log_sources({{ range .LogSources }} )
    LET Traced = generate(name="T", query={
       SELECT *, EventData + dict(Proc=process(id=System.Pid)) AS EventData
       FROM watch_ebpf(events=["exec", 'open'])
    })
FieldMappings:
  Level: x=>get(item=Levels, member=x.EventData.Level)
  Image: "x=>x.EventData.Image"
  Image: "x=>x.EventData.Path"
  Year: x=>Year + 1
  Digest: >
    x=>hash(path=x.EventData.Image)
  Block: |
    x=>x.A +
      who(name=1)
  "": x=>serialize(item=x)
DefaultDetails:
  Query: |
    x=>get(item=DefaultDetails, member=format(format="%v/%v", args=[x.System.Provider.Name,
       x.System.EventID.Value])) || x.Message || x.EventData
  Lookup:
    P/1: "Image: %Image%"
BadFieldMappings:
- Odd
BadSources:
- "*/windows/odd"
Sources:
  '*/windows/one':
    query: |
      SELECT timestamp(epoch=System.TimeCreated.SystemTime) AS Timestamp, *
      FROM parse_evtx(filename=ROOT + "/Log%4One.evtx")
      WHERE Timestamp >= DateAfterTime AND Timestamp <= DateBeforeTime
    channel: [Log/Other]
  two/windows/*:
    query: |
      SELECT * FROM watch_evtx(accessor='file', filename=[ROOT + "/A.evtx", ROOT + "/B%4C/D",])
      WHERE Timestamp <= DateBeforeTime AND System.EventID.Value IN (1, 2) OR System.EventID.Value = 3
  mixed/windows/*:
    query: |
      SELECT * FROM parse_evtx(filename="A.evtx")
      WHERE System.EventID.Value = 1 OR EventData.Kind = 'x' AND NOT System.Level = 4
  computed/windows/*:
    query: |
      SELECT *, EventData + dict(Path=EventData.Data[2], Live=pslist(), Level=1) AS EventData
      FROM parse_evtx(filename=ROOT + "/Computed.evtx")
  trace/windows/*:
    query: |
      SELECT System + dict(Channel="Trace", Computer=Host) AS System FROM delay(query={
        SELECT * FROM watch_etw(guid='{00000000-0000-0000-0000-000000000000}', description="Trace")}, delay=1)
  exec/linux/*:
    query: SELECT * FROM Traced WHERE System.EventName = "exec"
  '*/linux/auth':
    query: SELECT * FROM Lines(ROOT=ROOT, Filter="auth.log|secure") WHERE Line =~ "sshd"
  services/windows/*:
    query: |
      SELECT dict(Channel='Velociraptor') AS System, *, PathName AS CommandLine FROM Artifact.Windows.Services(a=1)
  list/windows/*:
    query: |
      SELECT dict(Channel='Velociraptor') AS System, dict(Image=Exe, Pid=Pid) AS EventData
      FROM process_tracker_pslist()
  empty/windows/*:
    query:
  live/windows/*:
    query: |
      SELECT * FROM netstat()
  listed/windows/*:
    channel: [Listed]
    query: SELECT * FROM modules()
"""


@pytest.fixture(scope="module")
def parsed() -> tuple[Model, list[Finding]]:
    model, findings = parse_model(TEXT)
    assert model is not None, findings
    return model, findings


def _sources(model: Model, name: str) -> list[Source]:
    return [source for source in model.sources if source.name == name]


def _facts(source: Source) -> tuple[Any, ...]:
    return source.channels, source.event_ids, source.files, source.where.text if source.where else ""


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("*/windows/one", [(("Log/One",), (), (), "")]),
        ("two/windows/*", [(("A", "B/C/D"), (1, 2, 3), (), "")]),
        (
            "mixed/windows/*",
            [
                (
                    ("A",),
                    (),
                    (),
                    "x=>((x.System.EventID.Value IN [1] OR x.EventData.Kind = 'x' AND NOT x.System.Level = 4))",
                )
            ],
        ),
        ("trace/windows/*", [(("Trace",), (), (), "")]),
        (
            "exec/linux/*",
            [((), (), (), 'x=>x.System.EventName IN ["exec", \'open\'] AND x.System.EventName = "exec"')],
        ),
        (
            "*/linux/auth",
            [
                ((), (), (), 'x=>x.Channel =~ "auth.log|secure" AND x.Line AND x.Line =~ "sshd"'),
                ((), (), ("*auth.log*", "*secure*"), 'x=>x.Line AND x.Line =~ "sshd"'),
            ],
        ),
        ("services/windows/*", [((), (), ("Windows.Services*",), "")]),
        (
            "list/windows/*",
            [(("Velociraptor",), (), (), "x=>'Image' IN x.EventData AND 'Pid' IN x.EventData")],
        ),
        ("empty/windows/*", [((), (), (), "x=>FALSE")]),
        ("live/windows/*", [((), (), (), "x=>FALSE")]),
        ("listed/windows/*", [(("Listed",), (), (), "")]),
    ],
)
def test_a_log_source_takes_what_its_query_selects(
    name: str, expected: list[Any], parsed: tuple[Model, list[Finding]]
) -> None:
    assert [_facts(source) for source in _sources(parsed[0], name)] == expected


def test_a_query_is_kept_as_text(parsed: tuple[Model, list[Finding]]) -> None:
    [source] = _sources(parsed[0], "live/windows/*")
    assert source.query == "SELECT * FROM netstat()\n"


def test_what_cannot_be_said_is_a_warning_at_its_place_and_names_it(
    parsed: tuple[Model, list[Finding]],
) -> None:
    lines = TEXT.splitlines()
    found = {}
    for finding in parsed[1]:
        assert finding.severity is not Severity.ERROR
        found[lines[finding.line - 1][finding.column - 1 :][:12]] = finding
    assert {start: finding.code for start, finding in found.items()} == {
        'Image: "x=>x': "yaml_duplicate_key",
        "Year + 1": "velociraptor_lambda",
        "x=>hash(path": "velociraptor_lambda",
        "who(name=1)": "velociraptor_lambda",
        "x=>serialize": "velociraptor_keywords",
        "|": "velociraptor_query",
        "": "velociraptor_query",
        "SELECT * FRO": "velociraptor_query",
        "config/words": "model_import",
    }
    assert "`hash()`" in found["x=>hash(path"].message
    assert "`who()`" in found["who(name=1)"].message
    assert "`live/windows/*`" in found["|"].message and "`netstat()`" in found["|"].message


def test_a_field_that_stands_twice_means_the_last_as_in_velociraptor(
    parsed: tuple[Model, list[Finding]],
) -> None:
    assert parsed[0].fields["Image"].text == "x=>x.EventData.Path"


def test_a_constant_of_the_template_is_a_table(parsed: tuple[Model, list[Finding]]) -> None:
    assert parsed[0].fields["Level"].read({"EventData": {"Level": "%%2"}}) == "high"


def test_a_field_that_the_query_computes_is_mapped_for_its_events_alone(
    parsed: tuple[Model, list[Finding]],
) -> None:
    model = parsed[0]
    [computed] = _sources(model, "computed/windows/*")
    assert computed.fields.keys() == {
        "Path"
    }  # `Live` cannot be said, `Level` has a mapping that is no plain path
    event = {"EventData": {"Data": ["a", "b", "c"]}}
    assert model.mapping("Path", (computed,)).read(event) == "c"
    assert model.mapping("Path", ()).origin == "fallback"


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ({"Provider": {"Name": "P"}, "EventID": {"Value": 1}}, "Image: /bin/x"),
        ({"Provider": {"Name": "P"}, "EventID": {"Value": 2}}, "Path: /bin/x ¦ N: 1"),
    ],
)
def test_default_details_are_looked_up_by_the_query(
    event: dict[str, Any], expected: str, parsed: tuple[Model, list[Finding]]
) -> None:
    whole = {"System": event, "EventData": {"Path": "/bin/x", "N": 1}}
    assert render_details("", parsed[0], (), whole) == expected


def test_a_model_of_ours_extends_one_of_velociraptor() -> None:
    text = "name: Mine\nextends: Test.Model\ndefault_details: {P/2: 'Two: %Image%'}\nlog_sources: []\n"
    model, findings = parse_model(text, {"Test.Model": TEXT}.get)
    assert model is not None, findings
    event = {"System": {"Provider": {"Name": "P"}, "EventID": {"Value": 2}}, "EventData": {"Path": "b"}}
    assert render_details("", model, (), event) == "Two: b"
    event["System"]["EventID"]["Value"] = 1
    assert render_details("", model, (), event) == "Image: b"
    assert (model.bad_fields, model.bad_sources) == ({"Odd"}, {"*/windows/odd"})
    assert len(model.sources) == len(parse_model(TEXT)[0].sources)  # type: ignore[union-attr]


def test_a_rule_is_not_served_by_a_source_that_takes_no_event(parsed: tuple[Model, list[Finding]]) -> None:
    rule = parse_rules(
        "title: T\nlogsource: {category: live, product: windows}\n"
        "detection: {selection: {Image: a}, condition: selection}\n"
    )[0].rule
    assert rule is not None
    [left_out] = compile_rules([rule], parsed[0]).left_out
    assert [finding.code for finding in left_out.findings] == ["logsource_not_served"]


def test_a_model_survives_pickling(parsed: tuple[Model, list[Finding]]) -> None:
    copy = pickle.loads(pickle.dumps(parsed[0]))
    assert [_facts(source) for source in copy.sources] == [_facts(source) for source in parsed[0].sources]
    assert copy.fields["Level"].read({"EventData": {"Level": "%%1"}}) == "low"


VQL = st.lists(
    st.sampled_from(
        [
            *(
                "SELECT ",
                " FROM ",
                " WHERE ",
                " AND ",
                " OR ",
                "*",
                "(",
                ")",
                "{",
                "}",
                ",",
                "=",
                "'a'",
                '"b"',
            ),
            *(
                "dict(",
                "foreach(row={",
                "parse_evtx(filename=",
                " AS EventData",
                "Traced",
                "Loop",
                "x.y",
                "\n",
                "'",
            ),
            *(
                "System.EventID.Value = 1",
                "--c\n",
                "watch_etw(description='p')",
                "Artifact.A.B()",
                "glob()",
                "`",
            ),
        ]
    ),
    max_size=14,
)


@settings(max_examples=400, deadline=None)
@given(VQL)
@example(["SELECT ", "*", " FROM ", "Loop"])
def test_any_query_gives_sources_or_a_finding(parts: list[str]) -> None:
    query = "".join(parts)
    lets = "LET Loop = SELECT * FROM Loop\nLET Traced = generate(query={SELECT 1})\n"
    text = yaml.safe_dump({"Name": "T", "ExportTemplate": lets, "Sources": {"a/b/c": {"query": query}}})
    model, findings = parse_model(text)
    assert model is not None, findings
    assert model.sources
    for source in model.sources:
        source.wants({"System": {}})


def test_the_parts_of_a_query_are_those_outside_brackets_texts_and_comments() -> None:
    select = read_select(
        "SELECT a AS b, f(x={SELECT 1 FROM y}) -- FROM no\n FROM p(q=' WHERE ') WHERE a = 1 LIMIT 5"
    )
    assert select is not None
    assert [(column.expression, column.name) for column in select.columns] == [
        ("a", "b"),
        ("f(x={SELECT 1 FROM y}) -- FROM no", ""),
    ]
    assert (select.origin, select.where) == ("p(q=' WHERE ')", "a = 1")


def test_columns_become_members_of_the_event_and_names_of_functions_and_arguments_do_not() -> None:
    text = "get(item=Table, field=System.ID) = Filter AND NOT Line =~ 'System'"
    assert over_event(text, {"Table"}, {"Filter": "'f'"}) == (
        "get(item=Table, field=x.System.ID) = 'f' AND NOT x.Line =~ 'System'"
    )


def test_definitions_end_where_the_next_one_or_a_template_begins() -> None:
    lets = read_lets("export: |\n  LET A(P, Q) = p + q\n  LET B <= 1\n  {{ if }}\n  x\n")
    assert [(let.name, let.parameters, let.body) for let in lets.values()] == [
        ("A", ("P", "Q"), "p + q"),
        ("B", (), "1"),
    ]


def test_splitting_heeds_brackets() -> None:
    assert split_at("a, f(b, c), [d, e]", (",",)) == ["a", "f(b, c)", "[d, e]"]


# Other people's files

BASES = {
    "linux_base": (18, 22, 1),
    "linux_ebpf_base": (4, 9, 6),
    "windows_base": (46, 409, 9),
    "windows_base_events": (46, 394, 8),
    "windows_base_vql": (17, 6, 4),
    "windows_etw_base": (8, 11, 0),
}


def test_every_published_model_file_imports(shared_data: Path) -> None:
    files = sorted((shared_data / "velosigmac").glob("*.yaml"))
    assert len(files) == 23
    for file in files:
        model = load_model(str(file))  # with what it imports
        assert model.sources or file.stem == "base_doc"
        alone, findings = parse_model(file.read_text(encoding="utf-8"))
        assert alone is not None, findings


@pytest.mark.parametrize(("stem", "expected"), BASES.items(), ids=BASES)
def test_a_published_base_has_its_sources_fields_and_warnings(
    stem: str, expected: tuple[int, int, int], shared_data: Path
) -> None:
    model, findings = parse_model((shared_data / "velosigmac" / f"{stem}.yaml").read_text(encoding="utf-8"))
    assert model is not None
    warnings = [finding for finding in findings if finding.severity is Severity.WARNING]
    assert (len(model.sources), len(model.fields), len(warnings)) == expected
    assert model.details_query is not None


SAMPLES = [
    *(
        (f"Linux-EBPF-{name}", "linux_ebpf_base", "{category: ebpf, product: linux}", {"EventName": event})
        for name, event in {
            **{n: n for n in ("bpf_attach", "kill", "mount", "sched_process_exec", "security_file_open")},
            **{n: n for n in ("security_inode_unlink", "security_socket_bind", "security_socket_connect")},
            "chown": "fchownat",
            "module_free": "module_load",
        }.items()
    ),
    *(
        (f"Windows-Kernel-File-Sample{name}", "windows_etw_base", _etw, {"EventType": event})
        for _etw in ["{category: etw, product: windows, service: file}"]
        for name, event in {
            "-CreateNewFile": "CreateNewFile",
            "-FileOpen": "FileOpen",
            "-NameCreate": "NameCreate",
            "": "FileOpen",
        }.items()
    ),
    *(
        (f"Windows-Kernel-Registry-Sample-{name}", "windows_etw_base", _etw, {"EventType": name})
        for _etw in ["{category: etw, product: windows, service: registry}"]
        for name in ("CreateKey", "DeleteKey", "DeleteValueKey", "OpenKey", "SetValueKey")
    ),
    *(
        (f"Windows-Kernel-Logger-{name}", "windows_etw_base", _etw, {"EventType": name})
        for _etw in ["{category: etw, product: windows, service: kernel}"]
        for name in (
            *(
                "CloseFile",
                "CreateFile",
                "CreateProcess",
                "ReadFile",
                "RecvTCPv4",
                "RegCloseKey",
                "RegCreateKey",
            ),
            *("RegOpenKey", "RegQueryValue", "ReleaseFile", "SendTCPv4", "WriteFile"),
        )
    ),
    (
        "bits_client",
        "windows_base",
        "{product: windows, service: bits-client}",
        {"jobTitle|startswith": "Chrome", "processPath|endswith": "\\chrome.exe", "EventID": 3},
    ),
    (
        "Linux-EBPF-security_socket_connect",
        "linux_ebpf_base",
        "{category: network_connection, product: linux}",
        {
            "DestinationPort": 22,
            "DestinationIp|cidr": "192.168.0.0/16",
            "Image|endswith": "/ssh",
            "Initiated": "true",
        },
    ),
    (
        "Linux-EBPF-sched_process_exec",
        "linux_ebpf_base",
        "{category: process_creation, product: linux}",
        {"CommandLine": "localhost"},
    ),
    (
        "Windows-Kernel-Logger-CreateFile",
        "windows_etw_base",
        "{category: etw, product: windows, service: kernel}",
        {"FileName|endswith": "\\System32\\psapi.dll", "ProcessName": "MsMpEng.exe"},
    ),
]


def _hits(model: Model, logsource: str, selection: dict[str, Any], file: Path) -> list[tuple[bool, int]]:
    """For each event, the plain verdict, and how often the scan of the file hits in all."""
    tests = "".join(f"    {field}: {value!r}\n" for field, value in selection.items())
    text = f"title: T\nlogsource: {logsource}\ndetection:\n  selection:\n{tests}  condition: selection\n"
    [parsed] = parse_rules(text)
    assert parsed.rule is not None, parsed.findings
    found = Scanner(compile_rules([parsed.rule], model)).scan_chunk(open_evidence(file), 0, file.name)
    assert all(hit.facts.time for hit in found.hits)
    events = [record.event for record in found.read.records]
    return [
        (explain(parsed.rule, model, event, file.name).plain_verdict, len(found.hits)) for event in events
    ]


@pytest.mark.parametrize(
    ("sample", "stem", "logsource", "selection"), SAMPLES, ids=lambda value: str(value)[:40]
)
def test_a_published_sample_is_matched_through_the_log_source_of_its_model(
    sample: str, stem: str, logsource: str, selection: dict[str, Any], shared_data: Path
) -> None:
    folder = shared_data / "velosigmac"
    model = load_model(str(folder / f"{stem}.yaml"))
    file = folder / "samples" / f"{sample}.json"
    assert _hits(model, logsource, selection, file) == [(True, 1)]
    first = next(iter(selection))
    assert _hits(model, logsource, {first: "something else"}, file) == [(False, 0)]


def test_every_published_sample_is_tested(shared_data: Path) -> None:
    files = {file.stem for file in (shared_data / "velosigmac" / "samples").glob("*.json")}
    assert files == {sample for sample, *_ in SAMPLES}


@pytest.mark.parametrize(
    ("stem", "logsource", "name", "line", "selection"),
    [
        (
            "linux_base",
            "{product: linux, service: sshd}",
            "auth.log.jsonl",
            '{"Line": "Oct 1 sshd[1]: Failed password for root"}',
            {"|contains": "Failed password"},
        ),
        (
            "linux_base",
            "{product: linux, service: auditd}",
            "collected.json",
            '{"Channel": "audit.log", "Type": "execve", "Process": {"args": ["cat", "/etc/shadow"]}}',
            {"type": "EXECVE", "a1|endswith": "/shadow"},
        ),
        (
            "windows_base_vql",
            "{category: process_creation, product: windows}",
            "Windows.Attack.Prefetch.json",
            '{"Name": "MIMIKATZ.EXE-1234.pf", "modified": "2025-01-01T00:00:00Z", "ModTime": "x"}',
            {"Image": "mimikatz.exe"},
        ),
        (
            "windows_base_vql",
            "{category: forensics, product: windows, service: usn}",
            "captured.json",
            '{"System": {"Channel": "Velociraptor"}, "EventData": {"OSPath": "C:\\\\a.exe", "FileName": "a.exe",'
            ' "Reason": ["CREATE"], "MFTId": 1, "ParentMFTId": 2}}',
            {"OSPath|endswith": "\\a.exe"},
        ),
    ],
)
def test_json_that_velociraptor_collects_is_matched_by_file_name_or_by_its_shape(
    stem: str,
    logsource: str,
    name: str,
    line: str,
    selection: dict[str, Any],
    shared_data: Path,
    tmp_path: Path,
) -> None:
    model = load_model(str(shared_data / "velosigmac" / f"{stem}.yaml"))
    (tmp_path / name).write_text(line + "\n", encoding="utf-8")
    tests = "".join(f"    {field!r}: {value!r}\n" for field, value in selection.items())
    text = f"title: T\nlogsource: {logsource}\ndetection:\n  selection:\n{tests}  condition: selection\n"
    [parsed] = parse_rules(text)
    assert parsed.rule is not None, parsed.findings
    evidence = open_evidence(tmp_path / name)
    found = Scanner(compile_rules([parsed.rule], model)).scan_chunk(evidence, 0, name)
    [record] = found.read.records
    assert len(found.hits) == 1
    assert explain(parsed.rule, model, record.event, name).plain_verdict
    assert not explain(parsed.rule, model, {"Other": 1}, "other.json").tried


@pytest.mark.parametrize(
    "template",
    [
        "LET A = SELECT * FROM A\n",
        "LET A = A\n",
        "LET A = SELECT * FROM foreach(row={SELECT * FROM A}, query={SELECT * FROM A})\n",
        "LET B(p) = SELECT * FROM parse_evtx(filename=p)\nLET A = SELECT * FROM B(p=p+p)\n",
    ],
)
def test_a_definition_by_itself_is_a_warning_for_each_source(template: str) -> None:
    sources = {f"a/b/{n}": {"query": "SELECT * FROM A"} for n in range(300)}
    model, findings = parse_model(
        yaml.safe_dump({"Name": "T", "ExportTemplate": template, "Sources": sources})
    )
    assert model is not None
    assert all(source.takes_nothing for source in model.sources)
    assert len(findings) == len(model.sources) == 300


def test_definitions_beyond_the_limit_are_told() -> None:
    template = "".join(f"LET C{n} <= {n}\n" for n in range(501))
    fields = {"First": "x=>C0", "Last": "x=>C499", "Beyond": "x=>C500"}
    model, findings = parse_model(
        yaml.safe_dump({"Name": "T", "ExportTemplate": template, "FieldMappings": fields})
    )
    assert model is not None
    assert sorted(finding.code for finding in findings) == ["velociraptor_lambda", "velociraptor_template"]
    assert model.fields["Last"].read({}) == 499


def test_constants_are_bounded_together() -> None:
    wide = f"format(format='{'%1000s' * 400}', args=[{'1, ' * 399}1])"
    template = "".join(f"LET C{n} <= {wide}\n" for n in range(3))
    fields = {name: f"x=>len(list={name})" for name in ("C0", "C1", "C2")}
    model, findings = parse_model(
        yaml.safe_dump({"Name": "T", "ExportTemplate": template, "FieldMappings": fields})
    )
    assert model is not None
    assert model.fields.keys() == {"C0", "C1"}
    assert "`C2`" in findings[0].message


def test_models_that_import_one_another_end() -> None:
    text = yaml.safe_dump({"Name": "Other", "ImportConfigs": [f"n{n}" for n in range(20)]})
    model, findings = parse_model(text, lambda name: text)
    assert model is not None
    assert any("belong to this one" in finding.message for finding in findings)


def test_a_file_without_sources_and_fields_says_so() -> None:
    [finding] = parse_model("DocTemplate: text\n")[1]
    assert (finding.code, finding.severity) == ("velociraptor_empty", Severity.WARNING)


def test_an_event_log_has_the_timestamp_that_its_query_computes(shared_data: Path) -> None:
    model = load_model(str(shared_data / "velosigmac" / "windows_base.yaml"))
    [source] = _sources(model, "*/windows/windefend")
    event = {"System": {"TimeCreated": {"SystemTime": 1_700_000_000.5}}}
    assert model.mapping("Timestamp", (source,)).read(event) == "2023-11-14T22:13:20.500000Z"
