"""A rule tried alone, through the application: seconds until the first hit is there, and until the scan is over.

The way of a real scan (form's choice, preflight, preparation, units, the end), all of it in this process; the doorbell
of a queue, some milliseconds, is not in it.
"""

from __future__ import annotations

import time

from bench.house import House, do_all_work
from bench.inputs import arguments, evidence_folder, print_load, rules_folder
from scans_app.models import Hit, Scan
from scans_app.services import units
from scans_app.services.preflight import preflight

RECORDS = 100_000
RULE = """\
title: A shell that a service started
status: test
level: low
logsource:
  category: process_creation
  product: windows
detection:
  selection:
    Image|endswith: '\\cmd.exe'
  condition: selection
"""


class FirstHit:
    """When a checkpoint with hits was written for the first time."""

    def __init__(self) -> None:
        self.at = 0.0
        real = units._Progress.save

        def save(progress: units._Progress, *args: str, **more: str) -> None:
            real(progress, *args, **more)
            if not self.at and Hit.objects.exists():
                self.at = time.perf_counter()

        units._Progress.save = save  # type: ignore[method-assign]


def main() -> None:
    """Print the table."""
    given = arguments()
    print_load()
    house = House()
    with evidence_folder(given, min(given.records, RECORDS)) as folder:
        evidence = house.add_evidence(sorted(folder.rglob("*.evtx")))
    house.add_rules((path.read_text() for path in sorted(rules_folder(given).rglob("*.yml"))), "many")
    alone = house.add_rules([RULE], "alone")
    print(
        f"{sum(file.events for file in evidence):,} events, {sum(file.size for file in evidence) / 1e6:,.0f} MB"
    )
    for what in ("first", "again"):
        Hit.objects.all().delete()
        first, start = FirstHit(), time.perf_counter()
        scan = house.start(evidence, alone)
        started = time.perf_counter()
        do_all_work()
        done = time.perf_counter()
        scan.refresh_from_db()
        report(what, scan, started - start, first.at - start, done - start)
    started = time.perf_counter()
    preflight(house.case, evidence, house.everything(), scan.model_version, house.user)
    print(f"the form's answer for all rules: {time.perf_counter() - started:.2f} s")


def report(what: str, scan: Scan, started: float, first: float, done: float) -> None:
    """One line of the table."""
    print(
        f"{what}: started after {started:.2f} s, first hit {first:.2f} s, over {done:.2f} s; "
        f"{scan.hits:,} hits, {scan.events:,} events read ({scan.bytes_read / 1e6:,.0f} MB)"
    )


if __name__ == "__main__":
    main()
