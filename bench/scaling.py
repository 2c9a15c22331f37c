"""One process and two: the command line over dense logs, and Celery workers over the same logs in the application.

Both are run in turn, twice, and the best of each counts: other work only stretches the clock. The figures say little
while it keeps a core busy. Workers and Redis are started as `manage.py up` starts them, and a scan's seconds are those
that its page shows: from the moment at which its first unit could be claimed to its end. SIGMAWEB_DATA (and
DATABASE_URL for PostgreSQL) name a place of its own.
"""

from __future__ import annotations

import os
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from bench.commands import Run, our_scan, run
from bench.inputs import arguments, evidence_folder, print_load, rules_folder

ROUNDS = 2
NOWHERE = Path("/dev/null")
READY_SECONDS, SCAN_SECONDS = 60, 1800


def main() -> None:
    """Print both tables."""
    given = arguments()
    print_load()
    with evidence_folder(given) as folder, tempfile.TemporaryDirectory() as cache:
        os.environ["SIGMAWEB_CACHE"] = cache
        command_line(folder, rules_folder(given))
        print_load()
        print("workers of the application")
        workers(folder, rules_folder(given))


def command_line(evidence: Path, rules: Path) -> None:
    """Time 1 and 2 processes, and the start alone: a scan of a file that holds nothing."""
    cold = run(our_scan(NOWHERE, rules), NOWHERE)
    print(f"command line: start {cold.wall:.2f} s without a cache ({cold.cpu:.2f} s of processor time)")
    start = _best([run(our_scan(NOWHERE, rules), NOWHERE) for _ in range(3)])
    print(f"  start {start.wall:.2f} s with it ({start.cpu:.2f} s)")
    runs: dict[int, list[Run]] = {1: [], 2: []}
    for _ in range(ROUNDS):
        for jobs, of_jobs in runs.items():
            of_jobs.append(run(our_scan(evidence, rules, jobs), NOWHERE))
    one, two = _best(runs[1]), _best(runs[2])
    for jobs, best in ((1, one), (2, two)):
        print(
            f"  {jobs} at work: {best.wall:6.2f} s, {best.cpu:6.2f} s of processor time, {best.peak:.0f} MiB"
        )
    without_start = (one.wall - start.wall) / (two.wall - start.wall)
    print(f"  {one.wall / two.wall:.2f} x; {without_start:.2f} x without the start")


def _best(runs: list[Run]) -> Run:
    return min(runs, key=lambda one: one.wall)


def workers(evidence: Path, rules: Path) -> None:
    """Time the same scan with 1 and 2 worker processes."""
    from bench.house import House

    house = House()
    stored = house.add_evidence(sorted(evidence.glob("*.evtx")))
    rule_set = house.add_rules(path.read_text() for path in sorted(rules.rglob("*.yml")))
    seconds: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(ROUNDS):
        for count, of_count in seconds.items():
            with _Workers(count) as running:
                scan = house.start(stored, rule_set)
                running.wait_for(scan.pk)
            scan.refresh_from_db()
            of_count.append(scan.seconds)
            found = f"{scan.events:,} events and {scan.hits:,} hits in {scan.units.count()} units"
            prepared = (scan.started_at - scan.created_at).total_seconds()
            print(f"  {count} at work: {scan.seconds:6.2f} s for {found}; prepared after {prepared:.2f} s,")
            print(f"    {scan.log['seconds_matching']:.2f} s in which a worker matched")
    print(f"  {min(seconds[1]) / min(seconds[2]):.2f} x")


class _Workers:
    """Redis and so many worker processes, for the length of the block."""

    def __init__(self, count: int) -> None:
        from django.conf import settings

        from sigmaweb.services_of_up import redis_service, worker_service
        from sigmaweb.supervisor import Supervisor

        environment = replace(settings.ENVIRONMENT, workers=count)
        self._supervisor = Supervisor(self._say)
        if environment.redis_embedded:
            self._supervisor.start(redis_service(environment))
        worker = worker_service(environment)
        self._worker = replace(worker, environment={**worker.environment, "SIGMAWEB_WORKERS": str(count)})
        self._is_ready = False

    def _say(self, name: str, line: str) -> None:
        self._is_ready = self._is_ready or line.endswith("ready.")
        if name == "up":
            print(line)

    def __enter__(self) -> _Workers:
        self._supervisor.start(self._worker)
        assert self._supervisor.wait_until(lambda: self._is_ready, READY_SECONDS), "no worker came up"
        return self

    def __exit__(self, *_: object) -> None:
        self._supervisor.stop()

    def wait_for(self, scan_pk: int) -> None:
        """Wait for the end of a scan. It is looked for seldom: looking takes processor time from the workers."""
        from scans_app.models import Scan

        over = Scan.objects.filter(pk=scan_pk, state__in=Scan.OVER)
        until = time.monotonic() + SCAN_SECONDS
        while not over.exists():
            assert time.monotonic() < until, "the scan did not end"
            self._supervisor.look_after()
            time.sleep(0.2)


if __name__ == "__main__":
    main()
