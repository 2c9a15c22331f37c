"""What a Sigma value asks of an event's value: the tests that a rule's leaves are made of.

Every test is a frozen value with `matches(value)`, the plain meaning by research/sigma.md sections 1 and 4, on
one event value that is no list (for a list, any element may match; that is the caller's loop). The compiler turns
the same objects into atoms; `matches` stays the law that both evaluators are held to.
"""

from __future__ import annotations

import ipaddress
import itertools
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from functools import cached_property
from typing import Any, Protocol

from sigma_engine.regexes import Regex
from sigma_engine.values import ABSENT, value_texts


def holds(test: ValueTest, value: Any) -> bool:
    """Whether a field's value fulfils a test: of a list any element may, an empty list counts as null."""
    if not isinstance(value, list):
        return test.matches(value)
    if isinstance(test, ExistsTest):
        return test.matches(value)
    return any(test.matches(item) for item in value) if value else test.matches(None)


class Wild(Enum):
    """What stands for characters that are not given."""

    ANY = "*"  # any number of characters, none too
    ONE = "?"  # exactly one, a newline too
    DASH = "-"  # one of the five dashes of `windash`


DASHES = "-/\u2013\u2014\u2015"
Part = str | Wild


class ValueTest(Protocol):
    """A test of one event value."""

    def matches(self, value: Any) -> bool:
        """Whether `value` (no list) fulfils the test."""
        ...

    def describe(self) -> str:
        """The test as a person would write it."""
        ...


@dataclass(frozen=True)
class TextPattern:
    """A string with wildcards, over the whole value, ignoring case unless `cased`.

    `parts` alternates literals and wildcards. `is_bytes` marks what `wide` and its like made: each character
    is a byte.
    """

    parts: tuple[Part, ...]
    cased: bool = False
    is_bytes: bool = False

    @classmethod
    def parse(cls, text: str) -> TextPattern:
        r"""From a rule's string: `*` and `?` are wild, `\*`, `\?` and `\\` stand for themselves, a backslash
        before anything else is a backslash (Sigma specification, "Escaping")."""
        parts: list[Part] = []
        literal: list[str] = []
        index = 0
        while index < len(text):
            character = text[index]
            if character == "\\" and text[index + 1 : index + 2] in ("\\", "*", "?"):
                literal.append(text[index + 1])
                index += 1
            elif character in "*?":
                if literal:
                    parts.append("".join(literal))
                    literal = []
                parts.append(Wild(character))
            else:
                literal.append(character)
            index += 1
        if literal:
            parts.append("".join(literal))
        return cls(_without_double_stars(parts))

    def with_parts(self, *parts: Part) -> TextPattern:
        """The same kind of pattern with other parts."""
        return TextPattern(_without_double_stars(parts), self.cased, self.is_bytes)

    @property
    def literal(self) -> str | None:
        """The text when there is no wildcard, else None."""
        if not self.parts:
            return ""
        return self.parts[0] if len(self.parts) == 1 and isinstance(self.parts[0], str) else None

    def literals(self) -> tuple[str, ...] | None:
        """The folded texts, with sentinels at fixed ends, one of which a value must hold, if that is all it asks.

        A fixed start is written as \\x02 and a fixed end as \\x03. None when inner wildcards (or more than two
        dashes) need more than a search for literals; () when any text will do.
        """
        middle = list(self.parts)
        starts, ends = middle[:1] == [Wild.ANY], middle[-1:] == [Wild.ANY]
        middle = middle[1:] if starts else middle
        middle = middle[:-1] if ends and middle else middle
        if any(part in (Wild.ANY, Wild.ONE) for part in middle) or middle.count(Wild.DASH) > 2:
            return None
        if not middle and (starts or ends):
            return ()
        choices = [DASHES if part is Wild.DASH else (str(part).lower(),) for part in middle]
        texts = ("".join(chosen) for chosen in itertools.product(*choices))
        return tuple(f"{'' if starts else chr(2)}{text}{'' if ends else chr(3)}" for text in texts)

    def required(self) -> str:
        """The longest literal part, folded: no value without it can match. Empty when there is none."""
        return max((part.lower() for part in self.parts if isinstance(part, str)), key=len, default="")

    @cached_property
    def _expression(self) -> re.Pattern[str]:
        wild = {Wild.ANY: ".*", Wild.ONE: ".", Wild.DASH: f"[{re.escape(DASHES)}]"}
        body = "".join(
            wild[part] if isinstance(part, Wild) else re.escape(part if self.cased else part.lower())
            for part in self.parts
        )
        return re.compile(body, re.DOTALL)

    @cached_property
    def _searcher(self) -> Callable[[str], bool]:
        literals = self.literals()
        if literals is None:
            return lambda text: self._expression.fullmatch(text) is not None
        if not literals:
            return lambda text: True
        if len(literals) > 1 or self.cased:
            return lambda text: self._expression.fullmatch(text) is not None
        needle = literals[0]
        return lambda text: needle in f"\x02{text}\x03"

    def matches_text(self, text: str) -> bool:
        """Whether this one text fulfils the pattern."""
        if "\x02" in text or "\x03" in text:
            return self._expression.fullmatch(text if self.cased else text.lower()) is not None
        return self._searcher(text if self.cased else text.lower())

    def matches(self, value: Any) -> bool:
        return any(map(self.matches_text, value_texts(value)))

    def describe(self) -> str:
        return "".join(
            part.value if isinstance(part, Wild) else re.sub(r"([*?]|\\(?=[*?\\]|$))", r"\\\1", part)
            for part in self.parts
        )

    def __getstate__(self) -> tuple[Any, ...]:
        return (self.parts, self.cased, self.is_bytes)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        for name, value in zip(("parts", "cased", "is_bytes"), state, strict=True):
            object.__setattr__(self, name, value)


def _without_double_stars(parts: Any) -> tuple[Part, ...]:
    kept: list[Part] = []
    for part in parts:
        if part is Wild.ANY and kept and kept[-1] is Wild.ANY:
            continue
        if isinstance(part, str) and kept and isinstance(kept[-1], str):
            kept[-1] += part
        elif part != "":
            kept.append(part)
    return tuple(kept)


@dataclass(frozen=True)
class NumberTest:
    """Equal to a number: as a number, or as its decimal or `0x` text (`007` is not 7)."""

    number: int | float

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
        try:
            address = ipaddress.ip_address(value.strip().partition("%")[0])
        except ValueError:
            return False
        mapped = getattr(address, "ipv4_mapped", None)
        return (mapped or address) in self.network

    def describe(self) -> str:
        return str(self.network)


def to_number(value: Any) -> int | float | None:
    """An event's value as a number: numbers, and text that is decimal, a float or `0x` hex; else None."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float):
        return value
    if not isinstance(value, str):
        return None
    for convert in (int, lambda text: int(text, 16) if text[:2].lower() == "0x" else float(text)):
        try:
            return convert(value.strip())
        except ValueError:
            continue
    return None


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
        fold = str if self.cased else str.lower
        return any(
            self._stands(fold(a), fold(b))
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
