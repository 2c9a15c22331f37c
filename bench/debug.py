"""What a debug scan costs: its processor time against a plain one's, on dense logs and on small distinct files.

Scanners are new for each run, so what they build at the first event of a kind counts.
"""

from __future__ import annotations

from bench.dense_logs import default_evidence, logs_in
from bench.inputs import Stopwatch, arguments, chunks, evidence_folder, load_rules, print_load, rules_folder
from sigma_engine import CompiledSet, EvidenceFile, Funnel, Questions, Scanner, compile_rules, load_model


def main() -> None:
    """Print both ratios."""
    given = arguments()
    print_load()
    compiled = compile_rules(load_rules(rules_folder(given)), load_model("Windows event logs"))
    with evidence_folder(given) as folder:
        compare("given logs" if given.evidence else "dense logs", compiled, logs_in(folder), 2)
    if given.evidence is None:
        compare("small distinct files", compiled, logs_in(default_evidence()), 5)


def compare(what: str, compiled: CompiledSet, logs: list[EvidenceFile], allowed: int) -> None:
    """Print what both cost, and the ratio that is allowed."""
    plain, events = cpu_seconds(compiled, None, logs)
    debug, _ = cpu_seconds(compiled, Questions(compiled), logs)
    print(
        f"{what}: {events:,} events, {len(compiled.served):,} rules: plain {plain:.1f} s, debug {debug:.1f} s, "
        f"ratio {debug / plain:.2f} (at most {allowed})"
    )


def cpu_seconds(
    compiled: CompiledSet, questions: Questions | None, logs: list[EvidenceFile]
) -> tuple[float, int]:
    """The processor time of one run, and the events that it looked at."""
    watch, scanner, funnel, events = Stopwatch(), Scanner(compiled, questions), Funnel(), 0
    for log, chunk in chunks(logs):
        found = scanner.scan_chunk(log, chunk, log.path.name)
        events += found.events
        if found.funnel is not None:
            funnel.add(found.funnel)
    return watch.cpu, events


if __name__ == "__main__":
    main()
