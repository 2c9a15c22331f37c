"""Velociraptor's modifier `vql`: the value is a lambda over the field's value."""

from __future__ import annotations

from typing import Any

from sigma_engine.lambdas import LambdaError, compile_field_lambda
from sigma_engine.modifiers.base import Modifier, ModifierError
from sigma_engine.patterns import ValueTest
from sigma_engine.vql_test import VqlTest


class Vql(Modifier):
    """True when the lambda is, for a value of the field (Velociraptor's dialect)."""

    names = ("vql",)
    must_be_first = True

    def modify(self, test: ValueTest, raw: Any) -> ValueTest:
        if not isinstance(raw, str):
            raise ModifierError("vql_lambda", "`vql` needs a lambda, as in `x=>x =~ 'a'`.")
        try:
            return VqlTest(raw.strip(), compile_field_lambda(raw.strip()))
        except LambdaError as error:
            raise ModifierError("vql_lambda", error.message, offset=error.column - 1) from error
