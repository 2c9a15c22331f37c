"""A bucket: all rules for one kind of event, as truths over atoms, and the matching of events.

Built when the first event of its kind comes (DESIGN section 5). `match` turns each value that a rule asks for into
its class and looks the rules up by the tuple of classes; only a tuple never seen before costs more.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

from sigma_engine.atoms import AtomTable
from sigma_engine.classifier import CacheBudget, Classifier, ClassNames, ComputedClassifier, Timeouts
from sigma_engine.lambdas import LambdaError
from sigma_engine.mapping import ORIGIN_FALLBACK
from sigma_engine.model import Mapping, Model, Source
from sigma_engine.patterns import FieldRefTest
from sigma_engine.references import Reference
from sigma_engine.rule import Rule
from sigma_engine.shared_tests import SharedTests
from sigma_engine.truth import Atoms, Truth, atoms_in
from sigma_engine.vql_test import VqlTest

_MAX_VERDICTS: Final = 50_000  # remembered tuples of one bucket before it forgets them all
_MAX_SHAPES: Final = 1_000  # a hostile log could invent names of fields without end


class _Shape(NamedTuple):
    """What a bucket asks of events whose EventData has the same names: the wanted ones, and a class for the others."""

    wanted: tuple[tuple[str, Classifier], ...]
    absent: tuple[int, ...]
    references: tuple[tuple[Reference, str, str], ...]


class Bucket:
    """The rules of one kind of event, ready to match. `vql_rules` are truths that see an event of their own."""

    def __init__(
        self,
        truths: Sequence[tuple[int, Truth]],
        table: AtomTable,
        shared: SharedTests,
        model: Model,
        accepted: tuple[Source, ...],
        budget: CacheBudget,
        timeouts: Timeouts,
        vql_rules: Sequence[tuple[Rule, Bucket]] = (),
    ) -> None:
        self._vql_rules = vql_rules
        self._budget = budget
        self.decided = 0  # verdicts that no cache knew
        self._timeouts = timeouts
        self._names = ClassNames()
        by_field: dict[str, list[int]] = {}
        self._references: list[Reference] = []
        self._lambdas: list[tuple[int, Mapping, VqlTest]] = []
        for number in sorted(atoms_in(truth for _, truth in truths)):
            field, test = table.all[number]
            if field and isinstance(test, FieldRefTest):
                left, right = (model.mapping(name, accepted) for name in (field, test.field))
                self._references.append(Reference(number, left, right, test, budget))
            elif field and isinstance(test, VqlTest):
                self._lambdas.append((number, model.mapping(field, accepted), test))
            else:
                by_field.setdefault(field, []).append(number)
        self._keywords = shared.keywords(by_field.pop("", []))
        self._classifiers = [
            Classifier(model.mapping(field, accepted), shared.of_field(atoms), self._names, budget, timeouts)
            for field, atoms in by_field.items()
        ]
        self._plan(budget)
        self._index(truths, table)
        self._verdicts: dict[tuple[int, ...], tuple[int, ...]] = {}
        budget.register(self._forget)

    def _forget(self) -> None:
        """Frees what is remembered of values, verdicts and shapes."""
        self._names.forget()
        self._verdicts.clear()
        self._shapes.clear()
        for classifier in self._classifiers:
            classifier.forget()
        for computed in self._computed:
            computed.forget()
        for reference in self._references:
            reference.forget()

    def _plan(self, budget: CacheBudget) -> None:
        """Inverts what is read plainly from EventData: the walk goes over the event's fields, not the rules'.

        That serves a field without a mapping too, as far as its name cannot mean anything outside EventData.
        """
        keys = [(_event_data_key(classifier.mapping), classifier) for classifier in self._classifiers]
        self._inverted = [(key, classifier) for key, classifier in keys if key is not None]
        others = [classifier for key, classifier in keys if key is None]
        self._computed = [
            ComputedClassifier(one, budget) for one in others if ComputedClassifier.serves(one.mapping)
        ]
        self._others = [one for one in others if not ComputedClassifier.serves(one.mapping)]
        self._inverted_references = [
            (one, left, right)
            for one in self._references
            if (left := _event_data_key(one.left)) is not None
            and (right := _event_data_key(one.right)) is not None
        ]
        inverted = {one for one, _, _ in self._inverted_references}
        self._other_references = [one for one in self._references if one not in inverted]
        mapped = [one.mapping for _, one in self._inverted]
        mapped += [side for one in inverted for side in (one.left, one.right)]
        self._fallbacks = frozenset(mapping.field for mapping in mapped if mapping.path is None)
        self._shapes: dict[tuple[str, ...], _Shape] = {}

    def _index(self, truths: Iterable[tuple[int, Truth]], table: AtomTable) -> None:
        """Lists for each atom the rules that need it, and those that need none."""
        self._truths = dict(truths)
        self._rules_of: dict[int, list[int]] = {}
        self._untriggered: list[int] = []
        for index, truth in self._truths.items():
            trigger = table.trigger(index, truth)
            if trigger is None:
                self._untriggered.append(index)
            for atom in trigger or ():
                self._rules_of.setdefault(atom, []).append(index)

    @property
    def values_decided(self) -> int:
        """Values whose class no cache knew."""
        return sum(classifier.misses for classifier in self._classifiers)

    @property
    def values_kept(self) -> int:
        """Values whose class is remembered."""
        return sum(map(len, self._classifiers))

    @property
    def classes_kept(self) -> int:
        """Classes of values that have a number."""
        return len(self._names.atoms)

    @property
    def verdicts_kept(self) -> int:
        """Verdicts that are remembered."""
        return len(self._verdicts)

    def match(self, event: dict[str, Any], text: str = "") -> tuple[int, ...]:
        """The indexes of the rules that match an event, ascending. `text` is the JSON that it was read from, if the
        `evtx` parser wrote it: most keywords are ruled out by that."""
        key = self.key(event, text)
        known = self._verdicts.get(key)
        if known is None:
            known = self.verdict(key)
        return known if not self._vql_rules else tuple(sorted((*known, *self._matches_of_vql(event))))

    def key(self, event: dict[str, Any], text: str = "") -> tuple[int, ...]:
        """What the rules' verdicts on an event depend on: the classes of its values, and of what no value decides."""
        data = event.get("EventData")
        if type(data) is dict and self._is_plain(event):
            shape = self._shapes.get(tuple(data)) or self._shape(data)
            try:
                classes = [classifier[data[name]] for name, classifier in shape.wanted]
            except TypeError:  # a list among the values
                classes = [classifier.classify(data[name]) for name, classifier in shape.wanted]
            classes += shape.absent
            for computed in self._computed:
                classes.append(computed.classify(event, data))
            for classifier in self._others:
                classes.append(classifier.classify(classifier.mapping.read(event)))
            residual = [
                one.atom for one, left, right in shape.references if one.compares(data[left], data[right])
            ]
            residual += [one.atom for one in self._other_references if one.holds(event)]
        else:
            classes = [one.classify(one.mapping.read(event)) for one in self._classifiers]
            residual = [one.atom for one in self._references if one.holds(event)]
        if self._keywords.may_be_in(text):
            residual += self._keywords.true_of(event)
        if self._lambdas:
            residual += self._true_lambdas(event)
        if residual:
            classes.append(self._names.number(residual))
        return tuple(classes)

    def true_atoms(self, key: tuple[int, ...]) -> Atoms:
        """The atoms that are true of the events of a key."""
        atoms = self._names.atoms
        return frozenset[int]().union(*(atoms[number] for number in key))

    def verdict(self, key: tuple[int, ...]) -> tuple[int, ...]:
        """The rules that match the events of a key, ascending; those whose `vql` adds to the event are not here."""
        known = self._verdicts.get(key)
        if known is None:
            if len(self._verdicts) >= _MAX_VERDICTS:
                self._verdicts.clear()
            known = self._verdicts[key] = self._decide(self.true_atoms(key))
            self.decided += 1
            self._budget.spend(150 + 12 * len(key))
        return known

    def _matches_of_vql(self, event: dict[str, Any]) -> Iterator[int]:
        """The matches of rules whose `vql` adds to the event: each of them sees an event of its own."""
        for rule, bucket in self._vql_rules:
            try:
                yield from bucket.match(rule.seen(event))
            except LambdaError:
                self._timeouts.note(rule.vql.text if rule.vql is not None else "")

    def _is_plain(self, event: dict[str, Any]) -> bool:
        """Whether fields without a mapping can only be found in EventData: no UserData, no such name in System
        or at the root that the fallback would reach."""
        system = event.get("System")
        if type(system) is not dict or "UserData" in event:
            return False
        return self._fallbacks.isdisjoint(system) and self._fallbacks.isdisjoint(event)

    def _shape(self, data: dict[str, Any]) -> _Shape:
        """What is asked of events with the same names of data; remembered."""
        if len(self._shapes) >= _MAX_SHAPES:
            self._shapes.clear()
        absent = {one.absent_class for key, one in self._inverted if key not in data} - {0}
        shape = _Shape(
            tuple((key, one) for key, one in self._inverted if key in data),
            tuple(sorted(absent)),
            tuple(both for both in self._inverted_references if both[1] in data and both[2] in data),
        )
        self._shapes[tuple(data)] = shape
        return shape

    def _true_lambdas(self, event: dict[str, Any]) -> Iterator[int]:
        for atom, mapping, asked in self._lambdas:
            try:
                if asked.asks(mapping.read(event), event):
                    yield atom
            except LambdaError:
                self._timeouts.note(asked.text)

    def _decide(self, true: Atoms) -> tuple[int, ...]:
        candidates = set(self._untriggered)
        for atom in true:
            candidates.update(self._rules_of.get(atom, ()))
        return tuple(sorted(index for index in candidates if self._truths[index].holds(true)))


def _event_data_key(mapping: Mapping) -> str | None:
    """The key of EventData that a mapping reads and nothing else, so far as its name tells; else None."""
    if mapping.path is not None:
        return mapping.path[1] if len(mapping.path) == 2 and mapping.path[0] == "EventData" else None
    if mapping.origin != ORIGIN_FALLBACK or mapping.field in ("EventID", "Channel", "Computer"):
        return None
    return None if {".", "_"} & set(mapping.field) else mapping.field
