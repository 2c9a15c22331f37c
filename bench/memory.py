"""Peak memory of the command line: the same evidence once and ten times over, with all rules."""

from __future__ import annotations

import tempfile
from pathlib import Path

from bench.commands import our_scan, run
from bench.dense_logs import make_dense_logs
from bench.inputs import arguments, print_load, rules_folder

TIMES = (1, 10)


def main() -> None:
    """Print the table. Ten times 250,000 records are 3 GB on disk: `--records` makes it less."""
    given = arguments()
    print_load()
    for times in TIMES:
        with tempfile.TemporaryDirectory(prefix="sigmaweb-bench-") as folder:
            records = make_dense_logs(Path(folder), given.records * times, given.evidence)
            size = sum(path.stat().st_size for path in Path(folder).glob("*.evtx")) / 1e6
            took = run(our_scan(Path(folder), rules_folder(given)), Path("/dev/null"))
        print(f"{records:>10,} events, {size:>7,.0f} MB: {took.peak:>6,.0f} MiB at most, {took.cpu:,.0f} s")


if __name__ == "__main__":
    main()
