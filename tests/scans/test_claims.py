"""Claims: one worker a row, and no write by one that lost it."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, transaction

from scans_app.models import Evidence, ScanUnit
from scans_app.services.claims import Heartbeat, LeaseLost, claim, hand_back, move
from tests.scans.conftest import log_bytes

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def units(add_evidence, start) -> list[ScanUnit]:
    """Forty queued units of one scan."""
    evidence = add_evidence(log_bytes(1))
    scan = start([evidence])
    return ScanUnit.objects.bulk_create(
        ScanUnit(scan=scan, evidence=evidence, place=place, first_chunk=0, last_chunk=0, next_chunk=0)
        for place in range(40)
    )


def expire(unit: ScanUnit) -> None:
    """Let the lease of a unit run out, as if its worker had been dead for long."""
    ScanUnit.objects.filter(pk=unit.pk).update(lease_until="2000-01-01T00:00:00Z")


def claim_unit() -> ScanUnit | None:
    return claim(ScanUnit.objects.order_by("place", "pk"))


def test_ten_workers_that_claim_at_once_never_get_the_same_unit(units):
    barrier = threading.Barrier(10)

    def take_all(_: int) -> list[int]:
        barrier.wait()
        mine = []
        try:
            while (unit := claim_unit()) is not None:
                mine.append(unit.pk)
        finally:
            connection.close()
        return mine

    with ThreadPoolExecutor(10) as pool:
        taken = [pk for mine in pool.map(take_all, range(10)) for pk in mine]
    assert sorted(taken) == sorted(unit.pk for unit in units)


def test_units_are_claimed_in_their_order_and_not_twice(units):
    assert [claim_unit().place for _ in range(3)] == [0, 1, 2]


def test_a_unit_whose_lease_ran_out_is_claimed_again_and_counts_a_crash(units):
    first = claim_unit()
    expire(first)
    again = claim_unit()
    assert (again.pk, again.attempt, again.crashes) == (first.pk, 2, 1)
    assert again.fence > first.fence


def test_a_unit_that_was_handed_back_counts_no_crash(units):
    first = claim_unit()
    hand_back(first)
    again = claim_unit()
    assert (again.pk, again.attempt, again.crashes) == (first.pk, 2, 0)


def test_a_worker_that_lost_its_lease_writes_nothing(units):
    stale = claim_unit()
    expire(stale)
    claim_unit()
    with pytest.raises(LeaseLost), transaction.atomic():
        Evidence.objects.update(name="written before the fence was asked")
        move(stale, next_chunk=7)
    assert ScanUnit.objects.get(pk=stale.pk).next_chunk == 0
    assert Evidence.objects.get().name == "log.evtx"


def test_a_worker_that_lost_its_lease_cannot_hand_the_unit_back(units):
    stale = claim_unit()
    expire(stale)
    claim_unit()
    hand_back(stale)
    assert ScanUnit.objects.get(pk=stale.pk).state == ScanUnit.State.RUNNING


def test_a_checkpoint_renews_the_lease(units):
    unit = claim_unit()
    expire(unit)
    move(unit, next_chunk=1)
    assert claim_unit().pk != unit.pk


def test_the_heartbeat_keeps_a_slow_worker_s_unit_its_own(units, settings):
    settings.LEASE_SECONDS, settings.HEARTBEAT_SECONDS = 0.6, 0.1
    unit = claim_unit()
    with Heartbeat(unit):
        time.sleep(1.5)
        assert claim_unit().pk != unit.pk
    move(unit, next_chunk=1)  # still ours


def test_the_heartbeat_ends_when_the_lease_is_lost(units, settings):
    settings.HEARTBEAT_SECONDS = 0.05
    unit = claim_unit()
    with Heartbeat(unit):
        ScanUnit.objects.filter(pk=unit.pk).update(fence=unit.fence + 1)
        time.sleep(0.5)
    with pytest.raises(LeaseLost):
        move(unit)
