"""What an event's key decides of a rule before the event is looked at.

Most rules of a log name an event id. Of the rules that serve a channel, only those whose tests of the key hold are
left for events of that key, without these tests.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from sigma_engine.atoms import AtomTable
from sigma_engine.classifier import Timeouts
from sigma_engine.events import EventKey
from sigma_engine.mapping import ORIGIN_FALLBACK, Mapping
from sigma_engine.model import Model, Source
from sigma_engine.patterns import FieldRefTest, holds
from sigma_engine.regexes import RegexTimeout
from sigma_engine.truth import Atoms, Truth, atoms_in
from sigma_engine.vql_test import VqlTest

_PATHS: Final = frozenset(
    {("System", "EventID", "Value"), ("System", "Channel"), ("System", "Provider", "Name")}
)
_ROUTED: Final = frozenset({"EventID", "Channel", "Provider_Name"})


class Decided(NamedTuple):
    """The atoms that a key decides, and those of them that are true."""

    known: Atoms
    true: Atoms


def decided_by(
    key: EventKey,
    truths: Iterable[Truth],
    table: AtomTable,
    model: Model,
    accepted: tuple[Source, ...],
    timeouts: Timeouts,
) -> Decided:
    """The atoms of rules that the key of an event decides, when the event holds exactly what the key says."""
    system = {"EventID": {"Value": key.event_id}, "Channel": key.channel, "Provider": {"Name": key.provider}}
    event: dict[str, Any] = {"System": system}
    known: set[int] = set()
    true: set[int] = set()
    for number in frozenset[int]().union(*(atoms for truth in truths for atoms in atoms_in(truth))):
        field, test = table.all[number]
        if not field or isinstance(test, FieldRefTest | VqlTest):
            continue
        mapping = model.mapping(field, accepted)
        if not _reads_key(mapping):
            continue
        known.add(number)
        try:
            if holds(test, mapping.read(event)):
                true.add(number)
        except RegexTimeout:
            timeouts.note(test.describe())
    return Decided(frozenset(known), frozenset(true))


def _reads_key(mapping: Mapping) -> bool:
    if mapping.path is not None:
        return mapping.path in _PATHS
    return mapping.origin == ORIGIN_FALLBACK and mapping.field in _ROUTED
