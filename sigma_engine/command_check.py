"""`check`: one finding a line; exit 1 when a rule would be left out of scans."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from typing import Any

from sigma_engine.check import check_rule
from sigma_engine.compiler import compile_rules
from sigma_engine.findings import Finding, Severity
from sigma_engine.inputs import RuleFiles, read_rules
from sigma_engine.model import Model, ModelError, load_model
from sigma_engine.rule import Correlation, ParsedRule
from sigma_engine.yaml_source import load_document


def run_check(options: argparse.Namespace) -> int:
    """Prints every finding of the rules in `options.rules` under `options.model`; see `__main__`."""
    model = model_of(options.model)
    if model is None:
        return 2
    files = read_rules(options.rules)
    rows = [_unreadable(path, reason) for path, reason in files.unreadable]
    rows += [*_of_the_set(files, model), *_ids_twice(files)]
    for path, parsed in files.parsed:
        rows += [_row(path, parsed.rule_id, parsed.line_offset, f) for f in check_rule(parsed, model)]
    rows.sort(key=lambda row: (row["file"], row["line"], row["column"]))
    show = _readable if sys.stdout.isatty() else _as_json
    for row in rows:
        print(show(row))
    if sys.stdout.isatty():
        print(f"{len(files.parsed):,} rules, {len(rows):,} findings", file=sys.stderr)
    return 1 if any(row["severity"] == Severity.ERROR for row in rows) else 0


def _of_the_set(files: RuleFiles, model: Model) -> list[dict[str, Any]]:
    """What only shows when all rules are seen together: references of correlations."""
    usable = [(path, parsed) for path, parsed in files.parsed if parsed.rule is not None]
    compiled = compile_rules([parsed.rule for _, parsed in usable if parsed.rule is not None], model)
    return [
        _row(path, parsed.rule_id, parsed.line_offset, finding)
        for left in compiled.left_out
        for path, parsed in [usable[left.index]]
        if isinstance(parsed.rule, Correlation)
        for finding in left.findings
    ]


def _ids_twice(files: RuleFiles) -> Iterator[dict[str, Any]]:
    """Documents whose id another one before them has. Each is a rule of its own, but a reference by id is not clear."""
    first: dict[str, tuple[str, ParsedRule]] = {}
    for path, parsed in files.parsed:
        if not parsed.rule_id:
            continue
        other_path, other = first.setdefault(parsed.rule_id.lower(), (path, parsed))
        if other is not parsed:
            message = (
                f"`{other.title}` in {other_path} has this id too; both are kept, as rules of their own."
            )
            finding = Finding(
                "id_twice", Severity.INFO, message, "Give one of them a new UUID.", *_id_place(parsed)
            )
            yield _row(path, parsed.rule_id, parsed.line_offset, finding)


def _id_place(parsed: ParsedRule) -> tuple[int, int]:
    node, _ = load_document(parsed.text)
    place = node.get("id") if node is not None else None
    return (place.line, place.column) if place is not None else (1, 1)


def model_of(name: str) -> Model | None:
    """The model by name or file; None, with the reason on stderr, when there is none that works."""
    try:
        return load_model(name)
    except ModelError as error:
        print(f"sigma_engine: {error}", file=sys.stderr)
        return None


def _row(path: str, rule_id: str, line_offset: int, finding: Finding) -> dict[str, Any]:
    row: dict[str, Any] = {"file": path, "rule_id": rule_id, "line": finding.line + line_offset}
    data = finding.to_dict()
    names = ("column", "severity", "code", "scope", "message", "hint")
    return row | {name: data[name] for name in names}


def _unreadable(path: str, reason: str) -> dict[str, Any]:
    return _row(path, "", 0, Finding("file_unreadable", Severity.ERROR, reason))


def _as_json(row: dict[str, Any]) -> str:
    return json.dumps(row, ensure_ascii=False)


def _readable(row: dict[str, Any]) -> str:
    hint = f" {row['hint']}" if row["hint"] else ""
    return f"{row['file']}:{row['line']}:{row['column']}: {row['severity']}: {row['message']}{hint} [{row['code']}]"
