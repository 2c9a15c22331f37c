"""What the lambda compiler checks and names: functions, their arguments, literal regexes, nested lambdas."""

from __future__ import annotations

import difflib
from collections.abc import Container, Iterable
from typing import Any

from lark import Token, Tree

from sigma_engine import lambda_values as values
from sigma_engine.lambda_functions import FUNCTIONS, REFUSED, Function
from sigma_engine.lambda_syntax import string_value
from sigma_engine.lambda_values import LambdaError


def token_of(node: Any) -> Token:
    """The node, which is a token."""
    assert isinstance(node, Token)
    return node


def name_of(token: Token) -> str:
    """The name or text that a token stands for, without its quotes."""
    if token.type == "QUOTED":
        return str(token)[1:-1]
    if token.type == "STRING":
        return string_value(str(token))
    return str(token)[3:-3] if token.type == "LONG_STRING" else str(token)


def error_at(message: str, node: Any) -> LambdaError:
    """An error at the place of a node."""
    token = node
    while isinstance(token, Tree):
        token = token.children[0] if token.children else None
    return LambdaError(message, getattr(token, "column", None) or 1, getattr(token, "line", None) or 1)


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint that names the known word nearest to `name`; "" when none is near."""
    near = difflib.get_close_matches(name, list(known), 1)
    return f"Did you mean `{near[0]}`?" if near else ""


def function_named(token: Token) -> Function:
    """The function of that name. Raises LambdaError that says what is not supported, and why."""
    name = str(token)
    if name in FUNCTIONS:
        return FUNCTIONS[name]
    if name in REFUSED:
        raise error_at(f"The function `{name}()` is not supported: {REFUSED[name]}.", token)
    known = ", ".join(sorted(FUNCTIONS))
    hint = nearest(name, FUNCTIONS) or f"There are: {known}."
    raise error_at(f"The function `{name}()` is not supported. {hint}", token)


def check_argument(function: Function, key: str, seen: Container[str], token: Token) -> None:
    """Raises LambdaError for an argument that the function does not have, or that was given already."""
    if key in seen:
        raise error_at(f"The argument `{key}` is given twice.", token)
    if not function.takes_any and key not in function.required + function.optional:
        known = ", ".join(function.required + function.optional) or "none"
        raise error_at(f"`{function.name}()` has no argument `{key}`; it has: {known}.", token)


def check_literal_regex(node: Any) -> None:
    """Raises LambdaError when the node is a literal text that is no regular expression."""
    if not isinstance(node, Tree) or node.data not in ("string", "long_string"):
        return
    token = token_of(node.children[0])
    try:
        values.compile_regex(name_of(token))
    except LambdaError as error:
        raise error_at(error.message, token) from error
