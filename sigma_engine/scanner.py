"""The scan of a chunk: events routed to buckets, hits out. What the command line and the workers both run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sigma_engine.bucket import Bucket
from sigma_engine.classifier import CacheBudget, Timeouts
from sigma_engine.compiler import CompiledSet
from sigma_engine.details import render_details
from sigma_engine.events import ChunkRead, EventFacts, EvidenceFile, event_facts
from sigma_engine.model import Source
from sigma_engine.routing import Router

_MAX_ROUTERS = 64


@dataclass(frozen=True, slots=True)
class Hit:
    """A rule that matched an event. `rule_index` counts in the compiled set's rules."""

    rule_index: int
    chunk: int
    position: int
    event: dict[str, Any]
    facts: EventFacts
    details: str


@dataclass(frozen=True, slots=True)
class ChunkHits:
    """What one chunk gave: events within the time range, hits in (position, rule) order, and how it was read.

    `source_events` counts events by log source name (an event can belong to several); `regex_timeouts` counts
    searches that ran out of time, by pattern.
    """

    events: int
    hits: list[Hit]
    read: ChunkRead
    source_events: dict[str, int] = field(default_factory=dict)
    regex_timeouts: dict[str, int] = field(default_factory=dict)


class Scanner:
    """Matches events against a compiled set. Holds bounded caches; not for use by two threads at once."""

    def __init__(self, compiled: CompiledSet) -> None:
        self._compiled = compiled
        self._budget = CacheBudget()
        self._timeouts = Timeouts()
        self._routers: dict[str, Router] = {}
        self._buckets: dict[tuple[int, ...], Bucket | None] = {}
        self._rules_of = self._rules_by_source()

    def _rules_by_source(self) -> dict[int, list[int]]:
        rules_of: dict[int, list[int]] = {}
        for index in self._compiled.served:
            for source in self._compiled.model.sources_for(self._compiled.rules[index].logsource):
                rules_of.setdefault(id(source), []).append(index)
        return rules_of

    def drop_caches(self) -> None:
        """Frees what was remembered of values and verdicts; the answers do not change."""
        self._budget.drop()

    def scan_chunk(
        self,
        evidence_file: EvidenceFile,
        number: int,
        file_name: str = "",
        time_range: tuple[int | None, int | None] = (None, None),
    ) -> ChunkHits:
        """All hits of one chunk. `file_name` is what sources' file globs see; `time_range` is microseconds since
        the epoch, both ends included; events without a time are inside every range."""
        read = evidence_file.read_chunk(number)
        router = self._router(file_name)
        hits: list[Hit] = []
        source_events: dict[str, int] = {}
        events = 0
        self._timeouts.counts = {}
        for record in read.records:
            if time_range != (None, None) and not _inside(event_facts(record.event).time, time_range):
                continue
            events += 1
            accepted = router.accepted(record.event)
            for name in {source.name for source in accepted}:
                source_events[name] = source_events.get(name, 0) + 1
            bucket = self._bucket(accepted)
            matched = bucket.match(record.event) if bucket is not None else ()
            if matched:
                facts = event_facts(record.event)
                hits += [
                    Hit(
                        index,
                        record.chunk,
                        record.position,
                        record.event,
                        facts,
                        self._details(index, accepted, record.event),
                    )
                    for index in matched
                ]
        return ChunkHits(events, hits, read, source_events, self._timeouts.counts)

    def match(self, event: dict[str, Any], file_name: str = "") -> tuple[int, ...]:
        """The indexes of the rules that match one event, ascending."""
        bucket = self._bucket(self._router(file_name).accepted(event))
        return bucket.match(event) if bucket is not None else ()

    def _details(self, index: int, accepted: tuple[Source, ...], event: dict[str, Any]) -> str:
        return render_details(self._compiled.rules[index].details, self._compiled.model, accepted, event)

    def _router(self, file_name: str) -> Router:
        router = self._routers.get(file_name)
        if router is None:
            if len(self._routers) >= _MAX_ROUTERS:
                self._routers.clear()
            router = self._routers[file_name] = Router(self._compiled.model, file_name)
        return router

    def _bucket(self, accepted: tuple[Source, ...]) -> Bucket | None:
        key = tuple(id(source) for source in accepted)
        if key not in self._buckets:
            indexes = sorted({index for source in accepted for index in self._rules_of.get(id(source), ())})
            rules = [(index, self._compiled.rules[index]) for index in indexes]
            self._buckets[key] = (
                Bucket(rules, self._compiled.model, accepted, self._budget, self._timeouts) if rules else None
            )
        return self._buckets[key]


def _inside(time: int, time_range: tuple[int | None, int | None]) -> bool:
    first, last = time_range
    return time == 0 or ((first is None or time >= first) and (last is None or time <= last))
