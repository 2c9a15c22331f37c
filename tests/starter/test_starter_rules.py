"""The starter rules: sound by their own findings, and each fires on what it is for and not on its double."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

import sigma_engine
from sigma_engine import ParsedRule
from tests.evtx_writer import write_evtx

RULES = sorted((Path(__file__).parents[2] / "starter" / "rules").glob("*.yml"))
Hits = list[tuple[str, sigma_engine.Hit]]

CASES = yaml.safe_load(Path(__file__).with_name("cases.yml").read_text("utf-8"))


class Case(NamedTuple):
    rule: str
    kind: str
    number: int
    event: dict[str, Any]


def _event(source: str, data: dict[str, Any]) -> dict[str, Any]:
    provider, channel, event_id = CASES["sources"][source]
    system = {
        "Provider": {"Name": provider},
        "EventID": {"Value": event_id},
        "TimeCreated": {"SystemTime": 1773300000.0},
        "Channel": channel,
        "Computer": "WS07.harbor.test",
    }
    if event_id == 1102:
        return {"System": system, "UserData": {"LogFileCleared": data}}
    return {"System": system, "EventData": data}


ALL_CASES = [
    Case(rule, kind, number, _event(*next(iter(entry.items()))))
    for rule, kinds in CASES["rules"].items()
    for kind in ("hits", "misses")
    for number, entry in enumerate(kinds[kind])
]


@pytest.fixture(scope="module")
def found(scan: Callable[[Path], Hits], tmp_path_factory: pytest.TempPathFactory) -> set[tuple[str, int]]:
    """(rule, number of the case) of every hit on a log that holds the events of all cases."""
    path = write_evtx(tmp_path_factory.mktemp("cases") / "cases.evtx", [case.event for case in ALL_CASES])
    by_record = {number: number - 1 for number in range(1, len(ALL_CASES) + 1)}
    return {(stem, by_record[hit.facts.record_id]) for stem, hit in scan(path)}


@pytest.mark.parametrize(
    ("number", "case"),
    list(enumerate(ALL_CASES)),
    ids=[f"{case.rule}-{case.kind}-{case.number + 1}" for case in ALL_CASES],
)
def test_a_rule_hits_what_it_is_for_and_passes_over_its_double(
    number: int, case: Case, found: set[tuple[str, int]]
) -> None:
    assert ((case.rule, number) in found) == (case.kind == "hits")


@pytest.mark.parametrize("path", RULES, ids=[path.stem for path in RULES])
def test_a_starter_rule_has_no_findings(path: Path, model: sigma_engine.Model) -> None:
    (parsed,) = sigma_engine.parse_rules(path.read_text("utf-8"))
    assert sigma_engine.check_rule(parsed, model) == []


@pytest.mark.parametrize("path", RULES, ids=[path.stem for path in RULES])
def test_a_starter_rule_says_what_an_analyst_needs(path: Path) -> None:
    (parsed,) = sigma_engine.parse_rules(path.read_text("utf-8"))
    rule = parsed.rule
    assert rule is not None
    assert rule.level in sigma_engine.LEVELS
    assert rule.status in ("stable", "test", "experimental")
    assert rule.description and rule.author and rule.falsepositives
    assert any(tag.startswith("attack.t") for tag in rule.tags)


def test_there_are_enough_starter_rules_and_no_two_are_alike(parsed_rules: dict[str, ParsedRule]) -> None:
    assert len(parsed_rules) >= 36
    for name in ("rule_id", "title"):
        counts = Counter(getattr(parsed, name) for parsed in parsed_rules.values())
        assert [value for value, count in counts.items() if count > 1] == []
