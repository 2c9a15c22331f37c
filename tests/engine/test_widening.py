"""A clause is widened by a value in the rule's own text, and the rule then hits what it missed."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigma_engine import Scanner, compile_rules, load_model, parse_rules, widened

MODEL = load_model("Windows event logs")
HEAD = """title: T
logsource: {product: windows, category: process_creation}
detection:
"""


def hits(text: str, image: str) -> bool:
    event: dict[str, Any] = {
        "System": {
            "Provider": {"Name": "Microsoft-Windows-Sysmon"},
            "EventID": {"Value": 1},
            "Channel": "Microsoft-Windows-Sysmon/Operational",
        },
        "EventData": {"Image": image, "CommandLine": "x"},
    }
    rules = [parsed.rule for parsed in parse_rules(text) if parsed.rule is not None]
    return bool(Scanner(compile_rules(rules, MODEL)).match(event))


WRITTEN = {
    "one value": "    sel:\n        Image|endswith: '\\a.exe'  # why\n        CommandLine: x\n    condition: sel\n",
    "a list": (
        "    sel:\n        Image|endswith:\n            - '\\a.exe'\n            - '\\b.exe' # why\n"
        "        CommandLine: x\n    condition: sel\n"
    ),
    "a list at the key's own column": "    sel:\n        Image|endswith:\n        - '\\a.exe'\n    condition: sel",
    "a list in brackets": "    sel:\n        Image|endswith: ['\\a.exe', '\\b.exe']\n    condition: sel\n",
    "a map in braces": "    sel: {Image|endswith: '\\a.exe', CommandLine: x}\n    condition: sel\n",
    "a list of maps": "    sel:\n        - Image|endswith: '\\a.exe'\n    condition: sel\n",
    "carriage returns": "    sel:\r\n        Image|endswith: '\\a.exe'\r\n    condition: sel\r\n",
}


@pytest.mark.parametrize("detection", WRITTEN.values(), ids=WRITTEN.keys())
def test_a_clause_takes_one_more_value_however_it_is_written(detection: str) -> None:
    text = HEAD + detection
    assert not hits(text, "C:\\Dir\\excel.exe")
    wide = widened(text, "sel", 0, "C:\\Dir\\excel.exe")
    assert wide is not None
    assert hits(wide, "D:\\excel.exe")
    assert hits(wide, "C:\\a.exe")


def test_comments_and_everything_else_stay_as_they_are() -> None:
    text = HEAD + WRITTEN["a list"]
    wide = widened(text, "sel", 0, "C:\\c.exe")
    assert wide is not None
    assert wide.replace("            - '\\c.exe'\n", "") == text


@given(st.text(min_size=1, max_size=20).filter(lambda text: "\x00" not in text))
def test_whatever_the_value_the_wider_rule_finds_it(value: str) -> None:
    text = HEAD + "    sel:\n        Image: a\n    condition: sel\n"
    wide = widened(text, "sel", 0, value)
    if wide is None:
        assert any("\ud800" <= char <= "\udfff" for char in value)
        return
    assert hits(wide, value)


@pytest.mark.parametrize(
    "line",
    [
        "Image|re: 'a'",
        "Image|contains|all: ['a', 'b']",
        "Image|neq: a",
        "Image|base64: a",
        "Image: null",
        "Image|contains: |\n            a",
    ],
)
def test_what_one_more_value_would_not_widen_is_refused(line: str) -> None:
    text = HEAD + f"    sel:\n        {line}\n    condition: sel\n"
    if line == "Image: null":  # a list with null in it is wider indeed
        assert widened(text, "sel", 0, "b") is not None
        return
    assert widened(text, "sel", 0, "b") is None


def test_a_clause_that_is_not_there_is_refused() -> None:
    text = HEAD + WRITTEN["one value"]
    assert widened(text, "sel", 7, "b") is None
    assert widened(text, "other", 0, "b") is None
    assert widened("no rule", "sel", 0, "b") is None
