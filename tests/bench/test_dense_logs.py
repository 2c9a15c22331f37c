"""The logs that benchmarks run on hold what was asked for, and nothing that was not in the evidence."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from bench.dense_logs import logs_in, make_dense_logs
from sigma_engine import event_key
from tests.evtx_writer import write_evtx

RECORDS = 500


def event(channel: str, number: int) -> dict[str, object]:
    return {
        "System": {"Provider": {"Name": "Example"}, "EventID": {"Value": number}, "Channel": channel},
        "EventData": {"Text": "x" * 200},
    }


@pytest.fixture
def evidence(tmp_path: Path) -> Path:
    """A full chunk and more of one channel, and a file where two channels share a chunk."""
    folder = tmp_path / "evidence"
    folder.mkdir()
    write_evtx(folder / "one.evtx", [event("One/Operational", number) for number in range(150)])
    write_evtx(folder / "mixed.evtx", [event(f"Two {number % 2}", number) for number in range(8)])
    (folder / "none.evtx").write_text("no log")
    return folder


def events_of(folder: Path) -> Counter[str]:
    """How often each event is there, whatever its record id."""
    found: Counter[str] = Counter()
    for log in logs_in(folder):
        for number in range(log.chunk_count):
            for record in log.read_chunk(number).records:
                system = {
                    key: value for key, value in record.event["System"].items() if key != "EventRecordID"
                }
                found[json.dumps({**record.event, "System": system}, sort_keys=True)] += 1
    return found


def test_the_logs_hold_every_event_of_the_evidence_equally_often(tmp_path, evidence):
    count = make_dense_logs(tmp_path / "dense", RECORDS, evidence)
    given, made = events_of(evidence), events_of(tmp_path / "dense")
    assert count == made.total() >= RECORDS
    assert set(made) == set(given)
    assert {made[text] / given[text] for text in given} == {count / given.total()}


def test_there_is_one_sound_log_for_each_channel(tmp_path, evidence):
    make_dense_logs(tmp_path / "dense", RECORDS, evidence)
    logs = logs_in(tmp_path / "dense")
    assert [log.path.name for log in logs] == ["One_Operational.evtx", "Two_0.evtx", "Two_1.evtx"]
    assert [log.problems for log in logs] == [()] * 3
    reads = [(log, log.read_chunk(number)) for log in logs for number in range(log.chunk_count)]
    assert not any(read.problems or read.lost for _, read in reads)
    channels = {
        log.path.name: {event_key(record.event).channel for record in read.records} for log, read in reads
    }
    assert channels == {
        "One_Operational.evtx": {"One/Operational"},
        "Two_0.evtx": {"Two 0"},
        "Two_1.evtx": {"Two 1"},
    }


def test_a_folder_without_events_is_refused(tmp_path):
    with pytest.raises(ValueError, match="no event log"):
        make_dense_logs(tmp_path / "dense", RECORDS, tmp_path)
