"""One rule over the evidence of a case, a slice of time a request: what trying, hit diffs and near misses share.

Whoever runs keeps the place between requests in a row of its own, so nothing waits in memory, a tab that is closed
ends it, and the next request goes on.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import sigma_engine
from scans_app.models import Evidence

SECONDS = 0.8  # of a request

Wanted = Callable[[Evidence, int], Sequence[int]]  # the chunks to read of a file, from a number on


@dataclass(frozen=True, slots=True)
class Chunk:
    """A chunk that is to be read next."""

    evidence: Evidence
    file: sigma_engine.EvidenceFile
    number: int


@dataclass
class RuleRun:
    """The wanted chunks of some files, from a place on: `file` counts in `files`, `chunk` is the first not yet read.

    `chunks` may be asked again and again; between two, `file` and `chunk` are the place to be kept. `problems` are
    sentences about files that could not be read.
    """

    files: Sequence[Evidence]
    wanted: Wanted
    file: int = 0
    chunk: int = 0
    problems: list[str] = field(default_factory=list)

    @property
    def is_over(self) -> bool:
        """Whether everything was read."""
        return self.file >= len(self.files)

    def chunks(self, seconds: float = SECONDS) -> Iterator[Chunk]:
        """The next chunks, for `seconds`: at least one when there is any. A chunk counts as read when the next is
        asked for."""
        ends_at = time.monotonic() + seconds
        while not self.is_over:
            yield from self._of_file(ends_at)
            if not self.is_over and time.monotonic() >= ends_at:
                return

    def _of_file(self, ends_at: float) -> Iterator[Chunk]:
        evidence = self.files[self.file]
        try:
            opened = sigma_engine.open_evidence(evidence.path)
            for number in self.wanted(evidence, self.chunk):
                yield Chunk(evidence, opened, number)
                self.chunk = number + 1
                if time.monotonic() >= ends_at:
                    return
        except sigma_engine.EvidenceError as problem:
            self.problems.append(f"{evidence.name}: {problem}")
        except OSError as problem:  # its words name our folder
            self.problems.append(f"{evidence.name}: the stored file can't be read ({problem.strerror}).")
        self.file, self.chunk = self.file + 1, 0
