"""A selection compared more loosely: a debug scan asks it to tell that only case, type or an escape is in the way."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

from sigma_engine.detection import FieldTest, Group
from sigma_engine.patterns import AnyTest, NullTest, NumberTest, RegexTest, TextPattern, ValueTest, to_number
from sigma_engine.text_pattern import Part, Wild

_WILD = re.compile(r"([*?])")


@dataclass(frozen=True)
class SameNumber:
    """Equal as a number, however it is written: `0x10`, `016` and 16."""

    number: int | float

    def matches(self, value: Any) -> bool:
        """Whether the value is this number."""
        return to_number(value) == self.number

    def describe(self) -> str:
        """The number."""
        return f"the number {self.number}"


def _case(test: ValueTest) -> ValueTest | None:
    if isinstance(test, TextPattern) and test.cased:
        return replace(test, cased=False)
    if isinstance(test, RegexTest) and not test.flags & re.IGNORECASE:
        return replace(test, flags=test.flags | re.IGNORECASE)
    return None


def _type(test: ValueTest) -> ValueTest | None:
    if isinstance(test, NumberTest):
        return AnyTest((test, SameNumber(test.number)))
    number = to_number(test.literal) if isinstance(test, TextPattern) and test.literal else None
    return None if number is None else AnyTest((test, SameNumber(number)))


def _escape(test: ValueTest) -> ValueTest | None:
    if not isinstance(test, TextPattern) or test.is_bytes:
        return None
    if not any(isinstance(part, str) and _WILD.search(part) for part in test.parts):
        return None
    parts: list[Part] = []
    for part in test.parts:
        texts = _WILD.split(part) if isinstance(part, str) else [part]
        parts += [Wild(text) if text in ("*", "?") else text for text in texts if text != ""]
    return test.with_parts(*parts)


def _empty(test: ValueTest) -> ValueTest | None:
    if isinstance(test, NullTest):
        return AnyTest((test, TextPattern(()), TextPattern(("-",))))
    if isinstance(test, TextPattern) and test.literal in ("", "-"):
        return AnyTest((test, NullTest(), TextPattern(()), TextPattern(("-",))))
    return None


def _space(test: ValueTest) -> ValueTest | None:
    if not isinstance(test, TextPattern) or test.is_bytes or not test.parts:
        return None
    first, last = test.parts[0], test.parts[-1]
    if not (isinstance(first, str) and first[:1].isspace()) and not (
        isinstance(last, str) and last[-1:].isspace()
    ):
        return None
    parts = list(test.parts)
    if isinstance(first, str):
        parts[0] = first.lstrip()
    if isinstance(last := parts[-1], str):
        parts[-1] = last.rstrip()
    return test.with_parts(*(part for part in parts if part != ""))


# How a test may be compared more loosely: without case; as numbers, whatever the type; with `*` and `?` wild though a
# backslash escapes them; null, the empty text and `-` alike; without the spaces at the pattern's ends.
LOOSENINGS: Final[dict[str, Callable[[ValueTest], ValueTest | None]]] = {
    "case": _case,
    "type": _type,
    "escape": _escape,
    "empty": _empty,
    "space": _space,
}


def loosened(part: FieldTest | Group, name: str, only: FieldTest | None = None) -> FieldTest | Group | None:
    """The part of a selection with each of its tests loosened that can be (or that one only); None when none can.

    Tests that are turned round (`neq`) stay as they are: they would only be stricter.
    """
    if isinstance(part, FieldTest):
        if part.negated or (only is not None and part is not only):
            return None
        tests = [_loosened_test(value.test, name) for value in part.values]
        if all(test is None for test in tests):
            return None
        values = zip(part.values, tests, strict=True)
        return replace(
            part, values=tuple(value if test is None else replace(value, test=test) for value, test in values)
        )
    children = [loosened(child, name, only) for child in part.children]
    if all(child is None for child in children):
        return None
    kept = zip(part.children, children, strict=True)
    return replace(part, children=tuple(old if new is None else new for old, new in kept))


def _loosened_test(test: ValueTest, name: str) -> ValueTest | None:
    if not isinstance(test, AnyTest):
        return LOOSENINGS[name](test)
    tests = [LOOSENINGS[name](one) for one in test.tests]
    if all(one is None for one in tests):
        return None
    flat: list[ValueTest] = []
    for old, new in zip(test.tests, tests, strict=True):
        flat += new.tests if isinstance(new, AnyTest) else [old if new is None else new]
    return AnyTest(tuple(flat))
