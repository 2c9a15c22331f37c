"""What a page of an explanation shows: the rule's lines with a mark each, the condition's tree, the event.

Both rooms use it: the editor for a pinned event, a case for a hit or an event of its evidence.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from rules_app.event_values import FieldValue, event_sections
from rules_app.text_views import CodeLine, code_lines
from sigma_engine import Escape, Explanation, Rule

FOLDED = 8  # false values of one field that are shown; the others are counted
LONGEST_LINES = 400  # lines; of a longer rule the first ones are shown, and those around what the tree shows
_LOGSOURCE_KEY = re.compile(r"\s*(category|product|service)\s*:")


@dataclass(frozen=True)
class Mark:
    """What a rule's line came to: `kind` is yes, no, unneeded or blocks, `label` says it in words."""

    kind: str
    label: str


YES = Mark("yes", "true for this event")
BLOCKS = Mark("blocks", "true for this event, and it keeps the rule from matching")
NO = Mark("no", "false for this event, and it matters")
UNNEEDED = Mark("unneeded", "false for this event, and not needed")
_MARKS = {mark.kind: mark for mark in (YES, BLOCKS, NO, UNNEEDED)}


@dataclass(frozen=True)
class MarkedLine:
    """A line of the rule, its mark, and the paths of the event that it read, as JSON."""

    line: CodeLine
    mark: Mark | None
    paths: str


@dataclass(frozen=True)
class ExplainPage:
    """An explanation as its page shows it. `notes` are sentences above it: what is special about rule or event."""

    rule: Rule
    explanation: Explanation
    notes: tuple[str, ...] = ()
    escapes: tuple[Escape, ...] = ()
    own_selections: frozenset[str] = field(default_factory=frozenset)

    @cached_property
    def tree(self) -> dict[str, Any]:
        """The explanation as data, its long lists folded."""
        return self.explanation.to_dict(most=FOLDED)

    @property
    def answer(self) -> str:
        """The verdict in words."""
        if self.tree["verdict"]:
            return "matches this event"
        return "does not match this event" if self.tree["tried"] else "was not tried on this event"

    @property
    def deciding(self) -> list[dict[str, Any]]:
        """What decided, at most a few: those that alone would have made the difference first."""
        decided: list[dict[str, Any]] = self.tree["deciding"]
        return decided[:FOLDED]

    @property
    def deciding_left(self) -> int:
        """How many more there are."""
        return max(0, len(self.tree["deciding"]) - FOLDED)

    @cached_property
    def sections(self) -> list[tuple[str, list[FieldValue]]]:
        """The event's values by section."""
        return event_sections(self.explanation.event)

    @cached_property
    def lines(self) -> list[MarkedLine]:
        """The rule's lines; of a rule of thousands those around what is marked in the tree, and the first."""
        marks, paths, text = self._marks, self._paths, self.rule.text.splitlines()
        numbers = self._shown_numbers(len(text))
        shown = code_lines("\n".join(text[number - 1] for number in numbers), ())
        return [
            MarkedLine(replace(line, number=number), marks.get(number), json.dumps(paths.get(number, [])))
            for number, line in zip(numbers, shown, strict=False)
        ]

    def _shown_numbers(self, total: int) -> list[int]:
        if total <= LONGEST_LINES:
            return list(range(1, total + 1))
        around = {number for node in self._nodes for number in range(node["line"] - 2, node["line"] + 3)}
        return sorted(number for number in around | set(range(1, 101)) if 1 <= number <= total)

    @property
    def lines_left(self) -> int:
        """How many lines are not shown."""
        return len(self.rule.text.splitlines()) - len(self.lines)

    @cached_property
    def line_marks(self) -> str:
        """The kinds of marks by line, as JSON, for a text that is shown elsewhere."""
        return json.dumps({number: mark.kind for number, mark in sorted(self._marks.items())})

    @cached_property
    def _nodes(self) -> list[dict[str, Any]]:
        """The nodes that stand in the rule's own text."""
        own = self.own_selections or frozenset(self.rule.selections)
        found = (node for tree in self.tree["conditions"] for node in _walk(tree))
        return [node for node in found if not node["selection"] or node["selection"] in own]

    @cached_property
    def _marks(self) -> dict[int, Mark]:
        on_line: dict[int, list[Mark]] = defaultdict(list)
        for node in self._nodes:
            on_line[node["line"]].append(_MARKS[node["mark"]])
        for condition, node in zip(self.rule.conditions, self.tree["conditions"], strict=False):
            on_line[condition.line].append(_MARKS[node["mark"]])
        marks = {number: _joined(found) for number, found in on_line.items()}
        for number in _logsource_lines(self.rule):
            marks[number] = YES if self.tree["tried"] else NO
        return marks

    @cached_property
    def _paths(self) -> dict[int, list[str]]:
        found: dict[int, list[str]] = defaultdict(list)
        for node in self._nodes:
            found[node["line"]] += (path for path in _paths_below(node) if path not in found[node["line"]])
        return found


def _walk(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for child in node["children"]:
        yield from _walk(child)


def _paths_below(node: dict[str, Any]) -> Iterator[str]:
    if node["kind"] in ("test", "keyword", "any", "all", "not", "selection"):
        for inner in _walk(node):
            yield from inner.get("paths", ())


def _joined(marks: Iterable[Mark]) -> Mark:
    """Of several on one line the one that says most."""
    return min(marks, key=(NO, BLOCKS, YES, UNNEEDED).index)


def _logsource_lines(rule: Rule) -> list[int]:
    lines = rule.text.splitlines()
    start = rule.logsource.line
    around = range(max(1, start - 1), min(len(lines), start + 6) + 1)
    return [number for number in around if _LOGSOURCE_KEY.match(lines[number - 1])]
