"""What an event's key decides of a rule before the event is looked at.

Most rules of a log name an event id. Of the rules that serve a channel, only those whose tests of the key hold are
left for events of that key, without these tests.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from sigma_engine.atoms import AtomTable
from sigma_engine.classifier import Timeouts
from sigma_engine.events import EventKey
from sigma_engine.mapping import ORIGIN_FALLBACK, Mapping
from sigma_engine.model import Model, Source
from sigma_engine.patterns import FieldRefTest, ValueTest, holds
from sigma_engine.regexes import RegexTimeout
from sigma_engine.truth import Atoms
from sigma_engine.vql_test import VqlTest

_PATHS: Final = frozenset(
    {("System", "EventID", "Value"), ("System", "Channel"), ("System", "Provider", "Name")}
)
_ROUTED: Final = frozenset({"EventID", "Channel", "Provider_Name"})


class KeyAtoms:
    """The atoms of some rules that the key of an event decides, when the event holds exactly what the key says."""

    def __init__(
        self,
        asked: Collection[int],
        table: AtomTable,
        model: Model,
        accepted: tuple[Source, ...],
        timeouts: Timeouts,
    ) -> None:
        self._timeouts = timeouts
        fields = {table.all[number].field for number in asked} - {""}
        mappings = {name: model.mapping(name, accepted) for name in fields}
        of_key = {name: mapping for name, mapping in mappings.items() if _reads_key(mapping)}
        self._asked: list[tuple[int, Mapping, ValueTest]] = [
            (number, of_key[field], test)
            for number in asked
            for field, test in (table.all[number],)
            if field in of_key and not isinstance(test, FieldRefTest | VqlTest)
        ]
        self.all: Atoms = frozenset(number for number, _, _ in self._asked)

    def true_of(self, key: EventKey) -> Atoms:
        """Those that are true of events of a key."""
        provider = {"Name": key.provider}
        system = {"EventID": {"Value": key.event_id}, "Channel": key.channel, "Provider": provider}
        event: dict[str, Any] = {"System": system}
        return frozenset(
            number for number, mapping, test in self._asked if self._holds(test, mapping.read(event))
        )

    def _holds(self, test: ValueTest, value: Any) -> bool:
        try:
            return holds(test, value)
        except RegexTimeout:
            self._timeouts.note(test.describe())
            return False


def _reads_key(mapping: Mapping) -> bool:
    if mapping.path is not None:
        return mapping.path in _PATHS
    return mapping.origin == ORIGIN_FALLBACK and mapping.field in _ROUTED
