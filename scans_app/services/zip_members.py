"""The members of an uploaded zip, one after another, bounded in number, bytes and depth.

Nothing in an archive is trusted: names are text, sizes are counted while streaming, and what its directory
would cost in memory is known before it is read.
"""

from __future__ import annotations

import shutil
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scans_app.services import storage
from scans_app.services.storage import MAX_EVIDENCE_BYTES, Readable

MAX_MEMBERS = 10_000
MAX_TOTAL_BYTES = 50 * 1024**3
MAX_DIRECTORY_BYTES = 16 * 1024**2  # 10,000 members with long names; a million entries need more

_END = struct.Struct("<4s4H2LH")  # end of central directory: APPNOTE.TXT 4.3.16
_LOCATOR = struct.Struct("<4sLQL")  # 4.3.15
_END64 = struct.Struct("<4sQ2H2L4Q")  # 4.3.14
_END_MAGIC, _LOCATOR_MAGIC, _END64_MAGIC = b"PK\x05\x06", b"PK\x06\x07", b"PK\x06\x06"
_STARTS = (b"PK\x03\x04", _END_MAGIC)
_LONGEST_COMMENT = 65_535


class ZipRefused(Exception):
    """The archive or a member of it can't be used; the text is a sentence that says why."""


@dataclass(slots=True)
class Budget:
    """How many bytes may still come out of one archive."""

    left: int


@dataclass(frozen=True, slots=True)
class Member:
    """One file in an archive; `name` is display text, `limit` the most bytes that may come out of it."""

    name: str
    limit: int
    _archive: zipfile.ZipFile
    _info: zipfile.ZipInfo
    _budget: Budget

    @contextmanager
    def open(self) -> Iterator[Readable]:
        """The member's bytes as a stream. Opening and reading raise ZipRefused."""
        if self._info.flag_bits & 0x1:
            raise ZipRefused("It is encrypted: unpack it with its password and add the files inside.")
        if stat.S_ISLNK(self._info.external_attr >> 16):
            raise ZipRefused("It is a link, not a file: add the file that it leads to.")
        with _readable(self._archive.open, self._info) as stream:
            yield _Counted(stream, self._budget)


class _Counted:
    """A stream whose bytes are taken from the budget of the archive as they come out."""

    def __init__(self, stream: Readable, budget: Budget) -> None:
        self._stream, self._budget = stream, budget

    def read(self, size: int, /) -> bytes:
        block: bytes = _readable(self._stream.read, size)
        self._budget.left -= len(block)
        if self._budget.left < 0:
            raise ZipRefused(f"Over {MAX_TOTAL_BYTES:,} bytes come out of it: add its files in parts.")
        return block


def _readable(call: Callable[[Any], Any], argument: Any) -> Any:
    """What the call gives, with what zipfile raises for a hostile or unknown member as a sentence."""
    try:
        return call(argument)
    except (zipfile.BadZipFile, zlib.error, EOFError, struct.error, OverflowError, ValueError) as problem:
        raise ZipRefused(f"It is damaged in the zip ({problem}): pack it again.") from problem
    except (NotImplementedError, RuntimeError) as problem:
        raise ZipRefused(f"It can't be unpacked here ({problem}): pack it with deflate.") from problem


def is_zip(path: Path) -> bool:
    """Whether the file starts like a zip archive."""
    with path.open("rb") as file:
        return file.read(4) in _STARTS


def members(path: Path) -> Iterator[Member]:
    """The files in an archive in its order, without folders. Raises ZipRefused for the archive as a whole."""
    _check_directory(path)
    free = shutil.disk_usage(storage.incoming_folder()).free
    budget = Budget(min(MAX_TOTAL_BYTES, int(free * 0.9)))
    try:
        with zipfile.ZipFile(path) as archive:
            infos = [info for info in archive.infolist() if not info.is_dir()]
            if not infos:
                raise ZipRefused("This zip archive holds no files.")
            if len(infos) > MAX_MEMBERS:
                raise ZipRefused(f"This zip archive holds {len(infos):,} files, over {MAX_MEMBERS:,}.")
            for info in infos:
                yield Member(info.filename, MAX_EVIDENCE_BYTES, archive, info, budget)
    except (zipfile.BadZipFile, zipfile.LargeZipFile, struct.error, NotImplementedError) as problem:
        raise ZipRefused(
            f"This zip archive is damaged or cut off ({problem}): copy it again from its source."
        ) from problem


def _check_directory(path: Path) -> None:
    # zipfile reads the whole directory into objects, so a million tiny entries would fill the memory.
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - _LONGEST_COMMENT - _END.size))
        tail = file.read()
    place = tail.rfind(_END_MAGIC)
    if place < 0 or len(tail) - place < _END.size:
        raise ZipRefused("This zip archive is cut off: copy it again from its source.")
    end_at = size - len(tail) + place
    directory_size = _END.unpack_from(tail, place)[5]
    if directory_size == 0xFFFFFFFF or tail[max(0, place - _LOCATOR.size) :].startswith(_LOCATOR_MAGIC):
        directory_size = _zip64_directory_size(path, tail[max(0, place - _LOCATOR.size) : place])
    if directory_size > min(MAX_DIRECTORY_BYTES, end_at):
        raise ZipRefused(f"Its directory takes {directory_size:,} bytes: add its files in parts.")


def _zip64_directory_size(path: Path, locator: bytes) -> int:
    try:
        magic, _, place, _ = _LOCATOR.unpack(locator)
        with path.open("rb") as file:
            file.seek(place)
            end = _END64.unpack(file.read(_END64.size))
    except (struct.error, OSError, ValueError) as problem:
        raise ZipRefused(f"This zip is damaged ({problem}): copy it again from its source.") from problem
    if magic != _LOCATOR_MAGIC or end[0] != _END64_MAGIC:
        raise ZipRefused("This zip is damaged: its zip64 directory is missing. Copy it again.")
    return int(end[8])
