"""The details of a hit: one line that says what happened, for tables and exports.

A template is text with `%Field%` in it: `User: %TargetUserName% ¦ IP: %IpAddress%`, the form that Hayabusa
and Velociraptor publish. Fields go through the model's mappings; `%Data[1]%` is the first item of a list. A
field that the event does not have is shown as `Field?`, one that is empty as `-`.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Final, NamedTuple

from sigma_engine.events import event_key
from sigma_engine.lambda_values import text_of
from sigma_engine.lambdas import Lambda, LambdaError
from sigma_engine.model import Mapping, Model, Source
from sigma_engine.values import ABSENT

MAX_DETAILS: Final = 4096  # characters
_MAX_VALUE: Final = 2048  # characters, so that one long value leaves room for others
_SEPARATOR: Final = " ¦ "
_FIELD = re.compile(r"%([A-Za-z_][\w.\-]{0,127})(?:\[([0-9]{1,4})\])?%", re.ASCII)
_BLANK = re.compile(r"[\s\x00-\x1f\x7f-\x9f]+")
_NAMELESS = frozenset({"xmlns", "#attributes"})


def render_details(
    rule_details: str,
    model: Model,
    accepted: tuple[Source, ...],
    event: dict[str, Any],
    enrichment: Lambda | None = None,
) -> str:
    """The details of an event: by the rule's template, else the model's for its provider and event id, else
    all fields as `Name: value`. One line of at most `MAX_DETAILS` characters; a cut end shows as `…`.

    What a rule's `enrichment` gives for the event stands at the end, as `Enrichment: value`.
    """
    template = rule_details.strip() or _default(model, event)
    if isinstance(template, str) and template:
        text = "".join(_parts(template, model, accepted, event))
    else:
        text = _pairs(template) if template else _all_fields(event)
    if enrichment is not None:
        added = _enrichment(enrichment, event)
        text = _SEPARATOR.join((_cut(_line(text), MAX_DETAILS - len(added) - len(_SEPARATOR)), added))
    return _cut(_line(text), MAX_DETAILS)


def _enrichment(source: Lambda, event: dict[str, Any]) -> str:
    try:
        value = source(event)
    except LambdaError as error:
        value = f"({error.message})"
    return f"Enrichment: {_cut(_text(value), _MAX_VALUE) or '-'}"


def _default(model: Model, event: dict[str, Any]) -> str | dict[str, Any]:
    """The model's template for an event, or fields to show; empty when it has neither."""
    key = event_key(event)
    chosen = model.default_details.get(f"{key.provider}/{key.event_id}")
    source = model.details_query if chosen is None else chosen
    return _computed(source, event) if isinstance(source, Lambda) else source or ""


def _computed(source: Lambda, event: dict[str, Any]) -> str | dict[str, Any]:
    """What a details lambda gives; when it reaches a bound, nothing: all fields are shown then."""
    try:
        value = source(event)
        return _inner(value) if isinstance(value, dict) else text_of(value)
    except LambdaError:
        return ""


class _Place(NamedTuple):
    """A field in a template: the literal text before it, and which item of a list is meant, from 0, if one is."""

    literal: str
    item: int | None
    mapping: Mapping


@lru_cache(maxsize=4096)
def _template(text: str, model: Model, accepted: tuple[Source, ...]) -> tuple[tuple[_Place, ...], str]:
    """The places of a template, and the literal text behind the last."""
    places: list[_Place] = []
    end = 0
    for match in _FIELD.finditer(text):
        index = int(match[2]) - 1 if match[2] else None
        places.append(_Place(text[end : match.start()], index, model.mapping(match[1], accepted)))
        end = match.end()
    return tuple(places), text[end:]


def _parts(template: str, model: Model, accepted: tuple[Source, ...], event: dict[str, Any]) -> list[str]:
    parts = []
    places, rest = _template(template, model, accepted)
    for literal, index, mapping in places:
        parts.append(literal)
        parts.append(_shown(mapping.field, index, mapping.read(event)))
    parts.append(rest)
    return parts


def _shown(field: str, index: int | None, value: Any) -> str:
    if type(value) is str and index is None:
        return _cut(_line(value), _MAX_VALUE) or "-"
    if value is ABSENT:
        return f"{field}?"
    if index is not None:
        items = value if isinstance(value, list) else [value]
        value = items[index] if 0 <= index < len(items) else ""
    return _cut(_text(value), _MAX_VALUE) or "-"


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_text(item) for item in value if item is not None)
    try:
        return _line(text_of(value))
    except (LambdaError, RecursionError):
        return "(nested too deep to show)"


def _all_fields(event: dict[str, Any]) -> str:
    return _pairs(_fields(event))


def _pairs(fields: dict[str, Any]) -> str:
    pairs: list[str] = []
    size = 0
    for name, value in fields.items():
        line = _line(value) if type(value) is str else _text(value)
        text = "" if name in _NAMELESS else _cut(line, _MAX_VALUE)
        if text:
            pairs.append(f"{name}: {text}")
            size += len(pairs[-1])
        if size > MAX_DETAILS:
            break
    return _SEPARATOR.join(pairs)


def _fields(event: dict[str, Any]) -> dict[str, Any]:
    """What an event says: its EventData, else its UserData, else its message; other JSON is all fields."""
    for key in ("EventData", "UserData"):
        data = event.get(key)
        if isinstance(data, dict) and data:
            return _inner(data) if key == "UserData" else data
        if data and not isinstance(data, dict):
            return {key: data}
    if event.get("Message"):
        return {"Message": event["Message"]}
    return {} if isinstance(event.get("System"), dict) else event


def _inner(data: dict[str, Any]) -> dict[str, Any]:
    """The fields of `UserData`: those of the one element in it."""
    only = next(iter(data.values()), None)
    return only if len(data) == 1 and isinstance(only, dict) else data


def _line(text: str) -> str:
    # All that `_BLANK` finds is not printable, but for the space.
    if text.isprintable() and "  " not in text:
        return text.strip(" ")
    return _BLANK.sub(" ", text).strip()


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"
