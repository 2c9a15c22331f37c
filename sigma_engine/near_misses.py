"""By how little a rule missed an event: the single clauses that, turned round, would make it match.

A clause is one field test of a selection (`Image|endswith: [..]` with all its values). What is asked is exact: the
condition is evaluated with each clause flipped, selections that stand twice in it flip in both places.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import Any

from sigma_engine.condition import And, Not, Of, Ref, Tree
from sigma_engine.detection import FieldTest, Group, fields_of
from sigma_engine.lambdas import LambdaError
from sigma_engine.model import Model, Source
from sigma_engine.patterns import FieldRefTest
from sigma_engine.routing import Router, is_tried
from sigma_engine.rule import Rule
from sigma_engine.seen_event import SeenEvent
from sigma_engine.vql_test import VqlTest

MOST_KNOWN = 10_000  # values of one clause whose truth is remembered
LONGEST_KNOWN = 512  # characters


@dataclass(frozen=True)
class Clause:
    """A field test at its place in a rule, and how it came out on an event.

    `number` counts the field tests of the selection from 0: with `selection` it names the clause in every event.
    `truth` is what it was: one that is true stands in the way (a filter). `value` is what the field holds, `ABSENT`
    when the event has none; None for keywords.
    """

    selection: str
    number: int
    test: FieldTest
    truth: bool
    value: Any

    @property
    def key(self) -> tuple[str, int]:
        """What names the clause within its rule."""
        return self.selection, self.number


def failed_clauses(rule: Rule, model: Model, event: dict[str, Any], file_name: str = "") -> list[Clause]:
    """The clauses of which any single one, if it had come out the other way, would make the rule match the event.

    Empty when the rule matches, was not tried (its log source does not take the event) or missed by more than one
    clause. For many events of one rule keep a `RuleClauses`.
    """
    return RuleClauses(rule, model).failed(event, Router(model, file_name).accepted(event))


# The truth of a part, and the clauses of which one alone would turn it round.
_Outcome = tuple[bool, frozenset[int]]


class RuleClauses:
    """The clauses of one rule, ready to be asked about many events."""

    def __init__(self, rule: Rule, model: Model) -> None:
        self.rule = rule
        self._model = model
        self._places: list[tuple[str, int, FieldTest]] = []
        self._number_of: dict[tuple[str, int], int] = {}  # (selection, id of the test) -> index in places
        for name, selection in rule.selections.items():
            for number, test in enumerate(fields_of(selection.root)):
                self._number_of[name, id(test)] = len(self._places)
                self._places.append((name, number, test))
        self._known: list[dict[str, bool] | None] = [
            {} if _asks_its_value_alone(test) else None for _, _, test in self._places
        ]

    def failed(self, event: dict[str, Any], accepted: tuple[Source, ...]) -> list[Clause]:
        """As `failed_clauses`; `accepted` are the sources that a Router of the model gives for the event."""
        return self.weighed(event, accepted)[1]

    def weighed(
        self, event: dict[str, Any], accepted: tuple[Source, ...]
    ) -> tuple[list[Clause], list[Clause]]:
        """(the other clauses that are true, `failed`): what of the rule the event has, and by how little it missed.

        Both are empty where `failed` is.
        """
        if not is_tried(self.rule, self._model, accepted):
            return [], []
        try:
            return self.weigh(SeenEvent(self.rule.seen(event), self._model, accepted))
        except LambdaError:
            return [], []

    def weigh(self, seen: SeenEvent) -> tuple[list[Clause], list[Clause]]:
        """As `weighed`, of an event that the rule is tried on, as it sees it."""
        asked = _Asked(self, seen)
        matches, turning = _any([asked.tree(condition.tree) for condition in self.rule.conditions])
        if matches or not turning:
            return [], []
        failed = [self._clause(index, asked, seen) for index in sorted(turning)]
        speaking = [
            self._clause(index, asked, seen)
            for index, truth in sorted(asked.truths.items())
            if truth and index not in turning
        ]
        return speaking, failed

    def _clause(self, index: int, asked: _Asked, seen: SeenEvent) -> Clause:
        name, number, test = self._places[index]
        value = seen.value(test.field) if test.field else None
        return Clause(name, number, test, asked.truths[index], value)

    def holds(self, index: int, test: FieldTest, seen: SeenEvent) -> bool:
        """Whether a field test is true of an event; remembered by value, since values repeat from event to event."""
        known = self._known[index]
        if known is None:
            return seen.holds(test)
        value = seen.value(test.field)
        if type(value) is not str or len(value) > LONGEST_KNOWN:
            return seen.holds(test)
        truth = known.get(value)
        if truth is None:
            if len(known) >= MOST_KNOWN:
                known.clear()
            truth = known[value] = seen.holds(test)
        return truth

    def number(self, selection: str, test: FieldTest) -> int:
        """The index of a field test among all of the rule."""
        return self._number_of[selection, id(test)]


def _asks_its_value_alone(test: FieldTest) -> bool:
    """Whether the field's value decides the test: not what is held against other fields or the whole event."""
    whole = any(isinstance(value.test, FieldRefTest | VqlTest) for value in test.values)
    return bool(test.field) and not whole


class _Asked:
    """The walk over one rule and event."""

    def __init__(self, clauses: RuleClauses, seen: SeenEvent) -> None:
        self._clauses, self._seen = clauses, seen
        self.truths: dict[int, bool] = {}
        self._selections: dict[str, _Outcome] = {}

    def tree(self, tree: Tree) -> _Outcome:
        if isinstance(tree, Ref):
            return self._selection(tree.name)
        if isinstance(tree, Of):
            parts = [self._selection(name) for name in tree.names]
            return _all(parts) if tree.quantifier == "all" else _any(parts)
        if isinstance(tree, Not):
            truth, turning = self.tree(tree.child)
            return not truth, turning
        children = [self.tree(child) for child in tree.children]
        return _all(children) if isinstance(tree, And) else _any(children)

    def _selection(self, name: str) -> _Outcome:
        if name not in self._selections:
            self._selections[name] = self._part(name, self._clauses.rule.selections[name].root)
        return self._selections[name]

    def _part(self, name: str, part: FieldTest | Group) -> _Outcome:
        if isinstance(part, Group):
            children = [self._part(name, child) for child in part.children]
            return _all(children) if part.kind == "all" else _any(children)
        index = self._clauses.number(name, part)
        truth = self.truths[index] = self._clauses.holds(index, part, self._seen)
        return truth, frozenset((index,))


def _all(parts: list[_Outcome]) -> _Outcome:
    return _joined(parts, decisive=False)


def _any(parts: list[_Outcome]) -> _Outcome:
    return _joined(parts, decisive=True)


def _joined(parts: list[_Outcome], *, decisive: bool) -> _Outcome:
    """`decisive` is the truth of a part that decides alone: true for `or`, false for `and`.

    Without a deciding part any flip of one part turns the whole; with some, a flip must turn all of them and leave
    the others alone.
    """
    deciding = [turning for truth, turning in parts if truth is decisive]
    others = [turning for truth, turning in parts if truth is not decisive]
    around = frozenset[int]().union(*others)
    if not deciding:
        return not decisive, around
    return decisive, reduce(frozenset.intersection, deciding) - around
