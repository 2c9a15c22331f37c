"""What the number of rules costs: 100, 1,000, 4,000 and 16,000 of them, by renamed copies of those that are there.

Parsing cold, loading the compiled set from the engine's cache, and matching, cold, on the same dense logs. All
seconds are of processor time.
"""

from __future__ import annotations

import os
import random
import tempfile

from bench.dense_logs import logs_in
from bench.inputs import Stopwatch, arguments, chunks, evidence_folder, print_load, renamed, rules_folder
from sigma_engine import (
    AnyRule,
    EvidenceFile,
    Scanner,
    load_compiled,
    load_model,
    load_or_compile,
    parse_rules,
)

COUNTS = (100, 1_000, 4_000, 16_000)
RECORDS = 100_000


def main() -> None:
    """Print the table."""
    given = arguments()
    print_load()
    texts = [path.read_text() for path in sorted(rules_folder(given).rglob("*.yml"))]
    random.Random(7).shuffle(texts)  # the first hundred are of all kinds
    with (
        tempfile.TemporaryDirectory(prefix="sigmaweb-bench-") as cache,
        evidence_folder(given, min(given.records, RECORDS)) as folder,
    ):
        os.environ["SIGMAWEB_CACHE"] = cache
        logs = logs_in(folder)
        rows = [row(count, texts, logs) for count in COUNTS]
    print(
        f"\n{'rules':>7} {'parsed, s':>10} {'compiled, s':>12} {'cached, s':>10} {'us an event':>12} {'hits':>10}"
    )
    for count, parsed, compiled, cached, each, hits in rows:
        print(f"{count:>7,} {parsed:>10.2f} {compiled:>12.2f} {cached:>10.2f} {each:>12.1f} {hits:>10,}")
    costs = {count: each for count, *_, each, _ in rows}
    print(f"\n16,000 rules cost {costs[16_000] / costs[4_000]:.2f} x the time an event of 4,000")


def row(
    count: int, texts: list[str], logs: list[EvidenceFile]
) -> tuple[int, float, float, float, float, int]:
    """What `count` rules cost."""
    copies = [
        renamed(texts[number % len(texts)], number) if number >= len(texts) else texts[number]
        for number in range(count)
    ]
    watch = Stopwatch()
    parsed = [one for text in copies for one in parse_rules(text)]
    rules: list[AnyRule] = [one.rule for one in parsed if one.rule is not None and not one.broken]
    parsing, watch = watch.cpu, Stopwatch()
    compiled = load_or_compile(rules, load_model("Windows event logs"))
    compiling, watch = watch.cpu, Stopwatch()
    load_compiled(compiled.digest)
    loading, watch = watch.cpu, Stopwatch()
    scanner, events, hits = Scanner(compiled), 0, 0
    for log, number in chunks(logs):
        found = scanner.scan_chunk(log, number, log.path.name)
        events += found.events
        hits += len(found.hits)
    return count, parsing, compiling, loading, watch.cpu / events * 1e6, hits


if __name__ == "__main__":
    main()
