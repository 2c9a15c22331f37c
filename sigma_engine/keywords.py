"""Keywords: tests without a field, asked of every decoded value of an event (research/sigma.md section 4)."""

from __future__ import annotations

from typing import Any

from sigma_engine.atoms import FieldTests
from sigma_engine.classifier import Timeouts
from sigma_engine.literals import END, START
from sigma_engine.needles import Needles
from sigma_engine.patterns import TextPattern, ValueTest
from sigma_engine.regexes import RegexTimeout
from sigma_engine.values import GUID_LENGTHS, value_texts

_NUMBER_CHARACTERS = frozenset("0123456789abcdefx.-")


def keyword_texts(event: Any) -> list[str]:
    """Every text that keywords are looked for in: values, never names; of a list also its own texts joined by lines."""
    texts: list[str] = []
    _collect(event, texts, with_numbers=True)
    return texts


def _collect(value: Any, texts: list[str], *, with_numbers: bool) -> None:
    if isinstance(value, dict):
        for item in value.values():
            if type(item) is str:  # most values: no call for them
                texts.append(item)
            else:
                _collect(item, texts, with_numbers=with_numbers)
    elif isinstance(value, list):
        own: list[str] = []  # not those of lists within it: joined at every level they would double each time
        for item in value:
            start = len(texts)
            # A number stands between the texts of its list, whether or not a keyword could be found in it.
            _collect(item, texts, with_numbers=True)
            if not isinstance(item, dict | list):
                own += texts[start:]
        if len(own) > 1:
            texts.append("\n".join(own))
    elif isinstance(value, str):
        texts.append(value)
    elif with_numbers:
        texts.extend(value_texts(value))


def _may_match_number(test: ValueTest) -> bool:
    """Whether a keyword could be found in the text of a number or truth; most cannot, so those are left out."""
    if not isinstance(test, TextPattern):
        return True
    required = test.required()
    return set(required) <= _NUMBER_CHARACTERS or required in "true" or required in "false"


class KeywordClassifier:
    """All keyword tests of a bucket."""

    def __init__(self, tests: FieldTests, timeouts: Timeouts) -> None:
        self._all = tests.all
        self._texts, self._others = tests
        self._timeouts = timeouts
        self._needles = Needles([test for _, test in self._all])
        self._with_numbers = any(_may_match_number(test) for _, test in self._all)

    def may_be_in(self, text: str) -> bool:
        """Whether a keyword may be true of an event. `text` is the JSON that the `evtx` parser wrote of it, "" when
        there is none."""
        return bool(self._all) and (not text or self._needles.may_be_in(text))

    def true_of(self, event: dict[str, Any]) -> set[int]:
        """The keyword atoms that are true of an event."""
        texts: list[str] = []
        _collect(event, texts, with_numbers=self._with_numbers)
        if any(len(text) in GUID_LENGTHS for text in texts):
            texts = [spelling for text in texts for spelling in value_texts(text)]
        joined = f"{END}{START}".join(texts)
        if joined.count(START) != len(texts) - 1 or joined.count(END) != len(texts) - 1:
            return {atom for atom, test in self._all if self._any_matches(test, texts)}
        # One pass over all values: between two of them stand both sentinels, which no literal spans.
        true, open_tests = self._texts.found_in(joined)
        return true | {atom for atom, test in (*open_tests, *self._others) if self._any_matches(test, texts)}

    def _any_matches(self, test: ValueTest, texts: list[str]) -> bool:
        try:
            return any(test.matches(text) for text in texts)
        except RegexTimeout:
            self._timeouts.note(test.describe())
            return False
