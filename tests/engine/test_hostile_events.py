"""Evidence is hostile: whatever stands in an event's data, it is routed by its head and matches what it holds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from sigma_engine import (
    Rule,
    Scanner,
    compile_rules,
    correlate,
    event_facts,
    event_key,
    explain,
    load_model,
    open_evidence,
    parse_rules,
    summarise_chunk,
    to_event,
)
from tests.evtx_writer import write_evtx

MODEL = load_model("Windows event logs")
KINDS = (
    ("Microsoft-Windows-Sysmon/Operational", "Microsoft-Windows-Sysmon", 1),
    ("Security", "Microsoft-Windows-Security-Auditing", 4688),
    ("Security", "Microsoft-Windows-Security-Auditing", 4657),
    ("Application", "Some-Vendor", 7),
)
# Names by which somebody could hope to be taken for the head of an event, or for the data of another shape.
NAMES = (
    *(
        "System",
        "Channel",
        "EventID",
        "Provider",
        "Provider_Name",
        "ProviderName",
        "Computer",
        "EventRecordID",
    ),
    *(
        "TimeCreated",
        "Event",
        "_Event",
        "_source",
        "winlog",
        "winlog.channel",
        "EventData",
        "UserData",
        "Message",
    ),
    *(
        "System.Channel",
        "System.EventID.Value",
        "#attributes",
        "Event_attributes",
        "Data",
        "Name",
        "Value",
        "F",
    ),
)
texts = st.one_of(
    st.text(max_size=8),
    st.text(alphabet="\0\x01\x02\x03\x1c\x1f\x7f\u2028\ufeff\\*?%¦\"'{}[]", max_size=8),
    st.sampled_from([*(channel for channel, _, _ in KINDS), "4688", "1", "evil"]),
)
scalars = st.one_of(texts, st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.sampled_from([1, 4688]))
hostile = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(NAMES), inner, max_size=4)
    ),
    max_leaves=12,
)
hostile_data = st.dictionaries(st.sampled_from(NAMES), hostile, max_size=8)


def _rule(selection: Any, category: str | None = None) -> Rule:
    logsource = {"product": "windows"} | ({"category": category} if category else {})
    detection = {"selection": selection, "condition": "selection"}
    [parsed] = parse_rules(yaml.safe_dump({"title": "t", "logsource": logsource, "detection": detection}))
    assert isinstance(parsed.rule, Rule)
    return parsed.rule


# One rule for each kind of event, by its head; those of categories ask for nothing but the route.
BY_HEAD = [_rule({"Channel": c, "EventID": i, "Provider_Name": p}) for c, p, i in KINDS]
BY_ROUTE = [
    _rule({"NoSuchField": None}, category) for category in ("process_creation", "registry_event", "dns_query")
]
ROUTED = {"process_creation": {1, 4688}, "registry_event": {4657}, "dns_query": set[int]()}
WANTED = [{i for i, kind in enumerate(KINDS) if kind[2] in ids} for ids in ROUTED.values()]
SCANNER = Scanner(compile_rules([*BY_HEAD, *BY_ROUTE], MODEL))


def _event(kind: tuple[str, str, int], data: Any, holder: str = "EventData") -> dict[str, Any]:
    channel, provider, event_id = kind
    system = {
        "Provider": {"Name": provider},
        "EventID": {"Value": event_id},
        "Channel": channel,
        "Computer": "HOST1",
        "EventRecordID": 5,
        "TimeCreated": {"SystemTime": 1_700_000_000.5},
    }
    return {"System": system, holder: data}


@settings(max_examples=300, deadline=None)
@given(
    number=st.integers(0, len(KINDS) - 1),
    data=hostile_data,
    holder=st.sampled_from(["EventData", "UserData"]),
)
def test_no_data_changes_where_an_event_belongs(number: int, data: dict[str, Any], holder: str) -> None:
    wanted = [number] + [len(KINDS) + i for i, numbers in enumerate(WANTED) if number in numbers]
    event = to_event(_event(KINDS[number], data, holder))
    channel, provider, event_id = KINDS[number]
    assert event_key(event) == (channel, event_id, provider)
    facts = event_facts(event)
    assert (facts.computer, facts.record_id, facts.time) == ("HOST1", 5, 1_700_000_000_500_000)
    # 4657 is a registry event by its number alone, whatever operation the data claims.
    assert list(SCANNER.match(event)) == wanted


@settings(max_examples=300, deadline=None)
@given(data=hostile_data, wanted=texts, place=st.sampled_from(["", "|contains", "|startswith", "|endswith"]))
def test_no_value_makes_the_fast_matcher_say_what_the_plain_one_does_not(
    data: dict[str, Any], wanted: str, place: str
) -> None:
    rules = [_rule({f"F{place}": wanted}), _rule([wanted]), _rule({f"Data{place}|all": [wanted, "evil"]})]
    scanner = Scanner(compile_rules(rules, MODEL))
    event = _event(KINDS[3], data)
    plain = [index for index, rule in enumerate(rules) if explain(rule, MODEL, event).plain_verdict]
    assert list(scanner.match(event)) == plain


@settings(max_examples=60, deadline=None)
@given(events=st.lists(hostile_data, min_size=1, max_size=4))
def test_a_file_of_hostile_lines_gives_every_event_its_own_route(
    events: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("hostile") / "events.jsonl"
    lines = [json.dumps(_event(KINDS[i % len(KINDS)], data)) for i, data in enumerate(events)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    found = SCANNER.scan_chunk(open_evidence(path), 0)
    assert found.events == len(events)
    by_head = [(hit.position, hit.rule_index) for hit in found.hits if hit.rule_index < len(KINDS)]
    assert by_head == [(i, i % len(KINDS)) for i in range(len(events))]


def _lines(path: Path, *values: str) -> Path:
    head = json.dumps(_event(KINDS[3], None)).removesuffix("null}")
    path.write_text("".join(f'{head}{{"F":{value}}}}}\n' for value in values), encoding="utf-8")
    return path


KEYWORD = Scanner(compile_rules([_rule(["evil"]), _rule({"Message|contains": "evil"})], MODEL))


@pytest.mark.parametrize("depth", [100, 300, 900, 1015])
@pytest.mark.parametrize(("opens", "closes"), [('{"a":', "}"), ("[", "]")])
def test_an_event_nested_without_end_is_lost_by_itself(
    tmp_path: Path, depth: int, opens: str, closes: str
) -> None:
    path = _lines(tmp_path / "deep.jsonl", '"evil"', opens * depth + '"evil"' + closes * depth, '"evil"')
    found = KEYWORD.scan_chunk(open_evidence(path), 0)
    assert sorted({hit.position for hit in found.hits}) == [0, 2]
    assert (found.read.lost, [problem.code for problem in found.read.problems]) == (1, ["bad_line"])


def test_lists_within_lists_cost_no_more_than_they_hold(tmp_path: Path) -> None:
    depth = 50  # joined level by level, each holding the joined text of the next, this would be 2 ** 50 characters
    path = _lines(tmp_path / "lists.jsonl", '["evil",' * depth + '"x"' + "]" * depth)
    found = KEYWORD.scan_chunk(open_evidence(path), 0)
    assert [hit.rule_index for hit in found.hits] == [0, 1]


def test_a_value_of_megabytes_is_one_value(tmp_path: Path) -> None:
    huge = "x" * 5_000_000
    path = _lines(tmp_path / "huge.jsonl", json.dumps(huge + "evil"), json.dumps(huge))
    rules = [
        _rule({"F|endswith": "evil"}),
        _rule({"F|contains": "*ev?l*"}),
        _rule({"F|re": "x{5}evil$"}),
        _rule(["evil"]),
    ]
    evidence = open_evidence(path)
    scanner = Scanner(compile_rules(rules, MODEL))
    hits = [hit for chunk in range(evidence.chunk_count) for hit in scanner.scan_chunk(evidence, chunk).hits]
    assert [hit.rule_index for hit in hits] == [0, 1, 2, 3]


@settings(max_examples=60, deadline=None)
@given(
    data=st.dictionaries(
        st.sampled_from([n for n in NAMES if n not in ("Data", "#attributes")]), texts, max_size=6
    )
)
def test_a_log_with_hostile_names_gives_the_event_its_own_route(
    data: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    printable = {name: "".join(c for c in text if c.isprintable()) for name, text in data.items()}
    path = write_evtx(tmp_path_factory.mktemp("hostile") / "log.evtx", [_event(KINDS[3], printable)])
    found = SCANNER.scan_chunk(open_evidence(path), 0)
    assert [hit.rule_index for hit in found.hits] == [3]


WHOLE = compile_rules(
    [
        one.rule
        for one in parse_rules(
            """\
title: base
name: base
logsource: {product: windows}
details: '%F% %Data[1]% %System.Channel% %nope%'
detection: {s: {F: '*'}, condition: s}
---
title: window
correlation: {type: value_sum, rules: [base], timespan: 5m, group-by: [F, Computer], condition: {gt: 0, field: F}}
generate: true
---
title: hour
logsource: {product: windows}
detection: {s: {TimeCreated_SystemTime|hour|gte: 0}, k: [evil], condition: s or k}
"""
        )
        if one.rule is not None
    ],
    MODEL,
)
heads = st.dictionaries(
    st.sampled_from(
        ["Channel", "EventID", "Provider", "Computer", "EventRecordID", "TimeCreated", "Security", "Keywords"]
    ),
    hostile
    | st.sampled_from(
        [1e300, -1e300, {"SystemTime": 1e20}, {"SystemTime": "9999-12-31T23:59:59.999999-23:00"}]
    ),
    max_size=3,
)


@settings(max_examples=150, deadline=None)
@given(made=st.lists(st.tuples(heads, hostile), min_size=1, max_size=3))
def test_no_head_of_an_event_is_too_odd_for_a_scan(
    made: list[tuple[dict[str, Any], Any]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("hostile") / "events.jsonl"
    lines = []
    for head, value in made:
        event = _event(KINDS[3], {"F": value, "Data": value})
        event["System"] |= head
        lines.append(json.dumps(event))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    evidence = open_evidence(path)
    assert (len(WHOLE.rules), WHOLE.left_out) == (3, ())
    scanner = Scanner(WHOLE)
    found = scanner.scan_chunk(evidence, 0, evidence="log")
    correlate(WHOLE.correlations.plans, found.members)
    assert found.events == len(made) == summarise_chunk(evidence, 0).events
    for record in found.read.records:
        plain = [i for i, rule in WHOLE.detection_rules() if explain(rule, MODEL, record.event).plain_verdict]
        assert list(scanner.match(record.event)) == plain
