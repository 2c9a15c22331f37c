"""Units: a worker claims one, matches its chunks, and moves its checkpoint on with the hits it found.

One transaction writes the hits of some chunks and the checkpoint behind them, if the fence still holds. So a
worker may be killed, stopped or doubled at any moment: no hit is lost and none is there twice.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from django.db import transaction
from django.db.models import F

import sigma_engine
from scans_app.models import Event, Hit, Scan, ScanUnit
from scans_app.services.bulk_rows import Row, insert_rows
from scans_app.services.claims import CRASHES_UNTIL_SET_ASIDE, Heartbeat, LeaseLost, claim, hand_back, move
from scans_app.services.cpu_share import CpuShare
from scans_app.services.event_rows import clean_text, event_row, hit_row
from scans_app.services.members import write_members
from scans_app.services.scanners import LoadedScan, load_scan
from scans_app.services.settling import settle
from scans_app.services.unit_funnels import read_unit_funnel, write_unit_funnel
from scans_app.services.unit_plan import chunk_bytes
from scans_app.services.wanted_chunks import chunks_to_read

HITS_A_CHECKPOINT = 1_000
SECONDS_A_CHECKPOINT = 2.0
SECONDS_A_LOOK = 0.3  # between two looks at whether the scan was cancelled
MEMBERS_A_CHECKPOINT = 10_000  # matches kept for correlations
HITS_KEPT = 10_000  # per unit and rule, in the order of the chunks; more are counted, not kept

CACHE_COUNTS = ("events", "verdicts_decided", "values_decided", "drops")  # of Scanner.cache_report

logger = logging.getLogger(__name__)


def run_next_unit(may_go_on: Callable[[], bool]) -> bool:
    """Work on the next unit for a while; False when none can be claimed."""
    unit = claim(ScanUnit.objects.select_related("scan__model_version", "evidence").order_by("place", "pk"))
    if unit is None:
        return False
    with Heartbeat(unit):
        try:
            _run(unit, may_go_on)
        except LeaseLost:
            pass  # another worker has the unit; it goes on from the last checkpoint
        except sigma_engine.EvidenceError as problem:
            _Progress(unit).set_aside_rest(f"the stored file can't be read: {problem}")
    settle(unit.scan_id)
    return True


def _run(unit: ScanUnit, may_go_on: Callable[[], bool]) -> None:
    scan, progress = unit.scan, _Progress(unit)
    if scan.state != Scan.State.RUNNING:
        progress.save(state=ScanUnit.State.CANCELLED)
        return
    if not _is_untouched(unit):
        progress.set_aside_rest("the stored file was changed on disk while the scan ran")
        return
    if unit.crashes >= CRASHES_UNTIL_SET_ASIDE:
        progress.set_aside(f"matching it ended {unit.crashes} processes")
    if _match(unit, scan, progress, may_go_on):
        progress.save(state=ScanUnit.State.DONE)
    elif _is_running(scan):
        progress.save()
        hand_back(unit)
    else:
        progress.save(state=ScanUnit.State.CANCELLED)


def _match(unit: ScanUnit, scan: Scan, progress: _Progress, may_go_on: Callable[[], bool]) -> bool:
    """Match chunk after chunk. True at the end of the unit, False when this worker should stop before it."""
    loaded = load_scan(scan)
    file = sigma_engine.open_evidence(unit.evidence.path)
    numbers = chunks_to_read(scan, loaded.keys, unit.evidence, progress.next_chunk, unit.last_chunk)
    careful = unit.crashes > 0  # a process died here: a checkpoint after each chunk finds the guilty one
    share, looked_at = CpuShare(scan.cpu_share), time.monotonic()
    progress.watch_caches(loaded.scanner)
    for number in numbers:
        if progress.pass_over(number) and careful:
            progress.save()  # or the chunk that is set aside after three deaths is one that nobody reads
        _match_chunk(file, scan, loaded, progress)
        if careful or progress.is_due:
            progress.save()
        share.keep()
        if not may_go_on() and number != numbers[-1]:
            return False
        if time.monotonic() - looked_at > SECONDS_A_LOOK:
            looked_at = time.monotonic()
            if not _is_running(scan):
                return False
    progress.pass_over(unit.last_chunk + 1)
    return True


def _match_chunk(
    file: sigma_engine.EvidenceFile, scan: Scan, loaded: LoadedScan, progress: _Progress
) -> None:
    number, started = progress.next_chunk, time.monotonic()
    try:
        found = loaded.scanner.scan_chunk(
            file,
            number,
            progress.file_name,
            time_range=(scan.time_from, scan.time_to),
            evidence=str(progress.unit.evidence_id),
        )
    except MemoryError:
        raise  # the address space is used up: end here, and let a fresh process try
    except Exception as problem:
        # A fault of ours or of the file must not stop the other chunks, and must be seen.
        logger.exception("chunk %d of evidence %d could not be matched", number, progress.unit.evidence_id)
        progress.set_aside(f"{type(problem).__name__}: {problem}")
        return
    size = chunk_bytes(progress.unit.evidence, number)
    progress.add(found, loaded, size, time.monotonic() - started)


def _is_running(scan: Scan) -> bool:
    return Scan.objects.filter(pk=scan.pk, state=Scan.State.RUNNING).exists()


def _is_untouched(unit: ScanUnit) -> bool:
    try:
        stat = unit.evidence.path.stat()
    except OSError:
        return False
    return (stat.st_size, stat.st_mtime_ns) == (unit.evidence.size, unit.evidence.stored_mtime_ns)


class _Progress:
    """What a unit found since its last checkpoint, and the checkpoint itself."""

    def __init__(self, unit: ScanUnit) -> None:
        self.unit = unit
        self.next_chunk = unit.next_chunk
        self.file_name = unit.evidence.name
        self._rule_hits = {int(position): list(counts) for position, counts in unit.rule_hits.items()}
        self._source_events = Counter(unit.source_events)
        self._timeouts = Counter(unit.regex_timeouts)
        self._skipped = list(unit.skipped)
        self._member_files = list(unit.member_files)
        self._scanner: sigma_engine.Scanner | None = None
        self._caches_before: dict[str, int] = {}
        self._cached_before: dict[str, int] = dict(unit.cache_counts)
        self._source_seconds = Counter(unit.source_seconds)
        self._funnel = read_unit_funnel(unit) if unit.scan.debug else None
        self._clear()

    def _clear(self) -> None:
        self._events: dict[tuple[int, int], Row] = {}  # by place in the file
        self._hits: list[Row] = []
        self._members: list[sigma_engine.Member] = []
        self._new: Counter[str] = Counter()
        self._seconds = 0.0
        self._saved_at = time.monotonic()

    @property
    def is_due(self) -> bool:
        """Whether a checkpoint is due."""
        return (
            len(self._hits) >= HITS_A_CHECKPOINT
            or len(self._members) >= MEMBERS_A_CHECKPOINT
            or time.monotonic() - self._saved_at >= SECONDS_A_CHECKPOINT
        )

    def add(self, found: sigma_engine.ChunkHits, loaded: LoadedScan, size: int, seconds: float) -> None:
        """Take in what the next chunk gave."""
        for hit in found.hits:
            counts = self._rule_hits.setdefault(hit.rule_index, [0, 0])
            if counts[0] >= HITS_KEPT:
                counts[1] += 1
                self._new["hits_capped"] += 1
                continue
            counts[0] += 1
            place = (hit.chunk, hit.position)
            if place not in self._events:
                self._events[place] = event_row(self.unit.evidence_id, hit)
            self._hits.append(hit_row(self.unit, loaded.rules[hit.rule_index], hit, self._events[place]))
        self._members += found.members
        self._source_events.update(found.source_events)
        for name, events in found.source_events.items():
            self._source_seconds[name] += seconds * events / found.events
        if self._funnel is not None and found.funnel is not None:
            self._funnel.add(found.funnel)
        self._timeouts.update(found.regex_timeouts)
        self._new.update(
            events=found.events,
            bytes_read=size,
            lost=found.read.lost,
            timeouts=sum(found.regex_timeouts.values()),
        )
        # A chunk of noise: how many records it held nobody knows, so that `lost` can't say it.
        unreadable = [problem.message for problem in found.read.problems if problem.code == "unreadable"]
        self._skipped += [self._gap(self.next_chunk, message) for message in unreadable]
        self._seconds += seconds
        self.next_chunk += 1

    def watch_caches(self, scanner: sigma_engine.Scanner) -> None:
        """Count from now on what the caches of this scanner do not know."""
        self._scanner, self._caches_before = scanner, scanner.cache_report()

    def _cache_counts(self) -> dict[str, int]:
        """What the caches did not know in this unit: what was counted before, and since they are watched."""
        if self._scanner is None:
            return self.unit.cache_counts
        now = self._scanner.cache_report()
        since = {name: now[name] - self._caches_before[name] for name in CACHE_COUNTS}
        return {name: self._cached_before.get(name, 0) + count for name, count in since.items()}

    def pass_over(self, next_chunk: int) -> bool:
        """Go to the next chunk that is read; whether there were others before it. They were in none of the totals."""
        moved, self.next_chunk = next_chunk > self.next_chunk, next_chunk
        return moved

    def set_aside(self, reason: str) -> None:
        """Go past the next chunk and say so: the scan will have a gap."""
        self._skip(self.next_chunk, reason)

    def set_aside_rest(self, reason: str) -> None:
        """End the unit with everything that is left of it as a gap."""
        self._skip(self.unit.last_chunk, reason)
        self.save(state=ScanUnit.State.DONE)

    def _skip(self, last_chunk: int, reason: str) -> None:
        self._skipped.append(self._gap(last_chunk, reason))
        self._new["bytes_read"] += (last_chunk + 1 - self.next_chunk) * self.unit.evidence.chunk_size
        self.next_chunk = last_chunk + 1

    def _gap(self, last_chunk: int, reason: str) -> dict[str, Any]:
        return {"chunk": self.next_chunk, "last_chunk": last_chunk, "reason": clean_text(reason, 1000)}

    def save(self, state: str = ScanUnit.State.RUNNING) -> None:
        """One transaction: checkpoint, events, hits, counters. Raises LeaseLost, having written nothing."""
        unit, new = self.unit, self._new
        moved = self.next_chunk > unit.next_chunk
        counters = {"events": new["events"], "hits": len(self._hits), "bytes_read": new["bytes_read"]}
        if self._members:
            # Before the row that names it: a file that no row names was a dead worker's, and is swept.
            self._member_files.append(write_members(unit, self._members))
        with transaction.atomic():
            move(
                unit,
                state=state,
                next_chunk=self.next_chunk,
                crashes=0 if moved else unit.crashes,
                rule_hits=self._rule_hits,
                source_events=self._source_events,
                cache_counts=self._cache_counts(),
                source_seconds=self._source_seconds,
                regex_timeouts=self._timeouts,
                skipped=self._skipped,
                member_files=self._member_files,
                seconds=unit.seconds + self._seconds,
                lost=unit.lost + new["lost"],
                **{name: getattr(unit, name) + count for name, count in counters.items()},
            )
            insert_rows(Event, self._events.values(), ignore_conflicts=True)
            insert_rows(Hit, self._hits)
            if self._funnel is not None:
                write_unit_funnel(unit, self._funnel)
            counters["hits_capped"] = new["hits_capped"]
            counters["regex_timeouts"] = new["timeouts"]
            counters["units_done"] = int(state == ScanUnit.State.DONE)
            raised = {name: F(name) + count for name, count in counters.items() if count}
            if raised:
                Scan.objects.filter(pk=unit.scan_id).update(**raised)
        self._clear()
