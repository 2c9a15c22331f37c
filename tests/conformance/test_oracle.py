"""Every published rule and every case through pySigma 2.0.1 too: what is read otherwise is a ruling that we list."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from sigma_engine import Correlation, Rule, Severity, parse_rules
from tests.conformance.case_files import case_text, correlation_cases, correlation_text, load_cases
from tests.conformance.oracle_environment import OracleUnreachable, ask
from tests.conformance.rule_trees import correlation_parts, normal, rule_trees
from tests.conformance.test_cases import DETECTION_CASES

FOLDERS = ("rules", "rules-emerging-threats", "rules-threat-hunting")
SEMANTICS = Path(__file__).parents[2] / "docs" / "semantics.md"
RULINGS: list[dict[str, Any]] = yaml.safe_load(
    (Path(__file__).parent / "oracle_rulings.yml").read_text(encoding="utf-8")
)


@dataclass(frozen=True)
class Difference:
    """How we and pySigma differ on a text: who refuses it and in what words, or that the trees differ."""

    how: str
    why: str = ""


def difference(text: str, answer: dict[str, Any]) -> Difference | None:
    """Where the two part on a text; None when both refuse it or both read the same."""
    parsed = parse_rules(text)
    codes = {f.code for one in parsed for f in one.findings if f.severity is Severity.ERROR}
    if codes and "error" in answer:
        return None
    if codes:
        return Difference("ours", " ".join(sorted(codes)))
    if "error" in answer:
        return Difference("theirs", answer["error"])
    ours = [_parts(one.rule) for one in parsed]
    theirs = [[normal(t) for t in rule] if isinstance(rule, list) else rule for rule in answer["rules"]]
    return None if ours == theirs else Difference("tree")


def _parts(rule: Any) -> Any:
    if isinstance(rule, Correlation):
        return correlation_parts(rule)
    assert isinstance(rule, Rule)
    return rule_trees(rule)


def _differences(texts: dict[str, str]) -> dict[str, Difference]:
    try:
        answers = ask(list(texts.values()))
    except OracleUnreachable as error:
        pytest.skip(str(error))
    found = {
        name: difference(text, answer) for (name, text), answer in zip(texts.items(), answers, strict=True)
    }
    return {name: one for name, one in found.items() if one is not None}


def _assert_listed(found: dict[str, Difference], kind: str) -> None:
    """Each difference is under one ruling, of the kind and in the words that the ruling says, and none is missing."""
    listed = {name: ruling for ruling in RULINGS for name in ruling.get(kind, ())}
    assert Counter(name for ruling in RULINGS for name in ruling.get(kind, ())).most_common(1)[0][1] == 1
    assert {name: one for name, one in found.items() if name not in listed} == {}
    assert listed.keys() - found.keys() == set()
    for name, one in found.items():
        ruling = listed[name]
        assert one.how == ruling["how"], (name, one)
        assert re.search(ruling.get("says") or ruling.get("code") or "", one.why), (name, one)


def test_every_published_rule_is_read_as_pysigma_reads_it_or_by_a_listed_ruling(shared_data: Path) -> None:
    root = shared_data / "sigmahq"
    paths = sorted(path for folder in FOLDERS for path in (root / folder).rglob("*.yml"))
    texts = {path.stem: path.read_text(encoding="utf-8") for path in paths}
    assert len(texts) == 3754
    _assert_listed(_differences(texts), "published")


def test_every_case_is_read_as_pysigma_reads_it_or_by_a_listed_ruling() -> None:
    cases = [case for name in (*DETECTION_CASES, "rejects") for case in load_cases(name)]
    texts = {case["name"]: case_text(case) for case in cases}
    correlations = {case["name"]: correlation_text(case) for case in correlation_cases()}
    assert len(texts | correlations) == len(cases) + len(correlations)
    _assert_listed(_differences(texts | correlations), "cases")


def test_the_documentation_has_a_section_for_every_ruling() -> None:
    headings = re.findall(r"^### (.+)$", SEMANTICS.read_text(encoding="utf-8"), re.MULTILINE)
    rulings = {ruling["ruling"] for ruling in RULINGS}
    assert {ruling for ruling in rulings if ruling[0].upper() + ruling[1:] not in headings} == set()
