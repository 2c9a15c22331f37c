"""Sigma's value modifiers: one class each, and the one table that names them.

A chain runs left to right over each value of a field; `all` and `neq` act on the whole list wherever they
stand (Sigma specification 2.1, "Value modifiers"; rulings in research/sigma.md section 1).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sigma_engine.modifiers.base import Modifier, ModifierError
from sigma_engine.modifiers.encoding import Base64, Base64Offset, Utf16, Utf16Be, Wide
from sigma_engine.modifiers.expand import Expand
from sigma_engine.modifiers.text import (
    Cased,
    Contains,
    DotAll,
    EndsWith,
    IgnoreCase,
    Multiline,
    Re,
    StartsWith,
    Windash,
)
from sigma_engine.modifiers.value import (
    All,
    Cidr,
    Day,
    EndsWithField,
    EqualsField,
    Exists,
    FieldRef,
    Gt,
    Gte,
    Hour,
    Lt,
    Lte,
    Minute,
    Month,
    Neq,
    Week,
    Year,
)
from sigma_engine.modifiers.vql import Vql
from sigma_engine.patterns import BoolTest, NullTest, NumberTest, RegexTest, TextPattern, ValueTest
from sigma_engine.placeholders import Placeholders

__all__ = ["MODIFIERS", "Modifier", "ModifierError", "Step", "apply_modifiers", "first_test"]

MODIFIERS: dict[str, type[Modifier]] = {
    name: modifier
    for modifier in (
        *(Contains, StartsWith, EndsWith, All, Cased, Exists, Neq, Re, IgnoreCase, Multiline, DotAll),
        *(Base64, Base64Offset, Wide, Utf16Be, Utf16, Windash, Cidr, Gt, Gte, Lt, Lte, FieldRef, Expand),
        *(Minute, Hour, Day, Week, Month, Year),
        *(EqualsField, EndsWithField),
        Vql,
    )
    for name in modifier.names
}


@dataclass(frozen=True)
class Step:
    """What one modifier made of a value, for explanations."""

    modifier: str
    test: ValueTest

    @property
    def result(self) -> str:
        """The value after this modifier, as a person would write it."""
        return self.test.describe()


def first_test(value: Any) -> ValueTest:
    """The test of a value before any modifier: text with wildcards, a number, true/false, or null."""
    if value is None:
        return NullTest()
    if isinstance(value, bool):
        return BoolTest(value)
    if isinstance(value, int | float):
        return NumberTest(value)
    return TextPattern.parse(str(value))


def apply_modifiers(
    value: Any, names: tuple[str, ...], placeholders: Placeholders
) -> tuple[ValueTest, tuple[Step, ...]]:
    """The test of `value` under modifiers that are all known, and each step. Raises ModifierError."""
    if names and isinstance(value, str) and MODIFIERS[names[0]] is Re:
        test: ValueTest = RegexTest("")
    else:
        test = first_test(value)
    if value is None and any(name not in ("all", "neq") for name in names):
        raise ModifierError(
            "modifier_null", f"`{names[0]}` cannot be applied to null.", "Leave the value out."
        )
    steps = []
    for position, name in enumerate(names):
        modifier = MODIFIERS[name]
        before = [other for other in names[:position] if other not in ("all", "neq")]
        if modifier.must_be_first and before:
            raise ModifierError(
                "modifier_order", f"`{name}` must be the first modifier.", f"Put `{name}` first."
            )
        made = Expand(placeholders) if modifier is Expand else modifier()
        test = made.modify(test, value)
        steps.append(Step(name, test))
    return test, tuple(steps)
