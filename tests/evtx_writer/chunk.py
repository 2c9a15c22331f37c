"""One chunk of 64 KiB: header with string and template table, then records of BinXML."""

from __future__ import annotations

import struct
import zlib
from typing import Any

from tests.evtx_writer.layout import Element, Filled, Place, Template
from tests.evtx_writer.values import KINDS, encode, filetime, utf16

CHUNK_SIZE = 65536
HEADER_SIZE = 512
_FRAGMENT = b"\x0f\x01\x01\x00"
_U16, _U32 = struct.Struct("<H"), struct.Struct("<I")


class Chunk:
    """Collects records until it is full. Names and templates are written where they are first used."""

    def __init__(self) -> None:
        self._bytes = bytearray(HEADER_SIZE)
        self._names: dict[str, int] = {}
        self._templates: dict[Template, int] = {}
        self._name_heads = [0] * 64
        self._template_heads = [0] * 32
        self._ids: list[int] = []
        self._last_offset = 0

    def __len__(self) -> int:
        return len(self._ids)

    def add(self, record_id: int, written: Any, filled: Filled) -> bool:
        """Append a record; `written` is the time of its header. False when it has no room: the chunk is as it
        was before."""
        start = len(self._bytes)
        names, templates = len(self._names), len(self._templates)
        heads = self._name_heads[:], self._template_heads[:]
        self._bytes += struct.pack("<4sIQQ", b"\x2a\x2a\0\0", 0, record_id, filetime(written))
        fits = self._instance(filled)
        self._bytes += b"\0" * (8 - (len(self._bytes) + 4) % 8)
        size = len(self._bytes) + 4 - start
        self._bytes += _U32.pack(size)
        if not fits or len(self._bytes) > CHUNK_SIZE:
            self._forget(start, names, templates)
            self._name_heads, self._template_heads = heads
            return False
        _U32.pack_into(self._bytes, start + 4, size)
        self._ids.append(record_id)
        self._last_offset = start
        return True

    def finish(self, first_number: int) -> bytes:
        """The chunk's bytes; its first record is the file's record of this number, counted from 1."""
        end = len(self._bytes)
        chunk = self._bytes.ljust(CHUNK_SIZE, b"\0")
        last_number = first_number + len(self._ids) - 1
        first_id, last_id = (self._ids[0], self._ids[-1]) if self._ids else (0, 0)
        struct.pack_into("<8sQQQQ", chunk, 0, b"ElfChnk\0", first_number, last_number, first_id, last_id)
        struct.pack_into("<III", chunk, 40, 128, self._last_offset, end)
        struct.pack_into("<64I", chunk, 128, *self._name_heads)
        struct.pack_into("<32I", chunk, 384, *self._template_heads)
        seal(chunk)
        return bytes(chunk)

    def _forget(self, start: int, names: int, templates: int) -> None:
        """Take back what was written from `start` on: the newest names and templates with it."""
        del self._bytes[start:]
        while len(self._names) > names:
            self._names.popitem()
        while len(self._templates) > templates:
            self._templates.popitem()

    def _instance(self, filled: Filled) -> bool:
        """A fragment with an instance of a template: its definition where it is new, then the values. False
        when a value is larger than its size field can say."""
        self._bytes += _FRAGMENT
        template = filled.template
        known = self._templates.get(template)
        at = len(self._bytes) + 10 if known is None else known
        self._bytes += b"\x0c\x01" + template.guid[:4] + _U32.pack(at)
        if known is None:
            self._definition(template)
        return self._values(filled.values)

    def _definition(self, template: Template) -> None:
        at = len(self._bytes)
        bucket = _U32.unpack(template.guid[:4])[0] % 32
        self._bytes += _U32.pack(self._template_heads[bucket]) + template.guid + _U32.pack(0)
        start = len(self._bytes)
        self._bytes += _FRAGMENT
        self._element(template.root)
        self._bytes += b"\0"
        _U32.pack_into(self._bytes, start - 4, len(self._bytes) - start)
        self._templates[template] = self._template_heads[bucket] = at

    def _values(self, values: list[tuple[str, Any]]) -> bool:
        self._bytes += _U32.pack(len(values))
        table = len(self._bytes)
        self._bytes += bytes(4 * len(values))
        for number, (kind, value) in enumerate(values):
            start = len(self._bytes)
            if kind == "xml" and isinstance(value, Filled):
                code = 0x21
                if not self._instance(value):
                    return False
                self._bytes += b"\0"
            else:
                code, held = encode(kind, value)
                self._bytes += held
            size = len(self._bytes) - start
            if size > 0xFFFF:
                return False
            struct.pack_into("<HBB", self._bytes, table + 4 * number, size, code, 0)
        return True

    def _element(self, element: Element) -> None:
        self._bytes += (b"\x41" if element.attributes else b"\x01") + b"\xff\xff"
        size_at = len(self._bytes)
        self._bytes += bytes(4)
        self._name(element.name)
        if element.attributes:
            self._attributes(element)
        if element.content:
            self._bytes += b"\x02"
            for part in element.content:
                self._place(part) if isinstance(part, Place) else self._element(part)
            self._bytes += b"\x04"
        else:
            self._bytes += b"\x03"
        _U32.pack_into(self._bytes, size_at, len(self._bytes) - size_at - 4)

    def _attributes(self, element: Element) -> None:
        size_at = len(self._bytes)
        self._bytes += bytes(4)
        for number, (name, value) in enumerate(element.attributes, start=1):
            self._bytes += b"\x46" if number < len(element.attributes) else b"\x06"
            self._name(name)
            if isinstance(value, Place):
                self._place(value)
            else:
                self._bytes += b"\x05\x01" + _U16.pack(len(value)) + utf16(value)
        _U32.pack_into(self._bytes, size_at, len(self._bytes) - size_at - 4)

    def _place(self, place: Place) -> None:
        token = 0x0E if place.optional else 0x0D
        self._bytes += struct.pack("<BHB", token, place.index, KINDS[place.kind][0])

    def _name(self, name: str) -> None:
        known = self._names.get(name)
        if known is not None:
            self._bytes += _U32.pack(known)
            return
        at = len(self._bytes) + 4
        units = utf16(name)
        digest = name_hash(units)
        bucket = digest % 64
        head = struct.pack("<IIHH", at, self._name_heads[bucket], digest, len(units) // 2)
        self._bytes += head + units + b"\0\0"
        self._names[name] = self._name_heads[bucket] = at


def seal(chunk: bytearray) -> None:
    """Write the checksums that the bytes of a chunk ask for."""
    end = _U32.unpack_from(chunk, 48)[0]
    _U32.pack_into(chunk, 52, zlib.crc32(chunk[HEADER_SIZE:end]))
    _U32.pack_into(chunk, 124, zlib.crc32(chunk[128:HEADER_SIZE], zlib.crc32(chunk[:120])))


def name_hash(units: bytes) -> int:
    """The 16 bit hash by which names are found in the chunk's string table."""
    digest = 0
    for (unit,) in struct.iter_unpack("<H", units):
        digest = (digest * 65599 + unit) & 0xFFFFFFFF
    return digest & 0xFFFF
