"""Windows event logs (.evtx): a 4 KiB file header, then chunks of 64 KiB that each stand alone.

The reader is the `evtx` package (Rust), given one chunk at a time behind a file header of ours: the number of
chunks comes from the file's size, never from its header, and memory holds one chunk. What that parser
rejects is read record by record in `salvage`. Layout: Microsoft's MS-EVEN6 2.2.12-2.2.17 and libevtx'
format description.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, cast

from evtx import PyEvtxParser

from sigma_engine.event_shapes import from_evtx_json
from sigma_engine.evidence import ChunkProblem, ChunkRead, EvidenceError, EvidenceFile, Record
from sigma_engine.file_kinds import CHUNK_MAGIC, EVTX_MAGIC, FILE_HEADER_SIZE

CHUNK_SIZE: Final = 65536
CHUNK_HEADER_SIZE: Final = 512
RECORD_MAGIC: Final = b"\x2a\x2a\0\0"
SMALLEST_RECORD: Final = 28

_ZERO_CHUNK: Final = bytes(CHUNK_SIZE)
_RECORD_HEAD: Final = struct.Struct("<4sIQ")
_DIRTY: Final = 1


def _file_header() -> bytes:
    """The header of a clean log of one chunk, which is how each chunk is handed to the parser."""
    head = struct.pack("<8sQQQIHHHH", EVTX_MAGIC, 0, 0, 1, 128, 1, 3, FILE_HEADER_SIZE, 1)
    head = head.ljust(120, b"\0")
    return (head + struct.pack("<II", 0, zlib.crc32(head))).ljust(FILE_HEADER_SIZE, b"\0")


ONE_CHUNK_HEADER: Final = _file_header()


@dataclass(frozen=True, slots=True)
class Slot:
    """Where a record lies: byte offset in its chunk, size, and the record id of its header."""

    offset: int
    size: int
    record_id: int


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
            self.problems = tuple(_header_problems(file.read(128), self.chunk_count))

    @property
    def chunk_count(self) -> int:
        """The number of chunks by the file's size; a last one that is cut off counts."""
        return -(-(self.size - FILE_HEADER_SIZE) // CHUNK_SIZE)

    def read_chunk(self, number: int) -> ChunkRead:
        """Read one chunk; see `EvidenceFile.read_chunk`. A chunk of zeros is empty and no fault."""
        from sigma_engine.salvage import salvage_chunk

        self.check_number(number)
        chunk = self._chunk(number)
        if chunk.count(0) == len(chunk):
            return ChunkRead([])
        start = FILE_HEADER_SIZE + number * CHUNK_SIZE
        problems = tuple(_chunk_problems(chunk, number, start))
        chunk = chunk.ljust(CHUNK_SIZE, b"\0")
        slots = list(slots_of(chunk))
        try:
            texts = [record["data"] for record in parse(chunk)]
        except (RuntimeError, OSError, ValueError):
            texts = []
        if len(texts) < len(slots) or not slots:
            return salvage_chunk(chunk, number, start, problems)
        return ChunkRead(
            [Record(number, place, from_evtx_json(text)) for place, text in enumerate(texts)],
            problems=problems,
        )

    def notes(self, number: int) -> tuple[ChunkProblem, ...]:
        """Gaps and repeats in the record ids of this chunk, and towards the chunk before it.

        A gap can mean a cleared or a filtered log; a repeat, a log that was pieced together. Ids that go
        back from one chunk to the next are a log that wrapped around, and no note.
        """
        self.check_number(number)
        start = FILE_HEADER_SIZE + number * CHUNK_SIZE
        before = list(slots_of(self._chunk(number - 1).ljust(CHUNK_SIZE, b"\0"))) if number else []
        slots = list(slots_of(self._chunk(number).ljust(CHUNK_SIZE, b"\0")))
        last = (
            before[-1].record_id if before and slots and before[-1].record_id < slots[0].record_id else None
        )
        return tuple(_id_notes(slots, last, number, start))

    def _chunk(self, number: int) -> bytes:
        with self.path.open("rb", buffering=0) as file:
            file.seek(FILE_HEADER_SIZE + number * CHUNK_SIZE)
            return file.read(CHUNK_SIZE) or b""


def parse(chunk: bytes, *, skip_errors: bool = False) -> Iterator[dict[str, Any]]:
    """The records of a chunk of 64 KiB as the `evtx` package gives them: dicts with `event_record_id`,
    `timestamp` and `data`, a JSON text. Raises RuntimeError when it rejects the chunk or a record."""
    source = io.BytesIO(ONE_CHUNK_HEADER + chunk)
    parser = PyEvtxParser(source, number_of_threads=1, skip_errors=skip_errors)
    return cast("Iterator[dict[str, Any]]", parser.records_json())


def slots_of(chunk: bytes) -> Iterator[Slot]:
    """The records of a chunk by their headers alone, in order, up to the end that the chunk's header tells.

    A live log is copied before its chunk's header is brought up to date: records that follow on that end
    with the next ids count too. Whatever else lies behind the end is slack, the remains of older records.
    """
    end = struct.unpack_from("<I", chunk, 48)[0]
    offset, last_id = CHUNK_HEADER_SIZE, None
    while offset + SMALLEST_RECORD <= CHUNK_SIZE:
        magic, size, record_id = _RECORD_HEAD.unpack_from(chunk, offset)
        if magic != RECORD_MAGIC or not SMALLEST_RECORD <= size <= CHUNK_SIZE - offset:
            return
        if offset >= end and last_id is not None and record_id != last_id + 1:
            return
        yield Slot(offset, size, record_id)
        offset, last_id = offset + size, record_id


def _header_problems(header: bytes, chunk_count: int) -> Iterator[ChunkProblem]:
    """What is wrong with the file's header. None of it keeps a chunk from being read."""
    if not header.startswith(EVTX_MAGIC):
        yield ChunkProblem(
            -1, "bad_file_magic", "The file's header is damaged; its chunks are read all the same.", 0
        )
        return
    told, flags, checksum = struct.unpack_from("<H", header, 42)[0], *struct.unpack_from("<II", header, 120)
    if zlib.crc32(header[:120]) != checksum:
        yield ChunkProblem(-1, "bad_file_crc", "The checksum of the file's header is wrong.", 124)
    if flags & _DIRTY:
        yield ChunkProblem(
            -1, "dirty", "The log was not closed cleanly (dirty flag): its last records may be missing.", 120
        )
    if told != chunk_count & 0xFFFF and not flags & _DIRTY:
        yield ChunkProblem(
            -1,
            "chunk_count",
            f"The header tells of {told:,} chunks, the file has room for {chunk_count:,}.",
            42,
        )


def _chunk_problems(chunk: bytes, number: int, start: int) -> Iterator[ChunkProblem]:
    """What is wrong with a chunk by its header. Its records are read all the same."""
    if len(chunk) < CHUNK_SIZE:
        yield ChunkProblem(
            number,
            "truncated",
            f"The file ends {len(chunk):,} bytes into this chunk, at byte {start + len(chunk):,}; "
            f"a chunk has {CHUNK_SIZE:,}.",
            start + len(chunk),
        )
        chunk = chunk.ljust(CHUNK_HEADER_SIZE, b"\0")
    if not chunk.startswith(CHUNK_MAGIC):
        yield ChunkProblem(number, "bad_magic", "The chunk does not start with `ElfChnk`.", start)
        return
    end, data_crc, header_crc = *struct.unpack_from("<II", chunk, 48), struct.unpack_from("<I", chunk, 124)[0]
    if zlib.crc32(chunk[128:CHUNK_HEADER_SIZE], zlib.crc32(chunk[:120])) != header_crc:
        yield ChunkProblem(
            number, "bad_header_crc", "The checksum of the chunk's header is wrong.", start + 124
        )
    if len(chunk) == CHUNK_SIZE and zlib.crc32(chunk[CHUNK_HEADER_SIZE:end]) != data_crc:
        yield ChunkProblem(
            number, "bad_data_crc", "The checksum of the chunk's records is wrong.", start + 52
        )


def _id_notes(slots: list[Slot], last: int | None, number: int, start: int) -> Iterator[ChunkProblem]:
    for slot in slots:
        at = start + slot.offset
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
