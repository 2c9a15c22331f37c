"""One process and two: the command line over the same dense logs. Says little while other work keeps a core busy."""

from __future__ import annotations

from pathlib import Path

from bench.commands import our_scan, run
from bench.inputs import arguments, evidence_folder, print_load, rules_folder


def main() -> None:
    """Print the table."""
    given = arguments()
    print_load()
    with evidence_folder(given) as folder:
        run(our_scan(folder, rules_folder(given)), Path("/dev/null"))  # fills the cache of compiled rules
        alone, both = (run(our_scan(folder, rules_folder(given), jobs), Path("/dev/null")) for jobs in (1, 2))
    print(f"1 process {alone.wall:6.1f} s, 2 processes {both.wall:6.1f} s: {alone.wall / both.wall:.2f} x")


if __name__ == "__main__":
    main()
