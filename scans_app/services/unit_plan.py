"""How a scan's evidence is cut into units: of what the catalogue says must be read, in the order of the evidence.

Units are small enough that many workers share even little evidence, and no smaller than pays for a claim. The cut
hangs on the evidence and the rules alone, so the same scan is always cut alike.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from scans_app.models import Evidence, EvidenceChunk, Scan, ScanUnit
from scans_app.services.wanted_chunks import KeysByFile, chunks_to_read
from sigma_engine import UNIT_BYTES, CompiledSet

UNITS_WISHED = 16  # so that some workers end at about the same time
SMALLEST_UNIT = 4 * 1024 * 1024  # bytes to read


@dataclass(frozen=True, slots=True)
class UnitPlan:
    """The units of a scan, not yet written, and what they will read: bytes, and events by the catalogue."""

    units: list[ScanUnit]
    bytes: int
    events: int


def plan_units(scan: Scan, evidence: Sequence[Evidence], compiled: CompiledSet) -> UnitPlan:
    """Cut what the scan has to read of the evidence into units; a file of which it reads nothing has none."""
    keys = KeysByFile(compiled)
    to_read = [(file, chunks_to_read(scan, keys, file)) for file in evidence]
    size = sum(_bytes_in(file, numbers) for file, numbers in to_read)
    step = min(max(size // UNITS_WISHED, SMALLEST_UNIT), UNIT_BYTES)
    stretches = [
        (file, first, last) for file, numbers in to_read for first, last in _cut(file, numbers, step)
    ]
    units = [
        ScanUnit(scan=scan, place=place, evidence=file, first_chunk=first, last_chunk=last, next_chunk=first)
        for place, (file, first, last) in enumerate(stretches)
    ]
    return UnitPlan(units, size, sum(_events_in(file, numbers) for file, numbers in to_read))


def _cut(file: Evidence, numbers: Sequence[int], step: int) -> Iterator[tuple[int, int]]:
    """(first, last) chunk of each unit; chunks between them that need no reading cost nothing."""
    count = max(1, step // file.chunk_size)
    for start in range(0, len(numbers), count):
        part = numbers[start : start + count]
        yield part[0], part[-1]


def _bytes_in(file: Evidence, numbers: Sequence[int]) -> int:
    return sum(chunk_bytes(file, number) for number in numbers)


def chunk_bytes(file: Evidence, number: int) -> int:
    """The bytes of a chunk; the last one of a file may be shorter."""
    return min(file.chunk_size, max(file.size - number * file.chunk_size, 0))


def _events_in(file: Evidence, numbers: Sequence[int]) -> int:
    if len(numbers) == file.chunk_count or not numbers:
        return file.events if numbers else 0
    events = dict(EvidenceChunk.objects.filter(evidence=file).values_list("number", "events"))
    return sum(events.get(number, 0) for number in numbers)
