"""Windows event logs (.evtx): a 4 KiB file header, then chunks of 64 KiB that each stand alone.

The reader is the `evtx` package (Rust), given one chunk at a time behind a file header of ours: the number
of chunks comes from the file's size, never from its header, and memory holds one chunk. What that parser
rejects is read record by record in `salvage`.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Literal

import orjson

from sigma_engine.evidence import ChunkProblem, ChunkRead, EvidenceError, EvidenceFile, Record
from sigma_engine.evtx_chunk import (
    CHUNK_HEADER_SIZE,
    CHUNK_SIZE,
    LARGEST_EVENT,
    RejectedError,
    Slot,
    declared_end,
    header_problems,
    parse,
    slots_of,
)
from sigma_engine.evtx_json import decoded, is_nested_too_deep
from sigma_engine.file_kinds import CHUNK_MAGIC, EVTX_MAGIC, FILE_HEADER_SIZE
from sigma_engine.salvage import salvage_chunk

_DIRTY: Final = 1
_COUNT_AT: Final = 42
_MOST_TOLD: Final = 0xFFFF


class EvtxRecord(Record):
    """An event that is decoded when it is asked for, each time: a scan holds one at a time, so that it stays in the
    processor's cache."""

    __slots__ = ()

    def __init__(self, chunk: int, position: int, text: str) -> None:
        self.chunk = chunk  # not by the base class: a call for each event of a log
        self.position = position
        self.text = text

    @property
    def event(self) -> dict[str, Any]:
        """The event, decoded anew. What the parser wrote of a made-up name in a chunk with right checksums may be
        no JSON: then the event is that text, to be seen and searched."""
        try:
            return decoded(self.text)
        except ValueError:
            return {"Unreadable": self.text}


class EvtxFile(EvidenceFile):
    """A Windows event log."""

    kind: Literal["evtx", "jsonl"] = "evtx"
    chunk_size = CHUNK_SIZE

    def __init__(self, path: Path, size: int) -> None:
        if size < FILE_HEADER_SIZE:
            raise EvidenceError(
                "truncated_header",
                f"This event log is cut off: it has {size:,} bytes, its header alone {FILE_HEADER_SIZE:,}.",
                "Copy it again from its source.",
            )
        super().__init__(path, size)
        with path.open("rb") as file:
            header = file.read(128)
            file.seek(_start_of(_told_chunks(header)))
            goes_on = file.read(8) == CHUNK_MAGIC and self.chunk_count < _MOST_TOLD
        self.problems = tuple(_header_problems(header, self.chunk_count, goes_on=goes_on))

    @property
    def chunk_count(self) -> int:
        """The number of chunks by the file's size; a last one that is cut off counts."""
        return -(-(self.size - FILE_HEADER_SIZE) // CHUNK_SIZE)

    def read_chunk(self, number: int) -> ChunkRead:
        """Read one chunk; see `EvidenceFile.read_chunk`. A chunk of zeros is empty and no fault."""
        self.check_number(number)
        chunk = self._chunk(number)
        if chunk == bytes(len(chunk)):
            return ChunkRead([])
        start = _start_of(number)
        problems = tuple(header_problems(chunk, number, start))
        whole = len(chunk) == CHUNK_SIZE and chunk.startswith(CHUNK_MAGIC)
        records = _read_whole(chunk, number, is_sound=not problems) if whole else None
        if records is None:
            return salvage_chunk(chunk, number, start, problems)
        return ChunkRead(records, problems=problems)

    def notes(self, number: int) -> tuple[ChunkProblem, ...]:
        """Gaps and repeats in the record ids of this chunk, and towards the chunk before it.

        A gap can mean a cleared or a filtered log; a repeat, a log that was pieced together. Ids that go
        back from one chunk to the next are a log that wrapped around, and no note.
        """
        self.check_number(number)
        slots = list(slots_of(self._chunk(number)))
        before = self._last_id(number - 1) if number else None
        if before is not None and slots and before >= slots[0].record_id:
            before = None
        return tuple(_id_notes(slots, before, number))

    def _last_id(self, number: int) -> int | None:
        """The id of the last record that stands in a chunk; None where there is none. Its header may be older."""
        slots = list(slots_of(self._chunk(number)))
        return slots[-1].record_id if slots else None

    def _chunk(self, number: int) -> bytes:
        return self._bytes(_start_of(number), CHUNK_SIZE)

    def _bytes(self, offset: int, size: int) -> bytes:
        # Not through a file object: its making takes as long as the reading.
        descriptor = os.open(self.path, os.O_RDONLY)
        try:
            return os.pread(descriptor, size, offset)
        finally:
            os.close(descriptor)


def _start_of(number: int) -> int:
    return FILE_HEADER_SIZE + number * CHUNK_SIZE


def _read_whole(chunk: bytes, number: int, *, is_sound: bool) -> list[Record] | None:
    """The records of a chunk; None when the parser rejects anything in it, gives fewer records than the chunk holds
    by its record headers, or writes what is no JSON: of a damaged name it does. `is_sound`: the chunk's checksums
    are right, so that is not looked for."""
    count, end = 0, CHUNK_HEADER_SIZE
    for slot in slots_of(chunk):
        count += 1
        end = slot.end
    if end < declared_end(chunk):
        return None
    try:
        texts = [record["data"] for record in parse(chunk)]
        if len(texts) < count or any(map(_is_too_large, texts)):
            return None
        if not is_sound:
            for text in texts:
                orjson.loads(text)
        return [EvtxRecord(number, position, text) for position, text in enumerate(texts)]
    except (RejectedError, ValueError):
        return None


def _is_too_large(text: str) -> bool:
    """Whether an event is not to be decoded: it is too long, or nested too deep."""
    return len(text) > LARGEST_EVENT or is_nested_too_deep(text)


def _header_problems(header: bytes, chunk_count: int, *, goes_on: bool) -> Iterator[ChunkProblem]:
    """What is wrong with the file's header. None of it keeps a chunk from being read.

    `goes_on`: whether a chunk in use lies behind those that the header counts (room set aside does not).
    """
    if not header.startswith(EVTX_MAGIC):
        text = "The file's header is damaged; its chunks are read all the same."
        yield ChunkProblem(-1, "bad_file_magic", text, 0)
        return
    flags, checksum = struct.unpack_from("<II", header, 120)
    if zlib.crc32(header[:120]) != checksum:
        yield ChunkProblem(-1, "bad_file_crc", "The checksum of the file's header is wrong.", 124)
    if flags & _DIRTY:
        text = "The log was not closed cleanly (dirty flag): its last records may be missing."
        yield ChunkProblem(-1, "dirty", text, 120)
    told = _told_chunks(header)
    if told > chunk_count or (goes_on and told < chunk_count):
        text = f"The file's header tells of {told:,} chunks, by its size the file has {chunk_count:,}."
        yield ChunkProblem(-1, "chunk_count", text, _COUNT_AT)


def _told_chunks(header: bytes) -> int:
    """The number of chunks by the file's header, which has 16 bits for it."""
    count: int = struct.unpack_from("<H", header, _COUNT_AT)[0]
    return count


def _id_notes(slots: list[Slot], last: int | None, number: int) -> Iterator[ChunkProblem]:
    for slot in slots:
        at = _start_of(number) + slot.offset
        if last is not None and slot.record_id > last + 1:
            gap = slot.record_id - last - 1
            text = (
                f"Record ids jump from {last} to {slot.record_id}: {gap:,} missing (cleared or filtered log)."
            )
            yield ChunkProblem(number, "record_id_gap", text, at)
        elif last is not None and slot.record_id <= last:
            yield ChunkProblem(
                number,
                "record_id_repeat",
                f"Record id {slot.record_id} follows {last}: repeated or going back.",
                at,
            )
        last = slot.record_id
