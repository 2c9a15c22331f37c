"""Choosing the rules of a scan, and loading what the engine works with."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rules_app import services
from rules_app.models import EventModel, Rule, RuleSet
from rules_app.selection import RuleSelection, load_event_model, load_rule, resolve
from sigma_engine import SelectionError
from tests.rules.conftest import BROKEN, rule_text

MakeRule = Callable[..., Rule]


def test_a_selection_survives_its_way_through_json() -> None:
    selection = RuleSelection((1, 2), ("high",), ("test",), ("attack.t1033",), "who.*", "x=>x.Level")
    assert RuleSelection.from_json(selection.to_json()) == selection


def test_parts_that_are_missing_choose_all() -> None:
    assert RuleSelection.from_json({}) == RuleSelection()


@pytest.mark.parametrize(
    ("selection", "titles"),
    [
        (RuleSelection(), ["Loud", "Quiet", "Left open"]),
        (RuleSelection(levels=("low",)), ["Quiet"]),
        (RuleSelection(levels=("low", "high")), ["Loud", "Quiet"]),
        (RuleSelection(statuses=("stable",)), []),
        (RuleSelection(tags=("attack.t1033",)), ["Loud", "Quiet"]),
        (RuleSelection(tags=("attack",), levels=("high",)), ["Loud"]),
        (RuleSelection(title="^(l|q)"), ["Loud", "Quiet", "Left open"]),
        (RuleSelection(title="^quiet$"), ["Quiet"]),
        (RuleSelection(rule_filter='x=>x.level = "low"'), ["Quiet"]),
        (RuleSelection(rule_filter='x=>x.logsource.product = "windows"', title="o"), ["Loud", "Left open"]),
    ],
)
def test_a_selection_chooses(
    owner: object, make_rule: MakeRule, selection: RuleSelection, titles: list[str]
) -> None:
    make_rule("Loud", level="high")
    make_rule("Quiet", level="low")
    make_rule(text=BROKEN)
    assert [version.rule.title for version in resolve(selection, owner)] == titles


def test_a_set_is_chosen_by_its_id(owner: object, make_rule: MakeRule) -> None:
    ours = make_rule("Ours")
    file = services.FoundFile("others.yml", rule_text("Others").encode())
    services.import_rules([file], services.get_or_create_set("Others", None), None)
    chosen = resolve(RuleSelection(sets=(ours.rule_set_id,)), owner)
    assert [version.rule.title for version in chosen] == ["Ours"]


def test_the_published_version_is_chosen_and_no_draft(
    owner: object, make_rule: MakeRule, publish_text: Callable[..., object]
) -> None:
    rule = make_rule()
    publish_text(rule, rule_text("Second"))
    services.save_rule(rule, rule_text("Third"), 2, None)
    assert [version.number for version in resolve(RuleSelection(), owner)] == [2]


def test_a_rule_that_was_never_published_is_not_chosen(
    owner: object, shipped: object, rule_set: RuleSet
) -> None:
    services.create_rule(rule_set, rule_text(), None)
    assert resolve(RuleSelection(), owner) == []


def test_a_rule_taken_out_of_scans_is_not_chosen(owner: object, make_rule: MakeRule) -> None:
    services.set_enabled(make_rule(), enabled=False)
    assert resolve(RuleSelection(), owner) == []


@pytest.mark.parametrize(
    "selection",
    [RuleSelection(title="("), RuleSelection(rule_filter="x=>("), RuleSelection(levels=("loud",))],
)
def test_a_choice_that_cannot_be_understood_says_why(
    owner: object, make_rule: MakeRule, selection: RuleSelection
) -> None:
    make_rule()
    with pytest.raises(SelectionError, match=r".{20}"):
        resolve(selection, owner)


def test_a_version_loads_as_the_engines_rule(make_rule: MakeRule) -> None:
    rule = load_rule(make_rule("Loaded").current, {})
    assert (rule.title, str(rule.logsource)) == ("Loaded", "process_creation/windows/*")


def test_a_broken_version_does_not_load(make_rule: MakeRule) -> None:
    with pytest.raises(ValueError, match="broken"):
        load_rule(make_rule(text=BROKEN).current, {})


def test_a_model_version_loads_as_the_engines_model(shipped: EventModel) -> None:
    assert load_event_model(shipped.current).name == "Windows event logs"


def test_a_broken_model_version_does_not_load(shipped: EventModel) -> None:
    broken = services.create_model("Broken", "[", None)
    with pytest.raises(ValueError, match="broken"):
        load_event_model(broken.current)
