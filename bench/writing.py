"""What writing hits costs a scan: 62,000 hits of one scan, and the share of its time that the database takes.

Run as `python -m bench.writing` with SIGMAWEB_DATA (and DATABASE_URL for PostgreSQL) naming a place of its own.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from bench.dense_logs import make_dense_logs
from bench.house import House, do_all_work
from scans_app.models import Hit
from scans_app.services import units

HITS = 62_000
RULE = """\
title: Every event
status: test
level: low
logsource:
  product: windows
detection:
  selection:
    Channel|contains: '*'
  condition: selection
"""


class Clock:
    """Seconds inside `_Progress.save`, the transaction that writes a checkpoint."""

    def __init__(self) -> None:
        self.seconds, self.times = 0.0, 0
        real = units._Progress.save

        def save(progress: units._Progress, *args: str, **more: str) -> None:
            start = time.perf_counter()
            real(progress, *args, **more)
            self.seconds += time.perf_counter() - start
            self.times += 1

        units._Progress.save = save  # type: ignore[method-assign]


def main() -> None:
    """Print the table."""
    house = House()
    with tempfile.TemporaryDirectory() as folder:
        make_dense_logs(Path(folder), HITS)
        evidence = house.add_evidence(sorted(Path(folder).glob("*.evtx")))
    scan = house.start(evidence, house.add_rules([RULE]))
    clock, start = Clock(), time.perf_counter()
    do_all_work()
    seconds = time.perf_counter() - start
    hits = Hit.objects.of_scan(scan).count()
    print(f"{hits:,} hits in {seconds:.1f} s: {clock.times} checkpoints took {clock.seconds:.1f} s")
    print(f"writing is {clock.seconds / seconds:.2f} of the scan, {hits / clock.seconds:,.0f} hits/s")


if __name__ == "__main__":
    main()
