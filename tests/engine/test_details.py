"""Details: one line that says what happened, from the rule, the model, or the event itself."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sigma_engine.details import MAX_DETAILS, render_details
from sigma_engine.model import Model, parse_model


@pytest.fixture(scope="module")
def model() -> Model:
    found, findings = parse_model(
        "name: Details\n"
        "fields: {User: x=>x.EventData.TargetUserName, Bound: \"x=>format(format='%5000s', args=1)\"}\n"
        "default_details:\n"
        "  Provider/7: 'User: %User% ¦ By: %Missing%'\n"
        "  Provider/8: x=>'Seen ' + x.EventData.TargetUserName\n"
        "  Provider/9: \"x=>format(format='%5000s', args=1)\"\n"
    )
    assert found is not None, findings
    return found


def _event(event_id: int = 1, **data: Any) -> dict[str, Any]:
    return {"System": {"Provider": {"Name": "Provider"}, "EventID": {"Value": event_id}}, "EventData": data}


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("User: %User%", "User: bob"),
        ("%User%%User%", "bobbob"),
        ("%Nothing%", "Nothing?"),
        ("%Null% ¦ %Empty%", "- ¦ -"),
        ("%Number% %Flag%", "7 true"),
        ("%Data%", "a, b c"),
        ("%Data[1]% and %Data[2]%", "a and b c"),
        ("%Data[3]% %Data[0]%", "- -"),
        ("%User[1]%", "bob"),
        ("%Map%", '{"k":1}'),
        ("%EventData.User%", "raw"),
        ("100 % of 50 %", "100 % of 50 %"),
        ("%", "%"),
        ("%%1833", "%%1833"),
        ("one\n  two\tthree\x00four", "one two three four"),
        ("%Bound%", "Bound?"),
    ],
)
def test_a_rules_template_is_filled_through_the_mapping(model: Model, template: str, expected: str) -> None:
    event = _event(
        7,
        TargetUserName="bob",
        User="raw",
        Null=None,
        Empty="",
        Number=7,
        Flag=True,
        Data=["a", "b\r\n\tc"],
        Map={"k": 1},
    )
    assert render_details(template, model, (), event) == expected


def test_a_rules_template_wins_over_the_models(model: Model) -> None:
    assert render_details("mine", model, (), _event(7, TargetUserName="bob")) == "mine"


def test_the_model_has_a_template_for_provider_and_event_id(model: Model) -> None:
    assert render_details("", model, (), _event(7, TargetUserName="bob")) == "User: bob ¦ By: Missing?"


def test_the_models_template_may_be_a_lambda(model: Model) -> None:
    assert render_details("", model, (), _event(8, TargetUserName="bob")) == "Seen bob"


def test_a_lambda_that_gives_nothing_or_reaches_a_bound_leaves_all_fields(model: Model) -> None:
    assert render_details("", model, (), _event(8, Other="o")) == "Other: o"
    assert render_details("", model, (), _event(9, Other="o")) == "Other: o"


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (_event(1, A="x", B=["y", "z"], C="", D=None), "A: x ¦ B: y, z"),
        ({"System": {}, "UserData": {"Cleared": {"xmlns": "urn:x", "Who": "bob"}}}, "Who: bob"),
        ({"System": {}, "UserData": {"A": 1, "B": 2}}, "A: 1 ¦ B: 2"),
        ({"System": {}, "EventData": "plain text"}, "EventData: plain text"),
        ({"System": {}, "Message": "a message"}, "Message: a message"),
        ({"System": {"Channel": "Security"}}, ""),
        ({"process": "sh", "pid": 4}, "process: sh ¦ pid: 4"),
    ],
)
def test_without_a_template_all_fields_are_joined(model: Model, event: dict[str, Any], expected: str) -> None:
    assert render_details("", model, (), event) == expected


def test_details_are_bounded_and_a_cut_is_seen(model: Model) -> None:
    long = render_details("%A% ¦ %B%", model, (), _event(A="a" * 100_000, B="end"))
    assert long.endswith("… ¦ end")
    many = render_details("", model, (), _event(**{f"Field{n}": "v" * 100 for n in range(500)}))
    assert len(many) == MAX_DETAILS
    assert many.endswith("…")


def test_what_a_value_holds_is_never_taken_for_a_template(model: Model) -> None:
    assert render_details("%A%", model, (), _event(A="%User%", TargetUserName="bob")) == "%User%"


@settings(max_examples=200, deadline=None)
@given(
    st.text(alphabet=st.sampled_from("ab%[]1 ¦\n.User"), max_size=40),
    st.dictionaries(st.sampled_from(["a", "b", "User", "Data"]), st.text(max_size=10), max_size=4),
)
def test_any_template_gives_one_bounded_line(template: str, data: dict[str, str]) -> None:
    found, _ = parse_model("name: Bare")
    assert found is not None
    line = render_details(template, found, (), _event(**data))
    assert len(line) <= MAX_DETAILS
    assert line.splitlines() in ([], [line])
