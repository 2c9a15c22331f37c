"""Values of a BinXML substitution array: a Python value to its type byte and its bytes (MS-EVEN6 2.2.19)."""

from __future__ import annotations

import struct
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

_EPOCH_TICKS = 116_444_736_000_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Typed:
    """A value with its BinXML type, one of the keys of `KINDS`: `Typed("hex32", 0x17)`."""

    kind: str
    value: Any


def kind_of(value: Any) -> tuple[str, Any]:
    """The kind under which a value is written, and the bare value."""
    match value:
        case Typed():
            return value.kind, value.value
        case None:
            return "null", None
        case bool():
            return "bool", value
        case str():
            return "string", value
        case int():
            return _int_kind(value), value
        case float():
            return "double", value
        case bytes():
            return "binary", value
        case datetime():
            return "filetime", value
        case list() if all(isinstance(item, str) for item in value):
            return "strings", value
    raise ValueError(f"No BinXML type for a value of type {type(value).__name__}: {value!r}")


def encode(kind: str, value: Any) -> tuple[int, bytes]:
    """The type byte and the bytes of a value. Raises ValueError when the kind cannot hold it."""
    if kind not in KINDS:
        raise ValueError(f"No BinXML type is called {kind!r}; known: {', '.join(KINDS)}.")
    code, pack = KINDS[kind]
    try:
        return code, pack(value)
    except (struct.error, AttributeError, TypeError) as error:
        raise ValueError(f"{value!r} cannot be written as {kind}: {error}") from error


def filetime(value: datetime | float | int) -> int:
    """Ticks of 100 ns since 1601, to the microsecond, from a datetime or from seconds since the epoch."""
    if isinstance(value, datetime):
        moment = value if value.tzinfo else value.replace(tzinfo=UTC)
        passed = moment - _EPOCH
        microseconds = (passed.days * 86400 + passed.seconds) * 1_000_000 + passed.microseconds
    else:
        microseconds = round(value * 1_000_000)
    return microseconds * 10 + _EPOCH_TICKS


def utf16(text: str) -> bytes:
    """UTF-16, little end first; halves of surrogate pairs are written as they are."""
    return text.encode("utf-16-le", "surrogatepass")


def _int_kind(value: int) -> str:
    for kind, low, high in (
        ("uint32", 0, 2**32),
        ("uint64", 0, 2**64),
        ("int32", -(2**31), 0),
        ("int64", -(2**63), 0),
    ):
        if low <= value < high:
            return kind
    raise ValueError(f"No BinXML type holds the number {value}.")


def _sid(text: str) -> bytes:
    mark, revision, authority, *parts = text.split("-")
    if mark != "S":
        raise ValueError(f"{text!r} is no SID.")
    head = struct.pack(">BBHI", int(revision), len(parts), int(authority) >> 32, int(authority) & 0xFFFFFFFF)
    return head + struct.pack(f"<{len(parts)}I", *map(int, parts))


def _systemtime(moment: datetime) -> bytes:
    weekday = (moment.weekday() + 1) % 7
    parts = (moment.year, moment.month, weekday, moment.day, moment.hour, moment.minute, moment.second)
    return struct.pack("<8H", *parts, moment.microsecond // 1000)


def _packer(form: str) -> Callable[[Any], bytes]:
    return struct.Struct(form).pack


KINDS: dict[str, tuple[int, Callable[[Any], bytes]]] = {
    "null": (0x00, lambda value: b""),
    "string": (0x01, utf16),
    "ansi": (0x02, lambda value: value.encode("cp1252")),
    "int8": (0x03, _packer("<b")),
    "uint8": (0x04, _packer("<B")),
    "int16": (0x05, _packer("<h")),
    "uint16": (0x06, _packer("<H")),
    "int32": (0x07, _packer("<i")),
    "uint32": (0x08, _packer("<I")),
    "int64": (0x09, _packer("<q")),
    "uint64": (0x0A, _packer("<Q")),
    "float": (0x0B, _packer("<f")),
    "double": (0x0C, _packer("<d")),
    "bool": (0x0D, lambda value: struct.pack("<I", bool(value))),
    "binary": (0x0E, bytes),
    "guid": (0x0F, lambda value: uuid.UUID(value).bytes_le),
    "size": (0x10, _packer("<Q")),
    "filetime": (0x11, lambda value: struct.pack("<Q", filetime(value))),
    "systemtime": (0x12, _systemtime),
    "sid": (0x13, _sid),
    "hex32": (0x14, _packer("<I")),
    "hex64": (0x15, _packer("<Q")),
    "xml": (0x21, bytes),
    "strings": (0x81, lambda value: b"".join(utf16(item) + b"\0\0" for item in value)),
}
