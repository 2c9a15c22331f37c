"""The words that a rule is written with, for editors: Sigma's own, and the log sources and fields of a model."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sigma_engine.check import events_of, sources_of_its_events
from sigma_engine.correlation_reader import CORRELATION_KEYS
from sigma_engine.log_source import LogsourceLike, Source
from sigma_engine.mapping import ORIGIN_FALLBACK, Mapping
from sigma_engine.model import Model
from sigma_engine.modifiers import MODIFIERS
from sigma_engine.rule import LEVELS, STATUSES
from sigma_engine.validators import KNOWN_KEYS, TACTICS
from sigma_engine.window import TYPES

_ABOUT_KEYS = {
    "title": "what the rule finds, in a few words",
    "id": "a random UUID that stays with the rule",
    "status": "how much it can be relied on",
    "description": "what it finds, and why that matters",
    "references": "addresses to read on at",
    "author": "who wrote it",
    "date": "when it was written, as 2026-11-24",
    "modified": "when it was last changed",
    "logsource": "which events it is about",
    "detection": "selections and the condition over them",
    "correlation": "a rule over the hits of other rules",
    "filter": "conditions that are added to other rules",
    "falsepositives": "what else looks like it",
    "level": "how much a hit matters",
    "tags": "ATT&CK tactics and techniques, and others",
    "fields": "what to look at in a hit",
    "details": "the sentence that a hit is shown with",
}
_DETECTION_KEYS = {
    "selection": "fields that an event must have",
    "filter_main": "what is left out",
    "condition": "how the selections are put together",
    "timeframe": "the span of an aggregation, as 15m",
}
_CONDITION_WORDS = {
    "and": "both",
    "or": "either",
    "not": "the opposite",
    "1 of them": "any selection",
    "all of them": "every selection",
    "1 of selection_*": "any selection of that name",
    "all of selection_*": "every selection of that name",
}


@dataclass(frozen=True)
class FieldMapping:
    """Where a field is found, and the names of the events (`Security 4688`) in which it is found there."""

    mapping: Mapping
    events: tuple[str, ...]


def sigma_words() -> dict[str, Any]:
    """Sigma's own words by what they are, ready for JSON: lists of names, or of {name, about}."""
    keys = {name: _ABOUT_KEYS.get(name, "") for name in (*_ABOUT_KEYS, *sorted(KNOWN_KEYS))}
    modifiers = {name: _first_line(modifier.__doc__) for name, modifier in MODIFIERS.items()}
    return {
        "keys": _named(keys),
        "levels": list(LEVELS),
        "statuses": list(STATUSES),
        "tactics": sorted(TACTICS),
        "modifiers": _named(modifiers),
        "detection_keys": _named(_DETECTION_KEYS),
        "condition_words": _named(_CONDITION_WORDS),
        "correlation_keys": _named(dict.fromkeys(CORRELATION_KEYS, "")),
        "correlation_types": list(TYPES),
    }


def logsource_words(model: Model) -> list[dict[str, Any]]:
    """The log sources that a rule can name under a model: {parts: [category, product, service], events}."""
    found: dict[tuple[str, ...], str] = {}
    for source in model.sources:
        if not source.takes_nothing:
            found.setdefault(source.parts, events_of(source))
    return [{"parts": list(parts), "events": events} for parts, events in found.items()]


@lru_cache(maxsize=32)
def mapped_fields(model: Model, logsource: LogsourceLike) -> dict[str, list[FieldMapping]]:
    """The fields that a model maps for rules of a logsource, by name, each with its mappings, the commonest first.

    Remembered, since a logsource that leaves much open has tens of thousands of mappings: not to be changed.
    """
    sources = model.sources_for(logsource)
    kinds = {source: sources_of_its_events(source, model) for source in sources}
    names = set(model.fields).union(*(one.fields for accepted in kinds.values() for one in accepted))
    return {name: found for name in sorted(names) if (found := _mappings(name, kinds, model))}


def _mappings(name: str, kinds: dict[Source, tuple[Source, ...]], model: Model) -> list[FieldMapping]:
    found: dict[str, tuple[Mapping, list[str]]] = {}
    for source, accepted in kinds.items():
        mapping = model.mapping(name, accepted)
        if mapping.origin != ORIGIN_FALLBACK:
            found.setdefault(mapping.text, (mapping, []))[1].append(events_of(source))
    made = [FieldMapping(mapping, tuple(dict.fromkeys(events))) for mapping, events in found.values()]
    return sorted(made, key=lambda one: -len(one.events))


def _named(words: dict[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "about": about} for name, about in words.items()]


def _first_line(text: str | None) -> str:
    return (text or "").partition("\n")[0]
