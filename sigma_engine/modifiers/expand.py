"""Placeholders: names in a rule's values for lists that each site defines for itself."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from typing import Any

from sigma_engine.modifiers.base import Modifier, ModifierError
from sigma_engine.patterns import AnyTest, TextPattern, ValueTest
from sigma_engine.placeholders import Placeholders

MAX_EXPANSIONS = 200  # values that one value may stand for, as in pySigma

# A backslash before the percent sign makes it one of the text (Sigma specification, "Placeholders").
_PLACEHOLDER = re.compile(r"(?<!\\)%([^%\s]+?)(?<!\\)%")


class Expand(Modifier):
    """`%name%` stands for a list that the site defines; several of them for every combination."""

    names = ("expand",)

    def __init__(self, placeholders: Placeholders | None = None) -> None:
        self._placeholders: Placeholders = {} if placeholders is None else placeholders

    def modify(self, test: ValueTest, raw: Any) -> ValueTest:
        pattern = self.text(test)
        text = str(raw)
        names = _PLACEHOLDER.findall(text)
        if not names:
            raise ModifierError(
                "placeholder_missing", "`expand` needs a placeholder such as `%Workstations%`."
            )
        choices = [self._placeholders.get(name) for name in names]
        for name, values in zip(names, choices, strict=True):
            if values is None:
                message = f"The placeholder `%{name}%` has no values here."
                hint = "Define its values for this rule set, or write them into the rule."
                raise ModifierError("placeholder_undefined", message, hint)
        texts = _expanded(text, [values for values in choices if values is not None])
        # What stood round the value, wildcards of a `contains` before it, stands round each of its values.
        around = pattern.around(TextPattern.parse(text))
        return AnyTest(tuple(around(TextPattern.parse(one)) for one in texts))


def _expanded(text: str, choices: list[Sequence[str]]) -> list[str]:
    count = 1
    for values in choices:
        count *= len(values)
    if not 0 < count <= MAX_EXPANSIONS:
        message = f"This stands for {count:,} values; there may be 1 to {MAX_EXPANSIONS}."
        raise ModifierError("placeholder_values", message)
    return [_filled(text, chosen) for chosen in itertools.product(*choices)]


def _filled(text: str, values: Sequence[str]) -> str:
    following = iter(values)
    return _PLACEHOLDER.sub(lambda match: next(following), text).replace("\\%", "%")
