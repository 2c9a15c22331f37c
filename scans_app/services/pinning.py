"""Events of a case as what rules are written against: read from the stored file, with where they come from."""

from __future__ import annotations

from collections.abc import Iterable

import sigma_engine
from rules_app.services.pins import PinSource
from scans_app.models import Case, Evidence
from scans_app.services.raw_events import Place


class EventMissing(LookupError):
    """A place of a case where no event can be read; the message is a sentence."""


def pin_sources(case: Case, places: Iterable[Place]) -> list[PinSource]:
    """The events at places of a case, whole, in the order of the places; each chunk is read once.

    Raises EventMissing for a place that the case does not have, or where nothing can be read.
    """
    wanted = list(dict.fromkeys(places))
    files = Evidence.objects.of_case(case).catalogued().in_bulk({evidence for evidence, _, _ in wanted})
    read: dict[tuple[int, int], dict[int, sigma_engine.Record]] = {}
    sources = []
    for evidence, chunk, position in wanted:
        file = files.get(evidence)
        if file is None:
            raise EventMissing(f"The case has no catalogued evidence {evidence}.")
        if (evidence, chunk) not in read:
            read[evidence, chunk] = _records(file, chunk)
        record = read[evidence, chunk].get(position)
        if record is None:
            raise EventMissing(f"{file.name} has no event that can be read in chunk {chunk} at {position}.")
        sources.append(source_of(file, record))
    return sources


def source_of(file: Evidence, record: sigma_engine.Record) -> PinSource:
    """One record of a file of evidence, to be kept with a rule."""
    origin = {
        "case": file.case_id,
        "evidence": file.pk,
        "evidence_name": file.name,
        "evidence_sha256": file.sha256,
        "chunk": record.chunk,
        "position": record.position,
        "record_id": sigma_engine.event_facts(record.event).record_id,
    }
    return PinSource(record.event, file.name, origin)


def _records(file: Evidence, chunk: int) -> dict[int, sigma_engine.Record]:
    try:
        opened = sigma_engine.open_evidence(file.path)
        if not 0 <= chunk < opened.chunk_count:
            return {}
        return {record.position: record for record in opened.read_chunk(chunk).records}
    except (OSError, sigma_engine.EvidenceError):
        raise EventMissing(f"The stored file of {file.name} cannot be read.") from None
