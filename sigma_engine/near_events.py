"""What would hit an event: the rules that match it, and those that one clause kept from it.

A rule is near when exactly one of its clauses, turned round, would make it match, and at least one other is true: a
rule of a single clause is one clause away from every event, which says nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sigma_engine.compiler import CompiledSet
from sigma_engine.detection import FieldTest
from sigma_engine.lambdas import LambdaError
from sigma_engine.near_misses import Clause, RuleClauses
from sigma_engine.patterns import ExistsTest, NullTest, RegexTest, TextPattern, ValueTest
from sigma_engine.routing import Router, is_tried
from sigma_engine.rule import Rule
from sigma_engine.scanner import Scanner
from sigma_engine.seen_event import SeenEvent

MOST_NEAR = 50  # rules that one answer names


@dataclass(frozen=True)
class NearRule:
    """A rule that one clause kept from the event. `index` counts in the compiled set.

    `failed` are the clauses of which any one would do, `having` the others that are true.
    """

    index: int
    failed: tuple[Clause, ...]
    having: tuple[Clause, ...]


@dataclass(frozen=True)
class EventRules:
    """Which rules match an event, by index, and which are near, the likeliest first.

    `tried` is how many rules' log sources take the event, `near_count` how many are near; `near` holds at most
    MOST_NEAR of them.
    """

    matched: tuple[int, ...]
    near: tuple[NearRule, ...]
    tried: int
    near_count: int


class RulesFinder:
    """A compiled set, ready to be asked what would hit an event."""

    def __init__(self, compiled: CompiledSet) -> None:
        self.compiled = compiled
        self._scanner = Scanner(compiled)
        self._clauses: dict[int, RuleClauses] = {}

    def rules_for(self, event: dict[str, Any], file_name: str = "") -> EventRules:
        """The rules for one event of a file of that name."""
        model = self.compiled.model
        accepted = Router(model, file_name).accepted(event)
        matched = self._scanner.match(event, file_name)
        hits = frozenset(matched)
        tried = [
            (index, rule)
            for index, rule in self.compiled.detection_rules()
            if is_tried(rule, model, accepted)
        ]
        shared = SeenEvent(event, model, accepted)
        near = []
        for index, rule in tried:
            if index in hits:
                continue
            having, failed = self._weigh(index, rule, shared)
            if failed and having:
                near.append(NearRule(index, tuple(failed), tuple(having)))
        near.sort(key=lambda one: (-_likeliness(one), one.index))
        return EventRules(matched, tuple(near[:MOST_NEAR]), len(tried), len(near))

    def _weigh(self, index: int, rule: Rule, shared: SeenEvent) -> tuple[list[Clause], list[Clause]]:
        if index not in self._clauses:
            self._clauses[index] = RuleClauses(rule, self.compiled.model)
        if rule.vql is None:
            return self._clauses[index].weigh(shared)
        try:
            return self._clauses[index].weigh(shared.again(rule.seen(shared.event)))
        except LambdaError:
            return [], []


def _likeliness(near: NearRule) -> float:
    """How much of the rule the event has: what its true clauses ask for, longer texts more."""
    return sum(_weight(clause.test) for clause in near.having)


def _weight(test: FieldTest) -> float:
    if test.negated:
        return 0.1
    return min((_text_weight(value.test) for value in test.values), default=0.1)


def _text_weight(test: ValueTest) -> float:
    if isinstance(test, TextPattern):
        return min(len(test.required()), 20)
    if isinstance(test, RegexTest):
        return 5
    return 0.1 if isinstance(test, ExistsTest | NullTest) else 2
