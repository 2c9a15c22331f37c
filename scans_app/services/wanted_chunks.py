"""Which chunks of a file a scan has to read, by the catalogue: the others hold no event that a rule can match."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from scans_app.models import Evidence, EvidenceChunk
from scans_app.models.hits import TEXT_KEPT
from scans_app.services.event_rows import NUL_SHOWN
from sigma_engine import CompiledSet, EventKey, WantedKeys


def wanted_chunks(
    compiled: CompiledSet, evidence: Evidence, first: int = 0, last: int | None = None
) -> list[int]:
    """The numbers of the chunks, from `first` to `last` (inclusive; None: the file's last), ascending.

    A chunk in which something was lost, or that the catalogue does not know, is always among them: only reading it
    tells.
    """
    last = evidence.chunk_count - 1 if last is None else last
    keys = WantedKeys(compiled, evidence.name)
    numbers = range(first, last + 1)
    if _knows_all(evidence) and all(_may_match(keys, key) for key in evidence.counts):
        return list(numbers)
    chunks = EvidenceChunk.objects.filter(evidence=evidence, number__range=(first, last))
    unwanted = {
        number
        for number, events, lost, counts in chunks.values_list("number", "events", "lost", "counts")
        if events and not lost and not any(_may_match(keys, key) for key in counts)
    }
    return [number for number in numbers if number not in unwanted]


def _knows_all(evidence: Evidence) -> bool:
    """Whether the counts of the file have every key of its chunks: those of a file that invents keys do not."""
    return len(evidence.counts) < Evidence.KEYS_KEPT


def _may_match(keys: WantedKeys, counted: Sequence[Any]) -> bool:
    """Whether a rule may match events of a key as the catalogue keeps it: what was cut or replaced there may."""
    channel, event_id, provider, _ = counted
    texts = (channel, provider)
    if event_id is None or any(len(text) >= TEXT_KEPT or NUL_SHOWN in text for text in texts):
        return True
    return keys.wants(EventKey(channel, event_id, provider))
