"""A rule's text becomes a rule, or findings at their places; all of them at once."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigma_engine import Severity, parse_rules

GOOD = """\
title: Command shell from an office program
id: 6d2a41f6-6a4d-4f0e-9a3a-2d8a0f0b7e11
status: test
level: high
tags: [attack.execution, attack.t1059.003]
logsource:
    category: process_creation
    product: windows
detection:
    selection:
        Image|endswith: '\\cmd.exe'
    condition: selection
"""


def test_a_good_rule_has_its_parts_and_no_findings() -> None:
    [parsed] = parse_rules(GOOD)
    assert parsed.findings == ()
    assert parsed.rule is not None
    assert (parsed.rule.title, parsed.rule.level) == ("Command shell from an office program", "high")
    assert str(parsed.rule.logsource) == "process_creation/windows/*"
    assert parsed.rule.tags == ("attack.execution", "attack.t1059.003")


@pytest.mark.parametrize(
    ("old", "new", "code", "line", "column"),
    [
        ("Image|endswith", "Image|endswit", "modifier_unknown", 11, 15),
        ("condition: selection", "condition: selection and nope", "condition_unknown_selection", 12, 30),
        ("condition: selection", "condition: 'selection and nope'", "condition_unknown_selection", 12, 31),
        ("level: high", "level: huge", "level_unknown", 4, 8),
        ("status: test", "status: tested", "status_unknown", 3, 9),
        ("title: Command shell from an office program\n", "", "title_missing", 1, 1),
        ("    product: windows\n", "", "logsource_not", 0, 0),
        ("attack.execution", "execution", "tag_namespace", 5, 8),
        ("id: 6d2a41f6-6a4d-4f0e-9a3a-2d8a0f0b7e11", "id: 12", "id_form", 2, 5),
    ],
)
def test_a_fault_is_told_at_its_place(old: str, new: str, code: str, line: int, column: int) -> None:
    [parsed] = parse_rules(GOOD.replace(old, new))
    found = [(finding.code, finding.line, finding.column) for finding in parsed.findings]
    assert found == ([] if code == "logsource_not" else [(code, line, column)])


def test_all_faults_are_told_at_once() -> None:
    text = GOOD.replace("|endswith", "|endswit").replace("level: high", "level: huge")
    text = text.replace("condition: selection", "condition: selection and nope")
    [parsed] = parse_rules(text)
    assert {f.code for f in parsed.findings} == {
        "modifier_unknown",
        "level_unknown",
        "condition_unknown_selection",
    }


def test_a_misspelt_modifier_is_answered_with_the_likely_one() -> None:
    [parsed] = parse_rules(GOOD.replace("|endswith", "|endswit"))
    assert parsed.findings[0].hint == "Did you mean `endswith`?"


def test_a_broken_rule_keeps_what_can_be_read_of_it() -> None:
    [parsed] = parse_rules(GOOD.replace("|endswith", "|endswit"))
    assert parsed.rule is None
    assert parsed.broken
    assert parsed.title == "Command shell from an office program"
    assert parsed.meta["category"] == "process_creation"


def test_each_document_of_a_file_is_a_rule_of_its_own() -> None:
    documents = parse_rules(GOOD + "---\n" + GOOD.replace("high", "low") + "---\ntitle: [\n")
    assert [parsed.line_offset for parsed in documents] == [0, 13, 26]
    assert [parsed.broken for parsed in documents] == [False, False, True]


def test_an_unused_selection_is_a_warning() -> None:
    [parsed] = parse_rules(GOOD.replace("    condition", "    other:\n        User: x\n    condition"))
    assert [(f.code, f.severity, f.line) for f in parsed.findings] == [
        ("selection_unused", Severity.WARNING, 12)
    ]


def test_a_rule_can_be_pickled_and_means_the_same() -> None:
    [parsed] = parse_rules(GOOD)
    assert parsed.rule is not None
    assert pickle.loads(pickle.dumps(parsed.rule)) == parsed.rule


@given(st.text(max_size=200))
def test_no_text_whatever_raises(text: str) -> None:
    for parsed in parse_rules(text):
        assert parsed.rule is not None or parsed.broken


@given(st.text(alphabet="ab_* ()10andornotfhemall|", max_size=30))
def test_no_condition_whatever_raises(condition: str) -> None:
    text = GOOD.replace("condition: selection", f"condition: '{condition}'")
    for parsed in parse_rules(text):
        assert parsed.rule is not None or parsed.broken
