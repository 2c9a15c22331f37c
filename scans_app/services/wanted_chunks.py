"""Which chunks of a file a scan has to read, by the catalogue: the others hold no event that a rule can match."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from scans_app.models import Evidence, EvidenceChunk, Scan
from scans_app.models.hits import TEXT_KEPT
from scans_app.services.event_rows import NUL_SHOWN
from sigma_engine import CompiledSet, EventKey, WantedKeys

_NAMES_KEPT = 8


class KeysByFile:
    """The wanted keys of a compiled set in files by name. It remembers the answers, which units of a scan ask again."""

    def __init__(self, compiled: CompiledSet) -> None:
        self._compiled = compiled
        self._asks_file = any(source.files for source in compiled.model.sources)
        self._of_name: dict[str, WantedKeys] = {}

    def of(self, name: str) -> WantedKeys:
        """Which keys are wanted in a file of this name."""
        if not self._asks_file:
            name = ""
        if name not in self._of_name:
            if len(self._of_name) >= _NAMES_KEPT:
                self._of_name.clear()
            self._of_name[name] = WantedKeys(self._compiled, name)
        return self._of_name[name]


def chunks_to_read(
    scan: Scan, keys: KeysByFile, evidence: Evidence, first: int = 0, last: int | None = None
) -> list[int]:
    """The chunks with wanted keys that may hold an event inside the scan's time range. A debug scan counts every
    event, and reads them all."""
    if scan.debug:
        wanted = list(range(first, evidence.chunk_count if last is None else last + 1))
    else:
        wanted = chunks_with_keys(keys.of(evidence.name).wants, evidence, first, last)
    outside = _outside(scan, evidence) if wanted else set()
    return [number for number in wanted if number not in outside]


def wanted_chunks(
    compiled: CompiledSet, evidence: Evidence, first: int = 0, last: int | None = None
) -> list[int]:
    """The numbers of the chunks, from `first` to `last` (inclusive; None: the file's last), in which a rule may
    match an event, ascending."""
    return chunks_with_keys(WantedKeys(compiled, evidence.name).wants, evidence, first, last)


def chunks_with_keys(
    wants: Callable[[EventKey], bool], evidence: Evidence, first: int = 0, last: int | None = None
) -> list[int]:
    """The numbers of the chunks that hold an event of a wanted key, ascending.

    A chunk in which something was lost, or that the catalogue does not know, is always among them: only reading it
    tells.
    """
    numbers = range(first, evidence.chunk_count if last is None else last + 1)
    if _knows_all(evidence):
        wanted = {_may_be(wants, key) for key in evidence.counts}
        if wanted == {True}:
            return list(numbers)
        if evidence.is_whole and not any(wanted):
            return []
    chunks = EvidenceChunk.objects.filter(evidence=evidence, number__range=(numbers.start, numbers.stop - 1))
    unwanted = {
        number
        for number, events, lost, counts in chunks.values_list("number", "events", "lost", "counts")
        if (events or evidence.is_whole) and not lost and not any(_may_be(wants, key) for key in counts)
    }
    return [number for number in numbers if number not in unwanted]


def _outside(scan: Scan, evidence: Evidence) -> set[int]:
    """The chunks of a log in which every event lies outside the scan's time range.

    Only chunks of event logs: there every event has a time, in JSON some may have none.
    """
    if (scan.time_from is None and scan.time_to is None) or evidence.kind != Evidence.Kind.EVTX:
        return set()
    chunks = EvidenceChunk.objects.filter(evidence=evidence, first_time__gt=0)
    outside = chunks.none()
    if scan.time_from is not None:
        outside |= chunks.filter(last_time__lt=scan.time_from)
    if scan.time_to is not None:
        outside |= chunks.filter(first_time__gt=scan.time_to)
    return set(outside.values_list("number", flat=True))


def _knows_all(evidence: Evidence) -> bool:
    """Whether the counts of the file have every key of its chunks: those of a file that invents keys do not."""
    return len(evidence.counts) < Evidence.KEYS_KEPT


def _may_be(wants: Callable[[EventKey], bool], counted: Sequence[Any]) -> bool:
    """Whether events of a key as the catalogue keeps it may be wanted: what was cut or replaced there may."""
    channel, event_id, provider, _ = counted
    texts = (channel, provider)
    if event_id is None or any(len(text) >= TEXT_KEPT or NUL_SHOWN in text for text in texts):
        return True
    return wants(EventKey(channel, event_id, provider))
