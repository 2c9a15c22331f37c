"""A field's value -> the atoms that are true of it, decided once a value and remembered.

The set of true atoms of a value is its class. Classes are numbered within a bucket, so that an event is a short
tuple of numbers, and the rules that match it are looked up by that tuple (DESIGN section 5).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from sigma_engine.atoms import FieldTests
from sigma_engine.literals import END, START, TextTest
from sigma_engine.model import Mapping
from sigma_engine.patterns import ExistsTest, TextPattern, ValueTest
from sigma_engine.regexes import RegexTimeout
from sigma_engine.truth import Atoms
from sigma_engine.values import ABSENT, value_texts

MAX_CACHED_LENGTH = 4096  # characters; longer values hardly repeat (Sysmon's call traces do, at 500 to 1,500)
_TEXT = {str}
_EXACT = 2**53  # whole numbers up to here are exact as floats


class CacheBudget:
    """Bounds all caches of a scanner together, in bytes as estimated."""

    def __init__(self, limit: int = 64 << 20) -> None:
        self._limit = limit
        self.used = 0  # bytes
        self.drops = 0  # how often the caches were emptied for want of room
        self._forget: list[Callable[[], None]] = []

    def register(self, forget: Callable[[], None]) -> None:
        """Puts caches under the budget: `forget` empties them."""
        self._forget.append(forget)

    def spend(self, size: int) -> None:
        """Notes that a cache has grown by `size` bytes."""
        self.used += size

    def enforce(self) -> None:
        """Empties the caches if they have grown over the limit. Not for the midst of an event: numbers of classes are
        forgotten too."""
        if self.used > self._limit:
            self.drops += 1
            self.drop()

    def drop(self) -> None:
        """Empties every cache."""
        for forget in self._forget:
            forget()
        self.used = 0


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
        self._numbers: dict[Atoms, int] = {}
        self.atoms: list[Atoms] = []
        self.number(())

    def forget(self) -> None:
        """Frees all numbers but 0."""
        self._numbers.clear()
        self.atoms.clear()
        self.number(())

    def number(self, atoms: Iterable[int]) -> int:
        """The number of a set of atoms."""
        key = frozenset(atoms)
        number = self._numbers.setdefault(key, len(self.atoms))
        if number == len(self.atoms):
            self.atoms.append(key)
        return number


class Classifier(dict[Any, int]):
    """All tests on one mapped field in a bucket: `classifier[value]` is the class of a value as it stands in the event.

    A value that a dict cannot hold (a list) raises TypeError there: `classify` takes any.
    """

    def __init__(
        self,
        mapping: Mapping,
        tests: FieldTests,
        names: ClassNames,
        budget: CacheBudget,
        timeouts: Timeouts,
    ) -> None:
        super().__init__()
        self.mapping = mapping
        self.misses = 0
        self._texts, self._others = tests
        self._element_tests = [(a, t) for a, t in self._others if not isinstance(t, ExistsTest)]
        self._names = names
        self._budget = budget
        self._timeouts = timeouts
        self.absent_class = self[ABSENT]

    def forget(self) -> None:
        """Frees what is known of values; the numbers of classes may have been freed before."""
        self.clear()
        self.absent_class = self._names.number(self._true_of(ABSENT))

    def __missing__(self, value: Any) -> int:
        typed = (type(value), value)  # no list of texts, which is the other kind of tuple here
        if isinstance(value, int | float) and typed in self:
            return self[typed]
        self.misses += 1
        number = self._names.number(self._true_of(value))
        if self._is_kept(value, number):
            self[value] = number
            self._budget.spend(160 + _size(value))
        elif isinstance(value, int | float):
            self[typed] = number
            self._budget.spend(250)
        return number

    def classify(self, value: Any) -> int:
        """The class of any value."""
        if isinstance(value, list):
            items = tuple(value)  # no value of an event is a tuple
            return self[items] if set(map(type, items)) == _TEXT else self.__missing__(value)
        return self.__missing__(value) if isinstance(value, dict) else self[value]

    def _is_kept(self, value: Any, number: int) -> bool:
        """Whether a value's class may be remembered: one that is short, and equal to no other of another class."""
        if type(value) is str:
            return len(value) <= MAX_CACHED_LENGTH
        if type(value) is tuple:
            return sum(map(len, value)) <= MAX_CACHED_LENGTH
        if isinstance(value, int | float):  # to a dict 1, 1.0 and True are one
            return -_EXACT < value < _EXACT and all(
                self._names.number(self._true_of(one)) == number for one in _equals(value)
            )
        return value is None or value is ABSENT

    def _true_of(self, value: Any) -> set[int]:
        if not isinstance(value, list | tuple):
            return self._true_of_one(value, self._others)
        true = {atom for atom, test in self._others if isinstance(test, ExistsTest) and test.wanted}
        for item in value or [None]:
            true |= self._true_of_one(item, self._element_tests)
        return true

    def _true_of_one(self, value: Any, others: Sequence[tuple[int, ValueTest]]) -> set[int]:
        true = {atom for atom, test in others if test.matches(value)}
        for text in value_texts(value):
            if START in text or END in text:
                open_tests = self._texts.tests
            else:
                found, open_tests = self._texts.found_in(text)
                true |= found
            true.update(atom for atom, test in open_tests if self._asked(test, text))
        return true

    def _asked(self, test: TextTest, text: str) -> bool:
        if isinstance(test, TextPattern):
            return test.matches_text(text)
        try:
            return test.regex.search(text)
        except RegexTimeout:
            self._timeouts.note(test.pattern)
            return False


class ComputedClassifier:
    """The classes of a field that a lambda computes from values of EventData alone, remembered by these values."""

    def __init__(self, classifier: Classifier, budget: CacheBudget) -> None:
        self.classifier = classifier
        self._mapping = classifier.mapping
        self._names = [path[1] for path in sorted(self._mapping.inputs)]
        self._known: dict[tuple[Any, ...], int] = {}
        self._budget = budget

    def forget(self) -> None:
        """Frees what is known of values."""
        self._known.clear()

    @staticmethod
    def serves(mapping: Mapping) -> bool:
        """Whether a mapping reads nothing but values of EventData."""
        return all(len(path) == 2 and path[0] == "EventData" for path in mapping.inputs)

    def classify(self, event: dict[str, Any], data: dict[str, Any]) -> int:
        """The class of the field in an event with these data."""
        values = [data.get(name, ABSENT) for name in self._names]
        key = (*values, *map(type, values))  # to a dict 1, 1.0 and True are one
        try:
            known = self._known.get(key)
        except TypeError:  # a list among the values
            return self.classifier.classify(self._mapping.read(event))
        if known is None:
            faults = self._mapping.faults
            known = self.classifier.classify(self._mapping.read(event))
            size = sum(map(_size, values))
            if size <= MAX_CACHED_LENGTH and faults == self._mapping.faults:
                self._known[key] = known
                self._budget.spend(250 + size)
        return known


def _size(value: Any) -> int:
    """About how many bytes a value has beside its place in a dict."""
    if type(value) is tuple:
        return sum(56 + len(item) for item in value)
    return len(value) if type(value) is str else 0


def _equals(value: int | float) -> Iterator[int | float]:
    """The numbers and truths that are equal to a number, which is not too large for a float."""
    if value == int(value):
        yield from (int(value), float(value))
    if value in (0, 1):
        yield bool(value)
