"""What matching costs on top of reading: the starter's evidence, repeated, through the starter's rules.

Prints events a second for reading alone, for reading and matching with the compiled set, and for the plain
evaluator that answers *why*, each as a share of reading. With ../shared/data beside the project it uses the
attack samples and SigmaHQ's Windows rules instead.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path

from sigma_engine import (
    EvidenceError,
    EvidenceFile,
    Rule,
    Scanner,
    compile_rules,
    explain,
    load_model,
    open_evidence,
    parse_rules,
)

PROJECT = Path(__file__).resolve().parent.parent
SHARED = PROJECT.parent / "shared" / "data"
PLAIN_EVENTS = 10  # the plain evaluator asks every rule of every event: a few are enough


def main() -> None:
    """Print the table."""
    evidence, rules = inputs()
    model = load_model("Windows event logs")
    compiled = compile_rules(rules, model)
    scanner = Scanner(compiled)
    print(f"{len(rules):,} rules, {len(evidence):,} files, {sum(one.size for one in evidence) / 1e6:,.0f} MB")
    reading = rate(lambda: (len(one.read_chunk(n).records) for one, n in chunks(evidence)))
    report("reading alone", reading, reading)
    report("reading and matching, cold", rate(lambda: scanned(scanner, evidence)), reading)
    report("reading and matching, warm", rate(lambda: scanned(scanner, evidence)), reading)
    events = [record.event for one, n in chunks(evidence) for record in one.read_chunk(n).records][
        :PLAIN_EVENTS
    ]
    report("the plain evaluator", rate(lambda: (asked(rules, model, event) for event in events)), reading)


def inputs() -> tuple[list[EvidenceFile], list[Rule]]:
    """The evidence and the rules; files that are no evidence are left out."""
    attacks, sigmahq = SHARED / "evtx-attack-samples", SHARED / "sigmahq" / "rules" / "windows"
    logs = attacks if attacks.is_dir() else PROJECT / "starter" / "evidence"
    texts = sigmahq if sigmahq.is_dir() else PROJECT / "starter" / "rules"
    found = (opened(path) for path in sorted(logs.rglob("*.evtx")))
    parsed = (one for path in sorted(texts.rglob("*.yml")) for one in parse_rules(path.read_text()))
    rules = [one.rule for one in parsed if one.rule is not None and not one.broken]
    return [one for one in found if one is not None], rules


def opened(path: Path) -> EvidenceFile | None:
    """The file, None when it cannot be used."""
    try:
        return open_evidence(path)
    except EvidenceError:
        return None


def chunks(evidence: list[EvidenceFile]) -> Iterable[tuple[EvidenceFile, int]]:
    """Every chunk of every file."""
    return ((one, n) for one in evidence for n in range(one.chunk_count))


def scanned(scanner: Scanner, evidence: list[EvidenceFile]) -> Iterable[int]:
    """The events of each chunk, when it is matched."""
    return (scanner.scan_chunk(one, n).events for one, n in chunks(evidence))


def asked(rules: list[Rule], model: object, event: dict[str, object]) -> int:
    """One event, asked of every rule by the plain evaluator."""
    for rule in rules:
        explain(rule, model, event)
    return 1


def rate(work: Callable[[], Iterable[int]]) -> float:
    """Events a second."""
    start = time.perf_counter()
    events = sum(work())
    return events / (time.perf_counter() - start)


def report(what: str, events_a_second: float, reading: float) -> None:
    """One line of the table."""
    print(f"{what:<28} {events_a_second:>10,.0f} events/s  {events_a_second / reading:>8.3f} of reading")


if __name__ == "__main__":
    main()
