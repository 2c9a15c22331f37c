"""An explanation: the engine's verdict, what mattered, what was read where, and step 0."""

from __future__ import annotations

from typing import Any

import yaml

from sigma_engine import Explanation, Rule, explain, load_model, parse_rules

MODEL = load_model("Windows event logs")
LOGSOURCE = {"category": "process_creation", "product": "windows"}


def rule_of(detection: dict[str, Any], logsource: dict[str, str] = LOGSOURCE) -> Rule:
    """A rule of these parts."""
    [parsed] = parse_rules(
        yaml.safe_dump({"title": "t", "logsource": logsource, "detection": detection}, sort_keys=False)
    )
    assert isinstance(parsed.rule, Rule), parsed.findings
    return parsed.rule


def process(**data: Any) -> dict[str, Any]:
    """A process start as Sysmon writes it."""
    system = {
        "Channel": "Microsoft-Windows-Sysmon/Operational",
        "Provider": {"Name": "Microsoft-Windows-Sysmon"},
        "EventID": {"Value": 1},
    }
    return {"System": system, "EventData": data}


def nodes(explanation: Explanation) -> list[dict[str, Any]]:
    """Every node, outer ones first."""
    found: list[dict[str, Any]] = []
    waiting = list(explanation.to_dict()["conditions"])
    while waiting:
        node = waiting.pop(0)
        found.append(node)
        waiting = node["children"] + waiting
    return found


def node(explanation: Explanation, label: str) -> dict[str, Any]:
    """The node of that label."""
    return next(one for one in nodes(explanation) if one["label"] == label)


def test_a_false_clause_beside_a_true_alternative_did_not_matter() -> None:
    rule = rule_of({"a": {"Image|endswith": ["one.exe", "two.exe"]}, "condition": "a"})
    explanation = explain(rule, MODEL, process(Image="C:\\two.exe"))
    assert explanation.verdict
    assert not node(explanation, "Image|endswith: one.exe")["matters"]
    assert node(explanation, "Image|endswith: two.exe")["matters"]


def test_every_value_of_a_list_matters_when_none_is_found() -> None:
    rule = rule_of({"a": {"Image|endswith": ["one.exe", "two.exe"], "User": "x"}, "condition": "a"})
    explanation = explain(rule, MODEL, process(Image="C:\\three.exe", User="x"))
    assert [one["matters"] for one in nodes(explanation) if "Image|endswith:" in one["label"]] == [True, True]
    assert not node(explanation, "User: x")["matters"]


def test_a_true_filter_is_what_stood_in_the_way() -> None:
    rule = rule_of(
        {"a": {"User": "x"}, "filter": {"Image|startswith": "C:"}, "condition": "a and not filter"}
    )
    explanation = explain(rule, MODEL, process(Image="C:\\a.exe", User="x"))
    [decided] = explanation.to_dict()["deciding"]
    assert (decided["label"], decided["truth"], decided["alone"]) == ("Image|startswith: C:", True, True)


def test_the_clause_that_alone_made_the_difference_comes_first() -> None:
    rule = rule_of({"a": {"User": "x", "Image": "y"}, "b": {"Image": "z"}, "condition": "a or b"})
    decided = explain(rule, MODEL, process(Image="q", User="x")).to_dict()["deciding"]
    assert [(one["field"], one["alone"]) for one in decided] == [("Image", True), ("Image", True)]
    decided = explain(rule, MODEL, process(Image="q", User="q")).to_dict()["deciding"]
    assert [(one["field"], one["line"], one["alone"]) for one in decided] == [
        ("Image", 10, True),
        ("User", 7, False),
        ("Image", 8, False),
    ]


def test_a_leaf_says_mapping_path_value_and_type() -> None:
    rule = rule_of({"a": {"Image": "x", "ProcessId": 5, "Provider_Name": "y"}, "condition": "a"})
    explanation = explain(rule, MODEL, process(Image="C:\\a.exe", ProcessId=7))
    facts = [
        (one["field"], one["paths"], one["value"], one["type"], one["reason"])
        for one in nodes(explanation)
        if "type" in one
    ]
    assert facts == [
        ("Image", ["EventData.Image"], "C:\\a.exe", "string", "value_mismatch"),
        ("ProcessId", ["EventData.ProcessId"], 7, "int", "value_mismatch"),
        ("Provider_Name", ["System.Provider.Name"], "Microsoft-Windows-Sysmon", "string", "value_mismatch"),
    ]


def test_a_lambda_that_joins_names_says_which_it_took() -> None:
    rule = rule_of({"a": {"Image|endswith": "a.exe"}, "condition": "a"})
    event = process(NewProcessName="C:\\a.exe")
    event["System"] |= {
        "Channel": "Security",
        "Provider": {"Name": "Microsoft-Windows-Security-Auditing"},
        "EventID": {"Value": 4688},
    }
    explanation = explain(rule, MODEL, event)
    assert explanation.verdict
    assert node(explanation, "Image|endswith: a.exe")["paths"] == ["EventData.NewProcessName"]


def test_the_kinds_of_nothing_have_reasons_of_their_own() -> None:
    rule = rule_of({"a": {"A": "x", "B": "x", "C": "x"}, "condition": "a"})
    explanation = explain(rule, MODEL, process(A=None, B=""))
    reasons = [one["reason"] for one in nodes(explanation) if "type" in one]
    assert reasons == ["value_null", "value_empty", "field_absent"]


def test_windash_shows_the_texts_that_it_stands_for() -> None:
    rule = rule_of({"a": {"CommandLine|windash|contains": " -enc"}, "condition": "a"})
    leaf = node(explain(rule, MODEL, process(CommandLine="x /enc y")), "CommandLine|windash|contains:  -enc")
    assert leaf["truth"]
    steps = {step["modifier"]: step.get("expanded", []) for step in leaf["steps"]}
    assert steps["windash"] == [" -enc", " /enc", " \u2013enc", " \u2014enc", " \u2015enc"]
    assert len(steps["contains"]) == 5


def test_step_0_names_the_clause_that_kept_the_event_out() -> None:
    rule = rule_of({"a": {"Image": "x"}, "condition": "a"})
    event = process(Image="x")
    event["System"]["EventID"] = {"Value": 3}
    said = explain(rule, MODEL, event).to_dict()
    assert (said["verdict"], said["tried"], said["logsource"]["decided_by"]) == (False, False, ["event_id"])
    assert "its event id is 3, wanted is 1" in said["logsource"]["sentence"]


def test_step_0_says_that_no_source_serves_the_rule() -> None:
    rule = rule_of({"a": {"Image": "x"}, "condition": "a"}, {"product": "linux"})
    said = explain(rule, MODEL, process(Image="x")).to_dict()
    assert said["logsource"]["decided_by"] == ["no_source"]
    assert "has no log source for */linux/*" in said["logsource"]["sentence"]


def test_a_long_list_is_cut_with_the_number_that_was_left_out() -> None:
    rule = rule_of({"a": {"Image": [f"{number}.exe" for number in range(100)]}, "condition": "a"})
    explanation = explain(rule, MODEL, process(Image="50.exe"))
    [tree] = explanation.to_dict(most=4)["conditions"]
    [values] = tree["children"][0]["children"]
    assert values["left_out"] == 95
    assert [child["label"] for child in values["children"] if child["truth"]] == ["Image: 50.exe"]
    whole = [one for one in nodes(explanation) if "type" in one]
    assert len(whole) == 100


def test_the_evaluators_verdicts_are_both_there() -> None:
    rule = rule_of({"a": {"Image": "x"}, "condition": "a"})
    said = explain(rule, MODEL, process(Image="x")).to_dict()
    assert (said["verdict"], said["plain_verdict"], said["agrees"]) == (True, True, True)


def test_a_filter_that_is_false_as_the_rule_wants_is_no_miss_and_has_no_hint() -> None:
    rule = rule_of(
        {"a": {"User": "x"}, "filter": {"Image|startswith": "D:"}, "condition": "a and not filter"}
    )
    explanation = explain(rule, MODEL, process(Image="C:\\a.exe", ParentImage="D:", User="x"))
    leaf = node(explanation, "Image|startswith: D:")
    assert (leaf["matters"], leaf["mark"], leaf["hints"]) == (True, "unneeded", [])


def test_each_mark_says_what_a_line_came_to() -> None:
    rule = rule_of(
        {"a": {"User": "x", "Image": ["y", "z"]}, "filter": {"Image": "y"}, "condition": "a and not filter"}
    )
    explanation = explain(rule, MODEL, process(Image="y", User="x"))
    marks = {one["label"]: one["mark"] for one in nodes(explanation) if "type" in one}
    assert (marks["User: x"], marks["Image: z"]) == ("yes", "unneeded")
    assert [one["mark"] for one in nodes(explanation) if one["label"] == "Image: y"] == ["yes", "blocks"]
    missed = explain(rule, MODEL, process(Image="q", User="x"))
    assert node(missed, "Image: z")["mark"] == "no"
