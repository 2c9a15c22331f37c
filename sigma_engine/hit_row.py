"""A hit as the command line prints it: one flat row."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sigma_engine.correlation_parts import CorrelationHit
from sigma_engine.rule import AnyRule
from sigma_engine.scanner import Hit

COLUMNS = (
    *("rule_id", "title", "level", "timestamp", "computer", "channel", "event_id", "record_id", "evidence"),
    "details",
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def event_row(hit: Hit, evidence: str, rule: AnyRule) -> dict[str, Any]:
    """The row of a rule that matched one event of the file named `evidence`."""
    facts = hit.facts
    return _head(rule) | {
        "timestamp": timestamp(facts.time),
        "computer": facts.computer,
        "channel": facts.channel,
        "event_id": facts.event_id,
        "record_id": facts.record_id,
        "evidence": evidence,
        "details": hit.details,
    }


def correlation_row(hit: CorrelationHit, rules: Sequence[AnyRule]) -> dict[str, Any]:
    """The row of a correlation: the time of its last event, its events, null for what differs between them."""
    members = hit.members
    return _head(rules[hit.rule_index]) | {
        "timestamp": timestamp(hit.last.time),
        "computer": _common(member.computer for member in members),
        "channel": _common(member.channel for member in members),
        "event_id": _common(member.event_id for member in members),
        "record_id": None,
        "evidence": _common(member.evidence for member in members),
        "details": hit.details(),
        "events": [
            {
                "evidence": member.evidence,
                "record_id": member.record_id,
                "rule_id": rules[member.rule_index].id,
                "timestamp": timestamp(member.time),
            }
            for member in members
        ],
    }


def timestamp(time: int) -> str | None:
    """Microseconds since the epoch as ISO 8601 in UTC; None for an event without a time."""
    return (_EPOCH + timedelta(microseconds=time)).isoformat() if time else None


def _head(rule: AnyRule) -> dict[str, Any]:
    return {"rule_id": rule.id, "title": rule.title, "level": rule.level}


def _common(values: Iterable[Any]) -> Any:
    distinct = set(values)
    return distinct.pop() if len(distinct) == 1 else None
