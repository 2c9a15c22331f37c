"""The plain evaluator: a rule's conditions on one event as trees, never stopped early.

Every node knows whether it mattered: a part of the reason for the rule's verdict, and not just false beside a
true alternative. Leaves keep what was asked and found; `explain_leaf` says it in words.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sigma_engine.condition import And, Not, Of, Tree
from sigma_engine.condition import Ref as SelectionRef
from sigma_engine.detection import FieldTest, Group, Value
from sigma_engine.explain_leaf import Leaf, keyword_leaf, shown, test_leaf
from sigma_engine.rule import Rule
from sigma_engine.seen_event import SeenEvent


@dataclass(slots=True)
class Node:
    """A part of a condition, and how it came out.

    `kind` is and, or, not, of, selection, all, any, test or keyword. `selection` is the one that it is in, "" in the
    condition itself. `clause` is the field test that the node stands for, `leaf` one value of it. `matters` says that
    its truth is part of the reason for the verdict; `alone` that the clause, the other way round, would have made the
    rule match.
    """

    kind: str
    label: str
    truth: bool
    line: int
    column: int
    children: list[Node] = field(default_factory=list)
    selection: str = ""
    clause: FieldTest | None = None
    leaf: Leaf | None = None
    matters: bool = False
    alone: bool = False


def condition_trees(rule: Rule, seen: SeenEvent) -> list[Node]:
    """The tree of each of the rule's conditions, with what mattered."""
    evaluator = _Evaluator(rule, seen)
    trees = [evaluator.tree(condition.tree, condition.line) for condition in rule.conditions]
    verdict = any(tree.truth for tree in trees)
    for tree in trees:
        if tree.truth is verdict:
            _mark(tree)
    return trees


def _mark(node: Node) -> None:
    node.matters = True
    joins_all = node.kind in ("and", "all") or (node.kind == "of" and node.label.startswith("all"))
    for child in node.children:
        # Of an `and` that is true all count, of one that is false those that are; the other way round for `or`.
        deciding = (
            node.kind in ("not", "selection") or node.truth is joins_all or child.truth is not joins_all
        )
        if deciding:
            _mark(child)


class _Evaluator:
    def __init__(self, rule: Rule, seen: SeenEvent) -> None:
        self._rule, self._seen = rule, seen

    def tree(self, tree: Tree, line: int) -> Node:
        column = tree.offset + 1
        if isinstance(tree, SelectionRef):
            return self._selection(tree.name)
        if isinstance(tree, Of):
            children = [self._selection(name) for name in tree.names]
            truth = _joined(children, every=tree.quantifier == "all")
            return Node("of", str(tree), truth, line, column, children)
        if isinstance(tree, Not):
            child = self.tree(tree.child, line)
            return Node("not", "not", not child.truth, line, column, [child])
        children = [self.tree(child, line) for child in tree.children]
        kind = "and" if isinstance(tree, And) else "or"
        return Node(kind, kind, _joined(children, every=kind == "and"), line, column, children)

    def _selection(self, name: str) -> Node:
        selection = self._rule.selections[name]
        child = self._part(selection.root, name)
        return Node("selection", name, child.truth, selection.line, selection.column, [child], name)

    def _part(self, part: FieldTest | Group, name: str) -> Node:
        if isinstance(part, FieldTest):
            return self._field_test(part, name)
        children = [self._part(child, name) for child in part.children]
        truth = _joined(children, every=part.kind == "all")
        return Node(part.kind, f"{part.kind} of these", truth, part.line, part.column, children, name)

    def _field_test(self, test: FieldTest, name: str) -> Node:
        leaves = [self._leaf(test, value, name) for value in test.values]
        kind = "all" if test.every else "any"
        node = leaves[0] if len(leaves) == 1 else self._node(kind, test, leaves, name)
        if test.negated:
            node = self._node("not", test, [node], name)
            node.truth = not node.children[0].truth
        node.clause = test
        self._seen.remember(test, truth=node.truth)
        return node

    def _node(self, kind: str, test: FieldTest, children: list[Node], name: str) -> Node:
        truth = _joined(children, every=kind == "all")
        return Node(kind, str(test), truth, test.line, test.column, children, name)

    def _leaf(self, test: FieldTest, value: Value, name: str) -> Node:
        if not test.field:
            leaf = keyword_leaf(test, value, self._seen)
            label, kind = f"keyword {shown(value.raw)}", "keyword"
        else:
            leaf = test_leaf(test, value, self._seen)
            label, kind = f"{test}: {shown(value.raw)}", "test"
        return Node(kind, label, leaf.truth, value.line, value.column, [], name, None, leaf)


def _joined(children: list[Node], *, every: bool) -> bool:
    truths = [child.truth for child in children]
    return all(truths) if every else any(truths)


def nodes_of(node: Node) -> list[Node]:
    """The node and all below it, in the order of the text."""
    found, waiting = [], [node]
    while waiting:
        node = waiting.pop()
        found.append(node)
        waiting += reversed(node.children)
    return found


def facts_of(node: Node) -> dict[str, Any]:
    """What a node is, as plain data, without its children."""
    return {
        "kind": node.kind,
        "label": node.label,
        "truth": node.truth,
        "line": node.line,
        "column": node.column,
        "selection": node.selection,
        "matters": node.matters,
        "alone": node.alone,
    }
