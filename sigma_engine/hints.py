"""Hints: by how little a value of a rule missed what the event holds, and how it would be written to match.

Each is tried before it is said: a hint that a change would help comes from evaluating the changed test on the event.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, islice

from sigma_engine.explain_leaf import Leaf
from sigma_engine.hint_trial import Hint, Trial
from sigma_engine.hints_field import Counts, FieldCounts, absent_hints, elsewhere_hints
from sigma_engine.hints_value import escape_hints, nothing_hints, value_hints
from sigma_engine.patterns import TextPattern, Wild
from sigma_engine.seen_event import SeenEvent
from sigma_engine.values import ABSENT

__all__ = ["Counts", "FieldCounts", "Hint", "hints_of"]

MAX_HINTS = 3  # of one leaf


def hints_of(leaf: Leaf, seen: SeenEvent, counts: Counts | None = None) -> list[Hint]:
    """The hints of one leaf of an explanation, the most telling first; none when there is nothing to say."""
    trial = Trial(leaf, seen)
    return list(islice(_sought(trial, counts), MAX_HINTS))


def _sought(trial: Trial, counts: Counts | None) -> Iterator[Hint]:
    if trial.leaf.truth:
        return _of_true(trial)
    if not trial.field:
        return escape_hints(trial)
    if trial.found is ABSENT:
        return chain(nothing_hints(trial), absent_hints(trial, counts))
    return chain(value_hints(trial), elsewhere_hints(trial))


def _of_true(trial: Trial) -> Iterator[Hint]:
    """That a pattern which is true here is true of any text."""
    if isinstance(trial.test, TextPattern) and trial.test.parts == (Wild.ANY,):
        yield Hint("matches_all", f"`{trial.line()}` is true of every text: it asks for no character at all.")
