"""Texts that must stand in an event's JSON for a test to be true of it: most events are ruled out by them, unread."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from ahocorasick_rs import AhoCorasick, Implementation

from sigma_engine.patterns import TextPattern, ValueTest

# What JSON may write in another way, or what folding may change (all but ASCII); braces come and go with GUIDs.
_UNSURE: Final = re.compile(r"[^ -~]|[\\\\\"/{}]")
_NUMBER_LIKE: Final = frozenset("0123456789abcdefx.-+")
_SHORTEST: Final = 3  # characters
_MAX_HEADS: Final = 2_000  # some hundred bytes each; a hostile log could invent them without end


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
        needles = sorted({needle(test) for test in tests})
        can_rule_out = needles and "" not in needles
        self._automaton = AhoCorasick(needles, implementation=Implementation.DFA) if can_rule_out else None
        self._clean: set[str] = set()

    def may_be_in(self, text: str) -> bool:
        """Whether a test may be true of an event of which this is the JSON; True when nothing rules it out."""
        if self._automaton is None:
            return True
        # What stands before the time (provider, id, level, ..) is alike in all events of a kind. No needle holds a
        # quote, so none lies across the cut.
        end = text.find('"TimeCreated":')
        head = text[:end] if end > 0 else ""
        if head not in self._clean:
            if self._finds(head):
                return True
            if len(self._clean) < _MAX_HEADS:
                self._clean.add(head)
        return self._finds(text[end:] if end > 0 else text)

    def _finds(self, text: str) -> bool:
        # Overlapping: without the search for rare bytes, which costs more than it saves on such texts.
        return bool(
            self._automaton and self._automaton.find_matches_as_indexes(text.lower(), overlapping=True)
        )
