"""Hayabusa's rules: all files load but those that docs/conformance.md names, each with its reason."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from sigma_engine import Finding, ParsedRule, Severity, parse_rules

DOCS = Path(__file__).resolve().parents[2] / "docs" / "conformance.md"
SECTION = "## Hayabusa's rules and their dialect"


@cache
def _parsed(root: Path) -> dict[str, list[ParsedRule]]:
    """The documents of every rule file, by its path below the folder."""
    files = [path for folder in ("hayabusa", "sigma") for path in sorted((root / folder).rglob("*.yml"))]
    return {str(path.relative_to(root)): parse_rules(path.read_text(encoding="utf-8")) for path in files}


def _errors(documents: list[ParsedRule]) -> list[Finding]:
    return [f for one in documents for f in one.findings if f.severity is Severity.ERROR]


def _section() -> str:
    text = DOCS.read_text(encoding="utf-8")
    return text[text.index(SECTION) :].removeprefix(SECTION).partition("\n## ")[0]


def test_the_page_says_how_many_files_load(shared_data: Path) -> None:
    parsed = _parsed(shared_data / "hayabusa-rules")
    loaded = [name for name, documents in parsed.items() if not _errors(documents)]
    assert len(loaded) >= 4940
    assert f"Of the {len(parsed):,} files {len(loaded):,} load" in _section()


def test_the_page_names_each_file_that_is_refused_and_why(shared_data: Path) -> None:
    parsed = _parsed(shared_data / "hayabusa-rules")
    refused = {name: _errors(documents) for name, documents in parsed.items() if _errors(documents)}
    rows = re.findall(r"^\| `([^`]+\.yml)` \| (.+) \|$", _section(), re.MULTILINE)
    assert sorted(name for name, _ in rows) == sorted(refused)
    for name, reason in rows:
        for error in refused[name]:
            shown = re.search(r"`%[^`]+%`", error.message)
            assert (shown[0] if shown else "condition") in reason, (name, error)


def test_what_is_refused_is_an_undefined_placeholder_or_a_missing_condition(shared_data: Path) -> None:
    parsed = _parsed(shared_data / "hayabusa-rules")
    codes = {error.code for documents in parsed.values() for error in _errors(documents)}
    assert codes == {"placeholder_undefined", "condition_missing"}


def test_a_defined_placeholder_mends_its_rules(shared_data: Path) -> None:
    root = shared_data / "hayabusa-rules"
    [name] = [n for n in _parsed(root) if n.endswith("win_security_msds_dmsa_object_creation.yml")]
    text = (root / name).read_text(encoding="utf-8")
    assert not _errors(parse_rules(text, {"Administrators": ["ann"]}))


@pytest.mark.parametrize("key", ["regexes", "allowlist"])
def test_a_list_that_is_not_here_is_refused_where_it_stands(key: str) -> None:
    text = (
        "title: t\nlogsource: {product: windows}\ndetection:\n  selection:\n    Service:\n"
        f"      {key}: config/regex/services.txt\n  condition: selection\n"
    )
    [finding] = [f for f in _errors(parse_rules(text)) if f.code == "list_undefined"]
    assert (finding.line, finding.column) == (6, 9 + len(key))
    assert "config/regex/services.txt" in finding.message
    assert "services.txt" in finding.hint
    assert not _errors(parse_rules(text, {"services.txt": ["^a"]}))


def test_a_broken_expression_in_a_list_is_told() -> None:
    text = (
        "title: t\nlogsource: {product: windows}\ndetection:\n  selection:\n    Service:\n"
        "      regexes: services.txt\n  condition: selection\n"
    )
    assert "regex_invalid" in {f.code for f in _errors(parse_rules(text, {"services": ["a", "b("]}))}
