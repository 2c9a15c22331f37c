"""The starter rules as the engine reads them, compiled for the model that ships with it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import sigma_engine
from sigma_engine import ParsedRule

PROJECT = Path(__file__).resolve().parents[2]
RULES = sorted((PROJECT / "starter" / "rules").glob("*.yml"))
Hits = list[tuple[str, sigma_engine.Hit]]


@pytest.fixture(scope="session")
def model() -> sigma_engine.Model:
    """The shipped model, which the starter rules are written for."""
    return sigma_engine.load_model("Windows event logs")


@pytest.fixture(scope="session")
def parsed_rules() -> dict[str, ParsedRule]:
    """Each starter rule by the stem of its file."""
    return {path.stem: sigma_engine.parse_rules(path.read_text("utf-8"))[0] for path in RULES}


@pytest.fixture(scope="session")
def scan(model: sigma_engine.Model, parsed_rules: dict[str, ParsedRule]) -> Callable[[Path], Hits]:
    """scan(path) gives the hits of all starter rules on a log, each with the stem of its rule's file."""
    stems = list(parsed_rules)
    compiled = sigma_engine.compile_rules([parsed.rule for parsed in parsed_rules.values()], model)
    scanner = sigma_engine.Scanner(compiled)

    def scan_file(path: Path) -> Hits:
        evidence = sigma_engine.open_evidence(path)
        chunks = (scanner.scan_chunk(evidence, n, path.name) for n in range(evidence.chunk_count))
        return [(stems[hit.rule_index], hit) for chunk in chunks for hit in chunk.hits]

    return scan_file
