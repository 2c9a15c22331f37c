"""Near misses: one rule over 100,000 events, for the rules with the fewest, the median and the most values."""

from __future__ import annotations

import time

from bench.dense_logs import logs_in
from bench.inputs import arguments, evidence_folder, load_rules, rules_folder
from sigma_engine import NearTally, load_model

RECORDS = 100_000


def main() -> None:
    """Print the seconds, with reading, of each rule."""
    given = arguments()
    model = load_model("Windows event logs")
    rules = [
        rule for rule in load_rules(rules_folder(given)) if rule.logsource.category == "process_creation"
    ]
    rules.sort(key=lambda rule: len(rule.text))
    with evidence_folder(given, min(given.records, RECORDS)) as folder:
        logs = logs_in(folder)
        for name, rule in (
            ("shortest", rules[0]),
            ("median", rules[len(rules) // 2]),
            ("longest", rules[-1]),
        ):
            tally = NearTally(rule, model)
            began = time.perf_counter()
            for number, log in enumerate(logs):
                for chunk in range(log.chunk_count):
                    tally.look(log.read_chunk(chunk).records, "log.evtx", number)
            seconds = time.perf_counter() - began
            print(
                f"{name:9} {seconds:5.2f} s for {tally.looked_at:,} events, {tally.tried:,} of its log source, "
                f"{tally.near:,} near: {rule.title}"
            )


if __name__ == "__main__":
    main()
