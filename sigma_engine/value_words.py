"""One value of a field test in words: a verb with its opposite, what it asks for, and what has to be said beside it.

The words are made of the test that the matcher runs, not of the modifiers' names. Only what encoded a value is told by
its modifiers, since what comes out of it is for machines.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sigma_engine.detection import Value
from sigma_engine.hayabusa_keys import LengthTest
from sigma_engine.patterns import (
    AnyTest,
    BoolTest,
    CidrTest,
    CompareTest,
    ExistsTest,
    FieldRefTest,
    NullTest,
    NumberTest,
    RegexTest,
    TextPattern,
    TimePartTest,
    ValueTest,
    Wild,
)
from sigma_engine.vql_test import VqlTest

COMPARED: Final = {"gt": "greater than", "gte": "at least", "lt": "less than", "lte": "at most"}
_ENCODINGS: Final = {
    "base64": "Base64",
    "base64offset": "Base64 at any offset",
    "wide": "UTF-16 little endian",
    "utf16le": "UTF-16 little endian",
    "utf16be": "UTF-16 big endian",
    "utf16": "UTF-16 with a byte order mark",
}
_FLAGS: Final = (
    (re.IGNORECASE, "upper and lower case are one"),
    (re.MULTILINE, "^ and $ stand at each line"),
    (re.DOTALL, ". stands for a new line too"),
)
_FIELD_PLACES: Final = {
    "equals": ("is the same as", "is not the same as"),
    "startswith": ("begins with", "does not begin with"),
    "endswith": ("ends with", "does not end with"),
    "contains": ("contains", "does not contain"),
}
_FIELD, _REGEX, _LAMBDA = (
    ("the value of the field", "the values of the fields"),
    ("the regular expression", "the regular expressions"),
    ("the lambda", "the lambdas"),
)
# By whether the pattern is open before and behind its text.
_TEXT_PLACES: Final = {
    (False, False): ("is", "is not"),
    (True, False): ("ends with", "does not end with"),
    (False, True): ("begins with", "does not begin with"),
    (True, True): ("contains", "does not contain"),
}
_LIKE: Final = ("is like", "is not like")
CASED: Final = "upper and lower case matter"


@dataclass(frozen=True, slots=True)
class ValueWords:
    """Between the field and `shown` go `verb` or `opposite`, and one of `nouns`: for one and for several, "" for plain
    values. `shown` is empty where they say all; `notes` follow in brackets."""

    verb: str
    opposite: str
    shown: str = ""
    notes: tuple[str, ...] = ()
    nouns: tuple[str, str] = ("", "")

    @property
    def kind(self) -> tuple[object, ...]:
        """What values share that can stand in one list."""
        return self.verb, self.opposite, self.notes, self.nouns, bool(self.shown)


def value_words(value: Value, modifiers: Sequence[str]) -> list[ValueWords]:
    """A value of a field test; several where one value stands for any of several texts (`expand`)."""
    encodings = tuple(_ENCODINGS[name] for name in modifiers if name in _ENCODINGS)
    tests = value.test.tests if isinstance(value.test, AnyTest) else (value.test,)
    if encodings:  # the three forms of one text are one
        return [_encoded(tests[0], str(value.raw), encodings)]
    return [_words(test) for test in tests]


def _encoded(test: ValueTest, raw: str, encodings: tuple[str, ...]) -> ValueWords:
    said = _words(test)
    notes = (f"as {', then '.join(encodings)}", *said.notes)
    return ValueWords(said.verb, said.opposite, f"`{raw}`", notes)


def _words(test: ValueTest) -> ValueWords:
    match test:
        case TextPattern():
            return _text(test)
        case NumberTest() | BoolTest():
            return ValueWords("is", "is not", test.describe())
        case NullTest():
            return ValueWords("is null or absent", "is there and not null")
        case ExistsTest():
            there = ("is there", "is absent")
            return ValueWords(*(there if test.wanted else there[::-1]))
        case RegexTest():
            return _regex(test)
        case CidrTest():
            return ValueWords("is an address in", "is no address in", f"`{test.network}`")
        case CompareTest():
            word = COMPARED[test.operator]
            return ValueWords(f"is a number {word}", f"is no number {word}", f"{test.number}")
        case TimePartTest():
            return _time_part(test)
        case FieldRefTest():
            notes = (CASED,) if test.cased else ()
            return ValueWords(*_FIELD_PLACES[test.place], f"`{test.field}`", notes, _FIELD)
        case LengthTest():
            return ValueWords("has", "does not have", test.describe())
        case VqlTest():
            return ValueWords("fulfils", "does not fulfil", f"`{test.text}`", nouns=_LAMBDA)
    raise TypeError(f"{type(test).__name__} has no words")


def _text(test: TextPattern) -> ValueWords:
    dashes = ("each - is any dash or a slash",) if Wild.DASH in test.parts else ()
    notes: tuple[str, ...] = (*dashes, CASED) if test.cased else dashes
    if not test.parts:
        return ValueWords("is an empty text", "is no empty text", notes=notes)
    if test.parts == (Wild.ANY,):
        return ValueWords("has any value", "has no value")
    before, behind = test.parts[0] is Wild.ANY, test.parts[-1] is Wild.ANY
    inner = test.parts[int(before) : len(test.parts) - int(behind)]
    if any(part in (Wild.ANY, Wild.ONE) for part in inner):
        said = "* is any text, ? is one character" if Wild.ONE in inner else "* is any text"
        return ValueWords(*_LIKE, f"`{test.describe()}`", (said, *notes))
    text = "".join(part.value if isinstance(part, Wild) else part for part in inner)
    return ValueWords(*_TEXT_PLACES[before, behind], f"`{text}`", notes)


def _regex(test: RegexTest) -> ValueWords:
    notes = tuple(said for flag, said in _FLAGS if test.flags & flag)
    notes += () if test.flags & re.IGNORECASE else (CASED,)
    return ValueWords("matches", "does not match", f"`{test.pattern}`", notes, _REGEX)


def _time_part(test: TimePartTest) -> ValueWords:
    part = f"{test.part} (UTC)"
    if isinstance(test.test, CompareTest):
        word = COMPARED[test.test.operator]
        return ValueWords(
            f"is a time whose {part} is {word}", f"is no time whose {part} is {word}", str(test.test.number)
        )
    return ValueWords(f"is a time whose {part} is", f"is no time whose {part} is", test.test.describe())
