"""Keywords: tests without a field, asked of every decoded value of an event (research/sigma.md section 4)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sigma_engine.classifier import Timeouts
from sigma_engine.literals import END, START, TextTests
from sigma_engine.patterns import RegexTest, TextPattern, ValueTest
from sigma_engine.regexes import RegexTimeout
from sigma_engine.values import value_texts


def keyword_texts(event: Any) -> Iterator[str]:
    """Every text that keywords are looked for in: values, never names; of a list also its texts joined by lines."""
    if isinstance(event, dict):
        for value in event.values():
            yield from keyword_texts(value)
    elif isinstance(event, list):
        texts = [text for item in event for text in keyword_texts(item)]
        yield from texts
        if len(texts) > 1:
            yield "\n".join(texts)
    else:
        yield from value_texts(event)


class KeywordClassifier:
    """All keyword tests of a bucket."""

    def __init__(self, tests: Sequence[tuple[int, ValueTest]], timeouts: Timeouts) -> None:
        self._tests = list(tests)
        self._others = [(a, t) for a, t in tests if not isinstance(t, TextPattern | RegexTest)]
        self._texts = TextTests([(a, t) for a, t in tests if isinstance(t, TextPattern | RegexTest)])
        self._timeouts = timeouts

    def true_of(self, event: dict[str, Any]) -> set[int]:
        """The keyword atoms that are true of an event."""
        if not self._tests:
            return set()
        texts = list(keyword_texts(event))
        if any(START in text or END in text for text in texts):
            return {atom for atom, test in self._tests if self._any_matches(test, texts)}
        # One pass over all values: between two of them stand both sentinels, which no literal spans.
        true, open_tests = self._texts.found_in(f"{END}{START}".join(texts))
        return true | {atom for atom, test in (*open_tests, *self._others) if self._any_matches(test, texts)}

    def _any_matches(self, test: ValueTest, texts: list[str]) -> bool:
        try:
            return any(test.matches(text) for text in texts)
        except RegexTimeout:
            self._timeouts.note(test.describe())
            return False
