"""What buckets that ask the same have in common: the tests of a field, and keywords. Made once a scanner."""

from __future__ import annotations

from collections.abc import Sequence

from sigma_engine.atoms import AtomTable, FieldTests
from sigma_engine.classifier import Timeouts
from sigma_engine.keywords import KeywordClassifier


class SharedTests:
    """The tests of the atoms of a table, ready to be asked."""

    def __init__(self, table: AtomTable, timeouts: Timeouts) -> None:
        self._table = table
        self._timeouts = timeouts
        self._fields: dict[tuple[int, ...], FieldTests] = {}
        self._keywords: dict[tuple[int, ...], KeywordClassifier] = {}

    def of_field(self, atoms: Sequence[int]) -> FieldTests:
        """The tests of some atoms of one field."""
        name = tuple(atoms)
        if name not in self._fields:
            self._fields[name] = self._table.field_tests(name)
        return self._fields[name]

    def keywords(self, atoms: Sequence[int]) -> KeywordClassifier:
        """The keyword tests with these atoms."""
        name = tuple(atoms)
        if name not in self._keywords:
            self._keywords[name] = KeywordClassifier(self.of_field(name), self._timeouts)
        return self._keywords[name]
