"""Real workers, ended in the middle of their work: the scan's hits are those of an undisturbed one."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import replace

import pytest
import redis
from django.conf import settings

from scans_app.models import Deletion, Evidence, Hit, Scan, ScanUnit
from scans_app.services.claims import claim
from scans_app.services.deletion import delete_evidence
from scans_app.services.doorbell import ring, waiting_messages
from scans_app.services.scans import cancel_scan
from sigmaweb.embedded_redis import running_redis
from tests.scans.conftest import do_all_work, hits_of, log_bytes
from tests.scans.workers import PROJECT, put_to_sleep, wait_until, worker, worker_environment

pytestmark = [
    pytest.mark.kill,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("redis_server"),
]

FILES, EVENTS, PER_CHUNK = 4, 3_000, 20


@pytest.fixture(autouse=True)
def no_messages_of_another_test(redis_server):
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        client.flushall()


@pytest.fixture
def evidence(add_evidence) -> list[Evidence]:
    """Logs that keep two processes busy for some seconds, most of it in writing 12,000 hits."""
    return [
        add_evidence(log_bytes(EVENTS, per_chunk=PER_CHUNK, Part=str(part)), f"{part}.evtx")
        for part in range(FILES)
    ]


@pytest.fixture
def expected(evidence) -> list[tuple[str, int, int, int]]:
    """The hits of an undisturbed scan: each event of each log, one by one."""
    return [
        ("Tool started", log.pk, number // PER_CHUNK, number % PER_CHUNK)
        for log in evidence
        for number in range(EVENTS)
    ]


def is_in_the_middle(scan: Scan) -> bool:
    scan.refresh_from_db()
    assert not scan.is_over, "the scan was over before the test could disturb it"
    return 0 < scan.hits < FILES * EVENTS // 2


def is_over(scan: Scan) -> bool:
    scan.refresh_from_db()
    return scan.is_over


def assert_undisturbed(scan: Scan, expected: list[tuple[str, int, int, int]]) -> None:
    wait_until(lambda: is_over(scan))
    assert scan.state == Scan.State.FINISHED
    assert hits_of(scan) == expected
    assert (scan.hits, scan.events, scan.bytes_read) == (len(expected), scan.events_total, scan.bytes_total)
    assert {unit.state for unit in scan.units.all()} == {ScanUnit.State.DONE}


def test_the_hits_of_an_undisturbed_scan_are_the_expected_ones(evidence, expected, start):
    scan = start(evidence)
    do_all_work()
    assert_undisturbed(scan, expected)


def test_a_pool_process_killed_in_the_middle_costs_no_hit(evidence, expected, start):
    with worker() as one:
        scan = start(evidence)
        wait_until(lambda: is_in_the_middle(scan))
        one.kill_one()
        assert_undisturbed(scan, expected)


def test_a_whole_worker_killed_in_the_middle_costs_no_hit(evidence, expected, start):
    with worker() as one:
        scan = start(evidence)
        wait_until(lambda: is_in_the_middle(scan))
        one.kill_all()
        assert not is_over(scan)
        one.restart()
        assert_undisturbed(scan, expected)


def test_a_flushed_redis_costs_no_hit(evidence, expected, start):
    with worker(), redis.Redis.from_url(settings.REDIS_URL) as client:
        scan = start(evidence)
        wait_until(lambda: is_in_the_middle(scan))
        client.flushall()
        assert_undisturbed(scan, expected)


def test_a_redis_flushed_before_anyone_heard_the_bell_costs_nothing(evidence, expected, start):
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        scan = start(evidence)
        assert waiting_messages() > 0
        client.flushall()
        assert waiting_messages() == 0
    with worker():
        assert_undisturbed(scan, expected)


def test_a_redis_that_goes_away_and_comes_back_costs_no_hit(evidence, expected, start, tmp_path):
    socket = tmp_path / "private" / "redis.sock"
    own = replace(settings.ENVIRONMENT, redis_socket=socket, redis_url=f"unix://{socket}")
    first = ExitStack()
    first.enter_context(running_redis(own))
    with first, worker(REDIS_URL=own.redis_url) as one:
        scan = start(evidence)
        wait_until(lambda: is_in_the_middle(scan))
        first.close()
        time.sleep(3)  # the slices of that moment end, and nobody can ring
        assert one.process.poll() is None
        with running_redis(own):
            assert_undisturbed(scan, expected)


def test_a_worker_that_slept_over_its_lease_writes_nothing_twice(evidence, expected, start):
    with worker() as one:
        scan = start(evidence)
        wait_until(lambda: is_in_the_middle(scan))
        sleeper = one.pool()[0]
        put_to_sleep(sleeper)
        try:
            wait_until(lambda: is_over(scan))
        finally:
            sleeper.send_signal(signal.SIGCONT)
        assert_undisturbed(scan, expected)


def test_a_worker_that_is_stopped_hands_its_unit_back(evidence, expected, start):
    with worker() as one:
        scan = start(evidence)
        wait_until(lambda: is_in_the_middle(scan))
        one.stop()
        assert not scan.units.filter(state=ScanUnit.State.RUNNING).exists()
        one.restart()
        assert_undisturbed(scan, expected)
    assert not scan.units.filter(crashes__gt=0).exists()


def test_a_chunk_that_kills_every_process_is_set_aside_and_the_rest_is_scanned(add_evidence, start):
    log = add_evidence(log_bytes(25))
    with worker("tests.scans.poisoned_worker"):
        scan = start([log])
        wait_until(lambda: is_over(scan))
    assert scan.state == Scan.State.FINISHED_WITH_GAPS
    assert [(gap["name"], gap["chunk"]) for gap in scan.gaps()] == [("log.evtx", 2)]
    assert {chunk for _, _, chunk, _ in hits_of(scan)} == {0, 1, 3, 4}


def test_workers_leave_a_cancelled_scan_in_the_middle(evidence, expected, start):
    with worker():
        scan = start(evidence)
        wait_until(lambda: is_in_the_middle(scan))
        cancel_scan(scan)
        wait_until(lambda: is_over(scan))
    assert scan.state == Scan.State.CANCELLED
    assert 0 < len(hits_of(scan)) < len(expected)
    assert scan.hits == len(hits_of(scan))


def test_two_scans_at_once_do_not_disturb_each_other(evidence, expected, start):
    with worker():
        scans = [start(evidence), start(evidence)]
        for scan in scans:
            assert_undisturbed(scan, expected)


def test_an_upload_is_catalogued_by_a_worker(add_evidence):
    with worker():
        log = add_evidence(log_bytes(12), catalogued=False)
        wait_until(lambda: Evidence.objects.catalogued().filter(pk=log.pk).exists())


def test_messages_that_wait_are_never_more_than_twice_the_processes(evidence, start, settings):
    settings.WORKERS = 3
    for _ in range(20):
        ring()
    assert 0 < waiting_messages() <= 6


def test_nobody_is_rung_for_the_catalogue_of_a_file_that_is_being_deleted(add_evidence, owner):
    assert delete_evidence(add_evidence(log_bytes(1), catalogued=False), owner)
    claim(Deletion.objects.all())  # by a worker that is at it
    assert ring() == 0


CLAIM_ALL = """
import json, django; django.setup()
from scans_app.models import ScanUnit
from scans_app.services.claims import claim
mine = []
input()
while (unit := claim(ScanUnit.objects.order_by("place", "pk"))) is not None:
    mine.append(unit.pk)
print(json.dumps(mine))
"""


def test_ten_processes_that_claim_at_once_never_get_the_same_unit(add_evidence, start):
    log = add_evidence(log_bytes(1))
    scan = start([log])
    ScanUnit.objects.bulk_create(
        ScanUnit(scan=scan, evidence=log, place=place, first_chunk=0, last_chunk=0, next_chunk=0)
        for place in range(200)
    )
    # A lease so long that no unit can be claimed a second time for having run out.
    environment = worker_environment() | {"SIGMAWEB_LEASE_SECONDS": "600"}
    command, pipe = [sys.executable, "-c", CLAIM_ALL], subprocess.PIPE
    processes = [
        subprocess.Popen(command, cwd=PROJECT, env=environment, stdin=pipe, stdout=pipe, text=True)
        for _ in range(10)
    ]
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    taken = [pk for process in processes for pk in json.loads(process.communicate()[0])]
    assert len(taken) == len(set(taken)) == 200
    assert Hit.objects.count() == 0
