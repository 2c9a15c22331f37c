"""What a hint is, and how one is tried: the changed test is evaluated on the event before it is said to help."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sigma_engine.explain_leaf import Leaf
from sigma_engine.lambdas import LambdaError
from sigma_engine.modifiers import ModifierError, apply_modifiers
from sigma_engine.patterns import CidrTest, NumberTest, RegexTest, TextPattern, ValueTest, Wild, holds
from sigma_engine.regexes import RegexTimeout
from sigma_engine.seen_event import SeenEvent
from sigma_engine.values import ABSENT

_LONG_ENOUGH = 3  # characters: a shorter text is found everywhere and says nothing
_LARGE_ENOUGH = 1000
_PLACES = ("contains", "startswith", "endswith")


@dataclass(frozen=True)
class Hint:
    """One hint: a code, a sentence for people, and in `mended` how the line would be written, "" when nothing would."""

    code: str
    sentence: str
    mended: str = ""

    def to_dict(self) -> dict[str, str]:
        """As plain data."""
        return {"code": self.code, "sentence": self.sentence, "mended": self.mended}


class Trial:
    """A leaf, and what would become of it if its line were written otherwise."""

    def __init__(self, leaf: Leaf, seen: SeenEvent) -> None:
        self.leaf, self.seen = leaf, seen
        self.test, self.raw, self.found = leaf.value.test, leaf.value.raw, leaf.found
        self.field, self.modifiers = leaf.test.field, leaf.test.modifiers

    def holds(self, test: ValueTest, found: Any = ABSENT) -> bool:
        """Whether another test is true of what the field holds, or of another value."""
        value = self.found if found is ABSENT else found
        try:
            if not self.field and found is ABSENT:
                return self.seen.fulfils("", test)
            return holds(test, value)
        except (RegexTimeout, LambdaError, TypeError):
            return False

    def holds_as(self, raw: Any, modifiers: tuple[str, ...] | None = None) -> bool:
        """Whether the line would be true with another value or other modifiers."""
        names = self.modifiers if modifiers is None else modifiers
        try:
            test, _ = apply_modifiers(raw, names, {})
        except ModifierError:
            return False
        return self.holds(test)

    @property
    def parts(self) -> tuple[str | Wild, ...]:
        """The literals and wildcards of a pattern; none of another test."""
        return self.test.parts if isinstance(self.test, TextPattern) else ()

    def asks_for(self, text: str) -> bool:
        """Whether the test asks for just this text."""
        return isinstance(self.test, TextPattern) and self.test.literal == text

    @property
    def is_telling(self) -> bool:
        """Whether the test asks for enough that finding it elsewhere in the event is no accident."""
        if isinstance(self.test, TextPattern):
            return len(self.test.required()) >= _LONG_ENOUGH
        if isinstance(self.test, NumberTest):
            return abs(self.test.number) >= _LARGE_ENOUGH
        if isinstance(self.test, RegexTest):
            return len(self.test.pattern) > _LONG_ENOUGH
        return isinstance(self.test, CidrTest)

    @property
    def without_places(self) -> tuple[str, ...]:
        """The modifiers but for `contains`, `startswith` and `endswith`."""
        return tuple(name for name in self.modifiers if name not in _PLACES)

    def line(
        self, value: str | None = None, *, field: str | None = None, modifiers: tuple[str, ...] | None = None
    ) -> str:
        """The rule's line, with another value as written, another field or other modifiers."""
        names = self.modifiers if modifiers is None else modifiers
        head = "|".join((self.field if field is None else field, *names))
        return f"{head}: {as_written(self.raw) if value is None else value}"

    def placed(self, place: str) -> str:
        """The line with `contains`, `startswith` or `endswith` first."""
        return self.line(modifiers=(place, *self.without_places))


def as_written(value: Any) -> str:
    """A value as YAML writes it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    return "'" + value.replace("'", "''") + "'" if isinstance(value, str) else str(value)
