"""The end of a scan: when its last unit is over, its state and its log are written once."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from typing import Any

from django.db import transaction
from django.utils import timezone

from scans_app.models import Event, Hit, Scan, ScanRule, ScanUnit
from scans_app.services.bulk_rows import Row, insert_rows, update_rows
from scans_app.services.correlating import CorrelationRows, correlate_scan
from scans_app.services.funnels import FunnelRows, funnel_rows, write_funnels
from scans_app.services.hit_groups import group_all, group_hits
from scans_app.services.members import remove_members
from scans_app.services.unit_funnels import forget_unit_funnels


def settle(scan_pk: int) -> None:
    """End the scan if nothing of it is left to do. Does nothing otherwise, or when it was ended before."""
    open_units = ScanUnit.objects.filter(
        scan=scan_pk, state__in=(ScanUnit.State.QUEUED, ScanUnit.State.RUNNING)
    )
    if open_units.exists():
        return
    found, funnels = _found(scan_pk)
    with transaction.atomic():
        going_on = Scan.objects.select_for_update().filter(
            pk=scan_pk, state__in=(Scan.State.RUNNING, Scan.State.CANCELLING)
        )
        if (scan := going_on.first()) is None:
            return
        units = list(scan.units.all())
        scan.state = _end_state(scan, units, found.problems)
        scan.finished_at = timezone.now()
        if scan.state != Scan.State.CANCELLED:
            insert_rows(Event, found.events.values(), ignore_conflicts=True)
            Hit.objects.bulk_create(found.hits, batch_size=500)
            scan.hits += len(found.hits)
            write_funnels(funnels)
        forget_unit_funnels(scan)
        rules = _count_rules(scan, units, found)
        scan.log = _log(units, rules) | {"correlations": found.problems}
        scan.save(update_fields=["state", "finished_at", "log", "hits"])
    group_hits(scan_pk)
    remove_members(scan_pk)


def _found(scan_pk: int) -> tuple[CorrelationRows, FunnelRows]:
    """The hits of the scan's correlations and a debug scan's funnels, before the transaction that writes them: they
    may take a while. Nothing of a scan that was cancelled: half a funnel would mislead."""
    scan = Scan.objects.select_related("model_version").filter(pk=scan_pk, state=Scan.State.RUNNING).first()
    if scan is None:
        return CorrelationRows(), FunnelRows()
    correlated = correlate_scan(scan)
    return correlated, funnel_rows(scan, correlated)


def settle_all() -> None:
    """End every scan whose last worker died between its last checkpoint and the end of the scan."""
    for pk in Scan.objects.filter(state__in=(Scan.State.RUNNING, Scan.State.CANCELLING)).values_list(
        "pk", flat=True
    ):
        settle(pk)
    group_all()


def _end_state(scan: Scan, units: Iterable[ScanUnit], problems: list[str]) -> str:
    if scan.state == Scan.State.CANCELLING:
        return Scan.State.CANCELLED
    gaps = bool(problems) or any(unit.skipped or unit.lost for unit in units)
    return Scan.State.FINISHED_WITH_GAPS if gaps else Scan.State.FINISHED


def _count_rules(scan: Scan, units: Iterable[ScanUnit], correlated: CorrelationRows) -> list[ScanRule]:
    """Write the hits and events of each rule of the scan, and a silent correlation's nearest window; the rules."""
    kept, capped = Counter[int](correlated.counts), Counter[int]()
    source_events = _source_events(units)
    for unit in units:
        for position, (unit_kept, unit_capped) in unit.rule_hits.items():
            kept[int(position)] += unit_kept
            capped[int(position)] += unit_capped
    rules = list(scan.rules.all())
    for rule in rules:
        rule.hits, rule.hits_capped = kept[rule.position], capped[rule.position]
        rule.events = sum(source_events[name] for name in rule.sources)
        rule.nearest = correlated.nearest.get(rule.position, {})
    told = [rule for rule in rules if rule.hits or rule.hits_capped or rule.events or rule.nearest]
    update_rows(ScanRule, [_told_row(rule) for rule in told])
    return rules


def _told_row(rule: ScanRule) -> Row:
    counts = {"hits": rule.hits, "hits_capped": rule.hits_capped, "events": rule.events}
    return {"pk": rule.pk, **counts, "nearest": json.dumps(rule.nearest)}


def _source_events(units: Iterable[ScanUnit]) -> Counter[str]:
    total: Counter[str] = Counter()
    for unit in units:
        total.update(unit.source_events)
    return total


def _log(units: list[ScanUnit], rules: list[ScanRule]) -> dict[str, Any]:
    """What came of the scan, for people.

    `{"sources": [{name, rules, events, hits, seconds}], "caches": {what: number}, "seconds_matching", "units",
    "attempts", "regex_timeouts": {pattern: count}}`. A rule on two sources counts, with its hits, under both; so does
    an event, with its share of the seconds that its chunk took.
    """
    seconds = Counter[str]()
    for unit in units:
        seconds.update(unit.source_seconds)
    events = _source_events(units)
    rule_count, hits = Counter[str](), Counter[str]()
    for rule in rules:
        for name in rule.sources:
            rule_count[name] += 1
            hits[name] += rule.hits + rule.hits_capped
    timeouts: Counter[str] = Counter()
    for unit in units:
        timeouts.update(unit.regex_timeouts)
    return {
        "sources": [
            {
                "name": name,
                "rules": rule_count[name],
                "events": events[name],
                "hits": hits[name],
                "seconds": round(seconds[name], 3),
            }
            for name in sorted(rule_count, key=lambda name: (-events[name], name))
        ],
        "caches": dict(sum((Counter(unit.cache_counts) for unit in units), Counter())),
        "seconds_matching": round(sum(unit.seconds for unit in units), 3),
        "units": len(units),
        "attempts": sum(unit.attempt for unit in units),
        "regex_timeouts": dict(timeouts.most_common(100)),
    }
