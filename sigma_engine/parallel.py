"""Scanning many files on many cores: units of work in processes, each with a scanner of its own."""

from __future__ import annotations

import multiprocessing
import signal
import sys
import traceback
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Final, NamedTuple

from sigma_engine.collection import collection_paused
from sigma_engine.compiler import CompiledSet
from sigma_engine.correlation_parts import Member
from sigma_engine.events import EvidenceError, EvidenceFile, open_evidence, units_of
from sigma_engine.funnel import Funnel
from sigma_engine.funnel_questions import Questions
from sigma_engine.hit_lines import Line, LineStyle, hit_line
from sigma_engine.scanner import Scanner

UNITS_A_PROCESS: Final = 16  # wished, so that all end at about the same time
SMALLEST_UNIT: Final = 1024**2  # bytes to read
LARGEST_UNIT: Final = 16 * 1024**2  # its result is held in memory
CACHE_COUNTS: Final = ("verdicts_decided", "values_decided", "drops")  # of Scanner.cache_report


class Unit(NamedTuple):
    """A stretch of chunks of one file, both ends included. `name` is the file as it was given."""

    name: str
    evidence: EvidenceFile
    first_chunk: int
    last_chunk: int


@dataclass
class UnitResult:
    """What one unit gave, and a sentence for each thing in it that could not be used; `funnel` of a debug scan.

    `caches` counts what the scanner's caches did not know (see `Scanner.cache_report`).
    """

    evidence: str
    events: int = 0
    hits: list[Line] = field(default_factory=list)
    members: list[Member] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    funnel: Funnel = field(default_factory=Funnel)
    caches: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Job:
    """What a scan does to every unit; `questions` are those of a debug scan."""

    compiled: CompiledSet
    style: LineStyle
    questions: Questions | None = None


def scan_files(job: Job, paths: Sequence[str], processes: int) -> Iterator[UnitResult]:
    """The results of all units of the files, in the order they are done. A file that cannot be used gives a result
    with a problem; a unit that kills its process twice does too, and the others go on."""
    files: list[tuple[str, EvidenceFile]] = []
    for path in paths:
        try:
            files.append((path, open_evidence(path)))
        except (EvidenceError, OSError) as error:
            yield UnitResult(path, problems=[str(error)])
    units = _units(files, processes)
    if processes == 1:
        scan = _UnitScan(job)
        for unit in units:
            yield scan.of(unit)
    elif units:
        yield from _Pool(job, units, min(processes, len(units))).results()


def _units(files: Sequence[tuple[str, EvidenceFile]], processes: int) -> list[Unit]:
    size = sum(evidence.size for _, evidence in files) // (processes * UNITS_A_PROCESS)
    size = min(max(size, SMALLEST_UNIT), LARGEST_UNIT)
    return [
        Unit(path, evidence, first, last)
        for path, evidence in files
        for first, last in units_of(evidence.chunk_count, evidence.chunk_size, size)
    ]


class _Queue:
    """The units that are left, by file. A process stays on its file, whose kinds of events its scanner knows by then;
    the largest files are begun first."""

    def __init__(self, units: Sequence[Unit]) -> None:
        self._left: dict[str, list[int]] = {}
        for number in reversed(range(len(units))):
            self._left.setdefault(units[number].name, []).append(number)
        self._name_of = [unit.name for unit in units]

    def take(self, last: int | None, busy: Sequence[int]) -> int | None:
        """The number of the next unit of a process whose last one was `last`, while others are at those in `busy`."""
        if not self._left:
            return None
        name = self._name_of[last] if last is not None else ""
        if name not in self._left:
            others = {self._name_of[number] for number in busy}
            name = max(self._left, key=lambda one: (one not in others, len(self._left[one])))
        left = self._left[name]
        number = left.pop()
        if not left:
            del self._left[name]
        return number


class _Child:
    """A process with a scanner, and the number of the unit that it is at."""

    def __init__(self, job: Job, units: Sequence[Unit]) -> None:
        # A forked one shares the compiled set's memory; a spawned one is sent it.
        is_linux = sys.platform == "linux"
        context = multiprocessing.get_context("fork") if is_linux else multiprocessing.get_context("spawn")
        self.pipe, other_end = context.Pipe()
        self.process = context.Process(target=_serve, args=(other_end, job, units), daemon=True)
        self.process.start()
        other_end.close()  # so that its death is the end of the pipe
        self.unit: int | None = None

    def start(self, number: int) -> None:
        self.unit = number
        try:
            self.pipe.send(number)
        except BrokenPipeError:
            pass  # it is dead: `result` says so

    def result(self) -> UnitResult | None:
        """What it gave for its unit; None when it died. Raises what was raised in it: a fault of ours."""
        try:
            with collection_paused():
                found = self.pipe.recv()
        except (EOFError, ConnectionResetError):
            return None
        if isinstance(found, Exception):
            raise found
        assert isinstance(found, UnitResult)
        return found

    def end(self) -> None:
        self.process.kill()
        self.process.join()
        self.pipe.close()


class _Pool:
    """Processes that share the units out among them. One that dies is replaced, and its unit tried once more."""

    def __init__(self, job: Job, units: Sequence[Unit], processes: int) -> None:
        self._job, self._units = job, units
        self._queue = _Queue(units)
        self._died: set[int] = set()  # units that ended a process
        self._children = [_Child(job, units) for _ in range(processes)]

    def results(self) -> Iterator[UnitResult]:
        """The result of each unit, as it comes."""
        try:
            for child in self._children:
                self._go_on(child)
            while busy := {child.pipe: child for child in self._children if child.unit is not None}:
                for pipe in wait(list(busy)):
                    assert isinstance(pipe, Connection)
                    yield from self._take(busy[pipe])
        finally:
            for child in self._children:
                child.end()

    def _take(self, child: _Child) -> Iterator[UnitResult]:
        number, result = child.unit, child.result()
        assert number is not None
        if result is not None:
            self._go_on(child)  # before this process works on the result
            yield result
            return
        child.end()
        self._children.remove(child)
        self._children.append(fresh := _Child(self._job, self._units))
        if number not in self._died:
            self._died.add(number)
            fresh.start(number)
            return
        self._go_on(fresh)
        unit = self._units[number]
        sentence = f"Chunks {unit.first_chunk} to {unit.last_chunk} ended the process that read them."
        yield UnitResult(unit.name, problems=[sentence])

    def _go_on(self, child: _Child) -> None:
        busy = [one.unit for one in self._children if one is not child and one.unit is not None]
        number = self._queue.take(child.unit, busy)
        if number is None:
            child.unit = None
        else:
            child.start(number)


def _serve(pipe: Connection, job: Job, units: Sequence[Unit]) -> None:
    """A child's life: a number comes, the result of that unit goes, until the parent is gone or ends it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends its children itself
    scan = _UnitScan(job)
    while True:
        try:
            number = pipe.recv()
        except (EOFError, OSError):
            return
        result: UnitResult | Exception
        try:
            result = scan.of(units[number])
        except Exception as error:  # a fault of ours: the parent raises it
            error.add_note(f"in a process of its own:\n{traceback.format_exc()}")
            result = error
        try:
            pipe.send(result)
        except BrokenPipeError:
            return


class _UnitScan:
    """Scans units one after the other with one scanner."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._scanner = Scanner(job.compiled, job.questions)

    def of(self, unit: Unit) -> UnitResult:
        """The result of one unit."""
        result = UnitResult(unit.name)
        before = self._scanner.cache_report()
        try:
            for chunk in range(unit.first_chunk, unit.last_chunk + 1):
                self._scan_chunk(unit.evidence, chunk, result)
        except OSError as error:
            result.problems.append(str(error))
        after = self._scanner.cache_report()
        result.caches.update({name: after[name] - before[name] for name in CACHE_COUNTS})
        return result

    def _scan_chunk(self, evidence: EvidenceFile, chunk: int, result: UnitResult) -> None:
        name, rules, style = result.evidence, self._job.compiled.rules, self._job.style
        found = self._scanner.scan_chunk(evidence, chunk, Path(name).name, evidence=name)
        if found.funnel is not None:
            result.funnel.add(found.funnel)
        result.members += found.members
        result.events += found.events
        result.hits += [hit_line(hit, name, rules[hit.rule_index], style) for hit in found.hits]
        result.problems += [f"Chunk {problem.chunk}: {problem.message}" for problem in found.read.problems]
        result.problems += [
            f"Chunk {chunk}: the regular expression `{pattern}` ran out of time on {count} values"
            for pattern, count in found.regex_timeouts.items()
        ]
