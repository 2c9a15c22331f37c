"""Events as JSON: lines are the store (one object a line), anything else is rewritten to lines.

A chunk is a block of 1 MiB and holds the lines that start in it; a record's position is the number of its
line in the block. A line that is no JSON object is a problem of its chunk and counts as lost.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final, Literal

import orjson

from sigma_engine.event_parts import DEEPEST, is_too_deep
from sigma_engine.event_shapes import to_event
from sigma_engine.evidence import ChunkProblem, ChunkRead, EvidenceFile, Record
from sigma_engine.evtx_json import from_evtx_json
from sigma_engine.file_kinds import encoding_of
from sigma_engine.json_rewrite import rewrite_json

__all__ = ["JsonLinesFile", "open_json", "rewrite_json"]

BLOCK_SIZE: Final = 1024 * 1024
LONGEST_LINE: Final = 16 * 1024 * 1024
_LOOKED_AT: Final = 20
_EVTX_DUMP: Final = (b'{"Event":{', b'{"Event_attributes":{')
_UTF8_MARK: Final = b"\xef\xbb\xbf"


class JsonLinesFile(EvidenceFile):
    """A file of one JSON object a line, in UTF-8."""

    kind: Literal["evtx", "jsonl"] = "jsonl"
    chunk_size = BLOCK_SIZE

    def __init__(self, path: Path, lines_path: Path | None = None) -> None:
        """`lines_path` holds the lines where `path` holds other JSON; `size` is that of the lines."""
        self._lines_path = lines_path or path
        super().__init__(path, self._lines_path.stat().st_size)

    @property
    def chunk_count(self) -> int:
        """The number of blocks by the file's size; a last one that is shorter counts."""
        return -(-self.size // BLOCK_SIZE)

    def read_chunk(self, number: int) -> ChunkRead:
        """Read the lines that start in one block; see `EvidenceFile.read_chunk`."""
        self.check_number(number)
        records: list[Record] = []
        problems: list[ChunkProblem] = []
        for position, offset, line in self._lines(number):
            text = line.strip()
            if not text:
                continue
            try:
                records.append(Record(number, position, read_event(text)))
            except ValueError as error:
                problems.append(ChunkProblem(number, "bad_line", str(error), offset))
        return ChunkRead(records, lost=len(problems), problems=tuple(problems))

    def _lines(self, number: int) -> Iterator[tuple[int, int, bytes]]:
        """(number in the block, byte offset, bytes) of the lines that start in a block."""
        start = number * BLOCK_SIZE
        end = min(start + BLOCK_SIZE, self.size)
        with self._lines_path.open("rb") as file:
            if start:
                file.seek(start - 1)
                _pass_line(file, end)
            elif file.read(3) != _UTF8_MARK:
                file.seek(0)
            position = 0
            while (offset := file.tell()) < end:
                line = file.readline(LONGEST_LINE)
                if not line.endswith(b"\n") and len(line) == LONGEST_LINE:
                    _pass_line(file, self.size)
                yield position, offset, line
                position += 1


def open_json(path: Path) -> JsonLinesFile:
    """JSON evidence: lines as they are, anything else through a temporary file of lines.

    Raises EvidenceError when the file holds no JSON object at all.
    """
    if _holds_lines(path):
        return JsonLinesFile(path)
    folder = Path(tempfile.mkdtemp(prefix="sigma-engine-"))
    try:
        rewrite_json(path, folder / "lines.jsonl")
    except BaseException:
        shutil.rmtree(folder)
        raise
    evidence = JsonLinesFile(path, folder / "lines.jsonl")
    weakref.finalize(evidence, _remove, folder, os.getpid())
    return evidence


def _remove(folder: Path, owner: int) -> None:
    """Remove the temporary lines, in the process that made them and not in its forks."""
    if os.getpid() == owner:
        shutil.rmtree(folder, ignore_errors=True)


def read_event(text: bytes) -> dict[str, Any]:
    """The event in one line. Raises ValueError, with a sentence, when it holds no object.

    evtx_dump writes an array of strings as a name that repeats, so its lines are read as the `evtx` parser's.
    """
    if text.startswith(_EVTX_DUMP):
        try:
            return from_evtx_json(text.decode())
        except ValueError:
            pass  # told of below, or read with what is odd replaced
    return to_event(read_line(text))


def read_line(text: bytes) -> dict[str, Any]:
    """The object in one line. Raises ValueError, with a sentence, when it holds none.

    orjson refuses what JSON allows but Unicode does not (a half of a surrogate pair): such text is read
    again with the halves replaced by U+FFFD.
    """
    if len(text) >= LONGEST_LINE:
        raise ValueError(f"This line is longer than {LONGEST_LINE // 2**20} MiB and was passed over.")
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        document = _read_odd_line(text, error)
    if not isinstance(document, dict):
        raise ValueError(f"This line is JSON but no object: {_shown(text)}")
    if text.count(b"{") + text.count(b"[") > DEEPEST and is_too_deep(document):
        raise ValueError(f"This line is nested too deep, more than {DEEPEST} levels: {_shown(text)}")
    return document


def _read_odd_line(text: bytes, error: orjson.JSONDecodeError) -> Any:
    try:
        return _scrubbed(json.loads(text.decode("utf-8", errors="replace")), DEEPEST)
    except (ValueError, RecursionError):
        raise ValueError(
            f"This line is no JSON ({error.msg}, character {error.colno}): {_shown(text)}"
        ) from None


def _scrubbed(value: Any, depth: int) -> Any:
    if depth == 0:
        raise ValueError("nested too deep")
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_scrubbed(item, depth - 1) for item in value]
    if isinstance(value, dict):
        return {_scrubbed(key, depth - 1): _scrubbed(item, depth - 1) for key, item in value.items()}
    return value


def _shown(text: bytes) -> str:
    return text[:80].decode("utf-8", errors="replace") + ("…" if len(text) > 80 else "")


def _pass_line(file: BinaryIO, end: int) -> None:
    """Move on behind the next line end, or to a place at or behind `end` when there is none before it."""
    while file.tell() < end:
        if file.readline(BLOCK_SIZE).endswith(b"\n"):
            return


def _holds_lines(path: Path) -> bool:
    """Whether one of the first lines is a whole JSON object, neither indented nor in an array, and none of
    them is the start of a pretty-printed one."""
    with path.open("rb") as file:
        if encoding_of(file.read(3))[0] != "utf-8":
            return False
        file.seek(0)
        lines = [file.readline(BLOCK_SIZE) for _ in range(_LOOKED_AT)]
    lines[0] = lines[0].removeprefix(_UTF8_MARK)
    first = next((line.strip() for line in lines if line.strip()), b"")
    if first.startswith(b"[") or any(line.rstrip() == b"{" for line in lines):
        return False
    return any(line.startswith(b"{") and _is_object(line) for line in lines)


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(read_line(line), dict)
    except ValueError:
        return False
