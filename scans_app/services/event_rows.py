"""Events and hits as rows: what evidence may hold and a database may not.

PostgreSQL keeps no NUL in texts and nobody keeps numbers over 64 bits, but hostile evidence has both. The
file on disk stays the truth; the copies here are for lists and pages.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

import orjson

import sigma_engine
from scans_app.models import ScanUnit
from scans_app.models.hits import TEXT_KEPT, event_pk
from scans_app.services.bulk_rows import Row

NUL_SHOWN = "\u2400"  # SYMBOL FOR NULL
DETAILS_KEPT = 4_096  # characters; the event itself is a click away
LARGEST = 2**63 - 1
_TO_CLEAN = re.compile(rb"\\u0000|\d{19}")  # in JSON: what an event that must be cleaned has, and few others


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


def event_json(event: dict[str, Any]) -> str:
    """The event as JSON text that any database takes, as `clean_event` makes it."""
    try:
        text = orjson.dumps(event)
    except orjson.JSONEncodeError:  # a number over 64 bits, or half a surrogate pair
        return json.dumps(clean_event(event))
    return json.dumps(clean_event(event)) if _TO_CLEAN.search(text) else text.decode()


def event_row(evidence_id: int, hit: sigma_engine.Hit) -> Row:
    """The event of a hit, as a row of `Event`."""
    facts = hit.facts
    return {
        "id": event_pk(evidence_id, hit.chunk, hit.position),
        "evidence_id": evidence_id,
        "chunk": hit.chunk,
        "position": hit.position,
        "time": facts.time,
        "record_id": whole_number(facts.record_id),
        "channel": clean_text(facts.channel),
        "computer": clean_text(facts.computer),
        "provider": clean_text(facts.provider),
        "event_code": _event_code(facts.event_id),
        "user": clean_text(facts.user),
        "data": event_json(hit.event),
    }


@dataclass(frozen=True, slots=True)
class FrozenRule:
    """A rule as the scan froze it: the keys of its rows, and the title and level that version had."""

    rule_pk: int
    version_pk: int
    title: str
    level: int


def hit_row(unit: ScanUnit, rule: FrozenRule, hit: sigma_engine.Hit, event: Row) -> Row:
    """A hit of a unit, as a row of `Hit`; `event` is the row of its event."""
    return {
        "scan_id": unit.scan_id,
        "rule_id": rule.rule_pk,
        "rule_version_id": rule.version_pk,
        "event_id": event["id"],
        "evidence_id": event["evidence_id"],
        "chunk": event["chunk"],
        "position": event["position"],
        "time": event["time"],
        "level": rule.level,
        "title": rule.title,
        "computer": event["computer"],
        "channel": event["channel"],
        "event_code": event["event_code"],
        "user": event["user"],
        "details": clean_text(hit.details, DETAILS_KEPT),
    }


def _event_code(event_id: int | None) -> int:
    number = whole_number(event_id)
    return -1 if number is None else number
