"""The second opinion: what it reads, that it agrees with the first, and where it stops."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sigma_engine.events import open_evidence
from sigma_engine.evtx_chunk import CHUNK_SIZE, parse, slots_of
from sigma_engine.evtx_json import from_evtx_json
from sigma_engine.second_parser import SecondParser
from tests.evtx_writer import Typed, bad_magic, bad_template, build_evtx, bytes_at, write_evtx
from tests.evtx_writer.damage import record_offsets

SYSTEM: dict[str, Any] = {
    "Provider": {"Name": "Example", "Guid": "5D1E1A44-5B0C-4D0E-9F53-6F1F3F0F1A2B"},
    "EventID": {"Value": 7, "Qualifiers": 16384},
    "Version": 2,
    "Keywords": "0x8000000000000000",
    "TimeCreated": {"SystemTime": 1700000000.123456},
    "Channel": "Example",
    "Computer": "WS-01",
    "Correlation": {"ActivityID": "00000000-1111-2222-3333-444444444444"},
    "Execution": {"ProcessID": 4, "ThreadID": 8},
    "Security": {"UserID": "S-1-5-21-1-2-3-1001"},
}
EVERY_TYPE: dict[str, Any] = {
    "text": "größer \U0001f600",
    "empty": "",
    "null": None,
    "ansi": Typed("ansi", "plain"),
    "int8": Typed("int8", -1),
    "uint8": Typed("uint8", 200),
    "int16": Typed("int16", -300),
    "uint16": Typed("uint16", 65535),
    "int32": -70000,
    "uint32": 70000,
    "int64": -(2**40),
    "uint64": 2**63,
    "float": Typed("float", 0.5),
    "double": 1.5,
    "true": True,
    "false": False,
    "binary": b"\x01\xab",
    "guid": Typed("guid", "5d1e1a44-5b0c-4d0e-9f53-6f1f3f0f1a2b"),
    "size": Typed("size", 7),
    "filetime": datetime(2020, 1, 2, 3, 4, 5, 678901, tzinfo=UTC),
    "systemtime": Typed("systemtime", datetime(2020, 1, 2, 3, 4, 5, 678000)),
    "sid": Typed("sid", "S-1-5-18"),
    "hex32": Typed("hex32", 0x17),
    "hex64": Typed("hex64", 0x3E7),
    "strings": ["a", "", "c"],
}
# The token that starts a record's template, with another upper half: the first parser knows no such token, the
# second looks at the lower half only.
ODD_TOKEN = b"\x5c"


def rows(count: int) -> list[dict[str, Any]]:
    bodies: list[dict[str, Any]] = [
        {"EventData": EVERY_TYPE},
        {"EventData": {"Data": ["one", "", "three"], "Binary": b"\x01"}},
        {"EventData": {}},
        {"UserData": {"LogFileCleared": {"SubjectUserName": "ann", "Inner": {"Depth": 2}}}},
    ]
    return [
        {"System": {**SYSTEM, "EventRecordID": n + 1}, **bodies[n // 2 % len(bodies)]} for n in range(count)
    ]


def test_what_only_the_second_parser_reads_is_the_same_event(tmp_path: Path) -> None:
    sound = open_evidence(write_evtx(tmp_path / "sound.evtx", rows(8))).read_chunk(0).records
    offsets = record_offsets(build_evtx(rows(8)), 0)
    # The second of each two: the first holds the definition of their template.
    harm = [bytes_at(offsets[position] + 24 + 4, ODD_TOKEN) for position in (1, 3, 5, 7)]
    read = open_evidence(write_evtx(tmp_path / "odd.evtx", rows(8), harm)).read_chunk(0)
    assert (read.salvaged, read.lost) == (4, 0)
    assert read.records == sound
    assert [problem.code for problem in read.problems] == ["bad_data_crc", "salvaged"]


def test_a_chunk_without_a_header_and_with_odd_records_is_read_by_both(tmp_path: Path) -> None:
    offsets = record_offsets(build_evtx(rows(8)), 0)
    harm = [bad_magic(0), bytes_at(offsets[3] + 28, ODD_TOKEN)]
    read = open_evidence(write_evtx(tmp_path / "log.evtx", rows(8), harm)).read_chunk(0)
    assert ([record.position for record in read.records], read.salvaged) == (list(range(8)), 8)


def test_both_parsers_agree_on_published_logs(shared_data: Path) -> None:
    paths = sorted((shared_data / "evtx-attack-samples").rglob("*.evtx"))[::9]
    compared = 0
    for path in paths:
        chunk = path.read_bytes()[4096 : 4096 + CHUNK_SIZE]
        second = SecondParser(chunk)
        for slot, record in list(zip(slots_of(chunk), parse(chunk), strict=True))[:12]:
            assert second.event(slot.offset) == from_evtx_json(record["data"]), (path.name, slot)
            compared += 1
    assert compared > 100


def test_a_chunk_of_hopeless_records_is_given_up_and_all_of_them_are_counted(tmp_path: Path) -> None:
    events = [{"System": {**SYSTEM, "EventRecordID": n}, "EventData": {"A": "b"}} for n in range(40)]
    harm = [bad_template(0, position) for position in range(1, 40)]
    read = open_evidence(write_evtx(tmp_path / "log.evtx", events, harm)).read_chunk(0)
    assert ([record.position for record in read.records], read.lost) == ([0], 39)
    told = [problem.message for problem in read.problems if problem.code == "lost_record"]
    assert len(told) == 11
    assert told[-1] == "29 more records of this chunk are lost."
