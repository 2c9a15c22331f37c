"""What a Sigma value asks of an event's value: the tests that a rule's leaves are made of.

Every test is a frozen value with `matches(value)`, the plain meaning by research/sigma.md sections 1 and 4, on
one event value that is no list (for a list, any element may match; that is the caller's loop). The compiler turns
the same objects into atoms; `matches` stays the law that both evaluators are held to.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from typing import Any, Protocol

from sigma_engine.regexes import Regex
from sigma_engine.text_pattern import TextPattern, Wild
from sigma_engine.values import ABSENT, fold, value_texts

__all__ = [
    "AnyTest",
    "BoolTest",
    "CidrTest",
    "CompareTest",
    "ExistsTest",
    "FieldRefTest",
    "NullTest",
    "NumberTest",
    "RegexTest",
    "TextPattern",
    "TimePartTest",
    "ValueTest",
    "Wild",
    "holds",
    "to_number",
]


def holds(test: ValueTest, value: Any) -> bool:
    """Whether a field's value fulfils a test: of a list any element may, an empty list counts as null."""
    if not isinstance(value, list):
        return test.matches(value)
    if isinstance(test, ExistsTest):
        return test.matches(value)
    return any(test.matches(item) for item in value) if value else test.matches(None)


class ValueTest(Protocol):
    """A test of one event value."""

    def matches(self, value: Any) -> bool:
        """Whether `value` (no list) fulfils the test."""
        ...

    def describe(self) -> str:
        """The test as a person would write it."""
        ...


@dataclass(frozen=True)
class NumberTest:
    """Equal to a number: as a number, or as its decimal or `0x` text (`007` is not 7)."""

    number: int | float

    def __eq__(self, other: object) -> bool:
        # To Python 1 and 1.0 are one, but they are written as other texts.
        return isinstance(other, NumberTest) and self._typed == other._typed

    def __hash__(self) -> int:
        return hash(self._typed)

    @property
    def _typed(self) -> tuple[type, int | float]:
        return type(self.number), self.number

    def matches(self, value: Any) -> bool:
        if isinstance(value, bool):
            return False
        if isinstance(value, int | float):
            return value == self.number
        return isinstance(value, str) and value.lower() in value_texts(self.number)

    def describe(self) -> str:
        return str(self.number)


@dataclass(frozen=True)
class BoolTest:
    """True or false, as a boolean or as its text in any case."""

    truth: bool

    def matches(self, value: Any) -> bool:
        if isinstance(value, bool):
            return value is self.truth
        return isinstance(value, str) and value.lower() == ("true" if self.truth else "false")

    def describe(self) -> str:
        return "true" if self.truth else "false"


@dataclass(frozen=True)
class NullTest:
    """Absent or null; an empty text or `-` is neither (research/sigma.md section 4, null table)."""

    def matches(self, value: Any) -> bool:
        return value is None or value is ABSENT

    def describe(self) -> str:
        return "null"


@dataclass(frozen=True)
class ExistsTest:
    """Present (`wanted`) or absent, even when null or empty."""

    wanted: bool

    def matches(self, value: Any) -> bool:
        return (value is not ABSENT) is self.wanted

    def describe(self) -> str:
        return "present" if self.wanted else "absent"


@dataclass(frozen=True)
class RegexTest:
    """A regular expression found anywhere in the value; case counts unless the `i` flag is set."""

    pattern: str
    flags: re.RegexFlag = re.NOFLAG

    @cached_property
    def regex(self) -> Regex:
        """The compiled pattern, made when first asked. Raises `re.error` when Python refuses it."""
        return Regex(self.pattern, self.flags)

    def matches(self, value: Any) -> bool:
        return any(map(self.regex.search, value_texts(value)))

    def describe(self) -> str:
        return self.pattern

    def __getstate__(self) -> tuple[Any, ...]:
        return (self.pattern, self.flags)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        for name, value in zip(("pattern", "flags"), state, strict=True):
            object.__setattr__(self, name, value)


@dataclass(frozen=True)
class CidrTest:
    """An address within a network; `::ffff:a.b.c.d` counts as IPv4, a zone (`%eth0`) is left out."""

    network: ipaddress.IPv4Network | ipaddress.IPv6Network

    def matches(self, value: Any) -> bool:
        if not isinstance(value, str):
            return False
        address = _to_address(value)
        return address is not None and address in self.network

    def describe(self) -> str:
        return str(self.network)


@lru_cache(maxsize=64)
def _to_address(value: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address that a text is. Remembered, since dozens of networks are asked of each value in a row."""
    try:
        address = ipaddress.ip_address(value.strip().partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


# What Windows and JSON write: not `inf`, `1_000` or digits of other scripts, which Python reads as numbers too.
_DECIMAL = re.compile(r"[+-]?[0-9]+")
_FRACTION = re.compile(r"[+-]?([0-9]+\.[0-9]*|\.?[0-9]+)(e[+-]?[0-9]+)?", re.IGNORECASE)
_HEX = re.compile(r"0x[0-9a-f]+", re.IGNORECASE)
MAX_DIGITS = 400  # beyond the largest float; a longer text is no number that anybody compares


def to_number(value: Any) -> int | float | None:
    """An event's value as a number: numbers, and text that is decimal, a fraction or `0x` hex; else None."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float):
        return value
    if not isinstance(value, str) or len(value) > MAX_DIGITS:
        return None
    text = value.strip()
    if _DECIMAL.fullmatch(text):
        return int(text)
    if _HEX.fullmatch(text):
        return int(text, 16)
    return float(text) if _FRACTION.fullmatch(text) else None


_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "gt": lambda a, b: a > b,
    "gte": lambda a, b: a >= b,
    "lt": lambda a, b: a < b,
    "lte": lambda a, b: a <= b,
}


@dataclass(frozen=True)
class CompareTest:
    """Greater or less than a number; what is no number is false."""

    operator: str
    number: int | float

    def matches(self, value: Any) -> bool:
        number = to_number(value)
        return number is not None and _COMPARE[self.operator](number, self.number)

    def describe(self) -> str:
        return f"{self.operator} {self.number}"


@dataclass(frozen=True)
class TimePartTest:
    """A part of a time (UTC; ISO weeks) that equals a number or compares with it."""

    part: str
    test: NumberTest | CompareTest

    def matches(self, value: Any) -> bool:
        moment = _to_time(value)
        if moment is None:
            return False
        part = moment.isocalendar().week if self.part == "week" else getattr(moment, self.part)
        return self.test.matches(part)

    def describe(self) -> str:
        return f"{self.part} {self.test.describe()}"


def _to_time(value: Any) -> datetime | None:
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return datetime.fromtimestamp(value, UTC)
        if isinstance(value, str):
            moment = datetime.fromisoformat(value)
            return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return None


@dataclass(frozen=True)
class FieldRefTest:
    """Compares with another field of the same event, whose value is taken literally.

    `place` is `equals`, `startswith`, `endswith` or `contains`. Needs both values, so it is asked through
    `compares`; a missing side is false (research/sigma.md section 1, row `fieldref`).
    """

    field: str
    place: str = "equals"
    cased: bool = False

    def compares(self, left: Any, right: Any) -> bool:
        """Whether `left` stands to `right` as wanted; of lists, any pair."""
        lefts = left if isinstance(left, list) else [left]
        rights = right if isinstance(right, list) else [right]
        folded = str if self.cased else fold
        return any(
            self._stands(folded(a), folded(b))
            for one in lefts
            for other in rights
            for a in value_texts(one)
            for b in value_texts(other)
        )

    def _stands(self, left: str, right: str) -> bool:
        if self.place == "equals":
            return left == right
        if self.place == "startswith":
            return left.startswith(right)
        return left.endswith(right) if self.place == "endswith" else right in left

    def matches(self, value: Any) -> bool:
        raise TypeError("a field reference needs the other field's value: call compares()")

    def describe(self) -> str:
        return f"{self.place} the value of {self.field}"


@dataclass(frozen=True)
class AnyTest:
    """One of several tests, which one value of a rule stands for (`base64offset` has three)."""

    tests: tuple[ValueTest, ...]

    def matches(self, value: Any) -> bool:
        return any(test.matches(value) for test in self.tests)

    def describe(self) -> str:
        return " or ".join(test.describe() for test in self.tests)
