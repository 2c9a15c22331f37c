"""What values mean inside the lambda language: truth, numbers, texts, comparison, and the bounds of a run.

The language is the part of VQL that published Sigma models use (docs/models.md). A missing member is `ABSENT`
and behaves as null. Values that do not fit an operator give null, as in VQL, never an exception; only a bound
that is reached raises.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

import orjson
import re2

from sigma_engine.values import ABSENT

MAX_TEXT = 16 * 1024  # characters of a lambda's source
MAX_DEPTH = 32  # calls and operators inside one another
MAX_STEPS = 10_000  # per evaluation
MAX_OUTPUT = 1024 * 1024  # characters and list items that one evaluation may make, all together

_DECIMAL = re.compile(r"[+-]?[0-9]{1,20}\Z")
_FLOAT = re.compile(r"[+-]?[0-9]{1,20}\.[0-9]{1,20}\Z")
_HEX = re.compile(r"0[xX][0-9a-fA-F]{1,16}\Z")
_INT_LIMIT = 1 << 64


class LambdaError(Exception):
    """A lambda that cannot be compiled, or that reached a bound while it ran.

    `line` and `column` count from 1 in the lambda's own text.
    """

    def __init__(self, message: str, column: int = 1, line: int = 1) -> None:
        super().__init__(message, column, line)
        self.message = message
        self.column = column
        self.line = line

    def __str__(self) -> str:
        return self.message


class Run:
    """One evaluation: its variables, and how many steps and how much output it has left."""

    __slots__ = ("output", "steps", "variables")

    def __init__(self, variables: list[Any]) -> None:
        self.variables = variables
        self.steps = MAX_STEPS
        self.output = MAX_OUTPUT

    def step(self, count: int = 1) -> None:
        """Takes `count` steps. Raises LambdaError when none are left."""
        self.steps -= count
        if self.steps < 0:
            raise LambdaError(f"The lambda needs more than {MAX_STEPS:,} steps for this event.")

    def charge(self, size: int) -> None:
        """Takes `size` characters or items of output. Raises LambdaError when none are left."""
        self.output -= size
        if self.output < 0:
            raise LambdaError(f"The lambda makes more than {MAX_OUTPUT:,} characters for this event.")

    def text(self, value: Any) -> str:
        """`text_of` a value, charged when it is not a text already."""
        if isinstance(value, str):
            return value
        text = text_of(value)
        self.charge(len(text))
        return text

    def scanned(self, value: Any) -> str:
        """A value's text as RE2 takes it (half surrogate pairs replaced); a step for each 4 KiB of it."""
        text = self.text(value)
        self.step(1 + (len(text) >> 12))
        try:
            text.encode()
        except UnicodeEncodeError:
            return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        return text


def is_hex_text(value: Any) -> bool:
    """Whether the value is a HexInt as Windows shows it: `0x17`."""
    return isinstance(value, str) and _HEX.match(value) is not None


def number_of(value: Any) -> int | float | None:
    """The number that a value is or shows (`23`, `"23"`, `"0x17"`, `"1.5"`), else None."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return value
    if not isinstance(value, str):
        return None
    if _DECIMAL.match(value):
        return int(value)
    if _HEX.match(value):
        return int(value, 16)
    return float(value) if _FLOAT.match(value) else None


def text_of(value: Any) -> str:
    """A value as text: null is empty, true and false are lower-case, lists and dicts are JSON."""
    if isinstance(value, str):
        return value
    if value is None or value is ABSENT:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, int) and value.bit_length() > 12_000:  # beyond what Python turns into digits
        return hex(value)
    return json_of(value) if isinstance(value, list | dict) else str(value)


def json_of(value: Any) -> str:
    """A value as JSON, keys in their order.

    Raises LambdaError for one that is larger than `MAX_OUTPUT`, nested too deep, or cannot be written.
    """
    _check_size(value)
    try:
        return orjson.dumps(value, default=_jsonable).decode()
    except TypeError as error:
        raise LambdaError(f"This value cannot be written as JSON: {error}.") from error


def _check_size(value: Any) -> None:
    """Counts what the JSON will hold before it is made: a list may hold one event many times."""
    size, waiting = 0, [value]
    while waiting:
        item = waiting.pop()
        size += 2 + (len(item) if isinstance(item, str | list | dict | bytes) else 0)
        if size > MAX_OUTPUT:
            raise LambdaError(f"This value is larger than {MAX_OUTPUT:,} characters.")
        if isinstance(item, dict):
            waiting.extend(item)
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)


def _jsonable(value: Any) -> Any:
    if value is ABSENT:
        return None
    return value.hex().upper() if isinstance(value, bytes) else str(value)


def equal(run: Run, left: Any, right: Any) -> bool:
    """`=`: null equals null and absent; a number equals a text that shows it; texts letter by letter.

    Lists and dicts are compared as their JSON.
    """
    left, right = known(left), known(right)
    if left is None or right is None or isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, str) and isinstance(right, str) and not (is_hex_text(left) and is_hex_text(right)):
        return left == right
    if isinstance(left, list | dict) or isinstance(right, list | dict):
        return type(left) is type(right) and run.text(left) == run.text(right)
    number = number_of(left)
    return number is not None and number == number_of(right)


def order(left: Any, right: Any) -> int | None:
    """-1, 0 or 1 as `left` is below, equal to or above `right`; None when they do not compare."""
    if isinstance(left, str) and isinstance(right, str) and not (is_hex_text(left) and is_hex_text(right)):
        return (left > right) - (left < right)
    first, second = number_of(left), number_of(right)
    if first is None or second is None or first != first or second != second:
        return None
    return (first > second) - (first < second)


def add(run: Run, left: Any, right: Any) -> Any:
    """`+`: texts and lists are joined, dicts merged (the right one wins), numbers added."""
    if left is ABSENT or right is ABSENT:
        return ABSENT
    if isinstance(left, str) and isinstance(right, str):
        run.charge(len(left) + len(right))
        return left + right
    if isinstance(left, list):
        tail = right if isinstance(right, list) else [right]
        run.charge(len(left) + len(tail))
        return left + tail
    if isinstance(left, dict) and isinstance(right, dict):
        run.charge(len(left) + len(right))
        return {**left, **right}
    return _arithmetic(left, right, 1)


def subtract(left: Any, right: Any) -> Any:
    """`-` of numbers; anything else is null."""
    if left is ABSENT or right is ABSENT:
        return ABSENT
    return _arithmetic(left, right, -1)


def _arithmetic(left: Any, right: Any, sign: int) -> Any:
    first, second = number_of(left), number_of(right)
    if first is None or second is None:
        return None
    try:
        result = first + sign * second
    except OverflowError:
        return None
    return None if abs(result) >= _INT_LIMIT else result


def known(value: Any) -> Any:
    """The value, null when it is absent: what stands in a list or dict is there."""
    return None if value is ABSENT else value


@lru_cache(maxsize=1024)
def compile_regex(pattern: str) -> Any:
    """A regex of the language: RE2 syntax, case-insensitive as in VQL. Raises LambdaError."""
    options = re2.Options()
    options.case_sensitive = False
    options.log_errors = False
    try:
        return re2.compile(pattern, options=options)
    except (re2.error, UnicodeError) as error:
        reason = error.args[0] if error.args else "it is not valid"
        reason = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
        raise LambdaError(f"The regular expression `{pattern[:80]}` cannot be used: {reason}.") from error


def regex_match(run: Run, value: Any, pattern: Any) -> bool:
    """`=~`: whether the pattern is found in the value's text, or in that of any element of a list."""
    if value is None or value is ABSENT or not isinstance(pattern, str):
        return False
    regex = compile_regex(pattern)
    items = value if isinstance(value, list) else [value]
    return any(regex.search(run.scanned(item)) is not None for item in items)


def contains(run: Run, value: Any, container: Any) -> bool:
    """`IN`: whether the value is an element of a list or a key of a dict."""
    if isinstance(container, list):
        run.step(1 + len(container) // 100)
        return any(equal(run, value, item) for item in container)
    return isinstance(container, dict) and isinstance(value, str) and value in container


def member(value: Any, name: str) -> Any:
    """`value.name`: of a dict; anything else, and a dict without it, gives `ABSENT`."""
    return value.get(name, ABSENT) if isinstance(value, dict) else ABSENT


def item_at(value: Any, index: int) -> Any:
    """`value[index]`: of a list, from its end when negative. A lone value is a list of itself.

    The last, because an unnamed `<Data>` is a list only when the event has several (research/sigma.md
    section 0).
    """
    if isinstance(value, list):
        return value[index] if -len(value) <= index < len(value) else ABSENT
    if value is None or value is ABSENT or isinstance(value, dict):
        return ABSENT
    return value if index in (0, -1) else ABSENT
