"""Events out of pasted JSON: one object, an array, lines, in any of the shapes that the engine reads as evidence."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from rules_app.services.pins import MAX_PINS, PinSource
from sigma_engine import EvidenceError, event_key, open_evidence

MAX_PASTED = 1024 * 1024  # characters
PROBLEMS_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Pasted:
    """What was pasted: the events, and sentences on what could not be read."""

    sources: list[PinSource]
    problems: list[str]

    @property
    def nameless(self) -> int:
        """Events without a channel, an event id and a provider: no log source takes them."""
        return sum(event_key(source.event) == ("", -1, "") for source in self.sources)


def read_pasted(text: str) -> Pasted:
    """The events of a pasted text. What is no event is told in `problems`, all of it but no more than fits."""
    if not text.strip():
        return Pasted([], ["Nothing was pasted. Paste one event as JSON, an array of events, or one a line."])
    if len(text) > MAX_PASTED:
        return Pasted(
            [], [f"The text has {len(text):,} characters; at most {MAX_PASTED:,} are read at once."]
        )
    with tempfile.TemporaryDirectory(prefix="sigmaweb-pasted-") as folder:
        path = Path(folder) / "pasted.json"
        path.write_text(text, encoding="utf-8", errors="replace", newline="")
        try:
            evidence = open_evidence(path)
        except EvidenceError:
            return Pasted([], ['This is no JSON of events: it holds no object such as {"System": ..}.'])
        reads = [evidence.read_chunk(number) for number in range(evidence.chunk_count)]
    sources = [PinSource(record.event, "", {"pasted": True}) for read in reads for record in read.records]
    told = [problem.message for read in reads for problem in read.problems]
    problems = told[:PROBLEMS_SHOWN]
    if len(told) > PROBLEMS_SHOWN:
        problems.append(f"{len(told) - PROBLEMS_SHOWN:,} more could not be read.")
    if len(sources) > MAX_PINS:
        problems.append(f"{len(sources):,} events were pasted; at most {MAX_PINS:,} can be kept with a rule.")
        sources = []
    return Pasted(sources, problems)
