"""`report`: what a model does for a set of rules, and what it lacks."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from sigma_engine.command_check import model_of
from sigma_engine.inputs import read_rules
from sigma_engine.model_report import model_report

_SHOWN = 20  # of each list on a terminal


def run_report(options: argparse.Namespace) -> int:
    """Prints the report of a model for rules: one JSON object, or text on a terminal. Rules appear by their ids."""
    model = model_of(options.model)
    if model is None:
        return 2
    rules = [parsed.rule for _, parsed in read_rules(options.rules).parsed if parsed.rule is not None]
    report = model_report(model, rules).to_dict()
    for name in ("served", "not_served"):
        report[name] = [rules[index].id or rules[index].title for index in report[name]]
    for name in ("missing_sources", "missing_fields", "fallback_fields"):
        for row in report[name]:
            row["rules"] = [rules[index].id or rules[index].title for index in row["rules"]]
    print(_readable(report) if sys.stdout.isatty() else json.dumps(report, ensure_ascii=False))
    return 0


def _readable(report: dict[str, Any]) -> str:
    lines = [f"{report['model']}: serves {len(report['served']):,} of {report['rules']:,} rules"]
    for title, name, key in (
        ("Log sources that it lacks", "missing_sources", "logsource"),
        ("Fields that it maps nowhere", "missing_fields", "field"),
        ("Fields that some log sources lack", "fallback_fields", "field"),
    ):
        rows = report[name]
        lines.append(f"{title}: {len(rows):,}")
        lines += [f"  {len(row['rules']):>6,} rules  {row[key]}" for row in rows[:_SHOWN]]
    return "\n".join(lines)
