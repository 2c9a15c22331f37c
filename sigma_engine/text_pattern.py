"""A string of a rule with its wildcards, and whether a text fulfils it."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import Any

from sigma_engine.values import fold, value_texts

_SPECIAL = re.compile(r"[\\*?]")
_TOKEN = re.compile(r"\\[\\*?]|[*?]|[^\\*?]+|\\")
_ESCAPES = ("\\\\", "\\*", "\\?")


class Wild(Enum):
    """What stands for characters that are not given."""

    ANY = "*"  # any number of characters, none too
    ONE = "?"  # exactly one, a newline too
    DASH = "-"  # one of the five dashes of `windash`


DASHES = "-/\u2013\u2014\u2015"
Part = str | Wild


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
        if not _SPECIAL.search(text):
            return cls((text,) if text else ())
        parts: list[Part] = []
        for token in _TOKEN.findall(text):
            if token in ("*", "?"):
                parts.append(Wild(token))
            else:
                parts.append(token[1:] if len(token) == 2 and token in _ESCAPES else token)
        return cls(_without_double_stars(parts))

    def with_parts(self, *parts: Part) -> TextPattern:
        """The same kind of pattern with other parts."""
        return TextPattern(_without_double_stars(parts), self.cased, self.is_bytes)

    def around(self, inner: TextPattern) -> Callable[[TextPattern], TextPattern]:
        """What makes of another pattern what was made of `inner` to get this one: wildcards at its ends, case."""
        before = self.parts[:1] if self.parts[:1] != inner.parts[:1] else ()
        after = self.parts[-1:] if self.parts[-1:] != inner.parts[-1:] else ()
        return lambda other: self.with_parts(*before, *other.parts, *after)

    @property
    def literal(self) -> str | None:
        """The text when there is no wildcard, else None."""
        if not self.parts:
            return ""
        return self.parts[0] if len(self.parts) == 1 and isinstance(self.parts[0], str) else None

    def literals(self) -> tuple[str, ...] | None:
        """The folded texts, with sentinels at fixed ends, one of which a value must hold, if that is all it asks.

        A fixed start is written as \\x02 and a fixed end as \\x03. None when the pattern holds one of these
        itself, or when inner wildcards (or more than two dashes) need more than a search for literals; () when
        any text will do.
        """
        parts = self.parts
        if any(isinstance(part, str) and ("\x02" in part or "\x03" in part) for part in parts):
            return None  # a sentinel of its own: the text itself must be looked at
        start, end = int(parts[:1] == (Wild.ANY,)), int(parts[-1:] == (Wild.ANY,))
        middle = parts[start : max(len(parts) - end, start)]
        before, after = "" if start else "\x02", "" if end else "\x03"
        if not middle:
            return () if start or end else (before + after,)
        if len(middle) == 1 and isinstance(middle[0], str):
            return (f"{before}{fold(middle[0])}{after}",)
        if any(part in (Wild.ANY, Wild.ONE) for part in middle) or middle.count(Wild.DASH) > 2:
            return None
        choices = [DASHES if part is Wild.DASH else (fold(str(part)),) for part in middle]
        return tuple(f"{before}{''.join(chosen)}{after}" for chosen in itertools.product(*choices))

    def required(self) -> str:
        """The longest literal part, folded: no value without it can match. Empty when there is none."""
        return max((fold(part) for part in self.parts if isinstance(part, str)), key=len, default="")

    @cached_property
    def _expression(self) -> re.Pattern[str]:
        wild = {Wild.ANY: ".*", Wild.ONE: ".", Wild.DASH: f"[{re.escape(DASHES)}]"}
        body = "".join(
            wild[part] if isinstance(part, Wild) else re.escape(part if self.cased else fold(part))
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
            return self._expression.fullmatch(text if self.cased else fold(text)) is not None
        return self._searcher(text if self.cased else fold(text))

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
