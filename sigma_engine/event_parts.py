"""The parts of an event log's record that every JSON shape spells in its own way."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final

Document = dict[str, Any]

# Levels of an event: Windows' own have six, and whoever walks one must not run out of stack.
DEEPEST: Final = 64
_LATEST: Final = 1e11  # seconds: the year 5138


def seconds_of(value: Any) -> float | None:
    """A time as seconds since the epoch: a number (milli-, micro- and nanoseconds are told by their size) or
    ISO 8601 text, UTC unless it says otherwise; None when it is neither."""
    if type(value) is float and -_LATEST < value < _LATEST:  # as every event of a log has it
        return value
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        scales = (1, 1e3, 1e6, 1e9)
        return next((value / scale for scale in scales if abs(value) < _LATEST * scale), None)
    if not isinstance(value, str):
        return None
    text = value.strip()
    for spelling in (text, text.replace(" +", "+").replace(" -", "-")):
        try:
            moment = datetime.fromisoformat(spelling)
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
        except (ValueError, OverflowError):
            continue
    return None


def is_too_deep(document: Any) -> bool:
    """Whether a JSON value is nested deeper than `DEEPEST` levels of maps and lists."""
    level = [document]
    for _ in range(DEEPEST):
        level = [item for held in level for item in _held_by(held)]
        if not level:
            return False
    return any(isinstance(held, dict | list) for held in level)


def _held_by(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def element(value: Any) -> Any:
    """An XML element as plain data: attributes are members, name spaces are dropped, text alone is itself."""
    if isinstance(value, list):
        return [element(item) for item in value]
    if not isinstance(value, dict):
        return value
    attributes = value.get("#attributes")
    plain = {key: element(item) for key, item in value.items() if not holds_attributes(key, item)}
    if isinstance(attributes, dict):
        own = {key: item for key, item in attributes.items() if not key.startswith("xmlns")}
        plain = {**own, **plain}
        if not plain:
            return None
    if plain.keys() == {"#text"}:
        return plain["#text"]
    if "#text" in plain and "Value" not in plain:
        plain["Value"] = plain.pop("#text")
    return plain


def holds_attributes(key: str, value: Any) -> bool:
    """Whether a member is how evtx_dump writes the attributes of an element, nested or apart."""
    return (key == "#attributes" or key.endswith("_attributes")) and isinstance(value, dict)


def event_data(data: Document) -> Document:
    """`EventData` flat: name to value, and the values of unnamed elements as the list `Data`."""
    flat: Document = {}
    unnamed: list[Any] = []
    for key, value in data.items():
        if key == "Data":
            _add_data(flat, unnamed, value)
        elif not holds_attributes(key, value):
            flat[key] = element(value)
    if unnamed:
        flat["Data"] = unnamed
    return flat


def _add_data(flat: Document, unnamed: list[Any], value: Any) -> None:
    """Sort one or many `<Data>` elements, however a tool wrote them, into named and unnamed values."""
    if isinstance(value, list):
        for item in value:
            _add_data(flat, unnamed, item)
        return
    if not isinstance(value, dict):
        unnamed.append(value)
        return
    attributes = value.get("#attributes")
    name = attributes.get("Name") if isinstance(attributes, dict) else value.get("Name", value.get("@Name"))
    text = next((value[key] for key in ("Value", "#text") if key in value), None)
    if isinstance(name, str):
        flat[name] = text
    elif isinstance(text, list):
        unnamed.extend(text)
    else:
        unnamed.append(text)


def event_id(value: Any) -> Any:
    """`{"Value": n, ..}` from any spelling of an event id; what is no number stays as it is."""
    held = value if isinstance(value, dict) else {"Value": value}
    found = number(held.get("Value"))
    return value if found is None else {**held, "Value": found}


def number(value: Any) -> int | None:
    """A whole number of 64 bits with sign, from itself or from its digits; None for anything else."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    return value if -(2**63) <= value < 2**63 else None


def time_created(values: Iterable[Any]) -> Document | None:
    """`TimeCreated` from the first of these values that is a time."""
    seconds = next((found for found in map(seconds_of, values) if found is not None), None)
    return None if seconds is None else {"SystemTime": seconds}


def without_absent(members: Document) -> Document:
    """The members that have a value."""
    return {key: value for key, value in members.items() if value is not None}
