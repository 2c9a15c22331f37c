"""SigmaHQ's own rules and regression cases: every rule parses, and every case hits as often as it says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from sigma_engine import ParsedRule, Scanner, compile_rules, load_model, open_evidence, parse_rules

FOLDERS = ("rules", "rules-emerging-threats", "rules-threat-hunting")

# Rules that cannot be run as published, by file name: docs/conformance.md says why.
UNDEFINED_PLACEHOLDERS = {
    "win_security_adcs_certighost_cdc_chase_request.yml",
    "win_security_adcs_certighost_cert_issued_via_chase.yml",
}

# Cases whose file holds more matching events than `match_count` says: (hits, match_count).
MORE_THAN_SAID = {
    "file_event_win_anydesk_artefact": (3, 1),
    "file_event_win_cred_dump_tools_dropped_files": (3, 1),
    "registry_set_disable_administrative_share": (2, 1),
}


@pytest.fixture(scope="module")
def published(shared_data: Path) -> dict[Path, list[ParsedRule]]:
    """Every published rule file and its documents."""
    root = shared_data / "sigmahq"
    paths = sorted(path for folder in FOLDERS for path in (root / folder).rglob("*.yml"))
    return {path: parse_rules(path.read_text(encoding="utf-8")) for path in paths}


def test_every_published_rule_parses_or_is_refused_for_a_reason_we_list(
    published: dict[Path, list[ParsedRule]],
) -> None:
    assert len(published) == 3754
    refused = {path.name for path, parsed in published.items() if any(rule.broken for rule in parsed)}
    assert refused == UNDEFINED_PLACEHOLDERS


def test_every_published_windows_rule_is_served_by_the_shipped_model(
    published: dict[Path, list[ParsedRule]],
) -> None:
    model = load_model("Windows event logs")
    rules = [parsed.rule for documents in published.values() for parsed in documents if parsed.rule]
    windows = [rule for rule in rules if rule.logsource.product == "windows"]
    assert len(windows) > 2500
    unserved = {str(rule.logsource) for rule in windows if not model.sources_for(rule.logsource)}
    # Only an ETW session gives these two; no event log holds them (docs/conformance.md).
    assert unserved <= {"file_access/windows/*", "file_rename/windows/*"}


def regression_cases(root: Path) -> list[tuple[str, Path, int | None]]:
    """(rule id, evtx file, match count or None for "at least once") of each case."""
    cases = []
    for info_path in sorted(root.rglob("info.yml")):
        info: dict[str, Any] = yaml.safe_load(info_path.read_text(encoding="utf-8"))
        rule_id = info["rule_metadata"][0]["id"]
        for test in info.get("regression_tests_info") or []:
            if test.get("type") == "evtx":
                path = info_path.parent / Path(test["path"]).name
                cases.append((rule_id, path, test.get("match_count")))
    return cases


def test_the_regression_cases_hit_as_often_as_they_say(
    shared_data: Path, published: dict[Path, list[ParsedRule]]
) -> None:
    rules = {p.rule_id: p.rule for documents in published.values() for p in documents if p.rule}
    model = load_model("Windows event logs")
    cases = regression_cases(shared_data / "sigmahq" / "regression_data")
    wrong = {}
    for rule_id, path, expected in cases:
        scanner = Scanner(compile_rules([rules[rule_id]], model))
        evidence = open_evidence(path)
        chunks = range(evidence.chunk_count)
        count = sum(len(scanner.scan_chunk(evidence, chunk, path.name).hits) for chunk in chunks)
        if count == 0 if expected is None else count != expected:
            wrong[path.parent.name] = (count, expected)
    assert len(cases) == 98
    assert wrong == MORE_THAN_SAID
