"""A funnel counted the plain way: every rule on every event by the evaluator that explains, nothing remembered."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from sigma_engine import ABSENT, Model, Rule
from sigma_engine.check import fields_used
from sigma_engine.condition import And, Not, Of, Ref, Tree
from sigma_engine.explain_tree import Node, condition_trees
from sigma_engine.funnel_questions import needed_fields, outside_not
from sigma_engine.lambdas import LambdaError
from sigma_engine.routing import Router, is_tried
from sigma_engine.seen_event import SeenEvent


@dataclass
class PlainCount:
    """The same numbers as `RuleFunnel`, for one rule."""

    of_source: int = 0
    fields: Counter[str] = field(default_factory=Counter)
    fields_present: int = 0
    selections: Counter[str] = field(default_factory=Counter)
    any_selection: int = 0
    unfiltered: int = 0
    taken_by: Counter[str] = field(default_factory=Counter)
    condition: int = 0


class PlainFunnel:
    """Counts event after event for all rules."""

    def __init__(self, rules: list[Rule], model: Model) -> None:
        self.counts = [PlainCount() for _ in rules]
        self._rules, self._model = rules, model

    def see(self, event: dict[str, Any], file_name: str = "") -> None:
        """Counts one event."""
        accepted = Router(self._model, file_name).accepted(event)
        for rule, count in zip(self._rules, self.counts, strict=True):
            if is_tried(rule, self._model, accepted):
                count.of_source += 1
                try:
                    _count(rule, count, SeenEvent(rule.seen(event), self._model, accepted))
                except LambdaError:
                    pass  # of the rule's `vql`: it sees no event, so nothing is true of it


def _count(rule: Rule, count: PlainCount, seen: SeenEvent) -> None:
    present = {name for name in fields_used(rule) if seen.value(name) is not ABSENT}
    count.fields.update(present)
    count.fields_present += set(needed_fields(rule)) <= present
    trees = condition_trees(rule, seen)
    true = {name for tree in trees for name in _true_selections(tree)}
    verdict = any(tree.truth for tree in trees)
    count.selections.update(true)
    count.any_selection += any(name in true for name in outside_not(rule))
    count.condition += verdict
    if any(_unfiltered(condition.tree, true) for condition in rule.conditions):
        count.unfiltered += 1
        if not verdict:
            count.taken_by.update(true - set(outside_not(rule)))


def _true_selections(node: Node) -> set[str]:
    found = {node.label} if node.kind == "selection" and node.truth else set()
    return found.union(*map(_true_selections, node.children))


def _unfiltered(tree: Tree, true: set[str]) -> bool:
    if isinstance(tree, Not):
        return _unfiltered(tree.child.child, true) if isinstance(tree.child, Not) else True
    if isinstance(tree, Ref):
        return tree.name in true
    if isinstance(tree, Of):
        return (all if tree.quantifier == "all" else any)(name in true for name in tree.names)
    return (all if isinstance(tree, And) else any)(_unfiltered(child, true) for child in tree.children)
