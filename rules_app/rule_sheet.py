"""What the sheet of a rule says beside its text: the rule in words, and the filters that tune it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db.models import Q

from rules_app.models import Rule, RuleVersion
from rules_app.selection import load_rule, placeholders_of_sets
from sigma_engine import Filter, Placeholders, Words, filtered, in_words, parse_rules
from sigma_engine import Rule as EngineRule

VALUES_SHOWN = 12  # of a list at once; the rest folds
# A part in backticks ends where a word does: what stands in a rule may have backticks of its own.
_IN_TICKS = re.compile(r"(?:(?<=^)|(?<= )|(?<=\())`(.+?)`(?=$|[ ,.)])", re.DOTALL)
_FILTER = Q(text__startswith="filter:") | Q(text__contains="\nfilter:")


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
        for version, loaded in _filters(user)
        if filtered(asked, [loaded]) is not asked
    ]


def _filters(user: AbstractBaseUser | AnonymousUser) -> Iterable[tuple[RuleVersion, Filter]]:
    rules = Rule.objects.visible_to(user).published().filter(broken=False)
    found = RuleVersion.objects.filter(_FILTER, pk__in=rules.values("current"))
    versions = list(found.select_related("rule__rule_set"))
    lists = placeholders_of_sets(versions)
    for version in versions:
        loaded = load_rule(version, lists[version.rule.rule_set_id])
        if isinstance(loaded, Filter):
            yield version, loaded


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
