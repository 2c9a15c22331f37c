"""The chunk of a Windows event log: 64 KiB, a header of 512 bytes, then records one behind the other.

Layout: Microsoft's MS-EVEN6 2.2.12-2.2.17 and libevtx' format description.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from typing import Any, Final, NamedTuple, cast

from evtx import PyEvtxParser

from sigma_engine.evidence import ChunkProblem
from sigma_engine.file_kinds import CHUNK_MAGIC, EVTX_MAGIC, FILE_HEADER_SIZE

CHUNK_SIZE: Final = 65536
CHUNK_HEADER_SIZE: Final = 512
RECORD_MAGIC: Final = b"\x2a\x2a\0\0"
RECORD_HEAD: Final = struct.Struct("<4sIQ")
SMALLEST_RECORD: Final = 28
# A record fits in a chunk, but a template can repeat a value of it thousands of times.
LARGEST_EVENT: Final = 4 * 1024 * 1024


class Slot(NamedTuple):
    """Where a record lies: byte offset in its chunk, size, and the record id of its header."""

    offset: int
    size: int
    record_id: int

    @property
    def end(self) -> int:
        """The offset behind the record."""
        return self.offset + self.size


class RejectedError(Exception):
    """The first parser does not read this chunk to its end. The message is the parser's own."""


def _file_header() -> bytes:
    """The header of a clean log of one chunk, which is how each chunk is handed to the parser."""
    head = struct.pack("<8sQQQIHHHH", EVTX_MAGIC, 0, 0, 1, 128, 1, 3, FILE_HEADER_SIZE, 1)
    head = head.ljust(120, b"\0")
    return (head + struct.pack("<II", 0, zlib.crc32(head))).ljust(FILE_HEADER_SIZE, b"\0")


_ONE_CHUNK_HEADER: Final = _file_header()


def parse(chunk: bytes | bytearray, *, skip_errors: bool = False) -> Iterator[dict[str, Any]]:
    """The records of a chunk of 64 KiB as the `evtx` package gives them: dicts with `event_record_id`,
    `timestamp` and `data`, a JSON text.

    Raises RejectedError at what it cannot read; with `skip_errors` it warns (RuntimeWarning) and goes on.
    """
    source = io.BytesIO(_ONE_CHUNK_HEADER + chunk)
    try:
        parser = PyEvtxParser(source, number_of_threads=1, skip_errors=skip_errors)
        yield from cast("Iterator[dict[str, Any]]", parser.records_json())
    except (RuntimeError, OSError, ValueError) as error:
        raise RejectedError(str(error)) from error


def declared_end(chunk: bytes) -> int:
    """Where the records end by the chunk's header; the chunk's end when that makes no sense or is cut off."""
    if len(chunk) < 52:
        return CHUNK_SIZE
    end: int = struct.unpack_from("<I", chunk, 48)[0]
    return end if CHUNK_HEADER_SIZE <= end <= CHUNK_SIZE else CHUNK_SIZE


def slots_of(chunk: bytes) -> Iterator[Slot]:
    """The records of a chunk by their headers alone, in order, up to the end that the chunk's header tells.

    A live log is copied before its chunk's header is brought up to date: records behind that end with the
    next ids count too. Whatever else lies behind the end is slack, the remains of older records.
    """
    end = declared_end(chunk)
    offset, last_id = CHUNK_HEADER_SIZE, -1
    while offset + SMALLEST_RECORD <= len(chunk):
        magic, size, record_id = RECORD_HEAD.unpack_from(chunk, offset)
        if magic != RECORD_MAGIC or not SMALLEST_RECORD <= size <= len(chunk) - offset:
            return
        if offset >= end and record_id != last_id + 1:
            return
        yield Slot(offset, size, record_id)
        offset, last_id = offset + size, record_id


def header_problems(chunk: bytes, number: int, start: int) -> Iterator[ChunkProblem]:
    """What is wrong with a chunk by its header; its records are read all the same.

    `chunk` may be cut off; `start` is its offset in the file.
    """
    if len(chunk) < CHUNK_SIZE:
        text = (
            f"The file ends at byte {start + len(chunk):,}, {len(chunk):,} bytes into this chunk of "
            f"{CHUNK_SIZE:,}."
        )
        yield ChunkProblem(number, "truncated", text, start + len(chunk))
    if not chunk.startswith(CHUNK_MAGIC):
        yield ChunkProblem(number, "bad_magic", "The chunk does not start with `ElfChnk`.", start)
        return
    if len(chunk) < CHUNK_HEADER_SIZE:
        return
    data_crc, header_crc = (struct.unpack_from("<I", chunk, at)[0] for at in (52, 124))
    if zlib.crc32(chunk[128:CHUNK_HEADER_SIZE], zlib.crc32(chunk[:120])) != header_crc:
        text = "The checksum of the chunk's header is wrong."
        yield ChunkProblem(number, "bad_header_crc", text, start + 124)
    end = declared_end(chunk)
    if end <= len(chunk) and zlib.crc32(memoryview(chunk)[CHUNK_HEADER_SIZE:end]) != data_crc:
        text = "The checksum of the chunk's records is wrong."
        yield ChunkProblem(number, "bad_data_crc", text, start + 52)
