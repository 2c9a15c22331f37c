"""What a Velociraptor log source takes: its VQL query, translated where it only selects.

A query reads the machine that it runs on; evidence is what such a query has read. So a query is not run but read:
which event logs (their files' names are the channels'), event ids, trace providers, artifacts and log files it
selects, and what the rows that it makes look like. What cannot be told so raises `Untold`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import unquote

from sigma_engine.lambdas import LambdaError, compile_lambda
from sigma_engine.vql_query import (
    Call,
    Column,
    Let,
    in_braces,
    over_event,
    read_call,
    read_select,
    split_at,
)

_MAX_DEPTH = 8  # queries inside one another
_MAX_TAKEN = 16  # kinds of events that one query may take
_MAX_READ = 512 * 1024  # characters of queries that one model may need, definitions counted at each use
_EVENT_ID = re.compile(r"System\.EventID\.Value\s*(?:=\s*(\d+)|IN\s*[(\[]([\d,\s]+)[)\]])", re.IGNORECASE)
_TIME_RANGE = re.compile(r"\bDate(After|Before)Time\b")  # a scan has a time range of its own
_BASE_NAME = re.compile(r"""x\.OSPath\.Basename =~ ["']([\w.|-]+)["']""")
# The session that traces the kernel: its provider's GUID, and the session's name in collected events.
_KERNEL_LOGGER = ("9e814aad-3204-11d2-9a82-006008a86939", "NT Kernel Logger")
_CHANNEL_OF_ANY = "Velociraptor"  # what rows say whose source is told by their shape alone


class Untold(Exception):
    """A query of which cannot be told what events it takes; says why."""


@dataclass(frozen=True)
class Taken:
    """Events that a query takes: those that fulfil all of this. `where` and `fields` are lambda texts over `x`."""

    channels: tuple[str, ...] = ()
    event_ids: tuple[int, ...] = ()
    files: tuple[str, ...] = ()
    where: tuple[str, ...] = ()
    fields: dict[str, str] = field(default_factory=dict)

    def is_everything(self) -> bool:
        """Whether nothing is asked of an event."""
        return not (self.channels or self.event_ids or self.files or self.where)


class _Shape:
    """What a query's columns say of its rows."""

    def __init__(self, columns: Sequence[Column]) -> None:
        named = {column.name: column.expression for column in columns if column.name}
        self.time = named.get("Timestamp", "")
        self.names_channel = named.get("Channel", "").endswith("OSPath.Basename")
        system, data = _dict_in(named.get("System", "")), named.get("EventData", "")
        self.channel = system.get("Channel", "").strip("'\"")
        is_whole = data.startswith("dict")
        self.made = _dict_in(data) if is_whole else {}
        self.added = {} if is_whole else _dict_in(data)
        self.aliases = {
            name: expression
            for name, expression in named.items()
            if name not in ("System", "EventData", "Timestamp", "Channel")
        }

    def keys(self) -> tuple[str, ...]:
        """Conditions that an event has the members of the `EventData` that the query makes."""
        return tuple(f"'{key}' IN x.EventData" for key in self.made)


def _dict_in(expression: str) -> dict[str, str]:
    """The arguments of the last `dict(..)` of a sum."""
    parts = split_at(expression, ("+",))
    call = read_call(parts[-1]) if parts else None
    return call.arguments if call is not None and call.name == "dict" else {}


class Translator:
    """Translates the queries of one model: `lets` are its definitions, `tables` those that are constants."""

    def __init__(self, lets: Mapping[str, Let], tables: Mapping[str, Any]) -> None:
        self._lets, self._tables = lets, tables
        self._left = _MAX_READ

    def taken(self, query: str) -> list[Taken]:
        """What the query takes; an event need fulfil only one of them. Raises Untold."""
        if not query.strip():
            raise Untold("it is empty")
        found = self._select(query, {}, 0)
        if any(taken.is_everything() for taken in found):
            raise Untold("it asks nothing of an event by which to tell it")
        return found

    def _select(self, query: str, bound: Mapping[str, str], depth: int) -> list[Taken]:
        self._left -= len(query)
        if depth > _MAX_DEPTH or self._left < 0:
            raise Untold(
                "it is nested too deep" if depth > _MAX_DEPTH else "the model's queries are too long"
            )
        select = read_select(query)
        if select is None:
            raise Untold("it is no `SELECT .. FROM ..`")
        shape = _Shape(select.columns)
        try:
            found = self._origin(select.origin, shape, bound, depth)
        except Untold:
            if not shape.made:
                raise
            found = [Taken()]
        found = [one for taken in found for one in _shaped(taken, shape)]
        ids, condition = self._condition(select.where, bound)
        if ids is not None:
            found = [replace(taken, event_ids=tuple(sorted(ids))) for taken in found]
        if condition:
            found = [replace(taken, where=(*taken.where, condition)) for taken in found]
        found = [one for taken in found for one in _by_file(taken)] if shape.names_channel else found
        if len(found) > _MAX_TAKEN:
            raise Untold(f"it takes more than {_MAX_TAKEN} kinds of events")
        return found

    # FROM

    def _origin(self, text: str, shape: _Shape, bound: Mapping[str, str], depth: int) -> list[Taken]:
        call = read_call(text)
        if call is None:
            return self._select(in_braces(text), bound, depth + 1)
        if call.name in ("parse_evtx", "watch_evtx"):
            fields = {key: f"x=>{self._over(value, bound)}" for key, value in shape.added.items()}
            if shape.time:
                fields["Timestamp"] = f"x=>x.Timestamp || {self._over(shape.time, bound)}"
            return [Taken(tuple(map(channel_of, self._names(call))), fields=fields)]
        if call.name == "watch_etw":
            return [Taken(self._providers(call, shape))]
        if call.name == "watch_ebpf" and "events" in call.arguments:
            return [Taken(where=(f"x.System.EventName IN {self._over(call.arguments['events'], bound)}",))]
        if call.name.startswith("Artifact."):
            name = call.name.removeprefix("Artifact.")
            return [Taken(files=(f"{name}*",), fields=self._made(shape, bound))]
        if call.name in ("delay", "generate") and "query" in call.arguments:
            return self._select(in_braces(call.arguments["query"]), bound, depth + 1)
        if call.name == "foreach" and "row" in call.arguments:
            return self._foreach(call, bound, depth)
        if call.name in ("scope", "glob", "parse_auditd"):
            return [Taken()]
        if call.name == "parse_lines":
            return [Taken(where=("x.Line",))]
        return self._defined(call, shape, bound, depth)

    def _foreach(self, call: Call, bound: Mapping[str, str], depth: int) -> list[Taken]:
        rows = self._select(in_braces(call.arguments["row"]), bound, depth + 1)
        if "query" not in call.arguments:
            return rows
        inner = self._select(in_braces(call.arguments["query"]), bound, depth + 1)
        return [replace(row, where=(*row.where, *one.where)) for row in rows for one in inner]

    def _defined(self, call: Call, shape: _Shape, bound: Mapping[str, str], depth: int) -> list[Taken]:
        let = self._lets.get(call.name)
        if let is None:
            raise Untold(f"`{call.name}()` reads the machine that it runs on")
        if depth > _MAX_DEPTH:
            raise Untold(f"`{call.name}` is defined by itself")
        given = {name: self._over(text, bound) for name, text in call.arguments.items()}
        if read_select(let.body) is not None:
            return self._select(let.body, given, depth + 1)
        return self._origin(let.body, shape, given, depth + 1)

    def _names(self, call: Call) -> list[str]:
        """The event logs of a `filename` argument: `ROOT + "/Security.evtx"`, or a list of such."""
        text = call.arguments.get("filename", "NULL")
        try:
            value = compile_lambda(f"x=>{text}", {**self._tables, "ROOT": ""})({})
        except LambdaError as error:
            raise Untold(f"its file name cannot be told: {error.message}") from error
        names = value if isinstance(value, list) else [value]
        if not names or not all(isinstance(name, str) and name for name in names):
            raise Untold(f"`{call.name}()` names no file")
        return names

    def _providers(self, call: Call, shape: _Shape) -> tuple[str, ...]:
        name = call.arguments.get("description", "").strip("'\"") or shape.channel
        if not name:
            raise Untold("`watch_etw()` names no provider")
        guid, session = _KERNEL_LOGGER
        return (name, session) if guid in call.arguments.get("guid", "").lower() else (name,)

    def _made(self, shape: _Shape, bound: Mapping[str, str]) -> dict[str, str]:
        """The fields that a query computes of an artifact's rows."""
        made = {name: f"x=>{self._over(text, bound)}" for name, text in shape.made.items()}
        for name, text in shape.aliases.items():
            made[name] = f"x=>x.{name} || {self._over(text, bound)}"
        return made

    # WHERE

    def _over(self, text: str, bound: Mapping[str, str]) -> str:
        return over_event(text, self._tables.keys(), bound)

    def _condition(self, text: str, bound: Mapping[str, str]) -> tuple[frozenset[int] | None, str]:
        """A condition as event ids (None: any) and, for the rest, a lambda's text ("": true); both must hold."""
        either = split_at(text, ("OR", "||"))
        if len(either) > 1:
            return _any_of([self._condition(part, bound) for part in either])
        ids: frozenset[int] | None = None
        texts = []
        for part in split_at(text, ("AND", "&&")):
            match = _EVENT_ID.fullmatch(part)
            if match is not None:
                numbers = (match[1] or match[2]).split(",")
                found = frozenset(int(number) for number in numbers if number.strip())
                ids = found if ids is None else ids & found
            elif not _TIME_RANGE.search(part):
                texts.append(self._over(part, bound))
        return ids, " AND ".join(texts)


def _any_of(parts: Sequence[tuple[frozenset[int] | None, str]]) -> tuple[frozenset[int] | None, str]:
    if any(ids is None and not text for ids, text in parts):
        return None, ""
    if not any(text for _, text in parts):
        return frozenset().union(*(ids for ids, _ in parts if ids is not None)), ""
    texts = []
    for ids, text in parts:
        wanted = [] if ids is None else [f"x.System.EventID.Value IN {sorted(ids)}"]
        texts.append(" AND ".join([*wanted, *([text] if text else [])]))
    return None, f"({' OR '.join(texts)})"


def _shaped(taken: Taken, shape: _Shape) -> list[Taken]:
    """What is taken, with what the query's columns say of its rows; an artifact's rows are taken as they are too."""
    made = replace(taken, files=(), fields={}, where=(*taken.where, *shape.keys())) if shape.made else taken
    tells = bool(shape.channel) and (bool(shape.made) or shape.channel != _CHANNEL_OF_ANY)
    if tells and shape.channel not in made.channels:
        made = replace(made, channels=(shape.channel,))
    return [taken, made] if taken.files and made is not taken else [made]


def _by_file(taken: Taken) -> list[Taken]:
    """Lines of a log file: rows that name it as their channel, and evidence that has its name."""
    text = " AND ".join(taken.where)
    match = _BASE_NAME.search(text)
    if match is None:
        return [taken]
    rows = replace(taken, where=tuple(part.replace("x.OSPath.Basename", "x.Channel") for part in taken.where))
    others = tuple(part for part in taken.where if not _BASE_NAME.search(part))
    return [rows, replace(taken, files=tuple(f"*{name}*" for name in match[1].split("|")), where=others)]


def channel_of(file_name: str) -> str:
    """The channel of an event log by its file's name: `Microsoft-Windows-Sysmon%4Operational.evtx`."""
    name = file_name.replace("\\", "/").strip("/")
    name = name[: -len(".evtx")] if name.lower().endswith(".evtx") else name
    return unquote(name.replace("%4", "/"))
