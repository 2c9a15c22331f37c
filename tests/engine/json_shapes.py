"""The same events as evtx and as each JSON shape, written as the tools write them: what is known of each tool
stands beside its function. Events come in the shape of `tests.evtx_writer`, with `Typed` values."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from evtx import PyEvtxParser

from tests.evtx_writer import Typed

Event = dict[str, Any]
Shape = Callable[[Path, list[Event]], Iterator[str]]


def evtx_dump(path: Path, events: list[Event]) -> Iterator[str]:
    """The very text of the `evtx` package: attributes nested, an array of strings as a name that repeats."""
    return (record["data"] for record in PyEvtxParser(str(path)).records_json())


def evtx_dump_apart(path: Path, events: list[Event]) -> Iterator[str]:
    """`--separate-json-attributes`: attributes as a member beside the element, a lone text without `#text`."""
    return (_apart_text(text) for text in evtx_dump(path, events))


def velociraptor(path: Path, events: list[Event]) -> Iterator[str]:
    """`parse_evtx`: HexInt as ints, GUIDs without braces, times as seconds, no member for null."""
    return (json.dumps(_velociraptor(event, flat=True)) for event in events)


def velociraptor_pairs(path: Path, events: list[Event]) -> Iterator[str]:
    """The same where a record has a null or a single value: it is left as names and values."""
    return (json.dumps(_velociraptor(event, flat=False)) for event in events)


def winlogbeat(path: Path, events: list[Event]) -> Iterator[str]:
    """`winlog.*`: values are texts, empty ones are left out, the n-th value without a name is `param<n>`."""
    return (json.dumps(_winlogbeat(event)) for event in events)


def winlogbeat_dotted(path: Path, events: list[Event]) -> Iterator[str]:
    """The same with names as dotted paths, as `logstash` and CSV exports have them."""
    return (json.dumps(dict(_dotted(_winlogbeat(event)))) for event in events)


def hayabusa(path: Path, events: list[Event]) -> Iterator[str]:
    """A JSON timeline with the profile's `Provider` and `AllFieldInfo`: channels shortened, values trimmed,
    digits as numbers, unnamed values as `Data[n]`."""
    return (json.dumps(_hayabusa(event)) for event in events)


SHAPES: dict[str, Shape] = {
    "evtx_dump": evtx_dump,
    "evtx_dump, attributes apart": evtx_dump_apart,
    "Velociraptor": velociraptor,
    "Velociraptor, names and values": velociraptor_pairs,
    "Winlogbeat": winlogbeat,
    "Winlogbeat, dotted names": winlogbeat_dotted,
    "Hayabusa": hayabusa,
}


# evtx_dump


class _Pairs(list[tuple[str, Any]]):
    """The members of an object, with names that repeat."""


def _apart_text(text: str) -> str:
    return _written(_apart(json.loads(text, object_pairs_hook=_Pairs)))


def _apart(pairs: _Pairs) -> _Pairs:
    made = _Pairs()
    for name, value in pairs:
        if not isinstance(value, _Pairs):
            made.append((name, value))
            continue
        held = dict(value)
        if "#attributes" in held:
            made.append((f"{name}_attributes", held["#attributes"]))
        rest = _Pairs((key, item) for key, item in value if key != "#attributes")
        if dict(rest).keys() == {"#text"}:
            made.append((name, rest[0][1]))
        elif rest or "#attributes" not in held:
            made.append((name, _apart(rest)))
    return made


def _written(value: Any) -> str:
    if isinstance(value, _Pairs):
        return "{" + ",".join(f"{json.dumps(name)}:{_written(item)}" for name, item in value) + "}"
    return json.dumps(value)


# Velociraptor


def _velociraptor(event: Event, *, flat: bool) -> Event:
    system = event["System"]
    made: Event = {"System": {**system, "Keywords": _number(system.get("Keywords", 0))}}
    if "EventData" in event:
        data = event["EventData"]
        if flat:
            made["EventData"] = {name: _loose(value) for name, value in data.items() if value is not None}
        else:
            pairs = [_pair(name, value) for name, value in data.items() if name != "Data"]
            pairs += [{"Value": _loose(value)} for value in data.get("Data", [])]
            made["EventData"] = {"Data": pairs[0] if len(pairs) == 1 else pairs}
    else:
        made["UserData"] = _deep(event["UserData"], _loose)
    return made


def _pair(name: str, value: Any) -> Event:
    return {"Name": name} if value is None else {"Name": name, "Value": _loose(value)}


def _loose(value: Any) -> Any:
    """A value as Velociraptor types it."""
    if isinstance(value, Typed):
        value = value.value.strip("{}").upper() if value.kind == "guid" else value.value
    if isinstance(value, datetime):
        return value.timestamp()
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value


def _number(value: Any) -> Any:
    return int(value, 16) if isinstance(value, str) and value.startswith("0x") else value


# Winlogbeat


def _winlogbeat(event: Event) -> Event:
    system = event["System"]
    winlog: Event = {
        "channel": system["Channel"],
        "computer_name": system["Computer"],
        "event_id": str(system["EventID"]["Value"]),
        "provider_name": system["Provider"]["Name"],
        "record_id": system["EventRecordID"],
        "api": "wineventlog",
    }
    if "Guid" in system["Provider"]:
        winlog["provider_guid"] = f"{{{system['Provider']['Guid']}}}"
    if "ProcessID" in system.get("Execution", {}):
        execution = system["Execution"]
        winlog["process"] = {"pid": execution["ProcessID"], "thread": {"id": execution["ThreadID"]}}
    if "UserID" in system.get("Security", {}):
        winlog["user"] = {"identifier": system["Security"]["UserID"]}
    if "EventData" in event:
        winlog["event_data"] = dict(_beat_pairs(event["EventData"]))
    else:
        ((name, body),) = event["UserData"].items()
        winlog["user_data"] = {"xml_name": name, **dict(_leaves(body))}
    moment = datetime.fromtimestamp(system["TimeCreated"]["SystemTime"], UTC)
    stamp = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {
        "@timestamp": stamp,
        "event": {"code": winlog["event_id"], "kind": "event", "provider": winlog["provider_name"]},
        "host": {"name": system["Computer"]},
        "winlog": {**winlog, "time_created": moment.isoformat().replace("+00:00", "Z")},
    }


def _beat_pairs(data: Event) -> Iterator[tuple[str, str]]:
    named = [(name, value) for name, value in data.items() if name != "Data"]
    every = [*named, *((None, value) for value in data.get("Data", []))]
    for position, (name, value) in enumerate(every, 1):
        text = _text(value[0] if isinstance(value, list) else value)
        if text:
            yield name or f"param{position}", text.replace("\r\n", "\n")


def _leaves(body: Event) -> Iterator[tuple[str, str]]:
    for name, value in body.items():
        if isinstance(value, dict):
            yield from _leaves(value)
        elif _text(value):
            yield name, _text(value)


def _dotted(document: Event, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in document.items():
        if isinstance(value, dict):
            yield from _dotted(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def _text(value: Any) -> str:
    """A value as Windows renders it."""
    if isinstance(value, Typed):
        if value.kind.startswith("hex"):
            return f"{value.value:#x}"
        return f"{{{value.value.strip('{}')}}}" if value.kind == "guid" else str(value.value)
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, bytes):
        return value.hex().upper()
    return "" if value is None else str(value)


# Hayabusa

_SHORT = {
    "Security": "Sec",
    "System": "Sys",
    "Application": "App",
    "Windows PowerShell": "PwShClassic",
    "Microsoft-Windows-PowerShell/Operational": "PwSh",
    "Microsoft-Windows-Sysmon/Operational": "Sysmon",
    "Microsoft-Windows-WMI-Activity/Operational": "WMI",
    "Microsoft-Windows-Windows Defender/Operational": "Defender",
}


def _hayabusa(event: Event) -> Event:
    system = event["System"]
    data = event.get("EventData")
    fields = dict(data) if data is not None else dict(_all_leaves(event["UserData"]))
    unnamed = fields.pop("Data", [])
    fields |= {f"Data[{number}]": value for number, value in enumerate(unnamed, 1)}
    moment = datetime.fromtimestamp(system["TimeCreated"]["SystemTime"], UTC)
    return {
        "Timestamp": moment.strftime("%Y-%m-%d %H:%M:%S.%f +00:00"),
        "RuleTitle": "Some rule",
        "Level": "low",
        "Computer": system["Computer"],
        "Channel": _SHORT.get(system["Channel"], system["Channel"]),
        "Provider": system["Provider"]["Name"],
        "EventID": system["EventID"]["Value"],
        "RecordID": system["EventRecordID"],
        "AllFieldInfo": {name: _trimmed(value) for name, value in fields.items()},
    }


def _all_leaves(body: Event) -> Iterator[tuple[str, Any]]:
    for name, value in body.items():
        if isinstance(value, dict):
            yield from _all_leaves(value)
        else:
            yield name, value


def _trimmed(value: Any) -> Any:
    text = _text(value[0] if isinstance(value, list) else value).strip()
    return int(text) if text.isascii() and text.isdigit() and str(int(text)) == text else text


def _deep(value: Any, change: Callable[[Any], Any]) -> Any:
    if isinstance(value, dict):
        return {name: _deep(item, change) for name, item in value.items() if item is not None}
    return change(value)
