"""The values of an event as people read them: flat paths, a type each, and four kinds of nothing.

Absent, null, empty and a dash are different facts to a rule, so no page may show two of them alike.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

#: What a page writes for a value that is not there, and what its link carries.
NOTHINGS = {"absent": "(absent)", "null": "(null)", "empty": "(empty)"}

_PLAIN_KEY = re.compile(r"[^.\[\]`]+\Z")
_HEX = re.compile(r"0x[0-9a-fA-F]{1,16}\Z")
_TYPES = {str: "text", bool: "true or false", int: "number", float: "number"}


@dataclass(frozen=True, slots=True)
class FieldValue:
    """One value of an event: its path below the event, its text, its type and what else the type says.
    `nothing` names the kind of nothing that it is, "" for a value."""

    path: str
    name: str
    text: str
    kind: str
    nothing: str = ""


def event_sections(event: dict[str, Any]) -> list[tuple[str, list[FieldValue]]]:
    """All values of an event by its top-level key, in the order that the database kept, System last: an analyst reads
    what happened before where it was written."""
    sections: dict[str, list[FieldValue]] = {}
    for key, value in event.items():
        title = key if isinstance(value, dict | list) else "Event"
        name = key if title == "Event" else ""
        sections.setdefault(title, []).extend(_flatten(value, _join("", key), name))
    return sorted(sections.items(), key=lambda item: item[0] == "System")


def _flatten(value: Any, path: str, name: str) -> Iterator[FieldValue]:
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _flatten(inner, _join(path, key), _join(name, key))
    elif isinstance(value, list) and value:
        for index, inner in enumerate(value):
            yield from _flatten(inner, f"{path}[{index}]", f"{name}[{index}]")
    else:
        yield field_value(value, path, name or path)


def _join(path: str, key: str) -> str:
    step = key if _PLAIN_KEY.match(key) else f"`{key}`"
    return f"{path}.{step}" if path else step


def field_value(value: Any, path: str = "", name: str = "") -> FieldValue:
    """How one value reads, by its type: a number is not a text that looks like one."""
    if value is None:
        return FieldValue(path, name, "null", "null", "null")
    if value == "":
        return FieldValue(path, name, "empty", "text, empty", "empty")
    if value in ({}, []):
        return FieldValue(path, name, "empty", "no fields" if value == {} else "empty list", "empty")
    if value == "-":
        return FieldValue(path, name, "-", "a dash as written")
    if isinstance(value, str) and _HEX.match(value):
        return FieldValue(path, name, value, f"hex, {int(value, 16):,}")
    if path == "System.TimeCreated.SystemTime" and isinstance(value, int | float):
        return FieldValue(path, name, str(value), f"seconds, {_moment(value)}")
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return FieldValue(path, name, text, _TYPES.get(type(value), type(value).__name__))


def _moment(seconds: float) -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S.%f UTC")
    except (ValueError, OverflowError, OSError):
        return "outside the calendar"
