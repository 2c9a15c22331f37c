"""A field's value -> the atoms that are true of it, decided once a value and remembered.

The set of true atoms of a value is its class. Classes are numbered within a bucket, so that an event is a short
tuple of numbers, and the rules that match it are looked up by that tuple (DESIGN section 5).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sigma_engine.literals import END, START, TextTests
from sigma_engine.model import Mapping
from sigma_engine.patterns import ExistsTest, RegexTest, TextPattern, ValueTest
from sigma_engine.regexes import RegexTimeout
from sigma_engine.truth import Atoms
from sigma_engine.values import ABSENT, value_texts

MAX_CACHED_LENGTH = 512  # characters; longer values hardly repeat


class CacheBudget:
    """Bounds all caches of a scanner together, in bytes as estimated; over it they are emptied."""

    def __init__(self, limit: int = 64 << 20) -> None:
        self._limit = limit
        self._used = 0
        self._caches: list[dict[Any, Any]] = []

    def register(self, cache: dict[Any, Any]) -> None:
        """Puts a cache under the budget."""
        self._caches.append(cache)

    def spend(self, size: int) -> None:
        """Notes that a cache has grown by `size` bytes."""
        self._used += size
        if self._used > self._limit:
            self.drop()

    def drop(self) -> None:
        """Empties every cache."""
        for cache in self._caches:
            cache.clear()
        self._used = 0


class Timeouts:
    """Counts regex searches that ran out of time, by pattern: reported with the scan, never swallowed."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}

    def note(self, pattern: str) -> None:
        """Counts one more for `pattern`."""
        self.counts[pattern] = self.counts.get(pattern, 0) + 1


class ClassNames:
    """Numbers the classes of a bucket; 0 is the class without any true atom."""

    def __init__(self) -> None:
        self._numbers: dict[Atoms, int] = {frozenset(): 0}
        self.atoms: list[Atoms] = [frozenset()]

    def number(self, atoms: Iterable[int]) -> int:
        """The number of a set of atoms."""
        key = frozenset(atoms)
        number = self._numbers.setdefault(key, len(self.atoms))
        if number == len(self.atoms):
            self.atoms.append(key)
        return number


class Classifier:
    """All tests on one mapped field in a bucket."""

    def __init__(
        self,
        mapping: Mapping,
        tests: Sequence[tuple[int, ValueTest]],
        names: ClassNames,
        budget: CacheBudget,
        timeouts: Timeouts,
    ) -> None:
        self.mapping = mapping
        self._tests = tests
        self._texts = TextTests([(a, t) for a, t in tests if isinstance(t, TextPattern | RegexTest)])
        self._others = [(a, t) for a, t in tests if not isinstance(t, TextPattern | RegexTest)]
        self._element_tests = [(a, t) for a, t in self._others if not isinstance(t, ExistsTest)]
        self._names = names
        self._budget = budget
        self._timeouts = timeouts
        self._cache: dict[Any, int] = {}
        budget.register(self._cache)
        self.absent_class = names.number(self._true_of(ABSENT))

    def classify(self, value: Any) -> int:
        """The class of a value as it stands in the event."""
        if type(value) is str:
            known = self._cache.get(value)
            if known is not None:
                return known
            number = self._names.number(self._true_of(value))
            if len(value) <= MAX_CACHED_LENGTH:
                self._cache[value] = number
                self._budget.spend(160 + len(value))
            return number
        if value is ABSENT:
            return self.absent_class
        if type(value) is int:
            key = (int, value)  # 1, 1.0 and True are one dict key
            known = self._cache.get(key)
            if known is None:
                known = self._cache[key] = self._names.number(self._true_of(value))
                self._budget.spend(200)
            return known
        return self._names.number(self._true_of(value))

    def _true_of(self, value: Any) -> set[int]:
        if not isinstance(value, list):
            return self._true_of_one(value, self._others)
        true = {atom for atom, test in self._others if isinstance(test, ExistsTest) and test.matches(value)}
        for item in value or [None]:
            true |= self._true_of_one(item, self._element_tests)
        return true

    def _true_of_one(self, value: Any, others: Sequence[tuple[int, ValueTest]]) -> set[int]:
        true = {atom for atom, test in others if test.matches(value)}
        for text in value_texts(value):
            if START in text or END in text:
                open_tests = [
                    (atom, test) for atom, test in self._tests if isinstance(test, TextPattern | RegexTest)
                ]
            else:
                found, open_tests = self._texts.found_in(text)
                true |= found
            true.update(atom for atom, test in open_tests if self._asked(test, text))
        return true

    def _asked(self, test: TextPattern | RegexTest, text: str) -> bool:
        if isinstance(test, TextPattern):
            return test.matches_text(text)
        try:
            return test.regex.search(text)
        except RegexTimeout:
            self._timeouts.note(test.pattern)
            return False
