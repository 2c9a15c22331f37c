"""Every case file through both evaluators: what the specification and the rulings say of single rules."""

from __future__ import annotations

from typing import Any

import pytest

from sigma_engine import Scanner, compile_rules, explain, load_model, parse_rules
from tests.conformance.case_files import case_text, load_cases

MODEL = load_model("Windows event logs")
DETECTION_CASES = (
    *("wildcards", "escapes", "values", "value_types", "modifiers", "modifier_chains", "comparisons"),
    *("conditions", "selections", "doubles", "built_in_events"),
)


def _params(*names: str) -> list[Any]:
    return [pytest.param(case, id=case["name"]) for name in names for case in load_cases(name)]


def _event(case: dict[str, Any], data: dict[str, Any]) -> dict[str, Any]:
    system = {
        "Channel": case.get("channel", "Security"),
        "EventID": {"Value": case.get("event_id", 4624)},
        "Provider": {"Name": case.get("provider", "Microsoft-Windows-Security-Auditing")},
        "Computer": "HOST1",
        "TimeCreated": {"SystemTime": 1736776100.7},
    }
    return {"System": system, "EventData": data}


@pytest.mark.parametrize("case", _params(*DETECTION_CASES, "hayabusa"))
def test_both_evaluators_give_the_verdict_of_the_case(case: dict[str, Any]) -> None:
    [parsed] = parse_rules(case_text(case), case.get("placeholders"))
    assert parsed.rule is not None, parsed.findings
    scanner = Scanner(compile_rules([parsed.rule], MODEL))
    events = [(data, True) for data in case.get("hits", [])] + [
        (data, False) for data in case.get("misses", [])
    ]
    assert events
    for data, expected in events:
        event = _event(case, data)
        answers = {
            "plain": explain(parsed.rule, MODEL, event).plain_verdict,
            "fast": bool(scanner.match(event)),
        }
        assert answers == {"plain": expected, "fast": expected}, data


@pytest.mark.parametrize("case", _params("rejects", "hayabusa_rejects"))
def test_what_cannot_be_run_is_refused_by_name(case: dict[str, Any]) -> None:
    [parsed] = parse_rules(case_text(case))
    assert parsed.rule is None
    assert case["code"] in {finding.code for finding in parsed.findings}
