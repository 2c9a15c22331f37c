"""Harm to a finished log. Each function gives a `Damage`: something that changes the file's bytes in
place."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable

from tests.evtx_writer.chunk import CHUNK_SIZE, HEADER_SIZE, seal

Damage = Callable[[bytearray], None]
_FILE_HEADER_SIZE = 4096


def bytes_at(offset: int, replacement: bytes) -> Damage:
    """Other bytes at an offset of the file; no checksum is brought up to date."""

    def harm(data: bytearray) -> None:
        data[offset : offset + len(replacement)] = replacement

    return harm


def bad_file_magic() -> Damage:
    """A file header that no longer starts with `ElfFile`."""
    return bytes_at(0, b"ELFFILE\1")


def bad_file_crc() -> Damage:
    """A wrong checksum in the file's header."""
    return _flipped(124)


def dirty() -> Damage:
    """The flag of a log that was not closed."""

    def harm(data: bytearray) -> None:
        struct.pack_into("<I", data, 120, 1)

    return harm


def wrong_chunk_count(count: int) -> Damage:
    """A file header that tells of more or fewer chunks than there are, with a right checksum."""

    def harm(data: bytearray) -> None:
        struct.pack_into("<H", data, 42, count)
        struct.pack_into("<I", data, 124, zlib.crc32(data[:120]))

    return harm


def truncated(size: int) -> Damage:
    """A file cut off after so many bytes; a negative number cuts as many off its end."""

    def harm(data: bytearray) -> None:
        del data[size:]

    return harm


def bad_header_crc(chunk: int = 0) -> Damage:
    """A wrong checksum of a chunk's header."""
    return _flipped(_start(chunk) + 124)


def bad_data_crc(chunk: int = 0) -> Damage:
    """A wrong checksum of a chunk's records."""

    def harm(data: bytearray) -> None:
        start = _start(chunk)
        data[start + 52] ^= 0xFF
        header = data[start : start + HEADER_SIZE]
        crc = zlib.crc32(header[128:], zlib.crc32(header[:120]))
        struct.pack_into("<I", data, start + 124, crc)

    return harm


def sealed(chunk: int = 0) -> Damage:
    """Right checksums again, after other damage: what somebody would write who wants it unseen."""
    return lambda data: _reseal(data, chunk)


def bad_magic(chunk: int = 0) -> Damage:
    """A chunk that no longer starts with `ElfChnk`."""
    return bytes_at(_start(chunk), b"\xde\xad\xbe\xef\0\0\0\0")


def zeroed_chunk(chunk: int = 0) -> Damage:
    """A chunk of nothing but zeros."""
    return bytes_at(_start(chunk), bytes(CHUNK_SIZE))


def stale_chunk_header(chunk: int = 0, records: int = 1) -> Damage:
    """A chunk whose header still tells of its first `records` records only, as in a copy of a live log."""

    def harm(data: bytearray) -> None:
        start = _start(chunk)
        places = record_offsets(data, chunk)
        first_id = struct.unpack_from("<Q", data, start + 24)[0]
        struct.pack_into("<Q", data, start + 32, first_id + records - 1)
        last, end = places[records - 1], places[records] if records < len(places) else None
        if end is None:
            return
        struct.pack_into("<II", data, start + 44, last - start, end - start)
        _reseal(data, chunk)

    return harm


def broken_record(chunk: int = 0, position: int = 0) -> Damage:
    """A record whose BinXML is overwritten with bytes that are no token; its header and its size stay."""

    def harm(data: bytearray) -> None:
        offset = record_offsets(data, chunk)[position]
        size = struct.unpack_from("<I", data, offset + 4)[0]
        data[offset + 24 : offset + size - 4] = b"\xee" * (size - 28)
        _reseal(data, chunk)

    return harm


def bad_template(chunk: int = 0, position: int = 1) -> Damage:
    """A record that names a template where there is none: beyond the end of its chunk."""

    def harm(data: bytearray) -> None:
        offset = record_offsets(data, chunk)[position]
        struct.pack_into("<I", data, offset + 24 + 4 + 6, 0xFFFFFF00)
        _reseal(data, chunk)

    return harm


def lost_record_magic(chunk: int = 0, position: int = 1) -> Damage:
    """A record that no longer starts with its two stars: whoever reads on from record to record stops
    here."""

    def harm(data: bytearray) -> None:
        offset = record_offsets(data, chunk)[position]
        data[offset : offset + 4] = b"\0\0\0\0"
        _reseal(data, chunk)

    return harm


def empty_end(chunks: int = 1) -> Damage:
    """Chunks of zeros behind the last one, as in a log whose room was set aside."""

    def harm(data: bytearray) -> None:
        data += bytes(CHUNK_SIZE * chunks)

    return harm


def record_offsets(data: bytes | bytearray, chunk: int) -> list[int]:
    """The byte offsets in the file of a chunk's records."""
    start = _start(chunk)
    end = start + struct.unpack_from("<I", data, start + 48)[0]
    offset, found = start + HEADER_SIZE, []
    while offset < end:
        found.append(offset)
        offset += struct.unpack_from("<I", data, offset + 4)[0]
    return found


def _start(chunk: int) -> int:
    return _FILE_HEADER_SIZE + chunk * CHUNK_SIZE


def _flipped(offset: int) -> Damage:
    def harm(data: bytearray) -> None:
        data[offset] ^= 0xFF

    return harm


def _reseal(data: bytearray, chunk: int) -> None:
    start = _start(chunk)
    held = data[start : start + CHUNK_SIZE]
    seal(held)
    data[start : start + CHUNK_SIZE] = held
