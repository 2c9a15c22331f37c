"""Around a correlation's window: when it was fulfilled, why the next events fell out, and why another is silent."""

from __future__ import annotations

from typing import Any

import pytest

from sigma_engine import (
    Correlated,
    Member,
    Plan,
    compile_rules,
    correlate,
    load_model,
    parse_rules,
    why_silent,
)

MODEL = load_model("Windows event logs")
SECOND = 1_000_000
FAILED, LOGON = 0, 1  # the base rules, by their index

BASE = """\
title: Failed logon
name: failed
logsource: {product: windows, service: security}
detection: {sel: {EventID: 4625}, condition: sel}
---
title: Logon
name: logon
logsource: {product: windows, service: security}
detection: {sel: {EventID: 4624}, condition: sel}
---
"""


def correlated(correlation: str, members: list[Member]) -> tuple[Correlated, Plan, list[str]]:
    rules = [parsed.rule for parsed in parse_rules(BASE + correlation)]
    present = [rule for rule in rules if rule is not None]
    plans = compile_rules(present, MODEL).correlations.plans
    return correlate(plans, members), plans[0], [rule.title for rule in present]


def member(seconds: float, user: str | None = "ann", rule: int = FAILED, **values: str) -> Member:
    place = round(seconds * 10)
    return Member(
        round(seconds * SECOND),
        "Security",
        "log",
        0,
        place,
        rule,
        "host",
        4625,
        place,
        {"TargetUserName": user, **values},
    )


COUNT = """\
title: Many failed logons
correlation:
    type: event_count
    rules: [failed]
    group-by: [TargetUserName]
    timespan: 1m
    condition: {gte: 3}
"""
ORDERED = """\
title: Failed, then in
correlation:
    type: temporal_ordered
    rules: [failed, logon]
    group-by: [TargetUserName]
    timespan: 1m
"""


def reasons(found: Any) -> list[tuple[str, float]]:
    return [(out.reason, out.member.time / SECOND) for out in found]


def test_a_window_is_reached_at_the_event_that_first_fulfils_it() -> None:
    found, _plan, _titles = correlated(COUNT, [member(s) for s in (0, 10, 20, 30)])
    [hit] = found.hits
    assert hit.lane.reached == 20 * SECOND
    assert len(hit.members) == 4


def test_the_next_event_of_the_group_came_too_late_and_by_how_much() -> None:
    found, _plan, _titles = correlated(COUNT, [member(s) for s in (0, 10, 20, 72)])
    [hit] = found.hits
    assert reasons(hit.lane.fell_out) == [("time", 72)]
    assert hit.lane.fell_out[0].late == 12 * SECOND


def test_an_event_of_another_group_in_the_window_is_named_with_its_values() -> None:
    found, _plan, _titles = correlated(COUNT, [*(member(s) for s in (0, 10, 20)), member(15, "bob")])
    [hit] = found.hits
    assert reasons(hit.lane.fell_out) == [("key", 15)]
    assert hit.lane.fell_out[0].group == {"TargetUserName": "bob"}


def test_an_event_before_its_rules_turn_is_out_of_order() -> None:
    events = [member(0), member(5), member(9, rule=LOGON)]
    found, _plan, _titles = correlated(ORDERED, events)
    [hit] = found.hits
    assert [one.time // SECOND for one in hit.members] == [0, 9]
    assert reasons(hit.lane.fell_out) == [("order", 5)]


def test_a_correlation_with_a_hit_has_no_nearest_window() -> None:
    found, _plan, _titles = correlated(COUNT, [member(s) for s in (0, 10, 20)])
    assert found.nearest == {}


@pytest.mark.parametrize(
    ("correlation", "members", "sentence"),
    [
        pytest.param(COUNT, [], "None of the rules that it counts has a match.", id="no-matches"),
        pytest.param(
            COUNT,
            [member(0), member(30), member(75), member(300)],
            "The nearest window has 2, and gte 3 is asked.",
            id="too-few-in-time",
        ),
        pytest.param(
            COUNT,
            [member(s, f"user{s}") for s in (0, 10, 20, 30)],
            "Its 4 matches fall into 4 groups by `TargetUserName`. Without the grouping the value would be 4, "
            "and gte 3 is asked.",
            id="wrong-group-by",
        ),
        pytest.param(
            COUNT,
            [member(0, None), member(10, None)],
            "It groups by `TargetUserName`, which none of its 2 matches has.",
            id="group-by-field-absent",
        ),
        pytest.param(
            ORDERED,
            [member(0)],
            "It wants a match of each of its rules, and there is none of `Logon`.",
            id="a-rule-without-a-match",
        ),
        pytest.param(
            ORDERED,
            [member(0), member(90, rule=LOGON)],
            "The nearest window has 1 of the 2 rules.",
            id="chain-too-long",
        ),
    ],
)
def test_a_silent_correlation_says_why(correlation: str, members: list[Member], sentence: str) -> None:
    found, plan, titles = correlated(correlation, members)
    assert found.hits == []
    assert why_silent(plan, found.nearest[plan.rule_index], titles) == sentence


def test_the_nearest_window_names_its_events_and_why_the_next_fell_out() -> None:
    found, plan, _titles = correlated(COUNT, [member(0), member(30), member(75), member(31, "bob")])
    nearest = found.nearest[plan.rule_index]
    assert nearest.value == 2
    assert nearest.group == {"TargetUserName": "ann"}
    assert [one.time // SECOND for one in nearest.members] == [0, 30]
    assert reasons(nearest.fell_out) == [("key", 31), ("time", 75)]
