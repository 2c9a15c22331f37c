"""Events: their one shape, their key and their facts; what a file is by its content."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from sigma_engine.events import EventKey, EvidenceError, event_facts, event_key, open_evidence, to_event

SHAPES = yaml.safe_load(Path(__file__).with_name("event_shapes.yaml").read_text(encoding="utf-8"))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "System",
                    "EventID",
                    "Value",
                    "Channel",
                    "Provider",
                    "Name",
                    "TimeCreated",
                    "SystemTime",
                    "EventData",
                    "Data",
                    "UserData",
                    "Event",
                    "winlog",
                    "winlog.channel",
                    "event_data",
                    "user_data",
                    "#attributes",
                    "#text",
                    "RuleTitle",
                    "Security",
                    "UserID",
                    "process",
                    "@timestamp",
                    "event",
                    "event.code",
                    "code",
                    "host",
                    "host.name",
                    "log",
                    "level",
                    "keywords",
                    "param1",
                    "AllFieldInfo",
                    "Data[1]",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@pytest.mark.parametrize("case", SHAPES, ids=[case["name"] for case in SHAPES])
def test_each_known_shape_becomes_the_one_shape(case: dict[str, Any]) -> None:
    expected = case["given"] if case.get("same") else case["event"]
    assert to_event(copy.deepcopy(case["given"])) == expected


@pytest.mark.parametrize("case", SHAPES, ids=[case["name"] for case in SHAPES])
def test_an_event_in_the_one_shape_stays_as_it_is(case: dict[str, Any]) -> None:
    event = to_event(copy.deepcopy(case["given"]))
    assert to_event(copy.deepcopy(event)) == event


@given(
    document=st.dictionaries(st.text(max_size=4), JSON, max_size=3)
    | JSON.filter(lambda v: isinstance(v, dict))
)
def test_no_document_is_too_odd_for_its_shape_and_its_facts(document: dict[str, Any]) -> None:
    event = to_event(document)
    facts = event_facts(event)
    assert isinstance(event_key(event), EventKey)
    assert -(2**63) <= facts.time < 2**63
    assert facts.record_id is None or -(2**63) <= facts.record_id < 2**63


def test_the_key_of_an_event_without_system_is_empty() -> None:
    assert event_key({"eventName": "x"}) == EventKey("", -1, "")
    assert event_facts({"eventName": "x"}).time == 0
    assert event_facts({"eventName": "x"}).event_id is None


def test_names_in_the_data_are_never_taken_for_the_key() -> None:
    event = to_event(
        {
            "System": {"Channel": "Security", "EventID": {"Value": 1}, "Provider": {"Name": "P"}},
            "EventData": {"System": "x", "Channel": "Other", "EventID": 2},
        }
    )
    assert event_key(event) == EventKey("Security", 1, "P")


@pytest.mark.parametrize(
    ("event_id", "data", "user"),
    [
        (1, {"User": "DOM\\ann", "SubjectUserName": "eve"}, "DOM\\ann"),
        (4720, {"SubjectDomainName": "DOM", "SubjectUserName": "ann", "TargetUserName": "new"}, "DOM\\ann"),
        (4624, {"SubjectUserName": "HOST$", "TargetUserName": "ann", "TargetDomainName": "DOM"}, "DOM\\ann"),
        (4688, {"SubjectUserName": "ann", "TargetUserName": "-", "TargetDomainName": "-"}, "ann"),
        (7045, {"ServiceName": "x"}, "S-1-5-18"),
    ],
)
def test_the_user_of_an_event_is_whom_it_is_about(event_id: int, data: dict[str, str], user: str) -> None:
    event = {
        "System": {"EventID": {"Value": event_id}, "Security": {"UserID": "S-1-5-18"}},
        "EventData": data,
    }
    assert event_facts(event).user == user


def test_the_user_of_an_event_with_user_data_is_found_there() -> None:
    event = {
        "System": {"EventID": {"Value": 104}},
        "UserData": {"LogFileCleared": {"SubjectUserName": "ann"}},
    }
    assert event_facts(event).user == "ann"


@pytest.mark.parametrize(
    ("written", "microseconds"),
    [
        (1700000000.123456, 1700000000123456),
        (1700000000123, 1700000000123000),
        ("2023-11-14T22:13:20.123456Z", 1700000000123456),
        ("2023-11-14T22:13:20.1234567Z", 1700000000123456),
        ("2023-11-14 22:13:20", 1700000000000000),
        ("2023-11-15T00:13:20+02:00", 1700000000000000),
        ("yesterday", 0),
        (float("nan"), 0),
        (10**400, 0),
        (True, 0),
    ],
)
def test_times_are_microseconds_in_utc(written: Any, microseconds: int) -> None:
    event = {"System": {"Channel": "C", "TimeCreated": {"SystemTime": written}}}
    assert event_facts(to_event(event)).time == microseconds


@pytest.mark.parametrize(
    ("content", "code", "words"),
    [
        (b"", "empty", "This file is empty"),
        (b"PK\x03\x04....", "not_evidence", "This is a zip archive, not an event log: it starts with `PK`"),
        (b"\x1f\x8b\x08....", "not_evidence", "This is a gzip archive, not an event log"),
        (b"MZ\x90\0.....", "not_evidence", "This is a Windows program"),
        (b"<Events></Events>", "not_evidence", "This is an XML or HTML document"),
        (b"0\0\0\0LfLe\1\0\0\0", "old_evt", "an .evt log of Windows XP"),
        (b"\0" * 5000, "not_evidence", "This is not an event log"),
        (b"time,user\n1,2\n", "not_evidence", "This is not an event log"),
        (b"ElfFile\0" + b"\0" * 100, "truncated_header", "This event log is cut off"),
        (b"{nothing", "no_json", "holds no whole JSON object"),
    ],
)
def test_what_is_no_evidence_is_refused_with_what_it_is(
    tmp_path: Path, content: bytes, code: str, words: str
) -> None:
    path = tmp_path / "log.evtx"
    path.write_bytes(content)
    with pytest.raises(EvidenceError) as caught:
        open_evidence(path)
    assert caught.value.code == code
    assert words in caught.value.message
    assert caught.value.hint


def test_a_file_is_known_by_its_content_and_not_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "log.evtx"
    path.write_bytes(orjson.dumps({"a": 1}) + b"\n")
    assert open_evidence(path).kind == "jsonl"
