"""What the EVTX writer of the tests writes is read alike by ours, by `evtx` and by python-evtx."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from evtx import PyEvtxParser
from Evtx.Evtx import Evtx
from hypothesis import given, settings
from hypothesis import strategies as st

from sigma_engine.events import open_evidence
from tests.evtx_writer import Typed, build_evtx, write_evtx

SYSTEM: dict[str, Any] = {
    "Provider": {"Name": "Example-Sensor", "Guid": "5D1E1A44-5B0C-4D0E-9F53-6F1F3F0F1A2B"},
    "EventID": {"Value": 7, "Qualifiers": 16384},
    "Version": 2,
    "Level": 4,
    "Task": 1,
    "Opcode": 0,
    "Keywords": "0x8000000000000000",
    "TimeCreated": {"SystemTime": 1700000000.123456},
    "EventRecordID": 1,
    "Correlation": {"ActivityID": "00000000-1111-2222-3333-444444444444"},
    "Execution": {"ProcessID": 4, "ThreadID": 8},
    "Channel": "Example/Operational",
    "Computer": "WS-01.example.org",
    "Security": {"UserID": "S-1-5-21-1-2-3-1001"},
}

# Characters that XML, and so an event, can hold; a lone surrogate is covered by a test of its own.
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=80)
NAMES = st.text("abcXYZ019 ._-", min_size=1, max_size=12).filter(lambda name: name not in ("Data", "Binary"))
VALUES = st.one_of(
    TEXT,
    st.booleans(),
    st.integers(-(2**63), 2**64 - 1),
    st.binary(min_size=1, max_size=40),
    st.lists(TEXT, min_size=2, max_size=4),
    st.builds(Typed, st.just("hex32"), st.integers(0, 2**32 - 1)),
    st.builds(Typed, st.just("hex64"), st.integers(0, 2**64 - 1)),
    st.builds(Typed, st.just("uint8"), st.integers(0, 255)),
    st.builds(Typed, st.just("int16"), st.integers(-(2**15), 2**15 - 1)),
    st.builds(Typed, st.just("guid"), st.uuids().map(str)),
)


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all examples of a property, each of which writes its file anew."""
    return tmp_path_factory.mktemp("scratch")


def as_read(value: Any) -> Any:
    """What a written value is when it is read: text as Windows shows it, numbers as numbers."""
    if isinstance(value, Typed):
        match value.kind:
            case "hex32" | "hex64":
                return f"{value.value:#x}"
            case "guid":
                return str(uuid.UUID(value.value)).upper()
        return value.value
    return value.hex().upper() if isinstance(value, bytes) else value


def numbered(count: int, text: str = "") -> list[dict[str, Any]]:
    """Events with record ids from 1 on."""
    return [
        {"System": {**SYSTEM, "EventRecordID": n + 1}, "EventData": {"Text": text, "Number": n}}
        for n in range(count)
    ]


def read_all(path: Path) -> list[dict[str, Any]]:
    evidence = open_evidence(path)
    return [r.event for n in range(evidence.chunk_count) for r in evidence.read_chunk(n).records]


@settings(max_examples=150, deadline=None)
@given(rows=st.lists(st.dictionaries(NAMES, VALUES, max_size=8), min_size=1, max_size=5))
def test_what_is_written_is_what_is_read(rows: list[dict[str, Any]], scratch: Path) -> None:
    path = scratch / "log.evtx"
    events = [
        {"System": {**SYSTEM, "EventRecordID": n}, "EventData": row} for n, row in enumerate(rows, start=10)
    ]
    write_evtx(path, events)
    expected = [
        {"System": event["System"], "EventData": {k: as_read(v) for k, v in event["EventData"].items()}}
        for event in events
    ]
    assert read_all(path) == expected


@settings(max_examples=40, deadline=None)
@given(row=st.dictionaries(NAMES, TEXT, min_size=1, max_size=6))
def test_python_evtx_reads_the_same_texts(row: dict[str, str], scratch: Path) -> None:
    path = write_evtx(scratch / "log.evtx", [{"System": SYSTEM, "EventData": row}] * 2)
    with Evtx(str(path)) as log:
        xml = [record.xml() for record in log.records()]
    assert len(xml) == 2
    assert all(f'<Data Name="{name}">' in xml[1] for name in row)
    assert "<Channel>Example/Operational</Channel>" in xml[1]


def test_both_parsers_read_a_log_of_several_chunks(tmp_path: Path) -> None:
    path = write_evtx(tmp_path / "log.evtx", numbered(300, "x" * 500))
    assert path.stat().st_size > 4096 + 2 * 65536
    assert [r["event_record_id"] for r in PyEvtxParser(str(path)).records()] == list(range(1, 301))
    with Evtx(str(path)) as log:
        assert log.get_file_header().verify()
        assert all(chunk.verify() for chunk in log.chunks())
        assert [record.record_num() for record in log.records()] == list(range(1, 301))
    assert [event["EventData"]["Number"] for event in read_all(path)] == list(range(300))


def test_the_checksums_are_those_that_the_first_parser_asks_for(tmp_path: Path) -> None:
    path = write_evtx(tmp_path / "log.evtx", numbered(400))
    parser = PyEvtxParser(str(path), validate_checksums=True)
    assert len(list(parser.records())) == 400


def test_every_type_is_read_as_windows_shows_it(tmp_path: Path) -> None:
    data = {
        "ansi": Typed("ansi", "plain"),
        "sid": Typed("sid", "S-1-5-21-1-2-3-500"),
        "filetime": datetime(2020, 1, 2, 3, 4, 5, 678901, tzinfo=UTC),
        "systemtime": Typed("systemtime", datetime(2020, 1, 2, 3, 4, 5)),
        "double": 1.5,
        "size": Typed("size", 7),
        "null": None,
        "empty": "",
    }
    path = write_evtx(tmp_path / "log.evtx", [{"System": SYSTEM, "EventData": data}])
    assert read_all(path)[0]["EventData"] == {
        "ansi": "plain",
        "sid": "S-1-5-21-1-2-3-500",
        "filetime": "2020-01-02T03:04:05.678901Z",
        "systemtime": "2020-01-02T03:04:05.000000Z",
        "double": "1.5",
        "size": "0x7",
        "null": "",
        "empty": "",
    }


def test_unnamed_values_are_a_list(tmp_path: Path) -> None:
    rows: list[list[Any]] = [["one"], ["one", "", "three"], [1, "two"]]
    path = write_evtx(tmp_path / "log.evtx", [{"System": SYSTEM, "EventData": {"Data": row}} for row in rows])
    assert [event["EventData"]["Data"] for event in read_all(path)] == rows


def test_user_data_keeps_its_names_and_loses_its_name_spaces(tmp_path: Path) -> None:
    data = {"LogFileCleared": {"SubjectUserName": "ann", "Inner": {"Depth": 2}}}
    path = write_evtx(tmp_path / "log.evtx", [{"System": SYSTEM, "UserData": data}])
    assert read_all(path)[0]["UserData"] == data


def test_half_a_surrogate_pair_does_not_spoil_the_text_around_it(tmp_path: Path) -> None:
    # The first parser drops what is no character; nothing of it may reach JSON or a database.
    path = write_evtx(tmp_path / "log.evtx", [{"System": SYSTEM, "EventData": {"Text": "a\ud800b"}}])
    assert read_all(path)[0]["EventData"]["Text"] in ("ab", "a\ufffdb")


def test_an_event_larger_than_a_chunk_is_refused() -> None:
    with pytest.raises(ValueError, match="larger than a chunk"):
        build_evtx([{"System": SYSTEM, "EventData": {"Text": "x" * 40_000}}])


def test_a_value_of_no_known_type_is_refused() -> None:
    with pytest.raises(ValueError, match="No BinXML type"):
        build_evtx([{"System": SYSTEM, "EventData": {"Text": {1, 2}}}])


def test_a_log_without_events_has_one_chunk_without_records(tmp_path: Path) -> None:
    path = write_evtx(tmp_path / "log.evtx", [])
    assert open_evidence(path).chunk_count == 1
    assert read_all(path) == []
    assert path.stat().st_size == 4096 + 65536
