"""Reading Windows event logs: sound ones, damaged ones, large ones."""

from __future__ import annotations

import copy
import pickle
import struct
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from evtx import PyEvtxParser
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from sigma_engine.events import ChunkRead, EvidenceError, EvidenceFile, open_evidence, units_of
from tests.evtx_writer import (
    Damage,
    bad_data_crc,
    bad_file_crc,
    bad_file_magic,
    bad_header_crc,
    bad_magic,
    bad_template,
    broken_record,
    build_evtx,
    bytes_at,
    dirty,
    empty_end,
    layout,
    lost_record_magic,
    sealed,
    stale_chunk_header,
    truncated,
    write_evtx,
    wrong_chunk_count,
    zeroed_chunk,
)
from tests.evtx_writer.chunk import Chunk
from tests.evtx_writer.damage import record_offsets

PER_CHUNK = 10
CHUNKS = 3
EVERYTHING = list(range(PER_CHUNK * CHUNKS))


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all examples of a property, each of which writes its file anew."""
    return tmp_path_factory.mktemp("scratch")


def events(count: int = PER_CHUNK * CHUNKS) -> list[dict[str, Any]]:
    return [
        {
            "System": {
                "Provider": {"Name": "Example"},
                "EventID": {"Value": 1},
                "Channel": "Example",
                "Computer": "WS-01",
                "TimeCreated": {"SystemTime": 1700000000.0 + n},
                "EventRecordID": n + 1,
            },
            "EventData": {"Number": n, "Text": f"value {n}"},
        }
        for n in range(count)
    ]


def written(path: Path, *damage: Damage) -> EvidenceFile:
    return open_evidence(write_evtx(path / "log.evtx", events(), damage, per_chunk=PER_CHUNK))


def read_all(evidence: EvidenceFile) -> list[ChunkRead]:
    return [evidence.read_chunk(number) for number in range(evidence.chunk_count)]


def numbers(reads: list[ChunkRead]) -> list[int]:
    return [record.event["EventData"]["Number"] for read in reads for record in read.records]


def codes(reads: list[ChunkRead]) -> list[str]:
    return [problem.code for read in reads for problem in read.problems]


def without(*lost: int) -> list[int]:
    return [number for number in EVERYTHING if number not in lost]


def test_a_sound_log_gives_all_records_in_order_without_a_problem(tmp_path: Path) -> None:
    evidence = written(tmp_path)
    reads = read_all(evidence)
    assert numbers(reads) == EVERYTHING
    assert [record.event for read in reads for record in read.records] == events()
    assert [(record.chunk, record.position) for record in reads[1].records] == [(1, n) for n in range(10)]
    assert (codes(reads), evidence.problems, sum(read.lost + read.salvaged for read in reads)) == ([], (), 0)


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        (bad_header_crc(1), "bad_header_crc"),
        (bad_data_crc(1), "bad_data_crc"),
    ],
)
def test_a_wrong_checksum_costs_no_record_and_is_told(tmp_path: Path, damage: Damage, code: str) -> None:
    reads = read_all(written(tmp_path, damage))
    assert numbers(reads) == EVERYTHING
    assert codes(reads) == [code]
    assert reads[1].problems[0].chunk == 1
    assert (reads[1].salvaged, reads[1].lost) == (0, 0)


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        (bad_file_crc(), "bad_file_crc"),
        (bad_file_magic(), "bad_file_magic"),
        (wrong_chunk_count(1), "chunk_count"),
        (wrong_chunk_count(200), "chunk_count"),
    ],
)
def test_a_damaged_file_header_costs_no_record_and_is_told(tmp_path: Path, damage: Damage, code: str) -> None:
    evidence = written(tmp_path, damage)
    assert [problem.code for problem in evidence.problems] == [code]
    assert numbers(read_all(evidence)) == EVERYTHING


def test_a_dirty_log_is_told_and_read_to_its_end(tmp_path: Path) -> None:
    evidence = written(tmp_path, wrong_chunk_count(0), dirty())
    assert "dirty" in [problem.code for problem in evidence.problems]
    assert numbers(read_all(evidence)) == EVERYTHING


def test_zeroed_chunks_are_empty_and_no_fault(tmp_path: Path) -> None:
    evidence = written(tmp_path, zeroed_chunk(1), empty_end(2))
    reads = read_all(evidence)
    assert evidence.chunk_count == CHUNKS + 2
    assert numbers(reads) == without(*range(10, 20))
    assert (codes(reads), evidence.problems) == ([], ())


def test_a_chunk_with_a_broken_start_is_salvaged_whole(tmp_path: Path) -> None:
    reads = read_all(written(tmp_path, bad_magic(1)))
    assert numbers(reads) == EVERYTHING
    assert (reads[1].salvaged, reads[1].lost) == (PER_CHUNK, 0)
    assert codes(reads) == ["bad_magic", "salvaged"]


def test_a_broken_string_table_does_not_cost_the_chunk(tmp_path: Path) -> None:
    reads = read_all(written(tmp_path, bytes_at(4096 + 128, b"\xff\xff\xff\x7f")))
    assert numbers(reads) == EVERYTHING
    assert reads[0].salvaged == PER_CHUNK


@pytest.mark.parametrize("harm", [broken_record, bad_template])
@pytest.mark.parametrize("position", [3, 9])
def test_a_broken_record_is_lost_alone(tmp_path: Path, harm: Any, position: int) -> None:
    evidence = written(tmp_path, harm(1, position))
    read = evidence.read_chunk(1)
    assert numbers(read_all(evidence)) == without(10 + position)
    assert (read.salvaged, read.lost) == (0, 1)
    problem = read.problems[-1]
    offset = record_offsets(evidence.path.read_bytes(), 1)[position]
    assert (problem.code, problem.offset) == ("lost_record", offset)
    assert f"byte {offset:,}" in problem.message


def test_records_keep_their_positions_when_one_before_them_is_lost(tmp_path: Path) -> None:
    evidence = written(tmp_path, broken_record(1, 3))
    positions = [record.position for record in evidence.read_chunk(1).records]
    assert positions == [n for n in range(PER_CHUNK) if n != 3]
    found = evidence.find(1, 7)
    assert found is not None
    assert found.event["EventData"]["Number"] == 17
    assert evidence.find(1, 3) is None


def test_a_record_whose_own_header_is_broken_does_not_hide_those_behind_it(tmp_path: Path) -> None:
    read = written(tmp_path, lost_record_magic(1, 4)).read_chunk(1)
    assert [record.event["EventData"]["Number"] for record in read.records] == list(range(10, 20))
    assert (read.salvaged, read.lost) == (6, 0)


def test_a_record_that_lies_about_its_size_does_not_hide_those_behind_it(tmp_path: Path) -> None:
    offset = record_offsets(build_evtx(events(), per_chunk=PER_CHUNK), 1)[4]
    read = written(tmp_path, bytes_at(offset + 4, struct.pack("<I", 0x7FFFFFFF))).read_chunk(1)
    assert [record.position for record in read.records] == list(range(PER_CHUNK))


def test_records_behind_an_outdated_chunk_header_are_read(tmp_path: Path) -> None:
    read = written(tmp_path, stale_chunk_header(2, 4)).read_chunk(2)
    assert [record.event["EventData"]["Number"] for record in read.records] == list(range(20, 30))
    assert (read.salvaged, read.lost) == (6, 0)


def test_remains_of_older_records_behind_the_end_are_not_read(tmp_path: Path) -> None:
    rest = build_evtx(events(40)[30:], per_chunk=PER_CHUNK)[4096 + 512 :]
    end = struct.unpack_from("<I", build_evtx(events(), per_chunk=PER_CHUNK), 4096 + 48)[0]
    reads = read_all(written(tmp_path, bytes_at(4096 + end, rest[:4000])))
    assert numbers(reads) == EVERYTHING
    assert codes(reads) == []


def test_repeated_record_ids_are_kept(tmp_path: Path) -> None:
    rows = events(6)
    for row in rows[2:]:
        row["System"]["EventRecordID"] = 2
    evidence = open_evidence(write_evtx(tmp_path / "log.evtx", rows))
    assert numbers(read_all(evidence)) == list(range(6))
    assert {problem.code for problem in evidence.notes(0)} == {"record_id_repeat"}


def test_gaps_in_the_record_ids_are_noted_with_their_size(tmp_path: Path) -> None:
    rows = events(20)
    for row in rows[5:]:
        row["System"]["EventRecordID"] += 7
    for row in rows[10:]:
        row["System"]["EventRecordID"] += 1000
    evidence = open_evidence(write_evtx(tmp_path / "log.evtx", rows, per_chunk=10))
    first, second = evidence.notes(0), evidence.notes(1)
    assert [problem.code for problem in (*first, *second)] == ["record_id_gap", "record_id_gap"]
    assert "7 missing" in first[0].message
    assert "1,000 missing" in second[0].message
    assert codes(read_all(evidence)) == []


def test_a_chunk_of_noise_is_told_and_gives_nothing(tmp_path: Path) -> None:
    read = written(tmp_path, bytes_at(4096 + 65536, b"\xee" * 65536)).read_chunk(1)
    assert (read.records, read.salvaged, read.lost) == ([], 0, 0)
    assert [problem.code for problem in read.problems] == ["bad_magic", "unreadable"]


@settings(max_examples=40, deadline=None, phases=[Phase.explicit, Phase.generate])
@example(cut=4096 + 47)  # in the chunk's header, before it tells where its records end
@given(cut=st.integers(4096, 4096 + CHUNKS * 65536))
def test_a_cut_log_gives_what_lies_before_the_cut(cut: int, scratch: Path) -> None:
    evidence = written(scratch, truncated(cut))
    reads = read_all(evidence)
    data = build_evtx(events(), per_chunk=PER_CHUNK)
    ends = [
        offset + struct.unpack_from("<I", data, offset + 4)[0]
        for chunk in range(CHUNKS)
        for offset in record_offsets(data, chunk)
    ]
    assert numbers(reads) == EVERYTHING[: sum(end <= cut for end in ends)]
    inside = (cut - 4096) % 65536 != 0
    assert ("truncated" in codes(reads)) == inside
    if inside:
        assert next(p for r in reads for p in r.problems if p.code == "truncated").offset == cut


BROKEN_NAME = [(23, b"%\xeb<p}"), (1278, b"PK\x05\x06")]  # control characters in an element's name: no JSON


@settings(max_examples=60, deadline=None, phases=[Phase.explicit, Phase.generate])
@example(writes=BROKEN_NAME)
@given(
    writes=st.lists(
        st.tuples(st.integers(0, 2600), st.binary(min_size=1, max_size=8)), min_size=1, max_size=8
    )
)
def test_no_bytes_make_reading_fail(writes: list[tuple[int, bytes]], scratch: Path) -> None:
    harm = [bytes_at(4096 + offset, data) for offset, data in writes]
    evidence = written(scratch, *harm)
    read = evidence.read_chunk(0)
    positions = [record.position for record in read.records]
    assert positions == sorted(set(positions))
    assert evidence.read_chunk(0) == read
    assert all(isinstance(record.event, dict) for record in read.records)
    assert numbers([evidence.read_chunk(1)]) == list(range(10, 20))


def test_an_event_with_a_name_that_json_cannot_hold_is_its_text_where_the_checksums_are_right(
    tmp_path: Path,
) -> None:
    read = written(tmp_path, bytes_at(4096 + 1278, b"PK\x05\x06"), sealed()).read_chunk(0)
    assert (len(read.records), read.problems) == (PER_CHUNK, ())
    unreadable = [record.event["Unreadable"] for record in read.records if "Unreadable" in record.event]
    assert unreadable
    assert all(any(char < " " for char in text) for text in unreadable)


def test_a_template_that_blows_a_value_up_is_lost_not_held_in_memory(tmp_path: Path) -> None:
    # 12,000 characters, which the event's template repeats for each of a thousand elements.
    text = "x" * 12_000
    row = events(1)[0]
    filled = layout.event_template({"System": row["System"], "EventData": {"A": text}})
    nested = filled.values[-1][1]
    place = layout.Place(0, "string")
    root = layout.Element("EventData", (), tuple(layout.Element("B", (), (place,)) for _ in range(1000)))
    filled.values[-1] = ("xml", layout.Filled(layout.Template(root, b"\1" * 16), nested.values))
    chunk = Chunk()
    assert chunk.add(1, 0, filled)
    data = build_evtx([])[:4096] + chunk.finish(1)
    path = tmp_path / "log.evtx"
    path.write_bytes(data)
    read = open_evidence(path).read_chunk(0)
    assert (read.records, read.lost) == ([], 1)


def test_chunks_beyond_four_gibibytes_are_read_at_their_place(tmp_path: Path) -> None:
    data = build_evtx(events(), per_chunk=PER_CHUNK)
    path = tmp_path / "large.evtx"
    far = 70_000
    with path.open("wb") as file:
        file.write(data[: 4096 + 65536])
        file.seek(4096 + far * 65536)
        file.write(data[4096 + 65536 :])
    evidence = open_evidence(path)
    assert path.stat().st_size > 2**32
    assert evidence.chunk_count == far + 2
    assert numbers([evidence.read_chunk(n) for n in (0, 1, 65_536, far, far + 1)]) == EVERYTHING
    assert evidence.read_chunk(far).records[3].chunk == far
    found = evidence.find(far + 1, 9)
    assert found is not None
    assert found.event["EventData"]["Number"] == 29


def test_reading_a_damaged_chunk_far_in_a_file_tells_its_true_offset(tmp_path: Path) -> None:
    data = build_evtx(events(10), [broken_record(0, 5)])
    path = tmp_path / "large.evtx"
    far = 70_000
    with path.open("wb") as file:
        file.write(data[:4096])
        file.seek(4096 + far * 65536)
        file.write(data[4096:])
    read = open_evidence(path).read_chunk(far)
    assert read.lost == 1
    assert read.problems[-1].offset == record_offsets(data, 0)[5] + far * 65536


def test_a_chunk_that_the_file_does_not_have_is_an_index_error(tmp_path: Path) -> None:
    evidence = written(tmp_path)
    for number in (-1, CHUNKS):
        with pytest.raises(IndexError, match="3 chunks"):
            evidence.read_chunk(number)
    assert evidence.find(CHUNKS, 0) is None


def test_a_log_cut_within_its_header_is_refused_with_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(EvidenceError, match="cut off: it has 2,000 bytes") as caught:
        written(tmp_path, truncated(2000))
    assert caught.value.code == "truncated_header"
    assert caught.value.hint


def test_an_open_log_holds_no_file_and_can_go_to_another_process(tmp_path: Path) -> None:
    evidence = pickle.loads(pickle.dumps(written(tmp_path)))
    open_before = len(list(Path("/proc/self/fd").iterdir()))
    assert numbers(read_all(evidence)) == EVERYTHING
    assert len(list(Path("/proc/self/fd").iterdir())) == open_before


@pytest.mark.parametrize(
    ("chunk_count", "chunk_size", "expected"),
    [
        (0, 65536, []),
        (1, 65536, [(0, 0)]),
        (1024, 65536, [(0, 1023)]),
        (1025, 65536, [(0, 1023), (1024, 1024)]),
        (130, 1024 * 1024, [(0, 63), (64, 127), (128, 129)]),
    ],
)
def test_units_are_about_64_mebibytes_and_cover_every_chunk_once(
    chunk_count: int, chunk_size: int, expected: list[tuple[int, int]]
) -> None:
    assert units_of(chunk_count, chunk_size) == expected


def test_every_published_log_gives_at_least_what_the_first_parser_gives(shared_data: Path) -> None:
    paths = sorted((shared_data / "evtx-attack-samples").rglob("*.evtx"))
    assert len(paths) > 250
    for path in paths:
        evidence = open_evidence(path)
        reads = read_all(evidence)
        alone = [
            record["event_record_id"] for record in PyEvtxParser(str(path), skip_errors=True).records_json()
        ]
        assert sum(len(read.records) for read in reads) >= len(alone), path.name
        assert sum(read.lost for read in reads) == 0, path.name
        before = copy.deepcopy(reads[0].records)
        assert evidence.read_chunk(0).records == before


def test_a_published_log_that_is_cut_gives_the_start_of_what_it_gave_whole(
    shared_data: Path, scratch: Path
) -> None:
    paths = sorted((shared_data / "evtx-attack-samples").rglob("*.evtx"))[::60]
    for path in paths:
        data = path.read_bytes()
        whole = [record for read in read_all(open_evidence(path)) for record in read.records]
        for cut in range(4096, len(data), len(data) // 12 + 1):
            short = scratch / "cut.evtx"
            short.write_bytes(data[:cut])
            reads = read_all(open_evidence(short))
            found = [record for read in reads for record in read.records]
            assert found == whole[: len(found)], (path.name, cut)
            done = (cut - 4096) // 65536
            assert len(found) >= sum(record.chunk < done for record in whole), (path.name, cut)


def test_memory_holds_one_chunk_however_long_the_log(tmp_path: Path) -> None:
    path = write_evtx(tmp_path / "log.evtx", events(3000), per_chunk=50)
    evidence = open_evidence(path)
    tracemalloc.start()
    count = 0
    for number in range(evidence.chunk_count):
        count += len(evidence.read_chunk(number).records)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (evidence.chunk_count, count) == (60, 3000)
    assert peak < 2 * 1024 * 1024
