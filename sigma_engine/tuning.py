"""Hayabusa's tuning lists as data: other levels for single rules, and rules to leave out.

`level_tuning.txt` has `id,new_level` a line, `noisy_rules.txt` and `exclude_rules.txt` an id a line; `#` begins a
comment (hayabusa-rules, folder `config`). Hayabusa leaves out both the noisy and the excluded unless it is told not to.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

from sigma_engine.findings import Finding, Severity
from sigma_engine.rule import LEVELS, Document

_ID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_SHORT: Final = {"info": "informational", "med": "medium", "crit": "critical"}
_HEADER: Final = "id,new_level"


@dataclass(frozen=True)
class Tuning:
    """What a set of lists asks, by rule id in lower case: another level, or to leave the rule out."""

    levels: dict[str, str] = field(default_factory=dict)
    noisy: frozenset[str] = frozenset()
    excluded: frozenset[str] = frozenset()


class TunedRule(NamedTuple):
    """A rule under a tuning: the level that it has, and the list that leaves it out ("" for none)."""

    rule: Document
    level: str
    left_out_by: Literal["", "noisy", "excluded"]


def parse_tuning(levels: str = "", noisy: str = "", excluded: str = "") -> tuple[Tuning, list[Finding]]:
    """The tuning of the texts of the three lists, any of which may be empty, and each line that says nothing.

    Of an id that stands twice the last line counts.
    """
    findings: list[Finding] = []
    found = Tuning(
        dict(_levels(levels, findings)),
        frozenset(_ids(noisy, "noisy_rules", findings)),
        frozenset(_ids(excluded, "exclude_rules", findings)),
    )
    return found, findings


def apply_tuning(rules: Iterable[Document], tuning: Tuning) -> list[TunedRule]:
    """Each rule with its level under the tuning and what leaves it out; in the order given, none is dropped.

    A rule on both lists is `excluded`.
    """
    tuned = []
    for rule in rules:
        rule_id = rule.id.lower()
        left_out_by: Literal["", "noisy", "excluded"] = (
            "excluded" if rule_id in tuning.excluded else "noisy" if rule_id in tuning.noisy else ""
        )
        tuned.append(TunedRule(rule, tuning.levels.get(rule_id, rule.level), left_out_by))
    return tuned


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """(number, what stands before a comment) of each line that holds something."""
    for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), 1):
        content = line.partition("#")[0].strip()
        if content:
            yield number, content


def _levels(text: str, findings: list[Finding]) -> Iterator[tuple[str, str]]:
    for number, content in _lines(text):
        if content == _HEADER:
            continue
        rule_id, _, named = (part.strip().lower() for part in content.partition(","))
        level = _SHORT.get(named, named)
        if not _ID.fullmatch(rule_id):
            findings.append(_not_an_id("level_tuning", rule_id, number))
        elif level not in LEVELS:
            message = f"level_tuning, line {number}: there is no level `{named}`."
            findings.append(_finding(message, number, f"Sigma has: {', '.join(LEVELS)}."))
        else:
            yield rule_id, level


def _ids(text: str, name: str, findings: list[Finding]) -> Iterator[str]:
    for number, content in _lines(text):
        rule_id = content.lower()
        if _ID.fullmatch(rule_id):
            yield rule_id
        else:
            findings.append(_not_an_id(name, rule_id, number))


def _not_an_id(name: str, rule_id: str, line: int) -> Finding:
    message = f"{name}, line {line}: `{rule_id[:80]}` is no rule id."
    return _finding(message, line, "Begin the line with a UUID; `#` begins a comment.")


def _finding(message: str, line: int, hint: str) -> Finding:
    return Finding("tuning_line", Severity.WARNING, message, hint, line)
