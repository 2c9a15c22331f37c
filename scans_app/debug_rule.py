"""What the page of one rule in a debug scan shows beside its funnel: its text at the line, and the example event."""

from __future__ import annotations

from typing import Any

from scans_app.models import Evidence, ScanFunnel

LINES_AROUND = 3  # of the rule's text, before and behind the line of the cause


def rule_context(row: ScanFunnel) -> dict[str, Any]:
    """`row`, `lines` [(number, text, is the line)], `selections` and `fields` [(name, events)], `example` (place)."""
    counts = row.counts
    return {
        "row": row,
        "lines": _lines(row),
        "selections": sorted(counts.get("selections", {}).items()),
        "fields": sorted(counts.get("fields", {}).items(), key=lambda item: (item[1], item[0])),
        "taken_by": sorted(counts.get("taken_by", {}).items()),
        "example": _example(row),
    }


def _lines(row: ScanFunnel) -> list[tuple[int, str, bool]]:
    if row.rule_version is None or not row.line:
        return []
    lines = row.rule_version.text.splitlines()
    first = max(0, row.line - 1 - LINES_AROUND)
    shown = lines[first : row.line + LINES_AROUND]
    return [(number, text, number == row.line) for number, text in enumerate(shown, first + 1)]


def _example(row: ScanFunnel) -> dict[str, Any] | None:
    """The event that shows the cause, or the first that made a selection true: `{evidence, name, chunk, position}`."""
    place = row.counts.get("example") or next(iter(row.counts.get("first", {}).values()), None)
    if place is None:
        return None
    evidence = Evidence.objects.filter(pk=int(place[0]), case=row.scan.case_id).first()
    if evidence is None:
        return None
    return {"evidence": evidence.pk, "name": evidence.name, "chunk": place[1], "position": place[2]}
