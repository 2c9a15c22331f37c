"""A field of an event as a condition on hits: by the path that `rules_app.event_values` gives it."""

from __future__ import annotations

import json
import re
from typing import Any

from django.db.models import BooleanField, Case, F, JSONField, Q, Value, When
from django.db.models.fields.json import KeyTransform, KeyTransformExact, KeyTransformIsNull

from rules_app.event_values import NOTHINGS

_STEP = re.compile(r"`([^`]*)`|\[(\d+)\]|([^.\[\]`]+)")


def path_steps(path: str) -> list[str | int]:
    """The keys and list indexes of a path as `event_sections` writes it."""
    return [
        int(index) if index else quoted or plain
        for quoted, index, plain in (match.groups() for match in _STEP.finditer(path))
    ]


def event_field_is(path: str, text: str) -> Q:
    """The condition on hits that the event's field reads like `text`: as text, or as the number, truth
    value or nothing that shows as this text. Two-valued, so that its negation keeps the other events."""
    data: Any = F("event__data")
    for step in path_steps(path) or [""]:
        data = KeyTransform(step, data)
    if text == NOTHINGS["absent"]:
        condition = Q(KeyTransformIsNull(data, rhs=True))
    elif text == NOTHINGS["null"]:
        condition = Q(KeyTransformExact(data, _json(None)))
    else:
        condition = Q()
        for value in _readings("" if text == NOTHINGS["empty"] else text):
            condition |= Q(KeyTransformExact(data, _json(value)))
    return Q(
        Case(When(condition, then=Value(value=True)), default=Value(value=False), output_field=BooleanField())
    )


def _json(value: Any) -> Value:
    return Value(value, output_field=JSONField())


def _readings(text: str) -> list[Any]:
    readings: list[Any] = [text]
    try:
        value = json.loads(text)
    except ValueError:
        return readings
    return [*readings, value] if isinstance(value, bool | int | float) else readings
