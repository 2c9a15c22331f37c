"""Which log sources of a model an event belongs to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sigma_engine.events import EventKey, event_key
from sigma_engine.model import Model, Source
from sigma_engine.rule import Rule

_MAX_KEYS = (
    10_000  # channel and provider are the evidence's text: a hostile log could invent them without end
)


class Router:
    """Finds the accepted sources of events; remembers them by channel, event id and provider."""

    def __init__(self, model: Model, file_name: str = "") -> None:
        self._model = model
        self._file_name = file_name
        self._known: dict[EventKey, tuple[tuple[Source, ...], bool]] = {}

    def accepted(self, event: dict[str, Any]) -> tuple[Source, ...]:
        """The sources that take this event, the most specific first, each `where` asked."""
        key = event_key(event)
        known = self._known.get(key)
        if known is None:
            if len(self._known) >= _MAX_KEYS:
                self._known.clear()
            sources = self._model.accepting(key, self._file_name)
            known = self._known[key] = (sources, any(source.where is not None for source in sources))
        sources, asks = known
        if not asks:
            return sources
        return tuple(source for source in sources if source.wants(event))


def is_tried(rule: Rule, model: Model, accepted: Sequence[Source]) -> bool:
    """Whether a rule is run on an event of the accepted sources: one of them serves its logsource."""
    return any(source is one for source in model.sources_for(rule.logsource) for one in accepted)
