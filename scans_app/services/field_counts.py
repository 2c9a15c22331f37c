"""Field counts: of the events of each key, how many have which field name. Made by the catalogue.

They say what an author may write for a log source and how common it is, and why a field is never found.
Evidence that was catalogued before they were counted has none; `is_counted` tells it from evidence without events.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from scans_app.models import Case, Evidence, EvidenceFields
from scans_app.services.event_rows import clean_text, whole_number
from sigma_engine import ChunkSummary, EventKey, Logsource, Mapping, Model

OTHERS = "…"  # stands for what is over the bounds of EvidenceFields: keys of a file, names of a key


@dataclass(slots=True)
class FieldCount:
    """The number of events, and of those that have each field name (see `sigma_engine.field_names`)."""

    events: int = 0
    fields: Counter[str] = field(default_factory=Counter)

    def add(self, events: int, fields: dict[str, int]) -> None:
        """Take in more events of the same kind."""
        self.events += events
        self.fields.update(fields)

    def having(self, mapping: Mapping) -> int | None:
        """How many of the events have what a field mapping reads: a member of EventData, or the field by its own
        name. None where that was not counted: `System`, which every event has, and computed values."""
        path = mapping.path
        if path is None:
            return self.fields[mapping.field] if mapping.origin == "fallback" else None
        if not path or path[0] == "System":
            return None
        return self.fields[path[-1] if path[0] in ("EventData", "UserData") else ".".join(path)]


def field_counts(case: Case) -> dict[EventKey, FieldCount]:
    """The counts over all evidence of a case, by key."""
    counts: dict[EventKey, FieldCount] = {}
    for _, key, events, names in _rows(case):
        counts.setdefault(key, FieldCount()).add(events, names)
    return counts


def logsource_counts(case: Case, model: Model, logsource: Logsource) -> FieldCount:
    """The counts over the events of a case that the model's sources for a logsource accept.

    A source's `where` is not asked: that is a question for each event, so there may be fewer.
    """
    wanted = set(map(id, model.sources_for(logsource)))
    total = FieldCount()
    for name, key, events, names in _rows(case):
        if any(id(source) in wanted for source in model.accepting(key, name)):
            total.add(events, names)
    return total


def is_counted(case: Case) -> bool:
    """Whether all catalogued evidence of the case that holds events has field counts."""
    held = case.evidence.filter(state=Evidence.State.CATALOGUED, events__gt=0)
    return not held.exclude(
        pk__in=EvidenceFields.objects.filter(evidence__case=case).values("evidence")
    ).exists()


def _rows(case: Case) -> list[tuple[str, EventKey, int, dict[str, int]]]:
    """(name of the evidence, key, events, names) of each row of a case."""
    columns = ("evidence__name", "channel", "event_code", "provider", "events", "names")
    rows = EvidenceFields.objects.filter(evidence__case=case).order_by("pk").values_list(*columns)
    return [
        (name, EventKey(channel, event_code, provider), events, names)
        for name, channel, event_code, provider, events, names in rows.iterator()
    ]


class FieldLedger:
    """The field counts of one file while it is catalogued: read from its rows, added to chunk by chunk, and
    written back with the catalogue's checkpoint."""

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence
        self._changed: set[EventKey] = set()
        self._counts = {
            EventKey(row.channel, row.event_code, row.provider): FieldCount(row.events, Counter(row.names))
            for row in EvidenceFields.objects.filter(evidence=evidence)
        }

    def add(self, summary: ChunkSummary) -> None:
        """Take in the counts of one chunk."""
        for key, names in summary.fields.items():
            count = self._of(key)
            count.events += summary.counts[key]
            for name, having in names.items():
                name = clean_text(name)
                is_kept = name in count.fields or len(count.fields) < EvidenceFields.NAMES_KEPT
                count.fields[name if is_kept else OTHERS] += having

    def _of(self, key: EventKey) -> FieldCount:
        event_id = whole_number(key.event_id)
        key = EventKey(
            clean_text(key.channel), -1 if event_id is None else event_id, clean_text(key.provider)
        )
        if key not in self._counts and len(self._counts) >= EvidenceFields.KEYS_KEPT:
            key = EventKey(OTHERS, -1, "")
        self._changed.add(key)
        return self._counts.setdefault(key, FieldCount())

    def save(self) -> None:
        """Write what has changed, inside the caller's transaction."""
        rows = [
            EvidenceFields(
                evidence=self._evidence,
                channel=key.channel,
                provider=key.provider,
                event_code=key.event_id,
                events=self._counts[key].events,
                names=dict(self._counts[key].fields.most_common()),
            )
            for key in self._changed
        ]
        EvidenceFields.objects.bulk_create(
            rows,
            update_conflicts=True,
            unique_fields=["evidence", "channel", "provider", "event_code"],
            update_fields=["events", "names"],
        )
        self._changed = set()
