"""One event as a rule sees it under a model: what its fields hold, and whether a single test is true of them.

What explanations, near misses and brittle rules ask; the plain meaning, without any cache over events.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

from sigma_engine.detection import FieldTest
from sigma_engine.keywords import keyword_texts
from sigma_engine.lambdas import LambdaError
from sigma_engine.model import Mapping, Model, Source
from sigma_engine.patterns import FieldRefTest, ValueTest, holds
from sigma_engine.regexes import RegexTimeout
from sigma_engine.values import ABSENT
from sigma_engine.vql_test import VqlTest


class SeenEvent:
    """An event with the sources that accept it (most specific first); fields are read once."""

    def __init__(self, event: dict[str, Any], model: Model, accepted: tuple[Source, ...]) -> None:
        self.event = event
        self._model, self._accepted = model, accepted
        self._values: dict[str, Any] = {}
        self._truths: dict[int, bool] = {}  # of field tests, by their id

    def again(self, event: dict[str, Any]) -> SeenEvent:
        """The event as another rule sees it."""
        return SeenEvent(event, self._model, self._accepted)

    def mapping(self, field: str) -> Mapping:
        """Where the field is found."""
        return self._model.mapping(field, self._accepted)

    def value(self, field: str) -> Any:
        """What the field holds, or `ABSENT`."""
        if field not in self._values:
            self._values[field] = self.mapping(field).read(self.event)
        return self._values[field]

    @cached_property
    def keywords(self) -> list[str]:
        """The texts that keywords are looked for in."""
        return list(keyword_texts(self.event))

    def fulfils(self, field: str, test: ValueTest) -> bool:
        """Whether one test is true of a field, "" for keywords. Raises RegexTimeout and LambdaError."""
        if not field:
            return any(test.matches(text) for text in self.keywords)
        found = self.value(field)
        if isinstance(test, FieldRefTest):
            other = self.value(test.field)
            return found is not ABSENT and other is not ABSENT and test.compares(found, other)
        if isinstance(test, VqlTest):
            return test.asks(found, self.event)
        return holds(test, found)

    def holds(self, test: FieldTest) -> bool:
        """Whether a field test is true of the event, as the matcher decides it: a bound that is reached is false."""
        known = self._truths.get(id(test))
        if known is None:
            combine = all if test.every else any
            known = combine(self._safely(test.field, value.test) for value in test.values) != test.negated
        return known

    def remember(self, test: FieldTest, *, truth: bool) -> None:
        """What `holds` is to say of a field test that was decided elsewhere, value by value."""
        self._truths[id(test)] = truth

    def _safely(self, field: str, test: ValueTest) -> bool:
        try:
            return self.fulfils(field, test)
        except (RegexTimeout, LambdaError):
            return False
