"""A bucket: all rules for one combination of log sources, compiled to atoms, and the matching of events.

Built when the first event of its kind comes (DESIGN section 5). `match` walks the event's own fields, turns each
value into its class and looks the rules up by the tuple of classes; only a tuple never seen before costs more.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from sigma_engine.classifier import CacheBudget, Classifier, ClassNames, Timeouts
from sigma_engine.condition import And, Not, Of, Ref, Tree
from sigma_engine.detection import FieldTest, Group, Value
from sigma_engine.keywords import KeywordClassifier
from sigma_engine.lambdas import LambdaError
from sigma_engine.model import Mapping, Model, Source
from sigma_engine.patterns import AnyTest, FieldRefTest, TextPattern, ValueTest
from sigma_engine.rule import Rule
from sigma_engine.truth import AnyOf, Atoms, Nay, Truth, every, some
from sigma_engine.values import ABSENT
from sigma_engine.vql_test import VqlTest

_MAX_VERDICTS = 50_000  # remembered tuples of one bucket before it forgets them all


def _event_data_key(mapping: Mapping) -> str | None:
    """The key of EventData that a mapping reads and nothing else, so far as its name tells; else None."""
    if mapping.path is not None:
        return mapping.path[1] if len(mapping.path) == 2 and mapping.path[0] == "EventData" else None
    if mapping.origin != "fallback" or mapping.field in ("EventID", "Channel", "Computer"):
        return None
    return None if {".", "_"} & set(mapping.field) else mapping.field


class _AtomTable:
    """Numbers the atoms of a bucket, by mapped field and test."""

    def __init__(self) -> None:
        self.by_field: dict[str, dict[ValueTest, int]] = {}
        self.mappings: dict[str, Mapping] = {}
        self.keywords: dict[ValueTest, int] = {}
        self.references: dict[tuple[str, str, FieldRefTest], int] = {}
        self.lambdas: dict[tuple[str, VqlTest], int] = {}
        self.weights: list[float] = []

    def _new(self, weight: float) -> int:
        self.weights.append(weight)
        return len(self.weights) - 1

    def of_field(self, field: str, mapping: Mapping, test: ValueTest) -> int:
        self.mappings.setdefault(field, mapping)
        tests = self.by_field.setdefault(field, {})
        atom = tests.get(test)
        if atom is None:
            atom = tests[test] = self._new(_weight(test))
        return atom

    def of_keyword(self, test: ValueTest) -> int:
        if test not in self.keywords:
            self.keywords[test] = self._new(_weight(test))
        return self.keywords[test]

    def of_reference(self, left: str, test: FieldRefTest) -> int:
        key = (left, test.field, test)
        if key not in self.references:
            self.references[key] = self._new(1.0)
        return self.references[key]

    def of_lambda(self, field: str, mapping: Mapping, test: VqlTest) -> int:
        self.mappings.setdefault(field, mapping)
        if (field, test) not in self.lambdas:
            self.lambdas[field, test] = self._new(1.0)
        return self.lambdas[field, test]


def _weight(test: ValueTest) -> float:
    """How often an atom is likely true, as a rough share: long literals are rare."""
    if isinstance(test, TextPattern):
        return 1.0 / (1 + len(test.required()))
    return 0.3


class _Compiler:
    """Turns rules into truths over a table of atoms."""

    def __init__(self, model: Model, accepted: tuple[Source, ...], table: _AtomTable) -> None:
        self._model, self._accepted, self._table = model, accepted, table

    def rule(self, rule: Rule) -> Truth:
        return some([self._tree(condition.tree, rule) for condition in rule.conditions])

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
        return AnyOf(frozenset(self._atom(field, test) for test in tests))

    def _atom(self, field: str, test: ValueTest) -> int:
        if not field:
            return self._table.of_keyword(test)
        if isinstance(test, FieldRefTest):
            for name in (field, test.field):
                self._table.mappings.setdefault(name, self._model.mapping(name, self._accepted))
            return self._table.of_reference(field, test)
        if isinstance(test, VqlTest):
            return self._table.of_lambda(field, self._model.mapping(field, self._accepted), test)
        return self._table.of_field(field, self._model.mapping(field, self._accepted), test)


class Bucket:
    """The rules of one combination of accepted sources, ready to match."""

    def __init__(
        self,
        rules: Sequence[tuple[int, Rule]],
        model: Model,
        accepted: tuple[Source, ...],
        budget: CacheBudget,
        timeouts: Timeouts,
    ) -> None:
        table = _AtomTable()
        compiler = _Compiler(model, accepted, table)
        truths = [(index, compiler.rule(rule)) for index, rule in rules if rule.vql is None]
        self._seeing = [
            (rule, Bucket([(index, replace(rule, vql=None))], model, accepted, budget, timeouts))
            for index, rule in rules
            if rule.vql is not None
        ]
        self._timeouts = timeouts
        self._names = ClassNames()
        self._classifiers = [
            Classifier(
                table.mappings[field], [(a, t) for t, a in tests.items()], self._names, budget, timeouts
            )
            for field, tests in table.by_field.items()
        ]
        self._keywords = KeywordClassifier([(a, t) for t, a in table.keywords.items()], timeouts)
        self._references = [
            (atom, table.mappings[left], table.mappings[right], test)
            for (left, right, test), atom in table.references.items()
        ]
        self._lambdas = [(atom, table.mappings[field], test) for (field, test), atom in table.lambdas.items()]
        self._plan()
        self._index(truths, table.weights)
        self._verdicts: dict[tuple[int, ...], tuple[int, ...]] = {}
        budget.register(self._verdicts)

    def _plan(self) -> None:
        """Inverts what is read plainly from EventData: the walk goes over the event's fields, not the rules'.

        That serves a field without a mapping too, as far as its name cannot mean anything outside EventData.
        """
        self._by_key: dict[str, list[Classifier]] = {}
        self._computed: list[Classifier] = []
        for classifier in self._classifiers:
            key = _event_data_key(classifier.mapping)
            if key is None:
                self._computed.append(classifier)
            else:
                self._by_key.setdefault(key, []).append(classifier)
        inverted = [(key, c) for key, found in self._by_key.items() for c in found]
        self._wanting = [(key, c.absent_class) for key, c in inverted if c.absent_class]
        self._fallbacks = {key for key, c in inverted if c.mapping.path is None}

    def _index(self, truths: list[tuple[int, Truth]], weights: list[float]) -> None:
        """Lists for each atom the rules that need it, and those that need none."""

        def cost(atoms: Atoms) -> float:
            return sum(weights[atom] for atom in atoms)

        self._truths = dict(truths)
        self._rules_of: dict[int, list[int]] = {}
        self._untriggered: list[int] = []
        for index, truth in truths:
            trigger = truth.trigger(cost)
            if trigger is None:
                self._untriggered.append(index)
            for atom in trigger or ():
                self._rules_of.setdefault(atom, []).append(index)

    def match(self, event: dict[str, Any]) -> tuple[int, ...]:
        """The indexes of the rules that match an event, ascending."""
        known = self.verdict(self.key(event))
        return known if not self._seeing else tuple(sorted((*known, *self._matches_of_seeing(event))))

    def key(self, event: dict[str, Any]) -> tuple[int, ...]:
        """What the rules' verdicts on an event depend on: the classes of its values, and of what no value decides."""
        classes = self._classes(event)
        residual = self._residual(event)
        if residual:
            classes.append(self._names.number(residual))
        return tuple(classes)

    def true_atoms(self, key: tuple[int, ...]) -> Atoms:
        """The atoms that are true of the events of a key."""
        atoms = self._names.atoms
        return frozenset().union(*(atoms[number] for number in key))

    def verdict(self, key: tuple[int, ...]) -> tuple[int, ...]:
        """The rules that match the events of a key, ascending; those whose `vql` adds to the event are not here."""
        known = self._verdicts.get(key)
        if known is None:
            if len(self._verdicts) >= _MAX_VERDICTS:
                self._verdicts.clear()
            known = self._verdicts[key] = self._decide(self.true_atoms(key))
        return known

    def _matches_of_seeing(self, event: dict[str, Any]) -> Iterator[int]:
        """The matches of rules whose `vql` adds to the event: each of them sees an event of its own."""
        for rule, bucket in self._seeing:
            try:
                yield from bucket.match(rule.seen(event))
            except LambdaError:
                self._timeouts.note(rule.vql.text if rule.vql is not None else "")

    def _classes(self, event: dict[str, Any]) -> list[int]:
        data = event.get("EventData")
        if type(data) is not dict or not self._is_plain(event):
            return [number for c in self._classifiers if (number := c.classify(c.mapping.read(event)))]
        classes = []
        by_key = self._by_key
        for name, value in data.items():
            for classifier in by_key.get(name, ()):
                number = classifier.classify(value)
                if number:
                    classes.append(number)
        for name, absent_class in self._wanting:
            if name not in data:
                classes.append(absent_class)
        for classifier in self._computed:
            number = classifier.classify(classifier.mapping.read(event))
            if number:
                classes.append(number)
        return classes

    def _is_plain(self, event: dict[str, Any]) -> bool:
        """Whether fields without a mapping can only be found in EventData: no UserData, no such name in System
        or at the root that the fallback would reach."""
        system = event.get("System")
        if type(system) is not dict or "UserData" in event:
            return False
        return self._fallbacks.isdisjoint(system) and self._fallbacks.isdisjoint(event)

    def _residual(self, event: dict[str, Any]) -> set[int]:
        """The atoms that no single value decides: keywords, and fields held against each other."""
        true = self._keywords.true_of(event)
        for atom, left, right, test in self._references:
            one, other = left.read(event), right.read(event)
            if one is not ABSENT and other is not ABSENT and test.compares(one, other):
                true.add(atom)
        for atom, mapping, asked in self._lambdas:
            try:
                if asked.asks(mapping.read(event), event):
                    true.add(atom)
            except LambdaError:
                self._timeouts.note(asked.text)
        return true

    def _decide(self, true: Atoms) -> tuple[int, ...]:
        candidates = set(self._untriggered)
        for atom in true:
            candidates.update(self._rules_of.get(atom, ()))
        return tuple(sorted(index for index in candidates if self._truths[index].holds(true)))
