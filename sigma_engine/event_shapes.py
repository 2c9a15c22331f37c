"""The shapes that event logs come in, and the one that the engine sees: that of Velociraptor's `parse_evtx`.

    {"System": {"Provider": {"Name", "Guid"}, "EventID": {"Value", "Qualifiers"?}, "Channel", "Computer",
                "TimeCreated": {"SystemTime": seconds since the epoch, a float}, "EventRecordID",
                "Execution": {"ProcessID", "ThreadID"}, "Security": {"UserID"}, ..},
     "EventData": {name: value, "Data": [unnamed values]} | "UserData": {event name: {name: value}}}

`to_event` recognises a shape by what it holds, never by a file's name. Values keep their type and are never
trimmed; HexInt values stay the text that Windows shows; an element without text is None.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from sigma_engine.event_parts import (
    Document,
    element,
    event_data,
    event_id,
    holds_attributes,
    number,
    seconds_of,
    time_created,
    without_absent,
)
from sigma_engine.hayabusa_shape import hayabusa_record
from sigma_engine.winlogbeat_shape import from_beat

_NESTED: Final = frozenset({"System", "winlog", "winlog.channel", "@timestamp"})
_TIME_KEYS: Final = ("SystemTime", "EventTime", "TimeCreated", "UtcTime", "Timestamp", "@timestamp")
_COMPUTER_KEYS: Final = ("Computer", "Hostname", "ComputerName", "MachineName")


def to_event(document: Document) -> Document:
    """An event of any known JSON shape in the shape of this module; an unknown one as it is.

    Known are Velociraptor (flattened or not), evtx_dump (attributes nested or apart), Winlogbeat (`winlog`
    and documents of the Elastic Common Schema alone, nested or with dotted names), Hayabusa's timeline, and
    flat records (`Channel` and `EventID` at the root).
    Parts of `document` are reused and may be changed. Never raises, whatever a known key holds.
    """
    inner = document.get("Event") or document.get("_Event") or document.get("_source")
    if isinstance(inner, dict) and "System" not in document and not inner.keys().isdisjoint(_NESTED):
        return to_event(inner)
    if isinstance(document.get("System"), dict):
        return _from_system(document)
    if isinstance(document.get("winlog"), dict) or "winlog.channel" in document:
        return from_beat(document)
    if isinstance(document.get("Channel"), str) and number(document.get("EventID")) is not None:
        return _from_flat(hayabusa_record(document) if "RuleTitle" in document else document)
    return from_beat(document) if "@timestamp" in document else document


def _from_system(document: Document) -> Document:
    """Velociraptor's and evtx_dump's shapes: both have `System`, with attributes flattened, nested or
    apart."""
    if _is_flat(document["System"]):
        data = document.get("EventData")
        if isinstance(data, dict) and "Data" in data:
            document["EventData"] = event_data(data)
        return document
    event = {key: value for key, value in document.items() if not holds_attributes(key, value)}
    system = _joined(document["System"])
    event["System"] = system
    if "Channel" in system or "Provider" in system:
        if "EventID" in system:
            system["EventID"] = event_id(system["EventID"])
        created = system.get("TimeCreated")
        seconds = seconds_of(created.get("SystemTime") if isinstance(created, dict) else created)
        if seconds is not None:
            system["TimeCreated"] = {"SystemTime": seconds}
        for name in ("Execution", "Security", "Correlation"):
            if name in system and system[name] is None:
                system[name] = {}
    if isinstance(event.get("EventData"), dict):
        event["EventData"] = event_data(event["EventData"])
    if isinstance(event.get("UserData"), dict):
        event["UserData"] = element(event["UserData"])
    return event


def _is_flat(system: Document) -> bool:
    """Whether `System` is that of the one shape already, as most JSON evidence has it."""
    found, created, provider = system.get("EventID"), system.get("TimeCreated"), system.get("Provider")
    return (
        isinstance(found, dict)
        and isinstance(found.get("Value"), int)
        and isinstance(created, dict)
        and isinstance(created.get("SystemTime"), float)
        and isinstance(provider, dict)
        and "#attributes" not in provider
    )


def _joined(system: Document) -> Document:
    """`System` with the attributes of its elements as their members, whichever way they were written."""
    joined = {key: element(value) for key, value in system.items() if not holds_attributes(key, value)}
    for key, attributes in system.items():
        if not holds_attributes(key, attributes):
            continue
        name = key.removesuffix("_attributes")
        value = joined.get(name)
        if isinstance(value, dict):
            joined[name] = {**value, **attributes}
        elif value is None:
            joined[name] = dict(attributes)
        else:
            joined[name] = {"Value": value, **attributes}
    return joined


def _from_flat(document: Document) -> Document:
    """Records with `Channel` and `EventID` at the root (Velociraptor's Evtx artifacts, NXLog): what is not
    part of `System` is event data."""
    provider = document.get("Provider", document.get("SourceName", document.get("ProviderName")))
    system = without_absent(
        {
            "Provider": provider if isinstance(provider, dict) else without_absent({"Name": provider}),
            "EventID": event_id(document["EventID"]),
            "Channel": document["Channel"],
            "Computer": _first(document, _COMPUTER_KEYS),
            "TimeCreated": time_created(document.get(key) for key in _TIME_KEYS),
            "EventRecordID": number(document.get("EventRecordID", document.get("RecordNumber"))),
        }
    )
    event: Document = {"System": system}
    nested = [key for key in ("EventData", "UserData") if isinstance(document.get(key), dict)]
    if not nested:
        event["EventData"] = event_data(document)
    for key in nested:
        event[key] = event_data(document[key]) if key == "EventData" else element(document[key])
    if isinstance(document.get("Message"), str):
        event["Message"] = document["Message"]
    return event


def _first(document: Document, keys: Iterable[str]) -> Any:
    return next((document[key] for key in keys if document.get(key)), None)
