"""Where in an event a field's value stands: the path that a mapping read, as the event's pages write paths.

`EventData.Image`, `EventData.Data[0]`, and a key that is no plain word in backticks: EventData.`a.b`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from sigma_engine.mapping import ORIGIN_FALLBACK, Mapping
from sigma_engine.values import ABSENT

MAX_PLACES = 2_000  # values of one event that are looked at
_MAX_DEPTH = 8
_PLAIN_KEY = re.compile(r"[^.\[\]`]+\Z")

Path = tuple[str | int, ...]


def path_text(path: Path) -> str:
    """A path as text."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            key = step if _PLAIN_KEY.match(step) else f"`{step}`"
            text += f".{key}" if text else key
    return text


def places(event: Any) -> Iterator[tuple[Path, Any]]:
    """Every value of an event with its path, outer ones before inner ones, at most MAX_PLACES."""
    left = MAX_PLACES
    waiting: list[tuple[Path, Any]] = [((), event)]
    while waiting and left:
        path, value = waiting.pop()
        if path:
            left -= 1
            yield path, value
        if len(path) >= _MAX_DEPTH:
            continue
        if isinstance(value, dict):
            waiting += [((*path, str(key)), inner) for key, inner in reversed(value.items())]
        elif isinstance(value, list):
            waiting += [((*path, index), inner) for index, inner in reversed(list(enumerate(value)))]


def paths_read(mapping: Mapping, event: dict[str, Any], found: Any) -> list[Path]:
    """The paths from which a mapping took `found`: one for a plain member, several where a lambda joins some.

    Of a field that is absent, the paths that were looked at; none for the fallback, which looks everywhere.
    """
    if mapping.path is not None:
        return [mapping.path]
    if mapping.origin == ORIGIN_FALLBACK:
        return _of_fallback(mapping.field, event, found)
    asked: list[Path] = sorted(path for path in mapping.inputs if path)
    if found is ABSENT:
        return asked
    there = [(path, value) for path in asked if (value := _at(event, path)) is not ABSENT]
    taken = [path for path, value in there if value is found or value == found]
    return taken[:1] or [path for path, _ in there]


def _at(event: Any, path: Path) -> Any:
    for name in path:
        event = event.get(name, ABSENT) if isinstance(event, dict) else ABSENT
    return event


def _of_fallback(field: str, event: dict[str, Any], found: Any) -> list[Path]:
    if found is ABSENT:
        return []
    same = [path for path, value in places(event) if value is found]
    named = [path for path in same if _names(path, field)]
    return named[:1] or same[:1]


def _names(path: Path, field: str) -> bool:
    keys = [str(step) for step in path]
    return (
        keys[-1] == field or field in (".".join(keys), "_".join(keys[-2:])) or path[:2] == ("System", field)
    )
