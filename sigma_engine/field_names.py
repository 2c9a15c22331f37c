"""The names of the fields that an event has, as rules write them: for counting which events have which."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

_OWN: Final = frozenset({"System", "EventData", "UserData"})


def field_names(event: dict[str, Any]) -> tuple[str, ...]:
    """The field names of an event in the order of its text: those of EventData, of UserData and its parts, and
    what stands beside them at the root, where a member of an object is `outer.inner`.

    `System` is not among them: every event log has the same. A name counts whatever its value is, null too.
    """
    data = event.get("EventData")
    if isinstance(data, dict) and len(event) == 2 and "System" in event:  # as nearly every event is
        return tuple(data)
    return tuple(dict.fromkeys(_names(event)))


def _names(event: dict[str, Any]) -> Iterator[str]:
    data, held = event.get("EventData"), event.get("UserData")
    if isinstance(data, dict):
        yield from data
    for name, part in held.items() if isinstance(held, dict) else ():
        if isinstance(part, dict):
            yield from part
        else:
            yield name
    for name, value in event.items():
        if name in _OWN:
            continue
        if isinstance(value, dict) and value:
            yield from (f"{name}.{inner}" for inner in value)
        else:
            yield name
