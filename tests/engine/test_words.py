"""A rule in words: every construct as a case, every published rule without a gap."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from sigma_engine import Rule, Words, fields_used, in_words, parse_rules

FILE = yaml.safe_load((Path(__file__).parent / "cases" / "words.yml").read_text())
ONE_SELECTION = """\
title: x
logsource: {{product: windows}}
detection:
  selection:
{selection}
  condition: selection
"""


def lines(words: Iterable[Words], depth: int = 0) -> Iterator[str]:
    for one in words:
        name = f"[{one.selection}] " if one.selection else ""
        values = f": {', '.join(one.values)}" if one.values else ""
        yield f"{'  ' * depth}{name}{one.text}{values}"
        yield from lines(one.parts, depth + 1)


def text_of(case: dict[str, Any]) -> str:
    if "rule" in case:
        return case["rule"]
    indented = "".join(f"    {line}\n" for line in case["selection"].splitlines())
    return ONE_SELECTION.format(selection=indented.rstrip("\n"))


@pytest.mark.parametrize("case", FILE["cases"], ids=[case["name"] for case in FILE["cases"]])
def test_a_construct_reads_as_its_case_says(case: dict[str, Any]) -> None:
    (parsed,) = parse_rules(text_of(case), FILE["placeholders"])
    assert parsed.rule is not None, [finding.message for finding in parsed.findings]
    assert "\n".join(lines(in_words(parsed.rule))) + "\n" == case["words"]


def test_words_know_their_line_in_the_text() -> None:
    (parsed,) = parse_rules(ONE_SELECTION.format(selection="    A: 1\n    B: [x, y]"))
    assert parsed.rule is not None
    (sentence,) = in_words(parsed.rule)
    (selection,) = sentence.parts
    assert [(part.text, part.line) for part in selection.parts] == [("`A` is 1", 5), ("`B` is any of", 6)]


def test_words_are_plain_data_too() -> None:
    (parsed,) = parse_rules(ONE_SELECTION.format(selection="    B: [x, y]"))
    assert parsed.rule is not None
    assert [one.to_dict() for one in in_words(parsed.rule)] == [
        {
            "text": "Matches an event from windows where this is true:",
            "parts": [{"text": "`B` is any of", "values": ["`x`", "`y`"], "selection": "selection"}],
        }
    ]


def test_every_published_rule_has_words_that_name_each_of_its_fields(shared_data: Path) -> None:
    paths = [path for path in (shared_data / "sigmahq").rglob("*.yml") if "rules" in str(path)]
    told = 0
    for path in paths:
        for parsed in parse_rules(path.read_text("utf-8-sig")):
            if parsed.rule is None:
                continue
            said = "\n".join(lines(in_words(parsed.rule)))
            told += 1
            if isinstance(parsed.rule, Rule):
                missing = [field for field in fields_used(parsed.rule) if f"`{field}`" not in said]
                assert missing == [], path.name
    assert told > 3000
