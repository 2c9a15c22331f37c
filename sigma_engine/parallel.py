"""Scanning many files on many cores: units of work in processes, each with a scanner of its own."""

from __future__ import annotations

import multiprocessing
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from sigma_engine.compiler import CompiledSet
from sigma_engine.correlation_parts import Member
from sigma_engine.events import EvidenceError, EvidenceFile, open_evidence, units_of
from sigma_engine.funnel import Funnel
from sigma_engine.funnel_questions import Questions
from sigma_engine.scanner import Hit, Scanner


class Unit(NamedTuple):
    """A stretch of chunks of one file, both ends included. `name` is the file as it was given."""

    name: str
    evidence: EvidenceFile
    first_chunk: int
    last_chunk: int


class HitRow(NamedTuple):
    """A hit as it is printed; `time` is microseconds since the epoch, 0 when the event has none."""

    time: int
    evidence: str
    rule_index: int
    chunk: int
    position: int
    computer: str
    channel: str
    event_id: int | None
    record_id: int | None
    details: str


@dataclass
class UnitResult:
    """What one unit gave, and a sentence for each thing in it that could not be used; `funnel` of a debug scan."""

    evidence: str
    events: int = 0
    hits: list[HitRow] = field(default_factory=list)
    members: list[Member] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    funnel: Funnel = field(default_factory=Funnel)


def scan_files(
    compiled: CompiledSet, paths: Sequence[str], jobs: int, questions: Questions | None = None
) -> Iterator[UnitResult]:
    """The results of all units of the files, in the order they are done. A file that cannot be used gives a result
    with a problem; a unit that kills its process twice does too, and the others go on. With `questions` it is a
    debug scan."""
    units: list[Unit] = []
    for path in paths:
        try:
            evidence = open_evidence(path)
        except (EvidenceError, OSError) as error:
            yield UnitResult(path, problems=[str(error)])
            continue
        stretches = units_of(evidence.chunk_count, evidence.chunk_size)
        units += [Unit(path, evidence, first, last) for first, last in stretches]
    if jobs == 1:
        scanner = Scanner(compiled, questions)
        for unit in units:
            yield _scan_unit(scanner, unit)
    else:
        yield from _scan_in_processes(compiled, units, jobs, questions)


def _scan_in_processes(
    compiled: CompiledSet, units: list[Unit], jobs: int, questions: Questions | None
) -> Iterator[UnitResult]:
    left = list(units)
    method = "fork" if sys.platform == "linux" else "spawn"
    if units:
        with _pool(compiled, questions, min(jobs, len(units)), method) as pool:
            futures: dict[Future[UnitResult], Unit] = {
                pool.submit(_scan_in_child, unit): unit for unit in units
            }
            for future in as_completed(futures):
                try:
                    result = future.result()
                except BrokenProcessPool:
                    continue
                left.remove(futures[future])
                yield result
    for (
        unit
    ) in left:  # a process died: each unit that it left gets one of its own, so that only the guilty fails
        with _pool(compiled, questions, 1, "spawn") as pool:
            try:
                yield pool.submit(_scan_in_child, unit).result()
            except BrokenProcessPool:
                sentence = f"Chunks {unit.first_chunk} to {unit.last_chunk} ended the process that read them."
                yield UnitResult(unit.name, problems=[sentence])


def _pool(
    compiled: CompiledSet, questions: Questions | None, workers: int, method: str
) -> ProcessPoolExecutor:
    """Workers with a scanner each. A forked one shares the compiled set's memory; a spawned one is sent it."""
    return ProcessPoolExecutor(
        workers, multiprocessing.get_context(method), _start_child, (compiled, questions)
    )


_scanner: Scanner | None = None


def _start_child(compiled: CompiledSet, questions: Questions | None) -> None:
    global _scanner
    _scanner = Scanner(compiled, questions)


def _scan_in_child(unit: Unit) -> UnitResult:
    assert _scanner is not None
    return _scan_unit(_scanner, unit)


def _scan_unit(scanner: Scanner, unit: Unit) -> UnitResult:
    result = UnitResult(unit.name)
    try:
        for chunk in range(unit.first_chunk, unit.last_chunk + 1):
            _scan_chunk(scanner, unit.evidence, chunk, result)
    except OSError as error:
        result.problems.append(str(error))
    return result


def _scan_chunk(scanner: Scanner, evidence: EvidenceFile, chunk: int, result: UnitResult) -> None:
    found = scanner.scan_chunk(evidence, chunk, Path(result.evidence).name, evidence=result.evidence)
    if found.funnel is not None:
        result.funnel.add(found.funnel)
    result.members += found.members
    result.events += found.events
    result.hits += [_hit_row(hit, result.evidence) for hit in found.hits]
    result.problems += [f"Chunk {problem.chunk}: {problem.message}" for problem in found.read.problems]
    result.problems += [
        f"Chunk {chunk}: the regular expression `{pattern}` ran out of time on {count} values"
        for pattern, count in found.regex_timeouts.items()
    ]


def _hit_row(hit: Hit, evidence: str) -> HitRow:
    facts = hit.facts
    return HitRow(
        facts.time,
        evidence,
        hit.rule_index,
        hit.chunk,
        hit.position,
        facts.computer,
        facts.channel,
        facts.event_id,
        facts.record_id,
        hit.details,
    )
