"""The buckets of a scanner, each built when the first event of its kind comes."""

from __future__ import annotations

from dataclasses import dataclass

from sigma_engine.bucket import Bucket
from sigma_engine.classifier import CacheBudget, Timeouts
from sigma_engine.collection import collection_paused
from sigma_engine.compiler import CompiledSet
from sigma_engine.decided import KeyAtoms
from sigma_engine.events import EventKey
from sigma_engine.funnel_questions import Questions
from sigma_engine.model import Source
from sigma_engine.rule import Rule
from sigma_engine.shared_tests import SharedTests
from sigma_engine.truth import ALWAYS, Atoms, Truth, atoms_in, given

Accepted = tuple[Source, ...]


@dataclass(frozen=True, slots=True)
class _Group:
    """The rules of one combination of accepted sources; those with a `vql` see an event of their own."""

    truths: list[tuple[int, Truth]]
    asks_key: list[bool]  # of each truth, whether an atom of it is one that a key decides
    key_atoms: KeyAtoms
    vql_rules: list[tuple[Rule, Bucket]]


class Buckets:
    """Finds the bucket of an event by the sources that accept it and its key."""

    def __init__(
        self, compiled: CompiledSet, questions: Questions | None, budget: CacheBudget, timeouts: Timeouts
    ) -> None:
        self._compiled = compiled
        self._questions = questions
        self._budget = budget
        self._timeouts = timeouts
        self._table = compiled.atoms if questions is None else compiled.atoms.grown()
        self._shared = SharedTests(self._table, timeouts)
        self._groups: dict[Accepted, _Group] = {}
        self._known: dict[tuple[Accepted, Atoms, Atoms], Bucket | None] = {}
        self._rules_of: dict[Source, list[int]] = {}
        for index, rule in compiled.detection_rules():
            for source in compiled.model.sources_for(rule.logsource):
                self._rules_of.setdefault(source, []).append(index)

    def of(self, accepted: Accepted, key: EventKey | None) -> Bucket | None:
        """The bucket of events that these sources accept; None when no rule can match them. `key` is None for events
        that do not hold exactly what their key says."""
        with collection_paused():
            group = self._groups.get(accepted)
            if group is None:
                group = self._groups[accepted] = self._group(accepted)
            if key is None:
                return self._left(accepted, group, frozenset(), frozenset())
            return self._left(accepted, group, group.key_atoms.all, group.key_atoms.true_of(key))

    def report(self) -> list[Bucket]:
        """The buckets that there are."""
        return [bucket for bucket in self._known.values() if bucket is not None]

    def _group(self, accepted: Accepted) -> _Group:
        indexes = sorted({index for source in accepted for index in self._rules_of.get(source, ())})
        rules = [(index, rule) for index in indexes if isinstance(rule := self._compiled.rules[index], Rule)]
        if self._questions is not None:
            rules += self._questions.about(index for index, _ in rules)
            for index, rule in rules:
                self._table.add(index, rule)
        plain = [(index, self._table.truth(index)) for index, rule in rules if rule.vql is None]
        vql_rules = [
            (rule, bucket)
            for index, rule in rules
            if rule.vql is not None
            and (bucket := self._bucket([(index, self._table.truth(index))], accepted, []))
        ]
        atoms = [atoms_in((truth,)) for _, truth in plain]
        key_atoms = KeyAtoms(
            set[int]().union(*atoms), self._table, self._compiled.model, accepted, self._timeouts
        )
        asks_key = [not one.isdisjoint(key_atoms.all) for one in atoms]
        return _Group(plain, asks_key, key_atoms, vql_rules)

    def _left(self, accepted: Accepted, group: _Group, known: Atoms, true: Atoms) -> Bucket | None:
        """The bucket of what is left of a group's rules when it is known of some atoms which are true."""
        name = (accepted, known, true)
        if name not in self._known:
            left = [
                (index, given(truth, known, true) if asks else truth)
                for (index, truth), asks in zip(group.truths, group.asks_key, strict=True)
            ]
            truths = [(index, ALWAYS if one is True else one) for index, one in left if one is not False]
            self._known[name] = self._bucket(truths, accepted, group.vql_rules)
        return self._known[name]

    def _bucket(
        self, truths: list[tuple[int, Truth]], accepted: Accepted, vql_rules: list[tuple[Rule, Bucket]]
    ) -> Bucket | None:
        if not truths and not vql_rules:
            return None
        model = self._compiled.model
        return Bucket(
            truths, self._table, self._shared, model, accepted, self._budget, self._timeouts, vql_rules
        )
