"""`scan`: rules over evidence files on all cores, hits out in order."""

from __future__ import annotations

import argparse
import contextlib
import csv
import heapq
import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any

from sigma_engine.abbreviations import abbreviate_channel, read_abbreviations
from sigma_engine.collection import keep_for_good
from sigma_engine.command_check import model_of
from sigma_engine.command_rules import Complaints, choose_rules
from sigma_engine.compiler import CompiledSet
from sigma_engine.correlation import Correlated, correlate
from sigma_engine.correlation_parts import Member
from sigma_engine.funnel import Funnel
from sigma_engine.funnel_document import NeverTried, funnel_document
from sigma_engine.funnel_questions import Questions
from sigma_engine.funnel_report import FunnelReport
from sigma_engine.hit_row import COLUMNS, correlation_row, event_row
from sigma_engine.inputs import evidence_paths
from sigma_engine.parallel import UnitResult, scan_files
from sigma_engine.selection import SelectionError
from sigma_engine.sorted_hits import Key, SortedHits, hit_key

# A spreadsheet takes a cell that starts so for a formula (ASVS 5.0, 1.2.10).
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\0")


def run_scan(options: argparse.Namespace) -> int:
    """Scans and writes every hit; see `__main__` for the options."""
    model = model_of(options.model)
    if model is None:
        return 2
    complaints = Complaints()
    try:
        chosen = choose_rules(options, model, complaints)
        short = read_abbreviations(options.abbreviations) if options.abbreviations else {}
    except (SelectionError, ValueError, OSError) as error:
        print(f"sigma_engine: {error}", file=sys.stderr)
        return 2
    compiled = chosen.compiled
    keep_for_good()
    _tell_left_out(compiled, complaints)
    questions = Questions(compiled) if options.debug else None
    results = scan_files(compiled, evidence_paths(options.evidence), options.jobs, questions)
    rows, funnel, correlated = _collect(results, compiled, complaints)
    rows = (row | {"channel": row["channel"] and abbreviate_channel(row["channel"], short)} for row in rows)
    try:
        with _output(options.out) as stream:
            _write(stream, rows, options)
        if questions is not None:
            report = FunnelReport(compiled, questions, funnel)
            _write_debug(options.debug, report, [*chosen.never, *_left_out(compiled)], correlated)
    except BrokenPipeError:
        raise
    except OSError as error:
        print(f"sigma_engine: {error.filename or options.out}: {error.strerror}", file=sys.stderr)
        return 2
    return 1 if options.strict and complaints.told else 0


def _write_debug(path: str, report: FunnelReport, never: list[NeverTried], correlated: Correlated) -> None:
    hits = Counter(hit.rule_index for hit in correlated.hits)
    document = funnel_document(report, never, hits, correlated.nearest)
    with Path(path).open("w", encoding="utf-8", errors="backslashreplace") as stream:
        json.dump(document, stream, ensure_ascii=False, indent=1)
        stream.write("\n")


def _left_out(compiled: CompiledSet) -> list[NeverTried]:
    """What the model does not serve, and what refers to it."""
    return [
        NeverTried(
            rule.id, rule.title, rule.level, "not_run" if is_reference else "not_served", finding.message
        )
        for left in compiled.left_out
        for rule, finding in [(compiled.rules[left.index], left.findings[0])]
        for is_reference in [finding.code == "correlation_reference"]
    ]


def _tell_left_out(compiled: CompiledSet, complaints: Complaints) -> None:
    """One line a rule; on a terminal one a reason, for a person has no use for a thousand lines."""
    if not sys.stderr.isatty():
        for left in compiled.left_out:
            rule, finding = compiled.rules[left.index], left.findings[0]
            complaints.tell(f"rule {rule.id or rule.title}", f"{finding.message} [{finding.code}]")
        return
    groups = Counter(left.findings[0].message for left in compiled.left_out)
    for message, count in groups.most_common():
        complaints.tell(f"{count:,} rules", message)


def _collect(
    results: Iterator[UnitResult], compiled: CompiledSet, complaints: Complaints
) -> tuple[Iterator[dict[str, Any]], Funnel, Correlated]:
    """Every hit as it is printed, in order of time, evidence and rule; the funnel, and what came of correlations."""
    hits = SortedHits()
    members: list[Member] = []
    events = 0
    funnel = Funnel()
    for done, result in enumerate(results, 1):
        hits.add(result.hits)
        members += result.members
        funnel.add(result.funnel)
        events += result.events
        for problem in result.problems:
            complaints.tell(result.evidence, problem)
        if sys.stderr.isatty():
            print(f"\r{events:,} events, {hits.count:,} hits, {done:,} units done", end="", file=sys.stderr)
    if sys.stderr.isatty():
        print(file=sys.stderr)
    correlated = correlate(compiled.correlations.plans, members)
    rows = sorted(_correlated(correlated, compiled, complaints), key=lambda row: row[0])
    of_events = ((hit_key(hit), event_row(hit, compiled.rules[hit.rule_index])) for hit in hits)
    merged = heapq.merge(of_events, rows, key=lambda row: row[0])
    return (row for _, row in merged), funnel, correlated


def _correlated(
    correlated: Correlated, compiled: CompiledSet, complaints: Complaints
) -> list[tuple[Key, dict[str, Any]]]:
    for index, count in correlated.truncated.items():
        complaints.tell(
            f"rule {compiled.rules[index].title}", f"{count:,} matches were too many to correlate"
        )
    return [
        (
            (hit.last.time, hit.last.evidence, hit.rule_index, hit.last.chunk, hit.last.position),
            correlation_row(hit, compiled.rules),
        )
        for hit in correlated.hits
        if hit.rule_index not in compiled.correlations.silent_hits
    ]


@contextlib.contextmanager
def _output(path: str | None) -> Iterator[IO[str]]:
    if path is None:
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")  # type: ignore[union-attr]
        yield sys.stdout
        sys.stdout.flush()
    else:
        with Path(path).open("w", encoding="utf-8", errors="backslashreplace", newline="") as stream:
            yield stream


def _write(stream: IO[str], rows: Iterable[dict[str, Any]], options: argparse.Namespace) -> None:
    if options.format == "csv":
        writer = csv.DictWriter(stream, COLUMNS, extrasaction="ignore")
        writer.writeheader()
        writer.writerows({name: _cell(value) for name, value in row.items()} for row in rows)
    elif options.format == "jsonl" or options.out or not sys.stdout.isatty():
        for row in rows:
            stream.write(json.dumps(row, ensure_ascii=False) + "\n")
    else:
        for row in rows:
            words = (str(row[name]) for name in ("timestamp", "level", "title", "computer", "details"))
            stream.write("  ".join(words) + "\n")


def _cell(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
