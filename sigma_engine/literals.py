"""Many text tests at once: one pass of an Aho-Corasick automaton over a text says which literals it holds."""

from __future__ import annotations

import re
from collections.abc import Sequence
from re import _constants as sre
from re import _parser as sre_parser
from typing import Any

from ahocorasick_rs import AhoCorasick

from sigma_engine.patterns import RegexTest, TextPattern

START, END = "\x02", "\x03"  # mark the ends of a value, so that a fixed end is part of a literal
_MIN_REQUIRED = 3  # characters; a shorter literal of a regex would let nearly every value through

TextTest = TextPattern | RegexTest


class TextTests:
    """The text tests of one field, indexed by literals.

    A test whose literals are all it asks is decided by the automaton alone. Any other is asked only of texts that
    hold a literal it cannot do without.
    """

    def __init__(self, tests: Sequence[tuple[int, TextTest]]) -> None:
        self._any_text: set[int] = set()
        self._always: list[tuple[int, TextTest]] = []
        self._regexes = [(atom, test) for atom, test in tests if isinstance(test, RegexTest)]
        self._decided: list[set[int]] = []
        self._verified: list[list[tuple[int, TextTest]]] = []
        self._index: dict[str, int] = {}
        for atom, test in tests:
            if isinstance(test, RegexTest):
                self._add_verified(required_literal(test), atom, test)
            else:
                self._add_pattern(atom, test)
        self._automaton = AhoCorasick(list(self._index)) if self._index else None

    def _add_pattern(self, atom: int, test: TextPattern) -> None:
        literals = test.literals()
        if literals is None:
            self._add_verified(test.required(), atom, test)
        elif literals == ():
            self._any_text.add(atom)
        elif test.cased:
            for literal in literals:
                self._add_verified(literal, atom, test)
        else:
            for literal in literals:
                self._decided[self._slot(literal)].add(atom)

    def _add_verified(self, literal: str, atom: int, test: TextTest) -> None:
        if literal:
            self._verified[self._slot(literal)].append((atom, test))
        else:
            self._always.append((atom, test))

    def _slot(self, literal: str) -> int:
        slot = self._index.setdefault(literal, len(self._index))
        if slot == len(self._decided):
            self._decided.append(set())
            self._verified.append([])
        return slot

    def found_in(self, text: str) -> tuple[set[int], list[tuple[int, TextTest]]]:
        """(atoms that are true of `text`, tests that must still be asked). A sentinel in `text` ends a value there."""
        true = set(self._any_text)
        open_tests = list(self._always)
        folded = text.lower()
        if self._automaton is not None:
            for slot in set(self._slots_in(f"{START}{folded}{END}")):
                true |= self._decided[slot]
                open_tests += self._verified[slot]
        if self._regexes and not text.isascii():  # folding beyond ASCII differs from lower(): ask every regex
            open_tests = [pair for pair in open_tests if not isinstance(pair[1], RegexTest)]
            open_tests += self._regexes
        return true, open_tests

    def _slots_in(self, haystack: str) -> list[int]:
        assert self._automaton is not None
        return [match[0] for match in self._automaton.find_matches_as_indexes(haystack, overlapping=True)]


def required_literal(test: RegexTest) -> str:
    """The longest text, in lower case, without which the regex cannot match an ASCII text; empty when none is sure."""
    try:
        tree = sre_parser.parse(test.pattern, int(test.flags))
    except (re.error, RecursionError):
        return ""
    runs: list[str] = [""]
    _collect(tree, runs)
    longest = max(runs, key=len).lower()
    return longest if len(longest) >= _MIN_REQUIRED and longest.isascii() else ""


def _collect(tree: Any, runs: list[str]) -> None:
    """Adds the literals that every match of a parsed regex holds in a row; a new run after anything else."""
    for operation, argument in tree:
        if operation is sre.LITERAL:
            runs[-1] += chr(argument)
        elif operation is sre.SUBPATTERN:
            _collect(argument[3], runs)
        elif operation in (sre.MAX_REPEAT, sre.MIN_REPEAT) and argument[0] >= 1:
            runs.append("")
            _collect(argument[2], runs)
            runs.append("")
        elif operation is not sre.AT:
            runs.append("")
