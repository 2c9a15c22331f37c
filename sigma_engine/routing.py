"""Which log sources of a model an event belongs to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sigma_engine.bucket import Bucket
from sigma_engine.events import EventKey, event_key
from sigma_engine.model import Model, Source
from sigma_engine.rule import Rule

_MAX_KEYS = (
    10_000  # channel and provider are the evidence's text: a hostile log could invent them without end
)


class Route:
    """Where the events of one key go: the sources that take them, the most specific first, and their bucket.

    `key` is None when it was taken from an event that does not hold exactly what its key says. `asks`: whether a
    source has a `where`, which is asked of each event: `narrowed` has the answer. The scanner sets `bucket` (None:
    no rule can match) and `is_ready` when it first needs them.
    """

    __slots__ = ("_narrowed", "asks", "bucket", "is_ready", "key", "sources")

    def __init__(self, sources: tuple[Source, ...], key: EventKey | None) -> None:
        self.sources = sources
        self.key = key
        self.asks = any(source.where is not None for source in sources)
        self.bucket: Bucket | None = None
        self.is_ready = False
        self._narrowed: dict[tuple[Source, ...], Route] = {}

    def narrowed(self, event: dict[str, Any]) -> Route:
        """The route of an event by those sources alone whose `where` wants it."""
        wanting = tuple([source for source in self.sources if source.wants(event)])
        found = self._narrowed.get(wanting)
        if found is None:
            found = self._narrowed[wanting] = Route(wanting, self.key)
        return found


class Router:
    """Finds the routes of events; remembers them by channel, event id and provider."""

    def __init__(self, model: Model, file_name: str = "") -> None:
        self._model = model
        self._file_name = file_name
        self._routes: dict[tuple[str, int, str], Route] = {}
        self._others: dict[tuple[str, int, str], Route] = {}

    def route(self, event: dict[str, Any]) -> Route:
        """The route of an event, each `where` asked."""
        route = self._of_key(event)
        return route.narrowed(event) if route.asks else route

    def _of_key(self, event: dict[str, Any]) -> Route:
        try:
            system = event["System"]
            event_id = system["EventID"]["Value"]
            # What equals a text is a text, but True and 1.0 equal the number 1.
            known = type(event_id) is int and self._routes.get(
                (system["Channel"], event_id, system["Provider"]["Name"])
            )
        except (KeyError, TypeError):
            known = None
        return known or self._of_new_key(event)

    def _of_new_key(self, event: dict[str, Any]) -> Route:
        key = exact_key(event)
        if key is None:
            found = event_key(event)
            return self._others.get(found) or self._remember(
                self._others, found, Route(self._sources(found), None)
            )
        return self._routes.get(key) or self._remember(
            self._routes, key, Route(self._sources(event_key(event)), key)
        )

    def accepted(self, event: dict[str, Any]) -> tuple[Source, ...]:
        """The sources that take this event, the most specific first, each `where` asked."""
        return self.route(event).sources

    def _sources(self, key: EventKey) -> tuple[Source, ...]:
        return self._model.accepting(key, self._file_name)

    def _remember(self, routes: dict[tuple[str, int, str], Route], key: EventKey, route: Route) -> Route:
        if len(routes) >= _MAX_KEYS:
            routes.clear()
        routes[key] = route
        return route


def exact_key(event: dict[str, Any]) -> EventKey | None:
    """The key of an event of which each part stands in the event just so; None for any other event."""
    try:
        system = event["System"]
        event_id, channel = system["EventID"]["Value"], system["Channel"]
        provider = system["Provider"]["Name"]
    except (KeyError, TypeError):
        return None
    if type(event_id) is int and type(channel) is str and type(provider) is str:
        return EventKey(channel, event_id, provider)
    return None


def is_tried(rule: Rule, model: Model, accepted: Sequence[Source]) -> bool:
    """Whether a rule is run on an event of the accepted sources: one of them serves its logsource."""
    return any(source is one for source in model.sources_for(rule.logsource) for one in accepted)
