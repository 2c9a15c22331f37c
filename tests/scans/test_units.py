"""What happens to a unit when the process that works on it dies, sleeps, or meets a chunk that kills it."""

from __future__ import annotations

import pytest

from scans_app.models import Event, Hit, Scan, ScanUnit
from scans_app.services import units
from scans_app.services.claims import LeaseLost, claim
from scans_app.services.preparation import run_next_preparation
from tests.scans.conftest import do_all_work, hits_of, log_bytes

pytestmark = pytest.mark.django_db


@pytest.fixture
def scan(add_evidence, start) -> Scan:
    """A scan of one unit of six chunks, five hits in each, ready to be worked on."""
    scan = start([add_evidence(log_bytes(30))])
    run_next_preparation(lambda: True)
    return scan


def die_once(scan: Scan) -> ScanUnit:
    """Claim the unit and never come back; its lease runs out."""
    unit = claim(ScanUnit.objects.filter(scan=scan))
    ScanUnit.objects.filter(pk=unit.pk).update(lease_until="2000-01-01T00:00:00Z")
    return unit


def test_a_stale_worker_s_hits_are_refused_by_the_fence(scan):
    stale = die_once(scan)
    do_all_work()
    expected = hits_of(scan)
    progress = units._Progress(stale)
    loaded = units.load_scan(Scan.objects.get(pk=scan.pk))
    file = units.sigma_engine.open_evidence(stale.evidence.path)
    units._match_chunk(file, scan, loaded, progress)
    with pytest.raises(LeaseLost):
        progress.save()
    assert hits_of(scan) == expected
    assert (len(expected), Event.objects.count()) == (30, 30)


def test_a_unit_goes_on_behind_its_last_checkpoint(scan):
    units.run_next_unit(lambda: False)  # one chunk
    die_once(scan)
    do_all_work()
    scan.refresh_from_db()
    assert (scan.state, len(hits_of(scan)), scan.events, scan.hits) == (Scan.State.FINISHED, 30, 30, 30)


def test_after_three_deaths_at_one_checkpoint_the_next_chunk_is_set_aside_and_said(scan):
    units.run_next_unit(lambda: False)
    for _ in range(3):
        die_once(scan)
    do_all_work()
    scan.refresh_from_db()
    assert scan.state == Scan.State.FINISHED_WITH_GAPS
    assert [(gap["chunk"], gap["last_chunk"], gap["reason"]) for gap in scan.gaps()] == [
        (1, 1, "matching it ended 3 processes")
    ]
    assert {chunk for _, _, chunk, _ in hits_of(scan)} == {0, 2, 3, 4, 5}
    assert scan.bytes_read == scan.bytes_total


def test_two_deaths_cost_nothing(scan):
    die_once(scan), die_once(scan)
    do_all_work()
    scan.refresh_from_db()
    assert (scan.state, len(hits_of(scan))) == (Scan.State.FINISHED, 30)


def test_after_a_death_each_chunk_is_a_checkpoint_so_that_the_guilty_one_is_found(scan, monkeypatch):
    real, seen = units._match_chunk, []

    def dies_at_chunk_four(file, scan, loaded, progress):
        seen.append((progress.next_chunk, Hit.objects.of_scan(scan).count()))
        if progress.next_chunk == 4:
            raise KeyboardInterrupt
        real(file, scan, loaded, progress)

    monkeypatch.setattr(units, "_match_chunk", dies_at_chunk_four)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            units.run_next_unit(lambda: True)
        ScanUnit.objects.update(lease_until="2000-01-01T00:00:00Z")
    # The first process had no checkpoint before it died; the second made one after each chunk.
    assert seen == [(n, 0) for n in range(5)] + [(n, 5 * n) for n in range(5)]
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            units.run_next_unit(lambda: True)
        ScanUnit.objects.update(lease_until="2000-01-01T00:00:00Z")
    units.run_next_unit(lambda: True)
    scan.refresh_from_db()
    assert scan.state == Scan.State.FINISHED_WITH_GAPS
    assert [gap["chunk"] for gap in scan.gaps()] == [4]
    assert len(hits_of(scan)) == 25


def test_a_chunk_that_the_engine_fails_on_is_set_aside_with_the_error(scan, monkeypatch):
    real = units.sigma_engine.Scanner.scan_chunk

    def fails_on_two(self, file, number, *args, **more):
        if number == 2:
            raise RuntimeError("a fault of ours")
        return real(self, file, number, *args, **more)

    monkeypatch.setattr(units.sigma_engine.Scanner, "scan_chunk", fails_on_two)
    do_all_work()
    scan.refresh_from_db()
    assert [(gap["chunk"], gap["reason"]) for gap in scan.gaps()] == [(2, "RuntimeError: a fault of ours")]
    assert len(hits_of(scan)) == 25


def test_evidence_that_disappears_while_the_scan_runs_is_a_gap(scan):
    units.run_next_unit(lambda: False)
    unit = ScanUnit.objects.get(scan=scan)
    unit.evidence.path.unlink()
    do_all_work()
    scan.refresh_from_db()
    assert scan.state == Scan.State.FINISHED_WITH_GAPS
    assert [(gap["chunk"], gap["last_chunk"]) for gap in scan.gaps()] == [(1, 5)]
    assert len(hits_of(scan)) == 5


def test_a_scan_whose_last_worker_died_before_ending_it_is_ended_by_the_reaper(scan, monkeypatch):
    from scans_app.services import work

    monkeypatch.setattr(units, "settle", lambda pk: None)  # the process died between checkpoint and end
    do_all_work()
    scan.refresh_from_db()
    assert scan.state == Scan.State.RUNNING
    work.reap()
    scan.refresh_from_db()
    assert scan.state == Scan.State.FINISHED


def test_a_compiled_set_that_is_not_in_the_cache_is_compiled_again(scan, monkeypatch):
    monkeypatch.setattr(units.sigma_engine, "load_compiled", lambda digest: None)
    do_all_work()
    assert len(hits_of(scan)) == 30


def test_the_log_says_how_well_the_caches_served_however_the_work_was_cut(scan):
    units.run_next_unit(lambda: False)  # one chunk
    do_all_work()
    scan.refresh_from_db()
    caches = scan.log["caches"]
    assert caches["events"] == 30
    assert 0 < caches["verdicts_decided"] < 30
    assert caches["values_decided"] > 0
