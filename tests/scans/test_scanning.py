"""A scan from its start to its end, in this process."""

from __future__ import annotations

import pytest

from scans_app.models import Event, Hit, Scan, ScanUnit
from scans_app.services.scans import cancel_scan
from scans_app.services.units import run_next_unit
from tests.evtx_writer import bad_template, build_evtx, dirty
from tests.scans.conftest import START, do_all_work, hits_of, log_bytes, process_event

pytestmark = pytest.mark.django_db


def test_a_scan_finds_every_event_that_a_rule_matches(add_evidence, start):
    tool, other = add_evidence(log_bytes(23)), add_evidence(log_bytes(7, program="other.exe"), "o.evtx")
    scan = start([tool, other])
    do_all_work()
    scan.refresh_from_db()
    assert scan.state == Scan.State.FINISHED
    assert (scan.events, scan.events_total, scan.hits) == (30, 30, 30)
    assert (scan.bytes_read, scan.units_done) == (scan.bytes_total, scan.units_total)
    expected = [("Other started", other.pk, n // 5, n % 5) for n in range(7)]
    expected += [("Tool started", tool.pk, n // 5, n % 5) for n in range(23)]
    assert hits_of(scan) == expected


def test_a_hit_carries_the_facts_of_its_event_and_rule(add_evidence, start):
    scan = start([add_evidence(log_bytes(2))])
    do_all_work()
    hit = Hit.objects.of_scan(scan).get(position=1)
    assert (hit.time, hit.level, hit.computer) == ((START + 1) * 1_000_000, 4, "WS-1.example.org")
    assert (hit.event_code, hit.details) == (1, r"Started C:\Program Files\tool.exe")
    assert hit.event.data["EventData"]["CommandLine"] == "tool.exe --number 1"
    assert (hit.event.chunk, hit.event.position, hit.event.record_id) == (0, 1, 2)


def test_two_scans_share_events_and_not_hits(add_evidence, start):
    evidence = add_evidence(log_bytes(12))
    one, two = start([evidence]), start([evidence])
    do_all_work()
    assert hits_of(one) == hits_of(two) != []
    assert (Event.objects.count(), Hit.objects.count()) == (12, 24)


def test_a_time_range_leaves_chunks_and_events_outside_alone(add_evidence, start):
    evidence = add_evidence(log_bytes(30))
    scan = start([evidence], time_from=(START + 12) * 1_000_000, time_to=(START + 17) * 1_000_000)
    do_all_work()
    scan.refresh_from_db()
    times = Hit.objects.of_scan(scan).order_by("time").values_list("time", flat=True)
    assert [time // 1_000_000 - START for time in times] == [12, 13, 14, 15, 16, 17]
    unit = ScanUnit.objects.get(scan=scan)
    assert (unit.first_chunk, unit.last_chunk) == (2, 3)
    assert scan.bytes_total == 2 * 65536


def test_evidence_without_events_for_any_rule_is_not_read(add_evidence, start):
    event = process_event(0)
    event["System"] |= {
        "Channel": "Nobody/Operational",
        "Provider": {"Name": "Nobody"},
        "EventID": {"Value": 9},
    }
    nothing, tool = add_evidence(build_evtx([event]), "nothing.evtx"), add_evidence(log_bytes(2))
    scan = start([nothing, tool])
    do_all_work()
    scan.refresh_from_db()
    assert [unit.evidence_id for unit in scan.units.all()] == [tool.pk]
    assert (scan.state, scan.hits) == (Scan.State.FINISHED, 2)


def test_the_log_counts_events_and_hits_by_rule_and_source(add_evidence, start):
    scan = start([add_evidence(log_bytes(9)), add_evidence(log_bytes(4, program="other.exe"), "o.evtx")])
    do_all_work()
    scan.refresh_from_db()
    assert sorted((rule.hits, rule.events) for rule in scan.rules.all()) == [(4, 13), (9, 13)]
    assert {(row["rules"], row["events"], row["hits"]) for row in scan.log["sources"] if row["events"]} == {
        (2, 13, 13)
    }


def test_records_that_cannot_be_read_are_a_gap_of_the_scan(add_evidence, start):
    events = [process_event(number) for number in range(10)]
    content = build_evtx(events, damage=[bad_template(chunk=0)], per_chunk=5)
    evidence = add_evidence(content)
    assert evidence.lost > 0
    scan = start([evidence])
    do_all_work()
    scan.refresh_from_db()
    assert scan.state == Scan.State.FINISHED_WITH_GAPS
    assert scan.gaps()[0]["reason"] == "1 record could not be read"
    assert scan.hits == evidence.events


def test_hits_over_the_cap_of_a_rule_are_counted_and_not_kept(add_evidence, start, monkeypatch):
    monkeypatch.setattr("scans_app.services.units.HITS_KEPT", 7)
    scan = start([add_evidence(log_bytes(20))])
    do_all_work()
    scan.refresh_from_db()
    assert (scan.hits, scan.hits_capped) == (7, 13)
    assert [(chunk, position) for _, _, chunk, position in hits_of(scan)] == [
        (0, 0), (0, 1), (0, 2), (0, 3), (0, 4), (1, 0), (1, 1)
    ]  # fmt: skip
    assert [(rule.hits, rule.hits_capped) for rule in scan.rules.filter(hits__gt=0)] == [(7, 13)]


def test_a_slice_ends_at_a_checkpoint_and_the_next_goes_on_from_it(add_evidence, start):
    scan = start([add_evidence(log_bytes(25))])
    from scans_app.services.preparation import run_next_preparation

    run_next_preparation(lambda: True)
    seen = []
    while run_next_unit(lambda: False):  # each slice ends after its first chunk
        unit = scan.units.get()
        seen.append((unit.state, unit.next_chunk, Hit.objects.of_scan(scan).count()))
    assert seen == [
        ("queued", 1, 5),
        ("queued", 2, 10),
        ("queued", 3, 15),
        ("queued", 4, 20),
        ("done", 5, 25),
    ]


def test_a_cancelled_scan_keeps_its_hits_and_stops(add_evidence, start):
    from scans_app.services.preparation import run_next_preparation

    scan = start([add_evidence(log_bytes(25))])
    run_next_preparation(lambda: True)
    run_next_unit(lambda: False)
    cancel_scan(scan)
    assert scan.state == Scan.State.CANCELLED
    do_all_work()
    scan.refresh_from_db()
    assert (scan.state, len(hits_of(scan))) == (Scan.State.CANCELLED, 5)
    assert scan.finished_at is not None


def test_cancelling_before_it_was_prepared_is_enough(add_evidence, start):
    scan = start([add_evidence(log_bytes(5))])
    cancel_scan(scan)
    do_all_work()
    scan.refresh_from_db()
    assert (scan.state, scan.units.count()) == (Scan.State.CANCELLED, 0)


def test_cancelling_a_finished_scan_changes_nothing(add_evidence, start):
    scan = start([add_evidence(log_bytes(5))])
    do_all_work()
    cancel_scan(scan)
    assert scan.state == Scan.State.FINISHED


def test_nul_and_huge_numbers_in_evidence_are_kept_as_text(add_evidence, start):
    line = (
        b'{"System":{"Provider":{"Name":"Microsoft-Windows-Sysmon"},"EventID":1,"Channel":"Microsoft-Windows-Sysmon/Operational",'
        b'"Computer":"A\\u0000B","EventRecordID":18446744073709551615},"EventData":{"Image":"C:\\\\tool.exe","N":99999999999999999999}}\n'
    )
    scan = start([add_evidence(line, "l.jsonl")])
    do_all_work()
    hit = Hit.objects.of_scan(scan).get()
    assert (hit.computer, hit.event.record_id) == ("A\u2400B", None)


def test_a_chunk_of_noise_is_a_gap_of_the_scan_and_a_problem_of_the_file(add_evidence, start):
    content = bytearray(log_bytes(15))
    content[4096 + 65536 : 4096 + 2 * 65536] = bytes(range(1, 129)) * 512
    evidence = add_evidence(bytes(content))
    assert (evidence.events, evidence.is_whole) == (10, False)
    scan = start([evidence])
    do_all_work()
    scan.refresh_from_db()
    assert scan.state == Scan.State.FINISHED_WITH_GAPS
    assert [(gap["chunk"], gap["last_chunk"]) for gap in scan.gaps()] == [(1, 1)]
    assert "No record was found in this chunk" in scan.gaps()[0]["reason"]


def test_a_log_that_was_not_closed_is_whole_and_the_mark_is_told(add_evidence, start):
    evidence = add_evidence(build_evtx([process_event(1)], damage=[dirty()]))
    assert evidence.is_whole
    assert [problem["code"] for problem in evidence.problems] == ["dirty"]
    scan = start([evidence])
    do_all_work()
    scan.refresh_from_db()
    assert scan.state == Scan.State.FINISHED
