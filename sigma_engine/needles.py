"""Texts that must stand in an event's JSON for a test to be true of it: most events are ruled out by them, unread."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator
from typing import Final

from ahocorasick_rs import AhoCorasick, Implementation

from sigma_engine.patterns import TextPattern, ValueTest
from sigma_engine.values import fold

# What JSON may write in another way, or what folding may change (all but ASCII); braces come and go with GUIDs.
_UNSURE: Final = re.compile(r"[^ -~]|[\\\\\"/{}]")
_NUMBER_LIKE: Final = frozenset("0123456789abcdefx.-+")
_SHORTEST: Final = 3  # characters
_PIECE: Final = 5  # characters; with 3 or 4 one event in a hundred holds one, with 5 one in a thousand
_MAX_DFA: Final = 2_000  # texts; beyond, it would outgrow the processor's cache


def needle(test: ValueTest) -> str:
    """A text in lower case that stands in the folded JSON of every event with a string that fulfils a test; "" when
    there is none, or when the test may be true of something else than a string."""
    if not isinstance(test, TextPattern):
        return ""
    required = test.required()
    if set(required) <= _NUMBER_LIKE or required in "true" or required in "false":
        return ""  # the text of a number or a truth, which JSON may write in another way
    longest = max(_UNSURE.split(required), key=len)
    return longest if len(longest) >= _SHORTEST else ""


class Needles:
    """The needles of several tests, looked for in one pass."""

    def __init__(self, tests: Iterable[ValueTest]) -> None:
        needles = {needle(test) for test in tests}
        if "" in needles:
            needles.clear()
        self._can_rule_out = bool(needles)
        self._whole = _Automaton(needles)
        self._pieces = _Automaton({one for text in needles for one in _spellings(_piece(text))})

    def may_be_in(self, text: str) -> bool:
        """Whether a test may be true of an event of which this is the JSON; True when nothing rules it out."""
        if not self._can_rule_out:
            return True
        # Lower case takes as long as the search itself, so most texts are ruled out without.
        return (self._pieces.finds(text) or _has_odd_capital(text)) and self._whole.finds(fold(text))


class _Automaton:
    """Looks for several texts at once."""

    def __init__(self, texts: set[str]) -> None:
        kind = Implementation.DFA if len(texts) <= _MAX_DFA else Implementation.ContiguousNFA
        self._automaton = AhoCorasick(sorted(texts), implementation=kind, store_patterns=False)

    def finds(self, text: str) -> bool:
        """Whether one of the texts stands in this one."""
        # Overlapping: without the search for rare bytes, which costs more than it saves on such texts.
        return bool(self._automaton.find_matches_as_indexes(text, overlapping=True))


def _piece(needle: str) -> str:
    """The part of a needle that has the fewest spellings."""
    length = min(_PIECE, len(needle))
    pieces = [needle[start : start + length] for start in range(len(needle) - length + 1)]
    return min(pieces, key=lambda piece: sum(map(str.isalpha, piece)))


def _spellings(piece: str) -> Iterator[str]:
    """A text of ASCII in every mixture of small and capital letters."""
    letters = [(letter, letter.upper()) if letter.isalpha() else (letter,) for letter in piece]
    return map("".join, itertools.product(*letters))


def _has_odd_capital(text: str) -> bool:
    """Whether a text holds a Kelvin sign or an I with a dot: alone beyond ASCII they fold to letters of ASCII."""
    return not text.isascii() and ("\u212a" in text or "\u0130" in text)
