"""What matching costs on top of reading, on one core.

The bare minimum is the parser's JSON of every record and orjson: all times are multiples of it. Then the engine's
own reading, and all rules cold (nothing remembered) and warm. Without `--evidence` the attack samples follow as they
are: many small files of distinct events.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import orjson
from evtx import PyEvtxParser

from bench.dense_logs import default_evidence, logs_in
from bench.inputs import (
    Stopwatch,
    arguments,
    chunks,
    evidence_folder,
    load_rules,
    print_load,
    rules_folder,
)
from sigma_engine import CompiledSet, EvidenceFile, Scanner, compile_rules, load_model


def main() -> None:
    """Print the tables."""
    given = arguments()
    print_load()
    watch = Stopwatch()
    rules = load_rules(rules_folder(given))
    print(f"{len(rules):,} rules parsed in {watch.cpu:.1f} s")
    compiled = compile_rules(rules, load_model("Windows event logs"))
    with evidence_folder(given) as folder:
        dense = table("given logs" if given.evidence else "dense logs", logs_in(folder), compiled)
    if given.evidence is None:
        as_is = table("the samples as they are", logs_in(default_evidence()), compiled)
        print(f"\ncold, the samples as they are run at {as_is / dense:.2f} of the speed of dense logs")


def table(what: str, logs: list[EvidenceFile], compiled: CompiledSet) -> float:
    """Print what each step costs; the events a second of matching, cold."""
    size = sum(log.size for log in logs) / 1e6
    events, bare = timed(lambda: map(bare_events, logs))
    print(f"\n{what}: {events:,} events in {len(logs):,} files, {size:,.0f} MB")
    scanner = Scanner(compiled)
    hits = [0]

    def scan() -> Iterable[int]:
        for log, number in chunks(logs):
            found = scanner.scan_chunk(log, number, log.path.name)
            hits[0] += len(found.hits)
            yield found.events

    report("bare parsing and orjson", events, bare, bare)
    _, seconds = timed(lambda: (len(log.read_chunk(number).records) for log, number in chunks(logs)))
    report("the engine's reading", events, seconds, bare)
    _, cold = timed(scan)
    report(f"all rules, cold: {hits[0]:,} hits", events, cold, bare)
    _, seconds = timed(scan)
    report("all rules, warm", events, seconds, bare)
    return events / cold


def bare_events(log: EvidenceFile) -> int:
    """Parse a log and decode its JSON, and do nothing with it; how many events."""
    count = 0
    for record in PyEvtxParser(str(log.path), number_of_threads=1).records_json():
        orjson.loads(record["data"])
        count += 1
    return count


def timed(work: Callable[[], Iterable[int]]) -> tuple[int, float]:
    """Events, and seconds of processor time."""
    watch = Stopwatch()
    events = sum(work())
    return events, watch.cpu


def report(what: str, events: int, seconds: float, bare: float) -> None:
    """One line of the table."""
    print(f"{what:<36} {events / seconds:>10,.0f} events/s {seconds / bare:>7.2f} x bare")


if __name__ == "__main__":
    main()
