"""Events and hits as rows: what evidence may hold and a database may not.

PostgreSQL keeps no NUL in texts and nobody keeps numbers over 64 bits, but hostile evidence has both. The
file on disk stays the truth; the copies here are for lists and pages.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sigma_engine
from scans_app.models import Event, Hit, ScanUnit
from scans_app.models.hits import TEXT_KEPT, event_pk

NUL_SHOWN = "\u2400"  # SYMBOL FOR NULL
DETAILS_KEPT = 4_096  # characters; the event itself is a click away
LARGEST = 2**63 - 1


def clean_text(text: str, longest: int = TEXT_KEPT) -> str:
    """A text that any database takes: NUL as its symbol, cut with an ellipsis to `longest` characters."""
    if "\0" in text:
        text = text.replace("\0", NUL_SHOWN)
    return text if len(text) <= longest else text[: longest - 1] + "…"


def whole_number(number: int | None) -> int | None:
    """The number, or None where 64 bits don't hold it: record ids are unsigned in Windows."""
    return number if number is not None and -LARGEST <= number <= LARGEST else None


def clean_event(value: Any) -> Any:
    """The event as JSON that any database takes: NUL as its symbol, numbers over 64 bits as text."""
    if isinstance(value, str):
        return value.replace("\0", NUL_SHOWN) if "\0" in value else value
    if isinstance(value, dict):
        return {clean_event(key): clean_event(item) for key, item in value.items()}
    if isinstance(value, list):
        return [clean_event(item) for item in value]
    if isinstance(value, int) and not -LARGEST <= value <= LARGEST:
        return str(value)
    return value


def event_row(evidence_id: int, hit: sigma_engine.Hit) -> Event:
    """The event of a hit, not yet written."""
    facts = hit.facts
    return Event(
        id=event_pk(evidence_id, hit.chunk, hit.position),
        evidence_id=evidence_id,
        chunk=hit.chunk,
        position=hit.position,
        time=facts.time,
        record_id=whole_number(facts.record_id),
        channel=clean_text(facts.channel),
        computer=clean_text(facts.computer),
        provider=clean_text(facts.provider),
        event_code=_event_code(facts.event_id),
        user=clean_text(facts.user),
        data=clean_event(hit.event),
    )


@dataclass(frozen=True, slots=True)
class FrozenRule:
    """A rule as the scan froze it: the keys of its rows, and the title and level that version had."""

    rule_pk: int
    version_pk: int
    title: str
    level: int


def hit_row(unit: ScanUnit, rule: FrozenRule, hit: sigma_engine.Hit) -> Hit:
    """A hit of a unit, not yet written."""
    facts = hit.facts
    return Hit(
        scan_id=unit.scan_id,
        rule_id=rule.rule_pk,
        rule_version_id=rule.version_pk,
        event_id=event_pk(unit.evidence_id, hit.chunk, hit.position),
        evidence_id=unit.evidence_id,
        chunk=hit.chunk,
        position=hit.position,
        time=facts.time,
        level=rule.level,
        title=rule.title,
        computer=clean_text(facts.computer),
        channel=clean_text(facts.channel),
        event_code=_event_code(facts.event_id),
        user=clean_text(facts.user),
        details=clean_text(hit.details, DETAILS_KEPT),
    )


def _event_code(event_id: int | None) -> int:
    number = whole_number(event_id)
    return -1 if number is None else number
