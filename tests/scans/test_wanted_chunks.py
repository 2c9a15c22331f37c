"""The chunks that a scan reads: those in which the catalogue counts an event that a rule can match."""

from __future__ import annotations

import pytest

from scans_app.models import EvidenceChunk, Scan, ScanUnit
from scans_app.services import unit_plan, units
from scans_app.services.preparation import run_next_preparation
from scans_app.services.wanted_chunks import wanted_chunks
from sigma_engine import compile_rules, load_model, parse_rules
from tests.evtx_writer import broken_record, build_evtx
from tests.scans.conftest import RULE, do_all_work, hits_of, log_bytes, process_event

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def compiled():
    """One rule over the starts of processes."""
    text = RULE.format(title="A", uid="7f3d5a0e-0000-4000-8000-000000000003", level="low", program="tool.exe")
    return compile_rules([parse_rules(text)[0].rule], load_model("Windows event logs"))


def mixed_log(**more) -> bytes:
    """Ten chunks of two events; in chunks 3 and 7 there is a start of a process, elsewhere image loads."""
    events = [process_event(number) for number in range(20)]
    for number, event in enumerate(events):
        if number not in (6, 15):
            event["System"]["EventID"] = {"Value": 7}
    return build_evtx(events, per_chunk=2, **more)


def test_chunks_without_an_event_that_a_rule_can_match_are_not_wanted(add_evidence, compiled):
    assert wanted_chunks(compiled, add_evidence(mixed_log())) == [3, 7]


def test_a_part_of_the_chunks_can_be_asked_for(add_evidence, compiled):
    evidence = add_evidence(mixed_log())
    assert wanted_chunks(compiled, evidence, 4) == [7]
    assert wanted_chunks(compiled, evidence, 0, 6) == [3]


def test_a_chunk_that_lost_an_event_is_always_wanted(add_evidence, compiled):
    assert wanted_chunks(compiled, add_evidence(mixed_log(damage=[broken_record(5, 0)]))) == [3, 5, 7]


def test_a_chunk_that_is_not_in_the_catalogue_is_wanted(add_evidence, compiled):
    evidence = add_evidence(mixed_log())
    EvidenceChunk.objects.filter(evidence=evidence, number=9).delete()
    assert wanted_chunks(compiled, evidence) == [3, 7, 9]


def test_all_chunks_of_a_file_of_wanted_events_are_wanted(add_evidence, compiled):
    evidence = add_evidence(build_evtx([process_event(number) for number in range(8)], per_chunk=2))
    assert wanted_chunks(compiled, evidence) == [0, 1, 2, 3]


def test_a_key_that_was_cut_or_cleaned_for_the_catalogue_is_wanted(add_evidence, compiled):
    events = [process_event(number) for number in range(4)]
    for number, channel in enumerate(("X" * 300, "Other", "N\u2400L", "Other")):
        events[number]["System"]["Channel"] = channel
    evidence = add_evidence(build_evtx(events, per_chunk=1))
    assert set(wanted_chunks(compiled, evidence)) == {0, 2}


def test_a_scan_reads_the_wanted_chunks_alone_and_counts_no_other(add_evidence, start):
    scan = start([add_evidence(mixed_log())])
    do_all_work()
    scan.refresh_from_db()
    assert [chunk for *_, chunk, _ in hits_of(scan)] == [3, 7]
    assert (scan.state, scan.events, scan.events_total) == (Scan.State.FINISHED, 4, 4)
    assert scan.bytes_read == scan.bytes_total == 2 * 65_536
    assert [(unit.first_chunk, unit.last_chunk) for unit in scan.units.all()] == [(3, 7)]


def test_a_file_of_which_nothing_is_wanted_has_no_unit_and_the_scan_ends_at_once(add_evidence, start):
    other = process_event(1)
    other["System"]["EventID"] = {"Value": 7}
    scan = start([add_evidence(build_evtx([other]))])
    do_all_work()
    scan.refresh_from_db()
    assert (scan.state, scan.units_total, scan.events) == (Scan.State.FINISHED, 0, 0)


def test_a_chunk_that_kills_its_workers_is_found_behind_chunks_that_nobody_reads(
    add_evidence, start, monkeypatch
):
    scan = start([add_evidence(mixed_log())])
    run_next_preparation(lambda: True)
    real = units._match_chunk

    def dies_at_seven(file, scan, loaded, progress):
        if progress.next_chunk == 7:
            raise KeyboardInterrupt
        real(file, scan, loaded, progress)

    monkeypatch.setattr(units, "_match_chunk", dies_at_seven)
    for _ in range(10):
        try:
            units.run_next_unit(lambda: True)
        except KeyboardInterrupt:
            ScanUnit.objects.filter(state=ScanUnit.State.RUNNING).update(lease_until="2000-01-01T00:00:00Z")
    scan.refresh_from_db()
    assert scan.state == Scan.State.FINISHED_WITH_GAPS
    assert [(gap["chunk"], gap["last_chunk"]) for gap in scan.gaps()] == [(7, 7)]
    assert [chunk for *_, chunk, _ in hits_of(scan)] == [3]


def test_little_evidence_is_cut_into_units_for_many_workers(add_evidence, start, monkeypatch):
    monkeypatch.setattr(unit_plan, "SMALLEST_UNIT", 2 * 65_536)
    scan = start([add_evidence(log_bytes(60))])
    do_all_work()
    stretches = [(unit.first_chunk, unit.last_chunk) for unit in scan.units.order_by("place")]
    assert stretches == [(first, first + 1) for first in range(0, 12, 2)]
    assert len(hits_of(scan)) == 60
