"""JSON evidence: lines by block, and JSON of any layout rewritten to lines."""

from __future__ import annotations

import gc
import json
import tracemalloc
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sigma_engine.events import EvidenceError, EvidenceFile, open_evidence, rewrite_json

MIB = 1024 * 1024
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
# The key keeps hypothesis from making a known shape by chance.
DOCUMENTS = st.lists(
    st.dictionaries(st.text(max_size=5).map("k{}".format), VALUES, max_size=4), min_size=1, max_size=6
)
LAYOUTS = {
    "lines": lambda rows: "\n".join(json.dumps(row) for row in rows),
    "lines of Windows": lambda rows: (
        "\r\n".join(json.dumps(row, ensure_ascii=False) for row in rows) + "\r\n"
    ),
    "array": lambda rows: json.dumps(rows),
    "pretty array": lambda rows: json.dumps(rows, indent=2, ensure_ascii=False),
    "pretty, one after another": lambda rows: "\n".join(json.dumps(row, indent=4) for row in rows),
    "concatenated": lambda rows: "".join(json.dumps(row) for row in rows),
    "blank lines": lambda rows: "\n\n \n".join(json.dumps(row) for row in rows),
}


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all examples of a property, each of which writes its file anew."""
    return tmp_path_factory.mktemp("scratch")


def read_all(evidence: EvidenceFile) -> list[dict[str, Any]]:
    return [r.event for n in range(evidence.chunk_count) for r in evidence.read_chunk(n).records]


def lost(evidence: EvidenceFile) -> int:
    return sum(evidence.read_chunk(n).lost for n in range(evidence.chunk_count))


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@settings(max_examples=25, deadline=None)
@given(rows=DOCUMENTS)
def test_every_layout_gives_the_same_events(
    layout: str, encoding: str, rows: list[dict[str, Any]], scratch: Path
) -> None:
    path = scratch / "events.json"
    path.write_text(LAYOUTS[layout](rows), encoding=encoding, newline="")
    evidence = open_evidence(path)
    assert read_all(evidence) == rows
    assert lost(evidence) == 0
    assert evidence.path == path


def test_lines_belong_to_the_block_where_they_start(tmp_path: Path) -> None:
    rows = [{"n": n, "text": "x" * (n * 7919 % 40_000)} for n in range(400)]
    path = tmp_path / "events.jsonl"
    path.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))
    evidence = open_evidence(path)
    assert evidence.chunk_count > 5
    reads = [evidence.read_chunk(n) for n in range(evidence.chunk_count)]
    assert [record.event["n"] for read in reads for record in read.records] == list(range(400))
    for read in reads:
        assert [record.position for record in read.records] == list(range(len(read.records)))
    record = reads[3].records[2]
    assert evidence.find(3, 2) == record
    assert evidence.find(3, 9999) is None


@pytest.mark.parametrize("shift", [-2, -1, 0, 1])
def test_a_line_that_ends_at_a_block_is_read_once(tmp_path: Path, shift: int) -> None:
    first = b'{"n": 1, "text": "' + b"x" * (MIB - 21 + shift) + b'"}\n'
    path = tmp_path / "events.jsonl"
    path.write_bytes(first + b'{"n": 2}\n{"n": 3}')
    assert [event["n"] for event in read_all(open_evidence(path))] == [1, 2, 3]


def test_a_line_longer_than_several_blocks_is_read_once(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(b'{"n": 1}\n{"n": 2, "text": "' + b"x" * (3 * MIB) + b'"}\n{"n": 3}\n')
    evidence = open_evidence(path)
    assert [event["n"] for event in read_all(evidence)] == [1, 2, 3]
    assert [len(evidence.read_chunk(n).records) for n in range(evidence.chunk_count)] == [2, 0, 0, 1]


def test_a_line_that_is_no_json_is_lost_alone_and_told_with_its_offset(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(b'{"n": 1}\n{"n": 2, oops}\n[1, 2]\n{"n": 3}\n')
    read = open_evidence(path).read_chunk(0)
    assert [record.event for record in read.records] == [{"n": 1}, {"n": 3}]
    assert [record.position for record in read.records] == [0, 3]
    assert read.lost == 2
    assert [(problem.code, problem.offset) for problem in read.problems] == [
        ("bad_line", 9),
        ("bad_line", 24),
    ]
    assert "oops" in read.problems[0].message
    assert "no object" in read.problems[1].message


def test_a_first_line_that_is_no_json_does_not_hide_the_others(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(b'{"n": 1, "cut\n{"n": 2}\n{"n": 3}\n')
    evidence = open_evidence(path)
    assert [event["n"] for event in read_all(evidence)] == [2, 3]
    assert lost(evidence) == 1


def test_an_endless_line_is_passed_over_in_bounded_memory(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    with path.open("wb") as file:
        file.write(b'{"n": 1}\n{"text": "')
        for _ in range(40):
            file.write(b"x" * MIB)
        file.write(b'"}\n{"n": 2}\n')
    evidence = open_evidence(path)
    tracemalloc.start()
    events = read_all(evidence)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert events == [{"n": 1}, {"n": 2}]
    assert lost(evidence) == 1
    assert "longer than 16 MiB" in evidence.read_chunk(0).problems[0].message
    assert peak < 40 * MIB


def test_half_a_surrogate_pair_becomes_a_replacement_character(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(b'{"text": "a\\ud800b", "pair": "\\ud83d\\ude00"}\n')
    assert read_all(open_evidence(path)) == [{"text": "a\ufffdb", "pair": "\U0001f600"}]


def test_known_shapes_become_the_one_shape(tmp_path: Path) -> None:
    path = tmp_path / "events.json"
    path.write_text('[{"winlog": {"channel": "Security", "event_id": 4624, "event_data": {"A": "b"}}}]')
    event = read_all(open_evidence(path))[0]
    assert event["System"]["EventID"] == {"Value": 4624}
    assert event["EventData"] == {"A": "b"}


def test_an_array_that_is_cut_off_gives_what_is_whole_and_tells_of_the_rest(tmp_path: Path) -> None:
    path = tmp_path / "events.json"
    path.write_text(json.dumps([{"n": n} for n in range(100)], indent=2)[:-10])
    evidence = open_evidence(path)
    assert [event["n"] for event in read_all(evidence)] == list(range(99))
    assert lost(evidence) == 1


def test_text_between_objects_is_one_lost_line(tmp_path: Path) -> None:
    path, target = tmp_path / "events.json", tmp_path / "lines.jsonl"
    path.write_text('[\n  {"n": 1},\n  {"n": 2, bad},\n  {"n": 3}\n]\n')
    assert rewrite_json(path, target) == 3
    lines = target.read_text().splitlines()
    assert (lines[0], lines[2]) == ('{"n": 1}', '{"n": 3}')
    assert "bad" in lines[1]
    assert lost(open_evidence(path)) == 1


def test_numbers_and_text_are_rewritten_as_they_were(tmp_path: Path) -> None:
    path, target = tmp_path / "events.json", tmp_path / "lines.jsonl"
    path.write_text('[{"big": 123456789012345678901234567890,\n "f": 1.50, "s": "\\u0041 {\\n}"}]')
    assert rewrite_json(path, target) == 1
    assert target.read_text() == '{"big": 123456789012345678901234567890, "f": 1.50, "s": "\\u0041 {\\n}"}\n'


def test_a_large_array_is_rewritten_in_bounded_memory(tmp_path: Path) -> None:
    path, target = tmp_path / "events.json", tmp_path / "lines.jsonl"
    with path.open("w") as file:
        file.write("[")
        for n in range(60_000):
            file.write(("" if n == 0 else ",\n  ") + json.dumps({"n": n, "text": "é" * 100}))
        file.write("]")
    assert path.stat().st_size > 30 * MIB
    tracemalloc.start()
    lines = rewrite_json(path, target)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert lines == 60_000
    assert peak < 16 * MIB


def test_an_object_larger_than_the_limit_is_refused_with_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "events.json"
    with path.open("wb") as file:
        file.write(b'{"hits":\n [')
        for _ in range(20):
            file.write(b'"' + b"x" * MIB + b'",')
        file.write(b'""]}')
    with pytest.raises(EvidenceError, match="larger than 16 MiB") as caught:
        open_evidence(path)
    assert "JSON lines" in caught.value.hint


@pytest.mark.parametrize("content", ["[]", "[1, 2]", "{", "[[[["])
def test_json_without_an_object_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "events.json"
    path.write_text(content)
    with pytest.raises(EvidenceError, match="no whole JSON object"):
        open_evidence(path)


def test_deep_nesting_is_a_lost_line_and_no_crash(tmp_path: Path) -> None:
    deep = '{"a":' * 100_000 + "1" + "}" * 100_000
    path = tmp_path / "events.jsonl"
    path.write_text('{"n": 1}\n' + deep + '\n{"n": 2}\n')
    evidence = open_evidence(path)
    assert [event["n"] for event in read_all(evidence)] == [1, 2]
    assert lost(evidence) == 1


def test_the_temporary_lines_go_with_the_evidence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    path = tmp_path / "events.json"
    path.write_text('[{"n": 1}]')
    evidence = open_evidence(path)
    assert read_all(evidence) == [{"n": 1}]
    assert list(temporary.iterdir())
    del evidence
    gc.collect()
    assert list(temporary.iterdir()) == []
    path.write_text("[]")
    with pytest.raises(EvidenceError):
        open_evidence(path)
    assert list(temporary.iterdir()) == []


def test_a_name_that_repeats_in_a_line_of_evtx_dump_has_all_its_values(tmp_path: Path) -> None:
    path = tmp_path / "dump.jsonl"
    path.write_text(
        '{"Event":{"System":{"Channel":"C","EventID":1},"EventData":{"Roles":"a","Roles":"b"}}}\n'
    )
    assert read_all(open_evidence(path))[0]["EventData"] == {"Roles": ["a", "b"]}


def test_a_line_that_is_nested_too_deep_is_told_and_the_rest_is_read(tmp_path: Path) -> None:
    path = tmp_path / "deep.jsonl"
    deep = '{"a":' * 900 + "1" + "}" * 900
    path.write_text(f'{{"System":{{"Channel":"C","Deep":{deep}}}}}\n{{"n": 1}}\n')
    evidence = open_evidence(path)
    read = evidence.read_chunk(0)
    assert [record.event for record in read.records] == [{"n": 1}]
    assert "nested too deep" in read.problems[0].message


def test_a_number_of_thousands_of_digits_is_a_lost_line_in_any_layout(tmp_path: Path) -> None:
    path = tmp_path / "digits.json"
    path.write_text('[{"kA": ' + "9" * 5_000 + '},\n {"kA": 1}]')
    evidence = open_evidence(path)
    assert [event["kA"] for event in read_all(evidence)] == [1]
    assert lost(evidence) == 1
