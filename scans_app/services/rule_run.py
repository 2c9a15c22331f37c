"""One rule over the evidence of a case, a slice of time a request: what trying, hit diffs and near misses share.

Whoever runs keeps the place between requests in a row of its own, so nothing waits in memory, a tab that is closed
ends it, and the next request goes on.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import sigma_engine
from scans_app.models import Evidence

SECONDS = 0.8  # of a request

Wanted = Callable[[Evidence, int], Iterable[int]]  # the chunks to read of a file, from a number on


@dataclass(frozen=True, slots=True)
class Chunk:
    """A chunk that is to be read next."""

    evidence: Evidence
    file: sigma_engine.EvidenceFile
    number: int


Look = Callable[[Chunk], bool]  # reads a chunk; True when that is enough for now


@dataclass
class RuleRun:
    """The wanted chunks of some files, from a place on: `file` counts in `files`, `chunk` is the first not yet read.

    `go_on` may be called again and again; between two, `file` and `chunk` are the place to be kept. `problems` are
    sentences about files that could not be read, wholly or from some chunk on.
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

    def go_on(self, look: Look, seconds: float = SECONDS) -> None:
        """Have `look` read the next chunks, for `seconds` or until it has enough: at least one when there is any.

        What cannot be read ends its file with a sentence, and the next file comes.
        """
        ends_at = time.monotonic() + seconds
        while not self.is_over:
            if not self._of_file(look, ends_at) or time.monotonic() >= ends_at:
                return

    def _of_file(self, look: Look, ends_at: float) -> bool:
        """Whether the file is done with."""
        evidence = self.files[self.file]
        try:
            opened = sigma_engine.open_evidence(evidence.path)
            for number in self.wanted(evidence, self.chunk):
                if number >= opened.chunk_count:
                    self._tell(
                        f"the stored file is shorter than it was: {opened.chunk_count:,} chunks are there"
                    )
                    break
                has_enough = look(Chunk(evidence, opened, number))
                self.chunk = number + 1
                if has_enough or time.monotonic() >= ends_at:
                    return False
        except sigma_engine.EvidenceError as problem:
            self._tell(str(problem))
        except OSError as problem:  # its words name our folder
            self._tell(f"the stored file can't be read ({problem.strerror})")
        self.file, self.chunk = self.file + 1, 0
        return True

    def _tell(self, problem: str) -> None:
        name, read = self.files[self.file].name, f", chunks before {self.chunk:,} were" if self.chunk else ""
        self.problems.append(f"{name}: {problem.rstrip('.')}{read}.")
