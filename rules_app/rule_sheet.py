"""What the sheet of a rule says beside its text: the rule in words, and the filters that tune it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser

from rules_app.global_filters import library_filters
from rules_app.models import Rule
from sigma_engine import Placeholders, Words, filtered, in_words, parse_rules
from sigma_engine import Rule as EngineRule

VALUES_SHOWN = 12  # of a list at once; the rest folds
# A part in backticks ends where a word does: what stands in a rule may have backticks of its own.
_IN_TICKS = re.compile(r"(?:(?<=^)|(?<= )|(?<=\())`(.+?)`(?=$|[ ,.)])", re.DOTALL)


@dataclass(frozen=True)
class SaidPart:
    """Words as a page shows them: `text` as (whether it stands so in the rule, piece); of `values` many fold."""

    text: list[tuple[bool, str]]
    values: tuple[str, ...]
    folded: tuple[str, ...]
    parts: list[SaidPart]
    selection: str
    line: int


@dataclass(frozen=True)
class Tuning:
    """A published filter that applies to a rule, in words; scans that leave it out do not ask it."""

    rule: Rule
    words: list[SaidPart]


def said_of(text: str, placeholders: Placeholders) -> list[SaidPart]:
    """A rule's text in words; nothing for a text that can't be evaluated."""
    parsed = parse_rules(text, placeholders)
    rule = parsed[0].rule if len(parsed) == 1 and not parsed[0].broken else None
    return [_said(one) for one in in_words(rule)] if rule is not None else []


def tuning_of(rule: Rule, user: AbstractBaseUser | AnonymousUser) -> list[Tuning]:
    """The filters in the library that apply to a rule by the scanning engine's meaning, disabled ones too."""
    own = parse_rules(rule.shown.text, rule.rule_set.placeholders)
    asked = own[0].rule if len(own) == 1 else None
    if not isinstance(asked, EngineRule):
        return []
    return [
        Tuning(version.rule, [_said(one) for one in in_words(loaded)])
        for version, loaded in library_filters(user)
        if filtered(asked, [loaded]) is not asked
    ]


def _said(words: Words) -> SaidPart:
    values = tuple(value.removeprefix("`").removesuffix("`") for value in words.values)
    return SaidPart(
        _segments(words.text),
        values[:VALUES_SHOWN],
        values[VALUES_SHOWN:],
        [_said(part) for part in words.parts],
        words.selection,
        words.line,
    )


def _segments(text: str) -> list[tuple[bool, str]]:
    """The text cut at its backticks, as (whether it stands so in the rule, text)."""
    pieces = _IN_TICKS.split(text)
    return [(number % 2 == 1, piece) for number, piece in enumerate(pieces) if piece]
