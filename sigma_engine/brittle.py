"""How easily a rule is escaped: the smallest edits of an event that it matches after which it does not.

The candidates come from the explanation's tree: what a true clause needs is taken away a little at a time, what a
filter asks for is put in. Each is run with the scanning engine before it is told, so every one of them is true.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from sigma_engine.compiler import compile_rules
from sigma_engine.explain_leaf import Leaf, paths_of
from sigma_engine.explain_tree import condition_trees, nodes_of
from sigma_engine.field_paths import Path, path_text
from sigma_engine.lambdas import LambdaError
from sigma_engine.model import Model
from sigma_engine.patterns import RegexTest, TextPattern, ValueTest
from sigma_engine.routing import Router
from sigma_engine.rule import Rule
from sigma_engine.scanner import Scanner
from sigma_engine.seen_event import SeenEvent
from sigma_engine.values import ABSENT

MOST_ESCAPES = 5
MAX_TRIED = 400  # edits that are run
_REGEX_PLACES = 16  # where a character is put in, to get around a regular expression
_TOKEN = re.compile(r"\S+")
_SWAPPED = str.maketrans("-/", "/-")
_ORDER = ("case", "dash", "character", "token", "filter", "empty", "absent")


@dataclass(frozen=True)
class Escape:
    """An edit of one value after which the rule does not match.

    `kind` is `case`, `dash`, `character`, `token`, `filter`, `empty` or `absent`.

    `path` is where in the event, `field` the rule's name for it, `before` and `after` the value (`ABSENT` when the
    field is taken away), `size` how many characters were changed.
    """

    kind: str
    path: str
    field: str
    before: Any
    after: Any
    size: int

    @property
    def left_out(self) -> bool:
        """Whether the edit takes the field away."""
        return self.after is ABSENT

    @property
    def words(self) -> str:
        """The edit in words."""
        characters = "1 character" if self.size == 1 else f"{self.size:,} characters"
        return {
            "case": "upper case for lower, or the other way round",
            "dash": "a slash for a dash, or the other way round",
            "character": f"{characters} more in the middle of what is looked for",
            "token": f"one word less, {characters}",
            "filter": "a value that the rule's own filter lets through",
            "empty": "the field left empty",
            "absent": "the field left out",
        }[self.kind]

    def to_dict(self) -> dict[str, Any]:
        """As plain data; `after` is None for a field that was left out."""
        after = None if self.left_out else self.after
        return {
            "kind": self.kind,
            "path": self.path,
            "field": self.field,
            "before": self.before,
            "after": after,
            "size": self.size,
            "words": self.words,
        }


def find_escapes(rule: Rule, model: Model, event: dict[str, Any], file_name: str = "") -> list[Escape]:
    """The smallest edit of each kind that the rule does not survive, the smallest first, at most MOST_ESCAPES.

    What routes an event (`System`) is not edited: nobody writes that by hand. Empty when the rule does not match the
    event, or nothing that was tried escapes it.
    """
    scanner = Scanner(compile_rules([rule], model))
    if not scanner.match(event, file_name):
        return []
    found: dict[tuple[str, str], Escape] = {}
    for escape, path in islice(_candidates(rule, model, event, file_name), MAX_TRIED):
        key = (escape.kind, escape.path)
        if key in found and found[key].size <= escape.size:
            continue
        if not scanner.match(_edited(event, path, escape.after), file_name):
            found[key] = escape
    ranked = sorted(found.values(), key=lambda one: (one.size, _ORDER.index(one.kind), one.path))
    return ranked[:MOST_ESCAPES]


def _candidates(
    rule: Rule, model: Model, event: dict[str, Any], file_name: str
) -> Iterator[tuple[Escape, Path]]:
    try:
        seen = SeenEvent(rule.seen(event), model, Router(model, file_name).accepted(event))
    except LambdaError:
        return
    for tree in condition_trees(rule, seen):
        for node in nodes_of(tree):
            if node.matters and node.leaf is not None:
                yield from _of_leaf(node.leaf, seen)


def _of_leaf(leaf: Leaf, seen: SeenEvent) -> Iterator[tuple[Escape, Path]]:
    for path, value in _values(leaf, seen):
        edits = _breaking(leaf.value.test, value) if leaf.truth else _filtering(leaf.value.test, value)
        for kind, after, size in edits:
            yield Escape(kind, path_text(path), leaf.test.field, value, after, size), path


def _values(leaf: Leaf, seen: SeenEvent) -> Iterator[tuple[Path, Any]]:
    """The values of the event that the leaf is about, with their places; of a list each item."""
    for path in paths_of(leaf, seen)[:1]:
        if path[0] == "System":
            return
        value = leaf.found
        if isinstance(value, list):
            yield from ((((*path, index)), item) for index, item in enumerate(value))
        elif value is not ABSENT:
            yield path, value


def _breaking(test: ValueTest, value: Any) -> Iterator[tuple[str, Any, int]]:
    """(kind, changed value, size) of edits that may make a true test false."""
    if isinstance(value, str):
        for start, end in _found_in(test, value):
            middle = (start + end) // 2
            yield "case", value[:start] + value[start:end].swapcase() + value[end:], 1
            yield "dash", value[:start] + value[start:end].translate(_SWAPPED) + value[end:], 1
            yield "character", f"{value[:middle]}^{value[middle:]}", 1
        tokens = list(_TOKEN.finditer(value))
        for token in tokens if len(tokens) > 1 else []:
            after = f"{value[: token.start()].rstrip()} {value[token.end() :].lstrip()}".strip()
            yield "token", after, len(token.group())
        if value:
            yield "empty", "", len(value)
    yield "absent", ABSENT, max(len(str(value)), 1) + 1


def _found_in(test: ValueTest, value: str) -> Iterator[tuple[int, int]]:
    """Where in a value the literals of a test stand; for a regular expression, places spread over the value."""
    if isinstance(test, TextPattern):
        for literal in sorted({part for part in test.parts if isinstance(part, str)}):
            at = value.lower().find(literal.lower())
            if at >= 0 and literal:
                yield at, at + len(literal)
    elif isinstance(test, RegexTest) and value:
        yield 0, len(value)
        step = max(1, len(value) // _REGEX_PLACES)
        yield from ((at, at) for at in range(step, len(value), step))


def _filtering(test: ValueTest, value: Any) -> Iterator[tuple[str, Any, int]]:
    """Edits that may make a false test of a filter true: its text at the start, at the end, or alone."""
    if not isinstance(test, TextPattern) or not isinstance(value, str):
        return
    text = "".join(part for part in test.parts if isinstance(part, str))
    if text:
        yield "filter", text, max(len(text), len(value))
        yield "filter", f"{text}{value}", len(text)
        yield "filter", f"{value}{text}", len(text)


def _edited(event: Any, path: Path, after: Any) -> Any:
    """A copy of the event with one value changed or, for `ABSENT`, taken out; the rest is shared."""
    step, rest = path[0], path[1:]
    if isinstance(event, list):
        index = int(step)
        inner = after if not rest else _edited(event[index], rest, after)
        kept = [] if inner is ABSENT else [inner]
        return [*event[:index], *kept, *event[index + 1 :]]
    made = dict(event)
    if rest:
        made[step] = _edited(event[step], rest, after)
    elif after is ABSENT:
        del made[step]
    else:
        made[step] = after
    return made
