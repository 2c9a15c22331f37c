"""Why a rule did or did not match an event.

The verdict is that of the scanning engine, run on this one rule; the reasons are those of the plain evaluator
(`explain_tree`), which walks the rule as written and never stops early. It is also the reference that the fast matcher
is held against: should the two ever disagree the explanation says so, and it is a fault of ours.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from sigma_engine.compiler import compile_rules
from sigma_engine.explain_leaf import Leaf, leaf_facts, sentence_of
from sigma_engine.explain_source import explain_source
from sigma_engine.explain_tree import Node, condition_trees, facts_of, nodes_of
from sigma_engine.hints import Counts, Hint, hints_of
from sigma_engine.lambdas import LambdaError
from sigma_engine.model import Model, Source
from sigma_engine.near_misses import RuleClauses
from sigma_engine.routing import Router, is_tried
from sigma_engine.rule import Rule
from sigma_engine.scanner import Scanner
from sigma_engine.seen_event import SeenEvent

MAX_HINTED = 60  # leaves of an explanation that hints are sought for


@dataclass(frozen=True)
class Explanation:
    """The answer. `plain_verdict` is the plain evaluator's, `verdict` the scanning engine's, asked when it is read.

    `counts` are how many events of each kind have which field, for hints.
    """

    rule: Rule
    model: Model
    event: dict[str, Any]
    file_name: str
    tried: bool
    plain_verdict: bool
    conditions: list[Node]
    accepted: tuple[Source, ...] = ()
    counts: Counts | None = None
    _seen: SeenEvent | None = field(default=None, repr=False)

    @cached_property
    def verdict(self) -> bool:
        """Whether the scanning engine makes a hit of the event with this rule alone."""
        return bool(Scanner(compile_rules([self.rule], self.model)).match(self.event, self.file_name))

    @property
    def agrees(self) -> bool:
        """Whether both evaluators say the same; if not, Sigmaweb has a fault."""
        return self.verdict is self.plain_verdict

    @cached_property
    def logsource(self) -> dict[str, Any]:
        """Step 0 as plain data; see `explain_source`."""
        return explain_source(self.rule, self.model, self.event, self.file_name, self.accepted)

    @cached_property
    def deciding(self) -> list[Node]:
        """The clauses that decided, in the order of the text: of a rule that matched the true ones that it needed, of
        one that did not those that stood in its way. A clause that alone would have turned it comes first."""
        clauses = {
            id(node): node
            for tree in self.conditions
            for node in nodes_of(tree)
            if node.matters and (node.clause is not None or not (node.children or node.leaf))
        }
        return sorted(clauses.values(), key=lambda node: (not node.alone, node.line, node.column))

    @cached_property
    def _held(self) -> bool:
        """Whether the condition is true, tried or not."""
        return any(tree.truth for tree in self.conditions)

    @cached_property
    def _hints(self) -> dict[int, list[Hint]]:
        """Hints by the id of the leaf's node: of what stood in the way, a filter's true ones too."""
        if self._seen is None or self._held:
            return {}
        leaves = [
            (id(node), node.leaf)
            for tree in self.conditions
            for node in nodes_of(tree)
            if node.leaf is not None and node.matters
        ]
        return {key: hints_of(leaf, self._seen, self.counts) for key, leaf in leaves[:MAX_HINTED]}

    def _facts(self, node: Node) -> dict[str, Any]:
        """What a node is, and its mark: `yes`, `no` (false, and it matters), `unneeded` (false, and that is well), or
        `blocks` (true where the condition wants it false)."""
        in_the_way = node.matters and not self._held
        if node.truth:
            mark = "blocks" if in_the_way and (node.leaf or node.clause) else "yes"
        else:
            mark = "no" if in_the_way else "unneeded"
        return facts_of(node) | {"mark": mark}

    def to_dict(self, most: int | None = None) -> dict[str, Any]:
        """As plain data for JSON: `verdict`, `plain_verdict`, `agrees`, `tried`, `logsource`, `deciding`, `conditions`.

        A node has `kind`, `label`, `truth`, `line`, `column`, `selection`, `matters`, `alone`, `mark`, `children` and
        `left_out`, the number of its children that are false and not among them: with `most`, of a longer list of
        values only so many false ones are kept. A leaf (`test`, `keyword`) also has `field`, `mapping`, `origin`,
        `paths`, `value`, `type`, `pattern`, `modifiers`, `steps`, `reason`, `sentence`, `hints` and
        `fault`, the sentence of a lambda that reached its bound.
        """
        return {
            "verdict": self.verdict,
            "plain_verdict": self.plain_verdict,
            "agrees": self.agrees,
            "tried": self.tried,
            "logsource": self.logsource,
            "deciding": [self._decided(node, most) for node in self.deciding],
            "conditions": [self._plain(tree, most) for tree in self.conditions],
        }

    def to_match(self) -> dict[str, Any]:
        """As Velociraptor's `_Match`: `match`, the truth of each selection, and that of each condition."""
        selections = {
            node.selection: node.truth
            for tree in self.conditions
            for node in nodes_of(tree)
            if node.kind == "selection"
        }
        return {
            "match": self.verdict,
            "search_results": selections,
            "condition_results": [tree.truth for tree in self.conditions],
        }

    def _decided(self, node: Node, most: int | None) -> dict[str, Any]:
        leaves = [inner for inner in nodes_of(node) if inner.leaf is not None]
        telling = [inner for inner in leaves if inner.truth is node.truth and inner.matters] or leaves
        said = sentence_of(telling[0].leaf) if telling and telling[0].leaf else node.label
        hints = [hint for inner in telling for hint in self._hints.get(id(inner), ())]
        unique = list({hint.sentence: hint for hint in hints}.values())
        clause = node.clause
        return self._facts(node) | {
            "field": clause.field if clause else "",
            "values": len(clause.values) if clause else 0,
            "reason": telling[0].leaf.reason if telling and telling[0].leaf else None,
            "sentence": said,
            "hints": [hint.to_dict() for hint in unique[:most]],
        }

    def _plain(self, node: Node, most: int | None) -> dict[str, Any]:
        kept = node.children if most is None else _telling(node.children, most)
        facts = self._facts(node) | {
            "children": [self._plain(child, most) for child in kept],
            "left_out": len(node.children) - len(kept),
        }
        if node.leaf is not None and self._seen is not None:
            hints = [hint.to_dict() for hint in self._hints.get(id(node), ())]
            facts |= leaf_facts(node.leaf, self._seen) | {"hints": hints}
        return facts


def explain(
    rule: Rule,
    model: Model,
    event: dict[str, Any],
    file_name: str = "",
    counts: Counts | None = None,
) -> Explanation:
    """Evaluates `rule` on `event` in full; `file_name` is the evidence's name, by which sources may choose.

    `counts` says for the kinds of events of the evidence how many have which field, for hints.
    """
    accepted = Router(model, file_name).accepted(event)
    tried = is_tried(rule, model, accepted)
    try:
        seen = SeenEvent(rule.seen(event), model, accepted)
    except LambdaError as error:  # of the rule's `vql`: the rule sees no event
        unseen = [Node("any", f"vql: {error.message}", truth=False, line=1, column=1, matters=True)]
        return Explanation(rule, model, event, file_name, tried, not unseen, unseen, accepted, counts)
    trees = condition_trees(rule, seen)
    verdict = tried and any(tree.truth for tree in trees)
    if tried and not verdict:
        _mark_alone(trees, {id(clause.test) for clause in RuleClauses(rule, model).weigh(seen)[1]})
    return Explanation(rule, model, event, file_name, tried, verdict, trees, accepted, counts, seen)


def _mark_alone(trees: list[Node], tests: set[int]) -> None:
    for tree in trees:
        for node in nodes_of(tree):
            node.alone = node.clause is not None and id(node.clause) in tests


def _telling(children: list[Node], most: int) -> list[Node]:
    """The children that are shown of a long list of values: all true ones, and of the false ones those with a reason
    of their own first; in the order of the text."""
    if len(children) <= most or any(child.leaf is None for child in children):
        return children
    false = sorted((c for c in children if not c.truth), key=lambda c: _is_plain_miss(c.leaf))[:most]
    kept = {id(child) for child in false}
    return [child for child in children if child.truth or id(child) in kept]


def _is_plain_miss(leaf: Leaf | None) -> bool:
    return leaf is not None and leaf.reason in ("value_mismatch", "field_absent")
