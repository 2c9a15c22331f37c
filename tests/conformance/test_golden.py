"""Every difference to what Hayabusa and Chainsaw hit on EVTX-ATTACK-SAMPLES is in a class that we list."""

from __future__ import annotations

import csv
import re
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from sigma_engine import (
    AnyRule,
    EvidenceFile,
    Member,
    Rule,
    Scanner,
    compile_rules,
    correlate,
    event_facts,
    load_model,
    open_evidence,
    parse_rules,
)
from tests.conformance.golden_classes import CLASSES, Difference, DifferenceClass

MODEL = load_model("Windows event logs")
DOCUMENTATION = Path(__file__).parents[2] / "docs" / "conformance.md"
RULES = {
    "hayabusa": ("hayabusa-rules", ("hayabusa", "sigma")),
    "chainsaw": ("sigmahq", ("rules", "rules-emerging-threats", "rules-threat-hunting")),
}

# (evidence, record id, rule id); a hit of a count rule or correlation, which has no record of its own, is
# ("", microseconds of its first event, rule id).
Pair = tuple[str, str, str]


@dataclass
class Comparison:
    """Our hits and a peer's, and what is needed to explain where they differ."""

    peer: str
    ours: dict[Pair, dict[str, Any] | None]
    theirs: set[Pair]
    rules: dict[str, tuple[Rule, str]]
    listed: frozenset[str]
    root: Path

    def differences(self) -> list[tuple[bool, Difference]]:
        """(whether the hit is ours, the difference), in order."""
        gained = [(True, pair, self.ours[pair]) for pair in sorted(self.ours.keys() - self.theirs)]
        lost = [(False, pair, self._event(pair)) for pair in sorted(self.theirs - self.ours.keys())]
        peer_rules = frozenset(rule_id for _, _, rule_id in self.theirs)
        return [
            (ours, Difference(*pair[:2], *self.rules[pair[2]], event, MODEL, self.listed, peer_rules))
            for ours, pair, event in gained + lost
        ]

    def _event(self, pair: Pair) -> dict[str, Any] | None:
        if not pair[0]:
            return None
        evidence = open_evidence(self.root / pair[0])
        records = (r for chunk in range(evidence.chunk_count) for r in evidence.read_chunk(chunk).records)
        return next(r.event for r in records if str(event_facts(r.event).record_id) == pair[1])


@pytest.fixture(scope="module", params=sorted(RULES))
def comparison(request: pytest.FixtureRequest, shared_data: Path) -> Comparison:
    """The scan of all samples with a peer's rules, beside the peer's own hits."""
    folder, parts = RULES[request.param]
    base, root = shared_data / folder, shared_data / "evtx-attack-samples"
    files = [(part, path) for part in parts for path in sorted((base / part).rglob("*.yml"))]
    parsed = [(part, p.rule) for part, path in files for p in parse_rules(path.read_text("utf-8")) if p.rule]
    list_of_rules = shared_data / "hayabusa-rules" / "config" / "exclude_rules.txt"
    listed = re.findall(r"^[0-9a-f-]{36}", list_of_rules.read_text("utf-8"), re.MULTILINE)
    ours = _scan([rule for _, rule in parsed], root)
    theirs = _golden(shared_data / "golden" / f"{request.param}.csv")
    rules = {rule.id: (rule, part) for part, rule in parsed if isinstance(rule, Rule)}
    excluded = frozenset(listed) if request.param == "hayabusa" else frozenset()
    return Comparison(request.param, ours, theirs, rules, excluded, root)


def _scan(rules: list[AnyRule], root: Path) -> dict[Pair, dict[str, Any] | None]:
    compiled = compile_rules(rules, MODEL)
    scanner = Scanner(compiled)
    ours: dict[Pair, dict[str, Any] | None] = {}
    members: list[Member] = []
    for path in sorted(root.rglob("*.evtx")):
        name = path.relative_to(root).as_posix()
        evidence: EvidenceFile = open_evidence(path)
        for chunk in range(evidence.chunk_count):
            found = scanner.scan_chunk(evidence, chunk, path.name, evidence=name)
            members += found.members
            for hit in found.hits:
                ours[name, str(hit.facts.record_id), rules[hit.rule_index].id] = hit.event
    for window in correlate(compiled.correlations.plans, members).hits:
        if window.rule_index not in compiled.correlations.silent_hits:
            ours["", str(window.members[0].time), rules[window.rule_index].id] = None
    return ours


def _golden(path: Path) -> set[Pair]:
    with path.open(newline="", encoding="utf-8") as stream:
        return {_pair(row) for row in csv.DictReader(stream)}


def _pair(row: dict[str, str]) -> Pair:
    if row["record_id"]:
        return row["evidence"], row["record_id"], row["rule_id"]
    moment = datetime.fromisoformat(row["timestamp"])
    return "", str(round(moment.timestamp() * 1_000_000)), row["rule_id"]


def _class_of(ours: bool, difference: Difference, peer: str) -> DifferenceClass | None:
    wanted = [one for one in CLASSES if (one.peer, one.ours) == (peer, ours)]
    return next((one for one in wanted if one.explains(difference)), None)


def test_every_difference_is_in_a_class_of_the_size_that_we_say(comparison: Comparison) -> None:
    assert len(comparison.theirs) > 1000
    sizes: Counter[str] = Counter()
    unexplained = []
    examples = {}
    for ours, difference in comparison.differences():
        found = _class_of(ours, difference, comparison.peer)
        if found is None:
            unexplained.append((ours, difference.evidence, difference.record, difference.rule.title))
        else:
            sizes[_key(found)] += 1
            examples[_key(found), difference.evidence, difference.record, difference.rule.id] = (
                difference.event
            )
    assert unexplained == []
    classes = [one for one in CLASSES if one.peer == comparison.peer]
    assert sizes == {_key(one): one.size for one in classes}
    for one in classes:
        example = one.example
        event = examples[_key(one), example.evidence, example.record, example.rule_id]
        assert event is not None
        assert comparison_value(event, example.field) == example.value


def _key(one: DifferenceClass) -> str:
    return f"{one.name} ({'ours' if one.ours else 'theirs'})"


def comparison_value(event: dict[str, Any], field: str) -> Any:
    """A value of the event's own data, wherever its element lies."""
    data = event.get("EventData") or next(iter(event["UserData"].values()))
    return data[field]


def test_the_documentation_lists_every_class_with_its_size() -> None:
    rows = re.findall(r"^\| (.+?) \| ([\d,]+) \|", DOCUMENTATION.read_text("utf-8"), re.MULTILINE)
    listed = {(name, int(size.replace(",", ""))) for name, size in rows}
    assert {(one.name, one.size) for one in CLASSES} <= listed
