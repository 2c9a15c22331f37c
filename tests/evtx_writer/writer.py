"""A whole log: the file header and as many chunks as the events need."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from tests.evtx_writer.chunk import Chunk
from tests.evtx_writer.damage import Damage
from tests.evtx_writer.layout import event_template

FILE_HEADER_SIZE = 4096


def write_evtx(
    path: str | Path,
    events: Iterable[dict[str, Any]],
    damage: Sequence[Damage] = (),
    *,
    per_chunk: int | None = None,
) -> Path:
    """Write a log of these events and return its path. See the package's docstring for their shape."""
    target = Path(path)
    target.write_bytes(build_evtx(events, damage, per_chunk=per_chunk))
    return target


def build_evtx(
    events: Iterable[dict[str, Any]], damage: Sequence[Damage] = (), *, per_chunk: int | None = None
) -> bytes:
    """The bytes of a log of these events. `per_chunk` ends a chunk early, after so many records; a log of no
    events has one chunk without records, as Windows makes it."""
    chunks: list[bytes] = []
    current, first_number = Chunk(), 1
    record_id = 0
    for event in events:
        system = {**event["System"]}
        record_id = system.setdefault("EventRecordID", record_id + 1)
        filled = event_template({**event, "System": system})
        written = system.get("TimeCreated", {}).get("SystemTime", 0)
        full = len(current) == per_chunk
        if full or not current.add(record_id, written, filled):
            chunks.append(current.finish(first_number))
            first_number += len(current)
            current = Chunk()
            if not current.add(record_id, written, filled):
                raise ValueError(f"The event with record id {record_id} is larger than a chunk.")
    chunks.append(current.finish(first_number))
    next_number = first_number + len(current)
    data = bytearray(_file_header(len(chunks), next_number) + b"".join(chunks))
    for harm in damage:
        harm(data)
    return bytes(data)


def _file_header(chunk_count: int, next_number: int) -> bytes:
    head = struct.pack(
        "<8sQQQIHHHH",
        b"ElfFile\0",
        0,
        chunk_count - 1,
        next_number,
        128,
        1,
        3,
        FILE_HEADER_SIZE,
        chunk_count & 0xFFFF,
    ).ljust(120, b"\0")
    return (head + struct.pack("<II", 0, zlib.crc32(head))).ljust(FILE_HEADER_SIZE, b"\0")
