"""Hints about a field: the event has not what the rule asks for there, but has it elsewhere or nearly so named."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from collections.abc import Mapping as Lookup
from itertools import islice
from typing import Protocol

from sigma_engine.events import EventKey, event_key
from sigma_engine.field_names import field_names
from sigma_engine.field_paths import places
from sigma_engine.hint_trial import Hint, Trial
from sigma_engine.mapping import Mapping

_MAX_LOOKED_AT = 400  # values of an event that are searched for a test's value
_ALIKE = 0.82  # of difflib's ratio


class FieldCounts(Protocol):
    """Of the events of one kind, how many there are and how many have which field."""

    @property
    def events(self) -> int: ...

    def having(self, mapping: Mapping) -> int | None:
        """How many have what a mapping reads; None where that was not counted."""
        ...


Counts = Lookup[EventKey, FieldCounts]


def absent_hints(trial: Trial, counts: Counts | None) -> Iterator[Hint]:
    """What may be meant by a field that the event does not have."""
    yield from _names(trial)
    yield from elsewhere_hints(trial)
    yield from _rarity(trial, counts)


def _names(trial: Trial) -> Iterator[Hint]:
    names = [name for name in field_names(trial.seen.event) if isinstance(name, str)]
    wanted = trial.field.lower()
    same = next((name for name in names if name.lower() == wanted and name != trial.field), None)
    if same is not None:
        yield Hint(
            "field_case",
            f"The event has `{same}`: names of fields differ in case too.",
            trial.line(field=same),
        )
        return
    near = difflib.get_close_matches(wanted, [name.lower() for name in names], 1, _ALIKE)
    if near:
        name = next(name for name in names if name.lower() == near[0])
        if name != trial.field:
            yield Hint(
                "field_near", f"The event has a field `{name}`: is that the one?", trial.line(field=name)
            )


def elsewhere_hints(trial: Trial) -> Iterator[Hint]:
    """That another field of the event has the value."""
    if not trial.is_telling:
        return
    for path, value in islice(places(trial.seen.event), _MAX_LOOKED_AT):
        if isinstance(value, dict | list) or path[0] == "System":
            continue
        name = str(path[-1]) if isinstance(path[-1], str) else str(path[-2] if len(path) > 1 else path[-1])
        if name == trial.field or value is trial.found or not trial.holds(trial.test, value):
            continue
        if name in ("Message", "RenderedMessage"):
            sentence = "The value stands only in the event's message, which is text for people, in no field."
            yield Hint("only_in_message", sentence)
        else:
            yield Hint("in_other_field", f"The event has this in `{name}`.", trial.line(field=name))
        return


def _rarity(trial: Trial, counts: Counts | None) -> Iterator[Hint]:
    key = event_key(trial.seen.event)
    count = counts.get(key) if counts is not None else None
    having = count.having(trial.seen.mapping(trial.field)) if count is not None else None
    if count is None or having is None or not count.events:
        return
    kind = str(key.event_id) if key.event_id >= 0 else key.channel or "this kind"
    if having == 0:
        yield Hint(
            "never_there", f"None of the {count.events:,} events of {kind} in this case has the field."
        )
    else:
        share = round(100 * having / count.events)
        yield Hint(
            "absent_here",
            f"Absent here, present in {share} % of {kind} ({having:,} of {count.events:,} events).",
        )
