"""What buckets that ask the same have in common: the text tests of a field, and keywords. Made once a scanner."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from sigma_engine.atoms import AtomTable
from sigma_engine.classifier import Timeouts
from sigma_engine.keywords import KeywordClassifier
from sigma_engine.literals import TextTest, TextTests


class SharedTests:
    """The tests of the atoms of a table, ready to be asked."""

    def __init__(self, table: AtomTable, timeouts: Timeouts) -> None:
        self._table = table
        self._timeouts = timeouts
        self._texts: dict[tuple[int, ...], TextTests] = {}
        self._keywords: dict[tuple[int, ...], KeywordClassifier] = {}

    def texts(self, atoms: Sequence[int]) -> TextTests:
        """The text tests among some atoms of one field."""
        name = tuple(atoms)
        if name not in self._texts:
            self._texts[name] = TextTests(
                [
                    (atom, cast(TextTest, self._table.all[atom].test), literals)
                    for atom in atoms
                    if (literals := self._table.literals[atom]) is not None
                ]
            )
        return self._texts[name]

    def keywords(self, atoms: Sequence[int]) -> KeywordClassifier:
        """The keyword tests with these atoms."""
        name = tuple(atoms)
        if name not in self._keywords:
            tests = [(atom, self._table.all[atom].test) for atom in atoms]
            self._keywords[name] = KeywordClassifier(tests, self.texts(atoms), self._timeouts)
        return self._keywords[name]
