"""What a reader of evidence gives: records, chunks and what was wrong with them.

An evidence file is a row of independent chunks. A chunk is read whole and alone, so a scan needs the memory
of one chunk however large the file is, and any chunk can be read again at any time by any process.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

UNIT_BYTES: Final = 64 * 1024 * 1024


class Record:
    """One event at its place: `chunk` counts from 0 in the file, `position` from 0 in the chunk.

    The place is the event's identity (record ids repeat in real logs): the same bytes give the same places.
    `text` is the JSON that the `evtx` parser wrote of it, "" when it came from elsewhere.
    """

    __slots__ = ("_event", "chunk", "position", "text")

    def __init__(self, chunk: int, position: int, event: dict[str, Any] | None, text: str = "") -> None:
        self.chunk = chunk
        self.position = position
        self.text = text
        self._event = event

    @property
    def event(self) -> dict[str, Any]:
        """The event in the shape of Velociraptor's `parse_evtx` (see `event_shapes`)."""
        assert self._event is not None
        return self._event

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Record) and (self.chunk, self.position, self.event) == (
            other.chunk,
            other.position,
            other.event,
        )

    __hash__ = None  # type: ignore[assignment]  # it holds a dict


@dataclass(frozen=True, slots=True)
class ChunkProblem:
    """A fault of the evidence. `offset` counts bytes from the file's start; `chunk` is -1 for the file
    itself."""

    chunk: int
    code: str
    message: str
    offset: int


@dataclass(frozen=True, slots=True)
class ChunkRead:
    """A chunk that was read: its records in order, and the ledger of what went wrong.

    `salvaged` counts the records (they are among `records`) that only the second parser could read, `lost`
    those that nobody could. Positions of lost records are not given to others.
    """

    records: list[Record]
    salvaged: int = 0
    lost: int = 0
    problems: tuple[ChunkProblem, ...] = ()


class EvidenceError(Exception):
    """A file that cannot be used as evidence. `message` says what and why, `hint` what to do next."""

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        super().__init__(f"{message} {hint}".strip())
        self.code = code
        self.message = message
        self.hint = hint


class EvidenceFile(ABC):
    """A file of events in chunks of `chunk_size` bytes (a last one may be shorter).

    `problems` are faults of the file as a whole that cost no event (a dirty flag, a wrong count in its
    header). An object holds no open file: it may be shared between threads and copied into other processes.
    """

    kind: Literal["evtx", "jsonl"]
    chunk_size: int

    def __init__(self, path: Path, size: int) -> None:
        self.path = path
        self.size = size
        self.problems: tuple[ChunkProblem, ...] = ()

    @property
    @abstractmethod
    def chunk_count(self) -> int:
        """The number of chunks, by the file's size."""

    @abstractmethod
    def read_chunk(self, number: int) -> ChunkRead:
        """Read one chunk. Bad bytes never raise: they are counted and told. Raises IndexError for a chunk
        that the file does not have, OSError when the file cannot be read."""

    def notes(self, number: int) -> tuple[ChunkProblem, ...]:
        """What is odd about a chunk without being a fault of it, such as gaps between record ids."""
        return ()

    def find(self, chunk: int, position: int) -> Record | None:
        """The record at this place, or None when there is none (or it cannot be read)."""
        if not 0 <= chunk < self.chunk_count:
            return None
        return next(
            (record for record in self.read_chunk(chunk).records if record.position == position), None
        )

    def check_number(self, number: int) -> None:
        """Raise IndexError unless the file has this chunk."""
        if not 0 <= number < self.chunk_count:
            raise IndexError(f"{self.path.name} has {self.chunk_count} chunks; there is no chunk {number}.")


def units_of(chunk_count: int, chunk_size: int, unit_bytes: int = UNIT_BYTES) -> list[tuple[int, int]]:
    """The units of work of a file: (first, last) chunk, inclusive, of about `unit_bytes` each, in order."""
    step = max(1, unit_bytes // chunk_size)
    return [(first, min(first + step, chunk_count) - 1) for first in range(0, chunk_count, step)]
