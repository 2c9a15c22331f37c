"""The correlations of a scan: run over the matches of all its units, once the last of them is done."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import sigma_engine
from scans_app.models import Evidence, Hit, Scan
from scans_app.models.hits import event_pk
from scans_app.services.bulk_rows import Row
from scans_app.services.event_rows import DETAILS_KEPT, FrozenRule, clean_text, event_row
from scans_app.services.lane_rows import lane_row, member_row, nearest_row
from scans_app.services.members import read_members
from scans_app.services.scanners import load_scan

MEMBERS_SHOWN = 1_000  # of one hit; the details say how many there are


@dataclass
class CorrelationRows:
    """Rows to be written, hits of each rule by position, the nearest window of each that is silent, and sentences
    about what was cut short."""

    events: dict[int, Row] = field(default_factory=dict)
    by_place: dict[tuple[int, int], Hit] = field(default_factory=dict)  # (event, rule version): a hit each
    counts: dict[int, int] = field(default_factory=dict)
    nearest: dict[int, dict[str, Any]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    @property
    def hits(self) -> list[Hit]:
        """The hits, in order of time."""
        return list(self.by_place.values())


def correlate_scan(scan: Scan) -> CorrelationRows:
    """The rows of all correlation hits; the same for the same scan, whoever asks and how often. Writes nothing."""
    rows = CorrelationRows()
    if not scan.manifest.get("correlates"):
        return rows
    loaded = load_scan(scan)
    correlations = loaded.compiled.correlations
    try:
        correlated = sigma_engine.correlate(correlations.plans, read_members(scan))
    except OSError as problem:
        rows.problems.append(
            f"Correlations could not run: their matches are gone from the disk ({problem.strerror})."
        )
        return rows
    for index, count in correlated.truncated.items():
        title = loaded.rules[index].title
        rows.problems.append(f"{title}: {count:,} matches were too many to correlate; the earliest were.")
    plans = {plan.rule_index: plan for plan in correlations.plans}
    for index, nearest in correlated.nearest.items():
        rows.nearest[index] = nearest_row(plans[index], nearest, loaded.rules)
    files = _Files()
    for hit in correlated.hits:
        if hit.rule_index not in correlations.silent_hits:
            _add(rows, scan, plans[hit.rule_index], hit, loaded.rules, files)
    return rows


class _Files:
    """The evidence that hits lie in, opened once."""

    def __init__(self) -> None:
        self._open: dict[int, sigma_engine.EvidenceFile] = {}

    def record(self, member: sigma_engine.Member) -> sigma_engine.Record | None:
        """The record of a member, read again."""
        pk = int(member.evidence)
        if pk not in self._open:
            self._open[pk] = sigma_engine.open_evidence(Evidence.objects.get(pk=pk).path)
        return self._open[pk].find(member.chunk, member.position)


def _add(
    rows: CorrelationRows,
    scan: Scan,
    plan: sigma_engine.Plan,
    hit: sigma_engine.CorrelationHit,
    rules: list[FrozenRule],
    files: _Files,
) -> None:
    """A hit stands at its last event; two of one rule that end there (in different groups) are one row."""
    last, rule = hit.last, rules[hit.rule_index]
    key = event_pk(int(last.evidence), last.chunk, last.position)
    same = rows.by_place.get((key, rule.version_pk))
    if same is not None:
        same.details = clean_text(f"{same.details} ¦ and {hit.details()}", DETAILS_KEPT)
        return
    record = files.record(last)
    if record is None:
        rows.problems.append(f"{rule.title}: the event of a hit could not be read again.")
        return
    facts = sigma_engine.event_facts(record.event)
    made = sigma_engine.Hit(hit.rule_index, last.chunk, last.position, record.event, facts, hit.details())
    rows.events.setdefault(key, event_row(int(last.evidence), made))
    rows.by_place[key, rule.version_pk] = _hit(scan, plan, hit, key, rules)
    rows.counts[hit.rule_index] = rows.counts.get(hit.rule_index, 0) + 1


def _hit(
    scan: Scan, plan: sigma_engine.Plan, hit: sigma_engine.CorrelationHit, event: int, rules: list[FrozenRule]
) -> Hit:
    last, rule = hit.last, rules[hit.rule_index]
    return Hit(
        scan_id=scan.pk,
        rule_id=rule.rule_pk,
        rule_version_id=rule.version_pk,
        event_id=event,
        evidence_id=int(last.evidence),
        chunk=last.chunk,
        position=last.position,
        time=last.time,
        level=rule.level,
        title=rule.title,
        computer=_common([clean_text(member.computer) for member in hit.members], ""),
        channel=_common([clean_text(member.channel) for member in hit.members], ""),
        event_code=_common([member.event_id for member in hit.members if member.event_id is not None], -1),
        details=clean_text(hit.details(), DETAILS_KEPT),
        members=[member_row(member, rules) for member in hit.members[:MEMBERS_SHOWN]],
        lane=lane_row(plan, hit, rules),
    )


def _common(values: list[Any], otherwise: Any) -> Any:
    return values[0] if len(set(values)) == 1 else otherwise
