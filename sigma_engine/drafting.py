"""A rule drafted from events: which log source they have in common, and what their fields agree on.

Every draft hits the events that it is made from, whichever of its fields are taken: a field that some of them
lack says so with `null`. Values are read as the scanner reads them, through the model's field mappings.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sigma_engine.draft_choices import Choice, choices_of, folded
from sigma_engine.events import event_key
from sigma_engine.field_names import field_names
from sigma_engine.log_source import Source
from sigma_engine.model import Mapping, Model
from sigma_engine.routing import Router
from sigma_engine.rule import Logsource
from sigma_engine.rule_writer import DraftClause
from sigma_engine.values import ABSENT

MOST_FIELDS: Final = 200

# Differ from one event to the next whatever happened.
_VOLATILE_NAME: Final = re.compile(
    r"guid|time|date|recordid|recordnumber|logonid|processid|threadid|pid$|port$|handleid|sequence|activityid"
    r"|correlation|sessionid|instanceid|contextid|transactionid|hash|md5|sha1|sha256|imphash|size$",
    re.IGNORECASE,
)
_VOLATILE_VALUE: Final = re.compile(
    r"\{?[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\}?|\d{4}-\d\d-\d\d[ T]\d\d:\d\d.*|0x[0-9a-f]{4,16}",
    re.IGNORECASE,
)
# What published rules ask about most: ticked first.
_TELLING: Final = frozenset(
    """
    CommandLine Destination Details EventType GrantedAccess Image ImageLoaded ImagePath LogonType
    NewProcessName ObjectName OriginalFileName ParentCommandLine ParentImage Payload PipeName QueryName
    RelativeTargetName ScriptBlockText ServiceFileName ServiceName ShareName SourceImage Status SubStatus
    TargetFilename TargetImage TargetObject TargetUserName TaskContent TaskName TicketEncryptionType
    """.split()  # noqa: SIM905 (thirty names read better so)
)


@dataclass(frozen=True, slots=True)
class DraftField:
    """A field of the events. `same` of the `having` events that have it share its commonest value; `choices` are
    the ways to ask for it, the best first. `is_ticked`: whether a draft takes it unless told otherwise."""

    name: str
    same: int
    having: int
    is_volatile: bool
    choices: tuple[Choice, ...]
    is_ticked: bool = False

    def clause(self, choice: int = 0) -> DraftClause:
        """The field as a clause of a rule. Raises IndexError for a choice that it does not have."""
        chosen = self.choices[choice]
        return DraftClause(self.name, chosen.modifier, chosen.values)


@dataclass(frozen=True, slots=True)
class Draft:
    """What can be drafted from `events` events: the log sources that take all of them, the most specific first
    (none: the model has none for them), and the fields."""

    events: int
    logsources: tuple[Logsource, ...]
    fields: tuple[DraftField, ...]
    _readers: dict[str, Callable[[dict[str, Any], str], Any]] = field(default_factory=dict, repr=False)

    def read(self, name: str, event: dict[str, Any], file_name: str) -> Any:
        """The value of a field of the draft in any event; ABSENT where it has none."""
        return self._readers[name](event, file_name)


def draft(events: Sequence[dict[str, Any]], file_names: Sequence[str], model: Model) -> Draft:
    """What a rule about these events can say. `file_names` are those of their evidence, event for event.

    Raises ValueError without events.
    """
    if not events:
        raise ValueError("a draft needs at least one event")
    view = _View(model)
    accepted = [view.accepted(event, name) for event, name in zip(events, file_names, strict=True)]
    logsources = tuple(_logsources(accepted, model))
    names = _names(events, accepted, model)
    fields = []
    for name in names[:MOST_FIELDS]:
        values = [view.read(name, event, file) for event, file in zip(events, file_names, strict=True)]
        made = _field(name, values)
        if made is not None:
            fields.append(made)
    ticked = _ticked(fields, len(events), logsources, model)
    fields = [_with_tick(one, ticked=one.name in ticked) for one in fields]
    readers = {one.name: view.reader(one.name) for one in fields}
    return Draft(len(events), logsources, tuple(fields), readers)


class _View:
    """How the model sees events: which sources take one, and what a field of it is."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._routers: dict[str, Router] = {}

    def accepted(self, event: dict[str, Any], file_name: str) -> tuple[Source, ...]:
        if file_name not in self._routers:
            self._routers[file_name] = Router(self._model, file_name)
        return self._routers[file_name].accepted(event)

    def read(self, name: str, event: dict[str, Any], file_name: str) -> Any:
        return self._model.mapping(name, self.accepted(event, file_name)).read(event)

    def reader(self, name: str) -> Callable[[dict[str, Any], str], Any]:
        return lambda event, file_name: self.read(name, event, file_name)


def _logsources(accepted: Sequence[tuple[Source, ...]], model: Model) -> Iterator[Logsource]:
    """The log sources whose rules run on every one of the events: those of the sources that take the first one,
    then the same with less said."""
    named = [tuple(None if part == "*" else part for part in source.parts) for source in accepted[0]]
    wider = [(None, product, service) for _, product, service in named]
    widest = [(None, product, None) for _, product, _ in named]
    for parts in dict.fromkeys((*named, *wider, *widest)):
        category, product, service = parts
        logsource = Logsource(category, product, service)
        serving = set(map(id, model.sources_for(logsource)))
        if any(parts) and all(any(id(source) in serving for source in sources) for sources in accepted):
            yield logsource


def _names(
    events: Sequence[dict[str, Any]], accepted: Sequence[tuple[Source, ...]], model: Model
) -> list[str]:
    """The fields of the events under the names that the model gives them, EventID first."""
    names = dict.fromkeys(["EventID"] if any(event_key(event).event_id != -1 for event in events) else [])
    for event, sources in zip(events, accepted, strict=True):
        mapped: dict[str, Mapping] = dict(model.fields)
        for source in reversed(sources):
            mapped |= source.fields
        paths = {name: mapping.path for name, mapping in mapped.items()}
        by_path = {path[-1]: name for name, path in paths.items() if path and _is_data(path)}
        for name in field_names(event):
            names[by_path.get(name, name)] = None
    return [name for name in names if name and "|" not in name and name.isprintable()]


def _is_data(path: tuple[str, ...]) -> bool:
    return len(path) > 1 and path[0] in ("EventData", "UserData")


# --- one field


def _field(name: str, values: list[Any]) -> DraftField | None:
    """A field of its values, one for each event; None when there is nothing that a rule could ask."""
    choices = tuple(choices_of(values))
    if not choices:
        return None
    there = [value for value in values if value is not ABSENT]
    same = max(Counter(map(repr, map(folded, there))).values(), default=0)
    texts = [value for value in there if isinstance(value, str) and value]
    is_volatile = bool(_VOLATILE_NAME.search(name)) or (
        bool(texts) and all(_VOLATILE_VALUE.fullmatch(text) for text in texts) and name not in _TELLING
    )
    return DraftField(name, same, len(there), is_volatile, choices)


# --- which fields a draft takes


def field_rank(name: str) -> int:
    """How much a field tells: 0 what published rules ask about most, 2 what differs in each event, 1 the rest."""
    if name in _TELLING:
        return 0
    return 2 if _VOLATILE_NAME.search(name) else 1


def _ticked(fields: list[DraftField], events: int, logsources: Sequence[Logsource], model: Model) -> set[str]:
    """The fields to take at first: what rules ask about and the events agree on, and the event id unless the
    log source has only one."""
    agreed = [one for one in fields if not one.is_volatile and _agrees(one, events) and one.name != "EventID"]
    chosen = {one.name for one in agreed if one.name in _TELLING} or {one.name for one in agreed}
    sources = model.sources_for(logsources[0]) if logsources else ()
    if not (sources and all(source.event_ids for source in sources)):
        chosen.add("EventID")
    return chosen


def _agrees(one: DraftField, events: int) -> bool:
    """Whether all events have the field and one value asks for what they hold."""
    values = one.choices[0].values
    return one.having == events and len(values) == 1 and values[0] not in ("", "-", None)


def _with_tick(one: DraftField, *, ticked: bool) -> DraftField:
    return DraftField(one.name, one.same, one.having, one.is_volatile, one.choices, ticked)
