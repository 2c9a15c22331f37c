"""Drafts from events: the log source, the fields and what they agree on, and that a draft hits what it is made from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sigma_engine import Scanner, Severity, compile_rules, load_model, open_evidence, parse_rules
from sigma_engine.drafting import Draft, DraftField, draft
from sigma_engine.rule_writer import DraftClause, RuleHead, write_rule

SYSMON = "Microsoft-Windows-Sysmon"
MODEL = load_model("Windows event logs")
UID = "7f3d5a0e-0000-4000-8000-000000000001"


def event(data: dict[str, Any], event_id: int = 1, channel: str = f"{SYSMON}/Operational") -> dict[str, Any]:
    provider = SYSMON if SYSMON in channel else "Microsoft-Windows-Security-Auditing"
    system = {"Provider": {"Name": provider}, "EventID": {"Value": event_id}, "Channel": channel}
    return {"System": system, "EventData": data}


def drafted(*events: dict[str, Any]) -> Draft:
    return draft(events, ["log.evtx"] * len(events), MODEL)


def field(made: Draft, name: str) -> DraftField:
    return next(one for one in made.fields if one.name == name)


def text_of(made: Draft, clauses: list[DraftClause], which: int = 0) -> str:
    chosen = made.logsources[which]
    parts = (chosen.category, chosen.product, chosen.service)
    return write_rule(RuleHead("Drafted", UID, "somebody", "2026-11-24", parts), clauses)


def hits(text: str, events: list[dict[str, Any]]) -> list[bool]:
    parsed = parse_rules(text)[0]
    assert parsed.rule is not None, (text, parsed.findings)
    assert not [one for one in parsed.findings if one.severity is Severity.ERROR], text
    scanner = Scanner(compile_rules([parsed.rule], MODEL))
    return [bool(scanner.match(one, "log.evtx")) for one in events]


def test_the_log_source_is_the_most_specific_that_takes_all_events() -> None:
    sysmon, security = event({"Image": "a"}), event({"NewProcessName": "a"}, 4688, "Security")
    assert str(drafted(sysmon).logsources[0]) == "process_creation/windows/*"
    assert str(drafted(sysmon, security).logsources[0]) == "process_creation/windows/*"
    assert str(drafted(event({}, 4624, "Security")).logsources[0]) == "*/windows/security"
    mixed = drafted(sysmon, event({}, 4624, "Security"))
    assert all(one.category is None for one in mixed.logsources)


def test_fields_have_the_names_that_the_model_gives_them() -> None:
    made = drafted(event({"NewProcessName": "C:\\Windows\\System32\\whoami.exe"}, 4688, "Security"))
    assert field(made, "Image").choices[0].values == ("\\whoami.exe",)
    assert "NewProcessName" not in [one.name for one in made.fields]


def test_a_field_says_how_many_events_share_its_value_without_case() -> None:
    made = drafted(*(event({"User": name}) for name in ("bob", "BOB", "eve")), event({}))
    assert (field(made, "User").same, field(made, "User").having, made.events) == (2, 3, 4)


@pytest.mark.parametrize(
    ("values", "choices"),
    [
        (["C:\\A\\x.exe"], [("endswith", "\\x.exe"), ("", "C:\\A\\x.exe"), ("startswith", "C:\\A\\")]),
        (
            ["C:\\A\\bin\\x.exe", "D:\\B\\bin\\X.EXE"],
            [("endswith", "\\x.exe"), ("endswith", "\\bin\\x.exe")],
        ),
        (["net user bob /add", "net user eve /add"], [("endswith", " /add"), ("startswith", "net user ")]),
        (["one -enc AAAA", "two -enc BBBB"], [("contains", "-enc")]),
        (["whoami /all"], [("", "whoami /all"), ("contains", " /all")]),
    ],
)
def test_what_texts_share_is_offered(values: list[str], choices: list[tuple[str, str]]) -> None:
    made = field(drafted(*(event({"CommandLine": value}) for value in values)), "CommandLine")
    offered = [(one.modifier, one.values[0]) for one in made.choices]
    assert [one for one in offered if one in choices] == choices


def test_fields_that_always_differ_are_not_taken() -> None:
    data = {
        "Image": "C:\\x.exe",
        "ProcessGuid": "{00000000-0000-0000-0000-000000000001}",
        "ProcessId": 4,
        "UtcTime": "2026-11-24 10:00:00.000",
        "LogonId": "0x3e7",
        "SourcePort": 49152,
        "Odd": "0F0F0F0F-0000-0000-0000-000000000002",
    }
    made = drafted(event(data))
    assert [one.name for one in made.fields if one.is_ticked] == ["Image"]
    assert {one.name for one in made.fields if one.is_volatile} == set(data) - {"Image"}


def test_the_event_id_is_taken_where_the_log_source_has_many() -> None:
    made = drafted(event({"LogonType": 10}, 4624, "Security"))
    assert [one.name for one in made.fields if one.is_ticked] == ["EventID", "LogonType"]
    assert not field(drafted(event({"Image": "C:\\x.exe"})), "EventID").is_ticked


def test_a_long_value_is_asked_for_by_its_start() -> None:
    made = drafted(event({"ScriptBlockText": "x" * 5_000}))
    assert [(one.modifier, len(one.values[0])) for one in field(made, "ScriptBlockText").choices] == [
        ("startswith", 200)
    ]


def test_an_event_without_a_field_is_hit_all_the_same() -> None:
    events = [event({"User": "bob"}), event({})]
    made = drafted(*events)
    assert hits(text_of(made, [field(made, "User").clause()]), events) == [True, True]


def test_a_draft_reads_as_rules_are_written() -> None:
    made = drafted(event({"Image": "C:\\Tools\\it's.exe", "User": "a*b", "LogonType": 3}))
    text = text_of(made, [field(made, name).clause() for name in ("Image", "User", "LogonType")])
    assert (
        "    selection:\n        Image|endswith: '\\it''s.exe'\n        User: 'a\\*b'\n        LogonType: 3\n"
        in text
    )
    assert "logsource:\n    category: process_creation\n    product: windows\n" in text
    assert "date: 2026-11-24\n" in text


def test_a_draft_without_fields_is_a_text_to_fill_in() -> None:
    parsed = parse_rules(text_of(drafted(event({})), []))[0]
    assert parsed.rule is None
    assert all(finding.line for finding in parsed.findings)


def test_a_choice_holds_for_what_the_scanner_says() -> None:
    made = drafted(event({"CommandLine": "a b c"}), event({"CommandLine": "x b c"}))
    choice = next(one for one in field(made, "CommandLine").choices if one.modifier == "endswith")
    assert [choice.holds(value) for value in ("Q B C", "b c d", None, ["z", "0 b c"])] == [
        True,
        False,
        False,
        True,
    ]


texts = st.one_of(
    st.text(max_size=8),
    st.text(alphabet="aA*?\\/'\"%:|-#&!{}[]\n\t\x00\x85\u2028\ufeff 0xé😀", max_size=12),
    st.sampled_from(
        ["null", "true", "4624", "0x17", "~", "- a", "C:\\Temp\\", "\\\\srv\\*\\x.exe", "C:\\a\\x.exe", " "]
    ),
)
scalars = st.one_of(
    texts,
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63),
    st.floats(allow_nan=False, allow_infinity=False),
)
values = st.one_of(scalars, st.lists(scalars, max_size=3), st.just({"inner": 1}))
fields = st.dictionaries(
    st.sampled_from(["Image", "CommandLine", "Data", "Threat Name", "#x", "1", "User"]), values
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(fields, min_size=1, max_size=4), st.data())
def test_a_draft_hits_every_event_that_it_is_made_from(
    held: list[dict[str, Any]], data: st.DataObject
) -> None:
    events = [event(one) for one in held]
    made = drafted(*events)
    taken = [one for one in made.fields if data.draw(st.booleans())] or list(made.fields)
    clauses = [one.clause(data.draw(st.integers(0, len(one.choices) - 1))) for one in taken]
    text = text_of(made, clauses, data.draw(st.integers(0, len(made.logsources) - 1)))
    assert hits(text, events) == [True] * len(events)


def test_drafts_from_real_logs_hit_their_events(shared_data: Path) -> None:
    paths = sorted(
        (shared_data / "evtx-attack-samples").rglob("*.evtx"), key=lambda path: path.stat().st_size
    )[::12]
    assert len(paths) > 10
    for path in paths:
        evidence = open_evidence(path)
        events = [record.event for record in evidence.read_chunk(0).records[:3]]
        if not events or not drafted(*events).logsources:
            continue
        made = drafted(*events)
        clauses = [one.clause() for one in made.fields if one.is_ticked] or [made.fields[0].clause()]
        assert hits(text_of(made, clauses), events) == [True] * len(events), path.name
