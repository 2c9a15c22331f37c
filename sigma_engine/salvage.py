"""A chunk that the first parser does not read as it is, wholly or part way: read record by record.

First the chunk is laid out anew from its record headers (`_repaired`): a broken chunk header, an end that is
out of date, a record whose own header is broken no longer stand in the way of the others. The first parser
reads that; what it still cannot read, python-evtx, a parser written independently of it, reads alone.
"""

from __future__ import annotations

import struct
import warnings
from collections.abc import Iterator
from typing import Any, Final

from sigma_engine.evidence import ChunkProblem, ChunkRead, Record
from sigma_engine.evtx_chunk import (
    CHUNK_HEADER_SIZE,
    CHUNK_SIZE,
    LARGEST_EVENT,
    RECORD_HEAD,
    RECORD_MAGIC,
    SMALLEST_RECORD,
    RejectedError,
    Slot,
    declared_end,
    parse,
)
from sigma_engine.evtx_json import from_evtx_json
from sigma_engine.file_kinds import CHUNK_MAGIC

MOST_FAILURES: Final = 10
_TOLD: Final = 10
_CUT: Final = -1  # instead of a record id: the file ends within this record


def salvage_chunk(chunk: bytes, number: int, start: int, problems: tuple[ChunkProblem, ...]) -> ChunkRead:
    """Read what can be read of a chunk, which may be cut off. `start` is its offset in the file.

    `salvaged` counts the records that the first parser does not give for the chunk as it is. A record has
    the same position whether or not the ones before it could be read.
    """
    slots = list(find_slots(chunk))
    if not slots:
        return ChunkRead([], problems=(*problems, *_nothing_found(chunk, number, start)))
    whole = [slot for slot in slots if slot.record_id != _CUT]
    repaired = _repaired(chunk, whole)
    events, reasons = _first_parser(repaired)
    _second_parser(repaired, whole, events, reasons)
    reasons |= dict.fromkeys(range(len(whole), len(slots)), "the file ends within it")
    records = [Record(number, position, events[position]) for position in sorted(events)]
    salvaged = max(0, len(records) - _count_as_it_is(chunk))
    told = list(_lost(reasons, slots, number, start))
    if salvaged:
        text = f"{salvaged:,} records of this chunk could be read only record by record."
        told.insert(0, ChunkProblem(number, "salvaged", text, start))
    return ChunkRead(records, salvaged, len(reasons), (*problems, *told))


def find_slots(chunk: bytes) -> Iterator[Slot]:
    """The records of a damaged chunk. Where none starts though one should, the search goes on: what lies
    before the next one is a slot of its own, and so is what a cut or a broken end leaves."""
    end = declared_end(chunk) if chunk.startswith(CHUNK_MAGIC) else CHUNK_SIZE
    offset, last_id = CHUNK_HEADER_SIZE, -1
    while offset + SMALLEST_RECORD <= len(chunk):
        slot = _slot_at(chunk, offset)
        if offset >= end and (slot is None or slot.record_id != last_id + 1):
            return
        if slot is None:
            slot = _unsound_slot(chunk, offset, min(end, len(chunk)), first=last_id == -1)
            if slot is None:
                return
        yield slot
        offset, last_id = slot.end, slot.record_id
    if offset < min(end, len(chunk)) and chunk.count(0, offset) < len(chunk) - offset:
        yield Slot(offset, len(chunk) - offset, _CUT)


def _unsound_slot(chunk: bytes, offset: int, end: int, *, first: bool) -> Slot | None:
    """What lies where a record should start: as far as the next sound record, or to the end. None when that
    is nothing, or when nothing in the whole chunk looks like a record."""
    next_offset = _next_record(chunk, offset + 8)
    magic, _, record_id = RECORD_HEAD.unpack_from(chunk, offset)
    if next_offset is not None:
        return Slot(offset, next_offset - offset, record_id)
    if chunk.count(0, offset) == len(chunk) - offset or (first and magic != RECORD_MAGIC):
        return None
    return Slot(offset, end - offset, record_id if len(chunk) == CHUNK_SIZE else _CUT)


def _slot_at(chunk: bytes, offset: int) -> Slot | None:
    """The record that starts here, if its header and the copy of its size at its end say so."""
    magic, size, record_id = RECORD_HEAD.unpack_from(chunk, offset)
    if magic != RECORD_MAGIC or not SMALLEST_RECORD <= size <= len(chunk) - offset:
        return None
    copy = struct.unpack_from("<I", chunk, offset + size - 4)[0]
    follows = chunk[offset + size : offset + size + 4] == RECORD_MAGIC
    return Slot(offset, size, record_id) if copy == size or follows else None


def _next_record(chunk: bytes, offset: int) -> int | None:
    """Where the next sound record starts, at a multiple of eight bytes as all do."""
    while (offset := chunk.find(RECORD_MAGIC, offset)) >= 0:
        if offset % 8 == 0 and offset + SMALLEST_RECORD <= len(chunk) and _slot_at(chunk, offset) is not None:
            return offset
        offset += 4
    return None


def _repaired(chunk: bytes, slots: list[Slot]) -> bytes:
    """The chunk with a sound header, without string and template tables (both parsers find names and
    templates by their offsets), and records whose ids are their positions."""
    data = bytearray(chunk.ljust(CHUNK_SIZE, b"\0"))
    data[:CHUNK_HEADER_SIZE] = bytes(CHUNK_HEADER_SIZE)
    last = len(slots) - 1
    end = slots[last].end if slots else CHUNK_HEADER_SIZE
    struct.pack_into("<8sQQQQ", data, 0, CHUNK_MAGIC, 1, last + 1, 0, max(0, last))
    struct.pack_into("<III", data, 40, 128, slots[last].offset if slots else 0, end)
    for position, slot in enumerate(slots):
        if slot.size >= SMALLEST_RECORD:
            RECORD_HEAD.pack_into(data, slot.offset, RECORD_MAGIC, slot.size, position)
    return bytes(data)


def _first_parser(chunk: bytes) -> tuple[dict[int, dict[str, Any]], dict[int, str]]:
    """Position to event for all records that the first parser reads, and position to reason for those that
    it reads but that are too large to be kept."""
    events: dict[int, dict[str, Any]] = {}
    reasons: dict[int, str] = {}
    with warnings.catch_warnings():
        # It warns of each record that it skips; those are told of by position instead.
        warnings.simplefilter("ignore", RuntimeWarning)
        try:
            for record in parse(chunk, skip_errors=True):
                position = record["event_record_id"]
                if len(record["data"]) > LARGEST_EVENT:
                    reasons[position] = f"its event is larger than {LARGEST_EVENT // 2**20} MiB"
                else:
                    events[position] = from_evtx_json(record["data"])
        except (RejectedError, ValueError):
            return events, reasons
    return events, reasons


def _second_parser(
    chunk: bytes, slots: list[Slot], events: dict[int, dict[str, Any]], reasons: dict[int, str]
) -> None:
    """Read what is missing in `events` into it, or put the reason why it cannot be read into `reasons`.

    The second parser takes up to a quarter of a second to fail on hostile bytes, so it is not asked any more
    once it failed often on a chunk.
    """
    if all(position in events or position in reasons for position in range(len(slots))):
        return
    # Rarely needed, and it imports a lot: a tenth of the start of a scan.
    from sigma_engine.second_parser import SecondParser

    parser = SecondParser(chunk)
    failures = 0
    for position, slot in enumerate(slots):
        if position in events or position in reasons:
            continue
        if failures == MOST_FAILURES:
            reasons[position] = f"{MOST_FAILURES} others of its chunk could not be read either"
            continue
        try:
            events[position] = parser.event(slot.offset)
        except ValueError as error:
            reasons[position] = str(error)
            failures += 1


def _count_as_it_is(chunk: bytes) -> int:
    """How many records the first parser reads without any repair; none of them may lie behind a cut."""
    if len(chunk) < CHUNK_SIZE:
        chunk = chunk.ljust(CHUNK_SIZE, b"\0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        try:
            return sum(1 for _ in parse(chunk, skip_errors=True))
        except RejectedError:
            return 0


def _lost(reasons: dict[int, str], slots: list[Slot], number: int, start: int) -> Iterator[ChunkProblem]:
    for position, reason in sorted(reasons.items())[:_TOLD]:
        slot = slots[position]
        text = f"Record {position} at byte {start + slot.offset:,} ({slot.size:,} bytes) is lost: {reason}."
        yield ChunkProblem(number, "lost_record", text, start + slot.offset)
    if len(reasons) > _TOLD:
        text = f"{len(reasons) - _TOLD:,} more records of this chunk are lost."
        yield ChunkProblem(number, "lost_record", text, start)


def _nothing_found(chunk: bytes, number: int, start: int) -> Iterator[ChunkProblem]:
    """A chunk may have no record, as that of a new log has; but not one that has other bytes instead."""
    held = chunk[CHUNK_HEADER_SIZE : declared_end(chunk)] if chunk.startswith(CHUNK_MAGIC) else chunk
    if held.count(0) < len(held):
        text = "No record was found in this chunk; how many it held is not known."
        yield ChunkProblem(number, "unreadable", text, start)
