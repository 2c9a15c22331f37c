"""The `detection` part of a rule as data: selections of field tests, and conditions, each with its place.

`detection_reader` makes it of YAML nodes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from sigma_engine.condition import Tree
from sigma_engine.modifiers import Step
from sigma_engine.patterns import ValueTest
from sigma_engine.window import Window


@dataclass(frozen=True)
class Value:
    """One value of a field test: as written, as a test, and how the modifiers led there."""

    raw: Any
    test: ValueTest
    steps: tuple[Step, ...]
    line: int
    column: int


@dataclass(frozen=True)
class FieldTest:
    """A field, its modifiers and its values. `field` is empty for keywords.

    True when any value is found (`every`: when all are), and turned round when `negated` (`neq`).
    """

    field: str
    modifiers: tuple[str, ...]
    values: tuple[Value, ...]
    every: bool
    negated: bool
    line: int
    column: int

    def __str__(self) -> str:
        return "|".join((self.field, *self.modifiers)) or "keywords"


@dataclass(frozen=True)
class Group:
    """Parts of a selection of which all (a map) or any (a list) must be true."""

    kind: Literal["all", "any"]
    children: tuple[FieldTest | Group, ...]
    line: int
    column: int


@dataclass(frozen=True)
class Selection:
    """A named part of the detection."""

    name: str
    root: FieldTest | Group
    line: int
    column: int


@dataclass(frozen=True)
class Condition:
    """One condition: its text and tree. A rule with several matches when one of them does."""

    text: str
    tree: Tree
    line: int
    column: int


@dataclass(frozen=True)
class Detection:
    """The selections and conditions of a rule."""

    selections: dict[str, Selection]
    conditions: tuple[Condition, ...]
    aggregation: Window | None = None


def fields_of(part: FieldTest | Group) -> list[FieldTest]:
    """All field tests of a part of a selection, in the order they are written."""
    if isinstance(part, FieldTest):
        return [part]
    return [test for child in part.children for test in fields_of(child)]
