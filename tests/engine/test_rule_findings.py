"""What is told of a rule that runs: traps, matters of form, and what the model cannot serve; each at its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from sigma_engine import Severity, check_rule, load_model, parse_rules

MODEL = load_model("Windows event logs")

RULE = """\
title: Shell from a document
id: 6d2a41f6-6a4d-4f0e-9a3a-2d8a0f0b7e11
status: test
description: A document program starts a shell.
references:
    - https://example.org/a
author: somebody
date: 2026-01-02
modified: 2026-01-03
tags:
    - attack.execution
logsource:
    category: process_creation
    product: windows
detection:
    selection:
        Image|endswith: '\\cmd.exe'
    condition: selection
falsepositives:
    - Installers that show their licence as a document
level: high
"""


def findings(text: str) -> list[tuple[str, int, str]]:
    """(code, line, severity) of everything that is told of a rule under the shipped model."""
    [parsed] = parse_rules(text)
    return [(f.code, f.line, f.severity.value) for f in check_rule(parsed, MODEL)]


def test_a_good_rule_has_nothing_told_of_it() -> None:
    assert findings(RULE) == []


@pytest.mark.parametrize(
    ("old", "new", "code", "line", "severity"),
    [
        ("'\\cmd.exe'", "'C:\\Temp\\*'", "escaped_wildcard", 17, "warning"),
        ("Image|endswith: '\\cmd.exe'", "Image: '\\\\server\\share\\a.exe'", "escaped_share", 17, "warning"),
        ("Image|endswith", "Message|contains", "field_message", 17, "warning"),
        ("Image|endswith: '\\cmd.exe'", "UtcTime|hour: 25", "time_part_never", 17, "warning"),
        ("Image|endswith: '\\cmd.exe'", "UtcTime|month|lt: 1", "time_part_never", 17, "warning"),
        (
            "condition: selection",
            "condition: selection and not selection",
            "condition_never_true",
            18,
            "warning",
        ),
        ("Image|endswith", "Imagge|endswith", "field_unmapped", 17, "info"),
        ("Image|endswith", "OriginalFileName|endswith", "field_not_in_source", 17, "info"),
        ("product: windows", "product: vms", "logsource_not_served", 13, "error"),
        ("title: Shell from a document", "title: Detects a shell", "title_form", 1, "info"),
        ("title: Shell from a document", "title: A shell.", "title_form", 1, "info"),
        ("title: Shell from a document", "title: " + "long " * 30, "title_long", 1, "info"),
        ("A document program starts a shell.", "A shell.", "description_short", 4, "info"),
        ("date: 2026-01-02", "date: 2026/01/02", "date_form", 8, "info"),
        ("date: 2026-01-02", "date: tomorrow", "date_form", 8, "info"),
        ("modified: 2026-01-03", "modified: 2025-01-03", "date_order", 9, "info"),
        ("date: 2026-01-02\n", "", "date_missing", 8, "info"),
        ("attack.execution", "execution", "tag_namespace", 11, "info"),
        ("attack.execution", "mitre.execution", "tag_namespace", 11, "info"),
        ("attack.execution", "attack.t105", "tag_attack", 11, "info"),
        ("    - attack.execution", "    - attack.execution\n    - attack.execution", "tag_twice", 12, "info"),
        (
            "references:\n    - https://example.org/a",
            "references: https://example.org/a",
            "list_form",
            5,
            "info",
        ),
        (
            "    - https://example.org/a",
            "    - https://a.example\n    - https://a.example",
            "reference_twice",
            7,
            "info",
        ),
        ("Installers that show their licence as a document", "none", "falsepositive_vague", 20, "info"),
        ("falsepositives:", "falsepositive:", "key_unknown", 19, "info"),
    ],
)
def test_a_matter_is_told_at_its_place(old: str, new: str, code: str, line: int, severity: str) -> None:
    assert old in RULE
    assert (code, line, severity) in findings(RULE.replace(old, new))


def test_a_misspelt_field_is_answered_with_the_likely_one() -> None:
    [parsed] = parse_rules(RULE.replace("Image|endswith", "Imagge|endswith"))
    assert [finding.hint for finding in check_rule(parsed, MODEL)] == ["Did you mean `Image`?"]


def test_a_field_that_one_source_lacks_is_no_matter_where_another_will_do() -> None:
    either = "    selection:\n        - Image|endswith: '\\cmd.exe'\n        - OriginalFileName: Cmd.Exe\n"
    text = RULE.replace("    selection:\n        Image|endswith: '\\cmd.exe'\n", either)
    assert findings(text) == []


def test_a_null_test_on_a_field_that_one_source_lacks_is_told() -> None:
    text = RULE.replace(
        "    condition: selection",
        "    filter:\n        OriginalFileName: null\n    condition: selection and not filter",
    )
    assert [code for code, _, _ in findings(text)] == ["field_not_in_source"]


def test_a_filter_without_not_is_told() -> None:
    head = "title: Administrators\nid: 6d2a41f6-6a4d-4f0e-9a3a-2d8a0f0b7e11\nlogsource: {product: windows}\n"
    [parsed] = parse_rules(head + "filter:\n  rules: any\n  selection: {User: adm}\n  condition: selection\n")
    assert [(f.code, f.severity, f.line) for f in parsed.findings] == [
        ("filter_without_not", Severity.WARNING, 7)
    ]


def test_every_place_of_a_finding_lies_in_the_text(shared_data: Path) -> None:
    for path in sorted((shared_data / "hayabusa-rules").rglob("*.yml"))[::7]:
        for parsed in parse_rules(path.read_text(encoding="utf-8")):
            lines = parsed.text.splitlines()
            for finding in check_rule(parsed, MODEL):
                assert 1 <= finding.line <= len(lines)
                assert 1 <= finding.column <= len(lines[finding.line - 1]) + 1
