"""What every modifier is: a class with names and one `modify`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from sigma_engine.patterns import (
    AnyTest,
    BoolTest,
    CidrTest,
    FieldRefTest,
    NullTest,
    NumberTest,
    RegexTest,
    TextPattern,
    ValueTest,
)


class ModifierError(Exception):
    """A modifier that cannot be applied as written; carries the parts of the finding.

    `offset` is where in the value the fault is, in characters.
    """

    def __init__(self, code: str, message: str, hint: str = "", offset: int = 0) -> None:
        super().__init__(message)
        self.code, self.message, self.hint, self.offset = code, message, hint, offset


class Modifier:
    """One modifier. `names` are its spellings; `modify` turns a test into the next one."""

    names: ClassVar[tuple[str, ...]]
    must_be_first: ClassVar[bool] = False

    def modify(self, test: ValueTest, raw: Any) -> ValueTest:
        """The test after this modifier. `raw` is the value as written. Raises ModifierError."""
        raise NotImplementedError(f"{type(self).__name__} must say what it does")

    def text(self, test: ValueTest) -> TextPattern:
        """The test as text: numbers and truths become their text, anything else is refused."""
        if isinstance(test, TextPattern):
            return test
        if isinstance(test, NumberTest | BoolTest):
            return TextPattern((test.describe(),))
        raise ModifierError(
            "modifier_type",
            f"`{self.names[0]}` needs text, and this value is {_kind(test)}.",
            "Quote the value.",
        )

    def plain(self, test: ValueTest) -> TextPattern:
        """The test as text without wildcards."""
        pattern = self.text(test)
        if pattern.literal is None:
            raise ModifierError(
                "modifier_wildcard",
                f"`{self.names[0]}` cannot encode a wildcard.",
                "Write `\\*` or `\\?` for the character, or take the wildcard out.",
            )
        return pattern


def _kind(test: ValueTest) -> str:
    kinds = {
        NullTest: "null",
        RegexTest: "a regular expression",
        CidrTest: "a network",
        FieldRefTest: "a field",
    }
    return kinds.get(type(test), "no text")


def each(test: ValueTest, change: Callable[[ValueTest], ValueTest]) -> ValueTest:
    """`change` applied to a test, or to each alternative of one that has several."""
    return AnyTest(tuple(change(one) for one in test.tests)) if isinstance(test, AnyTest) else change(test)
