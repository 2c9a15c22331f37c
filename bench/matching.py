"""What matching costs on top of reading, on one core.

The bare minimum is the parser's JSON of every record and orjson: all times are multiples of it. Then the engine's
own reading, and all rules cold (nothing remembered) and warm. Without `--evidence` the attack samples follow as they
are: many small files of distinct events.
"""

from __future__ import annotations

import orjson
from evtx import PyEvtxParser

from bench.dense_logs import default_evidence, logs_in
from bench.inputs import (
    Stopwatch,
    arguments,
    evidence_folder,
    load_rules,
    print_load,
    rules_folder,
)
from sigma_engine import CompiledSet, EvidenceFile, Scanner, compile_rules, load_model
from sigma_engine.collection import keep_for_good


def main() -> None:
    """Print the tables."""
    given = arguments()
    print_load()
    watch = Stopwatch()
    rules = load_rules(rules_folder(given))
    print(f"{len(rules):,} rules parsed in {watch.cpu:.1f} s")
    compiled = compile_rules(rules, load_model("Windows event logs"))
    assert compiled.atoms  # as a set from the cache has them
    keep_for_good()  # as the command line and the workers do
    with evidence_folder(given) as folder:
        dense = table("given logs" if given.evidence else "dense logs", logs_in(folder), compiled)
    if given.evidence is None:
        as_is = table("the samples as they are", logs_in(default_evidence()), compiled)
        print(f"\ncold, the samples as they are run at {as_is / dense:.2f} of the speed of dense logs")


def table(what: str, logs: list[EvidenceFile], compiled: CompiledSet) -> float:
    """Print what each step costs; the events a second of matching, cold."""
    size = sum(log.size for log in logs) / 1e6
    scanner = Scanner(compiled)
    first = Steps()
    for log in logs:
        first.add(log, scanner)
    events, hits = first.events, first.hits
    print(f"\n{what}: {events:,} events in {len(logs):,} files, {size:,.0f} MB")
    report("bare parsing and orjson", events, first.bare, first.bare)
    report("the engine's reading", events, first.reading, first.bare)
    report(f"all rules, cold: {hits:,} hits", events, first.matching, first.bare)
    second = Steps()
    for log in logs:
        second.add(log, scanner)
    report("all rules, warm", events, second.matching, second.bare)
    return events / first.matching


class Steps:
    """Seconds of processor time by step. Each log goes through all of them before the next does, so that whatever else
    the machine does slows all alike."""

    def __init__(self) -> None:
        self.events = self.hits = 0
        self.bare = self.reading = self.matching = 0.0

    def add(self, log: EvidenceFile, scanner: Scanner) -> None:
        """Take one log through all steps."""
        watch = Stopwatch()
        bare_events(log)
        self.bare += watch.cpu
        watch = Stopwatch()
        for number in range(log.chunk_count):
            log.read_chunk(number)
        self.reading += watch.cpu
        watch = Stopwatch()
        for number in range(log.chunk_count):
            found = scanner.scan_chunk(log, number, log.path.name)
            self.events += found.events
            self.hits += len(found.hits)
        self.matching += watch.cpu


def bare_events(log: EvidenceFile) -> None:
    """Parse a log and decode its JSON, and do nothing with it."""
    for record in PyEvtxParser(str(log.path), number_of_threads=1).records_json():
        orjson.loads(record["data"])


def report(what: str, events: int, seconds: float, bare: float) -> None:
    """One line of the table."""
    print(f"{what:<36} {events / seconds:>10,.0f} events/s {seconds / bare:>7.2f} x bare")


if __name__ == "__main__":
    main()
