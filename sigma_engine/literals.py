"""Many text tests at once: one pass of an Aho-Corasick automaton over a text says which literals it holds."""

from __future__ import annotations

import re
import string
from collections.abc import Sequence
from re import _constants as sre
from re import _parser as sre_parser
from typing import Any, NamedTuple

from ahocorasick_rs import AhoCorasick

from sigma_engine.collection import collection_paused
from sigma_engine.patterns import RegexTest, TextPattern
from sigma_engine.values import fold

START, END = "\x02", "\x03"  # mark the ends of a value, so that a fixed end is part of a literal
# Literals of a regex that would let nearly every value through.
_COMMON = frozenset(("", *" \\:./-_", *string.ascii_lowercase, *string.digits))
_MAX_CHOICES = 16

TextTest = TextPattern | RegexTest


class Literals(NamedTuple):
    """The texts, folded and with sentinels at fixed ends, by which an automaton knows a test.

    `decides`: a text fulfils the test exactly when it holds one of them; any text does when there are none. Else the
    test must still be asked of texts that hold one of them; of every text when there are none.
    """

    texts: tuple[str, ...]
    decides: bool


def literals_of(test: TextTest) -> Literals:
    """The literals of a test."""
    if isinstance(test, RegexTest):
        return Literals(required_literals(test), decides=False)
    literals = test.literals()
    if literals is None:
        required = test.required()
        return Literals((required,) if required else (), decides=False)
    return Literals(literals, decides=not (test.cased and literals))


class TextTests:
    """The text tests of one field, indexed by their literals when the first text comes."""

    def __init__(self, tests: Sequence[tuple[int, TextTest, Literals]]) -> None:
        self._tests = tests
        self._index: _Index | None = None

    @property
    def tests(self) -> list[tuple[int, TextTest]]:
        """Every atom with its test."""
        return [(atom, test) for atom, test, _ in self._tests]

    def found_in(self, text: str) -> tuple[set[int], list[tuple[int, TextTest]]]:
        """(atoms that are true of `text`, tests that must still be asked). A sentinel in `text` ends a value there."""
        if self._index is None:
            with collection_paused():
                self._index = _Index(self._tests)
        try:
            return self._index.found_in(text)
        except UnicodeEncodeError:  # half a surrogate pair, which the automaton does not take
            return set(), self.tests


class _Index:
    """The text tests of one field by their literals.

    A test whose literals are all it asks is decided by the automaton alone. Any other is asked only of texts that
    hold a literal it cannot do without.
    """

    def __init__(self, tests: Sequence[tuple[int, TextTest, Literals]]) -> None:
        self._any_text: set[int] = set()
        self._always: list[tuple[int, TextTest]] = []
        self._regexes = [(atom, test) for atom, test, _ in tests if isinstance(test, RegexTest)]
        self._decided: list[int] = []  # by literal: the first atom that it decides, else -1
        self._also_decided: dict[int, list[int]] = {}
        self._verified: dict[int, list[tuple[int, TextTest]]] = {}
        slots: dict[str, int] = {}
        for atom, test, literals in tests:
            for text in literals.texts:
                slot = slots.setdefault(text, len(slots))
                is_new = slot == len(self._decided)
                if is_new:
                    self._decided.append(atom if literals.decides else -1)
                if not literals.decides:
                    self._verified.setdefault(slot, []).append((atom, test))
                elif not is_new:
                    self._also_decided.setdefault(slot, []).append(atom)
            if not literals.texts and literals.decides:
                self._any_text.add(atom)
            elif not literals.texts:
                self._always.append((atom, test))
        self._automaton = AhoCorasick(list(slots), store_patterns=False) if slots else None

    def found_in(self, text: str) -> tuple[set[int], list[tuple[int, TextTest]]]:
        true = set(self._any_text)
        open_tests = list(self._always)
        folded = fold(text)
        if self._automaton is not None:
            for slot in set(self._slots_in(f"{START}{folded}{END}")):
                true.add(self._decided[slot])
                true.update(self._also_decided.get(slot, ()))
                open_tests += self._verified.get(slot, ())
            true.discard(-1)
        if self._regexes and not text.isascii():  # folding beyond ASCII differs from lower(): ask every regex
            open_tests = [pair for pair in open_tests if not isinstance(pair[1], RegexTest)]
            open_tests += self._regexes
        return true, open_tests

    def _slots_in(self, haystack: str) -> list[int]:
        assert self._automaton is not None
        return [match[0] for match in self._automaton.find_matches_as_indexes(haystack, overlapping=True)]


def required_literals(test: RegexTest) -> tuple[str, ...]:
    """Texts, in lower case, of which an ASCII text must hold one for the regex to match; none when none are sure."""
    try:
        return _required(sre_parser.parse(test.pattern, int(test.flags)))
    except (re.error, RecursionError):
        return ()


def _required(tree: Any) -> tuple[str, ...]:
    """The choice of texts that narrows best."""
    found = _Required()
    found.collect(tree)
    sure = [(run.lower(),) for run in found.runs] + found.choices
    useful = [texts for texts in sure if all(map(_is_rare, texts))]
    return max(useful, key=lambda texts: min(map(len, texts)), default=())


def _is_rare(text: str) -> bool:
    """Whether a text is worth looking for: most values do not hold it."""
    return text.isascii() and text not in _COMMON


class _Required:
    """What every match of a parsed regex holds: `runs` of letters in a row, and of each of `choices` one text."""

    def __init__(self) -> None:
        self.runs = [""]
        self.choices: list[tuple[str, ...]] = []

    def collect(self, tree: Any) -> None:
        """Adds what a part of the regex asks for; a new run after anything that is no letter."""
        for operation, argument in tree:
            if letter := _letter(operation, argument):
                self.runs[-1] += letter
            elif operation is sre.SUBPATTERN:
                self.collect(argument[3])
            elif operation is not sre.AT:
                self.runs.append("")
                if operation in (sre.MAX_REPEAT, sre.MIN_REPEAT) and argument[0] >= 1:
                    self.collect(argument[2])
                    self.runs.append("")
                elif operation is sre.BRANCH:
                    self._choose([_required(branch) for branch in argument[1]])

    def _choose(self, branches: list[tuple[str, ...]]) -> None:
        texts = tuple(dict.fromkeys(text for texts in branches for text in texts))
        if all(branches) and len(texts) <= _MAX_CHOICES:
            self.choices.append(texts)


def _letter(operation: Any, argument: Any) -> str:
    """The letter that a part of a regex stands for, in whatever case it takes it; "" for any other part."""
    if operation is sre.LITERAL:
        return chr(argument)
    if operation is sre.IN and all(kind is sre.LITERAL for kind, _ in argument):
        letters = {chr(code).lower() for _, code in argument}
        return letters.pop() if len(letters) == 1 else ""
    return ""
