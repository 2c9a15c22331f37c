"""The filters of the events page: read from a URL, asked of the catalogue's chunks first, then of each event.

The words are those of the hits page, so that a value's address means the same on both: `channel=Security`,
`event_id=4624`, repeated values are alternatives, `not.` turns a filter round, `event.EventData.Image` names a
field. Here a field may also be searched (`has.EventData.Image=temp`), and `q` is looked for in all values; every
`q` must be found. Texts compare without case, as in rules. What cannot be used is in `problems`, a sentence each.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson
from django.http import QueryDict

from rules_app.event_values import NOTHINGS
from scans_app.event_values import path_steps
from scans_app.hit_filters import EVENT, NOT, field_param, parse_time, with_query
from scans_app.services.event_rows import clean_text
from sigma_engine import ABSENT, EventKey, event_key, event_time

HAS = "has."
COLUMNS = {"channel": "channel", "provider": "provider", "event_id": "event id", "computer": "computer"}
UNKNOWN = "…"  # the channel under which a catalogue counts what it has no room to name
MOST_CLAUSES = 20
LONGEST = 2_000  # characters of one value


@dataclass(frozen=True, slots=True)
class EventClause:
    """One filter: a parameter, and the values of which one must hold (none of them, when `negated`)."""

    param: str
    values: tuple[str, ...]
    negated: bool = False

    @property
    def name(self) -> str:
        """The parameter as it stands in the URL."""
        return f"{NOT}{self.param}" if self.negated else self.param

    @property
    def word(self) -> str:
        """The field as people read it."""
        if self.param == "q":
            return "text"
        return COLUMNS.get(self.param) or self.param.removeprefix(EVENT).removeprefix(HAS)

    @property
    def verb(self) -> str:
        """What stands between the field and its values."""
        if self.param == "q" or self.param.startswith(HAS):
            return "lacks" if self.negated else "has"
        return "is not" if self.negated else "is"

    @property
    def is_about_keys(self) -> bool:
        """Whether an event's key alone answers it."""
        return self.param in ("channel", "provider", "event_id")

    def accepts_key(self, key: EventKey) -> bool:
        """For a clause about keys: what it says of one."""
        if self.param == "event_id":
            found = NOTHINGS["absent"] if key.event_id == -1 else str(key.event_id)
        else:
            found = clean_text(key.channel if self.param == "channel" else key.provider) or NOTHINGS["absent"]
        return (found.lower() in self.values) != self.negated

    def accepts(self, event: dict[str, Any]) -> bool:
        """What it says of an event, for every clause that is not about keys."""
        if self.param == "q":
            return all(_has_text(event, text) for text in self.values) != self.negated
        if self.param == "computer":
            system = event.get("System")
            held = system.get("Computer", ABSENT) if isinstance(system, dict) else ABSENT
            return any(_is(held, text) for text in self.values) != self.negated
        held = _at(event, path_steps(self.param.partition(".")[2]))
        test = _has if self.param.startswith(HAS) else _is
        return any(test(held, text) for text in self.values) != self.negated


def _at(value: Any, steps: Iterable[str | int]) -> Any:
    """What stands at a path; ABSENT where there is nothing. A list index is a step, as `event_values` writes it."""
    for step in steps:
        is_index = isinstance(value, list) and isinstance(step, int) and step < len(value)
        if not (is_index or (isinstance(value, dict) and step in value)):
            return ABSENT
        value = value[step]
    return value


def _is(held: Any, wanted: str) -> bool:
    if held is ABSENT:
        return wanted == NOTHINGS["absent"]
    if held is None:
        return wanted == NOTHINGS["null"]
    if held in ("", [], {}):
        return wanted in ("", NOTHINGS["empty"])
    if isinstance(held, list) and any(_is(item, wanted) for item in held):
        return True
    return _shown(held).lower() == wanted


def _has(held: Any, wanted: str) -> bool:
    if isinstance(held, dict | list):
        return any(_has(item, wanted) for item in _leaves(held))
    return held is not ABSENT and held is not None and wanted in _shown(held).lower()


def _has_text(event: dict[str, Any], wanted: str) -> bool:
    # The text of the whole event first: written once by a fast library, it rules most events out.
    try:
        needle = orjson.dumps(wanted)[1:-1].decode()
        if needle not in orjson.dumps(event).decode().lower():
            return False
    except (TypeError, ValueError):
        pass  # a number over 64 bits or half a surrogate pair: only looked at value by value
    return any(_has(leaf, wanted) for leaf in _leaves(event))


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from _leaves(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner)
    else:
        yield value


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class EventFilters:
    """What an events URL asks for. Times are microseconds since the epoch, None for open."""

    clauses: tuple[EventClause, ...] = ()
    time_from: int | None = None
    time_to: int | None = None
    problems: tuple[str, ...] = field(default=(), compare=False)

    @classmethod
    def from_query(cls, query: QueryDict) -> EventFilters:
        """Read a query string. Never raises: what cannot be read is named in `problems`."""
        problems: list[str] = []
        clauses = [clause for name in query if (clause := _clause(name, query.getlist(name), problems))]
        if len(clauses) > MOST_CLAUSES:
            problems.append(f"Only the first {MOST_CLAUSES} of {len(clauses)} filters are used.")
        times: dict[str, int | None] = {"from": None, "to": None}
        for name in times:
            try:
                times[name] = parse_time(query[name]) if query.get(name) else None
            except ValueError as error:
                problems.append(f"The filter {name} = {query[name]} was left out: {error}.")
        return cls(tuple(clauses[:MOST_CLAUSES]), times["from"], times["to"], tuple(problems))

    def __bool__(self) -> bool:
        return bool(self.clauses) or self.time_from is not None or self.time_to is not None

    @property
    def asks_keys(self) -> bool:
        """Whether a filter can be asked of keys alone."""
        return any(clause.is_about_keys for clause in self.clauses)

    def may_hold(self, keys: Iterable[EventKey]) -> bool:
        """Whether events of one of these keys may pass: what the catalogue can answer of a chunk or a file."""
        about = [clause for clause in self.clauses if clause.is_about_keys]
        return not about or any(
            key.channel == UNKNOWN or all(clause.accepts_key(key) for clause in about) for key in keys
        )

    def accept(self, event: dict[str, Any]) -> bool:
        """Whether an event passes every filter."""
        if not self.clauses and self.time_from is None and self.time_to is None:
            return True
        key = event_key(event)
        return (
            all(clause.accepts_key(key) for clause in self.clauses if clause.is_about_keys)
            and self._accept_time(event)
            and all(clause.accepts(event) for clause in self.clauses if not clause.is_about_keys)
        )

    def _accept_time(self, event: dict[str, Any]) -> bool:
        if self.time_from is None and self.time_to is None:
            return True
        time = event_time(event)
        return bool(time) and (self.time_from or 0) <= time and (self.time_to is None or time < self.time_to)


def _clause(name: str, values: list[str], problems: list[str]) -> EventClause | None:
    param = name.removeprefix(NOT)
    is_field = param.startswith((EVENT, HAS)) and bool(param.partition(".")[2])
    if not (param in COLUMNS or param == "q" or is_field):
        return None
    kept = tuple(dict.fromkeys(value.lower() for value in values if value or param.startswith(EVENT)))
    if param == "event_id" and (wrong := [value for value in kept if not _is_id(value)]):
        problems.append(f"The filter event id = {wrong[0]} was left out: a whole number is needed.")
        kept = tuple(value for value in kept if _is_id(value))
    if any(len(value) > LONGEST for value in kept):
        problems.append(f"The filter {param} was left out: its value has more than {LONGEST:,} characters.")
        return None
    return EventClause(param, kept, name.startswith(NOT)) if kept else None


def _is_id(value: str) -> bool:
    return value == NOTHINGS["absent"] or (value.isdecimal() and len(value) < 20)


def settled(query: QueryDict) -> str | None:
    """The page's own address for what the filter form typed (`add`, `value`, `how`), None when it is settled."""
    if "add" not in query:
        return None
    changes: dict[str, str | list[str] | None] = dict.fromkeys(("add", "value", "how"), None)
    typed, value, how = query["add"].strip(), query.get("value", "").strip(), query.get("how", "")
    if typed:
        param = _param(typed)
        if param.startswith(EVENT) and how in ("has", "lacks"):
            param = HAS + param.removeprefix(EVENT)
        name = NOT + param if how in ("not", "lacks") else param
        changes[name] = [*query.getlist(name), value]
    return with_query(query, changes)


def _param(typed: str) -> str:
    name = typed.lower().replace(" ", "_")
    return name if name in COLUMNS else field_param(f"{EVENT}{typed.removeprefix(EVENT)}")
