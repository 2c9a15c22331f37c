"""The catalogue of an evidence file: what each chunk holds, so that a scan knows which chunks it needs."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from sigma_engine.event_parts import number as whole_number
from sigma_engine.events import ChunkProblem, EventKey, EvidenceFile, event_key, event_time
from sigma_engine.field_names import field_names


@dataclass(slots=True)
class ChunkSummary:
    """One chunk: the number of its events, their times (microseconds since the epoch in UTC, 0 when no event
    has one), record ids in the order of the file (None when there are none), events by key (channel, event
    id, provider), computers, and what was wrong or odd.

    `fields` says for each key how many of its events have each field name (see `field_names`).
    `salvaged` of the `events` could be read by the second parser only; `lost` ones are not among them.
    """

    chunk: int
    events: int = 0
    salvaged: int = 0
    lost: int = 0
    first_time: int = 0
    last_time: int = 0
    first_record_id: int | None = None
    last_record_id: int | None = None
    counts: dict[EventKey, int] = field(default_factory=dict)
    fields: dict[EventKey, Counter[str]] = field(default_factory=dict)
    computers: set[str] = field(default_factory=set)
    problems: tuple[ChunkProblem, ...] = ()


def summarise_chunk(evidence_file: EvidenceFile, number: int) -> ChunkSummary:
    """Read one chunk and say what it holds. `problems` are those of reading it and, behind them, the notes on
    record ids (codes `record_id_gap` and `record_id_repeat`), which cost no event.

    Raises IndexError for a chunk that the file does not have, OSError when the file cannot be read.
    """
    read = evidence_file.read_chunk(number)
    events = [record.event for record in read.records]
    systems = [event["System"] for event in events if isinstance(event.get("System"), dict)]
    times = [time for time in map(event_time, events) if time]
    ids = [found for system in systems if (found := whole_number(system.get("EventRecordID"))) is not None]
    shapes = Counter((event_key(event), field_names(event)) for event in events)
    counts: Counter[EventKey] = Counter()
    fields: dict[EventKey, Counter[str]] = {}
    for (key, names), count in shapes.items():
        counts[key] += count
        of_key = fields.setdefault(key, Counter())
        for name in names:
            of_key[name] += count
    return ChunkSummary(
        chunk=number,
        events=len(events),
        salvaged=read.salvaged,
        lost=read.lost,
        first_time=min(times, default=0),
        last_time=max(times, default=0),
        first_record_id=ids[0] if ids else None,
        last_record_id=ids[-1] if ids else None,
        counts=dict(counts),
        fields=fields,
        computers={name for system in systems if isinstance(name := system.get("Computer"), str) and name},
        problems=(*read.problems, *evidence_file.notes(number)),
    )
