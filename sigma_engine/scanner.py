"""The scan of a chunk: events routed to buckets, hits out. What the command line and the workers both run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sigma_engine.bucket import Bucket
from sigma_engine.buckets import Buckets
from sigma_engine.classifier import CacheBudget, Timeouts
from sigma_engine.compiler import CompiledSet
from sigma_engine.correlation_parts import Member, member_text
from sigma_engine.details import render_details
from sigma_engine.events import ChunkRead, EventFacts, EvidenceFile, Record, event_facts, event_time
from sigma_engine.funnel import ChunkFunnel, Funnel
from sigma_engine.funnel_questions import Questions
from sigma_engine.model import Source
from sigma_engine.routing import Route, Router
from sigma_engine.rule import Rule

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


@dataclass(slots=True)
class ChunkHits:
    """What one chunk gave: events within the time range, hits in (position, rule) order, and how it was read.

    `members` are the matches that correlations need, silent ones too; `correlate` takes those of all chunks.
    `source_events` counts events by log source name (an event can belong to several); `regex_timeouts` counts
    searches that ran out of time, by pattern. `funnel` is None but for a debug scan.
    """

    read: ChunkRead
    events: int = 0
    hits: list[Hit] = field(default_factory=list)
    members: list[Member] = field(default_factory=list)
    source_events: dict[str, int] = field(default_factory=dict)
    regex_timeouts: dict[str, int] = field(default_factory=dict)
    funnel: Funnel | None = None


class Scanner:
    """Matches events against a compiled set. Holds bounded caches; not for use by two threads at once.

    With `questions` (a debug scan) it asks these too, and each chunk comes with its funnel; the hits are the same.
    """

    def __init__(self, compiled: CompiledSet, questions: Questions | None = None) -> None:
        self._compiled = compiled
        self._questions = questions
        self._budget = CacheBudget()
        self._timeouts = Timeouts()
        self._events = 0
        self._routers: dict[str, Router] = {}
        self._asks_file = any(source.files for source in compiled.model.sources)
        self._with_details = frozenset(
            index
            for index, rule in enumerate(compiled.rules)
            if isinstance(rule, Rule) and (rule.details.strip() or rule.enrichment or rule.vql)
        )
        self._buckets = Buckets(compiled, questions, self._budget, self._timeouts)

    @property
    def regex_timeouts(self) -> dict[str, int]:
        """Searches of `match` that ran out of time and count as not found, by pattern."""
        return self._timeouts.counts

    def cache_report(self) -> dict[str, int]:
        """How well the caches serve, for a scan's log: `events` matched, `verdicts_decided` (all others were known by
        their classes), `values_decided` (values that no cache knew), `values_kept`, `classes_kept`, `verdicts_kept`,
        `bytes_kept` (an estimate), `drops` (the caches were emptied so often) and `buckets`. Counted since the scanner
        was made."""
        buckets = self._buckets.report()
        return {
            "events": self._events,
            "verdicts_decided": sum(bucket.decided for bucket in buckets),
            "values_decided": sum(bucket.values_decided for bucket in buckets),
            "values_kept": sum(bucket.values_kept for bucket in buckets),
            "classes_kept": sum(bucket.classes_kept for bucket in buckets),
            "verdicts_kept": sum(bucket.verdicts_kept for bucket in buckets),
            "bytes_kept": self._budget.used,
            "drops": self._budget.drops,
            "buckets": len(buckets),
        }

    def drop_caches(self) -> None:
        """Frees what was remembered of values and verdicts; the answers do not change."""
        self._budget.drop()

    def scan_chunk(
        self,
        evidence_file: EvidenceFile,
        number: int,
        file_name: str = "",
        time_range: tuple[int | None, int | None] = (None, None),
        evidence: str = "",
    ) -> ChunkHits:
        """All hits of one chunk. `file_name` is what sources' file globs see; `time_range` is microseconds since
        the epoch, both ends included; events without a time are inside every range. `evidence` is how members
        name the file."""
        self._budget.enforce()
        found = ChunkHits(evidence_file.read_chunk(number))
        router = self._router(file_name)
        by_route: dict[Route, int] = {}
        self._timeouts.counts = found.regex_timeouts
        funnel = self._chunk_funnel(evidence, number)
        for record in found.read.records:
            event = record.event
            if time_range != (None, None) and not _inside(event_time(event), time_range):
                continue
            route = router.route(event)
            by_route[route] = by_route.get(route, 0) + 1
            bucket = route.bucket if route.is_ready else self._bucket(route)
            matched = bucket.match(event, record.text) if bucket is not None else ()
            if funnel is not None:
                matched = funnel.see(route.sources, matched, Record(number, record.position, event))
            if matched:
                self._keep(matched, event, record, route.sources, evidence, found)
        found.events = sum(by_route.values())
        self._events += found.events
        found.funnel = funnel.count() if funnel is not None else None
        for route, count in by_route.items():
            for name in {source.name for source in route.sources}:
                found.source_events[name] = found.source_events.get(name, 0) + count
        return found

    def _chunk_funnel(self, evidence: str, chunk: int) -> ChunkFunnel | None:
        if self._questions is None:
            return None
        return ChunkFunnel(self._questions, self._compiled.model, evidence, chunk)

    def _keep(
        self,
        matched: tuple[int, ...],
        event: dict[str, Any],
        record: Record,
        accepted: tuple[Source, ...],
        evidence: str,
        found: ChunkHits,
    ) -> None:
        """Makes hits of the matches of one event, and members of those that correlations need."""
        correlations = self._compiled.correlations
        facts = event_facts(event)
        shared: str | None = None  # details of rules that have none of their own are those of the event
        for index in matched:
            if index in correlations.member_fields:
                found.members.append(self._member(index, event, record, accepted, facts, evidence))
            if index in correlations.silent_matches:
                continue
            if index in self._with_details:
                details = self._details(index, accepted, self._seen(index, event))
            else:
                details = shared = shared or render_details("", self._compiled.model, accepted, event)
            found.hits.append(Hit(index, record.chunk, record.position, event, facts, details))

    def _member(
        self,
        index: int,
        event: dict[str, Any],
        record: Record,
        accepted: tuple[Source, ...],
        facts: EventFacts,
        evidence: str,
    ) -> Member:
        event = self._seen(index, event)
        values = {
            name: member_text(self._compiled.model.mapping(name, accepted).read(event))
            for name in self._compiled.correlations.member_fields[index]
        }
        return Member(
            facts.time,
            facts.channel,
            evidence,
            record.chunk,
            record.position,
            index,
            facts.computer,
            facts.event_id,
            facts.record_id,
            values,
        )

    def match(self, event: dict[str, Any], file_name: str = "") -> tuple[int, ...]:
        """The indexes of the detection rules that match one event, ascending, those that stay silent too."""
        self._budget.enforce()
        route = self._router(file_name).route(event)
        bucket = self._bucket(route)
        matched = bucket.match(event) if bucket is not None else ()
        return matched if self._questions is None else self._questions.rules_of(matched)

    def _seen(self, index: int, event: dict[str, Any]) -> dict[str, Any]:
        rule = self._compiled.rules[index]
        return rule.seen(event) if isinstance(rule, Rule) else event

    def _details(self, index: int, accepted: tuple[Source, ...], event: dict[str, Any]) -> str:
        rule = self._compiled.rules[index]
        enrichment = rule.enrichment if isinstance(rule, Rule) else None
        return render_details(rule.details, self._compiled.model, accepted, event, enrichment)

    def _router(self, file_name: str) -> Router:
        if not self._asks_file:
            file_name = ""
        router = self._routers.get(file_name)
        if router is None:
            if len(self._routers) >= _MAX_ROUTERS:
                self._routers.clear()
            router = self._routers[file_name] = Router(self._compiled.model, file_name)
        return router

    def _bucket(self, route: Route) -> Bucket | None:
        """The bucket of a route's events."""
        if not route.is_ready:
            route.bucket = self._buckets.of(route.sources, route.key)
            route.is_ready = True
        return route.bucket


def _inside(time: int, time_range: tuple[int | None, int | None]) -> bool:
    first, last = time_range
    return time == 0 or ((first is None or time >= first) and (last is None or time <= last))
