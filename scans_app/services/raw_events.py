"""Events as they lie in the evidence: pages of them by place, found by looking, a slice of time a request.

The file is the event store, so a search reads it chunk by chunk. The catalogue says which chunks cannot hold what
is asked for; those are passed over. A request looks for `SECONDS` at most and says how far it came; the next one
goes on from there. Nothing is kept between requests, and a file is never in memory as a whole.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from django.db.models import Sum

import sigma_engine
from scans_app.event_filters import EventFilters
from scans_app.models import Case, Evidence, EvidenceChunk
from scans_app.services.storage import why_unreadable
from sigma_engine import EventFacts, EventKey, EvidenceError

SECONDS = 0.25  # of looking, a request
PAGE_SIZE = 50
AROUND = 20  # events shown before and behind one
_LONGEST_NUMBER = 12  # digits of a part of a place


class Place(NamedTuple):
    """Where an event is: the key of its evidence, its chunk, its position there. That is its identity, and as a
    bound of a page the point just before it."""

    evidence: int
    chunk: int
    position: int

    def __str__(self) -> str:
        return ":".join(map(str, self))

    @property
    def behind(self) -> Place:
        """The point just behind the event."""
        return self._replace(position=self.position + 1)

    @classmethod
    def read(cls, text: str) -> Place | None:
        """A place as `str` writes it; None for any other text."""
        parts = text.split(":")
        if len(parts) != 3 or not all(_is_number(part) for part in parts):
            return None
        return cls(*map(int, parts))


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= _LONGEST_NUMBER


@dataclass(frozen=True, slots=True)
class RawEvent:
    """An event at its place in a file, and what lists show of it."""

    file: Evidence
    place: Place
    event: dict[str, Any]
    facts: EventFacts


@dataclass(slots=True)
class EventPage:
    """Events in the order of the evidence, all that pass of those between `first` and `last` (None: the start and
    the end). `out_of_time` says that the request ended before the page was full."""

    rows: list[RawEvent] = field(default_factory=list)
    first: Place | None = None
    last: Place | None = None
    out_of_time: bool = False
    unreadable: list[str] = field(default_factory=list)


def files_of(case: Case, chosen: Evidence | None = None) -> list[Evidence]:
    """The evidence that can be looked at, in the order in which its events are shown: one file or all."""
    files = Evidence.objects.of_case(case).catalogued()
    return list(files.filter(pk=chosen.pk) if chosen else files)


def find_event(evidence: Evidence, chunk: int, position: int) -> RawEvent | None:
    """The event at a place, None when there is none or nobody can read it. Raises OSError, EvidenceError."""
    record = sigma_engine.open_evidence(evidence.path).find(chunk, position)
    return None if record is None else _raw_event(evidence, record)


def page_after(
    files: Sequence[Evidence], filters: EventFilters, start: Place | None = None, *, size: int = PAGE_SIZE
) -> EventPage:
    """Up to `size` events that pass the filters, from a place on."""
    look = _Look(files, filters, start)
    page = EventPage(first=start, unreadable=look.unreadable)
    for file, chunk, events in look.forwards():
        if look.is_over:
            page.last, page.out_of_time = Place(file.pk, chunk, 0), True
            return page
        for event in events():
            if len(page.rows) == size:
                page.last = page.rows[-1].place.behind
                return page
            page.rows.append(event)
    return page


def page_before(
    files: Sequence[Evidence], filters: EventFilters, end: Place, *, size: int = PAGE_SIZE
) -> EventPage:
    """The up to `size` events that pass the filters and lie next before a place, in the order of the evidence."""
    look = _Look(files, filters, end)
    page = EventPage(last=end, unreadable=look.unreadable)
    found: list[RawEvent] = []
    for file, chunk, events in look.backwards():
        if look.is_over:
            page.first, page.out_of_time = Place(file.pk, chunk + 1, 0), True
            break
        found += reversed(list(events()))
        if len(found) > size:
            page.first = found[size - 1].place
            break
    page.rows = found[:size][::-1]
    return page


def page_around(files: Sequence[Evidence], filters: EventFilters, event: RawEvent) -> EventPage:
    """An event, shown in any case, with the `AROUND` before and behind it that pass the filters."""
    before = page_before(files, filters, event.place, size=AROUND)
    after = page_after(files, filters, event.place.behind, size=AROUND)
    return EventPage(
        rows=[*before.rows, event, *after.rows],
        first=before.first,
        last=after.last,
        out_of_time=before.out_of_time or after.out_of_time,
        unreadable=before.unreadable or after.unreadable,
    )


def each_event(files: Sequence[Evidence], filters: EventFilters, seconds: float) -> Iterator[RawEvent]:
    """The events that pass the filters from the start on, until the time is over."""
    look = _Look(files, filters, None, seconds)
    for _, _, events in look.forwards():
        if look.is_over:
            return
        yield from events()


def events_before(files: Sequence[Evidence], place: Place | None) -> int:
    """How many events of the files lie before a place by the catalogue; all of them for None."""
    count = 0
    for file in files:
        if place is not None and file.pk == place.evidence:
            chunks = EvidenceChunk.objects.filter(evidence=file)
            before = chunks.filter(number__lt=place.chunk).aggregate(events=Sum("events"))["events"] or 0
            here = chunks.filter(number=place.chunk).values_list("events", flat=True).first() or 0
            return count + before + min(here, place.position)
        count += file.events
    return count


class _Look:
    """One request's look through the evidence from a place, in one direction."""

    def __init__(
        self,
        files: Sequence[Evidence],
        filters: EventFilters,
        start: Place | None,
        seconds: float | None = None,
    ) -> None:
        self._files = files
        self._filters = filters
        self._start = start
        self._deadline = time.monotonic() + (SECONDS if seconds is None else seconds)
        self._looked = False
        self.unreadable: list[str] = []

    @property
    def is_over(self) -> bool:
        """Whether the time is over; never before something was looked at, so that each request gets on."""
        over, self._looked = self._looked and time.monotonic() > self._deadline, True
        return over

    def forwards(self) -> Iterator[tuple[Evidence, int, Any]]:
        """(file, chunk, a function that reads the events there that pass) from the place on."""
        at = self._index()
        for index, file in enumerate(self._files[at:]):
            start = self._start if not index and self._start else Place(file.pk, 0, 0)
            chunks = self._chunks(file).filter(number__gte=start.chunk).order_by("number")
            yield from self._of_file(file, chunks, start, Place(file.pk, file.chunk_count, 0))

    def backwards(self) -> Iterator[tuple[Evidence, int, Any]]:
        """The same from the place back to the start."""
        at = self._index()
        for index, file in enumerate(reversed(self._files[: at + 1])):
            end = self._start if not index and self._start else Place(file.pk, file.chunk_count, 0)
            last = end.chunk if end.position else end.chunk - 1
            chunks = self._chunks(file).filter(number__lte=last).order_by("-number")
            yield from self._of_file(file, chunks, Place(file.pk, 0, 0), end)

    def _index(self) -> int:
        """Where in the files the place is; a place in none of them is the start."""
        keys = [file.pk for file in self._files]
        if self._start is None or self._start.evidence not in keys:
            self._start = None
            return 0
        return keys.index(self._start.evidence)

    def _chunks(self, file: Evidence) -> Any:
        chunks = EvidenceChunk.objects.filter(evidence=file, events__gt=0)
        if self._filters.time_from is not None:
            chunks = chunks.filter(last_time__gte=self._filters.time_from)
        if self._filters.time_to is not None:
            chunks = chunks.filter(first_time__lt=self._filters.time_to)
        return chunks

    def _of_file(
        self, file: Evidence, chunks: Any, start: Place, end: Place
    ) -> Iterator[tuple[Evidence, int, Any]]:
        if not self._filters.may_hold(_keys(file.counts)):
            return
        try:
            opened = sigma_engine.open_evidence(file.path)
        except (EvidenceError, OSError) as problem:
            self.unreadable.append(f"{file.name} can't be read: {why_unreadable(problem)}")
            return
        asks = self._filters.asks_keys
        for number, counts in chunks.values_list("number", "counts" if asks else "number").iterator(500):
            if asks and not self._filters.may_hold(_keys(counts)):
                yield file, number, tuple
                continue
            yield file, number, lambda number=number: self._passing(file, opened, number, start, end)

    def _passing(
        self, file: Evidence, opened: sigma_engine.EvidenceFile, number: int, start: Place, end: Place
    ) -> Iterator[RawEvent]:
        try:
            records = opened.read_chunk(number).records
        except OSError as problem:
            self.unreadable.append(
                f"Chunk {number:,} of {file.name} can't be read: {why_unreadable(problem)}"
            )
            return
        for record in records:
            place = (record.chunk, record.position)
            if start[1:] <= place < end[1:] and self._filters.accept(record.event):
                yield _raw_event(file, record)


def _raw_event(file: Evidence, record: sigma_engine.Record) -> RawEvent:
    place = Place(file.pk, record.chunk, record.position)
    return RawEvent(file, place, record.event, sigma_engine.event_facts(record.event))


def _keys(counts: list[list[Any]]) -> Iterator[EventKey]:
    """The keys of a catalogue's counts, `[[channel, event id, provider, events], ..]`."""
    return (
        EventKey(channel, -1 if code is None else code, provider) for channel, code, provider, _ in counts
    )
