"""A YAML text as lines to show: coloured, with findings at their lines; and two texts as a diff."""

from __future__ import annotations

import difflib
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

CONTEXT_LINES = 3
SEVERITIES = ("error", "warning", "info")  # the worst first
_KEY = re.compile(
    r"(?P<before>\s*(?:- +)*)(?P<key>[^\s:#'\"|\[\]{}-][^\s:#'\"|]*)"
    r"(?P<modifiers>(?:\|\w+)*)(?P<colon>:)(?=\s|$)"
)
_REST = re.compile(r"(?P<str>'(?:[^']|'')*'|\"(?:[^\"\\]|\\.)*\")|(?P<com>(?:^|(?<=\s))#.*)")


@dataclass(frozen=True)
class CodeLine:
    """One line of a text: its segments as (style class or "", text), and the findings placed on it."""

    number: int
    segments: list[tuple[str, str]]
    findings: list[dict[str, Any]]

    @property
    def severity(self) -> str:
        """The worst severity on this line, or ""."""
        return min((f["severity"] for f in self.findings), key=SEVERITIES.index, default="")


@dataclass(frozen=True)
class DiffLine:
    """One line of a diff: `kind` is add, del, same, or gap for lines that are left out."""

    kind: str
    number: int
    text: str


def code_lines(text: str, findings: Iterable[dict[str, Any]]) -> list[CodeLine]:
    """The lines of a text. A finding placed behind the last line is shown on that one."""
    lines = text.splitlines() or [""]
    placed: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for finding in findings:
        placed[min(max(finding["line"], 1), len(lines))].append(finding)
    return [CodeLine(number, _segments(line), placed[number]) for number, line in enumerate(lines, 1)]


def diff_lines(old: str, new: str) -> list[DiffLine]:
    """What changed between two texts, with a few lines around it; empty when nothing did."""
    before, after = old.splitlines(), new.splitlines()
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    lines: list[DiffLine] = []
    for group in matcher.get_grouped_opcodes(CONTEXT_LINES):
        if group[0][3] > 0 or lines:
            lines.append(DiffLine("gap", group[0][3] + 1, ""))
        for tag, old_from, old_to, new_from, new_to in group:
            if tag == "equal":
                lines += [DiffLine("same", n + 1, after[n]) for n in range(new_from, new_to)]
            else:
                lines += [DiffLine("del", n + 1, before[n]) for n in range(old_from, old_to)]
                lines += [DiffLine("add", n + 1, after[n]) for n in range(new_from, new_to)]
    return lines


def count_findings(findings: Iterable[dict[str, Any]]) -> dict[str, int]:
    """How many errors, warnings and infos there are."""
    counts = dict.fromkeys(SEVERITIES, 0)
    for finding in findings:
        counts[finding["severity"]] += 1
    return counts


def _segments(line: str) -> list[tuple[str, str]]:
    """Keys, modifiers, quoted text and comments; only colours hang on it, so it need not know all of YAML."""
    segments: list[tuple[str, str]] = []
    rest = line
    key = _KEY.match(line)
    if key:
        segments += [("", key["before"]), ("key", key["key"]), ("mod", key["modifiers"]), ("", key["colon"])]
        rest = line[key.end() :]
    at = 0
    for found in _REST.finditer(rest):
        segments += [("", rest[at : found.start()]), (found.lastgroup or "", found.group())]
        at = found.end()
    segments.append(("", rest[at:]))
    return [(style, text) for style, text in segments if text]
