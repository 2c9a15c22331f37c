"""The JSON of the `evtx` parser into events: the hot path of every scan."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import orjson

from sigma_engine.event_parts import DEEPEST, Document, element, event_data, is_too_deep
from sigma_engine.event_shapes import to_event

_HEAD = 200  # characters: no event of Windows has its data before


def from_evtx_json(text: str) -> Document:
    """An event from the JSON that the `evtx` parser writes for one record.

    A name that occurs twice in the event's data (Windows writes an array of strings so) has the list of its
    values. Raises ValueError when the text is no JSON or is nested too deep.
    """
    if is_nested_too_deep(text):
        raise ValueError(f"nested deeper than {DEEPEST} levels")
    return decoded(text)


def is_nested_too_deep(text: str) -> bool:
    """Whether a JSON text is nested deeper than `DEEPEST` levels. Raises ValueError when it is no JSON."""
    return text.count("{") > DEEPEST and is_too_deep(orjson.loads(text))


def decoded(text: str) -> Document:
    """What `from_evtx_json` gives, of a text that is known not to be nested too deep: the hot path of every scan."""
    document = orjson.loads(text)
    try:
        event: Document = document["Event"]
        system = event["System"]
        provider = system["Provider"]
        system["Provider"] = provider["#attributes"]
        event_id = system["EventID"]
        if type(event_id) is int:
            system["EventID"] = {"Value": event_id}
        else:
            system["EventID"] = {"Value": event_id["#text"], **event_id["#attributes"]}
        created = system["TimeCreated"]["#attributes"]
        created["SystemTime"] = datetime.fromisoformat(created["SystemTime"]).timestamp()
        system["TimeCreated"] = created
        for name in ("Execution", "Security", "Correlation"):
            if name in system:
                held = system[name]
                system[name] = held["#attributes"] if held else {}
        event.pop("#attributes", None)
        data = event.get("EventData")
        if data:
            if "Data" in data or "#attributes" in data:
                event["EventData"] = event_data(data)
            elif text.count('":', text.find('"EventData":{', _HEAD)) != len(data) + 1:
                event["EventData"] = event_data(_with_repeats(text)["Event"]["EventData"])
        elif "UserData" in event:
            event["UserData"] = element(_with_repeats(text)["Event"]["UserData"]) or {}
        elif data is None and "EventData" in event:
            event["EventData"] = {}
    except (KeyError, TypeError, ValueError, AttributeError):
        # Not laid out as Windows writes it: take the careful way, over a fresh copy.
        return to_event(_with_repeats(text))
    return event


def _with_repeats(text: str) -> Document:
    """The same JSON, where the values of a repeated name are a list; orjson would keep the last one only."""
    document: Document = json.loads(text, object_pairs_hook=_members)
    return document


def _members(pairs: list[tuple[str, Any]]) -> Document:
    members = dict(pairs)
    if len(members) < len(pairs):
        grouped: dict[str, list[Any]] = {}
        for name, value in pairs:
            grouped.setdefault(name, []).append(value)
        members = {name: values if len(values) > 1 else values[0] for name, values in grouped.items()}
    return members
