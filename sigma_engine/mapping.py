"""A field mapping: where a Sigma field is found in an event.

Either a lambda that a model names, or the fallback for a field that it does not name.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sigma_engine.lambda_values import item_at, member
from sigma_engine.lambdas import Lambda, LambdaError
from sigma_engine.values import ABSENT

ORIGIN_MODEL = "model"
ORIGIN_FALLBACK = "fallback"

# What routes an event is read from System alone, when it has one: anybody can write EventData.
ROUTE: dict[str, tuple[str, ...]] = {
    "EventID": ("EventID", "Value"),
    "Channel": ("Channel",),
    "Computer": ("Computer",),
    "Provider_Name": ("Provider", "Name"),
}


class Mapping:
    """Where one Sigma field is found.

    `text` is the lambda ("" for the fallback). `origin` says whose it is: the name of a log source, "model"
    or "fallback". `path` is the member path when the lambda is nothing but one, else None; `inputs` are all
    the paths that it reads. `faults` counts the events for which the lambda reached a bound: the field counts
    as absent there, and `fault` says why.
    """

    __slots__ = ("_read", "faults", "field", "inputs", "origin", "path", "text")

    def __init__(self, field: str, origin: str, source: Lambda | None = None) -> None:
        self.field = field
        self.origin = origin
        self.text = source.text if source else ""
        self.path = source.path if source else None
        self.inputs = source.inputs if source else frozenset({()})
        self.faults = 0
        self._read: Callable[[Any], Any] = source or _Fallback(field)

    def read(self, event: dict[str, Any]) -> Any:
        """The field's value in the event, or `ABSENT`."""
        try:
            return self._read(event)
        except LambdaError:
            self.faults += 1
            return ABSENT

    def fault(self, event: dict[str, Any]) -> str:
        """Why the lambda could not be evaluated for this event; "" when it could."""
        try:
            self._read(event)
        except LambdaError as error:
            return error.message
        return ""

    def __repr__(self) -> str:
        return f"Mapping({self.field!r}, {self.origin!r}, {self.text!r})"


class _Fallback:
    """Finds a field that no mapping names (research/sigma.md section 0).

    In this order: what routes the event, in System; the literal key at the root; in EventData; in UserData
    and its parts; a dotted path (also as Hayabusa writes it); an element or XML attribute of System
    (`Execution_ProcessID`).
    """

    __slots__ = ("_field", "_paths", "_route")

    def __init__(self, field: str) -> None:
        self._field = field
        self._route = ROUTE.get(field)
        paths = [_dotted(field)] if "." in field else []
        if "_" in field:
            paths.append(("System", *field.split("_", 1)))
        self._paths = (*paths, ("System", field))

    def __call__(self, event: Any) -> Any:
        if self._route is not None and isinstance(member(event, "System"), dict):
            return _walk(event, ("System", *self._route))
        for holder in (event, member(event, "EventData")):
            value = member(holder, self._field)
            if value is not ABSENT:
                return value
        value = _in_user_data(member(event, "UserData"), self._field)
        if value is not ABSENT:
            return value
        for path in self._paths:
            value = _walk(event, path)
            if value is not ABSENT:
                return value
        return ABSENT


def _in_user_data(user_data: Any, field: str) -> Any:
    value = member(user_data, field)
    if value is not ABSENT or not isinstance(user_data, dict):
        return value
    for part in user_data.values():
        value = member(part, field)
        if value is not ABSENT:
            return value
    return ABSENT


def _dotted(field: str) -> tuple[str, ...]:
    """The path that a dotted name means; Hayabusa's begins at `Event` and puts attributes apart."""
    parts = field.removeprefix("Event.").split(".")
    return tuple(part.removesuffix("_attributes") for part in parts)


def _walk(value: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        is_index = isinstance(value, list) and name.isascii() and name.isdigit() and len(name) < 10
        value = item_at(value, int(name)) if is_index else member(value, name)
    return value
