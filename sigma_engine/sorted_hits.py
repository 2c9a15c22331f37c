"""The hits of a scan in order, however many: what is more than a few thousand waits in temporary files."""

from __future__ import annotations

import heapq
import pickle
import tempfile
from collections.abc import Iterable, Iterator
from typing import IO, Final

from sigma_engine.parallel import HitRow

HELD: Final = 20_000  # hits in memory, some 10 MB
_AT_ONCE: Final = 200  # hits read from a file at a time

Key = tuple[int, str, int, int, int]


def hit_key(hit: HitRow) -> Key:
    """What hits are sorted by: time, evidence, rule and place."""
    return (hit.time, hit.evidence, hit.rule_index, hit.chunk, hit.position)


class SortedHits:
    """Takes hits in any order, and gives them once in order of `hit_key`."""

    def __init__(self, held: int = HELD) -> None:
        self.count = 0
        self._most = held
        self._held: list[HitRow] = []
        self._files: list[IO[bytes]] = []

    def add(self, hits: Iterable[HitRow]) -> None:
        """Takes more hits."""
        for hit in hits:
            self._held.append(hit)
            self.count += 1
            if len(self._held) >= self._most:
                self._put_away()

    def __iter__(self) -> Iterator[HitRow]:
        self._held.sort(key=hit_key)
        yield from heapq.merge(*map(_read, self._files), self._held, key=hit_key)

    def _put_away(self) -> None:
        self._held.sort(key=hit_key)
        file = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as this object
        for start in range(0, len(self._held), _AT_ONCE):
            pickle.dump([tuple(hit) for hit in self._held[start : start + _AT_ONCE]], file)
        self._files.append(file)
        self._held = []


def _read(file: IO[bytes]) -> Iterator[HitRow]:
    with file:
        end = file.tell()
        file.seek(0)
        while file.tell() < end:
            hits = pickle.load(file)  # noqa: S301 - a file without a name, which this process alone has written
            yield from (HitRow(*hit) for hit in hits)
