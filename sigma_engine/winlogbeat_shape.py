"""Winlogbeat's documents: `winlog.*` as Windows' names for things, the Elastic Common Schema (ECS) beside it.

Winlogbeat writes every value as text, leaves empty ones out, and calls the n-th value without a name
`param<n>`. Its modules move fields from `winlog.event_data` to ECS; a pipeline may drop `winlog` altogether.
"""

from __future__ import annotations

import re
from typing import Any, Final

from sigma_engine.event_parts import Document, event_data, event_id, number, time_created, without_absent

_PARAM: Final = re.compile(r"param([0-9]{1,4})")
_KEYWORDS: Final = {"Audit Success": "0x8020000000000000", "Audit Failure": "0x8010000000000000"}
_LEVELS: Final = {"critical": 1, "error": 2, "warning": 3, "verbose": 5}  # information is 0 or 4
# Members of ECS that the model `Winlogbeat ECS` reads.
_ECS: Final = frozenset(
    {
        *("event", "process", "user", "file", "dll", "registry", "dns", "network", "source", "destination"),
        *("powershell", "host", "service", "driver"),
    }
)


def from_beat(document: Document) -> Document:
    """A document of Winlogbeat, nested or with dotted names, in the one shape; another one as it is.

    Of ECS alone, `System` holds what can be told: provider, event id, computer and time.
    """
    whole = _undotted(document) if any("." in key for key in document) else document
    winlog = whole.get("winlog")
    if isinstance(winlog, dict):
        return _from_winlog(whole, winlog)
    event = whole.get("event")
    if not isinstance(event, dict):
        return document
    host = whole.get("host")
    system = without_absent(
        {
            "Provider": without_absent({"Name": event.get("provider")}),
            "EventID": _known_id(event.get("code")),
            "Computer": _name_of(host) if isinstance(host, dict) else None,
            "TimeCreated": time_created([whole.get("@timestamp")]),
        }
    )
    return {"System": system, **whole}


def _from_winlog(document: Document, winlog: Document) -> Document:
    process, user = winlog.get("process"), winlog.get("user")
    thread = process.get("thread") if isinstance(process, dict) else None
    system = without_absent(
        {
            "Provider": without_absent(
                {"Name": winlog.get("provider_name"), "Guid": winlog.get("provider_guid")}
            ),
            "EventID": event_id(winlog.get("event_id")),
            "Channel": winlog.get("channel"),
            "Computer": winlog.get("computer_name"),
            "TimeCreated": time_created([winlog.get("time_created"), document.get("@timestamp")]),
            "EventRecordID": number(winlog.get("record_id")),
            "Version": winlog.get("version"),
            "Level": winlog.get("level", _level(document.get("log"))),
            "Task": winlog.get("task"),
            "Opcode": winlog.get("opcode"),
            "Keywords": _keywords(winlog.get("keywords")),
            "Execution": without_absent(
                {
                    "ProcessID": process.get("pid") if isinstance(process, dict) else None,
                    "ThreadID": thread.get("id") if isinstance(thread, dict) else None,
                }
            ),
            "Security": without_absent(
                {"UserID": user.get("identifier") if isinstance(user, dict) else None}
            ),
        }
    )
    made: Document = {"System": system}
    if isinstance(winlog.get("event_data"), dict):
        data = event_data(winlog["event_data"])
        # A provider without a manifest has no GUID, and its values have no names.
        made["EventData"] = data if winlog.get("provider_guid") else _unnamed(data)
    user_data = winlog.get("user_data")
    if isinstance(user_data, dict):
        name = user_data.pop("xml_name", "EventXML")
        made["UserData"] = {str(name): user_data}
    if isinstance(document.get("message"), str):
        made["Message"] = document["message"]
    return made | {key: document[key] for key in _ECS if isinstance(document.get(key), dict)}


def _unnamed(data: Document) -> Document:
    """Data whose `param1`, `param2`, .. are the list `Data`."""
    places = {name: int(found[1]) for name in data if (found := _PARAM.fullmatch(name))}
    if not places or "Data" in data:
        return data
    values: list[Any] = [data[name] for name in sorted(places, key=places.__getitem__)]
    return {name: value for name, value in data.items() if name not in places} | {"Data": values}


def _known_id(code: Any) -> Any:
    return None if number(code) is None else event_id(code)


def _name_of(host: Document) -> Any:
    return next((host[key] for key in ("name", "hostname") if isinstance(host.get(key), str)), None)


def _level(log: Any) -> int | None:
    level = log.get("level") if isinstance(log, dict) else None
    return _LEVELS.get(level) if isinstance(level, str) else None


def _keywords(value: Any) -> Any:
    """Keywords as the number that the log holds, where their names tell it."""
    names = value if isinstance(value, list) else [value]
    known = [_KEYWORDS[name] for name in names if isinstance(name, str) and name in _KEYWORDS]
    return known[0] if known else value


def _undotted(document: Document) -> Document:
    """A document whose names are dotted paths as nested data.

    `winlog.event_data.*` stays one level: field names may hold dots of their own.
    """
    nested: Document = {}
    for key, value in document.items():
        depth = 2 if key.startswith(("winlog.event_data.", "winlog.user_data.")) else -1
        *parents, name = key.split(".", depth)
        place = nested
        for parent in parents:
            held = place.setdefault(parent, {})
            place = held if isinstance(held, dict) else {}
        place[name] = value
    return nested
