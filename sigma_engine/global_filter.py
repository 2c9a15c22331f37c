"""Global filters: conditions of a filter document, joined by `and` to those of the rules it names.

By pySigma's meaning (research/sigma.md section 4): no negation is implied, and a filter applies where its
logsource is equal to the rule's or leaves more open. The rule's own text stays as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sigma_engine.condition import And, Not, Of, Ref, Tree
from sigma_engine.detection import Selection
from sigma_engine.rule import Filter, Logsource, Rule


def filtered(rule: Rule, filters: Sequence[Filter]) -> Rule:
    """The rule with the conditions of every filter that applies to it; the rule itself when none does."""
    for number, one in enumerate(filters):
        if applies(one, rule):
            rule = _with_filter(rule, one, f"filter_{number}_")
    return rule


def applies(one: Filter, rule: Rule) -> bool:
    """Whether a filter names the rule and its logsource is not more specific than the rule's."""
    named = "any" in one.rules or any(rule.is_named(reference) for reference in one.rules)
    return named and _covers(one.logsource, rule.logsource)


def _covers(wide: Logsource, narrow: Logsource) -> bool:
    return all(
        part is None or (other is not None and part.lower() == other.lower())
        for part, other in (
            (wide.category, narrow.category),
            (wide.product, narrow.product),
            (wide.service, narrow.service),
        )
    )


def _with_filter(rule: Rule, one: Filter, prefix: str) -> Rule:
    selections: dict[str, Selection] = {
        prefix + name: replace(selection, name=prefix + name) for name, selection in one.selections.items()
    }
    added = tuple(_renamed(condition.tree, prefix) for condition in one.conditions)
    conditions = tuple(
        replace(condition, tree=And((condition.tree, *added), condition.tree.offset))
        for condition in rule.conditions
    )
    return replace(rule, selections=rule.selections | selections, conditions=conditions)


def _renamed(tree: Tree, prefix: str) -> Tree:
    if isinstance(tree, Ref):
        return replace(tree, name=prefix + tree.name)
    if isinstance(tree, Of):
        return replace(tree, names=tuple(prefix + name for name in tree.names))
    if isinstance(tree, Not):
        return replace(tree, child=_renamed(tree.child, prefix))
    return replace(tree, children=tuple(_renamed(child, prefix) for child in tree.children))
