"""Step 0 of an explanation: was the rule tried on the event at all, and which clause of a log source decided.

Kinds of clauses: `event_id`, `channel`, `provider`, `file`, `where`, and `no_source` when the model has no log
source for such rules.
"""

from __future__ import annotations

from typing import Any

from sigma_engine.events import EventKey, event_key
from sigma_engine.log_source import Source, base_name
from sigma_engine.model import Model
from sigma_engine.rule import Rule

_WORDS = {
    "channel": "channel",
    "event_id": "event id",
    "provider": "provider",
    "file": "file name",
    "where": "condition",
}


def explain_source(
    rule: Rule, model: Model, event: dict[str, Any], file_name: str, accepted: tuple[Source, ...]
) -> dict[str, Any]:
    """As plain data: `wanted`, `event` (channel, event_id, provider, file), `sources` (each with its `clauses`,
    `accepts`, `decided_by` and `reason`), `tried`, and what decided over all of them: `decided_by` and `sentence`."""
    key, name = event_key(event), base_name(file_name)
    sources = [_source(source, key, name, event, accepted) for source in model.sources_for(rule.logsource)]
    return {
        "wanted": str(rule.logsource),
        "model": model.name,
        "event": {
            "channel": key.channel,
            "event_id": key.event_id,
            "provider": key.provider,
            "file": name,
        },
        "sources": sources,
        "tried": any(source["accepts"] for source in sources),
        **_decision(rule, model, sources),
    }


def _source(
    source: Source, key: EventKey, name: str, event: dict[str, Any], accepted: tuple[Source, ...]
) -> dict[str, Any]:
    clauses = list(_clauses(source, key, name, event))
    failed = [clause for clause in clauses if not clause["holds"]]
    return {
        "name": source.name,
        "line": source.line,
        "accepts": any(source is one for one in accepted),
        "reason": _takes(source),
        "clauses": clauses,
        "decided_by": [clause["kind"] for clause in failed],
    }


def _clauses(source: Source, key: EventKey, name: str, event: dict[str, Any]) -> list[dict[str, Any]]:
    """Each thing that a source asks of an event, asked alone."""
    asked: list[tuple[str, tuple[Any, ...], Any]] = [
        ("channel", source.channels, key.channel),
        ("event_id", source.event_ids, key.event_id),
        ("provider", source.providers, key.provider),
        ("file", source.files, name),
    ]
    clauses = [
        {
            "kind": kind,
            "word": _WORDS[kind],
            "wanted": ", ".join(map(str, wanted)),
            "found": "" if found == -1 else str(found),
            "holds": _alone(source, kind, wanted).accepts(key, name),
        }
        for kind, wanted, found in asked
        if wanted
    ]
    if source.where is not None:
        holds = source.wants(event)
        clauses.append(
            {
                "kind": "where",
                "word": _WORDS["where"],
                "wanted": source.where.text,
                "found": "true" if holds else "false",
                "holds": holds,
            }
        )
    return clauses


def _alone(source: Source, kind: str, wanted: tuple[Any, ...]) -> Source:
    """A source that asks nothing but one clause."""
    if kind == "channel":
        return Source(source.name, channels=wanted)
    if kind == "event_id":
        return Source(source.name, event_ids=wanted)
    return Source(source.name, providers=wanted) if kind == "provider" else Source(source.name, files=wanted)


def _takes(source: Source) -> str:
    """What events a source takes, in words."""
    parts = [
        f"{name} {', '.join(map(str, values))}"
        for name, values in (
            ("channel", source.channels),
            ("event id", source.event_ids),
            ("provider", source.providers),
            ("file", source.files),
        )
        if values
    ]
    if source.where is not None:
        parts.append(f"where {source.where.text}")
    return f"takes {'; '.join(parts) or 'any event'}"


def _decision(rule: Rule, model: Model, sources: list[dict[str, Any]]) -> dict[str, Any]:
    """What decided: of sources that refuse, the one that misses by the fewest clauses speaks."""
    if not sources:
        sentence = f"The model {model.name} has no log source for {rule.logsource}, so no event is tried."
        return {"decided_by": ["no_source"], "sentence": sentence}
    taking = next((source for source in sources if source["accepts"]), None)
    if taking is not None:
        return {"decided_by": [], "sentence": f"The log source {taking['name']} takes this event."}
    nearest = min(sources, key=lambda source: len(source["decided_by"]))
    failed = [clause for clause in nearest["clauses"] if not clause["holds"]]
    said = "; ".join(_refusal(clause) for clause in failed)
    return {
        "decided_by": nearest["decided_by"],
        "sentence": f"The log source {nearest['name']} does not take this event: {said}.",
    }


def _refusal(clause: dict[str, Any]) -> str:
    if clause["kind"] == "where":
        return f"its condition {clause['wanted']} is false here"
    found = clause["found"] or "absent"
    return f"its {clause['word']} is {found}, wanted is {clause['wanted']}"
