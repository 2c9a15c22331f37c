"""The catalogue: what a chunk holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sigma_engine.catalogue import summarise_chunk
from sigma_engine.events import open_evidence
from sigma_engine.field_names import field_names
from tests.evtx_writer import broken_record, write_evtx, zeroed_chunk


def event(number: int, **system: Any) -> dict[str, Any]:
    return {
        "System": {
            "Provider": {"Name": "Example"},
            "EventID": {"Value": 1},
            "Channel": "Example",
            "Computer": "WS-01",
            "TimeCreated": {"SystemTime": 1700000000.25 + number},
            "EventRecordID": number,
            **system,
        },
        "EventData": {"Number": number},
    }


def test_a_summary_counts_events_by_key_and_names_times_ids_and_computers(tmp_path: Path) -> None:
    rows = [event(5), event(6, EventID={"Value": 2}), event(7, Computer="WS-02"), event(8, Channel="Other")]
    summary = summarise_chunk(open_evidence(write_evtx(tmp_path / "log.evtx", rows)), 0)
    assert (summary.chunk, summary.events, summary.salvaged, summary.lost) == (0, 4, 0, 0)
    assert (summary.first_time, summary.last_time) == (1700000005250000, 1700000008250000)
    assert (summary.first_record_id, summary.last_record_id) == (5, 8)
    assert summary.counts == {
        ("Example", 1, "Example"): 2,
        ("Example", 2, "Example"): 1,
        ("Other", 1, "Example"): 1,
    }
    assert summary.computers == {"WS-01", "WS-02"}
    assert summary.problems == ()


def test_times_are_the_first_and_the_last_whatever_the_order(tmp_path: Path) -> None:
    rows = [event(1, TimeCreated={"SystemTime": float(time)}) for time in (300, 100, 200)]
    rows = [{**row, "System": {**row["System"], "EventRecordID": n}} for n, row in enumerate(rows)]
    summary = summarise_chunk(open_evidence(write_evtx(tmp_path / "log.evtx", rows)), 0)
    assert (summary.first_time, summary.last_time) == (100_000_000, 300_000_000)


def test_damage_and_gaps_are_told(tmp_path: Path) -> None:
    rows = [event(n) for n in (1, 2, 3, 10)]
    path = write_evtx(tmp_path / "log.evtx", rows, damage=[broken_record(0, 1)])
    summary = summarise_chunk(open_evidence(path), 0)
    assert (summary.events, summary.lost) == (3, 1)
    assert [problem.code for problem in summary.problems] == ["lost_record", "record_id_gap"]


def test_an_empty_chunk_has_an_empty_summary(tmp_path: Path) -> None:
    path = write_evtx(tmp_path / "log.evtx", [event(1)], damage=[zeroed_chunk(0)])
    summary = summarise_chunk(open_evidence(path), 0)
    assert (summary.events, summary.first_time, summary.last_time) == (0, 0, 0)
    assert (summary.first_record_id, summary.counts, summary.computers, summary.problems) == (
        None,
        {},
        set(),
        (),
    )


def test_json_of_no_known_shape_is_counted_without_a_key(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_text('{"eventName": "A"}\n{"eventName": "B"}\n')
    summary = summarise_chunk(open_evidence(path), 0)
    assert summary.counts == {("", -1, ""): 2}
    assert (summary.first_time, summary.first_record_id) == (0, None)


def test_events_that_have_a_field_are_counted_by_key_and_name(tmp_path: Path) -> None:
    rows = [event(1), event(2), event(3, Channel="Other")]
    rows[1]["EventData"] = {"Number": 2, "Extra": ""}
    summary = summarise_chunk(open_evidence(write_evtx(tmp_path / "log.evtx", rows)), 0)
    assert summary.fields == {
        ("Example", 1, "Example"): {"Number": 2, "Extra": 1},
        ("Other", 1, "Example"): {"Number": 1},
    }


@pytest.mark.parametrize(
    ("made", "names"),
    [
        ({"System": {}, "EventData": {"A": None, "B": ""}}, ("A", "B")),
        ({"System": {}, "UserData": {"Part": {"A": 1, "B": 2}, "Lone": 3}}, ("A", "B", "Lone")),
        ({"System": {}, "EventData": {"A": 1}, "UserData": {"Part": {"A": 2}}}, ("A",)),
        ({"System": {}, "EventData": {}}, ()),
        ({"System": {}, "EventData": "text"}, ()),
        (
            {"eventName": "A", "who": {"type": "B", "name": "C"}, "none": {}},
            ("eventName", "who.type", "who.name", "none"),
        ),
    ],
)
def test_field_names_are_those_that_rules_write(made: dict[str, Any], names: tuple[str, ...]) -> None:
    assert field_names(made) == names
