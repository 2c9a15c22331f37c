"""What a debug scan asks beside its rules: is each selection true, is each field there, is it only a filter.

Every question is a rule of its own with a number behind those of the set, and is decided in the same bucket by the
same atoms as the rules: once for each distinct event, and only when it can be true. So a debug scan is the plain
scan with more to ask, and the answers cannot differ from its verdicts.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from sigma_engine.check import fields_used
from sigma_engine.compiler import CompiledSet
from sigma_engine.condition import And, Not, Of, Or, Ref, Tree, names_in
from sigma_engine.detection import Condition, FieldTest, Selection, Value, fields_of
from sigma_engine.failed_lambdas import lambdas_of
from sigma_engine.loosened import LOOSENINGS, loosened
from sigma_engine.patterns import AnyTest, ExistsTest, FieldRefTest, NullTest
from sigma_engine.rule import Rule

# Kinds of questions about a rule: is a selection true; is any of those outside `not`; would the condition be true
# without what it excludes; did a selection within `not` take an event that was a hit without; would it be a hit if
# values were compared more loosely (the name says how; `case@1`: in the second test alone of those that can be).
SELECTION: Final = "selection"
ANY: Final = "any"
UNFILTERED: Final = "unfiltered"
TAKEN_BY: Final = "taken_by"
LOOSE: Final = "loose"


class Question(NamedTuple):
    """One question about a rule; `name` is a selection or a loosening, "" where the kind says it all."""

    kind: str
    name: str


_UNFILTERED: Final = Question(UNFILTERED, "")
_MAX_ALONE: Final = 6  # tests of a rule that are loosened alone
_MAX_REMEMBERED: Final = 5_000  # sets of fields that were there


@dataclass(frozen=True)
class Asked:
    """The numbers of a rule's questions: `fields` by name, `together` for "all fields it needs", `about` the rest."""

    fields: dict[str, int]
    needed: frozenset[int]
    together: int | None
    about: dict[Question, int]


class Questions:
    """The questions about all detection rules of a set. Their numbers are the same in every process.

    Numbers up to `fields_from` are rules of the set, those from there to `about_from` say that a field is there, from
    there to `together_from` are about rules; those behind are counted by `Answers` alone and never asked of a bucket.
    """

    def __init__(self, compiled: CompiledSet) -> None:
        rules = dict(compiled.detection_rules())
        self.fields_from = len(compiled.rules)
        fields: dict[tuple[int | None, str], int] = {}
        for key in sorted(
            {_field_key(index, rule, name) for index, rule in rules.items() for name in fields_used(rule)},
            key=lambda key: (-1 if key[0] is None else key[0], key[1]),
        ):
            fields[key] = self.fields_from + len(fields)
        self.about_from = self.fields_from + len(fields)
        self._rules = rules
        self.outside_not = {index: outside_not(rule) for index, rule in rules.items()}
        self._fields = fields
        self._lambdas = lambdas_of(compiled.model)
        self._numbers: dict[int, dict[Question, int]] = {}
        number = self.about_from
        asked_alone: list[tuple[int, Question]] = []
        for index, rule in rules.items():
            numbers = self._numbers[index] = {}
            for question in _questions(rule):
                if question.kind == TAKEN_BY:
                    asked_alone.append((index, question))
                    continue
                numbers[question] = number
                number += 1
        self.together_from = number
        for index, question in asked_alone:
            self._numbers[index][question] = number
            number += 1
        self._together: dict[frozenset[int], int] = {}
        self.asked: dict[int, Asked] = {}
        for index, rule in rules.items():
            self.asked[index] = self._asked(index, rule, number)
        # Of a rule that excludes something: its number, and what its selections within `not` are counted by.
        self._unfiltered = {
            numbers[_UNFILTERED]: (
                index,
                [
                    (numbers[Question(SELECTION, question.name)], number)
                    for question, number in numbers.items()
                    if question.kind == TAKEN_BY
                ],
            )
            for index, numbers in self._numbers.items()
            if _UNFILTERED in numbers
        }
        self._made: dict[int, list[tuple[int, Rule]]] = {}
        self._split: dict[tuple[int, ...], tuple[tuple[int, ...], tuple[int, ...]]] = {}
        self._together_of: dict[tuple[int, ...], tuple[int, ...]] = {}

    def _asked(self, index: int, rule: Rule, first: int) -> Asked:
        fields = {name: self._fields[_field_key(index, rule, name)] for name in fields_used(rule)}
        needed = frozenset(fields[name] for name in needed_fields(rule))
        together = self._together.setdefault(needed, first + len(self._together)) if needed else None
        return Asked(fields, needed, together, self._numbers[index])

    def rules_of(self, matched: tuple[int, ...]) -> tuple[int, ...]:
        """Of what is true of an event, the rules of the set alone."""
        return matched[: bisect_left(matched, self.fields_from)]

    def lambdas_failed(self) -> bool:
        """Whether a lambda of the model reached a bound in this process."""
        return any(one.faults for one in self._lambdas)

    def split(self, matched: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """What is true of an event, apart: the fields that are there, and all that is counted of the rest."""
        known = self._split.get(matched)
        if known is None:
            if len(self._split) >= _MAX_REMEMBERED:
                self._split.clear()
            start, end = bisect_left(matched, self.fields_from), bisect_left(matched, self.about_from)
            rules, about = matched[:start], matched[end:]
            known = self._split[matched] = matched[start:end], (*rules, *about, *self._taken_by(rules, about))
        return known

    def _taken_by(self, rules: tuple[int, ...], about: tuple[int, ...]) -> Iterator[int]:
        """The TAKEN_BY questions that are true of an event, given the rules and questions that are."""
        for number in about:
            index, filters = self._unfiltered.get(number, (-1, ()))
            if filters and index not in rules:
                yield from (taken for selection, taken in filters if selection in about)

    def together_of(self, fields: tuple[int, ...]) -> tuple[int, ...]:
        """The `together` questions that are true of an event with these fields."""
        known = self._together_of.get(fields)
        if known is None:
            if len(self._together_of) >= _MAX_REMEMBERED:
                self._together_of.clear()
            there = frozenset(fields)
            known = self._together_of[fields] = tuple(
                number for needed, number in self._together.items() if needed <= there
            )
        return known

    def about(self, indexes: Iterable[int]) -> list[tuple[int, Rule]]:
        """The questions about rules of the set, as rules to be asked beside them."""
        found: dict[int, Rule] = {}
        for index in indexes:
            if index not in self._made:
                self._made[index] = list(self._make(index))
            found.update(self._made[index])
        return sorted(found.items())

    def _make(self, index: int) -> Iterator[tuple[int, Rule]]:
        rule = self._rules[index]
        for name, number in self.asked[index].fields.items():
            yield number, _asking_for_field(rule, name)
        for question, number in self._numbers[index].items():
            if question.kind != TAKEN_BY:
                yield number, _asking(rule, question)


def needed_fields(rule: Rule) -> list[str]:
    """The fields that a rule needs: those asked for outside `not` by a test that no absent field fulfils.

    Tests for null or absence and those turned round (`neq`) need nothing; a field that another is compared with is
    needed too. A rule with alternatives (`1 of selection_*`) names the fields of all of them.
    """
    names: dict[str, None] = {}
    for selection in outside_not(rule):
        for test in fields_of(rule.selections[selection].root):
            if test.negated:
                continue
            tests = [one for value in test.values for one in _each(value)]
            if test.field and not any(_takes_absent(one) for one in tests):
                names[test.field] = None
                names |= {one.field: None for one in tests if isinstance(one, FieldRefTest)}
    return list(names)


def outside_not(rule: Rule) -> list[str]:
    """The selections that a rule's conditions ask for outside `not`, in the order they are written."""
    named = set().union(*(names_in(_without_not(condition.tree)) for condition in rule.conditions))
    return [name for name in rule.selections if name in named]


def asked_selections(rule: Rule) -> list[str]:
    """The selections that a rule's conditions ask for at all."""
    named = set().union(*(names_in(condition.tree) for condition in rule.conditions))
    return [name for name in rule.selections if name in named]


def _questions(rule: Rule) -> Iterator[Question]:
    positive = outside_not(rule)
    selections = asked_selections(rule)
    for name in selections:
        yield Question(SELECTION, name)
    if len(positive) > 1:
        yield Question(ANY, "")
    if any(_has_not(condition.tree) for condition in rule.conditions):
        yield Question(UNFILTERED, "")
        for name in selections:
            if name not in positive:
                yield Question(TAKEN_BY, name)
    for name in LOOSENINGS:
        tests = loose_tests(rule, name)
        if tests:
            yield Question(LOOSE, name)
        if len(tests) > 1:
            yield from (Question(LOOSE, f"{name}@{place}") for place in range(min(len(tests), _MAX_ALONE)))


def loose_tests(rule: Rule, name: str) -> list[FieldTest]:
    """The tests outside `not` that a loosening changes, in the order they are written."""
    tests = (test for one in outside_not(rule) for test in fields_of(rule.selections[one].root))
    return [test for test in tests if loosened(test, name) is not None]


def _asking(rule: Rule, question: Question) -> Rule:
    if question.kind == SELECTION:
        return replace(rule, conditions=(_condition(Ref(question.name, 0)),))
    if question.kind == ANY:
        return replace(rule, conditions=tuple(_condition(Ref(name, 0)) for name in outside_not(rule)))
    if question.kind == UNFILTERED:
        return replace(rule, conditions=tuple(_condition(_without_not(one.tree)) for one in rule.conditions))
    positive = outside_not(rule)
    loosening, _, place = question.name.partition("@")
    only = loose_tests(rule, loosening)[int(place)] if place else None
    selections = {
        name: replace(selection, root=loosened(selection.root, loosening, only) or selection.root)
        if name in positive
        else selection
        for name, selection in rule.selections.items()
    }
    return replace(rule, selections=selections)


def _asking_for_field(rule: Rule, name: str) -> Rule:
    value = Value("present", ExistsTest(wanted=True), (), 1, 1)
    test = FieldTest(name, ("exists",), (value,), every=False, negated=False, line=1, column=1)
    return replace(
        rule, selections={"field": Selection("field", test, 1, 1)}, conditions=(_condition(Ref("field", 0)),)
    )


def _condition(tree: Tree) -> Condition:
    return Condition(str(tree), tree, 1, 1)


def _field_key(index: int, rule: Rule, name: str) -> tuple[int | None, str]:
    """A rule whose `vql` adds to the event has fields of its own."""
    return (None if rule.vql is None else index, name)


def _without_not(tree: Tree) -> Tree:
    """The condition with everything that it excludes taken for absent."""
    if isinstance(tree, Not):
        return _without_not(tree.child.child) if isinstance(tree.child, Not) else And((), tree.offset)
    if isinstance(tree, Ref | Of):
        return tree
    return type(tree)(tuple(_without_not(child) for child in tree.children), tree.offset)


def _has_not(tree: Tree) -> bool:
    return isinstance(tree, Not) or (
        isinstance(tree, And | Or) and any(_has_not(child) for child in tree.children)
    )


def _each(value: Value) -> tuple[object, ...]:
    return value.test.tests if isinstance(value.test, AnyTest) else (value.test,)


def _takes_absent(test: object) -> bool:
    return isinstance(test, NullTest) or (isinstance(test, ExistsTest) and not test.wanted)
