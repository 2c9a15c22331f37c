"""The memory of worker processes: caches that are dropped, processes that are replaced, and the last backstop."""

from __future__ import annotations

import subprocess
import sys

import pytest
import redis
from django.conf import settings as django_settings

from scans_app.models import Scan
from scans_app.services import scanners
from tests.scans.conftest import hits_of, log_bytes
from tests.scans.workers import PROJECT, wait_until, worker, worker_environment

MIB = 1024**2
CHUNKS = 400  # at a MiB each, more than two processes of 192 MiB hold


class Dropped:
    """Stands for the scanner of a loaded scan; counts how often its caches were dropped."""

    def __init__(self) -> None:
        self.times = 0
        self.scanner = self

    def drop_caches(self) -> None:
        self.times += 1


@pytest.fixture
def memory(monkeypatch, settings):
    """What a process holds, as a list of MiB that the guard reads one by one, and the scanner that it watches."""
    settings.WORKER_MEMORY = 400
    held, one = [], Dropped()
    monkeypatch.setattr(scanners, "resident_bytes", lambda: held.pop(0) * MIB)
    monkeypatch.setattr(scanners, "_kept", {1: one})
    return held, one


def test_below_three_quarters_of_the_limit_nothing_happens(memory):
    held, one = memory
    held += [299]
    assert scanners.MemoryGuard().look()
    assert one.times == 0


def test_over_three_quarters_the_caches_are_dropped_and_work_goes_on(memory):
    held, one = memory
    held += [310, 250]
    assert scanners.MemoryGuard().look()
    assert one.times == 1


def test_caches_are_dropped_again_only_after_growing(memory):
    held, one = memory
    guard = scanners.MemoryGuard()
    held += [310, 305, 320, 340, 330]
    assert [guard.look() for _ in range(3)] == [True] * 3
    assert one.times == 2


def test_over_the_limit_the_process_is_to_end(memory):
    held, one = memory
    held += [420, 410]
    assert not scanners.MemoryGuard().look()
    assert one.times == 1


@pytest.mark.kill
@pytest.mark.django_db(transaction=True)
def test_a_worker_that_grows_is_replaced_at_a_checkpoint_and_the_scan_ends_with_the_same_hits(
    redis_server, add_evidence, start
):
    with redis.Redis.from_url(django_settings.REDIS_URL) as client:
        client.flushall()
    evidence = add_evidence(log_bytes(CHUNKS, per_chunk=1))
    with worker("tests.scans.leaking_worker", SIGMAWEB_WORKER_MEMORY="192") as one:
        scan = start([evidence])
        seen: set[int] = set()

        def is_over() -> bool:
            seen.update(process.pid for process in one.pool())
            scan.refresh_from_db()
            return scan.is_over

        wait_until(is_over)
    assert (scan.state, scan.hits) == (Scan.State.FINISHED, CHUNKS)
    assert [chunk for *_, chunk, _ in hits_of(scan)] == list(range(CHUNKS))
    assert len(seen) > 2, "the two processes of the beginning did all the work"


def test_an_allocation_without_measure_fails_in_the_worker_alone():
    code = (
        "import django; django.setup()\n"
        "from scans_app.tasks import limit_memory\n"
        "limit_memory()\n"
        "try:\n    bytearray(3 * 1024**3)\nexcept MemoryError:\n    print('refused')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=PROJECT,
        env=worker_environment() | {"DATABASE_URL": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "refused"
