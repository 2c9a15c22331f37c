"""Hit diffs: a version of a rule run over a scan's evidence beside the version of the scan, and what differs.

Both versions run in one pass with the scan's model, time range, frozen placeholders and global filters; chunks that
neither can match are not read. What the scan itself kept counts as hit by its version too, so that neither a cap of
that scan nor an engine of later hides a hit that somebody judged.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from django.utils import timezone

import sigma_engine
from rules_app.models import RuleVersion
from rules_app.selection import load_event_model, load_rule
from scans_app.models import AcceptedLoss, Evidence, Hit, HitDiff, Scan, ScanRule
from scans_app.models.hits import event_pk
from scans_app.services import doorbell
from scans_app.services.claims import CRASHES_UNTIL_SET_ASIDE, Heartbeat, LeaseLost, claim, hand_back, move
from scans_app.services.event_rows import clean_text, whole_number
from scans_app.services.frozen_filters import frozen_filters
from scans_app.services.placeholders import lists_for_asking
from scans_app.services.rule_run import Chunk, RuleRun
from scans_app.services.wanted_chunks import KeysByFile, chunks_to_read

MAX_HITS = 50_000  # of one version: more can't be looked through, and would make a row of megabytes
ROWS_KEPT = 200  # gained hits that can be listed
SECONDS_AT_ONCE = 0.8  # in the request that asks; the rest is a job
NEW, OLD = 0, 1  # places in the compiled set

Places = dict[str, dict[str, list[int]]]

logger = logging.getLogger(__name__)


class NoDiff(Exception):
    """There is nothing to compare; the text is a sentence that says why."""


def start_diff(version: RuleVersion, scan: Scan, user: User) -> HitDiff:
    """The diff of a version on a scan that is over, made when it is not there yet or failed, and worked on for a
    moment; workers do the rest.

    Raises NoDiff, with nothing written, for what has no hits of single events: correlations and filters.
    """
    base, in_scan = base_of(version, scan)
    _load(version, base, scan)
    HitDiff.objects.filter(rule_version=version, scan=scan, state=HitDiff.State.FAILED).delete()
    diff, _ = HitDiff.objects.get_or_create(
        rule_version=version,
        scan=scan,
        defaults={"base_version": base, "in_scan": in_scan, "created_by": user},
    )
    until = time.monotonic() + SECONDS_AT_ONCE
    _run_next(HitDiff.objects.filter(pk=diff.pk), lambda: time.monotonic() < until)
    doorbell.ring()
    diff.refresh_from_db()
    return diff


def base_of(version: RuleVersion, scan: Scan) -> tuple[RuleVersion | None, bool]:
    """The version that `version` is held against on a scan, and whether the scan ran it: else it is the published
    one, or None for a rule that was never published."""
    ran = ScanRule.objects.filter(scan=scan, rule_version__rule=version.rule_id)
    row = ran.select_related("rule_version__rule").first()
    if row is not None:
        return row.rule_version, True
    current = version.rule.current
    return (None if current == version else current), False


def run_next_hit_diff(may_go_on: Callable[[], bool]) -> bool:
    """Work on the next diff for a while; False when none can be claimed."""
    return _run_next(HitDiff.objects.order_by("pk"), may_go_on)


def accept_losses(diff: HitDiff, hits: Iterable[int], user: User) -> int:
    """Note that somebody looked at true positives which the version loses, and accepts that; how many."""
    lost = {hit.pk for hit in lost_true_positives(diff)} & set(hits)
    rows = [AcceptedLoss(diff=diff, hit_id=pk, author=user) for pk in sorted(lost)]
    return len(AcceptedLoss.objects.bulk_create(rows, ignore_conflicts=True))


def lost_true_positives(diff: HitDiff) -> list[Hit]:
    """The hits of the scan that are judged true positive now and that the version does not hit."""
    new = places(diff.new_hits)
    judged = _stored(diff).filter(verdict=Hit.Verdict.TRUE_POSITIVE).order_by("time", "pk")
    return [hit for hit in judged.select_related("scan__case") if hit.event_id not in new]


def stored_hits(diff: HitDiff) -> list[tuple[int, int, str]]:
    """The scan's own hits of the rule as (pk, event, verdict as it is now), in order of time."""
    return list(_stored(diff).order_by("time", "pk").values_list("pk", "event_id", "verdict"))


def places(found: Places) -> set[int]:
    """Places as keys of events (`models.hits.event_pk`)."""
    return {
        event_pk(int(evidence), int(chunk), position)
        for evidence, chunks in found.items()
        for chunk, positions in chunks.items()
        for position in positions
    }


def _stored(diff: HitDiff) -> Any:
    return Hit.objects.of_scan(diff.scan).filter(rule=diff.rule_version.rule_id)


@dataclass(frozen=True)
class _Loaded:
    """Both versions and the scan's filters, compiled."""

    compiled: sigma_engine.CompiledSet
    scanner: sigma_engine.Scanner


def _load(version: RuleVersion, base: RuleVersion | None, scan: Scan) -> _Loaded:
    """Compile the versions as the scan would. Raises NoDiff with a sentence."""
    try:
        model = load_event_model(scan.model_version)
        rules = [load_rule(one, lists_for_asking(scan, one)) for one in (version, base) if one is not None]
    except ValueError as problem:
        raise NoDiff(f"There is no hit diff: {problem}.") from None
    for rule, one in zip(rules, (version, base), strict=False):
        number = one.number if one else 0
        if isinstance(rule, sigma_engine.Correlation):
            raise NoDiff(
                f"Version {number} is a correlation: its hits are windows over those of other rules."
            )
        if isinstance(rule, sigma_engine.Filter):
            raise NoDiff(f"Version {number} is a filter: it hits nothing by itself.")
        if rule.aggregation is not None:
            raise NoDiff(f"Version {number} counts events: its hits are windows, which are not compared yet.")
    compiled = sigma_engine.compile_rules([*rules, *frozen_filters(scan)], model)
    if not any(index in compiled.served for index in range(len(rules))):
        raise NoDiff("The scan's model has no events for the log source of either version.")
    return _Loaded(compiled, sigma_engine.Scanner(compiled))


def _run_next(diffs: Any, may_go_on: Callable[[], bool]) -> bool:
    diff = claim(diffs.select_related("rule_version__rule", "base_version__rule", "scan__model_version"))
    if diff is None:
        return False
    with Heartbeat(diff):
        try:
            if diff.crashes >= CRASHES_UNTIL_SET_ASIDE:
                raise NoDiff(f"Working on it ended {diff.crashes} processes.")
            _run(diff, _load(diff.rule_version, diff.base_version, diff.scan), may_go_on)
        except NoDiff as problem:
            move(diff, state=HitDiff.State.FAILED, error=str(problem), finished_at=timezone.now())
        except LeaseLost:
            pass  # another worker has it; it goes on from the last checkpoint
    return True


def _run(diff: HitDiff, loaded: _Loaded, may_go_on: Callable[[], bool]) -> None:
    files = list(diff.scan.evidence.order_by("pk"))
    if not diff.chunks_total:
        _begin(diff, loaded, files)
    progress = _Progress(diff)
    run = RuleRun(files, lambda file, first: _wanted(diff, loaded, file, first), diff.file, diff.chunk)
    while not run.is_over:
        run.go_on(lambda chunk: _match(diff, loaded, chunk, progress))
        progress.problems += run.problems
        run.problems.clear()
        progress.save(run)
        if not run.is_over and not may_go_on():
            hand_back(diff)
            return
    _finish(diff)


def _begin(diff: HitDiff, loaded: _Loaded, files: list[Evidence]) -> None:
    """Count what there is to read, and say which files can't be."""
    changed = [file.name for file in files if not _is_untouched(file)]
    problems = [f"{name} was changed on disk since it was added; it is left out." for name in changed]
    total = sum(len(_wanted(diff, loaded, file, 0)) for file in files)
    move(diff, chunks_total=total, problems=problems)


def _wanted(diff: HitDiff, loaded: _Loaded, file: Evidence, first: int) -> list[int]:
    return chunks_to_read(diff.scan, KeysByFile(loaded.compiled), file, first) if _is_untouched(file) else []


def _is_untouched(file: Evidence) -> bool:
    try:
        stat = file.path.stat()
    except OSError:
        return False
    return (stat.st_size, stat.st_mtime_ns) == (file.size, file.stored_mtime_ns)


def _match(diff: HitDiff, loaded: _Loaded, chunk: Chunk, progress: _Progress) -> bool:
    """Both versions on a chunk. Never enough: the next slice is the worker's matter."""
    scan = diff.scan
    found = loaded.scanner.scan_chunk(
        chunk.file, chunk.number, chunk.evidence.name, (scan.time_from, scan.time_to), str(chunk.evidence.pk)
    )
    progress.add(chunk.evidence, found)
    return False


class _Progress:
    """What a diff has found, with what the next chunks give."""

    def __init__(self, diff: HitDiff) -> None:
        self._diff = diff
        self._places: tuple[Places, Places] = (diff.new_hits, diff.old_hits)
        self._counts = [sum(len(p) for c in found.values() for p in c.values()) for found in self._places]
        self._rows: tuple[list[dict[str, Any]], list[dict[str, Any]]] = (diff.gained_rows, diff.lost_rows)
        self._chunks, self._events = diff.chunks_read, diff.events
        self._started = time.monotonic()
        self.problems: list[str] = list(diff.problems)

    def add(self, file: Evidence, found: sigma_engine.ChunkHits) -> None:
        """Take in one chunk. Raises NoDiff when a version hits more than can be compared."""
        self._chunks += 1
        self._events += found.events
        hits = ([hit for hit in found.hits if hit.rule_index == which] for which in (NEW, OLD))
        new, old = ({hit.position: hit for hit in one} for one in hits)
        if self._diff.base_version_id is None:
            old = {}
        for which, one in ((NEW, new), (OLD, old)):
            self._keep(which, file.pk, one)
        self._sample(NEW, file, [hit for position, hit in new.items() if position not in old])
        self._sample(OLD, file, [hit for position, hit in old.items() if position not in new])

    def _keep(self, which: int, evidence: int, hits: dict[int, sigma_engine.Hit]) -> None:
        if not hits:
            return
        self._counts[which] += len(hits)
        if self._counts[which] > MAX_HITS:
            word = "new" if which == NEW else "old"
            raise NoDiff(
                f"The {word} version hits over {MAX_HITS:,} events here: too many to compare one by one."
            )
        chunk = next(iter(hits.values())).chunk
        self._places[which].setdefault(str(evidence), {})[str(chunk)] = sorted(hits)

    def _sample(self, which: int, file: Evidence, hits: list[sigma_engine.Hit]) -> None:
        rows = self._rows[which]
        rows += [_row(file, hit) for hit in hits[: max(ROWS_KEPT - len(rows), 0)]]

    def save(self, run: RuleRun) -> None:
        """Write the place and what was found. Raises LeaseLost, having written nothing."""
        move(
            self._diff,
            file=run.file,
            chunk=run.chunk,
            chunks_read=self._chunks,
            events=self._events,
            seconds=self._diff.seconds + time.monotonic() - self._started,
            new_hits=self._places[NEW],
            old_hits=self._places[OLD],
            gained_rows=self._rows[NEW],
            lost_rows=self._rows[OLD],
            problems=self.problems,
            crashes=0,
        )
        self._started = time.monotonic()


def _row(file: Evidence, hit: sigma_engine.Hit) -> dict[str, Any]:
    """A hit that has no row of its own, to be listed."""
    return {
        "evidence": file.pk,
        "chunk": hit.chunk,
        "position": hit.position,
        "time": hit.facts.time,
        "computer": clean_text(hit.facts.computer),
        "channel": clean_text(hit.facts.channel),
        "event_code": whole_number(hit.facts.event_id),
        "details": clean_text(hit.details, 500),
    }


def _finish(diff: HitDiff) -> None:
    new = places(diff.new_hits)
    stored = {event for _, event, _ in stored_hits(diff)} if diff.in_scan else set()
    if len(stored) > MAX_HITS:
        raise NoDiff(f"The scan has over {MAX_HITS:,} hits of this rule: too many to compare one by one.")
    old = places(diff.old_hits) | stored
    move(
        diff,
        state=HitDiff.State.FINISHED,
        kept=len(new & old),
        gained=len(new - old),
        lost=len(old - new),
        gained_rows=[row for row in diff.gained_rows if _event(row) not in stored],
        lost_rows=[row for row in diff.lost_rows if _event(row) not in stored],
        finished_at=timezone.now(),
    )


def _event(row: dict[str, Any]) -> int:
    return event_pk(row["evidence"], row["chunk"], row["position"])
