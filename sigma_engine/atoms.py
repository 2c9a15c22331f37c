"""Atoms: every test that rules ask of a field's value, numbered, and the rules as truths over these numbers.

An atom belongs to a Sigma field, whatever a model maps it to, so a rule is made a truth once, when its set is compiled,
however many kinds of events it is asked of.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple, cast

from sigma_engine.condition import And, Not, Of, Ref, Tree
from sigma_engine.detection import FieldTest, Group, Value
from sigma_engine.literals import Literals, TextTest, TextTests, literals_of
from sigma_engine.patterns import AnyTest, RegexTest, TextPattern, ValueTest
from sigma_engine.rule import Rule
from sigma_engine.truth import AnyOf, Atoms, Nay, Truth, every, some

_WEIGHT_OF_OTHERS = 0.3


class Atom(NamedTuple):
    """One test of one field; a keyword has the field ""."""

    field: str
    test: ValueTest


class AtomTable:
    """The atoms of a set of rules, and its rules as truths over them.

    Read by many scanners at once; only `add`, which is for the maker of the table, changes it.
    """

    def __init__(self, rules: Iterable[tuple[int, Rule]] = ()) -> None:
        self.all: list[Atom] = []
        self.literals: list[Literals | None] = []  # None for tests that are not of texts
        self._weights: list[float] = []  # how often each is likely true
        self._truths: dict[int, Truth] = {}
        self._triggers: dict[int, Atoms | None] = {}
        self._numbers: dict[Atom, int] = {}
        for index, rule in rules:
            self.add(index, rule)

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_numbers": {}}  # to be hashed again at loading, and asked only by `add`

    def grown(self) -> AtomTable:
        """A copy to add more rules to."""
        copy = AtomTable()
        copy.all, copy.literals, copy._weights = list(self.all), list(self.literals), list(self._weights)
        copy._truths, copy._triggers = dict(self._truths), dict(self._triggers)
        copy._numbers = {atom: number for number, atom in enumerate(self.all)}
        return copy

    def add(self, index: int, rule: Rule) -> None:
        """Takes a rule in, without its `vql`; `index` names it, and the same rule must always come with it."""
        if index not in self._truths:
            truth = some([self._tree(condition.tree, rule) for condition in rule.conditions])
            self._truths[index] = truth
            self._triggers[index] = truth.trigger(self._cost)

    def truth(self, index: int) -> Truth:
        """The rule of that index as a truth."""
        return self._truths[index]

    def trigger(self, index: int, truth: Truth) -> Atoms | None:
        """The atoms of which one must be true for a truth of the rule of that index to hold; None when it may hold
        without any."""
        if truth is self._truths[index]:
            return self._triggers[index]
        return truth.trigger(self._cost)  # only a part of the rule is left

    def field_tests(self, numbers: Iterable[int]) -> FieldTests:
        """The tests of some atoms of one field, ready to be asked."""
        texts: list[tuple[int, TextTest, Literals]] = []
        others: list[tuple[int, ValueTest]] = []
        for number in numbers:
            test, literals = self.all[number].test, self.literals[number]
            if literals is None:
                others.append((number, test))
            else:
                texts.append((number, cast(TextTest, test), literals))
        return FieldTests(TextTests(texts), others)

    def _cost(self, atoms: Atoms) -> float:
        return sum([self._weights[atom] for atom in atoms])

    def _tree(self, tree: Tree, rule: Rule) -> Truth:
        if isinstance(tree, Ref):
            return self._part(rule.selections[tree.name].root)
        if isinstance(tree, Of):
            parts = [self._part(rule.selections[name].root) for name in tree.names]
            return every(parts) if tree.quantifier == "all" else some(parts)
        if isinstance(tree, Not):
            return Nay(self._tree(tree.child, rule))
        children = [self._tree(child, rule) for child in tree.children]
        return every(children) if isinstance(tree, And) else some(children)

    def _part(self, part: FieldTest | Group) -> Truth:
        if isinstance(part, FieldTest):
            return self._field_test(part)
        children = [self._part(child) for child in part.children]
        return every(children) if part.kind == "all" else some(children)

    def _field_test(self, test: FieldTest) -> Truth:
        values = [self._value(test.field, value) for value in test.values]
        truth = every(values) if test.every else some(values)
        return Nay(truth) if test.negated else truth

    def _value(self, field: str, value: Value) -> Truth:
        tests = value.test.tests if isinstance(value.test, AnyTest) else (value.test,)
        return AnyOf(frozenset([self._number(Atom(field, test)) for test in tests]))

    def _number(self, atom: Atom) -> int:
        number = self._numbers.setdefault(atom, len(self.all))
        if number == len(self.all):
            test = atom.test
            self.all.append(atom)
            self.literals.append(literals_of(test) if isinstance(test, TextPattern | RegexTest) else None)
            self._weights.append(_weight(test))
        return number


class FieldTests(NamedTuple):
    """The tests of some atoms of one field, by how they are asked."""

    texts: TextTests
    others: list[tuple[int, ValueTest]]

    @property
    def all(self) -> list[tuple[int, ValueTest]]:
        """Every atom with its test."""
        return [*self.texts.tests, *self.others]


def _weight(test: ValueTest) -> float:
    """How often an atom is likely true, as a rough share: long literals are rare."""
    if isinstance(test, TextPattern):
        return 1.0 / (1 + len(test.required()))
    return _WEIGHT_OF_OTHERS
