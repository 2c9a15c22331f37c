"""The hits of a scan in order, however many: what is more than a few thousand waits in temporary files."""

from __future__ import annotations

import heapq
import pickle
import tempfile
from collections.abc import Iterable, Iterator
from typing import IO, Final

from sigma_engine.hit_lines import Line

HELD: Final = 20_000  # lines in memory, some 20 MB
_AT_ONCE: Final = 200  # lines read from a file at a time


class SortedHits:
    """Takes lines in any order, and gives them once in order of their keys."""

    def __init__(self, held: int = HELD) -> None:
        self.count = 0
        self._most = held
        self._held: list[Line] = []
        self._files: list[IO[bytes]] = []

    def add(self, lines: Iterable[Line]) -> None:
        """Takes more lines."""
        for line in lines:
            self._held.append(line)
            self.count += 1
            if len(self._held) >= self._most:
                self._put_away()

    def __iter__(self) -> Iterator[Line]:
        self._held.sort()
        yield from heapq.merge(*map(_read, self._files), self._held)

    def _put_away(self) -> None:
        self._held.sort()
        file = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as this object
        for start in range(0, len(self._held), _AT_ONCE):
            pickle.dump(self._held[start : start + _AT_ONCE], file)
        self._files.append(file)
        self._held = []


def _read(file: IO[bytes]) -> Iterator[Line]:
    with file:
        end = file.tell()
        file.seek(0)
        while file.tell() < end:
            yield from pickle.load(file)  # noqa: S301 - a file without a name, which this process alone has written
