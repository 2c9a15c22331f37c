"""Modifiers of how text is compared: its ends, its case, its dashes, or as a regular expression."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, ClassVar

from sigma_engine.modifiers.base import Modifier, ModifierError, each
from sigma_engine.patterns import FieldRefTest, RegexTest, ValueTest, Wild
from sigma_engine.regexes import MAX_LENGTH


class _Wrap(Modifier):
    """Opens the start, the end or both of what a value must equal."""

    place: ClassVar[str]

    def modify(self, test: ValueTest, raw: Any) -> ValueTest:
        return each(test, self._open)

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
        return each(test, self._case)

    def _case(self, test: ValueTest) -> ValueTest:
        if isinstance(test, FieldRefTest):
            return replace(test, cased=True)
        if isinstance(test, RegexTest):
            raise ModifierError(
                "modifier_type", "`cased` has no meaning after `re`, which heeds case.", "Drop it."
            )
        return replace(self.text(test), cased=True)


class Windash(Modifier):
    """A dash before a word may be any of the dashes that Windows programs take: - / and three Unicode ones."""

    names = ("windash",)
    _dash = re.compile(r"\B[-/\u2013\u2014\u2015]\b")

    def modify(self, test: ValueTest, raw: Any) -> ValueTest:
        return each(test, self._open)

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
