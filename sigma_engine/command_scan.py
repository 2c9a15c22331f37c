"""`scan`: rules over evidence files on all cores, hits out in order."""

from __future__ import annotations

import argparse
import contextlib
import csv
import json
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Any

from sigma_engine.command_check import model_of
from sigma_engine.compiler import CompiledSet, load_or_compile
from sigma_engine.findings import Severity
from sigma_engine.inputs import evidence_paths, read_rules
from sigma_engine.parallel import HitRow, UnitResult, scan_files
from sigma_engine.rule import Rule
from sigma_engine.selection import SelectionError, select_rules

COLUMNS = (
    *("rule_id", "title", "level", "timestamp", "computer", "channel", "event_id", "record_id", "evidence"),
    "details",
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# A spreadsheet takes a cell that starts so for a formula (ASVS 5.0, 1.2.10).
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\0")


class Complaints:
    """What could not be used, told on stderr as it comes; `any` decides about `--strict`."""

    def __init__(self) -> None:
        self.any = False

    def tell(self, what: str, reason: str) -> None:
        """One line: what it was, and why it could not be used."""
        self.any = True
        print(f"{what}: {reason}", file=sys.stderr)


def run_scan(options: argparse.Namespace) -> int:
    """Scans and writes every hit; see `__main__` for the options."""
    model = model_of(options.model)
    if model is None:
        return 2
    complaints = Complaints()
    try:
        rules = _rules(options, complaints)
    except SelectionError as error:
        print(f"sigma_engine: {error}", file=sys.stderr)
        return 2
    compiled = load_or_compile(rules, model)
    _tell_left_out(compiled, complaints)
    results = scan_files(compiled, evidence_paths(options.evidence), options.jobs)
    hits = _collect(results, complaints)
    hits.sort(key=lambda hit: (hit.time, hit.evidence, hit.rule_index, hit.chunk, hit.position))
    try:
        with _output(options.out) as stream:
            _write(stream, hits, compiled.rules, options)
    except BrokenPipeError:
        raise
    except OSError as error:
        print(f"sigma_engine: {options.out}: {error.strerror}", file=sys.stderr)
        return 2
    return 1 if options.strict and complaints.any else 0


def _rules(options: argparse.Namespace, complaints: Complaints) -> list[Rule]:
    files = read_rules(options.rules)
    for path, reason in files.unreadable:
        complaints.tell(path, reason)
    for path, parsed in files.parsed:
        for finding in parsed.findings:
            if finding.severity is Severity.ERROR:
                complaints.tell(
                    f"{path}:{finding.line + parsed.line_offset}", f"{finding.message} [{finding.code}]"
                )
    rules = [parsed.rule for _, parsed in files.parsed if parsed.rule is not None]
    chosen = select_rules(
        rules,
        levels=options.level,
        statuses=options.status,
        tags=options.tag,
        title=options.title,
        rule_filter=options.rule_filter,
    )
    return [rules[index] for index in chosen]


def _tell_left_out(compiled: CompiledSet, complaints: Complaints) -> None:
    """One line a rule; on a terminal one a log source, for a person has no use for a thousand lines."""
    if not sys.stderr.isatty():
        for left in compiled.left_out:
            rule = compiled.rules[left.index]
            complaints.tell(
                f"rule {rule.id or rule.title}", f"{left.findings[0].message} [{left.findings[0].code}]"
            )
        return
    groups = Counter(str(compiled.rules[left.index].logsource) for left in compiled.left_out)
    for logsource, count in groups.most_common():
        complaints.tell(
            f"{count:,} rules for {logsource}", f"not served by the model `{compiled.model.name}`"
        )


def _collect(results: Iterator[UnitResult], complaints: Complaints) -> list[HitRow]:
    hits: list[HitRow] = []
    events = 0
    for done, result in enumerate(results, 1):
        hits += result.hits
        events += result.events
        for problem in result.problems:
            complaints.tell(result.evidence, problem)
        if sys.stderr.isatty():
            print(f"\r{events:,} events, {len(hits):,} hits, {done:,} units done", end="", file=sys.stderr)
    if sys.stderr.isatty():
        print(file=sys.stderr)
    return hits


@contextlib.contextmanager
def _output(path: str | None) -> Iterator[IO[str]]:
    if path is None:
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")  # type: ignore[union-attr]
        yield sys.stdout
        sys.stdout.flush()
    else:
        with Path(path).open("w", encoding="utf-8", errors="backslashreplace", newline="") as stream:
            yield stream


def _write(stream: IO[str], hits: list[HitRow], rules: tuple[Rule, ...], options: argparse.Namespace) -> None:
    rows = (_row(hit, rules[hit.rule_index]) for hit in hits)
    if options.format == "csv":
        writer = csv.DictWriter(stream, COLUMNS)
        writer.writeheader()
        writer.writerows({name: _cell(value) for name, value in row.items()} for row in rows)
    elif options.format == "jsonl" or options.out or not sys.stdout.isatty():
        for row in rows:
            stream.write(json.dumps(row, ensure_ascii=False) + "\n")
    else:
        for row in rows:
            stream.write(
                "  ".join(str(row[name]) for name in ("timestamp", "level", "title", "computer", "details"))
                + "\n"
            )


def _row(hit: HitRow, rule: Rule) -> dict[str, Any]:
    return {
        "rule_id": rule.id,
        "title": rule.title,
        "level": rule.level,
        "timestamp": (_EPOCH + timedelta(microseconds=hit.time)).isoformat() if hit.time else None,
        "computer": hit.computer,
        "channel": hit.channel,
        "event_id": hit.event_id,
        "record_id": hit.record_id,
        "evidence": hit.evidence,
        "details": hit.details,
    }


def _cell(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
