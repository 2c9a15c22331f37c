"""Sigma's value modifiers: one class each, and the one table that names them.

A chain runs left to right over each value of a field; `all` and `neq` act on the whole list wherever they stand
(Sigma specification 2.1, "Value modifiers"; rulings in research/sigma.md section 1).
"""

from __future__ import annotations

import base64
import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar

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
from sigma_engine.regexes import MAX_LENGTH


class ModifierError(Exception):
    """A modifier that cannot be applied as written; carries the parts of the finding."""

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.code, self.message, self.hint = code, message, hint


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


def _each(test: ValueTest, change: Callable[[ValueTest], ValueTest]) -> ValueTest:
    """`change` applied to a test, or to each alternative of one that has several."""
    return AnyTest(tuple(change(one) for one in test.tests)) if isinstance(test, AnyTest) else change(test)


class _Wrap(Modifier):
    """Opens the start, the end or both of what a value must equal."""

    place: ClassVar[str]

    def modify(self, test: ValueTest, raw: Any) -> ValueTest:
        return _each(test, self._open)

    def _open(self, test: ValueTest) -> ValueTest:
        if isinstance(test, FieldRefTest):
            return replace(test, place=self.place)
        if isinstance(test, RegexTest):
            return self._open_regex(test)
        parts = self.text(test).parts
        before = (Wild.ANY,) if self.place != "startswith" else ()
        after = (Wild.ANY,) if self.place != "endswith" else ()
        return self.text(test).with_parts(*before, *parts, *after)

    def _open_regex(self, test: RegexTest) -> RegexTest:
        """A regular expression is a search already: only a fixed start or end adds anything."""
        start = r"\A" if self.place == "startswith" else ""
        end = r"\Z" if self.place == "endswith" else ""
        return replace(test, pattern=f"{start}(?:{test.pattern}){end}") if start or end else test


class Contains(_Wrap):
    """The value stands anywhere in the field."""

    names = ("contains",)
    place = "contains"


class StartsWith(_Wrap):
    """The field starts with the value."""

    names = ("startswith",)
    place = "startswith"


class EndsWith(_Wrap):
    """The field ends with the value."""

    names = ("endswith",)
    place = "endswith"


class Cased(Modifier):
    """Upper and lower case differ."""

    names = ("cased",)

    def modify(self, test: ValueTest, raw: Any) -> ValueTest:
        return _each(test, self._case)

    def _case(self, test: ValueTest) -> ValueTest:
        if isinstance(test, FieldRefTest):
            return replace(test, cased=True)
        if isinstance(test, RegexTest):
            raise ModifierError(
                "modifier_type", "`cased` has no meaning after `re`, which heeds case.", "Drop it."
            )
        return replace(self.text(test), cased=True)


class Exists(Modifier):
    """The field is there (`true`) or not (`false`), whatever its value."""

    names = ("exists",)
    must_be_first = True

    def modify(self, test: ValueTest, raw: Any) -> ValueTest:
        if not isinstance(raw, bool):
            raise ModifierError(
                "modifier_value", "`exists` takes true or false.", "Write `true` or `false` unquoted."
            )
        return ExistsTest(raw)


class Re(Modifier):
    """A regular expression found anywhere in the field; case counts; Sigma's escaping does not apply."""

    names = ("re",)
    must_be_first = True

    def modify(self, test: ValueTest, raw: Any) -> ValueTest:
        if not isinstance(raw, str):
            raise ModifierError("modifier_type", "`re` needs text.", "Quote the value.")
        if len(raw) > MAX_LENGTH:
            raise ModifierError(
                "regex_too_long", f"The expression has {len(raw):,} characters, the limit is {MAX_LENGTH:,}."
            )
        return _checked_regex(RegexTest(raw))


def _checked_regex(test: RegexTest) -> RegexTest:
    try:
        _ = test.regex
    except (re.error, RecursionError, OverflowError) as error:
        raise ModifierError("regex_invalid", f"This regular expression is not valid: {error}.") from error
    return test


class _RegexFlag(Modifier):
    """A flag of the regular expression before it; flags add up."""

    flag: ClassVar[re.RegexFlag]

    def modify(self, test: ValueTest, raw: Any) -> ValueTest:
        if not isinstance(test, RegexTest):
            raise ModifierError(
                "modifier_order", f"`{self.names[0]}` is a flag of `re`.", "Write `re` before it."
            )
        return _checked_regex(replace(test, flags=test.flags | self.flag))


class IgnoreCase(_RegexFlag):
    """Case does not count."""

    names = ("i", "ignorecase")
    flag = re.IGNORECASE


class Multiline(_RegexFlag):
    """`^` and `$` match at every line."""

    names = ("m", "multiline")
    flag = re.MULTILINE


class DotAll(_RegexFlag):
    """`.` matches a newline too."""

    names = ("s", "dotall")
    flag = re.DOTALL


class _Encode(Modifier):
    """Encodes text to UTF-16; what follows (`base64`, `base64offset`) sees the bytes."""

    encoding: ClassVar[str]
    mark: ClassVar[bytes] = b""

    def modify(self, test: ValueTest, raw: Any) -> ValueTest:
        return _each(test, self._encode)

    def _encode(self, test: ValueTest) -> ValueTest:
        pattern = self.plain(test)
        encoded = self.mark + (pattern.literal or "").encode(self.encoding, "surrogatepass")
        return TextPattern((encoded.decode("latin-1"),), pattern.cased, is_bytes=True)


class Wide(_Encode):
    """UTF-16 little endian, as Windows writes it."""

    names = ("wide", "utf16le")
    encoding = "utf-16-le"


class Utf16Be(_Encode):
    """UTF-16 big endian."""

    names = ("utf16be",)
    encoding = "utf-16-be"


class Utf16(_Encode):
    """UTF-16 little endian behind a byte order mark."""

    names = ("utf16",)
    encoding = "utf-16-le"
    mark = b"\xff\xfe"


def _bytes(pattern: TextPattern) -> bytes:
    text = pattern.literal or ""
    return text.encode("latin-1") if pattern.is_bytes else text.encode("utf-8", "surrogatepass")


class Base64(Modifier):
    """The value, encoded whole, with its padding."""

    names = ("base64",)

    def modify(self, test: ValueTest, raw: Any) -> ValueTest:
        return _each(test, self._encode)

    def _encode(self, test: ValueTest) -> ValueTest:
        pattern = self.plain(test)
        return TextPattern((base64.b64encode(_bytes(pattern)).decode(),), pattern.cased)


class Base64Offset(Modifier):
    """The value inside some encoded text: one form for each of the three places it may fall on."""

    names = ("base64offset",)
    # Of the encoding of i bytes and the value, the first characters also hold bits of what stands before
    # (0, 2, 3 of them), the last ones of what follows, by (length + i) % 3.
    _start = (0, 2, 3)
    _end = (None, -3, -2)

    def modify(self, test: ValueTest, raw: Any) -> ValueTest:
        pattern = self.plain(test)
        content = _bytes(pattern)
        return AnyTest(tuple(TextPattern((self._shifted(content, i),), pattern.cased) for i in range(3)))

    def _shifted(self, content: bytes, shift: int) -> str:
        encoded = base64.b64encode(b" " * shift + content).decode()
        return encoded[self._start[shift] : self._end[(len(content) + shift) % 3]]


class Windash(Modifier):
    """A dash before a word may be any of the dashes that Windows programs take: - / and three Unicode ones."""

    names = ("windash",)
    _dash = re.compile(r"\B[-/\u2013\u2014\u2015]\b")

    def modify(self, test: ValueTest, raw: Any) -> ValueTest:
        return _each(test, self._open)

    def _open(self, test: ValueTest) -> ValueTest:
        pattern = self.text(test)
        parts: list[str | Wild] = []
        for part in pattern.parts:
            if isinstance(part, Wild):
                parts.append(part)
                continue
            pieces = self._dash.split(part)
            for index, piece in enumerate(pieces):
                parts += [Wild.DASH, piece] if index else [piece]
        return pattern.with_parts(*parts)


class Cidr(Modifier):
    """An address in a network, IPv4 or IPv6; a single address is a network of one."""

    names = ("cidr",)
    must_be_first = True

    def modify(self, test: ValueTest, raw: Any) -> ValueTest:
        if not isinstance(raw, str):
            raise ModifierError(
                "modifier_type", "`cidr` needs text such as `10.0.0.0/8`.", "Quote the value."
            )
        try:
            return CidrTest(ipaddress.ip_network(raw, strict=False))
        except ValueError as error:
            raise ModifierError(
                "cidr_invalid", f"`{raw}` is not a network: {error}.", "Write `10.0.0.0/8`."
            ) from error


class _Compare(Modifier):
    """Compares with a number; of several values any will do."""

    def modify(self, test: ValueTest, raw: Any) -> ValueTest:
        name = self.names[0]
        if isinstance(test, TimePartTest) and isinstance(test.test, NumberTest):
            return replace(test, test=CompareTest(name, test.test.number))
        if not isinstance(test, NumberTest):
            raise ModifierError(
                "modifier_type", f"`{name}` needs a number.", "Write the number without quotes."
            )
        return CompareTest(name, test.number)


class Gt(_Compare):
    """Greater than."""

    names = ("gt",)


class Gte(_Compare):
    """Greater than or equal."""

    names = ("gte",)


class Lt(_Compare):
    """Less than."""

    names = ("lt",)


class Lte(_Compare):
    """Less than or equal."""

    names = ("lte",)


class FieldRef(Modifier):
    """Equal to another field of the event; with `startswith`, `endswith` or `contains`, to a part of this one."""

    names = ("fieldref",)

    def modify(self, test: ValueTest, raw: Any) -> ValueTest:
        if not isinstance(raw, str) or not raw:
            raise ModifierError("modifier_type", "`fieldref` needs the name of a field.")
        place = "equals"
        if isinstance(test, TextPattern):
            wilds = (test.parts[:1] == (Wild.ANY,), test.parts[-1:] == (Wild.ANY,))
            place = {(True, True): "contains", (True, False): "endswith", (False, True): "startswith"}.get(
                wilds, "equals"
            )
        return FieldRefTest(raw, place, isinstance(test, TextPattern) and test.cased)


class Expand(Modifier):
    """`%name%` stands for a list that the site defines."""

    names = ("expand",)
    _placeholder = re.compile(r"%([^%\s]+)%")

    def modify(self, test: ValueTest, raw: Any) -> ValueTest:
        name = self._placeholder.search(str(raw))
        if name is None:
            raise ModifierError(
                "placeholder_missing", "`expand` needs a placeholder such as `%Workstations%`."
            )
        raise ModifierError(
            "placeholder_undefined",
            f"The placeholder `%{name[1]}%` has no values here.",
            "Write the values into the rule.",
        )


class _TimePart(Modifier):
    """One part of a time in UTC."""

    def modify(self, test: ValueTest, raw: Any) -> ValueTest:
        if not isinstance(test, NumberTest):
            raise ModifierError(
                "modifier_type", f"`{self.names[0]}` needs a number.", "Write it without quotes."
            )
        return TimePartTest(self.names[0], test)


class Minute(_TimePart):
    """Minute of the hour, 0 to 59."""

    names = ("minute",)


class Hour(_TimePart):
    """Hour of the day, 0 to 23."""

    names = ("hour",)


class Day(_TimePart):
    """Day of the month."""

    names = ("day",)


class Week(_TimePart):
    """Week of the year, 1 to 53, by ISO 8601."""

    names = ("week",)


class Month(_TimePart):
    """Month, 1 to 12."""

    names = ("month",)


class Year(_TimePart):
    """Year, four digits."""

    names = ("year",)


class All(Modifier):
    """Every value must be found, not just one."""

    names = ("all",)

    def modify(self, test: ValueTest, raw: Any) -> ValueTest:
        return test


class Neq(Modifier):
    """The whole test is turned round: true for a missing field as well."""

    names = ("neq",)

    def modify(self, test: ValueTest, raw: Any) -> ValueTest:
        return test


MODIFIERS: dict[str, type[Modifier]] = {
    name: modifier
    for modifier in (
        *(Contains, StartsWith, EndsWith, All, Cased, Exists, Neq, Re, IgnoreCase, Multiline, DotAll),
        *(Base64, Base64Offset, Wide, Utf16Be, Utf16, Windash, Cidr, Gt, Gte, Lt, Lte, FieldRef, Expand),
        *(Minute, Hour, Day, Week, Month, Year),
    )
    for name in modifier.names
}


@dataclass(frozen=True)
class Step:
    """What one modifier made of a value, for explanations."""

    modifier: str
    result: str


def first_test(value: Any) -> ValueTest:
    """The test of a value before any modifier: text with wildcards, a number, true/false, or null."""
    if value is None:
        return NullTest()
    if isinstance(value, bool):
        return BoolTest(value)
    if isinstance(value, int | float):
        return NumberTest(value)
    return TextPattern.parse(str(value))


def apply_modifiers(value: Any, names: tuple[str, ...]) -> tuple[ValueTest, tuple[Step, ...]]:
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
        test = modifier().modify(test, value)
        steps.append(Step(name, test.describe()))
    return test, tuple(steps)
