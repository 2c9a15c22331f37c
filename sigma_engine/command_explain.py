"""`explain`: why each rule of a file did or did not match the events of one evidence file."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sigma_engine.command_check import model_of
from sigma_engine.events import EvidenceError, Record, event_facts, open_evidence
from sigma_engine.explain import explain
from sigma_engine.inputs import read_rules
from sigma_engine.rule import Rule

FOLDED = 8  # false values of one field that a terminal shows; the others are counted


def run_explain(options: argparse.Namespace) -> int:
    """Prints one tree for each rule and event: JSON lines, or indented text on a terminal. Exit 1 when the rules
    or the evidence could not be used at all."""
    model = model_of(options.model)
    if model is None:
        return 2
    files = read_rules(options.rules)
    rules = [parsed.rule for _, parsed in files.parsed if isinstance(parsed.rule, Rule)]
    for path, parsed in files.parsed:
        for finding in parsed.findings if parsed.rule is None else ():
            print(f"{path}:{finding.line + parsed.line_offset}: {finding.message}", file=sys.stderr)
    if not rules:
        print(
            f"sigma_engine: {options.rules[0]} holds no detection rule that can be evaluated", file=sys.stderr
        )
        return 1
    show, most = (_readable, FOLDED) if sys.stdout.isatty() else (_as_json, None)
    name = Path(options.evidence).name
    try:
        for record in _records(options.evidence, options.record):
            facts = event_facts(record.event)
            for rule in rules:
                head = {"rule_id": rule.id, "title": rule.title, "evidence": options.evidence}
                head |= {"record_id": facts.record_id}
                print(show(head | explain(rule, model, record.event, name).to_dict(most)))
    except (EvidenceError, OSError) as error:
        print(f"sigma_engine: {options.evidence}: {error}", file=sys.stderr)
        return 1
    return 0


def _records(path: str, record_id: int | None) -> Iterator[Record]:
    evidence = open_evidence(path)
    for chunk in range(evidence.chunk_count):
        for record in evidence.read_chunk(chunk).records:
            if record_id is None or event_facts(record.event).record_id == record_id:
                yield record


def _as_json(explanation: dict[str, Any]) -> str:
    return json.dumps(explanation, ensure_ascii=False)


def _readable(explanation: dict[str, Any]) -> str:
    answer = (
        "matches"
        if explanation["verdict"]
        else "does not match"
        if explanation["tried"]
        else "was not tried on"
    )
    source = explanation["logsource"]
    lines = [
        f"{explanation['title']} {answer} record {explanation['record_id']}",
        f"  wants {source['wanted']}; the event is {source['event']['channel']} {source['event']['event_id']}",
        f"  {source['sentence']}",
    ]
    if not explanation["agrees"]:
        lines.append("  The plain evaluator disagrees with the scanning engine: that is a fault of ours.")
    for decided in explanation["deciding"] if explanation["tried"] else ():
        lines += _decided_lines(decided)
    for condition in explanation["conditions"]:
        lines += _tree_lines(condition, 1)
    return "\n".join(lines)


def _decided_lines(decided: dict[str, Any]) -> list[str]:
    place = f"line {decided['line']}, {decided['label']}"
    alone = " (one clause away)" if decided["alone"] else ""
    wanted = {
        "blocks": " It is true, and the condition wants it false.",
        "unneeded": " The condition wants it false.",
    }.get(decided["mark"], "")
    lines = [f"  Decided by {place}{alone}", f"    {decided['sentence']}{wanted}"]
    for hint in decided["hints"]:
        mended = f" Write: {hint['mended']}" if hint["mended"] else ""
        lines.append(f"    Hint: {hint['sentence']}{mended}")
    return lines


def _tree_lines(node: dict[str, Any], depth: int) -> list[str]:
    mark = {"yes": "+", "blocks": "!", "no": "-", "unneeded": "."}[node["mark"]]
    line = f"{'  ' * depth}{mark} {node['label']}"
    if "field" in node:
        found = node["type"] if node["value"] is None else f"{node['type']} {node['value']!r}"
        where = f" at {', '.join(node['paths'])}" if node["paths"] else ""
        line += f"   <- {found}{where}" + (f" ({node['reason']})" if node["reason"] else "")
    lines = [line, *(text for child in node["children"] for text in _tree_lines(child, depth + 1))]
    if node["left_out"]:
        lines.append(f"{'  ' * (depth + 1)}. {node['left_out']:,} more values of the list, none matched")
    return lines
