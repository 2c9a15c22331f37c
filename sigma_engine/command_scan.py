"""`scan`: rules over evidence files on all cores, hits out in order."""

from __future__ import annotations

import argparse
import contextlib
import heapq
import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from sigma_engine.abbreviations import read_abbreviations
from sigma_engine.collection import keep_for_good
from sigma_engine.command_rules import Complaints, choose_rules
from sigma_engine.compiler import CompiledSet
from sigma_engine.correlation import Correlated, correlate
from sigma_engine.correlation_parts import Member
from sigma_engine.funnel import Funnel
from sigma_engine.funnel_document import NeverTried, funnel_document
from sigma_engine.funnel_questions import Questions
from sigma_engine.funnel_report import FunnelReport
from sigma_engine.hit_lines import Line, LineStyle, correlation_line
from sigma_engine.inputs import evidence_paths
from sigma_engine.model import ModelError
from sigma_engine.parallel import Job, UnitResult, scan_files
from sigma_engine.selection import SelectionError
from sigma_engine.sorted_hits import SortedHits


def run_scan(options: argparse.Namespace) -> int:
    """Scans and writes every hit; see `__main__` for the options."""
    complaints = Complaints()
    try:
        chosen = choose_rules(options, complaints)
        style = _style(options)
    except (ModelError, SelectionError, ValueError, OSError) as error:
        print(f"sigma_engine: {error}", file=sys.stderr)
        return 2
    compiled = chosen.compiled
    keep_for_good()
    _tell_left_out(compiled, complaints)
    questions = Questions(compiled) if options.debug else None
    job = Job(compiled, style, questions)
    results = scan_files(job, evidence_paths(options.evidence), options.jobs)
    lines, funnel, correlated = _collect(results, job, complaints)
    try:
        with _output(options.out) as stream:
            stream.write(style.heading)
            stream.writelines(lines)
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
    results: Iterator[UnitResult], job: Job, complaints: Complaints
) -> tuple[Iterator[str], Funnel, Correlated]:
    """Every hit as it is printed, in order of time, evidence and rule; the funnel, and what came of correlations."""
    hits = SortedHits()
    members: list[Member] = []
    caches = Counter[str]()
    events = 0
    funnel = Funnel()
    for done, result in enumerate(results, 1):
        hits.add(result.hits)
        members += result.members
        funnel.add(result.funnel)
        caches.update(result.caches)
        events += result.events
        for problem in result.problems:
            complaints.tell(result.evidence, problem)
        if sys.stderr.isatty():
            print(f"\r{events:,} events, {hits.count:,} hits, {done:,} units done", end="", file=sys.stderr)
    if sys.stderr.isatty():
        print(f"\n{_caches_line(events, caches)}", file=sys.stderr)
    correlated = correlate(job.compiled.correlations.plans, members)
    lines = sorted(_correlated(correlated, job, complaints))
    return (line for _, line in heapq.merge(hits, lines)), funnel, correlated


def _caches_line(events: int, caches: Counter[str]) -> str:
    """What the scanners' caches did not know, and how often they were emptied."""
    decided, values = caches["verdicts_decided"], caches["values_decided"]
    emptied = f"; caches were emptied {caches['drops']:,} times for their size" if caches["drops"] else ""
    return (
        f"{decided:,} of {events:,} events were decided anew and {values:,} values compared, "
        f"the rest was known{emptied}"
    )


def _correlated(correlated: Correlated, job: Job, complaints: Complaints) -> list[Line]:
    compiled = job.compiled
    for index, count in correlated.truncated.items():
        complaints.tell(
            f"rule {compiled.rules[index].title}", f"{count:,} matches were too many to correlate"
        )
    return [
        correlation_line(hit, compiled.rules, job.style)
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


def _style(options: argparse.Namespace) -> LineStyle:
    """How lines look. Raises OSError and ValueError for a table of short names that cannot be read."""
    short = read_abbreviations(options.abbreviations) if options.abbreviations else {}
    if options.format == "csv":
        return LineStyle("csv", short)
    is_text = options.format is None and not options.out and sys.stdout.isatty()
    return LineStyle("text" if is_text else "jsonl", short)
